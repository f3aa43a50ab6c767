"""The parsing network: VGG19's convolutions, and a decoder that un-pools with their maxima."""

from __future__ import annotations

import keras
from keras import ops

from zoo import replicas
from zoo.layers import MaxPoolingWithArgmax2D, MaxUnpooling2D
from zoo.layers.channels import scale_channels

CLASSES = 11
DEPTH = 5  # halvings

# VGG19: convolutions in each block and their channels
_CONVS = (2, 2, 4, 4, 4)
_CHANNELS = (64, 128, 256, 512, 512)
# conv_decode5 .. conv_decode1; all but the last make the channels of the next level's pooling
_DECODER_CHANNELS = (512, 256, 128, 64, 32)


class Parser(keras.Model):
    """Logits of 11 classes for every pixel.

    Five blocks of 3x3 convolutions end in max pooling; the decoder un-pools each level with the
    places of the same level's maxima and convolves once. No normalisation.

    Args:
        width: factor on all channels but the classes.
        dropout: share of features dropped after each decoder block where `call` gets a seed.

    Input `(B, H, W, 3)` RGB in [-1, 1], sides multiples of 32; output `(B, H, W, 11)`, float32.
    """

    def __init__(self, width: float = 1.0, dropout: float = 0.5, **kwargs):
        super().__init__(**kwargs)
        self.dropout = dropout

        def conv(name, filters, activation="relu", unpooled=False):
            return keras.layers.Conv2D(
                filters,
                3,
                padding="same",
                activation=activation,
                # He's, but three of four values are zero where un-pooling comes before (ours)
                kernel_initializer=keras.initializers.VarianceScaling(
                    8.0 if unpooled else 2.0, "fan_in", "untruncated_normal"
                ),
                name=name,
            )

        levels = range(1, DEPTH + 1)
        self.blocks = [
            [conv(f"conv{level}_{i + 1}", scale_channels(channels, width)) for i in range(count)]
            for level, count, channels in zip(levels, _CONVS, _CHANNELS, strict=True)
        ]
        self.pools = [MaxPoolingWithArgmax2D(tie="caffe", name=f"pool{n}") for n in levels]
        self.unpools = [MaxUnpooling2D(name=f"upsample{n}") for n in reversed(levels)]
        self.decoder = [
            conv(f"conv_decode{n}", scale_channels(channels, width), unpooled=True)
            for n, channels in zip(reversed(levels), _DECODER_CHANNELS, strict=True)
        ]
        self.logits = conv("conv_decode0", CLASSES, activation=None)

    def call(self, inputs, dropout_seed=None):
        """Without `dropout_seed`, an int tensor of shape (2,), nothing is dropped."""
        x, places = inputs, []
        for block, pool in zip(self.blocks, self.pools, strict=True):
            for conv in block:
                x = conv(x)
            x, place = pool(x)  # (B, H/2, W/2, C), (B, H/4, W/4, 2C), ...
            places.append(place)
        for n, (unpool, conv) in enumerate(zip(self.unpools, self.decoder, strict=True)):
            x = conv(unpool([x, places.pop()]))  # (B, H/16, W/16, 8C), (B, H/8, W/8, 4C), ...
            if dropout_seed is not None:
                seed = dropout_seed * DEPTH + n
                x = replicas.dropout(x, self.dropout, seed)
        return ops.cast(self.logits(x), "float32")
