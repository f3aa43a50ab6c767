"""Faces brought to one place and size by five points, as TP-GAN and Light CNN want them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from zoo.errors import ZooError

# At 128 pixels: row and column of the middle of the eyes, and from there down to the mouth's.
EYES_ROW, EYES_COLUMN, EYES_TO_MOUTH = 40.0 / 128, 64.0 / 128, 48.0 / 128
_SIDE = 128


@dataclass(frozen=True)
class Alignment:
    """Where a face of a photo lies in an upright square crop.

    Points are x, y in pixels; the centre of the first pixel is (0.5, 0.5).

    Attributes:
        matrix: (2, 3) float64, similarity that takes points of the photo to points of the crop.
        size: side of the crop, pixels.
    """

    matrix: np.ndarray
    size: int

    @property
    def scale(self) -> float:
        """Pixels of the crop per pixel of the photo."""
        return float(math.hypot(*self.matrix[:, 0]))

    @property
    def inverse(self) -> np.ndarray:
        """(2, 3) float64, takes points of the crop to points of the photo."""
        return cv2.invertAffineTransform(self.matrix)

    def points(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) of the photo in the crop, float32."""
        return _moved(self.matrix, points)

    def points_back(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) of the crop in the photo, float32."""
        return _moved(self.inverse, points)

    def crop(self, image: np.ndarray) -> np.ndarray:
        """Cuts the face out of the photo: (size, size, 3) uint8; black beyond the photo's edge.

        Bicubic, after the photo was averaged down where the face is much larger than the crop. A
        pixel is either of the photo or black: nothing of the black is mixed into the photo.
        """
        shape = image.shape[:2]
        shrink = max(1, int(1.0 / self.scale))
        matrix = self.matrix @ np.diag([shrink, shrink, 1.0])
        if shrink > 1:
            height, width = (math.ceil(side / shrink) * shrink for side in image.shape[:2])
            bottom, right = height - image.shape[0], width - image.shape[1]
            image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
            small = (width // shrink, height // shrink)
            image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        crop = _warped(image, matrix, (self.size, self.size))
        crop[_beyond(self._places(), shape)] = 0
        return crop

    def paste(self, face: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Puts a crop back into a copy of the photo, with a soft edge a sixteenth of it wide.

        What the crop has beyond the photo's edge, such as black, does not count: its last pixels
        within the photo are repeated there first, so that the edge gets no fringe.

        Args:
            face: (size, size, 3) uint8.
            image: (H, W, 3) uint8, the photo.
        """
        shape = image.shape[:2]
        edge = max(1, self.size // 16)
        ramp = np.minimum(np.arange(self.size), np.arange(self.size)[::-1]) / edge
        alpha = np.minimum(1.0, np.minimum(ramp[:, None], ramp)).astype(np.float32)
        alpha = _warped(alpha, self.inverse, shape, cv2.BORDER_CONSTANT)[..., None].clip(0, 1)
        back = _warped(self._extended(face, shape), self.inverse, shape)
        return (back * alpha + image * (1.0 - alpha) + 0.5).astype(np.uint8)

    def _extended(self, face: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """A crop whose last pixels within the photo (H, W) are repeated beyond its edge."""
        places = self._places()
        beyond = _beyond(places, shape)
        if not beyond.any():
            return face
        inset = 1.5 / self.scale  # no neighbour of such a place is beyond the edge
        inner = places.clip(inset, np.maximum(np.array(shape[::-1]) - inset, inset))
        inner = self.points(inner) - np.float32(0.5)  # as OpenCV counts
        filled = cv2.remap(face, inner, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.where(beyond[..., None], filled, face)

    def _places(self) -> np.ndarray:
        """Where each pixel of the crop lies in the photo, (size, size, 2) float64 x, y."""
        x, y = np.meshgrid(np.arange(self.size) + 0.5, np.arange(self.size) + 0.5)
        return np.stack([x, y], axis=-1) @ self.inverse[:, :2].T + self.inverse[:, 2]


def align(landmarks: np.ndarray, size: int = _SIDE) -> Alignment:
    """The crop of a face with level eyes, whose middle is 48/128 of the side above the mouth's.

    The middle of the eyes comes to row 40 and column 64 of 128 (the test crop of Light CNN, which
    TP-GAN uses). The angle comes from the eyes alone, the scale from eyes and mouth corners.

    Args:
        landmarks: (5, 2) x, y in pixels of the photo: left eye, right eye, nose, left and right
            mouth corner, left and right as seen in the image.
        size: side of the crop, pixels.

    Raises:
        ZooError: not five finite points; eyes or corners in the wrong order; a mouth that is not
            below the eyes.
    """
    points = np.asarray(landmarks, np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise ZooError(
            "landmarks must be five finite points (5, 2): left eye, right eye, nose, left and "
            f"right mouth corner; received shape {points.shape}"
        )
    if not 1 <= size <= 4096:
        raise ZooError(f"size is {size}; legal are 1 to 4096 pixels")
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    angle = math.atan2(*(points[1] - points[0])[::-1])
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    height = (turn @ (mouth - eyes))[1]
    if height <= 1e-6:
        raise ZooError(
            "landmarks: once the eyes are level the mouth is not below them; give left and right "
            "as seen in the image, y downwards"
        )
    linear = turn * (EYES_TO_MOUTH * size / height)
    target = np.array([EYES_COLUMN, EYES_ROW]) * size
    return Alignment(np.column_stack([linear, target - linear @ eyes]), size)


def _moved(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return (np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def _beyond(places: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which places (..., 2) x, y are not in a photo (H, W)."""
    return ((places < 0) | (places > shape[::-1])).any(axis=-1)


def _warped(
    image: np.ndarray,
    matrix: np.ndarray,
    shape: tuple[int, int],
    border: int = cv2.BORDER_REPLICATE,
) -> np.ndarray:
    """`image` moved by `matrix`; OpenCV puts the centre of the first pixel at (0, 0)."""
    matrix = matrix.copy()
    matrix[:, 2] += 0.5 * matrix[:, :2].sum(1) - 0.5
    return cv2.warpAffine(image, matrix, shape[::-1], flags=cv2.INTER_CUBIC, borderMode=border)
