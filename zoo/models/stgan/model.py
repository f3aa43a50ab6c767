"""STGAN: how the edit reaches the generator. Losses and step: `zoo.models.attribute_gan`."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.attributes import EDITED_ATTRIBUTES
from zoo.errors import ZooError
from zoo.layers.attribute_editing import NORMALIZATIONS, pyramid
from zoo.layers.selective_transfer import STATES
from zoo.models.arguments import check_choice
from zoo.models.attribute_gan import AttributeGAN, scaled
from zoo.models.stgan.networks import ONE_MORE_CONV, Generator

ATTRIBUTE_INPUTS = ("difference", "target")


class STGAN(AttributeGAN):
    """Selective transfer GAN: edits any number of facial attributes at once.

    The generator receives the difference between target and source attributes and passes features
    of the encoder to the decoder through selective transfer units. Losses and the training step
    are those of `AttributeGAN`; a reconstruction is an edit by zero.

    `target_attributes` beyond 0 and 1 strengthen an edit: the released code's intensity
    (`test_int`) of 2, used for all published results, is a difference of 1.5, that is a target of
    1.5 or -0.5; see `zoo.attributes`.

    Args:
        image_size: side of the training images, pixels; a multiple of `2 ** depth`. The published
            sizes are 128 and 384, the latter with `dim=48, dense_units=512`.
        attribute_names: of the attributes to edit; the paper's 13 by default.
        dim: channels of the first layer of encoder and discriminator; doubled in each layer.
        stu_dim: the same for the transfer units; the released code keeps 64 where `dim` is 48.
        dense_units: hidden units of the discriminator's two heads.
        depth: number of halvings; by default 5, fewer below 128 pixels to keep a 4x4 code.
        shortcut_layers: levels that reach the decoder, innermost first; all by default.
        inject_layers: layers of the decoder after which the attributes join again; all but the
            last by default.
        use_stu: False for plain skip connections.
        stu_state: what a unit passes on: "stu", "gru" (STGAN-gru) or "direct".
        stu_norm: normalisation in the units: "none", "bn" or "in".
        stu_inject_layers: units after which the attributes join the state again; all by default.
            The innermost unit sees them in any case.
        attribute_input: "difference", or "target" for the target vector in its place (STGAN-dst);
            labels are then -0.5 and 0.5.
        multi_inputs: so many layers of the encoder see the image; 1 is the paper's.
        one_more_conv: 0 (paper), or the kernel, 1 or 3, of a further stride-1 layer at the end.
        gan_loss: "wgan" (paper), "lsgan" or "dcgan" of the released code, "gan" (the same as
            "dcgan"), "hinge_v1" or "hinge_v2" of AttGAN's.
        penalty: what the critic's slope costs: "1-gp" (paper), "0-gp" or "lp"; none with a weight
            of 0.
        penalty_points: where it is taken: "line" between real and edited images, "dragan" around
            the real ones, "real" or "fake" at them. By default "line" with "wgan" and "dragan"
            with all others, as in the released code.
        critic_updates: updates of the discriminator for each one of the generator.
        width: factor on the channels of all networks.
        loss_weights: overrides by network and loss.

    Source: Liu et al., CVPR 2019 (arXiv:1904.09709); loss weights and options of the released code.
    """

    zoo_name = "stgan"

    def __init__(
        self,
        *,
        image_size: int = 128,
        attribute_names: Sequence[str] = EDITED_ATTRIBUTES,
        dim: int = 64,
        stu_dim: int = 64,
        dense_units: int = 1024,
        depth: int | None = None,
        shortcut_layers: int | None = None,
        inject_layers: int | None = None,
        use_stu: bool = True,
        stu_state: str = "stu",
        stu_norm: str = "none",
        stu_inject_layers: int | None = None,
        attribute_input: str = "difference",
        multi_inputs: int = 1,
        one_more_conv: int = 0,
        gan_loss: str = "wgan",
        penalty: str = "1-gp",
        penalty_points: str | None = None,
        critic_updates: int = 5,
        width: float = 1.0,
        loss_weights: dict[str, dict[str, float]] | None = None,
        name: str | None = None,
    ):
        for argument, value, legal in (
            ("stu_state", stu_state, STATES),
            ("stu_norm", stu_norm, NORMALIZATIONS),
            ("attribute_input", attribute_input, ATTRIBUTE_INPUTS),
            ("one_more_conv", one_more_conv, ONE_MORE_CONV),
        ):
            check_choice(argument, value, legal)
        if stu_dim < 1:
            raise ZooError(f"stu_dim is {stu_dim}; legal is at least 1")
        super().__init__(
            image_size=image_size,
            attribute_names=attribute_names,
            dim=dim,
            dense_units=dense_units,
            depth=depth,
            gan_loss=gan_loss,
            penalty=penalty,
            penalty_points=penalty_points or ("line" if gan_loss == "wgan" else "dragan"),
            critic_updates=critic_updates,
            width=width,
            loss_weights=loss_weights,
            name=name,
        )
        levels = self.depth - 1
        self.stu_dim = stu_dim
        self.shortcut_layers = levels if shortcut_layers is None else shortcut_layers
        self.inject_layers = levels if inject_layers is None else inject_layers
        self.stu_inject_layers = levels if stu_inject_layers is None else stu_inject_layers
        for argument, value, least, most in (
            ("shortcut_layers", self.shortcut_layers, 0, levels),
            ("inject_layers", self.inject_layers, 0, levels),
            ("stu_inject_layers", self.stu_inject_layers, 0, levels),
            ("multi_inputs", multi_inputs, 1, self.depth),
        ):
            if not least <= value <= most:
                raise ZooError(f"{argument} is {value}; legal is {least} to {most}")
        self.use_stu = use_stu
        self.stu_state = stu_state
        self.stu_norm = stu_norm
        self.attribute_input = attribute_input
        self.multi_inputs = multi_inputs
        self.one_more_conv = one_more_conv
        if attribute_input == "target":  # `call` does not read the source
            self.input_keys = ("image", "target_attributes")
            self.training_keys = ("attributes",)
        self.generator = self._generator()
        self.finish_networks()

    def _generator(self) -> Generator:
        channels = self.encoder_channels
        decoder = channels[:0:-1]
        if self.one_more_conv:
            decoder = [*decoder, max(1, channels[0] // 4)]
        units = pyramid(scaled(self.stu_dim, self.width), self.depth - 1)[::-1]
        return Generator(
            channels,
            decoder,
            units[: self.shortcut_layers] if self.use_stu else [],
            self.shortcut_layers,
            self.inject_layers,
            self.stu_state,
            self.stu_norm,
            self.stu_inject_layers,
            self.multi_inputs,
            self.one_more_conv or 4,
            name="generator",
        )

    def condition(self, batch: dict, target):
        if self.attribute_input == "target":
            return target - 0.5
        return target - batch["attributes"]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "stu_dim": self.stu_dim,
            "shortcut_layers": self.shortcut_layers,
            "inject_layers": self.inject_layers,
            "use_stu": self.use_stu,
            "stu_state": self.stu_state,
            "stu_norm": self.stu_norm,
            "stu_inject_layers": self.stu_inject_layers,
            "attribute_input": self.attribute_input,
            "multi_inputs": self.multi_inputs,
            "one_more_conv": self.one_more_conv,
        }
