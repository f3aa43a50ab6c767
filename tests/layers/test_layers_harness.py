"""Keras' own layer harness on every public layer: build, shapes, dtypes, serialisation, fit."""

import pytest
from keras.src.testing import TestCase

from zoo.layers import (
    GatedConv2D,
    GatedConv2DTranspose,
    LocalResponseNormalization,
    SpectralNormConv2D,
)

SHAPE = (2, 8, 8, 4)
CASES = [
    # class, arguments, output shape, trainable weights, other weights
    (GatedConv2D, {"filters": 3}, (2, 8, 8, 3), 2, 0),
    (GatedConv2D, {"filters": 3, "kernel_size": 5, "strides": 2}, (2, 4, 4, 3), 2, 0),
    (GatedConv2D, {"filters": 3, "dilation_rate": 2, "activation": None}, (2, 8, 8, 3), 2, 0),
    (GatedConv2DTranspose, {"filters": 3, "gate": "own"}, (2, 16, 16, 3), 2, 0),
    (GatedConv2DTranspose, {"filters": 3, "gate": "self"}, (2, 16, 16, 3), 2, 0),
    (LocalResponseNormalization, {"radius": 2}, SHAPE, 0, 0),
    (SpectralNormConv2D, {"filters": 3, "kernel_size": 3, "padding": "same"}, (2, 8, 8, 3), 2, 1),
]


class Harness(TestCase):
    def runTest(self):
        pass


@pytest.mark.parametrize("cls, arguments, output, trainable, other", CASES)
def test_keras_harness(cls, arguments, output, trainable, other):
    Harness().run_layer_test(
        cls,
        init_kwargs=arguments,
        input_shape=SHAPE,
        expected_output_shape=output,
        expected_num_trainable_weights=trainable,
        expected_num_non_trainable_weights=other,
        supports_masking=None,
    )
