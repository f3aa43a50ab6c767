"""Mask generators: polarity, areas, eyes, hair, determinism, speed; the check of masks."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from zoo import masks
from zoo.errors import ZooError

SIZE = 128
LANDMARKS = np.array([[50, 61], [78, 61], [64, 77], [54, 95], [74, 95]], np.float32)


@pytest.fixture
def parsing() -> np.ndarray:
    result = np.zeros((SIZE, SIZE), np.int64)
    result[20:110, 30:98] = 1
    result[10:40, 30:98] = 10
    return result


GENERATORS = {
    "free_form": lambda rng, size=SIZE: masks.free_form(size, size, rng),
    "free_form with eyes": lambda rng, size=SIZE: masks.free_form(
        size, size, rng, eyes=LANDMARKS[:2] * size / SIZE
    ),
    "brush": lambda rng, size=SIZE: masks.brush(size, size, rng),
    "rectangle": lambda rng, size=SIZE: masks.rectangle(size, size, rng),
    "center": lambda rng, size=SIZE: masks.center(size, size, rng),
}


def areas(generator, size: int = SIZE, count: int = 200) -> np.ndarray:
    return np.array([generator(np.random.default_rng(seed), size).mean() for seed in range(count)])


@pytest.mark.parametrize("name", GENERATORS)
def test_form_and_determinism(name):
    def digest(seed: int) -> str:
        rng = np.random.default_rng(seed)
        batch = np.stack([GENERATORS[name](rng) for _ in range(4)])
        assert batch.shape == (4, SIZE, SIZE, 1) and batch.dtype == np.float32
        assert set(np.unique(batch)) == {0.0, 1.0}
        return hashlib.sha256(batch.tobytes()).hexdigest()

    assert digest(3) == digest(3)
    assert (digest(3) != digest(4)) == (name != "center")


@pytest.mark.parametrize("size", [64, 128, 512])
@pytest.mark.parametrize("name", ["free_form", "free_form with eyes"])
def test_free_form_area(name, size):
    area = areas(GENERATORS[name], size)
    assert 0.15 < area.mean() < 0.35
    assert area.min() > 0 and area.max() < 0.7
    assert np.mean((area > 0.05) & (area < 0.5)) > 0.85


def test_area_of_the_others():
    brush, rectangle = areas(GENERATORS["brush"]), areas(GENERATORS["rectangle"])
    assert 0.15 < brush.mean() < 0.25 and brush.min() > 0
    # DeepFill's sides: 96..128 of 256
    assert rectangle.min() >= 0.375**2 and rectangle.max() <= 0.25
    assert areas(GENERATORS["center"], count=1) == 0.25


def test_center_and_rectangle_are_boxes():
    center = masks.center(128, 128)[..., 0]
    assert center[32:96, 32:96].all() and center.sum() == 64 * 64
    assert masks.center(5, 7, side=1.0).all()
    for seed in range(50):
        hole = masks.rectangle(60, 90, np.random.default_rng(seed))[..., 0]
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert hole.sum() == len(rows) * len(columns)
        assert len(rows) == np.ptp(rows) + 1 and 22 <= len(rows) <= 30
        assert len(columns) == np.ptp(columns) + 1 and 34 <= len(columns) <= 45


def test_rectangle_reaches_every_border():
    holes = sum(masks.rectangle(16, 16, np.random.default_rng(seed)) for seed in range(400))
    assert holes[0].any() and holes[-1].any() and holes[:, 0].any() and holes[:, -1].any()


class TestEyes:
    def test_every_mask_covers_an_eye(self):
        left, right = LANDMARKS[:2].astype(int)
        at_left = at_right = without = 0
        for seed in range(200):
            hole = masks.free_form(
                SIZE, SIZE, np.random.default_rng(seed), eyes=LANDMARKS[:2], max_draw=1, max_line=2
            )[..., 0]
            a, b = hole[left[1], left[0]], hole[right[1], right[0]]
            assert a or b
            at_left, at_right = at_left + a, at_right + b
            bare = masks.free_form(SIZE, SIZE, np.random.default_rng(seed), max_draw=1, max_line=2)[
                ..., 0
            ]
            without += bare[left[1], left[0]] or bare[right[1], right[0]]
        assert at_left > 70 and at_right > 70
        assert without < 40

    def test_the_stroke_starts_at_the_eye(self):
        # One point as the line, so that what else is there is the eye's stroke.
        eyes = np.array([[40, 40], [88, 40]])
        limits = {"max_draw": 1, "max_line": 1, "brush_width": 4.0}
        for seed in range(50):
            rng = np.random.default_rng(seed)
            with_eyes = masks.free_form(SIZE, SIZE, rng, eyes=eyes, **limits)
            bare = masks.free_form(SIZE, SIZE, np.random.default_rng(seed), **limits)
            y, x = np.nonzero((with_eyes - bare)[..., 0])
            distance = np.hypot(x[:, None] - eyes[:, 0], y[:, None] - eyes[:, 1])
            nearest = distance[:, distance.min(axis=0).argmin()]
            assert nearest.min() <= 1  # it begins there, and max_length (140 at 512) is its reach
            assert nearest.max() <= 140 * SIZE / 512 + 2

    def test_eyes_on_the_edge_or_outside_are_legal(self):
        eyes = np.array([[-20.0, 5.0], [0.0, 500.0]])
        assert masks.free_form(64, 64, np.random.default_rng(0), eyes=eyes).any()

    @pytest.mark.parametrize("eyes", [np.zeros((5, 2)), np.zeros(4), np.full((2, 2), np.nan)])
    def test_refused(self, eyes):
        with pytest.raises(ZooError, match=r"eyes must be 2 finite points"):
            masks.free_form(64, 64, np.random.default_rng(0), eyes=eyes)


def test_strokes_hatch_within_the_angle():
    """With max_angle 0 the pen runs back and forth on one straight line."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        hole = masks.free_form(
            256, 256, rng, max_draw=1, max_line=40, max_angle=0.0, brush_width=2.0
        )[..., 0]
        points = np.argwhere(hole).astype(float)
        spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
        assert spread[-1] / np.sqrt(len(points)) < 1.0  # pixels across the line


def test_sizes_scale_with_the_image():
    def width_of(size: int) -> float:
        rng = np.random.default_rng(0)
        return (
            masks.free_form(size, size, rng, max_draw=1, max_line=1, max_length=1e-6).sum() ** 0.5
        )

    assert width_of(1024) / width_of(512) == pytest.approx(2.0, rel=0.1)
    wide = [masks.free_form(64, 256, np.random.default_rng(seed)).mean() for seed in range(200)]
    assert 0.15 < np.mean(wide) < 0.35


class TestHair:
    def test_hair_is_dilated(self, parsing):
        hole = masks.hair(parsing)[..., 0]
        # 8 px at 512 are 2 px here
        assert hole[8:42, 40:90].all() and not hole[:8].any() and not hole[42:].any()
        np.testing.assert_array_equal(masks.hair(parsing, dilation=0)[..., 0], parsing == 10)
        assert not masks.hair(np.zeros_like(parsing)).any()

    def test_probability(self, parsing):
        def share(**options) -> float:
            count = 0
            for seed in range(300):
                rng = np.random.default_rng(seed)
                hole = masks.sc_fegan(SIZE, SIZE, rng, LANDMARKS, parsing, **options)[..., 0]
                count += hole[parsing == 10].all()
            return count / 300

        assert share() == pytest.approx(1 / 3, abs=0.08)
        assert share(hair_probability=1.0) == 1
        assert share(hair_probability=0.0) < 0.02

    def test_composition(self, parsing):
        mask = masks.sc_fegan(
            SIZE, SIZE, np.random.default_rng(5), LANDMARKS, parsing, hair_probability=1.0
        )
        rng = np.random.default_rng(5)
        rng.random()  # decides about the hair
        strokes = masks.free_form(SIZE, SIZE, rng, eyes=LANDMARKS[:2])
        np.testing.assert_array_equal(mask, np.maximum(strokes, masks.hair(parsing)))

    def test_hints_are_optional_and_do_not_shift_the_strokes(self, parsing):
        bare = masks.sc_fegan(SIZE, SIZE, np.random.default_rng(1))
        full = masks.sc_fegan(SIZE, SIZE, np.random.default_rng(1), parsing=parsing)
        assert (full >= bare).all()

    def test_refused(self, parsing):
        rng = np.random.default_rng(0)
        with pytest.raises(ZooError, match=r"landmarks must be 5 finite points"):
            masks.sc_fegan(SIZE, SIZE, rng, LANDMARKS[:2])
        with pytest.raises(ZooError, match=r"\(64, 64\); received \(128, 128\)"):
            masks.sc_fegan(64, 64, rng, parsing=parsing)
        with pytest.raises(ZooError, match="float64"):
            masks.hair(parsing.astype(float))


def test_sc_fegan_area(parsing):
    area = [
        masks.sc_fegan(SIZE, SIZE, np.random.default_rng(seed), LANDMARKS, parsing).mean()
        for seed in range(200)
    ]
    assert 0.15 < np.mean(area) < 0.35


def _disc() -> np.ndarray:
    """Hair in a disc of radius 24 pixels: a share of 0.110, dilated by 2 pixels 0.130."""
    y, x = np.mgrid[:SIZE, :SIZE]
    return np.where(np.hypot(y - 64, x - 64) <= 24, 10, 0)


def _draw(name: str, rng: np.random.Generator, *arguments, **options) -> np.ndarray:
    return getattr(masks, name)(SIZE, SIZE, rng, *arguments, **options)


STATISTICS = {  # of 150 masks: bounds of the mean, of the standard deviation, and of every share
    "brush": (_draw, (0.15, 0.25), (0.06, 0.13), (0.01, 0.6)),
    "center": (_draw, (0.25, 0.25), (0, 0), (0.25, 0.25)),
    "facial_part": (
        lambda name, rng: masks.facial_part(SIZE, SIZE, f"O{rng.integers(1, 7)}"),
        (0.18, 0.26),  # 96 x 64 twice, 24 x 80, 24 x 40 twice and 48 x 80 pixels: 0.218
        (0.11, 0.15),  # 0.127
        (24 * 40 / SIZE**2, 96 * 64 / SIZE**2),
    ),
    "free_form": (_draw, (0.15, 0.35), (0.08, 0.18), (1e-4, 0.7)),
    "free_form_strokes": (_draw, (0.23, 0.36), (0.1, 0.2), (1e-4, 0.8)),
    "hair": (lambda name, rng: masks.hair(_disc()), (0.125, 0.135), (0, 0), (0.125, 0.135)),
    "irregular": (_draw, (0.25, 0.36), (0.07, 0.13), (0.01, 0.7)),
    "mixture": (  # half 0.25, half 0.35 to 0.36 squared
        lambda name, rng: _draw(name, rng, [masks.center, _small]),
        (0.17, 0.21),
        (0.05, 0.07),
        (0.12, 0.25),
    ),
    "random_block": (_draw, (0.1, 0.2), (0.04, 0.08), (0.01, 0.25)),
    "random_region": (_draw, (0.22, 0.24), (0.015, 0.035), (0.2, 0.3)),
    "rectangle": (_draw, (0.18, 0.2), (0.02, 0.04), (0.14, 0.25)),
    "sc_fegan": (
        lambda name, rng: _draw(name, rng, LANDMARKS, _disc()),
        (0.2, 0.35),
        (0.08, 0.18),
        (1e-4, 0.75),
    ),
}


def _small(height, width, rng):
    return masks.rectangle(height, width, rng, min_side=0.35, max_side=0.36)


def test_every_generator_has_statistics():
    assert set(STATISTICS) == set(masks.__all__) - {"validate"}


@pytest.mark.parametrize("name", STATISTICS)
def test_area_statistics(name):
    draw, mean, deviation, every = STATISTICS[name]
    share = [draw(name, np.random.default_rng(seed)).mean(dtype=np.float64) for seed in range(150)]
    assert mean[0] <= np.mean(share) <= mean[1]
    assert deviation[0] <= np.std(share) <= deviation[1]
    assert every[0] <= np.min(share) and np.max(share) <= every[1]


class TestValidate:
    hole = np.array([[0, 1, 0], [1, 1, 0]])

    @pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float32])
    @pytest.mark.parametrize("scale", [1, 255])
    def test_legal(self, dtype, scale):
        given = (self.hole * scale).astype(dtype)
        for mask in (given, given[..., None]):
            checked = masks.validate(mask, (2, 3))
            assert checked.dtype == np.float32
            np.testing.assert_array_equal(checked, self.hole[..., None])

    def test_all_hole_is_legal(self):
        assert masks.validate(np.ones((4, 4))).all()

    @pytest.mark.parametrize(
        ("mask", "message"),
        [
            (np.zeros((4, 4)), "no hole"),
            (np.ones((4, 4, 3)), "has 3 channels"),
            (np.ones((2, 4, 4, 1)), r"one picture .* received \(2, 4, 4, 1\)"),
            (np.ones(4), r"received \(4,\)"),
            (np.ones((0, 4)), r"received \(0, 4\)"),
            (np.array([[0, np.nan], [1, 1]]), "without NaN; received values between nan"),
            (np.full((2, 2), np.nan), "NaN"),
            (np.array([[0, 0.5]]), "between 0.0 and 0.5"),
            (np.array([[0, 1, 255]]), "between 0 and 255"),
            (np.array([[-1, 0]]), "between -1 and 0"),
            (np.array([["a"]]), "bool or numbers"),
        ],
    )
    def test_refused(self, mask, message):
        with pytest.raises(ZooError, match=message):
            masks.validate(mask)

    def test_wrong_size_names_both(self):
        with pytest.raises(ZooError, match="m.png is 2 x 3 .* 3 x 2"):
            masks.validate(self.hole, (3, 2), name="m.png")
