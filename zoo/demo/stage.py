"""Faces and presets that all sections share, and how presets are judged on the faces."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from zoo import presets
from zoo.config import DataSection
from zoo.data.synthfaces import SynthFaces
from zoo.data.synthfaces.renderer import view_of
from zoo.errors import ZooError
from zoo.evaluation.evaluate import evaluate
from zoo.evaluation.report import read_result
from zoo.training.runner import prepare_data

SEED = 9001
"""Of the faces: people that no recipe trains on and no protocol judges."""

YAWS = (-60, -45, -30, 0, 30, 45, 60)
"""Degrees from which one person is shown."""

SIZE = 128
"""Side of the faces, pixels: that of the presets."""

_LAB_PEOPLE, _LAB_VIEWS = 16, 6  # at most; views of each
_FRONTAL_LAMP, _SESSIONS = 5, 4  # straight ahead; view number v is of session v % 4 + 1
_ENDLESS = 10**6  # views of a person, more than are looked at


def total(count: int) -> int:
    """How many people are made so that `count` can be judged.

    Those are the split "train", which leaves out the ninth and tenth of every ten people.
    """
    return count + (count - 1) // 8 * 2


class Judged:
    """The rows that `zoo eval` wrote for a preset.

    Args:
        directory: of the result.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        result = read_result(directory)
        self.environment: dict = result["environment"]
        self._rows = {(row["method"], row["case"]): row["values"] for row in result["rows"]}

    def cases(self) -> list[str]:
        """Holes, attributes or angles of the model, in order."""
        return [case for method, case in self._rows if method == "model"]

    def value(self, metric: str, case: str | Sequence[str], method: str = "model") -> float:
        """A metric; of several cases the mean."""
        cases = [case] if isinstance(case, str) else case
        values = [self._rows[method, case][metric] for case in cases]
        return float(np.mean([np.nan if value is None else value for value in values]))


class Stage:
    """Where the demonstration happens.

    Args:
        directory: of the demonstration; faces that are there already are used again.
        count: of portraits that the presets are judged on.
        report: called with (what is done, done, total).
    """

    def __init__(self, directory: Path, count: int, report: Callable[[str, int, int], object]):
        self.directory, self.count, self.report = directory, count, report
        self.people = min(_LAB_PEOPLE, max(2, count * 2 // 3))
        self.model = functools.cache(presets.load)
        self.judged: dict[str, Judged] = {}

    @functools.cached_property
    def portraits(self):
        """The dataset of portraits, one of each person."""
        return self._faces("portraits", count=total(self.count), views_per_identity=1)

    @functools.cached_property
    def lab(self):
        """The dataset of turned faces with frontal partners, several of each person."""
        count = total(self.people) * _LAB_VIEWS
        options = {"views_per_identity": _LAB_VIEWS, "poses": "multipie", "sketch": "none"}
        return self._faces("lab", count=count, **options)

    def _faces(self, kind: str, count: int, **options):
        # the number is in the name, so that other numbers find room beside it
        place = self.directory / "faces" / f"{kind}-{SIZE}-{count}"
        data = DataSection(directory=str(place), size=SIZE, seed=SEED, count=count, **options)
        return prepare_data(data, functools.partial(self.report, f"faces: {kind}"))

    @functools.cached_property
    def frontal(self) -> list[int]:
        """Indices of the portraits, those who look at the camera first."""
        return np.argsort(np.abs(self.portraits.yaws), kind="stable").tolist()

    @property
    def pictures(self) -> Path:
        """Where the page's pictures lie, and files that its shell lines read."""
        return self.directory / "pictures"

    def portrait_path(self, index: int) -> Path:
        """The file of a portrait."""
        return self.portraits.directory / "images" / f"{index:06d}.png"

    def attributes(self, index: int) -> dict[str, int]:
        """Attribute -> 0 or 1 of a portrait."""
        values = self.portraits[index]["attributes"].tolist()
        return dict(zip(self.portraits.attribute_names, values, strict=True))

    def changed(self, index: int, name: str) -> dict[str, np.ndarray]:
        """A portrait rendered anew with one attribute toggled, all else being equal."""
        opposite = 1 - self.attributes(index)[name]
        return SynthFaces(SIZE, SEED, views_per_identity=1).render(index, {name: opposite})

    def turned(self, person: int) -> list[dict[str, np.ndarray]]:
        """One person of the lab, of one session and under one lamp, from each of `YAWS`."""
        numbers: dict[int, int] = {}
        for number in itertools.count(0, _SESSIONS):
            view = view_of(SEED, person, number, "multipie")
            if view.light == _FRONTAL_LAMP and view.orbit in YAWS:
                numbers.setdefault(int(view.orbit), number)
            if len(numbers) == len(YAWS):
                break
        faces = SynthFaces(SIZE, SEED, views_per_identity=_ENDLESS, poses="multipie")
        return [faces.render(person * _ENDLESS + numbers[yaw]) for yaw in YAWS]

    def judge(
        self,
        preset: str,
        protocol: str,
        dataset,
        *,
        metrics: Sequence[str],
        baselines: Sequence[str],
        count: int | None = None,
        **networks: str,
    ) -> Judged:
        """Judges a preset on the faces of the demonstration, as `zoo eval` does.

        Args:
            preset: its name; the result is written into a directory of this name.
            protocol: name; it is followed in all but the faces and what is given here.
            dataset: `portraits` or `lab`.
            metrics: those to measure, of the versions of this package.
            baselines: those to measure beside.
            count: of faces, evenly spread; None = all.
            networks: that metrics look through: role -> preset.
        """
        manifest = dataset.manifest
        values = {
            "data.directory": str(dataset.directory),
            **{f"data.{key}": manifest[key] for key in ("size", "count", "seed")},
            "data.views_per_identity": manifest["views_per_identity"],
            "split": {"name": "train", "count": count},  # nobody has trained on these people
            "metrics": dict.fromkeys(metrics, 1),
            "baselines": list(baselines),
            "networks": networks,
        }
        overrides = [
            f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in values.items()
        ]
        place = self.directory / "judged" / preset
        progress = functools.partial(self.report, preset)
        evaluate(preset, protocol, place, overrides=overrides, progress=progress)
        self.judged[preset] = Judged(place)
        return self.judged[preset]


def check_presets(names: Sequence[str]) -> dict[str, dict]:
    """Name -> model, SHA-256 and licence of presets, all of which must be there.

    Raises:
        ZooError: one cannot be found or is broken, or is for faces of another size.
    """
    found = {}
    for name in names:
        config = presets.read_config(presets.find(name))
        size = config["arguments"].get("image_size", SIZE)
        if size != SIZE:
            raise ZooError(f"preset {name} is for {size} pixels; the demonstration needs {SIZE}")
        licence = config["card"].get("licence")
        found[name] = {"model": config["model"], "sha256": config["sha256"], "licence": licence}
    return found
