import numpy as np
import pytest
from keras.src.testing import TestCase

from zoo.layers import MaxFeatureMap


class Harness(TestCase):
    def runTest(self):
        pass


def test_keras_harness():
    Harness().run_layer_test(
        MaxFeatureMap,
        init_kwargs={},
        input_shape=(2, 8, 8, 4),
        expected_output_shape=(2, 8, 8, 2),
        expected_num_trainable_weights=0,
        expected_num_non_trainable_weights=0,
        supports_masking=None,
    )


def test_first_and_second_half_compete():
    x = np.float32([[1, -2, 3, 0, -1, 5]])  # channel pairs (1, 0), (-2, -1), (3, 5)
    np.testing.assert_array_equal(MaxFeatureMap()(x), [[1, -1, 5]])


def test_odd_channels_are_refused():
    with pytest.raises(ValueError, match="even number of channels"):
        MaxFeatureMap()(np.zeros((1, 3), "float32"))
