"""How far a face is from its own mirror image."""

from __future__ import annotations

import tensorflow as tf


def symmetry(image):
    """Mean absolute difference of the left half from the mirrored right half.

    The left half has no gradient: it is what the right half is pulled to.

    Args:
        image: `(B, H, W, C)` with an even W.
    """
    half = image.shape[2] // 2
    left, right = image[:, :, :half], image[:, :, half:]
    return tf.reduce_mean(tf.abs(tf.stop_gradient(left) - right[:, :, ::-1]))


def laplacian(image):
    """Eight times each pixel minus its eight neighbours, per channel; zeros around the image.

    Args:
        image: `(B, H, W, C)`; the result has the same shape.
    """
    kernel = tf.constant([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]], image.dtype)
    kernel = tf.tile(kernel[:, :, None, None], (1, 1, image.shape[3], 1))
    return tf.nn.depthwise_conv2d(image, kernel, (1, 1, 1, 1), "SAME")
