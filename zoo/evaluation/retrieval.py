"""Nearest neighbours among feature vectors."""

from __future__ import annotations

import numpy as np

from zoo.errors import ZooError


def nearest(
    queries: np.ndarray, gallery: np.ndarray, count: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the `count` vectors of the gallery most similar to each query, by cosine.

    Args:
        queries: (Q, D) features.
        gallery: (N, D) features.
        count: 1 to N.

    Returns:
        Indices in the gallery and cosines in [-1, 1], both (Q, count), best first; of equals the
        one of lower index. A vector of length 0 has cosine 0 with all.

    Raises:
        ZooError: shapes do not fit, `count` is out of range, or a value is not finite.
    """
    queries, gallery = _unit("queries", queries), _unit("gallery", gallery)
    if queries.shape[1] != gallery.shape[1]:
        raise ZooError(
            f"queries have {queries.shape[1]} features, the gallery has {gallery.shape[1]}"
        )
    if not 1 <= count <= len(gallery):
        raise ZooError(f"count is {count}; legal is 1 to {len(gallery)}, the size of the gallery")
    cosines = queries @ gallery.T  # (Q, N)
    indices = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return indices, np.take_along_axis(cosines, indices, axis=1)


def leave_one_out(features: np.ndarray, labels: np.ndarray) -> float:
    """Share of vectors whose nearest other vector has the same label, such as the identity.

    Args:
        features: (N, D).
        labels: (N,).

    Raises:
        ZooError: fewer than two vectors, or shapes that do not fit.
    """
    labels = np.asarray(labels)
    if labels.shape != np.shape(features)[:1] or len(labels) < 2:
        raise ZooError(
            f"features and labels must be (N, D) and (N,), N at least 2; "
            f"received {np.shape(features)} and {labels.shape}"
        )
    indices, _ = nearest(features, features, 2)
    itself = indices[:, 0] == np.arange(len(labels))  # not if there is a twin before it
    others = np.where(itself, indices[:, 1], indices[:, 0])
    return float(np.mean(labels[others] == labels))


def _unit(name: str, vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, np.float64)
    if vectors.ndim != 2 or 0 in vectors.shape or not np.isfinite(vectors).all():
        raise ZooError(f"{name} must be (N, D), finite, not empty; received {vectors.shape}")
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
