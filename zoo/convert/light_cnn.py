"""The Light CNN-29 release (a PyTorch state_dict), exported to .npz or .safetensors."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zoo import weights
from zoo.errors import ZooError
from zoo.models.light_cnn.model import LightCNN

LICENCE = "code MIT; weights under their authors' terms"
SOURCE = "github.com/AlfredXiangWu/LightCNN"

_MAX_BYTES = 1_000_000_000  # unpacked; the network has 50 MB, a head of 80,000 people 82 MB
_MAP = (128, 8, 8)  # channels, rows, columns: how PyTorch flattens before `fc`


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads arrays by their state_dict names. A .pth is a pickle and is not opened.

    Raises:
        ZooError: missing, broken or foreign file.
    """
    path = Path(path)
    if not path.is_file():
        raise ZooError(f"no weights file at {path}")
    if path.suffix == ".safetensors":
        return weights.read(path)
    if path.suffix != ".npz":
        raise ZooError(
            f"{path} is no .npz or .safetensors file. A PyTorch checkpoint is a pickle, which can "
            "run code, so it is not read here. Export it where you have PyTorch: "
            "numpy.savez('light_cnn_29.npz', **{k: v.numpy() for k, v in torch.load(path, "
            "map_location='cpu', weights_only=True)['state_dict'].items()})"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > _MAX_BYTES:
            raise ZooError(f"{path} unpacks to {size} bytes; at most {_MAX_BYTES} are read")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except ZooError:
        raise
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise ZooError(f"{path} is not a whole .npz file of plain arrays: {error}") from error


def convert(tensors: Mapping[str, np.ndarray], origin: str) -> LightCNN:
    """Builds the full-size model from a state_dict; its classifier `fc2` is left out."""
    named = {name.removeprefix("module."): array for name, array in tensors.items()}
    named = {name: np.asarray(a) for name, a in named.items() if not name.startswith("fc2.")}
    weights.check(official_shapes(), {name: a.shape for name, a in named.items()}, origin)
    arrays = {_path(name): _ours(array) for name, array in named.items()}
    model = LightCNN(image_size=128)
    weights.assign({v.path: v for v in model.extractor.variables}, arrays, origin)
    return model


def official_shapes() -> dict[str, tuple]:
    """Name -> shape of the 60 tensors, 12,573,280 values."""
    shapes = {}

    def layer(name: str, outputs: int, *inputs: int) -> None:
        shapes[f"{name}.filter.weight"] = (outputs, *inputs)
        shapes[f"{name}.filter.bias"] = (outputs,)

    layer("conv1", 96, 1, 5, 5)
    stages = ((48, 96, 1), (96, 192, 2), (192, 128, 3), (128, 128, 4))
    for i, (channels, leaving, blocks) in enumerate(stages, start=1):
        for j in range(blocks):
            for k in (1, 2):
                layer(f"block{i}.{j}.conv{k}", 2 * channels, channels, 3, 3)
        layer(f"group{i}.conv_a", 2 * channels, channels, 1, 1)
        layer(f"group{i}.conv", 2 * leaving, channels, 3, 3)
    layer("fc", 512, 8192)
    return shapes


def _path(name: str) -> str:
    """`block1.0.conv1.filter.weight` -> `extractor/block1_0_conv1/kernel`."""
    layer, _, kind = name.rpartition(".filter.")
    return f"extractor/{layer.replace('.', '_')}/{'kernel' if kind == 'weight' else 'bias'}"


def _ours(array: np.ndarray) -> np.ndarray:
    """OIHW kernels to HWIO; the dense one also from channels-first to channels-last maps."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    if array.ndim == 2:
        maps = array.reshape(-1, *_MAP)  # (out, channels, rows, columns)
        return maps.transpose(2, 3, 1, 0).reshape(array.shape[1], array.shape[0])
    return array
