"""The data card's two studies: is a face found, and are identities distinct?

`python docs/synthfaces/study.py faces` needs the extra `detect`; `... identities` asks the preset
of Light CNN. Minutes each, on one core.
"""

from __future__ import annotations

import argparse
import itertools

import cv2
import numpy as np

import zoo
from zoo.data import detector
from zoo.data.synthfaces import ATTRIBUTE_NAMES, SynthFaces
from zoo.data.synthfaces.picture import take_picture
from zoo.data.synthfaces.renderer import sitter_of, view_of
from zoo.errors import ZooError
from zoo.evaluation.identification import rank1
from zoo.evaluation.verification import auc

SEED = 1_000_000  # of people that no preset has seen
SIZE, WIDEST = 128, 45  # pixels; degrees of yaw
EMBEDDING = "light_cnn_synthfaces_128"


def faces(count: int) -> None:
    """Which portraits MTCNN finds no face in, and how far its points lie from the labels."""
    people, missed, apart = SynthFaces(128, 0, views_per_identity=1), [], []
    for index in range(count):
        example = people.render(index)
        doubled = cv2.resize(example["image"], (256, 256), interpolation=cv2.INTER_CUBIC)
        try:
            found = detector.detect_landmarks(doubled) / 2
        except ZooError:
            missed.append(index)
            names = [n for n, v in zip(ATTRIBUTE_NAMES, example["attributes"], strict=True) if v]
            print(f"{index}: yaw {example['yaw']:+.0f}, lamp {example['light']}, {names}")
            continue
        apart.append(np.linalg.norm(found - example["landmarks"], axis=1))
    print(f"no face in {len(missed)} of {count} ({100 * len(missed) / count:.1f} %): {missed}")
    print(f"median distance of the five points, pixels of 128: {np.median(apart, 0).round(2)}")


def pictures(people: int, views: int) -> np.ndarray:
    """The first lab views of each person that are turned by at most `WIDEST`; lamps are drawn.

    Returns:
        (people * views, SIZE, SIZE, 3) uint8, each person's together.
    """
    made = []
    for identity in range(people):
        taken = (view_of(SEED, identity, number, "multipie") for number in range(1000))
        for view in itertools.islice((v for v in taken if abs(v.seen_yaw) <= WIDEST), views):
            made.append(take_picture(sitter_of(SEED, identity, SIZE), view, SIZE).image)
    return np.stack(made)


def identities(people: int) -> None:
    """Cosines and rank-1 of `people`, two pictures of each."""
    model = zoo.load(EMBEDDING)
    images = np.float32(pictures(people, 2) / 127.5 - 1)
    batches = np.array_split(images, max(1, len(images) // 32))
    features = np.concatenate([model({"image": batch}, training=False) for batch in batches])
    report(features[0::2], features[1::2])


def report(first: np.ndarray, second: np.ndarray) -> None:
    """Compares two pictures of each of n people by features (n, D)."""
    unit = [f / np.linalg.norm(f, axis=1, keepdims=True) for f in (first, second)]
    cosines, same = unit[0] @ unit[1].T, np.eye(len(first), dtype=bool)
    for name, values in (("same", cosines[same]), ("different", cosines[~same])):
        low, middle, high = np.percentile(values, (5, 50, 95)).round(3)
        print(f"{name}: {len(values)} pairs, cosine {low} / {middle} / {high} (5, 50, 95 %)")
    print(f"area under the ROC curve: {auc(cosines.ravel(), same.ravel()):.4f}")
    people = np.arange(len(first))
    print(f"rank-1: {100 * rank1(first, people, second, people).mean():.1f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", choices=("faces", "identities"))
    parser.add_argument("--count", type=int, help="portraits (600), or people (250)")
    asked = parser.parse_args()
    if asked.study == "faces":
        faces(asked.count or 600)
    else:
        identities(asked.count or 250)
