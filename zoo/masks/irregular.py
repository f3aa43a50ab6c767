"""Irregular holes: Partial Convolution's shapes, DeepFill v2's Algorithm 1, and mixtures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from zoo.errors import ZooError

BUCKETS = ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))
"""The six shares of hole by which Partial Convolution groups its test masks (above, up to)."""

_MOST_TRIES = 1000
_THINNEST, _THICKEST = 3 / 1024, 0.03  # of height + width; the port's 3 pixels at 512, and 3 %


def irregular(
    height: int,
    width: int,
    rng: np.random.Generator,
    *,
    most: int = 20,
    bucket: tuple[float, float] | None = None,
) -> np.ndarray:
    """Draws lines, discs and ellipses, as the Keras port of Partial Convolution does.

    The paper's own masks come from films and cannot be drawn. The shapes are up to 3 % of height +
    width thick, and at least 3 pixels at 512; the port does not scale the latter. Two fifths of its
    masks are more than 0.3 hole, almost none more than 0.5, so with a bucket the number of shapes
    varies more: every try draws its `most` anew, uniform in 1..3 `most` (ours).

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        rng: Source of every random number.
        most: Number of lines, of discs and of ellipses, each uniform in 1..most. The port: 20.
        bucket: Legal shares of hole, more than the first and up to the second, such as one of
            `BUCKETS`; masks are drawn until one fits. None accepts any.

    Returns:
        (height, width, 1) float32 in {0, 1}; 1 = hole. Never empty.

    Raises:
        ZooError: `bucket` is no interval within 0 to 1, or no mask falls into it.
    """
    if bucket is None:
        return _shapes(height, width, rng, most)
    low, high = bucket
    if not 0 <= low < high <= 1:
        raise ZooError(f"bucket is {bucket}; legal are two shares, 0 <= low < high <= 1")
    for _ in range(_MOST_TRIES):
        mask = _shapes(height, width, rng, int(rng.integers(1, 3 * most + 1)))
        if low < mask.mean(dtype=np.float64) <= high:
            return mask
    raise ZooError(
        f"no hole of more than {low} and up to {high} of {height} x {width} pixels in "
        f"{_MOST_TRIES} tries; more shapes (most={most}) make larger holes"
    )


def free_form_strokes(
    height: int,
    width: int,
    rng: np.random.Generator,
    *,
    max_strokes: int = 5,
    max_vertex: int = 20,
    max_length: float = 100.0,
    brush_width: tuple[float, float] = (10.0, 24.0),
    max_angle: float = 360.0,
) -> np.ndarray:
    """Draws strokes by Algorithm 1 of DeepFill v2's paper; `brush` is what its code does.

    The paper prints no numbers; the defaults are those of ports at 256 pixels, and lengths and
    widths are scaled with the root of the image area. The number of strokes is ours: ports draw up
    to 15, which makes half of the image a hole on average; 5 make more than a quarter.

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        rng: Source of every random number.
        max_strokes: Number of strokes, uniform in 1..max_strokes. The algorithm is one stroke.
        max_vertex: Segments of a stroke, uniform in 1..max_vertex.
        max_length: Length of a segment, uniform in [0, max_length), pixels at 256.
        brush_width: Least and greatest width of a segment, pixels at 256. The algorithm starts at
            0.
        max_angle: Heading of a segment, uniform in [0, max_angle) degrees and reversed at every
            other one.

    Returns:
        (height, width, 1) float32 in {0, 1}; 1 = hole. Never empty.
    """
    mask = np.zeros((height, width), np.uint8)
    scale = np.sqrt(height * width) / 256
    for _ in range(rng.integers(1, max_strokes + 1)):
        x, y = rng.uniform(0, (width, height)).tolist()
        segments = int(rng.integers(1, max_vertex + 1))
        angles = np.deg2rad(rng.uniform(0, max_angle, segments))
        angles[::2] *= -1
        lengths = rng.uniform(0, max_length, segments) * scale
        steps = np.stack([lengths * np.sin(angles), lengths * np.cos(angles)], axis=1).tolist()
        widths = np.maximum(1, np.rint(rng.uniform(*brush_width, segments) * scale)).astype(int)
        for (dx, dy), thickness in zip(steps, widths.tolist(), strict=True):
            start = int(x), int(y)
            x = min(max(x + dx, 0.0), width - 1.0)  # else most strokes would walk away
            y = min(max(y + dy, 0.0), height - 1.0)
            end = int(x), int(y)
            cv2.line(mask, start, end, 1, thickness)
            cv2.circle(mask, end, thickness // 2, 1, cv2.FILLED)
    for axis in (0, 1):
        if rng.random() < 0.5:
            mask = np.flip(mask, axis)
    return mask[..., None].astype(np.float32)


def mixture(
    height: int,
    width: int,
    rng: np.random.Generator,
    kinds: Sequence[Callable[..., np.ndarray]],
    weights: Sequence[float] | None = None,
) -> np.ndarray:
    """Draws a mask of a kind chosen at random.

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        rng: Source of every random number.
        kinds: Mask generators, called with (height, width, rng); `functools.partial` sets options.
        weights: How often each kind is chosen, in any unit; None = equally often.

    Returns:
        (height, width, 1) float32 in {0, 1}; 1 = hole.

    Raises:
        ZooError: No kinds, another number of weights, or weights that are negative, not finite or
            all 0.
    """
    shares = np.ones(len(kinds)) if weights is None else np.asarray(weights, np.float64)
    if not len(kinds) or shares.shape != (len(kinds),):
        raise ZooError(
            f"a mixture needs one weight per kind; received {len(kinds)} kinds and "
            f"weights {weights}"
        )
    if not np.isfinite(shares).all() or (shares < 0).any() or not shares.any():
        raise ZooError(f"weights are {weights}; legal are numbers from 0, not all 0")
    return kinds[rng.choice(len(kinds), p=shares / shares.sum())](height, width, rng)


def _shapes(height: int, width: int, rng: np.random.Generator, most: int) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    thinnest = max(1, round(_THINNEST * (height + width)))
    thickest = max(thinnest, int(_THICKEST * (height + width)))

    def point() -> tuple[int, int]:
        return int(rng.integers(width)), int(rng.integers(height))

    def thickness() -> int:
        return int(rng.integers(thinnest, thickest + 1))

    for _ in range(rng.integers(1, most + 1)):
        cv2.line(mask, point(), point(), 1, thickness())
    for _ in range(rng.integers(1, most + 1)):
        cv2.circle(mask, point(), thickness(), 1, cv2.FILLED)
    for _ in range(rng.integers(1, most + 1)):
        rotation, start, end = rng.integers(3, 181, 3).tolist()  # degrees; an arc, not all round
        cv2.ellipse(mask, point(), point(), rotation, start, end, 1, thickness())
    return mask[..., None].astype(np.float32)
