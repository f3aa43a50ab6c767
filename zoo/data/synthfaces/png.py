"""PNG bytes with checks: the header before decoding, and every chunk."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from zoo.errors import ZooError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode_png(image: np.ndarray) -> bytes:
    """Returns an (H, W) or RGB (H, W, 3) uint8 image as PNG bytes."""
    import cv2

    pixels = image[..., ::-1] if image.ndim == 3 else image
    done, data = cv2.imencode(".png", np.ascontiguousarray(pixels))
    if not done:
        raise RuntimeError("OpenCV could not encode a PNG.")
    return data.tobytes()


def decode_png(data: bytes, size: int, channels: int, where: str) -> np.ndarray:
    """Decodes a square PNG after checking its header and its chunks.

    Args:
        data: PNG bytes.
        size: the side in pixels that the image must have.
        channels: 1 (grey) or 3 (RGB).
        where: names the source in error messages.

    Returns:
        uint8 (size, size) for one channel, (size, size, 3) RGB for three.

    Raises:
        ZooError: not a PNG, another size, truncated or damaged.
    """
    import cv2

    if data[:8] != _SIGNATURE or data[12:16] != b"IHDR":
        raise ZooError(f"{where}: not a PNG.")
    width, height = struct.unpack(">II", data[16:24])
    if (width, height) != (size, size):
        raise ZooError(f"{where}: the image is {width}x{height}, expected {size}x{size}.")
    _check_chunks(data, where)
    flag = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if image is None:
        raise ZooError(f"{where}: the PNG cannot be decoded.")
    return image if channels == 1 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _check_chunks(data: bytes, where: str) -> None:
    position, kind = 8, b""
    while position + 12 <= len(data) and kind != b"IEND":
        (length,) = struct.unpack(">I", data[position : position + 4])
        end = position + 12 + length
        if end > len(data):
            break
        kind = data[position + 4 : position + 8]
        if zlib.crc32(data[position + 4 : end - 4]) != struct.unpack(">I", data[end - 4 : end])[0]:
            raise ZooError(f"{where}: the PNG is damaged (checksum of {kind!r}).")
        position = end
    if kind != b"IEND":
        raise ZooError(f"{where}: the PNG is truncated.")
