"""The verbs of the zoo on ordinary pictures: uint8 numpy arrays of any size."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from zoo import masks
from zoo.data import hints
from zoo.errors import ZooError

MAX_SIDE = 4096
"""Longest side that a model is run on, pixels (ours)."""


def complete(
    model,
    image: np.ndarray,
    mask: np.ndarray,
    *,
    sketch: np.ndarray | None = None,
    color: np.ndarray | None = None,
    seed: int = 0,
    size: int | Literal["native"] | None = None,
    box: tuple[int, int, int, int] | None = None,
) -> np.ndarray:
    """Fills the hole of a picture.

    The picture is scaled so that the model sees it at the size it was made for, padded by
    reflection to the model's multiple, completed, scaled back and pasted. What lies in the hole
    never reaches the model, and pixels outside it come back as they were, bit for bit.

    Args:
        model: a GANModel whose task is "complete".
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) or (H, W, 1), 1 (or 255, or True) = hole.
        sketch: (H, W) or (H, W, 1), 1 (or 255, or True) = line; counts inside the hole only.
        color: (H, W, 3) uint8 RGB, black = no colour; counts inside the hole only.
        seed: of the model's noise.
        size: longer side of what the model sees, pixels; None = the size it was made for,
            "native" = no scaling.
        box: (left, top, width, height) in pixels, the part of the picture that the model sees: a
            face framed as in its training images. None = all of it.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ZooError: wrong task, shape, dtype, size, seed or box; a mask without hole.
    """
    if model.task != "complete":
        raise ZooError(f"{model.zoo_name} serves the task {model.task!r}, not 'complete'")
    image = _picture("image", image)
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ZooError(f"seed is {seed!r}; legal are whole numbers from 0")
    height, width = image.shape[:2]
    hole = masks.validate(mask, (height, width))[..., 0] > 0  # (H, W)
    drawn = {"sketch": np.zeros((height, width), bool), "color": np.zeros_like(image)}
    for name, value in (("sketch", sketch), ("color", color)):
        if value is None:
            continue
        if name not in model.input_keys:
            raise ZooError(f"{model.zoo_name} takes no {name}; it reads {model.input_keys}")
        drawn[name] = _hint(name, value, (height, width))

    if box is not None:
        rows, columns = _box_slices(box, hole)
        options = {key: value[rows, columns] for key, value in drawn.items()}
        options = {key: value for key, value in options.items() if key in model.input_keys}
        result = image.copy()
        result[rows, columns] = complete(
            model, image[rows, columns], hole[rows, columns], seed=seed, size=size, **options
        )
        return result

    shape = _working_shape(model, (height, width), size)
    batch = _batch(model, image, hole, drawn, shape, np.random.default_rng(seed))
    result = np.asarray(model(batch, training=False))[0, : shape[0], : shape[1]]
    result = _resize(_pixels(result), (height, width))
    return np.where(hole[..., None], result, image)


def _batch(model, image, hole, drawn, shape, rng) -> dict[str, np.ndarray]:
    """The model's batch of one, scaled to `shape` and padded to the model's multiple."""
    erased = np.where(hole[..., None], np.uint8(127), image)
    multiple = model.pad_multiple
    pad = [(0, -side % multiple) for side in shape]
    padded = tuple(side + more for side, (_, more) in zip(shape, pad, strict=True))
    values = {
        # a working pixel that the hole touches belongs to it: nothing of it leaks out
        "mask": np.pad(_resize(hole.astype(np.float32), shape) > 0, pad, mode="symmetric"),
        "image": np.pad(_resize(erased, shape), [*pad, (0, 0)], mode="symmetric") / 127.5 - 1.0,
        "sketch": np.pad(_resize(drawn["sketch"].astype(np.float32), shape) > 0.2, pad),
        "color": np.pad(_resize(drawn["color"], shape, cv2.INTER_NEAREST), [*pad, (0, 0)]) / 127.5
        - 1.0,
        "noise": hints.noise(padded, rng)[..., 0],
    }
    return {
        key: values[key].astype(np.float32).reshape(1, *padded, model.channels[key])
        for key in model.input_keys
    }


def _box_slices(box, hole: np.ndarray) -> tuple[slice, slice]:
    height, width = hole.shape
    if np.shape(box) != (4,) or not all(isinstance(side, int | np.integer) for side in box):
        raise ZooError(f"box is {box!r}; legal is (left, top, width, height), whole pixels")
    left, top, box_width, box_height = box
    inside = 0 <= left < left + box_width <= width and 0 <= top < top + box_height <= height
    if not inside:
        raise ZooError(f"box {tuple(box)} does not lie in the picture of {width} x {height} pixels")
    rows, columns = slice(top, top + box_height), slice(left, left + box_width)
    if hole[rows, columns].sum() != hole.sum():
        raise ZooError(
            f"the hole reaches beyond the box {tuple(box)}; enlarge one or shrink the other"
        )
    return rows, columns


def _working_shape(model, shape: tuple[int, int], size) -> tuple[int, int]:
    longer = max(shape)
    if size == "native":
        size = longer
    elif size is None:
        size = model.default_size
    if (
        isinstance(size, bool)
        or not isinstance(size, int | np.integer)
        or not 1 <= size <= MAX_SIDE
    ):
        raise ZooError(f"size is {size!r}; legal are 1 to {MAX_SIDE} pixels or 'native'")
    return tuple(max(1, round(side * size / longer)) for side in shape)


def _resize(picture: np.ndarray, shape: tuple[int, int], interpolation: int | None = None):
    if picture.shape[:2] == shape:
        return picture
    if interpolation is None:
        smaller = shape < picture.shape[:2]
        interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(picture, shape[::-1], interpolation=interpolation)


def _pixels(image: np.ndarray) -> np.ndarray:
    return np.clip((image + 1.0) * 127.5 + 0.5, 0, 255).astype(np.uint8)


def _picture(name: str, value: np.ndarray) -> np.ndarray:
    value = np.asarray(value)
    if value.dtype != np.uint8 or value.ndim != 3 or value.shape[2] != 3 or 0 in value.shape:
        raise ZooError(
            f"{name} must be (H, W, 3) uint8 RGB; received {value.dtype} {tuple(value.shape)}"
        )
    return value


def _hint(name: str, value: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    value = np.asarray(value)
    if name == "color":
        _picture(name, value)
    elif value.ndim == 3 and value.shape[2] == 1:
        value = value[..., 0]
    if value.shape[:2] != shape or (name == "sketch" and value.ndim != 2):
        raise ZooError(f"{name} is {tuple(value.shape)}, but the image is {shape[0]} x {shape[1]}")
    if name == "color":
        return value
    levels = set(np.unique(value).tolist())
    if not (levels <= {0, 1} or levels <= {0, 255}):
        raise ZooError(f"sketch must hold only 0 and 1 (or 255); received {sorted(levels)[:4]} ...")
    return value > 0
