"""What a run watches, shows and keeps while it trains."""

from __future__ import annotations

import csv
import math
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo import plots
from zoo.errors import ZooError
from zoo.files import atomic_path
from zoo.training import checkpoint

Sink = Callable[[int, dict[str, float]], None]


class Rows(keras.callbacks.Callback):
    """Every `every` steps and after the last: mean losses and gradient norms to each sink.

    A value that is not finite stops the run in its very step, and the message names the first one
    in the order of computation: the one that did it. Means begin anew with each row, and with each
    start of a run.

    Args:
        every: steps per row.
        last: step that ends the run.
        sinks: functions of (step, values).

    Raises:
        ZooError: a value is not finite.
    """

    def __init__(self, every: int, last: int, sinks: Sequence[Sink]):
        super().__init__()
        self.every = every
        self.last = last
        self.sinks = sinks

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.step.numpy())
        for name in self.model.logged:
            if not math.isfinite(value := _scalar(logs[name])):
                raise ZooError(
                    f"step {step}: {name} is {value}; training stops. "
                    "The checkpoints hold the last good state."
                )
        if step % self.every and step != self.last:
            return
        values = {name: _scalar(value) for name, value in logs.items()}
        for tracker in self.model.metrics:
            tracker.reset_state()
        for sink in self.sinks:
            sink(step, values)


def _scalar(value) -> float:
    """Of a log, which has a rank of 1 where several workers train."""
    return float(np.reshape(value, ()))


class Table:
    """`log.csv` and `curves.png` of a run.

    Args:
        directory: of the run.
        start: step at which training begins; later rows of an earlier start are dropped, so that a
            resumed run has no step twice.
    """

    def __init__(self, directory: Path, start: int):
        self.path = directory / "log.csv"
        self.curves = directory / "curves.png"
        self.rows: list[dict] = []
        if self.path.is_file():
            with self.path.open(newline="", encoding="utf-8") as file:
                read = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
            self.rows = [{**row, "step": int(row["step"])} for row in read if row["step"] <= start]

    def __call__(self, step: int, values: dict[str, float]) -> None:
        """Adds a row and writes the table."""
        self.rows.append({"step": step, **values})
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
        history = {n: [(int(r["step"]), r[n]) for r in self.rows if n in r] for n in names}
        plots.curves(history, self.curves)


class TensorBoard:
    """The same values as events for TensorBoard, which need not be installed to write them."""

    def __init__(self, directory: Path):
        self.writer = tf.summary.create_file_writer(str(directory))
        self.metadata = tf.compat.v1.SummaryMetadata(
            plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
        )

    def __call__(self, step: int, values: dict[str, float]) -> None:
        with self.writer.as_default():
            for name, value in values.items():
                tf.summary.write(name, tf.constant(value), step, metadata=self.metadata)
        self.writer.flush()


class Watch:
    """Reports a discriminator that has collapsed and gradients that explode; training goes on.

    Collapsed: for `PATIENCE` rows the adversarial loss stays the same within `STILL`. Then the
    discriminator says the same of every image, or is certain of every one; either way the generator
    learns nothing from it. Exploding: the norm of a gradient, a mean over the row, is more than
    `EXPLOSION` times the median of the `PATIENCE` rows before.

    Args:
        report: called with a text, once when something begins.
    """

    PATIENCE, STILL, EXPLOSION = 10, 1e-3, 100.0

    def __init__(self, report: Callable[[str], None]):
        self.report = report
        self.history: dict[str, list[float]] = {}
        self.under_way: set[str] = set()

    def __call__(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            group, _, loss = name.partition("/")
            rows = self.history.setdefault(name, [])
            if loss == "adversarial" and group != "generator":
                trained = values.get(f"{group}/gradient_norm", 0.0) > 0  # its stage has begun
                recent = [*rows[1 - self.PATIENCE :], value]
                still = max(recent) - min(recent) <= self.STILL * (1.0 + abs(value))
                collapsed = trained and still and len(recent) == self.PATIENCE
                self._tell(
                    name,
                    collapsed,
                    f"step {step}: {group} has collapsed: for {self.PATIENCE} rows "
                    f"{name} is {value:.4g}",
                )
            elif loss == "gradient_norm":
                usual = sorted(rows)[len(rows) // 2] if len(rows) == self.PATIENCE else math.inf
                self._tell(
                    name,
                    value > self.EXPLOSION * max(usual, 1e-12),
                    f"step {step}: gradients of {group} explode: their norm is {value:.4g}, "
                    f"before {usual:.4g}; largest loss: {_largest(group, values)}",
                )
            self.history[name] = [*rows, value][-self.PATIENCE :]

    def _tell(self, name: str, now: bool, text: str) -> None:
        if now and name not in self.under_way:
            self.report(text)
        (self.under_way.add if now else self.under_way.discard)(name)


def _largest(group: str, values: dict[str, float]) -> str:
    losses = {k: v for k, v in values.items() if k.startswith(f"{group}/") and "_norm" not in k}
    name = max(losses, key=lambda k: abs(losses[k]))
    return f"{name} {losses[name]:.4g}"


class Keeper(keras.callbacks.Callback):
    """Writes a checkpoint every `every` steps, and with it a loadable preset and the curves."""

    def __init__(self, directory: Path, every: int, table: Table, card: dict):
        super().__init__()
        self.directory = directory
        self.every = every
        self.table = table
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
        self.table.draw_curves()


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


class Stopper(keras.callbacks.Callback):
    """Turns Ctrl-C and SIGTERM into a stop between two steps, where the state is whole.

    Use it as a context around `fit`, and as the last callback in it. A second Ctrl-C stops at once.

    Raises:
        KeyboardInterrupt: after the step in which the signal came.
    """

    def __init__(self):
        super().__init__()
        self.asked = False

    def __enter__(self):
        def ask(number, frame):
            self.asked = True
            self._restore()

        self.old = {n: signal.signal(n, ask) for n in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *error):
        self._restore()

    def _restore(self):
        for number, handler in self.old.items():
            signal.signal(number, handler)

    def on_train_batch_end(self, batch, logs=None):
        if self.asked:
            raise KeyboardInterrupt
