"""Colours of skin, hair, lips and irises, as linear RGB in 0 to 1."""

from __future__ import annotations

import numpy as np

_SKIN_STOPS = np.array(  # sRGB from pale to dark
    [
        (250, 222, 206),
        (242, 206, 184),
        (228, 186, 158),
        (205, 159, 130),
        (176, 127, 97),
        (137, 94, 70),
        (98, 65, 49),
        (66, 44, 35),
    ],
    float,
)

HAIR = {
    "black": (0.012, 0.010, 0.009),
    "dark_brown": (0.035, 0.020, 0.012),
    "brown": (0.075, 0.040, 0.021),
    "blond": (0.50, 0.34, 0.17),
    "red": (0.18, 0.062, 0.024),
    "gray": (0.36, 0.35, 0.34),
    "white": (0.62, 0.61, 0.60),
}

GRAY_HAIR = ("gray", "white")

# Brows darker than the hair on light heads.
_BROWS = {**HAIR, "blond": (0.16, 0.10, 0.05), "red": (0.13, 0.05, 0.022)}

IRIS = {  # outer and inner ring
    "brown": ((0.085, 0.035, 0.014), (0.19, 0.085, 0.03)),
    "dark": ((0.03, 0.014, 0.008), (0.06, 0.028, 0.014)),
    "blue": ((0.10, 0.22, 0.38), (0.28, 0.36, 0.40)),
    "green": ((0.12, 0.20, 0.10), (0.26, 0.24, 0.10)),
    "hazel": ((0.14, 0.11, 0.05), (0.26, 0.15, 0.05)),
    "gray": ((0.20, 0.24, 0.27), (0.33, 0.34, 0.33)),
}

FRAMES = (
    (0.015, 0.013, 0.012),
    (0.08, 0.03, 0.012),
    (0.5, 0.42, 0.25),
    (0.02, 0.03, 0.08),
    (0.3, 0.3, 0.32),
)

_LIPSTICKS = ((170, 40, 55), (190, 80, 90), (150, 50, 70), (200, 90, 85))

LUMINANCE = np.array([0.3, 0.59, 0.11])


def linear(srgb: object) -> np.ndarray:
    """sRGB values in 0 to 1 as linear light."""
    values = np.asarray(srgb, float)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def skin(tone: float) -> np.ndarray:
    """Linear skin colour of a tone from 0 (palest) to 1 (darkest)."""
    position = np.clip(tone, 0, 1) * (len(_SKIN_STOPS) - 1)
    low = int(min(position, len(_SKIN_STOPS) - 2))
    part = position - low
    return linear((_SKIN_STOPS[low] * (1 - part) + _SKIN_STOPS[low + 1] * part) / 255)


def brows(hair_color: str, tone: float) -> np.ndarray:
    """Linear colour of brows, beard and stubble: of the hair, but darker than the skin."""
    if hair_color in GRAY_HAIR:
        color = np.array(HAIR["gray"]) * 0.5
    else:
        color = np.array(_BROWS[hair_color])
    return np.minimum(color, skin(tone) * 0.55)


def lips(tone: float, makeup: float, lipstick: int) -> np.ndarray:
    """Linear colour of the lips.

    Args:
        tone: of the skin, 0 to 1.
        makeup: 0 (none) to 1.
        lipstick: any integer, picks one of the sticks.
    """
    natural = skin(tone) * np.array([0.88, 0.46, 0.52]) + np.array([0.035, 0.008, 0.010])
    stick = linear(np.array(_LIPSTICKS[lipstick % len(_LIPSTICKS)]) / 255)
    return natural * (1 - 0.75 * makeup) + stick * 0.75 * makeup
