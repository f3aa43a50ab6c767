"""The base head: triangles, shape targets, UV masks and the vertices of the landmarks.

Units are mesh units (1 = 1 decimetre): x to the subject's left, y up, z towards the camera.
A vertex position of this unmorphed mesh is called canonical. Canonical positions are the material
space: all regions (brows, lips, hairline, neck ...) are functions of them, so that they follow
every shape, expression and pose. The mesh data are MakeHuman's, CC0 (assets/LICENSE-CC0.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

import numpy as np


class Part(IntEnum):
    """What a triangle belongs to. Left and right are the subject's."""

    SKIN = 0
    LEFT_EYE = 1
    RIGHT_EYE = 2
    UPPER_TEETH = 3
    LOWER_TEETH = 4
    TONGUE = 5
    MOUTH_CAVITY = 7
    EYE_SOCKET = 8


_GROUP_PARTS = {
    "body": Part.SKIN,
    "helper-l-eye": Part.LEFT_EYE,
    "helper-r-eye": Part.RIGHT_EYE,
    "helper-upper-teeth": Part.UPPER_TEETH,
    "helper-lower-teeth": Part.LOWER_TEETH,
    "helper-tongue": Part.TONGUE,
}

_MOUTH_INSIDE = (Part.UPPER_TEETH, Part.LOWER_TEETH, Part.TONGUE)

# The skin vertex nearest to each of these canonical points carries the name.
_LANDMARK_POINTS = {
    "nose": (0, 6.94, 1.69),
    "nasion": (0, 7.33, 1.45),
    "left_mouth": (0.2528, 6.6087, 1.4196),
    "right_mouth": (-0.2528, 6.6087, 1.4196),
    "left_ear_top": (0.80, 7.32, 0.50),
    "right_ear_top": (-0.80, 7.32, 0.50),
}


@dataclass(frozen=True)
class LashStrip:
    """Vertices along the root of one row of lashes, ordered by canonical x."""

    eye: int  # 0 the subject's left, 1 right
    upper: bool
    vertices: np.ndarray


@dataclass(frozen=True)
class Mesh:
    """The base head without the lash strips.

    Attributes:
        vertices: (n, 3) float32, canonical positions.
        triangles: (m, 3) int32.
        parts: (m,) int32, a `Part` each.
        uv: (m, 3, 2) float32, texture coordinates of the corners.
        targets: name -> (vertex indices, (k, 3) float32 offsets).
        eyes: vertex indices of the subject's left and right eyeball.
        mouth_inside: vertex indices of teeth and tongue.
        lashes: the four lash strips.
        landmarks: name -> vertex index, left and right are the subject's.
        masks: name -> float32 image in UV space, 0 to 1.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    parts: np.ndarray
    uv: np.ndarray
    targets: Mapping[str, tuple[np.ndarray, np.ndarray]]
    eyes: tuple[np.ndarray, np.ndarray]
    mouth_inside: np.ndarray
    lashes: tuple[LashStrip, ...]
    landmarks: Mapping[str, int]
    masks: Mapping[str, np.ndarray]


@lru_cache(maxsize=1)
def base_mesh() -> Mesh:
    """Loads the base head; the arrays are shared and must not be written to."""
    path = Path(__file__).with_name("assets") / "mesh.npz"
    with np.load(path, allow_pickle=False) as archive:
        data = {key: archive[key] for key in archive.files}
    vertices = data["vertices"]
    all_triangles = data["faces"].astype(np.int32)
    group_names = [str(name) for name in data["group_names"]]
    group = data["face_group"]
    eyes = tuple(
        np.unique(all_triangles[group == group_names.index(f"helper-{side}-eye")]) for side in "lr"
    )
    kept = ~np.isin(group, [i for i, name in enumerate(group_names) if "eyelashes" in name])
    triangles = np.ascontiguousarray(all_triangles[kept])
    uv = data["uv"][data["face_uvs"][kept]]
    parts = np.array([_GROUP_PARTS.get(name, 0) for name in group_names], np.int32)[group[kept]]
    _split_skin(parts, uv)
    return Mesh(
        vertices=vertices,
        triangles=triangles,
        parts=parts,
        uv=uv,
        targets=_targets(data),
        eyes=eyes,
        mouth_inside=np.unique(triangles[np.isin(parts, _MOUTH_INSIDE)]),
        lashes=_lash_strips(vertices, all_triangles, group, group_names, eyes),
        landmarks=_landmarks(vertices, np.unique(triangles[parts == Part.SKIN])),
        masks={k: data[f"{k}_mask"].astype(np.float32) / 255 for k in ("lips", "ears")},
    )


def _split_skin(parts: np.ndarray, uv: np.ndarray) -> None:
    """Two islands of the UV map are the mouth cavity and the eye sockets."""
    u, v = uv[..., 0], uv[..., 1]
    skin = parts == Part.SKIN
    cavity = skin & (v.max(1) < 0.15) & (u.min(1) > 0.7)
    socket = skin & (u.max(1) < 0.17) & (v.min(1) > 0.5) & (v.max(1) < 0.66)
    parts[cavity] = Part.MOUTH_CAVITY
    parts[socket] = Part.EYE_SOCKET


def _targets(data: Mapping[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    # Offsets are stored as thousandths of a unit, which is how they were published.
    offsets = data["target_deltas"].astype(np.float32) / np.float32(1000)
    bounds, indices = data["target_offsets"], data["target_vertices"].astype(np.int32)
    return {
        str(name): (indices[first:last], offsets[first:last])
        for name, first, last in zip(data["target_names"], bounds[:-1], bounds[1:], strict=True)
    }


def _lash_strips(
    vertices: np.ndarray,
    triangles: np.ndarray,
    group: np.ndarray,
    group_names: list[str],
    eyes: tuple[np.ndarray, ...],
) -> tuple[LashStrip, ...]:
    strips = []
    for eye, side in enumerate("lr"):
        centre = vertices[eyes[eye]].mean(0)
        for row in (2, 1):  # the data call the upper lashes 2
            strip = np.unique(
                triangles[group == group_names.index(f"helper-{side}-eyelashes-{row}")]
            )
            radius = np.linalg.norm(vertices[strip] - centre, axis=1)
            root = strip[radius < np.percentile(radius, 45)]
            root = root[np.argsort(vertices[root, 0])]
            strips.append(LashStrip(eye, row == 2, root))
    return tuple(strips)


def _landmarks(vertices: np.ndarray, skin: np.ndarray) -> dict[str, int]:
    return {
        name: int(skin[np.argmin(((vertices[skin] - np.array(point)) ** 2).sum(1))])
        for name, point in _LANDMARK_POINTS.items()
    }
