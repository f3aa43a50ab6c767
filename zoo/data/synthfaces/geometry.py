"""From shape and expression to a posed head: morphs, normals, ambient occlusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit

from zoo.data.synthfaces.mesh import base_mesh
from zoo.data.synthfaces.raster import FAR, rasterize_depth

EYE_DISTANCE = 0.616
"""Distance of the eye centres of the base head."""

EYE_HEIGHT, EYE_DEPTH = 7.29, 1.245
"""Where a normalised head has the middle between its eyes (its x is 0)."""

_AO_DIRECTIONS = 26
_AO_RESOLUTION = 128
_AO_CENTRE = np.array([0, 7.1, 0.5], np.float32)
_AO_EXTENT = 3.2  # half side of the depth maps
_AO_BIAS = 0.03


@dataclass(frozen=True)
class Expression:
    """Weights of the face units: 0 is at rest.

    Attributes:
        smile: 0 to 1.2.
        mouth_open: 0 (closed, lips slightly pressed) to about .6.
        lids: positive opens the eyes wider, negative lowers the upper lids; about -.5 to .5.
    """

    smile: float = 0.0
    mouth_open: float = 0.0
    lids: float = 0.0


@dataclass(frozen=True)
class HeadShape:
    """A head without expression, not yet normalised."""

    vertices: np.ndarray
    eye_middle: np.ndarray
    scale: float


@dataclass(frozen=True)
class Head:
    """A normalised head with an expression, before it is turned.

    Attributes:
        vertices: (n, 3) float32.
        normals: (n, 3) float32.
    """

    vertices: np.ndarray
    normals: np.ndarray

    @property
    def eye_centres(self) -> np.ndarray:
        """(2, 3) float32, the subject's left eye first."""
        return np.stack([self.vertices[eye].mean(0) for eye in base_mesh().eyes])


def morph(vertices: np.ndarray, weights: Mapping[str, float]) -> np.ndarray:
    """Returns vertices moved by weighted targets of the base mesh."""
    moved = vertices.copy()
    for name, weight in weights.items():
        if weight:
            indices, offsets = base_mesh().targets[name]
            moved[indices] += np.float32(weight) * offsets
    return moved


def head_shape(weights: Mapping[str, float]) -> HeadShape:
    """Shapes the base head. Half of the variation in size is kept (exponent .5)."""
    mesh = base_mesh()
    vertices = morph(mesh.vertices, weights)
    left, right = (vertices[eye].mean(0) for eye in mesh.eyes)
    scale = (EYE_DISTANCE / np.linalg.norm(left - right)) ** 0.5
    return HeadShape(vertices, (left + right) / 2, scale)


def pose_head(shape: HeadShape, expression: Expression) -> Head:
    """Applies an expression and normalises position and size."""
    mesh = base_mesh()
    vertices = morph(shape.vertices, _face_units(expression))
    vertices = (vertices - shape.eye_middle) * shape.scale
    vertices += np.array([0, EYE_HEIGHT, 0], np.float32)
    vertices[:, 2] += EYE_DEPTH - np.mean([vertices[eye].mean(0)[2] for eye in mesh.eyes])
    vertices = vertices.astype(np.float32)
    return Head(vertices, vertex_normals(vertices, mesh.triangles))


def _face_units(expression: Expression) -> dict[str, float]:
    smile, mouth_open, lids = expression.smile, expression.mouth_open, expression.lids
    upper_lip = 0.5 * mouth_open + 0.65 * smile * (mouth_open > 0.05)
    units = {"fu/jawOpen": 0.55 * mouth_open}
    for side in ("Left", "Right"):
        units[f"fu/mouthSmile{side}"] = 0.85 * smile
        units[f"fu/cheekSquint{side}"] = 0.35 * smile
        units[f"fu/mouthUpperUp{side}"] = upper_lip
        units[f"fu/mouthLowerDown{side}"] = 0.25 * mouth_open
        units[f"fu/eyeWide{side}"] = lids * 1.4
        units[f"fu/eyeSquint{side}"] = max(-lids, 0.0) * 0.4 + 0.18 * smile
    if mouth_open == 0:
        units["fu/mouthPressLeft"], units["fu/mouthPressRight"] = 0.15, 0.10
    return units


@njit(cache=True)
def vertex_normals(vertices, triangles):
    """Area-weighted unit normals: float32 (n, 3)."""
    normals = np.zeros_like(vertices)
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ux, uy, uz = (
            vertices[b, 0] - vertices[a, 0],
            vertices[b, 1] - vertices[a, 1],
            vertices[b, 2] - vertices[a, 2],
        )
        vx, vy, vz = (
            vertices[c, 0] - vertices[a, 0],
            vertices[c, 1] - vertices[a, 1],
            vertices[c, 2] - vertices[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
    for i in range(normals.shape[0]):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-12
        for k in range(3):
            normals[i, k] /= length
    return normals


def light_basis(direction: np.ndarray) -> np.ndarray:
    """Rows: two axes across the light and the unit direction to it; float32 (3, 3)."""
    direction = direction / np.linalg.norm(direction)
    across = np.cross([0, 1, 0], direction)
    if np.linalg.norm(across) < 1e-3:
        across = np.array([1.0, 0, 0])
    across = across / np.linalg.norm(across)
    return np.stack([across, np.cross(direction, across), direction]).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scales vectors along the last axis to length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


@lru_cache(maxsize=1)
def _sky_bases() -> list[np.ndarray]:
    """`light_basis` of directions on a Fibonacci spiral around the sphere."""
    i = np.arange(_AO_DIRECTIONS) + 0.5
    polar, turn = np.arccos(1 - 2 * i / _AO_DIRECTIONS), np.pi * (1 + 5**0.5) * i
    directions = [np.cos(turn) * np.sin(polar), np.cos(polar), np.sin(turn) * np.sin(polar)]
    return [light_basis(direction) for direction in np.stack(directions, 1)]


def ambient_occlusion(head: Head) -> np.ndarray:
    """Share of the sky that each vertex sees, weighted by the cosine: float32 (n,), 1 = all."""
    seen = np.zeros(len(head.vertices), np.float32)
    total = np.zeros(len(head.vertices), np.float32)
    scale = np.float32(_AO_RESOLUTION / (2 * _AO_EXTENT))
    for basis in _sky_bases():
        cosine = np.maximum(head.normals @ basis[2], 0)
        total += cosine
        points = (head.vertices - _AO_CENTRE) @ basis.T
        points[:, 0] = points[:, 0] * scale + np.float32(_AO_RESOLUTION / 2)
        points[:, 1] = np.float32(_AO_RESOLUTION / 2) - points[:, 1] * scale
        depth = np.full((_AO_RESOLUTION, _AO_RESOLUTION), FAR, np.float32)
        rasterize_depth(points, base_mesh().triangles, True, depth)
        _add_visible(points, depth, cosine, seen)
    return seen / np.maximum(total, 1e-6)


@njit(cache=True)
def _add_visible(points, depth, cosine, seen):
    size = depth.shape[0]
    for i in range(points.shape[0]):
        x, y = int(points[i, 0]), int(points[i, 1])
        if x < 0 or y < 0 or x >= size or y >= size or points[i, 2] > depth[y, x] - _AO_BIAS:
            seen[i] += cosine[i]
