"""SC-FEGAN: losses and training step."""

from __future__ import annotations

import tensorflow as tf

from zoo.errors import ZooError
from zoo.gan import GANModel
from zoo.losses import adversarial, perceptual, reconstruction
from zoo.models.arguments import check_choice, check_width
from zoo.models.sc_fegan import networks
from zoo.models.sc_fegan.networks import Discriminator, Generator


class SCFEGAN(GANModel):
    """Face editing generative adversarial network with user's sketch and colour.

    Completes the hole of a face so that it follows the lines and colours drawn into it.

    One training step::

        x_gen = G(erased image, sketch, colour, mask, noise);  x_comp = x_gen in the hole
        update D on  E[1 - D(truth)] + E[1 + D(x_comp)] + 10 gradient penalty in the hole
                     + 0.001 E[D(truth)^2]
        update G on  pixel + 0.05 perceptual + 120 style + 0.1 TV - 0.001 E[D(x_comp)]

    The E[D(truth)^2] term belongs to L_G in the paper, where it has no gradient; it acts here in
    D's step. The weight `alpha` of errors inside the hole is not published.

    Args:
        image_size: side of the training images, pixels; a power of two from 32 to 1024.
        variant: "official" (fits the released weights) or "paper"; see `networks.Generator`.
        width: factor on the channels of both networks.
        depth: number of halvings in the generator; by default the one with a 4x4 bottleneck.
        alpha: weight of the pixel loss inside the hole; 1 outside.
        perceptual_network: "imagenet", "hed" or a path; see `zoo.losses.perceptual.VGGFeatures`.
            Loaded at `compile`, and only if a perceptual or style weight is not 0.
        loss_weights: overrides by network and loss.

    Source: Jo and Park, ICCV 2019 (arXiv:1902.06838); weights from the paper, `alpha` ours.
    """

    zoo_name = "sc_fegan"
    task = "complete"
    input_keys = ("image", "mask", "sketch", "color", "noise")
    channels = {"image": 3, "mask": 1, "sketch": 1, "color": 3, "noise": 1}
    default_loss_weights = {
        "generator": {
            "pixel": 1.0,
            "perceptual": 0.05,
            "style": 120.0,
            "tv": 0.1,
            "adversarial": 0.001,
        },
        "discriminator": {"adversarial": 1.0, "gradient_penalty": 10.0, "drift": 0.001},
    }

    def __init__(
        self,
        *,
        image_size: int = 512,
        variant: str = "official",
        width: float = 1.0,
        depth: int | None = None,
        alpha: float = 6.0,
        perceptual_network: str = "imagenet",
        loss_weights: dict[str, dict[str, float]] | None = None,
        name: str | None = None,
    ):
        check_choice("variant", variant, networks.VARIANTS)
        if image_size not in (32, 64, 128, 256, 512, 1024):
            raise ZooError(f"image_size is {image_size}; legal are powers of two from 32 to 1024")
        check_width(width)
        if depth is not None and not 2 <= depth <= 7:
            raise ZooError(f"depth is {depth}; legal is 2 to 7")
        super().__init__(image_size=image_size, loss_weights=loss_weights, name=name)
        self.variant = variant
        self.width = width
        self.depth = depth or networks.default_depth(image_size)
        self.alpha = alpha
        self.perceptual_network = perceptual_network
        self.vgg = None
        self.generator = Generator(variant, width, self.depth, name="generator")
        self.discriminator = Discriminator(width, image_size, name="discriminator")
        side = 2**self.depth  # no weight depends on the size of the image
        empty = tf.zeros((1, side, side, networks.INPUT_CHANNELS))
        self.generator(empty)
        self.discriminator(empty)
        self.built = True

    @property
    def pad_multiple(self) -> int:
        return 2**self.depth

    def compile(self, optimizers: dict, **kwargs):
        super().compile(optimizers, **kwargs)
        if self.loss_weights["generator"].keys() & {"perceptual", "style"}:
            self.vgg = perceptual.VGGFeatures(self.perceptual_network)

    # Forward -----------------------------------------------------------------------------------

    def forward(self, batch: dict) -> dict:
        """The generator on the hole: `generated` (raw) and `composite`, both `(B, H, W, 3)`."""
        self.check_batch(batch)
        mask = batch["mask"]
        erased = batch["image"] * (1.0 - mask)
        generated = self.generator(self._with_hints(erased, batch))
        return {"generated": generated, "composite": generated * mask + erased}

    def call(self, batch, training=False):
        return self.forward(batch)["composite"]

    def _with_hints(self, image, batch):
        """`image` with the hints, erased outside it: (B, H, W, 9) in the order of the code."""
        mask = batch["mask"]
        sketch, color, noise = batch["sketch"] * mask, batch["color"] * mask, batch["noise"] * mask
        return tf.concat([image, sketch, color, mask, noise], axis=-1)

    # Losses ------------------------------------------------------------------------------------

    def generator_losses(self, batch: dict, outputs: dict) -> dict:
        truth, mask = batch["image"], batch["mask"]
        generated, composite = outputs["generated"], outputs["composite"]
        weights = self.loss_weights["generator"]
        losses = {}
        if "pixel" in weights:
            losses["pixel"] = reconstruction.masked_l1(generated, truth, mask, self.alpha)
        if self.vgg is not None:
            both = self.vgg(tf.concat([generated, composite], axis=0))  # (2B, ...) three times
            true = [tf.concat([f, f], axis=0) for f in self.vgg(truth)]
            if "perceptual" in weights:  # a sum over the two images, hence twice their mean
                losses["perceptual"] = 2.0 * perceptual.perceptual(both, true)
            if "style" in weights:
                losses["style"] = 2.0 * perceptual.style(both, true)
        if "tv" in weights:
            losses["tv"] = reconstruction.total_variation(composite, mask)
        if "adversarial" in weights:
            scores = self.discriminator(self._with_hints(composite, batch))
            losses["adversarial"] = adversarial.linear_generator(scores)
        return losses

    def discriminator_losses(self, batch: dict, outputs: dict) -> dict:
        truth, composite = batch["image"], tf.stop_gradient(outputs["composite"])
        losses = {}
        # the penalty first: the call below advances spectral norm, with the last part of a batch
        if "gradient_penalty" in self.loss_weights["discriminator"]:
            losses["gradient_penalty"] = adversarial.gradient_penalty(
                lambda image: self.discriminator(self._with_hints(image, batch)),
                adversarial.between(truth, composite, tf.stack([self.step.value, 0])),
                batch["mask"],
            )
        # one call for both: spectral norm advances once a step
        pair = [self._with_hints(truth, batch), self._with_hints(composite, batch)]
        scores = self.discriminator(tf.concat(pair, axis=0), training=True)
        real, fake = tf.split(scores, 2, axis=0)
        losses["adversarial"] = adversarial.linear_discriminator(real, fake)
        losses["drift"] = adversarial.score_drift(real)
        return {key: losses[key] for key in self.loss_weights["discriminator"]}

    # Step --------------------------------------------------------------------------------------

    def train_step(self, batch):
        if self.accumulate > 1:  # the shared pass below would hold the activations of all parts
            self.descend(batch, "discriminator")
            self.descend(batch, "generator")
            return self.finish_step()

        generator_tape = tf.GradientTape()
        with generator_tape:
            outputs = self.forward(batch)

        with tf.GradientTape() as tape:
            losses = self.discriminator_losses(batch, outputs)
            objective = self.objective("discriminator", losses)
        self.update("discriminator", tape, objective)

        with generator_tape:  # goes on: the forward pass above serves both steps
            losses = self.generator_losses(batch, outputs)
            objective = self.objective("generator", losses)
        self.update("generator", generator_tape, objective)

        return self.finish_step()

    def test_step(self, batch):
        self.objective("generator", self.generator_losses(batch, self.forward(batch)))
        return {
            name: tracker.result()
            for name, tracker in self._trackers.items()
            if name.startswith("generator/")
        }

    def get_config(self) -> dict:
        return {
            "image_size": self.default_size,
            "variant": self.variant,
            "width": self.width,
            "depth": self.depth,
            "alpha": self.alpha,
            "perceptual_network": self.perceptual_network,
            "loss_weights": self.all_loss_weights,
            "name": self.name,
        }
