"""Reading Torch7 `.t7` files (torch.save of Lua Torch, binary form) as data: nothing is executed.

Numbers, strings, booleans, tables, tensors and storages are read; objects of any other class, such
as the modules of `nn`, become plain tables with a class name. Lua functions are refused.

The format: every value is a 32-bit type code and its content, little-endian. Tables and objects
carry an index, so that one that occurs again is a reference. Objects have a version string "V 1"
before the name of their class; files older than that have the name alone.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ZooError

_NIL, _NUMBER, _STRING, _TABLE, _OBJECT, _BOOLEAN = range(6)
_FUNCTIONS = (6, 7, 8)
_MOST_DEPTH = 100
_MOST_AXES = 16
_LONGEST_STRING = 1 << 20
_DTYPES = {
    "Byte": "u1",
    "Char": "i1",
    "Short": "<i2",
    "Int": "<i4",
    "Long": "<i8",
    "Half": "<f2",
    "Float": "<f4",
    "Double": "<f8",
    "Cuda": "<f4",  # of float; the others have their own names, such as CudaDouble
}
_ARRAY = re.compile(r"torch\.(Cuda)?([A-Z][a-z]+)(Tensor|Storage)$")


class Module(dict):
    """An object of Lua: its fields by name, and its class.

    Attributes:
        torch_class: name of the class, such as "nn.SpatialConvolution".
    """

    def __init__(self, torch_class: str):
        super().__init__()
        self.torch_class = torch_class

    def children(self) -> list[Any]:
        """What a container such as nn.Sequential holds, in order."""
        table = self.get("modules")
        if not isinstance(table, dict):
            return []
        return [table[i] for i in range(1, len(table) + 1) if i in table]


def read(path: str | os.PathLike) -> Any:
    """Reads the first value of a file.

    Returns:
        None, bool, float (every number of Lua is one), str, dict (a table; whole numbers as keys
        are int), `Module` or numpy array. Arrays are read-only views of the file, mapped into
        memory: they cost nothing until they are read.

    Raises:
        ZooError: missing, truncated or foreign file, one that holds functions, or one whose sizes
            do not fit its length.
    """
    path = Path(path)
    if not path.is_file():
        raise ZooError(f"no Torch7 file at {path}")
    if path.stat().st_size == 0:
        raise ZooError(f"{path} is empty, no Torch7 file")
    try:
        with open(path, "rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error
    return _Reader(content, str(path)).value()


class _Reader:
    """A position in a file, and the tables and objects that were read before it."""

    def __init__(self, content: mmap.mmap, name: str):
        self.content = content
        self.name = name
        self.position = 0
        self.depth = 0
        self.known: dict[int, Any] = {}

    def fail(self, why: str) -> ZooError:
        return ZooError(f"{self.name} is not a whole Torch7 file: {why} at byte {self.position}")

    def take(self, size: int) -> int:
        """Moves over `size` bytes and returns where they start."""
        if not 0 <= size <= len(self.content) - self.position:
            raise self.fail(f"{size} bytes wanted, {len(self.content) - self.position} left")
        self.position += size
        return self.position - size

    def number(self, form: str):
        return struct.unpack_from(form, self.content, self.take(struct.calcsize(form)))[0]

    def string(self) -> str:
        size = self.number("<i")
        if not 0 <= size <= _LONGEST_STRING:
            raise self.fail(f"a string of {size} bytes")
        start = self.take(size)
        return self.content[start : start + size].decode("utf-8", errors="replace")

    def value(self) -> Any:
        code = self.number("<i")
        if code == _NIL:
            return None
        if code == _NUMBER:
            return self.number("<d")
        if code == _BOOLEAN:
            return bool(self.number("<i"))
        if code == _STRING:
            return self.string()
        if code in _FUNCTIONS:
            raise ZooError(
                f"{self.name} holds a Lua function at byte {self.position}; only data is read. "
                "Save the network without functions."
            )
        if code not in (_TABLE, _OBJECT):
            raise self.fail(f"unknown type {code}; only files in Torch's binary form are read")
        index = self.number("<i")
        if index in self.known:
            return self.known[index]
        with self._deeper():
            return self._table(index, {}) if code == _TABLE else self._object(index)

    @contextlib.contextmanager
    def _deeper(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise self.fail(f"tables nested deeper than {_MOST_DEPTH}")
        yield
        self.depth -= 1

    def _table(self, index: int, table: dict) -> dict:
        self.known[index] = table  # before its content, which may refer to it
        size = self.number("<i")
        if not 0 <= size <= len(self.content) // 8:  # an entry has two type codes at least
            raise self.fail(f"a table of {size} entries")
        for _ in range(size):
            key, value = self.value(), self.value()
            if isinstance(key, float) and key.is_integer():
                key = int(key)
            if not isinstance(key, int | float | str):
                raise self.fail(f"a table with a key of type {type(key).__name__}")
            table[key] = value
        return table

    def _object(self, index: int) -> Any:
        name = self.string()
        if re.fullmatch(r"V \d+", name):
            name = self.string()
        array = _ARRAY.fullmatch(name)
        if not array:
            module = Module(name)
            self.known[index] = module
            content = self.value()
            if not isinstance(content, dict):
                raise self.fail(f"an object {name} that is no table")
            module.update(content)
            return module
        _, kind, form = array.groups()
        if kind not in _DTYPES:
            raise self.fail(f"an array of unknown type {name}")
        dtype = np.dtype(_DTYPES[kind])
        self.known[index] = self._storage(dtype) if form == "Storage" else self._tensor(name, dtype)
        return self.known[index]

    def _storage(self, dtype: np.dtype) -> np.ndarray:
        count = self.number("<q")
        if not 0 <= count <= len(self.content):
            raise self.fail(f"a storage of {count} values")
        start = self.take(count * dtype.itemsize)
        return np.frombuffer(self.content, dtype, count, start)

    def _tensor(self, name: str, dtype: np.dtype) -> np.ndarray:
        axes = self.number("<i")
        if not 0 <= axes <= _MOST_AXES:
            raise self.fail(f"a tensor of {axes} axes")
        shape = [self.number("<q") for _ in range(axes)]
        strides = [self.number("<q") for _ in range(axes)]
        first = self.number("<q") - 1  # Lua counts from 1
        storage = self.value()
        if axes == 0 or storage is None:
            return np.zeros(0, dtype)
        if not isinstance(storage, np.ndarray) or storage.dtype != dtype or storage.ndim != 1:
            raise self.fail(f"a {name} without a storage of its type")
        impossible = min(shape) < 1 or min(strides) < 0 or first < 0
        if impossible or math.prod(shape) > len(storage):  # no values are repeated by stride 0
            raise self.fail(f"a tensor of shape {shape} and strides {strides}")
        last = first + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
        if last >= len(storage):
            raise self.fail(f"a tensor of shape {shape} beyond its {len(storage)} values")
        bytes_apart = [stride * dtype.itemsize for stride in strides]
        return np.lib.stride_tricks.as_strided(storage[first:], shape, bytes_apart, writeable=False)
