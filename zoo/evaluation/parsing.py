"""Labels of pixels: intersection over union, by class."""

from __future__ import annotations

import keras
import numpy as np

from zoo import plots
from zoo.data.hints import PARSING_CLASSES
from zoo.errors import ZooError
from zoo.evaluation.faces import Outcome, Row, Subject, answer, pictures
from zoo.evaluation.scores import Measure
from zoo.models.parsing_network.model import TO_HELEN
from zoo.models.parsing_network.networks import CLASSES

TASKS = ("parse",)
BASELINES = ("prior",)
MEASURED = {
    "iou": Measure("higher", "intersection over union; the mean over classes that occur", True),
    "pixel_accuracy": Measure("higher", "share of pixels with the right label", True),
}
"""Measures; there are none on pictures."""

MEAN = "mean of classes"


def run(subject: Subject) -> Outcome:
    """Labels every face by the model and, as `prior`, by the commonest label of each pixel.

    Labels are Helen's 11 classes; see `zoo.models.parsing_network`.
    """
    faces = subject.faces
    methods = {"model": lambda images: answer(subject.model, image=images).argmax(axis=-1)}
    if "prior" in subject.pinned.values.baselines:
        methods["prior"] = _prior(subject)
    found = {method: keras.metrics.MeanIoU(CLASSES, dtype="int64") for method in methods}
    shown: list[list[np.ndarray]] = []
    for first, chunk in faces.chunks():
        images, truth = pictures(chunk), _labels(chunk)
        results = {method: label(images) for method, label in methods.items()}
        for method, labels in results.items():
            found[method].update_state(truth, labels)
        maps = [*results.values(), truth]
        for i in range(min(subject.pinned.values.pictures - len(shown), len(chunk))):
            shown.append([images[i], *(_shades(labels[i]) for labels in maps)])
        subject.advance(first + len(chunk), len(faces))
    outcome = Outcome()
    for method, metric in found.items():
        confusion = metric.total_cm.numpy()
        outcome.rows += _rows(method, confusion, len(faces), subject.measured)
    titles = ["input", *methods, "truth"]
    outcome.grids["faces"] = "labels", plots.image_grid(shown, titles)
    return outcome


def _rows(method: str, confusion: np.ndarray, images: int, measured: list[str]) -> list[Row]:
    """The mean, then each class; classes that neither are nor are seen anywhere have no value."""
    hits = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    iou = np.divide(hits, union, out=np.full(len(hits), np.nan), where=union > 0)
    mean = {"iou": float(np.nanmean(iou)), "pixel_accuracy": float(hits.sum() / confusion.sum())}
    rows = [Row(method, MEAN, images, {k: mean[k] for k in measured})]
    if "iou" in measured:
        rows += [
            Row(method, name, images, {"iou": float(value)})
            for name, value in zip(PARSING_CLASSES, iou, strict=False)
        ]
    return rows


def _labels(chunk: list[dict]) -> np.ndarray:
    """(B, H, W) int64 of Helen's classes."""
    if "parsing" not in chunk[0]:
        raise ZooError("the protocol scores labels of pixels, but the data has no parsing")
    return np.array(TO_HELEN)[np.stack([face["parsing"] for face in chunk])]


def _prior(subject: Subject):
    """The commonest label of each pixel in the training faces, for every picture the same."""
    faces = subject.faces
    if not len(faces.gallery):
        raise ZooError("prior needs training faces; the data has none beside the split")
    truth = _labels([faces.dataset[int(i)] for i in faces.gallery])
    counts = np.stack([(truth == label).sum(axis=0) for label in range(CLASSES)])
    common = counts.argmax(axis=0)
    return lambda images: np.repeat(common[None], len(images), axis=0)


def _shades(labels: np.ndarray) -> np.ndarray:
    return (labels * (255 // (CLASSES - 1))).astype(np.uint8)
