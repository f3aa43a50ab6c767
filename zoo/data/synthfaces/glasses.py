"""Eyeglasses: rims, bridge and temples as tubes, lenses as fans, fitted to a head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.data.synthfaces.geometry import Head, unit
from zoo.data.synthfaces.mesh import base_mesh
from zoo.data.synthfaces.person import Glasses

_TUBE_SIDES = 7
_RIM_POINTS = 32


@dataclass(frozen=True)
class GlassesMesh:
    """Frame vertices and normals (n, 3), triangles (m, 3), and the two rims (32, 3)."""

    vertices: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray
    rims: tuple[np.ndarray, np.ndarray]


def fit_glasses(glasses: Glasses, head: Head) -> GlassesMesh:
    """Places glasses before the eyes, clear of the nasion, with temples to the ears."""
    left, right = head.eye_centres
    index = base_mesh().landmarks
    middle, height = (left[0] + right[0]) / 2, (left[1] + right[1]) / 2 - 0.035
    plane = max((left[2] + right[2]) / 2 + 0.29, head.vertices[index["nasion"]][2] + 0.05)
    apart = abs(left[0] - right[0]) / 2 + 0.02

    def bent(x: np.ndarray | float) -> np.ndarray | float:
        return plane - 0.22 * (x - middle) ** 2

    tubes, rims = [], []
    for side, ear_name in ((1, "left_ear_top"), (-1, "right_ear_top")):
        turn = np.linspace(0, 2 * np.pi, _RIM_POINTS, endpoint=False)
        c, s = np.cos(turn), np.sin(turn)
        x = glasses.half_width * np.sign(c) * np.abs(c) ** (2 / glasses.exponent)
        y = glasses.half_height * np.sign(s) * np.abs(s) ** (2 / glasses.exponent)
        x, y = middle + side * apart + x, height + y * np.where(s > 0, 1, 1.05)
        rims.append(np.stack([x, y, bent(x)], 1))
        tubes.append(_tube(rims[-1], glasses.radius, closed=True))
        outer = middle + side * (apart + glasses.half_width)
        hinge = np.array([outer, height + glasses.half_height * 0.55, bent(outer)])
        ear = head.vertices[index[ear_name]]
        hook = np.array([ear[0], max(ear[1] + 0.03, hinge[1] - 0.2), ear[2] + 0.05])
        t = np.linspace(0.15, 1, 8)[:, None]
        bow = np.array([0.05 * side, 0, 0]) * np.sin(np.pi * t)
        corner = hinge + [0.035 * side, 0, -0.06]
        temple = np.concatenate([[hinge], [corner], hinge * (1 - t) + hook * t + bow])
        tubes.append(_tube(temple, max(glasses.radius * 0.9, 0.012), closed=False))
    t, half_gap = np.linspace(-1, 1, 9), apart - glasses.half_width
    arch = 1 - t**2
    depth = bent(middle + t * half_gap) + 0.03 * arch
    y = height + glasses.half_height * 0.35 + 0.05 * arch
    bridge = np.stack([middle + t * half_gap * 1.05, y, depth], 1)
    tubes.append(_tube(bridge, glasses.radius, closed=False))
    return _joined(tubes, (rims[0], rims[1]))


def _joined(tubes: list, rims: tuple[np.ndarray, np.ndarray]) -> GlassesMesh:
    starts = np.cumsum([0] + [len(vertices) for vertices, _, _ in tubes[:-1]])
    return GlassesMesh(
        np.concatenate([tube[0] for tube in tubes]).astype(np.float32),
        np.concatenate([tube[1] for tube in tubes]).astype(np.float32),
        np.concatenate([t[2] + s for t, s in zip(tubes, starts, strict=True)]).astype(np.int32),
        rims,
    )


def _tube(line: np.ndarray, radius: float, closed: bool) -> tuple[np.ndarray, ...]:
    """Vertices, normals and triangles of a tube around a polyline (n, 3)."""
    count = len(line)
    if closed:
        along = np.roll(line, -1, 0) - np.roll(line, 1, 0)
    else:
        along = np.gradient(line, axis=0)
    along = unit(along)
    a = unit(np.cross(along, [0, 0, 1.0]) + 1e-6)
    b = np.cross(a, along)
    turn = (np.arange(_TUBE_SIDES) / _TUBE_SIDES * 2 * np.pi)[None, :, None]
    normals = np.cos(turn) * a[:, None] + np.sin(turn) * b[:, None]
    vertices = line[:, None] + radius * normals
    ring = np.arange(count if closed else count - 1)[:, None]
    side = np.arange(_TUBE_SIDES)[None]
    here, there = ring * _TUBE_SIDES, (ring + 1) % count * _TUBE_SIDES
    next_side = (side + 1) % _TUBE_SIDES
    p, q, r, s = here + side, here + next_side, there + side, there + next_side
    triangles = np.stack([np.stack([p, q, r], -1), np.stack([q, s, r], -1)], 2)
    return vertices.reshape(-1, 3), normals.reshape(-1, 3), triangles.reshape(-1, 3)
