"""Attribute vectors of faces: what an edit asks for, and what excludes what.

Values are 0 (absent) and 1 (present). An edit may ask for less or more: STGAN's published numbers
use 1.5 for present and -0.5 for absent (the scripts' `test_int` 2; 1 and 0 are `test_int` 1), and
its slides go from -0.5 to 1.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np

from zoo.errors import ZooError
from zoo.registry import check_names

CELEBA_ATTRIBUTES = (
    *("5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs"),
    *("Big_Lips", "Big_Nose", "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair"),
    *("Bushy_Eyebrows", "Chubby", "Double_Chin", "Eyeglasses", "Goatee", "Gray_Hair"),
    *("Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache"),
    *("Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline"),
    *("Rosy_Cheeks", "Sideburns", "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings"),
    *("Wearing_Hat", "Wearing_Lipstick", "Wearing_Necklace", "Wearing_Necktie", "Young"),
)
"""The 40 attributes of CelebA in its order."""

EDITED_ATTRIBUTES = (
    *("Bald", "Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair", "Bushy_Eyebrows", "Eyeglasses"),
    *("Male", "Mouth_Slightly_Open", "Mustache", "No_Beard", "Pale_Skin", "Young"),
)
"""The 13 attributes that AttGAN and STGAN edit, in their order."""

_HAIR_COLORS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")
# what cannot be with an attribute (STGAN's released code, which leaves Mustache and No_Beard free)
EXCLUDED: dict[str, tuple[str, ...]] = {
    "Bald": ("Bangs",),
    "Receding_Hairline": ("Bangs",),
    "Bangs": ("Bald", "Receding_Hairline"),
    "Straight_Hair": ("Wavy_Hair",),
    "Wavy_Hair": ("Straight_Hair",),
    **{color: tuple(c for c in _HAIR_COLORS if c != color) for color in _HAIR_COLORS},
}


def with_changes(
    source: np.ndarray, names: Sequence[str], changes: Mapping[str, float]
) -> np.ndarray:
    """The target of an edit.

    Args:
        source: (n,) values 0 or 1, what the face is.
        names: the n attribute names.
        changes: attribute name -> what it shall be.

    Returns:
        (n,) float32: `source` with the changes. An attribute that shall be present (more than 0.5)
        clears those that exclude it.

    Raises:
        ZooError: an unknown name, a value that is no number from -1 to 2, no changes, or two
            that exclude each other.
    """
    if not changes:
        raise ZooError(f"no attribute to change; legal are {', '.join(names)}")
    if not isinstance(changes, Mapping):
        raise ZooError(f"changes are {changes!r}; legal is name -> value, such as {{'Bangs': 1}}")
    check_names("attribute", changes, names)
    target = dict(zip(names, np.asarray(source, np.float32).tolist(), strict=True))
    for name, value in changes.items():
        if not isinstance(value, Real) or not -1.0 <= value <= 2.0:
            raise ZooError(f"attribute {name} is {value!r}; legal are 0, 1, or from -1 to 2")
    present = [name for name, value in changes.items() if value > 0.5]
    for name in present:
        for other in EXCLUDED.get(name, ()):
            if other in present:
                raise ZooError(f"attributes {name} and {other} exclude each other; choose one")
            if other in target:
                target[other] = 0.0
    return np.array([{**target, **changes}[name] for name in names], np.float32)


def slide(count: int = 10) -> list[float]:
    """Values of one attribute for a strip from clearly absent to clearly present."""
    return np.linspace(-0.5, 1.5, count).tolist()
