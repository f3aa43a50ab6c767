"""`zoo train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import Overrides, app, check_directory, quiet_tensorflow, training_progress
from zoo.errors import ZooError


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="YAML file, or a name from `zoo list`")],
    run: Annotated[Path, typer.Option(help="directory of the run")],
    overrides: Overrides = None,
    resume: Annotated[str, typer.Option(help="auto: go on if there are checkpoints; no")] = "auto",
    smoke: Annotated[bool, typer.Option("--smoke", help="the smoke recipe of that model")] = False,
) -> None:
    """Trains a model; the run directory loads with zoo.load()."""
    if resume not in ("auto", "no"):
        raise ZooError(f"--resume is {resume!r}; legal are auto, no")
    check_directory("--run", run)
    from zoo.config import load_recipe

    if smoke:
        recipe = f"{load_recipe(recipe)[0].model.name}/smoke"
    loaded, _ = load_recipe(recipe, overrides or ())
    quiet_tensorflow()
    from zoo.training.runner import train as run_training

    try:
        with training_progress() as progress:
            run_training(loaded, run, resume=resume == "auto", progress=progress)
    except KeyboardInterrupt:
        print(f"stopped; a checkpoint is in {run}. The same command goes on from it.")
        raise typer.Exit(130) from None
    print(run)
