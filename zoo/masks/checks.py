"""The check that a mask from outside passes before it reaches a model."""

from __future__ import annotations

import numpy as np

from zoo.errors import ZooError


def validate(
    mask: np.ndarray, size: tuple[int, int] | None = None, name: str = "mask"
) -> np.ndarray:
    """Checks a mask given by a user and brings it to the package's form.

    Args:
        mask: (H, W) or (H, W, 1); bool, or any number type with values {0, 1} or {0, 255}. Non-zero
            = hole. A mask that is all hole is legal.
        size: (H, W) of the image that it belongs to; None skips that check.
        name: What the error messages call it.

    Returns:
        (H, W, 1) float32 in {0, 1}; 1 = hole.

    Raises:
        ZooError: Wrong shape, more than one channel, wrong size, not-a-number, other values, or no
            hole at all.
    """
    mask = np.asarray(mask)
    if mask.ndim == 3 and mask.shape[2] > 1:
        raise ZooError(
            f"{name} has {mask.shape[2]} channels, shape {mask.shape}; legal: one channel, "
            "(H, W) or (H, W, 1), 1 = hole."
        )
    if mask.ndim not in (2, 3) or mask.size == 0:
        raise ZooError(
            f"{name} must be one picture of shape (H, W) or (H, W, 1); received {mask.shape}."
        )
    if size is not None and mask.shape[:2] != tuple(size):
        raise ZooError(
            f"{name} is {mask.shape[0]} x {mask.shape[1]} (height x width), but the image is "
            f"{size[0]} x {size[1]}."
        )
    if mask.dtype != bool and not np.issubdtype(mask.dtype, np.number):
        raise ZooError(f"{name} must hold bool or numbers; received {mask.dtype}.")
    hole = mask != 0
    if not hole.any():
        raise ZooError(
            f"{name} has no hole: every value is 0. Legal: 1 (or 255) where to complete."
        )
    value = mask[hole][0]
    if not (mask[hole] == value).all() or value not in (1, 255):
        low, high = np.min(mask), np.max(mask)  # NaN if there is one
        raise ZooError(
            f"{name} must hold only 0 and 1, or only 0 and 255, without NaN; received values "
            f"between {low} and {high}."
        )
    return hole.reshape(*mask.shape[:2], 1).astype(np.float32)
