"""Writes a model as a TensorFlow SavedModel."""

from __future__ import annotations

import json
import os
from pathlib import Path

import tensorflow as tf

from zoo.errors import ZooError
from zoo.export.inference import (
    card,
    check_model,
    check_target,
    float32_twin,
    inference_function,
    input_specs,
)
from zoo.export.signatures import Signatures
from zoo.files import atomic_path
from zoo.gan import GANModel


def saved_model(
    model: GANModel,
    directory: str | os.PathLike,
    *,
    size: int | tuple[None, None] | None = None,
) -> Path:
    """Writes the inference call and its variables as a SavedModel that loads without this package.

    Three signatures, see `zoo.export.signatures`: `serving_default` takes the batch keys, NHWC
    float32, and returns `model.output_key`; `predict_uint8` takes and returns pictures of any size
    as the verbs of `zoo.tasks` do; `predict_bytes` takes PNG or JPEG files and returns PNG files.
    The batch axis is free in all. `assets.extra/zoo.json` says model, task, licence, preset,
    ranges, attribute names and the signatures. A model in mixed precision is written in float32.
    TensorFlow Serving looks for numbered versions: see `zoo.export.serving`.

    Args:
        model: a zoo model.
        directory: to write; a SavedModel there is replaced in one step.
        size: side of the square images of `serving_default`, pixels, and the size at which the
            other signatures work. None leaves height and width of `serving_default` free where
            the model allows it, else takes its default; `(None, None)` insists on free ones.
            Sides that are no multiples of `pad_multiple` are padded and cropped inside.

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
    model = float32_twin(model)
    free = _takes_any_size(model)
    if size == (None, None) and not free:
        raise ZooError(
            f"{model.zoo_name} needs a fixed size; its own is {model.default_size} pixels"
        )
    if size is None and free:
        size = (None, None)
    specs = input_specs(model, size, may_be_free=True)
    side = size if isinstance(size, int) else model.default_size
    signatures = Signatures(model, specs, side, free)
    read = {id(resource) for resource in signatures.network.captured_inputs}
    module = tf.Module()
    module.weights = {
        variable.path: variable.value
        for variable in model.inference_variables()
        if id(variable.value.handle) in read
    }
    with atomic_path(directory) as temporary:
        tf.saved_model.save(module, temporary, signatures=signatures.functions)
        extra = temporary / "assets.extra"
        extra.mkdir()
        about = {**card(model, specs), "signatures": signatures.meanings()}
        (extra / "zoo.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return directory


def _takes_any_size(model: GANModel) -> bool:
    """Whether the call can be traced at another size than the model's own."""
    if model.fixed_size:
        return False
    function = tf.function(inference_function(model), autograph=False)
    try:
        function.get_concrete_function(**input_specs(model, 2 * model.default_size))
    except (TypeError, ValueError):
        return False
    return True


def is_saved_model(directory: Path) -> bool:
    """Whether a directory holds a SavedModel."""
    return (directory / "saved_model.pb").is_file()
