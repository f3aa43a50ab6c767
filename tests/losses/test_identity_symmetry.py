import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import ZooError
from zoo.losses.identity import IdentityFeatures, identity
from zoo.losses.symmetry import laplacian, symmetry
from zoo.testing.suite import small_model

rng = np.random.default_rng(0)


def test_symmetry_pulls_the_right_half_only():
    image = tf.constant(rng.standard_normal((2, 3, 6, 2)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = symmetry(image)
    x = image.numpy()
    np.testing.assert_allclose(loss, np.abs(x[:, :, :3] - x[:, :, :2:-1]).mean(), rtol=1e-6)
    gradient = tape.gradient(loss, image).numpy()
    assert not gradient[:, :, :3].any() and np.abs(gradient[:, :, 3:]).min() > 0
    assert symmetry(tf.concat([image, image[:, :, ::-1]], axis=2)) == 0


def test_laplacian_by_hand():
    x = np.zeros((1, 4, 5, 2), "float32")
    x[0, 1, 2, 0], x[0, 0, 0, 1] = 1, 2
    expected = np.zeros_like(x)
    expected[0, 0:3, 1:4, 0] = [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
    expected[0, 0:2, 0:2, 1] = [[16, -2], [-2, -2]]
    np.testing.assert_array_equal(laplacian(tf.constant(x)), expected)


def test_identity_by_hand():
    first = (np.float32([[1, 2]]), np.float32([[[[1.0, 1.0]]]]))
    second = (np.float32([[3, 3]]), np.float32([[[[0.0, 3.0]]]]))
    np.testing.assert_allclose(identity(first, second), 1.5 + 1.5)
    np.testing.assert_allclose(identity(first, second, map_weight=64.0), 1.5 + 96)


def test_random_network_is_always_the_same_and_is_a_light_cnn():
    image = tf.constant(rng.uniform(-1, 1, (2, 32, 32, 3)), tf.float32)
    first, again = IdentityFeatures("random", 32)(image), IdentityFeatures("random", 32)(image)
    assert first[0].shape == (2, 256) and first[1].shape == (2, 2, 2, 16)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.ptp(first[0]) > 0.1


def test_preset_of_light_cnn(tmp_path):
    model = small_model("light_cnn")
    model.save_preset(tmp_path / "light")
    image = tf.constant(rng.uniform(-1, 1, (1, 32, 32, 3)), tf.float32)
    features = IdentityFeatures(tmp_path / "light", 32)
    np.testing.assert_array_equal(features(image)[0], model({"image": image}))
    with pytest.raises(ZooError, match="light_cnn for 32 pixels; legal is light_cnn for 128"):
        IdentityFeatures(tmp_path / "light", 128)
    zoo.create("sc_fegan", image_size=32, width=0.05).save_preset(tmp_path / "other")
    with pytest.raises(ZooError, match="is sc_fegan for 32 pixels"):
        IdentityFeatures(tmp_path / "other", 32)
    with pytest.raises(ZooError, match="identity network 'nowhere'.*'random'"):
        IdentityFeatures("nowhere", 32)
