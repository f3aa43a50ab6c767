"""Whether two faces look like one person to a frozen face recognition network."""

from __future__ import annotations

import os

import numpy as np
import tensorflow as tf

from zoo.errors import ZooError

_RANDOM_WIDTH = 0.125


class IdentityFeatures:
    """The last two layers of a frozen Light CNN: the feature and the map before it.

    A plain object on purpose: its weights are neither trained nor saved with a model.

    Args:
        network: preset of Light CNN by name or directory, or "random": a slim network with weights
            of a fixed seed, for tests.
        image_size: side of the images that it will see, pixels.

    Raises:
        ZooError: no such preset, or one of another model or size.
    """

    def __init__(self, network: str | os.PathLike, image_size: int):
        self.network = _random(image_size) if network == "random" else _preset(network, image_size)

    def __call__(self, image) -> tuple:
        """`(feature (B, 256), map (B, H/16, W/16, C))` of RGB images in [-1, 1], float32."""
        return self.network.features(image)


def _preset(network, image_size: int):
    from zoo import presets

    try:
        model = presets.load(network)
    except ZooError as error:
        raise ZooError(
            f"identity network {str(network)!r}: {error}. Legal are presets of light_cnn and "
            "'random'; an identity loss of weight 0 needs none."
        ) from error
    if model.zoo_name != "light_cnn" or model.default_size != image_size:
        raise ZooError(
            f"identity network {str(network)!r} is {model.zoo_name} for {model.default_size} "
            f"pixels; legal is light_cnn for {image_size} pixels"
        )
    return model


def _random(image_size: int):
    from zoo.registry import create

    model = create("light_cnn", image_size=image_size, width=_RANDOM_WIDTH)
    rng = np.random.default_rng(0)  # not Keras' seed: a resumed run must see the same network
    for variable in model.extractor.variables:
        fan_in = max(1, int(np.prod(variable.shape[:-1])))
        scale = fan_in**-0.5 if len(variable.shape) > 1 else 0.0
        variable.assign(scale * rng.standard_normal(variable.shape))
    return model


def identity(features: tuple, truth: tuple, map_weight: float = 1.0):
    """Mean absolute difference of the features plus that of the maps.

    Args:
        features: `(feature, map)` of the generated faces.
        truth: the same of the true faces.
        map_weight: factor on the second term.
    """
    feature, last_map = (
        tf.reduce_mean(tf.abs(f - t)) for f, t in zip(features, truth, strict=True)
    )
    return feature + map_weight * last_map
