"""The attributes of a picture: which of CelebA's names hold, from what is drawn.

Most are properties of the person. Those of shape are measured on the resting head or are weights of
its shape targets; their thresholds are ours and stand below. Names whose truth the generator cannot
tell (Attractive, Blurry, Double_Chin) or that it never draws (Wearing_Earrings, Wearing_Hat,
Wearing_Necklace, Wearing_Necktie) are left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from zoo.data.synthfaces.names import ATTRIBUTE_NAMES
from zoo.data.synthfaces.person import HAIR_ATTRIBUTES, OLD, PALE, HairStyle, Person
from zoo.data.synthfaces.regions import BEARD_FULL, BEARD_GOATEE, BEARD_NONE
from zoo.data.synthfaces.view import View

SMILE, STUBBLE, ARCH = 0.45, 0.45, 0.72
BAGS, ROSY = 0.28, 0.9  # strength with which shadows and blood are painted
LIPSTICK, HEAVY_MAKEUP = 0.2, 0.6
BIG_LIPS, BIG_NOSE = 0.38, 0.64  # height, width; shares of the distance of the eyes
NARROW_EYES = 0.33  # height by width of the opening
CHUBBY, OVAL, CHEEKBONES, POINTY = 0.05, 0.2, 0.25, 0.25  # weights of shape targets

_WAVY = (HairStyle.WAVY, HairStyle.CURLY)
_STRAIGHT = (
    *(HairStyle.SHORT, HairStyle.SIDE, HairStyle.QUIFF, HairStyle.RECEDING),
    *(HairStyle.LONG, HairStyle.TIED, HairStyle.BOB),
)


class Measures(NamedTuple):
    """Proportions of a resting face."""

    lips: float  # height of both lips, as a share of the distance of the eyes
    nose: float  # width at the wings, likewise
    eyes: float  # mean height by width of the openings


def measure(points: np.ndarray) -> Measures:
    """Measures a resting face by its 68 landmarks (68, 3), y up."""

    def between(a: int, b: int) -> float:
        return float(np.linalg.norm(points[a] - points[b]))

    eyes = between(36, 45) / 2 + between(39, 42) / 2  # between the middles of the eyes
    openings = [
        (between(upper, lower) + between(upper + 1, lower - 1)) / 2 / between(upper - 1, upper + 2)
        for upper, lower in ((37, 41), (43, 47))
    ]
    return Measures(between(51, 57) / eyes, between(31, 35) / eyes, sum(openings) / 2)


def attributes_of(person: Person, measures: Measures, view: View) -> np.ndarray:
    """Returns (n,) uint8 in {0, 1}, in the order of ATTRIBUTE_NAMES."""
    hair, beard, skin = person.hair, person.beard, person.skin
    haired = hair.style != HairStyle.BALD
    shaved = beard.kind == BEARD_NONE and not beard.moustache
    values = {
        "5_o_Clock_Shadow": shaved and skin.stubble > STUBBLE,
        "Arched_Eyebrows": person.brows.arch > ARCH,
        "Bags_Under_Eyes": skin.bags(person.age) > BAGS,
        "Bald": not haired,
        "Bangs": hair.bangs,
        "Big_Lips": measures.lips > BIG_LIPS,
        "Big_Nose": measures.nose > BIG_NOSE,
        **{name: haired and hair.color in keys for name, keys in HAIR_ATTRIBUTES.items()},
        "Bushy_Eyebrows": person.bushy_brows,
        "Chubby": _weight(person, "head/head-fat") > CHUBBY,
        "Eyeglasses": person.glasses is not None,
        "Goatee": beard.kind == BEARD_GOATEE,
        "Heavy_Makeup": skin.makeup > HEAVY_MAKEUP,
        "High_Cheekbones": _weight(person, "cheek/l-cheek-bones") > CHEEKBONES,
        "Male": person.male,
        "Mouth_Slightly_Open": view.expression.mouth_open > 0,
        "Mustache": beard.moustache,
        "Narrow_Eyes": measures.eyes < NARROW_EYES,
        "No_Beard": beard.kind == BEARD_NONE,
        "Oval_Face": person.shape.get("head/head-oval", 0.0) > OVAL,
        "Pale_Skin": skin.tone < PALE,
        "Pointy_Nose": _weight(person, "nose/nose-point-width") < -POINTY,
        "Receding_Hairline": haired and hair.recession > 0,
        "Rosy_Cheeks": skin.redness * (1 - 0.45 * skin.tone) > ROSY,
        "Sideburns": beard.kind == BEARD_FULL,
        "Smiling": view.expression.smile > SMILE,
        "Straight_Hair": hair.style in _STRAIGHT,
        "Wavy_Hair": hair.style in _WAVY,
        "Wearing_Lipstick": skin.makeup > LIPSTICK,
        "Young": person.age < OLD,
    }
    return np.array([values[name] for name in ATTRIBUTE_NAMES], np.uint8)


def _weight(person: Person, feature: str) -> float:
    """Weight of a shape target with its sign."""
    return person.shape.get(f"{feature}-incr", 0.0) - person.shape.get(f"{feature}-decr", 0.0)
