"""CelebA: aligned photographs of 10,177 celebrities with 40 attributes and five landmarks."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.data.images import read_image
from zoo.data.readers import crops
from zoo.data.readers.crops import Crop
from zoo.data.readers.index_files import (
    Table,
    check_values,
    find_file,
    names_in,
    read_table,
)
from zoo.data.readers.reader import Reader
from zoo.errors import ZooError
from zoo.registry import check_names

ALIGNED = (218, 178)
"""Height and width of the aligned photographs in pixels."""

CROPS = {
    "stgan": Crop(26, 3, 170, crops.tensorflow_bicubic),
    "stgan_64": Crop(40, 15, 148, crops.tensorflow_bicubic),
    "attgan_v1": Crop(26, 3, 170, crops.tensorflow_bicubic),
    "stargan": Crop(20, 0, 178, crops.pillow_bilinear),
    "gfc": Crop(40, 30, 138, crops.bilinear),
}
"""Squares that released codes cut out of the aligned photographs, and how they resize them."""

REALIGNED = "attgan"
"""The crop of AttGAN's current code, for photographs that were aligned anew."""

LABELS = {
    "attributes": ("list_attr_celeba.txt", "Anno"),
    "landmarks": ("list_landmarks_align_celeba.txt", "Anno"),
    "identity": ("identity_CelebA.txt", "Anno"),
}
"""Index file of each kind of label, and the folder in which the set's archive has it."""

SPLITS = ("official", "stgan", "stargan")

_STGAN_ENDS = (182_000, 182_637)  # number of the last picture of train and val
_STARGAN_TEST, _STARGAN_SEED = 1999, 1234
_OFFICIAL = ("train", "val", "test")
_PICTURE = re.compile(r"[\w\-]+\.(jpg|png)")


class CelebA(Reader):
    """CelebA, aligned (Liu et al., ICCV 2015): 202,599 photographs. See README.md for the layout.

    Licence: non-commercial research only; the pictures may not be redistributed.

    Examples have `image`, `identity` and, as `labels` asks, `landmarks` (5, 2) float32 in the order
    of the batch contract and `attributes` (40,) uint8 in {0, 1} in the order of the set.

    Args:
        directory: holds `img_align_celeba` and the index files, or the folders `Img`, `Anno` and
            `Eval` with them.
        size: side of the pictures in pixels.
        crop: a key of `CROPS`: "stgan" (170 pixels from row 26, column 3; bicubic), "stgan_64" (148
            from 40, 15: its 64-pixel mode), "attgan_v1" (as "stgan"), "stargan" (the middle 178),
            "gfc" (138 from 40, 30). Or "attgan", AttGAN's current code: square photographs that
            were aligned anew (by HD-CelebA-Cropper) are resized to 143/128 of `size`, and the
            centre is cut out, or any place by `drawn`, as its training does.
        images: folder of the photographs.
        labels: kinds of labels to read; leave out those whose files are not there. The landmarks
            are those of the aligned photographs, so "attgan" cannot have them.
        split: "official" (162,770 / 19,867 / 19,962; needs list_eval_partition.txt), "stgan" (by
            number: 182,000 / 637 / 19,962) or "stargan" (Python's shuffle of the whole list with
            seed 1234: 1,999 test, the rest train).
        **options: of `Reader`.

    Raises:
        ZooError: files are missing or malformed, their rows do not fit, or an illegal argument.
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        size: int,
        *,
        crop: str = "stgan",
        images: str = "img_align_celeba",
        labels: Sequence[str] = ("attributes", "landmarks", "identity"),
        split: str = "official",
        **options: str,
    ):
        super().__init__(directory, size, **options)
        check_names("crop", [crop], (*CROPS, REALIGNED))
        check_names("split", [split], SPLITS)
        check_names("label", labels, LABELS)
        if crop == REALIGNED and "landmarks" in labels:
            raise ZooError("crop 'attgan' has no landmarks; leave them out of labels")
        self._crop = CROPS.get(crop)
        self._folder = self._find_images(images)
        tables = {label: self._table(label) for label in labels}
        if split == "official":
            tables["partition"] = self._partition()
        rows = {label: _by_stem(table) for label, table in tables.items()}
        pictures = self._pictures()
        # a picture without a row is missed as much as a row without a picture
        listed = sorted(set(pictures).union(*rows.values()))
        stems = self._complete(listed, {"picture": pictures, **rows}, f"{self._folder}/")
        chosen = {
            label: table.values[[rows[label][stem] for stem in stems]]
            for label, table in tables.items()
        }
        self._landmarks = chosen.get("landmarks")
        self._attributes = None
        if "attributes" in tables:
            self._attributes = chosen["attributes"] > 0
            self.attribute_names = tables["attributes"].columns
        self._hold(
            [f"{self._folder}/{pictures[stem]}" for stem in stems],
            chosen["identity"][:, 0] if "identity" in chosen else None,
            _split(split, stems, listed, chosen.get("partition")),
        )

    def _find_images(self, images: str) -> str:
        for folder in (images, f"Img/{images}"):
            if (self.directory / folder).is_dir():
                return folder
        raise ZooError(f"{self.directory} lacks the folder {images} or Img/{images}")

    def _table(self, label: str) -> Table:
        name, folder = LABELS[label]
        columns = 1 if label == "identity" else None
        table = read_table(find_file(self.directory, name, f"{folder}/{name}"), columns)
        if label == "attributes":
            check_values(table, (-1, 1))
        if label == "landmarks" and len(table.columns) != 10:
            raise ZooError(f"{table.path} line 2: expected 10 names; received {table.columns}")
        if table.declared != len(table.rows):
            self._report(
                [table.path.name],
                f"line 1 says {table.declared:,} rows, but {len(table.rows):,} follow",
            )
        return table

    def _partition(self) -> Table:
        name = "list_eval_partition.txt"
        table = read_table(find_file(self.directory, name, f"Eval/{name}"), 1)
        check_values(table, (0, 1, 2))
        return table

    def _pictures(self) -> dict[str, str]:
        """Stem -> name; the index files say .jpg of the pictures in PNG as well."""
        names = names_in(self.directory / self._folder)
        return {name.split(".")[0]: name for name in names if _PICTURE.fullmatch(name)}

    @property
    def cuts_anywhere(self) -> bool:
        return self._crop is None

    def _read(self, index: int, rng: np.random.Generator | None = None) -> dict[str, np.ndarray]:
        path = self.directory / self.names[index]
        image = read_image(path)
        if self._crop is None:
            example = {"image": _realigned(image, self.size, path, rng)}
        else:
            if image.shape[:2] != ALIGNED:
                raise ZooError(
                    f"{path} is {image.shape[1]} x {image.shape[0]} pixels (width x height); "
                    f"aligned photographs of CelebA are {ALIGNED[1]} x {ALIGNED[0]}"
                )
            example = {"image": self._crop.picture(image, self.size)}
        if self._landmarks is not None:  # whole pixels, so their centres
            points = self._landmarks[index].reshape(5, 2) + 0.5
            example["landmarks"] = self._crop.points(points, self.size)
        if self._attributes is not None:
            example["attributes"] = self._attributes[index].astype(np.uint8)
        return example


def _realigned(
    image: np.ndarray, size: int, path: Path, rng: np.random.Generator | None
) -> np.ndarray:
    """AttGAN's current code: resized, then the centre for tests, any place for training."""
    if image.shape[0] != image.shape[1]:
        raise ZooError(
            f"{path} is {image.shape[1]} x {image.shape[0]} pixels; crop 'attgan' is for squares, "
            "aligned anew; 'attgan_v1' is for aligned photographs of CelebA"
        )
    larger = round(size * 143 / 128)  # 286 for 256, 429 for 384
    return crops.cut_out(crops.bilinear(image, larger), size, rng)


def _by_stem(table: Table) -> dict[str, int]:
    return {name.split(".")[0]: row for name, row in table.rows.items()}


def _split(
    split: str, stems: list[str], listed: list[str], partition: np.ndarray | None
) -> dict[str, np.ndarray]:
    if partition is not None:
        return {side: np.flatnonzero(partition[:, 0] == i) for i, side in enumerate(_OFFICIAL)}
    if split == "stgan":
        if not all(stem.isdecimal() for stem in stems):
            raise ZooError("split 'stgan' needs pictures named by number, such as 000001.jpg")
        # the last number of a side still belongs to it
        sides = np.searchsorted(_STGAN_ENDS, np.array(stems, np.int64))
        return {side: np.flatnonzero(sides == i) for i, side in enumerate(_OFFICIAL)}
    order = list(range(len(listed)))
    random.Random(_STARGAN_SEED).shuffle(order)
    test = {listed[i] for i in order[:_STARGAN_TEST]}
    tested = np.array([stem in test for stem in stems], bool)
    return {"train": np.flatnonzero(~tested), "test": np.flatnonzero(tested)}
