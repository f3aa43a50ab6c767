"""Editing attributes: reconstruction, one attribute at a time, and slides (STGAN's protocol)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo import plots
from zoo.attributes import slide, with_changes
from zoo.errors import ZooError
from zoo.evaluation import baselines, retrieval
from zoo.evaluation.faces import Outcome, Row, Subject, answer, drawn, pictures
from zoo.evaluation.scores import MEASURES, Measure, Sample, Scores
from zoo.metrics import AttributeGeneration, AttributePreservation
from zoo.registry import check_names

TASKS = ("edit",)
BASELINES = ("nearest_neighbor", "copy")
MEASURED = {
    "generation": Measure(
        *("higher", "share of edits that the classifier sees; the attribute toggled", True),
        needs="classifier",
    ),
    "preservation": Measure(
        *("higher", "share of the other attributes that the classifier sees as before", True),
        needs="classifier",
    ),
}
"""Measures beside those on pictures."""

RECONSTRUCTION, MEAN = "reconstruction", "mean of edits"
_SLIDE = 10

Editor = Callable[[list[dict], np.ndarray, np.ndarray, str], np.ndarray]
"""Faces, their attributes (B, n), target attributes (B, n), attribute -> (B, H, W, 3) uint8."""


def run(subject: Subject) -> Outcome:
    """Toggles each attribute of each face by the model and by the baselines.

    On SynthFaces the picture with that attribute toggled is rendered: metrics on pictures compare
    with it, "inside" is where it differs from the picture, and the classifier judges it as the
    method "truth". On other sets only the reconstruction, an edit by nothing, is compared.
    """
    names, known = subject.model.attribute_names, subject.dataset.attribute_names or ()
    check_names("attribute of the data", names, known)
    columns = [list(known).index(name) for name in names]
    edits = _Edits(subject, columns)
    total, done = len(subject.faces) * len(names), 0
    for first, chunk in subject.faces.chunks():
        source = np.stack([face["attributes"] for face in chunk])[:, columns].astype(np.float32)
        edits.reconstruct(chunk, source)
        for column in range(len(names)):
            edits.toggle(first, chunk, source, column)
            done += len(chunk)
            subject.advance(done, total)
    outcome = Outcome(rows=edits.rows())
    outcome.extra["attribute_names"] = list(names)
    outcome.extra["attribute_matrix"] = edits.judge.matrices()
    outcome.grids["edits"] = "edits", edits.grid()
    outcome.grids["slides"] = "slides", _slides(subject, columns)
    return outcome


class _Edits:
    """Edits of all faces, their scores, and pictures of the first."""

    def __init__(self, subject: Subject, columns: list[int]):
        self.subject, self.names = subject, subject.model.attribute_names
        rendered = subject.pinned.values.data.source == "synthfaces"
        self.truth = _Renderer(subject.dataset) if rendered else None
        self.methods = _methods(subject, columns)
        self.judge = _Judge(subject, self.names)
        pixels = [name for name in subject.measured if name in MEASURES]
        whole = [name for name in pixels if MEASURES[name].update is MEASURES["psnr"].update]
        self.same = {
            method: Scores(whole, subject.networks)
            for method in self.methods
            if method in ("model", "copy")
        }
        self.scores = {
            (method, case): Scores(pixels if rendered else (), subject.networks)
            for method in self.methods
            for case in (MEAN, *self.names)
        }
        self.shown: dict[str, dict[str, list[np.ndarray]]] = {"model": {}, "truth": {}}

    def reconstruct(self, chunk: list[dict], source: np.ndarray) -> None:
        """Edits by nothing."""
        images = pictures(chunk)
        for method, score in self.same.items():
            result = self.methods[method](chunk, source, source, "")
            score.update(Sample(images, result))
            if method == "model":
                self._show("model", "input", images)
                self._show("model", RECONSTRUCTION, result)
        self._show("truth", "input", images)
        self._show("truth", RECONSTRUCTION, images)

    def toggle(self, first: int, chunk: list[dict], source: np.ndarray, column: int) -> None:
        """Edits of one attribute, faces number `first` and following."""
        images, name = pictures(chunk), self.names[column]
        strength = self.subject.pinned.values.strength
        target = np.stack([_toggled(row, self.names, column, strength) for row in source])
        true = region = None
        if self.truth:
            indices = self.subject.faces.indices[first : first + len(chunk)]
            true = self.truth(indices, name, chunk)
            region = (true != images).any(axis=-1, keepdims=True).astype(np.float32)
            self.judge.see("truth", source, true, column)
            self._show("truth", name, true)
        for method, edit in self.methods.items():
            result = edit(chunk, source, target, name)
            self.judge.see(method, source, result, column)
            if true is not None:
                for case in (name, MEAN):
                    self.scores[method, case].update(Sample(true, result, region, images))
            if method == "model":
                self._show("model", name, result)

    def rows(self) -> list[Row]:
        """Reconstruction, the mean of all edits, then each attribute."""
        rows = [Row(m, RECONSTRUCTION, s.images, s.values()) for m, s in self.same.items()]
        faces = len(self.subject.faces)
        seen = {method: self.judge.values(method) for method in (*self.methods, "truth")}
        for case in (MEAN, *self.names):
            count = faces * len(self.names) if case == MEAN else faces
            for method in self.methods:
                values = self.scores[method, case].values() | seen[method].get(case, {})
                rows.append(Row(method, case, count, values))
            if self.truth:
                rows.append(Row("truth", case, count, seen["truth"].get(case, {})))
        return rows

    def grid(self) -> np.ndarray:
        """Of each face a row of the model's edits and, where they are known, of the true ones."""
        sides = ["model", "truth"] if self.truth else ["model"]
        by_face = [zip(*self.shown[side].values(), strict=True) for side in sides]
        rows = [list(row) for face in zip(*by_face, strict=True) for row in face]
        titles = sides * (len(rows) // len(sides))
        return plots.image_grid(rows, list(self.shown["model"]), titles)

    def _show(self, side: str, title: str, images: np.ndarray) -> None:
        column = self.shown[side].setdefault(title, [])
        column += list(images[: self.subject.pinned.values.pictures - len(column)])


def _methods(subject: Subject, columns: list[int]) -> dict[str, Editor]:
    model, protocol = subject.model, subject.pinned.values

    def edit(chunk, source, target, name):
        return drawn(model, image=pictures(chunk), attributes=source, target_attributes=target)

    methods: dict[str, Editor] = {"model": edit}
    if "nearest_neighbor" in protocol.baselines:
        methods["nearest_neighbor"] = _neighbor(subject, columns)
    if "copy" in protocol.baselines:
        methods["copy"] = lambda chunk, source, target, name: pictures(chunk)
    return methods


def _neighbor(subject: Subject, columns: list[int]) -> Editor:
    """The most similar training picture that is as asked in the attribute toggled."""
    faces, names = subject.faces, subject.model.attribute_names
    examples = [faces.dataset[int(i)] for i in faces.gallery]
    if not examples:
        raise ZooError("nearest_neighbor needs training faces; the data has none beside the split")
    kind = {"hog": baselines.hog, "thumbnail": baselines.thumbnails}[subject.pinned.values.neighbor]
    gallery, labels = pictures(examples), np.stack([e["attributes"] for e in examples])[:, columns]
    features = kind(gallery)

    def edit(chunk, source, target, name):
        queries, column = kind(pictures(chunk)), names.index(name)
        found = []
        for query, wanted in zip(queries, target[:, column] > 0.5, strict=True):
            legal = np.flatnonzero((labels[:, column] > 0) == wanted)
            if not len(legal):  # nobody is like that
                legal = np.arange(len(labels))
            best, _ = retrieval.nearest(query[None], features[legal])
            found.append(gallery[legal[best[0, 0]]])
        return np.stack(found)

    return edit


class _Renderer:
    """The pictures of a SynthFaces directory with one attribute toggled, rendered anew."""

    def __init__(self, dataset):
        from zoo.data.synthfaces import SynthFaces
        from zoo.data.synthfaces.renderer import GENERATOR_VERSION

        made = dataset.manifest.get("generator")
        if made != GENERATOR_VERSION:
            raise ZooError(
                f"{dataset.directory} was made by generator version {made}; true edits need "
                f"{GENERATOR_VERSION}, this package's. Make the set again"
            )
        plan = {key: dataset.manifest[key] for key in ("seed", "views_per_identity", "poses")}
        self._faces = SynthFaces(dataset.size, **plan)
        self._names = dataset.attribute_names

    def __call__(self, indices: np.ndarray, name: str, chunk: list[dict]) -> np.ndarray:
        column = self._names.index(name)
        return np.stack(
            [
                self._faces.render(int(i), {name: 1 - int(face["attributes"][column])})["image"]
                for i, face in zip(indices, chunk, strict=True)
            ]
        )


class _Judge:
    """The classifier's view of all edits, by method; says nothing if none is needed."""

    def __init__(self, subject: Subject, names: tuple[str, ...]):
        self.names = names
        self.wanted = [name for name in subject.measured if name in MEASURED]
        self.seen: dict[str, tuple[AttributeGeneration, AttributePreservation]] = {}
        if self.wanted:
            self.model = subject.networks.classifier
            check_names("attribute of the classifier", names, self.model.attribute_names)
            self.columns = [self.model.attribute_names.index(name) for name in names]
            if self.model.default_size != subject.dataset.size:
                raise ZooError(
                    f"networks.classifier sees {self.model.default_size} pixels, the pictures have "
                    f"{subject.dataset.size}"
                )

    def see(self, method: str, source: np.ndarray, result: np.ndarray, column: int) -> None:
        if not self.wanted:
            return
        count = len(self.names)
        if method not in self.seen:
            self.seen[method] = AttributeGeneration(count), AttributePreservation(count)
        logits = answer(self.model, image=result)[:, self.columns]
        for metric in self.seen[method]:
            metric.update_state(source, logits, np.full(len(source), column))

    def values(self, method: str) -> dict[str, dict[str, float]]:
        """Attribute, or `MEAN` -> values."""
        if method not in self.seen:
            return {}
        generation, preservation = self.seen[method]
        matrix = generation.matrix()
        others = (matrix.sum(axis=1) - np.diag(matrix)) / (len(matrix) - 1)
        found = {
            name: {"generation": float(matrix[i, i]), "preservation": float(1 - others[i])}
            for i, name in enumerate(self.names)
        }
        found[MEAN] = {
            "generation": float(generation.result()),
            "preservation": float(preservation.result()),
        }
        return {k: {m: v[m] for m in self.wanted} for k, v in found.items()}

    def matrices(self) -> dict[str, list[list[float]]]:
        """Method -> share of the row's edits after which the column's attribute was changed."""
        return {method: seen[0].matrix().tolist() for method, seen in self.seen.items()}


def _toggled(source: np.ndarray, names, column: int, strength: float) -> np.ndarray:
    """Target attributes; `strength` 1 asks for 1 or 0, 1.5 for 1.5 or -0.5."""
    value = 1.0 - strength if source[column] > 0.5 else strength
    return with_changes(source, names, {names[column]: value})


def _slides(subject: Subject, columns: list[int]) -> np.ndarray:
    """The first face with each attribute from clearly absent to clearly present."""
    face = subject.dataset[int(subject.faces.indices[0])]
    source = face["attributes"][columns].astype(np.float32)
    names, values = subject.model.attribute_names, slide(_SLIDE)
    rows = []
    for column in range(len(names)):
        targets = np.repeat(source[None], _SLIDE, axis=0)
        targets[:, column] = values
        rows.append(
            list(
                drawn(
                    subject.model,
                    image=np.repeat(face["image"][None], _SLIDE, axis=0),
                    attributes=np.repeat(source[None], _SLIDE, axis=0),
                    target_attributes=targets,
                )
            )
        )
    return plots.image_grid(rows, [f"{v:.2g}" for v in values], list(names))
