"""The skin atlas: where each texel lies on the head, and what does not depend on the person.

The atlas is cylindrical: the column is the angle around a vertical axis, the row the height. Of
all surfaces at one place the outermost counts. Everything here is a function of the canonical
position, computed once per atlas size.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from zoo.data.synthfaces.mesh import Mesh, Part, base_mesh
from zoo.data.synthfaces.raster import FAR, rasterize

TOP, BOTTOM = 8.62, 5.5
"""Canonical heights of the upper and lower edge."""

AXIS_Z = 0.45
"""Canonical depth of the cylinder axis (its x is 0)."""


class AtlasMaps(NamedTuple):
    """float32 maps (H, W) unless stated; the tints are amounts for `bake`."""

    x: np.ndarray  # canonical position, as the next two
    y: np.ndarray
    z: np.ndarray
    lips: np.ndarray  # soft mask
    lips_label: np.ndarray  # uint8 mask
    ears: np.ndarray  # soft mask
    blood: np.ndarray  # where skin is redder
    forehead: np.ndarray  # paler zone
    eye_bags: np.ndarray
    sockets: np.ndarray
    freckles: np.ndarray  # where freckles occur
    nostrils: np.ndarray
    lid_line: np.ndarray
    gloss: np.ndarray  # where oily skin shines
    smooth: np.ndarray  # where oily skin is smoother


@lru_cache(maxsize=2)
def atlas_maps(height: int, width: int) -> AtlasMaps:
    """Returns the maps of an atlas of a size; the arrays must not be written to."""
    mesh = base_mesh()
    position, uv = _unwrap(mesh, height, width)
    x, y, z = np.abs(position[..., 0]), position[..., 1], position[..., 2]
    front = z > 0.6

    def spot(cx: float, cy: float, sx: float, sy: float) -> np.ndarray:
        return np.exp(-(((x - cx) / sx) ** 2) - ((y - cy) / sy) ** 2) * front

    lips_raw = _look_up(mesh.masks["lips"], uv)
    ears = _smoothstep(0.3, 0.7, _look_up(mesh.masks["ears"], uv))
    nose_wing = np.exp(-(((x - 0.075) / 0.045) ** 2) - ((y - 6.845) / 0.03) ** 2)
    opening = np.hypot((x - 0.318) / 0.158, (y - 7.288) / 0.062)  # ellipse around the eye
    lid_line = np.exp(-(((opening - 1) / 0.16) ** 2)) * np.where(y > 7.285, 1.0, 0.22)
    maps = {
        "x": position[..., 0],
        "y": y,
        "z": z,
        "lips": _smoothstep(0.35, 0.65, lips_raw) * (z > 0.9),
        "ears": ears,
        "blood": 0.55 * spot(0.36, 6.98, 0.20, 0.17)
        + 0.45 * spot(0, 6.92, 0.13, 0.10)
        + 0.12 * spot(0, 6.25, 0.2, 0.12)
        + 0.5 * ears
        + 0.20 * spot(0.31, 7.17, 0.17, 0.07)
        + 0.05 * spot(0, 7.8, 0.5, 0.2),
        "forehead": 0.06 * spot(0, 7.75, 0.35, 0.2),
        "eye_bags": spot(0.29, 7.15, 0.15, 0.055),
        "sockets": spot(0.32, 7.37, 0.17, 0.06),
        "freckles": spot(0.3, 7.0, 0.34, 0.26) + 0.7 * spot(0, 7.05, 0.2, 0.2) + 0.2 * (z > 0.9),
        "nostrils": nose_wing * (z > 1.3),
        "lid_line": lid_line * (z > 1) * 0.8,
        "gloss": spot(0, 7.0, 0.14, 0.25)
        + spot(0, 7.8, 0.3, 0.2)
        + 0.6 * spot(0.38, 7.05, 0.14, 0.12)
        + 0.5 * spot(0, 6.28, 0.15, 0.1),
        "smooth": spot(0, 7.0, 0.14, 0.25),
    }
    return AtlasMaps(
        lips_label=((lips_raw > 0.5) & (z > 0.9)).astype(np.uint8),
        **{name: np.ascontiguousarray(value, np.float32) for name, value in maps.items()},
    )


def _smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _unwrap(mesh: Mesh, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Canonical position (H, W, 3) and texture coordinates (H, W, 2) of each texel."""
    x, y, z = mesh.vertices.T
    angle, radius = np.arctan2(x, z - AXIS_Z), np.hypot(x, z - AXIS_Z)
    corners = angle[mesh.triangles]
    across_seam = np.ptp(corners, axis=1) > np.pi  # the seam is at the back
    skin = mesh.parts == Part.SKIN
    depth = np.full((height, width), FAR, np.float32)
    face = np.full((height, width), -1, np.int32)
    weights = np.zeros((height, width, 2), np.float32)
    unrolled = np.where(angle < 0, angle + 2 * np.pi, angle)
    passes = (
        (angle, skin & ~across_seam, 0),
        (unrolled, skin & across_seam, 0),
        (unrolled, skin & across_seam, -width),
    )
    for angles, selected, shift in passes:
        columns = (angles / (2 * np.pi) + 0.5) * width + shift
        rows = (TOP - y) / (TOP - BOTTOM) * height
        points = np.stack([columns, rows, radius], 1).astype(np.float32)
        triangles = mesh.triangles.copy()
        triangles[~selected] = 0  # degenerate, not drawn; keeps the indices
        rasterize(points, triangles, False, depth, face, weights)
    nearest = ndimage.distance_transform_edt(face < 0, return_distances=False, return_indices=True)
    face, weights = face[tuple(nearest)], weights[tuple(nearest)]
    corner = np.stack([1 - weights.sum(-1), weights[..., 0], weights[..., 1]], -1)[..., None]
    position = (mesh.vertices[mesh.triangles[face]] * corner).sum(2).astype(np.float32)
    return position, (mesh.uv[face] * corner).sum(2)


def _look_up(mask: np.ndarray, uv: np.ndarray) -> np.ndarray:
    rows = (1 - uv[..., 1]) * mask.shape[0] - 0.5
    columns = uv[..., 0] * mask.shape[1] - 0.5
    return ndimage.map_coordinates(mask, [rows, columns], order=1)
