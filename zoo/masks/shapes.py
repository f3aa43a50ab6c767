"""Masks of simple shape: the centre, a rectangle, rounded brush strokes."""

from __future__ import annotations

import cv2
import numpy as np


def center(
    height: int, width: int, rng: np.random.Generator | None = None, *, side: float = 0.5
) -> np.ndarray:
    """Makes the centre a hole (Context Encoder: a 64-pixel square of 128, `side` one half).

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        rng: Not used; every generator of this package is called with (height, width, rng).
        side: Height and width of the hole as a share of the image's, in (0, 1].

    Returns:
        (height, width, 1) float32 in {0, 1}; 1 = hole.
    """
    h, w = max(1, round(height * side)), max(1, round(width * side))
    return _box(height, width, (height - h) // 2, (width - w) // 2, h, w)


def rectangle(
    height: int,
    width: int,
    rng: np.random.Generator,
    *,
    min_side: float = 0.375,
    max_side: float = 0.5,
) -> np.ndarray:
    """Makes a random rectangle inside the image a hole.

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        rng: Source of every random number.
        min_side: Least height and width as a share of the image's. DeepFill: 96 px of 256.
        max_side: Greatest height and width as a share of the image's. DeepFill: 128 px of 256.

    Returns:
        (height, width, 1) float32 in {0, 1}; 1 = hole. Height, width and position are uniform.
    """
    h = rng.integers(max(1, round(height * min_side)), round(height * max_side) + 1)
    w = rng.integers(max(1, round(width * min_side)), round(width * max_side) + 1)
    top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    return _box(height, width, top, left, h, w)


def brush(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Draws one to three rounded zig-zag strokes, as DeepFill v2's released code does.

    All numbers are the released code's, which differs from the paper's Algorithm 1; its widths (12
    to 40 px at 256) are scaled with the image here.

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        rng: Source of every random number.

    Returns:
        (height, width, 1) float32 in {0, 1}; 1 = hole. Never empty.
    """
    mask = np.zeros((height, width), np.uint8)
    reach = np.hypot(height, width) / 8
    scale = np.sqrt(height * width) / 256
    limit = (width - 1, height - 1)
    for _ in range(rng.integers(1, 4)):
        vertices = rng.integers(4, 12)
        low = 2 * np.pi / 5 - rng.uniform(0, 2 * np.pi / 15)
        high = 2 * np.pi / 5 + rng.uniform(0, 2 * np.pi / 15)
        angles = rng.uniform(low, high, vertices)
        angles[::2] = 2 * np.pi - angles[::2]
        lengths = np.clip(rng.normal(reach, reach // 2, vertices), 0, 2 * reach)
        points = [rng.uniform(0, limit)]
        for angle, length in zip(angles, lengths, strict=True):
            step = (length * np.cos(angle), length * np.sin(angle))
            points.append(np.clip(points[-1] + step, 0, limit))
        thickness = max(1, round(rng.uniform(12, 40) * scale))
        points = np.floor(points).astype(np.int32)
        cv2.polylines(mask, [points], False, 1, thickness)
        for point in points[1:]:
            cv2.circle(mask, point.tolist(), thickness // 2, 1, cv2.FILLED)
    return mask[..., None].astype(np.float32)


def _box(height: int, width: int, top: int, left: int, h: int, w: int) -> np.ndarray:
    mask = np.zeros((height, width, 1), np.float32)
    mask[top : top + h, left : left + w] = 1
    return mask
