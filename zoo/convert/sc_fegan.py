"""The SC-FEGAN release (a TensorFlow 1 checkpoint of 93 generator variables)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo import weights
from zoo.convert.tf1 import TRAINING_LEFTOVERS, Checkpoint
from zoo.models.sc_fegan.model import SCFEGAN

LICENCE = "CC BY-NC 4.0"
SOURCE = "github.com/run-youngjoo/SC-FEGAN"
read = Checkpoint

# The official graph sees BGR images and colours; these permutations make it see RGB.
_INPUT_TO_RGB = [2, 1, 0, 3, 6, 5, 4, 7, 8]  # image 3, sketch, colour 3, mask, noise
_OUTPUT_TO_RGB = [2, 1, 0]


def convert(tensors: Mapping[str, np.ndarray], origin: str) -> SCFEGAN:
    """Builds the full-size official model from the official variables."""
    shapes = (
        tensors.shapes()
        if isinstance(tensors, Checkpoint)
        else {name: np.shape(array) for name, array in tensors.items()}
    )
    shapes = {
        name: shape
        for name, shape in shapes.items()
        if not TRAINING_LEFTOVERS.search(name) and not name.startswith("discriminator/")
    }
    weights.check(official_shapes(), shapes, origin)
    model = SCFEGAN(image_size=512, variant="official")
    arrays = {}
    for layer in _gated_layers(model):
        arrays |= _gated(layer.path, tensors)
    for layer in model.generator.up:
        arrays[f"{layer.path}/kernel"] = tensors[f"{layer.path}/w"]
        arrays[f"{layer.path}/bias"] = tensors[f"{layer.path}/biases1"]  # biases2 has no effect
    _to_rgb(arrays)
    weights.assign({v.path: v for v in model.generator.variables}, arrays, origin)
    return model


def official_shapes() -> dict[str, tuple]:
    """Name -> shape of the 93 official variables, 92,886,100 values (dead `biases2` included)."""
    down = (9, 64, 128, 256, 512, 512, 512, 512)
    shapes = {}

    def gated(name, kernel, inputs, outputs):
        for suffix in ("", "_g"):
            shapes[f"generator/{name}{suffix}/kernel"] = (kernel, kernel, inputs, outputs)
            shapes[f"generator/{name}{suffix}/bias"] = (outputs,)

    for i, kernel in enumerate((7, 5, 5, 3, 3, 3, 3)):
        gated(f"gconv{i + 1}_ds", kernel, down[i], down[i + 1])
    for i in range(4):
        gated(f"co_conv{i + 1}_dlt", 3, 512, 512)
    inputs = 512
    for i, skip in enumerate(reversed(down[:-1])):
        outputs = 3 if i == 6 else skip
        shapes[f"generator/deconv{i + 1}/w"] = (5, 5, outputs, inputs)
        shapes[f"generator/deconv{i + 1}/biases1"] = (outputs,)
        shapes[f"generator/deconv{i + 1}/biases2"] = (outputs,)
        gated(f"gconv{i + 8}", 3, skip + outputs, outputs)
        inputs = outputs
    return shapes


def _gated_layers(model: SCFEGAN) -> list:
    generator = model.generator
    return [*generator.down, *generator.dilated, *generator.merge]


def _gated(path: str, tensors: Mapping) -> dict[str, np.ndarray]:
    """Features and gate, two official convolutions, as our fused one."""
    return {
        f"{path}/{name}": np.concatenate(
            [tensors[f"{path}/{name}"], tensors[f"{path}_g/{name}"]], axis=-1
        )
        for name in ("kernel", "bias")
    }


def _to_rgb(arrays: dict[str, np.ndarray]) -> None:
    first, last = "generator/gconv1_ds/kernel", "generator/gconv14/kernel"
    arrays[first] = arrays[first][:, :, _INPUT_TO_RGB]
    skip_then_up = [*_INPUT_TO_RGB, 9, 10, 11]
    both_halves = [*_OUTPUT_TO_RGB, *(3 + c for c in _OUTPUT_TO_RGB)]
    arrays[last] = arrays[last][:, :, skip_then_up][..., both_halves]
    arrays["generator/gconv14/bias"] = arrays["generator/gconv14/bias"][both_halves]
