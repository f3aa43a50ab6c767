"""Errors of pixels: L1, L2, PSNR, and what happened to pixels that should have stayed."""

from __future__ import annotations

import math

import tensorflow as tf

from zoo.metrics.images import VALUE_RANGE, ImageMetric, check_range, pixel_mean


class _PixelMetric(ImageMetric):
    """Base of the errors of pixels.

    `sample_weight` `(B, H, W, 1)` weighs the pixels: give the mask (1 = hole) for the error inside
    the hole, as the field reports it. An image without a weighted pixel does not count.

    Args:
        value_range: least and greatest value that a pixel can have; (0, 255) for uint8.
        name: of the metric.
        dtype: of the result.

    Raises:
        ZooError: `value_range` is no range.
    """

    default_name = ""

    def __init__(
        self,
        value_range: tuple[float, float] = VALUE_RANGE,
        name: str | None = None,
        dtype=None,
    ):
        super().__init__(name or self.default_name, dtype)
        self.value_range = check_range(value_range)

    @property
    def span(self) -> float:
        """Greatest minus least value."""
        return self.value_range[1] - self.value_range[0]

    def get_config(self) -> dict:
        return {**super().get_config(), "value_range": list(self.value_range)}


class L1(_PixelMetric):
    """Mean absolute error as a share of the range, 0 to 1 (papers print it in per cent)."""

    default_name = "l1"

    def values(self, y_true, y_pred, weight):
        return pixel_mean(tf.abs(y_pred - y_true) / self.span, weight)


class L2(_PixelMetric):
    """Mean squared error as a share of the squared range, 0 to 1 (papers: per cent)."""

    default_name = "l2"

    def values(self, y_true, y_pred, weight):
        return pixel_mean(tf.square((y_pred - y_true) / self.span), weight)


class PSNR(L2):
    """Peak signal-to-noise ratio in dB, 0 to 100: the mean of the images' own ratios.

    Equal images would have an infinite ratio; they count as 100 dB, so that the mean stays finite
    (ours).
    """

    default_name = "psnr"
    most = 100.0

    def values(self, y_true, y_pred, weight):
        error, counted = super().values(y_true, y_pred, weight)
        least = tf.constant(10 ** (-self.most / 10), error.dtype)
        return -10 / math.log(10) * tf.math.log(tf.maximum(error, least)), counted


class UnchangedPixelError(L1):
    """Mean absolute error where nothing should change, a share of the range, 0 to 1.

    `sample_weight` `(B, H, W, 1)` is required: 1 where the picture may change (a hole, or the
    pixels that an edit moves), 0 where it must stay.
    """

    default_name = "unchanged_error"

    def update_state(self, y_true, y_pred, sample_weight):
        super().update_state(y_true, y_pred, 1.0 - tf.cast(sample_weight, "float64"))
