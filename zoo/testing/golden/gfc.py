"""Fixtures of Generative Face Completion: generator, two discriminators, parsing network.

They are recorded in the axes of the official Caffe blobs, whose height is the image's column and
whose width is its row. No official runtime made them: an independent reference build did.
"""

from __future__ import annotations

import numpy as np

import zoo.convert
from zoo.convert.gfc import assign_transposed
from zoo.models.gfc.networks import Discriminator
from zoo.testing.golden import recorded_outputs


def generator(weights: dict, inputs: dict) -> dict:
    """Official blobs and input -> outputs of the fixture."""
    network = zoo.convert.official("gfc", weights).generator
    watched = [*network.pools, *network.unpools, network.fc3, network.defc3]
    with recorded_outputs(watched) as record:
        image = network(_image(inputs["data"]))
    units = np.asarray(record["defc3"])
    return {
        "reconstruction_new": _blob(image),
        "fc3": record["fc3"],
        "defc3": _blob(units.reshape(-1, *network.map_shape)).reshape(units.shape),
        "pool3": _blob(record["pool3"][0]),
        "pool3_mask": _mask(record["pool3"][1]),
        "pool0_mask": _mask(record["pool0"][1]),
        "upsample0": _blob(record["upsample0"]),
    }


def local_discriminator(weights: dict, inputs: dict) -> dict:
    """Official blobs and input -> outputs of the fixture."""
    return _discriminator(Discriminator(64, first=1), weights, inputs)


def global_discriminator(weights: dict, inputs: dict) -> dict:
    """Official blobs and input -> outputs of the fixture."""
    return _discriminator(Discriminator(128, first=0), weights, inputs)


def _discriminator(network: Discriminator, weights: dict, inputs: dict) -> dict:
    image = _image(inputs["data"])
    network(image)
    assign_transposed(network, weights, "the fixture")
    with recorded_outputs(network.convs) as record:
        logits = np.reshape(network(image), (-1, 1, 1, 1))
    return {
        "output": 1 / (1 + np.exp(-logits)),
        "conv5": logits,
        "relu4_2": _blob(record["conv4_2"]),
        "relu2_2": _blob(record["conv2_2"]),
    }


def parsing_network(weights: dict, inputs: dict) -> dict:
    """Official blobs and input -> outputs of the fixture."""
    network = zoo.convert.official("parsing_network", weights).parser
    with recorded_outputs([*network.pools, *network.unpools]) as record:
        logits = network(_image(inputs["data"]))
    return {
        "conv_decode0": _blob(logits),
        "pool5": _blob(record["pool5"][0]),
        "pool5_mask": _mask(record["pool5"][1]),
        "pool1_mask": _mask(record["pool1"][1]),
        "upsample1": _blob(record["upsample1"]),
    }


def _image(blob: np.ndarray) -> np.ndarray:
    """(N, C, column, row) -> (N, row, column, C)."""
    return np.ascontiguousarray(blob.transpose(0, 3, 2, 1))


def _blob(image) -> np.ndarray:
    """(N, row, column, C) -> (N, C, column, row)."""
    return np.asarray(image).transpose(0, 3, 2, 1)


def _mask(places) -> np.ndarray:
    """Our places in 2x2 windows as Caffe's: `column * height + row` in the map that was pooled."""
    places = np.asarray(places)
    rows = 2 * np.arange(places.shape[1])[:, None, None] + places // 2
    columns = 2 * np.arange(places.shape[2])[:, None] + places % 2
    return _blob(columns * (2 * places.shape[1]) + rows)
