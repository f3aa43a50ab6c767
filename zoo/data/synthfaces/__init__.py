"""SynthFaces: procedurally rendered faces with exact labels, for training and testing face GANs.

Every image comes with a parsing map, 5 and 68 landmarks, 13 attributes that can be forced one by
one, the angles of the head and the identity; with other poses also with its frontal partner.
All of it is computed from a seed: equal arguments give equal arrays. The faces are visibly
synthetic; scores on them say nothing about photographs.
"""

from __future__ import annotations

from zoo.data.synthfaces.dataset import Dataset, open_dataset
from zoo.data.synthfaces.generate import generate
from zoo.data.synthfaces.names import ATTRIBUTE_NAMES, LANDMARK_NAMES, PARSING_NAMES
from zoo.data.synthfaces.preview import preview
from zoo.data.synthfaces.renderer import SynthFaces

__all__ = [
    "ATTRIBUTE_NAMES",
    "LANDMARK_NAMES",
    "PARSING_NAMES",
    "Dataset",
    "SynthFaces",
    "generate",
    "open_dataset",
    "preview",
]
