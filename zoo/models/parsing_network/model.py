"""Parsing network: loss and training step."""

from __future__ import annotations

import tensorflow as tf

from zoo.errors import ZooError
from zoo.gan import GANModel
from zoo.models.arguments import check_width
from zoo.models.parsing_network.networks import CLASSES, DEPTH, Parser

# Helen's classes stay; glasses count as skin, neck and clothes as background, as Helen has them.
TO_HELEN = (*range(CLASSES), 1, 0, 0)


class ParsingNetwork(GANModel):
    """Labels every pixel of a face with one of Helen's 11 classes.

    Background, skin, left and right brow, left and right eye, nose, upper lip, inner mouth, lower
    lip, hair. Trained once on labelled faces; Generative Face Completion then keeps it frozen and
    asks that a completed face has the labels of the true one.

    One training step::

        update the parser on  E over pixels[cross entropy(logits with dropout, labels)]

    Args:
        image_size: side of the training images, pixels; a multiple of 32. No weight depends on it.
        width: factor on the channels.
        dropout: share of features dropped in training after each decoder block.
        loss_weights: overrides by network and loss.

    Source: network of the official code of Li et al., CVPR 2017 (arXiv:1704.05838); how the
    authors trained it is not published, the loss here is ours.
    """

    zoo_name = "parsing_network"
    task = "parse"
    input_keys = ("image",)
    training_keys = ("parsing",)
    channels = {"image": 3, "parsing": None}
    network_names = ("parser",)
    default_loss_weights = {"parser": {"cross_entropy": 1.0}}

    def __init__(
        self,
        *,
        image_size: int = 128,
        width: float = 1.0,
        dropout: float = 0.5,
        loss_weights: dict[str, dict[str, float]] | None = None,
        name: str | None = None,
    ):
        if image_size < 32 or image_size % 32:
            raise ZooError(f"image_size is {image_size}; legal are multiples of 32")
        check_width(width)
        if not 0.0 <= dropout < 1.0:
            raise ZooError(f"dropout is {dropout}; legal is 0 to less than 1")
        super().__init__(image_size=image_size, loss_weights=loss_weights, name=name)
        self.width = width
        self.dropout = dropout
        self.parser = Parser(width, dropout, name="parser")
        self.parser(tf.zeros((1, 32, 32, 3)))
        self.built = True

    @property
    def pad_multiple(self) -> int:
        return 2**DEPTH

    def forward(self, batch: dict) -> dict:
        """`logits` with dropout, `(B, H, W, 11)`."""
        self.check_batch(batch)
        seed = tf.stack([self.step.value, 0])
        return {"logits": self.parser(batch["image"], dropout_seed=seed)}

    def call(self, batch, training=False):
        self.check_batch(batch)
        return self.parser(batch["image"])

    def parser_losses(self, batch: dict, outputs: dict) -> dict:
        labels = tf.gather(tf.constant(TO_HELEN, "int32"), batch["parsing"])
        errors = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs["logits"])
        return {"cross_entropy": tf.reduce_mean(errors)}

    def train_step(self, batch):
        self.descend(batch, "parser")
        return self.finish_step()

    def test_step(self, batch):
        self.objective("parser", self.parser_losses(batch, {"logits": self(batch)}))
        return {name: tracker.result() for name, tracker in self._trackers.items()}

    def get_config(self) -> dict:
        return {
            "image_size": self.default_size,
            "width": self.width,
            "dropout": self.dropout,
            "loss_weights": self.all_loss_weights,
            "name": self.name,
        }
