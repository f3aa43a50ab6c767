"""Readers for the face sets of the papers: each a sequence of examples like SynthFaces' `Dataset`.

Nothing is downloaded; README.md says where the sets are to be had and how they must lie. Examples
are decoded when they are asked for.
"""

from __future__ import annotations

import importlib
import inspect
import os
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError, did_you_mean
from zoo.registry import check_names

if TYPE_CHECKING:
    from zoo.data.readers.reader import Reader

SOURCES = {
    "celeba": "celeba:CelebA",
    "celeba_hq": "celeba_hq:CelebAHQ",
    "celebamask_hq": "celeba_hq:CelebAMaskHQ",
    "domains": "domains:DomainFolder",
    "faces": "own_faces:FaceFolder",
    "helen": "helen:Helen",
    "lfw": "lfw:LFW",
    "multi_pie": "multi_pie:MultiPIE",
    "photos": "photos:PhotoFolder",
    "shards": "shards:Shards",
}
"""Name of each source -> module of this package and class."""


def source_class(name: str) -> type[Reader]:
    """The class behind the name of a source.

    Raises:
        ZooError: unknown name; names the nearest.
    """
    if name not in SOURCES:
        raise ZooError(
            f"unknown source {name!r}; legal are {', '.join(SOURCES)}.{did_you_mean(name, SOURCES)}"
        )
    module, attribute = SOURCES[name].split(":")
    return getattr(importlib.import_module(f"zoo.data.readers.{module}"), attribute)


def open_source(name: str, directory: str | os.PathLike, size: int, **options: Any) -> Reader:
    """Opens a set by the name of its source.

    Args:
        name: a key of `SOURCES`.
        directory: where the set is.
        size: side of the examples' pictures in pixels.
        **options: keyword arguments of the class; `unreadable` and `hints` are those of all.

    Raises:
        ZooError: unknown source or option, or what the class refuses.
    """
    cls = source_class(name)
    classes = [c for c in reversed(cls.__mro__) if c is not object]  # from `Reader` down
    parameters = [p for c in classes for p in inspect.signature(c).parameters.values()]
    legal = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    check_names(f"option of source {name}", options, legal)
    return cls(directory, size, **options)
