"""The STGAN release (a TensorFlow 1 checkpoint: `Genc`, `Gstu`, `Gdec` and `D`)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo.convert import slim
from zoo.convert.tf1 import Checkpoint
from zoo.models.stgan.model import STGAN

LICENCE = "MIT; trained on CelebA, which is for non-commercial research only"
SOURCE = "github.com/csmliu/STGAN"
read = Checkpoint

SCOPES = ("Genc", "Gstu", "Gdec", "D")
_DENSE = ("flatten_fully_connected", "/fully_connected")  # before and after the number


def convert(tensors: Mapping[str, np.ndarray], origin: str) -> STGAN:
    """Builds the model whose sizes the shapes tell; a checkpoint may lack the discriminator."""
    official = slim.Official(tensors, SCOPES)
    sizes = slim.sizes(official, "Genc", "Gdec", f"D/{''.join(_DENSE)}")
    units = sizes.get("depth", 0) - 2
    stu_dim = official.axis(f"Gstu/Conv2d_transpose_{units}/weights", 2)
    if 0 < stu_dim <= 256:
        sizes["stu_dim"] = stu_dim
    model = STGAN(**sizes)
    names, networks = generator_names(model), [model.generator]
    if any(name.startswith("D/") for name in official):
        names |= discriminator_names(model)
        networks.append(model.discriminator)
    official.fill(networks, names, origin)
    return model


def generator_names(model: STGAN) -> dict[str, str]:
    """Path of each variable -> official name; 79 at full depth."""
    generator = model.generator
    gates = [g for unit in generator.units for g in (unit.reset, unit.update, unit.candidate)]
    return {
        **slim.encoder_names(generator.encoder, "Genc"),
        **slim.numbered("Gstu/Conv2d_transpose", [unit.enlarge for unit in generator.units]),
        **slim.numbered("Gstu/Conv", gates),
        **slim.decoder_names(generator.decoder, "Gdec"),
    }


def discriminator_names(model: STGAN) -> dict[str, str]:
    """Path of each variable -> official name; 23 at full depth."""
    return slim.discriminator_names(model.discriminator, "D", _DENSE)
