import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo.layers import SpectralNormConv2D
from zoo.testing.golden import model_input, weight

FIXTURE = Path(__file__).with_name("deepfill_v2_discriminator.json")


def test_official_sn_patch_gan():
    """The recorded discriminator of DeepFill v2: logits of two passes and every `u` between."""
    fixture = json.loads(FIXTURE.read_text())
    weights = {v["name"]: weight(v) for v in fixture["variables"]}
    inputs = {d["name"]: model_input(d) for d in fixture["inputs"]}
    convs = [
        SpectralNormConv2D(
            filters, 5, strides=2, padding="same", activation=keras.layers.LeakyReLU(0.2)
        )
        for filters in (64, 128, 256, 256, 256, 256)
    ]
    mask = np.repeat(inputs["mask"], 2, axis=0)
    x = np.concatenate([inputs["image"], mask], axis=-1)
    shape = x.shape
    for i, conv in enumerate(convs):
        conv.build(shape)
        shape = conv.compute_output_shape(shape)
        scope = f"discriminator/sn_patch_gan/conv{i + 1}"
        conv.set_weights(
            [weights[f"{scope}/{n}"] for n in ("kernel", "bias")]
            + [weights[f"{scope}/kernel_sn/u"]]
        )

    def logits(training):
        y = x
        for conv in convs:
            y = conv(y, training=training)
        return np.reshape(y, (2, -1))

    with np.load(FIXTURE.with_suffix(".npz")) as gold:
        # without training the same values come out and nothing moves
        np.testing.assert_allclose(logits(False), gold["logits"], atol=2e-5)
        np.testing.assert_allclose(logits(True), gold["logits"], atol=2e-5)
        for i, conv in enumerate(convs):
            np.testing.assert_allclose(conv.u, gold[f"u_after/conv{i + 1}"], atol=2e-5)
        np.testing.assert_allclose(logits(True), gold["logits_second_pass"], atol=2e-5)


def test_converges_to_the_largest_singular_value():
    layer = SpectralNormConv2D(6, 3, use_bias=False)
    x = tf.random.stateless_normal((1, 5, 5, 4), seed=(1, 2))
    for _ in range(200):
        y = layer(x, training=True)
    kernel = layer.kernel.numpy()
    sigma = np.linalg.svd(kernel.reshape(-1, 6))[1][0]
    expected = tf.nn.conv2d(x, kernel / sigma, 1, "VALID")
    np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-5)


def test_only_training_calls_advance_and_the_kernel_is_never_touched():
    layer = SpectralNormConv2D(6, 3)
    x = tf.random.stateless_normal((1, 5, 5, 4), seed=(1, 2))
    layer(x)
    kernel, u = layer.kernel.numpy(), layer.u.numpy()
    layer(x, training=False)
    np.testing.assert_array_equal(layer.u, u)
    layer(x, training=True)
    assert np.abs(layer.u.numpy() - u).max() > 0
    np.testing.assert_array_equal(layer.kernel, kernel)
