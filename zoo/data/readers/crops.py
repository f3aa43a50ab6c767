"""Squares cut out of photographs, the resampling of each paper's code, and points moved along."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np


class Crop(NamedTuple):
    """A square of a photograph and how it is brought to the size of the examples."""

    top: int
    left: int
    side: int
    resize: Callable[[np.ndarray, int], np.ndarray]

    def picture(self, image: np.ndarray, size: int) -> np.ndarray:
        """Cuts (size, size, 3) uint8 out of (H, W, 3) uint8, which must hold the square."""
        rows = slice(self.top, self.top + self.side)
        return self.resize(image[rows, self.left : self.left + self.side], size)

    def points(self, points: np.ndarray, size: int) -> np.ndarray:
        """Moves points (..., 2) x, y, pixel centres at .5, of the photograph into the picture."""
        return ((points - (self.left, self.top)) * (size / self.side)).astype(np.float32)


def bilinear(image: np.ndarray, size: int) -> np.ndarray:
    """Resizes a square to (size, size, 3) with OpenCV's bilinear interpolation."""
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)


def area(image: np.ndarray, size: int) -> np.ndarray:
    """Resizes a square, grey or RGB, to `size`: means of areas if it shrinks, else bicubic."""
    shrinks = size < image.shape[0]
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(image, (size, size), interpolation=kind)


def tensorflow_bicubic(image: np.ndarray, size: int) -> np.ndarray:
    """Resizes a square as TensorFlow 1 does by default: bicubic, and sampled from pixel 0 on.

    Against resampling between pixel centres the picture is moved, by 0.12 of its pixels where 170
    become 128. There is no filter against aliasing.
    """
    return _resampled(image, _tensorflow_weights, size)


def pillow_bilinear(image: np.ndarray, size: int) -> np.ndarray:
    """Resizes a square as Pillow's `BILINEAR` does: the triangle is widened where it shrinks."""
    return _resampled(image, _pillow_weights, size)


def cut_out(image: np.ndarray, size: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """Cuts (size, size, 3) out of a picture at least as large.

    Args:
        image: (H, W, 3) uint8.
        size: in pixels.
        rng: draws the place, all equally likely; None takes the centre.
    """
    free = np.array(image.shape[:2]) - size
    row, column = free // 2 if rng is None else rng.integers(0, free + 1)
    return np.ascontiguousarray(image[row : row + size, column : column + size])


def square_around(image: np.ndarray, center: tuple[float, float], side: int) -> np.ndarray:
    """Cuts a square that may reach beyond the picture, whose last pixels are repeated there.

    Args:
        image: (H, W) or (H, W, 3) uint8.
        center: x, y of the square's centre, in the picture; pixel centres at .5.
        side: in pixels.

    Returns:
        (side, side) or (side, side, 3) uint8.
    """
    left, top = (round(c - side / 2) for c in center)
    height, width = image.shape[:2]
    rows = slice(max(top, 0), min(top + side, height))
    columns = slice(max(left, 0), min(left + side, width))
    margins = (rows.start - top, top + side - rows.stop)
    margins += (columns.start - left, left + side - columns.stop)
    return cv2.copyMakeBorder(image[rows, columns], *margins, cv2.BORDER_REPLICATE)


def _resampled(
    image: np.ndarray, weights: Callable[[int, int], np.ndarray], size: int
) -> np.ndarray:
    """Resizes (side, side, 3) uint8 to (size, size, 3) with one-dimensional weights."""
    taps = _taps(weights, len(image), size)
    rows = sum(weight * image[pixel] for pixel, weight in taps)  # (size, side, 3)
    columns = rows.transpose(1, 0, 2)
    both = sum(weight * columns[pixel] for pixel, weight in taps).transpose(1, 0, 2)
    return np.ascontiguousarray(np.rint(np.clip(both, 0, 255)).astype(np.uint8))


@functools.lru_cache(maxsize=16)
def _taps(weights: Callable[[int, int], np.ndarray], side: int, size: int) -> list:
    """Pixels (size,) and weights (size, 1, 1) float32 of the first, second ... that count.

    Few count, so adding them up is faster than a product of matrices, and needs no other threads.
    """
    dense = weights(side, size)
    first = (dense != 0).argmax(axis=1)
    count = side - (dense[:, ::-1] != 0).argmax(axis=1) - first
    taps = []
    for tap in range(count.max()):
        pixel = np.minimum(first + tap, side - 1)
        weight = np.where(tap < count, dense[np.arange(size), pixel], 0)
        taps.append((pixel, weight.astype(np.float32)[:, None, None]))
    return taps


def _tensorflow_weights(side: int, size: int) -> np.ndarray:
    """(size, side): Keys' cubic with a = -0.75; beyond the border the last pixel counts."""
    position = np.arange(size) * (side / size)
    first = np.floor(position).astype(int)
    weights = np.zeros((size, side))
    for tap in range(-1, 3):
        x = np.abs(position - first - tap)
        near = 1.25 * x**3 - 2.25 * x**2 + 1
        far = -0.75 * (x**3 - 5 * x**2 + 8 * x - 4)
        pixel = np.clip(first + tap, 0, side - 1)
        np.add.at(weights, (np.arange(size), pixel), np.where(x <= 1, near, far))
    return weights


def _pillow_weights(side: int, size: int) -> np.ndarray:
    """(size, side): a triangle as wide as the scale, normalised at the border."""
    scale = side / size
    centers = (np.arange(size) + 0.5) * scale
    distance = np.abs(np.arange(side) + 0.5 - centers[:, None]) / max(scale, 1.0)
    weights = np.maximum(1.0 - distance, 0.0)
    return weights / weights.sum(axis=1, keepdims=True)
