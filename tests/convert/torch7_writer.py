"""A small writer of Torch7 files, written from the format's description for the tests alone."""

from __future__ import annotations

import struct

CLASSES = {"f4": "Float", "f8": "Double", "u1": "Byte", "i1": "Char", "i2": "Short", "i4": "Int"}
CLASSES |= {"i8": "Long", "f2": "Half"}


class Object:
    """An object of Lua: a class and a table, or raw content."""

    def __init__(self, name, table=None, raw=None):
        self.name, self.table, self.raw = name, table, raw


class Tensor:
    """A view of values, written with any shape, strides and offset, right or wrong."""

    def __init__(self, values, shape, strides, offset=1, name=None, storage=None):
        self.values, self.shape, self.strides, self.offset = values, shape, strides, offset
        self.name, self.storage = name, storage


class Writer:
    """Bytes of a value; `legacy` leaves out the version strings, as files before 2012 do."""

    def __init__(self, legacy: bool = False):
        self.legacy = legacy
        self.out = bytearray()
        self.indices = {}

    def pack(self, form, *values):
        self.out += struct.pack(f"<{form}", *values)

    def string(self, text):
        content = text if isinstance(text, bytes) else text.encode()
        self.pack("i", len(content))
        self.out += content

    def value(self, value) -> Writer:
        if value is None:
            self.pack("i", 0)
        elif isinstance(value, bool):
            self.pack("ii", 5, value)
        elif isinstance(value, int | float):
            self.pack("id", 1, value)
        elif isinstance(value, str | bytes):
            self.pack("i", 2)
            self.string(value)
        elif self._reference(value):
            pass
        elif isinstance(value, dict):
            self.table(value)
        elif isinstance(value, Object):
            self.head(value.name)
            if value.raw is not None:
                self.out += value.raw
            else:
                self.value(value.table)
        elif isinstance(value, Tensor):
            self.tensor(value)
        else:  # a contiguous array
            strides = [s // value.itemsize for s in value.strides]
            self.tensor(Tensor(value.ravel(), value.shape, strides))
        return self

    def _reference(self, value) -> bool:
        self.pack("i", 3 if isinstance(value, dict) else 4)
        known = id(value) in self.indices
        self.indices.setdefault(id(value), (len(self.indices) + 1, value))
        self.pack("i", self.indices[id(value)][0])
        return known

    def head(self, name):
        if not self.legacy:
            self.string("V 1")
        self.string(name)

    def table(self, table):
        self.pack("i", len(table))
        for key, value in table.items():
            self.value(key).value(value)

    def tensor(self, t: Tensor):
        kind = CLASSES[t.values.dtype.str[1:]]
        self.head(t.name or f"torch.{kind}Tensor")
        self.pack("i", len(t.shape))
        self.pack(f"{len(t.shape)}q", *t.shape)
        self.pack(f"{len(t.strides)}q", *t.strides)
        self.pack("q", t.offset)
        if not len(t.shape):
            self.pack("i", 0)
            return
        self.pack("ii", 4, 10_000 + len(self.indices))
        self.indices[object()] = (0, None)
        self.head(t.storage or (t.name or f"torch.{kind}Tensor").replace("Tensor", "Storage"))
        self.pack("q", len(t.values))
        self.out += t.values.tobytes()


def dumps(value, legacy: bool = False) -> bytes:
    """The file of one value."""
    return bytes(Writer(legacy).value(value).out)
