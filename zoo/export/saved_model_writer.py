"""Writes a model's inference call as a TensorFlow SavedModel."""

from __future__ import annotations

import json
import os
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
from zoo.files import atomic_path
from zoo.gan import GANModel


def saved_model(
    model: GANModel,
    directory: str | os.PathLike,
    *,
    size: int | tuple[None, None] | None = None,
) -> Path:
    """Writes the inference call and its variables as a SavedModel that loads without this package.

    The signature `serving_default` takes the batch keys, NHWC float32 with a free batch axis, and
    returns `model.output_key`. `assets.extra/zoo.json` says model, task, licence, ranges. A model
    in mixed precision is written in float32. TensorFlow Serving looks for numbered versions: give
    it the parent of a directory called `1`.

    Args:
        model: a zoo model.
        directory: to write; a SavedModel there is replaced in one step.
        size: side of the square images, pixels; None for the model's default; `(None, None)`
            leaves height and width free, for fully convolutional models. Sides must then still be
            multiples of `pad_multiple`.

    Returns:
        The directory written.

    Raises:
        ZooError: the directory or size is not legal, the model has no weights, or it cannot run
            with free height and width.
    """
    directory = check_target(directory)
    if directory.exists() and not directory.is_dir():
        raise ZooError(f"directory is {directory}, a file; give a new directory")
    if directory.exists() and any(directory.iterdir()) and not is_saved_model(directory):
        raise ZooError(
            f"directory {directory} is not empty and holds no SavedModel; give a new directory"
        )
    check_model(model)
    specs = input_specs(model, size, may_be_free=True)
    model = float32_twin(model)
    module = tf.Module()
    module.serve = tf.function(inference_function(model), autograph=False)
    if size == (None, None):
        _check_any_size(model)
    signature = module.serve.get_concrete_function(**specs)
    read = {id(resource) for resource in signature.captured_inputs}
    module.weights = {
        variable.path: variable.value
        for variable in model.inference_variables()
        if id(variable.value.handle) in read
    }
    check_captures(model, signature, list(module.weights.values()))
    with atomic_path(directory) as temporary:
        tf.saved_model.save(module, temporary, signatures={"serving_default": signature})
        extra = temporary / "assets.extra"
        extra.mkdir()
        text = json.dumps(card(model, specs), indent=2)
        (extra / "zoo.json").write_text(text + "\n", encoding="utf-8")
    return directory


def _check_any_size(model: GANModel) -> None:
    """Raises ZooError unless the call can be traced at another size than the model's own."""
    function = tf.function(inference_function(model), autograph=False)
    try:
        function.get_concrete_function(**input_specs(model, 2 * model.default_size))
    except (TypeError, ValueError) as error:
        raise ZooError(
            f"{model.zoo_name} needs a fixed size; legal are multiples of {model.pad_multiple}"
        ) from error


def is_saved_model(directory: Path) -> bool:
    """Whether a directory holds a SavedModel."""
    return (directory / "saved_model.pb").is_file()
