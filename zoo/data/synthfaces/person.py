"""Who is in the picture: every property that stays the same across the views of one identity."""

from __future__ import annotations

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
    kind: int  # BEARD_NONE, BEARD_FULL or BEARD_GOATEE
    moustache: bool  # without a beard
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


def sample_person(rng: np.random.Generator, shape_rng: np.random.Generator) -> Person:
    """Draws a person.

    Args:
        rng: source of the looks.
        shape_rng: source of the bones, apart so that a change of the looks keeps the face.
    """
    male = bool(rng.random() < 0.5)
    low, high = ((0, 0.25), (0.25, 0.6), (0.7, 1))[rng.choice(3, p=[0.6, 0.2, 0.2])]
    age = float(rng.uniform(low, high))
    ancestry = rng.dirichlet([0.35, 0.35, 0.35])
    skin = _sample_skin(rng, male, ancestry)
    hair = _sample_hair(rng, male, age, ancestry)
    kind = int(rng.choice([BEARD_NONE, BEARD_FULL, BEARD_GOATEE], p=[0.68, 0.2, 0.12]))
    moustache = bool(rng.random() < 0.15)
    beard = Beard(
        kind if male else BEARD_NONE,
        male and kind == BEARD_NONE and moustache,
        float(rng.uniform(0.04, 0.14)),
    )
    bushy = bool(rng.random() < (0.3 if male else 0.1))
    european = ancestry[0] > 0.55
    iris = rng.choice(
        ["brown", "dark", "blue", "green", "hazel", "gray"],
        p=[0.30, 0.15, 0.25, 0.10, 0.12, 0.08] if european else [0.5, 0.5, 0, 0, 0, 0],
    )
    return Person(
        noise_seed=int(rng.integers(1, 10000)),
        male=male,
        age=age,
        skin=skin,
        brows=_sample_brows(rng, male, bushy),
        bushy_brows=bushy,
        hair=hair,
        beard=beard,
        glasses=_sample_glasses(rng),
        clothes=_sample_clothes(rng),
        iris=str(iris),
        lashes=22 if male else 34,
        lash_length=float(rng.uniform(0.035, 0.06) if male else rng.uniform(0.06, 0.095)),
        shape=sample_shape(shape_rng, male, age, ancestry),
    )


def _sample_skin(rng: np.random.Generator, male: bool, ancestry: np.ndarray) -> Skin:
    tone = (
        ancestry[0] * rng.uniform(0.02, 0.38)
        + ancestry[1] * rng.uniform(0.10, 0.42)
        + ancestry[2] * rng.uniform(0.55, 0.98)
    )
    tone = float(np.clip(tone + rng.normal(0, 0.05), 0, 1))
    freckles, freckled = rng.uniform(0.15, 0.5), rng.random() < 0.25
    makeup, made_up = rng.uniform(0.2, 1), rng.random() < 0.5
    return Skin(
        tone=tone,
        tint=tuple(np.exp(rng.normal(0, 0.045, 3) * (0.4, 0.5, 1)).tolist()),
        redness=float(rng.uniform(0.4, 1.25)),
        eye_bags=float(rng.uniform(0, 1)),
        socket_shadow=float(rng.uniform(0, 0.12)),
        freckles=float(freckles) if freckled and tone < 0.35 else 0.0,
        moles=sample_moles(rng, int(rng.integers(0, 4))),
        oiliness=float(rng.uniform(0.1, 1.1)),
        lip_gloss=float(rng.uniform(0, 1)),
        makeup=float(makeup) if made_up and not male else 0.0,
        stubble=float(rng.uniform(0, 0.8)) if male else 0.0,
    )


def sample_moles(rng: np.random.Generator, count: int) -> tuple[tuple[float, float, float], ...]:
    """Draws canonical x, y and radius of `count` moles."""
    return tuple(
        (
            float(rng.uniform(-0.5, 0.5)),
            float(rng.uniform(6.3, 7.9)),
            float(rng.uniform(0.012, 0.022)),
        )
        for _ in range(count)
    )


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


_MALE_STYLES = {
    HairStyle.BUZZ: 0.12,
    HairStyle.SHORT: 0.30,
    HairStyle.SIDE: 0.22,
    HairStyle.QUIFF: 0.12,
    HairStyle.RECEDING: 0.07,
    HairStyle.BALD: 0.10,
    HairStyle.AFRO: 0.03,
    HairStyle.LONG: 0.04,
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
_NO_BANGS = (
    HairStyle.BALD,
    HairStyle.TIED,
    HairStyle.AFRO,
    HairStyle.RECEDING,
    HairStyle.BUZZ,
)


def _sample_hair(rng: np.random.Generator, male: bool, age: float, ancestry: np.ndarray) -> Hair:
    colors = ("black", "dark_brown", "brown", "blond", "red")
    shares = [0.26, 0.20, 0.19, 0.30, 0.05] if ancestry[0] > 0.5 else [0.70, 0.18, 0.07, 0.05, 0]
    color = str(rng.choice(colors, p=shares))
    turned = str(rng.choice(palette.GRAY_HAIR))
    if rng.random() < 0.7 and age > 0.65:
        color = turned
    styles = _MALE_STYLES if male else _FEMALE_STYLES
    style = HairStyle(rng.choice(list(styles), p=list(styles.values())))
    if style == HairStyle.AFRO and ancestry[2] < 0.4:
        style = HairStyle.SHORT if male else HairStyle.WAVY
    recession, bangs = float(rng.uniform(0.25, 0.55)), rng.random() < (0.12 if male else 0.35)
    part, parted = rng.uniform(0.12, 0.36) * rng.choice([-1, 1]), rng.random() < 0.65
    end = rng.uniform(6.1, 6.5) if style == HairStyle.BOB else rng.uniform(5.4, 6.2)
    return Hair(
        style=style,
        color=color,
        hairline=float(rng.uniform(7.86, 8.02)),
        recession=recession if style == HairStyle.RECEDING else 0.0,
        bangs=bool(bangs and style not in _NO_BANGS),
        bangs_height=float(rng.uniform(7.48, 7.70)),
        part=float(part) if parted else 0.0,
        comb=float(rng.uniform(-1, 1)),
        length=float(rng.uniform(0.22, 0.48)),
        messiness=float(rng.uniform(0.12, 0.5)),
        volume=float(rng.uniform(0.6, 1.5)),
        end=float(end),
    )


def _sample_glasses(rng: np.random.Generator) -> Glasses | None:
    worn = rng.random() < 0.2
    glasses = Glasses(
        half_width=float(rng.uniform(0.245, 0.285)),
        half_height=float(rng.uniform(0.15, 0.235)),
        exponent=float(rng.uniform(2, 4)),
        radius=float(rng.uniform(0.010, 0.028)),
        color=palette.FRAMES[rng.integers(len(palette.FRAMES))],
        tint=float(rng.choice([0.04, 0.06, 0.3, 0.8], p=[0.5, 0.35, 0.1, 0.05])),
    )
    return glasses if worn else None


def _sample_clothes(rng: np.random.Generator) -> Clothes:
    base = rng.choice([0, 1]) * rng.uniform(0.02, 0.7)
    color = base + rng.uniform(0.02, 0.45, 3) * rng.choice([0.3, 1])
    return Clothes(
        collar=float(rng.uniform(5.55, 5.95)),
        pattern=int(rng.choice([0, 0, 1, 2])),
        color=tuple(np.clip(color, 0.015, 0.85).tolist()),
    )
