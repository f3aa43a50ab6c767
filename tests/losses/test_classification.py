import keras
import numpy as np
import tensorflow as tf

from zoo.losses import classification


def test_binary_cross_entropy():
    rng = np.random.default_rng(0)
    labels = (rng.random((3, 4)) > 0.5).astype("float32")
    logits = rng.standard_normal((3, 4)).astype("float32")
    p = 1 / (1 + np.exp(-logits.astype("float64")))
    expected = -(labels * np.log(p) + (1 - labels) * np.log(1 - p)).mean()
    loss = classification.binary_cross_entropy(tf.constant(labels), tf.constant(logits))
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_weight_decay_counts_kernels_only():
    network = keras.Sequential([keras.layers.Conv2D(2, 3), keras.layers.Dense(3)])
    network(np.zeros((1, 4, 4, 1), "float32"))
    for variable in network.variables:
        variable.assign(np.full(variable.shape, 2.0))
    values = 3 * 3 * 1 * 2 + 2 * 3
    np.testing.assert_allclose(classification.weight_decay(network.variables), values * 4 / 2)
