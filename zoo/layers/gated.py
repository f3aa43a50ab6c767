"""Gated convolutions: a learned soft mask for every channel and pixel (Yu et al., ICCV 2019)."""

from __future__ import annotations

import keras
from keras import ops

GATES = ("own", "self")


class _Gated(keras.layers.Layer):
    """`activation(normalization(features)) * sigmoid(gate)`; subclasses make the convolution."""

    def __init__(
        self,
        filters,
        kernel_size,
        strides,
        activation,
        normalization,
        kernel_initializer,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, value in (
            ("filters", filters),
            ("kernel_size", kernel_size),
            ("strides", strides),
        ):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive integer. Received: {value!r}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.activation = keras.activations.get(activation)
        self.normalization = normalization
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def _add_weights(self, kernel_shape, outputs):
        size = (self.kernel_size, self.kernel_size)
        self.kernel = self.add_weight(
            name="kernel", shape=(*size, *kernel_shape), initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(name="bias", shape=(outputs,), initializer="zeros")

    def _activate(self, features):
        if self.normalization is not None:
            features = self.normalization(features)
        return self.activation(features)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "activation": keras.activations.serialize(self.activation),
            "normalization": self.normalization and serialize(self.normalization),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
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
        super().__init__(
            filters, kernel_size, strides, activation, normalization, kernel_initializer, **kwargs
        )
        if strides > 1 and dilation_rate > 1:
            raise ValueError(f"one must be 1. Received: {strides=}, {dilation_rate=}")
        self.dilation_rate = dilation_rate

    def build(self, input_shape):
        self._add_weights((input_shape[-1], 2 * self.filters), 2 * self.filters)
        if self.normalization is not None:
            self.normalization.build(self.compute_output_shape(input_shape))
        self.built = True

    def call(self, inputs):
        x = ops.conv(
            inputs,
            self._reachable_taps(inputs.shape),
            self.strides,
            "same",
            dilation_rate=self.dilation_rate,
        )
        features, gate = ops.split(x + self.bias, 2, axis=-1)
        return self._activate(features) * ops.sigmoid(gate)

    def _reachable_taps(self, shape):
        """The kernel without the dilated taps that can only meet padding.

        Exact, and much faster: TensorFlow's gradient of a 3x3 convolution of dilation 16 on a 4x4
        map takes some 170 times as long as that of an undilated one.
        """
        if self.dilation_rate == 1 or self.kernel_size % 2 == 0 or None in shape[1:3]:
            return self.kernel
        middle = self.kernel_size // 2
        top, left = (min(middle, (side - 1) // self.dilation_rate) for side in shape[1:3])
        return self.kernel[middle - top : middle + top + 1, middle - left : middle + left + 1]

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(s and -(-s // self.strides) for s in sides), self.filters)

    def get_config(self):
        return {**super().get_config(), "dilation_rate": self.dilation_rate}


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
        super().__init__(
            filters, kernel_size, strides, activation, normalization, kernel_initializer, **kwargs
        )
        if gate not in GATES:
            raise ValueError(f"gate must be one of {GATES}. Received: {gate!r}")
        self.gate = gate

    def build(self, input_shape):
        outputs = self.filters if self.gate == "self" else 2 * self.filters
        self._add_weights((outputs, input_shape[-1]), outputs)
        if self.normalization is not None:
            self.normalization.build(self.compute_output_shape(input_shape))
        self.built = True

    def call(self, inputs):
        x = ops.conv_transpose(inputs, self.kernel, self.strides, "same") + self.bias
        if self.gate == "self":
            return ops.silu(self._activate(x))
        features, gate = ops.split(x, 2, axis=-1)
        return self._activate(features) * ops.sigmoid(gate)

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(s and s * self.strides for s in sides), self.filters)

    def get_config(self):
        return {**super().get_config(), "gate": self.gate}
