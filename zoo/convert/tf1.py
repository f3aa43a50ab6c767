"""Reading TensorFlow checkpoints (the V2 format: one .index, one or more .data files)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from zoo.errors import ZooError

_DATA_SUFFIX = re.compile(r"\.data-\d{5}-of-\d{5}$")

# What training leaves in a checkpoint beside the weights.
TRAINING_LEFTOVERS = re.compile(r"/Adam(_1)?$|(^|/)beta[12]_power$|(^|/)global_step$|^lr$")


class Checkpoint(Mapping):
    """A checkpoint as a mapping name -> array; an array is read when asked for."""

    def __init__(self, path: str | os.PathLike):
        import tensorflow as tf

        prefix = _DATA_SUFFIX.sub("", str(path)).removesuffix(".index")
        if not Path(f"{prefix}.index").is_file():
            raise ZooError(f"no TensorFlow checkpoint at {path}: {prefix}.index does not exist")
        if not list(Path(prefix).parent.glob(f"{Path(prefix).name}.data-*")):
            raise ZooError(f"checkpoint {prefix} has an .index but no .data file")
        self.prefix = prefix
        self._errors = (tf.errors.OpError, RuntimeError, ValueError, IndexError)
        try:
            self._reader = tf.train.load_checkpoint(prefix)
        except self._errors as error:
            raise ZooError(f"{prefix}.index is not a whole TensorFlow checkpoint") from error
        self._shapes = self._reader.get_variable_to_shape_map()

    def shapes(self) -> dict[str, tuple]:
        """Name -> shape, read from the index only."""
        return {name: tuple(shape) for name, shape in self._shapes.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._shapes:
            raise KeyError(name)
        try:
            return self._reader.get_tensor(name)
        except self._errors as error:
            raise ZooError(
                f"{self.prefix}: {name} cannot be read; the .data file is truncated or broken"
            ) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)
