"""The Context Encoder releases (Torch7 files of a generator; 40 learned tensors and 18 others)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from zoo import weights
from zoo.convert import torch7
from zoo.errors import ZooError
from zoo.models.context_encoder.model import ContextEncoder
from zoo.models.context_encoder.networks import level_channels

LICENCE = "UC Berkeley, educational, research and not-for-profit purposes only"
SOURCE = "github.com/pathak22/context-encoder"

_EPSILON = 1e-5  # of batch norm
_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


class Layer(NamedTuple):
    """A convolution and its batch norm, with their names there and here."""

    torch: str
    ours: str
    shape: tuple[int, ...]
    torch_norm: str | None = None
    our_norm: str | None = None
    filters: int = 0


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads a `.t7` file with a generator: tensors by name, such as `netG.1.1.weight`.

    A name is the network, the indices of Torch's containers from 1, and the tensor.

    Raises:
        ZooError: unreadable file, or one that holds no generator of the Context Encoder.
    """
    network = torch7.read(path)
    children = network.children() if isinstance(network, torch7.Module) else []
    if not children:
        raise ZooError(f"{path} holds no network of Torch7's nn")
    if not _is_container(children[0]):
        raise ZooError(
            f"{path} holds a {network.torch_class} that does not begin with an encoder; legal is "
            "a generator, such as paris_inpaintCenter.t7 (a file named net_D is a discriminator)"
        )
    return dict(_tensors(network, "netG"))


def _is_container(module) -> bool:
    return isinstance(module, torch7.Module) and bool(module.children())


def _tensors(network: torch7.Module, prefix: str, depth: int = 2) -> Iterator:
    for index, module in enumerate(network.children(), start=1):
        if _is_container(module) and depth:
            yield from _tensors(module, f"{prefix}.{index}", depth - 1)
        elif isinstance(module, torch7.Module):
            for name in (*_NORM, "running_std"):
                if isinstance(module.get(name), np.ndarray):
                    yield f"{prefix}.{index}.{name}", _four_axes(name, module)


def _four_axes(name: str, module: torch7.Module) -> np.ndarray:
    """The array; a kernel that SpatialConvolutionMM keeps as a matrix gets its four axes back."""
    array = module[name]
    sides = [module.get(key) for key in ("nOutputPlane", "nInputPlane", "kH", "kW")]
    if name == "weight" and array.ndim == 2 and all(isinstance(n, float) for n in sides):
        sides = [int(n) for n in sides if n > 0]
        if np.prod(sides, dtype=float) == array.size:
            return array.reshape(sides)
    return array


def convert(tensors: Mapping[str, np.ndarray], origin: str) -> ContextEncoder:
    """Builds the official model that the tensors fit: centre or random, 128 or 64 pixels.

    Tensors of the discriminator (`netD...`) are taken too if there are any.
    """
    tensors = dict(_with_variances(tensors))
    image_size, region = _form(tensors)
    n_bottleneck = int(np.size(tensors.get("netG.2.weight", np.zeros(4000))))
    layers = list(generator_layers(image_size, region, n_bottleneck))
    if any(name.startswith("netD.") for name in tensors):
        layers += discriminator_layers(image_size, region)
    shapes = {name: np.shape(array) for name, array in tensors.items()}
    weights.check(official_shapes(layers), shapes, origin)
    model = ContextEncoder(
        image_size=image_size, region=region, variant="official", n_bottleneck=n_bottleneck
    )
    arrays = our_arrays(layers, tensors)
    variables = {v.path: v for network in model.networks.values() for v in network.variables}
    weights.assign({path: variables[path] for path in arrays}, arrays, origin)
    return model


def _with_variances(tensors: Mapping) -> Iterator[tuple[str, np.ndarray]]:
    """Old files hold `running_std`, which is `1 / sqrt(variance + epsilon)`."""
    for name, array in tensors.items():
        if name.endswith(".running_std"):
            with np.errstate(divide="ignore"):  # infinite values are refused later
                array = (np.asarray(array, "float64") ** -2.0 - _EPSILON).astype("float32")
            name = f"{name.removesuffix('running_std')}running_var"
        yield name, array


def _form(names) -> tuple[int, str]:
    """Image size and region, from the number of layers."""

    def has(prefix):
        return any(name.startswith(prefix) for name in names)

    if has("netG.1.12.") and not has("netG.1.15."):
        return 64, "random"
    return 128, "random" if has("netG.19.") else "center"


def generator_layers(image_size: int, region: str, n_bottleneck: int) -> Iterator[Layer]:
    """The layers of a generator, from input to output."""
    down = [*level_channels(image_size), n_bottleneck]
    inputs, index = 3, 1
    for i, outputs in enumerate(down):
        last = i == len(down) - 1
        norm = "netG.2" if last else f"netG.1.{index + 1}" if i else None
        yield _layer(f"netG.1.{index}", f"block{i + 1}/conv{i + 1}", (outputs, inputs), norm)
        index += 3 if i else 2  # convolution, batch norm, leaky ReLU
        inputs = outputs
    up = level_channels(_output_size(image_size, region))[::-1]
    for i, outputs in enumerate(up):
        index = 4 + 3 * i
        ours = f"deblock{i + 1}/deconv{i + 1}"
        yield _layer(f"netG.{index}", ours, (inputs, outputs), f"netG.{index + 1}", outputs)
        inputs = outputs
    yield _layer(f"netG.{4 + 3 * len(up)}", f"deconv{len(up) + 1}", (inputs, 3), None, 3)


def discriminator_layers(image_size: int, region: str) -> Iterator[Layer]:
    """The layers of a discriminator, from input to output."""
    inputs, index = 3, 1
    for i, outputs in enumerate(level_channels(_output_size(image_size, region))):
        norm = f"netD.{index + 1}" if i else None
        yield _layer(f"netD.{index}", f"block{i + 1}/conv{i + 1}", (outputs, inputs), norm)
        index += 3 if i else 2
        inputs = outputs
    yield _layer(f"netD.{index}", f"conv{i + 2}", (1, inputs), None)


def _output_size(image_size: int, region: str) -> int:
    return image_size // 2 if region == "center" else image_size


def _layer(torch, ours, planes, torch_norm, filters=None) -> Layer:
    network = "generator" if torch.startswith("netG") else "discriminator"
    our_norm = f"{network}/{ours.split('/')[0]}/norm" if torch_norm else None
    filters = filters or planes[0]
    return Layer(torch, f"{network}/{ours}", (*planes, 4, 4), torch_norm, our_norm, filters)


def official_shapes(layers: list[Layer]) -> dict[str, tuple]:
    """Name -> shape of every tensor of these layers."""
    shapes = {}
    for layer in layers:
        shapes[f"{layer.torch}.weight"] = layer.shape
        shapes[f"{layer.torch}.bias"] = (layer.filters,)
        if layer.torch_norm:
            shapes |= {f"{layer.torch_norm}.{name}": (layer.filters,) for name in _NORM}
    return shapes


def our_arrays(layers: list[Layer], tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Our names -> arrays in our layout.

    (out, in, h, w) becomes Keras' (h, w, in, out), and (in, out, h, w) of a transposed convolution
    (h, w, out, in): one and the same permutation.
    """
    arrays = {}
    for layer in layers:
        arrays[f"{layer.ours}/kernel"] = np.transpose(
            tensors[f"{layer.torch}.weight"], (2, 3, 1, 0)
        )
        arrays[f"{layer.ours}/bias"] = np.asarray(tensors[f"{layer.torch}.bias"])
        for name, ours in _NORM.items() if layer.torch_norm else ():
            arrays[f"{layer.our_norm}/{ours}"] = np.asarray(tensors[f"{layer.torch_norm}.{name}"])
    return arrays
