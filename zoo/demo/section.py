"""What a section of the demonstration's page is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zoo.demo.stage import Stage


@dataclass(frozen=True)
class Number:
    """Something measured in this run.

    Attributes:
        label: what it is, a few words.
        value: of the model.
        form: how it is printed, such as "{:.1f} dB".
        others: name -> the same measure of something else, beside the model.
    """

    label: str
    value: float
    form: str
    others: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """A grid of pictures.

    Attributes:
        stem: of its file.
        text: what it shows, for those who see it and for those who do not.
        pixels: (H, W, 3) uint8.
    """

    stem: str
    text: str
    pixels: np.ndarray


@dataclass(frozen=True)
class Shown:
    """What a section found and shows.

    Attributes:
        card: picture before and after, (H, W, 3) uint8; None = no card at the top of the page.
        pictures: in order.
        numbers: name in `results.json` -> number.
        python: lines that do the same.
        shell: words of a line that does the same.
        files: name in `Stage.pictures` -> picture, or plain values as JSON, that the line reads.
    """

    card: tuple[np.ndarray, np.ndarray] | None
    pictures: list[Picture]
    numbers: dict[str, Number]
    python: str
    shell: list[str | Path]
    files: dict[str, np.ndarray | list] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """A paper, or something else to show.

    Attributes:
        key: anchor on the page and name in `results.json`.
        title: heading.
        deed: what it does, three words for its card.
        paper: where it is from.
        text: the idea in plain words.
        presets: names of those that it shows or judges with.
        make: does it.
    """

    key: str
    title: str
    deed: str
    paper: str
    text: str
    presets: tuple[str, ...]
    make: Callable[[Stage], Shown]
