"""Inpainting without a GAN, on uint8 pictures: what the models of the zoo must beat."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from zoo import masks
from zoo.errors import ZooError
from zoo.evaluation import retrieval

_GREY = 127  # what features see in the hole
_BINS, _CELL = 9, 8  # of HOG: directions of 20 degrees, pixels
_HYSTERESIS, _EPSILON = 0.2, 1e-5


def telea(image: np.ndarray, mask: np.ndarray, radius: float = 3.0) -> np.ndarray:
    """Fills a hole from its border inwards by weighted means (Telea 2004, OpenCV).

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) or (H, W, 1), 1 (or 255, or True) = hole; some pixel must be known.
        radius: of the neighbourhood that a pixel is computed from, pixels.

    Returns:
        (H, W, 3) uint8 RGB; known pixels as they were.

    Raises:
        ZooError: wrong shape or dtype, a mask without hole or without known pixels.
    """
    return _opencv(image, mask, radius, cv2.INPAINT_TELEA)


def navier_stokes(image: np.ndarray, mask: np.ndarray, radius: float = 3.0) -> np.ndarray:
    """Continues lines of equal brightness into a hole (Bertalmio et al. 2001, OpenCV).

    Arguments, result and errors are those of `telea`.
    """
    return _opencv(image, mask, radius, cv2.INPAINT_NS)


def _opencv(image, mask, radius, method) -> np.ndarray:
    image, hole = _checked(image, mask)
    if not 0 < radius <= 100:
        raise ZooError(f"radius is {radius}; legal is more than 0 and at most 100 pixels")
    filled = cv2.inpaint(image, hole.astype(np.uint8), radius, method)
    return np.where(hole[..., None], filled, image)


def hog(images: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients (Dalal and Triggs 2005).

    Directions without sign in 9 bins over cells of 8 x 8 pixels, normalised over overlapping blocks
    of 2 x 2 cells, clipped at 0.2 and normalised again; of the three channels the one with the
    steepest gradient counts.

    Args:
        images: (N, H, W, 3) uint8, at least 16 pixels high and wide.

    Returns:
        (N, features) float32.

    Raises:
        ZooError: wrong shape or dtype.
    """
    images = _stack(images)
    if min(images.shape[1:3]) < 2 * _CELL:
        raise ZooError(f"HOG needs {2 * _CELL} x {2 * _CELL} pixels; received {images.shape[1:3]}")
    return np.stack([_hog(image) for image in images])


def _hog(image: np.ndarray) -> np.ndarray:
    x = image.astype(np.float32)
    down, right = np.zeros_like(x), np.zeros_like(x)
    down[1:-1] = x[2:] - x[:-2]
    right[:, 1:-1] = x[:, 2:] - x[:, :-2]
    magnitude = np.hypot(down, right)
    steepest = magnitude.argmax(axis=2)[..., None]
    down, right, magnitude = (
        np.take_along_axis(a, steepest, axis=2)[..., 0] for a in (down, right, magnitude)
    )
    angle = np.rad2deg(np.arctan2(down, right)) % 180
    bins = np.minimum(angle // (180 / _BINS), _BINS - 1)
    rows, columns = (side // _CELL for side in magnitude.shape)
    votes = magnitude[..., None] * (bins[..., None] == np.arange(_BINS))  # (H, W, 9)
    votes = votes[: rows * _CELL, : columns * _CELL]
    cells = votes.reshape(rows, _CELL, columns, _CELL, _BINS).mean(axis=(1, 3))
    corners = [cells[r : r + rows - 1, c : c + columns - 1] for r in (0, 1) for c in (0, 1)]
    blocks = np.concatenate(corners, axis=-1)  # (rows - 1, columns - 1, 36)
    blocks = _normalized(np.minimum(_normalized(blocks), _HYSTERESIS))
    return blocks.ravel().astype(np.float32)


def _normalized(blocks: np.ndarray) -> np.ndarray:
    energy = np.sum(np.square(blocks), axis=-1, keepdims=True)
    return blocks / np.sqrt(energy + _EPSILON**2)


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Pictures of 16 x 16 pixels around middle grey: quick features of pose, hair and light.

    Args:
        images: (N, H, W, 3) uint8.

    Returns:
        (N, 768) float32.

    Raises:
        ZooError: wrong shape or dtype.
    """
    small = [cv2.resize(i, (16, 16), interpolation=cv2.INTER_AREA) for i in _stack(images)]
    return (np.stack(small).astype(np.float32) - _GREY).reshape(len(small), -1)


class NearestNeighbor:
    """Fills a hole with the same part of the most similar picture (the paper's NN-inpainting).

    Pictures are compared with the hole cut out of all of them, by the cosine of their features.

    Args:
        features: function (N, H, W, 3) uint8 -> (N, D): `hog`, `thumbnails`, or the method
            `features` of a model such as ContextEncoderFeatures.

    Source: Pathak et al., CVPR 2016, section 5.1, with HOG and with learned features.
    """

    def __init__(self, features: Callable[[np.ndarray], np.ndarray] = hog):
        self.features = features
        self.images: np.ndarray | None = None
        self._of_hole: tuple[bytes, np.ndarray] | None = None

    def fit(self, images: np.ndarray) -> NearestNeighbor:
        """Takes the pictures to fill from, (N, H, W, 3) uint8 RGB; returns itself."""
        self.images = _stack(images)
        self._of_hole = None
        return self

    def complete(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Fills the hole; arguments, result and errors as in `telea`, sizes as in `fit`."""
        if self.images is None:
            raise ZooError("NearestNeighbor has no pictures; call fit first")
        image, hole = _checked(image, mask)
        if image.shape != self.images.shape[1:]:
            raise ZooError(f"image is {image.shape}, those given to fit are {self.images.shape}")
        key = np.packbits(hole).tobytes()
        if self._of_hole is None or self._of_hole[0] != key:  # one hole for many pictures is usual
            self._of_hole = key, self.features(self._cut(self.images, hole))
        query = self.features(self._cut(image[None], hole))
        indices, _ = retrieval.nearest(query, self._of_hole[1])
        return np.where(hole[..., None], self.images[indices[0, 0]], image)

    @staticmethod
    def _cut(images: np.ndarray, hole: np.ndarray) -> np.ndarray:
        return np.where(hole[..., None], np.uint8(_GREY), images)


def _stack(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape:
        raise ZooError(
            f"images must be (N, H, W, 3) uint8 RGB; received {images.dtype} {images.shape}"
        )
    return images


def _checked(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture and its hole, (H, W) bool."""
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ZooError(f"image must be (H, W, 3) uint8 RGB; received {image.dtype} {image.shape}")
    hole = masks.validate(mask, image.shape[:2])[..., 0] > 0
    if hole.all():
        raise ZooError("mask is all hole; nothing is known to fill it from")
    return image, hole
