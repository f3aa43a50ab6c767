"""`SynthFaces`: the data set as a function from an index to a labelled picture."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from zoo.data.synthfaces.names import ATTRIBUTE_NAMES
from zoo.errors import ZooError, did_you_mean

if TYPE_CHECKING:  # these need numba and SciPy
    from zoo.data.synthfaces.person import Person
    from zoo.data.synthfaces.picture import Sitter
    from zoo.data.synthfaces.view import View

GENERATOR_VERSION = 1
"""Raised whenever the same arguments would give other pixels or labels."""

POSES = ("portrait", "multipie")

_PALE, _OLD = 0.14, 0.65  # skin tone below which and age from which the attributes hold

# Domains of the random streams: a change of one part does not disturb the others.
_STREAMS = {"looks": 1, "bones": 2, "hair": 3, "beard": 4, "lashes": 5, "view": 6}


class SynthFaces:
    """Deterministic rendered faces with labels, by index.

    The person (shape, skin, hair, accessories) depends on `seed` and `index // views_per_identity`
    only; pose, light, expression, background and sensor noise also on the view.

    Args:
        size: side of the images in pixels, 32 to 512.
        seed: 0 to 2**32 - 1; another seed gives other people.
        views_per_identity: images per person, from 1.
        poses: "portrait" (photographs like CelebA's) or "multipie": one of 13 yaws from -90 to 90
            and one of 20 lamps, exposure fixed per person, cropped as TP-GAN wants it, each with
            its frontal partner.

    Raises:
        ZooError: an argument is outside its range, or numba or SciPy is not installed.
    """

    def __init__(
        self,
        size: int = 128,
        seed: int = 0,
        views_per_identity: int = 4,
        poses: str = "portrait",
    ):
        self.size = _checked("size", size, 32, 512)
        self.seed = _checked("seed", seed, 0, 2**32 - 1)
        self.views_per_identity = _checked("views_per_identity", views_per_identity, 1, 2**31)
        check_choice("poses", poses, POSES)
        self.poses = poses
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

            With `poses="multipie"` also the same moment seen by the camera at yaw 0, under the same
            lamp: `frontal`, like `image`, and `frontal_landmarks`, like `landmarks`.
        """
        _checked("index", index, 0, 2**31 * self.views_per_identity - 1)
        identity, view = divmod(int(index), self.views_per_identity)
        from zoo.data.synthfaces.picture import take_picture
        from zoo.data.synthfaces.view import sample_lab_view, sample_view

        lab = self.poses == "multipie"
        sitter = _sitter(self.seed, identity, self.size)
        rng = np.random.default_rng(_stream(self.seed, identity, "view", view))
        taken = sample_lab_view(rng) if lab else sample_view(rng)
        picture = take_picture(sitter, taken, self.size)
        example = {
            "image": picture.image,
            "parsing": picture.parsing,
            "landmarks": picture.landmarks,
            "attributes": _attributes(sitter.person, taken),
            "yaw": np.float32(taken.seen_yaw),
            "identity": np.int64(identity),
        }
        if lab:
            frontal = take_picture(sitter, taken.frontal, self.size)
            example["frontal"] = frontal.image
            example["frontal_landmarks"] = frontal.landmarks
        return example


def _stream(seed: int, identity: int, name: str, view: int = 0) -> tuple[int, ...]:
    """Seed of a random stream; always four words, since NumPy pads shorter ones with zeros."""
    return seed, identity, _STREAMS[name], view


@lru_cache(maxsize=4)
def _sitter(seed: int, identity: int, size: int) -> Sitter:
    from zoo.data.synthfaces.person import sample_person
    from zoo.data.synthfaces.picture import make_sitter

    looks, bones = (
        np.random.default_rng(_stream(seed, identity, name)) for name in ("looks", "bones")
    )
    streams = {name: _stream(seed, identity, name) for name in ("hair", "beard", "lashes")}
    return make_sitter(sample_person(looks, bones), size, streams)


def _attributes(person: Person, view: View) -> np.ndarray:
    hair = person.hair
    bald = hair.style == "bald"
    values = {
        "Bald": bald,
        "Bangs": hair.bangs,
        "Black_Hair": not bald and hair.color == "black",
        "Blond_Hair": not bald and hair.color == "blond",
        "Brown_Hair": not bald and hair.color in ("brown", "dark_brown"),
        "Bushy_Eyebrows": person.bushy_brows,
        "Eyeglasses": person.glasses is not None,
        "Male": person.male,
        "Mouth_Slightly_Open": view.expression.mouth_open > 0,
        "Mustache": person.beard.any,  # every beard here comes with one
        "No_Beard": not person.beard.kind,
        "Pale_Skin": person.skin.tone < _PALE,
        "Young": person.age < _OLD,
    }
    return np.array([values[name] for name in ATTRIBUTE_NAMES], np.uint8)


def check_choice(name: str, value: str, legal: tuple[str, ...]) -> None:
    """Raises a ZooError unless `value` is one of `legal`."""
    if value not in legal:
        raise ZooError(
            f"{name}={value!r} is unknown; legal: {', '.join(legal)}."
            + did_you_mean(str(value), legal)
        )


def _checked(name: str, value: int, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ZooError(f"{name}={value!r} is not an integer; legal: {low} to {high}.")
    if not low <= value <= high:
        raise ZooError(f"{name}={value} is out of range; legal: {low} to {high}.")
    return int(value)
