"""Regions of the head as functions of the canonical position: one source for colour and labels.

All functions take `x` as |x| unless they say otherwise: the regions are symmetric. Fields are
positive inside; values are in mesh units, so that a field is a distance near its border.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from zoo.data.synthfaces.noise import fractal_noise

MOUTH_LINE = 6.605
"""Canonical height at which the lips meet."""

BEARD_NONE, BEARD_FULL, BEARD_GOATEE = 0, 1, 2

_CHEEK_Z = np.array([0.5, 0.7, 1.0, 1.25, 1.45])
_CHEEK_Y = np.array([7.15, 6.95, 6.72, 6.64, 6.70])
_NOSE_Y = np.array([6.80, 6.84, 6.92, 7.0, 7.15, 7.3, 7.42])
_NOSE_HALF_WIDTH = np.array([0.10, 0.185, 0.19, 0.15, 0.085, 0.065, 0.06])
_BROW_S = np.array([0.0, 0.12, 0.45, 0.7, 1.0])
_BROW_THICKNESS = np.array([0.65, 1.0, 0.95, 0.7, 0.15])


class BrowShape(NamedTuple):
    """Shape of the brows, in mesh units where it is a length."""

    thickness: float
    density: float
    length: float
    height: float
    arch: float
    tilt: float  # radians


@njit(cache=True)
def smoothstep(low, high, value):
    t = (value - low) / (high - low)
    t = min(1.0, max(0.0, t))
    return t * t * (3 - 2 * t)


@njit(cache=True)
def clip01(value):
    return min(1.0, max(0.0, value))


@njit(cache=True)
def _interpolate(value, knots, values):
    """numpy.interp for one value and few knots."""
    if value <= knots[0]:
        return values[0]
    for i in range(1, knots.shape[0]):
        if value <= knots[i]:
            t = (value - knots[i - 1]) / (knots[i] - knots[i - 1])
            return values[i - 1] * (1 - t) + values[i] * t
    return values[-1]


@njit(cache=True)
def jaw_height(z):
    """Height of the jaw line at depth z; skin below it is neck."""
    return 6.17 + 0.42 * min(0.85, max(0.0, 1.22 - z)) ** 1.2


@njit(cache=True)
def is_neck(y, z):
    return y < jaw_height(z) + 0.02


@njit(cache=True)
def is_nose(x, y, z):
    return 6.81 < y < 7.42 and z > 1.2 and x < _interpolate(y, _NOSE_Y, _NOSE_HALF_WIDTH)


@njit(cache=True)
def brow_centre(s, brow):
    """Height of the middle of a brow at `s`, 0 at its inner and 1 at its outer end."""
    along = clip01(s)
    centre = 7.475 + brow.height + brow.arch * np.sin(along * np.pi * 0.80) ** 1.5 * 0.045
    return centre - 0.021 * clip01((s - 0.75) / 0.25)


@njit(cache=True)
def brow_mask(x, y, z, brow):
    """Soft mask of a brow in [0, 1]; the label is the part above .4."""
    if z <= 0.7 or y < 7.2 or y > 7.8:
        return 0.0
    s = (x - 0.115) / (0.43 + brow.length)  # 0 at the inner end, 1 at the outer
    half = brow.thickness * _interpolate(s, _BROW_S, _BROW_THICKNESS)
    across = 1 - smoothstep(0.55, 1.25, abs(y - brow_centre(s, brow)) / half)
    return across * smoothstep(-0.07, 0.05, s) * (1 - smoothstep(0.92, 1.06, s))


@njit(cache=True)
def hairline_field(x, y, z, hairline, recession):
    """Positive on the scalp. The power 2.5 front line keeps heads from looking square."""
    if y < 6.6:
        return -1.0
    front = hairline - 0.20 * (x / 0.5) ** 2.5
    if recession > 0:
        front += recession * np.exp(-(((x - 0.38) / 0.17) ** 2)) * 0.9
        front += recession * 0.35 * np.exp(-((x / 0.3) ** 2))
    edge = 0.98 - 0.26 * clip01((7.80 - y) / 0.35) - 0.25 * recession * clip01((y - 7.4) / 0.4)
    field = max(y - front, min(edge - z, y - 7.12))  # above the line, or behind the temple edge
    if z < 0.33:
        field = max(field, min(y - (6.75 + 0.55 * clip01((z + 0.1) / 0.6)), 0.5))
    if x > 0.752 and y < 7.42 and 0.25 < z < 0.72:  # the ears
        field = -0.2
    return field


@njit(cache=True)
def moustache_field(x, y, z):
    band = 0.07 - abs(y - (6.745 - 0.22 * max(x - 0.12, 0.0)))
    field = min(min(band, 0.27 - x), z - 1.2)
    return min(field, _lip_distance(x, y) * 0.14 + 0.015)


@njit(cache=True)
def _lip_distance(x, y):
    return np.sqrt((x / 0.30) ** 2 + ((y - MOUTH_LINE) / 0.135) ** 2) - 1


@njit(cache=True)
def _chin_field(x, y, z):
    """Cheeks, jaw and chin without the lips and the upper lip."""
    below_cheek = _interpolate(z, _CHEEK_Z, _CHEEK_Y) - y
    field = min(min(y - (jaw_height(z) - 0.22), below_cheek), (z - 0.62) * 0.6)
    field = min(field, max(_lip_distance(x, y) * 0.14 - 0.01, -1.0))
    if y > 6.60 and x < 0.24:
        field = min(field, -0.05)
    return field


@njit(cache=True)
def full_beard_field(x, y, z):
    return max(_chin_field(x, y, z), moustache_field(x, y, z))


@njit(cache=True)
def _goatee_field(x, y, z):
    field = max(min(_chin_field(x, y, z), 0.25 - x), -1.0)
    return min(field, 6.56 - y + (0.06 if x > 0.18 else 0.0))


@njit(cache=True)
def beard_field(x, y, z, beard, moustache):
    """Positive where the beard (`BEARD_*`, of cheeks and chin) or the moustache grows."""
    field = -1.0
    if beard == BEARD_FULL:
        field = _chin_field(x, y, z)
    elif beard == BEARD_GOATEE:
        field = _goatee_field(x, y, z)
    return max(field, moustache_field(x, y, z)) if moustache else field


@njit(cache=True)
def clothes_field(x, y, z, collar):
    """Positive on clothes; here x is signed. The collar is lower in front."""
    return collar - 0.12 * np.cos(np.arctan2(x, z - 0.3)) - y


def hairline_at(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, hairline: float, recession: float, seed: int
) -> np.ndarray:
    """Scalp field with its ragged edge at float32 coordinates of any shape; here x is signed."""
    axes = [np.ascontiguousarray(axis).ravel() for axis in (x, y, z)]
    field = np.empty(axes[0].shape, np.float32)
    _hairline_map(*axes, hairline, recession, field)
    return field.reshape(x.shape) + (fractal_noise(x, y, z, 7.0, seed, 2) - 0.5) * np.float32(0.09)


@njit(cache=True)
def _hairline_map(x, y, z, hairline, recession, out):
    for i in range(x.shape[0]):
        out[i] = hairline_field(abs(x[i]), y[i], z[i], hairline, recession)


@njit(cache=True)
def beard_at(positions, beard, moustache):
    """`beard_field` at float32 positions (n, 3): float32 (n,)."""
    out = np.empty(positions.shape[0], np.float32)
    for i in range(positions.shape[0]):
        out[i] = beard_field(
            abs(positions[i, 0]), positions[i, 1], positions[i, 2], beard, moustache
        )
    return out
