"""Irregular masks: form, areas, buckets, the shapes that they are made of, mixtures."""

import functools
import hashlib

import cv2
import numpy as np
import pytest

from zoo import masks
from zoo.errors import ZooError
from zoo.masks.irregular import BUCKETS

GENERATORS = {"irregular": masks.irregular, "free_form_strokes": masks.free_form_strokes}


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


@pytest.mark.parametrize("size", [64, 128, 512])
def test_areas_hardly_depend_on_the_size(size):
    irregular = draw("irregular", 150, size).mean(axis=(1, 2))
    assert 0.25 < irregular.mean() < 0.36 and 0.07 < irregular.std() < 0.13
    assert irregular.min() > 0.01 and irregular.max() < 0.7
    strokes = draw("free_form_strokes", 150, size).mean(axis=(1, 2))
    assert 0.23 < strokes.mean() < 0.36 and 0.1 < strokes.std() < 0.2
    assert strokes.min() > 0 and strokes.max() < 0.8


@pytest.mark.parametrize("bucket", BUCKETS)
def test_buckets(bucket):
    for size in (64, 256):
        area = draw("irregular", 20, size, bucket=bucket).mean(axis=(1, 2), dtype=np.float64)
        assert bucket[0] < area.min() and area.max() <= bucket[1]
        assert area.std() > 0.005  # not always the same mask


def test_every_place_is_hit_alike():
    """No quarter is preferred; the rim is hit less, as nothing starts outside."""
    for name in GENERATORS:
        share = draw(name, 400, 64).mean(axis=0)
        quarters = share.reshape(2, 32, 2, 32).mean(axis=(1, 3))
        assert quarters.max() / quarters.min() < 1.2
        assert 0.3 * share.mean() < share[0].mean() < share.mean()


def test_one_stroke_of_one_segment_is_a_capsule():
    """Its length and width are those of the limits, at 512 twice those of 256 pixels."""
    lengths, widths = [], []
    for seed in range(200):
        hole = masks.free_form_strokes(
            512, 512, np.random.default_rng(seed), max_strokes=1, max_vertex=1
        )[..., 0]
        points = np.argwhere(hole)
        (_, _), sides, _ = cv2.minAreaRect(points.astype(np.float32))
        lengths.append(max(sides) - min(sides))
        widths.append(min(sides))
    lengths, widths = np.array(lengths), np.array(widths)
    inside = widths > 18  # not cut by the border
    assert inside.mean() > 0.9
    assert 18 < widths[inside].min() and widths.max() < 52  # 20 to 48
    assert lengths.max() <= 202
    assert lengths.mean() == pytest.approx(95, abs=20)  # 100, less what ends at the border


def test_heading_is_reversed_at_every_other_segment():
    """Of headings up to 1 degree, even segments lead down to the left, odd ones to the right."""
    for seed in range(20):
        hole = masks.free_form_strokes(
            *(256, 256, np.random.default_rng(seed)),
            max_strokes=1,
            max_angle=1,
            brush_width=(2, 2),
        )[..., 0]
        _, columns = np.nonzero(hole)
        assert np.ptp(columns) <= 8  # a straight line from top to bottom
    wide = draw("free_form_strokes", 20, 256, max_strokes=1, max_angle=360)
    assert max(np.ptp(np.nonzero(hole)[1]) for hole in wide) > 100


def test_masks_are_turned_over_at_random():
    """Without it strokes whose headings are near 0 would all walk down and stay at the bottom."""
    share = draw("free_form_strokes", 300, 64, max_strokes=1, max_angle=1).mean(axis=0)
    assert share[:32].sum() == pytest.approx(share[32:].sum(), rel=0.15)


def test_mixture_draws_each_kind_as_often_as_weighted():
    left = np.zeros((4, 4, 1), np.float32)
    left[:, :2] = 1
    kinds = [lambda h, w, rng: left, lambda h, w, rng: 1 - left, masks.center]
    rng = np.random.default_rng(0)
    drawn = [masks.mixture(4, 4, rng, kinds, (3, 1, 0)) for _ in range(2000)]
    share = np.mean([hole[0, 0, 0] for hole in drawn])
    assert share == pytest.approx(0.75, abs=0.04)
    assert all((hole == left).all() or (hole == 1 - left).all() for hole in drawn)
    even = [masks.mixture(4, 4, rng, kinds)[0].sum() for _ in range(1000)]
    assert np.mean(np.equal(even, 0)) == pytest.approx(1 / 3, abs=0.05)  # the centre's first row


def test_mixture_draws_from_the_rest_of_the_same_stream():
    bucketed = functools.partial(masks.irregular, bucket=(0.2, 0.3))
    rng = np.random.default_rng(5)
    hole = masks.mixture(64, 64, rng, [bucketed])
    other = np.random.default_rng(5)
    other.choice(1, p=[1.0])
    np.testing.assert_array_equal(hole, bucketed(64, 64, other))


def test_refused():
    rng = np.random.default_rng(0)
    for bucket in ((0.3, 0.2), (-0.1, 0.5), (0.5, 1.5)):
        with pytest.raises(ZooError, match="bucket is"):
            masks.irregular(64, 64, rng, bucket=bucket)
    with pytest.raises(ZooError, match="no hole of more than 0.99 and up to 1 of 16 x 16"):
        masks.irregular(16, 16, rng, bucket=(0.99, 1), most=1)
    with pytest.raises(ZooError, match="one weight per kind; received 0 kinds"):
        masks.mixture(8, 8, rng, [])
    with pytest.raises(ZooError, match="one weight per kind; received 1 kinds and weights"):
        masks.mixture(8, 8, rng, [masks.center], [1, 2])
    for weights in ([-1, 2], [0, 0], [float("nan"), 1]):
        with pytest.raises(ZooError, match="weights are"):
            masks.mixture(8, 8, rng, [masks.center, masks.brush], weights)
