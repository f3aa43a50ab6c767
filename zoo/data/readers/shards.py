"""Any set packed into TFRecord shards, in the records of SynthFaces: a few large files to read."""

from __future__ import annotations

import bisect
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.readers.index_files import MAX_BYTES
from zoo.data.readers.reader import Reader
from zoo.data.synthfaces.png import decode_png, encode_png
from zoo.data.synthfaces.tfrecord import decode_example, encode_example, record, record_offsets
from zoo.errors import ZooError
from zoo.files import atomic_path, sha256

INDEX = "shards.json"
VERSION = 1
PICTURES = ("image", "frontal", "color", "layers", "parsing", "sketch")
"""Keys that are stored as PNG; all others are arrays of numbers."""

EXAMPLES_PER_SHARD = 1024

_REQUIRED = {"size": int, "fields": dict, "identities": list, "splits": dict, "files": dict}


def write_shards(
    dataset: Any,
    directory: str | os.PathLike,
    *,
    examples_per_shard: int = EXAMPLES_PER_SHARD,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Packs a set, decoded and cropped once, into shards that `Shards` reads.

    Pictures and whole numbers are kept exactly, other numbers as float32.

    Args:
        dataset: a `Reader`, or SynthFaces' `Dataset`.
        directory: gets faces-00000-of-NNNNN.tfrecord and so on, and last `shards.json`.
        examples_per_shard: examples in each but the last.
        progress: called with (written, count) after each shard.

    Returns:
        The directory.

    Raises:
        ZooError: the directory holds a set, examples have different keys or shapes, or one cannot
            be read.
    """
    directory = Path(directory)
    if (directory / INDEX).exists():
        raise ZooError(f"{directory} holds shards already")
    if examples_per_shard < 1:
        raise ZooError(f"examples_per_shard is {examples_per_shard}; legal are 1 and more")
    directory.mkdir(parents=True, exist_ok=True)
    fields = _fields(dataset[0])
    shards = -(-len(dataset) // examples_per_shard)
    files, identities = {}, []
    for shard in range(shards):
        name = f"faces-{shard:05d}-of-{shards:05d}.tfrecord"
        stop = min((shard + 1) * examples_per_shard, len(dataset))
        with atomic_path(directory / name) as temporary, open(temporary, "wb") as file:
            for index in range(shard * examples_per_shard, stop):
                example = dataset[index]
                if _fields(example) != fields:
                    raise ZooError(f"example {index} is {_fields(example)}; the first is {fields}")
                identities.append(int(example["identity"]))
                file.write(record(encode_example(_packed(example))))
        files[name] = sha256(directory / name)
        progress(stop, len(dataset))
    index = {
        "version": VERSION,
        "size": dataset.size,
        "attribute_names": dataset.attribute_names,
        "fields": fields,
        "identities": identities,
        "splits": {name: indices.tolist() for name, indices in _splits(dataset).items()},
        "files": files,
    }
    with atomic_path(directory / INDEX) as temporary:
        temporary.write_text(json.dumps(index) + "\n", encoding="utf-8")
    return directory


class Shards(Reader):
    """A directory written by `write_shards`; TFRecord without TensorFlow.

    Examples have the keys that the packed set had.

    Args:
        directory: holds shards.json and the shards.
        size: side of the pictures in pixels; must be the packed one.
        **options: of `Reader`.

    Raises:
        ZooError: no shards, damaged ones, another size or another version.
    """

    def __init__(self, directory: str | os.PathLike, size: int, **options: str):
        super().__init__(directory, size, **options)
        index = _read_index(self.directory / INDEX)
        if index["size"] != size:
            raise ZooError(f"{self.directory} has pictures of {index['size']} pixels, not {size}")
        self._fields: dict[str, tuple[np.dtype, tuple[int, ...]]] = index["fields"]
        self._digests: dict[str, str] = index["files"]
        self._shards = [self.directory / name for name in self._digests]
        for path in self._shards:
            if not path.is_file():
                raise ZooError(f"{path} is missing, though {INDEX} lists it")
        self._offsets = [record_offsets(path) for path in self._shards]
        self._ends = np.cumsum([len(rows) for rows in self._offsets]).tolist()
        if self._ends[-1:] != [len(index["identities"])]:
            raise ZooError(
                f"{self.directory}: the shards hold {self._ends[-1] if self._ends else 0:,} "
                f"examples, {INDEX} says {len(index['identities']):,}"
            )
        names = index["attribute_names"]
        self.attribute_names = None if names is None else tuple(names)
        places = [
            f"{path.name}#{row}"
            for path, rows in zip(self._shards, self._offsets, strict=True)
            for row in range(len(rows))
        ]
        self._hold(places, index["identities"], index["splits"])

    def verify(self, progress: Callable[[int, int], None] | None = None) -> dict[str, str]:
        """Reads every example and compares every shard with its SHA-256; see `Reader.verify`."""
        problems = super().verify(progress)
        for path, digest in zip(self._shards, self._digests.values(), strict=True):
            if sha256(path) != digest:
                problems[path.name] = f"{path} differs from its SHA-256 in {INDEX}"
        return problems

    def _read(self, index: int) -> dict[str, np.ndarray]:
        shard = bisect.bisect_right(self._ends, index)
        row = index - (self._ends[shard - 1] if shard else 0)
        offset, length = self._offsets[shard][row].tolist()
        with open(self._shards[shard], "rb") as file:
            file.seek(offset)
            features = decode_example(file.read(length))
        where = f"{self._shards[shard]}, record {row}"
        wanted = [key for key in self._fields if self._wants(key)]
        return {key: self._value(key, features, where) for key in wanted}

    def _value(self, key: str, features: dict, where: str) -> np.ndarray:
        dtype, shape = self._fields[key]
        value = features.get(key)
        if isinstance(value, bytes) != (key in PICTURES) or value is None:
            raise ZooError(f"{where}: lacks {key}, or it has another type")
        if key in PICTURES:
            return decode_png(value, self.size, 3 if len(shape) == 3 else 1, f"{where}, {key}")
        if value.size != np.prod(shape):
            raise ZooError(f"{where}: {key} has {value.size} numbers; legal is shape {shape}")
        return value.astype(dtype).reshape(shape)[()]


def _fields(example: dict[str, np.ndarray]) -> dict[str, list]:
    """Key -> type and shape of each value, in a fixed order."""
    return {
        key: [np.asarray(value).dtype.str, list(np.shape(value))]
        for key, value in sorted(example.items())
    }


def _packed(example: dict[str, np.ndarray]) -> dict[str, bytes | np.ndarray]:
    return {
        key: encode_png(value) if key in PICTURES else np.ravel(value)
        for key, value in sorted(example.items())
    }


def _splits(dataset: Any) -> dict[str, np.ndarray]:
    if isinstance(dataset, Reader):
        return dataset.splits
    return {split: dataset.indices(split) for split in dataset.manifest["splits"]}


def _read_index(path: Path) -> dict:
    """Reads and checks shards.json; `fields` become key -> dtype and shape."""
    if not path.is_file():
        raise ZooError(f"{path} does not exist: no shards here, or their writing was stopped")
    if path.stat().st_size > MAX_BYTES:
        raise ZooError(f"{path} has {path.stat().st_size:,} bytes; legal are at most {MAX_BYTES:,}")
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        if index["version"] != VERSION:
            raise ZooError(f"{path} has version {index['version']!r}; this package reads {VERSION}")
        for key, kind in _REQUIRED.items():
            if not isinstance(index[key], kind):
                raise TypeError(f"{key} is {index[key]!r:.60}; legal is {kind.__name__}")
        names: Sequence[str] = (*index["files"], *index["fields"])
        if not all(
            isinstance(name, str) and "/" not in name and "\\" not in name for name in names
        ):
            raise TypeError("files must be names without a path")
        count = len(index["identities"])
        index["identities"] = np.array(index["identities"], np.int64)
        for split, indices in index["splits"].items():
            index["splits"][split] = rows = np.array(indices, np.int64)
            if len(rows) and not 0 <= rows.min() <= rows.max() < count:
                raise TypeError(f"split {split} has an index outside 0..{count - 1}")
        index["fields"] = {
            key: (np.dtype(dtype), tuple(int(side) for side in shape))
            for key, (dtype, shape) in index["fields"].items()
        }
        if not all(dtype.kind in "biuf" for dtype, _ in index["fields"].values()):
            raise TypeError("fields must be of numbers")
        index["attribute_names"]
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ZooError):
            raise
        raise ZooError(f"{path} is damaged: {error!r}") from error
    return index
