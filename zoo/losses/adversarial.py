"""Adversarial objectives and the penalties that keep a critic in bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from zoo import replicas


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


def wasserstein_discriminator(real, fake):
    """`E[D(fake)] - E[D(real)]` (Arjovsky et al. 2017)."""
    return tf.reduce_mean(fake) - tf.reduce_mean(real)


def cross_entropy(logits, label: float):
    """Mean binary cross entropy of logits, of any shape, with one label for all."""
    labels = tf.fill(tf.shape(logits), label)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))


def cross_entropy_discriminator(real, fake):
    """Binary cross entropy, real is 1 and fake is 0 (Goodfellow et al. 2014)."""
    return cross_entropy(real, 1.0) + cross_entropy(fake, 0.0)


def cross_entropy_generator(fake):
    """`-E[log D(fake)]`, the form that does not saturate (Goodfellow et al. 2014)."""
    return cross_entropy(fake, 1.0)


def least_squares_discriminator(real, fake):
    """`E[(D(real) - 1)^2] + E[D(fake)^2]` (Mao et al. 2017)."""
    return tf.reduce_mean(tf.square(real - 1.0)) + tf.reduce_mean(tf.square(fake))


def least_squares_generator(fake):
    """`E[(D(fake) - 1)^2]`."""
    return tf.reduce_mean(tf.square(fake - 1.0))


def hinge_discriminator(real, fake):
    """`E[max(0, 1 - D(real))] + E[max(0, 1 + D(fake))]` (Lim and Ye 2017)."""
    return tf.reduce_mean(tf.nn.relu(1.0 - real)) + tf.reduce_mean(tf.nn.relu(1.0 + fake))


def hinge_generator(fake):
    """`E[max(0, 1 - D(fake))]`: stops at a score of 1, unlike `linear_generator`."""
    return tf.reduce_mean(tf.nn.relu(1.0 - fake))


class Objectives(NamedTuple):
    """What the two sides minimise: functions of scores of any shape."""

    discriminator: Callable
    generator: Callable


_CROSS_ENTROPY = Objectives(cross_entropy_discriminator, cross_entropy_generator)

OBJECTIVES = {
    "wgan": Objectives(wasserstein_discriminator, linear_generator),
    "lsgan": Objectives(least_squares_discriminator, least_squares_generator),
    "gan": _CROSS_ENTROPY,
    "dcgan": _CROSS_ENTROPY,
    "hinge_v1": Objectives(hinge_discriminator, hinge_generator),
    "hinge_v2": Objectives(hinge_discriminator, linear_generator),
}
"""By the names of the released codes of AttGAN ("gan") and STGAN ("dcgan")."""


def score_drift(real):
    """`E[D(real)^2]`: holds the critic's scores of real samples near zero (Karras et al. 2018)."""
    return tf.reduce_mean(tf.square(real))


# Gradient penalties ----------------------------------------------------------------------------


def between(real, fake, seed):
    """A random point on the line from each real to each fake sample (WGAN-GP).

    Args:
        real: `(B, H, W, C)`.
        fake: `(B, H, W, C)`.
        seed: int tensor of shape (2,).
    """
    shape = (tf.shape(real)[0], 1, 1, 1)
    position = tf.cast(replicas.uniform(shape, seed), real.dtype)
    return real + position * (fake - real)


def around(real, seed):
    """A random point near each real sample (DRAGAN, in the form of STGAN's and AttGAN's codes).

    It lies between the sample and itself with uniform noise added, at most half the standard
    deviation of the whole batch. Arguments as for `between`.
    """
    noise_seed, seed = tf.unstack(tf.random.split(seed, 2))
    noise = tf.cast(replicas.uniform(tf.shape(real), noise_seed), real.dtype)
    mean, square = replicas.mean([tf.reduce_mean(real), tf.reduce_mean(tf.square(real))])
    deviation = tf.sqrt(tf.nn.relu(square - tf.square(mean)))  # rounding may fall below 0
    return between(real, real + 0.5 * deviation * noise, seed)


POINTS = {
    "line": between,
    "dragan": lambda real, fake, seed: around(real, seed),
    "real": lambda real, fake, seed: real,
    "fake": lambda real, fake, seed: fake,
}
"""Where a penalty looks: functions of real and fake samples and a seed."""


def from_one(norm):
    """`(norm - 1)^2` (WGAN-GP)."""
    return tf.square(norm - 1.0)


def from_zero(norm):
    """`norm^2` (R1 and R2, Mescheder et al. 2018)."""
    return tf.square(norm)


def above_one(norm):
    """`max(0, norm - 1)^2`: smaller slopes are free (WGAN-LP, Petzka et al. 2018)."""
    return tf.square(tf.nn.relu(norm - 1.0))


PENALTIES = {"1-gp": from_one, "0-gp": from_zero, "lp": above_one}
"""What a slope costs, by the names of AttGAN's code."""


def gradient_penalty(critic, points, mask=None, penalty: Callable = from_one):
    """`E[penalty(||mask * dD(x)/dx||_2)]` at the points x.

    A sample's score is the sum of the critic's outputs for it, as automatic differentiation of the
    whole output gives.

    Args:
        critic: function of a batch like `points`, returns scores of any shape `(B, ...)`.
        points: `(B, H, W, C)`; see `between` and `around`.
        mask: optional `(B, H, W, 1)`; the gradient is counted only where it is 1.
        penalty: function of the norms `(B,)`.
    """
    with tf.GradientTape() as tape:
        tape.watch(points)
        scores = critic(points)
    gradient = tf.cast(tape.gradient(scores, points), "float32")
    if mask is not None:
        gradient *= mask
    norm = tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=(1, 2, 3)) + 1e-12)
    return tf.reduce_mean(penalty(norm))
