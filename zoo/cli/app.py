"""The application, and what several commands share."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from zoo.errors import ZooError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The classic face-completion and face-editing GANs on TensorFlow 2 / Keras 3.",
)

Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=C")]
Output = Annotated[Path, typer.Option("-o", "--output")]


@contextmanager
def bar(unit: str):
    """A progress bar on a terminal; yields a function of (done, total)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task(unit, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def bars():
    """A progress bar for each part of the work; yields a function of (part, done, total).

    Where the output is no terminal, a line when a part is done instead.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), Remaining())
    live = sys.stdout.isatty()
    with Progress(*columns, disable=not live) as progress:
        tasks = {}

        def report(part, done, total):
            if part not in tasks:
                tasks[part] = progress.add_task(part, total=total)
            progress.update(tasks[part], completed=done)
            if not live and done == total:
                print(f"{part}: {total}", flush=True)

        yield report


@contextmanager
def training_progress():
    """Progress of a run: a bar for the data if it must be made, then one for the steps.

    Where the output is no terminal, a line for each row of the log instead.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    from zoo.training.runner import Progress as Reports

    columns = (
        TextColumn("{task.description:6s}"),
        BarColumn(20),
        MofNCompleteColumn(),
        Remaining(),
        TextColumn("{task.fields[note]}"),
    )
    live = sys.stdout.isatty()
    with Progress(*columns, disable=not live) as progress:
        tasks = {}

        def data(done, total):
            if "data" not in tasks:
                tasks["data"] = progress.add_task("images", total=total, note="")
            progress.update(tasks["data"], completed=done)

        def start(step, total):
            tasks["steps"] = progress.add_task("steps", total=total, completed=step, note="")

        def losses(step, values):
            networks = [name.partition("/")[0] for name in values]
            first = "generator" if "generator" in networks else networks[0]
            shown = {k: v for k, v in values.items() if k.startswith(f"{first}/")}
            note = " ".join(f"{k.partition('/')[2]} {v:.3g}" for k, v in shown.items())
            progress.update(tasks["steps"], completed=step, note=note)
            if not live:
                print(f"step {step}: {note}", flush=True)

        def warning(text):
            progress.console.print(f"warning: {text}", highlight=False, soft_wrap=True)

        yield Reports(data, start, losses, warning)


def check_directory(option: str, directory: Path) -> None:
    """Refuses a directory that cannot be made because a file is in its place."""
    for place in (directory, *directory.parents):
        if os.path.lexists(place) and not place.is_dir():
            raise ZooError(f"{option} is {directory}, but {place} is no directory")


def quiet_tensorflow() -> None:
    """Keeps TensorFlow's start-up notes off the screen; its errors stay."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
