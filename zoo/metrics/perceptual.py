"""Distances seen through a frozen network: perceptual, and of identity."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from zoo.metrics.images import ImageMetric
from zoo.metrics.networks import LPIPSNetwork

_EPSILON = 1e-10  # of LPIPS, where all channels are 0


class PerceptualDistance(ImageMetric):
    """Squared distance of unit-length feature vectors, mean over places, summed over layers.

    From 0 (equal) to 4 a layer, or to 4 times the greatest channel weight. The form of LPIPS over
    any network; name the network wherever the number is given. Images weigh the same;
    `sample_weight` is not taken.

    Args:
        network: pictures `(B, H, W, 3)` in [-1, 1] to a list of maps `(B, h, w, C)`.
        channel_weights: per map (C,) factors on the squared differences; None = 1.
        name: of the metric; should contain that of the network.
        dtype: of the result.

    Source: Zhang et al., CVPR 2018.
    """

    def __init__(
        self,
        network: Callable,
        channel_weights: Sequence | None = None,
        name: str = "perceptual_distance",
        dtype=None,
    ):
        super().__init__(name, dtype)
        self.network, self.channel_weights = network, channel_weights

    def update_state(self, y_true, y_pred):
        super().update_state(y_true, y_pred)

    def values(self, y_true, y_pred, weight):
        layers = zip(self.network(y_true), self.network(y_pred), strict=True)
        total = tf.zeros(tf.shape(y_true)[0], "float64")
        for i, pair in enumerate(layers):
            true, pred = (_unit(features) for features in pair)
            squared = tf.square(true - pred)
            if self.channel_weights is not None:
                squared *= self.channel_weights[i]
            distance = tf.reduce_mean(tf.reduce_sum(squared, axis=-1), axis=(1, 2))
            total += tf.cast(distance, "float64")
        return total, tf.ones_like(total)


class LPIPS(PerceptualDistance):
    """LPIPS, version 0.1, VGG: the mean over images; 0 = equal.

    Args:
        path: weights, see `LPIPSNetwork`.
        name: of the metric.
        dtype: of the result.

    Raises:
        ZooError: as `LPIPSNetwork`.
    """

    def __init__(self, path, name: str = "lpips_vgg", dtype=None):
        network = LPIPSNetwork(path)
        super().__init__(network, network.channel_weights, name, dtype)


class IdentityDistance(ImageMetric):
    """One minus the cosine of the features of two faces, 0 (same direction) to 2.

    Args:
        network: pictures `(B, H, W, 3)` in [-1, 1] to features `(B, D)`, such as
            `zoo.metrics.networks.Embedding`.
        name: of the metric; should contain that of the network.
        dtype: of the result.
    """

    def __init__(self, network: Callable, name: str = "identity_distance", dtype=None):
        super().__init__(name, dtype)
        self.network = network

    def update_state(self, y_true, y_pred):
        super().update_state(y_true, y_pred)

    def values(self, y_true, y_pred, weight):
        true, pred = (
            tf.math.l2_normalize(tf.cast(self.network(x), "float64"), axis=1, epsilon=1e-24)
            for x in (y_true, y_pred)
        )
        distance = 1.0 - tf.minimum(tf.reduce_sum(true * pred, axis=1), 1.0)  # rounding
        return distance, tf.ones_like(distance)


def _unit(features):
    norm = tf.sqrt(tf.reduce_sum(tf.square(features), axis=-1, keepdims=True))
    return features / (norm + _EPSILON)
