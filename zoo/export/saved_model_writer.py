"""Writes a model as a TensorFlow SavedModel."""

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
    if size == (None, None) and model.fixed_size:
        raise ZooError(f"{model.zoo_name} needs a fixed size, {model.default_size} pixels")
    free = size is None and not model.fixed_size
    specs = input_specs(model, (None, None) if free else size, may_be_free=True)
    model = float32_twin(model)
    signatures = _signatures(model, None if size == (None, None) else size, specs)
    read = {id(resource) for resource in signatures.network.captured_inputs}
    module = tf.Module()
    module.weights = {
        variable.path: variable.value
        for variable in model.inference_variables()
        if id(variable.value.handle) in read
    }
    check_captures(model, signatures.network, list(module.weights.values()))
    with atomic_path(directory) as temporary:
        tf.saved_model.save(module, temporary, signatures=signatures.functions)
        extra = temporary / "assets.extra"
        extra.mkdir()
        about = {**card(model, specs), "signatures": signatures.meanings()}
        (extra / "zoo.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return directory


def _signatures(model: GANModel, size: int | None, specs: dict) -> Signatures:
    """The traced signatures; a network that cannot be traced with free sides is refused."""
    try:
        return Signatures(model, size, specs)
    except (TypeError, ValueError) as error:
        if isinstance(error, ZooError) or model.fixed_size:
            raise
        raise ZooError(
            f"{model.zoo_name} needs a fixed size; legal are multiples of {model.pad_multiple}"
        ) from error


def is_saved_model(directory: Path) -> bool:
    """Whether a directory holds a SavedModel."""
    return (directory / "saved_model.pb").is_file()
