"""Triangle and point rasterisation into z-buffers. Screen x right, y down, larger z is nearer."""

from __future__ import annotations

import numpy as np
from numba import njit

FAR = np.float32(-1e9)
"""Empty value of a z-buffer."""

_EDGE = 1e-5  # samples this far outside still count, so that shared edges leave no holes


@njit(cache=True)
def _bounds(points, a, b, c, height, width):
    """First and last column and row whose sample (at .5) may lie in the triangle."""
    x0, x1, x2 = points[a, 0], points[b, 0], points[c, 0]
    y0, y1, y2 = points[a, 1], points[b, 1], points[c, 1]
    left = max(0, int(np.ceil(min(x0, min(x1, x2)) - 0.5)))
    right = min(width - 1, int(np.floor(max(x0, max(x1, x2)) - 0.5)))
    top = max(0, int(np.ceil(min(y0, min(y1, y2)) - 0.5)))
    bottom = min(height - 1, int(np.floor(max(y0, max(y1, y2)) - 0.5)))
    return left, right, top, bottom


@njit(cache=True)
def rasterize(points, triangles, cull, depth, face, weights):
    """Draws triangles with their index and barycentric weights.

    Args:
        points: (n, 3) float32 screen positions.
        triangles: (m, 3) int32.
        cull: skip triangles that face away.
        depth: (H, W) float32 z-buffer, updated.
        face: (H, W) int32, index of the visible triangle, updated.
        weights: (H, W, 2) float32, weights of its second and third corner, updated.
    """
    height, width = depth.shape
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        x0, y0, z0 = points[a, 0], points[a, 1], points[a, 2]
        ux, uy = points[b, 0] - x0, points[b, 1] - y0
        vx, vy = points[c, 0] - x0, points[c, 1] - y0
        area = ux * vy - vx * uy
        if (cull and area >= 0) or abs(area) < 1e-9:  # y down: front faces have area < 0
            continue
        left, right, top, bottom = _bounds(points, a, b, c, height, width)
        inverse = 1.0 / area
        for y in range(top, bottom + 1):
            py = y + 0.5 - y0
            for x in range(left, right + 1):
                px = x + 0.5 - x0
                w1 = (px * vy - vx * py) * inverse
                w2 = (ux * py - px * uy) * inverse
                w0 = 1 - w1 - w2
                if w0 < -_EDGE or w1 < -_EDGE or w2 < -_EDGE:
                    continue
                z = w0 * z0 + w1 * points[b, 2] + w2 * points[c, 2]
                if z > depth[y, x]:
                    depth[y, x] = z
                    face[y, x] = f
                    weights[y, x, 0] = w1
                    weights[y, x, 1] = w2


@njit(cache=True)
def rasterize_depth(points, triangles, cull, depth):
    """Draws triangles, with `cull` those that face the viewer, into the z-buffer (H, W) only."""
    height, width = depth.shape
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        x0, y0, z0 = points[a, 0], points[a, 1], points[a, 2]
        ux, uy = points[b, 0] - x0, points[b, 1] - y0
        vx, vy = points[c, 0] - x0, points[c, 1] - y0
        area = ux * vy - vx * uy
        if (cull and area >= 0) or abs(area) < 1e-9:
            continue
        left, right, top, bottom = _bounds(points, a, b, c, height, width)
        inverse = 1.0 / area
        for y in range(top, bottom + 1):
            py = y + 0.5 - y0
            for x in range(left, right + 1):
                px = x + 0.5 - x0
                w1 = (px * vy - vx * py) * inverse
                w2 = (ux * py - px * uy) * inverse
                w0 = 1 - w1 - w2
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                z = w0 * z0 + w1 * points[b, 2] + w2 * points[c, 2]
                if z > depth[y, x]:
                    depth[y, x] = z


@njit(cache=True)
def splat_depth(points, side, depth):
    """Raises the z-buffer at every point (n, 3) over a square of `side` pixels."""
    size = depth.shape[0]
    for i in range(points.shape[0]):
        x, y = int(points[i, 0]), int(points[i, 1])
        for dy in range(side):
            for dx in range(side):
                if 0 <= x + dx < size and 0 <= y + dy < size:
                    if points[i, 2] > depth[y + dy, x + dx]:
                        depth[y + dy, x + dx] = points[i, 2]
