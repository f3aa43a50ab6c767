"""`zoo demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import app, bars, check_directory, quiet_tensorflow


@app.command("demo")
def demo_command(
    output: Annotated[Path, typer.Option("-o", "--output")] = Path("demo"),
    faces: Annotated[int, typer.Option(help="portraits to judge on, from 2")] = 24,
) -> None:
    """Loads the presets, completes, edits and turns faces and a photo, and shows it on a page."""
    check_directory("-o", output)
    quiet_tensorflow()
    from zoo import demo

    try:
        with bars() as report:
            lines = demo.run(output, faces, report)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on with what is in {output}.")
        raise typer.Exit(130) from None
    print(*lines, sep="\n")
