"""Light CNN-29: loss and training step."""

from __future__ import annotations

import keras
import tensorflow as tf

from zoo import replicas
from zoo.errors import ZooError
from zoo.gan import GANModel
from zoo.models.arguments import check_width
from zoo.models.light_cnn.networks import Classifier, Extractor


class LightCNN(GANModel):
    """Identity features of aligned faces: two images of one person point the same way.

    Compare features by their cosine. It is the network by which TP-GAN judges identity, in its loss
    and in its evaluation; faces are aligned as `zoo.data.alignment` does.

    One training step::

        logits = fc2(dropout(feature(image)))
        update extractor and classifier on the cross-entropy of the identities

    Args:
        image_size: side of the images, pixels; a multiple of 16 from 32 to 256. 128 is the
            authors'; the size decides the shape of the dense layer.
        width: factor on the channels; the feature always has 256 values.
        identities: people in the training set. None = no classifier: for inference only.
        dropout: share of the feature's values that a training step drops.
        loss_weights: overrides by network and loss.

    Source: Wu et al., IEEE TIFS 2018 (arXiv:1511.02683); structure of the authors' PyTorch code
    (LightCNN_29Layers, not "v2").
    """

    zoo_name = "light_cnn"
    task = "embed"
    input_keys = ("image",)
    training_keys = ("identity",)
    channels = {"image": 3}
    vectors = {"identity": ()}
    output_key = "feature"
    network_names = ("extractor",)
    default_loss_weights = {"extractor": {"cross_entropy": 1.0}}
    fixed_size = True

    def __init__(
        self,
        *,
        image_size: int = 128,
        width: float = 1.0,
        identities: int | None = None,
        dropout: float = 0.5,
        loss_weights: dict[str, dict[str, float]] | None = None,
        name: str | None = None,
    ):
        if not 32 <= image_size <= 256 or image_size % 16:
            raise ZooError(f"image_size is {image_size}; legal are multiples of 16 from 32 to 256")
        check_width(width)
        if identities is not None and identities < 2:
            raise ZooError(f"identities is {identities}; legal are 2 and more, or None")
        if not 0.0 <= dropout < 1.0:
            raise ZooError(f"dropout is {dropout}; legal is at least 0 and less than 1")
        super().__init__(image_size=image_size, loss_weights=loss_weights, name=name)
        self.width = width
        self.identities = identities
        self.dropout = dropout
        self.extractor = Extractor(width, name="extractor")
        feature, _ = self.extractor(tf.zeros((1, image_size, image_size, 1)))
        if identities is not None:
            self.network_names = ("extractor", "classifier")
            self.classifier = Classifier(identities, name="classifier")
            self.classifier(feature)
        self.built = True

    @property
    def pad_multiple(self) -> int:
        return 16

    def optimized(self, name: str) -> list[keras.Variable]:
        return self.trainable_variables

    def compile(self, optimizers: dict, **kwargs):
        if self.identities is None:
            raise ZooError("light_cnn has no classifier; create it with identities=N to train it")
        super().compile(optimizers, **kwargs)

    def features(self, image):
        """`(feature (B, 256), map (B, H/16, W/16, 128))` of RGB images in [-1, 1]."""
        return self.extractor(0.5 + 0.5 * tf.reduce_mean(image, axis=-1, keepdims=True))

    def call(self, batch, training=False):
        self.check_batch(batch)
        return self.features(batch["image"])[0]

    def forward(self, batch: dict) -> dict:
        """`feature` and the `logits` of the identities, with dropout."""
        self.check_batch(batch)
        feature, _ = self.features(batch["image"])
        seed = tf.stack([self.step.value, 0])
        dropped = replicas.dropout(feature, self.dropout, seed)
        return {"feature": feature, "logits": self.classifier(dropped)}

    def extractor_losses(self, batch: dict, outputs: dict) -> dict:
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
            batch["identity"], outputs["logits"]
        )
        return {"cross_entropy": tf.reduce_mean(entropy)}

    def train_step(self, batch):
        self.descend(batch, "extractor")
        return self.finish_step()

    def get_config(self) -> dict:
        return {
            "image_size": self.default_size,
            "width": self.width,
            "identities": self.identities,
            "dropout": self.dropout,
            "loss_weights": self.all_loss_weights,
            "name": self.name,
        }
