"""Makes the contact sheets of this folder: `python docs/synthfaces/sheets.py`, a minute or two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from zoo.data.images import write_image
from zoo.data.synthfaces import TOGGLED_ATTRIBUTES, SynthFaces
from zoo.data.synthfaces.picture import take_picture
from zoo.data.synthfaces.preview import overlay
from zoo.data.synthfaces.renderer import sitter_of, view_of
from zoo.data.synthfaces.view import LAB_YAWS, LIGHTS
from zoo.plots import image_grid

HERE, SIZE, SEED = Path(__file__).parent, 128, 1


def write(name: str, rows: list, columns: list[str], titles: list[str] | None = None) -> None:
    """Writes a grid without enlarging its tiles."""
    write_image(HERE / f"{name}.jpg", image_grid(rows, columns, titles, scale=1), quality=82)


def people() -> None:
    """The first 32 people of the seed, none left out."""
    faces = SynthFaces(SIZE, SEED, views_per_identity=1)
    pictures = [faces.render(index)["image"] for index in range(32)]
    write("people", [pictures[i : i + 8] for i in range(0, 32, 8)], [""] * 8)


def attributes() -> None:
    """For every attribute: six people without it, with it, and what differs, four times as much."""
    faces = SynthFaces(SIZE, SEED, views_per_identity=1)
    shown = (0, 3, 8, 12, 14, 15)
    for name in TOGGLED_ATTRIBUTES:
        without, with_ = (
            [faces.render(index, {name: value})["image"] for index in shown] for value in (0, 1)
        )
        difference = [
            np.clip(np.abs(a.astype(int) - b) * 4, 0, 255).astype(np.uint8)
            for a, b in zip(without, with_, strict=True)
        ]
        titles = ["without", "with", "difference x 4"]
        write(f"toggle_{name.lower()}", [without, with_, difference], [name, *[""] * 5], titles)


def poses() -> None:
    """13 yaws under three lamps, and the 20 lamps seen from the front and from 45 degrees."""
    lamps = (2, 5, 8)

    def seen(identity: int, yaw: float, lamp: int, size: int = SIZE) -> np.ndarray:
        view = replace(view_of(SEED, identity, 0, "multipie"), orbit=float(yaw), light=lamp)
        return take_picture(sitter_of(SEED, identity, size), view, size).image

    rows = [[seen(i, yaw, lamp, 96) for yaw in LAB_YAWS] for i in (3, 11) for lamp in lamps]
    titles = [f"lamp {lamp}" for lamp in lamps] * 2
    write("yaws", rows, [f"{yaw:+d}" for yaw in LAB_YAWS], titles)
    rows, columns = [], [str(place) for place in range(10)]
    for first in (0, 10):
        for yaw in (0, 45):
            rows.append([seen(14, yaw, lamp) for lamp in range(first, first + 10)])
    titles = [f"lamps {first}.., yaw {yaw}" for first in (0, 10) for yaw in (0, 45)]
    write("lights", rows, columns, titles)
    assert len(LIGHTS) == 20


def labels() -> None:
    """Parsing and landmarks over the pictures; red landmarks are hidden."""
    faces = SynthFaces(SIZE, SEED, views_per_identity=1)
    examples = [faces.render(index) for index in range(12)]
    pictures = [example["image"] for example in examples]
    painted = [overlay(example) for example in examples]
    rows = [row for i in (0, 6) for row in (pictures[i : i + 6], painted[i : i + 6])]
    grid = image_grid(
        [
            [np.repeat(np.repeat(p, 256 // len(p), 0), 256 // len(p), 1) for p in row]
            for row in rows
        ],
        [""] * 6,
        scale=1,
    )
    write_image(HERE / "parsing.jpg", grid, quality=80)


if __name__ == "__main__":
    people()
    attributes()
    poses()
    labels()
