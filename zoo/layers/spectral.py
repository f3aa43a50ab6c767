"""Spectral normalisation that a GAN can use: G's step leaves D as it was."""

from __future__ import annotations

import keras
from keras import ops

from zoo import replicas


def _unit(x):
    return x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-12)


@keras.saving.register_keras_serializable(package="zoo")
class SpectralNormConv2D(keras.layers.Conv2D):
    """Conv2D whose kernel is divided by (an estimate of) its largest singular value.

    The kernel, seen as a `(kh * kw * in, out)` matrix W, is divided by `sigma = v W u'` after one
    step of power iteration from the stored vector `u`: `v = unit(u W')`, `u' = unit(v W)`. The
    division happens on the fly; the stored kernel is never overwritten. `u` advances only in calls
    with `training=True`: call the discriminator so **once per step of D** (real and fake in one
    batch) and with `training=False` everywhere else. Gradients pass through u and v.
    Source: Miyato et al., ICLR 2018; form of the released DeepFill v2 discriminator.

    Arguments and shapes are those of `keras.layers.Conv2D`.
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.u = self.add_weight(
            name="u",
            shape=(1, self.filters),
            initializer=keras.initializers.TruncatedNormal(stddev=1.0),
            trainable=False,
            dtype="float32",
        )

    def call(self, inputs, training=False):
        sigma = ops.cast(self._largest_singular_value(advance=training), self.compute_dtype)
        outputs = self.convolution_op(inputs, self.kernel / sigma)
        if self.use_bias:
            outputs = outputs + self.bias
        return self.activation(outputs)

    def _largest_singular_value(self, advance: bool):
        w = ops.reshape(ops.cast(self.kernel, "float32"), (-1, self.filters))
        v = _unit(ops.matmul(self.u, ops.transpose(w)))  # (1, kh * kw * in)
        u = _unit(ops.matmul(v, w))  # (1, out)
        if advance:
            kept = ops.where(replicas.is_last_part(), u, self.u)  # all parts see the same u
            self.u.assign(ops.stop_gradient(kept))
        return ops.sum(ops.matmul(v, w) * u)
