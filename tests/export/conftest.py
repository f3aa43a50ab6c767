"""Models that the exporters are tried on."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

from zoo.gan import GANModel
from zoo.models.sc_fegan.model import SCFEGAN


class Wrapped(GANModel):
    """A zoo model around any network from an image to an image."""

    zoo_name = "wrapped"
    task = "complete"
    input_keys = ("image",)
    channels = {"image": 3}
    network_names = ("generator",)
    pad_multiple = 4

    def __init__(self, network: keras.Model, image_size: int = 16):
        super().__init__(image_size=image_size)
        self.generator = network
        self.built = True

    def call(self, batch, training=False):
        return self.generator(batch["image"], training=training)

    def get_config(self):
        return {"image_size": self.default_size}


def stir(model: GANModel, seed: int = 0) -> GANModel:
    """Moves every weight off its start, so that no bias is zero and no scale is one."""
    rng = np.random.default_rng(seed)
    for variable in model.inference_variables():
        noise = np.abs(rng.standard_normal(variable.shape)).astype("float32")
        variable.assign(keras.ops.convert_to_numpy(variable) + 0.05 * noise)
    return model


@pytest.fixture(scope="session")
def model() -> SCFEGAN:
    keras.utils.set_random_seed(1)
    return stir(SCFEGAN(image_size=32, width=0.1))


@pytest.fixture
def wrap():
    """Network -> model with stirred weights."""
    return lambda network: stir(Wrapped(network))
