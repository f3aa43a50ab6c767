"""Light CNN's fixture."""

from __future__ import annotations

import numpy as np

import zoo.convert
from zoo.testing.golden import recorded_outputs


def extractor(weights: dict, inputs: dict) -> dict:
    """A state_dict and NCHW grey images in [0, 1] -> outputs of the fixture."""
    network = zoo.convert.official("light_cnn", weights).extractor
    with recorded_outputs([network.widen[1]]) as record:
        feature, pooled = network(inputs["image"].transpose(0, 2, 3, 1))
    return {
        "feature": feature,
        "pool4": np.asarray(pooled).transpose(0, 3, 1, 2),
        "group2": np.asarray(record["group2_conv"]).transpose(0, 3, 1, 2),
    }
