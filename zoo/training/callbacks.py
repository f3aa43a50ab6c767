"""What a run shows and keeps while it trains."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import keras

from zoo import plots
from zoo.errors import ZooError
from zoo.files import atomic_path
from zoo.training import checkpoint


class Logger(keras.callbacks.Callback):
    """Every `every` steps: mean losses into `log.csv`, curves into `curves.png`, NaN stops the run.

    Args:
        directory: of the run. Rows of steps after the model's present step are dropped, so a
            resumed run has no step twice.
        every: steps per row.
        report: called with (step, losses) after each row.
    """

    def __init__(self, directory: Path, every: int, report: Callable[[int, dict], None]):
        super().__init__()
        self.path = directory / "log.csv"
        self.curves = directory / "curves.png"
        self.every = every
        self.report = report
        self.rows: list[dict] = []

    def on_train_begin(self, logs=None):
        start = int(self.model.step.numpy())
        if self.path.is_file():
            with self.path.open(newline="", encoding="utf-8") as file:
                read = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
            self.rows = [row for row in read if row["step"] <= start]

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.step.numpy())
        if step % self.every:
            return
        losses = {name: float(value) for name, value in logs.items()}
        for name, value in losses.items():
            if not math.isfinite(value):
                raise ZooError(f"step {step}: the loss {name} is {value}; training stops")
        for tracker in self.model.metrics:
            tracker.reset_state()
        self.rows.append({"step": step, **losses})
        self.write_table()
        self.report(step, losses)

    def on_train_end(self, logs=None):
        self.draw_curves()

    def write_table(self) -> None:
        """Writes `log.csv`."""
        with atomic_path(self.path) as temporary:
            with temporary.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(self.rows[-1]))
                writer.writeheader()
                writer.writerows(self.rows)

    def draw_curves(self) -> None:
        """Writes `curves.png`."""
        if not self.rows:
            return
        names = [name for name in self.rows[-1] if name != "step"]
        history = {n: [(int(row["step"]), row[n]) for row in self.rows] for n in names}
        plots.curves(history, self.curves)


class Keeper(keras.callbacks.Callback):
    """Writes a checkpoint every `every` steps, and with it a loadable preset and the curves."""

    def __init__(self, directory: Path, every: int, logger: Logger, card: dict):
        super().__init__()
        self.directory = directory
        self.every = every
        self.logger = logger
        self.card = card

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step.numpy()) % self.every == 0:
            self.keep()

    def keep(self) -> None:
        """Writes checkpoint, preset and curves now."""
        checkpoint.save(self.model, self.directory / "checkpoints")
        with self.model.averaged_weights():
            step = int(self.model.step.numpy())
            self.model.save_preset(self.directory / "preset", **self.card, step=step)
        self.logger.draw_curves()


class Sampler(keras.callbacks.Callback):
    """Draws a picture grid of a fixed batch every `every` steps."""

    def __init__(self, directory: Path, every: int, draw: Callable[[keras.Model, Path], None]):
        super().__init__()
        self.directory = directory
        self.every = every
        self.draw = draw

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.step.numpy())
        if step % self.every == 0:
            with self.model.averaged_weights():
                self.draw(self.model, self.directory / f"step-{step:08d}.png")
