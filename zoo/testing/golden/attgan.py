"""AttGAN's fixtures: its networks and the skip-connection variants of STGAN's study."""

from __future__ import annotations

import zoo
import zoo.convert
from zoo.convert import attgan
from zoo.testing.golden.stgan import discriminator_outputs, encoder_outputs, with_third_level


def generator(weights: dict, inputs: dict) -> dict:
    """Official variables and inputs -> outputs of the fixture."""
    network = zoo.convert.official("attgan", weights).generator
    image_out, third = with_third_level(network, inputs["image"], inputs["att"])
    return {"image_out": image_out, "dec3": third, **encoder_outputs(network, inputs["image"])}


def discriminator(weights: dict, inputs: dict) -> dict:
    """Official variables and inputs -> outputs of the fixture."""
    model = zoo.create("attgan")
    return discriminator_outputs(model, attgan.discriminator_names(model), weights, inputs)
