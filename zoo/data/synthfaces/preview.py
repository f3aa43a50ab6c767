"""A contact sheet of a SynthFaces directory: pictures beside their labels."""

from __future__ import annotations

import os

import cv2
import numpy as np

from zoo.data.synthfaces.dataset import open_dataset
from zoo.data.synthfaces.names import with_glasses
from zoo.errors import ZooError
from zoo.plots import image_grid

_TITLES = {
    "image": "image",
    "overlay": "parsing, landmarks",
    "frontal": "frontal partner",
    "sketch": "sketch",
    "color": "colour map",
}
_HIDDEN, _SHOWN, _FIVE = (255, 80, 60), (60, 255, 90), (60, 160, 255)

# sRGB of each parsing class, in the order of PARSING_NAMES.
_CLASS_COLORS = np.array(
    [
        *((0, 0, 0), (228, 186, 158), (120, 60, 20), (160, 90, 30), (60, 120, 255), (30, 70, 200)),
        *((255, 150, 60), (230, 40, 80), (120, 0, 40), (250, 90, 140), (80, 60, 160)),
        *((255, 255, 0), (170, 220, 130), (0, 150, 130)),
    ],
    np.float32,
)


def preview(directory: str | os.PathLike, path: str | os.PathLike, count: int = 8) -> np.ndarray:
    """Draws examples spread evenly over a set: one row each, one column per kind of picture.

    Args:
        directory: written by `generate`.
        path: where to write the sheet (.jpg, .png, .webp).
        count: number of examples; a smaller set shows all it has.

    Returns:
        The sheet, (H, W, 3) uint8 RGB.

    Raises:
        ZooError: not a SynthFaces directory, a damaged file, an illegal count or path.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ZooError(f"count={count!r} is not an integer from 1.")
    dataset = open_dataset(directory)
    shown = np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round())
    rows, titles = [], []
    for index in shown.astype(int).tolist():
        example = dataset[index]
        example["overlay"] = overlay(example)
        rows.append([example[kind] for kind in _TITLES if kind in example])
        titles.append(f"{index}: person {example['identity']}, yaw {example['yaw']:+.0f}")
    columns = [title for kind, title in _TITLES.items() if kind in example]
    return image_grid(rows, columns, titles, path)


def overlay(example: dict[str, np.ndarray]) -> np.ndarray:
    """Paints the parsing and the landmarks of an example over its image.

    Args:
        example: with image, parsing, layers, landmarks, landmarks68 and landmarks68_visible.

    Returns:
        (2 H, 2 W, 3) uint8 RGB. Visible ones of the 68 landmarks are green, hidden ones red, the
        five are blue.
    """
    parsing = with_glasses(example)
    tint, seen = _CLASS_COLORS[parsing], (parsing > 0)[..., None]
    mixed = np.where(seen, example["image"] * 0.5 + tint * 0.5, example["image"] * 0.7)
    canvas = np.repeat(np.repeat(mixed.astype(np.uint8), 2, 0), 2, 1)
    for point, shown in zip(example["landmarks68"], example["landmarks68_visible"], strict=True):
        _dot(canvas, point, 1, _SHOWN if shown else _HIDDEN)
    for point in example["landmarks"]:
        _dot(canvas, point, 2, _FIVE)
    return canvas


def _dot(canvas: np.ndarray, point: np.ndarray, radius: int, color: tuple[int, int, int]) -> None:
    x, y = np.floor(point * 2).astype(int).tolist()
    cv2.circle(canvas, (x, y), radius, color, -1)
