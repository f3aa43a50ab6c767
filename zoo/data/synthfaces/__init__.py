"""SynthFaces: procedurally rendered faces with exact labels, for training and testing face GANs.

Every image comes with a parsing map and layers of glasses, neck and clothes, 5 and 68 landmarks, 33
attributes of which 13 can be forced one by one, the angles of the head, the lamp and the identity;
with other poses also with its session and its frontal partner.
All of it is computed from a seed: equal arguments give equal arrays. The faces are visibly
synthetic; scores on them say nothing about photographs.
"""

from __future__ import annotations

from zoo.data.synthfaces.dataset import Dataset, open_dataset
from zoo.data.synthfaces.generate import generate
from zoo.data.synthfaces.names import (
    ATTRIBUTE_NAMES,
    LANDMARK_NAMES,
    LAYER_NAMES,
    PARSING_NAMES,
    TOGGLED_ATTRIBUTES,
)
from zoo.data.synthfaces.preview import preview
from zoo.data.synthfaces.renderer import SynthFaces

__all__ = [
    "ATTRIBUTE_NAMES",
    "LANDMARK_NAMES",
    "LAYER_NAMES",
    "PARSING_NAMES",
    "TOGGLED_ATTRIBUTES",
    "Dataset",
    "SynthFaces",
    "generate",
    "open_dataset",
    "preview",
]
