"""SC-FEGAN's masks: hatched free-form strokes, strokes from the eyes, and hair.

The algorithm is the paper's; its four limits (maxDraw, maxLine, maxAngle, maxLength) and its line
width were never published. The defaults are ours: they make holes of about a quarter of the image.
A third party draws 3 lines of 80 to 99 vertices, +-15 degrees, 80 to 99 px long, 15 px wide.

Every length is given in pixels of a 512-pixel image, the paper's size, and scaled by the square
root of the image area, so that the share of the hole hardly depends on the image size.
"""

from __future__ import annotations

import cv2
import numpy as np

from zoo.errors import ZooError

HAIR = 10
"""Class of hair in the parsing map."""

_REFERENCE_SIZE = 512


def free_form(
    height: int,
    width: int,
    rng: np.random.Generator,
    *,
    max_draw: int = 5,
    max_line: int = 80,
    max_angle: float = 20.0,
    max_length: float = 140.0,
    brush_width: float = 24.0,
    eyes: np.ndarray | None = None,
) -> np.ndarray:
    """Draws hatched lines that run back and forth, as a person erases with a brush.

    After each line one extra segment starts at an eye, so that eyes, which a face editor must learn
    best, are erased more often than chance would have it.

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        rng: Source of every random number.
        max_draw: Number of lines, uniform in 1..max_draw.
        max_line: Number of vertices of a line, uniform in 1..max_line.
        max_angle: Deviation of each segment from the line's direction, uniform in +-max_angle
            degrees.
        max_length: Length of a segment, uniform in [0, max_length), in pixels at 512.
        brush_width: Width of all strokes, in pixels at 512.
        eyes: (2, 2) pixels x, y of both eyes in the image; None draws no extra segments.

    Returns:
        (height, width, 1) float32 in {0, 1}; 1 = hole. Never empty.

    Raises:
        ZooError: `eyes` has the wrong shape or is not finite.
    """
    mask = np.zeros((height, width), np.uint8)
    scale = np.sqrt(height * width) / _REFERENCE_SIZE
    thickness = max(1, round(brush_width * scale))
    if eyes is not None:
        eyes = _check_points(eyes, "eyes", 2)
    for _ in range(rng.integers(1, max_draw + 1)):
        start = rng.uniform(0, (width, height))
        vertices = rng.integers(1, max_line + 1)
        angles = rng.uniform(0, 360) + rng.uniform(-max_angle, max_angle, vertices)
        angles[1::2] += 180  # back and forth: hatching
        _draw(mask, start, angles, rng.uniform(0, max_length * scale, vertices), thickness)
        if eyes is not None:
            length = rng.uniform(0, max_length * scale, 1)
            _draw(mask, eyes[rng.integers(2)], rng.uniform(0, 360, 1), length, thickness)
    return mask[..., None].astype(np.float32)


def hair(parsing: np.ndarray, *, dilation: float = 8.0) -> np.ndarray:
    """Makes the hair a hole.

    Args:
        parsing: (H, W) integers; 10 = hair.
        dilation: Distance by which the hole grows beyond the hair, in pixels at 512, so that no
            strand at the edge tells what was there. Ours.

    Returns:
        (H, W, 1) float32 in {0, 1}; 1 = hole. Empty for a bald head.
    """
    if parsing.ndim != 2 or not np.issubdtype(parsing.dtype, np.integer):
        raise ZooError(
            "parsing must be an integer map of shape (H, W); "
            f"received {parsing.dtype} {parsing.shape}."
        )
    mask = (parsing == HAIR).astype(np.uint8)
    radius = round(dilation * np.sqrt(mask.size) / _REFERENCE_SIZE)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask, disc)[..., None].astype(np.float32)


def sc_fegan(
    height: int,
    width: int,
    rng: np.random.Generator,
    landmarks: np.ndarray | None = None,
    parsing: np.ndarray | None = None,
    hair_probability: float = 1 / 3,
    **limits: float,
) -> np.ndarray:
    """Draws a training mask of SC-FEGAN: free-form strokes, eye strokes and, at random, the hair.

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        rng: Source of every random number.
        landmarks: (5, 2) pixels x, y, the two eyes first; None draws no eye strokes.
        parsing: (height, width) integers; 10 = hair. None never adds hair.
        hair_probability: Chance that the hair is added. A third party's value; the paper only says
            that it is random.
        **limits: Limits of `free_form`.

    Returns:
        (height, width, 1) float32 in {0, 1}; 1 = hole. Never empty.

    Raises:
        ZooError: `landmarks` or `parsing` has the wrong shape.
    """
    with_hair = rng.random() < hair_probability
    eyes = None if landmarks is None else _check_points(landmarks, "landmarks", 5)[:2]
    if parsing is not None and parsing.shape != (height, width):
        raise ZooError(f"parsing must have shape {(height, width)}; received {parsing.shape}.")
    mask = free_form(height, width, rng, eyes=eyes, **limits)
    if with_hair and parsing is not None:
        mask = np.maximum(mask, hair(parsing))
    return mask


def _draw(
    mask: np.ndarray,
    start: np.ndarray,
    angles: np.ndarray,
    lengths: np.ndarray,
    thickness: int,
) -> None:
    """Draws a polyline from `start` (x, y); segment i has `angles[i]` degrees and `lengths[i]`."""
    radians = np.deg2rad(angles)
    points = np.empty((len(angles) + 1, 2))
    points[0] = start
    points[1:, 0], points[1:, 1] = lengths * np.sin(radians), lengths * np.cos(radians)
    points = np.floor(np.cumsum(points, axis=0)).astype(np.int32)
    cv2.polylines(mask, [points], False, 1, thickness)


def _check_points(points: np.ndarray, name: str, count: int) -> np.ndarray:
    points = np.asarray(points, np.float64)
    if points.shape != (count, 2) or not np.isfinite(points).all():
        raise ZooError(
            f"{name} must be {count} finite points (x, y), shape ({count}, 2); "
            f"received shape {points.shape}."
        )
    return points
