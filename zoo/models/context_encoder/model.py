"""Context Encoder for inpainting: losses and training step."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from zoo import replicas
from zoo.errors import ZooError
from zoo.gan import GANModel
from zoo.losses import adversarial
from zoo.models.arguments import check_choice, check_width
from zoo.models.context_encoder import networks
from zoo.models.context_encoder.networks import Discriminator, Generator

# R, G, B of the hole, 0..255. The code assigns ImageNet's means of B, G, R to R, G, B.
HOLE_COLORS = {"official": (117.0, 104.0, 123.0), "paper": (123.0, 117.0, 104.0)}
_OVERLAPS = {"official": 4, "paper": 7}
_OVERLAP_WEIGHT = 10.0  # paper and code


class ContextEncoder(GANModel):
    """Fills a hole from its surroundings, through a bottleneck that sees the whole image.

    With `region="center"` the hole is the square of half the side in the middle and the generator
    returns that square only. `overlap` pixels along its border stay visible; the prediction
    overlaps them, is held to them ten times harder, and is pasted without them. **The mask must
    then lie within the centre**: `call` erases the whole visible hole of the centre whatever the
    mask says, and leaves alone what the mask marks outside it. With `region="random"` the
    generator returns the whole image, of which the masked pixels are pasted.

    One training step::

        x_gen = G(erased image)
        update D on  BCE(D(truth), 1) + BCE(D(x_gen), 0)
        update G on  0.999 mean (x_gen - truth)^2 + 0.001 BCE(D(x_gen), 1)

    Both gradients are taken before either update: the released code, too, takes D's output for
    G's step from before D's update. D sees the raw prediction, without its surroundings.

    Args:
        image_size: side of the images, pixels: 128 or 64 (official code, 64 with random regions),
            or 32 (ours).
        region: "center" or "random".
        variant: "official" reproduces the released code: its hole colour, convolutions whose biases
            stay zero and take no part in training (the code resets them before every step), and a
            loss over the whole prediction. "paper" follows the text: ImageNet's mean colour in its
            proper order, trained biases, and with random regions a loss over the hole only.
        overlap: with "center" the width of the overlap, pixels, by default 4 ("official") or 7
            ("paper"); with "random" and "official" 1 weights known pixels ten times, 0 (default)
            all alike.
        conditional: let D see the surroundings too ("center" only), an option of the code that is
            off by default: D then learns the seam instead of the content.
        n_bottleneck: units of the bottleneck. The code's default is 100, its releases have 4000.
        nz: noise values beside the bottleneck, an option of the code (100) that is off by default.
            Drawn anew in each training step; zero in `call`.
        noise_type: "normal", N(0, 1), or "uniform", from -1 to 1.
        width: factor on the other channels of both networks.
        loss_weights: overrides by network and loss. An adversarial weight of 0 in both networks
            trains without D.

    Source: Pathak et al., CVPR 2016 (arXiv:1604.07379); released code.
    """

    zoo_name = "context_encoder"
    task = "complete"
    input_keys = ("image", "mask")
    channels = {"image": 3, "mask": 1}
    default_loss_weights = {
        "generator": {"reconstruction": 0.999, "adversarial": 0.001},
        "discriminator": {"adversarial": 1.0},
    }
    fixed_size = True

    def __init__(
        self,
        *,
        image_size: int = 128,
        region: str = "center",
        variant: str = "official",
        overlap: int | None = None,
        conditional: bool = False,
        n_bottleneck: int = 4000,
        nz: int = 0,
        noise_type: str = "normal",
        width: float = 1.0,
        loss_weights: dict[str, dict[str, float]] | None = None,
        name: str | None = None,
    ):
        check_choice("region", region, networks.REGIONS)
        check_choice("variant", variant, networks.VARIANTS)
        check_choice("image_size", image_size, networks.IMAGE_SIZES)
        centered = region == "center"
        if overlap is None:
            overlap = min(_OVERLAPS[variant], image_size // 4 - 2) if centered else 0
        most = image_size // 4 - 2 if centered else int(variant == "official")
        if not 0 <= overlap <= most:
            raise ZooError(f"overlap is {overlap}; legal for {region}, {variant} is 0 to {most}")
        if conditional and not centered:
            raise ZooError("conditional is True; legal with region 'random' is False")
        if not 1 <= n_bottleneck <= 100_000:
            raise ZooError(f"n_bottleneck is {n_bottleneck}; legal is 1 to 100000")
        if not 0 <= nz <= 100_000:
            raise ZooError(f"nz is {nz}; legal is 0 (no noise) to 100000")
        check_choice("noise_type", noise_type, networks.NOISE_TYPES)
        check_width(width)
        super().__init__(image_size=image_size, loss_weights=loss_weights, name=name)
        self.region = region
        self.variant = variant
        self.overlap = overlap
        self.conditional = conditional
        self.n_bottleneck = n_bottleneck
        self.nz = nz
        self.noise_type = noise_type
        self.width = width
        self.output_size = image_size // 2 if centered else image_size
        self.generator = Generator(
            image_size, self.output_size, n_bottleneck, width, nz, name="generator"
        )
        self.discriminator = Discriminator(
            self.output_size, width, conditional, name="discriminator"
        )
        empty = tf.zeros((1, image_size, image_size, 3))
        self.discriminator(self.generator(empty, tf.zeros((1, nz))), empty)
        if variant == "official":
            for convolution in self.generator.convolutions + self.discriminator.convolutions:
                convolution.bias.trainable = False
        self.built = True

    @property
    def pad_multiple(self) -> int:
        return self.default_size

    @property
    def centered_hole(self) -> float | None:
        """Share of the side that a hole in the centre may take; None = a hole may be anywhere."""
        if self.region == "random":
            return None
        return (self.output_size - 2 * self.overlap) / self.default_size

    # Forward -----------------------------------------------------------------------------------

    def forward(self, batch: dict) -> dict:
        """`generated` and `truth`, `(B, S, S, 3)`, and D's logits `real` and `fake` of them."""
        self.check_batch(batch)
        truth = self._predicted_part(batch["image"])
        erased = self._erased(batch)
        generated = self.generator(erased, self._noise(tf.shape(erased)[0]), training=True)
        outputs = {"generated": generated, "truth": truth}
        if any("adversarial" in losses for losses in self.loss_weights.values()):
            # two calls, each with batch norm's statistics of its own, as in the code
            outputs["real"] = self.discriminator(truth, erased, training=True)
            outputs["fake"] = self.discriminator(generated, erased, training=True)
        return outputs

    def call(self, batch, training=False):
        self.check_batch(batch)
        erased = self._erased(batch)
        generated = self.generator(erased, tf.zeros((tf.shape(erased)[0], self.nz)))
        margin = [(self.default_size - self.output_size) // 2] * 2
        generated = tf.pad(generated, [[0, 0], margin, margin, [0, 0]])  # to the image's size
        pasted = batch["mask"] * self._hole(batch)
        return generated * pasted + batch["image"] * (1.0 - pasted)

    def _noise(self, batch_size):
        """This step's noise, `(B, nz)`."""
        shape, seed = (batch_size, self.nz), tf.stack([self.step.value, 0])
        if self.noise_type == "uniform":
            return 2.0 * replicas.uniform(shape, seed) - 1.0
        return replicas.normal(shape, seed)

    def _erased(self, batch):
        hole = self._hole(batch)
        color = tf.constant(HOLE_COLORS[self.variant]) / 127.5 - 1.0
        return batch["image"] * (1.0 - hole) + color * hole

    def _hole(self, batch):
        """What the generator does not see, 1 = hole: the mask, or the centre but the overlap."""
        if self.region == "random":
            return batch["mask"]
        inside = np.zeros((1, self.default_size, self.default_size, 1), "float32")
        border = self.default_size // 4 + self.overlap
        inside[:, border:-border, border:-border] = 1.0
        return tf.constant(inside)

    def _predicted_part(self, image):
        border = (self.default_size - self.output_size) // 2
        return image[:, border : border + self.output_size, border : border + self.output_size]

    # Losses ------------------------------------------------------------------------------------

    def generator_losses(self, batch: dict, outputs: dict) -> dict:
        losses = {}
        if "reconstruction" in self.loss_weights["generator"]:
            error = tf.square(outputs["generated"] - outputs["truth"])
            losses["reconstruction"] = tf.reduce_mean(self._error_weights(batch) * error)
        if "adversarial" in self.loss_weights["generator"]:
            losses["adversarial"] = adversarial.cross_entropy_generator(outputs["fake"])
        return losses

    def _error_weights(self, batch):
        """Weight of the squared error at each pixel of the prediction, `(B or 1, S, S, 1)`."""
        known = 1.0 - self._predicted_part(self._hole(batch))
        if self.region == "random" and self.variant == "paper":
            return 1.0 - known
        return 1.0 + (_OVERLAP_WEIGHT - 1.0) * known if self.overlap else tf.ones_like(known)

    def discriminator_losses(self, batch: dict, outputs: dict) -> dict:
        if "adversarial" not in self.loss_weights["discriminator"]:
            return {}
        loss = adversarial.cross_entropy_discriminator(outputs["real"], outputs["fake"])
        return {"adversarial": loss}

    # Step --------------------------------------------------------------------------------------

    def train_step(self, batch):
        self.descend(batch, *(group for group, weights in self.loss_weights.items() if weights))
        return self.finish_step()

    def get_config(self) -> dict:
        return {
            "image_size": self.default_size,
            "region": self.region,
            "variant": self.variant,
            "overlap": self.overlap,
            "conditional": self.conditional,
            "n_bottleneck": self.n_bottleneck,
            "nz": self.nz,
            "noise_type": self.noise_type,
            "width": self.width,
            "loss_weights": self.all_loss_weights,
            "name": self.name,
        }
