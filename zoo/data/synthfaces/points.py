"""The 68 landmarks of 300-W as points of the mesh: they follow every shape and expression.

A point belongs to the head, also where it is hidden; the jaw is the bone, not the outline that a
camera sees. The order is that of 300-W, from the left of the image: jaw 17, brows 5 + 5, bridge of
the nose 4, its base 5, eyes 6 + 6, outer lips 12, inner lips 8.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from zoo.data.synthfaces.geometry import Head
from zoo.data.synthfaces.mesh import Part, base_mesh
from zoo.data.synthfaces.regions import BrowShape, brow_centre

MIRRORED = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *(27, 28, 29, 30),
        *range(35, 30, -1),
        *(45, 44, 43, 42, 47, 46),
        *(39, 38, 37, 36, 41, 40),
        *range(54, 47, -1),
        *range(59, 54, -1),
        *range(64, 59, -1),
        *range(67, 64, -1),
    ]
)
"""`points[MIRRORED]` of a mirrored picture are in the order of 300-W again."""

# Canonical positions of the side that the image shows left; x is |x|.
_JAW = (
    *((0.72, 7.24, 0.66), (0.71, 7.04, 0.68), (0.69, 6.85, 0.70), (0.66, 6.66, 0.76)),
    *((0.60, 6.49, 0.86), (0.50, 6.36, 0.98), (0.35, 6.26, 1.14), (0.18, 6.19, 1.27)),
)
_CHIN = (0, 6.17, 1.32)
_NOSE_BRIDGE = ((0, 7.30), (0, 7.18), (0, 7.06), (0, 6.94))  # x, y; the last is the tip
_NOSE_BASE = ((0.155, 6.845), (0.078, 6.82), (0, 6.81))
_EYE = (  # outer corner, upper lid, inner corner, lower lid: on the edges of the lids
    *((0.434, 7.282, 1.333), (0.352, 7.329, 1.383), (0.277, 7.323, 1.388)),
    *((0.201, 7.276, 1.374), (0.279, 7.244, 1.388), (0.349, 7.243, 1.386)),
)
_UPPER_LIP = ((0.165, 6.693), (0.075, 6.712), (0, 6.694))
_LOWER_LIP = ((0, 6.495), (0.075, 6.501), (0.165, 6.533))
_MOUTH_CORNER, _INNER_CORNER = (0.2528, 6.6087, 1.4196), (0.2294, 6.6068, 1.4117)
_INNER_UPPER = ((0.129, 6.615, 1.536), (0, 6.608, 1.553))
_INNER_LOWER = ((0, 6.601, 1.540), (0.115, 6.593, 1.517))
_BROW_AT = (0.92, 0.72, 0.5, 0.27, 0.06)  # along the brow, outer end first

_TOLERANCE = 0.06  # mesh units


class Anchors(NamedTuple):
    """68 points as weighted means of three vertices each."""

    vertices: np.ndarray  # (68, 3) int
    weights: np.ndarray  # (68, 3) float32

    def on(self, head: Head) -> np.ndarray:
        """Positions (68, 3) float32 on a head."""
        return (head.vertices[self.vertices] * self.weights[..., None]).sum(1)


def anchors(brow: BrowShape) -> Anchors:
    """Returns the landmarks of a person, whose brows decide where ten of them lie."""
    vertices, weights = (array.copy() for array in _fixed())
    s = np.array(_BROW_AT)
    x = 0.115 + s * (0.43 + brow.length)
    y = np.array([brow_centre(value, brow) for value in s])
    for first, sign in ((17, -1), (22, 1)):
        order = np.s_[::-1] if sign > 0 else np.s_[:]
        vertices[first : first + 5], weights[first : first + 5] = _on_front(
            np.stack([sign * x, y], 1)[order]
        )
    return Anchors(vertices, weights)


@lru_cache(maxsize=1)
def _fixed() -> Anchors:
    """All landmarks but those of the brows, which are zero."""
    vertices, weights = np.zeros((68, 3), np.int64), np.zeros((68, 3), np.float32)

    def put(first: int, points: tuple, on_front: bool = False) -> None:
        place = _on_front if on_front else _nearest
        last = first + len(points)
        vertices[first:last], weights[first:last] = place(np.array(points, float))

    left, right = _mirror, _keep
    put(0, (*left(_JAW), _CHIN, *right(_JAW)[::-1]))
    put(27, (*_NOSE_BRIDGE,), on_front=True)
    put(31, (*left(_NOSE_BASE), *right(_NOSE_BASE[:2])[::-1]), on_front=True)
    put(36, left(_EYE))
    eye = right(_EYE)
    put(42, (eye[3], eye[2], eye[1], eye[0], eye[5], eye[4]))
    put(48, left((_MOUTH_CORNER,)))
    put(49, (*left(_UPPER_LIP), *right(_UPPER_LIP[:2])[::-1]), on_front=True)
    put(54, (_MOUTH_CORNER,))
    put(55, (*right(_LOWER_LIP[1:])[::-1], *left(_LOWER_LIP)), on_front=True)
    put(60, left((_INNER_CORNER, *_INNER_UPPER)))
    put(63, (_INNER_UPPER[0], _INNER_CORNER, _INNER_LOWER[1]))
    put(66, left(_INNER_LOWER))
    return Anchors(vertices, weights)


def _mirror(points: tuple) -> tuple:
    return tuple((-point[0], *point[1:]) for point in points)


def _keep(points: tuple) -> tuple:
    return points


def _nearest(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vertex nearest to each canonical position (n, 3), of skin or of the edge of a lid."""
    mesh = base_mesh()
    skin = np.unique(mesh.triangles[mesh.parts == Part.SKIN])
    candidates = np.concatenate([skin, *(strip.vertices for strip in mesh.lashes)])
    distance = ((mesh.vertices[candidates][None] - points[:, None]) ** 2).sum(-1)
    found = candidates[distance.argmin(1)]
    return np.repeat(found[:, None], 3, 1), np.full((len(points), 3), 1 / 3, np.float32)


def _on_front(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners and weights of the foremost skin at canonical x, y (n, 2)."""
    triangles, corners, inverse = _front_triangles()
    offset = points[:, None] - corners[None, :, 0, :2]  # (n, m, 2)
    w12 = np.einsum("mij,nmj->nmi", inverse, offset)
    weights = np.concatenate([1 - w12.sum(-1, keepdims=True), w12], -1)
    depth = (weights * corners[None, :, :, 2]).sum(-1)
    depth[weights.min(-1) < -1e-6] = -np.inf
    found = depth.argmax(1)
    return triangles[found], weights[np.arange(len(points)), found].astype(np.float32)


@lru_cache(maxsize=1)
def _front_triangles() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Skin that faces forward: vertices (m, 3), positions (m, 3, 3), inverse edges (m, 2, 2)."""
    mesh = base_mesh()
    triangles = mesh.triangles[mesh.parts == Part.SKIN].astype(np.int64)
    corners = mesh.vertices[triangles].astype(float)
    edges = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], -1)[:, :2]
    facing = (np.linalg.det(edges) > 1e-9) & (corners[:, :, 2].mean(1) > 0.6)
    return triangles[facing], corners[facing], np.linalg.inv(edges[facing])


def visible(points: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Which projected points (n, 3) lie in the picture and are not hidden: uint8 (n,).

    Args:
        points: sample x, y and turned z.
        depth: (S, S) float32 z-buffer of what may hide them. A point is hidden if most of 3x3
            samples are nearer by more than what the surface itself may differ.
    """
    size, near = len(depth), np.arange(-1, 2)
    column, row = np.floor(points[:, :2].T).astype(int)
    inside = (column >= 0) & (row >= 0) & (column < size) & (row < size)
    rows = np.clip(row[:, None] + near, 0, size - 1)[:, :, None]
    columns = np.clip(column[:, None] + near, 0, size - 1)[:, None, :]
    hidden = (depth[rows, columns] > points[:, 2, None, None] + _TOLERANCE).sum((1, 2)) > 4
    return (inside & ~hidden).astype(np.uint8)
