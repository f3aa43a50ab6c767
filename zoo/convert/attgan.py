"""AttGAN's releases, and the skip-connection variants trained with STGAN's code.

AttGAN's own are object-based checkpoints with scopes `UNetGenc`, `UNetGdec`, `ConvD`; STGAN's code
writes TensorFlow 1 checkpoints with `Genc`, `Gdec`, `D`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo.convert import slim
from zoo.convert.tf1 import Checkpoint
from zoo.models.attgan.model import AttGAN

LICENCE = "MIT; trained on CelebA, which is for non-commercial research only"
SOURCE = "github.com/LynnHo/AttGAN-Tensorflow"
read = Checkpoint

SCOPES = ("UNetGenc", "UNetGdec", "ConvD")
STGAN_SCOPES = ("Genc", "Gdec", "D")


def convert(tensors: Mapping[str, np.ndarray], origin: str) -> AttGAN:
    """Builds the model whose sizes the shapes tell; a checkpoint may lack the discriminator."""
    official = slim.Official(tensors, STGAN_SCOPES)
    scopes = STGAN_SCOPES
    if not official:
        official, scopes = slim.Official(tensors, SCOPES), SCOPES
    sizes = slim.sizes(official, *scopes[:2], f"{scopes[2]}/{''.join(_dense(scopes))}")
    model = AttGAN(**sizes, skips=_skips(official, scopes, sizes.get("depth", 0)))
    names, networks = generator_names(model, scopes), [model.generator]
    if any(name.startswith(f"{scopes[2]}/") for name in official):
        names |= discriminator_names(model, scopes)
        networks.append(model.discriminator)
    official.fill(networks, names, origin)
    return model


def generator_names(model: AttGAN, scopes: tuple[str, str, str] = SCOPES) -> dict[str, str]:
    """Path of each variable -> official name; 47 at full depth."""
    generator = model.generator
    decoder = slim.decoder_names(generator.decoder, scopes[1])
    return slim.encoder_names(generator.encoder, scopes[0]) | decoder


def discriminator_names(model: AttGAN, scopes: tuple[str, str, str] = SCOPES) -> dict[str, str]:
    """Path of each variable -> official name; 23 at full depth."""
    return slim.discriminator_names(model.discriminator, scopes[2], _dense(scopes))


def _dense(scopes: tuple[str, str, str]) -> tuple[str, str]:
    if scopes == SCOPES:
        return "fully_connected", ""
    return "flatten_fully_connected", "/fully_connected"


def _skips(official: slim.Official, scopes: tuple[str, str, str], depth: int) -> int:
    """How many layers of the decoder read more than the layer before and the attributes."""
    kernels = [f"{scopes[1]}/Conv2d_transpose{f'_{i}' if i else ''}/weights" for i in range(depth)]
    code = official.axis(f"{scopes[0]}/Conv_{depth - 1}/weights", -1)
    attributes = official.axis(kernels[0], -1) - code if kernels else 0
    skips = 0
    for i in range(1, depth):
        own = official.axis(kernels[i - 1], 2) + (attributes if i == 1 else 0)
        skips += official.axis(kernels[i], -1) > own
    return skips
