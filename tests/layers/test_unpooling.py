import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.testing import TestCase

from zoo.layers import MaxPoolingWithArgmax2D, MaxUnpooling2D


def pool_numpy(x, n, tie):
    """Maxima, places in the window and the mask of chosen pixels, window by window."""
    b, h, w, c = x.shape
    maxima = np.zeros((b, h // n, w // n, c), x.dtype)
    places = np.zeros(maxima.shape, int)
    chosen = np.zeros(x.shape, bool)
    for at in np.ndindex(maxima.shape):
        m, top, left, k = at[0], at[1] * n, at[2] * n, at[3]
        window = x[m, top : top + n, left : left + n, k]
        if tie == "caffe":
            column, row = divmod(int(np.argmax(window.T)), n)  # numpy's argmax is the first
        else:
            row, column = divmod(int(np.argmax(window)), n)
        maxima[at], places[at] = window[row, column], n * row + column
        chosen[m, top + row, left + column, k] = True
    return maxima, places, chosen


def tied(shape, seed=0):
    """Few different values, so that most windows have ties; a third of them is zero, as ReLU's."""
    values = np.random.default_rng(seed).integers(-2, 3, shape)
    return np.maximum(values, 0).astype("float32")


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("tie", ["row", "caffe"])
def test_values_places_and_gradient_equal_numpy(n, tie):
    x = tied((3, 4 * n, 5 * n, 7))
    maxima, places, chosen = pool_numpy(x, n, tie)
    layer = MaxPoolingWithArgmax2D(n, tie)
    variable = tf.Variable(x)
    upstream = np.random.default_rng(1).standard_normal(maxima.shape).astype("float32")
    with tf.GradientTape() as tape:
        ours, ours_places = layer(variable)
        total = tf.reduce_sum(ours * upstream)
    np.testing.assert_array_equal(ours, maxima)
    np.testing.assert_array_equal(ours_places, places)
    enlarged = upstream.repeat(n, axis=1).repeat(n, axis=2)
    np.testing.assert_array_equal(tape.gradient(total, variable), np.where(chosen, enlarged, 0))

    values = tf.Variable(upstream)
    back = np.random.default_rng(2).standard_normal(x.shape).astype("float32")
    with tf.GradientTape() as tape:
        out = MaxUnpooling2D(n)([values, ours_places])
        total = tf.reduce_sum(out * back)
    np.testing.assert_array_equal(out, np.where(chosen, enlarged, 0))
    picked = np.where(chosen, back, 0).reshape(3, 4, n, 5, n, 7).sum(axis=(2, 4))
    np.testing.assert_array_equal(tape.gradient(total, values), picked)


@pytest.mark.parametrize(
    "window, row, caffe",
    [
        ([[0, 1], [1, 0]], (0, 1), (1, 0)),
        ([[0, 1], [1, 1]], (0, 1), (1, 0)),
        ([[0, 0], [0, 0]], (0, 0), (0, 0)),
        ([[1, 1], [2, 2]], (1, 0), (1, 0)),
        ([[1, 2], [1, 2]], (0, 1), (0, 1)),
        ([[-1, -1], [-1, -3]], (0, 0), (0, 0)),
    ],
)
def test_tie_rule(window, row, caffe):
    x = np.float32(window)[None, :, :, None]
    for tie, (i, j) in (("row", row), ("caffe", caffe)):
        maximum, place = MaxPoolingWithArgmax2D(2, tie)(x)
        assert int(place[0, 0, 0, 0]) == 2 * i + j
        assert float(maximum[0, 0, 0, 0]) == np.max(window)


def test_row_order_is_that_of_tensorflow():
    x = tied((2, 8, 6, 5), seed=3)
    expected, flat = tf.nn.max_pool_with_argmax(x, 2, 2, "VALID")
    ours, places = MaxPoolingWithArgmax2D()(x)
    np.testing.assert_array_equal(ours, expected)
    row, column, channel = np.unravel_index(flat, (8, 6, 5))
    np.testing.assert_array_equal(places, 2 * (row % 2) + column % 2)
    np.testing.assert_array_equal(channel, np.broadcast_to(np.arange(5), channel.shape))


def test_unknown_sides_and_static_ones_agree():
    x = tied((2, 8, 6, 3))
    pool, unpool = MaxPoolingWithArgmax2D(tie="caffe"), MaxUnpooling2D()
    both = tf.function(
        lambda x: unpool(list(pool(x))), input_signature=[tf.TensorSpec((None, None, None, 3))]
    )
    np.testing.assert_array_equal(both(x), unpool(list(pool(x))))


class Harness(TestCase):
    def runTest(self):
        pass


def test_keras_harness():
    Harness().run_layer_test(
        MaxPoolingWithArgmax2D,
        init_kwargs={"tie": "caffe"},
        input_shape=(2, 8, 6, 4),
        expected_output_shape=((2, 4, 3, 4), (2, 4, 3, 4)),
        expected_output_dtype=("float32", "int32"),
        supports_masking=None,
        run_training_check=False,  # it wants one floating output
        run_mixed_precision_check=False,  # it wants every output in the compute dtype
    )
    Harness().run_layer_test(
        MaxUnpooling2D,
        init_kwargs={},
        input_shape=[(2, 4, 3, 4), (2, 4, 3, 4)],
        input_dtype=["float32", "int32"],
        expected_output_shape=(2, 8, 6, 4),
        expected_num_trainable_weights=0,
        supports_masking=None,
        run_training_check=False,  # there is nothing to train
        run_mixed_precision_check=False,  # it casts every input
    )


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    maxima, places = MaxPoolingWithArgmax2D(dtype=policy)(tied((1, 4, 4, 2)))
    out = MaxUnpooling2D(dtype=policy)([maxima, places])
    assert maxima.dtype == out.dtype == keras.dtype_policies.get(policy).compute_dtype
    assert places.dtype == "int32"


def test_illegal_arguments_and_shapes():
    with pytest.raises(ValueError, match="pool_size must be a positive integer. Received: 0"):
        MaxPoolingWithArgmax2D(0)
    with pytest.raises(ValueError, match="tie must be one of .* Received: 'column'"):
        MaxPoolingWithArgmax2D(tie="column")
    with pytest.raises(ValueError, match=r"multiples of 2. Received: \(1, 5, 4, 1\)"):
        MaxPoolingWithArgmax2D()(np.zeros((1, 5, 4, 1), "float32"))
    with pytest.raises(ValueError, match="one shape"):
        MaxUnpooling2D()([np.zeros((1, 2, 2, 1)), np.zeros((1, 2, 2, 2), "int32")])
