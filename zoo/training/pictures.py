"""Picture grids of a fixed validation batch, by what a model does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo import plots
from zoo.data.batches import Batches


def drawer(model, batches: Batches) -> Callable[[keras.Model, Path], None] | None:
    """A function (model, path) that draws the first batch; None where there is nothing to see."""
    columns = _COLUMNS.get(model.task)
    if columns is None:
        return None
    batch = batches(0)

    def draw(model: keras.Model, path: Path) -> None:
        shown = columns(model, batch)
        rows = [list(row) for row in zip(*shown.values(), strict=True)]
        plots.image_grid(rows, list(shown), path=path)

    return draw


def _run(model, batch: dict, **changes) -> np.ndarray:
    tensors = {key: tf.constant({**batch, **changes}[key]) for key in model.input_keys}
    return np.asarray(model(tensors, training=False))


def _pixels(images) -> np.ndarray:
    return np.clip((np.asarray(images) + 1.0) * 127.5 + 0.5, 0, 255).astype(np.uint8)


def _completion(model, batch: dict) -> dict[str, np.ndarray]:
    mask = batch["mask"]
    shown = {"input": _pixels(batch["image"] * (1 - mask) + mask)}
    if "sketch" in batch:
        shown["sketch"] = 1.0 - batch["sketch"] * mask
    if "color" in batch:
        shown["colour"] = _pixels((batch["color"] + 1.0) * mask - 1.0)
    return {**shown, "result": _pixels(_run(model, batch)), "truth": _pixels(batch["image"])}


def _editing(model, batch: dict) -> dict[str, np.ndarray]:
    source = batch["attributes"]
    shown = {
        "input": _pixels(batch["image"]),
        "reconstruction": _pixels(_run(model, batch, target_attributes=source)),
    }
    for column, name in enumerate(model.attribute_names):
        target = source.copy()
        target[:, column] = 1 - target[:, column]
        shown[name] = _pixels(_run(model, batch, target_attributes=target))
    return shown


def _frontalization(model, batch: dict) -> dict[str, np.ndarray]:
    return {
        "input": _pixels(batch["image"]),
        "result": _pixels(_run(model, batch)),
        "truth": _pixels(batch["frontal"]),
    }


def _parsing(model, batch: dict) -> dict[str, np.ndarray]:
    found = _run(model, batch).argmax(axis=-1)
    return {
        "input": _pixels(batch["image"]),
        "result": CLASS_COLORS[found],
        "truth": CLASS_COLORS[batch["parsing"]],
    }


# of the demo of GFC's released code, then those of SynthFaces alone: glasses, neck, clothes
CLASS_COLORS = np.array(
    [
        *((0, 0, 255), (255, 255, 0), (160, 32, 240), (218, 112, 214), (210, 105, 30)),
        *((94, 38, 18), (0, 255, 0), (156, 102, 31), (0, 0, 0), (255, 127, 80), (255, 0, 0)),
        *((255, 255, 255), (128, 128, 0), (0, 128, 128)),
    ],
    np.uint8,
)
_COLUMNS = {
    "complete": _completion,
    "edit": _editing,
    "frontalize": _frontalization,
    "parse": _parsing,
}
