"""CRC-32C of many bytes, compiled: records of a TFRecord file are tens of kilobytes long."""

from __future__ import annotations

import numpy as np
from numba import njit


def crc32c(data: bytes, table: list[int]) -> int:
    """Returns the CRC-32C of `data` by the table of all bytes."""
    return int(_crc32c(np.frombuffer(data, np.uint8), np.array(table, np.uint32)))


@njit(cache=True)
def _crc32c(data, table):
    crc = np.uint32(0xFFFFFFFF)
    for byte in data:
        crc = table[(crc ^ byte) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    return crc ^ np.uint32(0xFFFFFFFF)
