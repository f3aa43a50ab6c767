"""Pairs: thresholds of other folds and areas, against loops."""

import cv2
import numpy as np
import pytest

import zoo
from zoo.errors import ZooError
from zoo.evaluation.evaluate import evaluate
from zoo.evaluation.faces import Faces, Subject
from zoo.evaluation.protocol import load_protocol
from zoo.evaluation.report import read_result
from zoo.evaluation.verification import accuracy, auc, cosine_of_pairs, pairs_of
from zoo.metrics import Embedding


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(0)
    same = np.arange(60) % 2 == 0
    similarity = np.round(rng.normal(same, 0.8), 1)  # with ties
    return similarity, same, np.arange(60) // 2 % 5


def test_accuracy_against_loops(pairs):
    similarity, same, folds = pairs
    rates = []
    for fold in range(5):
        train = folds != fold
        edges = np.unique(similarity[train])
        places = [edges[0], *((edges[1:] + edges[:-1]) / 2), np.inf]
        hits = [np.sum((similarity[train] >= t) == same[train]) for t in places]
        best = places[int(np.argmax(hits))]
        rates.append(np.mean((similarity[~train] >= best) == same[~train]))
    mean, error = accuracy(similarity, same, folds)
    assert mean == pytest.approx(np.mean(rates)) and 0.5 < mean < 1
    assert error == pytest.approx(np.std(rates, ddof=1) / 5**0.5)
    assert accuracy(same.astype(float), same, folds) == (1.0, 0.0)
    assert accuracy(np.zeros(60), same, folds)[0] == 0.5
    with pytest.raises(ZooError, match="two folds"):
        accuracy(similarity, same, np.zeros(60))


def test_area_against_loops(pairs):
    similarity, same, _ = pairs
    pairs_of_pairs = [(a > b) + 0.5 * (a == b) for a in similarity[same] for b in similarity[~same]]
    assert auc(similarity, same) == pytest.approx(np.mean(pairs_of_pairs))
    assert auc(same.astype(float), same) == 1.0
    assert np.isnan(auc(similarity, np.ones(60, bool)))


def test_cosines():
    features = np.array([[3.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    places = np.array([[0, 1], [0, 2], [1, 1]])
    np.testing.assert_allclose(cosine_of_pairs(features, places), [0.5**0.5, 0, 1])


def test_protocol_of_pairs(presets, protocol, tmp_path):
    path = protocol(
        procedure="verification",
        pairs=40,
        baselines=["thumbnail", "hog"],
        metrics={"accuracy": 1, "auc": 1},
    )
    out = evaluate(presets("light_cnn"), path, tmp_path / "out")
    result = read_result(out)
    assert [row["method"] for row in result["rows"]] == ["model", "thumbnail", "hog"]
    assert all(
        row["images"] == 40 and set(row["values"]) == {"accuracy", "auc"} for row in result["rows"]
    )
    assert len(result["protocol"]["identity"]["sha256.pairs"]) == 64
    again = evaluate(presets("light_cnn"), path, out)
    assert read_result(again)["rows"] == result["rows"]


def test_faces_turned_before_they_are_compared(presets, protocol, turner, faces, tmp_path):
    path = protocol(procedure="verification", pairs=40, metrics={"accuracy": 1, "auc": 1})
    preset, option = presets("light_cnn"), f"networks.frontalizer={turner}"
    result = read_result(evaluate(preset, path, tmp_path / "out", overrides=[option]))
    assert [row["method"] for row in result["rows"]] == ["model", "model, turned"]
    pinned = load_protocol(path)
    judged = Faces(faces, pinned.values)
    pairs = pairs_of(Subject(pinned, None, faces, judged, None, [], None))
    images = np.stack([faces[int(i)]["image"] for i in judged.indices])
    network = Embedding(zoo.load(preset))
    for row, seen in zip(result["rows"], (images, images[:, :, ::-1]), strict=True):
        cosines = cosine_of_pairs(np.asarray(network(seen / 127.5 - 1)), pairs.places)
        mean, _ = accuracy(cosines, pairs.same, pairs.folds)
        assert row["values"] == pytest.approx({"accuracy": mean, "auc": auc(cosines, pairs.same)})
    weights = zoo.presets.read_config(turner)["sha256"]
    assert result["protocol"]["identity"]["sha256.frontalizer"] == weights
    height, width = cv2.imread(str(tmp_path / "out/pairs.png")).shape[:2]
    plain = evaluate(preset, path, tmp_path / "plain")
    assert cv2.imread(str(plain / "pairs.png")).shape[0] == height
    assert width - cv2.imread(str(plain / "pairs.png")).shape[1] > 2 * faces.size


def test_what_turns_faces_must_do_so(presets, protocol, tmp_path):
    path = protocol(procedure="verification", pairs=40, metrics={"auc": 1})
    option = f"networks.frontalizer={presets('light_cnn')}"
    with pytest.raises(ZooError, match="serves 'embed'; legal is one that serves 'frontalize'"):
        evaluate(presets("light_cnn"), path, tmp_path / "out", overrides=[option])
    assert not (tmp_path / "out").exists()
