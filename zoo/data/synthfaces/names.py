"""The label vocabularies of SynthFaces: attribute, parsing and landmark names, in storage order."""

from __future__ import annotations

import numpy as np

TOGGLED_ATTRIBUTES: tuple[str, ...] = (
    *("Bald", "Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair", "Bushy_Eyebrows", "Eyeglasses"),
    *("Male", "Mouth_Slightly_Open", "Mustache", "No_Beard", "Pale_Skin", "Young"),
)
"""The attributes that `SynthFaces.render` can force: STGAN's 13, in its order."""

ATTRIBUTE_NAMES: tuple[str, ...] = (
    *("5_o_Clock_Shadow", "Arched_Eyebrows", "Bags_Under_Eyes", "Bald", "Bangs", "Big_Lips"),
    *("Big_Nose", "Black_Hair", "Blond_Hair", "Brown_Hair", "Bushy_Eyebrows", "Chubby"),
    *("Eyeglasses", "Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones", "Male"),
    *("Mouth_Slightly_Open", "Mustache", "Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin"),
    *("Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks", "Sideburns", "Smiling"),
    *("Straight_Hair", "Wavy_Hair", "Wearing_Lipstick", "Young"),
)
"""CelebA's names that the generator can tell, in its order.

`attributes[i]` is 1 where `ATTRIBUTE_NAMES[i]` holds; `traits.py` has the thresholds.
"""

PARSING_NAMES: tuple[str, ...] = (
    "background",
    "skin",
    "left brow",
    "right brow",
    "left eye",
    "right eye",
    "nose",
    "upper lip",
    "inner mouth",
    "lower lip",
    "hair",
    "glasses",
    "neck",
    "clothes",
)
"""Name of each parsing class. Classes 0 to 10 are in the order of the Helen labels.

Left is the left of the image, as in `LANDMARK_NAMES`. SynthFaces never has "glasses": its maps show
what is below the frames, which are a layer of their own.
"""

LAYER_NAMES: tuple[str, ...] = ("glasses", "neck", "clothes")
"""Name of each channel of `layers`: which share of a pixel it covers, 0 to 255."""

LANDMARK_NAMES: tuple[str, ...] = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
"""Name of each landmark. Left is the left of the image (CelebA order), the subject's right."""


def with_glasses(example: dict[str, np.ndarray]) -> np.ndarray:
    """The parsing of an example with its glasses laid over: (H, W) uint8."""
    covered = example["layers"][..., LAYER_NAMES.index("glasses")] > 127
    return np.where(covered, np.uint8(PARSING_NAMES.index("glasses")), example["parsing"])
