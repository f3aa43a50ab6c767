"""Writes a model's inference call for LiteRT (TensorFlow Lite), the runtime of phones."""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from zoo.errors import ZooError
from zoo.export.inference import (
    card,
    check_captures,
    check_model,
    check_target,
    float32_twin,
    inference_function,
    input_specs,
)
from zoo.export.precision import BYTES, PRECISIONS, check_precision
from zoo.files import atomic_path
from zoo.gan import GANModel

PHONE = 200_000_000
"""Weights that fit a phone, bytes: app stores deliver at most about 200 MB in one piece."""

CARD = "zoo.json"


def litert(
    model: GANModel,
    path: str | os.PathLike,
    *,
    size: int | None = None,
    precision: str = "float32",
) -> Path:
    """Writes the inference call to one `.tflite` file.

    The signature `serving_default` takes the batch keys, one image at a time, NHWC float32, and
    returns `model.output_key`; only LiteRT's own operators are used. What the metadata of the other
    formats says lies behind the model as a ZIP entry, the place for such files in this format:
    `unzip -p FILE zoo.json`.

    Args:
        model: a zoo model.
        path: file to write; ends in `.tflite`. Replaced in one step where it exists.
        size: side of the square image, pixels; None for the model's default.
        precision: of the weights: "float32"; "float16", half the file, computed in float32; or
            "int8", which also computes the convolutions in 8 bits, in the range that the numbers
            of each image have. (Ranges fixed beforehand, by calibration, cost SC-FEGAN 13 dB more
            and were slower: docs/exports.md.)

    Returns:
        The path written.

    Raises:
        ZooError: the path, size or precision is not legal, the model has no weights, or they are
            too large for a phone.
    """
    path = check_target(path)
    if path.suffix != ".tflite":
        raise ZooError(f"path is {path}; a LiteRT file must end in .tflite")
    if path.is_dir():
        raise ZooError(f"path is {path}, a directory; give a file that ends in .tflite")
    check_precision(precision)
    check_model(model)
    specs = input_specs(model, size)
    _check_fits(model, precision)
    model = float32_twin(model)
    single = {k: tf.TensorSpec((1, *s.shape[1:]), s.dtype, name=k) for k, s in specs.items()}
    function = tf.function(inference_function(model), autograph=False)
    traced = function.get_concrete_function(**single)
    module = tf.Module()
    module.weights = [variable.value for variable in model.inference_variables()]
    check_captures(model, traced, module.weights)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], module)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    with _quiet():
        content = converter.convert()
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
        text = json.dumps({**card(model, single), "precision": precision}, indent=2)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(CARD, text + "\n")
    return path


def _check_fits(model: GANModel, precision: str) -> None:
    """Raises ZooError where the weights are larger than `PHONE`."""
    count = sum(variable.value.shape.num_elements() for variable in model.inference_variables())
    if count * BYTES[precision] > PHONE:
        fitting = [name for name in PRECISIONS if count * BYTES[name] <= PHONE]
        advice = f"precision {' or '.join(fitting)}, or a" if fitting else "a"
        raise ZooError(
            f"{model.zoo_name} has {count / 1e6:.0f} million weights, "
            f"{count * BYTES[precision] / 1e6:.0f} MB in {precision}; a phone takes "
            f"{PHONE / 1e6:.0f} MB. Use {advice} smaller width"
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the converter's notes, which native code writes to standard error, off the screen."""
    saved = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
