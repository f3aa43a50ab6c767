"""Networks of Generative Face Completion: a SegNet-like generator and two discriminators."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers import MaxPoolingWithArgmax2D, MaxUnpooling2D
from zoo.layers.channels import scale_channels

BOTTLENECK = 4096

# The official layer names and channels. Each encoder block ends in max pooling; each decoder block
# begins with un-pooling at the places that the pooling of its level found.
_ENCODER = (
    (("conv0_1", 32), ("conv0_2", 32)),
    (("conv1_1_new", 64), ("conv1_2", 64)),
    (("conv2_1", 128), ("conv2_2", 128)),
    (("conv3_1", 256), ("conv3_2", 256), ("conv3_3", 256), ("conv3_4", 256)),
)
_DECODER = (
    (
        ("conv_decode3_4", 64),
        ("conv_decode3_3", 64),
        ("conv_decode3_2", 64),
        ("conv_decode3_1", 128),
    ),
    (("conv_decode2_2", 64), ("conv_decode2_1", 64)),
    (("conv_decode1_2", 64), ("conv_decode1_1_new", 32)),
    (("conv_decode0_2", 32), ("conv_decode0_1", 32)),
)
_DISCRIMINATOR_CHANNELS = (32, 64, 128, 256, 512)  # the local one starts with 64


def _msra():
    """Caffe's MSRA filler with variance_norm AVERAGE."""
    return keras.initializers.VarianceScaling(2.0, "fan_avg", "untruncated_normal")


def _normal():
    return keras.initializers.RandomNormal(stddev=0.02)  # official code


class Generator(keras.Model):
    """Encoder of VGG19's kind, two dense layers, and a decoder that un-pools; linear at the end.

    It sees no mask: the hole is filled with noise. The places of the maxima are all that passes
    the bottleneck on the side. 98 % of the weights are in the two dense layers.

    Args:
        width: factor on all inner channels.
        image_size: side of the images, pixels; a multiple of 16.
        n_bottleneck: units between the two dense layers; by default 4096 times `width`.

    Input `(B, S, S, 3)` RGB in [-1, 1], output `(B, S, S, 3)`, not bounded, float32.
    """

    def __init__(
        self,
        width: float = 1.0,
        image_size: int = 128,
        n_bottleneck: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)

        def convs(block):
            return [
                keras.layers.Conv2D(
                    scale_channels(channels, width),
                    3,
                    padding="same",
                    activation="relu",
                    kernel_initializer=_msra(),
                    name=name,
                )
                for name, channels in block
            ]

        def dense(units, name):
            return keras.layers.Dense(units, kernel_initializer=_msra(), name=name)

        levels = range(len(_ENCODER))
        self.encoder = [convs(block) for block in _ENCODER]
        self.pools = [MaxPoolingWithArgmax2D(tie="caffe", name=f"pool{n}") for n in levels]
        side, channels = image_size // 2 ** len(_ENCODER), self.encoder[-1][-1].filters
        self.map_shape = (side, side, channels)
        self.fc3 = dense(n_bottleneck or scale_channels(BOTTLENECK, width), "fc3")
        self.defc3 = dense(side * side * channels, "defc3")
        self.unpools = [MaxUnpooling2D(name=f"upsample{n}") for n in reversed(levels)]
        self.decoder = [convs(block) for block in _DECODER]
        self.reconstruction = keras.layers.Conv2D(
            3,
            3,
            padding="same",
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            name="reconstruction_new",
        )

    def call(self, inputs):
        x, places = inputs, []
        for block, pool in zip(self.encoder, self.pools, strict=True):
            for conv in block:
                x = conv(x)
            x, place = pool(x)  # (B, S/2, S/2, 32), (B, S/4, S/4, 64), ...
            places.append(place)
        x = ops.relu(self.fc3(ops.reshape(x, (-1, self.defc3.units))))  # (B, 4096)
        x = ops.relu(self.defc3(x))
        x = ops.reshape(x, (-1, *self.map_shape))  # (B, S/16, S/16, 256)
        for unpool, block in zip(self.unpools, self.decoder, strict=True):
            x = unpool([x, places.pop()])
            for conv in block:
                x = conv(x)  # (B, S/8, S/8, 128), (B, S/4, S/4, 64), ...
        return ops.cast(self.reconstruction(x), "float32")


class Discriminator(keras.Model):
    """Pairs of a 3x3 convolution and a 4x4 one of stride 2, then one score for the whole image.

    Args:
        side: side of what it sees, pixels: the image or half of it, a multiple of its halvings.
        first: number of the first pair of layers: 0 for the global discriminator, 1 for the local.
        width: factor on all channels.

    Input `(B, side, side, 3)`, output `(B,)` logits, float32.
    """

    def __init__(self, side: int, first: int, width: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.convs = []
        for n, channels in list(enumerate(_DISCRIMINATOR_CHANNELS))[first:]:
            for i, (kernel, strides) in enumerate(((3, 1), (4, 2))):
                conv = keras.layers.Conv2D(
                    scale_channels(channels, width),
                    kernel,
                    strides=strides,
                    padding="same",
                    activation=_leaky_relu,
                    kernel_initializer=_normal(),
                    name=f"conv{n}_{i + 1}",
                )
                self.convs.append(conv)
        last = side // 2 ** (len(_DISCRIMINATOR_CHANNELS) - first)
        self.score = keras.layers.Conv2D(1, last, kernel_initializer=_normal(), name="conv5")

    def call(self, inputs):
        x = inputs
        for conv in self.convs:
            x = conv(x)  # (B, side / 2, side / 2, 2C) after each pair
        return ops.cast(ops.reshape(self.score(x), (-1,)), "float32")


def _leaky_relu(x):
    return ops.leaky_relu(x, negative_slope=0.2)


keras.saving.register_keras_serializable(package="zoo", name="gfc_leaky_relu")(_leaky_relu)
