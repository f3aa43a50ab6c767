"""SynthFaces as inputs of one model: real pictures to calibrate quantisation and to verify with."""

from __future__ import annotations

import importlib.util

import cv2
import numpy as np

from zoo.config import AugmentationSection, HintSection, MaskSection
from zoo.data import hints
from zoo.data.batches import Batches
from zoo.data.synthfaces import ATTRIBUTE_NAMES, SynthFaces
from zoo.gan import GANModel

_SMALLEST, _LARGEST = 32, 512  # sides that SynthFaces renders, pixels


def face_batches(
    model: GANModel, count: int, size: int | None = None, seed: int = 0
) -> list[dict[str, np.ndarray]]:
    """Renders faces, each of another person, and draws into them what the model reads.

    Holes are central or rectangles, sketch, colour and noise as in training. The target attributes
    are those of another of the faces.

    Args:
        model: a zoo model.
        count: how many faces.
        size: side of the images, pixels; None for the model's default.
        seed: of the faces and of what is drawn.

    Returns:
        One batch of size 1 for each face: batch key -> float32 array.

    Raises:
        ZooError: the extra `synthfaces` is not installed.
    """
    if not count:
        return []
    size = size or model.default_size
    poses = "multipie" if "landmarks" in model.input_keys else "portrait"
    renderer = SynthFaces(min(max(size, _SMALLEST), _LARGEST), seed, 1, poses)
    batches = Batches(
        [_example(renderer.render(index), size) for index in range(count)],
        np.arange(count),
        count,
        seed,
        {key: model.key_shape(key, size)[1:] for key in model.input_keys},
        mask_settings=_holes(model),
        hint_settings=HintSection(noise=model.noise),
        augmentation=AugmentationSection(flip=0),
        attribute_columns=_columns(model),
    )
    batch = {key: value.astype(np.float32) for key, value in batches(0).items()}
    return [{key: value[i : i + 1] for key, value in batch.items()} for i in range(count)]


def can_render() -> bool:
    """Whether the extra `synthfaces` is installed."""
    return all(importlib.util.find_spec(package) for package in ("numba", "scipy"))


def _example(face: dict[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
    """The face at another size, with the hints that SC-FEGAN's user would draw."""
    scale = size / len(face["image"])
    if scale != 1:
        face = {
            **face,
            "image": cv2.resize(face["image"], (size, size), interpolation=cv2.INTER_AREA),
            "parsing": cv2.resize(face["parsing"], (size, size), interpolation=cv2.INTER_NEAREST),
            "landmarks": face["landmarks"] * scale,
        }
    sketch = hints.sketch(face["image"], "canny")
    return {**face, "sketch": sketch, "color": hints.color_map(face["image"], face["parsing"])}


def _holes(model: GANModel) -> MaskSection:
    if model.centered_hole:
        return MaskSection(kind="center", side=model.centered_hole)
    return MaskSection(kind="rectangle")


def _columns(model: GANModel) -> list[int] | None:
    """Columns of the faces' attributes for the model's; those that faces lack take the first."""
    names = getattr(model, "attribute_names", None)
    if names is None:
        return None
    return [ATTRIBUTE_NAMES.index(name) if name in ATTRIBUTE_NAMES else 0 for name in names]
