"""Networks of SC-FEGAN: a gated U-Net and an SN-PatchGAN discriminator."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers import (
    GatedConv2D,
    GatedConv2DTranspose,
    LocalResponseNormalization,
    SpectralNormConv2D,
)
from zoo.layers.channels import scale_channels

INPUT_CHANNELS = 9  # erased image 3, sketch 1, colour 3, mask 1, noise 1: the order of the code
DILATIONS = (2, 4, 8, 16)
VARIANTS = ("official", "paper")

# channels and kernel sizes of the seven down-sampling layers of the released code
_CHANNELS = (64, 128, 256, 512, 512, 512, 512)
_KERNELS = {"official": (7, 5, 5, 3, 3, 3, 3), "paper": (3, 3, 3, 3, 3, 3, 3)}
_DISCRIMINATOR_CHANNELS = (64, 128, 256, 256, 256, 256)


def default_depth(image_size: int) -> int:
    """Number of halvings that leaves the paper's 4x4 bottleneck: 7 at 512 px, 4 at 64 px."""
    return max(2, min(len(_CHANNELS), image_size.bit_length() - 3))


def transposed_kernels(variant: str, inputs: int, kernel_size: int) -> keras.Initializer:
    """Initial kernels of a gated transposed convolution of stride 2.

    The official code draws from N(0, 0.02). In a slim network that leaves the up-sampled features
    ten times weaker at every level than the skip connection beside them, and what lies deeper
    hardly learns. "paper" (ours) draws so that the layer keeps the size of its input: a pixel
    meets `kernel_size ** 2 / 4` taps, and a gated leaky ReLU keeps 0.52 * 0.25 of the variance.
    """
    if variant == "official":
        return keras.initializers.RandomNormal(stddev=0.02)
    taps = inputs * kernel_size**2 / 4
    return keras.initializers.RandomNormal(stddev=(taps * 0.52 * 0.25) ** -0.5)


def leaky_relu(x):
    return ops.leaky_relu(x, negative_slope=0.2)


keras.saving.register_keras_serializable(package="zoo", name="sc_fegan_leaky_relu")(leaky_relu)


class Generator(keras.Model):
    """U-Net of gated convolutions: `depth` down, 4 dilated, `depth` up, tanh.

    Skip connections join the layer's mirror image in the encoder; the last one joins the input.
    Features are normalised over neighbouring channels (LRN), except in the first and last layer.

    Args:
        variant: "official" computes what the released weights expect: kernels 7, 5, 5, 3 and
            transposed convolutions that gate themselves. "paper" follows the text: 3x3 kernels
            everywhere and a gate of its own for each transposed convolution. See also
            `transposed_kernels`.
        width: factor on all inner channels.
        depth: number of halvings; input sides must be multiples of `2 ** depth`.

    Input `(B, H, W, 9)`, output `(B, H, W, 3)` in [-1, 1], float32.
    """

    def __init__(self, variant: str = "official", width: float = 1.0, depth: int = 7, **kwargs):
        super().__init__(**kwargs)
        channels = [scale_channels(c, width) for c in _CHANNELS[:depth]]
        kernels = _KERNELS[variant][:depth]

        def gated(name, filters, kernel_size=3, normalized=True, activation=leaky_relu, **options):
            return GatedConv2D(
                filters,
                kernel_size,
                activation=activation,
                normalization=LocalResponseNormalization(name="lrn") if normalized else None,
                name=name,
                **options,
            )

        # Encoder: gconv1_ds .. gconv7_ds
        self.down = [
            gated(f"gconv{i + 1}_ds", c, k, normalized=i > 0, strides=2)
            for i, (c, k) in enumerate(zip(channels, kernels, strict=True))
        ]
        # Bottleneck: co_conv1_dlt .. co_conv4_dlt
        self.dilated = [
            gated(f"co_conv{i + 1}_dlt", channels[-1], dilation_rate=rate)
            for i, rate in enumerate(DILATIONS)
        ]
        # Decoder: deconv1 + gconv8 .. deconv7 + gconv14
        self.up, self.merge = [], []
        for i, (inputs, filters) in enumerate(
            zip(channels[::-1], [*channels[-2::-1], 3], strict=True)
        ):
            last = i == depth - 1
            self.up.append(
                GatedConv2DTranspose(
                    filters,
                    5,
                    gate="self" if variant == "official" else "own",
                    activation=leaky_relu,
                    kernel_initializer=transposed_kernels(variant, inputs, 5),
                    name=f"deconv{i + 1}",
                )
            )
            self.merge.append(
                gated(
                    f"gconv{depth + 1 + i}",
                    filters,
                    normalized=not last,
                    activation=None if last else leaky_relu,
                )
            )

    def call(self, inputs):
        x = inputs
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)  # (B, H/2, W/2, C), (B, H/4, W/4, 2C), ...
        for dilated in self.dilated:
            x = dilated(x)  # (B, H/128, W/128, 8C) at depth 7
        for up, merge, skip in zip(self.up, self.merge, reversed(skips), strict=True):
            x = merge(ops.concatenate([skip, up(x)], axis=-1))
        return ops.cast(ops.tanh(x), "float32")


class Discriminator(keras.Model):
    """SN-PatchGAN: spectrally normalised 3x3 convolutions of stride 2, linear at the end.

    The official discriminator was never released; this is DeepFill v2's with the paper's 3x3
    kernels. There are as many layers as leave an 8x8 map of scores: six at 512 px.

    Args:
        width: factor on all channels.
        image_size: side of the images, pixels.

    Input `(B, H, W, 9)` (image and hints), output scores `(B, 8, 8, C)`, float32.
    """

    def __init__(self, width: float = 1.0, image_size: int = 512, **kwargs):
        super().__init__(**kwargs)
        depth = max(2, min(len(_DISCRIMINATOR_CHANNELS), image_size.bit_length() - 4))
        self.convs = [
            SpectralNormConv2D(
                scale_channels(c, width),
                3,
                strides=2,
                padding="same",
                activation=None if i == depth - 1 else leaky_relu,
                name=f"conv{i + 1}",
            )
            for i, c in enumerate(_DISCRIMINATOR_CHANNELS[:depth])
        ]

    def call(self, inputs, training=False):
        x = inputs
        for conv in self.convs:
            x = conv(x, training=training)
        return ops.cast(x, "float32")
