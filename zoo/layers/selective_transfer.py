"""The selective transfer unit: a skip connection that lets an edit through (Liu et al. 2019)."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.attribute_editing import slim_normalization, with_attributes

STATES = ("stu", "gru", "direct")


@keras.saving.register_keras_serializable(package="zoo")
class SelectiveTransferUnit(keras.layers.Layer):
    """Transfers encoder features selectively, as the attributes to edit ask for.

    A gated recurrent unit that runs over the levels of the encoder, from the innermost outwards::

        s_hat = W_t *T [s, attributes]            the state of the inner level, enlarged; linear
        r, z  = sigmoid(W_r * [f, s_hat]), sigmoid(W_z * [f, s_hat])
        s_new = r s_hat                           the state passed on
        f_hat = tanh(W_h * [f, s_new])
        f_t   = (1 - z) s_hat + z f_hat           what the decoder gets in place of f

    `*T` is a transposed 4x4 convolution of stride 2, `*` a 3x3 one.

    Args:
        filters: channels of `f_t` and the state.
        state: what is passed on: "stu" `r s_hat`; "gru" `f_t`, as a true GRU; "direct" `s_hat`.
        normalization: of the three 3x3 convolutions, before their activation: "none", "bn", "in".

    Inputs: features `(B, H, W, C)`, state `(B, H/2, W/2, S)`, attributes `(B, n)` or None, with
    which the state is enlarged alone. Outputs: `f_t` and the state to pass on, both
    `(B, H, W, filters)`.

    Source: Liu et al., CVPR 2019 (arXiv:1904.09709), in the form of the released code.
    """

    def __init__(self, filters: int, state: str = "stu", normalization: str = "none", **kwargs):
        super().__init__(**kwargs)
        if not isinstance(filters, int) or filters < 1:
            raise ValueError(f"filters must be a positive integer. Received: {filters!r}")
        if state not in STATES:
            raise ValueError(f"state must be one of {STATES}. Received: {state!r}")
        self.filters = filters
        self.state = state
        self.normalization = normalization

        options = {"padding": "same", "dtype": self.dtype_policy}
        biased = normalization == "none"

        def gate(name):
            conv = keras.layers.Conv2D(filters, 3, use_bias=biased, name=name, **options)
            return conv, slim_normalization(normalization, f"{name}_norm", self.dtype_policy)

        self.enlarge = keras.layers.Conv2DTranspose(filters, 4, 2, name="enlarge", **options)
        self.reset, self.reset_norm = gate("reset")
        self.update, self.update_norm = gate("update")
        self.candidate, self.candidate_norm = gate("candidate")

    def build(self, features_shape, state_shape, attributes_shape=None):
        attributes = attributes_shape[-1] if attributes_shape else 0
        self.enlarge.build((*state_shape[:-1], state_shape[-1] + attributes))
        joined = (*features_shape[:-1], features_shape[-1] + self.filters)
        output = (*features_shape[:-1], self.filters)
        for layer, shape in (
            (self.reset, joined),
            (self.reset_norm, output),
            (self.update, joined),
            (self.update_norm, output),
            (self.candidate, joined),
            (self.candidate_norm, output),
        ):
            if layer is not None:
                layer.build(shape)
        self.built = True

    def call(self, features, state, attributes=None, training=False):
        def gate(conv, norm, *inputs):
            x = conv(ops.concatenate(inputs, axis=-1))
            return x if norm is None else norm(x, training=training)

        if attributes is not None:
            state = with_attributes(state, attributes)
        enlarged = self.enlarge(state)  # s_hat
        reset = ops.sigmoid(gate(self.reset, self.reset_norm, features, enlarged))
        update = ops.sigmoid(gate(self.update, self.update_norm, features, enlarged))
        kept = reset * enlarged  # s_l
        candidate = ops.tanh(gate(self.candidate, self.candidate_norm, features, kept))
        transferred = (1.0 - update) * enlarged + update * candidate
        return transferred, {"stu": kept, "gru": transferred, "direct": enlarged}[self.state]

    def compute_output_shape(self, features_shape, state_shape, attributes_shape=None):
        shape = (*features_shape[:-1], self.filters)
        return shape, shape

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "state": self.state,
            "normalization": self.normalization,
        }
