"""Distances between images."""

from __future__ import annotations

import tensorflow as tf


def masked_l1(image, truth, mask, hole_weight: float = 1.0):
    """`mean|(1 - mask)(image - truth)| + hole_weight * mean|mask (image - truth)|`.

    Both means run over all elements of the image, so the value falls with the hole's area
    (PConv's convention; SC-FEGAN equation for L_per-pixel with `hole_weight` = alpha).

    Args:
        image: `(B, H, W, C)`.
        truth: `(B, H, W, C)`.
        mask: `(B, H, W, 1)`, 1 = hole.
        hole_weight: how much more an error inside the hole costs.
    """
    error = tf.abs(image - truth)
    return tf.reduce_mean((1.0 + (hole_weight - 1.0) * mask) * error)


def total_variation(image, mask):
    """Mean absolute step between horizontal and vertical neighbours that both lie in the hole.

    `mean over rows + mean over columns`, each over all elements of the difference image.

    Args:
        image: `(B, H, W, C)`.
        mask: `(B, H, W, 1)`, 1 = hole.
    """
    down = (image[:, 1:] - image[:, :-1]) * mask[:, 1:] * mask[:, :-1]
    right = (image[:, :, 1:] - image[:, :, :-1]) * mask[:, :, 1:] * mask[:, :, :-1]
    return tf.reduce_mean(tf.abs(down)) + tf.reduce_mean(tf.abs(right))
