"""Random changes of labelled faces: mirroring, shifts and small rotations."""

from __future__ import annotations

import cv2
import numpy as np

from zoo.config import AugmentationSection

_BORDER = (127, 127, 127)  # GFC's released code
_PICTURES = ("image", "frontal", "color")
_MAPS, _SHARES = ("parsing", "sketch"), ("layers",)
_POINTS = ("landmarks", "frontal_landmarks")
_MIRRORED_POINTS = (1, 0, 2, 4, 3)  # left and right eye, left and right mouth corner
_MIRRORED_CLASSES = np.array([0, 1, 3, 2, 5, 4, *range(6, 256)], np.uint8)  # brows, eyes


def augment(
    face: dict[str, np.ndarray], rng: np.random.Generator, settings: AugmentationSection
) -> dict[str, np.ndarray]:
    """Changes every picture, map and point of a face alike.

    Args:
        face: example of a data set; pictures uint8, points x, y with pixel centres at .5.
        rng: source of every random number.
        settings: shares and limits.

    Returns:
        The face with the same keys. Left and right (landmarks, classes of the parsing map) are
        those of the new image; the yaw of a mirrored face has the other sign.
    """
    if rng.random() < settings.flip:
        face = {key: _mirrored(key, value, face["image"].shape[1]) for key, value in face.items()}
    if settings.shift or settings.rotation:
        side = face["image"].shape[0]
        angle = rng.uniform(-settings.rotation, settings.rotation)
        matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1.0)
        matrix[:, 2] += rng.uniform(-settings.shift, settings.shift, 2) * side
        face = {key: _moved(key, value, matrix) for key, value in face.items()}
    return face


def _mirrored(key: str, value: np.ndarray, width: int) -> np.ndarray:
    if key == "parsing":
        return _MIRRORED_CLASSES[value[:, ::-1]]
    if key in (*_PICTURES, *_MAPS, *_SHARES):
        return cv2.flip(value, 1)
    if key in _POINTS:
        return (value * (-1, 1) + (width, 0))[list(_MIRRORED_POINTS)].astype(value.dtype)
    return -value if key == "yaw" else value


def _moved(key: str, value: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`matrix` maps points whose pixel centres are at .5, as the landmarks are."""
    if key in _POINTS:
        return (value @ matrix[:, :2].T + matrix[:, 2]).astype(value.dtype)
    if key not in (*_PICTURES, *_MAPS, *_SHARES):
        return value
    centred = matrix.copy()  # OpenCV counts pixel centres from 0
    centred[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    size = value.shape[1::-1]
    if key in _MAPS:
        return cv2.warpAffine(value, centred, size, flags=cv2.INTER_NEAREST)
    border = _BORDER if key in ("image", "frontal") else (0, 0, 0)
    flags = cv2.INTER_NEAREST if key == "color" else cv2.INTER_LINEAR
    return cv2.warpAffine(
        value, centred, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=border
    )
