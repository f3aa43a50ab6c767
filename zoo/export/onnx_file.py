"""Writes an ONNX file from a small graph and weights that stay where they are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
from onnx import TensorProto, helper

from zoo.files import atomic_path

EXTERNAL_ABOVE = 1_500_000_000
"""Weights of more bytes go to a second file: a protobuf message must stay below 2 GiB."""

ALIGNMENT = 4096
"""Weights in the second file start at multiples of this, bytes, so that it can be mapped."""


def write(path: Path, skeleton: onnx.ModelProto, weights: dict[str, np.ndarray]) -> None:
    """Writes `path`, and `PATH.data` beside it where the weights exceed 1.5 GB.

    The file is laid out by hand, one initializer after the other, because building it as one
    message would hold the weights twice more. Both files appear only when they are complete.

    Args:
        path: the `.onnx` file.
        skeleton: the model without these weights among its initializers.
        weights: initializer name -> value, in any memory layout.
    """
    if sum(value.nbytes for value in weights.values()) > EXTERNAL_ABOVE:
        data = path.with_name(path.name + ".data")
        with atomic_path(path) as model_file, atomic_path(data) as data_file:
            entries = _write_data(data_file, data.name, weights)
            skeleton.graph.initializer.extend(entries)
            model_file.write_bytes(skeleton.SerializeToString())
    else:
        with atomic_path(path) as model_file, model_file.open("wb") as stream:
            _write_inline(stream, skeleton, weights)


def _write_inline(
    stream: BinaryIO, skeleton: onnx.ModelProto, weights: dict[str, np.ndarray]
) -> None:
    """The wire format of ModelProto: its other fields, then `graph` with the weights at its end."""
    graph = skeleton.graph.SerializeToString()
    rest = onnx.ModelProto()
    rest.CopyFrom(skeleton)
    rest.ClearField("graph")
    heads = []
    for name, value in weights.items():
        entry = _entry(name, value).SerializeToString()
        raw = _key(TensorProto, "raw_data") + _varint(value.nbytes)
        length = len(entry) + len(raw) + value.nbytes
        heads.append(_key(onnx.GraphProto, "initializer") + _varint(length) + entry + raw)
    total = len(graph) + sum(map(len, heads)) + sum(value.nbytes for value in weights.values())
    stream.write(rest.SerializeToString())
    stream.write(_key(onnx.ModelProto, "graph") + _varint(total))
    stream.write(graph)
    for head, value in zip(heads, weights.values(), strict=True):
        stream.write(head)
        stream.write(_bytes(value))


def _write_data(path: Path, location: str, weights: dict[str, np.ndarray]) -> Iterable[TensorProto]:
    """Writes the weights to a file of their own; returns the initializers that point into it."""
    entries = []
    with path.open("wb") as stream:
        for name, value in weights.items():
            stream.seek(-stream.tell() % ALIGNMENT, 1)
            entry = _entry(name, value)
            entry.data_location = TensorProto.EXTERNAL
            for key, text in [
                ("location", location),
                ("offset", stream.tell()),
                ("length", value.nbytes),
            ]:
                entry.external_data.add(key=key, value=str(text))
            stream.write(_bytes(value))
            entries.append(entry)
    return entries


def _entry(name: str, value: np.ndarray) -> TensorProto:
    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    return TensorProto(name=name, dims=value.shape, data_type=kind)


def _bytes(value: np.ndarray) -> memoryview:
    """The value's little-endian bytes in C order, without a copy where it lies so already."""
    value = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
    return memoryview(value.reshape(-1).view(np.uint8))


def _key(message: type, field: str) -> bytes:
    """The wire key of a length-delimited field."""
    return _varint(message.DESCRIPTOR.fields_by_name[field].number << 3 | 2)


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)
