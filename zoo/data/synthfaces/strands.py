"""Strands of hair, beard and lashes: polylines on the head, grown before the head is turned.

Growth runs in normalised head space (the affine fit that maps the shaped scalp back onto the base
scalp), so the style constants hold for every head. Strands collide with a radius map of the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from scipy import ndimage

from zoo.data.synthfaces.geometry import Head, unit, vertex_normals
from zoo.data.synthfaces.hairstyles import Growth, Roots, growth
from zoo.data.synthfaces.mesh import Part, base_mesh
from zoo.data.synthfaces.noise import fractal_noise
from zoo.data.synthfaces.person import HairStyle, Person
from zoo.data.synthfaces.raster import FAR, rasterize_depth
from zoo.data.synthfaces.regions import BEARD_FULL, beard_at, hairline_at

_CENTRE = np.array([0, 7.45, 0.5], np.float32)  # of the radius map
_MAP_HEIGHT, _MAP_WIDTH = 160, 256  # elevation, angle


@dataclass(frozen=True)
class Strands:
    """Polylines of equal point count.

    Attributes:
        points: (n, k, 3) float32, root first.
        brightness: (n,) float32, factor of the colour of each strand.
        openness: (n, k) float32, 0 (deep in the hair) to 1 (outside).
    """

    points: np.ndarray
    brightness: np.ndarray
    openness: np.ndarray


@dataclass(frozen=True)
class BeardRoots:
    """Where beard strands start and where they go, for any expression."""

    triangles: np.ndarray  # (n,)
    weights: np.ndarray  # (n, 3, 1) barycentric
    directions: np.ndarray  # (n, 3), added to the normals
    normal_part: np.ndarray  # (n, 1)
    lengths: np.ndarray  # (n, 1)
    brightness: np.ndarray  # (n,)


# ---- hair


def grow_hair(person: Person, head: Head, share: float, rng: np.random.Generator) -> Strands | None:
    """Grows this share of the head hair; None for a bald person."""
    hair = person.hair
    if hair.style == HairStyle.BALD:
        return None
    mesh = base_mesh()
    to_head, to_base = _scalp_fit(head.vertices)
    vertices = _affine(head.vertices, to_base).astype(np.float32)
    normals = vertex_normals(vertices, mesh.triangles)
    root_rng, style_rng, curl_rng, tone_rng = rng.spawn(4)
    roots = _scalp_roots(person, vertices, normals, round(hair.strands * share), root_rng)
    plan = growth(hair, roots, style_rng)
    count, points = len(roots.positions), plan.points
    clumps = _clump_field(roots.canonical, person.noise_seed)
    jitter = plan.jitter * 0.08
    direction = unit(plan.direction + clumps * hair.messiness + jitter)
    pull = direction * 0.9 + clumps * hair.messiness * 0.5
    strands = np.empty((count, points, 3), np.float32)
    _grow(
        *_float32(roots.positions, direction, pull * plan.pull_strength, plan.side),
        *_float32(plan.length, plan.offset, _phase(roots, person, plan, curl_rng)),
        *_float32(plan.is_bang, plan.pull_back),
        _radius_map(vertices),
        (plan.gravity, plan.stiffness, plan.curl_radius, plan.curl_frequency),
        (plan.clears_face, plan.pull_fades),
        strands,
    )
    x, y, z = roots.canonical.T
    tone = fractal_noise(x, y * np.float32(0.3), z, 26.0, person.noise_seed + 50, 2)
    lock = fractal_noise(x, y * np.float32(0.3), z, 7.0, person.noise_seed + 51, 2)
    along = np.linspace(0.55, 1.05, points)[None]
    openness = np.clip((0.35 + 0.65 * roots.layer)[:, None] * along, 0, 1)
    if hair.style == HairStyle.AFRO:
        openness = np.repeat(np.linspace(0.15, 1.0, points)[None], count, 0)
    return Strands(
        _affine(strands.reshape(-1, 3), to_head).reshape(strands.shape).astype(np.float32),
        ((0.15 + 0.8 * tone + 0.9 * lock) * tone_rng.lognormal(0, 0.22, count)).astype(np.float32),
        openness.astype(np.float32),
    )


def _float32(*arrays: np.ndarray) -> list[np.ndarray]:
    return [np.ascontiguousarray(array, np.float32) for array in arrays]


def _affine(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.c_[points, np.ones(len(points))] @ matrix


@lru_cache(maxsize=1)
def _scalp_triangles() -> np.ndarray:
    """Indices of the skin triangles above the jaw, without the ears."""
    mesh = base_mesh()
    height = mesh.vertices[mesh.triangles][..., 1].mean(1)
    return np.where((mesh.parts == Part.SKIN) & (height > 6.4) & ~_ear_triangles())[0]


@lru_cache(maxsize=1)
def _ear_triangles() -> np.ndarray:
    x, y, z = base_mesh().vertices[base_mesh().triangles].mean(1).T
    return (np.abs(x) > 0.735) & (y > 6.78) & (y < 7.44) & (z > 0.26) & (z < 0.74)


def _scalp_fit(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Affine maps (4, 3) from the base head to this head and back, fitted on the scalp."""
    mesh = base_mesh()
    triangles = mesh.triangles[_scalp_triangles()]
    used = np.unique(triangles[mesh.vertices[triangles][..., 1].mean(1) > 7.3])
    source = np.c_[mesh.vertices[used], np.ones(len(used))]
    to_head = np.linalg.lstsq(source, vertices[used], rcond=None)[0]
    back = np.linalg.inv(np.r_[to_head.T, [[0, 0, 0, 1]]]).T
    return to_head, back[:, :3]


def _scalp_roots(person: Person, vertices, normals, count: int, rng) -> Roots:
    """At most `count` random points on the scalp, by area, where the hairline field allows."""
    mesh, hair = base_mesh(), person.hair
    triangles = _scalp_triangles()
    corners = mesh.vertices[mesh.triangles[triangles]]
    centre = corners.mean(1).astype(np.float32)
    area = _areas(corners) * (hairline_at(*centre.T, 7.9, 0.0, 0) > -0.25)
    tries = count * 2
    chosen = triangles[rng.choice(len(triangles), tries, p=area / area.sum())]
    weights = _random_barycentric(tries, rng)
    canonical = _on_triangles(mesh.vertices, chosen, weights)
    field = hairline_at(*canonical.T, hair.hairline, hair.recession, person.noise_seed)
    kept = np.where(rng.random(tries) < _smoothstep(-0.04, 0.05, field))[0][:count]
    if hair.style == HairStyle.TIED:  # nothing hangs before the ears
        x, y, z = canonical[kept].T
        kept = kept[~((np.abs(x) > 0.66) & (y < 7.45) & (z > 0.1))]
    return Roots(
        positions=_on_triangles(vertices, chosen[kept], weights[kept]),
        normals=_on_triangles(normals, chosen[kept], weights[kept]),
        canonical=canonical[kept],
    )


def _areas(corners: np.ndarray) -> np.ndarray:
    sides = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.linalg.norm(sides, axis=1)


def _random_barycentric(count: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform weights on a triangle: float32 (count, 3, 1)."""
    r1, r2 = np.sqrt(rng.random(count)), rng.random(count)
    return np.stack([1 - r1, r1 * (1 - r2), r1 * r2], 1).astype(np.float32)[..., None]


def _on_triangles(values: np.ndarray, triangles: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (values[base_mesh().triangles[triangles]] * weights).sum(1)


def _smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _clump_field(canonical: np.ndarray, seed: int) -> np.ndarray:
    """Directions (n, 3) shared by neighbouring roots: coarse and fine locks."""
    x, y, z = canonical.T
    coarse = [fractal_noise(x, y, z, 6.0, seed + axis, 2) - 0.5 for axis in (1, 2, 3)]
    fine = [fractal_noise(x, y, z, 22.0, seed + axis, 1) - 0.5 for axis in (4, 5, 6)]
    return np.stack(coarse, 1) * 1.2 + np.stack(fine, 1) * 0.8


def _phase(roots: Roots, person: Person, plan: Growth, rng: np.random.Generator) -> np.ndarray:
    """Angle at which each curl starts; tight curls are less in step with their neighbours."""
    x, y, z = roots.canonical.T
    spread = 0.6 if plan.curl_frequency < 10 else 3
    step = rng.normal(0, 0.5, len(x)) * spread
    return fractal_noise(x, y, z, 5.0, person.noise_seed + 40, 1) * 9 + step


def _radius_map(vertices: np.ndarray) -> np.ndarray:
    """Largest head radius by elevation and angle around `_CENTRE`: float32 (160, 256).

    The ears are left out, or tufts would stand on them.
    """
    mesh = base_mesh()
    x, y, z = (vertices - _CENTRE).T
    radius = np.sqrt(x * x + y * y + z * z)
    angle, elevation = np.arctan2(x, z), np.arcsin(np.clip(y / radius, -1, 1))
    unrolled = np.where(angle < 0, angle + 2 * np.pi, angle)
    kept = (mesh.parts == Part.SKIN) & ~_ear_triangles()
    across_seam = np.ptp(angle[mesh.triangles], axis=1) > np.pi
    radii = np.full((_MAP_HEIGHT, _MAP_WIDTH), FAR, np.float32)
    passes = (
        (angle, kept & ~across_seam, 0),
        (unrolled, kept & across_seam, 0),
        (unrolled, kept & across_seam, -_MAP_WIDTH),
    )
    for angles, selected, shift in passes:
        columns = (angles / (2 * np.pi) + 0.5) * _MAP_WIDTH + shift
        rows = (0.5 - elevation / np.pi) * _MAP_HEIGHT
        points = np.stack([columns, rows, radius], 1).astype(np.float32)
        rasterize_depth(points, np.ascontiguousarray(mesh.triangles[selected]), False, radii)
    nearest = ndimage.distance_transform_edt(radii < 0, return_distances=False, return_indices=True)
    radii = ndimage.maximum_filter(radii[tuple(nearest)], 3)
    return ndimage.gaussian_filter(radii, 1.2, mode=("nearest", "wrap"))


@njit(cache=True)
def _head_radius(radii, x, y, z):
    """Bilinear look-up in the radius map; also the distance of the point from its centre."""
    r = np.sqrt(x * x + y * y + z * z) + 1e-9
    u = (np.arctan2(x, z) / (2 * np.pi) + 0.5) * _MAP_WIDTH - 0.5
    v = (0.5 - np.arcsin(y / r) / np.pi) * _MAP_HEIGHT - 0.5
    i, j = int(np.floor(u)), int(np.floor(v))
    fu, fv = u - i, v - j
    i0, i1 = i % _MAP_WIDTH, (i + 1) % _MAP_WIDTH
    j0, j1 = min(max(j, 0), _MAP_HEIGHT - 1), min(max(j + 1, 0), _MAP_HEIGHT - 1)
    upper = radii[j0, i0] * (1 - fu) + radii[j0, i1] * fu
    lower = radii[j1, i0] * (1 - fu) + radii[j1, i1] * fu
    return upper * (1 - fv) + lower * fv, r


@njit(cache=True)
def _grow(root, start, pull, side, length, offset, phase, bang, back, radii, style, flags, out):
    """Walks every strand: bend, step, push out of the head, keep the face free.

    `style` is (gravity, stiffness, curl radius, curl frequency), `flags` whether strands keep clear
    of the face and whether the pull fades; `out` is (n, k, 3).
    """
    gravity, stiffness, curl_radius, curl_frequency = style
    clears, fades = flags
    points = out.shape[1]
    cx, cy, cz = _CENTRE[0], _CENTRE[1], _CENTRE[2]
    for s in range(root.shape[0]):
        px, py, pz = root[s, 0], root[s, 1], root[s, 2]
        dx, dy, dz = start[s, 0], start[s, 1], start[s, 2]
        step, soft, weight = length[s] / (points - 1), 1 - stiffness, gravity
        if bang[s] > 0.5:  # bangs hang, however stiff the rest stands
            soft, weight = max(soft, 0.4), max(gravity, 0.8)
        for k in range(points):
            t = k / (points - 1)
            turn = phase[s] + curl_frequency * t * length[s]
            curl = curl_radius * min(1.0, t * 3)
            out[s, k, 0] = px + curl * np.cos(turn)
            out[s, k, 1] = py + curl * 0.4 * np.sin(turn * 1.3)
            out[s, k, 2] = pz + curl * np.sin(turn)
            fade = (1 - t) * (1 - t) if fades or bang[s] > 0.5 else 1.0
            dx = dx * (1 - soft) + fade * pull[s, 0] * soft
            dy = dy * (1 - soft) + (fade * pull[s, 1] - weight) * soft
            dz = dz * (1 - soft) + fade * pull[s, 2] * soft
            norm = np.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
            dx, dy, dz = dx / norm, dy / norm, dz / norm
            px, py, pz = px + dx * step, py + dy * step, pz + dz * step
            radius, distance = _head_radius(radii, px - cx, py - cy, pz - cz)
            target = radius + offset[s] * min(1.0, 0.25 + t * 3.0)
            if distance < target:
                out_of = target / distance
                px, py, pz = px * out_of, cy + (py - cy) * out_of, cz + (pz - cz) * out_of
                ux, uy, uz = px / target, (py - cy) / target, (pz - cz) / target
                inward = dx * ux + dy * uy + dz * uz
                if inward < 0:
                    dx, dy, dz = dx - inward * ux, dy - inward * uy, dz - inward * uz
            if clears and bang[s] < 0.5 and pz > 0.45:
                px, pz = _beside_face(px, py, pz, 1.0 if side[s] > 0 else -1.0)
            if back[s] > 0:
                dx -= px * back[s]
                dy += (cy - py) * back[s] * 0.6
                dz += (-0.5 - pz) * back[s]


@njit(cache=True)
def _beside_face(x, y, z, side):
    """Moves a point out of the ellipse of the face, sideways, and back behind the cheeks."""
    ex, ey = x / 0.70, (y - 7.12) / 0.98
    if ex * ex + ey * ey < 1 and y < 8.06:
        edge = 0.70 * np.sqrt(max(0.0, 1 - ey * ey))
        if edge > abs(x) or side * x < 0:
            x = x + (side * edge - x) * 0.7
            if z > 1.0:
                z = z - (z - 1.0) * 0.5
    if y < 7.35 and z > 0.66:  # profiles show their cheeks
        z = z - (z - 0.66) * 0.4
    return x, z


# ---- beard


def beard_roots(person: Person, rng: np.random.Generator) -> BeardRoots | None:
    """Draws the roots of beard and moustache; None without either.

    The hairs of a full beard are drawn and those kept that this person has, so that beard and
    moustache consist of the same hairs in all their combinations.
    """
    beard = person.beard
    if not beard.any:
        return None
    mesh = base_mesh()
    centre = mesh.vertices[mesh.triangles].mean(1)
    y, z = centre[:, 1], centre[:, 2]
    triangles = np.where((mesh.parts == Part.SKIN) & (y < 7.2) & (y > 5.95) & (z > 0.5))[0]
    area = _areas(mesh.vertices[mesh.triangles[triangles]])
    area = area * (beard_at(centre[triangles], BEARD_FULL, True) > -0.12)
    tries = beard.strands * 3
    chosen = triangles[rng.choice(len(triangles), tries, p=area / area.sum())]
    weights = _random_barycentric(tries, rng)
    canonical = _on_triangles(mesh.vertices, chosen, weights)
    ragged = (fractal_noise(*canonical.T, 9.0, person.noise_seed, 2) - 0.5) * 0.08
    chance = rng.random(tries)

    def grows(kind: int, moustache: bool) -> np.ndarray:
        field = beard_at(canonical, kind, moustache) + ragged
        return chance < _smoothstep(-0.01, 0.06, field)

    kept = np.where(grows(BEARD_FULL, True))[0][: beard.strands]
    worn = grows(beard.kind, beard.moustache)[kept]
    x, y, _ = canonical[kept].T
    count = len(kept)
    length = beard.length * rng.uniform(0.6, 1.2, count)
    length = length * (0.5 + 0.7 * _smoothstep(6.7, 6.2, y))
    moustache = (y > 6.62) & (np.abs(x) < 0.33)
    length[moustache] = np.minimum(length[moustache], 0.07)
    length[y < 6.42] *= 0.7
    direction = np.stack([x * 0.5, np.full(count, -1.0), np.full(count, 0.15)], 1)
    direction += rng.normal(0, 0.22, (count, 3))
    hairs = np.count_nonzero(moustache)
    sideways = [np.sign(x[moustache]) * 0.8, np.full(hairs, -0.7), np.full(hairs, 0.1)]
    direction[moustache] = np.stack(sideways, 1) + rng.normal(0, 0.18, (hairs, 3))
    return BeardRoots(
        triangles=chosen[kept][worn],
        weights=weights[kept][worn],
        directions=direction[worn],
        normal_part=np.where(moustache, 0.35, 0.25)[worn, None],
        lengths=length[worn, None],
        brightness=rng.lognormal(0, 0.3, count)[worn].astype(np.float32),
    )


def grow_beard(roots: BeardRoots, head: Head) -> Strands:
    """Puts the beard on a head with an expression."""
    start = _on_triangles(head.vertices, roots.triangles, roots.weights)
    normals = _on_triangles(head.normals, roots.triangles, roots.weights)
    direction = unit(normals * roots.normal_part + roots.directions)
    t = np.linspace(0, 1, 5)
    along, drop = roots.lengths * t, roots.lengths * t**2 * 0.6
    points = start[:, None] + direction[:, None] * along[..., None]
    points = points + np.array([0, -0.35, 0]) * drop[..., None] + normals[:, None] * 0.01
    openness = np.repeat((0.45 + 0.5 * t)[None], len(start), 0)
    return Strands(
        points.astype(np.float32), roots.brightness, np.ascontiguousarray(openness, np.float32)
    )


# ---- lashes


def grow_lashes(person: Person, head: Head, rng: np.random.Generator) -> Strands:
    """Three-point strands from the edge of each lid; the lower lids have fewer and shorter ones."""
    rows = []
    for strip in base_mesh().lashes:
        share, rise = (1.0, 0.55) if strip.upper else (0.36, -0.6)
        edge = head.vertices[strip.vertices]
        count = int(person.lashes * share)
        at = np.sort(rng.random(count)) * (len(edge) - 1)
        low = np.clip(at.astype(int), 0, len(edge) - 2)
        part = (at - low)[:, None]
        root = edge[low] * (1 - part) + edge[low + 1] * part
        outwards = unit(root - head.eye_centres[strip.eye]) * np.array([0.6, 0.3, 1])
        outwards = unit(outwards + np.array([0, rise, 0.15]) + rng.normal(0, 0.12, (count, 3)))
        length = person.lash_length * share * rng.uniform(0.6, 1.1, count)[:, None]
        bend = np.array([0, -0.08 if strip.upper else 0.05, 0]) * length
        tip = root + outwards * length
        rows.append(np.stack([root, (root + tip) / 2 + bend, tip], 1))
    points = np.concatenate(rows).astype(np.float32)
    count = len(points)
    return Strands(points, np.ones(count, np.float32), np.full((count, 3), 0.6, np.float32))
