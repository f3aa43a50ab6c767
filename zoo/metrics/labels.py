"""What classifiers and embeddings say of edited faces: attributes, identity."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import ZooError


class _Toggles(keras.metrics.Metric):
    """Counts how often the classifier sees each attribute changed, by the attribute toggled.

    Args:
        count: number of attributes, 2 and more.
        name: of the metric.
        dtype: of the result.
    """

    def __init__(self, count: int, name: str, dtype=None):
        if count < 2:
            raise ZooError(f"count is {count}; legal are 2 attributes and more")
        super().__init__(name=name, dtype=dtype)
        shape = (count, count)
        self.changed = self.add_variable(shape, "zeros", dtype="float64", name="changed")
        self.edits = self.add_variable((count,), "zeros", dtype="float64", name="edits")

    def update_state(self, source, logits, toggled):
        """Adds edits of one attribute each.

        Args:
            source: (B, n) true attributes before the edit, 0 or 1.
            logits: (B, n) of the classifier on the edited face; above 0 = present.
            toggled: (B,) column of the attribute that was toggled.
        """
        differs = tf.not_equal(tf.cast(source, "float64") > 0.5, tf.cast(logits, "float64") > 0.0)
        rows = tf.one_hot(toggled, self.edits.shape[0], dtype="float64")  # (B, n)
        self.changed.assign_add(tf.matmul(rows, tf.cast(differs, "float64"), transpose_a=True))
        self.edits.assign_add(tf.reduce_sum(rows, axis=0))

    def matrix(self) -> np.ndarray:
        """(n, n) share of the edits of the row's attribute after which the column's was changed.

        The diagonal is what was asked for; rows of attributes never toggled are NaN.
        """
        edits = self.edits.numpy()[:, None]
        return np.divide(
            self.changed.numpy(), edits, out=np.full((len(edits),) * 2, np.nan), where=edits > 0
        )


class AttributeGeneration(_Toggles):
    """Share of edits after which the classifier sees the attribute toggled, 0 to 1.

    The mean over attributes, as STGAN's and AttGAN's generation accuracy; attributes that were
    never toggled do not count. `matrix` has them one by one.
    """

    def __init__(self, count: int, name: str = "attribute_generation", dtype=None):
        super().__init__(count, name, dtype)

    def result(self):
        hits = tf.math.divide_no_nan(tf.linalg.diag_part(self.changed.value), self.edits.value)
        seen = tf.cast(self.edits.value > 0, "float64")
        return tf.cast(tf.reduce_sum(hits) / tf.reduce_sum(seen), self.dtype)


class AttributePreservation(_Toggles):
    """Share of the other attributes that the classifier sees as they were, 0 to 1.

    One minus the error of STGAN's scoring code: labels are compared with those before the edit, so
    that what an edit rightly takes along (bald: no bangs) counts against it.
    """

    def __init__(self, count: int, name: str = "attribute_preservation", dtype=None):
        super().__init__(count, name, dtype)

    def result(self):
        others = tf.reduce_sum(self.changed.value, axis=1)
        others -= tf.linalg.diag_part(self.changed.value)
        count = self.edits.value * (self.edits.shape[0] - 1)
        error = tf.math.divide_no_nan(others, count)
        seen = tf.cast(self.edits.value > 0, "float64")
        return tf.cast(1.0 - tf.reduce_sum(error) / tf.reduce_sum(seen), self.dtype)


class Rank1(keras.metrics.Metric):
    """Share of probes whose nearest gallery face, by cosine, is of the same person, 0 to 1.

    Of equally near faces the first counts.

    Args:
        gallery: (G, D) features.
        identity: (G,) whole numbers.
        name: of the metric; should contain that of the embedding.
        dtype: of the result.

    Raises:
        ZooError: an empty gallery, shapes that do not fit, or features that are 0 or not finite.
    """

    def __init__(self, gallery, identity, name: str = "rank1", dtype=None):
        super().__init__(name=name, dtype=dtype)
        gallery, identity = np.asarray(gallery, np.float64), np.asarray(identity)
        if gallery.ndim != 2 or not len(gallery) or identity.shape != gallery.shape[:1]:
            raise ZooError(
                f"gallery and identity must be (G, D) and (G,), G at least 1; received "
                f"{gallery.shape} and {identity.shape}"
            )
        norm = np.linalg.norm(gallery, axis=1, keepdims=True)
        if not np.isfinite(norm).all() or not norm.all():
            raise ZooError("gallery holds features that are zero or not finite")
        self._gallery, self._identity = gallery / norm, identity.astype(np.int64)
        self.hits = self.add_variable((), "zeros", dtype="float64", name="hits")
        self.count = self.add_variable((), "zeros", dtype="float64", name="count")

    def update_state(self, identity, features):
        """Adds probes: `identity` (B,) and `features` (B, D)."""
        cosines = tf.matmul(tf.cast(features, "float64"), self._gallery, transpose_b=True)
        found = tf.gather(self._identity, tf.argmax(cosines, axis=1))
        right = tf.cast(tf.equal(found, tf.cast(identity, "int64")), "float64")
        self.hits.assign_add(tf.reduce_sum(right))
        self.count.assign_add(tf.cast(tf.size(right), "float64"))

    def result(self):
        """The share; NaN before the first probe."""
        return tf.cast(self.hits.value / self.count.value, self.dtype)
