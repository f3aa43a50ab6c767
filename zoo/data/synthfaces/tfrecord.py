"""TFRecord files and `tf.train.Example` messages without TensorFlow.

A record is: length (u64 little-endian), masked CRC-32C of the length, data, masked CRC-32C of the
data. Files made of whole records may be concatenated, which is how shards are assembled.
"""

from __future__ import annotations

import importlib.util
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from zoo.errors import ZooError

Feature = bytes | Sequence[int] | np.ndarray

_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3  # field numbers of tf.train.Feature
_LENGTH_DELIMITED = 2  # wire type


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC_TABLE = _crc_table()


def masked_crc32c(data: bytes) -> int:
    """Returns the CRC-32C (Castagnoli) of `data`, masked as TFRecord stores it."""
    table, crc = _CRC_TABLE, 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return _masked(crc ^ 0xFFFFFFFF)


def _masked(crc: int) -> int:
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _checksum(data: bytes) -> int:
    """`masked_crc32c` of many bytes, compiled where numba is installed."""
    if importlib.util.find_spec("numba") is None:
        return masked_crc32c(data)
    from zoo.data.synthfaces.checksum import crc32c

    return _masked(crc32c(data, _CRC_TABLE))


def record(data: bytes) -> bytes:
    """Returns `data` framed as one TFRecord record."""
    length = struct.pack("<Q", len(data))
    return b"".join(
        (
            length,
            struct.pack("<I", masked_crc32c(length)),
            data,
            struct.pack("<I", _checksum(data)),
        )
    )


def record_offsets(path: str | os.PathLike) -> np.ndarray:
    """Scans the length headers of a TFRecord file.

    Returns:
        int64 (records, 2): offset and length in bytes of the data of each record.

    Raises:
        ZooError: a header is damaged or the file ends inside a record.
    """
    path = Path(path)
    size, offset, rows = path.stat().st_size, 0, []
    with open(path, "rb") as file:
        while offset < size:
            file.seek(offset)
            header = file.read(12)
            if len(header) < 12:
                raise ZooError(f"{path}: ends inside the header of record {len(rows)}.")
            length, crc = struct.unpack("<QI", header)
            if masked_crc32c(header[:8]) != crc:
                raise ZooError(f"{path}: the header of record {len(rows)} is damaged.")
            if offset + 16 + length > size:
                raise ZooError(f"{path}: ends inside record {len(rows)}.")
            rows.append((offset + 12, length))
            offset += 16 + length
    return np.array(rows, np.int64).reshape(-1, 2)


def encode_example(features: Mapping[str, Feature]) -> bytes:
    """Serialises features as a `tf.train.Example`.

    `bytes` become a bytes_list of one, floating arrays a float_list, integer arrays an int64_list.
    Keys are written in the order given, so equal features give equal bytes.
    """
    entries = []
    for name, value in features.items():
        if isinstance(value, bytes):
            kind, values = _BYTES_LIST, _field(1, value)
        else:
            array = np.atleast_1d(np.asarray(value))
            if array.dtype.kind == "f":
                kind, values = _FLOAT_LIST, _field(1, array.astype("<f4").tobytes())
            else:
                packed = b"".join(_varint(int(v) & 0xFFFFFFFFFFFFFFFF) for v in array.ravel())
                kind, values = _INT64_LIST, _field(1, packed)
        entries.append(_field(1, _field(1, name.encode()) + _field(2, _field(kind, values))))
    return _field(1, b"".join(entries))


def decode_example(data: bytes) -> dict[str, bytes | np.ndarray]:
    """Reads an Example written by `encode_example`: bytes, float32 arrays and int64 arrays."""
    features: dict[str, bytes | np.ndarray] = {}
    for _, body in _fields(data):
        for _, entry in _fields(body):
            (_, name), (_, feature) = _fields(entry)
            ((kind, values),) = _fields(feature)
            ((_, payload),) = _fields(values)
            if kind == _BYTES_LIST:
                features[name.decode()] = payload
            elif kind == _FLOAT_LIST:
                features[name.decode()] = np.frombuffer(payload, "<f4").astype(np.float32)
            else:
                features[name.decode()] = np.array(list(_varints(payload)), np.int64)
    return features


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(payload)) + payload


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position


def _varints(data: bytes) -> Iterator[int]:
    position = 0
    while position < len(data):
        value, position = _read_varint(data, position)
        yield value - (1 << 64) if value >> 63 else value


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields (field number, payload) of a message whose fields are all length-delimited."""
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        length, position = _read_varint(data, position)
        if key & 7 != _LENGTH_DELIMITED or position + length > len(data):
            raise ZooError("An Example in the TFRecord shard is damaged.")
        yield key >> 3, data[position : position + length]
        position += length
