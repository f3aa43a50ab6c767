"""Pairs: thresholds of other folds and areas, against loops."""

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.evaluation.evaluate import evaluate
from zoo.evaluation.report import read_result
from zoo.evaluation.verification import accuracy, auc, cosine_of_pairs


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
