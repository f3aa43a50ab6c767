"""Gated convolutions: a learned soft mask for every channel and pixel (Yu et al., ICCV 2019)."""

from __future__ import annotations

import keras
from keras import ops

GATES = ("own", "self")


class _Gated(keras.layers.Layer):
    """`activation(normalization(features)) * sigmoid(gate)`; subclasses make the convolution."""

    def __init__(self, activation, normalization, **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)
        self.normalization = normalization

    def build(self, input_shape):
        if self.normalization is not None:
            self.normalization.build(self.compute_output_shape(input_shape))
        self.built = True

    def _gate(self, features, gate):
        if self.normalization is not None:
            features = self.normalization(features)
        return self.activation(features) * ops.sigmoid(gate)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "normalization": self.normalization and serialize(self.normalization),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        if config.get("normalization"):
            config["normalization"] = keras.saving.deserialize_keras_object(config["normalization"])
        return cls(**config)


@keras.saving.register_keras_serializable(package="zoo")
class GatedConv2D(_Gated):
    """Convolution whose output is multiplied by a gate computed by a convolution of its own.

    `y = activation(normalization(conv_f(x))) * sigmoid(conv_g(x))`. Both convolutions are one
    kernel of `2 * filters` output channels, features first, so the input is read once.
    Source: DeepFill v2 section 3.1; SC-FEGAN's `gate_conv` has the same form with two kernels.

    Args:
        filters: output channels.
        kernel_size: side of the square kernel, pixels.
        strides: stride, pixels. `padding` is always "same".
        dilation_rate: spacing of the kernel's taps, pixels.
        activation: of the features; a name or callable, None for linear.
        normalization: a layer applied to the features before the activation, or None.
        kernel_initializer: of both halves. Glorot's fan-out is that of the fused kernel.

    Input `(B, H, W, C)`, output `(B, ceil(H / strides), ceil(W / strides), filters)`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        strides: int = 1,
        dilation_rate: int = 1,
        activation="leaky_relu",
        normalization: keras.layers.Layer | None = None,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(activation, normalization, **kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.conv = keras.layers.Conv2D(
            2 * filters,
            kernel_size,
            strides,
            "same",
            dilation_rate=dilation_rate,
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
            name="conv",
        )

    def build(self, input_shape):
        self.conv.build(input_shape)
        super().build(input_shape)

    def call(self, inputs):
        features, gate = ops.split(self.conv(inputs), 2, axis=-1)
        return self._gate(features, gate)

    def compute_output_shape(self, input_shape):
        return (*self.conv.compute_output_shape(input_shape)[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable(package="zoo")
class GatedConv2DTranspose(_Gated):
    """Transposed convolution with a gate; enlarges height and width by `strides`.

    `gate="own"`: features and gate each have a kernel (fused, features first), as in
    `GatedConv2D`. `gate="self"`: there is one kernel and the activated feature gates itself,
    `y = f * sigmoid(f)`. The latter is what the released SC-FEGAN computes: its code evaluates a
    separate gate and then overwrites it.

    Args:
        filters: output channels.
        kernel_size: side of the square kernel, pixels.
        strides: factor of enlargement. `padding` is always "same".
        gate: "own" or "self".
        activation: of the features; a name or callable, None for linear.
        normalization: a layer applied to the features before the activation, or None.
        kernel_initializer: of the kernel; SC-FEGAN's code uses N(0, 0.02).

    Input `(B, H, W, C)`, output `(B, H * strides, W * strides, filters)`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 5,
        strides: int = 2,
        gate: str = "own",
        activation="leaky_relu",
        normalization: keras.layers.Layer | None = None,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(activation, normalization, **kwargs)
        if gate not in GATES:
            raise ValueError(f"gate must be one of {GATES}. Received: {gate!r}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.gate = gate
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.conv = keras.layers.Conv2DTranspose(
            filters if gate == "self" else 2 * filters,
            kernel_size,
            strides,
            "same",
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
            name="conv",
        )

    def build(self, input_shape):
        self.conv.build(input_shape)
        super().build(input_shape)

    def call(self, inputs):
        x = self.conv(inputs)
        if self.gate == "own":
            features, gate = ops.split(x, 2, axis=-1)
            return self._gate(features, gate)
        if self.normalization is not None:
            x = self.normalization(x)
        return ops.silu(self.activation(x))

    def compute_output_shape(self, input_shape):
        return (*self.conv.compute_output_shape(input_shape)[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "gate": self.gate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
