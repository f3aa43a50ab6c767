"""Names to classes, without importing TensorFlow until a class is asked for."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_type_hints

from zoo.errors import ZooError, did_you_mean

if TYPE_CHECKING:
    from zoo.gan import GANModel

MODELS = {
    "attgan": "zoo.models.attgan.model:AttGAN",
    "attribute_classifier": "zoo.models.attribute_classifier.model:AttributeClassifier",
    "context_encoder": "zoo.models.context_encoder.model:ContextEncoder",
    "context_encoder_features": "zoo.models.context_encoder.features:ContextEncoderFeatures",
    "gfc": "zoo.models.gfc.model:GFC",
    "light_cnn": "zoo.models.light_cnn.model:LightCNN",
    "parsing_network": "zoo.models.parsing_network.model:ParsingNetwork",
    "sc_fegan": "zoo.models.sc_fegan.model:SCFEGAN",
    "stgan": "zoo.models.stgan.model:STGAN",
    "tp_gan": "zoo.models.tp_gan.model:TPGAN",
}


def list_models() -> list[str]:
    """Names that `create` and recipes accept."""
    return sorted(MODELS)


def model_class(name: str) -> type[GANModel]:
    """The class behind a name.

    Raises:
        ZooError: unknown name; names the nearest.
    """
    if name not in MODELS:
        raise ZooError(
            f"unknown model {name!r}; legal are {', '.join(list_models())}."
            f"{did_you_mean(name, MODELS)}"
        )
    module, attribute = MODELS[name].split(":")
    return getattr(importlib.import_module(module), attribute)


def create(name: str, **arguments) -> GANModel:
    """Builds a model with random weights; without arguments it has the paper's full size.

    Args:
        name: one of `list_models()`.
        **arguments: of the model's class, such as `image_size` and `width`.

    Raises:
        ZooError: unknown model or argument, or a value of the wrong type or outside its range.
    """
    cls = model_class(name)
    check_names(f"{name} argument", arguments, argument_names(cls))
    _check_types(name, cls, arguments)
    return cls(**arguments)


def _check_types(name: str, cls: type, arguments: dict) -> None:
    """Compares arguments with the annotations of the constructor; an int is a legal float."""
    from pydantic import TypeAdapter, ValidationError

    annotations = inspect.signature(cls.__init__).parameters
    hints = get_type_hints(cls.__init__)
    for key, value in arguments.items():
        try:
            TypeAdapter(hints.get(key, Any)).validate_python(value, strict=True)
        except ValidationError:
            legal = annotations[key].annotation
            raise ZooError(f"{name} argument {key} is {value!r}; legal is {legal}") from None


def argument_names(cls: type) -> list[str]:
    """Keyword arguments of a model's constructor."""
    return [p for p in inspect.signature(cls.__init__).parameters if p not in ("self", "name")]


def check_names(what: str, received: Iterable[str], legal: Iterable[str]) -> None:
    """Raises ZooError for the first name that is not legal."""
    legal = list(legal)
    for name in received:
        if name not in legal:
            raise ZooError(
                f"unknown {what} {name!r}; legal are {', '.join(legal)}.{did_you_mean(name, legal)}"
            )
