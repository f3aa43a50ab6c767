"""One's own photographs: faces are found, cut out upright, and can be pasted back."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from zoo.data.alignment import Alignment, align
from zoo.data.detector import detect_landmarks
from zoo.data.images import read_image
from zoo.data.readers.celeba import CROPS
from zoo.data.readers.parsing import USUAL_LANDMARKS
from zoo.data.readers.photos import photographs
from zoo.data.readers.reader import Reader
from zoo.errors import ZooError
from zoo.registry import check_names

FRAMES = (*CROPS, "celeba_hq", "light_cnn")
"""How a face may lie in its square."""

# about where CelebA's aligned photographs of 178 x 218 pixels have the landmarks (ours)
_CELEBA_LANDMARKS = np.array(
    [[69.5, 111.5], [108.5, 111.5], [89.0, 136.0], [72.5, 152.5], [105.5, 152.5]]
)


class FaceFolder(Reader):
    """The largest face of every photograph in a folder, upright in a square.

    Examples have `image`, `identity`, `landmarks` (5, 2) float32 and `transform` (2, 3) float64,
    which maps points of the photograph to points of the example; `paste_back` reverses it.

    Args:
        directory: searched as by `PhotoFolder`.
        size: side of the pictures in pixels.
        frame: how the face lies in the square, see `frame_alignment`.
        detect: finds the largest face of a photograph: (H, W, 3) uint8 -> landmarks (5, 2), or
            raises ZooError; None takes `zoo.data.detector` (the extra `detect`).
        **options: of `Reader`. A photograph without a face counts as unreadable.

    Raises:
        ZooError: no pictures, or an illegal argument.
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        size: int,
        *,
        frame: str = "stgan",
        detect: Callable[[np.ndarray], np.ndarray] | None = None,
        **options: str,
    ):
        super().__init__(directory, size, **options)
        check_names("frame", [frame], FRAMES)
        self._frame = frame
        self._detect = detect or detect_landmarks
        self._points: dict[int, np.ndarray] = {}  # detection takes longer than all else
        self._hold(photographs(self))

    def photograph(self, index: int) -> np.ndarray:
        """The whole photograph of an example, (H, W, 3) uint8 RGB, for `paste_back`."""
        return read_image(self.directory / self.names[index])

    def _read(self, index: int) -> dict[str, np.ndarray]:
        photo = self.photograph(index)
        if index not in self._points:
            try:
                self._points[index] = self._detect(photo)
            except ZooError as error:
                raise ZooError(f"{self.directory / self.names[index]}: {error}") from error
        placed = frame_alignment(self._points[index], self._frame, self.size)
        return {
            "image": placed.crop(photo),
            "landmarks": placed.points(self._points[index]),
            "transform": placed.matrix,
        }


def frame_alignment(points: np.ndarray, frame: str, size: int) -> Alignment:
    """Where five landmarks of a photograph put its face.

    Args:
        points: (5, 2), x, y with pixel centres at .5, in the order of the batch contract.
        frame: "light_cnn" (as TP-GAN's faces; by `zoo.data.alignment.align`); a key of
            `zoo.data.readers.celeba.CROPS`, as that crop of CelebA's aligned photographs has a
            face; or "celeba_hq". The latter two fit all five landmarks by least squares.
        size: side of the square in pixels.

    Raises:
        ZooError: the points coincide, or the mouth is not below the eyes.
    """
    if frame == "light_cnn":
        return align(points, size)
    if frame == "celeba_hq":
        return Alignment(similarity(points, USUAL_LANDMARKS * size), size)
    places = CROPS[frame].points(_CELEBA_LANDMARKS, size)
    return Alignment(similarity(points, places), size)


def similarity(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The turn, scale and shift that bring points (n, 2) nearest to places (n, 2).

    Returns:
        (2, 3) float64, by least squares; it never mirrors.

    Raises:
        ZooError: the points coincide.
    """
    here, there = (np.asarray(p, np.float64) @ (1, 1j) for p in (points, places))
    centered = here - here.mean()
    spread = np.sum(np.abs(centered) ** 2)
    if not spread > 1e-6:
        raise ZooError(f"a face needs landmarks at different places; received {points}")
    turn = np.sum(centered.conj() * (there - there.mean())) / spread  # scale and angle
    shift = there.mean() - turn * here.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def paste_back(photo: np.ndarray, result: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Puts a face that a model changed back into the photograph it was cut from.

    Args:
        photo: (H, W, 3) uint8.
        result: (size, size, 3) uint8, in the place of the example's `image`.
        transform: (2, 3), the example's.

    Returns:
        (H, W, 3) uint8: with a soft seam, and outside of it the photograph itself.

    Raises:
        ZooError: wrong types or shapes, or a transform that cannot be reversed.
    """
    for name, image in (("photo", photo), ("result", result)):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ZooError(f"{name} must be (H, W, 3) uint8; received {image.dtype} {image.shape}")
    if result.shape[0] != result.shape[1]:
        raise ZooError(f"result must be a square; received {result.shape}")
    transform = np.asarray(transform, np.float64)
    if transform.shape != (2, 3) or not abs(np.linalg.det(transform[:, :2])) > 1e-12:
        raise ZooError(f"transform must be a (2, 3) similarity; received {transform.tolist()}")
    return Alignment(transform, len(result)).paste(result, photo)
