"""Max-out between the two halves of the channels."""

from __future__ import annotations

import keras
from keras import ops


def max_feature_map(inputs):
    """The larger one of channel `c` and channel `c + C/2`: `(..., C)` becomes `(..., C/2)`."""
    first, second = ops.split(inputs, 2, axis=-1)
    return ops.maximum(first, second)


@keras.saving.register_keras_serializable(package="zoo")
class MaxFeatureMap(keras.layers.Layer):
    """Max-feature-map (MFM): splits the channels into two halves and keeps the larger values.

    An activation that selects instead of thresholding. Source: Wu et al., *A Light CNN for Deep
    Face Representation with Noisy Labels*, IEEE TIFS 2018.

    Input `(..., C)` with an even C, output `(..., C/2)`.

    Raises:
        ValueError: C is odd.
    """

    def build(self, input_shape):
        if input_shape[-1] % 2:
            raise ValueError(f"MaxFeatureMap needs an even number of channels, not {input_shape}")
        self.built = True

    def call(self, inputs):
        return max_feature_map(inputs)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] // 2)
