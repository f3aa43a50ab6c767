"""Seeded mask generators, float32 (H, W, 1), 1 = hole, and the check for masks from outside."""

from zoo.masks.checks import validate
from zoo.masks.facial import facial_part
from zoo.masks.free_form import free_form, hair, sc_fegan
from zoo.masks.irregular import free_form_strokes, irregular, mixture
from zoo.masks.regions import random_block, random_region
from zoo.masks.shapes import brush, center, rectangle

__all__ = [
    "brush",
    "center",
    "facial_part",
    "free_form",
    "free_form_strokes",
    "hair",
    "irregular",
    "mixture",
    "random_block",
    "random_region",
    "rectangle",
    "sc_fegan",
    "validate",
]
