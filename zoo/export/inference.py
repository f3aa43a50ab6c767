"""What both writers need of a model: its inference call, its inputs, its card, in float32."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from zoo.errors import ZooError
from zoo.gan import GANModel
from zoo.precision import precision

MEANINGS = {
    "image": "RGB image, -1 to 1",
    "mask": "1 = hole, 0 = known",
    "sketch": "1 = line, 0 = none; read inside the hole",
    "color": "RGB colour, -1 to 1; read inside the hole",
    "noise": "random; read inside the hole",
    "attributes": "0 or 1 for each attribute, as the image is",
    "target_attributes": "0 or 1 for each attribute, as the output shall be",
    "landmarks": "x, y in pixels: left eye, right eye, nose, left and right mouth corner",
    "frontal": "RGB image, -1 to 1",
}


OUTPUTS = {
    "complete": "RGB image, -1 to 1",
    "edit": "RGB image, -1 to 1",
    "frontalize": "RGB image, -1 to 1",
    "classify": "logit of each attribute",
    "embed": "features",
    "parse": "logits of the classes at each pixel",
}
"""Task -> meaning of what a model returns."""


def float32_twin(model: GANModel) -> GANModel:
    """Returns the model itself where it computes in float32, else a float32 copy of it.

    The copy has the same configuration and the same values in its inference variables; its other
    networks keep their random start.

    Raises:
        ZooError: the copy's variables do not fit.
    """
    networks = model.networks.values()
    if all(layer.compute_dtype == "float32" for layer in networks):
        return model
    with precision("float32"):
        twin = type(model).from_config(model.get_config())
    pairs = list(zip(model.inference_variables(), twin.inference_variables(), strict=False))
    if len(pairs) != len(model.inference_variables()) or any(a.shape != b.shape for a, b in pairs):
        raise ZooError(f"{model.zoo_name}: no float32 copy fits the weights of this model")
    for source, target in pairs:
        target.assign(source)
    twin.licence, twin.preset_sha256 = model.licence, model.preset_sha256
    return twin


def check_model(model: GANModel) -> None:
    """Raises ZooError for something that is no zoo model, or that has no weights yet."""
    if not isinstance(model, GANModel):
        raise ZooError(f"only a zoo model can be exported; received {type(model).__name__}")
    if not model.inference_variables():
        raise ZooError(f"{model.zoo_name} has no weights yet: call it once or load a preset")


def check_target(path: str | os.PathLike) -> Path:
    """Returns `path` as a Path; raises ZooError where nothing can be written beside it."""
    path = Path(path)
    parent = path.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise ZooError(f"cannot write {path}: {parent} is not a directory")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ZooError(f"cannot write {path}: directory {parent} is not writable")
    return path


def input_specs(
    model: GANModel, size: int | tuple[None, None] | None, *, may_be_free: bool = False
) -> dict[str, tf.TensorSpec]:
    """Batch key -> float32 spec with a free batch axis.

    Args:
        model: the model.
        size: side of the square images, pixels; None for the model's default; `(None, None)` for
            free height and width.
        may_be_free: whether the caller's format allows the latter.

    Raises:
        ZooError: the size is not a positive multiple of the model's `pad_multiple`.
    """
    free = may_be_free and size == (None, None)
    whole = isinstance(size, int) and not isinstance(size, bool)
    if not (free or size is None or (whole and size > 0 and size % model.pad_multiple == 0)):
        also = " and (None, None)" if may_be_free else ""
        raise ZooError(
            f"size is {size!r}; legal for {model.zoo_name} are positive multiples of "
            f"{model.pad_multiple}{also}"
        )
    specs = {}
    for key, shape in model.input_shapes(None if free else size).items():
        if free and len(shape) == 4:
            shape = (None, None, None, shape[3])
        specs[key] = tf.TensorSpec(shape, tf.float32, name=key)
    return specs


def check_captures(model: GANModel, traced, variables: list[tf.Variable]) -> None:
    """Raises ValueError if the traced call reads more than these variables: a bug of the model."""
    known = {id(variable.handle) for variable in variables}
    unknown = [v.name for v in traced.variables if id(v.handle) not in known]
    if unknown:
        names = ", ".join(unknown)
        raise ValueError(f"inference_variables() of {model.zoo_name} lacks what it reads: {names}")


def inference_function(model: GANModel) -> Callable[..., dict[str, tf.Tensor]]:
    """Returns `f(**batch) -> {output_key: image}`, the model's inference call."""

    def serve(**batch):
        return {model.output_key: model(batch, training=False)}

    return serve


def card(model: GANModel, specs: dict[str, tf.TensorSpec]) -> dict:
    """What the user of an exported file must know, as plain values for JSON."""
    inputs = {
        key: {
            "shape": [None if side is None else int(side) for side in spec.shape],
            "dtype": "float32",
            "meaning": MEANINGS.get(key, key),
        }
        for key, spec in specs.items()
    }
    card = {
        "model": model.zoo_name,
        "task": model.task,
        "licence": model.licence,
        "preset_sha256": model.preset_sha256,
        "layout": "NHWC",
        "pad_multiple": model.pad_multiple,
        "inputs": inputs,
        "output": {"name": model.output_key, "dtype": "float32", "meaning": OUTPUTS[model.task]},
        "config": model.get_config(),
    }
    names = getattr(model, "attribute_names", None)
    return card if names is None else {**card, "attribute_names": list(names)}
