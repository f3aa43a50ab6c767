"""Networks of the released Context Encoder: an encoder-decoder and a patch discriminator."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.channels import scale_channels
from zoo.layers.fused_batch_norm import FusedBatchNormalization

VARIANTS = ("official", "paper")
NOISE_TYPES = ("normal", "uniform")
REGIONS = ("center", "random")
IMAGE_SIZES = (32, 64, 128)

# channels of the convolutions that halve a 128-pixel image to 4 x 4; smaller images drop the first
_CHANNELS = (64, 64, 128, 256, 512)


def level_channels(size: int, width: float = 1.0) -> list[int]:
    """Channels of the halvings from `size` pixels to 4: five at 128, four at 64, three at 32."""
    return [scale_channels(c, width) for c in _CHANNELS[-(size.bit_length() - 3) :]]


class Block(keras.Model):
    """Convolution, batch norm and activation, the step that all networks here repeat.

    Args:
        convolution: a Conv2D or Conv2DTranspose.
        normalized: whether batch norm follows (epsilon 1e-5 and momentum 0.1 of Torch).
        negative_slope: of the leaky ReLU at the end; 0 = ReLU.

    Inputs: the convolution's, and what joins its output before batch norm, if anything does.
    """

    def __init__(self, convolution: keras.layers.Layer, normalized: bool, negative_slope: float):
        super().__init__(name=convolution.name.replace("conv", "block"))
        self.convolution = convolution
        self.normalization = None
        if normalized:
            self.normalization = FusedBatchNormalization(
                momentum=0.9,
                epsilon=1e-5,
                gamma_initializer=keras.initializers.RandomNormal(1.0, 0.02),
                name="norm",
            )
        self.negative_slope = negative_slope

    def call(self, inputs, beside=None, training=False):
        x = self.convolution(inputs)
        if beside is not None:
            x = ops.concatenate([x, beside], axis=-1)
        if self.normalization is not None:
            x = self.normalization(x, training=training)
        return ops.leaky_relu(x, negative_slope=self.negative_slope)


def down(filters: int, name: str, normalized: bool = True, squeeze: bool = False) -> Block:
    """4x4 convolution that halves the side, or takes a 4x4 map to one pixel (`squeeze`)."""
    convolution = keras.layers.Conv2D(
        filters,
        4,
        strides=1 if squeeze else 2,
        padding="valid" if squeeze else "same",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        name=name,
    )
    return Block(convolution, normalized, negative_slope=0.2)


def up_convolution(filters: int, name: str, unsqueeze: bool = False) -> keras.layers.Layer:
    """4x4 transposed convolution that doubles the side, or makes a 4x4 map of one pixel."""
    return keras.layers.Conv2DTranspose(
        filters,
        4,
        strides=1 if unsqueeze else 2,
        padding="valid" if unsqueeze else "same",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        name=name,
    )


class Generator(keras.Model):
    """Halvings to 4x4, a bottleneck of `n_bottleneck` units, doublings, tanh. No skips.

    The bottleneck sees the whole image at once (a 4x4 convolution on a 4x4 map); the released net
    has no channel-wise layer.

    Args:
        image_size: side of the input, pixels.
        output_size: side of the output, pixels: half the input's for a centre hole, else the same.
        n_bottleneck: units of the bottleneck.
        width: factor on all other inner channels.
        nz: noise values that a 1x1 convolution of as many channels lays beside the bottleneck.

    Input `(B, image_size, image_size, 3)` and, unless `nz` is 0, noise `(B, nz)`; output
    `(B, output_size, output_size, 3)` in [-1, 1], float32.
    """

    def __init__(
        self,
        image_size: int = 128,
        output_size: int = 64,
        n_bottleneck: int = 4000,
        width: float = 1.0,
        nz: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        channels = level_channels(image_size, width)
        self.down = [
            down(c, f"conv{i + 1}", normalized=i > 0)  # (B, S/2, S/2, 64) .. (B, 4, 4, 512)
            for i, c in enumerate(channels)
        ]
        self.bottleneck = down(n_bottleneck, f"conv{len(channels) + 1}", squeeze=True)
        self.noise = None
        if nz:
            initializer = keras.initializers.RandomNormal(stddev=0.02)
            self.noise = keras.layers.Conv2D(nz, 1, kernel_initializer=initializer, name="noise")
        channels = level_channels(output_size, width)[::-1]
        self.up = [
            Block(up_convolution(c, f"deconv{i + 1}", unsqueeze=i == 0), True, negative_slope=0.0)
            for i, c in enumerate(channels)
        ]
        self.last = up_convolution(3, f"deconv{len(channels) + 1}")

    @property
    def convolutions(self) -> list[keras.layers.Layer]:
        """Every convolution, from input to output."""
        blocks = [*self.down, self.bottleneck, *self.up]
        noise = [self.noise] if self.noise is not None else []
        return [*(block.convolution for block in blocks), *noise, self.last]

    def call(self, inputs, noise=None, training=False):
        x = inputs
        for block in self.down:
            x = block(x, training=training)
        beside = None if self.noise is None else self.noise(noise[:, None, None])
        x = self.bottleneck(x, beside, training=training)  # (B, 1, 1, n_bottleneck + nz)
        for block in self.up:
            x = block(x, training=training)  # (B, 4, 4, 512) .. (B, S/2, S/2, 64)
        return ops.cast(ops.tanh(self.last(x)), "float32")


class Discriminator(keras.Model):
    """Halvings to 4x4 and one logit; sees only what the generator made, not its surroundings.

    Args:
        size: side of the generator's output, pixels.
        width: factor on all channels.
        conditional: judge the square together with its surroundings, as an option of the code does:
            each passes a 5x5 convolution of stride 2 in its place in the image before both join.

    Input `(B, size, size, 3)` and, if conditional, the erased image `(B, 2 size, 2 size, 3)`;
    output logits `(B, 1)`, float32: positive = real.
    """

    def __init__(self, size: int = 64, width: float = 1.0, conditional: bool = False, **kwargs):
        super().__init__(**kwargs)
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        branches = ("patch", "context") if conditional else ()
        self.branches = [
            keras.layers.Conv2D(
                scale_channels(_CHANNELS[0], width),
                5,
                strides=2,
                kernel_initializer=initializer,
                name=name,
            )
            for name in branches
        ]
        self.margin = size // 2  # of the square in the middle of the image
        self.down = [
            down(c, f"conv{i + 1}", normalized=conditional or i > 0)
            for i, c in enumerate(level_channels(size, width))
        ]
        self.last = keras.layers.Conv2D(
            1, 4, kernel_initializer=initializer, name=f"conv{len(self.down) + 1}"
        )

    @property
    def convolutions(self) -> list[keras.layers.Layer]:
        """Every convolution, from input to output."""
        return [*self.branches, *(block.convolution for block in self.down), self.last]

    def call(self, inputs, context=None, training=False):
        x = inputs
        if self.branches:
            patch, context = (
                branch(_padded(image, margin + 2))
                for branch, image, margin in zip(
                    self.branches, (x, context), (self.margin, 0), strict=True
                )
            )
            x = ops.concatenate([patch, context], axis=-1)  # (B, size, size, 128)
            x = ops.leaky_relu(x, negative_slope=0.2)
        for block in self.down:
            x = block(x, training=training)
        return ops.cast(self.last(x)[:, 0, 0], "float32")  # (B, 1, 1, 1) -> (B, 1)


def _padded(image, margin: int):
    return ops.pad(image, [[0, 0], [margin, margin], [margin, margin], [0, 0]])
