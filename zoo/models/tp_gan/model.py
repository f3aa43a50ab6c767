"""TP-GAN: losses and training step."""

from __future__ import annotations

import keras
import tensorflow as tf

from zoo import replicas
from zoo.errors import ZooError
from zoo.gan import GANModel
from zoo.losses.adversarial import cross_entropy
from zoo.losses.identity import IdentityFeatures, identity
from zoo.losses.symmetry import laplacian, symmetry
from zoo.models.arguments import check_choice, check_width
from zoo.models.tp_gan import patches
from zoo.models.tp_gan.networks import (
    NOISE,
    NOISE_STDDEV,
    Discriminator,
    Generator,
    IdentityHead,
)

VARIANTS = ("official", "paper")
_PAPER_WEIGHTS = {
    "generator": {"identity": 3e-3, "adversarial": 1e-3, "classification": 1e-3, "tv": 1e-4}
}
_REAL_LABEL = 0.9  # code: one-sided label smoothing
_DROPOUT = 0.7  # code: of the code, before the identity head
_MAXIMUM = 255.0 / 256.0  # code: pixels are divided by 256


class TPGAN(GANModel):
    """Turns a face to the camera: one network for the whole of it and four for its parts.

    The image is aligned as `zoo.data.alignment` does; `landmarks` say where the parts are. A face
    that looks to the left of the image is mirrored, turned, and mirrored back, so that the networks
    always see the same side. All losses work on images in [0, 1), as the released code does.

    One training step (`variant="official"`)::

        update D on  BCE(D(frontal), 0.9) + BCE(D(G(profile, z)), 0)
        twice:
            update the four part networks on  3 sum over the parts of |part - true part|
            update G, identity head and part networks on
                |128| + |64| + 1.5 |32| + 0.3 symmetry of each + 40 identity + 20 BCE(D(G), 0.9)
                + 10 cross-entropy of the person, from the code + 0.001 TV

    `|x|` is a sum over the pixels, and a mean over channels and batch.

    Args:
        image_size: 128; the geometry of the parts allows no other.
        variant: "official": sums over pixels, with the weights of the code, and two steps of G for
            each one of D. "paper": means over pixels, with the weights of the text, and one step
            each. The networks are the same.
        width: factor on the channels of all networks.
        identities: people in the training set, for the identity head.
        identity_network: preset of Light CNN, by name or directory, or "random" for tests. Loaded
            at `compile`, and only if the identity loss has a weight.
        loss_weights: overrides by group and loss; see `default_loss_weights`.

    Source: Huang et al., ICCV 2017 (arXiv:1704.04086), built from descriptions.
    """

    zoo_name = "tp_gan"
    task = "frontalize"
    input_keys = ("image", "landmarks")
    training_keys = ("frontal", "frontal_landmarks", "identity")
    channels = {"image": 3, "frontal": 3}
    vectors = {"landmarks": (5, 2), "frontal_landmarks": (5, 2), "identity": ()}
    network_names = ("generator", "identity_head", "discriminator")
    default_loss_weights = {
        "generator": {
            "pixel": 1.0,
            "pixel_half": 1.0,
            "pixel_quarter": 1.5,
            "symmetry": 0.3,
            "symmetry_half": 0.3,
            "symmetry_quarter": 0.45,  # 1.5 times 0.3
            "identity": 40.0,
            "adversarial": 20.0,
            "classification": 10.0,
            "tv": 1e-3,
        },
        "local": {"pixel": 3.0},
        "discriminator": {"adversarial": 1.0},
    }
    fixed_size = True

    def __init__(
        self,
        *,
        image_size: int = 128,
        variant: str = "official",
        width: float = 1.0,
        identities: int = 340,
        identity_network: str = "light_cnn_29_msceleb_128",
        loss_weights: dict[str, dict[str, float]] | None = None,
        name: str | None = None,
    ):
        if image_size != patches.SIDE:
            raise ZooError(f"image_size is {image_size}; legal is {patches.SIDE}")
        check_choice("variant", variant, VARIANTS)
        check_width(width)
        if identities < 2:
            raise ZooError(f"identities is {identities}; legal are 2 and more")
        weights = loss_weights or {}
        if variant == "paper":
            changed = {g: {**_PAPER_WEIGHTS[g], **weights.get(g, {})} for g in _PAPER_WEIGHTS}
            weights = {**weights, **changed}
        super().__init__(image_size=image_size, loss_weights=weights, name=name)
        self.variant = variant
        self.width = width
        self.identities = identities
        self.identity_network = identity_network
        self.identity_features = None
        self.rounds = 2 if variant == "official" else 1  # updates of G for each one of D
        self.updates_per_step = {"generator": self.rounds, "local": self.rounds}
        self.generator = Generator(width, name="generator")
        self.identity_head = IdentityHead(identities, name="identity_head")
        self.discriminator = Discriminator(width, name="discriminator")
        face = tf.zeros((1, image_size, image_size, 3))
        parts = {key: face[:, :h, :w] for key, (h, w) in patches.SIZES.items()}
        outputs = self.generator(face, parts, tf.zeros((1, NOISE)))
        self.identity_head(outputs["code"])
        self.discriminator(face)
        self.built = True

    @property
    def pad_multiple(self) -> int:
        return patches.SIDE

    def optimized(self, name: str) -> list[keras.Variable]:
        if name == "discriminator":
            return self.discriminator.trainable_variables
        if name == "local":
            rotators = self.generator.rotators.values()
            return [v for rotator in rotators for v in rotator.trainable_variables]
        variables = self.generator.trainable_variables
        if "classification" in self.loss_weights["generator"]:
            return [*variables, *self.identity_head.trainable_variables]
        return variables

    def compile(self, optimizers: dict, **kwargs):
        super().compile(optimizers, **kwargs)
        if "identity" in self.loss_weights["generator"]:
            self.identity_features = IdentityFeatures(self.identity_network, self.default_size)

    # Forward -----------------------------------------------------------------------------------

    def call(self, batch, training=False):
        self.check_batch(batch)
        face, landmarks, mirrored = patches.turn_right(batch["image"], batch["landmarks"])
        face = _to_unit(face)
        parts = patches.cut(face, landmarks, follow_nose=True)
        noise = tf.zeros((tf.shape(face)[0], NOISE))
        turned = self.generator(face, parts, noise, training=False)["image"]
        return tf.clip_by_value(patches.mirror(_from_unit(turned), mirrored), -1.0, 1.0)

    def prepare(self, batch: dict) -> dict:
        """Training pairs as the networks see them: all look to the right, pixels in [0, 1).

        Returns `face`, its `parts`, and of the true frontal face `truth` and `true_parts`.
        """
        self.check_batch(batch)
        face, landmarks, mirrored = patches.turn_right(batch["image"], batch["landmarks"])
        face, truth = _to_unit(face), _to_unit(patches.mirror(batch["frontal"], mirrored))
        frontal = patches.mirror_points(tf.floor(batch["frontal_landmarks"]), mirrored)
        return {
            "face": face,
            "parts": patches.cut(face, landmarks, follow_nose=True),
            "truth": truth,
            "true_parts": patches.cut(truth, frontal, follow_nose=False),
        }

    def forward(self, batch: dict, draw: int = 0) -> dict:
        """Everything the losses need, with batch statistics.

        Args:
            batch: the training batch.
            draw: which of the step's random draws to use for the noise and the dropout.

        Returns:
            What the generator returns, the `logits` of the identities, `truth` and `true_parts`.
        """
        data = self.prepare(batch)
        seed = tf.stack([self.step.value, tf.cast(draw, "int64")])
        shape = (tf.shape(data["face"])[0], NOISE)
        noise = NOISE_STDDEV * replicas.normal(shape, seed)
        outputs = self.generator(data["face"], data["parts"], noise, training=True)
        dropped = replicas.dropout(outputs["code"], _DROPOUT, seed)
        return {
            **outputs,
            "logits": self.identity_head(dropped),
            "truth": data["truth"],
            "true_parts": data["true_parts"],
        }

    def forward_local(self, batch: dict) -> dict:
        """The local pathway alone: `parts` and `true_parts`."""
        data = self.prepare(batch)
        _, images = self.generator.rotate(data["parts"], training=True)
        parts = {name: tf.cast(image, "float32") for name, image in images.items()}
        return {"parts": parts, "true_parts": data["true_parts"]}

    # Losses ------------------------------------------------------------------------------------

    def _over_pixels(self, mean, height: int, width: int):
        """A mean over pixels as it enters the objective: times their number in the code."""
        return mean * (height * width) if self.variant == "official" else mean

    def _pixel(self, image, truth):
        return self._over_pixels(tf.reduce_mean(tf.abs(image - truth)), *image.shape[1:3])

    def _symmetry(self, image):
        height, width = image.shape[1:3]
        return self._over_pixels(symmetry(image), height, width // 2)

    def generator_losses(self, batch: dict, outputs: dict) -> dict:
        weights, truth = self.loss_weights["generator"], outputs["truth"]
        image, losses = outputs["image"], {}
        for key, name in (("pixel", "image"), ("pixel_half", "half"), ("pixel_quarter", "quarter")):
            if key in weights:
                side = outputs[name].shape[1]
                losses[key] = self._pixel(outputs[name], tf.image.resize(truth, (side, side)))
        if "symmetry" in weights:
            losses["symmetry"] = self._symmetry(tf.nn.avg_pool2d(image, 2, 2, "VALID"))
        for key, name in (("symmetry_half", "half"), ("symmetry_quarter", "quarter")):
            if key in weights:
                edges = laplacian(outputs[name])
                losses[key] = self._symmetry(tf.concat([outputs[name], edges], axis=-1))
        if "identity" in weights:
            seen, wanted = (self.identity_features(2.0 * x - 1.0) for x in (image, truth))
            map_weight = self._over_pixels(1.0, *wanted[1].shape[1:3])
            losses["identity"] = identity(seen, wanted, map_weight)
        if "adversarial" in weights:
            losses["adversarial"] = cross_entropy(self.discriminator(image), _REAL_LABEL)
        if "classification" in weights:
            entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
                batch["identity"], outputs["logits"]
            )
            losses["classification"] = tf.reduce_mean(entropy)
        if "tv" in weights:
            total = tf.reduce_mean(tf.image.total_variation(image))
            losses["tv"] = total if self.variant == "official" else total / patches.SIDE**2
        return losses

    def local_losses(self, batch: dict, outputs: dict) -> dict:
        parts, true = outputs["parts"], outputs["true_parts"]
        losses = {"pixel": tf.add_n([self._pixel(parts[name], true[name]) for name in parts])}
        return {key: losses[key] for key in self.loss_weights["local"]}

    def discriminator_losses(self, batch: dict, outputs: dict) -> dict:
        # real and fake apart: each batch is normalised by its own statistics
        real = cross_entropy(self.discriminator(outputs["truth"]), _REAL_LABEL)
        fake = cross_entropy(self.discriminator(tf.stop_gradient(outputs["image"])), 0.0)
        return {key: real + fake for key in self.loss_weights["discriminator"]}

    # Step --------------------------------------------------------------------------------------

    def train_step(self, batch):
        if self.loss_weights["discriminator"]:
            self.descend(batch, "discriminator")

        def one_round(number):
            self._round(batch, number)
            return (number + 1,)

        if replicas.count() == 1:
            # a loop in the graph: the round is traced and optimised once
            tf.while_loop(lambda number: number <= self.rounds, one_round, (1,))
        else:  # replicas cannot be merged inside such a loop
            for number in range(1, self.rounds + 1):
                one_round(number)
        return self.finish_step()

    def _round(self, batch: dict, number) -> None:
        """One update of the part networks and one of everything but D."""
        if self.loss_weights["local"]:
            self.descend(batch, "local", forward=self.forward_local)
        self.descend(batch, "generator", forward=lambda part: self.forward(part, draw=number))

    def get_config(self) -> dict:
        return {
            "image_size": self.default_size,
            "variant": self.variant,
            "width": self.width,
            "identities": self.identities,
            "identity_network": self.identity_network,
            "loss_weights": self.all_loss_weights,
            "name": self.name,
        }


def _to_unit(image):
    """[-1, 1] to the code's [0, 255/256]."""
    return (0.5 + 0.5 * image) * _MAXIMUM


def _from_unit(image):
    return image * (2.0 / _MAXIMUM) - 1.0
