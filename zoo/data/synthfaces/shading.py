"""Light on skin, eyes and mouth, per sample of the supersampled grid, in linear RGB.

Inner functions take scalars and tuples: array arguments would be reference-counted per call.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from zoo.data.synthfaces.atlas import AXIS_Z, BOTTOM, TOP
from zoo.data.synthfaces.bake import Texture
from zoo.data.synthfaces.mesh import Part
from zoo.data.synthfaces.noise import value_noise
from zoo.data.synthfaces.regions import is_neck, smoothstep

Color = tuple[float, float, float]

_SKIN, _SOCKET = int(Part.SKIN), int(Part.EYE_SOCKET)
_LEFT_EYE, _RIGHT_EYE = int(Part.LEFT_EYE), int(Part.RIGHT_EYE)
_UPPER_TEETH, _LOWER_TEETH, _TONGUE = (
    int(Part.UPPER_TEETH),
    int(Part.LOWER_TEETH),
    int(Part.TONGUE),
)
_LABEL_SKIN, _LABEL_LEFT_EYE, _LABEL_RIGHT_EYE = 1, 4, 5
_LABEL_MOUTH, _LABEL_NECK, _LABEL_CLOTHES = 8, 12, 13

_F0 = 0.028  # reflectance of skin and eyes at normal incidence
_IRIS_ANGLE = 0.49  # radians around the gaze
_TEETH_SHADE = 0.95
_TEETH_LIGHT = 0.85  # least share of ambient and key light: shaded teeth look like a dark hole
_SKIN_WRAP, _CLOTH_WRAP = (0.30, 0.14, 0.09), (0.02, 0.02, 0.02)
_EYE_WRAP = (0.35, 0.30, 0.28)

_SHADOW_BIAS, _SHADOW_RAMP, _SHADOW_STEP = 0.035, 0.08, 1.5


class Light(NamedTuple):
    """A key light, a light from behind and a dome of three colours."""

    direction: Color  # unit vector to the key light
    color: Color
    rim_direction: Color
    rim_color: Color
    sky: Color
    horizon: Color
    ground: Color
    ambient: float
    softness: float  # of the key light: how far it wraps around what it shines on, 1 = wide


class Geometry(NamedTuple):
    """Turned vertices with what is interpolated over triangles; float32 (n, 3) unless stated."""

    triangles: np.ndarray  # (m, 3) int32
    parts: np.ndarray  # (m,) int32
    canonical: np.ndarray
    turned: np.ndarray
    normals: np.ndarray
    lit: np.ndarray  # position in the shadow map
    occlusion: np.ndarray  # (n,)


class Eyes(NamedTuple):
    centres: np.ndarray  # (2, 3) float32, turned
    gaze: np.ndarray  # (2, 3) float32, unit vectors
    outer: Color  # of the iris
    inner: Color
    pupil: float


class Canvas(NamedTuple):
    """The sample grid (S, S)."""

    depth: np.ndarray  # float32
    face: np.ndarray  # int32, index of the triangle or -1
    weights: np.ndarray  # (S, S, 2) float32
    color: np.ndarray  # (S, S, 3) float32
    label: np.ndarray  # uint8


class _Surface(NamedTuple):
    color: Color
    normal: Color
    gloss_normal: Color
    specular: float
    roughness: float
    wrap: Color
    occlusion: float
    shadow_red: float  # exponent of the shadow in the red channel: light bleeds through skin


@njit(cache=True)
def dome(light, ny):
    """Colour of the sky dome around a direction of height `ny`."""
    pole = light.sky if ny > 0 else light.ground
    t = abs(ny)
    return (
        light.horizon[0] * (1 - t) + pole[0] * t,
        light.horizon[1] * (1 - t) + pole[1] * t,
        light.horizon[2] * (1 - t) + pole[2] * t,
    )


@njit(cache=True)
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(cache=True)
def _unit(x, y, z):
    scale = 1 / np.sqrt(x * x + y * y + z * z + 1e-12)
    return x * scale, y * scale, z * scale


@njit(cache=True, inline="always")
def _blend(values, a, b, c, w0, w1, w2):
    """Barycentric mean of three rows of an (n, 3) array."""
    return (
        w0 * values[a, 0] + w1 * values[b, 0] + w2 * values[c, 0],
        w0 * values[a, 1] + w1 * values[b, 1] + w2 * values[c, 1],
        w0 * values[a, 2] + w1 * values[b, 2] + w2 * values[c, 2],
    )


@njit(cache=True)
def shade(geometry: Geometry, texture: Texture, eyes: Eyes, light: Light, shadow, camera_z, canvas):
    """Colours and labels every sample that shows a triangle and has no label yet.

    Args:
        geometry: the turned head.
        texture: its skin.
        eyes: where they are and look.
        light: all lights.
        shadow: (N, N) float32 depth map seen from the key light.
        camera_z: turned z of the camera.
        canvas: rasterised; `color` and `label` are written.
    """
    for row in range(canvas.face.shape[0]):
        for column in range(canvas.face.shape[1]):
            f = canvas.face[row, column]
            if f < 0 or canvas.label[row, column] != 0:
                continue
            w1, w2 = canvas.weights[row, column, 0], canvas.weights[row, column, 1]
            w0 = 1 - w1 - w2
            tri = geometry.triangles
            a, b, c, part = tri[f, 0], tri[f, 1], tri[f, 2], geometry.parts[f]
            normal = _blend(geometry.normals, a, b, c, w0, w1, w2)
            normal = _unit(normal[0], normal[1], normal[2])
            canonical = _blend(geometry.canonical, a, b, c, w0, w1, w2)
            point = _blend(geometry.turned, a, b, c, w0, w1, w2)
            lit = _blend(geometry.lit, a, b, c, w0, w1, w2)
            occlusion = (
                w0 * geometry.occlusion[a] + w1 * geometry.occlusion[b] + w2 * geometry.occlusion[c]
            )
            label = _LABEL_MOUTH
            if part == _SKIN or part == _SOCKET:
                surface, label = _skin(texture, canonical, normal, occlusion, part)
            elif part == _LEFT_EYE or part == _RIGHT_EYE:
                e = part - _LEFT_EYE
                label = _LABEL_RIGHT_EYE if e == 0 else _LABEL_LEFT_EYE  # as seen in the image
                centre = (eyes.centres[e, 0], eyes.centres[e, 1], eyes.centres[e, 2])
                gaze = (eyes.gaze[e, 0], eyes.gaze[e, 1], eyes.gaze[e, 2])
                out = _unit(point[0] - centre[0], point[1] - centre[1], point[2] - centre[2])
                iris = (eyes.outer, eyes.inner)
                surface = _eye(e, out, gaze, canonical, light, iris, eyes.pupil, occlusion)
            else:
                surface = _mouth(part, canonical, normal, occlusion)
            visible = 0.0
            if _dot(surface.normal, light.direction) > -0.35:
                visible = _lit_share(shadow, lit[0], lit[1], lit[2])
            if part == _UPPER_TEETH or part == _LOWER_TEETH:
                visible = max(visible, _TEETH_LIGHT)
            view = _unit(-point[0], -point[1], camera_z - point[2])
            color = _light_up(surface, light, view, visible)
            for k in range(3):
                canvas.color[row, column, k] = color[k]
            canvas.label[row, column] = label


@njit(cache=True, inline="always")
def _skin(texture, canonical, normal, occlusion, part):
    """Looks up the atlas: bilinear colour, nearest rest; returns the surface and the label."""
    rows, columns = texture.label.shape
    x, y, z = canonical
    u = (np.arctan2(x, z - AXIS_Z) / (2 * np.pi) + 0.5) * columns - 0.5
    v = (TOP - y) / (TOP - BOTTOM) * rows - 0.5
    i, j = int(np.floor(u)), int(np.floor(v))
    fu, fv = u - i, v - j
    i0, i1 = i % columns, (i + 1) % columns
    j0, j1 = min(max(j, 0), rows - 1), min(max(j + 1, 0), rows - 1)
    w00, w01, w10, w11 = (1 - fu) * (1 - fv), fu * (1 - fv), (1 - fu) * fv, fu * fv
    red = green = blue = 0.0
    for jj, ii, w in ((j0, i0, w00), (j0, i1, w01), (j1, i0, w10), (j1, i1, w11)):
        red += texture.color[jj, ii, 0] * w
        green += texture.color[jj, ii, 1] * w
        blue += texture.color[jj, ii, 2] * w
    if part == _SOCKET:
        red, green, blue = red * 0.55, green * 0.35, blue * 0.33
    jn, im = (j0 if fv < 0.5 else j1), (i0 if fu < 0.5 else i1)
    label = texture.label[jn, im]
    if label == _LABEL_SKIN and is_neck(y, z):
        label = _LABEL_NECK
    du = (texture.height[j0, i1] - texture.height[j0, i0]) * columns / (6.2832 * 1.1)
    dv = -(texture.height[j1, i0] - texture.height[j0, i0]) * rows / (TOP - BOTTOM)
    cloth = label == _LABEL_CLOTHES
    surface = _Surface(
        (red, green, blue),
        _bumped(normal, du, dv),
        normal,
        np.float64(texture.specular[jn, im]),
        np.float64(texture.roughness[jn, im]),
        _CLOTH_WRAP if cloth else _SKIN_WRAP,
        np.float64(occlusion),
        0.80 if part == _SKIN and not cloth else 1.0,
    )
    return surface, label


@njit(cache=True)
def _bumped(normal, du, dv):
    """Tilts a normal by the slopes of the height map, with tangents built from the normal."""
    nx, ny, nz = normal
    scale = 1 / np.sqrt(nz * nz + nx * nx + 1e-6)
    tx, tz = nz * scale, -nx * scale
    bx, by, bz = ny * tz, nz * tx - nx * tz, -ny * tx
    return _unit(nx - du * tx - dv * bx, ny - dv * by, nz - du * tz - dv * bz)


@njit(cache=True)
def _eye(index, out, gaze, canonical, light, iris, pupil, occlusion):
    """Sclera, iris and cornea by the angle between the surface and the gaze."""
    x, y, z = canonical
    along = _dot(out, gaze)
    angle = np.arccos(min(1.0, max(-1.0, along)))
    qx, qy, qz = out[0] - along * gaze[0], out[1] - along * gaze[1], out[2] - along * gaze[2]
    vein = value_noise(x * 18 + 5 * index, y * 18, z * 18, 5)
    t = smoothstep(0.5, 1.1, angle)  # redder towards the corners
    color = (0.62 - 0.06 * t, 0.575 - (0.14 + 0.05 * vein) * t, 0.55 - (0.15 + 0.05 * vein) * t)
    gloss, roughness = out, 0.12
    if angle < _IRIS_ANGLE * 1.12:
        light_side = qx * light.direction[0] + qy * light.direction[1] + qz * light.direction[2]
        color = _iris(color, angle / _IRIS_ANGLE, np.arctan2(qy, qx), light_side, iris, pupil)
        bulge = 1.9  # of the cornea
        gloss = _unit(gaze[0] + bulge * qx, gaze[1] + bulge * qy, gaze[2] + bulge * qz)
        roughness = 0.06
    lid = 0.45 + 0.55 * smoothstep(7.375, 7.27, y)  # shadow of the upper lid
    color = (color[0] * lid, color[1] * lid, color[2] * lid)
    return _Surface(color, out, gloss, 1.0, roughness, _EYE_WRAP, max(0.35, occlusion), 1.0)


@njit(cache=True)
def _iris(sclera, r, turn, light_side, iris, pupil):
    """Colour of the iris at radius r (1 = its edge): two rings, fibres, dark edge, pupil."""
    outer, inner = iris
    fine = value_noise(np.cos(turn) * 7 + 50, np.sin(turn) * 7 + r * 2, 3.0, 9)
    coarse = value_noise(np.cos(turn) * 3 + 9, np.sin(turn) * 3, r * 4, 3)
    fibres = (0.55 + 0.8 * fine) * (0.75 + 0.5 * coarse)
    ring, edge = smoothstep(0.75, 0.35, r), smoothstep(1.12, 0.94, r)
    open_ = smoothstep(pupil * 0.86, pupil * 1.12, r)
    # Light gathers on the side away from the lamp.
    bright = fibres * (1 - 0.7 * light_side / _IRIS_ANGLE)
    bright *= (1 - 0.78 * smoothstep(0.74, 0.98, r)) * open_
    return (
        sclera[0] * (1 - edge)
        + edge * ((outer[0] * (1 - ring) + inner[0] * ring) * bright + 0.004),
        sclera[1] * (1 - edge)
        + edge * ((outer[1] * (1 - ring) + inner[1] * ring) * bright + 0.004),
        sclera[2] * (1 - edge)
        + edge * ((outer[2] * (1 - ring) + inner[2] * ring) * bright + 0.004),
    )


@njit(cache=True)
def _mouth(part, canonical, normal, occlusion):
    """Teeth with gaps and gums, tongue, or the cavity; all darker towards the back."""
    x, y, z = canonical
    occlusion = occlusion * 0.8 + 0.1
    color, specular, roughness = (0.10, 0.018, 0.018), 0.1, 0.5
    if part == _UPPER_TEETH or part == _LOWER_TEETH:
        turn = abs(np.arctan2(x, z - 1.05)) * 9.0
        notch = turn - np.floor(turn)
        gap = 1 - 0.45 * (smoothstep(0.10, 0.0, notch) + smoothstep(0.9, 1.0, notch))
        if part == _UPPER_TEETH:
            gum = smoothstep(6.755, 6.80, y)
        else:
            gum = smoothstep(6.52, 6.47, y)
        shade_ = (smoothstep(1.08, 1.36, z) * 0.8 + 0.2) * _TEETH_SHADE
        shade_ *= 1 - 0.75 * smoothstep(0.09, 0.20, abs(x))  # in the shade of the mouth corners
        color = (
            (0.80 * gap * (1 - gum) + 0.42 * gum) * shade_,
            (0.75 * gap * (1 - gum) + 0.14 * gum) * shade_,
            (0.66 * gap * (1 - gum) + 0.14 * gum) * shade_,
        )
        specular, roughness, occlusion = 0.8, 0.2, max(occlusion, _TEETH_LIGHT)
    elif part == _TONGUE:
        shade_ = smoothstep(1.05, 1.35, z) * 0.8 + 0.2
        color, specular, roughness = (0.42 * shade_, 0.13 * shade_, 0.13 * shade_), 0.6, 0.3
    return _Surface(color, normal, normal, specular, roughness, _SKIN_WRAP, occlusion, 1.0)


@njit(cache=True)
def _lit_share(shadow, x, y, z):
    """Share of 5x5 taps of the shadow map that the key light reaches.

    Where the corners and the centre agree on all or nothing, the other taps are not looked at.
    """
    size, total = shadow.shape[0], 0.0
    reach = 2 * _SHADOW_STEP
    left, right, top, bottom = int(x - reach), int(x + reach), int(y - reach), int(y + reach)
    if left >= 0 and top >= 0 and right < size and bottom < size:
        near, far = z + _SHADOW_BIAS, z + _SHADOW_BIAS + _SHADOW_RAMP
        a, b = shadow[top, left], shadow[top, right]
        c, d, e = shadow[bottom, left], shadow[bottom, right], shadow[int(y), int(x)]
        if max(a, b, c, d, e) <= near:
            return 1.0
        if min(a, b, c, d, e) >= far:
            return 0.0
    for j in range(-2, 3):
        for i in range(-2, 3):
            column, row = int(x + i * _SHADOW_STEP), int(y + j * _SHADOW_STEP)
            if column < 0 or row < 0 or column >= size or row >= size:
                total += 1
                continue
            behind = shadow[row, column] - z - _SHADOW_BIAS
            if behind < _SHADOW_RAMP:
                total += 1 - max(behind, 0.0) / _SHADOW_RAMP
    return total / 25


@njit(cache=True)
def _specular(surface, light, view):
    """Two-lobe GGX towards the key light."""
    gloss, direction = surface.gloss_normal, light.direction
    half = _unit(direction[0] + view[0], direction[1] + view[1], direction[2] + view[2])
    nh, vh = max(0.0, _dot(gloss, half)), max(0.0, _dot(view, half))
    nv, nl = max(0.05, _dot(gloss, view)), max(0.0, _dot(gloss, direction))
    fresnel = _F0 + (1 - _F0) * (1 - vh) ** 5
    tight = surface.roughness**4
    wide = min(0.9, tight * 5)
    lobe = 0.65 * tight / (3.1416 * (nh * nh * (tight - 1) + 1) ** 2 + 1e-7)
    lobe += 0.35 * wide / (3.1416 * (nh * nh * (wide - 1) + 1) ** 2)
    k = (surface.roughness + 1) ** 2 / 8
    masking = 1 / ((nv * (1 - k) + k) * (max(nl, 0.02) * (1 - k) + k) * 4)
    return min(3.0, surface.specular * fresnel * lobe * masking * nl)


@njit(cache=True)
def _light_up(surface, light, view, visible):
    """Light from a surface towards the viewer."""
    normal, gloss, occlusion = surface.normal, surface.gloss_normal, surface.occlusion
    facing = _dot(normal, light.direction)
    ambient = dome(light, normal[1])
    rim = max(0.0, _dot(normal, light.rim_direction)) * occlusion
    glint = _specular(surface, light, view) * visible if visible > 0 else 0.0
    mirrored = dome(light, 2 * _dot(gloss, view) * gloss[1] - view[1])
    nv = max(0.05, _dot(gloss, view))
    fresnel = _F0 + (max(1 - surface.roughness, _F0) - _F0) * (1 - nv) ** 5
    mirror = fresnel * surface.specular * occlusion * light.ambient * 0.8
    partly = 0 < visible < 1
    reddened = visible**surface.shadow_red if partly else visible
    red = _diffuse(surface, light, facing, reddened, ambient, rim, 0)
    green = _diffuse(surface, light, facing, visible, ambient, rim, 1)
    blue = _diffuse(surface, light, facing, visible, ambient, rim, 2)
    edge = rim**3 * 0.12 * surface.specular
    return (
        red + light.color[0] * glint + mirrored[0] * mirror + light.rim_color[0] * edge,
        green + light.color[1] * glint + mirrored[1] * mirror + light.rim_color[1] * edge,
        blue + light.color[2] * glint + mirrored[2] * mirror + light.rim_color[2] * edge,
    )


@njit(cache=True)
def _diffuse(surface, light, facing, visible, ambient, rim, k):
    """Wrapped diffuse light of one channel; the wrap is 1 where the surface faces the light."""
    wrap, color, occlusion = surface.wrap[k] * light.softness, surface.color[k], surface.occlusion
    key = 0.0
    if visible > 0 and facing > -wrap:
        key = ((facing + wrap) / (1 + wrap)) ** (1 + wrap)
    # Light that bounces several times in a hollow takes on its colour.
    open_ = occlusion / (occlusion + (1 - occlusion) * (1 - 0.65 * min(color, 0.9)))
    return color * (
        light.color[k] * key * visible
        + ambient[k] * light.ambient * open_
        + light.rim_color[k] * rim * 0.6
    )
