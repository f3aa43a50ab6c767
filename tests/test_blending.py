import numpy as np
import pytest

from zoo.blending import _jacobi, poisson
from zoo.errors import ZooError


@pytest.fixture
def picture():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (24, 20, 3)).astype(np.uint8)


def equations(values, hole):
    """Matrix and right side of the Poisson equation, pixel by pixel."""
    places = {place: n for n, place in enumerate(zip(*np.nonzero(hole), strict=True))}
    matrix, right = np.zeros((len(places), len(places))), np.zeros((len(places), 3))
    for (i, j), n in places.items():
        for k, m in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            if not (0 <= k < hole.shape[0] and 0 <= m < hole.shape[1]):
                continue
            matrix[n, n] += 1
            if hole[k, m]:
                matrix[n, places[k, m]] -= 1
                right[n] += values[i, j] - values[k, m]
            else:
                right[n] += values[k, m]
    return matrix, right


def holes():
    inside, corner, irregular = (np.zeros((12, 11), bool) for _ in range(3))
    inside[3:8, 2:9] = True
    corner[6:, :5] = True  # touches two borders
    irregular[np.random.default_rng(1).random((12, 11)) < 0.4] = True
    return {"inside": inside, "corner": corner, "irregular": irregular}


@pytest.mark.parametrize("name", ["inside", "corner", "irregular"])
def test_the_limit_solves_the_equations(name):
    hole = holes()[name]
    values = np.random.default_rng(2).random((12, 11, 3))
    solved = _jacobi(values, hole, 20_000, 0.0)
    np.testing.assert_array_equal(solved[~hole], values[~hole])
    matrix, right = equations(values, hole)
    np.testing.assert_allclose(solved[hole], np.linalg.solve(matrix, right), atol=1e-6)


def test_one_pass_by_hand():
    values = np.zeros((1, 4, 1))
    values[0, :, 0] = [0.0, 0.8, 0.6, 1.0]
    hole = np.array([[False, True, True, False]])
    # left pixel: (0 + 0.6 + (0.8 - 0.6)) / 2, right pixel: (0.8 + 1.0 + (0.6 - 0.8)) / 2
    np.testing.assert_allclose(_jacobi(values, hole, 1, 1e-3)[0, :, 0], [0.0, 0.4, 0.8, 1.0])


def test_passes_stop_when_changes_no_longer_shrink():
    values = np.random.default_rng(3).random((40, 40, 3))
    hole = np.zeros((40, 40), bool)
    hole[4:36, 4:36] = True
    changes, before = [], values
    for n in range(1, 60):
        after = _jacobi(values, hole, n, -1.0)  # never stops early
        changes.append(np.abs(after - before).max())
        before = after
    shrink = 1 - np.divide(changes[1:], changes[:-1])
    stop = int(np.flatnonzero(shrink < 0.02)[0]) + 2  # first pass that shrinks by less than 2 %
    np.testing.assert_array_equal(
        _jacobi(values, hole, 1000, 0.02), _jacobi(values, hole, stop, -1.0)
    )


def test_a_constant_seam_goes_and_known_pixels_stay(picture):
    hole = np.zeros((24, 20), np.uint8)
    hole[5:12, 4:13] = 255
    flat = np.full_like(picture, 100)
    filled = np.where(hole[..., None] > 0, np.uint8(130), flat)
    np.testing.assert_array_equal(poisson(flat, filled, hole, iterations=5000, tolerance=0), flat)
    few = poisson(flat, filled, hole)
    assert few[5, 4, 0] < 105 < few[8, 8, 0] + 10  # the rim is mended first

    out = poisson(picture, np.roll(picture, 3, axis=1), hole)
    np.testing.assert_array_equal(out[hole == 0], picture[hole == 0])
    assert out.dtype == np.uint8 and (out[hole > 0] != picture[hole > 0]).any()


def test_what_lies_in_the_hole_of_the_image_does_not_matter(picture):
    hole = np.zeros((24, 20, 1), bool)
    hole[:, 10:] = True  # touches three borders
    filled = np.where(hole, np.uint8(7), picture)
    erased = np.where(hole, np.uint8(255), picture)
    np.testing.assert_array_equal(poisson(picture, filled, hole), poisson(erased, filled, hole))


def test_a_hole_without_rim_stays_as_it_was_filled(picture):
    whole = np.ones((24, 20), np.uint8)
    np.testing.assert_array_equal(poisson(np.zeros_like(picture), picture, whole), picture)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"image": np.zeros((24, 20, 3))}, "image must be .* received float64"),
        ({"completed": np.zeros((4, 4), np.uint8)}, "completed must be"),
        ({"completed": np.zeros((4, 4, 3), np.uint8)}, r"but completed is \(4, 4, 3\)"),
        ({"mask": np.zeros((24, 20))}, "no hole"),
        ({"mask": np.ones((2, 2))}, "mask is 2 x 2"),
    ],
)
def test_refused(picture, changes, message):
    values = {"image": picture, "completed": picture, "mask": np.ones((24, 20)), **changes}
    with pytest.raises(ZooError, match=message):
        poisson(**values)
