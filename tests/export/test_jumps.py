"""Near-ties of pooling: two runtimes may un-pool to different places; `verify` must tell why."""

import keras
import numpy as np
import pytest
from keras import layers

import zoo.export
from zoo.export import parity
from zoo.layers import MaxPoolingWithArgmax2D, MaxUnpooling2D
from zoo.testing.suite import small_model

SIDE = 16
FLIPS = [(2, 2), (2, 10), (10, 6)]  # top left corners of windows that tie


class OtherRounding(layers.Layer):
    """Rounds as another runtime would: at the ties, the second place is the greater one."""

    def call(self, x):
        factors = np.ones((SIDE, SIDE, 1), "float32")
        for row, column in FLIPS:
            factors[row, column + 1] += 4e-7
        return x * factors


def network(*between):
    """Convolution, what is between, pooling, un-pooling, convolution."""
    image = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(1, 3, padding="same", kernel_initializer="ones", activation="relu")(image)
    for layer in between:
        x = layer(x)
    x, places = MaxPoolingWithArgmax2D()(x)
    x = MaxUnpooling2D()([x, places])
    return keras.Model(image, layers.Conv2D(3, 3, padding="same")(x), name="generator")


def nudged(kernel):
    """The kernel with 1e-3 more in its first weight."""
    changed = keras.ops.convert_to_numpy(kernel).copy()
    changed.flat[0] += 1e-3
    return changed


def tied(shapes, count, size, rng):
    """Random images with three windows whose upper two values differ by less than rounding."""
    image = rng.uniform(-1, 1, (count, SIDE, SIDE, 3)).astype("float32")
    for row, column in FLIPS:
        patch = image[:, row - 1 : row + 3, column - 1 : column + 3]
        patch[:] = patch[:, :, :1]  # columns are equal, so left and right are
        patch[:, :2] += 2  # and the upper row is the greater one
    return {"image": image}


def test_pixels_of_a_near_tie_are_told_apart(wrap, tmp_path, monkeypatch):
    model, other = wrap(network()), wrap(network(OtherRounding()))
    for mine, theirs in zip(model.generator.variables, other.generator.variables, strict=True):
        theirs.assign(mine)
    own = zoo.export.onnx(model, tmp_path / "own.onnx")
    rounded = zoo.export.onnx(other, tmp_path / "rounded.onnx")
    kernel = other.generator.layers[-1].kernel
    kernel.assign(nudged(kernel))
    changed = zoo.export.onnx(other, tmp_path / "changed.onnx")
    monkeypatch.setattr(parity, "random_batch", tied)
    assert zoo.export.verify(model, own).jumps == 0
    found = zoo.export.verify(model, rounded)
    assert found.ok and found.max_abs_diff < 1e-5 and found.max_jump > 0.01, found
    # each tie moves a value one pixel to the side, which a kernel of 3 sees from 3 x 4 pixels
    assert found.jumps == len(FLIPS) * 12 / SIDE**2, found
    assert "14.06% of pixels aside" in str(found)
    found = zoo.export.verify(model, changed)
    assert not found.ok and found.jumps < len(FLIPS) * 12 / SIDE**2, found
    monkeypatch.setattr(parity, "DRAWS", 0)
    found = zoo.export.verify(model, rounded)
    assert not found.ok and found.max_abs_diff > 0.01, found


def test_a_network_that_does_not_jump_has_no_excuse(wrap):
    image = keras.Input((16, 16, 3))
    model = wrap(keras.Model(image, layers.MaxPooling2D()(layers.Conv2D(3, 3)(image))))
    assert not parity._unpools(model) and parity._unpools(small_model("gfc"))


def test_inputs_move_by_rounding():
    value = np.repeat(np.float32([[-1], [0], [0.5]]), 1000, axis=1)
    for alike in (True, False):
        moved = parity._moved(value, np.random.default_rng(0), alike)
        assert moved.dtype == np.float32 and not moved[1].any()
        assert all((len(np.unique(row)) == 1) == alike for row in moved[[0, 2]])
    steps = moved[2] / 0.5 - 1  # those of the last, each its own
    assert abs(steps.mean()) < 1e-7 and steps.std() == pytest.approx(parity.ROUNDING, rel=0.1)


def test_large_outputs_differ_by_shares():
    expected = np.float32([[[0.5, -0.25], [1.0, 0.0]], [[0, 0], [0, 0]]])
    found = expected + np.float32([[[0, 0.01], [-0.02, 0.01]], [[0, 0], [0, 0.04]]])
    in_range = [[0.01, 0.02], [0, 0.04]]
    np.testing.assert_allclose(parity._difference(found, expected), in_range, atol=1e-6)
    shares = parity._difference(found * 2000, expected * 2000)
    np.testing.assert_allclose(shares, in_range, atol=1e-6)


@pytest.mark.parametrize("name, number", [("parsing_network", 0), ("gfc", -1)])
def test_a_changed_weight_fails(name, number, tmp_path):
    model = small_model(name)
    path = zoo.export.onnx(model, tmp_path / "model.onnx")
    assert zoo.export.verify(model, path, faces=2).ok
    weight = model.inference_variables()[number]  # first kernel, last bias
    weight.assign(nudged(weight))
    found = zoo.export.verify(model, path, faces=2)
    assert not found.ok and found.max_abs_diff > 9e-4, found
