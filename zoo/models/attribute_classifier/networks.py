"""The classifier's network: five pairs of convolutions and two dense layers."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.channels import scale_channels
from zoo.layers.fused_batch_norm import FusedBatchNormalization

LEVELS = 5
_CHANNELS = (16, 32, 64, 128, 256)
_DENSE_UNITS = 512


class Classifier(keras.Model):
    """Pairs of 3x3 convolutions with batch norm and ReLU, a 2x2 maximum after each pair.

    Args:
        attributes: how many there are.
        width: factor on all channels.

    Input `(B, H, W, 3)`, of one size only; output: logits `(B, attributes)`, float32.
    """

    def __init__(self, attributes: int, width: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        channels = [scale_channels(c, width) for c in _CHANNELS for _ in range(2)]
        self.convs = [
            keras.layers.Conv2D(c, 3, padding="same", use_bias=False, name=f"conv{i + 1}")
            for i, c in enumerate(channels)
        ]
        self.norms = [
            FusedBatchNormalization(momentum=0.9, epsilon=1e-5, name=f"norm{i + 1}")
            for i in range(len(channels))
        ]
        self.pools = [keras.layers.MaxPooling2D(2, name=f"pool{i + 1}") for i in range(LEVELS)]
        self.flatten = keras.layers.Flatten(name="flatten")
        self.hidden = keras.layers.Dense(
            scale_channels(_DENSE_UNITS, width), activation="relu", name="hidden"
        )
        self.logits = keras.layers.Dense(attributes, name="logits")

    def call(self, inputs, training=False):
        x = inputs
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = ops.relu(norm(conv(x), training=training))
            if i % 2:
                x = self.pools[i // 2](x)
        return ops.cast(self.logits(self.hidden(self.flatten(x))), "float32")
