"""Losses of classifiers."""

from __future__ import annotations

import tensorflow as tf


def binary_cross_entropy(labels, logits):
    """Sigmoid cross entropy, averaged over samples and attributes.

    Args:
        labels: `(B, n)`, 0 or 1.
        logits: `(B, n)`, float32.
    """
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits))


def weight_decay(variables):
    """Half the sum of squares of the kernels among the variables, as TF-Slim's L2 regulariser.

    Args:
        variables: of a network; only those with two axes or more count.
    """
    kernels = [v for v in variables if len(v.shape) > 1]
    return tf.add_n([tf.nn.l2_loss(tf.cast(v, "float32")) for v in kernels])
