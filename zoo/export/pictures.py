"""What `zoo.tasks` and `zoo.data.images` do to pictures, as TensorFlow operations for a SavedModel.

TensorFlow and OpenCV resize with the same weights and round apart by one level of 255 at most.
Refused input raises InvalidArgument that names the input. Operations run in any order unless told
otherwise, so what must not see bad input is computed from the value that `require` returns.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from zoo.data.alignment import EYES_COLUMN, EYES_ROW, EYES_TO_MOUTH
from zoo.data.hints import NOISE_RATE

MAX_PIXELS = 4096 * 4096
"""Largest picture that is taken, width x height (ours)."""

MAX_SCANS = 100
"""Most scans of a progressive JPEG (ours; encoders write about ten): each costs a whole pass."""

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_PNG_END = b"IEND"
_PNG_EXIF, _JPEG_EXIF = b"eXIf", (0xFF, 0xE1, None, None, *b"Exif\0\0")
_EXIF_WITHIN, _EXIF_ENTRIES = 200_000, 256  # octets of a file, entries: more is not looked at
_CUT = " is damaged: it ends too early"
_PNG_LEAST = 57  # bytes: magic, header, one chunk of data, end
_CUBIC = -0.75  # OpenCV's bicubic


def require(value, checks: list[tuple]):
    """Returns `value`, usable only where every check holds.

    Args:
        value: a tensor, or a dict of them.
        checks: (condition, *message) each; the message's parts are texts and numbers.
    """
    asserts = [
        tf.raw_ops.Assert(condition=condition, data=[text(*message)], summarize=1)
        for condition, *message in checks
    ]
    with tf.control_dependencies(asserts):
        return tf.nest.map_structure(tf.identity, value)


def text(*parts):
    """One string of texts and numbers, scalar tensors among them."""
    strings = [part if _is_text(part) else tf.strings.as_string(part) for part in parts]
    return tf.strings.join(strings)


def _is_text(part) -> bool:
    return isinstance(part, str) or (tf.is_tensor(part) and part.dtype == tf.string)


# Files -----------------------------------------------------------------------------------------


def decode(name, data, shape=None):
    """The pixels of a PNG or JPEG file, decoded only after its header has been checked.

    Args:
        name: what errors call the file, a string tensor.
        data: its bytes, a scalar string.
        shape: (2,) height and width that it must have; None for any up to `MAX_PIXELS`.

    Returns:
        (H, W, 3) uint8 RGB and (H, W, 1) uint8 alpha, 255 where the file has none; upright, as the
        file's EXIF orientation says.
    """
    png = tf.strings.substr(data, 0, 8) == _PNG
    jpeg = tf.strings.substr(data, 0, 3) == _JPEG
    data = require(
        data,
        [
            (tf.strings.length(data) > 0, name, " is empty; legal is a PNG or JPEG file"),
            (png | jpeg, name, " is neither a PNG nor a JPEG file"),
            (
                jpeg | (tf.strings.length(data) >= _PNG_LEAST),
                name,
                " is damaged: it ends too early",
            ),
        ],
    )
    size = tf.cond(png, lambda: _png_size(name, data), lambda: _jpeg_size(name, data))
    orientation = tf.cond(
        png, lambda: _orientation(data, _PNG_EXIF), lambda: _orientation(data, _JPEG_EXIF)
    )
    size = tf.where(orientation >= 5, size[::-1], size)
    height, width = size[0], size[1]
    found = (name, " is ", width, " x ", height, " pixels (width x height)")
    checks = [
        (
            (height > 0) & (width > 0) & (height * width <= MAX_PIXELS),
            *(*found, f"; legal are 1 to {MAX_PIXELS} pixels"),
        ),
    ]
    if shape is not None:
        expected = tf.cast(shape, tf.int64)
        checks.append(
            (
                tf.reduce_all(size == expected),
                *(
                    name,
                    " is ",
                    width,
                    " x ",
                    height,
                    " pixels (width x height), but the image is ",
                ),
                *(expected[1], " x ", expected[0]),
            )
        )
    data = require(data, checks)
    pixels = tf.cond(png, lambda: _decode_png(data), lambda: _decode_jpeg(data))
    return tuple(_upright(part, orientation) for part in pixels)


def _png_size(name, data):
    """(2,) int64 height and width as the header of a PNG says."""
    octets = tf.io.decode_raw(data, tf.uint8)
    end = [octets[i : tf.size(octets) - 3 + i] == octet for i, octet in enumerate(_PNG_END)]
    checks = [
        (tf.strings.substr(data, 12, 4) == b"IHDR", name, " is damaged: its PNG header is wrong"),
        (tf.reduce_any(tf.reduce_all(end, 0)), name, _CUT),
    ]
    sides = tf.strings.substr(require(data, checks), 16, 8)
    return tf.cast(tf.io.decode_raw(sides, tf.int32, little_endian=False), tf.int64)[::-1]


def _jpeg_size(name, data):
    """The same of a JPEG; its end must follow at most `MAX_SCANS` scans."""
    octets = tf.io.decode_raw(data, tf.uint8)
    marked, kind = octets[:-1] == 0xFF, octets[1:]
    scans = tf.math.count_nonzero(marked & (kind == 0xDA))
    checks = [
        (tf.reduce_any(marked & (kind == 0xD9)), name, _CUT),
        (scans <= MAX_SCANS, name, f" is a JPEG of more than {MAX_SCANS} scans"),
    ]
    return tf.cast(tf.image.extract_jpeg_shape(require(data, checks)), tf.int64)[:2]


def _orientation(data, before):
    """EXIF orientation 1 to 8, int64; 1 where there is none. `before` is what EXIF data follow."""
    head = tf.cast(tf.io.decode_raw(tf.strings.substr(data, 0, _EXIF_WITHIN), tf.uint8), tf.int64)
    count = tf.size(head) - len(before) + 1
    same = [head[i : count + i] == octet for i, octet in enumerate(before) if octet is not None]
    starts = tf.where(tf.reduce_all(same, 0))[:, 0] + len(before)
    start = tf.concat([starts, tf.size(head, tf.int64)[None]], 0)[0]
    tiff = tf.concat([head[start:], [0]], 0)  # what lies beyond the end reads as 0

    def number(at, octets: int):
        at = tf.clip_by_value(at[:, None] + np.arange(octets), 0, tf.size(tiff, tf.int64) - 1)
        weights = 256 ** np.arange(octets, dtype=np.int64)
        return tf.reduce_sum(tf.gather(tiff, at) * tf.where(little, weights, weights[::-1]), 1)

    little = tiff[0] == ord("I")
    magic = number(tf.constant([2], tf.int64), 2)
    directory = number(tf.constant([4], tf.int64), 4)
    entries = directory + 2 + 12 * tf.range(tf.minimum(number(directory, 2)[0], _EXIF_ENTRIES))
    values = number(entries + 8, 2)
    right = (number(entries, 2) == 0x0112) & (number(entries + 2, 2) == 3) & (magic == 42)
    values = tf.boolean_mask(values, right & (values >= 1) & (values <= 8))
    return tf.concat([values, [1]], 0)[0]


def _upright(pixels, orientation):
    """Undoes the EXIF orientation of stored pixels (H, W, C)."""

    def changed(pixels, where: tuple, change):
        wanted = tf.reduce_any(orientation == where)
        return tf.cond(wanted, lambda: change(pixels), lambda: pixels)

    pixels = changed(pixels, (5, 6, 7, 8), lambda x: tf.transpose(x, (1, 0, 2)))
    pixels = changed(pixels, (3, 4, 7, 8), lambda x: x[::-1])
    return changed(pixels, (2, 3, 6, 7), lambda x: x[:, ::-1])


def _decode_png(data):
    pixels = tf.io.decode_png(data, channels=4, name="png")
    alpha = pixels[..., 3:]
    # where a file has no alpha, TensorFlow fills in the largest value of its bit depth
    depth = tf.io.decode_raw(tf.strings.substr(data, 24, 1), tf.uint8)[0]
    filled = tf.minimum(2 ** tf.cast(depth, tf.int32), 256) - 1
    absent = tf.reduce_all(tf.cast(alpha, tf.int32) == filled)
    return pixels[..., :3], tf.where(absent, tf.constant(255, tf.uint8), alpha)


def _decode_jpeg(data):
    pixels = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE", name="jpeg")
    return pixels, tf.fill(tf.concat([tf.shape(pixels)[:2], [1]], 0), tf.constant(255, tf.uint8))


def over_white(rgb, alpha):
    """(H, W, 3) uint8: the picture laid over white."""

    def blended():
        colour, opaque = tf.cast(rgb, tf.int32), tf.cast(alpha, tf.int32)
        return tf.cast((colour * opaque + 255 * (255 - opaque) + 127) // 255, tf.uint8)

    return tf.cond(tf.reduce_min(alpha) < 255, blended, lambda: rgb)


def varies(alpha):
    """Whether an alpha channel says anything."""
    return tf.reduce_min(alpha) != tf.reduce_max(alpha)


def read_mask(name, rgb, alpha):
    """(H, W, 1) uint8, 1 = hole; see `zoo.data.images.read_mask`."""
    bright = rgb > 127
    grey = tf.reduce_all(bright == bright[..., :1])
    bright = require(
        bright[..., :1],
        [(grey, name, " has 3 channels that differ (it is coloured); legal: grey, white = hole")],
    )
    constant = tf.reduce_all(rgb == rgb[:1, :1])
    opaque = alpha > 127
    hole = tf.where(varies(alpha), opaque & (bright | constant), bright)
    return tf.cast(hole, tf.uint8)


def read_sketch(rgb, alpha):
    """(H, W, 1) uint8, 1 = line; see `zoo.data.images.read_sketch`."""
    weights = tf.constant([0.299, 0.587, 0.114])
    grey = tf.reduce_sum(tf.cast(over_white(rgb, alpha), tf.float32) * weights, -1, keepdims=True)
    bright = tf.round(grey) > 127
    paper = tf.reduce_mean(tf.cast(bright, tf.float32)) >= 0.5  # the median is bright
    lines = bright != paper
    lines = tf.where(varies(alpha) & ~tf.reduce_any(lines), alpha > 127, lines)
    return tf.cast(lines, tf.uint8)


def read_color(rgb, alpha):
    """(H, W, 3) uint8, black = no stroke; see `zoo.data.images.read_color`."""
    paint = tf.where(tf.reduce_any(rgb > 0, -1, keepdims=True), rgb, tf.ones_like(rgb))
    return tf.where(varies(alpha), tf.where(alpha > 0, paint, tf.zeros_like(rgb)), rgb)


# Sizes -----------------------------------------------------------------------------------------


def working_shape(shape, side: int):
    """(2,) int32: height and width of `shape` scaled so that the longer is `side`."""
    exact = tf.cast(shape, tf.float64)
    scaled = tf.round(exact * float(side) / tf.reduce_max(exact))
    return tf.cast(tf.maximum(scaled, 1.0), tf.int32)


def resize(images, shape):
    """(B, H, W, C) of uint8 or float -> (B, h, w, C) float32: area averages where it shrinks."""
    smaller = tf.reduce_max(shape) < tf.reduce_max(tf.shape(images)[1:3])
    return tf.cond(
        smaller,
        lambda: tf.raw_ops.ResizeArea(images=images, size=shape),
        lambda: tf.raw_ops.ResizeBilinear(images=images, size=shape, half_pixel_centers=True),
    )


def resize_nearest(images, shape):
    """(B, H, W, C) -> (B, h, w, C) of the same type."""
    return tf.raw_ops.ResizeNearestNeighbor(images=images, size=shape)


def resize_pixels(images, shape):
    """(B, H, W, 3) uint8 -> (B, h, w, 3) float32, whole numbers."""
    return tf.round(resize(images, shape))


def padded(images, shape):
    """Grows (B, H, W, C) below and to the right to `shape` by reflection, as often as it takes."""
    for axis in (1, 2):
        length = tf.shape(images)[axis]
        position = tf.range(shape[axis - 1]) % (2 * length)
        position = tf.minimum(position, 2 * length - 1 - position)
        images = tf.gather(images, position, axis=axis)
    return images


def padded_with(images, shape, value: float = 0.0):
    """Grows (B, H, W, C) below and to the right to `shape` by a constant."""
    more = shape - tf.shape(images)[1:3]
    return tf.pad(images, [[0, 0], [0, more[0]], [0, more[1]], [0, 0]], constant_values=value)


def to_unit(pixels):
    """0 to 255 -> -1 to 1, float32."""
    return pixels / 127.5 - 1.0


def to_pixels(images):
    """-1 to 1 -> uint8."""
    return tf.cast(tf.clip_by_value((images + 1.0) * 127.5 + 0.5, 0.0, 255.0), tf.uint8)


def noise(kind: str, seed, shape, channels: int):
    """Draws (B, h, w, channels) float32 as `zoo.data.hints.noise`, each picture by its own seed.

    Args:
        kind: "bernoulli", "normal" or "uniform".
        seed: (B,) int32.
        shape: (2,) height and width.
        channels: values per pixel.
    """
    full = tf.concat([shape, [channels]], 0)

    def draw(seed):
        options = {"seed": tf.stack([seed, 0]), "alg": "philox"}  # the same on every machine
        if kind == "normal":
            return tf.random.stateless_normal(full, **options)
        values = tf.random.stateless_uniform(full, **options)
        if kind == "uniform":
            return 2.0 * values - 1.0
        return tf.cast(values < NOISE_RATE, tf.float32)

    return tf.map_fn(draw, seed, fn_output_signature=tf.TensorSpec((None, None, channels)))


# Faces -----------------------------------------------------------------------------------------


def aligned(name, image, landmarks, size: int):
    """A face cropped as `zoo.data.alignment.align` does.

    Args:
        name: what errors call the landmarks, a string tensor.
        image: (H, W, 3) uint8.
        landmarks: (5, 2) float32, pixels of the image.
        size: side of the crop, pixels.

    Returns:
        (size, size, 3) float32, 0 to 255, black beyond the edge, and the landmarks in it, (5, 2).
    """
    points = tf.cast(landmarks, tf.float64)
    eyes, mouth = tf.reduce_mean(points[:2], 0), tf.reduce_mean(points[3:], 0)
    between = points[1] - points[0]
    cos, sin = tf.unstack(between / tf.norm(between))
    height = cos * (mouth[1] - eyes[1]) - sin * (mouth[0] - eyes[0])
    wrong = " are wrong: once the eyes are level the mouth is not below them"
    height = require(height, [(height > 1e-6, name, wrong)])  # false for a NaN as well
    scale = EYES_TO_MOUTH * size / height
    linear = scale * tf.stack([tf.stack([cos, sin]), tf.stack([-sin, cos])])
    middle = tf.constant([EYES_COLUMN * size, EYES_ROW * size], tf.float64)
    offset = middle - tf.linalg.matvec(linear, eyes)
    centres = tf.range(size, dtype=tf.float64) + 0.5
    target = tf.stack(tf.meshgrid(centres, centres), -1)  # (S, S, 2) x, y
    places = tf.linalg.matvec(tf.linalg.inv(linear), target - offset)
    outside = (places < 0) | (places > tf.cast(tf.shape(image)[1::-1], tf.float64))
    shrink = tf.maximum(tf.cast(tf.minimum(1.0 / scale, 4096.0), tf.int32), 1)
    crop = _bicubic(_shrunk(image, shrink), places / tf.cast(shrink, tf.float64))
    crop = tf.where(tf.reduce_any(outside, -1, keepdims=True), 0.0, crop)
    return crop, tf.cast(tf.linalg.matvec(linear, points) + offset, tf.float32)


def _shrunk(image, factor):
    """Averages of `factor` x `factor` pixels of (H, W, 3); the last row and column are repeated."""
    shape = tf.shape(image)[:2]
    small = (shape + factor - 1) // factor
    for axis in (0, 1):
        position = tf.minimum(tf.range(small[axis] * factor), shape[axis] - 1)
        image = tf.gather(image, position, axis=axis)
    return tf.round(tf.raw_ops.ResizeArea(images=image[None], size=small)[0])


def _bicubic(image, places):
    """(H, W, 3) at places (S, S, 2) x, y: (S, S, 3) float32, 0 to 255; the edge is repeated."""
    bounds = tf.shape(image)[1::-1]
    source = tf.clip_by_value(places - 0.5, -8.0, tf.cast(bounds, tf.float64) + 8.0)
    first = tf.floor(source)
    weights = _cubic_weights(tf.cast(source - first, tf.float32))  # (S, S, 4, 2)
    taps = tf.cast(first, tf.int32)[..., None, :] + tf.range(-1, 3)[:, None]  # (S, S, 4, 2)
    taps = tf.clip_by_value(taps, 0, bounds - 1)
    columns, rows = taps[:, :, None, :, 0], taps[:, :, :, None, 1]
    index = tf.stack([rows + 0 * columns, columns + 0 * rows], -1)  # (S, S, 4, 4, 2)
    crop = tf.einsum(
        "hwrcx,hwr,hwc->hwx", tf.gather_nd(image, index), weights[..., 1], weights[..., 0]
    )
    return tf.round(tf.clip_by_value(crop, 0.0, 255.0))


def _cubic_weights(share):
    """(S, S, 2) position between two pixels -> (S, S, 4, 2) weights of the four around it."""
    a = _CUBIC

    def near(t):
        return ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0

    def far(t):
        return ((a * t - 5.0 * a) * t + 8.0 * a) * t - 4.0 * a

    weights = [far(share + 1.0), near(share), near(1.0 - share), far(2.0 - share)]
    return tf.stack(weights, axis=2)
