"""Pictures for READMEs and reports: a labelled grid of images, and loss curves."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from zoo.data.images import write_image
from zoo.errors import ZooError
from zoo.files import atomic_path

_TILE = 128  # least height and width of a tile, in pixels
_GAP, _MARGIN = 8, 16
_FONT, _FONT_SCALE, _INK = cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40)


def image_grid(
    rows: Sequence[Sequence[np.ndarray]],
    column_titles: Sequence[str],
    row_titles: Sequence[str] | None = None,
    path: str | os.PathLike | None = None,
    scale: int | None = None,
) -> np.ndarray:
    """Puts pictures into a labelled grid on white.

    Args:
        rows: Rows of pictures, all rows equally long: (H, W, 3) uint8 RGB; or masks, sketches and
            grey pictures, (H, W) or (H, W, 1), uint8 in 0..255 or bool or float in [0, 1] (a uint8
            picture that holds only 0 and 1 counts as such a mask). The first picture gives the size
            of the tiles; the others are fitted into it and centred.
        column_titles: One title for each column.
        row_titles: One title for each row, written at its left; None leaves them out.
        path: Where to write the grid (.png, .jpg, .webp); None writes nothing.
        scale: Enlargement by a whole number. By default the smallest that gives tiles of at least
            128 pixels. Photographs are enlarged by Lanczos, masks and sketches by repetition.

    Returns:
        The grid, (H, W, 3) uint8 RGB.

    Raises:
        ZooError: No pictures, rows or titles of the wrong number, or an array of another form.
    """
    _check_grid(rows, column_titles, row_titles)
    height, width = rows[0][0].shape[:2]
    if scale is None:
        scale = max(1, math.ceil(_TILE / min(height, width)))
    height, width = height * scale, width * scale

    line = cv2.getTextSize("Ag", _FONT, _FONT_SCALE, 1)[0][1]
    widest = max((_text_width(title) for title in row_titles), default=0) if row_titles else 0
    left = _MARGIN + (widest + _MARGIN if row_titles else 0)
    titles = [_wrap(title, width) for title in column_titles]
    lines = max(len(title) for title in titles)
    top = _MARGIN + lines * (line + 8)
    grid = np.full(
        (
            top + len(rows) * (height + _GAP) - _GAP + _MARGIN,
            left + len(rows[0]) * (width + _GAP) - _GAP + _MARGIN,
            3,
        ),
        255,
        np.uint8,
    )
    for column, title in enumerate(titles):
        center = left + column * (width + _GAP) + width / 2
        for i, text in enumerate(title):
            below = (lines - len(title) + i + 1) * (line + 8) + _MARGIN - 8
            _write(grid, text, center - _text_width(text) / 2, below)
    for row, pictures in enumerate(rows):
        y = top + row * (height + _GAP)
        if row_titles:
            text = row_titles[row]
            _write(grid, text, left - _MARGIN / 2 - _text_width(text), y + (height + line) / 2)
        for column, picture in enumerate(pictures):
            x = left + column * (width + _GAP)
            grid[y : y + height, x : x + width] = _tile(picture, height, width)
    if path is not None:
        write_image(path, grid)
    return grid


def curves(history: Mapping[str, Sequence[tuple[int, float]]], path: str | os.PathLike) -> None:
    """Draws loss curves as a PNG: a panel for each loss, a smoothed line over the faint values.

    The line is a running mean over a twentieth of the values. A panel gets a logarithmic axis if
    all its values are positive and span more than two decades. Values that are not finite are left
    out.

    Args:
        history: Loss name -> pairs (step, value).
        path: The PNG file to write.

    Raises:
        ZooError: No losses, the path is no .png file, or matplotlib is not installed.
    """
    if not history:
        raise ZooError("There are no curves to draw: the history is empty.")
    if os.path.splitext(path)[1].lower() != ".png" or os.path.isdir(path):
        raise ZooError(f"Curves are written to a .png file; received {path}.")
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(3, len(history))
    rows = math.ceil(len(history) / columns)
    figure = Figure(figsize=(4.2 * columns, 2.8 * rows), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for index, (name, pairs) in enumerate(history.items()):
        axes = figure.add_subplot(rows, columns, index + 1)
        values = np.array(pairs, np.float64).reshape(-1, 2)
        values = values[np.isfinite(values).all(axis=1)]
        steps, losses = values.T
        axes.plot(steps, losses, color="C0", alpha=0.25, linewidth=0.8)
        axes.plot(steps, _smooth(losses), color="C0", linewidth=1.6)
        if len(losses) and losses.min() > 0 and losses.max() > 100 * losses.min():
            axes.set_yscale("log")
        axes.set_title(name, fontsize=10)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        if index >= len(history) - columns:
            axes.set_xlabel("step", fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")


def require_matplotlib() -> None:
    """Raises ZooError if the package that draws curves is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ZooError("Loss curves need matplotlib: pip install 'face-gan-zoo[plots]'.")


def _smooth(values: np.ndarray) -> np.ndarray:
    """Running mean over a twentieth of the values; at the ends over those that exist."""
    reach = len(values) // 40
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first = np.maximum(np.arange(len(values)) - reach, 0)
    last = np.minimum(np.arange(len(values)) + reach + 1, len(values))
    return (sums[last] - sums[first]) / np.maximum(last - first, 1)


def _check_grid(
    rows: Sequence[Sequence[np.ndarray]],
    column_titles: Sequence[str],
    row_titles: Sequence[str] | None,
) -> None:
    if not rows or not rows[0]:
        raise ZooError("The grid has no pictures.")
    for number, row in enumerate(rows):
        if len(row) != len(column_titles):
            raise ZooError(
                f"Row {number} has {len(row)} pictures, but there are "
                f"{len(column_titles)} column titles."
            )
    if row_titles is not None and len(row_titles) != len(rows):
        raise ZooError(f"There are {len(rows)} rows, but {len(row_titles)} row titles.")


def _tile(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Fits a picture into (height, width, 3) uint8, centred on white."""
    flat = picture.ndim == 2 or picture.shape[2:] == (1,)
    if flat:
        picture = _gray(picture.reshape(picture.shape[:2]))
    elif picture.dtype != np.uint8 or picture.shape[2:] != (3,):
        raise ZooError(
            "A picture of a grid must be uint8 (H, W, 3), or (H, W) or (H, W, 1); "
            f"received {picture.dtype} {picture.shape}."
        )
    factor = min(height / picture.shape[0], width / picture.shape[1])
    h, w = (max(1, round(side * factor)) for side in picture.shape[:2])
    grows = cv2.INTER_NEAREST if flat else cv2.INTER_LANCZOS4
    method = grows if factor >= 1 else cv2.INTER_AREA
    fitted = cv2.resize(np.ascontiguousarray(picture), (w, h), interpolation=method)
    tile = np.full((height, width, 3), 255, np.uint8)
    y, x = (height - h) // 2, (width - w) // 2
    tile[y : y + h, x : x + w] = fitted if fitted.ndim == 3 else fitted[..., None]
    return tile


def _gray(picture: np.ndarray) -> np.ndarray:
    """Brings a flat picture to uint8 in 0..255."""
    if picture.dtype == np.uint8 and picture.max(initial=0) > 1:
        return picture
    values = picture.astype(np.float32)
    if not ((values >= 0) & (values <= 1)).all():
        raise ZooError(
            "A flat picture of a grid must be uint8, or bool or float in [0, 1]; received "
            f"{picture.dtype} between {picture.min()} and {picture.max()}."
        )
    return np.rint(255 * values).astype(np.uint8)


def _text_width(text: str) -> int:
    return cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)[0][0]


def _wrap(title: str, width: int) -> list[str]:
    """Breaks a title between words into lines that fit into `width` pixels."""
    lines = [""]
    for word in title.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _text_width(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _write(grid: np.ndarray, text: str, x: float, y: float) -> None:
    cv2.putText(grid, text, (round(x), round(y)), _FONT, _FONT_SCALE, _INK, 1, cv2.LINE_AA)
