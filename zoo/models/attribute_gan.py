"""What AttGAN and STGAN share: the losses and the training step."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from zoo.errors import ZooError
from zoo.gan import GANModel
from zoo.layers.attribute_editing import AttributeDiscriminator, pyramid
from zoo.losses import adversarial, classification
from zoo.models.arguments import check_attribute_names, check_choice, check_width


class AttributeGAN(GANModel):
    """Base of the attribute editors: an encoder-decoder against a critic that names attributes.

    A subclass makes `self.generator`, says with `condition` in what form the generator receives the
    edit, and calls `finish_networks`.

    One training step uses `critic_updates + 1` batches of images x with attributes a and the
    attributes b of other images::

        `critic_updates` times, each on a fresh batch:
            update D on  mean D(x_b) - mean D(x) + 10 gradient penalty + BCE(a, D_att(x))
        on the last batch, both passes from one code:
            x_b = G(x, edit from a to b);  x_a = G(x, edit from a to a)
            update G on  -mean D(x_b) + 10 BCE(b, D_att(x_b)) + 100 mean |x - x_a|

    `gan_loss` puts another pair of objectives in the place of the Wasserstein ones, `penalty` and
    `penalty_points` another penalty in the place of WGAN-GP's; see `zoo.losses.adversarial`.

    As in the released codes, G's batch norm uses the batch's statistics in D's steps, too, and its
    moving statistics advance there.
    """

    task = "edit"
    input_keys = ("image", "attributes", "target_attributes")
    channels = {"image": 3}
    default_loss_weights = {
        "generator": {"adversarial": 1.0, "attributes": 10.0, "reconstruction": 100.0},
        "discriminator": {"adversarial": 1.0, "gradient_penalty": 10.0, "attributes": 1.0},
    }

    def __init__(
        self,
        *,
        image_size: int,
        attribute_names: Sequence[str],
        dim: int,
        dense_units: int,
        depth: int | None,
        gan_loss: str,
        penalty: str,
        penalty_points: str,
        critic_updates: int,
        width: float,
        loss_weights: dict | None,
        name: str | None,
    ):
        check_width(width)
        check_choice("gan_loss", gan_loss, adversarial.OBJECTIVES)
        check_choice("penalty", penalty, adversarial.PENALTIES)
        check_choice("penalty_points", penalty_points, adversarial.POINTS)
        for argument, value in (
            ("dim", dim),
            ("dense_units", dense_units),
            ("critic_updates", critic_updates),
        ):
            if value < 1:
                raise ZooError(f"{argument} is {value}; legal is at least 1")
        depth = depth or default_depth(image_size)
        if not 2 <= depth <= 7:
            raise ZooError(f"depth is {depth}; legal is 2 to 7")
        if image_size < 2**depth or image_size % 2**depth:
            raise ZooError(f"image_size is {image_size}; legal are multiples of {2**depth}")
        check_attribute_names(attribute_names)
        super().__init__(image_size=image_size, loss_weights=loss_weights, name=name)
        self.attribute_names = tuple(attribute_names)
        self.dim = dim
        self.dense_units = dense_units
        self.depth = depth
        self.gan_loss = gan_loss
        self.penalty = penalty
        self.penalty_points = penalty_points
        self.critic_updates = critic_updates
        self.batches_per_step = critic_updates + 1
        self.updates_per_step = {"discriminator": critic_updates}
        self.width = width
        if gan_loss == "wgan":
            self.balanced = ("discriminator/score/bias",)
        count = len(attribute_names)
        self.vectors = {"attributes": (count,), "target_attributes": (count,)}
        self.encoder_channels = pyramid(scaled(dim, width), depth)

    def finish_networks(self) -> None:
        """Makes the discriminator and builds both networks."""
        count = len(self.attribute_names)
        self.discriminator = AttributeDiscriminator(
            self.encoder_channels, scaled(self.dense_units, self.width), count, name="discriminator"
        )
        size = self.default_size  # of the discriminator's dense layers
        self.generator(tf.zeros((1, size, size, 3)), tf.zeros((1, count)))
        self.discriminator(tf.zeros((1, size, size, 3)))
        self.built = True

    @property
    def pad_multiple(self) -> int:
        return 2**self.depth

    def condition(self, batch: dict, target):
        """The edit towards the attributes `target` `(B, n)` as the generator receives it."""
        raise NotImplementedError

    # Forward -----------------------------------------------------------------------------------

    def call(self, batch, training=False):
        self.check_batch(batch)
        return self.generator(batch["image"], self.condition(batch, batch["target_attributes"]))

    def forward(self, batch: dict) -> dict:
        """The images `edited` and `reconstructed` `(B, H, W, 3)` from one pass of the encoder."""
        features = self.generator.encoder(batch["image"], training=True)
        edits = {"edited": batch["target_attributes"], "reconstructed": batch["attributes"]}
        return {
            key: self.generator.decode(features, self.condition(batch, target), training=True)
            for key, target in edits.items()
        }

    # Losses ------------------------------------------------------------------------------------

    def generator_losses(self, batch: dict, outputs: dict) -> dict:
        scores, logits = self.discriminator(outputs["edited"])
        losses = {
            "adversarial": adversarial.OBJECTIVES[self.gan_loss].generator(scores),
            "attributes": classification.binary_cross_entropy(batch["target_attributes"], logits),
            "reconstruction": tf.reduce_mean(tf.abs(batch["image"] - outputs["reconstructed"])),
        }
        return {key: losses[key] for key in self.loss_weights["generator"]}

    def discriminator_losses(self, batch: dict, outputs: dict) -> dict:
        """`outputs["update"]` numbers the updates of D within a step: each draws its own points."""
        image, edited = batch["image"], tf.stop_gradient(outputs["edited"])
        scores, logits = self.discriminator(tf.concat([image, edited], axis=0))
        (real, fake), (logits, _) = tf.split(scores, 2), tf.split(logits, 2)
        losses = {
            "adversarial": adversarial.OBJECTIVES[self.gan_loss].discriminator(real, fake),
            "attributes": classification.binary_cross_entropy(batch["attributes"], logits),
        }
        if "gradient_penalty" in self.loss_weights["discriminator"]:
            seed = tf.stack([self.step.value, outputs.get("update", 0)])
            losses["gradient_penalty"] = adversarial.gradient_penalty(
                lambda points: self.discriminator(points)[0],
                adversarial.POINTS[self.penalty_points](image, edited, seed),
                penalty=adversarial.PENALTIES[self.penalty],
            )
        return {key: losses[key] for key in self.loss_weights["discriminator"]}

    # Step --------------------------------------------------------------------------------------

    def compile(self, optimizers: dict, **kwargs):
        super().compile(optimizers, **kwargs)
        # Traced once for all updates. Not under a strategy: its replicas must meet in
        # `update`, and TensorFlow lets them do so in the outermost function only.
        alone = not tf.distribute.has_strategy()
        self._critic_step = tf.function(self.critic_step) if alone else self.critic_step

    def train_step(self, batch):
        parts = {key: tf.split(value, self.batches_per_step) for key, value in batch.items()}
        for i in range(self.critic_updates):
            part = {key: part[i] for key, part in parts.items()}
            self._critic_step(part, tf.constant(i, "int64"))

        last = {key: part[-1] for key, part in parts.items()}
        self.descend(last, "generator")
        return self.finish_step()

    def critic_step(self, batch, number):
        """One update of the discriminator, the `number`-th of this step."""

        def edited(part):
            edit = self.condition(part, part["target_attributes"])
            return {"edited": self.generator(part["image"], edit, training=True), "update": number}

        self.descend(batch, "discriminator", forward=edited)

    def get_config(self) -> dict:
        return {
            "image_size": self.default_size,
            "attribute_names": list(self.attribute_names),
            "dim": self.dim,
            "dense_units": self.dense_units,
            "depth": self.depth,
            "gan_loss": self.gan_loss,
            "penalty": self.penalty,
            "penalty_points": self.penalty_points,
            "critic_updates": self.critic_updates,
            "width": self.width,
            "loss_weights": self.all_loss_weights,
            "name": self.name,
        }


def default_depth(image_size: int) -> int:
    """Number of halvings that leaves a 4x4 code, at most the papers' five."""
    return max(2, min(5, image_size.bit_length() - 3))


def scaled(channels: int, width: float) -> int:
    """`channels * width`, at least 4 unless there were fewer."""
    return max(min(4, channels), round(channels * width))
