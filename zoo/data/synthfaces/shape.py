"""The bones of a person: random weights of the shape targets of the base head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.data.synthfaces.mesh import base_mesh

_FEATURES = {
    "head": "age angle back-scale-depth fat scale-depth scale-horiz scale-vert",
    "forehead": "nubian scale-vert temple",
    "chin": "bones cleft height prominent width prognathism",
    "nose": "base curve flaring greek hump nostrils-width point point-width scale-depth "
    "scale-horiz scale-vert volume width1 width2 width3",
    "mouth": "cupidsbow lowerlip-height lowerlip-volume scale-horiz upperlip-height "
    "upperlip-volume philtrum-volume angles",
    "neck": "scale-horiz",
    "eyebrows": "trans angle",
}
_PAIRED_FEATURES = {  # one target for each side of the face
    "cheek": ("cheek", "bones inner volume"),
    "eyes": (
        "eye",
        "bag corner1 corner2 eyefold height1 height2 height3 scale push1",
    ),
    "ears": ("ear", "scale wing lobe"),
}
_HEAD_FORMS = (
    *("oval", "oval", "round", "square"),
    *("diamond", "rectangular", "invertedtriangular", "triangular"),
)
# Without these means heads look too wide, long and small-eyed.
_MEANS = {
    "head/head-scale-horiz": -0.2,
    "head/head-scale-vert": -0.25,
    "head/head-fat": -0.25,
    "forehead/forehead-scale-vert": -0.3,
    "nose/nose-scale-vert": -0.15,
    "eyes/eye-scale": 0.45,
    "eyes/eye-height2": 0.45,
    "mouth/mouth-scale-horiz": 0.25,
    "neck/neck-scale-horiz": -0.2,
    "eyebrows/eyebrows-angle": 0.25,
}
_OPPOSITES = (
    ("incr", "decr"),
    ("in", "out"),
    ("up", "down"),
    ("convex", "concave"),
    ("compress", "uncompress"),
    ("forward", "backward"),
)


def sample_shape(
    rng: np.random.Generator, male: bool, age: float, ancestry: Sequence[float]
) -> dict[str, float]:
    """Draws the weights of the shape targets.

    Args:
        rng: source of every random number.
        male: selects the overall proportions, as do the next two.
        age: 0 (young) to 1 (old).
        ancestry: three weights that sum to 1.
    """
    weights = _overall_weights(rng, "male" if male else "female", age, ancestry)
    means = {**_MEANS, "chin/chin-width": -0.25 if male else -0.5}
    for group, names in _FEATURES.items():
        spread = 0.24 if group in ("nose", "head") else 0.30
        for name in names.split():
            feature = f"{group}/{group}-{name}"
            weight = np.clip(rng.normal(means.get(feature, 0), spread), -0.8, 0.8)
            weights.update(_signed(feature, float(weight)))
    for group, (part, names) in _PAIRED_FEATURES.items():
        for name in names.split():
            mean = means.get(f"{group}/{part}-{name}", 0)
            weight = np.clip(rng.normal(mean, 0.3), -0.9, 0.9)
            for side in "lr":  # a little asymmetry
                feature = f"{group}/{side}-{part}-{name}"
                weights.update(_signed(feature, float(weight + rng.normal(0, 0.05))))
    for form in _HEAD_FORMS:
        if rng.random() < 0.25:
            weights[f"head/head-{form}"] = float(rng.uniform(0, 0.6))
    return weights


def _overall_weights(rng, sex: str, age: float, ancestry: Sequence[float]) -> dict[str, float]:
    weights: dict[str, float] = {}
    ages = (("young", 1 - age), ("old", age))
    for name, share in zip(("caucasian", "asian", "african"), ancestry, strict=True):
        for stage, part in ages:
            weights[f"macrodetails/{name}-{sex}-{stage}"] = float(share * part)
    weight, muscle = float(rng.uniform(-0.8, 0.45)), float(rng.uniform(-0.6, 0.8))
    muscles = (
        ("averagemuscle", 1 - abs(muscle)),
        ("maxmuscle" if muscle > 0 else "minmuscle", abs(muscle)),
    )
    masses = (
        ("averageweight", 1 - abs(weight)),
        ("maxweight" if weight > 0 else "minweight", abs(weight)),
    )
    for stage, part in ages:
        for muscle_name, muscle_part in muscles:
            for mass_name, mass_part in masses:
                target = f"macrodetails/universal-{sex}-{stage}-{muscle_name}-{mass_name}"
                if target in base_mesh().targets:  # the average of both is the base mesh
                    weights[target] = part * muscle_part * mass_part
    return weights


def _signed(feature: str, weight: float) -> dict[str, float]:
    """The target of a feature for the sign of its weight."""
    targets = base_mesh().targets
    for positive, negative in _OPPOSITES:
        if f"{feature}-{positive}" in targets:
            return {f"{feature}-{positive if weight > 0 else negative}": abs(weight)}
    raise KeyError(feature)
