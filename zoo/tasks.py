"""The verbs of the zoo on ordinary pictures: uint8 numpy arrays of any size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import cv2
import numpy as np

from zoo import masks
from zoo.attributes import with_changes
from zoo.data import hints
from zoo.data.alignment import align
from zoo.data.detector import detect_landmarks
from zoo.errors import ZooError
from zoo.registry import check_names

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
    _check_task(model, "complete")
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

    layers = {"image": image, "hole": hole, **drawn}
    if box is None:
        return _completed(model, layers, seed, size)
    part = _Part(_checked_box(box, (height, width)))
    if part.cut(hole).sum() != hole.sum():
        raise ZooError(
            f"the hole reaches beyond the box {tuple(box)}; enlarge one or shrink the other"
        )
    return part.paste(_completed(model, part.cut_all(layers), seed, size), image)


def edit(
    model,
    image: np.ndarray,
    changes: Mapping[str, float],
    *,
    source_attributes: Mapping[str, float] | Sequence[float] | None = None,
    classifier=None,
    box: tuple[int, int, int, int] | None = None,
) -> np.ndarray:
    """Changes attributes of a face.

    Args:
        model: a GANModel whose task is "edit".
        image: (H, W, 3) uint8 RGB, a face framed as in the model's training images.
        changes: attribute name -> what it shall be: 1 present, 0 absent; values between and beyond
            are weaker and stronger edits. Attributes that exclude each other are cleared; see
            `zoo.attributes.with_changes`.
        source_attributes: what the face is: name -> 0 or 1 (0 for those not named), or one value
            for each of `model.attribute_names`. None asks the classifier.
        classifier: a GANModel whose task is "classify"; read only if `source_attributes` is None.
        box: (left, top, width, height) in pixels, the part of the picture that holds the face;
            the rest comes back as it was. None = all of it.

    Returns:
        (H, W, 3) uint8 RGB. The model works at the size it was made for; a larger picture comes
        back enlarged from there.

    Raises:
        ZooError: wrong task, shape, dtype or box; an unknown attribute; no source attributes.
    """
    _check_task(model, "edit")
    image = _picture("image", image)
    if box is not None:
        part = _Part(_checked_box(box, image.shape[:2]))
        options = {"source_attributes": source_attributes, "classifier": classifier}
        return part.paste(edit(model, part.cut(image), changes, **options), image)
    names = model.attribute_names
    if source_attributes is None:
        if classifier is None:
            raise ZooError(
                f"{model.zoo_name} must know what the face is: give source_attributes "
                f"(name -> 0 or 1, of {', '.join(names)}) or a classifier"
            )
        guessed = classify(classifier, image)
        check_names("attribute of the classifier", names, guessed)
        source_attributes = [float(guessed[name] > 0.5) for name in names]
    source = _attribute_vector(source_attributes, names)
    target = with_changes(source, names, changes)
    shape = _working_shape(model, image.shape[:2], None)
    values = {
        "image": _framed(_resize(image, shape), _padding(model, shape)) / 127.5 - 1.0,
        "attributes": source,
        "target_attributes": target,
    }
    result = _run(model, values)[: shape[0], : shape[1]]
    return _resize(to_pixels(result), image.shape[:2])


def frontalize(model, image: np.ndarray, landmarks=None) -> np.ndarray:
    """Turns a face to the camera.

    Args:
        model: a GANModel whose task is "frontalize".
        image: (H, W, 3) uint8 RGB, a photo of any size.
        landmarks: five points x, y in pixels of the photo: left eye, right eye, nose, left and
            right mouth corner, left and right as seen in the image. None looks for the largest
            face (extra `detect`).

    Returns:
        (S, S, 3) uint8 RGB: the frontal face, cropped as `zoo.data.alignment.align` does, of the
        size that the model was made for.

    Raises:
        ZooError: wrong task, shape or dtype; bad landmarks; no face found.
    """
    _check_task(model, "frontalize")
    image = _picture("image", image)
    if landmarks is None:
        landmarks = detect_landmarks(image)
    try:
        points = np.asarray(landmarks, np.float32)
    except (TypeError, ValueError):
        raise ZooError("landmarks must be five points [[x, y], ...]") from None
    face = align(points, model.default_size)
    height, width = image.shape[:2]
    if not ((points >= 0) & (points <= (width, height))).all(axis=1).any():
        raise ZooError(
            f"landmarks {points.tolist()} lie outside the photo of {width} x {height} pixels"
        )
    values = {"image": face.crop(image) / 127.5 - 1.0, "landmarks": face.points(points)}
    return to_pixels(_run(model, values))


def classify(model, image: np.ndarray) -> dict[str, float]:
    """Attribute name -> probability that it is present.

    Args:
        model: a GANModel whose task is "classify".
        image: (H, W, 3) uint8 RGB, a face framed as in the model's training images.

    Raises:
        ZooError: wrong task, shape or dtype.
    """
    _check_task(model, "classify")
    image = _picture("image", image)
    shape = _working_shape(model, image.shape[:2], None)
    logits = _run(
        model, {"image": _framed(_resize(image, shape), _padding(model, shape)) / 127.5 - 1}
    )
    probabilities = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return dict(zip(model.attribute_names, probabilities.tolist(), strict=True))


def _check_task(model, task: str) -> None:
    if not hasattr(model, "zoo_name"):
        raise ZooError(f"{model!r} is no model; legal is one that serves {task!r}: see zoo.load")
    if model.task != task:
        raise ZooError(f"{model.zoo_name} serves the task {model.task!r}, not {task!r}")


def _run(model, values: dict[str, np.ndarray]) -> np.ndarray:
    """What the model answers to a batch of one."""
    batch = {key: np.asarray(values[key], np.float32)[None] for key in model.input_keys}
    return np.asarray(model(batch, training=False))[0]


def _attribute_vector(values, names: Sequence[str]) -> np.ndarray:
    if isinstance(values, Mapping):
        check_names("source attribute", values, names)
    given = [values.get(n, 0.0) for n in names] if isinstance(values, Mapping) else values
    try:
        vector = np.asarray(given, np.float32)
    except (TypeError, ValueError):  # names, nothing, lists of different lengths
        vector = np.zeros(())
    if vector.shape != (len(names),) or not np.isin(vector, (0.0, 1.0)).all():
        raise ZooError(
            f"source_attributes are {values!r}; legal are 0 or 1 for each of {', '.join(names)}"
        )
    return vector


def _completed(model, layers: dict[str, np.ndarray], seed: int, size) -> np.ndarray:
    """The picture of `layers` (image, hole, sketch, color) with its hole filled."""
    if model.centered_hole is not None:
        window = _Part(_window_around(layers["hole"], model))
        seen = window.cut_all(layers)
        return window.paste(_filled(model, seen, seed, size), layers["image"])
    return _filled(model, layers, seed, size)


def _filled(model, layers: dict[str, np.ndarray], seed: int, size) -> np.ndarray:
    image, hole = layers["image"], layers["hole"]
    shape = _working_shape(model, image.shape[:2], size)
    values = _completion_values(model, layers, shape, np.random.default_rng(seed))
    result = _run(model, values)[: shape[0], : shape[1]]
    result = _resize(to_pixels(result), image.shape[:2])
    return np.where(hole[..., None], result, image)


def _completion_values(model, layers, shape, rng) -> dict[str, np.ndarray]:
    """The model's inputs, scaled to `shape` and padded to what the model takes."""
    hole = layers["hole"]
    erased = np.where(hole[..., None], np.uint8(127), layers["image"])
    pad = _padding(model, shape)
    padded = tuple(side + more for side, (_, more) in zip(shape, pad, strict=True))
    # a working pixel that the hole touches belongs to it: nothing of it leaks out
    mask = np.pad(_resize(hole.astype(np.float32), shape) > 0, pad, mode="symmetric")
    sketch = np.pad(_resize(layers["sketch"].astype(np.float32), shape) > 0.2, pad)
    color = np.pad(_resize(layers["color"], shape, cv2.INTER_NEAREST), [*pad, (0, 0)])
    values = {
        "mask": mask[..., None],
        "image": _framed(_resize(erased, shape), pad) / 127.5 - 1.0,
        "sketch": sketch[..., None],
        "color": color / 127.5 - 1.0,
    }
    if "noise" in model.input_keys:
        values["noise"] = hints.noise(padded, rng, model.noise, model.channels["noise"])
    return values


def _padding(model, shape: tuple[int, int]) -> list[tuple[int, int]]:
    """What must be added below and at the right of a picture of this shape."""
    if model.fixed_size:
        return [(0, model.default_size - side) for side in shape]
    return [(0, -side % model.pad_multiple) for side in shape]


def _framed(picture: np.ndarray, pad: list[tuple[int, int]]) -> np.ndarray:
    return np.pad(picture, [*pad, (0, 0)], mode="symmetric")


class _Part:
    """A box of a picture; where it reaches beyond the picture, there is the reflection of it."""

    def __init__(self, box: tuple[int, int, int, int]):
        self.left, self.top, self.width, self.height = map(int, box)

    def _overhang(self, shape) -> tuple[tuple[int, int], tuple[int, int]]:
        below, right = self.top + self.height - shape[0], self.left + self.width - shape[1]
        return (max(0, -self.top), max(0, below)), (max(0, -self.left), max(0, right))

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """The part of a picture."""
        rows, columns = self._overhang(picture.shape)
        padded = np.pad(picture, (rows, columns, (0, 0))[: picture.ndim], mode="symmetric")
        top, left = self.top + rows[0], self.left + columns[0]
        return padded[top : top + self.height, left : left + self.width]

    def cut_all(self, pictures: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The part of each picture."""
        return {name: self.cut(picture) for name, picture in pictures.items()}

    def paste(self, part: np.ndarray, picture: np.ndarray) -> np.ndarray:
        """A copy of the picture with the part in its place."""
        (above, below), (before, after) = self._overhang(picture.shape)
        result = picture.copy()
        inner = part[above : self.height - below, before : self.width - after]
        top, left = self.top + above, self.left + before
        result[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
        return result


def _window_around(hole: np.ndarray, model) -> tuple[int, int, int, int]:
    """The square box that has the hole in its middle and no larger than the model can fill."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    ends = [(int(r[0]), int(r[-1]) + 1) for r in (columns, rows)]
    longer = max(end - start for start, end in ends)
    least = model.default_size * longer / (model.centered_hole * model.default_size - 2)
    side = max(math.ceil(least), min(model.default_size, max(hole.shape)))
    left, top = (round((start + end - side) / 2) for start, end in ends)
    return left, top, side, side


def _checked_box(box, shape: tuple[int, int]):
    height, width = shape
    if np.shape(box) != (4,) or not all(isinstance(side, int | np.integer) for side in box):
        raise ZooError(f"box is {box!r}; legal is (left, top, width, height), whole pixels")
    left, top, box_width, box_height = box
    inside = 0 <= left < left + box_width <= width and 0 <= top < top + box_height <= height
    if not inside:
        raise ZooError(f"box {tuple(box)} does not lie in the picture of {width} x {height} pixels")
    return box


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
    if model.fixed_size and size != model.default_size:
        raise ZooError(f"size is {size}; {model.zoo_name} works at {model.default_size} only")
    return tuple(max(1, round(side * size / longer)) for side in shape)


def _resize(picture: np.ndarray, shape: tuple[int, int], interpolation: int | None = None):
    if picture.shape[:2] == shape:
        return picture
    if interpolation is None:
        smaller = shape < picture.shape[:2]
        interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(picture, shape[::-1], interpolation=interpolation)


def to_pixels(image: np.ndarray) -> np.ndarray:
    """Pictures in [-1, 1] as uint8, rounded as every verb rounds them."""
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
