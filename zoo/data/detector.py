"""Five landmarks of the face in a photo, by MTCNN (the extra `detect`)."""

from __future__ import annotations

import functools

import numpy as np

from zoo.errors import ZooError

_NAMES = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


def detect_landmarks(image: np.ndarray, min_confidence: float = 0.9) -> np.ndarray:
    """Landmarks of the largest face.

    Args:
        image: (H, W, 3) uint8 RGB.
        min_confidence: faces of which the detector is less sure are passed over, 0 to 1.

    Returns:
        (5, 2) float32, x, y in pixels, centres at .5: left eye, right eye, nose, left and right
        mouth corner, left and right as seen in the image. MTCNN rounds to whole pixels.

    Raises:
        ZooError: MTCNN is not installed, the image is no uint8 RGB picture, or it has no face.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ZooError(
            f"image must be (H, W, 3) uint8 RGB; received {image.dtype} {tuple(image.shape)}"
        )
    found = [f for f in _faces(image) if f["confidence"] >= min_confidence]
    if not found:
        raise ZooError(
            f"no face found in the image of {image.shape[1]} x {image.shape[0]} pixels with "
            f"confidence {min_confidence}; give landmarks"
        )
    largest = max(found, key=lambda face: face["box"][2] * face["box"][3])
    points = np.array([largest["keypoints"][name] for name in _NAMES], np.float32)
    return points + np.float32(0.5)  # a mirrored face is found at width - 1 - x: indices of pixels


def _faces(image: np.ndarray) -> list[dict]:
    detector = _detector()
    try:
        return detector.detect_faces(image)
    except ValueError:  # how MTCNN fails on pictures too small for its pyramid, or without faces
        return []


@functools.lru_cache(maxsize=1)
def _detector():
    try:
        from mtcnn import MTCNN
    except ImportError as error:
        raise ZooError(
            "finding the face needs the mtcnn package: pip install 'face-gan-zoo[detect]'; "
            "or give landmarks"
        ) from error
    return MTCNN()
