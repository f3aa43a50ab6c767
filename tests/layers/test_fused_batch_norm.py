import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.testing import TestCase

from zoo.layers.fused_batch_norm import FusedBatchNormalization


class Harness(TestCase):
    def runTest(self):
        pass


def test_keras_harness():
    Harness().run_layer_test(
        FusedBatchNormalization,
        init_kwargs={"momentum": 0.9},
        input_shape=(2, 8, 8, 4),
        expected_output_shape=(2, 8, 8, 4),
        expected_num_trainable_weights=2,
        expected_num_non_trainable_weights=2,
        supports_masking=None,
    )


@pytest.mark.parametrize("training", [True, False])
def test_same_numbers_as_keras(training):
    rng = np.random.default_rng(0)
    ours, theirs = (
        cls(momentum=0.9, epsilon=1e-5)
        for cls in (FusedBatchNormalization, keras.layers.BatchNormalization)
    )
    x = tf.constant(rng.normal(2, 3, (3, 5, 4, 6)), tf.float32)
    values = [rng.uniform(0.5, 2, 6).astype("float32") for _ in range(4)]
    results = []
    for layer in (ours, theirs):
        layer.build(x.shape)
        layer.set_weights(values)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
            loss = tf.reduce_sum(y**3)
        gradients = tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])
        results.append([y, *gradients, *layer.get_weights()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-3)


def test_half_precision_goes_in_and_out_and_statistics_stay_whole():
    layer = FusedBatchNormalization(dtype="mixed_float16")
    x = 300.0 + 20.0 * tf.random.stateless_normal((4, 8, 8, 3), (1, 2))
    y = layer(x, training=True)
    assert y.dtype == tf.float16 and layer.moving_variance.dtype == "float32"
    np.testing.assert_allclose(np.asarray(y, "float32").std((0, 1, 2)), 1, atol=0.02)
    np.testing.assert_allclose(layer.moving_mean, 0.01 * 300, rtol=0.02)
