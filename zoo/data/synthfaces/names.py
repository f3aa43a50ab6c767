"""The label vocabularies of SynthFaces: attribute, parsing and landmark names, in storage order."""

from __future__ import annotations

ATTRIBUTE_NAMES: tuple[str, ...] = (
    "Bald",
    "Bangs",
    "Black_Hair",
    "Blond_Hair",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Eyeglasses",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "No_Beard",
    "Pale_Skin",
    "Young",
)
"""STGAN's 13 attributes in its order: `attributes[i]` is 1 where `ATTRIBUTE_NAMES[i]` holds."""

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

Left is the left of the image, as in `LANDMARK_NAMES`.
"""

LANDMARK_NAMES: tuple[str, ...] = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
"""Name of each landmark. Left is the left of the image (CelebA order), the subject's right."""
