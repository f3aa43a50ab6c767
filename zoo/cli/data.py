"""`zoo data`: makes and looks at data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import Output, app, bar, check_directory

data_app = typer.Typer(no_args_is_help=True, help="Make and look at data sets.")
app.add_typer(data_app, name="data")


@data_app.command()
def synthfaces(
    output: Output,
    count: Annotated[int, typer.Option(help="images")] = 960,
    size: Annotated[int, typer.Option(help="side, pixels")] = 128,
    seed: Annotated[int, typer.Option()] = 0,
    views: Annotated[int, typer.Option(help="images per identity")] = 4,
    format: Annotated[str, typer.Option(help="images or tfrecord")] = "images",
    sketch: Annotated[str, typer.Option(help="canny, hed or none")] = "canny",
    poses: Annotated[
        str, typer.Option(help="portrait, or multipie with frontal partners")
    ] = "portrait",
    workers: Annotated[int | None, typer.Option(help="processes; default: cores")] = None,
) -> None:
    """Makes a SynthFaces directory: the same bytes for the same options."""
    from zoo.data.synthfaces import generate

    check_directory("-o", output)
    with bar("images") as advance:
        generate(
            output,
            count,
            size=size,
            seed=seed,
            views_per_identity=views,
            format=format,
            sketch=sketch,
            poses=poses,
            workers=workers,
            progress=advance,
        )
    print(output)


@data_app.command()
def preview(
    directory: Annotated[Path, typer.Argument(help="SynthFaces")],
    output: Output,
    count: Annotated[int, typer.Option(help="examples")] = 8,
) -> None:
    """Draws a contact sheet of a SynthFaces directory: pictures, hints, maps, landmarks."""
    from zoo.data.images import check_suffix
    from zoo.data.synthfaces import preview as draw

    check_suffix(output)
    draw(directory, output, count)
    print(output)
