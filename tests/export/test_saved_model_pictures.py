"""The tensor operations on pictures against OpenCV, numpy and the package's own readers."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo import tasks
from zoo.data import images
from zoo.data.alignment import align
from zoo.data.hints import NOISE_RATE
from zoo.errors import ZooError
from zoo.export import pictures

Refused = tf.errors.InvalidArgumentError


def photo(height, width, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def encoded(picture, suffix=".png"):
    channels = 1 if picture.ndim == 2 else picture.shape[-1]
    code = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(channels)
    picture = picture if code is None else cv2.cvtColor(picture, code)
    return cv2.imencode(suffix, picture)[1].tobytes()


# Sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(25, 32), (118, 150), (237, 300), (400, 506)])
def test_resizing_is_that_of_the_verbs(shape):
    picture, rng = photo(237, 300), np.random.default_rng(1)
    ours = pictures.resize_pixels(picture[None], tf.constant(shape))[0].numpy()
    theirs = tasks._resize(picture, shape)
    assert np.abs(ours - theirs).max() <= 1 and np.abs(ours - theirs).mean() < 0.2
    hole = (rng.random((237, 300)) < 1e-3).astype(np.float32)
    ours = pictures.resize(hole[None, ..., None], tf.constant(shape))[0, ..., 0].numpy()
    np.testing.assert_array_equal(ours > 0, tasks._resize(hole, shape) > 0)
    ours = pictures.resize_nearest(picture[None], tf.constant(shape))[0].numpy()
    np.testing.assert_array_equal(ours, tasks._resize(picture, shape, cv2.INTER_NEAREST))


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (1000, 999), (513, 10), (5, 7)])
def test_working_shape(shape):
    class Model:
        default_size, fixed_size = 512, False

    ours = pictures.working_shape(tf.constant(shape), 512)
    assert tuple(ours.numpy()) == tasks._working_shape(Model, shape, None)


def test_padding_reflects_as_often_as_it_takes():
    values = np.random.default_rng(0).random((2, 5, 7, 2)).astype("float32")
    expected = np.pad(values, ((0, 0), (0, 11), (0, 13), (0, 0)), mode="symmetric")
    np.testing.assert_array_equal(pictures.padded(values, (16, 20)), expected)
    expected = np.pad(values, ((0, 0), (0, 3), (0, 1), (0, 0)), constant_values=-1)
    np.testing.assert_array_equal(pictures.padded_with(values, tf.constant([8, 8]), -1.0), expected)


@pytest.mark.parametrize("factor", [0.4, 2, 7])
def test_faces_are_cropped_as_everywhere(factor):
    points = np.float32([[100, 90], [160, 80], [138, 120], [112, 150], [165, 142]]) * factor
    picture = photo(round(190 * factor), round(230 * factor))
    face = align(points, 48)
    crop, moved = pictures.aligned("landmarks", picture, tf.constant(points), 48)
    difference = np.abs(crop.numpy() - face.crop(picture))
    assert difference.max() <= 2 and difference.mean() < 0.05
    np.testing.assert_allclose(moved, face.points(points), atol=1e-3)
    far = align(points - 60 * factor, 48)  # a part of the crop lies beyond the photo
    crop, _ = pictures.aligned("landmarks", picture, tf.constant(points - 60 * factor), 48)
    black = (far.crop(picture) == 0).all(-1)
    assert black.mean() > 0.1
    np.testing.assert_array_equal((crop.numpy() == 0).all(-1), black)


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.full((5, 2), np.nan)])
def test_landmarks_that_are_no_face(points):
    with pytest.raises(Refused, match="landmarks are wrong: .* mouth is not below"):
        pictures.aligned("landmarks", photo(9, 9), tf.constant(points, tf.float32), 48)


def test_noise():
    draws = {
        kind: pictures.noise(kind, tf.constant([3, 4]), tf.constant([50, 70]), 2).numpy()
        for kind in ("bernoulli", "normal", "uniform")
    }
    assert all(d.shape == (2, 50, 70, 2) and d.dtype == np.float32 for d in draws.values())
    assert set(np.unique(draws["bernoulli"])) == {0, 1}
    assert abs(draws["bernoulli"].mean() - NOISE_RATE) < 0.01
    assert abs(draws["normal"].mean()) < 0.05 and abs(draws["normal"].std() - 1) < 0.05
    assert -1 <= draws["uniform"].min() < -0.99 and 0.99 < draws["uniform"].max() < 1
    again = pictures.noise("uniform", tf.constant([4]), tf.constant([50, 70]), 2).numpy()
    np.testing.assert_array_equal(again[0], draws["uniform"][1])
    assert not np.array_equal(*draws["uniform"])


# Files -----------------------------------------------------------------------------------------


def rgba(height=20, width=30):
    alpha = np.tile(np.linspace(0, 255, width, dtype=np.uint8), (height, 1))
    return np.dstack([photo(height, width), alpha])


@pytest.mark.parametrize(
    "picture, suffix",
    [
        (photo(20, 30), ".png"),
        (photo(20, 30)[..., 0], ".png"),
        (photo(20, 30), ".jpg"),
        (photo(20, 30)[..., 0], ".jpg"),
        (rgba(), ".png"),
    ],
    ids=["png", "grey png", "jpeg", "grey jpeg", "transparent"],
)
def test_pictures_are_read_as_by_the_package(picture, suffix, tmp_path):
    data = encoded(picture, suffix)
    (tmp_path / "file").write_bytes(data)
    ours = pictures.over_white(*pictures.decode("x", tf.constant(data)))
    np.testing.assert_array_equal(ours, images.read_image(tmp_path / "file"))


PNG, JPEG = encoded(photo(40, 60)), encoded(photo(40, 60), ".jpg")


def written(mode, colours=256, **options):
    """A picture in a mode of Pillow's, and by default a PNG."""
    file, picture = io.BytesIO(), Image.fromarray(photo(20, 30))
    picture = picture.quantize(colours) if mode == "P" else picture.convert(mode)
    picture.save(file, **{"format": "PNG", **options})
    return file.getvalue()


RARE = {
    "1 bit": (written("1"), 0),
    "palette": (written("P"), 0),
    "palette of 2": (written("P", 2, bits=1), 0),
    "palette of 16": (written("P", 16, bits=4), 0),
    "transparent colour": (written("P", transparency=3), 0),
    "transparent colour of 16": (written("P", 16, bits=4, transparency=3), 0),
    "grey and alpha": (written("LA"), 0),
    "progressive": (written("RGB", format="JPEG", progressive=True), 0),
    "no subsampling": (written("RGB", format="JPEG", subsampling=0), 0),
    "cmyk": (written("CMYK", format="JPEG"), 1),
    "16 bits": (encoded(photo(20, 30)[..., 0].astype(np.uint16) * 251), 1),
}


@pytest.mark.parametrize("data, tolerance", RARE.values(), ids=RARE.keys())
def test_rare_files_are_read_as_by_the_package(data, tolerance, tmp_path):
    (tmp_path / "file").write_bytes(data)
    found = pictures.over_white(*pictures.decode("x", tf.constant(data))).numpy()
    difference = np.abs(found.astype(int) - images.read_image(tmp_path / "file"))
    assert difference.max() <= tolerance


def with_exif(data, orientation, order):
    """A file of 8-bit JPEG or PNG with the EXIF entry of its orientation."""
    tiff = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, 2)
    tiff += struct.pack(order + "HHII", 0x0100, 4, 1, 0x01120003)
    tiff += struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    if data[:1] == b"\x89":
        chunk = b"eXIf" + tiff
        chunk = struct.pack(">I", len(tiff)) + chunk + struct.pack(">I", zlib.crc32(chunk))
        return data[:33] + chunk + data[33:]
    body = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
@pytest.mark.parametrize("suffix, order", [(".jpg", "<"), (".jpg", ">"), (".png", ">")])
def test_pictures_come_upright(orientation, suffix, order, tmp_path):
    data = with_exif(encoded(photo(20, 30), suffix), orientation, order)
    (tmp_path / "file").write_bytes(data)
    expected = images.read_image(tmp_path / "file")
    assert expected.shape[0] == (30 if orientation in (5, 6, 7, 8) else 20)
    found, alpha = pictures.decode("x", tf.constant(data), expected.shape[:2])
    np.testing.assert_array_equal(found, expected)
    assert alpha.shape == (*expected.shape[:2], 1)


@pytest.mark.parametrize("good", [0, 4, 8, 10, 22, 30, 34])
def test_damaged_exif_data(good, tmp_path):
    data = bytearray(with_exif(JPEG, 6, "<"))
    tiff = data.index(b"II*")
    data[tiff + good : tiff + 34] = b"\xff" * (34 - good)
    (tmp_path / "file").write_bytes(data)
    found, _ = pictures.decode("x", tf.constant(bytes(data)))
    np.testing.assert_array_equal(found, images.read_image(tmp_path / "file"))
    assert found.shape[0] == (60 if good == 34 else 40)


def stripes(height=20, width=30):
    return np.where(np.arange(height)[:, None] % 7 < 2, 255, 0).repeat(width, 1).astype(np.uint8)


def transparent_stripes(colour):
    return np.dstack([np.full((20, 30, 3), colour, np.uint8), stripes()])


HINTS = {
    "stripes": stripes(),
    "dark on white": 255 - stripes(),
    "black paint": transparent_stripes(0),
    "white paint": transparent_stripes(255),
    "half seen": np.dstack([stripes(), stripes(), stripes(), rgba()[..., 3]]),
    "colour": photo(20, 30),
    "colour on nothing": rgba(),
}


@pytest.mark.parametrize("picture", HINTS.values(), ids=HINTS.keys())
@pytest.mark.parametrize("kind", ["mask", "sketch", "color"])
def test_hints_are_read_as_by_the_package(picture, kind, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(encoded(picture))
    decoded = pictures.decode("x", tf.constant(path.read_bytes()), (20, 30))
    reader = getattr(images, f"read_{kind}")
    try:
        expected = reader(path, (20, 30))
    except ZooError as error:
        assert kind == "mask" and "coloured" in str(error)
        with pytest.raises(Refused, match="mask_bytes.*3 channels that differ"):
            pictures.read_mask("mask_bytes", *decoded)
        return
    name = ["mask_bytes"] if kind == "mask" else []
    np.testing.assert_array_equal(getattr(pictures, f"read_{kind}")(*name, *decoded), expected)


def resized_header(data, side):
    """A file whose header claims `side` x `side` pixels."""
    data = bytearray(data)
    if data[:1] == b"\x89":
        data[16:24] = side.to_bytes(4, "big") * 2
    else:
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = side.to_bytes(2, "big") * 2
    return bytes(data)


HOSTILE = {
    "nothing": (b"", "is empty"),
    "text": (b"<html>not found</html>", "neither a PNG nor a JPEG"),
    "gif": (b"GIF89a" + bytes(99), "neither a PNG nor a JPEG"),
    "png bomb": (resized_header(PNG, 60_000), "60000 x 60000 pixels.*legal are 1 to 16777216"),
    "jpeg bomb": (resized_header(JPEG, 60_000), "60000 x 60000 pixels.*legal are 1 to 16777216"),
    "png of nothing": (resized_header(PNG, 0), "0 x 0 pixels"),
    "negative png": (resized_header(PNG, 2**32 - 1), "-1 x -1 pixels"),
    "cut png": (PNG[:-200], "ends too early"),
    "begun png": (PNG[:20], "ends too early"),
    "cut jpeg": (JPEG[:-200], "ends too early"),
    "begun jpeg": (JPEG[:5], "ends too early"),
    "no header": (PNG[:8] + PNG[33:], "PNG header is wrong"),
    "endless scans": (JPEG[:-2] + b"\xff\xda" * 200 + JPEG[-2:], "JPEG of more than 100 scans"),
    "changed png": (PNG[:200] + bytes(50) + PNG[250:], "Invalid PNG data"),
    "other size": (encoded(photo(41, 60)), "60 x 41 .* but the image is 60 x 40"),
}


@pytest.mark.parametrize("data, message", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused(data, message):
    with pytest.raises(Refused, match=message) as caught:
        pictures.decode("mask_bytes[3]", tf.constant(data), (40, 60))
    assert "mask_bytes[3]" in str(caught.value) or "Invalid PNG" in message


def test_what_follows_the_end_of_a_file_does_not_matter():
    for data in (PNG, JPEG):
        plain, tailed = (pictures.decode("x", tf.constant(d))[0] for d in (data, data + b"tail"))
        np.testing.assert_array_equal(plain, tailed)
