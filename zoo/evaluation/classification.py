"""Attributes of faces: accuracy, attribute by attribute."""

from __future__ import annotations

import numpy as np

from zoo import plots
from zoo.errors import ZooError
from zoo.evaluation.faces import Outcome, Row, Subject, answer, pictures
from zoo.evaluation.scores import Measure
from zoo.registry import check_names

TASKS = ("classify",)
BASELINES = ("prior",)
MEASURED = {
    "accuracy": Measure("higher", "share of faces with the right label", True),
    "balanced_accuracy": Measure(
        "higher", "mean of the shares among faces with the attribute and without", True
    ),
}
"""Measures; there are none on pictures."""

MEAN = "mean of attributes"


def run(subject: Subject) -> Outcome:
    """Asks the model, and as `prior` the commoner label of the training faces, for attributes."""
    faces, names = subject.faces, subject.model.attribute_names
    known = list(subject.dataset.attribute_names or ())
    check_names("attribute of the data", names, known)
    columns = [known.index(name) for name in names]
    truth, seen, shown = [], [], []
    for first, chunk in faces.chunks():
        images = pictures(chunk)
        truth.append(_labels(chunk, columns))
        seen.append(answer(subject.model, image=images) > 0)
        shown += list(images[: subject.pinned.values.pictures - len(shown)])
        subject.advance(first + len(chunk), len(faces))
    methods = {"model": np.concatenate(seen)}
    true = np.concatenate(truth)
    if "prior" in subject.pinned.values.baselines:
        methods["prior"] = np.repeat(_prior(subject, columns)[None], len(true), axis=0)
    outcome = Outcome()
    for method, labels in methods.items():
        rows = [_row(method, name, true[:, i], labels[:, i]) for i, name in enumerate(names)]
        values = {k: float(np.nanmean([row.values[k] for row in rows])) for k in MEASURED}
        outcome.rows += [Row(method, MEAN, len(true), values), *rows]
    for row in outcome.rows:
        row.values = {k: v for k, v in row.values.items() if k in subject.measured}
    outcome.grids["faces"] = "the first faces", plots.image_grid([shown], [""] * len(shown))
    return outcome


def _row(method: str, name: str, true: np.ndarray, labels: np.ndarray) -> Row:
    hits = true == labels
    sides = [hits[side].mean() for side in (true, ~true) if side.any()]
    balanced = float(np.mean(sides)) if len(sides) == 2 else float("nan")
    values = {"accuracy": float(hits.mean()), "balanced_accuracy": balanced}
    return Row(method, name, len(true), values)


def _labels(chunk: list[dict], columns: list[int]) -> np.ndarray:
    return np.stack([face["attributes"] for face in chunk])[:, columns] > 0


def _prior(subject: Subject, columns: list[int]) -> np.ndarray:
    faces = subject.faces
    if not len(faces.gallery):
        raise ZooError("prior needs training faces; the data has none beside the split")
    examples = [faces.dataset[int(i)] for i in faces.gallery]
    return _labels(examples, columns).mean(axis=0) > 0.5
