"""`zoo eval` and `zoo compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import Output, Overrides, app, bar, quiet_tensorflow
from zoo.errors import ZooError


@app.command("eval")
def eval_command(
    preset: Annotated[str, typer.Argument(help="preset name, preset or run directory")],
    protocol: Annotated[str, typer.Option(help="a name from `zoo list`, or a YAML file")],
    output: Output,
    overrides: Overrides = None,
) -> None:
    """Judges a preset by a pinned protocol beside its baselines: JSON, report and pictures."""
    from zoo.evaluation.protocol import load_protocol
    from zoo.evaluation.report import check_place

    check_place(output)
    load_protocol(protocol, overrides or ())
    quiet_tensorflow()
    from zoo.evaluation.evaluate import evaluate

    with bar("faces") as advance:
        evaluate(preset, protocol, output, overrides=overrides or (), progress=advance)
    print((output / "report.md").read_text(encoding="utf-8").split("\n## ")[0])
    print(output)


@app.command()
def compare(
    results: Annotated[list[Path], typer.Argument(help="directories of `zoo eval`")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="a .md file")] = None,
) -> None:
    """Makes one table of results of the same protocol; refuses others and says how they differ."""
    from zoo.evaluation import report
    from zoo.files import atomic_path

    table = report.compare(results)
    if output is None:
        print(table)
        return
    if output.suffix != ".md" or output.is_dir():
        raise ZooError(f"-o is {output}; legal is a .md file")
    try:
        with atomic_path(output) as temporary:
            temporary.write_text(table, encoding="utf-8")
    except OSError as error:
        raise ZooError(f"cannot write {output}: {error.strerror}") from error
    print(output)
