"""Filling holes: Context Encoder's centre, GFC's O1 to O6, area buckets, SC-FEGAN's free form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo import plots
from zoo.data import hints
from zoo.errors import ZooError
from zoo.evaluation import baselines
from zoo.evaluation.faces import Faces, Outcome, Row, Subject, pictures
from zoo.evaluation.holes import Holes
from zoo.evaluation.scores import MEASURES, Sample, Scores

TASKS = ("complete",)
BASELINES = ("telea", "navier_stokes", "nearest_neighbor", "copy")
MEASURED: dict = {}
"""Measures beside those on pictures: none."""

_GREY = 127

Filler = Callable[[dict, np.ndarray, int], np.ndarray]
"""Face (with `strokes` where hints are drawn), hole (H, W, 1), number -> (H, W, 3) uint8."""


def run(subject: Subject) -> Outcome:
    """Fills the holes of every case in every face by the model and by the baselines.

    With hints the model runs twice, with sketch and colour strokes and without; a model that reads
    none runs once. The noise of the model has the number of the face as its seed.
    """
    protocol, faces = subject.pinned.values, subject.faces
    methods = _methods(subject)
    holes = Holes(protocol.holes.kind, protocol.holes.seed, protocol.data.size)
    measured = {name for name in subject.measured if name in MEASURES}
    scores = {
        (method, case): Scores(measured, subject.networks)
        for case in holes.cases
        for method in methods
    }
    shown: dict[str, list[list[np.ndarray]]] = {case: [] for case in holes.cases}
    total, done = len(faces) * len(holes.cases), 0
    for first, chunk in faces.chunks():
        for number, face in enumerate(chunk, first):
            if protocol.hints:
                _draw_hints(face, protocol.holes.seed, number)
        for case in holes.cases:
            masks = [holes(case, first + i, face) for i, face in enumerate(chunk)]
            truth, region = pictures(chunk), np.stack(masks)
            results = {}
            for method, fill in methods.items():
                results[method] = np.stack(
                    [fill(face, masks[i], first + i) for i, face in enumerate(chunk)]
                )
                sample = Sample(truth, results[method], region)
                if protocol.hints:
                    _add_hints(sample, chunk, protocol.data.sketch)
                scores[method, case].update(sample)
            wanted = protocol.pictures - len(shown[case])
            for i in range(min(wanted, len(chunk))):
                shown[case].append(_tiles(chunk[i], masks[i], results, i, protocol.hints))
            done += len(chunk)
            subject.advance(done, total)
    outcome = Outcome()
    outcome.rows = [
        Row(method, case, score.images, score.values()) for (method, case), score in scores.items()
    ]
    titles = ["hole", *(["sketch", "colour"] if protocol.hints else []), *methods, "truth"]
    for case, rows in shown.items():
        stem = case.replace("%", "").replace(" ", "_")
        outcome.grids[stem] = case, plots.image_grid(rows, titles)
    outcome.hashes["holes"] = holes.sha256
    return outcome


def _methods(subject: Subject) -> dict[str, Filler]:
    """Name -> how it fills a hole."""
    model, protocol = subject.model, subject.pinned.values

    def plain(face, hole, number):
        return model.complete(face["image"], hole, seed=number)

    def hinted(face, hole, number):
        given = {"sketch": face["sketch"], "color": face["strokes"]}
        given = {key: value for key, value in given.items() if key in model.input_keys}
        return model.complete(face["image"], hole, seed=number, **given)

    methods: dict[str, Filler] = {"model": plain}
    if protocol.hints and {"sketch", "color"} & set(model.input_keys):
        methods = {"model": hinted, "model without hints": plain}
    fillers: dict[str, Filler] = {
        "telea": lambda face, hole, _: baselines.telea(face["image"], hole),
        "navier_stokes": lambda face, hole, _: baselines.navier_stokes(face["image"], hole),
        "copy": lambda face, hole, _: np.where(hole > 0, np.uint8(_GREY), face["image"]),
    }
    if "nearest_neighbor" in protocol.baselines:
        fillers["nearest_neighbor"] = _neighbor(subject.faces, protocol.neighbor)
    return methods | {name: fillers[name] for name in protocol.baselines}


def _neighbor(faces: Faces, features: str) -> Filler:
    if not len(faces.gallery):
        raise ZooError("nearest_neighbor needs training faces; the data has none beside the split")
    kinds = {"hog": baselines.hog, "thumbnail": baselines.thumbnails}
    gallery = pictures([faces.dataset[int(i)] for i in faces.gallery])
    nearest = baselines.NearestNeighbor(kinds[features]).fit(gallery)
    return lambda face, hole, _: nearest.complete(face["image"], hole)


def _draw_hints(face: dict, seed: int, number: int) -> None:
    missing = [key for key in ("sketch", "color") if key not in face]
    if missing:
        raise ZooError(f"the protocol draws hints, but the data has no {', '.join(missing)}")
    rng = np.random.default_rng((seed, number))
    face["strokes"] = hints.color_strokes(face["color"], rng)


def _add_hints(sample: Sample, chunk: list[dict], method: str) -> None:
    sample.lines = np.stack([face["sketch"] for face in chunk])[..., None]
    sample.strokes = pictures(chunk, "strokes")
    found = [hints.sketch(picture, method=method) for picture in sample.result]
    sample.found_lines = np.stack(found)[..., None]


def _tiles(face: dict, hole: np.ndarray, results: dict, i: int, drawn: bool) -> list[np.ndarray]:
    inside = hole > 0
    tiles = [np.where(inside, np.uint8(255), face["image"])]
    if drawn:
        tiles += [1 - face["sketch"][..., None] * inside, face["strokes"] * inside]
    return [*tiles, *(pixels[i] for pixels in results.values()), face["image"]]
