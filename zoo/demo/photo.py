"""The one photograph that every installation has: scikit-image's astronaut, a public NASA photo."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from zoo.errors import ZooError

BOX = (134, 9, 180, 180)
"""The face, framed like a SynthFaces picture: left, top, width, height."""

LANDMARKS = ((204.5, 100.5), (245.5, 102.5), (224.5, 126.5), (202.5, 139.5), (244.5, 140.5))
"""Eyes, nose and corners of the mouth, as `zoo.data.detector` finds them."""

ATTRIBUTES = ("Brown_Hair", "Mouth_Slightly_Open", "No_Beard", "Young")
"""What she has, of the attributes that are edited."""

# What is drawn there, in pixels of the photo: holes (center, half axes), colours and lines.
_HOLES = [((203, 98), (19, 14)), ((222, 145), (31, 14))]
_SKIN = (226, 178, 158)
_STROKES = [  # points, width, colour
    ([(191, 92), (203, 89), (214, 92)], 3, (150, 105, 80)),  # brow
    ([(195, 101), (211, 101)], 6, (200, 180, 170)),  # white of the eye
    ([(202, 101), (204, 101)], 6, (70, 95, 60)),  # iris
    ([(205, 141), (222, 146), (239, 141)], 8, (190, 70, 80)),  # lips
    ([(214, 147), (230, 147)], 8, (190, 70, 80)),
]
_LINES = [
    [(191, 92), (198, 89), (206, 89), (214, 92)],  # brow
    [(192, 102), (197, 97), (204, 96), (210, 98), (214, 102)],  # lids
    [(194, 104), (203, 106), (212, 104)],
    [(202, 139), (213, 137), (222, 139), (231, 137), (242, 139)],  # upper lip
    [(200, 140), (211, 144), (222, 145), (233, 144), (244, 140)],  # between the lips
    [(207, 147), (215, 152), (229, 152), (237, 147)],  # lower lip
]


@dataclass
class Edit:
    """A picture, what is erased, and what is drawn into the hole."""

    title: str
    image: np.ndarray  # (H, W, 3) uint8
    mask: np.ndarray  # (H, W, 1) float32, 1 = hole
    sketch: np.ndarray  # (H, W) uint8 {0, 1}
    color: np.ndarray  # (H, W, 3) uint8, black = none

    @property
    def erased(self) -> np.ndarray:
        """The picture with a white hole."""
        return np.where(self.mask > 0, np.uint8(255), self.image)

    @property
    def drawn(self) -> np.ndarray:
        """The erased picture with colours and lines in the hole."""
        hole = self.mask > 0
        painted = np.where(hole & self.color.any(axis=-1, keepdims=True), self.color, self.erased)
        return np.where(hole & (self.sketch[..., None] > 0), np.uint8(0), painted)

    def cut(self, box: tuple[int, int, int, int]) -> Edit:
        """A box of it: left, top, width, height."""
        parts = [self.image, self.mask, self.sketch, self.color]
        return Edit(self.title, *(cut(part, box) for part in parts))

    def apply(self, model, **options) -> np.ndarray:
        """What a model that reads hints makes of it; options are those of `zoo.tasks.complete`."""
        hints = {"sketch": self.sketch, "color": self.color}
        return model.complete(self.image, self.mask, **hints, **options)


def cut(picture: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """A box of a picture: left, top, width, height."""
    left, top, width, height = box
    return picture[top : top + height, left : left + width]


def astronaut() -> Edit:
    """The photo, with a hole, lines and colour on the face.

    The laughing mouth is erased and drawn anew, closed and redder; one eye with its brow is erased
    and drawn where it was, the iris green.

    Raises:
        ZooError: scikit-image is not installed.
    """
    try:
        from skimage.data import astronaut as photo
    except ImportError as error:
        raise ZooError(
            "the photo of the demo needs scikit-image: pip install 'face-gan-zoo[demo]'"
        ) from error
    image = np.ascontiguousarray(photo())
    mask, sketch = (np.zeros(image.shape[:2], np.uint8) for _ in range(2))
    color = np.zeros_like(image)
    for center, axes in _HOLES:
        cv2.ellipse(mask, center, axes, 0, 0, 360, 1, cv2.FILLED)
        cv2.ellipse(color, center, axes, 0, 0, 360, _SKIN, cv2.FILLED)
    for points, width, paint in _STROKES:
        cv2.polylines(color, [np.int32(points)], False, paint, width)
    cv2.polylines(sketch, [np.int32(line) for line in _LINES], False, 1, 2)
    return Edit("astronaut", image, mask[..., None].astype(np.float32), sketch, color)
