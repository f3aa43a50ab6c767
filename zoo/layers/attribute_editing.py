"""What the attribute editors share: encoder, decoder and discriminator of AttGAN and STGAN.

The layers follow the defaults of TF-Slim, in which both were written: a convolution with a
normaliser has no bias, batch norm has decay 0.999 and epsilon 1e-3, instance norm epsilon 1e-6.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from zoo.layers.fused_batch_norm import FusedBatchNormalization

NORMALIZATIONS = ("none", "bn", "in")
MAX_CHANNELS = 1024


def pyramid(dim: int, depth: int) -> list[int]:
    """Channels of `depth` halvings: doubled each time from `dim`, at most 1024."""
    return [min(dim * 2**i, MAX_CHANNELS) for i in range(depth)]


def slim_normalization(kind: str, name: str, dtype=None) -> keras.layers.Layer | None:
    """TF-Slim's batch norm ("bn") or instance norm ("in"); None for "none"."""
    if kind == "none":
        return None
    if kind == "bn":
        return FusedBatchNormalization(momentum=0.999, epsilon=1e-3, name=name, dtype=dtype)
    if kind == "in":
        return keras.layers.GroupNormalization(groups=-1, epsilon=1e-6, name=name, dtype=dtype)
    raise ValueError(f"normalization must be one of {NORMALIZATIONS}. Received: {kind!r}")


def with_attributes(features, attributes):
    """Features `(B, H, W, C)` with the attributes `(B, n)` at every pixel: `(B, H, W, C + n)`."""
    batch, height, width, _ = ops.shape(features)
    planes = ops.broadcast_to(
        attributes[:, None, None, :], (batch, height, width, attributes.shape[-1])
    )
    return ops.concatenate([features, planes], axis=-1)


def _halving(filters: int, number: int) -> keras.layers.Conv2D:
    return keras.layers.Conv2D(filters, 4, 2, padding="same", use_bias=False, name=f"conv{number}")


class Encoder(keras.Model):
    """Convolutions 4x4 of stride 2, batch norm and leaky ReLU 0.2. It sees no attributes.

    Args:
        channels: of each layer.
        multi_inputs: the first so many layers see the image, too, at their own size. The released
            code shrinks it with TF1's bicubic filter, which at whole factors picks pixels.

    Input `(B, H, W, 3)`; output: features of all layers, `(B, H/2, W/2, C1)` first.
    """

    def __init__(self, channels: Sequence[int], multi_inputs: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.multi_inputs = multi_inputs
        self.convs = [_halving(c, i + 1) for i, c in enumerate(channels)]
        self.norms = [slim_normalization("bn", f"norm{i + 1}") for i in range(len(channels))]

    def call(self, inputs, training=False):
        x, features = inputs, []
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if 0 < i < self.multi_inputs:
                x = ops.concatenate([x, inputs[:, :: 2**i, :: 2**i]], axis=-1)
            x = ops.leaky_relu(norm(conv(x), training=training), negative_slope=0.2)
            features.append(x)
        return features


class Decoder(keras.Model):
    """Transposed convolutions 4x4 of stride 2, batch norm and ReLU; the last ends in tanh.

    Attributes join the code. After layer i the skip connection i joins, if there is one, and then
    the attributes again, up to `inject_layers` times.

    Args:
        channels: of each layer but the last, which makes the image.
        inject_layers: after how many layers the attributes join again.
        last_kernel: side of the last kernel. 4 doubles like the others; 1 and 3 keep the size, as
            after the option `one_more_conv` of the released code.

    Inputs: code `(B, h, w, C)`, attributes `(B, n)`, skip connections of the sizes
    `(B, 2h, 2w, ...)`, `(B, 4h, 4w, ...)`, ... Output `(B, H, W, 3)` in [-1, 1], float32.
    """

    def __init__(self, channels: Sequence[int], inject_layers: int, last_kernel: int = 4, **kwargs):
        super().__init__(**kwargs)
        self.inject_layers = inject_layers
        self.deconvs = [
            keras.layers.Conv2DTranspose(
                c, 4, 2, padding="same", use_bias=False, name=f"deconv{i + 1}"
            )
            for i, c in enumerate(channels)
        ]
        self.norms = [slim_normalization("bn", f"norm{i + 1}") for i in range(len(channels))]
        self.last = keras.layers.Conv2DTranspose(
            3,
            last_kernel,
            2 if last_kernel == 4 else 1,
            padding="same",
            name=f"deconv{len(channels) + 1}",
        )

    def call(self, code, attributes, skips=(), training=False):
        x = with_attributes(code, attributes)
        for i, (deconv, norm) in enumerate(zip(self.deconvs, self.norms, strict=True)):
            x = ops.relu(norm(deconv(x), training=training))
            if i < len(skips):
                x = ops.concatenate([x, skips[i]], axis=-1)
            if i < self.inject_layers:
                x = with_attributes(x, attributes)
        return ops.cast(ops.tanh(self.last(x)), "float32")


class AttributeDiscriminator(keras.Model):
    """Convolutions 4x4 of stride 2 with instance norm; a critic and an attribute classifier on top.

    Args:
        channels: of each layer.
        dense_units: of the hidden layer of both heads.
        attributes: how many there are.

    Input `(B, H, W, 3)`, of one size only; outputs: scores `(B, 1)` and logits `(B, attributes)`,
    float32.
    """

    def __init__(self, channels: Sequence[int], dense_units: int, attributes: int, **kwargs):
        super().__init__(**kwargs)
        self.convs = [_halving(c, i + 1) for i, c in enumerate(channels)]
        self.norms = [slim_normalization("in", f"norm{i + 1}") for i in range(len(channels))]
        self.flatten = keras.layers.Flatten()
        self.score_hidden = keras.layers.Dense(dense_units, name="score_hidden")
        self.score = keras.layers.Dense(1, name="score")
        self.attribute_hidden = keras.layers.Dense(dense_units, name="attribute_hidden")
        self.attribute_logits = keras.layers.Dense(attributes, name="attribute_logits")

    def call(self, inputs):
        x = inputs
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = ops.leaky_relu(norm(conv(x)), negative_slope=0.2)
        x = self.flatten(x)

        def head(hidden, output):
            h = ops.leaky_relu(hidden(x), negative_slope=0.2)
            return ops.cast(output(h), "float32")

        return (
            head(self.score_hidden, self.score),
            head(self.attribute_hidden, self.attribute_logits),
        )
