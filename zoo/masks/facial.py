"""The six holes on which Generative Face Completion is measured: halves of a face and its eyes."""

from __future__ import annotations

import numpy as np

from zoo.errors import ZooError, did_you_mean

# part -> rows and columns (first, behind the last) at 128 x 128. The paper names the parts; the
# boxes are ours.
PARTS = {
    "O1": ((24, 120), (0, 64)),  # left half, as seen in the image
    "O2": ((24, 120), (64, 128)),  # right half
    "O3": ((44, 68), (24, 104)),  # both eyes
    "O4": ((44, 68), (24, 64)),  # left eye, as seen in the image
    "O5": ((44, 68), (64, 104)),  # right eye
    "O6": ((72, 120), (24, 104)),  # lower half
}
_SIZE = 128
_EYES_MIDDLE = (56.0, 64.0)  # row and column between the eyes' boxes, measured to pixel edges
_EYES_DISTANCE = 40.0


def facial_part(
    height: int, width: int, part: str, landmarks: np.ndarray | None = None
) -> np.ndarray:
    """Makes one part of a face a hole.

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        part: "O1" left half, "O2" right half, "O3" both eyes, "O4" left eye, "O5" right eye, "O6"
            lower half; left and right as seen in the image.
        landmarks: (5, 2) pixels x, y, the two eyes first. The boxes are then moved and scaled with
            the eyes, but not turned; what lies outside the image is cut off. None takes an aligned
            face that fills the image: the boxes are scaled with it.

    Returns:
        (height, width, 1) float32 in {0, 1}; 1 = hole.

    Raises:
        ZooError: unknown part, landmarks of the wrong shape or without distance between the eyes,
            or a part that lies outside the image.
    """
    if part not in PARTS:
        raise ZooError(
            f"unknown part {part!r}; legal are {', '.join(PARTS)}.{did_you_mean(part, PARTS)}"
        )
    sides = np.array([height, width], float)
    middle, scale = np.array(_EYES_MIDDLE) * sides / _SIZE, sides / _SIZE
    if landmarks is not None:
        middle, scale = _eyes(landmarks)
    edges = middle + (np.array(PARTS[part]).T - _EYES_MIDDLE) * scale  # (first and last, row, col)
    (top, left), (bottom, right) = np.clip(edges.round(), 0, sides).astype(int)
    mask = np.zeros((height, width, 1), np.float32)
    mask[top:bottom, left:right] = 1
    if not mask.any():
        raise ZooError(f"part {part} lies outside the image of {width} x {height} pixels")
    return mask


def _eyes(landmarks: np.ndarray) -> tuple[np.ndarray, float]:
    """Row and column of the pixel edge between the eyes, and the scale of the face."""
    points = np.asarray(landmarks, float)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise ZooError(
            f"landmarks must be 5 finite points (x, y), shape (5, 2); received {points.shape}"
        )
    distance = np.hypot(*(points[1] - points[0]))
    if distance < 1:
        raise ZooError("landmarks: the eyes are less than one pixel apart")
    return points[:2].mean(axis=0)[::-1] + 0.5, distance / _EYES_DISTANCE
