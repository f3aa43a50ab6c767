"""Turning faces to the camera: rank-1 identification by yaw, TP-GAN's Settings 1 and 2."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo import plots
from zoo.errors import ZooError
from zoo.evaluation import baselines, retrieval
from zoo.evaluation.faces import Outcome, Row, Subject, drawn, pictures
from zoo.evaluation.identification import Identification, setting1, setting2
from zoo.evaluation.scores import MEASURES, Measure, Sample, Scores, unit

TASKS = ("frontalize",)
BASELINES = ("nearest_neighbor", "copy")
MEASURED = {
    "rank1": Measure(
        *("higher", "share whose nearest gallery face is the same person", True),
        needs="embedding",
    ),
}
"""Measures beside those on pictures."""

MEAN = "mean of angles"

Turner = Callable[[list[dict]], np.ndarray]
"""Faces -> (B, H, W, 3) uint8, looking at the camera."""


def run(subject: Subject) -> Outcome:
    """Turns every face by the model and by the baselines and looks for it in the gallery.

    The gallery is a frontal photograph of each person tested: Multi-PIE's under the neutral light
    of the person's first session; on SynthFaces, whose lamps are random, the frontal partner of the
    person's first view, and that view is no probe. Setting 1 takes session 1, Setting 2 all.
    """
    faces, protocol = subject.faces, subject.pinned.values
    methods = _methods(subject)
    labels = _Labels(subject)
    on_pictures = [name for name in subject.measured if name in MEASURES]
    angles = [str(a) for a in sorted(set(labels.angle[labels.probe].tolist())) if a]
    scores = {
        (method, angle): Scores(on_pictures, subject.networks)
        for angle in (*angles, MEAN)
        for method in methods
    }
    features: dict[str, list[np.ndarray]] = {method: [] for method in methods}
    gallery, shown = [], []
    for first, chunk in faces.chunks():
        truth = pictures(chunk, "frontal")
        rows = np.arange(first, first + len(chunk))
        gallery.append(_embed(subject, labels.gallery_pictures(chunk)))
        results = {method: turn(chunk) for method, turn in methods.items()}
        for method, result in results.items():
            features[method].append(_embed(subject, result))
            for angle in angles:
                chosen = labels.probe[rows] & (labels.angle[rows] == int(angle))
                if chosen.any():
                    sample = Sample(truth[chosen], result[chosen])
                    scores[method, angle].update(sample)
                    scores[method, MEAN].update(sample)
        for i in range(len(chunk)):
            if labels.probe[first + i] and len(shown) < protocol.pictures:
                shown.append([chunk[i]["image"], *(pixels[i] for pixels in results.values())])
        subject.advance(first + len(chunk), len(faces))
    outcome = Outcome()
    own = np.concatenate(gallery)
    for method in methods:
        found = labels.identify(own, np.concatenate(features[method]))
        outcome.rows.append(_mean_row(method, found, scores[method, MEAN]))
        for angle in angles:
            values = {"rank1": found.rates[int(angle)]} | scores[method, angle].values()
            outcome.rows.append(Row(method, angle, found.probes[int(angle)], values))
    outcome.extra["gallery"] = found.gallery
    outcome.grids["faces"] = "probes", plots.image_grid(shown, ["input", *methods])
    return outcome


def _mean_row(method: str, found: Identification, scores: Scores) -> Row:
    values = {"rank1": found.mean} | scores.values()
    return Row(method, MEAN, sum(found.probes.values()), values)


def _embed(subject: Subject, images: np.ndarray) -> np.ndarray:
    return np.asarray(subject.networks.embedding(unit(images)))


def _methods(subject: Subject) -> dict[str, Turner]:
    protocol, model = subject.pinned.values, subject.model

    def turn(chunk):
        batch = {"image": pictures(chunk)}
        for key in set(model.input_keys) - {"image"}:
            batch[key] = np.stack([face[key] for face in chunk])
        return drawn(model, **batch)

    methods: dict[str, Turner] = {"model": turn}
    if "nearest_neighbor" in protocol.baselines:
        methods["nearest_neighbor"] = _neighbor(subject)
    if "copy" in protocol.baselines:
        methods["copy"] = pictures
    return methods | {"truth": lambda chunk: pictures(chunk, "frontal")}


def _neighbor(subject: Subject) -> Turner:
    """The frontal partner of the most similar training view."""
    faces = subject.faces
    if not len(faces.gallery):
        raise ZooError("nearest_neighbor needs training faces; the data has none beside the split")
    kind = {"hog": baselines.hog, "thumbnail": baselines.thumbnails}[subject.pinned.values.neighbor]
    examples = [faces.dataset[int(i)] for i in faces.gallery]
    features, frontal = kind(pictures(examples)), pictures(examples, "frontal")
    return lambda chunk: frontal[retrieval.nearest(kind(pictures(chunk)), features)[0][:, 0]]


class _Labels:
    """Identity, angle, light and session of every face, and which are probes."""

    def __init__(self, subject: Subject):
        dataset, self.protocol = subject.dataset, subject.pinned.values
        indices = subject.faces.indices
        self.rendered = self.protocol.data.source == "synthfaces"
        examples = [] if hasattr(dataset, "views") else [dataset[int(i)] for i in indices]
        if examples and not {"frontal", "yaw"} <= examples[0].keys():
            raise ZooError(f"{dataset.directory} has no frontal partners; make it with multipie")
        self.identity = dataset.identities[indices]
        if examples:
            yaw = [float(e["yaw"]) for e in examples]
            self.light = np.array([int(e.get("light", 0)) for e in examples])
            self.session = np.array([int(e.get("session", 1)) for e in examples])
        else:
            yaw = dataset.yaws[indices]
            self.light = np.array([dataset.views[i].light for i in indices])
            self.session = np.array([dataset.views[i].session for i in indices])
        self.angle = np.abs(np.rint(yaw)).astype(int)
        first = np.zeros(len(indices), bool)
        first[np.unique(self.identity, return_index=True)[1]] = True
        self.first = first if self.rendered else np.zeros(len(indices), bool)
        self.probe = (self.angle > 0) & ~self.first
        if self.protocol.setting == 1:
            self.probe &= self.session == 1

    def gallery_pictures(self, chunk: list[dict]) -> np.ndarray:
        """What a face would look like in the gallery."""
        return pictures(chunk, "frontal" if self.rendered else "image")

    def identify(self, own: np.ndarray, turned: np.ndarray) -> Identification:
        """Rank-1 of the setting.

        Args:
            own: (N, D) features of `gallery_pictures`.
            turned: (N, D) features of what a method made of the faces.
        """
        light, angle = self.protocol.gallery_light, self.angle
        keep = self.probe | (angle == 0) if not self.rendered else self.probe
        parts = {
            "features": np.where((angle == 0)[:, None], own, turned)[keep],
            **{k: getattr(self, k)[keep] for k in ("identity", "angle", "light", "session")},
        }
        if self.rendered:  # their gallery is put in front
            count = int(self.first.sum())
            head = {
                "features": own[self.first],
                "identity": self.identity[self.first],
                "angle": np.zeros(count, int),
                "light": np.full(count, light),
                "session": np.ones(count, int),
            }
            parts = {k: np.concatenate([head[k], v]) for k, v in parts.items()}
        settings = {1: setting1, 2: setting2}
        return settings[self.protocol.setting](
            *parts.values(), train_identities=0, frontal_light=light
        )
