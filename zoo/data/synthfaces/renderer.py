"""`SynthFaces`: the data set as a function from an index to a labelled picture."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from zoo.data.synthfaces.names import TOGGLED_ATTRIBUTES
from zoo.errors import ZooError, did_you_mean

if TYPE_CHECKING:  # these need numba and SciPy
    from zoo.data.synthfaces.picture import Picture, Setup, Sitter
    from zoo.data.synthfaces.view import View

GENERATOR_VERSION = 6
"""Raised whenever the same arguments would give other pixels or labels."""

POSES = ("portrait", "multipie")

# Domains of the random streams: a change of one part does not disturb the others.
_STREAMS = {
    **{"looks": 1, "bones": 2, "hair": 3, "beard": 4, "lashes": 5, "view": 6, "skin": 7},
    **{"brows": 8, "bushy": 9, "style": 10, "shave": 11, "glasses": 12, "clothes": 13},
    **{"eyes": 14, "noise": 15, "session": 16},
}
_OF_VIEW = "Mouth_Slightly_Open"
_ONE_OF = ("Bald", "Bangs"), ("Bald", "Black_Hair", "Blond_Hair", "Brown_Hair")


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

    def render(
        self, index: int, attributes: Mapping[str, int] | None = None
    ) -> dict[str, np.ndarray]:
        """Renders one example.

        Args:
            index: from 0; any order.
            attributes: forces some of TOGGLED_ATTRIBUTES to 0 or 1, by name. Identity, pose, light,
                camera, exposure, background and noise stay those of the example, so that the
                difference is what the attributes do; the README says what each takes along.

        Returns:
            image: (size, size, 3) uint8 RGB.
            parsing: (size, size) uint8, indices into PARSING_NAMES; below glasses.
            layers: (size, size, 3) uint8, how much of each pixel is covered by the visible part of
                each of LAYER_NAMES, 0 to 255.
            landmarks: (5, 2) float32, x and y in pixels, in the order of LANDMARK_NAMES; pixel
                centres are at .5.
            landmarks_visible: (5,) uint8, 0 where the head, hair or the edge hides a landmark.
            landmarks68: (68, 2) float32, in the order of 300-W.
            landmarks68_visible: (68,) uint8.
            attributes: (33,) uint8 in {0, 1}, in the order of ATTRIBUTE_NAMES: what is drawn.
            yaw: () float32, degrees; positive turns the nose to the right of the image.
            pitch: () float32, degrees; positive lowers the nose.
            roll: () float32, degrees; positive tilts the crown to the left of the image.
            light: () int64, index of the lamp in `view.LIGHTS`.
            identity: () int64, `index // views_per_identity`.

            With `poses="multipie"` also the same moment seen by the camera at yaw 0, under the same
            lamp: `frontal`, like `image`, and `frontal_landmarks`, like `landmarks`; and `session`,
            () int64 from 1 to 4: the views of a session share expression and posture.

        Raises:
            ZooError: no such index or attribute, or attributes that exclude each other.
        """
        _checked("index", index, 0, 2**31 * self.views_per_identity - 1)
        wanted = _checked_attributes(attributes or {})
        place = (self.seed, *divmod(int(index), self.views_per_identity), self.poses)
        looks = tuple(sorted((k, v) for k, v in wanted.items() if k != _OF_VIEW))
        sitter = sitter_of(self.seed, place[1], self.size, looks)
        view = view_of(*place, wanted.get(_OF_VIEW))

        from zoo.data.synthfaces.picture import take_picture
        from zoo.data.synthfaces.traits import attributes_of

        def take(frontal: bool) -> Picture:
            taken = view.frontal if frontal else view
            setup = _setup(*place, self.size, frontal) if wanted else None
            return take_picture(sitter, taken, self.size, setup)

        picture = take(frontal=False)
        example = {
            "image": picture.image,
            "parsing": picture.parsing,
            "layers": picture.layers,
            "landmarks": picture.landmarks,
            "landmarks_visible": picture.landmarks_visible,
            "landmarks68": picture.landmarks68,
            "landmarks68_visible": picture.landmarks68_visible,
            "attributes": attributes_of(sitter.person, sitter.measures, view),
            "yaw": np.float32(view.seen_yaw),
            "pitch": np.float32(view.pitch),
            "roll": np.float32(view.roll),
            "light": np.int64(view.light),
            "identity": np.int64(place[1]),
        }
        if view.lab:
            example["session"] = np.int64(view.session)
            partner = take(frontal=True)
            example["frontal"] = partner.image
            example["frontal_landmarks"] = partner.landmarks
        return example


def _stream(seed: int, identity: int, name: str, view: int = 0) -> tuple[int, ...]:
    """Seed of a random stream; always four words, since NumPy pads shorter ones with zeros."""
    return seed, identity, _STREAMS[name], view


@lru_cache(maxsize=4)
def sitter_of(
    seed: int, identity: int, size: int, wanted: tuple[tuple[str, bool], ...] = ()
) -> Sitter:
    """The person of an identity, grown and painted, with forced attributes."""
    from zoo.data.synthfaces.person import sample_person
    from zoo.data.synthfaces.picture import make_sitter

    def generator(name: str) -> np.random.Generator:
        return np.random.default_rng(_stream(seed, identity, name))

    streams = {name: _stream(seed, identity, name) for name in ("hair", "beard", "lashes")}
    return make_sitter(sample_person(generator, dict(wanted)), size, streams)


def view_of(
    seed: int, identity: int, view: int, poses: str, mouth_open: bool | None = None
) -> View:
    """How view number `view` of an identity is taken, with the mouth forced open or closed."""
    from zoo.data.synthfaces.view import SESSIONS, sample_lab_view, sample_view

    rng = np.random.default_rng(_stream(seed, identity, "view", view))
    if poses == "portrait":
        return sample_view(rng, mouth_open)
    session = view % SESSIONS + 1
    sitting = np.random.default_rng(_stream(seed, identity, "session", session))
    return sample_lab_view(rng, sitting, session, mouth_open)


@lru_cache(maxsize=8)
def _setup(seed: int, identity: int, view: int, poses: str, size: int, frontal: bool) -> Setup:
    """Camera and exposure of an example as it is without forced attributes."""
    from zoo.data.synthfaces.picture import take_picture

    taken = view_of(seed, identity, view, poses)
    taken = taken.frontal if frontal else taken
    return take_picture(sitter_of(seed, identity, size), taken, size).setup


def _checked_attributes(attributes: Mapping[str, int]) -> dict[str, bool]:
    for name, value in attributes.items():
        if name not in TOGGLED_ATTRIBUTES:
            raise ZooError(
                f"Attribute {name!r} cannot be forced; legal: {', '.join(TOGGLED_ATTRIBUTES)}."
                + did_you_mean(str(name), TOGGLED_ATTRIBUTES)
            )
        if value not in (0, 1):
            raise ZooError(f"Attribute {name} is {value!r}; legal: 0, 1.")
    for group in _ONE_OF:
        both = [name for name in group if attributes.get(name)]
        if len(both) > 1:
            raise ZooError(f"The attributes {' and '.join(both)} exclude each other.")
    return {name: bool(value) for name, value in attributes.items()}


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
