import numpy as np
import pytest
import tensorflow as tf
from keras.src.testing import TestCase

from zoo.layers import ChannelwiseDense


class Harness(TestCase):
    def runTest(self):
        pass


@pytest.mark.parametrize(
    "arguments, weights", [({}, 2), ({"use_bias": False}, 1), ({"kernel_initializer": "zeros"}, 2)]
)
def test_keras_harness(arguments, weights):
    Harness().run_layer_test(
        ChannelwiseDense,
        init_kwargs=arguments,
        input_shape=(2, 3, 5, 4),
        expected_output_shape=(2, 3, 5, 4),
        expected_num_trainable_weights=weights,
        expected_num_non_trainable_weights=0,
        supports_masking=None,
    )


@pytest.mark.parametrize("side, channels, weights", [(6, 256, 331_776), (4, 512, 131_072)])
def test_counts(side, channels, weights):
    layer = ChannelwiseDense()
    layer.build((None, side, side, channels))
    assert int(np.prod(layer.kernel.shape)) == weights == channels * side**4
    assert layer.count_params() == weights + channels * side**2


def random_layer(shape, seed=0):
    rng = np.random.default_rng(seed)
    layer = ChannelwiseDense()
    layer.build((None, *shape))
    for variable in layer.variables:
        variable.assign(rng.standard_normal(variable.shape))
    return layer, rng.standard_normal((2, *shape)).astype("float32")


def test_against_numpy():
    layer, x = random_layer((2, 3, 4))
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    expected = np.empty_like(x)
    for c in range(4):
        for b in range(2):
            expected[b, ..., c] = (kernel[c] @ x[b, ..., c].ravel() + bias[c]).reshape(2, 3)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_equals_the_authors_grouped_convolution():
    """Kernel n x n, no padding, one group per channel, n * n outputs each, then a reshape."""
    n, channels = 4, 5
    layer, x = random_layer((n, n, channels))
    # (C, i, j) -> (rows, columns, C, i), the layout of one-channel groups
    kernel = layer.kernel.numpy().reshape(channels, n * n, n, n).transpose(2, 3, 0, 1)
    grouped = tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "VALID")  # (B, 1, 1, C * n * n)
    grouped = tf.reshape(grouped, (2, channels, n * n)) + layer.bias
    expected = tf.reshape(tf.transpose(grouped, (0, 2, 1)), (2, n, n, channels))
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_default_kernel_keeps_the_variance():
    layer = ChannelwiseDense()
    x = np.random.default_rng(0).standard_normal((16, 6, 6, 32)).astype("float32")
    assert np.std(layer(x)) == pytest.approx(1.0, abs=0.1)


def test_open_sides_are_refused():
    with pytest.raises(ValueError, match="fixed height and width"):
        ChannelwiseDense().build((None, None, 6, 8))
