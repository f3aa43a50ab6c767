"""From a preset and a protocol to a result: numbers, report and pictures in one directory."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import cv2
import keras
import numpy as np
import tensorflow as tf

import zoo
from zoo import presets
from zoo.errors import ZooError
from zoo.evaluation import (
    classification,
    completion,
    editing,
    frontalization,
    parsing,
    verification,
)
from zoo.evaluation.faces import Faces, Subject
from zoo.evaluation.protocol import Pinned, digest, load_protocol
from zoo.evaluation.report import check_place, write_result
from zoo.evaluation.scores import MEASURES, Networks, check_versions
from zoo.registry import check_names, model_class
from zoo.training.runner import prepare_data

PROCEDURES: dict[str, ModuleType] = {
    "completion": completion,
    "editing": editing,
    "frontalization": frontalization,
    "verification": verification,
    "parsing": parsing,
    "classification": classification,
}
"""Name in protocols -> module with `TASKS`, `BASELINES`, `MEASURED` and `run`."""


def evaluate(
    preset: str | os.PathLike,
    protocol: str | os.PathLike,
    directory: str | os.PathLike,
    *,
    overrides: Iterable[str] = (),
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Path:
    """Judges a preset by a protocol, beside the protocol's baselines.

    Args:
        preset: name, preset directory or run directory.
        protocol: name of one that comes with the package, or a YAML file.
        directory: where `result.json`, `report.md`, `index.html` and pictures are written, all at
            once at the end; an older result there is replaced.
        overrides: texts `a.b=value` of the protocol, such as `data.directory=faces` and
            `networks.classifier=PRESET`.
        progress: called with (done, total), first of the data if they must be made.

    Returns:
        The directory.

    Raises:
        ZooError: a preset of another task, data or networks that are missing or are not those that
            the protocol pins, or a directory that holds something else.
    """
    directory = Path(directory)
    check_place(directory)
    pinned = load_protocol(protocol, overrides)
    procedure = PROCEDURES[pinned.values.procedure]
    config = presets.read_config(presets.find(preset))
    task = model_class(config["model"]).task
    if task not in procedure.TASKS:
        raise ZooError(
            f"{preset}, model {config['model']}, serves {task!r}; protocol {pinned.name} "
            f"judges {', '.join(map(repr, procedure.TASKS))}"
        )
    check_names(
        f"baseline of {pinned.values.procedure}", pinned.values.baselines, procedure.BASELINES
    )
    networks = Networks(**pinned.values.networks.model_dump())
    measured, notes = _measured(pinned, procedure, networks)
    model = presets.load(preset)
    values = pinned.values
    if model.default_size != values.data.size:
        raise ZooError(
            f"{preset} is for {model.default_size} pixels, the pictures of protocol {pinned.name} "
            f"have {values.data.size}; --set data.size={model.default_size} takes others"
        )
    place = values.data.directory.replace("{size}", str(values.data.size))
    dataset = prepare_data(values.data.model_copy(update={"directory": place}), progress)
    faces = Faces(dataset, values)
    pinned.check_hash("names of the split", values.split.sha256, faces.list_sha256)
    outcome = procedure.run(Subject(pinned, model, dataset, faces, networks, measured, progress))
    if values.holes:
        wanted = values.holes.sha256.get(values.data.size)
        pinned.check_hash("holes", wanted, outcome.hashes["holes"])
    found = {"split": faces.list_sha256, "pictures": faces.sha256, **outcome.hashes}
    identity = pinned.identity(found | networks.sha256)
    legal = {**MEASURES, **procedure.MEASURED}
    cases = list(dict.fromkeys(row.case for row in outcome.rows))
    rows = sorted(outcome.rows, key=lambda row: cases.index(row.case))
    write_result(
        directory,
        {
            "format": 1,
            "protocol": {
                "name": pinned.name,
                "description": values.description,
                "sha256": digest(identity),
                "altered": list(pinned.altered),
                "identity": identity,
            },
            "preset": {
                "name": str(preset),
                "model": config["model"],
                "sha256": config["sha256"],
                "arguments": config["arguments"],
                "licence": config["card"].get("licence"),
            },
            "networks": networks.names,
            "measures": {name: _described(legal[name]) for name in measured},
            "rows": [asdict(row) for row in rows],
            "published": values.published,
            "notes": notes + outcome.notes,
            "extra": outcome.extra,
            "environment": _environment(),
        },
        outcome.grids,
    )
    return directory


def _measured(
    pinned: Pinned, procedure: ModuleType, networks: Networks
) -> tuple[list[str], list[str]]:
    """The metrics that can be computed, and a note on those that cannot."""
    legal = {**MEASURES, **procedure.MEASURED}
    wanted = pinned.values.metrics
    check_versions(wanted, legal)
    lacking = {
        n: legal[n].needs for n in wanted if legal[n].needs and not networks.names[legal[n].needs]
    }
    for name, role in lacking.items():
        if name in procedure.MEASURED:
            raise ZooError(
                f"protocol {pinned.name} measures {name} by a network; give it: "
                f"--set networks.{role}=PRESET (preset or run of a model that serves it)"
            )
    notes = [
        f"Not measured, because networks.{role} was not given: {name}."
        for name, role in lacking.items()
    ]
    return [name for name in wanted if name not in lacking], notes


def _described(measure) -> dict:
    keys = ("version", "better", "percent", "text")
    return {key: getattr(measure, key) for key in keys}


def _environment() -> dict:
    return {
        "zoo": zoo.__version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
