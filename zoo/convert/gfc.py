"""The release of Generative Face Completion (Caffe: 46 blobs of the generator)."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np

from zoo import weights
from zoo.convert import caffe
from zoo.models.gfc.model import GFC

LICENCE = "not stated by the authors (their code: BSD-2-Clause)"
SOURCE = "github.com/Yijunmaverick/GenerativeFaceCompletion"
read = caffe.read


def convert(tensors: Mapping[str, np.ndarray], origin: str) -> GFC:
    """Builds the full-size official model from the official blobs of the generator.

    The discriminators keep their random start: the authors did not release theirs.
    """
    shapes = official_shapes()
    tensors = caffe.without_legacy_axes(tensors, shapes)
    weights.check(shapes, {name: np.shape(array) for name, array in tensors.items()}, origin)
    model = GFC(image_size=128, variant="official")
    assign_transposed(model.generator, tensors, origin)
    return model


def official_shapes() -> dict[str, tuple]:
    """Name -> shape of the 46 official blobs, 137,071,331 values, in Caffe's axes."""
    shapes = {}

    def layer(name, outputs, *rest):
        shapes[f"{name}/weight"] = (outputs, *rest)
        shapes[f"{name}/bias"] = (outputs,)

    def convs(inputs, **channels):
        for name, outputs in channels.items():
            layer(name, outputs, inputs, 3, 3)
            inputs = outputs

    convs(3, conv0_1=32, conv0_2=32, conv1_1_new=64, conv1_2=64, conv2_1=128, conv2_2=128)
    convs(128, conv3_1=256, conv3_2=256, conv3_3=256, conv3_4=256)
    layer("fc3", 4096, 16384)
    layer("defc3", 16384, 4096)
    convs(256, conv_decode3_4=64, conv_decode3_3=64, conv_decode3_2=64, conv_decode3_1=128)
    convs(128, conv_decode2_2=64, conv_decode2_1=64, conv_decode1_2=64, conv_decode1_1_new=32)
    convs(32, conv_decode0_2=32, conv_decode0_1=32, reconstruction_new=3)
    return shapes


def assign_transposed(network: keras.Model, tensors: Mapping[str, np.ndarray], origin: str) -> None:
    """Gives a network of ours the blobs of an official one that saw transposed images.

    MATLAB hands Caffe its arrays without a change of axes: the blobs' height is the image's column
    and their width is its row. Convolutions reverse all axes. The dense layers read and write a
    map; its channels come first there and last here.
    """
    arrays = {}
    for name, array in tensors.items():
        layer, role = name.split("/")
        key = f"{network.name}/{layer}/{'kernel' if role == 'weight' else 'bias'}"
        if layer in ("fc3", "defc3"):
            arrays[key] = _dense(layer, role, np.asarray(array), network.map_shape)
        else:
            arrays[key] = np.transpose(array)  # (out, in, h, w) -> (w, h, in, out)
    weights.assign({v.path: v for v in network.variables}, arrays, origin)


def _dense(layer: str, role: str, array: np.ndarray, map_shape: tuple) -> np.ndarray:
    """Weight or bias of fc3, which reads a map, or of defc3, which makes one.

    Ours is (row, column, channel), the official one (channel, column, row).
    """
    official = map_shape[::-1]
    if layer == "fc3" and role == "weight":  # (units, map) -> (map, units)
        return np.transpose(array.reshape(-1, *official)).reshape(-1, len(array))
    if layer == "defc3" and role == "weight":  # (map, units) -> (units, map)
        units = array.shape[1]
        return array.reshape(*official, units).transpose(3, 2, 1, 0).reshape(units, -1)
    if layer == "defc3":
        return np.transpose(array.reshape(official)).reshape(-1)
    return array
