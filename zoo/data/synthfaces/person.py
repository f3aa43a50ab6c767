"""Who is in the picture: every property that stays the same across the views of one identity.

Every part of a person has a random stream of its own, and draws the same numbers from it whatever
attributes are wanted: an attribute that is forced moves nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from zoo.data.synthfaces import palette
from zoo.data.synthfaces.regions import BEARD_FULL, BEARD_GOATEE, BEARD_NONE, BrowShape
from zoo.data.synthfaces.shape import sample_shape


class HairStyle(StrEnum):
    BALD = "bald"
    BUZZ = "buzz"
    SHORT = "short"
    SIDE = "side"
    QUIFF = "quiff"
    RECEDING = "receding"
    AFRO = "afro"
    LONG = "long"
    WAVY = "wavy"
    CURLY = "curly"
    TIED = "tied"
    BOB = "bob"


FLOWING_STYLES = (
    HairStyle.LONG,
    HairStyle.WAVY,
    HairStyle.CURLY,
    HairStyle.TIED,
    HairStyle.BOB,
)


@dataclass(frozen=True)
class Skin:
    """Colour and surface of the skin; amounts are about 0 to 1 unless stated."""

    tone: float  # 0 palest, 1 darkest
    tint: tuple[float, float, float]  # factors near 1
    redness: float
    eye_bags: float
    socket_shadow: float
    freckles: float
    moles: tuple[tuple[float, float, float], ...]  # canonical x, y and radius
    oiliness: float
    lip_gloss: float
    makeup: float
    stubble: float

    def bags(self, age: float) -> float:
        """How strongly the bags under the eyes are painted, 0 to .45."""
        return 0.30 * self.eye_bags + 0.15 * age


@dataclass(frozen=True)
class Hair:
    """Head hair; lengths in mesh units (decimetres)."""

    style: HairStyle
    color: str  # a key of palette.HAIR
    hairline: float  # canonical height at the centre
    recession: float
    bangs: bool
    bangs_height: float  # canonical height at which bangs end
    part: float  # canonical x of the part line
    comb: float  # -1 to 1, sideways
    length: float  # short styles
    messiness: float
    volume: float  # flowing styles
    end: float  # canonical height at which flowing styles end
    strands: int = 9000


@dataclass(frozen=True)
class Beard:
    kind: int  # of cheeks and chin: BEARD_NONE, BEARD_FULL or BEARD_GOATEE
    moustache: bool
    length: float
    strands: int = 4500

    @property
    def any(self) -> bool:
        return self.kind != BEARD_NONE or self.moustache


@dataclass(frozen=True)
class Glasses:
    """Rims are super-ellipses; lengths in mesh units."""

    half_width: float
    half_height: float
    exponent: float
    radius: float
    color: tuple[float, float, float]
    tint: float  # of the lenses, 0 clear to 1 black


@dataclass(frozen=True)
class Clothes:
    collar: float  # canonical height
    pattern: int  # 0 plain, 1 stripes, 2 patches
    color: tuple[float, float, float]


@dataclass(frozen=True)
class Person:
    noise_seed: int
    male: bool
    age: float  # 0 young, 1 old
    skin: Skin
    brows: BrowShape
    bushy_brows: bool
    hair: Hair
    beard: Beard
    glasses: Glasses | None
    clothes: Clothes
    iris: str  # a key of palette.IRIS
    lashes: int  # strands per upper lid
    lash_length: float
    shape: dict[str, float]  # target name -> weight


PALE, OLD = 0.14, 0.65
"""Skin tone below which "Pale_Skin" and age from which not "Young" holds."""

Streams = Callable[[str], np.random.Generator]
"""Gives a fresh generator for a part of the person."""

Wanted = Mapping[str, bool]
"""Attributes that are forced, by name; the others are as drawn."""


@dataclass(frozen=True)
class _Birth:
    """What is drawn first; parts that no attribute names follow it even if attributes differ."""

    male: bool
    age: float
    aged: float  # the age on the other side of OLD
    ancestry: np.ndarray


def sample_person(streams: Streams, wanted: Wanted) -> Person:
    """Draws a person, with the wanted attributes forced.

    A forced attribute has these consequences, and no others. "Male" changes bones, thickness of
    brows, lashes, make-up and stubble; a woman loses beard and moustache. "Young" changes bones and
    skin, not the colour of the hair. "Bangs" and hair colours, if wanted, end baldness, and "Bald"
    ends them. A hair colour ends the one before; if it is not wanted, hair becomes red, which has
    no attribute. Brows and beard have the colour of the hair, and lips follow the skin.
    """
    birth = _sample_birth(streams("looks"))
    male = wanted.get("Male", birth.male)
    young = wanted.get("Young", birth.age < OLD)
    age = birth.age if young == (birth.age < OLD) else birth.aged
    rng = streams("eyes")
    shares = [0.30, 0.15, 0.25, 0.10, 0.12, 0.08]
    iris = rng.choice(
        ["brown", "dark", "blue", "green", "hazel", "gray"],
        p=shares if birth.ancestry[0] > 0.55 else [0.5, 0.5, 0, 0, 0, 0],
    )
    lash = rng.random()
    bushy = streams("bushy").random() < (0.3 if birth.male else 0.1)
    bushy = wanted.get("Bushy_Eyebrows", bool(bushy))
    return Person(
        noise_seed=int(streams("noise").integers(1, 10000)),
        male=male,
        age=age,
        skin=_sample_skin(streams("skin"), male, birth, wanted),
        brows=_sample_brows(streams("brows"), male, bushy),
        bushy_brows=bushy,
        hair=_sample_hair(streams("style"), birth, wanted),
        beard=_sample_beard(streams("shave"), male, birth, wanted),
        glasses=_sample_glasses(streams("glasses"), wanted),
        clothes=_sample_clothes(streams("clothes")),
        iris=str(iris),
        lashes=22 if male else 34,
        lash_length=0.035 + 0.025 * lash if male else 0.06 + 0.035 * lash,
        shape=sample_shape(streams("bones"), male, age, birth.ancestry),
    )


def _sample_birth(rng: np.random.Generator) -> _Birth:
    male = bool(rng.random() < 0.5)
    bands = ((0, 0.25), (0.25, 0.6), (0.7, 1))
    band, share = rng.choice(3, p=[0.6, 0.2, 0.2]), rng.random()
    age, aged = (
        float(low + (high - low) * share)
        for low, high in (bands[band], bands[0 if band == 2 else 2])
    )
    return _Birth(male, age, aged, rng.dirichlet([0.35, 0.35, 0.35]))


def _sample_skin(rng: np.random.Generator, male: bool, birth: _Birth, wanted: Wanted) -> Skin:
    ancestry = birth.ancestry
    drawn = (
        ancestry[0] * rng.uniform(0.02, 0.38)
        + ancestry[1] * rng.uniform(0.10, 0.42)
        + ancestry[2] * rng.uniform(0.55, 0.98)
    )
    drawn = float(np.clip(drawn + rng.normal(0, 0.05), 0, 1))
    share, pale = float(rng.random()), wanted.get("Pale_Skin", drawn < PALE)
    if pale == (drawn < PALE):
        tone = drawn
    else:
        tone = PALE * (0.2 + 0.7 * share) if pale else PALE + 0.04 + 0.14 * share
    freckles, freckled = rng.uniform(0.15, 0.5), rng.random() < 0.25
    makeup, made_up = rng.uniform(0.2, 1), rng.random() < 0.5
    return Skin(
        tone=tone,
        tint=tuple(np.exp(rng.normal(0, 0.045, 3) * (0.4, 0.5, 1)).tolist()),
        redness=float(rng.uniform(0.4, 1.25)),
        eye_bags=float(rng.uniform(0, 1)),
        socket_shadow=float(rng.uniform(0, 0.12)),
        freckles=float(freckles) if freckled and drawn < 0.35 else 0.0,
        moles=_sample_moles(rng),
        oiliness=float(rng.uniform(0.1, 1.1)),
        lip_gloss=float(rng.uniform(0, 1)),
        makeup=float(makeup) if made_up and not male else 0.0,
        stubble=float(rng.uniform(0, 0.8)) if male else 0.0,
    )


def _sample_moles(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    """Draws canonical x, y and radius of up to three moles."""
    x, y = rng.uniform(-0.5, 0.5, 3), rng.uniform(6.3, 7.9, 3)
    moles = np.stack([x, y, rng.uniform(0.012, 0.022, 3)], 1)
    return tuple(tuple(mole) for mole in moles[: rng.integers(0, 4)].tolist())


def _sample_brows(rng: np.random.Generator, male: bool, bushy: bool) -> BrowShape:
    thickness, density = rng.uniform(0.034, 0.052), rng.uniform(0.6, 0.95)
    if bushy:
        thickness, density = 0.066, 1.0
    return BrowShape(
        thickness=float(thickness * (1 if bushy else 1.15 if male else 0.85)),
        density=float(density),
        length=float(rng.uniform(-0.04, 0.02)),
        height=float(rng.uniform(-0.008, 0.028)),
        arch=float(rng.uniform(0.2, 1.0)),
        tilt=float(rng.uniform(0.3, 0.7)),
    )


_BALD_MEN = 0.10
_MALE_STYLES = {  # of those who have hair
    HairStyle.BUZZ: 0.13,
    HairStyle.SHORT: 0.33,
    HairStyle.SIDE: 0.25,
    HairStyle.QUIFF: 0.13,
    HairStyle.RECEDING: 0.08,
    HairStyle.AFRO: 0.03,
    HairStyle.LONG: 0.05,
}
_FEMALE_STYLES = {
    HairStyle.LONG: 0.30,
    HairStyle.WAVY: 0.24,
    HairStyle.CURLY: 0.10,
    HairStyle.TIED: 0.16,
    HairStyle.BOB: 0.10,
    HairStyle.SIDE: 0.05,
    HairStyle.AFRO: 0.05,
}
_NO_BANGS = (HairStyle.TIED, HairStyle.AFRO, HairStyle.RECEDING, HairStyle.BUZZ)
"""Styles that have bangs only if they are wanted."""

HAIR_ATTRIBUTES = {
    "Black_Hair": ("black",),
    "Blond_Hair": ("blond",),
    "Brown_Hair": ("brown", "dark_brown"),
    "Gray_Hair": palette.GRAY_HAIR,
}
"""Keys of palette.HAIR for which an attribute holds."""

_UNNAMED_COLOR = "red"


def _sample_hair(rng: np.random.Generator, birth: _Birth, wanted: Wanted) -> Hair:
    color = _sample_hair_color(rng, birth, wanted)
    styles = _MALE_STYLES if birth.male else _FEMALE_STYLES
    style = HairStyle(rng.choice(list(styles), p=list(styles.values())))
    if style == HairStyle.AFRO and birth.ancestry[2] < 0.4:
        style = HairStyle.SHORT if birth.male else HairStyle.WAVY
    bald = bool(birth.male and rng.random() < _BALD_MEN)
    if any(wanted.get(name) for name in ("Bangs", *HAIR_ATTRIBUTES)):
        bald = False
    bald = wanted.get("Bald", bald)
    recession, bangs = float(rng.uniform(0.25, 0.55)), rng.random() < (0.12 if birth.male else 0.35)
    bangs = wanted.get("Bangs", bool(bangs and style not in _NO_BANGS))
    part, parted = rng.uniform(0.12, 0.36) * rng.choice([-1, 1]), rng.random() < 0.65
    end, short_end = rng.uniform(5.4, 6.2), rng.uniform(6.1, 6.5)
    return Hair(
        style=HairStyle.BALD if bald else style,
        color=color,
        hairline=float(rng.uniform(7.86, 8.02)),
        recession=recession if style == HairStyle.RECEDING else 0.0,
        bangs=bangs and not bald,
        bangs_height=float(rng.uniform(7.48, 7.70)),
        part=float(part) if parted else 0.0,
        comb=float(rng.uniform(-1, 1)),
        length=float(rng.uniform(0.22, 0.48)),
        messiness=float(rng.uniform(0.12, 0.5)),
        volume=float(rng.uniform(0.6, 1.5)),
        end=float(short_end if style == HairStyle.BOB else end),
    )


def _sample_hair_color(rng: np.random.Generator, birth: _Birth, wanted: Wanted) -> str:
    european = birth.ancestry[0] > 0.5
    colors = ("black", "dark_brown", "brown", "blond", "red")
    shares = [0.26, 0.20, 0.19, 0.30, 0.05] if european else [0.70, 0.18, 0.07, 0.05, 0]
    color, gray = str(rng.choice(colors, p=shares)), str(rng.choice(palette.GRAY_HAIR))
    if rng.random() < 0.7 and birth.age > OLD:
        color = gray
    for name, named in HAIR_ATTRIBUTES.items():
        if wanted.get(name) and color not in named:
            return named[0]
        if wanted.get(name) is False and color in named:
            return _UNNAMED_COLOR
    return color


def _sample_beard(rng: np.random.Generator, male: bool, birth: _Birth, wanted: Wanted) -> Beard:
    kind = int(rng.choice([BEARD_FULL, BEARD_GOATEE], p=[0.62, 0.38]))
    bearded, alone = rng.random() < 0.32, rng.random() < 0.15
    bearded &= birth.male and male
    bearded_too = bearded or bool(alone and birth.male and male)
    return Beard(
        kind=BEARD_NONE if wanted.get("No_Beard", not bearded) else kind,
        moustache=wanted.get("Mustache", bearded_too),
        length=float(rng.uniform(0.04, 0.14)),
    )


def _sample_glasses(rng: np.random.Generator, wanted: Wanted) -> Glasses | None:
    worn = rng.random() < 0.2
    glasses = Glasses(
        half_width=float(rng.uniform(0.245, 0.285)),
        half_height=float(rng.uniform(0.15, 0.235)),
        exponent=float(rng.uniform(2, 4)),
        radius=float(rng.uniform(0.010, 0.028)),
        color=palette.FRAMES[rng.integers(len(palette.FRAMES))],
        tint=float(rng.choice([0.04, 0.06, 0.3, 0.8], p=[0.5, 0.35, 0.1, 0.05])),
    )
    return glasses if wanted.get("Eyeglasses", worn) else None


def _sample_clothes(rng: np.random.Generator) -> Clothes:
    base = rng.choice([0, 1]) * rng.uniform(0.02, 0.7)
    color = base + rng.uniform(0.02, 0.45, 3) * rng.choice([0.3, 1])
    return Clothes(
        collar=float(rng.uniform(5.55, 5.95)),
        pattern=int(rng.choice([0, 0, 1, 2])),
        color=tuple(np.clip(color, 0.015, 0.85).tolist()),
    )
