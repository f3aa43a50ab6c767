"""The parsing network of the release of Generative Face Completion (Caffe: 44 blobs)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo import weights
from zoo.convert import caffe
from zoo.convert.gfc import assign_transposed
from zoo.models.parsing_network.model import ParsingNetwork

LICENCE = "not stated by the authors (their code: BSD-2-Clause)"
SOURCE = "github.com/Yijunmaverick/GenerativeFaceCompletion"
read = caffe.read


def convert(tensors: Mapping[str, np.ndarray], origin: str) -> ParsingNetwork:
    """Builds the full-size network from the official blobs."""
    shapes = official_shapes()
    tensors = caffe.without_legacy_axes(tensors, shapes)
    weights.check(shapes, {name: np.shape(array) for name, array in tensors.items()}, origin)
    model = ParsingNetwork(image_size=128)
    assign_transposed(model.parser, tensors, origin)
    return model


def official_shapes() -> dict[str, tuple]:
    """Name -> shape of the 44 official blobs, 23,954,571 values, in Caffe's axes."""
    layers = {}
    for n, (channels, count) in enumerate(((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)), 1):
        layers |= {f"conv{n}_{i + 1}": channels for i in range(count)}
    layers |= dict(conv_decode5=512, conv_decode4=256, conv_decode3=128, conv_decode2=64)
    layers |= dict(conv_decode1=32, conv_decode0=11)
    shapes, inputs = {}, 3
    for name, outputs in layers.items():
        shapes[f"{name}/weight"] = (outputs, inputs, 3, 3)
        shapes[f"{name}/bias"] = (outputs,)
        inputs = outputs
    return shapes
