"""Parsing maps out of one mask per class, and landmarks out of parsing maps.

Classes are those of `zoo.data.synthfaces.PARSING_NAMES`; left is the left of the image.
"""

from __future__ import annotations

import cv2
import numpy as np

_SIDES = ((2, 3), (4, 5))  # brows and eyes, left and right
_MIDDLE = (1, 6)  # skin and nose: where the middle of the face is
_LEFT_EYE, _RIGHT_EYE, _NOSE, _GLASSES = 4, 5, 6, 11
_LIPS = (7, 8, 9)
_TIP = 0.72  # of the nose's height is above its tip (ours)
# where FFHQ's and CelebA-HQ's alignment puts the landmarks: the square is 4 eye distances wide and
# its centre lies 0.1 eye-mouth distances below the eyes
USUAL_LANDMARKS = np.array([[0.375, 0.47], [0.625, 0.47], [0.5, 0.61], [0.40, 0.74], [0.60, 0.74]])


def shrink_map(parsing: np.ndarray, size: int) -> np.ndarray:
    """Brings a square map of classes to (size, size) uint8; the class with most area wins."""
    if size >= parsing.shape[0]:
        return cv2.resize(parsing, (size, size), interpolation=cv2.INTER_NEAREST)
    classes = np.unique(parsing)
    shares = [
        cv2.resize((parsing == c).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
        for c in classes
    ]
    return classes[np.argmax(shares, axis=0)].astype(np.uint8)


def sort_sides(parsing: np.ndarray) -> np.ndarray:
    """Gives brows and eyes the class of the side of the image on which they are.

    Sets differ in whose left they mean, and a few faces are labelled the wrong way round; of two
    parts the one further left is the left one, and a single part is compared with skin and nose.

    Args:
        parsing: (H, W) uint8.

    Returns:
        The same classes, 2 and 3, and 4 and 5, exchanged where they are on the wrong side.
    """
    result = parsing.copy()
    middle = _mean_x(parsing, _MIDDLE)
    for left, right in _SIDES:
        x_left, x_right = _mean_x(parsing, (left,)), _mean_x(parsing, (right,))
        limit = middle if x_left is None or x_right is None else (x_left + x_right) / 2
        if limit is None:
            continue
        if (x_left is not None and x_left > limit) or (x_right is not None and x_right < limit):
            result[parsing == left], result[parsing == right] = right, left
    return result


def landmarks_of(parsing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Estimates the five landmarks from a parsing map.

    Eyes are the centres of their areas, mouth corners the outermost pixels of lips and inner mouth,
    the tip of the nose a point on its middle line (ours). An eye behind glasses is put in the
    middle of its half of them; what is not to be seen at all is put where aligned faces have it.

    Args:
        parsing: (size, size) uint8 of an upright face.

    Returns:
        Points (5, 2) float32 x, y, and (5,) uint8: 1 where the part itself was found.
    """
    points = (USUAL_LANDMARKS * parsing.shape[0]).astype(np.float32)
    found = np.zeros(5, np.uint8)
    halves = np.arange(parsing.shape[1]) + 0.5 < (_mean_x(parsing, _MIDDLE) or parsing.shape[1] / 2)
    for i, (eye, half) in enumerate(((_LEFT_EYE, halves), (_RIGHT_EYE, ~halves))):
        for seen, area in ((1, parsing == eye), (0, (parsing == _GLASSES) & half)):
            if area.any():
                points[i] = np.argwhere(area)[:, ::-1].mean(axis=0) + 0.5
                found[i] = seen
                break
    nose = np.argwhere(parsing == _NOSE)
    if len(nose):
        top, bottom = nose[:, 0].min(), nose[:, 0].max() + 1
        points[2] = nose[:, 1].mean() + 0.5, top + _TIP * (bottom - top)
        found[2] = 1
    lips = np.argwhere(np.isin(parsing, _LIPS))
    if len(lips):
        for i, x in ((3, lips[:, 1].min()), (4, lips[:, 1].max())):
            points[i] = x + 0.5, lips[lips[:, 1] == x, 0].mean() + 0.5
        found[3:] = 1
    return points, found


def _mean_x(parsing: np.ndarray, classes: tuple[int, ...]) -> float | None:
    columns = np.nonzero(np.isin(parsing, classes))[1]
    return float(columns.mean()) + 0.5 if len(columns) else None
