"""The attribute classifier's fixture."""

from __future__ import annotations

import zoo.convert
from zoo.testing.golden import recorded_outputs


def classifier(weights: dict, inputs: dict) -> dict:
    """Official variables and inputs -> outputs of the fixture."""
    network = zoo.convert.official("attribute_classifier", weights).classifier
    with recorded_outputs([network.pools[1], network.flatten, network.hidden]) as record:
        logits = network(inputs["image"])
    return {
        "logits": logits,
        "fc1": record["hidden"],
        "conv9": record["flatten"],
        "pool2": record["pool2"],
    }
