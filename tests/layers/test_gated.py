import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers import GatedConv2D, GatedConv2DTranspose, LocalResponseNormalization


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def leaky(x, slope=0.2):
    return np.where(x > 0, x, slope * x)


def conv_numpy(x, kernel, strides=1, dilation=1):
    """SAME convolution as TensorFlow pads it: the odd pixel of padding goes to the bottom right."""
    b, h, w, _ = x.shape
    k = kernel.shape[0]
    span = (k - 1) * dilation + 1
    out_h, out_w = -(-h // strides), -(-w // strides)
    pad_h = max((out_h - 1) * strides + span - h, 0)
    pad_w = max((out_w - 1) * strides + span - w, 0)
    x = np.pad(
        x,
        [(0, 0), (pad_h // 2, pad_h - pad_h // 2), (pad_w // 2, pad_w - pad_w // 2), (0, 0)],
    )
    out = np.zeros((b, out_h, out_w, kernel.shape[-1]))
    for i in range(out_h):
        for j in range(out_w):
            top, left = i * strides, j * strides
            patch = x[:, top : top + span : dilation, left : left + span : dilation]
            out[:, i, j] = np.einsum("bhwc,hwco->bo", patch, kernel)
    return out


@pytest.mark.parametrize(
    "size, kernel_size, strides, dilation",
    [(8, 7, 2, 1), (9, 5, 2, 1), (8, 3, 1, 2), (4, 3, 1, 4), (4, 3, 1, 16), (5, 3, 1, 3)],
)
def test_gated_conv_equals_numpy(size, kernel_size, strides, dilation):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, size, size + 1, 3)).astype("float32")
    layer = GatedConv2D(4, kernel_size, strides, dilation, activation=leaky_layer())
    layer.build(x.shape)
    kernel = rng.standard_normal(layer.kernel.shape).astype("float32")
    bias = rng.standard_normal(layer.bias.shape).astype("float32")
    layer.set_weights([kernel, bias])
    features = conv_numpy(x, kernel[..., :4], strides, dilation) + bias[:4]
    gate = conv_numpy(x, kernel[..., 4:], strides, dilation) + bias[4:]
    np.testing.assert_allclose(layer(x), leaky(features) * sigmoid(gate), atol=2e-5)


def leaky_layer():
    return keras.layers.LeakyReLU(0.2)


def test_left_out_taps_get_no_gradient_and_dynamic_shapes_agree():
    layer = GatedConv2D(4, 3, dilation_rate=4)
    x = tf.random.stateless_normal((2, 6, 3, 3), seed=(1, 2))
    layer.build(x.shape)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(layer(x) ** 2)
    gradient = tape.gradient(y, layer.kernel.value).numpy()
    assert np.abs(gradient[:, 1]).min() > 0  # 6 rows: the upper and lower taps meet the map
    assert (gradient[:, [0, 2]] == 0).all()  # 3 columns: the side taps meet padding only
    dynamic = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3))])
    np.testing.assert_allclose(dynamic(x), layer(x), atol=1e-6)


def transpose_numpy(x, kernel, strides):
    """SAME transposed convolution: the gradient of `conv_numpy` with the same kernel."""
    b, h, w, _ = x.shape
    k = kernel.shape[0]
    full = np.zeros((b, (h - 1) * strides + k, (w - 1) * strides + k, kernel.shape[2]))
    for i in range(h):
        for j in range(w):
            stamp = np.einsum("bc,hwoc->bhwo", x[:, i, j], kernel)
            full[:, i * strides : i * strides + k, j * strides : j * strides + k] += stamp
    cut = (k - strides) // 2
    return full[:, cut : cut + h * strides, cut : cut + w * strides]


@pytest.mark.parametrize("gate", ["own", "self"])
def test_gated_transpose_equals_numpy(gate):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 4, 5)).astype("float32")
    layer = GatedConv2DTranspose(2, 5, 2, gate=gate, activation=leaky_layer())
    layer.build(x.shape)
    kernel = rng.standard_normal(layer.kernel.shape).astype("float32")
    bias = rng.standard_normal(layer.bias.shape).astype("float32")
    layer.set_weights([kernel, bias])
    y = transpose_numpy(x, kernel, 2) + bias
    if gate == "self":  # the released code: the activated feature gates itself
        expected = leaky(y) * sigmoid(leaky(y))
    else:
        expected = leaky(y[..., :2]) * sigmoid(y[..., 2:])
    assert layer(x).shape == (2, 6, 8, 2)
    np.testing.assert_allclose(layer(x), expected, atol=2e-5)


def test_normalization_touches_features_only():
    x = np.random.default_rng(0).standard_normal((1, 4, 4, 3)).astype("float32")
    norm = LocalResponseNormalization()
    layer = GatedConv2D(6, 3, activation=None, normalization=norm)
    plain = GatedConv2D(6, 3, activation=None)
    out = layer(x)
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    raw = conv_numpy(x, plain.get_weights()[0])
    expected = np.asarray(norm(raw[..., :6].astype("float32"))) * sigmoid(raw[..., 6:])
    np.testing.assert_allclose(out, expected, atol=1e-5)
    assert np.abs(np.asarray(plain(x)) - expected).max() > 0.01


@pytest.mark.parametrize(
    "make",
    [
        lambda: GatedConv2D(0),
        lambda: GatedConv2D(4, 3, strides=2, dilation_rate=2),
        lambda: GatedConv2DTranspose(4, gate="other"),
        lambda: LocalResponseNormalization(bias=0.0),
    ],
)
def test_illegal_arguments(make):
    with pytest.raises(ValueError, match="Received"):
        make()
