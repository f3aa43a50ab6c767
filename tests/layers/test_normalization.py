import numpy as np
import pytest
import tensorflow as tf

from zoo.layers import LocalResponseNormalization


@pytest.mark.parametrize(
    "radius, bias, alpha, beta", [(5, 5e-5, 1, 0.5), (2, 1.0, 1e-4, 0.75), (0, 1, 2, 0.5)]
)
@pytest.mark.parametrize("channels", [3, 11, 40])
def test_equals_formula_and_tensorflow(radius, bias, alpha, beta, channels):
    x = np.random.default_rng(0).standard_normal((2, 3, 4, channels)).astype("float32")
    expected = np.empty_like(x)
    for c in range(channels):
        window = x[..., max(0, c - radius) : c + radius + 1].astype(float)
        expected[..., c] = x[..., c] / (bias + alpha * (window**2).sum(-1)) ** beta
    layer = LocalResponseNormalization(radius, bias, alpha, beta)
    np.testing.assert_allclose(layer(x), expected, rtol=3e-6)
    np.testing.assert_allclose(
        layer(x), tf.nn.local_response_normalization(x, radius, bias, alpha, beta), rtol=3e-5
    )


def test_half_precision_does_not_overflow():
    x = np.full((1, 2, 2, 16), 300.0, "float16")  # 300 ** 2 is beyond float16
    layer = LocalResponseNormalization(dtype="float16")
    out = np.asarray(layer(x))
    assert out.dtype == np.float16
    np.testing.assert_allclose(out[0, 0, 0, 5:11], 1 / np.sqrt(11), rtol=1e-3)
