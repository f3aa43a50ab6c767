"""The attribute classifier released with STGAN (a TensorFlow 1 checkpoint, scope `classifier`)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo.convert import slim
from zoo.convert.tf1 import Checkpoint
from zoo.models.attribute_classifier.model import AttributeClassifier

LICENCE = "MIT; trained on CelebA, which is for non-commercial research only"
SOURCE = "github.com/csmliu/STGAN"
read = Checkpoint

_DENSE = ("classifier/flatten_fully_connected", "/fully_connected")


def convert(tensors: Mapping[str, np.ndarray], origin: str) -> AttributeClassifier:
    """Builds the full-size classifier of the official 40 attributes, or of as many as there are."""
    official = slim.Official(tensors, ["classifier"])
    count = official.axis(f"{_DENSE[0]}_1{_DENSE[1]}/weights", 1)
    names = slim.attribute_names(count) if 0 < count <= 100 else slim.attribute_names(40)
    model = AttributeClassifier(attribute_names=names)
    official.fill([model.classifier], official_names(model), origin)
    return model


def official_names(model: AttributeClassifier) -> dict[str, str]:
    """Path of each variable -> official name; 54."""
    network = model.classifier
    return {
        **slim.numbered("classifier/Conv", network.convs),
        **slim.numbered("classifier/Conv", network.norms, "/BatchNorm"),
        **slim.numbered(_DENSE[0], [network.hidden, network.logits], _DENSE[1]),
    }
