"""The labels that a frozen parsing network gives a face, as a loss (Li et al., CVPR 2017)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from zoo import presets
from zoo.errors import ZooError
from zoo.registry import create

_RANDOM_WIDTH = 1 / 16


class FrozenParser:
    """A parsing network that is neither trained nor saved with the model that uses it.

    Args:
        source: name or directory of a preset of `parsing_network` (the directory of a training run
            is one, too), or "random": seeded random weights and a sixteenth of the channels, for
            tests and trial runs; it knows nothing of faces.

    Raises:
        ZooError: no such preset, or one of another model.
    """

    def __init__(self, source: str):
        self.name = source
        model = _random() if source == "random" else presets.load(source)
        if model.zoo_name != "parsing_network":
            raise ZooError(
                f"parser {source!r} is a preset of {model.zoo_name}; legal are presets of "
                "parsing_network"
            )
        self.network = model.parser
        self.network.trainable = False

    def __call__(self, image, dropout_seed=None):
        """Logits `(B, H, W, 11)` of `image`, `(B, H, W, 3)` RGB in [-1, 1].

        Without `dropout_seed`, an int tensor of shape (2,), nothing is dropped.
        """
        return self.network(image, dropout_seed=dropout_seed)


def label_disagreement(logits, truth):
    """Cross entropy of the labels that `truth` gives, summed over pixels, mean over examples.

    Args:
        logits: `(B, H, W, C)` of generated images.
        truth: `(B, H, W, C)`, logits of the true images; their largest is the label, and no
            gradient goes there.
    """
    labels = tf.argmax(truth, axis=-1)
    errors = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return tf.reduce_mean(tf.reduce_sum(errors, axis=(1, 2)))


def _random():
    model = create("parsing_network", width=_RANDOM_WIDTH)
    rng = np.random.default_rng(0)
    for variable in model.parser.variables:
        fan_in = np.prod(variable.shape[:-1])  # 1 of a bias
        scale = np.sqrt(2.0 / fan_in) if len(variable.shape) > 1 else 0.1
        variable.assign(scale * rng.standard_normal(variable.shape))
    return model
