"""AttGAN: how the edit reaches the generator. Losses and step: `zoo.models.attribute_gan`."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.attributes import EDITED_ATTRIBUTES
from zoo.errors import ZooError
from zoo.models.attgan.networks import Generator
from zoo.models.attribute_gan import AttributeGAN


class AttGAN(AttributeGAN):
    """Facial attribute editing by only changing what you want.

    The generator receives the full target vector, with -1 and 1 for absent and present, at the
    code and after the first layer of the decoder. Losses and the training step are those of
    `AttributeGAN`; a reconstruction has the source's attributes as target.

    `target_attributes` beyond 0 and 1 strengthen an edit: the released code's intensity
    (`test_int`) of 2, used for all published results, is an entry of 2 or -2, that is a target of
    1.5 or -0.5; see `zoo.attributes`.

    Args:
        image_size: side of the training images, pixels; a multiple of `2 ** depth`. The published
            sizes are 128, 256 and 384, the latter with `dim=48, dense_units=512`.
        attribute_names: of the attributes to edit; the paper's 13 by default, CelebA's 40 in
            `zoo.attributes.CELEBA_ATTRIBUTES`.
        skips: skip connections, innermost first: 1 is AttGAN, 2 AttGAN-2s, "ed" (0) AttGAN-ED,
            "unet" (all) AttGAN-UNet of STGAN's study.
        dim: channels of the first layer of encoder and discriminator; doubled in each layer.
        dense_units: hidden units of the discriminator's two heads.
        depth: number of halvings; by default 5, fewer below 128 pixels to keep a 4x4 code.
        gan_loss: "wgan", "lsgan", "gan", "hinge_v1" or "hinge_v2".
        penalty: what the critic's slope costs: "1-gp", "0-gp" or "lp"; none with a weight of 0.
        penalty_points: where it is taken: "line" between real and edited images, "dragan" around
            the real ones, "real" or "fake" at them.
        critic_updates: updates of the discriminator for each one of the generator.
        width: factor on the channels of all networks.
        loss_weights: overrides by network and loss.

    Source: He et al., TIP 2019 (arXiv:1711.10678); loss weights of the released code. The
    variants by `skips` are those of STGAN's study.
    """

    zoo_name = "attgan"
    input_keys = ("image", "target_attributes")
    training_keys = ("attributes",)

    def __init__(
        self,
        *,
        image_size: int = 128,
        attribute_names: Sequence[str] = EDITED_ATTRIBUTES,
        skips: int | str = 1,
        dim: int = 64,
        dense_units: int = 1024,
        depth: int | None = None,
        gan_loss: str = "wgan",
        penalty: str = "1-gp",
        penalty_points: str = "line",
        critic_updates: int = 5,
        width: float = 1.0,
        loss_weights: dict[str, dict[str, float]] | None = None,
        name: str | None = None,
    ):
        super().__init__(
            image_size=image_size,
            attribute_names=attribute_names,
            dim=dim,
            dense_units=dense_units,
            depth=depth,
            gan_loss=gan_loss,
            penalty=penalty,
            penalty_points=penalty_points,
            critic_updates=critic_updates,
            width=width,
            loss_weights=loss_weights,
            name=name,
        )
        levels = self.depth - 1
        self.skips = {"ed": 0, "unet": levels}.get(skips, skips)
        if self.skips not in range(levels + 1):
            raise ZooError(f"skips is {skips!r}; legal are 'ed', 'unet' and 0 to {levels}")
        self.generator = Generator(self.encoder_channels, self.skips, name="generator")
        self.finish_networks()

    def condition(self, batch: dict, target):
        return 2.0 * target - 1.0

    def get_config(self) -> dict:
        return {**super().get_config(), "skips": self.skips}
