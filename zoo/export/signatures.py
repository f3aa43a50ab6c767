"""The three signatures of a SavedModel.

`serving_default` is the model's own call on float tensors; `predict_uint8` does what the verbs of
`zoo.tasks` do, on a batch of pictures of one size, any size; `predict_bytes` does the same on PNG
or JPEG files, one after the other, each of its own size. Each has a limit that it checks before it
computes, and refuses bad input with InvalidArgument that names it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from zoo.export import pictures
from zoo.export.inference import (
    MEANINGS,
    OUTPUTS,
    check_captures,
    inference_function,
    input_specs,
)
from zoo.export.pictures import require
from zoo.gan import GANModel

MAX_WORK = 2048 * 2048
"""Most pixels that a network is run on in one call, all pictures of a batch together (ours)."""

_MAX_WINDOW = math.isqrt(pictures.MAX_PIXELS)  # side, pixels; a window may exceed the picture
_NOTHING = 1e-5  # share of a pixel that rounding may pretend
_REFLECTED = ("image", "mask")  # what lies beyond the edge; of the other keys a constant
_BEYOND = {"color": -1.0}

UINT8 = {
    "image": "RGB picture, any size",
    "mask": "1 or 255 = hole, 0 = known; each picture has a hole",
    "sketch": "more than 0 = line; all 0 = no sketch",
    "color": "RGB strokes, black = none; all black = no strokes",
    "seed": "of the noise, one for each picture",
    "landmarks": "x, y in pixels of the picture: left eye, right eye, nose, mouth corners",
}
"""Input of `predict_uint8` -> meaning, where it differs from the batch key's."""

BYTES = {
    "image": "PNG or JPEG file",
    "mask": "PNG or JPEG file as large as the image, grey, white = hole",
    "sketch": "PNG or JPEG file as large as the image, lines on paper; empty = no sketch",
    "color": "PNG or JPEG file as large as the image, black = no stroke; empty = no strokes",
}
"""Batch key -> meaning of the file that `predict_bytes` takes for it."""


class Signatures:
    """The signatures of one model, all around one traced network.

    Args:
        model: computes in float32.
        specs: batch key -> spec of `serving_default`.
        side: of the square that the other signatures fit a picture into, pixels.
        free: whether the network takes any height and width, else `side` x `side` only.

    Attributes:
        network: the traced inference call, without padding or checks.
        functions: name of a signature -> traced function.
    """

    def __init__(self, model: GANModel, specs: dict[str, tf.TensorSpec], side: int, free: bool):
        self.model, self.side, self.free = model, side, free
        traced = tf.function(inference_function(model), autograph=False)
        size = (None, None) if free else side
        self.network_specs = input_specs(model, size, may_be_free=True)
        self.network = traced.get_concrete_function(**self.network_specs)
        check_captures(model, self.network, [v.value for v in model.inference_variables()])
        uint8_specs = self._uint8_specs()
        self._uint8 = self._trace(self._predict_uint8, uint8_specs)
        self.functions = {
            "serving_default": self._trace(self._serve, specs),
            "predict_uint8": self._uint8,
            "predict_bytes": self._trace(self._predict_bytes, self._bytes_specs(uint8_specs)),
        }

    @staticmethod
    def _trace(function: Callable, specs: dict[str, tf.TensorSpec]):
        return tf.function(function, autograph=False).get_concrete_function(**specs)

    def meanings(self) -> dict[str, dict]:
        """Name of a signature -> its inputs and outputs: shape, dtype, meaning."""
        task, key = self.model.task, self.model.output_key
        words = {
            "serving_default": (MEANINGS, {key: OUTPUTS[task]}),
            "predict_uint8": (MEANINGS | UINT8, {self._picture_key: _PICTURES[task]}),
            "predict_bytes": (
                MEANINGS | UINT8 | {f"{key}_bytes": text for key, text in BYTES.items()},
                {self._bytes_key: _FILES.get(task, _PICTURES[task])},
            ),
        }
        return {
            name: {
                "inputs": _described(function.structured_input_signature[1], words[name][0]),
                "outputs": _described(function.structured_outputs, words[name][1]),
            }
            for name, function in self.functions.items()
        }

    # serving_default ---------------------------------------------------------------------------

    def _serve(self, **batch):
        if batch["image"].shape[1] is not None:
            return self._run(batch)
        shape = tf.shape(batch["image"])[1:3]
        checks = []
        for key, value in batch.items():
            if value.shape.rank == 4 and key != "image":
                same = tf.reduce_all(tf.shape(value)[1:3] == shape)
                checks.append((same, key, " has another height or width than image"))
        multiple = self.model.pad_multiple
        grown = -(-require(shape, checks) // multiple) * multiple
        framed = {key: _framed(key, value, grown) for key, value in batch.items()}
        outputs = self._run(framed)
        return {
            key: value[:, : shape[0], : shape[1]] if value.shape.rank == 4 else value
            for key, value in outputs.items()
        }

    def _run(self, batch: dict) -> dict:
        """The network on a batch of its own shapes, if that is not too large."""
        count, height, width = (tf.shape(batch["image"], tf.int64)[axis] for axis in range(3))
        pixels, limit = count * height * width, max(MAX_WORK, self.side**2)
        words = ("image is ", count, " x ", height, " x ", width)
        words += (f" (pictures x height x width) for the network; legal are 1 to {limit} pixels",)
        batch = require(batch, [((pixels > 0) & (pixels <= limit), *words)])
        specs = self.network_specs.items()
        return self.network(**{key: tf.ensure_shape(batch[key], spec.shape) for key, spec in specs})

    # predict_uint8 -----------------------------------------------------------------------------

    def _uint8_specs(self) -> dict[str, tf.TensorSpec]:
        specs = {}
        for key in self.model.input_keys:
            if key == "noise":
                specs["seed"] = tf.TensorSpec((None,), tf.int32, name="seed")
            elif key in self.model.channels:
                shape = (None, None, None, self.model.channels[key])
                specs[key] = tf.TensorSpec(shape, tf.uint8, name=key)
            else:
                shape = self.model.key_shape(key)
                specs[key] = tf.TensorSpec(shape, tf.float32, name=key)
        return specs

    @property
    def _picture_key(self) -> str:
        names = {"classify": "probabilities", "parse": "parsing"}
        return names.get(self.model.task, self.model.output_key)

    def _predict_uint8(self, **inputs):
        inputs = require(inputs, _picture_checks(inputs))
        if self.model.task == "complete" and self.model.centered_hole is not None:
            result = tf.map_fn(
                lambda one: self._in_window({key: value[None] for key, value in one.items()})[0],
                inputs,
                parallel_iterations=1,
                fn_output_signature=tf.TensorSpec((None, None, 3), tf.uint8),
            )
        else:
            result = getattr(self, f"_{self.model.task}")(inputs)
        return {self._picture_key: result}

    def _seen(self, image):
        """(B, H, W, 3) uint8 as the network sees it, the shape it has there, and that with edge."""
        shape = pictures.working_shape(tf.shape(image)[1:3], self.side)
        if self.free:
            grown = -(-shape // self.model.pad_multiple) * self.model.pad_multiple
        else:
            grown = tf.fill([2], self.side)
        seen = pictures.to_unit(pictures.padded(pictures.resize_pixels(image, shape), grown))
        return seen, shape, grown

    def _back(self, result, shape, image):
        """The network's image as a picture of the size of `image`, uint8."""
        result = tf.cast(pictures.to_pixels(result[:, : shape[0], : shape[1]]), tf.float32)
        return tf.cast(pictures.resize_pixels(result, tf.shape(image)[1:3]), tf.uint8)

    def _complete(self, inputs):
        image, hole = inputs["image"], inputs["mask"] > 0
        seen, shape, grown = self._seen(tf.where(hole, tf.constant(127, tf.uint8), image))
        touched = pictures.resize(tf.cast(hole, tf.float32), shape) > _NOTHING
        batch = {"image": seen, "mask": tf.cast(pictures.padded(touched, grown), tf.float32)}
        if "sketch" in inputs:
            lines = pictures.resize(tf.cast(inputs["sketch"] > 0, tf.float32), shape) > 0.2
            batch["sketch"] = pictures.padded_with(tf.cast(lines, tf.float32), grown)
        if "color" in inputs:
            strokes = tf.cast(pictures.resize_nearest(inputs["color"], shape), tf.float32)
            batch["color"] = pictures.padded_with(pictures.to_unit(strokes), grown, -1.0)
        if "seed" in inputs:
            channels = self.model.channels["noise"]
            batch["noise"] = pictures.noise(self.model.noise, inputs["seed"], grown, channels)
        result = self._run(batch)[self.model.output_key]
        return tf.where(hole, self._back(result, shape, image), image)

    def _in_window(self, inputs):
        """One picture (1, H, W, 3), completed in a window that has the hole in its middle."""
        image, hole = inputs["image"], inputs["mask"] > 0
        corner, side = self._window(hole[0, ..., 0])
        shape = tf.shape(image)[1:3]
        rows, columns = (_mirror(corner[axis] + tf.range(side), shape[axis]) for axis in (0, 1))
        layers = {
            key: tf.gather(tf.gather(value, rows, axis=1), columns, axis=2)
            if key in self.model.channels
            else value
            for key, value in inputs.items()
        }
        filled = self._complete(layers)[0]
        start = tf.maximum(corner, 0)
        stop = tf.minimum(corner + side, shape)
        inner = filled[
            start[0] - corner[0] : stop[0] - corner[0], start[1] - corner[1] : stop[1] - corner[1]
        ]
        after = shape - stop
        pasted = tf.pad(inner, [[start[0], after[0]], [start[1], after[1]], [0, 0]])
        return tf.where(hole, pasted[None], image)

    def _window(self, hole):
        """Row and column (2,) of the window of `zoo.tasks.complete` around a hole, and its side."""
        ends = []
        for axis in (0, 1):
            where = tf.cast(tf.where(tf.reduce_any(hole, axis=1 - axis)), tf.int32)
            ends.append(tf.stack([tf.reduce_min(where), tf.reduce_max(where) + 1]))
        ends = tf.stack(ends)  # (rows, columns) x (start, end)
        size, share = self.model.default_size, self.model.centered_hole
        longer = tf.reduce_max(ends[:, 1] - ends[:, 0])
        least = size * tf.cast(longer, tf.float64) / (share * size - 2)
        least = tf.cast(tf.math.ceil(least), tf.int32)
        side = tf.maximum(least, tf.minimum(size, tf.reduce_max(tf.shape(hole))))
        words = ("mask has a hole of ", longer, " pixels, which takes a window of ", side)
        words += (f" pixels; legal are at most {_MAX_WINDOW}",)
        side = require(side, [(side <= _MAX_WINDOW, *words)])
        middle = tf.cast(ends[:, 0] + ends[:, 1] - side, tf.float64) / 2.0
        return tf.cast(tf.round(middle), tf.int32), side

    def _edit(self, inputs):
        seen, shape, _ = self._seen(inputs["image"])
        result = self._run({**inputs, "image": seen})[self.model.output_key]
        return self._back(result, shape, inputs["image"])

    def _frontalize(self, inputs):
        def one(element):
            image, landmarks = element
            return pictures.aligned("landmarks", image, landmarks, self.side)

        crop, points = tf.map_fn(
            one,
            (inputs["image"], inputs["landmarks"]),
            fn_output_signature=(
                tf.TensorSpec((self.side, self.side, 3)),
                tf.TensorSpec((5, 2)),
            ),
        )
        batch = {"image": pictures.to_unit(crop), "landmarks": points}
        return pictures.to_pixels(self._run(batch)[self.model.output_key])

    def _classify(self, inputs):
        return tf.sigmoid(self._embed(inputs))

    def _embed(self, inputs):
        return self._run({"image": self._seen(inputs["image"])[0]})[self.model.output_key]

    def _parse(self, inputs):
        seen, shape, _ = self._seen(inputs["image"])
        logits = self._run({"image": seen})[self.model.output_key][:, : shape[0], : shape[1]]
        labels = tf.cast(tf.argmax(logits, axis=-1), tf.uint8)[..., None]
        return pictures.resize_nearest(labels, tf.shape(inputs["image"])[1:3])

    # predict_bytes -----------------------------------------------------------------------------

    def _bytes_specs(self, specs: dict[str, tf.TensorSpec]) -> dict[str, tf.TensorSpec]:
        files = {f"{key}_bytes": tf.TensorSpec((None,), tf.string) for key in BYTES if key in specs}
        return {**files, **{key: spec for key, spec in specs.items() if key not in BYTES}}

    @property
    def _bytes_key(self) -> str:
        # TensorFlow Serving's REST interface encodes outputs of this name in base64
        return f"{self._picture_key}_bytes" if self.model.task in _FILES else self._picture_key

    def _predict_bytes(self, **inputs):
        count = tf.shape(inputs["image_bytes"])[0]
        checks = [
            (tf.shape(value)[0] == count, key, " has another number of entries than image_bytes")
            for key, value in inputs.items()
        ]
        index = require(tf.range(count), checks)
        spec = self._uint8.structured_outputs[self._picture_key]
        file = self.model.task in _FILES
        result = tf.map_fn(
            lambda i: self._one_file(i, {key: value[i] for key, value in inputs.items()}),
            index,
            parallel_iterations=1,  # memory for one picture, however many there are
            fn_output_signature=tf.string if file else tf.TensorSpec(spec.shape[1:], spec.dtype),
        )
        return {self._bytes_key: result}

    def _one_file(self, index, element: dict):
        values, shape = {}, None
        for key in ("image", "mask", "sketch", "color"):
            if f"{key}_bytes" not in element:
                continue
            with tf.name_scope(f"{key}_bytes"):
                name = pictures.text(f"{key}_bytes[", index, "]")
                values[key] = _read(key, name, element[f"{key}_bytes"], shape)
            shape = tf.shape(values["image"])[:2]
        values |= {key: value for key, value in element.items() if not key.endswith("_bytes")}
        # a mask without hole and the like are told by the other signature, as a batch of one
        result = self._uint8(**{key: value[None] for key, value in values.items()})
        result = result[self._picture_key][0]
        return tf.io.encode_png(result) if self.model.task in _FILES else result


_PICTURES = {
    "complete": "RGB picture as large as the image; known pixels as they were",
    "edit": "RGB picture as large as the image",
    "frontalize": "RGB picture of the aligned face",
    "classify": "probability of each attribute",
    "embed": "features",
    "parse": "class of each pixel",
}
_FILES = {
    "complete": "PNG file as large as the image; known pixels as they were",
    "edit": "PNG file as large as the image",
    "frontalize": "PNG file of the aligned face",
    "parse": "grey PNG file, class of each pixel",
}


def _read(key: str, name, data, shape):
    """One file as `predict_uint8` takes it; an empty hint is none."""
    if key == "image":
        return pictures.over_white(*pictures.decode(name, data))
    if key == "mask":
        return pictures.read_mask(name, *pictures.decode(name, data, shape))
    read = pictures.read_sketch if key == "sketch" else pictures.read_color
    channels = 1 if key == "sketch" else 3
    pixels = tf.cond(
        tf.strings.length(data) > 0,
        lambda: read(*pictures.decode(name, data, shape)),
        lambda: tf.zeros(tf.concat([shape, [channels]], 0), tf.uint8),
    )
    return tf.ensure_shape(pixels, (None, None, channels))


def _mirror(position, length):
    """Positions before and beyond a row of pixels, reflected into it."""
    position = position % (2 * length)
    return tf.minimum(position, 2 * length - 1 - position)


def _framed(key: str, value, shape):
    if value.shape.rank != 4:
        return value
    if key in _REFLECTED:
        return pictures.padded(value, shape)
    return pictures.padded_with(value, shape, _BEYOND.get(key, 0.0))


def _picture_checks(inputs: dict) -> list[tuple]:
    """Checks of `predict_uint8`."""
    image = inputs["image"]
    count, height, width = (tf.shape(image, tf.int64)[axis] for axis in range(3))
    checks = [
        (
            (count * height * width > 0) & (height * width <= pictures.MAX_PIXELS),
            *("image is ", count, " x ", height, " x ", width),
            f" (pictures x height x width); legal are 1 to {pictures.MAX_PIXELS} pixels each",
        )
    ]
    for key, value in inputs.items():
        shape = tf.shape(value, tf.int64)
        checks.append((shape[0] == count, key, " has another number of entries than image"))
        if value.shape.rank == 4 and key != "image":
            same = tf.reduce_all(shape[1:3] == [height, width])
            checks.append((same, key, " has another height or width than image"))
    if "mask" in inputs:
        checks += _mask_checks(inputs["mask"])
    for key in ("attributes", "target_attributes"):
        if key in inputs:
            value = inputs[key]
            legal = (value == 0.0) | (value == 1.0)
            words = " must hold 0 and 1 only"
            if key == "target_attributes":
                legal, words = (value >= -1.0) & (value <= 2.0), " must lie between -1 and 2"
            checks.append((tf.reduce_all(legal), key, words))
    if "landmarks" in inputs:
        finite = tf.reduce_all(tf.math.is_finite(inputs["landmarks"]))
        checks.append((finite, "landmarks must be finite numbers"))
    return checks


def _mask_checks(mask) -> list[tuple]:
    largest = tf.reduce_max(mask, axis=(1, 2, 3), keepdims=True)
    binary = tf.reduce_all((mask == 0) | (mask == largest)) & tf.reduce_all(
        (largest <= 1) | (largest == 255)
    )
    return [
        (binary, "mask must hold only 0 and 1, or only 0 and 255"),
        (tf.reduce_all(largest > 0), "mask has no hole: every value of a picture is 0"),
    ]


def _described(specs: dict, words: dict[str, str]) -> dict[str, dict]:
    return {
        name: {
            "shape": [None if side is None else int(side) for side in spec.shape],
            "dtype": spec.dtype.name,
            "meaning": words.get(name, name),
        }
        for name, spec in specs.items()
    }
