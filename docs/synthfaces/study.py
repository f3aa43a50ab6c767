"""The data card's two studies: is a face found, and are identities distinct?

`python docs/synthfaces/study.py faces` needs the extra `detect`; `... identities` trains a small
Light CNN first. Minutes each, on one core.
"""

from __future__ import annotations

import argparse

import cv2
import keras
import numpy as np

from zoo import create
from zoo.config import AugmentationSection
from zoo.data import detector
from zoo.data.batches import Batches
from zoo.data.synthfaces import ATTRIBUTE_NAMES, SynthFaces
from zoo.data.synthfaces.picture import take_picture
from zoo.data.synthfaces.renderer import sitter_of, view_of
from zoo.errors import ZooError
from zoo.evaluation.identification import rank1
from zoo.evaluation.verification import auc

TRAINING_SEED, TEST_SEED = 1_000_000, 0
SIZE, WIDEST = 64, 45  # pixels; degrees of yaw


def faces(count: int) -> None:
    """Which portraits MTCNN finds no face in, and how far its points lie from the labels."""
    people, missed, apart = SynthFaces(128, TEST_SEED, views_per_identity=1), [], []
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


def pictures(seed: int, people: int, views: int) -> list[dict[str, np.ndarray]]:
    """The first lab views of each person that are turned by at most `WIDEST`; lamps are drawn."""
    made = []
    for identity in range(people):
        taken = (view_of(seed, identity, number, "multipie") for number in range(1000))
        chosen = [view for view in taken if abs(view.seen_yaw) <= WIDEST][:views]
        for view in chosen:
            image = take_picture(sitter_of(seed, identity, SIZE), view, SIZE).image
            made.append({"image": image, "identity": np.int64(identity)})
    return made


def identities(people: int, steps: int) -> None:
    """Cosines and rank-1 of `people` that the network has not seen, two pictures of each."""
    seen = pictures(TRAINING_SEED, 400, 6)
    keras.utils.set_random_seed(0)
    network = create("light_cnn", image_size=SIZE, width=0.25, identities=400)
    network.compile({"extractor": keras.optimizers.Adam(1e-3)})
    keys = {"image": (SIZE, SIZE, 3), "identity": ()}
    shifted = AugmentationSection(flip=0.5, shift=0.06)
    batches = Batches(seen, np.arange(len(seen)), 32, 0, keys, augmentation=shifted)
    network.fit(batches.as_dataset(0, steps), steps_per_epoch=steps, verbose=2)
    tested = pictures(TEST_SEED, people, 2)
    images = np.stack([face["image"] for face in tested]).astype(np.float32) / 127.5 - 1
    features = np.concatenate(
        [network({"image": images[i : i + 50]}).numpy() for i in range(0, len(images), 50)]
    )
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
    parser.add_argument("--steps", type=int, default=1500, help="of training")
    asked = parser.parse_args()
    if asked.study == "faces":
        faces(asked.count or 600)
    else:
        identities(asked.count or 250, asked.steps)
