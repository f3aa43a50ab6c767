"""Layers of Keras and of the zoo against recorded ones of tensorflow-addons.

Normalisation agrees everywhere. Spectral normalisation: the add-on overwrites its kernel W with
W / sigma in every training call. The direction of the power iteration does not depend on the scale
of W, so that dividing on the fly gives the same outputs and the same `u` in every training call.
What cannot agree: inference (the add-on takes the kernel as the last training call left it, ours
divides by a sigma that is one power iteration further), the kernel, and the gradient (the add-on's
ignores sigma).
"""

import json
import zlib
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers import SpectralNormConv2D
from zoo.testing.golden import weight

HERE = Path(__file__).parent
FIXTURE = json.loads((HERE / "addons_layers.json").read_text())
CALLS = (1, 2, 3)


def test_the_requirements_are_what_was_recorded():
    pins = (HERE.parents[1] / "requirements" / "addons.txt").read_text()
    for package, name in (("tensorflow", "TensorFlow"), ("keras", "Keras")):
        version = FIXTURE["framework"].split(f"{name} ")[1].split(",")[0]
        assert f"\n{package}=={version}\n" in pins
    assert "tensorflow-addons 0.23.0" in FIXTURE["framework"]
    assert "\ntensorflow-addons==0.23.0\n" in pins


def drawn(entry):
    return weight({**entry, "seed": zlib.crc32(entry["name"].encode())})


X = drawn(FIXTURE["inputs"][0])


def built(layer, name):
    """The layer with the weights of a fixture entry, matched by name."""
    (spec,) = [spec for spec in FIXTURE["layers"] if spec["name"] == name]
    values = {w["name"].split("/")[1]: drawn(w) for w in spec["weights"]}
    layer.build(X.shape)
    for variable in layer.weights:
        variable.assign(values[variable.name.replace("vector_u", "u")])
    return layer


@pytest.fixture(scope="module")
def gold():
    arrays = {}
    for file in ("addons_layers.npz", "models.npz"):
        with np.load(HERE / file) as content:
            arrays |= dict(content)
    return arrays


@pytest.mark.parametrize(
    "name, groups, epsilon",
    [
        ("instance_norm", -1, 1e-3),
        ("instance_norm_eps1e-5", -1, 1e-5),
        ("group_norm_4", 4, 1e-3),
    ],
)
def test_normalization(name, groups, epsilon, gold):
    layer = built(keras.layers.GroupNormalization(groups, epsilon=epsilon), name)
    np.testing.assert_allclose(layer(X), gold[name], atol=1e-5)


def test_default_epsilons_are_the_same(gold):
    for groups, name in ((-1, "instance_norm"), (4, "group_norm_4")):
        layer = built(keras.layers.GroupNormalization(groups), name)
        np.testing.assert_allclose(layer(X), gold[name], atol=1e-5)


INNER = {
    "spectral_norm_conv": lambda: keras.layers.Conv2D(6, 3, padding="same"),
    "spectral_norm_dense": lambda: keras.layers.Dense(6),
}


@pytest.mark.parametrize("name", INNER)
def test_the_spectral_normalization_of_keras_is_that_of_addons(name, gold):
    layer = built(keras.layers.SpectralNormalization(INNER[name]()), name)
    for call in CALLS:
        outputs = layer(X, training=True)
        np.testing.assert_allclose(outputs, gold[f"{name}/call{call}_training"], atol=1e-5)
        np.testing.assert_allclose(layer.vector_u, gold[f"{name}/u_after{call}"], atol=1e-5)
        np.testing.assert_allclose(layer.kernel, gold[f"{name}/kernel_after{call}"], atol=1e-5)
    outputs = layer(X, training=False)
    np.testing.assert_allclose(outputs, gold[f"{name}/inference_after3"], atol=1e-5)


@pytest.fixture
def ours():
    return built(SpectralNormConv2D(6, 3, padding="same"), "spectral_norm_conv")


def test_ours_agrees_in_every_training_call_and_keeps_its_kernel(ours, gold):
    kernel = ours.kernel.numpy()
    for call in CALLS:
        outputs = ours(X, training=True)
        name = f"spectral_norm_conv/call{call}_training"
        np.testing.assert_allclose(outputs, gold[name], atol=1e-5)
        np.testing.assert_allclose(ours.u, gold[f"spectral_norm_conv/u_after{call}"], atol=1e-5)
    np.testing.assert_array_equal(ours.kernel, kernel)


@pytest.mark.parametrize("call", CALLS)
def test_ours_goes_on_from_any_state_of_the_addon(ours, call, gold):
    """Kernel and `u` after call 1 give call 2, and so on: how imported weights train on."""
    if call > 1:
        ours.kernel.assign(gold[f"spectral_norm_conv/kernel_after{call - 1}"])
        ours.u.assign(gold[f"spectral_norm_conv/u_after{call - 1}"])
    outputs = ours(X, training=True)
    np.testing.assert_allclose(outputs, gold[f"spectral_norm_conv/call{call}_training"], atol=1e-5)


def singular_value(kernel, u):
    """The estimate of one power iteration from u, in float64."""
    w = kernel.reshape(-1, kernel.shape[-1]).astype("float64")
    v = u @ w.T
    v /= np.linalg.norm(v)
    return np.linalg.norm(v @ w)  # v W u' with u' = unit(v W)


def test_inference_differs_by_one_power_iteration(ours, gold):
    recorded = gold["spectral_norm_conv/inference_after3"]
    ours(X, training=True)
    ours(X, training=True)
    # sigma from the u before the third call, which is the one the add-on divided by
    np.testing.assert_allclose(ours(X, training=False), recorded, atol=1e-5)
    ours(X, training=True)
    outputs = ours(X, training=False).numpy()
    assert np.abs(outputs - recorded).max() > 1e-3
    kernel, u = (gold[f"spectral_norm_conv/{n}_after3"] for n in ("kernel", "u"))
    bias = ours.bias.numpy()
    np.testing.assert_allclose(
        (outputs - bias) * singular_value(kernel, u), recorded - bias, atol=1e-5
    )


def test_the_gradients_cannot_agree(ours, gold):
    """The add-on's is that of a plain convolution with the normalised kernel."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(ours(X, training=True) ** 2)
    gradient = tape.gradient(loss, ours.kernel.value).numpy()
    plain = tf.Variable(gold["spectral_norm_conv/kernel_after1"])
    with tf.GradientTape() as tape:
        outputs = tf.nn.conv2d(X, plain, 1, "SAME") + ours.bias.numpy()
        loss = tf.reduce_mean(outputs**2)
    recorded = gold["spectral_norm_conv/gradient1"]
    np.testing.assert_allclose(recorded, tape.gradient(loss, plain), atol=1e-7)
    # ours has no part along the kernel: its length does not matter to the output
    kernel = ours.kernel.numpy()
    length = np.linalg.norm(gradient) * np.linalg.norm(kernel)
    assert abs(np.vdot(gradient, kernel)) < 1e-5 * length
    assert np.vdot(recorded, kernel) > 0.1 * np.linalg.norm(recorded) * np.linalg.norm(kernel)
