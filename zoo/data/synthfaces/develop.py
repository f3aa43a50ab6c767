"""From linear samples to the picture: exposure, tone curve, labels, and the faults of a sensor."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numba import njit

from zoo.data.synthfaces import palette

LABEL_GLASSES, LABEL_NECK, LABEL_CLOTHES = 11, 12, 13
_CLASSES = 16
_FACE_LABELS = 10  # labels 1..9 are metered
_FIXED_GAIN = 0.6  # of a skin of luminance .35


class Pictures(NamedTuple):
    """What `develop` writes: a picture of side H and its maps."""

    image: np.ndarray  # (H, H, 3) float32 sRGB
    parsing: np.ndarray  # (H, H) uint8
    layers: np.ndarray  # (H, H, 3) uint8, shares of LAYER_NAMES

    @classmethod
    def empty(cls, size: int) -> Pictures:
        return cls(
            np.empty((size, size, 3), np.float32),
            np.empty((size, size), np.uint8),
            np.empty((size, size, 3), np.uint8),
        )


def expose(color: np.ndarray, label: np.ndarray, tone: float, rng: np.random.Generator):
    """Partial auto exposure: darker skin stays darker.

    Args:
        color: (S, S, 3) float32 linear samples.
        label: (S, S) uint8 parsing classes.
        tone: of the skin, 0 to 1.
        rng: of the sensor; draws the error of the exposure and the white balance.

    Returns:
        Gains (3,) of the head and of the background, float32.
    """
    target = 0.28 * (palette.skin(tone) @ palette.LUMINANCE / 0.35) ** 0.55
    metered = max(_face_luminance(color, label), 1e-3)
    exposure = (target / metered) ** 0.85 * np.exp(rng.normal(0, 0.13))
    balance = np.exp(rng.normal(0, 0.05, 3))
    head, background = exposure * balance, np.clip(exposure, 0.6, 1.15) * balance
    return head.astype(np.float32), background.astype(np.float32)


def fixed_exposure(tone: float) -> tuple[np.ndarray, np.ndarray]:
    """The same exposure under every light and from every side; darker skin stays darker.

    Args:
        tone: of the skin, 0 to 1.

    Returns:
        Gains (3,) of the head and of the background, float32.
    """
    head = _FIXED_GAIN * (palette.skin(tone) @ palette.LUMINANCE / 0.35) ** -0.45
    return np.full(3, head, np.float32), np.ones(3, np.float32)


def sense(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Adds blur, noise and JPEG artefacts of good quality.

    Args:
        image: (H, W, 3) float32 sRGB, 0 to 1.
        rng: of the sensor.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    blur = rng.uniform(0.25, 0.6) * (len(image) / 128) ** 0.5
    image = cv2.GaussianBlur(image, (0, 0), blur)
    grain = cv2.GaussianBlur(rng.standard_normal(image.shape, dtype=np.float32), (0, 0), 0.6)
    image = image + grain * rng.uniform(0.003, 0.015) * (1.2 - image.mean(-1, keepdims=True))
    pixels = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(84, 97))]
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], quality)
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


@njit(cache=True)
def _face_luminance(color, label):
    total, count = 0.0, 0
    for row in range(label.shape[0]):
        for column in range(label.shape[1]):
            if 0 < label[row, column] < _FACE_LABELS:
                total += 0.3 * color[row, column, 0] + 0.59 * color[row, column, 1]
                total += 0.11 * color[row, column, 2]
                count += 1
    return total / max(count, 1)


@njit(cache=True)
def _tone(value):
    """Filmic curve per sample: mostly ACES, softened by an exponential shoulder."""
    u = value * 0.8
    u = u * (2.51 * u + 0.03) / (u * (2.43 * u + 0.59) + 0.14)
    return min(1.0, max(0.0, u)) * 0.75 + 0.25 * (1 - np.exp(-value * 1.35))


@njit(cache=True)
def develop(color, background, label, below, gain, background_gain, block, pictures):
    """Averages blocks of samples after the tone curve; counts their labels.

    Args:
        color: (S, S, 3) float32 linear samples of the head.
        background: (S, S, 3) float32, shown where the label is 0.
        label: (S, S) uint8, with glasses.
        below: (S, S) uint8, what is below them; the majority of a block becomes its class.
        gain: (3,) float32 of the head.
        background_gain: (3,) float32.
        block: samples per pixel and axis.
        pictures: written.
    """
    image, parsing, layers = pictures
    votes = np.zeros(_CLASSES, np.int32)
    total = np.zeros(3)
    for row in range(parsing.shape[0]):
        for column in range(parsing.shape[1]):
            for k in range(_CLASSES):
                votes[k] = 0
            for k in range(3):
                total[k] = 0
            glasses, samples = 0, block * block
            for y in range(row * block, (row + 1) * block):
                for x in range(column * block, (column + 1) * block):
                    votes[below[y, x]] += 1
                    glasses += label[y, x] == LABEL_GLASSES
                    for k in range(3):
                        if label[y, x] == 0:
                            total[k] += _tone(background[y, x, k] * background_gain[k])
                        else:
                            total[k] += _tone(color[y, x, k] * gain[k])
            winner = 0
            for k in range(_CLASSES):
                if votes[k] > votes[winner]:
                    winner = k
            parsing[row, column] = winner
            layers[row, column, 0] = (255 * glasses + samples // 2) // samples
            layers[row, column, 1] = (255 * votes[LABEL_NECK] + samples // 2) // samples
            layers[row, column, 2] = (255 * votes[LABEL_CLOTHES] + samples // 2) // samples
            for k in range(3):
                v = total[k] / samples
                image[row, column, k] = (
                    12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055
                )
