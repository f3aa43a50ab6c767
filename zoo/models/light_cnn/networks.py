"""Network of Light CNN-29: convolutions with max-feature-map activations, no normalisation."""

from __future__ import annotations

import math

import keras
from keras import ops

from zoo.layers.channels import scale_channels
from zoo.layers.max_feature_map import max_feature_map

FEATURES = 256
# per stage: channels of its residual blocks, how many, channels that leave it, pooled after it
_STAGES = ((48, 1, 96, True), (96, 2, 192, True), (192, 3, 128, False), (128, 4, 128, True))


class ZeroSum(keras.initializers.RandomNormal):
    """Normal kernels, less their mean over each filter.

    Without normalisation in the network, what all faces share would drown what tells them apart:
    MFM's positive mean grows from layer to layer. A filter of sum zero does not let it through.

    Args:
        gain: standard deviation of the output for independent inputs of 1. The default makes up for
            what MFM takes from the variance.
    """

    def __init__(self, gain: float = 1.21, seed: int | None = None):
        super().__init__(stddev=1.0, seed=seed)
        self.gain = gain

    def __call__(self, shape, dtype=None):
        inputs = tuple(range(len(shape) - 1))
        kernel = super().__call__(shape, dtype) * self.gain / math.sqrt(math.prod(shape[:-1]))
        return kernel - ops.mean(kernel, axis=inputs, keepdims=True)

    def get_config(self):
        return {"gain": self.gain, "seed": self.seed}


def _convolution(filters: int, kernel_size: int, name: str, **gain: float) -> keras.layers.Conv2D:
    """Convolution to `2 * filters` channels, of which MFM leaves `filters`."""
    return keras.layers.Conv2D(
        2 * filters,
        kernel_size,
        padding="same",
        activation=max_feature_map,
        kernel_initializer=ZeroSum(**gain),
        name=name,
    )


class Extractor(keras.Model):
    """Light CNN-29: 9 + 20 convolutions with MFM and four poolings, then one dense layer with MFM.

    A residual block adds its input to two 3x3 convolutions, without an activation after the sum.
    Layers have the names of the authors' PyTorch model, with `_` for the dots.

    Args:
        width: factor on all channels but those of the feature.

    Input `(B, H, W, 1)` grey in [0, 1], H and W multiples of 16 and always the same; output
    `(feature (B, 256), map (B, H/16, W/16, 128))`, both float32. The map is the last pooling, which
    identity losses compare as well.
    """

    def __init__(self, width: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        channels = scale_channels(_STAGES[0][0], width)
        self.conv1 = _convolution(channels, 5, "conv1", gain=12.0)  # neighbouring pixels are alike
        self.pool = keras.layers.MaxPooling2D(2, name="pool")
        self.residuals, self.narrow, self.widen = [], [], []
        for i, (channels, blocks, leaving, _) in enumerate(_STAGES, start=1):
            channels, leaving = scale_channels(channels, width), scale_channels(leaving, width)
            self.residuals.append(
                [
                    [
                        _convolution(channels, 3, f"block{i}_{j}_conv1"),
                        _convolution(channels, 3, f"block{i}_{j}_conv2", gain=0.6),
                    ]
                    for j in range(blocks)
                ]
            )
            self.narrow.append(_convolution(channels, 1, f"group{i}_conv_a"))
            self.widen.append(_convolution(leaving, 3, f"group{i}_conv"))
        self.flatten = keras.layers.Flatten(name="flatten")
        self.fc = keras.layers.Dense(
            2 * FEATURES,
            activation=max_feature_map,
            kernel_initializer=ZeroSum(gain=0.4),
            name="fc",
        )

    def call(self, grey):
        x = self.pool(self.conv1(grey))  # (B, H/2, W/2, 48)
        stages = zip(_STAGES, self.residuals, self.narrow, self.widen, strict=True)
        for (_, _, _, pooled), residuals, narrow, widen in stages:
            for first, second in residuals:
                x = x + second(first(x))
            x = widen(narrow(x))
            if pooled:
                x = self.pool(x)  # (B, H/4, W/4, 96), (B, H/8, W/8, 192), (B, H/16, W/16, 128)
        feature = self.fc(self.flatten(x))
        return ops.cast(feature, "float32"), ops.cast(x, "float32")


class Classifier(keras.Model):
    """The training head `fc2`: feature `(B, 256)` to logits `(B, identities)`, float32."""

    def __init__(self, identities: int, **kwargs):
        super().__init__(**kwargs)
        self.fc2 = keras.layers.Dense(identities, name="fc2")

    def call(self, feature):
        return ops.cast(self.fc2(feature), "float32")
