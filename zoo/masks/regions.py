"""Context Encoder's masks away from the centre: overlapping blocks, and blobs without corners."""

from __future__ import annotations

import numpy as np

from zoo.errors import ZooError
from zoo.masks.shapes import rectangle

_MOST_TRIES = 1000


def random_block(
    height: int,
    width: int,
    rng: np.random.Generator,
    *,
    max_blocks: int = 5,
    min_side: float = 0.125,
    max_side: float = 0.375,
    max_area: float = 0.25,
) -> np.ndarray:
    """Makes several blocks, which may overlap, a hole of up to a quarter of the image.

    Only "several overlapping blocks up to 1/4 of the image" is published; the other numbers are
    ours. A block that would make the hole too large is left out.

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        rng: Source of every random number.
        max_blocks: Number of blocks drawn, uniform in 1..max_blocks.
        min_side: Least height and width of a block as a share of the image's.
        max_side: Greatest height and width as a share of the image's.
        max_area: Greatest share of the hole; at least `max_side` squared.

    Returns:
        (height, width, 1) float32 in {0, 1}; 1 = hole. Never empty.

    Raises:
        ZooError: `max_area` is less than one block may take.
    """
    if not max_side**2 <= max_area <= 1:
        raise ZooError(f"max_area is {max_area}; legal is max_side squared ({max_side**2}) to 1")
    mask = rectangle(height, width, rng, min_side=min_side, max_side=max_side)
    for _ in range(rng.integers(0, max_blocks)):
        block = rectangle(height, width, rng, min_side=min_side, max_side=max_side)
        larger = np.maximum(mask, block)
        if larger.mean() <= max_area:
            mask = larger
    return mask


def random_region(
    height: int,
    width: int,
    rng: np.random.Generator,
    *,
    cell: float = 50 / 3 / 128,
    threshold: float = 0.25,
    min_area: float = 0.2,
    max_area: float = 0.3,
) -> np.ndarray:
    """Makes blobs a hole, as the released code does: smooth noise below a threshold.

    The code enlarges 600 x 600 uniform random numbers to 10,000 x 10,000 pixels by bicubic
    interpolation, cuts windows from it until between 20 and 30 % of one lie below 0.25, and keeps
    that. Its noise is the same everywhere, so only the random numbers under one window are drawn
    here, 50 / 3 pixels apart and at a random offset to the window, and drawn anew for the next
    window: the same distribution of windows without the 400 MB. Distances are measured at 128
    pixels and scaled with the root of the image area; the code does not scale them.

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        rng: Source of every random number.
        cell: Distance of the random numbers as a share of the root of the image area.
        threshold: Of the interpolated noise, which is mostly within [0, 1]; below it is hole.
        min_area: The hole's share is greater than this.
        max_area: The hole's share is less than this.

    Returns:
        (height, width, 1) float32 in {0, 1}; 1 = hole. Never empty.

    Raises:
        ZooError: no window has such a share of hole, as in a picture of a few pixels.
    """
    distance = cell * np.sqrt(height * width)
    for _ in range(_MOST_TRIES):
        rows, columns = (_bicubic(side, distance, rng.random()) for side in (height, width))
        noise = rng.random((rows.shape[1], columns.shape[1]))
        mask = rows @ noise @ columns.T < threshold
        if min_area < mask.mean() < max_area:
            return mask[..., None].astype(np.float32)
    raise ZooError(
        f"no hole of more than {min_area} and less than {max_area} of {height} x {width} pixels "
        f"in {_MOST_TRIES} tries"
    )


def _bicubic(side: int, distance: float, offset: float) -> np.ndarray:
    """Weights (side, nodes) that interpolate between nodes `distance` pixels apart (Catmull-Rom).

    Pixel 0 lies `offset` of the distance behind node 1.
    """
    position = np.arange(side) / distance + 1 + offset
    nodes = np.arange(int(position[-1]) + 3)
    x = np.abs(position[:, None] - nodes)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
