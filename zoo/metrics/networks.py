"""Frozen networks that metrics look through. Each has a name, which the metric bears.

Pictures are `(B, H, W, 3)` RGB in [-1, 1]. A Frechet distance is called FID, and a perceptual
distance LPIPS, only over the network for which the name was given; see the classes.
"""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo import weights
from zoo.errors import ZooError
from zoo.losses.perceptual import VGGFeatures


class Embedding:
    """Identity features of a face by a model of the zoo that embeds faces, such as Light CNN.

    Pictures of another size than the model's are resized (bilinear, antialiased).

    Args:
        model: a GANModel whose task is "embed".
        name: what metrics call it: the preset's name.

    Raises:
        ZooError: the model does something else.
    """

    def __init__(self, model, name: str | None = None):
        if model.task != "embed":
            raise ZooError(
                f"an embedding is a model that embeds faces; {model.zoo_name} serves {model.task!r}"
            )
        self.model = model
        self.name = name or model.zoo_name
        side = model.default_size
        self._features = tf.function(  # metrics ask for a few faces at a time, hundreds of times
            lambda images: model({"image": images}, training=False),
            input_signature=[tf.TensorSpec((None, side, side, 3), tf.float32)],
            autograph=False,
        )

    @property
    def dimensions(self) -> int:
        """Number of features."""
        side = self.model.default_size
        return int(self(tf.zeros((1, side, side, 3))).shape[1])

    def __call__(self, images):
        """`(B, dimensions)` float32."""
        side = self.model.default_size
        images = tf.cast(images, "float32")
        if tuple(images.shape[1:3]) != (side, side):
            images = tf.image.resize(images, (side, side), antialias=True)
        return self._features(images)


class PooledVGG:
    """Means over the picture of VGG16's third pooling, 256 features.

    Args:
        weights: "hed" (fine-tuned for edges), "imagenet", or a path, as of
            `zoo.losses.perceptual.VGGFeatures`.

    Raises:
        ZooError: as `VGGFeatures`.
    """

    def __init__(self, weights: str = "hed"):
        self.features = VGGFeatures(weights)
        self.name = f"vgg16_{Path(weights).stem}"

    def __call__(self, images):
        """`(B, 256)` float32."""
        return tf.reduce_mean(self.features(tf.cast(images, "float32"))[-1], axis=(1, 2))


class InceptionV3:
    """Pooled features of InceptionV3 in the layout of keras.applications, 2048 of them.

    Its ImageNet weights are not those of the network that defined FID (a port of 2015 with other
    weights and 1008 outputs), so that a distance over it is comparable to no published FID.

    Args:
        path: a `.h5` file of InceptionV3 without its top, in Keras' layout
            (inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5).

    Raises:
        ZooError: no such file, or one of another network.
    """

    name = "inception_v3_keras"

    def __init__(self, path: str | os.PathLike):
        if not os.path.isfile(path):
            raise ZooError(
                f"no file {path}: InceptionV3 needs its weights in the layout of "
                "keras.applications, without top (.h5)"
            )
        self.network = keras.applications.InceptionV3(
            weights=None, include_top=False, pooling="avg"
        )
        try:
            self.network.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise ZooError(f"{path} does not hold InceptionV3's weights without top") from error

    def __call__(self, images):
        """`(B, 2048)` float32."""
        images = tf.image.resize(tf.cast(images, "float32"), (299, 299), antialias=True)
        return self.network(images, training=False)


_SLICES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
_CHANNELS = (64, 128, 256, 512, 512)
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class LPIPSNetwork:
    """The VGG variant of LPIPS, version 0.1: VGG16's last ReLU of each block, and linear weights.

    Args:
        path: a `.safetensors` file of the state dict of the authors' `LPIPS(net="vgg")`: keys
            `net.sliceN.M.weight`, `.bias` and `linN.model.1.weight`.

    Attributes:
        name: "lpips_vgg".
        channel_weights: per layer (C,) float32, not negative.

    Raises:
        ZooError: no such file; a key is missing or misshapen, or a linear weight is negative.

    Source: Zhang et al., CVPR 2018 (arXiv:1801.03924).
    """

    name = "lpips_vgg"

    def __init__(self, path: str | os.PathLike):
        if not os.path.isfile(path):
            raise ZooError(
                f"no file {path}: LPIPS needs the state dict of the authors' LPIPS(net='vgg') "
                "as .safetensors"
            )
        arrays = weights.read(path)
        self.convolutions, channels = [], 3
        for i, (layers, filters) in enumerate(zip(_SLICES, _CHANNELS, strict=True), start=1):
            block = []
            for layer in layers:
                key = f"net.slice{i}.{layer}"
                kernel = _array(arrays, f"{key}.weight", (filters, channels, 3, 3), path)
                bias = _array(arrays, f"{key}.bias", (filters,), path)
                block.append((tf.constant(kernel.transpose(2, 3, 1, 0)), tf.constant(bias)))
                channels = filters
            self.convolutions.append(block)
        self.channel_weights = []
        for i, filters in enumerate(_CHANNELS):
            key = f"lin{i}.model.1.weight"
            linear = _array(arrays, key, (1, filters, 1, 1), path).ravel()
            if linear.min() < 0:
                raise ZooError(f"{path}: {key} has negative values; LPIPS has none")
            self.channel_weights.append(linear)

    def __call__(self, images) -> list:
        """Five maps, `(B, H, W, 64)` to `(B, H/16, W/16, 512)`, float32; H and W at least 16."""
        x = (tf.cast(images, "float32") - _SHIFT) / _SCALE
        maps = []
        for i, block in enumerate(self.convolutions):
            if i:
                x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            for kernel, bias in block:
                x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)
            maps.append(x)
        return maps


def _array(arrays: dict[str, np.ndarray], key: str, shape: tuple, path) -> np.ndarray:
    found = arrays[key].shape if key in arrays else "nothing"
    if found != shape:
        raise ZooError(f"{path}: {key} must have shape {shape}; found {found}")
    return arrays[key].astype(np.float32)
