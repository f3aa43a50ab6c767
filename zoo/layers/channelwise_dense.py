"""The channel-wise fully-connected layer (Pathak et al., CVPR 2016)."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class ChannelwiseDense(keras.layers.Layer):
    """A fully-connected layer within each channel, none between channels.

    `y[b, i, c] = bias[c, i] + sum_j kernel[c, i, j] * x[b, j, c]`, where i and j run over all
    positions of the map. Information spreads over the whole map at `C * (H * W) ** 2` weights
    instead of `(C * H * W) ** 2` of a dense layer; a convolution of stride 1 usually follows and
    spreads it over the channels.
    Source: Context Encoder section 3.1. A convolution with C groups, kernel (H, W) and C * H * W
    outputs computes the same.

    Args:
        use_bias: add a bias of shape (C, H * W).
        kernel_initializer: of the kernel (C, H * W outputs, H * W inputs); the default keeps the
            variance of one dense layer of H * W units.
        bias_initializer: of the bias.

    Input and output: `(B, H, W, C)` with fixed H, W and C.
    """

    def __init__(
        self,
        use_bias: bool = True,
        kernel_initializer=None,
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        height, width, channels = input_shape[1:]
        if height is None or width is None:
            raise ValueError(
                f"ChannelwiseDense needs a fixed height and width. Received: {input_shape=}"
            )
        positions = height * width
        initializer = self.kernel_initializer or keras.initializers.RandomNormal(
            stddev=positions**-0.5
        )
        self.kernel = self.add_weight(
            name="kernel", shape=(channels, positions, positions), initializer=initializer
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(channels, positions), initializer=self.bias_initializer
            )
        self.built = True

    def call(self, inputs):
        height, width, channels = inputs.shape[1:]
        x = ops.reshape(inputs, (-1, height * width, channels))
        y = ops.einsum("cij,bjc->bic", self.kernel, x)
        if self.bias is not None:
            y = y + ops.transpose(self.bias)
        return ops.reshape(y, (-1, height, width, channels))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        serialize = keras.initializers.serialize
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "kernel_initializer": self.kernel_initializer and serialize(self.kernel_initializer),
            "bias_initializer": serialize(self.bias_initializer),
        }
