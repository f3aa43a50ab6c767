"""SSIM and MS-SSIM, with window, range and constants in the open."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from zoo.errors import ZooError
from zoo.metrics.images import VALUE_RANGE, ImageMetric, check_range, pixel_mean

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of MS-SSIM's five scales, the finest first (Wang, Simoncelli and Bovik, 2003)."""


class SSIM(ImageMetric):
    """Structural similarity, -1 to 1, 1 = equal: the mean over windows, channels and images.

    Only windows that lie inside the picture count. With `sample_weight` `(B, H, W, 1)`, such as a
    mask of 1 = hole, windows are weighted by the weight of the pixel in their middle.

    The default is the authors': a Gaussian window of 11 pixels. `SSIM(size=7, sigma=None,
    sample_covariance=True)` is the default of scikit-image, with which STGAN's numbers were made.

    Args:
        size: side of the window, pixels; odd, 3 and more.
        sigma: of the Gaussian window, pixels; None = all pixels of the window weigh the same.
        k1: constant of the luminance term, a share of the range.
        k2: constant of the contrast and structure term, a share of the range.
        value_range: least and greatest value that a pixel can have; luminance counts from the
            least, which is why a difference of both would not do.
        sample_covariance: divide variances by n - 1 in place of n, n the pixels of the window.
        name: of the metric.
        dtype: of the result.

    Raises:
        ZooError: an argument outside its range; in `update_state`, a picture smaller than a window.

    Source: Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 2004.
    """

    def __init__(
        self,
        *,
        size: int = 11,
        sigma: float | None = 1.5,
        k1: float = 0.01,
        k2: float = 0.03,
        value_range: tuple[float, float] = VALUE_RANGE,
        sample_covariance: bool = False,
        name: str = "ssim",
        dtype=None,
    ):
        if size < 3 or size % 2 == 0:
            raise ZooError(f"size is {size}; legal are odd numbers from 3, pixels")
        for argument, value in (("sigma", sigma), ("k1", k1), ("k2", k2)):
            if value is not None and not 0 < value < math.inf:
                raise ZooError(f"{argument} is {value}; legal are numbers above 0")
        super().__init__(name, dtype)
        self.size, self.sigma = size, sigma
        self.k1, self.k2, self.value_range = k1, k2, check_range(value_range)
        self.sample_covariance = sample_covariance
        offsets = np.arange(size) - size // 2
        window = np.ones(size) if sigma is None else np.exp(-0.5 * (offsets / sigma) ** 2)
        self._window = window / window.sum()

    def values(self, y_true, y_pred, weight):
        luminance, contrast = self.maps(y_true, y_pred)
        edge = self.size // 2
        if weight is not None:
            weight = weight[:, edge:-edge, edge:-edge]
        return pixel_mean(luminance * contrast, weight)

    def maps(self, y_true, y_pred):
        """Luminance, and contrast times structure, of each window: `(B, H - size + 1, ..., C)`."""
        if min(y_true.shape[1:3]) < self.size:
            raise ZooError(
                f"{self.name} needs pictures of {self.size} x {self.size} pixels at least; "
                f"received {y_true.shape[1]} x {y_true.shape[2]}"
            )
        pixels = self.size**2
        scale = pixels / (pixels - 1) if self.sample_covariance else 1.0
        low, high = self.value_range
        y_true, y_pred = y_true - low, y_pred - low
        c1, c2 = (self.k1 * (high - low)) ** 2, (self.k2 * (high - low)) ** 2
        mean_t, mean_p = self._blur(y_true), self._blur(y_pred)
        variances = self._blur(y_true**2 + y_pred**2) - mean_t**2 - mean_p**2
        covariance = self._blur(y_true * y_pred) - mean_t * mean_p
        luminance = (2 * mean_t * mean_p + c1) / (mean_t**2 + mean_p**2 + c1)
        contrast = (2 * scale * covariance + c2) / (scale * variances + c2)
        return luminance, contrast

    def _blur(self, x):
        channels = x.shape[-1]
        for shape in ((self.size, 1), (1, self.size)):
            kernel = np.tile(self._window.reshape(*shape, 1, 1), (1, 1, channels, 1))
            kernel = tf.constant(kernel, x.dtype)
            x = tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), "VALID")
        return x

    def get_config(self) -> dict:
        keys = ("size", "sigma", "k1", "k2", "sample_covariance")
        values = {key: getattr(self, key) for key in keys}
        return {**super().get_config(), **values, "value_range": list(self.value_range)}


class MSSSIM(SSIM):
    """Multi-scale structural similarity, 0 to 1, 1 = equal: the mean over channels and images.

    Contrast and structure are compared at every scale, each half as large as the one before (means
    of 2 x 2 pixels), luminance at the last; terms below 0 count as 0. Five scales and a window of
    11 need pictures of 176 pixels; fewer weights (they are scaled to sum 1, ours) take smaller
    ones: `weights=WEIGHTS[:4]` 88 pixels. It has no value for a part of a picture.

    Args:
        weights: exponent of each scale, the finest first.
        name: of the metric.
        **options: as of `SSIM`.

    Raises:
        ZooError: as `SSIM`; a picture too small for the scales; a `sample_weight`.

    Source: Wang, Simoncelli and Bovik, Asilomar 2003.
    """

    def __init__(self, *, weights: Sequence[float] = WEIGHTS, name: str = "ms_ssim", **options):
        if not weights or min(weights) <= 0:
            raise ZooError(f"weights are {weights}; legal are one or more numbers above 0")
        super().__init__(name=name, **options)
        self.weights = tuple(float(w) for w in weights)

    def values(self, y_true, y_pred, weight):
        if weight is not None:
            raise ZooError(f"{self.name} compares whole pictures; it takes no sample_weight")
        least = self.size * 2 ** (len(self.weights) - 1)
        if min(y_true.shape[1:3]) < least:
            raise ZooError(
                f"{self.name} of {len(self.weights)} scales needs pictures of {least} x {least} "
                f"pixels; received {y_true.shape[1]} x {y_true.shape[2]}. Give fewer weights"
            )
        product = tf.ones((tf.shape(y_true)[0], y_true.shape[-1]), y_true.dtype)  # (B, C)
        for i, exponent in enumerate(np.divide(self.weights, sum(self.weights))):
            luminance, contrast = self.maps(y_true, y_pred)
            last = i == len(self.weights) - 1
            term = tf.reduce_mean(luminance * contrast if last else contrast, axis=(1, 2))
            product *= tf.maximum(term, 0.0) ** exponent
            if not last:
                y_true, y_pred = (tf.nn.avg_pool2d(x, 2, 2, "VALID") for x in (y_true, y_pred))
        return tf.reduce_mean(product, axis=1), tf.ones_like(product[:, 0])

    def get_config(self) -> dict:
        return {**super().get_config(), "weights": list(self.weights)}
