"""Folders of photographs, one for each domain: seasons, styles, any translation."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from zoo.data.readers.photos import PhotoFolder
from zoo.errors import ZooError


class DomainFolder(PhotoFolder):
    """Photographs whose folder says to which domain they belong; the domains are the attributes.

    Examples have `image`, `identity` and `attributes` (n,) uint8: 1 for the picture's own domain.
    With two domains a model of attribute editing translates between them, as STGAN does between
    summer and winter (section 4.5 of its paper; CycleGAN's Yosemite photographs have the folders
    trainA and trainB).

    Args:
        directory: holds the folders.
        size: side of the pictures in pixels.
        domains: name of each domain -> folder at the top of the directory. None: every folder at
            the top is a domain of its own name.
        **options: of `PhotoFolder`.

    Raises:
        ZooError: fewer than two domains, or one without pictures.
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        size: int,
        *,
        domains: Mapping[str, str] | None = None,
        **options,
    ):
        super().__init__(directory, size, **options)
        tops = np.array([name.partition("/")[0] if "/" in name else "" for name in self.names])
        if domains is None:
            domains = {top: top for top in sorted(set(tops.tolist())) if top}
        if len(domains) < 2:
            raise ZooError(f"{directory} has {len(domains)} domains; legal are two folders or more")
        self.attribute_names = tuple(domains)
        self._domains = np.full(len(tops), -1)
        for number, (domain, folder) in enumerate(domains.items()):
            self._domains[tops == folder] = number
            if folder not in tops:
                raise ZooError(f"domain {domain}: there are no pictures in {directory}/{folder}")
        inside = np.flatnonzero(self._domains >= 0)
        self._domains = self._domains[inside]
        self._hold([self.names[i] for i in inside])

    def _read(self, index: int, rng: np.random.Generator | None = None) -> dict[str, np.ndarray]:
        attributes = np.zeros(len(self.attribute_names), np.uint8)
        attributes[self._domains[index]] = 1
        return {**super()._read(index, rng), "attributes": attributes}
