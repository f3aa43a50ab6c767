"""Context Encoder's random masks: form, areas, and the same statistics as one large pattern."""

import hashlib

import cv2
import numpy as np
import pytest

from zoo import masks
from zoo.errors import ZooError
from zoo.masks.regions import _bicubic

GENERATORS = {"random_block": masks.random_block, "random_region": masks.random_region}


def draw(name, count, size=128, **limits):
    holes = [
        GENERATORS[name](size, size, np.random.default_rng(seed), **limits) for seed in range(count)
    ]
    return np.stack(holes)[..., 0]


@pytest.mark.parametrize("name", GENERATORS)
def test_form_and_determinism(name):
    def digest(seed):
        rng = np.random.default_rng(seed)
        batch = np.stack([GENERATORS[name](60, 90, rng) for _ in range(4)])
        assert batch.shape == (4, 60, 90, 1) and batch.dtype == np.float32
        assert set(np.unique(batch)) == {0.0, 1.0}
        return hashlib.sha256(batch.tobytes()).hexdigest()

    assert digest(3) == digest(3) != digest(4)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_areas(size):
    region = draw("random_region", 200, size).mean(axis=(1, 2))
    assert region.min() > 0.2 and region.max() < 0.3
    block = draw("random_block", 200, size).mean(axis=(1, 2))
    assert 0 < block.min() and block.max() <= 0.25
    assert 0.1 < block.mean() < 0.2


def test_blocks_are_boxes_of_legal_sides_that_join():
    one = draw("random_block", 50, max_blocks=1)
    for hole in one:
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert hole.sum() == len(rows) * len(columns)
        assert 16 <= len(rows) <= 48 and 16 <= len(columns) <= 48
    pieces, boxes = [], []
    for hole in draw("random_block", 100):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(hole.astype(np.uint8))
        pieces.append(count - 1)
        boxes += [area == w * h for _, _, w, h, area in stats[1:]]
    assert max(pieces) >= 3  # several blocks
    assert 0.02 < 1 - np.mean(boxes) < 0.6  # some overlap, so that their union is no box


def test_regions_are_equally_likely_everywhere():
    share = draw("random_region", 600, 64).reshape(600, 8, 8, 8, 8).mean(axis=(0, 2, 4))
    assert share.min() > 0.17 and share.max() < 0.29


def test_windows_have_the_statistics_of_one_large_pattern():
    """The code's way: enlarge noise 50 / 3 times, threshold, cut windows; before the area rule."""
    rng = np.random.default_rng(0)
    large = _bicubic(3000, 50 / 3, 0.0)
    pattern = large @ rng.random((large.shape[1],) * 2) @ large.T < 0.25
    corners = rng.integers(0, 3000 - 128, (2000, 2))
    theirs = np.array([pattern[y : y + 128, x : x + 128].mean() for y, x in corners])
    ours = draw("random_region", 1000, min_area=-1, max_area=2).mean(axis=(1, 2))
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.005)
    assert ours.std() == pytest.approx(theirs.std(), rel=0.08)


def test_interpolation_against_opencv():
    """At the nodes both give the nodes; between them Catmull-Rom is exact on straight lines."""
    nodes = np.random.default_rng(0).random(12)
    weights = _bicubic(33, 4.0, 0.0)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(weights[::4] @ nodes[: weights.shape[1]], nodes[1:10], atol=1e-12)
    line = weights @ np.arange(weights.shape[1])
    np.testing.assert_allclose(line, 1 + np.arange(33) / 4, atol=1e-12)
    # OpenCV's kernel has a = -0.75, this one -0.5: on noise they differ, but little
    cubic = cv2.resize(nodes[None].astype(np.float32), (48, 1), interpolation=cv2.INTER_CUBIC)[0]
    middle = _bicubic(16, 4.0, 0.125) @ nodes[: _bicubic(16, 4.0, 0.125).shape[1]]
    assert np.abs(cubic[6:22] - middle).max() < 0.15  # pixel 6 lies 1.125 nodes in


def test_blobs_scale_with_the_image():
    def edges(size):
        holes = draw("random_region", 40, size)
        return np.abs(np.diff(holes, axis=2)).sum(axis=2).mean()  # borders in one row

    assert edges(128) == pytest.approx(edges(32), rel=0.15)


def test_refused():
    with pytest.raises(ZooError, match="max_area is 0.1"):
        masks.random_block(64, 64, np.random.default_rng(0), max_area=0.1)
    with pytest.raises(ZooError, match="no hole of more than 0.2 and less than 0.3 of 1 x 2"):
        masks.random_region(1, 2, np.random.default_rng(0))
