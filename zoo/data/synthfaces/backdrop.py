"""Blurred backgrounds: a studio, a room, the open air, lamps at night."""

from __future__ import annotations

import cv2
import numpy as np

_SKY, _LEAVES = np.array([0.55, 0.68, 0.85]), np.array([0.11, 0.14, 0.07])
_LAMPS = np.array([1.0, 0.8, 0.5])


def backdrop(side: int, seed: int) -> np.ndarray:
    """Draws a background: float32 (side, side, 3), linear RGB about 0 to 1."""
    rng = np.random.default_rng(seed)
    full, side = side, (side + 1) // 2  # everything is blurred in the end
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    scene = (_studio, _room, _outdoors, _night)[rng.choice(4, p=[0.3, 0.3, 0.25, 0.15])]
    image = scene(x, y, rng)
    clouds = _clouds(rng.random((5, 5)), side)[..., None]
    image = np.clip(image * (0.75 + 0.5 * clouds), 0, 1)
    blur = side * rng.uniform(0.008, 0.04)
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), blur)
    return cv2.resize(image, (full, full), interpolation=cv2.INTER_LINEAR)


def _studio(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A plain wall with a spot of light on it."""
    cx, cy, width = rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.8), rng.uniform(0.3, 0.9)
    spot = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / width**2)[..., None]
    return _color(rng) * (0.45 + 0.75 * spot)


def _room(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A wall with what stands before it: upright rectangles, some of them windows."""
    tilt = rng.normal(0, 0.04)
    x, y = x + tilt * y, y - tilt * x
    image = _color(rng) * (1.15 - 0.5 * np.abs(x - rng.random()))[..., None]
    for _ in range(rng.integers(2, 8)):
        left, top = rng.uniform(-0.2, 0.9), rng.uniform(-0.3, 0.7)
        right, bottom = left + rng.uniform(0.04, 0.5), top + rng.uniform(0.1, 1.0)
        color = _color(rng) if rng.random() < 0.8 else rng.uniform(0.6, 1.0) * _SKY
        image[(x > left) & (x < right) & (y > top) & (y < bottom)] = color
    return image


def _outdoors(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sky or a bright wall above, leaves or ground below, light between the leaves."""
    sky = rng.uniform(0.5, 1.1) * (_SKY if rng.random() < 0.7 else np.ones(3))
    ground = rng.uniform(0.4, 2.0) * _LEAVES if rng.random() < 0.6 else _color(rng)
    cells = int(rng.integers(4, 12))
    crowns = _clouds(rng.random((cells, cells)), len(x)) - 0.5
    below = np.clip((y + 0.5 * crowns - rng.uniform(-0.1, 0.7)) * 8, 0, 1)[..., None]
    texture = 0.5 + _clouds(rng.random((4 * cells, 4 * cells)), len(x))[..., None]
    image = sky * (1 - below) + ground * texture * below
    for _ in range(rng.integers(0, 25)):
        _add_disc(image, x, y, sky * 0.5, rng)
    return image


def _night(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A dark place with lamps out of focus."""
    image = np.repeat((1.2 - 0.5 * y)[..., None], 3, 2) * _color(rng, brightest=0.1)
    for _ in range(rng.integers(8, 40)):
        _add_disc(image, x, y, _LAMPS * np.exp(rng.normal(0, 0.35, 3)), rng)
    return image


def _color(rng: np.random.Generator, brightest: float = 0.75) -> np.ndarray:
    """Log-uniform brightness, mostly near grey."""
    level = np.exp(rng.uniform(np.log(0.03), np.log(brightest)))
    colorfulness = 0.07 if rng.random() < 0.75 else 0.22
    return np.clip(level * np.exp(rng.normal(0, colorfulness, 3)), 0.005, 0.9)


def _clouds(cells: np.ndarray, side: int) -> np.ndarray:
    return cv2.resize(cells.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)


def _add_disc(image, x, y, color: np.ndarray, rng: np.random.Generator) -> None:
    """Adds a disc of light out of focus."""
    cx, cy, radius = rng.random(), rng.random(), rng.uniform(0.02, 0.09)
    strength, side = rng.uniform(0.05, 0.6), len(image)
    left, top = (max(0, int((c - radius) * side)) for c in (cx, cy))
    right, bottom = (int((c + radius) * side) + 2 for c in (cx, cy))
    box = np.s_[top:bottom, left:right]
    distance = np.hypot(x[box] - cx, y[box] - cy) / radius
    image[box] += (np.clip((1 - distance) * 12, 0, 1) * strength)[..., None] * color
