"""Blurred abstract backgrounds."""

from __future__ import annotations

import cv2
import numpy as np


def backdrop(side: int, seed: int) -> np.ndarray:
    """Draws a background: float32 (side, side, 3), linear RGB about 0 to 1."""
    rng = np.random.default_rng(seed)
    full, side = side, (side + 1) // 2  # everything is blurred in the end
    y, x = np.mgrid[0:side, 0:side] / side
    colors = [_color(rng) for _ in range(4)]
    kind = rng.integers(0, 4)  # each kind adds something to the one before
    angle = rng.uniform(0, 2 * np.pi)
    t = np.clip((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.5, 0, 1)[..., None]
    image = colors[0] * (1 - t) + colors[1] * t
    clouds = _clouds(rng.random((5, 5, 3)), side)
    image = image * (0.55 + 0.72 * clouds.mean(-1, keepdims=True) + 0.10 * clouds)
    if kind >= 1:
        cells = int(rng.integers(3, 9))
        blobs = np.clip((_clouds(rng.random((cells, cells)), side)[..., None] - 0.45) * 4, 0, 1)
        image = image * (1 - blobs) + colors[2] * blobs
    if kind >= 2:
        for _ in range(rng.integers(8, 40)):
            _add_disc(image, x, y, colors[3], rng)
    if kind == 3:
        stripes = rng.integers(2, 6)
        inside = ((x * stripes + rng.random()) % 1 < rng.uniform(0.05, 0.5))[..., None]
        image = np.where(inside, image * 0.4 + colors[2] * 0.5, image)
    blur = side * rng.uniform(0.008, 0.04)
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), blur)
    return cv2.resize(image, (full, full), interpolation=cv2.INTER_LINEAR)


def _color(rng: np.random.Generator) -> np.ndarray:
    """Log-uniform brightness, mostly near grey."""
    level = np.exp(rng.uniform(np.log(0.012), np.log(0.55)))
    colorfulness = 0.14 if rng.random() < 0.7 else 0.36
    return np.clip(level * np.exp(rng.normal(0, colorfulness, 3)), 0.005, 0.9)


def _clouds(cells: np.ndarray, side: int) -> np.ndarray:
    return cv2.resize(cells.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)


def _add_disc(image, x, y, color: np.ndarray, rng: np.random.Generator) -> None:
    """Adds a disc of light out of focus."""
    cx, cy, radius = rng.random(), rng.random(), rng.uniform(0.02, 0.09)
    strength, tint = rng.uniform(0.05, 0.6), np.exp(rng.normal(0, 0.4, 3))
    side = len(image)
    left, top = (max(0, int((c - radius) * side)) for c in (cx, cy))
    right, bottom = (int((c + radius) * side) + 2 for c in (cx, cy))
    box = np.s_[top:bottom, left:right]
    distance = np.hypot(x[box] - cx, y[box] - cy) / radius
    disc = (np.clip((1 - distance) * 12, 0, 1) * strength)[..., None]
    image[box] += disc * np.clip(color * tint, 0, 1)
