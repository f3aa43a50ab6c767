"""Turning the head and projecting it: head space -> turned space -> sample grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from zoo.data.synthfaces.geometry import Head
from zoo.data.synthfaces.mesh import base_mesh
from zoo.data.synthfaces.view import View

_PIVOT = np.array([0, 6.95, 0.55], np.float32)
_SIDE = 2.60  # mesh units that fill the image at the depth of the face
_FACE_HEIGHT = 0.615  # where the face is centred, as a share of the image

# Light-CNN's alignment, which TP-GAN uses for Multi-PIE: on 128 pixels the middle between the eyes
# lies in row 40 and column 64, that between the mouth corners 48 rows below it.
_CROP_EYES, _CROP_SPAN = (0.5, 40 / 128), 48 / 128

_NECK_LOW = 5.75  # below this height the body's rotation holds, one unit above it the head's

# Share of the head's turn that the body and the gaze follow: yaw, pitch, roll.
_BODY_SHARE = (0.75, 0.3, 0.3)
_GAZE_SHARE = (0.75, 0.6, 1.0)


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation matrix (3, 3) of angles in degrees: yaw first, then pitch, then roll."""
    (cy, cp, cr), (sy, sp, sr) = (f(np.deg2rad([yaw, pitch, roll])) for f in (np.cos, np.sin))
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    tilt = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return tilt @ nod @ turn


@dataclass(frozen=True)
class Camera:
    """A view of one head on a grid of samples x samples."""

    head_rotation: np.ndarray  # (3, 3) float32
    body_rotation: np.ndarray  # (3, 3) float32
    gaze_rotation: np.ndarray  # (3, 3)
    focal: float  # samples
    depth: float  # of the camera in turned space
    centre: tuple[float, float]  # turned x, y that project to `origin`
    origin: tuple[float, float]  # samples

    def turn(self, points: np.ndarray) -> np.ndarray:
        """Turns float32 points (..., 3) of head space."""
        flat = np.ascontiguousarray(points, np.float32).reshape(-1, 3)
        return _turn(flat, flat[:, 1], self.head_rotation, self.body_rotation, _PIVOT).reshape(
            points.shape
        )

    def turn_directions(self, directions: np.ndarray, heights: np.ndarray) -> np.ndarray:
        """Turns directions (n, 3) of points at `heights` (n,)."""
        flat = np.ascontiguousarray(directions, np.float32)
        return _turn(flat, heights, self.head_rotation, self.body_rotation, np.zeros(3, np.float32))

    def project(self, points: np.ndarray) -> np.ndarray:
        """Turned points (..., 3) to float32 sample x, y (down) and turned z."""
        flat = np.ascontiguousarray(points, np.float32).reshape(-1, 3)
        return _project(
            flat,
            np.float32(self.focal),
            np.float32(self.depth),
            *np.float32([*self.centre, *self.origin]),
        ).reshape(points.shape)


def aim(view: View, head: Head, samples: int) -> Camera:
    """Places the face in the frame.

    Portraits have the mean of eyes and mouth corners at 50%, 61.5%; views of the lab are aligned by
    eyes and mouth corners as a recognition network wants them.
    """
    angles = np.array([view.yaw, view.pitch, view.roll])
    orbit = rotation(view.orbit, 0, 0)
    camera = Camera(
        head_rotation=(orbit @ rotation(*angles)).astype(np.float32),
        body_rotation=(orbit @ rotation(*angles * _BODY_SHARE)).astype(np.float32),
        gaze_rotation=orbit @ rotation(*angles * _GAZE_SHARE),
        focal=samples / _SIDE * view.distance * view.zoom,
        depth=0.0,
        centre=(0.0, 0.0),
        origin=(samples * (0.5 + view.shift[0]), samples * (_FACE_HEIGHT + view.shift[1])),
    )
    landmarks = base_mesh().landmarks
    mouth = head.vertices[[landmarks["left_mouth"], landmarks["right_mouth"]]]
    parts = camera.turn(np.concatenate([head.eye_centres, mouth]))
    x, y, z = parts.mean(0)
    profile = abs(np.sin(np.deg2rad(view.yaw)))
    camera = replace(
        camera,
        depth=view.distance + z * 0.8,
        centre=(x * (1 - 0.45 * profile), y),  # profiles sit centred, too
    )
    return _aligned(camera, head, samples) if view.lab else camera


def _aligned(camera: Camera, head: Head, samples: int) -> Camera:
    """Scales and shifts the picture, so that eyes and mouth lie where `_CROP_*` say."""
    points = landmarks(camera, head)[:, :2]
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    zoom = _CROP_SPAN * samples / (mouth[1] - eyes[1])
    origin = np.array(_CROP_EYES) * samples - (eyes - camera.origin) * zoom
    return replace(camera, focal=camera.focal * zoom, origin=(origin[0], origin[1]))


def landmarks(camera: Camera, head: Head) -> np.ndarray:
    """Sample positions and turned z (5, 3) in the order of LANDMARK_NAMES.

    An eye is marked midway between the edges of its lids.
    """
    mesh = base_mesh()
    edges = [head.vertices[strip.vertices].mean(0) for strip in mesh.lashes]
    left, right = (edges[0] + edges[1]) / 2, (edges[2] + edges[3]) / 2
    index = mesh.landmarks
    rest = head.vertices[[index["nose"], index["right_mouth"], index["left_mouth"]]]
    points = np.stack([right, left, *rest])
    return camera.project(camera.turn(points))


@njit(cache=True)
def _turn(points, heights, head, body, pivot):
    """Rotates about the pivot; the rotation blends from body to head over the neck."""
    out = np.empty_like(points)
    for i in range(points.shape[0]):
        t = min(1.0, max(0.0, heights[i] - _NECK_LOW))
        w = t * t * (3 - 2 * t)
        x, y, z = points[i, 0] - pivot[0], points[i, 1] - pivot[1], points[i, 2] - pivot[2]
        for k in range(3):
            by_head = head[k, 0] * x + head[k, 1] * y + head[k, 2] * z
            by_body = body[k, 0] * x + body[k, 1] * y + body[k, 2] * z
            out[i, k] = by_head * w + (1 - w) * by_body
    return out


@njit(cache=True)
def _project(points, focal, depth, cx, cy, ox, oy):
    out = np.empty_like(points)
    for i in range(points.shape[0]):
        scale = focal / (depth - points[i, 2])
        out[i, 0] = ox + (points[i, 0] - cx) * scale
        out[i, 1] = oy - (points[i, 1] - cy) * scale
        out[i, 2] = points[i, 2]
    return out
