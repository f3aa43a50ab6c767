"""The demonstration: presets of all five papers at work on held-out faces, on one page.

Nothing is trained. Everything lies in one directory; faces and exports that are there already are
used again.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from zoo.data.images import write_image
from zoo.demo import completing, editing, exporting, page, real, turning
from zoo.demo.section import Section, Shown
from zoo.demo.stage import SEED, SIZE, Stage, check_presets
from zoo.errors import ZooError
from zoo.files import atomic_path

SECTIONS: tuple[Section, ...] = (
    *completing.SECTIONS,
    *editing.SECTIONS,
    *turning.SECTIONS,
    *real.SECTIONS,
    *exporting.SECTIONS,
)
"""What is shown, in order."""

PAGE, RESULTS = "index.html", "results.json"


def run(
    directory: str | os.PathLike,
    faces: int,
    report: Callable[[str, int, int], object] = lambda what, done, total: None,
) -> list[str]:
    """Runs the demonstration.

    Args:
        directory: gets `index.html`, `results.json`, `pictures/`, `faces/`, `judged/` (what
            `zoo eval` writes) and `exports/`.
        faces: portraits that the presets are judged on, from 2. Edits, whose truth is rendered, are
            judged on a third of them; turning on two thirds as many people, 16 at most.
        report: called with (what is done, done, total).

    Returns:
        Lines that say what was measured and where everything is.

    Raises:
        ZooError: a preset cannot be loaded, too few faces, or the directory cannot be written.
    """
    if isinstance(faces, bool) or not isinstance(faces, int) or faces < 2:
        raise ZooError(f"faces is {faces!r}; legal are whole numbers from 2")
    directory, started = Path(directory), time.monotonic()
    used = check_presets(list(dict.fromkeys(p for s in SECTIONS for p in s.presets)))
    stage = Stage(directory, faces, report)
    shown = {}
    for number, section in enumerate(SECTIONS):
        report("sections", number, len(SECTIONS))
        shown[section.key] = section.make(stage)
    report("sections", len(SECTIONS), len(SECTIONS))
    protocol = {
        **{"seed": SEED, "size": SIZE, "faces": faces, "people_turned": stage.people},
        "seconds": round(time.monotonic() - started),
        "environment": next(iter(stage.judged.values())).environment,
        "presets": used,
        "judged": {name: f"judged/{name}" for name in stage.judged},
    }
    try:
        _write(stage, shown, protocol)
    except OSError as error:
        raise ZooError(f"cannot write {directory}: {error.strerror}") from error
    return _lines(directory, shown)


def _write(stage: Stage, shown: dict[str, Shown], protocol: dict) -> None:
    """Pictures first and the page last, each at once."""
    with atomic_path(stage.pictures) as temporary:
        temporary.mkdir()
        for key, part in shown.items():
            named = {f"{picture.stem}.png": picture.pixels for picture in part.pictures}
            if part.card is not None:
                named[page.card_name(key)] = page.card(*part.card)
            for name, content in {**named, **part.files}.items():
                if isinstance(content, np.ndarray):
                    write_image(temporary / name, content)
                else:
                    (temporary / name).write_text(json.dumps(content) + "\n", encoding="utf-8")
    results = {"format": 1, "protocol": protocol, "sections": _numbers(shown)}
    texts = {
        RESULTS: json.dumps(results, indent=1, allow_nan=False) + "\n",
        PAGE: page.page(SECTIONS, shown, protocol),
    }
    for name, text in texts.items():
        with atomic_path(stage.directory / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _numbers(shown: dict[str, Shown]) -> dict:
    """Section -> number -> value and others; a value that does not exist is None."""

    def plain(value: float) -> float | None:
        return float(value) if math.isfinite(value) else None

    return {
        key: {
            name: {
                "label": number.label,
                "value": plain(number.value),
                "others": {other: plain(value) for other, value in number.others.items()},
            }
            for name, number in part.numbers.items()
        }
        for key, part in shown.items()
    }


def _lines(directory: Path, shown: dict[str, Shown]) -> list[str]:
    lines = []
    for section in SECTIONS:
        for number in shown[section.key].numbers.values():
            others = ", ".join(f"{k} {number.form.format(v)}" for k, v in number.others.items())
            told = number.form.format(number.value) + (f" ({others})" if others else "")
            lines.append(f"{section.title}: {number.label} {told}")
    return [*lines, f"page       {directory / PAGE}", f"numbers    {directory / RESULTS}"]
