"""What the metrics of pictures share: values per image, weights of pixels, means over images."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from zoo.errors import ZooError

VALUE_RANGE = (-1.0, 1.0)
"""Least and greatest value of a pixel in the batch contract; (0, 255) for uint8."""


class ImageMetric(keras.metrics.Metric):
    """Mean over images of a value per image.

    `update_state(y_true, y_pred, sample_weight=None)` takes pictures `(B, H, W, C)` of any number
    type. Sums and counts are kept in float64 and are summed over replicas, so that the result does
    not depend on how the images are split into batches and devices.

    A subclass writes `values`.

    Args:
        name: of the metric.
        dtype: of the result.
    """

    def __init__(self, name: str, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", dtype="float64", name="total")
        self.count = self.add_variable((), "zeros", dtype="float64", name="count")

    def values(self, y_true, y_pred, weight):
        """`(value (B,), counted (B,) of 0 and 1)` in float64.

        `y_true` and `y_pred` are float64; `weight` is float64 `(B, H, W, 1)` or None.
        """
        raise NotImplementedError

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = tf.cast(y_true, "float64"), tf.cast(y_pred, "float64")
        weight = None
        if sample_weight is not None:
            shape = tf.concat([tf.shape(y_true)[:-1], [1]], axis=0)
            weight = tf.broadcast_to(tf.cast(sample_weight, "float64"), shape)
        values, counted = self.values(y_true, y_pred, weight)
        self.total.assign_add(tf.reduce_sum(values * counted))
        self.count.assign_add(tf.reduce_sum(counted))

    def result(self):
        """The mean; NaN before the first image."""
        return tf.cast(self.total.value / self.count.value, self.dtype)


def pixel_mean(value, weight):
    """Mean of `value` `(B, H, W, C)` per image, and which images have a pixel of any weight."""
    if weight is None:
        return tf.reduce_mean(value, axis=(1, 2, 3)), tf.ones(tf.shape(value)[0], value.dtype)
    total = tf.reduce_sum(weight, axis=(1, 2, 3))
    mean = tf.reduce_sum(tf.reduce_mean(value, axis=3, keepdims=True) * weight, axis=(1, 2, 3))
    return tf.math.divide_no_nan(mean, total), tf.cast(total > 0, value.dtype)


def check_range(value_range: tuple[float, float]) -> tuple[float, float]:
    """The range as floats; raises ZooError unless it is two finite numbers, the least first."""
    low, high = value_range
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ZooError(
            f"value_range is {value_range}; legal is (least, greatest), such as (0, 255)"
        )
    return float(low), float(high)
