"""Generative Face Completion: losses and training step."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from zoo.errors import ZooError
from zoo.gan import GANModel
from zoo.losses import adversarial
from zoo.losses.parsing import FrozenParser, label_disagreement
from zoo.models.arguments import check_choice, check_width
from zoo.models.gfc.networks import Discriminator, Generator

PARSING_WEIGHTS = {"official": 0.05, "paper": 0.005}  # variant -> lambda_3


class GFC(GANModel):
    """Generative face completion: local and global adversarial loss and semantic parsing loss.

    Fills the hole of an aligned face. The generator sees no mask but noise in the hole.

    One training step, on two batches::

        x_gen = G(image with noise in the hole);  x_comp = x_gen in the hole
        update D1 on  BCE(window of truth: 1, window of x_comp: 0)
        update D2 on  BCE(truth: 1, x_comp: 0)
        the same forward pass on the second batch
        update G on   sum |x_gen - truth| - 300 log D1(window of x_comp) - 300 log D2(x_comp)
                      + 0.05 sum over pixels of cross entropy(P(x_comp), labels P(truth))

    The window is square, of half the image's side, and centred on the hole's bounding box as far
    as the image allows: with the paper's 64 x 64 hole it is the hole. Losses are sums over pixels,
    means over examples; the weights go with that.

    Three stages follow each other in one run: reconstruction only; from step `stages[0]` on the
    local discriminator; from `stages[1]` on the global one and the parser. A discriminator stays as
    it was made until its stage begins.

    Args:
        image_size: side of the images, pixels; a multiple of 32. The dense layers grow with it.
        variant: "official" as the released code: L1 reconstruction, parsing weight 0.05, gradient
            of the global discriminator on the whole output of the generator although it sees the
            composite, dropout in the parser. "paper": L2, 0.005, gradient in the hole, no dropout.
        width: factor on the channels of all networks.
        n_bottleneck: units between the generator's dense layers; by default 4096 times `width`.
        stages: steps at which the second and the third stage begin.
        parser: "random" or a preset of `parsing_network`; see `zoo.losses.parsing.FrozenParser`.
            Loaded at `compile`, and only if the weight of the parsing loss is not 0.
        loss_weights: overrides by network and loss. A discriminator without weight is not trained.

    Source: Li et al., CVPR 2017 (arXiv:1704.05838) and its released code.
    """

    zoo_name = "gfc"
    task = "complete"
    input_keys = ("image", "mask", "noise")
    channels = {"image": 3, "mask": 1, "noise": 3}
    noise = "uniform"
    network_names = ("generator", "local_discriminator", "global_discriminator")
    default_loss_weights = {
        "generator": {
            "reconstruction": 1.0,
            "local": 300.0,
            "global": 300.0,
            "parsing": PARSING_WEIGHTS["official"],
        },
        "local_discriminator": {"adversarial": 1.0},
        "global_discriminator": {"adversarial": 1.0},
    }
    fixed_size = True
    batches_per_step = 2

    def __init__(
        self,
        *,
        image_size: int = 128,
        variant: str = "official",
        width: float = 1.0,
        n_bottleneck: int | None = None,
        stages: Sequence[int] = (0, 0),
        parser: str = "parsing_network_helen_128",
        loss_weights: dict[str, dict[str, float]] | None = None,
        name: str | None = None,
    ):
        check_choice("variant", variant, PARSING_WEIGHTS)
        if image_size < 32 or image_size % 32:
            raise ZooError(f"image_size is {image_size}; legal are multiples of 32")
        check_width(width)
        if n_bottleneck is not None and not 1 <= n_bottleneck <= 100_000:
            raise ZooError(f"n_bottleneck is {n_bottleneck}; legal is 1 to 100000")
        if len(stages) != 2 or not 0 <= stages[0] <= stages[1]:
            raise ZooError(f"stages is {list(stages)}; legal are two steps, 0 <= first <= second")
        loss_weights = dict(loss_weights or {})
        loss_weights["generator"] = {
            "parsing": PARSING_WEIGHTS[variant],
            **loss_weights.get("generator", {}),
        }
        super().__init__(image_size=image_size, loss_weights=loss_weights, name=name)
        self.variant = variant
        self.width = width
        self.n_bottleneck = n_bottleneck
        self.stages = tuple(stages)
        self.parser = parser
        self.frozen_parser = None
        self.generator = Generator(width, image_size, n_bottleneck, name="generator")
        self.local_discriminator = Discriminator(
            image_size // 2, first=1, width=width, name="local_discriminator"
        )
        self.global_discriminator = Discriminator(
            image_size, first=0, width=width, name="global_discriminator"
        )
        empty = tf.zeros((1, image_size, image_size, 3))
        self.generator(empty)
        self.local_discriminator(empty[:, : image_size // 2, : image_size // 2])
        self.global_discriminator(empty)
        self.built = True

    @property
    def pad_multiple(self) -> int:
        return 32

    def compile(self, optimizers: dict, **kwargs):
        super().compile(optimizers, **kwargs)
        if "parsing" in self.loss_weights["generator"]:
            self.frozen_parser = FrozenParser(self.parser)

    # Forward -----------------------------------------------------------------------------------

    def forward(self, batch: dict) -> dict:
        """The generator on the hole: `generated` (raw) and `composite`, both `(B, S, S, 3)`."""
        self.check_batch(batch)
        mask = batch["mask"]
        known = batch["image"] * (1.0 - mask)
        generated = self.generator(known + batch["noise"] * mask)
        return {"generated": generated, "composite": known + generated * mask}

    def call(self, batch, training=False):
        generated = tf.clip_by_value(self.forward(batch)["generated"], -1.0, 1.0)
        return batch["image"] * (1.0 - batch["mask"]) + generated * batch["mask"]

    # Losses ------------------------------------------------------------------------------------

    def generator_losses(self, batch: dict, outputs: dict) -> dict:
        """The losses by name; one whose stage has not begun is 0 and costs nothing."""
        truth, mask = batch["image"], batch["mask"]
        generated, composite = outputs["generated"], outputs["composite"]
        local, late = self.stages

        def reconstruction():
            error = generated - truth
            error = tf.abs(error) if self.variant == "official" else tf.square(error)
            return tf.reduce_mean(tf.reduce_sum(error, axis=(1, 2, 3)))

        def local_adversarial():
            window = hole_window(mask, self.default_size // 2)
            scores = self.local_discriminator(crop(composite, window))
            return adversarial.cross_entropy_generator(scores)

        def global_adversarial():
            image = composite
            if self.variant == "official":  # the composite's value, the generator's gradient
                image = generated + tf.stop_gradient(composite - generated)
            return adversarial.cross_entropy_generator(self.global_discriminator(image))

        def parsing():
            seeds = [None, None]
            if self.variant == "official":
                seeds = [tf.stack([self.step.value, k]) for k in (0, 1)]
            labels = self.frozen_parser(truth, seeds[0])
            return label_disagreement(self.frozen_parser(composite, seeds[1]), labels)

        terms = {
            "reconstruction": (0, reconstruction),
            "local": (local, local_adversarial),
            "global": (late, global_adversarial),
            "parsing": (late, parsing),
        }
        return {key: self._from_step(*terms[key]) for key in self.loss_weights["generator"]}

    def _from_step(self, start: int, value, before=0.0):
        """`value()` from the step `start` on, `before` until then. No optimizer may stand in it."""
        if start == 0:
            return value()
        return tf.cond(self.step.value >= start, value, lambda: before)

    def local_discriminator_losses(self, batch: dict, outputs: dict) -> dict:
        window = hole_window(batch["mask"], self.default_size // 2)
        pair = crop(batch["image"], window), crop(outputs["composite"], window)
        return self._discriminator_losses("local_discriminator", *pair)

    def global_discriminator_losses(self, batch: dict, outputs: dict) -> dict:
        return self._discriminator_losses(
            "global_discriminator", batch["image"], outputs["composite"]
        )

    def _discriminator_losses(self, name: str, truth, completed) -> dict:
        if not self.loss_weights[name]:
            return {}

        def loss():
            scores = self.networks[name](tf.concat([truth, tf.stop_gradient(completed)], axis=0))
            return 0.5 * adversarial.cross_entropy_discriminator(*tf.split(scores, 2))

        return {"adversarial": self._from_step(self._starts()[name], loss)}

    # Step --------------------------------------------------------------------------------------

    def train_step(self, batch):
        first, second = _halves(batch)
        trained = [name for name in self._starts() if self.loss_weights[name]]
        if trained:
            self.descend(first, *trained, forward=self._discriminated)
        for name in trained:  # before its stage, an optimizer does not count its steps
            steps = self.optimizers[name].iterations
            steps.assign(tf.where(self._begun(name), steps.value, 0))
        self.descend(second, "generator")
        return self.finish_step()

    def _starts(self) -> dict[str, int]:
        """Discriminator -> step at which its stage begins."""
        return dict(zip(self.network_names[1:], self.stages, strict=True))

    def _begun(self, name: str):
        return self.step.value >= self._starts()[name]

    def _discriminated(self, batch: dict) -> dict:
        """What the discriminators see; before they are trained nothing is generated for them."""
        composite = self._from_step(
            self.stages[0], lambda: self.forward(batch)["composite"], tf.zeros_like(batch["image"])
        )
        return {"composite": composite}

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
            "n_bottleneck": self.n_bottleneck,
            "stages": list(self.stages),
            "parser": self.parser,
            "loss_weights": self.all_loss_weights,
            "name": self.name,
        }


def hole_window(mask, side: int) -> tuple:
    """Rows and columns of a square around each hole, both `(B, side)` int32.

    The square has the middle of the hole's bounding box as its middle, rounded up and left, but
    for what it takes to lie in the image.

    Args:
        mask: `(B, S, S, 1)`, 1 = hole; without a hole the window is in the middle.
        side: of the window, pixels, at most S.
    """

    def along(axis):
        touched = tf.reduce_max(mask[..., 0], axis=3 - axis)  # (B, S)
        size = touched.shape[1]
        first = tf.argmax(touched, axis=1, output_type="int32")
        last = size - 1 - tf.argmax(touched[:, ::-1], axis=1, output_type="int32")
        start = tf.clip_by_value((first + last + 1 - side) // 2, 0, size - side)
        return start[:, None] + tf.range(side)

    return along(1), along(2)


def crop(image, window: tuple):
    """The part of `image`, `(B, S, S, C)`, in the window of `hole_window`."""
    rows, columns = window
    return tf.gather(tf.gather(image, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def _halves(batch: dict) -> tuple[dict, dict]:
    """The two batches that a step uses up."""
    pairs = {key: tf.split(value, 2) for key, value in batch.items()}
    return tuple({key: pair[n] for key, pair in pairs.items()} for n in (0, 1))
