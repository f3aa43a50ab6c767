"""Value noise in [0, 1] of three coordinates; on canonical positions it has no seams."""

from __future__ import annotations

import numpy as np
from numba import njit

# Multipliers of the integer hash; unsigned 32-bit arithmetic wraps and vectorises.
_MX, _MY, _MZ = np.uint32(374761393), np.uint32(668265263), np.uint32(2147483647)
_M1, _M2 = np.uint32(1274126177), np.uint32(2246822519)
_S13, _S15, _S16, _LOW16 = np.uint32(13), np.uint32(15), np.uint32(16), np.uint32(0xFFFF)
_ONE, _TWO, _THREE = np.float32(1), np.float32(2), np.float32(3)


@njit(cache=True, inline="always")  # or the loops over it do not vectorise
def _octave(x, y, z, seed):
    """Noise of one octave at a float32 point, times 65535."""
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    x0 = np.uint32(np.uint32(np.int32(fx)) * _MX)
    y0 = np.uint32(np.uint32(np.int32(fy)) * _MY)
    z0 = np.uint32(np.uint32(np.uint32(np.int32(fz)) * _MZ) + np.uint32(seed * _M1))
    x1, y1, z1 = np.uint32(x0 + _MX), np.uint32(y0 + _MY), np.uint32(z0 + _MZ)
    x, y, z = x - fx, y - fy, z - fz
    u = x * x * (_THREE - _TWO * x)
    v = y * y * (_THREE - _TWO * y)
    w = z * z * (_THREE - _TWO * z)
    total = np.float32(0)
    for corner in range(8):
        h = np.uint32((x1 if corner & 1 else x0) + (y1 if corner & 2 else y0))
        h = np.uint32(h + (z1 if corner & 4 else z0))
        h = np.uint32((h ^ (h >> _S13)) * _M1)
        h = np.uint32((h ^ (h >> _S15)) * _M2)
        value = np.float32(np.int32((h ^ (h >> _S16)) & _LOW16))
        weight = (u if corner & 1 else _ONE - u) * (v if corner & 2 else _ONE - v)
        total += value * weight * (w if corner & 4 else _ONE - w)
    return total


@njit(cache=True)
def value_noise(x, y, z, seed):
    """One octave at one point."""
    return _octave(np.float32(x), np.float32(y), np.float32(z), np.uint32(seed)) / 65535.0


@njit(cache=True)
def _add_octave(x, y, z, frequency, seed, amplitude, out):
    for i in range(x.shape[0]):
        out[i] += amplitude * _octave(x[i] * frequency, y[i] * frequency, z[i] * frequency, seed)


def fractal_noise(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, frequency: float, seed: int, octaves: int
) -> np.ndarray:
    """Sum of octaves, each about twice the frequency and .55 of the amplitude, scaled to [0, 1].

    Args:
        x: coordinates of any shape, as are `y` and `z`.
        y: see `x`.
        z: see `x`.
        frequency: cycles per unit of the first octave.
        seed: another seed, another pattern.
        octaves: from 1.

    Returns:
        float32, shaped like `x`.
    """
    points = [np.ascontiguousarray(axis, np.float32).ravel() for axis in (x, y, z)]
    out = np.zeros(points[0].shape, np.float32)
    total = sum(0.55**octave for octave in range(octaves)) * 65535.0
    for octave in range(octaves):
        amplitude = np.float32(0.55**octave / total)
        _add_octave(*points, np.float32(frequency), np.uint32(seed + 17 * octave), amplitude, out)
        frequency *= 2.03
    return out.reshape(np.shape(x))
