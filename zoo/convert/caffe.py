"""Reading .caffemodel files: protocol buffers with the weights of a Caffe network.

The few fields that hold weights are read straight from the wire format, without Caffe and without
generated code. Arrays are views of the mapped file.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path

import numpy as np

from zoo.errors import ZooError

MAX_BYTES = 2**31 - 1  # protocol buffers cannot be larger
_MAX_LAYERS, _MAX_BLOBS, _MAX_AXES = 10_000, 64, 32  # 32 axes are Caffe's own limit

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# caffe.proto: field numbers of (name, blobs) in the two kinds of layers of a NetParameter
_LAYERS = {2: (4, 6), 100: (1, 7)}  # layers (V1LayerParameter), layer (LayerParameter)
_BLOB_LEGACY_SHAPE, _BLOB_DATA, _BLOB_SHAPE = (1, 2, 3, 4), 5, 7
_SHAPE_DIM = 1
_ROLES = ("weight", "bias")


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads the weights of a network.

    Returns:
        `<layer>/weight` and `<layer>/bias` (`<layer>/2` and so on for further blobs) -> float32
        array in Caffe's axes. Blobs of old files have four axes, see `without_legacy_axes`.

    Raises:
        ZooError: missing, foreign, truncated or inconsistent file.
    """
    if not Path(path).is_file():
        raise ZooError(f"no .caffemodel at {path}")
    try:
        size = Path(path).stat().st_size
        if not 0 < size <= MAX_BYTES:
            raise ZooError(f"{path} has {size} bytes; legal are 1 to {MAX_BYTES}")
        with open(path, "rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error
    try:
        arrays = _network(data)
    except _Malformed as error:
        raise ZooError(f"{path} is not a whole .caffemodel: {error}") from error
    if not arrays:
        raise ZooError(f"{path} is not a .caffemodel with weights: no layer in it has any")
    return arrays


def without_legacy_axes(
    tensors: Mapping[str, np.ndarray], shapes: Mapping[str, tuple]
) -> dict[str, np.ndarray]:
    """Drops the leading axes of length 1 that old files put before shorter shapes.

    Args:
        tensors: name -> array.
        shapes: name -> shape that it should have; others stay as they are.
    """
    fitted = {}
    for name, array in tensors.items():
        wanted = tuple(shapes.get(name, ()))
        legacy = (1,) * (4 - len(wanted)) + wanted
        fitted[name] = np.reshape(array, wanted) if np.shape(array) == legacy else array
    return fitted


class _Malformed(Exception):
    """What is wrong with the bytes."""


def _network(data: memoryview) -> dict[str, np.ndarray]:
    arrays, layers = {}, 0
    for number, value in _fields(data):
        if number not in _LAYERS:
            continue
        layers += 1
        if layers > _MAX_LAYERS:
            raise _Malformed(f"more than {_MAX_LAYERS} layers")
        for key, array in _layer(_expect_bytes(value, "a layer"), *_LAYERS[number]):
            if key in arrays:
                raise _Malformed(f"{key} is there twice")
            arrays[key] = array
    return arrays


def _layer(data: memoryview, name_field: int, blobs_field: int) -> Iterator[tuple]:
    name, blobs = "", []
    for number, value in _fields(data):
        if number == name_field:
            try:
                name = str(_expect_bytes(value, "a layer's name"), "utf-8")
            except UnicodeDecodeError:
                raise _Malformed("a layer's name is not UTF-8") from None
        elif number == blobs_field:
            blobs.append(_expect_bytes(value, "a blob"))
            if len(blobs) > _MAX_BLOBS:
                raise _Malformed(f"layer {name!r} has more than {_MAX_BLOBS} blobs")
    for i, blob in enumerate(blobs):
        key = f"{name}/{_ROLES[i] if i < len(_ROLES) else i}"
        yield key, _blob(blob, key)


def _blob(data: memoryview, key: str) -> np.ndarray:
    chunks, shape, legacy = [], None, {}
    for number, value in _fields(data):
        if number == _BLOB_DATA:  # packed, or one by one: both are legal
            chunks.append(_expect_bytes(value, f"the data of {key}"))
        elif number == _BLOB_SHAPE:
            shape = _shape(_expect_bytes(value, f"the shape of {key}"))
        elif number in _BLOB_LEGACY_SHAPE:
            legacy[number] = _expect_int(value, f"the shape of {key}")
    if shape is None:
        shape = tuple(legacy.get(number, 0) for number in _BLOB_LEGACY_SHAPE)
    values = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    if len(values) % 4 or prod(shape) != len(values) // 4:
        raise _Malformed(f"{key} has shape {shape} and {len(values)} bytes of float32 values")
    return np.frombuffer(values, "<f4").reshape(shape)


def _shape(data: memoryview) -> tuple[int, ...]:
    axes = []
    for number, value in _fields(data):
        if number != _SHAPE_DIM:
            continue
        if isinstance(value, int):
            axes.append(value)
            continue
        at = 0
        while at < len(value) and len(axes) <= _MAX_AXES:
            axis, at = _varint(value, at)
            axes.append(axis)
    if len(axes) > _MAX_AXES or any(axis > MAX_BYTES for axis in axes):
        raise _Malformed(f"a shape has more than {_MAX_AXES} axes or a negative or absurd one")
    return tuple(axes)


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field number and value of each field: an int for a varint, else the bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise _Malformed("a field has number 0")
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            length, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise _Malformed(f"field {number} has the unknown wire type {kind}")
        if length > len(data) - at:
            raise _Malformed(f"field {number} reaches {length - len(data) + at} bytes beyond")
        yield number, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _Malformed("it ends inside a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _Malformed("a number has more than ten bytes")


def _expect_bytes(value: int | memoryview, what: str) -> memoryview:
    if isinstance(value, int):
        raise _Malformed(f"{what} is a number")
    return value


def _expect_int(value: int | memoryview, what: str) -> int:
    if not isinstance(value, int):
        raise _Malformed(f"{what} is no number")
    if value > MAX_BYTES:
        raise _Malformed(f"{what} has a negative or absurd axis")
    return value
