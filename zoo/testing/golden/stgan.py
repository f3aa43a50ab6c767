"""STGAN's fixtures; the discriminator and the encoder's statistics serve AttGAN's as well."""

from __future__ import annotations

import numpy as np

import zoo
import zoo.convert
from zoo.convert import stgan
from zoo.testing.golden import recorded_outputs
from zoo.weights import assign


def generator(weights: dict, inputs: dict) -> dict:
    """Official variables and inputs -> outputs of the fixture."""
    network = zoo.convert.official("stgan", weights).generator
    image, difference = inputs["image"], inputs["att_diff"]
    outputs = {"image_out_zero_att": network(image, np.zeros_like(difference))}
    outputs |= encoder_outputs(network, image)
    with recorded_outputs(network.units) as record:
        outputs["image_out"], outputs["dec3"] = with_third_level(network, image, difference)
    outputs |= {f"stu_f{i}": record[f"stu{i}"][0] for i in range(1, 5)}
    return outputs


def discriminator(weights: dict, inputs: dict) -> dict:
    """Official variables and inputs -> outputs of the fixture."""
    model = zoo.create("stgan")
    return discriminator_outputs(model, stgan.discriminator_names(model), weights, inputs)


def discriminator_outputs(model, names: dict, weights: dict, inputs: dict) -> dict:
    network = model.discriminator
    arrays = {path: weights[official] for path, official in names.items()}
    assign({v.path: v for v in network.variables}, arrays, "the fixture")
    with recorded_outputs([network.flatten]) as record:
        scores, logits = network(inputs["image"])
    return {"logit_gan": scores, "logit_att": logits, "conv5": record[network.flatten.name]}


def encoder_outputs(network, image: np.ndarray) -> dict:
    """Statistics of all levels of the encoder, and the code."""
    features = [np.asarray(level) for level in network.encoder(image)]
    outputs = {"enc5": features[-1]}
    for i, level in enumerate(features):
        outputs[f"enc{i + 1}_channel_mean"] = level.mean(axis=(0, 1, 2))
        outputs[f"enc{i + 1}_channel_std"] = level.std(axis=(0, 1, 2))
    return outputs


def with_third_level(network, image: np.ndarray, attributes: np.ndarray) -> tuple:
    """The image, and what the fourth layer of the decoder receives."""
    layer, received = network.decoder.deconvs[3], []
    call = layer.call
    layer.call = lambda inputs: received.append(inputs) or call(inputs)
    try:
        return network(image, attributes), received[0]
    finally:
        del layer.call
