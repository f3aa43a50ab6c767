"""Hiding the seam of a completed hole: Poisson refinement, as the demo of GFC does it.

Ours instead of `cv2.seamlessClone`: that one works on a bounding box that it centres by itself,
fails where a hole touches the border, and solves to the end, which pulls the colours of the whole
hole. The demo's few passes mend the neighbourhood of the seam.
"""

from __future__ import annotations

import numpy as np

from zoo import masks
from zoo.errors import ZooError


def poisson(
    image: np.ndarray,
    completed: np.ndarray,
    mask: np.ndarray,
    *,
    iterations: int = 200,
    tolerance: float = 1e-3,
) -> np.ndarray:
    """Fits the filling of a hole to its rim and keeps the filling's gradients.

    Jacobi iterations on the Poisson equation: inside the hole, the differences between neighbours
    shall be those of `completed`; across the seam they shall be nothing. They stop when the largest
    change of a pass is smaller than the one before by a share of less than `tolerance`. The
    demo takes the pixels next to the seam and their gradients from the true image, which nobody has
    whose hole is real.

    Args:
        image: (H, W, 3) uint8 RGB, the known picture.
        completed: (H, W, 3) uint8 RGB, the same with its hole filled.
        mask: (H, W) or (H, W, 1), 1 (or 255, or True) = hole.
        iterations: most passes. Official code: 200.
        tolerance: see above. Official code: 1e-3.

    Returns:
        (H, W, 3) uint8 RGB; pixels outside the hole are those of `image`.

    Raises:
        ZooError: pictures of other shapes or types, or a mask without hole.
    """
    image, completed = np.asarray(image), np.asarray(completed)
    for name, picture in (("image", image), ("completed", completed)):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ZooError(
                f"{name} must be (H, W, 3) uint8 RGB; received {picture.dtype} {picture.shape}"
            )
    if image.shape != completed.shape:
        raise ZooError(f"image is {image.shape}, but completed is {completed.shape}")
    hole = masks.validate(mask, image.shape[:2])[..., 0] > 0

    rows, columns = (np.flatnonzero(hole.any(axis=axis)) for axis in (1, 0))
    part = (  # the hole with its rim
        slice(max(rows[0] - 1, 0), rows[-1] + 2),
        slice(max(columns[0] - 1, 0), columns[-1] + 2),
    )
    values = np.where(hole[..., None], completed, image)[part] / 255.0
    result = image.copy()
    solved = _jacobi(values, hole[part], iterations, tolerance)
    solved = np.clip(solved * 255.0 + 0.5, 0, 255).astype(np.uint8)
    result[part] = np.where(hole[part][..., None], solved, image[part])
    return result


def _jacobi(values: np.ndarray, hole: np.ndarray, iterations: int, tolerance: float):
    """Values (H, W, 3) float64 after the passes; only those in the hole (H, W) change."""
    inside = hole[..., None].astype(float)
    neighbours = _shifted_sum(np.ones_like(inside))  # 2 to 4
    # sum over neighbours in the hole of (own value - neighbour's)
    divergence = values * _shifted_sum(inside) - _shifted_sum(values * inside)
    last = np.finfo(float).max
    for _ in range(iterations):
        update = (_shifted_sum(values) + divergence) / neighbours
        change = np.where(inside > 0, update - values, 0.0)
        largest = np.abs(change).max()
        values = values + change
        if largest == 0 or (last - largest) / last < tolerance:
            break
        last = largest
    return values


def _shifted_sum(x: np.ndarray) -> np.ndarray:
    """Sum of the upper, lower, left and right neighbour; what lies outside counts nothing."""
    padded = np.pad(x, [(1, 1), (1, 1), (0, 0)])
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
