"""Weights of Keras 2 models, those with tensorflow-addons layers too, for Keras 3 models.

    from zoo.convert import addons
    addons.load_weights(model, "model.h5")  # of model.save or model.save_weights

| Keras 2 layer | Keras 3 layer that takes its weights |
|---|---|
| addons `InstanceNormalization` | `keras.layers.GroupNormalization(groups=-1)` |
| addons `GroupNormalization` | `keras.layers.GroupNormalization` |
| addons `SpectralNormalization(Conv2D)` | `zoo.layers.SpectralNormConv2D`: to train on |
| addons `SpectralNormalization(layer)` | `keras.layers.SpectralNormalization`: the same rule |
| addons `SpectralNormalization(layer)` | the bare layer, for inference: the same outputs |
| a layer of Keras itself | the same layer |

The add-on overwrites the kernel with the normalised one in every training call and uses it as it
is at inference. `SpectralNormConv2D` divides at every call, and so gives the add-on's outputs in
training calls; at inference it differs by the factor that the stored kernel's norm is away from 1.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import h5py
import keras
import numpy as np

from zoo import weights
from zoo.errors import ZooError

_TOP = "top_level_model_weights"  # Keras 2's group of the weights that the model itself owns
_MAX_NAMES = 10_000
_HEAP = b"GCOL\1"  # HDF5 file format specification, III.E: global heap, version 1
_SPECTRAL_VECTORS = ("sn_u", "vector_u")  # of the add-on, of Keras
_RENAMED = {
    "sn_u": ("vector_u", "u"),
    "vector_u": ("u",),
    "depthwise_kernel": ("kernel",),
}


def load_weights(
    target: keras.Model | Sequence[keras.layers.Layer], path: str | os.PathLike
) -> None:
    """Gives a built Keras 3 model the weights of a Keras 2 model of the same architecture.

    Layers are matched by name where file and model have the same names, otherwise by order (keep
    it: Keras numbers the layers that you do not name). Weights are matched by name within a layer,
    and all are checked before one is set. A file of `model.save` also tells every epsilon and
    number of groups; these must be the model's. Freezing layers of a nested model changes their
    order in the file: name them.

    Args:
        target: the model, or its layers in order. Built: every layer has its weights.
        path: HDF5 file of Keras 2, `model.save("x.h5")` or `model.save_weights("x.h5")`.

    Raises:
        ZooError: unreadable file, layers that are not built, weights that are missing, extra or
            misshapen, or another epsilon or number of groups.
    """
    arrays = read(path)
    layers = dict(_model_layers(target))
    ours, by_order = _matched(list(arrays), list(layers))
    source = f"{path}{' (layers matched by order)' if by_order else ''}"
    variables = {f"{name}/{w}": v for name, (_, has) in layers.items() for w, v in has.items()}
    received = {}
    for name, of_layer in arrays.items():
        layer = ours.get(name, name)
        has = layers[layer][1] if layer in layers else {}
        received |= {f"{layer}/{w}": array for w, array in _renamed(of_layer, has).items()}
    weights.check(
        {name: tuple(v.shape) for name, v in variables.items()},
        {name: array.shape for name, array in received.items()},
        source,
    )
    for name, settings in _settings(path).items():
        if name in ours:
            _check_settings(layers[ours[name]][0], settings, arrays[name], source)
    weights.assign(variables, received, source)


def read(path: str | os.PathLike) -> dict[str, dict[str, np.ndarray]]:
    """Reads the weights in an HDF5 file of Keras 2, in its order; the optimizer's are left out.

    Nothing is unpickled or executed. Links to other files, compressed and virtual data sets are
    refused (Keras writes none), so that no more is read than the file is long.

    Returns:
        Layer -> weight -> array, e.g. `{"conv2d": {"kernel": ..., "bias": ...}}`. Layers inside a
        layer or a nested model are named `outer/inner`.

    Raises:
        ZooError: missing, broken or foreign file.
    """
    with _opened(path) as file:
        saved_model = _has(file, "model_weights")
        group = _child(file, "model_weights", h5py.Group) if saved_model else file
        names = _names(group, "layer_names")
        if not names:
            raise ZooError(
                f"{path} has no layer_names: it is not an HDF5 file of model.save or "
                "model.save_weights of Keras 2 (with a file name in .h5, but not in .weights.h5)"
            )
        left = os.path.getsize(path)
        layers = {}
        for layer in [*names, *([_TOP] if _has(group, _TOP) else [])]:
            members = _child(group, layer, h5py.Group)
            for name in _names(members, "weight_names"):
                dataset = _child(members, name, h5py.Dataset)
                left -= dataset.nbytes
                _check_dataset(dataset, left)
                owner, weight = _owner(layer, name)
                if weight in layers.setdefault(owner, {}):
                    raise ZooError(f"{path} lists {owner}/{weight} twice")
                layers[owner][weight] = dataset[()]
        return layers


# The file.


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[h5py.File]:
    """An HDF5 file; whatever h5py says of a broken one, in the block too, becomes a ZooError."""
    if not Path(path).is_file():
        raise ZooError(f"no weights file at {path}")
    try:
        _check_heaps(path)
        file = h5py.File(path, "r")
    except (OSError, ValueError, struct.error) as error:
        raise ZooError(f"{path} is not a whole HDF5 file") from error
    try:
        with file:
            yield file
    except ZooError:
        raise
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise ZooError(f"{path} is not a whole HDF5 file of Keras 2: {error}") from error


def _check_heaps(path: str | os.PathLike) -> None:
    """Walks the heaps where HDF5 keeps names: in a broken one the library loops for ever."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(_HEAP)
        while start >= 0:
            (length,) = struct.unpack_from("<Q", data, start + 8)
            at, end = start + 16, start + length
            while at + 16 <= end:
                index, size = struct.unpack_from("<H6xQ", data, at)
                step = 16 + -(-size // 8) * 8 if index else size  # 0 is the free rest
                if step < 16:
                    raise ValueError(f"heap at byte {start} is broken")
                at += step
            start = data.find(_HEAP, start + 1)


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names; Keras splits a long one into `attribute0`, `attribute1`, ..."""
    if attribute in group.attrs:
        parts = [attribute]
    else:
        count = sum(key.startswith(attribute) for key in group.attrs)
        parts = [f"{attribute}{i}" for i in range(count)]
    length = sum(int(np.prod(group.attrs.get_id(part).shape)) for part in parts)
    if length > _MAX_NAMES:
        raise ValueError(f"{length} {attribute}, more than {_MAX_NAMES}")
    names = [name for part in parts for name in group.attrs[part]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _has(group: h5py.Group, name: str) -> bool:
    """Whether there is a member; one that is a link to elsewhere is refused, not followed."""
    links, key = group.id.links, name.encode()
    if not name or not links.exists(key):
        return False
    if links.get_info(key).type != h5py.h5l.TYPE_HARD:
        raise ValueError(f"{name} is a link to elsewhere")
    return True


def _child(group: h5py.Group, path: str, kind: type):
    """A member of a group, or of its groups."""
    child = group
    for name in path.split("/"):
        if not isinstance(child, h5py.Group) or not _has(child, name):
            raise ValueError(f"{path} is listed, but not there")
        child = child[name]
    if not isinstance(child, kind):
        raise ValueError(f"{path} is not a {kind.__name__.lower()}")
    return child


def _check_dataset(dataset: h5py.Dataset, left: int) -> None:
    """Plain numbers, stored as they are: `left` is what the file's length leaves after these."""
    if dataset.dtype.kind not in "fiu" or dataset.dtype.itemsize > 8:
        raise ValueError(f"{dataset.name} holds {dataset.dtype}, not numbers")
    if dataset.external or dataset.is_virtual or dataset.chunks is not None:
        raise ValueError(f"{dataset.name} is not stored in one piece")
    if not dataset.nbytes or left < 0 or dataset.id.get_storage_size() != dataset.nbytes:
        raise ValueError(f"{dataset.name} is empty, or larger than what is stored of it")


def _owner(layer: str, name: str) -> tuple[str, str]:
    """Layer group and name of a weight -> layer that owns it, weight.

    `conv`, `conv/kernel:0` -> `conv`, `kernel`; `block`, `model/block/conv/kernel:0` and `block`,
    `conv/kernel:0` (a nested model) -> `block/conv`, `kernel`.
    """
    *scopes, weight = name.split("/")
    if layer == _TOP:
        scopes = [_TOP]
    elif layer in scopes:
        scopes = scopes[scopes.index(layer) :]
    else:
        scopes = [layer, *scopes]
    return "/".join(scopes), weight.split(":")[0]


def _settings(path: str | os.PathLike) -> dict[str, dict]:
    """Layer -> its arguments in Keras 2; empty for a file of `save_weights`."""
    with _opened(path) as file:
        text = file.attrs.get("model_config")
        return {} if text is None else dict(_layer_configs(json.loads(text)["config"]))


def _layer_configs(config: Mapping | list, prefix: str = "") -> Iterator[tuple[str, dict]]:
    inner = config["layers"] if isinstance(config, Mapping) else config  # a list: old Sequential
    for layer in inner:
        name = f"{prefix}{layer['config']['name']}"
        yield name, layer["config"]
        if "layers" in layer["config"]:
            yield from _layer_configs(layer["config"], f"{name}/")


# The model.


def _model_layers(target) -> Iterator[tuple[str, tuple]]:
    """(name, (layer, weight name -> variable)) of all that own weights, in the file's order."""
    if isinstance(target, keras.Model):
        yield from _flat(target.layers)
        owned = _owned(target, target.layers)
        if owned:
            yield _TOP, (target, owned)
    elif isinstance(target, Sequence) and all(isinstance(x, keras.layers.Layer) for x in target):
        yield from _flat(target)
    else:
        raise ZooError(f"needs a keras.Model or a list of layers, got {type(target).__name__}")


def _flat(layers: Sequence[keras.layers.Layer], prefix: str = "") -> Iterator[tuple[str, tuple]]:
    """Layers and those inside; a wrapper owns the weights of what it wraps, as in Keras 2."""
    seen = set()
    for layer in layers:
        name = f"{prefix}{layer.name}"
        if not layer.built:
            raise ZooError(f"layer {name} is not built; call the model once, on zeros for example")
        if name in seen:
            raise ZooError(f"two layers are called {name}; give them different names")
        seen.add(name)
        wraps = isinstance(layer, keras.layers.Wrapper)
        inner = [] if wraps else [x for x in _sublayers(layer) if x.weights]
        owned = _owned(layer, inner)
        own = [(name, (layer, owned))] if owned else []
        last = isinstance(layer, keras.Model)  # of any other layer Keras 2 lists its own ones first
        yield from [] if last else own
        yield from _flat(inner, f"{name}/")
        yield from own if last else []


def _sublayers(layer: keras.layers.Layer) -> list:
    return list(layer._flatten_layers(include_self=False, recursive=False))


def _owned(layer: keras.layers.Layer, inner: Sequence) -> dict[str, keras.Variable]:
    """Weight name -> variable, without those of the inner layers."""
    theirs = {id(v) for x in inner for v in x.weights}
    own = [v for v in layer.weights if id(v) not in theirs]
    by_name = {v.name: v for v in own}
    if len(by_name) < len(own):
        raise ZooError(f"layer {layer.name} has several weights of one name; pass its parts")
    return by_name


def _matched(names: list[str], ours: list[str]) -> tuple[dict[str, str], bool]:
    """Layer of the file -> layer of the model, and whether by order: as many, but other names."""

    def ends(name):  # the file does not tell what lies between
        return name.split("/")[0], name.split("/")[-1]

    by_ends = {ends(name): name for name in ours}
    theirs = {ends(name) for name in names}
    unique = len(by_ends) == len(ours) and len(theirs) == len(names)
    if len(names) == len(ours) and not (unique and theirs == set(by_ends)):
        return dict(zip(names, ours, strict=True)), True
    return {name: by_ends[ends(name)] for name in names if ends(name) in by_ends}, False


def _renamed(arrays: Mapping[str, np.ndarray], has: Mapping) -> dict[str, np.ndarray]:
    """The weights of one layer under the names that the model's layer `has`."""
    renamed = {}
    for name, array in arrays.items():
        known = next((w for w in (name, *_RENAMED.get(name, ())) if w in has), name)
        if known in has or name not in _SPECTRAL_VECTORS or "kernel" not in has:
            renamed[known] = array  # and a bare layer needs no u
    return renamed


def _check_settings(layer, settings: Mapping, arrays: Mapping, source: str) -> None:
    for key in ("epsilon", "groups"):
        ours, theirs = getattr(layer, key, None), settings.get(key)
        if key == "groups" and theirs == -1:  # instance normalisation that was saved unbuilt
            theirs = next(iter(arrays.values())).shape[-1]
        if ours is not None and theirs is not None and ours != theirs:
            raise ZooError(
                f"{source} does not fit: {key} of {layer.name} is {ours} in the model, "
                f"{theirs} in the file"
            )
