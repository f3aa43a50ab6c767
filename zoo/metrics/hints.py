"""Whether a completion follows what the user drew."""

from __future__ import annotations

import keras
import tensorflow as tf

from zoo.errors import ZooError


class EdgeFScore(keras.metrics.Metric):
    """F-score of lines against lines that were asked for, 0 to 1, over all pictures together.

    Precision: share of the found line pixels with an asked one within `tolerance`; recall: the
    reverse. Distances are greatest of rows and columns (a square neighbourhood).

    Args:
        tolerance: pixels.
        name: of the metric.
        dtype: of the result.

    Raises:
        ZooError: a negative tolerance.
    """

    def __init__(self, tolerance: int = 1, name: str = "edge_f_score", dtype=None):
        if tolerance < 0:
            raise ZooError(f"tolerance is {tolerance}; legal are 0 pixels and more")
        super().__init__(name=name, dtype=dtype)
        self.tolerance = tolerance
        names = ("found", "found_near", "asked", "asked_near")
        self.counts = [self.add_variable((), "zeros", dtype="float64", name=n) for n in names]

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds pictures of lines.

        Args:
            y_true: `(B, H, W, 1)`, 1 = line asked for.
            y_pred: `(B, H, W, 1)`, 1 = line found.
            sample_weight: `(B, H, W, 1)`, 1 where lines count (the hole); lines outside still
                match those inside. None = everywhere.
        """
        asked, found = tf.cast(y_true, "float32"), tf.cast(y_pred, "float32")
        weight = tf.ones_like(asked) if sample_weight is None else tf.cast(sample_weight, "float32")
        near_asked, near_found = self._near(asked), self._near(found)
        parts = (found, found * near_asked, asked, asked * near_found)
        for count, part in zip(self.counts, parts, strict=True):
            count.assign_add(tf.reduce_sum(tf.cast(part * weight, "float64")))

    def _near(self, lines):
        return tf.nn.max_pool2d(lines, 2 * self.tolerance + 1, 1, "SAME")

    def result(self):
        """The F-score; 0 where nothing matches, NaN where nothing was asked for nor found."""
        found, found_near, asked, asked_near = (count.value for count in self.counts)
        precision = tf.math.divide_no_nan(found_near, found)
        recall = tf.math.divide_no_nan(asked_near, asked)
        score = tf.math.divide_no_nan(2 * precision * recall, precision + recall)
        return tf.cast(tf.where(found + asked > 0, score, float("nan")), self.dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "tolerance": self.tolerance}
