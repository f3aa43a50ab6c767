"""Reading a SynthFaces directory written by `generate`, in either format, without TensorFlow."""

from __future__ import annotations

import bisect
import copy
import csv
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.data.synthfaces.names import ATTRIBUTE_NAMES, LANDMARK_NAMES
from zoo.data.synthfaces.png import decode_png
from zoo.data.synthfaces.tfrecord import decode_example, record_offsets
from zoo.errors import ZooError
from zoo.files import sha256

MANIFEST = "manifest.json"
LABELS = "labels.csv"
VERSION = 3
"""Version of the directory layout; a reader refuses all others."""

PNG_CHANNELS = {"image": 3, "parsing": 1, "layers": 3, "sketch": 1, "color": 3, "frontal": 3}
"""Channels of each kind of picture."""

IMAGE_FOLDERS = {
    "image": "images",
    "parsing": "parsing",
    "layers": "layers",
    "sketch": "sketch",
    "color": "color",
    "frontal": "frontal",
}
"""Folder of each kind of picture in the images format."""

SPLITS = ("train", "val", "test")

_REQUIRED = {
    "count": int,
    "size": int,
    "views_per_identity": int,
    "format": str,
    "sketch": str,
    "poses": str,
    "attribute_names": list,
    "splits": dict,
    "files": dict,
}


class LabelField(NamedTuple):
    """One kind of label: an array of one shape, and its columns in labels.csv."""

    dtype: type[np.generic]
    shape: tuple[int, ...]
    columns: list[str]


def label_fields(poses: str) -> dict[str, LabelField]:
    """Returns the labels of a set with these poses, in storage order, by key of the examples."""
    numbered = [f"point{i:02d}" for i in range(68)]
    whole = ("identity", "light", *(("session",) if poses == "multipie" else ()))
    fields = {name: LabelField(np.int64, (), [name]) for name in whole}
    for angle in ("yaw", "pitch", "roll"):
        fields[angle] = LabelField(np.float32, (), [angle])
    for key, names in (("landmarks", LANDMARK_NAMES), ("landmarks68", numbered)):
        places = [f"{name}_{axis}" for name in names for axis in "xy"]
        fields[key] = LabelField(np.float32, (len(names), 2), places)
        seen = [f"{name}_visible" for name in names]
        fields[f"{key}_visible"] = LabelField(np.uint8, (len(names),), seen)
    if poses == "multipie":
        columns = [f"frontal_{column}" for column in fields["landmarks"].columns]
        fields["frontal_landmarks"] = LabelField(np.float32, (5, 2), columns)
    fields["attributes"] = LabelField(np.uint8, (len(ATTRIBUTE_NAMES),), list(ATTRIBUTE_NAMES))
    return fields


def split_of(identity: int) -> str:
    """Returns the split of an identity: of every ten, the ninth is "test", the tenth "val"."""
    return {8: "test", 9: "val"}.get(identity % 10, "train")


def read_manifest(directory: str | os.PathLike) -> dict:
    """Reads and checks manifest.json.

    Raises:
        ZooError: missing, not JSON, not of SynthFaces, or of another version of the layout.
    """
    path = Path(directory) / MANIFEST
    if not path.is_file():
        raise ZooError(f"{path} does not exist: no SynthFaces here, or its generation was stopped.")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ZooError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("dataset") != "SynthFaces":
        raise ZooError(f"{path} is not the manifest of a SynthFaces directory.")
    if manifest.get("version") != VERSION:
        raise ZooError(
            f"{path} has version {manifest.get('version')!r}; this package reads {VERSION}. "
            "Make the set again, or use the release that made it."
        )
    for key, kind in _REQUIRED.items():
        if key not in manifest:
            raise ZooError(f"{path} lacks {key}.")
        if not isinstance(manifest[key], kind):
            raise ZooError(f"{path} has {key}={manifest[key]!r}; legal: {kind.__name__}.")
    return manifest


def open_dataset(directory: str | os.PathLike) -> Dataset:
    """Opens a directory written by `generate`.

    Raises:
        ZooError: no manifest, a newer version, or a missing file.
    """
    directory = Path(directory)
    manifest = read_manifest(directory)
    if manifest["format"] == "images":
        return _ImageDataset(directory, manifest)
    if manifest["format"] == "tfrecord":
        return _TFRecordDataset(directory, manifest)
    raise ZooError(
        f"{directory / MANIFEST}: format {manifest['format']!r}; legal: images, tfrecord."
    )


class Dataset:
    """A generated SynthFaces directory as a sequence of examples with random access.

    `ds[i]` decodes one example: what `SynthFaces.render` returns plus `color` (H, W, 3) uint8 RGB
    and, unless generated with `sketch="none"`, `sketch` (H, W) uint8 in {0, 1}. Only sets generated
    with `poses="multipie"` have `frontal`, `frontal_landmarks` and `session`.

    Attributes:
        directory: where the files are.
        manifest: the content of manifest.json.
        size: side of the images in pixels.
        attribute_names: names of the columns of `attributes`.
    """

    def __init__(self, directory: Path, manifest: dict):
        self.directory = directory
        self.manifest = manifest
        self.size: int = manifest["size"]
        self.attribute_names: tuple[str, ...] = tuple(manifest["attribute_names"])
        poses = manifest["poses"]
        self._fields = label_fields(poses)
        absent = {"sketch"} if manifest["sketch"] == "none" else set()
        absent |= {"frontal"} if poses == "portrait" else set()
        self._kinds = [kind for kind in PNG_CHANNELS if kind not in absent]

    def __len__(self) -> int:
        return self.manifest["count"]

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"index {index} is outside 0..{len(self) - 1}")
        return self._read(int(position))

    @property
    def identities(self) -> np.ndarray:
        """Identity of every example, (len(self),) int64, without reading any."""
        return np.arange(len(self)) // self.manifest["views_per_identity"]

    @property
    def yaws(self) -> np.ndarray:
        """Yaw of every example, (len(self),) float32 degrees; of records each one is read."""
        raise NotImplementedError

    def indices(self, split: str) -> np.ndarray:
        """Indices of the examples of a split, (n,) int64; no identity is in two splits.

        Args:
            split: "train", "val" or "test".

        Raises:
            ZooError: no such split.
        """
        if split not in SPLITS:
            raise ZooError(f"split={split!r} is unknown; legal: {', '.join(SPLITS)}.")
        return np.flatnonzero(np.isin(self.identities, self.manifest["splits"].get(split, [])))

    def only(self, keys: Iterable[str]) -> Dataset:
        """The same set without pictures of other kinds; they are not decoded."""
        view = copy.copy(self)
        view._kinds = [kind for kind in self._kinds if kind in keys]
        return view

    def verify(self) -> None:
        """Compares every file with its SHA-256 in the manifest.

        Raises:
            ZooError: the first file that is missing or differs.
        """
        for name, digest in self.manifest["files"].items():
            if sha256(self._existing(name)) != digest:
                raise ZooError(f"{self.directory / name} differs from its SHA-256 in the manifest.")

    def _read(self, index: int) -> dict[str, np.ndarray]:
        raise NotImplementedError

    def _existing(self, name: str) -> Path:
        path = self.directory / name
        if not path.is_file():
            raise ZooError(f"{path} is missing, though the manifest lists it.")
        return path

    def _picture(self, kind: str, data: bytes, where: str) -> np.ndarray:
        picture = decode_png(data, self.size, PNG_CHANNELS[kind], where)
        return (picture > 127).astype(np.uint8) if kind == "sketch" else picture


class _ImageDataset(Dataset):
    def __init__(self, directory: Path, manifest: dict):
        super().__init__(directory, manifest)
        path = self._existing(LABELS)
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        columns = ["index", *(name for f in self._fields.values() for name in f.columns)]
        if len(rows) != len(self) + 1 or any(len(row) != len(columns) for row in rows):
            raise ZooError(
                f"{path}: expected a header and {len(self)} rows of {len(columns)} columns."
            )
        try:
            self._values = np.array(rows[1:], np.float64)
        except ValueError as error:
            raise ZooError(f"{path}: {error}") from error
        self._yaw_column = columns.index("yaw")

    @property
    def yaws(self) -> np.ndarray:
        return self._values[:, self._yaw_column].astype(np.float32)

    def _read(self, index: int) -> dict[str, np.ndarray]:
        example, first = {}, 1
        for key, field in self._fields.items():
            last = first + len(field.columns)
            values = self._values[index, first:last].astype(field.dtype)
            example[key] = values.reshape(field.shape)[()]
            first = last
        for kind in self._kinds:
            path = self._existing(f"{IMAGE_FOLDERS[kind]}/{index:06d}.png")
            example[kind] = self._picture(kind, path.read_bytes(), str(path))
        return example


class _TFRecordDataset(Dataset):
    def __init__(self, directory: Path, manifest: dict):
        super().__init__(directory, manifest)
        self._shards = [self._existing(name) for name in manifest["files"]]
        self._offsets = [record_offsets(path) for path in self._shards]
        self._ends = np.cumsum([len(rows) for rows in self._offsets]).tolist()
        if not self._ends or self._ends[-1] != len(self):
            raise ZooError(
                f"{directory}: the shards hold {self._ends[-1] if self._ends else 0} examples, "
                f"the manifest says {len(self)}."
            )

    @property
    def yaws(self) -> np.ndarray:
        found = [self._features(index)[0]["yaw"] for index in range(len(self))]
        return np.concatenate(found).astype(np.float32)

    def _features(self, index: int) -> tuple[dict, str]:
        """What the record of an example holds, and the record's name in messages."""
        shard = bisect.bisect_right(self._ends, index)
        row = index - (self._ends[shard - 1] if shard else 0)
        offset, length = self._offsets[shard][row].tolist()
        with open(self._shards[shard], "rb") as file:
            file.seek(offset)
            features = decode_example(file.read(length))
        where = f"{self._shards[shard]}, record {row}"
        missing = {*self._fields, *self._kinds} - features.keys()
        if missing:
            raise ZooError(f"{where}: lacks {', '.join(sorted(missing))}.")
        return features, where

    def _read(self, index: int) -> dict[str, np.ndarray]:
        features, where = self._features(index)
        example = {
            key: features[key].astype(field.dtype).reshape(field.shape)[()]
            for key, field in self._fields.items()
        }
        for kind in self._kinds:
            example[kind] = self._picture(kind, features[kind], f"{where}, {kind}")
        return example
