"""The holes of completion protocols: for each picture one of every case, from a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

import numpy as np

from zoo import masks
from zoo.errors import ZooError
from zoo.masks.facial import PARTS
from zoo.masks.irregular import BUCKETS

Generator = Callable[[dict, int, np.random.Generator], np.ndarray]


def _aligned(face: dict, size: int, rng: np.random.Generator, draw: Callable) -> np.ndarray:
    return draw(size, size, rng)


def _part(face: dict, size: int, rng: np.random.Generator, part: str) -> np.ndarray:
    return masks.facial_part(size, size, part)


def _sc_fegan(face: dict, size: int, rng: np.random.Generator) -> np.ndarray:
    missing = [key for key in ("landmarks", "parsing") if key not in face]
    if missing:
        raise ZooError(f"holes of kind sc_fegan need {' and '.join(missing)}; the data has none")
    return masks.sc_fegan(size, size, rng, face["landmarks"], face["parsing"])


KINDS: dict[str, dict[str, Generator]] = {
    "center": {"center": partial(_aligned, draw=masks.center)},
    "facial_parts": {part: partial(_part, part=part) for part in PARTS},
    "area_buckets": {
        f"{low:.0%} to {high:.0%}": partial(
            _aligned, draw=partial(masks.irregular, bucket=(low, high))
        )
        for low, high in BUCKETS
    },
    "sc_fegan": {"free form": _sc_fegan},
}
"""Kind of a protocol's holes -> case -> how its holes are drawn.

`facial_parts` are O1 to O6 of Generative Face Completion, boxes on an aligned face; `area_buckets`
those of Partial Convolution.
"""


class Holes:
    """Holes of a kind; hole number n of a case is a function of the seed, the case and n.

    Args:
        kind: a key of `KINDS`.
        seed: from 0.
        size: side of the pictures, pixels.

    Attributes:
        cases: their names.
    """

    def __init__(self, kind: str, seed: int, size: int):
        self._draw = KINDS[kind]
        self.cases = tuple(self._draw)
        self.seed, self.size = seed, size
        self._drawn: dict[tuple[int, int], bytes] = {}

    def __call__(self, case: str, number: int, face: dict) -> np.ndarray:
        """(size, size, 1) float32, 1 = hole, for the picture of this number."""
        place = self.cases.index(case), number
        hole = self._draw[case](face, self.size, np.random.default_rng((self.seed, *place)))
        self._drawn[place] = hashlib.sha256(np.packbits(hole > 0).tobytes()).digest()
        return hole

    @property
    def sha256(self) -> str:
        """Of the SHA-256 of the bits of each hole drawn so far, by case and number."""
        parts = (digest for _, digest in sorted(self._drawn.items()))
        return hashlib.sha256(b"".join(parts)).hexdigest()
