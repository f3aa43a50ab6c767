"""How TF-Slim names its variables, and the networks that AttGAN and STGAN share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from zoo import weights
from zoo.attributes import CELEBA_ATTRIBUTES, EDITED_ATTRIBUTES
from zoo.convert.tf1 import TRAINING_LEFTOVERS, Checkpoint

_SUFFIXES = {"kernel": "weights", "bias": "biases"}
_OBJECT_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_MAX_CHANNELS = {"dim": 256, "dense_units": 4096, "image_size": 1024, "attributes": 100}


def variable_names(layer, scope: str) -> dict[str, str]:
    """Path of each variable of a Keras layer -> its name where Slim called the layer `scope`."""
    return {v.path: f"{scope}/{_SUFFIXES.get(v.name, v.name)}" for v in layer.variables}


def numbered(scope: str, layers: Iterable, inner: str = "") -> dict[str, str]:
    """Names of layers that Slim numbers: `scope`, `scope_1`, `scope_2`, ..., each with `inner`."""
    names = {}
    for i, layer in enumerate(layers):
        names |= variable_names(layer, f"{scope}_{i}{inner}" if i else f"{scope}{inner}")
    return names


def encoder_names(encoder, scope: str) -> dict[str, str]:
    convs = numbered(f"{scope}/Conv", encoder.convs)
    return convs | numbered(f"{scope}/Conv", encoder.norms, "/BatchNorm")


def decoder_names(decoder, scope: str) -> dict[str, str]:
    deconvs = numbered(f"{scope}/Conv2d_transpose", [*decoder.deconvs, decoder.last])
    return deconvs | numbered(f"{scope}/Conv2d_transpose", decoder.norms, "/BatchNorm")


def discriminator_names(discriminator, scope: str, dense: tuple[str, str]) -> dict[str, str]:
    """`dense`: what stands before and after the number of a dense layer."""
    convs = numbered(f"{scope}/Conv", discriminator.convs)
    heads = ("score_hidden", "score", "attribute_hidden", "attribute_logits")
    return {
        **convs,
        **numbered(f"{scope}/Conv", discriminator.norms, "/InstanceNorm"),
        **numbered(f"{scope}/{dense[0]}", [getattr(discriminator, h) for h in heads], dense[1]),
    }


class Official(Mapping):
    """The model's variables of a checkpoint or mapping, under their graph names.

    Names may come with `:0`, or as the escaped keys of an object-based `tf.train.Checkpoint`.
    Optimizer slots, counters and whatever lies outside the networks' scopes is left out.

    Args:
        tensors: name -> array.
        scopes: of the networks.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], scopes: Iterable[str]):
        self._tensors = tensors
        shapes = (
            tensors.shapes()
            if isinstance(tensors, Checkpoint)
            else {name: np.shape(array) for name, array in tensors.items()}
        )
        prefixes = tuple(f"{scope}/" for scope in scopes)
        keys = {graph_name(key): key for key in shapes}
        self._keys = {
            name: key
            for name, key in keys.items()
            if name.startswith(prefixes) and not TRAINING_LEFTOVERS.search(name)
        }
        self.shapes = {name: tuple(shapes[key]) for name, key in self._keys.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        return self._tensors[self._keys[name]]

    def __iter__(self):
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def axis(self, name: str, axis: int) -> int:
        """Length of an axis of a variable; 0 where there is no such variable or axis."""
        shape = self.shapes.get(name, ())
        return shape[axis] if -len(shape) <= axis < len(shape) else 0

    def count(self, pattern: str) -> int:
        """How many names match as a whole."""
        return sum(re.fullmatch(pattern, name) is not None for name in self)

    def fill(self, networks: Iterable, names: Mapping[str, str], origin: str) -> None:
        """Gives the networks' variables their official values; all fit or nothing changes.

        Args:
            networks: Keras models.
            names: path of each variable -> official name.
            origin: named in error messages.

        Raises:
            ZooError: lists missing, extra and misshapen names, or one that is not finite.
        """
        variables = {v.path: v for network in networks for v in network.variables}
        expected = {names[path]: tuple(v.shape) for path, v in variables.items()}
        weights.check(expected, self.shapes, origin)
        weights.assign(variables, {path: self[names[path]] for path in variables}, origin)


def graph_name(key: str) -> str:
    """The name of a variable in its graph, from any of the forms a checkpoint has for it."""
    if key.endswith(_OBJECT_SUFFIX):
        escaped = key.removesuffix(_OBJECT_SUFFIX).rsplit("/", 1)[-1]
        key = re.sub(r"\.S|\.\.", lambda m: "/" if m[0] == ".S" else ".", escaped)
    return key.removesuffix(":0")


def sizes(official: Official, encoder: str, decoder: str, dense: str) -> dict:
    """Arguments of the constructor that the shapes tell; the rest keeps its default.

    Sizes that no model has are left out, so that nothing absurd is built: comparing the shapes
    then says what is wrong.

    Args:
        official: the variables.
        encoder: scope.
        decoder: scope.
        dense: scope of the discriminator's first dense layer.
    """
    depth = official.count(rf"{encoder}/Conv(_\d+)?/weights")
    if not 2 <= depth <= 7:
        return {}
    code = official.axis(f"{encoder}/Conv_{depth - 1}/weights", -1)
    attributes = official.axis(f"{decoder}/Conv2d_transpose/weights", -1) - code
    area = official.axis(f"{dense}/weights", 0) / code if code else 0  # of the code, pixels
    found = {
        "dim": official.axis(f"{encoder}/Conv/weights", -1),
        "dense_units": official.axis(f"{dense}/weights", 1),
        "image_size": round(area**0.5) * 2**depth,
        "attributes": attributes,
    }
    found = {k: v for k, v in found.items() if 0 < v <= _MAX_CHANNELS[k]}
    if "attributes" in found:
        found["attribute_names"] = attribute_names(found.pop("attributes"))
    return {"depth": depth, **found}


def attribute_names(count: int) -> tuple[str, ...]:
    """The released models' lists of 13 and 40 names; numbers for models of others."""
    known = {len(names): names for names in (EDITED_ATTRIBUTES, CELEBA_ATTRIBUTES)}
    return known.get(count, tuple(f"attribute_{i + 1}" for i in range(count)))
