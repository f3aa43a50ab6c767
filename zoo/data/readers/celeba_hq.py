"""CelebA-HQ and CelebAMask-HQ: 30,000 photographs of CelebA at 1024 pixels, with parsing masks."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from zoo.data.images import read_image
from zoo.data.readers import crops
from zoo.data.readers.index_files import (
    check_values,
    find_file,
    malformed,
    names_in,
    read_lines,
    read_table,
)
from zoo.data.readers.parsing import landmarks_of, shrink_map, sort_sides
from zoo.data.readers.reader import Reader
from zoo.errors import ZooError

COUNT = 30_000
"""Photographs of the whole set."""

TRAINED = 29_000
"""Photographs with which SC-FEGAN trains; the last 1,000 are for tests (ours: it does not say)."""

MASK_SIDE = 1024
"""Largest side of a mask that is read (ours); the set's are 512 pixels."""

MASKS_PER_FOLDER = 2000

CLASSES = {
    "skin": 1,
    "nose": 6,
    "eye_g": 11,
    "l_eye": 4,
    "r_eye": 5,
    "l_brow": 2,
    "r_brow": 3,
    "l_ear": 1,
    "r_ear": 1,
    "mouth": 8,
    "u_lip": 7,
    "l_lip": 9,
    "hair": 10,
    "hat": 0,
    "ear_r": None,
    "neck_l": None,
    "neck": 12,
    "cloth": 13,
}
"""Mask of CelebAMask-HQ -> class of ours; later ones cover earlier ones.

Ears are skin, as in Helen's labels hats are background; jewellery is what it lies on.
"""

_NUMBERED = re.compile(r"\D*(\d+)\.(png|jpg|jpeg)", re.IGNORECASE)
_SIDES = ("train", "val", "test")
_MASKS = "CelebAMask-HQ-mask-anno"


class CelebAHQ(Reader):
    """CelebA-HQ (Karras et al., ICLR 2018) as a folder of numbered PNG or JPEG files.

    Licence: non-commercial research only, as CelebA's.

    Examples have `image` and `identity`. `splits` are "train" (numbers below 29,000) and "test".

    Args:
        directory: the photographs, such as 00000.png to 29999.png, or 1.jpg to 30000.jpg.
        size: side of the pictures in pixels.
        **options: of `Reader`.

    Raises:
        ZooError: no numbered pictures, or numbers are missing between 0 and the last.
    """

    folder = "."

    def __init__(self, directory: str | os.PathLike, size: int, **options: str):
        super().__init__(directory, size, **options)
        pictures = self._pictures()
        numbers = self._numbers(pictures)
        self._hold([pictures[n] for n in numbers], splits=_halves(numbers))

    def _pictures(self) -> dict[int, str]:
        """Number -> name of each picture, relative to the directory."""
        folder, found = self.directory / self.folder, {}
        if not folder.is_dir():
            raise ZooError(f"{self.directory} lacks the folder {self.folder}")
        for name in names_in(folder):
            match = _NUMBERED.fullmatch(name)
            if not match:
                continue
            number = int(match[1])
            if number in found:
                raise ZooError(f"{folder}: {found[number]} and {name} have the same number")
            found[number] = name
        last = max(found, default=0)
        if last > COUNT:
            raise ZooError(f"{folder / found[last]}: CelebA-HQ has only {COUNT:,} pictures")
        first = int(last == COUNT and 0 not in found)  # some copies count from 1
        return {n - first: (Path(self.folder) / name).as_posix() for n, name in found.items()}

    def _numbers(self, pictures: dict[int, str]) -> list[int]:
        """The numbers in order; those missing below the last are reported."""
        legal = range(max(pictures, default=-1) + 1)
        missing = [str(n) for n in legal if n not in pictures]
        if missing:
            self._report(missing, "pictures missing, by number", len(legal))
        return sorted(pictures)

    def _read(self, index: int) -> dict[str, np.ndarray]:
        path = self.directory / self.names[index]
        return {"image": crops.area(_square(read_image(path), path), self.size)}


class CelebAMaskHQ(CelebAHQ):
    """CelebAMask-HQ (Lee et al., CVPR 2020): CelebA-HQ with up to 18 masks of 512 pixels each.

    Licence: non-commercial research and education only.

    Examples have `image`, `identity`, `parsing` (size, size) uint8 in the order of `PARSING_NAMES`,
    `attributes` (40,) uint8, and `landmarks` (5, 2) float32, which the set lacks and which are
    estimated from the parsing map, with `landmarks_visible` (5,) uint8, 0 where a part was hidden.

    Args:
        directory: holds `CelebA-HQ-img`, `CelebAMask-HQ-mask-anno` and
            `CelebAMask-HQ-attribute-anno.txt`.
        size: side of the pictures in pixels.
        celeba: directory with CelebA's list_eval_partition.txt and identity_CelebA.txt. With it,
            identities and splits are CelebA's (24,183 / 2,993 / 2,824 pictures), found through
            CelebA-HQ-to-CelebA-mapping.txt; without, they are those of `CelebAHQ`.
        **options: of `Reader`.

    Raises:
        ZooError: files are missing or malformed, or their rows do not fit.
    """

    folder = "CelebA-HQ-img"

    def __init__(
        self,
        directory: str | os.PathLike,
        size: int,
        *,
        celeba: str | os.PathLike | None = None,
        **options: str,
    ):
        Reader.__init__(self, directory, size, **options)
        if not (self.directory / _MASKS).is_dir():
            raise ZooError(f"{self.directory} lacks the folder {_MASKS}")
        table = read_table(find_file(self.directory, "CelebAMask-HQ-attribute-anno.txt"))
        check_values(table, (-1, 1))
        if table.declared != len(table.rows):
            why = f"line 1 says {table.declared:,} rows, but {len(table.rows):,} follow"
            self._report([table.path.name], why)
        rows = {name.split(".")[0]: row for name, row in table.rows.items()}
        pictures = self._pictures()
        known = self._complete(map(str, self._numbers(pictures)), {"attributes": rows}, "picture ")
        self.attribute_names = table.columns
        self._attributes = table.values[[rows[name] for name in known]] > 0
        self._order = [int(name) for name in known]
        names = [pictures[n] for n in self._order]
        if celeba is None:
            self._hold(names, splits=_halves(self._order))
        else:
            self._hold(names, *_of_celeba(self.directory, Path(celeba), self._order))

    def _read(self, index: int) -> dict[str, np.ndarray]:
        example = super()._read(index)
        example["attributes"] = self._attributes[index].astype(np.uint8)
        if self._wants("parsing", "color", "landmarks", "landmarks_visible"):
            parsing = self._parsing(self._order[index])
            landmarks, visible = landmarks_of(parsing)
            example["parsing"] = shrink_map(parsing, self.size)
            example["landmarks"] = landmarks * np.float32(self.size / len(parsing))
            example["landmarks_visible"] = visible
        return example

    def _parsing(self, number: int) -> np.ndarray:
        """(512, 512) uint8; what is not to be seen has no mask file, but skin always has one."""
        folder = self.directory / _MASKS / str(number // MASKS_PER_FOLDER)
        parsing = None
        for name, value in CLASSES.items():
            path = folder / f"{number:05d}_{name}.png"
            if value is None or (name != "skin" and not path.exists()):
                continue
            mask = _square(read_image(path, max_pixels=MASK_SIDE**2), path)[..., 0] > 127
            if parsing is None:
                parsing = np.zeros(mask.shape, np.uint8)
            if mask.shape != parsing.shape:
                raise ZooError(f"{path} is {len(mask)} pixels high, not {len(parsing)} as the skin")
            parsing[mask] = value
        return sort_sides(parsing)


def _square(image: np.ndarray, path: Path) -> np.ndarray:
    if image.shape[0] != image.shape[1]:
        raise ZooError(f"{path} is {image.shape[1]} x {image.shape[0]} pixels; legal: a square")
    return image


def _halves(numbers: list[int]) -> dict[str, np.ndarray]:
    trained = np.array(numbers) < TRAINED
    return {"train": np.flatnonzero(trained), "test": np.flatnonzero(~trained)}


def _of_celeba(
    directory: Path, celeba: Path, numbers: list[int]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Identities and splits that CelebA gives to the pictures of these numbers."""
    path = find_file(directory, "CelebA-HQ-to-CelebA-mapping.txt")
    originals = {}
    for line, text in enumerate(read_lines(path)[1:], 2):  # the first line has the columns' names
        fields = text.split()
        if len(fields) != 3 or not fields[0].isdecimal():
            raise malformed(path, line, text, "number, number in CelebA, file in CelebA")
        originals[int(fields[0])] = fields[2]
    values = {}
    for name, folder in (("identity_CelebA.txt", "Anno"), ("list_eval_partition.txt", "Eval")):
        table = read_table(find_file(celeba, name, f"{folder}/{name}"), 1)
        lacking = [n for n in numbers if originals.get(n) not in table.rows]
        if lacking:
            raise ZooError(
                f"{table.path} or {path} lacks {len(lacking):,} of {len(numbers):,} pictures, "
                f"such as number {lacking[0]}"
            )
        values[folder] = table.values[[table.rows[originals[n]] for n in numbers], 0]
    sides = {side: np.flatnonzero(values["Eval"] == i) for i, side in enumerate(_SIDES)}
    return values["Anno"], sides
