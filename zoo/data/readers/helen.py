"""Helen with the eleven classes of the SmithCVPR2013 release: what GFC's parsing network saw."""

from __future__ import annotations

import os

import numpy as np

from zoo.data.images import read_image
from zoo.data.readers import crops
from zoo.data.readers.index_files import check_name, find_file, malformed, names_in, read_lines
from zoo.data.readers.parsing import landmarks_of, sort_sides
from zoo.data.readers.reader import Reader
from zoo.errors import ZooError

LISTS = {"train": "exemplars.txt", "val": "tuning.txt", "test": "testing.txt"}
"""File of each split: 2,000, 230 and 100 photographs."""

CLASSES = 11

_FACE = range(1, 10)  # skin to lower lip; hair may hang far down
_MARGIN = 1.6  # side of the square cut out, as a multiple of the face's longer side (ours)


class Helen(Reader):
    """Helen (Le et al., ECCV 2012) with the parsing labels of Smith et al. (CVPR 2013).

    Licence: the photographs are of Flickr's users; for research only.

    Examples have `image`, `identity`, `parsing` (size, size) uint8, classes 0 to 10 of
    `PARSING_NAMES`, and `landmarks` (5, 2) float32, which are estimated from the parsing map, with
    `landmarks_visible` (5,) uint8. The photographs are not aligned: the square is 1.6 times the
    face's longer side around its middle; beyond the photograph its last pixels are repeated.

    Args:
        directory: `SmithCVPR2013_dataset_resized`: holds `images`, `labels` and the three lists.
        size: side of the pictures in pixels.
        **options: of `Reader`.

    Raises:
        ZooError: files are missing or malformed.
    """

    def __init__(self, directory: str | os.PathLike, size: int, **options: str):
        super().__init__(directory, size, **options)
        named = {side: self._listed(name) for side, name in LISTS.items()}
        pictures, labelled = self._entries("images"), self._entries("labels")
        held: list[str] = []
        splits = {}
        for side, names in named.items():
            parts = {"picture": {p.removesuffix(".jpg") for p in pictures}, "labels": labelled}
            names = self._complete(names, parts)
            splits[side] = np.arange(len(held), len(held) + len(names))
            held += names
        self._hold([f"images/{name}.jpg" for name in held], splits=splits)
        self._stems = held

    def _entries(self, folder: str) -> set[str]:
        if not (self.directory / folder).is_dir():
            raise ZooError(f"{self.directory} lacks the folder {folder}")
        return set(names_in(self.directory / folder))

    def _listed(self, name: str) -> list[str]:
        """Names of one list, whose lines are `1 , 100032540_1`."""
        path = find_file(self.directory, name)
        names = []
        for line, text in enumerate(read_lines(path), 1):
            number, _, stem = (part.strip() for part in text.partition(","))
            if not number.isdecimal() or not stem:
                raise malformed(path, line, text, "number , name")
            check_name(stem, path, line, text)
            names.append(stem)
        return names

    def _read(self, index: int) -> dict[str, np.ndarray]:
        image = read_image(self.directory / self.names[index])
        shares = self._shares(self._stems[index], image.shape[:2])  # (11, H, W)
        rows, columns = np.nonzero(np.isin(_classes(shares), _FACE))
        if not len(rows):
            raise ZooError(f"labels/{self._stems[index]}: no pixel is labelled as face")
        box = (np.min(columns), np.min(rows), np.max(columns) + 1, np.max(rows) + 1)
        center = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        side = round(_MARGIN * max(box[2] - box[0], box[3] - box[1]))
        cut = crops.square_around(image, center, side)
        layers = np.stack([crops.square_around(share, center, side) for share in shares])
        small = np.stack([crops.area(layer, self.size) for layer in layers])
        landmarks, visible = landmarks_of(sort_sides(_classes(layers)))
        return {
            "image": crops.area(cut, self.size),
            "parsing": sort_sides(_classes(small)),
            "landmarks": landmarks * np.float32(self.size / side),
            "landmarks_visible": visible,
        }

    def _shares(self, stem: str, shape: tuple[int, int]) -> np.ndarray:
        """How much of each pixel each class has, (11, H, W) uint8."""
        layers = []
        for label in range(CLASSES):
            path = self.directory / "labels" / stem / f"{stem}_lbl{label:02d}.png"
            layer = read_image(path)[..., 0]
            if layer.shape != shape:
                raise ZooError(f"{path} is {layer.shape}, but the picture is {shape}")
            layers.append(layer)
        return np.stack(layers)


def _classes(layers: np.ndarray) -> np.ndarray:
    """The likeliest class of each pixel, (H, W) uint8."""
    return layers.argmax(axis=0).astype(np.uint8)
