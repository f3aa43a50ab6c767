"""Safe reading and writing of pictures: nothing is decoded before its header has been checked.

Legal formats are PNG, JPEG, BMP and WebP, told by their first bytes, whatever the file is called.
The size in the header is compared with a bound first, and a file that ends too early is refused,
because OpenCV decodes a cut JPEG without complaint to a picture that is partly grey. A PNG is
checked by its check sums; a JPEG has none, so a wrong bit in its picture data stays unnoticed.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from zoo.errors import ZooError, did_you_mean
from zoo.files import atomic_path
from zoo.masks import validate

MAX_PIXELS = 64_000_000
"""Largest picture that is read, in pixels (ours): 8000 x 8000."""

_FORMATS = "PNG, JPEG, BMP, WebP"
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def read_image(
    path: str | os.PathLike, *, max_pixels: int = MAX_PIXELS, keep_alpha: bool = False
) -> np.ndarray:
    """Reads a picture as 8-bit RGB, upright, over white where it is transparent.

    Args:
        path: A PNG, JPEG, BMP or WebP file. The EXIF orientation is applied; grey, palette, CMYK
            and 16-bit pictures are converted.
        max_pixels: Largest width x height. A file of more than 8 bytes for each of these pixels is
            refused as well.
        keep_alpha: Leave colours as stored and return the alpha channel as a fourth one, if the
            file has it; `over_white` gives what is read otherwise.

    Returns:
        (H, W, 3) uint8 RGB, or (H, W, 4) RGBA with `keep_alpha` and an alpha channel.

    Raises:
        ZooError: The file is missing, no regular file, empty, not of a legal format, too large,
            cut short or corrupt.
    """
    rgb, alpha = _load(path, max_pixels)
    if alpha is None:
        return rgb
    rgba = np.dstack([rgb, alpha])
    return rgba if keep_alpha else over_white(rgba)


def over_white(picture: np.ndarray) -> np.ndarray:
    """Lays an (H, W, 4) uint8 RGBA picture over white: (H, W, 3) RGB. RGB comes back as it is."""
    if picture.shape[-1] == 3:
        return picture
    rgb, opaque = picture[..., :3], picture[..., 3:].astype(np.uint16)
    return ((rgb * opaque + 255 * (255 - opaque) + 127) // 255).astype(np.uint8)


def read_mask(path: str | os.PathLike, size: tuple[int, int]) -> np.ndarray:
    """Reads a mask: bright (above 127.5) = hole.

    A transparent pixel is no hole. If the colours are all alike and only the alpha channel varies,
    opaque = hole.

    Args:
        path: A PNG, JPEG, BMP or WebP file, grey or with equal channels.
        size: (H, W) that it must have.

    Returns:
        (H, W, 1) float32 in {0, 1}; 1 = hole.

    Raises:
        ZooError: As `read_image`, or the channels differ, the size is wrong, or there is no hole.
    """
    rgb, alpha = _load_sized(path, size)
    bright = rgb > 127.5
    if (bright != bright[..., :1]).any():
        raise ZooError(
            f"Mask {path} has 3 channels that differ (it is coloured); legal: grey, white = hole."
        )
    hole = bright[..., 0]
    if _varies(alpha):
        constant = (rgb == rgb[0, 0]).all()
        hole = alpha > 127.5 if constant else hole & (alpha > 127.5)
    return validate(hole, size, name=f"Mask {path}")


def read_sketch(path: str | os.PathLike, size: tuple[int, int]) -> np.ndarray:
    """Reads a sketch: dark lines on light or light lines on dark; the median tells the paper.

    Transparent pixels count as white paper. If nothing is to be seen on white, opaque pixels are
    the lines.

    Args:
        path: A PNG, JPEG, BMP or WebP file.
        size: (H, W) that it must have.

    Returns:
        (H, W, 1) float32 in {0, 1}; 1 = line. An empty sheet of paper is legal: all 0.

    Raises:
        ZooError: As `read_image`, or the size is wrong.
    """
    rgb, alpha = _load_sized(path, size)
    paper = rgb if alpha is None else over_white(np.dstack([rgb, alpha]))
    bright = cv2.cvtColor(paper, cv2.COLOR_RGB2GRAY) > 127.5
    lines = ~bright if np.median(bright) else bright
    if _varies(alpha) and not lines.any():
        lines = alpha > 127.5
    return lines[..., None].astype(np.float32)


def read_color(path: str | os.PathLike, size: tuple[int, int]) -> np.ndarray:
    """Reads colour strokes.

    Args:
        path: A PNG, JPEG, BMP or WebP file. Black is no stroke; if the file has an alpha channel
            that varies, alpha 0 is no stroke and black paint is kept as (1, 1, 1).
        size: (H, W) that it must have.

    Returns:
        (H, W, 3) uint8 RGB; black (0, 0, 0) = no stroke.

    Raises:
        ZooError: As `read_image`, or the size is wrong.
    """
    rgb, alpha = _load_sized(path, size)
    if not _varies(alpha):
        return rgb
    black_paint = ~rgb.any(axis=-1, keepdims=True)
    return np.where(alpha[..., None] > 0, np.where(black_paint, 1, rgb), 0).astype(np.uint8)


def write_image(path: str | os.PathLike, image: np.ndarray, quality: int = 95) -> None:
    """Writes a picture in the format of the suffix, in one step: never a half-written file.

    Args:
        path: Ends in .png, .jpg, .jpeg or .webp. Missing folders are made.
        image: uint8, (H, W) or (H, W, 1) grey, (H, W, 3) RGB or, for PNG and WebP, (H, W, 4) RGBA.
        quality: 1..100 for JPEG and WebP; PNG is lossless.

    Raises:
        ZooError: Unknown suffix, wrong array, wrong quality, or the place cannot be written.
    """
    path = Path(path)
    suffix = check_suffix(path)
    if not 1 <= quality <= 100:
        raise ZooError(f"quality must lie in 1..100; received {quality}.")
    if path.is_dir():
        raise ZooError(f"Cannot write {path}: it is a directory.")
    jpeg = suffix in (".jpg", ".jpeg")
    legal = (1, 3) if jpeg else (1, 3, 4)
    channels = 1 if image.ndim == 2 else image.shape[-1]
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or channels not in legal:
        raise ZooError(
            f"Cannot write {path}: the picture must be uint8 with {legal} channels; "
            f"received {image.dtype} {image.shape}."
        )
    if channels > 1:
        image = cv2.cvtColor(image, {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[channels])
    flag = {".png": [], ".webp": [cv2.IMWRITE_WEBP_QUALITY, quality]}
    try:
        done, data = cv2.imencode(
            suffix, image, flag.get(suffix, [cv2.IMWRITE_JPEG_QUALITY, quality])
        )
    except cv2.error as error:
        raise ZooError(f"Cannot write {path}: {error}") from error
    if not done:
        raise ZooError(f"Cannot write {path}: OpenCV cannot encode {image.shape} as {suffix}.")
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise ZooError(f"Cannot write {path}: {error.strerror}.") from error


def check_suffix(path: str | os.PathLike) -> str:
    """Returns the suffix in lower case if `write_image` can write it.

    Raises:
        ZooError: It cannot.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise ZooError(
            f"Cannot write {path}: unknown suffix {suffix!r}."
            f"{did_you_mean(suffix, _SUFFIXES)} Legal: {', '.join(_SUFFIXES)}."
        )
    return suffix


# Decoding.


def _load(path: str | os.PathLike, max_pixels: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns straight (H, W, 3) uint8 RGB and (H, W) uint8 alpha or None, upright."""
    data = _read_bytes(Path(path), limit=8 * max_pixels + 1_000_000)
    header = _parse_header(data)
    if header is None:
        raise ZooError(f"{path} is not a picture of a legal format. Legal: {_FORMATS}.")
    if header.width * header.height > max_pixels:
        raise ZooError(
            f"{path} is {header.width} x {header.height} pixels (width x height); legal: at most "
            f"{max_pixels:,} pixels."
        )
    if header.problem:
        raise ZooError(f"{path} is damaged: {header.problem}.")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        raise ZooError(f"{path} is damaged: its picture data cannot be decoded.")
    if pixels.dtype == np.uint16:
        pixels = cv2.convertScaleAbs(pixels, alpha=1 / 257)  # 65535 -> 255
    pixels = np.ascontiguousarray(_upright(pixels, header.orientation))
    if pixels.ndim == 2:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), None
    if pixels.shape[2] == 4:
        return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB), pixels[..., 3].copy()
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), None


def _load_sized(
    path: str | os.PathLike, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray | None]:
    rgb, alpha = _load(path, MAX_PIXELS)
    if rgb.shape[:2] != tuple(size):
        raise ZooError(
            f"{path} is {rgb.shape[0]} x {rgb.shape[1]} (height x width), but the image is "
            f"{size[0]} x {size[1]}."
        )
    return rgb, alpha


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        if not path.exists():
            raise ZooError(f"{path} does not exist.")
        if not path.is_file():
            kind = "a directory" if path.is_dir() else "not a regular file"
            raise ZooError(f"{path} is {kind}, not a picture.")
        size = path.stat().st_size
        if size == 0:
            raise ZooError(f"{path} is empty.")
        if size > limit:
            raise ZooError(f"{path} has {size:,} bytes; legal: at most {limit:,}.")
        return path.read_bytes()
    except OSError as error:
        raise ZooError(f"Cannot read {path}: {error.strerror}.") from error


def _varies(alpha: np.ndarray | None) -> bool:
    return alpha is not None and alpha.min() != alpha.max()


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undoes the EXIF orientation 1..8 of stored pixels (H, W[, C])."""
    if orientation >= 5:  # the stored rows are the picture's columns
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


# Headers. Each parser returns the size even if it finds the file damaged.


class _Header(NamedTuple):
    width: int
    height: int
    orientation: int = 1  # EXIF, 1..8
    problem: str | None = None


_CUT = "it ends too early"


def _parse_header(data: bytes) -> _Header | None:
    """Returns None if no legal format has these first bytes."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _parse_png(data)
        if data.startswith(b"\xff\xd8\xff"):
            return _parse_jpeg(data)
        if data.startswith(b"BM"):
            return _parse_bmp(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _parse_webp(data)
    except (struct.error, IndexError):
        return _Header(0, 0, problem=_CUT)
    return None


def _parse_png(data: bytes) -> _Header:
    width, height = struct.unpack_from(">II", data, 16)
    if data[8:16] != b"\x00\x00\x00\rIHDR" or not width or not height:
        return _Header(width, height, problem="its header is wrong")
    orientation, position = 1, 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 12 + length
        if end > len(data):
            break
        kind = data[position + 4 : position + 8]
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != checksum:
            return _Header(width, height, problem=f"wrong check sum of chunk {kind!r}")
        if kind == b"eXIf":
            orientation = _exif_orientation(data[position + 8 : end - 4])
        if kind == b"IEND":
            return _Header(width, height, orientation)
        position = end
    return _Header(width, height, orientation, _CUT)


# Between the scans of a JPEG, 0xFF stands for itself before 0x00 and for a restart before 0xD0..D7.
_JPEG_MARKER = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF0..SOF15
_JPEG_SCAN, _JPEG_END, _JPEG_EXIF = 0xDA, 0xD9, 0xE1


def _parse_jpeg(data: bytes) -> _Header:
    width = height = 0
    orientation, position = 1, 2
    while (marker := _JPEG_MARKER.search(data, position)) is not None:
        kind = data[marker.end() - 1]
        if kind == _JPEG_END:
            problem = None if width and height else "it has no frame size"
            return _Header(width, height, orientation, problem)
        body = marker.end() + 2
        (length,) = struct.unpack_from(">H", data, marker.end())
        position = marker.end() + length
        if length < 2 or position > len(data):
            break
        if kind in _JPEG_FRAMES:
            frame_height, frame_width = struct.unpack_from(">HH", data, body + 1)
            width, height = max(width, frame_width), max(height, frame_height)
        elif kind == _JPEG_EXIF and data[body : body + 6] == b"Exif\x00\x00":
            orientation = _exif_orientation(data[body + 6 : position])
    return _Header(width, height, orientation, _CUT)


def _parse_bmp(data: bytes) -> _Header:
    offset, header_size = struct.unpack_from("<II", data, 10)
    if header_size == 12:  # OS/2
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # negative: top row first
    if width <= 0 or height == 0:
        return _Header(0, 0, problem="its header is wrong")
    row = (width * bits + 31) // 32 * 4
    run_length_coded = compression in (1, 2)
    if not run_length_coded and offset + row * height > len(data):
        return _Header(width, height, problem=_CUT)
    return _Header(width, height)


def _parse_webp(data: bytes) -> _Header:
    (size,) = struct.unpack_from("<I", data, 4)
    width = height = 0
    orientation = 1
    for kind, chunk in _webp_chunks(data[: size + 8]):
        w = h = 0
        if kind == b"VP8X":
            w = int.from_bytes(chunk[4:7], "little") + 1
            h = int.from_bytes(chunk[7:10], "little") + 1
            if chunk[0] & 2:
                return _Header(w, h, problem="it is an animation; legal: one picture")
        elif kind == b"VP8 ":
            w, h = (side & 0x3FFF for side in struct.unpack_from("<HH", chunk, 6))
        elif kind == b"VP8L":
            (bits,) = struct.unpack_from("<I", chunk, 1)
            w, h = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif kind == b"EXIF":
            orientation = _exif_orientation(chunk.removeprefix(b"Exif\x00\x00"))
        width, height = max(width, w), max(height, h)
    problem = _CUT if size + 8 > len(data) else None if width and height else "it has no picture"
    return _Header(width, height, orientation, problem)


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 12
    while position + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, position + 4)
        yield data[position : position + 4], data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def _exif_orientation(tiff: bytes) -> int:
    """Returns the orientation 1..8 of EXIF data; 1 if it is missing or damaged."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, directory)
        for entry in range(count):
            position = directory + 2 + 12 * entry
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, position)
            if tag == 0x0112 and kind == 3 and 1 <= value <= 8:
                return value
    except struct.error:
        pass
    return 1
