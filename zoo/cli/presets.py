"""`zoo presets`: what there is, bundles for machines without a network, the package's own store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import Output, app, quiet_tensorflow
from zoo.errors import ZooError

presets_app = typer.Typer(no_args_is_help=True, help="List, bundle and import pretrained models.")
app.add_typer(presets_app, name="presets")


@presets_app.command("list")
def list_command() -> None:
    """Lists presets: name, model, size and where each is."""
    from zoo.presets.card import listing

    rows = listing()
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print(*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3])


@presets_app.command()
def show(
    preset: Annotated[str, typer.Argument(help="preset name, preset or run directory")],
) -> None:
    """Prints the model card of a preset (Markdown)."""
    from zoo.presets.card import markdown

    print(markdown(preset), end="")


@presets_app.command()
def bundle(
    presets: Annotated[list[str], typer.Argument(help="names")],
    output: Output,
) -> None:
    """Packs presets into one tar file for a machine without a network."""
    from zoo.presets import bundles

    print(bundles.write(presets, output))


@presets_app.command("import")
def import_command(
    bundle: Annotated[Path, typer.Argument(help="file that `zoo presets bundle` wrote")],
) -> None:
    """Checks a bundle and puts its presets into ZOO_HOME."""
    from zoo.presets import bundles

    print(*bundles.read(bundle), sep="\n")


@presets_app.command()
def remove(presets: Annotated[list[str], typer.Argument(help="names")]) -> None:
    """Deletes presets that were imported or fetched from ZOO_HOME."""
    from zoo.presets import store

    for name in presets:
        store.home().remove(name)


@presets_app.command()
def add(
    run: Annotated[Path, typer.Argument(help="run directory, trained on SynthFaces")],
    name: Annotated[str, typer.Option(help="such as stgan_synthfaces_128")],
    metrics: Annotated[list[Path], typer.Option(help="what zoo eval wrote; may be repeated")],
    networks: Annotated[
        list[str] | None, typer.Option(help="to keep; by default those that inference needs")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="folder it will be fetched from, if it is over 10 MB")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="with --url: directory to upload")
    ] = None,
) -> None:
    """For maintainers, in a checkout: adds a trained run to the package."""
    quiet_tensorflow()
    from zoo.presets.adding import add as add_run

    entry = add_run(run, name, results=metrics, networks=networks or None, url=url, output=output)
    print(f"{name}: {entry.size / 1e6:.2f} MB, recipe {entry.recipe}")


@presets_app.command()
def update(
    name: Annotated[str, typer.Argument(help="of a preset of the package")],
    metrics: Annotated[list[Path], typer.Option(help="what zoo eval NAME wrote; may be repeated")],
) -> None:
    """For maintainers, in a checkout: what was measured of a preset goes into its card."""
    from zoo.presets.adding import update as update_metrics

    entry = update_metrics(name, metrics)
    print(f"{name}: {', '.join(result.protocol for result in entry.metrics)}")


@presets_app.command()
def page(output: Output) -> None:
    """Writes the table and the cards of all presets as one Markdown file (docs/presets.md).

    Pictures `<name>.jpg` in a directory `presets` beside the file are linked.
    """
    from zoo.files import atomic_path
    from zoo.presets.card import page as write

    try:
        with atomic_path(output) as temporary:
            temporary.write_text(write(output.parent / "presets"), encoding="utf-8")
    except OSError as error:
        raise ZooError(f"cannot write {output}: {error.strerror}") from error
    print(output)
