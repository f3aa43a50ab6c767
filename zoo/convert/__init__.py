"""Official checkpoints become models of the zoo.

The authors' weights keep the authors' licence; none are shipped here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module

from zoo.errors import ZooError, did_you_mean

# model -> module with LICENCE, SOURCE and convert(tensors) -> GANModel
CONVERTERS = {
    "attgan": "zoo.convert.attgan",
    "attribute_classifier": "zoo.convert.attribute_classifier",
    "context_encoder": "zoo.convert.context_encoder",
    "gfc": "zoo.convert.gfc",
    "light_cnn": "zoo.convert.light_cnn",
    "parsing_network": "zoo.convert.parsing_network",
    "sc_fegan": "zoo.convert.sc_fegan",
    "stgan": "zoo.convert.stgan",
}


def official(name: str, source: str | os.PathLike | Mapping):
    """Converts the official weights of a model.

    Prints the licence of the weights on standard error; the model carries it as `model.licence`.

    Args:
        name: model, e.g. "sc_fegan".
        source: path of the checkpoint (TF1: the prefix or either file), or a mapping from the
            official variable names to arrays.

    Raises:
        ZooError: unknown model, unreadable checkpoint, or one that does not fit: the message lists
            missing, extra and misshapen variables. Nothing is built then.
    """
    if name not in CONVERTERS:
        raise ZooError(
            f"no converter for {name!r}; there are converters for {', '.join(CONVERTERS)}."
            f"{did_you_mean(name, CONVERTERS)}"
        )
    converter = import_module(CONVERTERS[name])
    if isinstance(source, Mapping):
        tensors, origin = source, "the mapping"
    else:
        tensors, origin = converter.read(source), str(source)
    model = converter.convert(tensors, origin)
    model.licence = converter.LICENCE
    print(
        f"{name}: weights from {converter.SOURCE}, licence {converter.LICENCE}. "
        "The converted model stays under that licence.",
        file=sys.stderr,
    )
    return model
