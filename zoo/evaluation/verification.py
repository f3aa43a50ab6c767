"""Whether two pictures show one person: pairs in folds, as LFW's protocol has them."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zoo import plots
from zoo.errors import ZooError
from zoo.evaluation import baselines
from zoo.evaluation.faces import Outcome, Row, Subject, pictures
from zoo.evaluation.frontalization import turned
from zoo.evaluation.scores import Measure, unit
from zoo.metrics import Embedding

TASKS = ("embed",)
BASELINES = ("hog", "thumbnail")
MEASURED = {
    "accuracy": Measure("higher", "mean over folds, threshold of the other folds", True),
    "accuracy_error": Measure("lower", "standard error of that mean over the folds", True),
    "auc": Measure("higher", "area under the ROC curve", True),
}
"""Measures beside those on pictures, of which there are none."""

_FOLDS = 10

Describer = Callable[[np.ndarray], np.ndarray]
"""Pictures (B, H, W, 3) uint8 -> features (B, D)."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of pictures.

    Attributes:
        places: (n, 2) positions in the list of faces.
        same: (n,) bool, whether they show one person.
        folds: (n,) fold of each pair.
    """

    places: np.ndarray
    same: np.ndarray
    folds: np.ndarray

    @property
    def sha256(self) -> str:
        """Of the rows `first second same fold`."""
        columns = (self.places, self.same[:, None], self.folds[:, None])
        rows = np.concatenate([np.asarray(c, np.int64) for c in columns], axis=1)
        return hashlib.sha256(rows.tobytes()).hexdigest()


def run(subject: Subject) -> Outcome:
    """Compares pairs by the cosine of their features.

    With `networks.frontalizer` the model sees every face a second time, turned to the camera, as
    TP-GAN is judged on LFW.
    """
    faces, protocol = subject.faces, subject.pinned.values
    pairs = pairs_of(subject)
    turner = _Turner(subject) if protocol.networks.frontalizer else None
    views = {"": pictures} | ({"turned": turner} if turner else {})
    methods = _methods(subject, views)
    features: dict[str, list[np.ndarray]] = {name: [] for name in methods}
    each = -(-protocol.pictures // 2)
    chosen = [*np.flatnonzero(pairs.same)[:each], *np.flatnonzero(~pairs.same)[:each]]
    places = set(pairs.places[chosen].ravel().tolist())
    shown: dict[int, list[np.ndarray]] = {}
    for first, chunk in faces.chunks():
        seen = {view: see(chunk) for view, see in views.items()}
        for name, (view, describe) in methods.items():
            features[name].append(describe(seen[view]))
        for place in places & set(range(first, first + len(chunk))):
            shown[place] = [images[place - first] for images in seen.values()]
        subject.advance(first + len(chunk), len(faces))
    outcome = Outcome(hashes={"pairs": pairs.sha256})
    for name in methods:
        cosines = cosine_of_pairs(np.concatenate(features[name]), pairs.places)
        mean, error = accuracy(cosines, pairs.same, pairs.folds)
        values = {"accuracy": mean, "accuracy_error": error, "auc": auc(cosines, pairs.same)}
        values = {k: v for k, v in values.items() if k in subject.measured}
        outcome.rows.append(Row(name, "pairs", len(pairs.same), values))
    if turner and turner.missed:
        outcome.notes.append(f"Not turned, because no face was found: {turner.missed} pictures.")
    rows = [[tile for i in pairs.places[k] for tile in shown[i]] for k in chosen]
    heads = [view or side for side in ("first", "second") for view in views]
    titles = ["same" if pairs.same[k] else "different" for k in chosen]
    outcome.grids["pairs"] = "pairs", plots.image_grid(rows, heads, titles)
    return outcome


def _methods(subject: Subject, views: dict) -> dict[str, tuple[str, Describer]]:
    """Method -> the view that it reads, and how it describes it."""
    network = Embedding(subject.model)
    kinds: dict[str, Describer] = {"hog": baselines.hog, "thumbnail": baselines.thumbnails}

    def embed(images):
        return np.asarray(network(unit(images)))

    methods = {f"model, {view}" if view else "model": (view, embed) for view in views}
    return methods | {name: ("", kinds[name]) for name in subject.pinned.values.baselines}


class _Turner:
    """Turns faces to the camera by `networks.frontalizer`.

    Faces of sets with landmarks are framed as TP-GAN's training faces. In other sets a detector
    looks for the face; a picture without one stays as it is.

    Attributes:
        missed: pictures without a face so far.

    Raises:
        ZooError: a preset of another task or size.
    """

    def __init__(self, subject: Subject):
        self.model = subject.networks.frontalizer
        self.missed = 0
        if self.model.default_size != subject.dataset.size:
            raise ZooError(
                f"networks.frontalizer is for {self.model.default_size} pixels, the pictures have "
                f"{subject.dataset.size}"
            )

    def __call__(self, chunk: list[dict]) -> np.ndarray:
        """(B, H, W, 3) uint8."""
        if "landmarks" in chunk[0]:
            return turned(self.model, chunk)
        return np.stack([self._found(face["image"]) for face in chunk])

    def _found(self, image: np.ndarray) -> np.ndarray:
        if not importlib.util.find_spec("mtcnn"):
            raise ZooError(
                "the data has no landmarks, and finding faces needs the mtcnn package: "
                "pip install 'face-gan-zoo[detect]'"
            )
        try:
            return self.model.frontalize(image)
        except ZooError:  # no face, or points that are none
            self.missed += 1
            return image


def pairs_of(subject: Subject) -> Pairs:
    """The set's own pairs, or as many as the protocol says, half of each kind, in ten folds."""
    dataset, faces, count = subject.dataset, subject.faces, subject.pinned.values.pairs
    if count is None:
        if not hasattr(dataset, "pairs"):
            raise ZooError("the data has no pairs of its own; say how many to draw: --set pairs=N")
        return Pairs(np.searchsorted(faces.indices, dataset.pairs), dataset.same, dataset.folds)
    identity = dataset.identities[faces.indices]
    people, counts = np.unique(identity, return_counts=True)
    if counts.max() < 2 or len(people) < 2:
        raise ZooError("pairs need two people and two pictures of one of them in the split")
    rng = np.random.default_rng(0)
    places = []
    for number in range(count):
        same = number % 2 == 0
        if same:
            person = rng.choice(people[counts > 1])
            places.append(rng.choice(np.flatnonzero(identity == person), 2, replace=False))
        else:
            two = rng.choice(people, 2, replace=False)
            places.append([rng.choice(np.flatnonzero(identity == p)) for p in two])
    numbers = np.arange(count)
    return Pairs(np.array(places), numbers % 2 == 0, numbers // 2 % _FOLDS)


def cosine_of_pairs(features: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(n,) cosines of rows of `features` (N, D); a row of zeros has cosine 0 with all."""
    features = np.asarray(features, np.float64)
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    unit_rows = np.divide(features, norm, out=np.zeros_like(features), where=norm > 0)
    return np.sum(unit_rows[places[:, 0]] * unit_rows[places[:, 1]], axis=1)


def accuracy(similarity: np.ndarray, same: np.ndarray, folds: np.ndarray) -> tuple[float, float]:
    """Mean accuracy over folds, each with the best threshold of the others, and its standard error.

    Args:
        similarity: (n,); a pair counts as one person where it is at least the threshold.
        same: (n,) bool.
        folds: (n,) whole numbers, two or more different ones.

    Returns:
        Mean and standard error (deviation with n - 1, over the root of the number of folds).

    Raises:
        ZooError: fewer than two folds.

    Source: LFW's "image-restricted" evaluation (Huang et al., 2007).
    """
    numbers = np.unique(folds)
    if len(numbers) < 2:
        raise ZooError("accuracy over folds needs two folds or more")
    rates = []
    for fold in numbers:
        test = folds == fold
        threshold = _best_threshold(similarity[~test], same[~test])
        rates.append(np.mean((similarity[test] >= threshold) == same[test]))
    return float(np.mean(rates)), float(np.std(rates, ddof=1) / np.sqrt(len(rates)))


def _best_threshold(similarity: np.ndarray, same: np.ndarray) -> float:
    """The middle between two similarities that separates best; the lowest of equals."""
    order = np.argsort(similarity, kind="stable")
    values, labels = similarity[order], same[order]
    # hits if the first k count as different and the others as same
    hits = np.concatenate([[0], np.cumsum(~labels)]) + labels.sum()
    hits -= np.concatenate([[0], np.cumsum(labels)])
    edges = np.concatenate([[-np.inf], values, [np.inf]])
    legal = edges[:-1] < edges[1:]  # equal similarities cannot be separated
    best = np.flatnonzero(legal)[np.argmax(hits[legal])]
    low, high = edges[best], edges[best + 1]
    return high if np.isinf(low) else np.inf if np.isinf(high) else (low + high) / 2


def auc(similarity: np.ndarray, same: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a pair of one person is the more similar one."""
    positive, negative = np.sort(similarity[same]), np.sort(similarity[~same])
    if not len(positive) or not len(negative):
        return float("nan")
    below = np.searchsorted(negative, positive, side="left")
    ties = np.searchsorted(negative, positive, side="right") - below
    return float(np.sum(below + ties / 2) / (len(positive) * len(negative)))
