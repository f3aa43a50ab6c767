"""Distances between two sets of pictures, over the features of a named network."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from zoo.errors import ZooError


class FrechetDistance(keras.metrics.Metric):
    """Frechet distance of two normal distributions fitted to features; 0 and more.

    It is called FID only over the Inception network of 2015; give the name of yours with the
    number. It falls with the number of pictures: compare only what was computed from equally many,
    and take more pictures than features.

    Means and covariances come from sums in float64, kept per replica and added up.

    Args:
        network: pictures `(B, H, W, 3)` in [-1, 1] to features `(B, dimensions)`.
        dimensions: number of features.
        name: of the metric; should contain that of the network.
        dtype: of the result.

    Source: Heusel et al., NeurIPS 2017.
    """

    def __init__(
        self,
        network: Callable,
        dimensions: int,
        name: str = "frechet_distance",
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.network, self.dimensions = network, dimensions
        d = dimensions
        self.sides = [
            [
                self.add_variable(shape, "zeros", dtype="float64", name=f"{side}_{part}")
                for part, shape in (("count", ()), ("sum", (d,)), ("products", (d, d)))
            ]
            for side in ("true", "pred")
        ]

    def update_state(self, y_true, y_pred):
        """Adds true and generated pictures; the numbers of both may differ."""
        for (count, total, products), images in zip(self.sides, (y_true, y_pred), strict=True):
            features = tf.cast(self.network(images), "float64")
            if features.shape[1:] != (self.dimensions,):
                raise ZooError(
                    f"{self.name}: the network gives features of shape {features.shape[1:]}; "
                    f"dimensions is {self.dimensions}"
                )
            count.assign_add(tf.cast(tf.shape(features)[0], "float64"))
            total.assign_add(tf.reduce_sum(features, axis=0))
            products.assign_add(tf.matmul(features, features, transpose_a=True))

    def result(self):
        """The distance; NaN with fewer than two pictures on a side."""
        (mean_t, cov_t), (mean_p, cov_p) = (_moments(*side) for side in self.sides)
        # trace of the root of cov_t cov_p: the product is similar to a symmetric matrix
        root = _root(cov_t)
        values = tf.linalg.eigvalsh(root @ cov_p @ root)
        overlap = tf.reduce_sum(tf.sqrt(tf.maximum(values, 0.0)))
        distance = tf.reduce_sum(tf.square(mean_t - mean_p)) - 2 * overlap
        distance += tf.linalg.trace(cov_t) + tf.linalg.trace(cov_p)
        return tf.cast(tf.maximum(distance, 0.0), self.dtype)


class KernelDistance(keras.metrics.Metric):
    """Squared maximum mean discrepancy with the kernel `(x . y / D + 1) ** 3`, without bias.

    The mean over calls of `update_state` of the unbiased estimate from the pictures of that call,
    as KID is the mean over subsets: its expectation does not depend on how many pictures there are;
    it may fall below 0. KID is the name over the Inception network of 2015.

    Args:
        network: pictures `(B, H, W, 3)` in [-1, 1] to features `(B, D)`.
        name: of the metric; should contain that of the network.
        dtype: of the result.

    Source: Binkowski et al., ICLR 2018.
    """

    def __init__(self, network: Callable, name: str = "kernel_distance", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.network = network
        self.total = self.add_variable((), "zeros", dtype="float64", name="total")
        self.count = self.add_variable((), "zeros", dtype="float64", name="count")

    def update_state(self, y_true, y_pred):
        """Adds one subset: two or more pictures of each side; fewer tell nothing and are left out.

        The numbers of both sides may differ.
        """
        true, pred = (tf.cast(self.network(x), "float64") for x in (y_true, y_pred))
        within = _mean_off_diagonal(true) + _mean_off_diagonal(pred)
        estimate = within - 2 * tf.reduce_mean(_kernel(true, pred))
        enough = tf.minimum(tf.shape(true)[0], tf.shape(pred)[0]) > 1
        self.total.assign_add(tf.where(enough, estimate, 0.0))
        self.count.assign_add(tf.where(enough, tf.ones_like(estimate), 0.0))

    def result(self):
        """The mean; NaN before the first subset."""
        return tf.cast(self.total.value / self.count.value, self.dtype)


def _moments(count, total, products):
    mean = total.value / count.value
    outer = count.value * mean[:, None] * mean[None, :]
    return mean, (products.value - outer) / (count.value - 1.0)


def _root(matrix):
    """Square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = tf.linalg.eigh(matrix)
    return (vectors * tf.sqrt(tf.maximum(values, 0.0))) @ tf.transpose(vectors)


def _kernel(x, y):
    return (tf.matmul(x, y, transpose_b=True) / tf.cast(tf.shape(x)[1], x.dtype) + 1.0) ** 3


def _mean_off_diagonal(x):
    n = tf.cast(tf.shape(x)[0], x.dtype)
    kernel = _kernel(x, x)
    return (tf.reduce_sum(kernel) - tf.linalg.trace(kernel)) / (n * (n - 1.0))
