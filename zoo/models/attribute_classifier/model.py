"""The attribute classifier: losses and training step."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from zoo.attributes import CELEBA_ATTRIBUTES
from zoo.errors import ZooError
from zoo.gan import GANModel
from zoo.losses import classification
from zoo.models.arguments import check_attribute_names, check_width
from zoo.models.attribute_classifier.networks import LEVELS, Classifier


class AttributeClassifier(GANModel):
    """Says which attributes a face has; made to score edited faces.

    One training step::

        update the classifier on  BCE(a, C(x)) + 1e-4 sum w^2 / 2 over its kernels

    `call` returns logits `(B, n)`; an attribute is present where its logit is above 0.

    Args:
        image_size: side of the images, pixels; a multiple of 32, 128 as released. Other sizes than
            this one do not fit the dense layers.
        attribute_names: of the attributes; CelebA's 40 by default.
        width: factor on all channels.
        loss_weights: overrides by network and loss.

    Source: the scoring code released with STGAN (Liu et al., CVPR 2019).
    """

    zoo_name = "attribute_classifier"
    task = "classify"
    input_keys = ("image",)
    training_keys = ("attributes",)
    channels = {"image": 3}
    output_key = "logits"
    network_names = ("classifier",)
    default_loss_weights = {"classifier": {"attributes": 1.0, "weight_decay": 1e-4}}
    fixed_size = True

    def __init__(
        self,
        *,
        image_size: int = 128,
        attribute_names: Sequence[str] = CELEBA_ATTRIBUTES,
        width: float = 1.0,
        loss_weights: dict[str, dict[str, float]] | None = None,
        name: str | None = None,
    ):
        if image_size < self.pad_multiple or image_size % self.pad_multiple:
            raise ZooError(
                f"image_size is {image_size}; legal are multiples of {self.pad_multiple}"
            )
        check_width(width)
        check_attribute_names(attribute_names)
        super().__init__(image_size=image_size, loss_weights=loss_weights, name=name)
        self.attribute_names = tuple(attribute_names)
        self.width = width
        self.vectors = {"attributes": (len(attribute_names),)}
        self.classifier = Classifier(len(attribute_names), width, name="classifier")
        self.classifier(tf.zeros((1, image_size, image_size, 3)))
        self.built = True

    @property
    def pad_multiple(self) -> int:
        return 2**LEVELS

    def forward(self, batch: dict) -> dict:
        """The `logits` `(B, n)`, with the batch's own statistics in the norms."""
        return {"logits": self.classifier(batch["image"], training=True)}

    def call(self, batch, training=False):
        self.check_batch(batch)
        return self.classifier(batch["image"])

    def classifier_losses(self, batch: dict, outputs: dict) -> dict:
        labels, logits = batch["attributes"], outputs["logits"]
        losses = {
            "attributes": classification.binary_cross_entropy(labels, logits),
            "weight_decay": classification.weight_decay(self.classifier.trainable_variables),
        }
        return {key: losses[key] for key in self.loss_weights["classifier"]}

    def train_step(self, batch):
        self.descend(batch, "classifier")
        return self.finish_step()

    def get_config(self) -> dict:
        return {
            "image_size": self.default_size,
            "attribute_names": list(self.attribute_names),
            "width": self.width,
            "loss_weights": self.all_loss_weights,
            "name": self.name,
        }
