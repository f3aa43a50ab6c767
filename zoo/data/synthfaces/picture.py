"""Drawing one image: everything of a person that all views share, and the frame of one view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.data.synthfaces import camera as cameras
from zoo.data.synthfaces import palette
from zoo.data.synthfaces.backdrop import backdrop
from zoo.data.synthfaces.bake import Texture, bake
from zoo.data.synthfaces.develop import (
    LABEL_GLASSES,
    Pictures,
    develop,
    expose,
    fixed_exposure,
    sense,
)
from zoo.data.synthfaces.geometry import (
    Expression,
    HeadShape,
    ambient_occlusion,
    head_shape,
    light_basis,
    pose_head,
    unit,
)
from zoo.data.synthfaces.glasses import GlassesMesh, fit_glasses
from zoo.data.synthfaces.mesh import base_mesh
from zoo.data.synthfaces.person import FLOWING_STYLES, Glasses, Person
from zoo.data.synthfaces.points import Anchors, anchors, visible
from zoo.data.synthfaces.raster import FAR, rasterize, rasterize_depth, splat_depth
from zoo.data.synthfaces.shading import Canvas, Eyes, Geometry, Light, shade
from zoo.data.synthfaces.strands import (
    BeardRoots,
    Strands,
    beard_roots,
    grow_beard,
    grow_hair,
    grow_lashes,
)
from zoo.data.synthfaces.strokes import (
    KEEP_LABEL,
    LABEL_HAIR,
    darken_along,
    draw_strands,
    light_strands,
)
from zoo.data.synthfaces.traits import Measures, measure
from zoo.data.synthfaces.view import LIGHTS, View

_SAMPLES = 256  # least side of the sample grid

# Side up to which images are made with an atlas of this size and this share of the strands.
_DETAIL = ((96, (288, 512), 2 / 3), (160, (432, 768), 2 / 3), (512, (576, 1024), 1.0))

_OPEN_MOUTH = 0.5  # opening at which occlusion is computed; it is interpolated from closed

_TEETH_BEHIND = 0.06  # depth that teeth lose in the z-test, or they stick out of small chins
_SHADOW_SIZE, _SHADOW_EXTENT = 176, 1.75  # texels; half side in mesh units
_LAB_SOFTNESS = 0.5

_SKY, _HORIZON, _GROUND = (0.62, 0.68, 0.78), (0.494, 0.487, 0.48), (0.22, 0.18, 0.15)


@dataclass(frozen=True)
class Sitter:
    """A person with what is computed once for all views."""

    person: Person
    shape: HeadShape
    texture: Texture
    occlusion: tuple[np.ndarray, np.ndarray]  # with closed and with open mouth
    hair: Strands | None
    beard: BeardRoots | None
    glasses: GlassesMesh | None
    anchors: Anchors
    measures: Measures
    lash_seed: tuple[int, ...]


@dataclass(frozen=True)
class Setup:
    """How the photographer stands: camera, and gains (3,) of the head and of the background."""

    camera: cameras.Camera
    gains: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Picture:
    """One image and its labels.

    Attributes:
        image: (size, size, 3) uint8 RGB.
        parsing: (size, size) uint8.
        layers: (size, size, 3) uint8.
        landmarks: (5, 2) float32, pixels x, y.
        landmarks_visible: (5,) uint8, 0 where hair, the head or the edge hides a landmark.
        landmarks68: (68, 2) float32.
        landmarks68_visible: (68,) uint8.
        setup: for another picture that differs in nothing else.
    """

    image: np.ndarray
    parsing: np.ndarray
    layers: np.ndarray
    landmarks: np.ndarray
    landmarks_visible: np.ndarray
    landmarks68: np.ndarray
    landmarks68_visible: np.ndarray
    setup: Setup


@dataclass(frozen=True)
class _Lighting:
    """Lights of a view with the map of what the key light reaches."""

    light: Light
    basis: np.ndarray
    strand_shadow: np.ndarray
    skin_shadow: np.ndarray

    def locate(self, points: np.ndarray) -> np.ndarray:
        return _to_shadow_map(points, self.basis)


def make_sitter(person: Person, size: int, streams: dict[str, tuple[int, ...]]) -> Sitter:
    """Grows and paints a person for images of a size.

    Args:
        person: who.
        size: side of the images in pixels; small ones need less detail.
        streams: seeds of the random streams "hair", "beard" and "lashes".
    """
    shape = head_shape(person.shape)
    head = pose_head(shape, Expression())
    shouting = pose_head(shape, Expression(mouth_open=_OPEN_MOUTH))
    points = anchors(person.brows)
    atlas, share = next((atlas, share) for limit, atlas, share in _DETAIL if size <= limit)
    return Sitter(
        person=person,
        shape=shape,
        texture=bake(person, *atlas),
        occlusion=(ambient_occlusion(head), ambient_occlusion(shouting)),
        hair=grow_hair(person, head, share, np.random.default_rng(streams["hair"])),
        beard=beard_roots(person, np.random.default_rng(streams["beard"])),
        glasses=fit_glasses(person.glasses, head) if person.glasses else None,
        anchors=points,
        measures=measure(points.on(head)),
        lash_seed=streams["lashes"],
    )


def take_picture(sitter: Sitter, view: View, size: int, setup: Setup | None = None) -> Picture:
    """Draws a sitter as seen in a view; None lets the photographer aim and expose anew."""
    block = max(2, -(-_SAMPLES // size))
    samples = size * block
    head = pose_head(sitter.shape, view.expression)
    camera = setup.camera if setup else cameras.aim(view, head, samples)
    canvas = Canvas(
        depth=np.full((samples, samples), FAR, np.float32),
        face=np.full((samples, samples), -1, np.int32),
        weights=np.zeros((samples, samples, 2), np.float32),
        color=np.zeros((samples, samples, 3), np.float32),
        label=np.zeros((samples, samples), np.uint8),
    )
    turned = camera.turn(head.vertices)
    points = camera.project(turned)
    points[base_mesh().mouth_inside, 2] -= _TEETH_BEHIND
    rasterize(points, base_mesh().triangles, True, canvas.depth, canvas.face, canvas.weights)
    hair = camera.turn(sitter.hair.points) if sitter.hair is not None else None
    lighting = _light_scene(view, turned, hair)
    if hair is not None:
        _draw_hair(sitter, view, camera, hair, lighting, canvas)
    _shade_head(sitter, view, camera, head, turned, lighting, canvas)  # what hair leaves free
    five = cameras.landmarks(camera, head)
    all68 = camera.project(camera.turn(sitter.anchors.on(head)))
    seen = [visible(found, canvas.depth) for found in (five, all68)]  # beards hide no landmark
    _draw_lashes_and_beard(sitter, view, camera, head, lighting, canvas)
    below = canvas.label.copy()
    if sitter.glasses is not None:
        _draw_glasses(sitter.person.glasses, sitter.glasses, view, camera, lighting.light, canvas)
    exposure_rng, rng = np.random.default_rng(view.sensor_seed).spawn(2)
    if setup:
        gains = setup.gains
    elif view.lab:
        gains = fixed_exposure(sitter.person.skin.tone)
    else:
        gains = expose(canvas.color, canvas.label, sitter.person.skin.tone, exposure_rng)
    made, behind = Pictures.empty(size), backdrop(samples, view.background_seed)
    develop(canvas.color, behind, canvas.label, below, *gains, block, made)
    five, all68 = (found[:, :2] / np.float32(block) for found in (five, all68))
    return Picture(
        image=sense(made.image, rng),
        parsing=made.parsing,
        layers=made.layers,
        landmarks=five,
        landmarks_visible=seen[0],
        landmarks68=all68,
        landmarks68_visible=seen[1],
        setup=Setup(camera, gains),
    )


# ---- light


def _light_scene(view: View, turned: np.ndarray, hair: np.ndarray | None) -> _Lighting:
    azimuth, elevation = np.deg2rad(LIGHTS[view.light])
    key = np.array(
        [
            np.sin(azimuth) * np.cos(elevation),
            np.sin(elevation),
            np.cos(azimuth) * np.cos(elevation),
        ]
    )
    opposite = -np.sign(key[0]) if abs(key[0]) > 0.1 else 1.0
    orbit = cameras.rotation(view.orbit, 0, 0)  # lamps stand in the room
    key, rim = orbit @ key, orbit @ unit(np.array([opposite * 0.8, 0.35, -0.5]))
    color = view.key * np.exp([view.warmth, 0, -view.warmth])
    light = Light(
        direction=_floats(key),
        color=_floats(color),
        rim_direction=_floats(rim),
        rim_color=(view.rim,) * 3,
        sky=_SKY,
        horizon=_HORIZON,
        ground=_GROUND,
        ambient=view.ambient,
        softness=_LAB_SOFTNESS if view.lab else 1.0,
    )
    basis = light_basis(key)
    skin_shadow = np.full((_SHADOW_SIZE, _SHADOW_SIZE), FAR, np.float32)
    rasterize_depth(_to_shadow_map(turned, basis), base_mesh().triangles, True, skin_shadow)
    strand_shadow = skin_shadow
    if hair is not None:
        points = _to_shadow_map(hair, basis)
        strand_shadow = skin_shadow.copy()
        splat_depth(points.reshape(-1, 3), 2, skin_shadow)
        splat_depth(points[:, 1::2].reshape(-1, 3), 1, strand_shadow)
    return _Lighting(light, basis, strand_shadow, skin_shadow)


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _to_shadow_map(points: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Turned points (..., 3) to texels of the shadow map and the height towards the light."""
    local = (points.reshape(-1, 3) @ basis.T).reshape(points.shape)
    scale = np.float32(_SHADOW_SIZE / (2 * _SHADOW_EXTENT))
    local[..., 0] = local[..., 0] * scale + np.float32(_SHADOW_SIZE / 2)
    local[..., 1] = (np.float32(0.1) - local[..., 1]) * scale + np.float32(_SHADOW_SIZE / 2)
    return local


def _shade_head(sitter, view, camera, head, turned, lighting, canvas) -> None:
    mesh = base_mesh()
    closed, opened = sitter.occlusion
    mouth_open = np.float32(min(view.expression.mouth_open / _OPEN_MOUTH, 1.0))
    geometry = Geometry(
        triangles=mesh.triangles,
        parts=mesh.parts,
        canonical=mesh.vertices,
        turned=turned,
        normals=camera.turn_directions(head.normals, head.vertices[:, 1]),
        lit=lighting.locate(turned),
        occlusion=closed * (1 - mouth_open) + opened * mouth_open,
    )
    sideways, up = view.gaze
    toe_in = 0.03
    gaze = [[np.sin(sideways - toe_in * side), np.sin(up), np.cos(sideways)] for side in (1, -1)]
    outer, inner = palette.IRIS[sitter.person.iris]
    eyes = Eyes(
        centres=np.stack([turned[eye].mean(0) for eye in mesh.eyes]),
        gaze=unit(unit(np.array(gaze)) @ camera.gaze_rotation.T).astype(np.float32),
        outer=outer,
        inner=inner,
        pupil=view.pupil,
    )
    shade(
        geometry, sitter.texture, eyes, lighting.light, lighting.skin_shadow, view.distance, canvas
    )


# ---- strands


def _draw_lashes_and_beard(sitter, view, camera, head, lighting, canvas) -> None:
    person = sitter.person
    lashes = grow_lashes(person, head, np.random.default_rng(sitter.lash_seed))
    darken_along(camera.project(camera.turn(lashes.points)), 0.02, canvas)
    if sitter.beard is not None:
        beard = grow_beard(sitter.beard, head)
        points = camera.turn(beard.points)
        color = palette.brows(person.hair.color, person.skin.tone)
        lit = _light_on(points, beard, color, 0.6, view, lighting)
        width = _line_width(canvas)
        draw_strands(camera.project(points), lit, width, 1, KEEP_LABEL, 0.005, canvas)


def _draw_hair(sitter, view, camera, points, lighting, canvas) -> None:
    """Draws the head hair, whose points are already turned."""
    hair = sitter.person.hair
    flowing = hair.style in FLOWING_STYLES
    gloss, width = (1.0, 2) if flowing else (0.4, 1)  # short glossy strands would sparkle
    lit = _light_on(points, sitter.hair, palette.HAIR[hair.color], gloss, view, lighting)
    width *= _line_width(canvas)
    draw_strands(camera.project(points), lit, width, 2, LABEL_HAIR, 0.0, canvas)


def _light_on(points, strands: Strands, color, gloss: float, view, lighting) -> np.ndarray:
    return light_strands(
        *(points, lighting.locate(points), strands.openness, strands.brightness),
        *(np.asarray(color, np.float32), lighting.strand_shadow, lighting.light),
        *(view.distance, gloss),
    )


def _line_width(canvas: Canvas) -> int:
    """Samples that a thin line covers; finer grids would leave gaps."""
    return max(1, round(len(canvas.depth) / 512))


# ---- glasses


def _draw_glasses(glasses: Glasses, mesh: GlassesMesh, view, camera, light, canvas) -> None:
    for rim in mesh.rims:
        _draw_lens(glasses, rim, view, camera, canvas)
    size = len(canvas.depth)
    face = np.full((size, size), -1, np.int32)
    weights = np.zeros((size, size, 2), np.float32)
    points = camera.project(camera.turn(mesh.vertices))
    rasterize(points, mesh.triangles, False, canvas.depth, face, weights)
    visible = face >= 0
    w = weights[visible]
    corner = np.stack([1 - w.sum(-1), w[:, 0], w[:, 1]], -1)[..., None]
    normals = (mesh.normals @ camera.head_rotation.T)[mesh.triangles[face[visible]]]
    normals = unit((normals * corner).sum(1))
    normals *= np.sign(normals[:, 2:3] + 1e-6)
    direction = np.array(light.direction)
    facing = np.clip(normals @ direction, 0, 1)[:, None]
    half = unit(direction + np.array([0, 0, 1.0]))
    glint = np.clip(normals @ half, 0, 1)[:, None] ** 70
    color = np.array(glasses.color) * (facing * light.color + light.ambient * 0.6)
    color += glint * light.color * 0.5 + 0.05 * np.clip(normals[:, 1:2], 0, 1)
    canvas.color[visible] = color
    canvas.label[visible] = LABEL_GLASSES


def _draw_lens(glasses: Glasses, rim: np.ndarray, view, camera, canvas) -> None:
    """Tints what is behind a lens and adds slanted streaks; the labels below stay."""
    count, size = len(rim), len(canvas.depth)
    rim = camera.turn(rim.astype(np.float32))
    fan = np.concatenate([rim, rim.mean(0, keepdims=True)])
    ring = np.arange(count, dtype=np.int32)
    triangles = np.stack([ring, (ring + 1) % count, np.full_like(ring, count)], 1)
    face = np.full((size, size), -1, np.int32)
    weights = np.zeros((size, size, 2), np.float32)
    rasterize(camera.project(fan), triangles, False, canvas.depth.copy(), face, weights)
    rows, columns = np.nonzero(face >= 0)
    if not len(rows):
        return
    normal = camera.head_rotation @ np.array([0, 0, 1.0])
    shift = 0.3 * 2 * normal[2] * normal[0]  # streaks wander as the head turns
    u = (columns - columns.min()) / (np.ptp(columns) + 1)
    v = (rows - rows.min()) / (np.ptp(rows) + 1)
    slant = u + 0.6 * v - shift
    streak = np.exp(-(((slant - 0.55) / 0.10) ** 2)) * 0.5
    streak += np.exp(-(((slant - 0.85) / 0.03) ** 2)) * 0.25 + (1 - v) * 0.25
    through = np.array([0.8, 0.85, 0.8]) if glasses.tint > 0.2 else np.ones(3)
    reflection = streak * (0.035 + 0.05 * glasses.tint) * view.key * 0.9
    seen = canvas.color[rows, columns] * (1 - glasses.tint) * through
    canvas.color[rows, columns] = seen + reflection[:, None] * np.array([0.8, 0.95, 1.15])
