"""Adversarial objectives and the penalties that keep a critic in bounds."""

from __future__ import annotations

import tensorflow as tf


def linear_discriminator(real, fake):
    """`E[1 - D(real)] + E[1 + D(fake)]`, a hinge loss without the hinge (SC-FEGAN section 3.3).

    Args:
        real: scores of real samples, any shape.
        fake: scores of generated samples, any shape.
    """
    return tf.reduce_mean(1.0 - real) + tf.reduce_mean(1.0 + fake)


def linear_generator(fake):
    """`-E[D(fake)]`, the generator's side of Wasserstein, hinge and linear objectives."""
    return -tf.reduce_mean(fake)


def score_drift(real):
    """`E[D(real)^2]`: holds the critic's scores of real samples near zero (Karras et al. 2018)."""
    return tf.reduce_mean(tf.square(real))


def gradient_penalty(critic, real, fake, mask=None, seed=None):
    """WGAN-GP: `E[(||mask * dD(x)/dx||_2 - 1)^2]` on random points between real and fake samples.

    A sample's score is the sum of the critic's outputs for it, as automatic differentiation of the
    whole output gives.

    Args:
        critic: function of a batch like `real`, returns scores of any shape `(B, ...)`.
        real: `(B, H, W, C)`.
        fake: `(B, H, W, C)`.
        mask: optional `(B, H, W, 1)`; the gradient is counted only where it is 1.
        seed: optional int tensor of shape (2,) for the interpolation coefficients.
    """
    shape = (tf.shape(real)[0], 1, 1, 1)
    if seed is None:
        position = tf.random.uniform(shape, dtype=real.dtype)
    else:
        position = tf.random.stateless_uniform(shape, seed, dtype=real.dtype)
    between = real + position * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        scores = critic(between)
    gradient = tf.cast(tape.gradient(scores, between), "float32")
    if mask is not None:
        gradient *= mask
    norm = tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=(1, 2, 3)) + 1e-12)
    return tf.reduce_mean(tf.square(norm - 1.0))
