"""What all readers share: random access, the choice between stopping and skipping, and hints."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from zoo.data import hints
from zoo.errors import ZooError, did_you_mean
from zoo.registry import check_names

SIZES = range(16, 1025)
"""Legal sides of the examples' pictures in pixels."""

_CHOICES = {"unreadable": ("stop", "skip"), "hints": ("none", *hints.SKETCH_METHODS)}
_MOST_UNREADABLE = 100  # in a row, before the set as a whole is called unreadable
_NAMED = 3  # names in a message


class Reader:
    """Pictures on disk as a sequence of examples with random access.

    `ds[i]` decodes one example, a dict with `image` (size, size, 3) uint8 RGB, `identity` and what
    else the set knows, in the forms of `zoo.data.synthfaces`. Nothing is decoded before.

    Points are x, y in pixels of the example, with pixel centres at .5; they may lie outside of it.

    Args:
        directory: where the set is.
        size: side of the examples' pictures in pixels.
        unreadable: "stop" raises at the first file that is missing or cannot be read. "skip" leaves
            examples out whose files are missing, and gives the next one of the same split in the
            place of one that turns out to be unreadable; `skipped` names them all, and each is
            warned about. Pairs, galleries and scores want "stop".
        hints: "hed" or "canny" adds `sketch` (size, size) uint8 in {0, 1}, drawn in this way, and,
            where there is a parsing map, `color` (size, size, 3) uint8; "none" adds nothing.

    Attributes:
        names: file of each example's picture, relative to the directory.
        identities: (len(self),) int64; in a set without identities each image is its own.
        splits: name -> indices, (n,) int64, of the set's own partition; empty without one.
        attribute_names: names of the columns of `attributes`; None without attributes.
        skipped: what was left out: name -> why.
        cuts_anywhere: whether examples can be cut out at random, see `drawn`.

    Raises:
        ZooError: no such directory, or an illegal argument.
    """

    cuts_anywhere = False

    def __init__(
        self,
        directory: str | os.PathLike,
        size: int,
        *,
        unreadable: str = "stop",
        hints: str = "none",
    ):
        self.directory = Path(directory)
        self.size = size
        self.unreadable = unreadable
        self.hints = hints
        self.names: Sequence[str] = ()
        self.identities = np.zeros(0, np.int64)
        self.splits: dict[str, np.ndarray] = {}
        self.attribute_names: tuple[str, ...] | None = None
        self.skipped: dict[str, str] = {}
        self._wanted: frozenset[str] | None = None
        if not self.directory.is_dir():
            raise ZooError(f"{self.directory} is not a directory")
        if size not in SIZES:
            raise ZooError(f"size is {size!r}; legal are {SIZES[0]} to {SIZES[-1]} pixels")
        for name, value in (("unreadable", unreadable), ("hints", hints)):
            check_names(f"value of {name}", [value], _CHOICES[name])

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return self._readable(index)

    def drawn(self, index: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Example `index`, cut out of its photograph at a place drawn from `rng`.

        Raises:
            ZooError: not readable, or pictures of this set are all that there is of a photograph.
        """
        if not self.cuts_anywhere:
            raise ZooError(f"{self.directory}: pictures of this set have no random cut")
        return self._readable(index, rng)

    def _readable(self, index: int, *rng: np.random.Generator) -> dict[str, np.ndarray]:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"index {index} is outside 0..{len(self) - 1}")
        for candidate in self._candidates(int(position)):
            try:
                return self._example(candidate, *rng)
            except ZooError as error:
                if self.unreadable == "stop":
                    raise
                self._skip([self.names[candidate]], str(error))
                problem = error
        raise ZooError(
            f"{self.directory}: no example near index {position} is readable; the last: {problem}"
        )

    def indices(self, split: str) -> np.ndarray:
        """Indices of the examples of a split, (n,) int64.

        Raises:
            ZooError: no such split.
        """
        if split not in self.splits:
            legal = ", ".join(self.splits) or "none: this set has no partition of its own"
            raise ZooError(
                f"split {split!r} is unknown; legal are {legal}.{did_you_mean(split, self.splits)}"
            )
        return self.splits[split]

    def only(self, keys: Iterable[str]) -> Self:
        """The same set whose examples have no other keys; what costs much is then not read."""
        view = copy.copy(self)
        view._wanted = frozenset(keys)
        return view

    def verify(self, progress: Callable[[int, int], None] | None = None) -> dict[str, str]:
        """Reads every example.

        Args:
            progress: called with (read, count) after each.

        Returns:
            Name of each unreadable example's picture -> why; nothing is raised for them.
        """
        problems = {}
        for index, name in enumerate(self.names):
            try:
                self._example(index)
            except ZooError as error:
                problems[name] = str(error)
            if progress:
                progress(index + 1, len(self))
        return problems

    def _read(self, index: int) -> dict[str, np.ndarray]:
        """The example without identity and hints; what nobody wants may be left out.

        Where `cuts_anywhere` it takes a second argument, the source of a random cut, or None.
        """
        raise NotImplementedError

    def _wants(self, *keys: str) -> bool:
        """Whether any of the keys is wanted."""
        return self._wanted is None or not self._wanted.isdisjoint(keys)

    def _hold(
        self,
        names: Sequence[str],
        identities: np.ndarray | None = None,
        splits: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Sets what the examples are, in this order; without identities each is its own."""
        if not names:
            raise ZooError(f"{self.directory} holds no example of this set")
        self.names = names
        own = np.arange(len(names)) if identities is None else identities
        self.identities = np.asarray(own, np.int64)
        self.splits = {k: np.asarray(v, np.int64) for k, v in (splits or {}).items()}

    def _complete(
        self, names: Iterable[str], parts: Mapping[str, Container[str]], where: str = ""
    ) -> list[str]:
        """The names that every part has; stops at the others or skips them.

        Args:
            names: all names.
            parts: what each name needs -> the names that have it.
            where: put before a name to make it relative to the directory.
        """
        names = list(names)
        for part, present in parts.items():
            missing = [name for name in names if name not in present]
            if missing:
                self._report([where + name for name in missing], f"{part} missing", len(names))
                names = [name for name in names if name in present]
        return names

    def _report(self, names: Sequence[str], why: str, total: int | None = None) -> None:
        """Raises, or notes what is skipped, as the user chose; `total`: how many were looked at."""
        shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
        count = f"{len(names):,} of {total:,} ({shown})" if total else shown
        message = f"{self.directory}: {why}: {count}"
        if self.unreadable == "stop":
            raise ZooError(f"{message}; unreadable='skip' goes on without")
        self._skip(names, why, message)

    def _skip(self, names: Sequence[str], why: str, message: str | None = None) -> None:
        new = [name for name in names if name not in self.skipped]
        self.skipped.update(dict.fromkeys(new, why))
        if new:
            warnings.warn(f"skipped: {message or why}", stacklevel=4)

    def _candidates(self, position: int) -> Iterator[int]:
        """`position`, then those that may stand in for it: the next of the same split."""
        yield position
        group = np.arange(len(self))
        for members in self.splits.values():
            if position in members:
                group = members
        (place,) = np.flatnonzero(group == position)
        for step in range(1, min(len(group), _MOST_UNREADABLE)):
            yield int(group[(place + step) % len(group)])

    def _example(self, index: int, *rng: np.random.Generator) -> dict[str, np.ndarray]:
        example = self._read(index, *rng)
        example["identity"] = self.identities[index]
        if self.hints != "none" and self._wants("sketch"):
            example["sketch"] = hints.sketch(example["image"], method=self.hints)
        if self.hints != "none" and self._wants("color") and "parsing" in example:
            example["color"] = hints.color_map(example["image"], example["parsing"])
        return {key: value for key, value in example.items() if self._wants(key)}


def files_below(directory: Path) -> Iterator[tuple[Path, str]]:
    """Folder and name of all files in a directory and the folders in it, in a fixed order.

    Links to folders are followed, each folder is entered once, and names that begin with a point
    are passed over.

    Raises:
        ZooError: a folder cannot be read.
    """

    def refuse(error: OSError) -> None:  # `os.walk` would pass over it in silence
        raise ZooError(f"cannot read the folder {error.filename}: {error.strerror}") from error

    entered = {os.path.realpath(directory)}
    for folder, folders, names in os.walk(directory, onerror=refuse, followlinks=True):
        real = {name: os.path.realpath(os.path.join(folder, name)) for name in sorted(folders)}
        folders[:] = [n for n, path in real.items() if n[0] != "." and path not in entered]
        entered.update(real[name] for name in folders)
        yield from ((Path(folder), name) for name in sorted(names) if name[0] != ".")
