"""Context Encoder's fixtures. They have Torch's axes: (B, C, H, W)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

import zoo.convert
from zoo import weights as named
from zoo.convert import context_encoder
from zoo.models.context_encoder.networks import Discriminator
from zoo.testing.golden import recorded_outputs


def generator(weights: dict, inputs: dict) -> dict:
    """Official tensors of the centre or random generator and inputs -> outputs of the fixture."""
    generator = zoo.convert.official("context_encoder", weights).generator
    with recorded_outputs([generator.bottleneck, generator.up[-1]]) as record:
        image = generator(_nhwc(inputs["image"]))
    return {
        "image_out": _nchw(image),
        "bottleneck": _nchw(record[generator.bottleneck.name]),
        "last_features": _nchw(record[generator.up[-1].name]),
    }


def discriminator(weights: dict, inputs: dict) -> dict:
    """Official tensors of the centre discriminator and inputs -> outputs of the fixture."""
    discriminator = Discriminator(64, name="discriminator")
    image = _nhwc(inputs["image"])
    discriminator(image)
    arrays = context_encoder.our_arrays(
        list(context_encoder.discriminator_layers(128, "center")), weights
    )
    named.assign({v.path: v for v in discriminator.variables}, arrays, "the fixture")
    with recorded_outputs([discriminator.down[-1]]) as record:
        logit = discriminator(image)
    return {
        "output": tf.sigmoid(logit),
        "logit": logit,
        "features": _nchw(record[discriminator.down[-1].name]),
    }


def _nhwc(x) -> np.ndarray:
    return np.transpose(x, (0, 2, 3, 1))


def _nchw(x) -> np.ndarray:
    return np.transpose(x, (0, 3, 1, 2))
