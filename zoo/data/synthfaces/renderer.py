"""`SynthFaces`: the data set as a function from an index to a labelled picture."""

from __future__ import annotations

import importlib.util
from functools import lru_cache

import numpy as np

from zoo.data.synthfaces.names import ATTRIBUTE_NAMES
from zoo.errors import ZooError

GENERATOR_VERSION = 1
"""Raised whenever the same arguments would give other pixels or labels."""

_VIEW_KEYS = (
    "smile open yaw pitch roll gaze lidopen light key amb warm rim pupil dist dx dy scale post "
    "bgseed"
).split()


class SynthFaces:
    """Deterministic rendered faces with labels, by index.

    The person (shape, skin, hair, accessories) depends on `seed` and `index // views_per_identity`
    only; pose, light, expression, background and sensor noise also on the view.

    Args:
        size: side of the images in pixels, 32 to 512.
        seed: 0 to 2**32 - 1; another seed gives other people.
        views_per_identity: images per person, from 1.

    Raises:
        ZooError: an argument is outside its range, or numba or SciPy is not installed.
    """

    def __init__(self, size: int = 128, seed: int = 0, views_per_identity: int = 4):
        self.size = _checked("size", size, 32, 512)
        self.seed = _checked("seed", seed, 0, 2**32 - 1)
        self.views_per_identity = _checked("views_per_identity", views_per_identity, 1, 2**31)
        for module in ("numba", "scipy"):
            if importlib.util.find_spec(module) is None:
                raise ZooError(f"SynthFaces needs {module}: pip install 'face-gan-zoo[synthfaces]'")

    def render(self, index: int) -> dict[str, np.ndarray]:
        """Renders one example.

        Args:
            index: from 0; any order.

        Returns:
            image: (size, size, 3) uint8 RGB.
            parsing: (size, size) uint8, indices into PARSING_NAMES.
            landmarks: (5, 2) float32, x and y in pixels, in the order of LANDMARK_NAMES; pixel
                centres are at .5.
            attributes: (13,) uint8 in {0, 1}, in the order of ATTRIBUTE_NAMES.
            yaw: () float32, degrees; positive turns the nose to the right of the image.
            identity: () int64, `index // views_per_identity`.
        """
        _checked("index", index, 0, 2**31 * self.views_per_identity - 1)
        identity, view = divmod(int(index), self.views_per_identity)
        from zoo.data.synthfaces._study import scene

        person, base = _identity(self.seed, identity)
        sampled = scene.sample(np.random.default_rng([self.seed, identity, 2, view]))
        p = {**person, **{key: sampled[key] for key in _VIEW_KEYS}}
        geometry = scene.pose_geom(p, base)
        base.pop("bg", None)
        supersampling = max(2, -(-256 // self.size))
        image, parsing, points, _ = scene.render(p, base, geometry, self.size, supersampling)
        parsing = _SWAPPED[parsing]
        return {
            "image": np.ascontiguousarray(image),
            "parsing": parsing,
            "landmarks": np.stack([points[k] for k in ("er", "el", "nose", "mr", "ml")]).astype(
                np.float32
            ),
            "attributes": _attributes(p),
            "yaw": np.float32(p["yaw"]),
            "identity": np.int64(identity),
        }


# The study calls the subject's left "left"; the data set means the left of the image.
_SWAPPED = np.array([0, 1, 3, 2, 5, 4, 6, 7, 8, 9, 10, 11, 12, 13], np.uint8)


@lru_cache(maxsize=4)
def _identity(seed: int, identity: int) -> tuple[dict, dict]:
    from zoo.data.synthfaces._study import scene

    p = scene.sample(np.random.default_rng([seed, identity, 1, 0]))
    if p["bushy"]:
        p["browth"], p["browden"] = 0.066, 1.0
    return p, scene.prep_id(p)


def _attributes(p: dict) -> np.ndarray:
    haired = p["hair"] != "bald"
    values = {
        "Bald": not haired,
        "Bangs": p["bangs"],
        "Black_Hair": haired and p["hcn"] == "black",
        "Blond_Hair": haired and p["hcn"] == "blond",
        "Brown_Hair": haired and p["hcn"] in ("brown", "darkbrown"),
        "Bushy_Eyebrows": p["bushy"],
        "Eyeglasses": p["glasses"],
        "Male": p["male"],
        "Mouth_Slightly_Open": p["open"] > 0.05,
        "Mustache": p["mustache"] or p["beard"],
        "No_Beard": not p["beard"],
        "Pale_Skin": p["tone"] < 0.12,
        "Young": p["old"] < 0.65,
    }
    return np.array([bool(values[name]) for name in ATTRIBUTE_NAMES], np.uint8)


def _checked(name: str, value: int, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ZooError(f"{name}={value!r} is not an integer; legal: {low} to {high}.")
    if not low <= value <= high:
        raise ZooError(f"{name}={value} is out of range; legal: {low} to {high}.")
    return int(value)
