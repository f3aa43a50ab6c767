"""Light on strands, and drawing them as opaque thin lines into the z-buffer."""

from __future__ import annotations

import numpy as np
from numba import njit

from zoo.data.synthfaces.shading import Canvas, Light, dome

LABEL_HAIR = 10
KEEP_LABEL = 0
"""Given as a label: strokes do not change the labels below them (beard, lashes)."""

_LASH_DARKENING = 0.38
_SECOND_LOBE = 1.3  # of the hair-coloured highlight


@njit(cache=True)
def light_strands(points, lit, openness, brightness, color, shadow, light: Light, camera_z, gloss):
    """Kajiya-Kay light on strands: at every second point, halfway in between.

    Args:
        points: (n, k, 3) float32, turned.
        lit: (n, k, 3) float32, position in the shadow map.
        openness: (n, k) float32, 0 (deep in the hair) to 1.
        brightness: (n,) float32.
        color: (3,) float32, linear RGB.
        shadow: (N, N) float32 depth map of head and hair seen from the key light.
        light: all lights.
        camera_z: turned z of the camera.
        gloss: strength of the highlights.

    Returns:
        (n, k, 3) float32, linear RGB.
    """
    count, length = points.shape[0], points.shape[1]
    out = np.empty(points.shape, np.float32)
    around = dome(light, 0.25)
    base = (color[0], color[1], color[2])
    for s in range(count):
        for k in range(0, length, 2):
            a, b = max(0, k - 1), min(length - 1, k + 1)
            tangent = _unit(
                points[s, b, 0] - points[s, a, 0],
                points[s, b, 1] - points[s, a, 1],
                points[s, b, 2] - points[s, a, 2],
            )
            view = _unit(-points[s, k, 0], -points[s, k, 1], camera_z - points[s, k, 2])
            reached = _reached(shadow, lit[s, k, 0], lit[s, k, 1], lit[s, k, 2])
            deep, tone = openness[s, k], brightness[s]
            value = _strand_light(tangent, view, reached, deep, tone, base, around, light, gloss)
            out[s, k, 0], out[s, k, 1], out[s, k, 2] = value
        for k in range(1, length, 2):
            after = min(k + 1, length - 2 + length % 2)
            for c in range(3):
                out[s, k, c] = 0.5 * (out[s, k - 1, c] + out[s, after, c])
    return out


@njit(cache=True)
def _unit(x, y, z):
    scale = 1 / np.sqrt(x * x + y * y + z * z + 1e-12)
    return x * scale, y * scale, z * scale


@njit(cache=True)
def _reached(shadow, x, y, z):
    """Soft self-shadow: light falls off with the depth behind the hair that faces the lamp."""
    size, total = shadow.shape[0], 0.0
    column, row = int(x), int(y)
    for dx, dy in ((0, -2), (-2, 0), (0, 0), (2, 0), (0, 2)):
        if 0 <= column + dx < size and 0 <= row + dy < size:
            behind = shadow[row + dy, column + dx] - z
            total += np.exp(-max(0.0, behind - 0.02) * 7.0)
        else:
            total += 1
    return total / 5


@njit(cache=True)
def _strand_light(tangent, view, reached, openness, brightness, base, around, light, gloss):
    direction, rim = light.direction, light.rim_direction
    tl = tangent[0] * direction[0] + tangent[1] * direction[1] + tangent[2] * direction[2]
    tv = tangent[0] * view[0] + tangent[1] * view[1] + tangent[2] * view[2]
    tr = tangent[0] * rim[0] + tangent[1] * rim[1] + tangent[2] * rim[2]
    across_l, across_v = np.sqrt(max(0.0, 1 - tl * tl)), np.sqrt(max(0.0, 1 - tv * tv))
    cosine = across_l * across_v - tl * tv
    white = max(0.0, cosine - 0.08 * tl) ** 70 * 0.014  # shifted to the root
    white *= min(1.0, 0.35 + 10 * base[0])  # or black hair turns grey
    tinted = max(0.0, cosine + 0.22 * tl) ** 24 * 0.45 * _SECOND_LOBE * min(1.5, brightness)
    open_ = 0.25 + 0.75 * openness
    behind = np.sqrt(max(0.0, 1 - tr * tr)) * max(0.0, 0.4 - rim[2] * 0.6)
    key, shine = reached * (0.25 + 0.75 * across_l) * 0.50 * open_, reached * open_ * gloss
    return (
        _channel(light, base, around, brightness, key, shine, white, tinted, behind, open_, 0),
        _channel(light, base, around, brightness, key, shine, white, tinted, behind, open_, 1),
        _channel(light, base, around, brightness, key, shine, white, tinted, behind, open_, 2),
    )


@njit(cache=True)
def _channel(light, base, around, brightness, key, shine, white, tinted, behind, open_, k):
    diffuse = light.color[k] * key + around[k] * light.ambient * open_ * 0.75
    diffuse += light.rim_color[k] * behind * 0.35 * open_
    highlight = light.color[k] * shine * (white + tinted * base[k])
    return base[k] * brightness * diffuse + highlight + light.rim_color[k] * behind * open_ * 0.03


@njit(cache=True)
def draw_strands(points, colors, width, tip, label, lift, canvas: Canvas):
    """Draws strands over the canvas.

    Args:
        points: (n, k, 3) float32, projected.
        colors: (n, k, 3) float32.
        width: of the lines in samples.
        tip: so many last segments are 1 sample wide.
        label: written where a strand is visible, unless `KEEP_LABEL`.
        lift: added to the depth, so that strands win against the surface they lie on.
        canvas: drawn on.
    """
    size = canvas.depth.shape[0]
    for s in range(points.shape[0]):
        for k in range(points.shape[1] - 1):
            x0, y0, z0 = points[s, k, 0], points[s, k, 1], points[s, k, 2]
            dx, dy = points[s, k + 1, 0] - x0, points[s, k + 1, 1] - y0
            dz = points[s, k + 1, 2] - z0
            if max(y0, y0 + dy) < -2 or min(y0, y0 + dy) > size + 2:
                continue
            if max(x0, x0 + dx) < -2 or min(x0, x0 + dx) > size + 2:
                continue
            steps = max(1, int(np.ceil(max(abs(dx), abs(dy)))))
            share = np.float32(1) / np.float32(steps)
            across = width if k < points.shape[1] - 1 - tip else 1
            steep = abs(dy) >= abs(dx)
            for i in range(steps):
                t = i * share
                x, y = int(np.floor(x0 + dx * t)), int(np.floor(y0 + dy * t))
                z = z0 + dz * t + lift
                for q in range(across):
                    column, row = (x + q, y) if steep else (x, y + q)
                    if column < 0 or row < 0 or column >= size or row >= size:
                        continue
                    if z > canvas.depth[row, column]:
                        canvas.depth[row, column] = z
                        for c in range(3):
                            mixed = colors[s, k, c] * (1 - t) + colors[s, k + 1, c] * t
                            canvas.color[row, column, c] = mixed
                        if label != KEEP_LABEL:
                            canvas.label[row, column] = label


@njit(cache=True)
def darken_along(points, lift, canvas: Canvas):
    """Draws lashes: thin lines that darken what is below; opaque ones would look like clumps."""
    size = canvas.depth.shape[0]
    for s in range(points.shape[0]):
        for k in range(points.shape[1] - 1):
            x0, y0, z0 = points[s, k, 0], points[s, k, 1], points[s, k, 2]
            dx, dy = points[s, k + 1, 0] - x0, points[s, k + 1, 1] - y0
            dz = points[s, k + 1, 2] - z0
            steps = max(1, int(np.ceil(max(abs(dx), abs(dy)))))
            for i in range(steps):
                t = i / steps
                column, row = int(np.floor(x0 + dx * t)), int(np.floor(y0 + dy * t))
                if 0 <= column < size and 0 <= row < size:
                    if z0 + dz * t + lift > canvas.depth[row, column]:
                        for c in range(3):
                            canvas.color[row, column, c] *= _LASH_DARKENING
