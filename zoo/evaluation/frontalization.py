"""Turning faces to the camera: rank-1 identification by yaw, TP-GAN's Settings 1 and 2."""

from __future__ import annotations

import collections
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
    """Turns every probe by the model and by the baselines and looks for it in the gallery.

    The gallery is a frontal photograph of each person tested: Multi-PIE's under the neutral light
    of the person's first session; on SynthFaces, whose lamps are random, the frontal partner of the
    person's first view, and that view is no probe. Setting 1 takes session 1, Setting 2 all.
    """
    faces, protocol = subject.faces, subject.pinned.values
    methods = _methods(subject)
    labels = _Labels(subject)
    on_pictures = [name for name in subject.measured if name in MEASURES]
    scores = collections.defaultdict(lambda: Scores(on_pictures, subject.networks))
    features: dict[str, list[np.ndarray]] = {method: [] for method in methods}
    gallery, shown = [], []
    for first, chunk in faces.chunks():
        labels.see(first, chunk)
        places = np.flatnonzero(labels.probe[first : first + len(chunk)])
        probes, angle = [chunk[i] for i in places], labels.angle[first + places]
        gallery.append(_embed(subject, labels.gallery_pictures(chunk)))
        results = {m: turn(probes) for m, turn in methods.items()} if probes else {}
        for method in methods:
            features[method].append(np.zeros_like(gallery[-1]))  # of faces that nobody looks for
        for method, result in results.items():
            features[method][-1][places] = _embed(subject, result)
            truth = pictures(probes, "frontal")
            for degrees in np.unique(angle).tolist():
                chosen = angle == degrees
                for case in (degrees, MEAN):
                    scores[method, case].update(Sample(truth[chosen], result[chosen]))
        for i in range(min(len(probes), protocol.pictures - len(shown))):
            shown.append([probes[i]["image"], *(pixels[i] for pixels in results.values())])
        subject.advance(first + len(chunk), len(faces))
    outcome = Outcome()
    own = np.concatenate(gallery)
    found = {m: labels.identify(own, np.concatenate(features[m])) for m in methods}
    for method, identified in found.items():
        outcome.rows.append(_mean_row(method, identified, scores[method, MEAN]))
        for degrees, rate in identified.rates.items():
            values = {"rank1": rate} | scores[method, degrees].values()
            outcome.rows.append(Row(method, str(degrees), identified.probes[degrees], values))
    outcome.extra["gallery"] = found["model"].gallery
    outcome.grids["faces"] = "probes", plots.image_grid(shown, ["input", *methods])
    return outcome


def _mean_row(method: str, found: Identification, scores: Scores) -> Row:
    values = {"rank1": found.mean} | scores.values()
    return Row(method, MEAN, sum(found.probes.values()), values)


def _embed(subject: Subject, images: np.ndarray) -> np.ndarray:
    return np.asarray(subject.networks.embedding(unit(images)))


def _methods(subject: Subject) -> dict[str, Turner]:
    protocol, model = subject.pinned.values, subject.model

    methods: dict[str, Turner] = {"model": lambda chunk: turned(model, chunk)}
    if "nearest_neighbor" in protocol.baselines:
        methods["nearest_neighbor"] = _neighbor(subject)
    if "copy" in protocol.baselines:
        methods["copy"] = pictures
    return methods | {"truth": lambda chunk: pictures(chunk, "frontal")}


def turned(model, chunk: list[dict]) -> np.ndarray:
    """What a model makes of faces that are framed as those it was trained on: `Turner`."""
    batch = {"image": pictures(chunk)}
    for key in set(model.input_keys) - {"image"}:
        batch[key] = np.stack([face[key] for face in chunk])
    return drawn(model, **batch)


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
        dataset, indices = subject.dataset, subject.faces.indices
        self.protocol = subject.pinned.values
        self.rendered = self.protocol.data.source == "synthfaces"
        if not self.rendered and not hasattr(dataset, "views"):
            raise ZooError(
                f"data.source is {self.protocol.data.source}; frontalization needs multi_pie or "
                "synthfaces, whose angles, lights and frontal partners are known"
            )
        self.identity = dataset.identities[indices]
        self.angle = np.abs(np.rint(dataset.yaws[indices])).astype(int)
        self.light, self.session = np.zeros(len(indices), int), np.ones(len(indices), int)
        if not self.rendered:
            self.light = np.array([dataset.views[i].light for i in indices])
            self.session = np.array([dataset.views[i].session for i in indices])
        self.first = np.zeros(len(indices), bool)
        if self.rendered:
            self.first[np.unique(self.identity, return_index=True)[1]] = True

    def see(self, number: int, chunk: list[dict]) -> None:
        """Takes light and session of rendered faces, `number` and following, where they have any.

        Raises:
            ZooError: they have no frontal partners.
        """
        if "frontal" not in chunk[0]:
            raise ZooError("the data has no frontal partners; SynthFaces need poses: multipie")
        for key, values in (("light", self.light), ("session", self.session)):
            if self.rendered and key in chunk[0]:
                values[number : number + len(chunk)] = [int(face[key]) for face in chunk]

    @property
    def probe(self) -> np.ndarray:
        """(N,) bool, turned faces that are looked for in the gallery."""
        probe = (self.angle > 0) & ~self.first
        return probe & (self.session == 1) if self.protocol.setting == 1 else probe

    def gallery_pictures(self, chunk: list[dict]) -> np.ndarray:
        """What a face would look like in the gallery."""
        return pictures(chunk, "frontal" if self.rendered else "image")

    def identify(self, own: np.ndarray, turned: np.ndarray) -> Identification:
        """Rank-1 of the setting.

        Args:
            own: (N, D) features of `gallery_pictures`.
            turned: (N, D) features of what a method made of the probes, anything elsewhere.
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
