"""Reading and writing pictures: values, EXIF, alpha, bounds, damaged files."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest

from zoo.data import images
from zoo.errors import ZooError


@pytest.fixture
def picture() -> np.ndarray:
    """A smooth (24, 40, 3) uint8 RGB picture whose four corners differ."""
    y, x = np.mgrid[0:24, 0:40]
    return np.stack([6 * x, 10 * y, 120 + 2 * x - 2 * y], axis=-1).astype(np.uint8)


def encode(suffix: str, image: np.ndarray, *flags: int) -> bytes:
    """Encodes RGB, RGBA or grey with OpenCV."""
    if image.ndim == 3:
        code = cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        image = cv2.cvtColor(image, code)
    return cv2.imencode(suffix, image, flags)[1].tobytes()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def exif(orientation: int, order: str) -> bytes:
    """A TIFF block with the orientation tag as the second of two entries."""
    head = {"<": b"II*\x00", ">": b"MM\x00*"}[order] + struct.pack(order + "IH", 8, 2)
    make = struct.pack(order + "HHI4s", 0x010F, 2, 4, b"zoo\x00")
    return head + make + struct.pack(order + "HHIHHI", 0x0112, 3, 1, orientation, 0, 0)


def with_jpeg_exif(jpeg: bytes, tiff: bytes) -> bytes:
    body = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def upright(stored: np.ndarray, orientation: int) -> np.ndarray:
    """The EXIF standard's eight cases, written as rotations."""
    return {
        1: stored,
        2: np.fliplr(stored),
        3: np.rot90(stored, 2),
        4: np.flipud(stored),
        5: np.fliplr(np.rot90(stored, -1)),
        6: np.rot90(stored, -1),
        7: np.flipud(np.rot90(stored, -1)),
        8: np.rot90(stored, 1),
    }[orientation]


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_lossless_formats_come_back_as_rgb(tmp_path, picture, suffix):
    path = tmp_path / "picture.dat"  # the bytes decide, not the name
    path.write_bytes(encode(suffix, picture))
    np.testing.assert_array_equal(images.read_image(path), picture)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_come_back_close(tmp_path, picture, suffix):
    path = tmp_path / f"picture{suffix}"
    images.write_image(path, picture, quality=100)
    assert np.abs(images.read_image(path).astype(int) - picture).mean() < 3


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_exif_orientation(tmp_path, picture, orientation, order):
    jpeg = encode(".jpg", picture, cv2.IMWRITE_JPEG_QUALITY, 98)
    path = tmp_path / "turned.jpg"
    path.write_bytes(jpeg)
    stored = images.read_image(path)
    path.write_bytes(with_jpeg_exif(jpeg, exif(orientation, order)))
    np.testing.assert_array_equal(images.read_image(path), upright(stored, orientation))


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_png_and_webp_exif_orientation(tmp_path, picture, orientation):
    path = tmp_path / "turned"
    png = encode(".png", picture)
    header_end = 8 + 25
    chunk = png_chunk(b"eXIf", exif(orientation, ">"))
    path.write_bytes(png[:header_end] + chunk + png[header_end:])
    np.testing.assert_array_equal(images.read_image(path), upright(picture, orientation))

    lossless = encode(".webp", picture, cv2.IMWRITE_WEBP_QUALITY, 101)
    tiff = exif(orientation, "<")
    sides = (picture.shape[1] - 1).to_bytes(3, "little") + (picture.shape[0] - 1).to_bytes(
        3, "little"
    )
    chunks = b"VP8X" + struct.pack("<I", 10) + b"\x08\x00\x00\x00" + sides
    body = b"WEBP" + chunks + lossless[12:] + b"EXIF" + struct.pack("<I", len(tiff)) + tiff
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    np.testing.assert_array_equal(images.read_image(path), upright(picture, orientation))


@pytest.mark.parametrize("tiff", [b"", b"II*\x00", b"II*\x00\xff\xff\xff\x7f", exif(9, "<")])
def test_damaged_exif_is_ignored(tmp_path, picture, tiff):
    path = tmp_path / "a.jpg"
    path.write_bytes(with_jpeg_exif(encode(".jpg", picture), tiff))
    assert images.read_image(path).shape == picture.shape


def test_a_thumbnail_in_exif_does_not_end_the_picture(tmp_path, picture):
    thumbnail = encode(".jpg", picture[:8, :8])
    path = tmp_path / "a.jpg"
    whole = with_jpeg_exif(encode(".jpg", picture), exif(1, ">") + thumbnail)
    path.write_bytes(whole)
    assert images.read_image(path).shape == picture.shape
    path.write_bytes(whole[: len(whole) - 40])
    with pytest.raises(ZooError, match="ends too early"):
        images.read_image(path)


def test_alpha_is_composited_over_white(tmp_path):
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[0] = [(200, 100, 0, 255), (200, 100, 0, 128), (200, 100, 0, 0)]
    path = tmp_path / "a.png"
    path.write_bytes(encode(".png", rgba))
    # 200 * 128 / 255 + 255 * 127 / 255 = 227.4; 177.2; 127
    expected = [(200, 100, 0), (227, 177, 127), (255, 255, 255)]
    np.testing.assert_array_equal(images.read_image(path)[0], expected)
    kept = images.read_image(path, keep_alpha=True)
    np.testing.assert_array_equal(kept, rgba)
    np.testing.assert_array_equal(images.over_white(kept), images.read_image(path))
    path.write_bytes(encode(".png", rgba[..., :3].copy()))
    np.testing.assert_array_equal(images.read_image(path, keep_alpha=True), rgba[..., :3])


def test_gray_and_16_bit_png_become_8_bit_rgb(tmp_path):
    deep = np.array([[0, 128, 129, 257, 32896, 65535]], np.uint16)
    path = tmp_path / "a.png"
    path.write_bytes(encode(".png", deep))
    image = images.read_image(path)
    assert image.dtype == np.uint8
    # value / 257, rounded: 128 / 257 = 0.498, 129 / 257 = 0.502
    np.testing.assert_array_equal(
        image[0], np.repeat([[0], [0], [1], [1], [128], [255]], 3, axis=1)
    )
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4)
    path.write_bytes(encode(".png", gray))
    np.testing.assert_array_equal(images.read_image(path), np.repeat(gray[..., None], 3, axis=2))


def test_cmyk_jpeg(tmp_path, picture):
    pillow = pytest.importorskip("PIL.Image")
    path = tmp_path / "a.jpg"
    pillow.fromarray(picture).convert("CMYK").save(path, quality=98)
    assert np.abs(images.read_image(path).astype(int) - picture).mean() < 4


def test_huge_png_header_is_refused_at_once(tmp_path):
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    body = png_chunk(b"IDAT", zlib.compress(bytes(1000))) + png_chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + body)
    tracemalloc.start()
    with pytest.raises(ZooError, match="30000 x 30000 pixels.*64,000,000"):
        images.read_image(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
def test_max_pixels_counts_every_format(tmp_path, picture, suffix):
    path = tmp_path / "a"
    path.write_bytes(encode(suffix, picture))
    assert images.read_image(path, max_pixels=24 * 40).shape == (24, 40, 3)
    with pytest.raises(ZooError, match="40 x 24 pixels"):
        images.read_image(path, max_pixels=24 * 40 - 1)


def test_file_size_is_bounded(tmp_path, picture):
    path = tmp_path / "a.png"
    path.write_bytes(encode(".png", picture))
    os.truncate(path, 3_000_000)  # zeros behind the picture, without using the disk
    with pytest.raises(ZooError, match="3,000,000 bytes"):
        images.read_image(path, max_pixels=1000)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_truncated_files_are_refused(tmp_path, picture, suffix, share):
    rng = np.random.default_rng(0)
    noisy = rng.integers(0, 256, (48, 80, 3), dtype=np.uint8)
    data = encode(suffix, noisy)
    path = tmp_path / "cut"
    path.write_bytes(data[: max(15, int(len(data) * share))])
    with pytest.raises(ZooError, match="damaged"):
        images.read_image(path)


def test_progressive_jpeg_with_a_missing_scan_is_refused(tmp_path, picture):
    big = cv2.resize(picture, (320, 240))
    data = encode(".jpg", big, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    assert images.read_image(path).shape == (240, 320, 3)
    last_scan = data.rfind(b"\xff\xda")
    assert data.find(b"\xff\xda") < last_scan
    path.write_bytes(data[:last_scan])
    with pytest.raises(ZooError, match="ends too early"):
        images.read_image(path)


def test_one_wrong_byte_in_a_png_is_refused(tmp_path, picture):
    data = bytearray(encode(".png", picture))
    data[len(data) // 2] ^= 1
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(ZooError, match="check sum of chunk b'IDAT'"):
        images.read_image(path)


def test_png_with_too_few_rows_is_refused(tmp_path):
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(25 * 4))  # half of the picture, with correct check sums
    path = tmp_path / "a.png"
    chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks))
    with pytest.raises(ZooError, match="cannot be decoded"):
        images.read_image(path)


def test_what_is_not_a_picture_is_refused(tmp_path):
    with pytest.raises(ZooError, match="does not exist"):
        images.read_image(tmp_path / "nowhere.png")
    with pytest.raises(ZooError, match="is a directory"):
        images.read_image(tmp_path)
    path = tmp_path / "a.png"
    path.touch()
    with pytest.raises(ZooError, match="is empty"):
        images.read_image(path)
    for data in (b"GIF89a" + bytes(50), b"II*\x00" + bytes(50), b"hello", b"%PDF-1.7"):
        path.write_bytes(data)
        with pytest.raises(ZooError, match="Legal: PNG, JPEG, BMP, WebP"):
            images.read_image(path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ZooError, match="not a regular file"):
        images.read_image(tmp_path / "pipe")


def test_animated_webp_is_refused(tmp_path):
    sides = (3).to_bytes(3, "little") * 2
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + b"\x02\x00\x00\x00" + sides
    path = tmp_path / "a.webp"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    with pytest.raises(ZooError, match="animation"):
        images.read_image(path)


class TestMask:
    size = (4, 5)

    def write(self, tmp_path, image):
        path = tmp_path / "mask.png"
        path.write_bytes(encode(".png", image))
        return path

    def test_threshold_and_polarity(self, tmp_path):
        gray = np.zeros(self.size, np.uint8)
        gray[1, :3] = 127, 128, 255
        expected = (gray > 127).astype(np.float32)[..., None]
        for image in (gray, np.repeat(gray[..., None], 3, axis=2)):
            mask = images.read_mask(self.write(tmp_path, image), self.size)
            assert mask.dtype == np.float32
            np.testing.assert_array_equal(mask, expected)

    def test_alpha(self, tmp_path):
        rgba = np.zeros((*self.size, 4), np.uint8)
        rgba[0, 0, 3] = 255  # black paint on a transparent layer
        assert np.argwhere(images.read_mask(self.write(tmp_path, rgba), self.size)).tolist() == [
            [0, 0, 0]
        ]
        rgba[:] = 255, 255, 255, 0  # white everywhere, opaque and black in one pixel each
        rgba[1, 1, 3] = 255
        rgba[2, 2] = 0, 0, 0, 255
        assert np.argwhere(images.read_mask(self.write(tmp_path, rgba), self.size)).tolist() == [
            [1, 1, 0]
        ]

    def test_refused(self, tmp_path):
        red = np.zeros((*self.size, 3), np.uint8)
        red[1, 1, 0] = 255
        with pytest.raises(ZooError, match="3 channels that differ"):
            images.read_mask(self.write(tmp_path, red), self.size)
        with pytest.raises(ZooError, match="no hole"):
            images.read_mask(self.write(tmp_path, np.zeros(self.size, np.uint8)), self.size)
        with pytest.raises(ZooError, match=r"4 x 5 .* 8 x 9"):
            images.read_mask(self.write(tmp_path, red), (8, 9))

    def test_all_hole_is_legal(self, tmp_path):
        full = np.full(self.size, 255, np.uint8)
        assert images.read_mask(self.write(tmp_path, full), self.size).all()


def test_sketch_of_either_polarity(tmp_path):
    lines = np.zeros((20, 30), np.uint8)
    cv2.line(lines, (3, 3), (25, 15), 1, 1)
    path = tmp_path / "sketch.png"
    layer = np.zeros((20, 30, 4), np.uint8)
    layer[..., 3] = 255 * lines
    white_layer = layer.copy()
    white_layer[..., :3] = 255
    for image in (255 * lines, 255 - 255 * lines, 200 - 150 * lines, layer, white_layer):
        path.write_bytes(encode(".png", image))
        np.testing.assert_array_equal(images.read_sketch(path, (20, 30))[..., 0], lines)
    path.write_bytes(encode(".png", np.full((20, 30), 255, np.uint8)))
    assert not images.read_sketch(path, (20, 30)).any()


def test_color_strokes_and_alpha(tmp_path):
    rgba = np.zeros((3, 4, 4), np.uint8)
    rgba[0, 0] = 200, 30, 40, 255
    rgba[1, 1] = 10, 20, 30, 90  # the paint itself, not paint over paper
    rgba[2, 2] = 0, 0, 0, 255  # black paint
    rgba[2, 3] = 90, 90, 90, 0
    path = tmp_path / "color.png"
    path.write_bytes(encode(".png", rgba))
    color = images.read_color(path, (3, 4))
    expected = np.zeros((3, 4, 3), np.uint8)
    expected[0, 0], expected[1, 1], expected[2, 2] = (200, 30, 40), (10, 20, 30), (1, 1, 1)
    np.testing.assert_array_equal(color, expected)
    path.write_bytes(encode(".png", rgba[..., :3].copy()))
    np.testing.assert_array_equal(images.read_color(path, (3, 4)), rgba[..., :3])


class TestWrite:
    def test_round_trip(self, tmp_path, picture):
        path = tmp_path / "new" / "folder" / "a.PNG"
        images.write_image(path, picture)
        np.testing.assert_array_equal(images.read_image(path), picture)
        rgba = np.dstack([picture, np.full(picture.shape[:2], 77, np.uint8)])
        images.write_image(path, rgba)
        np.testing.assert_array_equal(images.read_image(path, keep_alpha=True), rgba)
        images.write_image(path, picture[..., :1])
        np.testing.assert_array_equal(images.read_image(path)[..., 2], picture[..., 0])

    def test_quality_counts(self, tmp_path, picture):
        noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        for suffix in (".jpg", ".jpeg", ".webp"):
            low, high = tmp_path / f"low{suffix}", tmp_path / f"high{suffix}"
            images.write_image(low, noisy, quality=20)
            images.write_image(high, noisy)
            assert low.stat().st_size < 0.6 * high.stat().st_size

    def test_a_failure_leaves_the_old_file_alone(self, tmp_path, picture, monkeypatch):
        path = tmp_path / "a.png"
        images.write_image(path, picture)

        def fail(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(type(path), "write_bytes", fail)
        with pytest.raises(ZooError, match="No space left"):
            images.write_image(path, 255 - picture)
        monkeypatch.undo()
        np.testing.assert_array_equal(images.read_image(path), picture)
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]

    def test_refused(self, tmp_path, picture):
        with pytest.raises(ZooError, match=r"unknown suffix '.pgn'. Did you mean '.png'\?.*.webp"):
            images.write_image(tmp_path / "a.pgn", picture)
        with pytest.raises(ZooError, match="float32"):
            images.write_image(tmp_path / "a.png", picture.astype(np.float32))
        with pytest.raises(ZooError, match="channels"):
            images.write_image(tmp_path / "a.jpg", np.zeros((4, 4, 4), np.uint8))
        with pytest.raises(ZooError, match="1..100"):
            images.write_image(tmp_path / "a.jpg", picture, quality=0)
        (tmp_path / "b.png").mkdir()
        with pytest.raises(ZooError, match="directory"):
            images.write_image(tmp_path / "b.png", picture)
        assert [entry.name for entry in tmp_path.iterdir()] == ["b.png"]
