"""LFW: 13,233 photographs of 5,749 people, and 6,000 pairs to verify."""

from __future__ import annotations

import os
import re

import numpy as np

from zoo.data.images import read_image
from zoo.data.readers import crops
from zoo.data.readers.index_files import find_file, is_count, malformed, names_in, read_lines
from zoo.data.readers.reader import Reader
from zoo.errors import ZooError

SIDE = 250
"""Height and width of the photographs in pixels."""

_NAME = re.compile(r"([\w.\-]+)_(\d{4})\.jpg")


class LFW(Reader):
    """Labeled Faces in the Wild (Huang et al., 2007), in any of its alignments.

    Licence: none is stated; the press photographs are for research.

    Examples have `image` and `identity`, the rank of the person's name, from 0.

    Args:
        directory: holds `lfw` (or `lfw-deepfunneled`, `lfw_funneled`) with a folder per person,
            and pairs.txt.
        size: side of the pictures in pixels.
        side: side in pixels of the square cut out of the middle of the photographs. Faces fill
            about 150 of the 250.
        pairs: file of the pairs: "pairs.txt" (10 folds of 300 + 300), or pairsDevTrain.txt and
            pairsDevTest.txt (one fold of 1,100 + 1,100 and of 500 + 500).
        **options: of `Reader`. A pair of which a picture is missing is skipped with it.

    Attributes:
        people: names, in the order of the identities.
        pairs: (n, 2) int64, indices of two examples.
        same: (n,) bool, whether they are the same person.
        folds: (n,) int64, fold of each pair, from 0.

    Raises:
        ZooError: files are missing or malformed, or a pair names a picture that is not there.
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        size: int,
        *,
        side: int = SIDE,
        pairs: str = "pairs.txt",
        **options: str,
    ):
        super().__init__(directory, size, **options)
        if not 1 <= side <= SIDE:
            raise ZooError(f"side is {side}; legal are 1 to {SIDE} pixels")
        first = (SIDE - side) // 2
        self._crop = crops.Crop(first, first, side, crops.area)
        folders = ("lfw", "lfw-deepfunneled", "lfw_funneled")
        present = [name for name in folders if (self.directory / name).is_dir()]
        if len(present) != 1:
            raise ZooError(
                f"{self.directory} needs one folder of {', '.join(folders)}; it has {len(present)}"
            )
        self._folder = present[0]
        names = self._names()
        self.people = sorted({name.split("/")[1] for name in names})
        rank = {person: i for i, person in enumerate(self.people)}
        self._hold(names, np.array([rank[name.split("/")[1]] for name in names]))
        self._read_pairs(pairs)

    def _names(self) -> list[str]:
        """Relative name of each picture, by person and number."""
        found = []
        people = self.directory / self._folder
        for person in names_in(people):
            for name in names_in(people / person) if (people / person).is_dir() else ():
                match = _NAME.fullmatch(name)
                if match and match[1] == person:
                    found.append(f"{self._folder}/{person}/{name}")
        return found

    def _read_pairs(self, name: str) -> None:
        path = find_file(self.directory, name)
        lines = read_lines(path)
        folds, each = _header(path, lines)
        if len(lines) != 1 + 2 * folds * each:
            why = (
                f"{folds} folds of 2 x {each} pairs announced, but {len(lines) - 1:,} lines follow"
            )
            self._report([name], why)
        place = {name: i for i, name in enumerate(self.names)}
        rows, missing = [], {}
        for number, text in enumerate(lines[1:]):
            pair = self._pair(path, number + 2, text)
            lacking = [name for name in pair if name not in place]
            missing.update(dict.fromkeys(lacking))
            if not lacking:
                same = number % (2 * each) < each  # each fold: first the same, then different
                if same != (pair[0].split("/")[1] == pair[1].split("/")[1]):
                    legal = "a pair of one person" if same else "a pair of two people"
                    raise malformed(path, number + 2, text, legal)
                rows.append((place[pair[0]], place[pair[1]], same, number // (2 * each)))
        if missing:
            self._report(list(missing), "pictures of pairs missing")
        table = np.array(rows, np.int64).reshape(-1, 4)
        self.pairs, self.same, self.folds = table[:, :2], table[:, 2] == 1, table[:, 3]

    def _pair(self, path, line: int, text: str) -> tuple[str, str]:
        """Names of two pictures: `name n m`, or `name n other m`, between tabs."""
        fields = text.split()
        if len(fields) == 3:
            fields = [fields[0], fields[1], fields[0], fields[2]]
        if len(fields) != 4 or not (is_count(fields[1]) and is_count(fields[3])):
            raise malformed(path, line, text, "name n m, or name n other m")
        pairs = ((fields[0], int(fields[1])), (fields[2], int(fields[3])))
        first, second = (f"{self._folder}/{p}/{p}_{n:04d}.jpg" for p, n in pairs)
        return first, second

    def _read(self, index: int) -> dict[str, np.ndarray]:
        path = self.directory / self.names[index]
        image = read_image(path)
        if image.shape[:2] != (SIDE, SIDE):
            raise ZooError(
                f"{path} is {image.shape[1]} x {image.shape[0]} pixels (width x height); "
                f"LFW's are {SIDE} x {SIDE}"
            )
        return {"image": self._crop.picture(image, self.size)}


def _header(path, lines: list[str]) -> tuple[int, int]:
    """Number of folds and of pairs of each kind in a fold."""
    fields = lines[0].split() if lines else []
    if not 1 <= len(fields) <= 2 or not all(is_count(f) and int(f) for f in fields):
        raise malformed(path, 1, lines[0] if lines else "", "folds and pairs, or pairs")
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 else (1, int(fields[0]))
