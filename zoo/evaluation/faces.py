"""The faces that a protocol scores, and what every procedure does with them and with a model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from zoo.data.batches import split
from zoo.errors import ZooError
from zoo.evaluation.protocol import Pinned
from zoo.evaluation.scores import Networks
from zoo.tasks import to_pixels

CHUNK = 32
"""Faces that are run and scored at once; subsets of the kernel distance."""


@dataclass
class Row:
    """One line of a result.

    Attributes:
        method: "model", a baseline, or "truth": the true picture itself, the ceiling of metrics
            that a network judges.
        case: hole, attribute, angle.
        images: how many were scored.
        values: metric -> value.
    """

    method: str
    case: str
    images: int
    values: dict[str, float]


@dataclass
class Outcome:
    """What a procedure found.

    Attributes:
        rows: the table.
        grids: file stem -> (title, picture (H, W, 3) uint8).
        hashes: what was drawn for the protocol, such as `holes` -> SHA-256.
        extra: further plain values for the JSON.
        notes: sentences for the report.
    """

    rows: list[Row] = field(default_factory=list)
    grids: dict[str, tuple[str, np.ndarray]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    extra: dict = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class Subject:
    """What is evaluated and with what.

    Attributes:
        pinned: the protocol.
        model: a GANModel.
        dataset: the data, opened.
        faces: the examples that are scored.
        networks: of the metrics.
        measured: names of the metrics that have all that they need.
        advance: called with (done, total).
    """

    pinned: Pinned
    model: object
    dataset: object
    faces: Faces
    networks: Networks
    measured: list[str]
    advance: Callable[[int, int], object]


class Faces:
    """Examples of a data set in a fixed order.

    Args:
        dataset: SynthFaces or a reader.
        protocol: says which.

    Attributes:
        indices: (n,) in the data set.
        names: of the examples; their list is the split that is pinned.
        gallery: indices of examples of other people, for baselines that learn from some.

    Raises:
        ZooError: the split is empty or has fewer examples than asked for.
    """

    def __init__(self, dataset, protocol):
        self.dataset = dataset
        own = _turned_at_most(protocol.data.max_yaw, dataset, self._split(dataset, protocol))
        count = len(own) if protocol.split.count is None else protocol.split.count
        if not 0 < count <= len(own):
            raise ZooError(
                f"split {protocol.split.name} has {len(own)} examples; the protocol scores "
                f"{max(1, count)}"
            )
        self.indices = spread(own, count)
        names = getattr(dataset, "names", None)
        self.names = [
            f"{i:06d}" if names is None else names[i].rsplit("/", 1)[-1]
            for i in self.indices.tolist()
        ]
        train = self._train(dataset, own)
        self.gallery = spread(train, min(protocol.gallery, len(train)))
        self._hash = hashlib.sha256()

    @staticmethod
    def _split(dataset, protocol) -> np.ndarray:
        if protocol.procedure == "verification" and protocol.pairs is None:
            return np.unique(getattr(dataset, "pairs", np.zeros(0, np.int64)))
        try:
            return dataset.indices(protocol.split.name)
        except ZooError:  # no partition of its own: held-out identities
            training, held_out = split(dataset, protocol.data.held_out)
            return training if protocol.split.name == "train" else held_out

    @staticmethod
    def _train(dataset, own: np.ndarray) -> np.ndarray:
        """Training examples of people who are not scored; where there are none, any of others."""
        other = ~np.isin(dataset.identities, dataset.identities[own])
        try:
            train = dataset.indices("train")
        except ZooError:  # no partition of its own
            train = np.arange(len(dataset))
        return train[other[train]] if other[train].any() else np.flatnonzero(other)

    def __len__(self) -> int:
        return len(self.indices)

    def chunks(self) -> Iterator[tuple[int, list[dict]]]:
        """Number of the first face and up to `CHUNK` faces, in order."""
        for first in range(0, len(self), CHUNK):
            faces = [self.dataset[int(i)] for i in self.indices[first : first + CHUNK]]
            for face in faces:
                self._hash.update(np.ascontiguousarray(face["image"]).tobytes())
            yield first, faces

    @property
    def list_sha256(self) -> str:
        """Of the names, a line each."""
        return hashlib.sha256("".join(f"{n}\n" for n in self.names).encode()).hexdigest()

    @property
    def sha256(self) -> str:
        """Of the pixels of all pictures given out so far."""
        return self._hash.hexdigest()


def _turned_at_most(degrees: float | None, dataset, indices: np.ndarray) -> np.ndarray:
    if degrees is None:
        return indices
    yaws = getattr(dataset, "yaws", None)
    if yaws is None:
        raise ZooError(f"data.max_yaw is {degrees}, but the data has no yaws; legal for it is none")
    return indices[np.abs(yaws[indices]) <= degrees]


def spread(indices: np.ndarray, count: int) -> np.ndarray:
    """`count` of the indices, evenly spread over them."""
    return np.asarray(indices)[np.arange(count) * len(indices) // max(1, count)]


def pictures(faces: list[dict], key: str = "image") -> np.ndarray:
    """(B, H, W, 3) uint8."""
    return np.stack([face[key] for face in faces])


def answer(model, **batch: np.ndarray) -> np.ndarray:
    """What the model says to a batch; pictures are given as uint8."""
    values = {}
    for key in model.input_keys:
        value = batch[key]
        if value.dtype == np.uint8 and value.ndim == 4:
            value = value.astype(np.float32) / 127.5 - 1.0
        values[key] = np.asarray(value, np.float32)
    return np.asarray(model(values, training=False))


def drawn(model, **batch: np.ndarray) -> np.ndarray:
    """The pictures that the model makes of a batch, uint8 as its verb rounds them."""
    return to_pixels(answer(model, **batch))
