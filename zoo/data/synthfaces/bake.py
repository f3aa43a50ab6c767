"""Painting a person's skin atlas: colour, gloss, roughness, height and label of every texel.

Layers of skin multiply the colour by exp(-amount * (r, g, b)), which keeps hues believable on every
tone; their exponents are summed first. Stubble, beard, lips, brows, scalp and clothes are then
painted over it in this order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from zoo.data.synthfaces import palette
from zoo.data.synthfaces.atlas import BOTTOM, TOP, AtlasMaps, atlas_maps
from zoo.data.synthfaces.noise import fractal_noise
from zoo.data.synthfaces.person import HairStyle, Person
from zoo.data.synthfaces.regions import (
    MOUTH_LINE,
    BrowShape,
    beard_field,
    brow_mask,
    clip01,
    clothes_field,
    full_beard_field,
    hairline_at,
    is_nose,
    smoothstep,
)

_SCALP_DENSITY = 0.93  # of the hair colour painted under the strands
_LABEL_SKIN, _LABEL_LEFT_BROW, _LABEL_RIGHT_BROW, _LABEL_NOSE = 1, 2, 3, 6
_LABEL_UPPER_LIP, _LABEL_LOWER_LIP, _LABEL_HAIR, _LABEL_CLOTHES = 7, 9, 10, 13


class Texture(NamedTuple):
    """A baked atlas; maps are float32 (H, W) unless stated."""

    color: np.ndarray  # (H, W, 3) linear RGB
    specular: np.ndarray  # strength of reflections, about 1
    roughness: np.ndarray  # 0 to 1
    height: np.ndarray  # bumps, mesh units
    label: np.ndarray  # uint8 parsing class; neck is decided per sample when shading


class _Paint(NamedTuple):
    """The properties of a person that the kernel needs."""

    age: float
    tone: float
    redness: float
    eye_bags: float
    socket_shadow: float
    freckles: float
    oiliness: float
    lip_gloss: float
    stubble: float
    liner: float
    brow: BrowShape
    bald: bool
    bald_shade: float
    beard: int
    moustache: bool
    collar: float
    pattern: int


def bake(person: Person, height: int, width: int) -> Texture:
    """Paints the atlas of a person at a size."""
    texture = Texture(
        color=np.empty((height, width, 3), np.float32),
        specular=np.empty((height, width), np.float32),
        roughness=np.empty((height, width), np.float32),
        height=np.empty((height, width), np.float32),
        label=np.empty((height, width), np.uint8),
    )
    skin, hair = person.skin, person.hair
    colors = np.stack(
        [
            palette.skin(skin.tone) * np.array(skin.tint),
            palette.brows(hair.color, skin.tone),
            palette.lips(skin.tone, skin.makeup, person.noise_seed),
            np.array(palette.HAIR[hair.color]),
            np.array(person.clothes.color),
        ]
    )
    moles = np.array(skin.moles, float).reshape(-1, 3)
    maps = atlas_maps(height, width)
    _paint(maps, _noises(person, maps), _paint_values(person), colors, moles, texture)
    return texture


class _Noises(NamedTuple):
    """float32 maps (H, W); zero where they are not needed."""

    n1: np.ndarray  # -.5 to .5, as the next two; 3, 11 and 45 cycles per unit
    n2: np.ndarray
    n3: np.ndarray
    freckles: np.ndarray
    age_spots: np.ndarray
    dots: np.ndarray  # stubble
    beard: np.ndarray
    lips: np.ndarray
    brows: np.ndarray
    scalp: np.ndarray  # the scalp field with its ragged edge
    strands: np.ndarray  # -.5 to .5
    weave: np.ndarray
    patches: np.ndarray


def _noises(person: Person, maps: AtlasMaps) -> _Noises:
    seed, hair, skin = person.noise_seed, person.hair, person.skin
    x, y, z = maps.x, maps.y, maps.z

    def over(low: float, high: float, wanted: bool, *args) -> np.ndarray:
        """Noise in the rows of these canonical heights only: scale of x, y, z, then the noise."""
        out = np.zeros(y.shape, np.float32)
        if wanted:
            scales, *noise = args
            rows = _rows(low, high, len(y))
            axes = zip((x, y, z), scales, strict=True)
            out[rows] = fractal_noise(
                *(axis[rows] * scale if scale != 1 else axis[rows] for axis, scale in axes), *noise
            )
        return out

    plain, everywhere = np.ones(3, np.float32), (BOTTOM, TOP, True)
    return _Noises(
        n1=over(*everywhere, plain, 3.0, seed, 3) - np.float32(0.5),
        n2=over(*everywhere, plain, 11.0, seed + 5, 3) - np.float32(0.5),
        n3=over(*everywhere, plain, 45.0, seed + 9, 2) - np.float32(0.5),
        freckles=over(6.3, 8.0, skin.freckles > 0, plain, 38.0, seed + 31, 1),
        age_spots=over(BOTTOM, TOP, person.age > 0.3, plain, 12.0, seed + 77, 2),
        dots=over(5.6, 7.3, skin.stubble > 0, plain, 60.0, seed + 3, 1),
        beard=over(*(5.6, 7.3, person.beard.any, np.float32([1, 0.25, 1])), 70.0, seed + 8, 2),
        lips=over(6.2, 7.0, True, np.float32([1, 0.22, 1]), 40.0, seed + 4, 2),
        brows=_brow_streaks(person, x, y),
        scalp=hairline_at(x, y, z, hair.hairline, hair.recession, seed),
        strands=over(
            *(6.0, TOP, hair.style != HairStyle.BALD, np.float32([3, 1, 1])), 30.0, seed + 2, 2
        )
        - np.float32(0.5),
        weave=over(BOTTOM, 6.1, True, plain, 55.0, 3, 1),
        patches=over(BOTTOM, 6.1, person.clothes.pattern == 2, plain, 8.0, seed, 2),
    )


def _rows(low: float, high: float, height: int) -> slice:
    """Rows of an atlas that hold these canonical heights."""
    first, last = (int((TOP - edge) / (TOP - BOTTOM) * height) for edge in (high, low))
    return slice(max(first, 0), last + 1)


def _brow_streaks(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Noise stretched 14:120 along the brow hairs, tilted in mirrored x."""
    out = np.zeros(y.shape, np.float32)
    rows = _rows(7.2, 7.8, len(y))
    mirrored = np.abs(x[rows])
    mirrored = mirrored - 0.12 * np.abs(mirrored - 0.12)
    cosine, sine = np.cos(person.brows.tilt), np.sin(person.brows.tilt)
    u = (mirrored * cosine + y[rows] * sine) * 14
    v = (y[rows] * cosine - mirrored * sine) * 120
    out[rows] = fractal_noise(u, v, np.zeros_like(u), 1.0, person.noise_seed + 11, 2)
    return out


def _paint_values(person: Person) -> _Paint:
    skin, hair = person.skin, person.hair
    bald = hair.style == HairStyle.BALD
    return _Paint(
        age=person.age,
        tone=skin.tone,
        redness=skin.redness,
        eye_bags=skin.bags(person.age),
        socket_shadow=skin.socket_shadow,
        freckles=skin.freckles,
        oiliness=skin.oiliness,
        lip_gloss=skin.lip_gloss,
        stubble=skin.stubble,
        liner=0.55 + 0.9 * skin.makeup,
        brow=person.brows,
        bald=bald,
        bald_shade=0.10 if bald and person.male else 0.0,
        beard=person.beard.kind,
        moustache=person.beard.moustache,
        collar=person.clothes.collar,
        pattern=person.clothes.pattern,
    )


class _Texel(NamedTuple):
    """All inputs of one texel: scalars, since functions of arrays count references."""

    x: float
    y: float
    z: float
    lips: float
    blood: float
    forehead: float
    eye_bags: float
    sockets: float
    freckles: float
    nostrils: float
    gloss: float
    smooth: float
    n1: float
    n2: float
    n3: float
    freckle_noise: float
    age_noise: float
    dots: float
    beard_noise: float
    lip_noise: float
    brow_noise: float
    mole: float


@njit(cache=True)
def _paint(maps, noises, p, colors, moles, out):
    """Paints all texels. `colors`: rows of skin, brows, lips, hair and clothes."""
    rows, columns = out.label.shape
    skin, brows, lips = _row(colors, 0), _row(colors, 1), _row(colors, 2)
    hair, cloth = _row(colors, 3), _row(colors, 4)
    for j in range(rows):
        for i in range(columns):
            x, y, z = maps.x[j, i], maps.y[j, i], maps.z[j, i]
            if y < 6.2 and clothes_field(x, y, z, p.collar) > 0:
                weave = _weave(p.pattern, y, noises.weave[j, i], noises.patches[j, i])
                for k in range(3):
                    out.color[j, i, k] = cloth[k] * weave
                out.specular[j, i], out.roughness[j, i], out.height[j, i] = 0.25, 0.8, 0.0
                out.label[j, i] = _LABEL_CLOTHES
                continue
            t = _texel(maps, noises, moles, x, y, z, j, i)
            scalp, strand = 0.0, noises.strands[j, i]
            if not p.bald:
                scalp = smoothstep(-0.05, 0.07, noises.scalp[j, i] + strand * 0.10)
                scalp *= _SCALP_DENSITY * (1 - maps.ears[j, i])
            wrinkle = beard = lip_lines = brow = 0.0
            color = skin
            if scalp < _SCALP_DENSITY:  # else next to nothing of the skin is seen
                wrinkle = _wrinkles(p.age, abs(x), y, z, t.n1, t.n2)
                color = _skin_color(t, p, wrinkle, skin)
                color, beard = _paint_beard(t, p, color, brows)
                color, lip_lines = _paint_lips(t, color, lips)
                color, brow = _paint_brow(t, p, color, brows)
            lids = np.exp(-maps.lid_line[j, i] * p.liner)
            under = p.bald_shade * smoothstep(-0.02, 0.1, noises.scalp[j, i])
            for k in range(3):
                value = color[k] * lids * (1 - scalp) + scalp * hair[k] * (0.8 + 0.5 * strand)
                out.color[j, i, k] = value * (1 - under) + under * brows[k] * 0.9
            specular, roughness, height = _surface(t, p, wrinkle, scalp, beard, lip_lines)
            out.specular[j, i], out.roughness[j, i] = specular, roughness
            out.height[j, i] = height + scalp * 0.006 * strand
            out.label[j, i] = _label(x, y, z, maps.lips_label[j, i], brow, scalp)


@njit(cache=True, inline="always")
def _row(colors, k):
    return colors[k, 0], colors[k, 1], colors[k, 2]


@njit(cache=True, inline="always")
def _texel(maps, noises, moles, x, y, z, j, i):
    mole = 0.0
    if z > 0.8:
        for m in range(moles.shape[0]):
            distance = ((x - moles[m, 0]) ** 2 + (y - moles[m, 1]) ** 2) / moles[m, 2] ** 2
            if distance < 5:
                mole += np.exp(-(distance**2))
    return _Texel(
        x,
        y,
        z,
        maps.lips[j, i],
        maps.blood[j, i],
        maps.forehead[j, i],
        maps.eye_bags[j, i],
        maps.sockets[j, i],
        maps.freckles[j, i],
        maps.nostrils[j, i],
        maps.gloss[j, i],
        maps.smooth[j, i],
        noises.n1[j, i],
        noises.n2[j, i],
        noises.n3[j, i],
        noises.freckles[j, i],
        noises.age_spots[j, i],
        noises.dots[j, i],
        noises.beard[j, i],
        noises.lips[j, i],
        noises.brows[j, i],
        mole,
    )


@njit(cache=True)
def _weave(pattern, y, weave, patches):
    """Brightness of the cloth."""
    brightness = 0.85 + 0.3 * weave
    if pattern == 1 and (y * 9) % 1 >= 0.5:
        brightness *= 0.45
    elif pattern == 2:
        brightness *= 1.3 if patches > 0.5 else 0.7
    return brightness


@njit(cache=True)
def _wrinkles(age, x, y, z, n1, n2):
    """Depth of wrinkles in 0 to about 1.5; also their height in the bump map."""
    depth = 0.0
    if age > 0.05 and z > 0:
        if 7.58 < y < 8.0:  # lines across the forehead
            row = (y + n1 * 0.10 - 7.62) / 0.105
            line = np.exp(-(((row - np.round(row)) / 0.10) ** 2)) * smoothstep(7.58, 7.66, y)
            line *= (1 - smoothstep(7.93, 8.0, y)) * np.exp(-((x / 0.42) ** 4))
            depth += line * 0.8 * (0.6 + 0.8 * (n1 + 0.5))
        if z > 0.7 and abs(x - 0.5) < 0.35 and abs(y - 7.29) < 0.35:  # crow's feet
            turn, radius = np.arctan2(y - 7.29, x - 0.40), np.hypot(y - 7.29, x - 0.40)
            if abs(turn) < 0.8:
                ray = abs(((turn + n2 * 0.3) / 0.33) % 1 - 0.5)
                depth += np.exp(-((ray / 0.13) ** 2) - ((radius - 0.20) / 0.07) ** 2) * 0.8
        if z > 1 and x < 0.1 and 7.2 < y < 7.8:  # between the brows
            depth += np.exp(-(((x - 0.04) / 0.012) ** 2) - ((y - 7.47) / 0.07) ** 2) * 0.6
        depth *= smoothstep(0.1, 0.95, age)
    if 6.50 < y < 6.90 and z > 0.9:  # from the nose to the mouth corners
        across = x - (0.20 + 0.16 * clip01((6.88 - y) / 0.32) + 0.02 * n1)
        if abs(across) < 0.06:
            line = smoothstep(6.50, 6.62, y) * (1 - smoothstep(6.80, 6.90, y))
            depth += (0.10 + 0.9 * age) * np.exp(-((across / 0.016) ** 2)) * line
    return depth


@njit(cache=True)
def _skin_color(t, p, wrinkle, base):
    """Bare skin: the tone times the exponential of all layers."""
    blood = t.blood * (1 + 1.6 * t.n1) * p.redness + 0.22 * t.n2 * p.redness
    blood += 0.10 * t.n1 + 0.18 * p.age * (t.n2 + 0.15)
    blood = min(2.0, max(-0.6, blood)) * (1 - 0.45 * p.tone)
    melanin = t.n1 * 0.16 + t.n2 * 0.15 + t.n3 * 0.09 * (1 + 0.6 * p.age)
    bags = p.eye_bags * t.eye_bags
    socket = (0.18 + p.socket_shadow) * t.sockets
    spots = smoothstep(0.64, 0.72, t.freckle_noise) * t.freckles * p.freckles
    age_spots = 0.1925 * smoothstep(0.66, 0.74, t.age_noise) * p.age
    line, nostril, mole = 0.42 * wrinkle, 0.7 * t.nostrils, t.mole
    red = 0.10 * blood + 0.45 * melanin + 0.7 * bags + 0.8 * socket + 0.45 * spots + 0.6 * mole
    green = 0.42 * blood + 0.7 * melanin + bags + socket + 0.8 * spots + mole
    blue = 0.36 * blood + 0.8 * melanin + 0.8 * bags + 0.85 * socket + spots + 1.2 * mole
    return (
        base[0] * np.exp(t.forehead - red - 0.8 * line - 0.6 * age_spots - nostril),
        base[1] * np.exp(t.forehead - green - line - 0.9 * age_spots - 1.2 * nostril),
        base[2] * np.exp(t.forehead - blue - line - 1.1 * age_spots - 1.2 * nostril),
    )


@njit(cache=True, inline="always")
def _mix(below, above, alpha):
    return (
        below[0] * (1 - alpha) + above[0] * alpha,
        below[1] * (1 - alpha) + above[1] * alpha,
        below[2] * (1 - alpha) + above[2] * alpha,
    )


@njit(cache=True)
def _paint_beard(t, p, below, color):
    """Stubble, then the undercoat of a beard; returns the colour and the cover of the beard."""
    if t.y > 7.25 or t.z < 0.5:
        return below, 0.0
    if p.stubble > 0:
        cover = p.stubble * smoothstep(-0.04, 0.06, full_beard_field(abs(t.x), t.y, t.z))
        cover *= (1 - t.lips) * (0.28 + 0.35 * smoothstep(0.5, 0.75, t.dots))
        shaved = (
            color[0] * 0.6 + 0.4 * below[0] * 0.75,
            color[1] * 0.6 + 0.4 * below[1] * 0.85,
            color[2] * 0.6 + 0.4 * below[2],
        )
        below = _mix(below, shaved, cover)
    if p.beard == 0 and not p.moustache:
        return below, 0.0
    field = beard_field(abs(t.x), t.y, t.z, p.beard, p.moustache)
    cover = smoothstep(-0.02, 0.05, field + t.n2 * 0.09) * (1 - 0.95 * t.lips)
    alpha = min(0.97, max(0.0, cover * (0.72 + 0.5 * (t.beard_noise - 0.3))))
    shade = 0.5 + t.beard_noise
    return _mix(below, (color[0] * shade, color[1] * shade, color[2] * shade), alpha), cover


@njit(cache=True)
def _paint_lips(t, below, color):
    """Returns the colour with lips and the brightness of their lines."""
    if t.lips <= 0:
        return below, 0.0
    lines = 0.80 + 0.35 * (t.lip_noise - 0.5) + 0.3 * t.n2
    shade = lines * (0.80 if t.y > MOUTH_LINE else 1.0)
    above = (color[0] * shade, color[1] * shade, color[2] * shade)
    return _mix(below, above, 0.85 * t.lips), lines


@njit(cache=True)
def _paint_brow(t, p, below, color):
    """Returns the colour with a brow and its soft mask."""
    mask = brow_mask(abs(t.x), t.y, t.z, p.brow)
    if mask <= 0:
        return below, 0.0
    alpha = mask * p.brow.density * (0.62 + 0.6 * smoothstep(0.3, 0.7, t.brow_noise))
    return _mix(below, color, min(0.96, alpha)), mask


@njit(cache=True)
def _surface(t, p, wrinkle, scalp, beard, lip_lines):
    """Specular strength, roughness and bump height without hair."""
    height = -wrinkle * 0.010 - t.lips * 0.004 * (lip_lines - 0.8) + 0.0045 * t.n3 * (1 - t.lips)
    if t.lips > 0.5:
        return 1.2 + p.lip_gloss, 0.36 - 0.1 * p.lip_gloss, height
    specular = 0.9 + 0.5 * t.gloss * p.oiliness
    specular *= (1 - scalp * 0.6) * (1 - 0.6 * beard) * (1 + 0.6 * t.n2 + 1.2 * t.n3)  # pores
    return specular, 0.46 + 0.10 * t.n2 - 0.08 * t.smooth * p.oiliness, height


@njit(cache=True)
def _label(x, y, z, lips, brow, scalp):
    """Parsing class of a texel that is not clothes. Left is the left of the image: x < 0."""
    if scalp > 0.5:
        return _LABEL_HAIR
    if lips:
        return _LABEL_UPPER_LIP if y > MOUTH_LINE else _LABEL_LOWER_LIP
    if brow > 0.4:
        return _LABEL_LEFT_BROW if x < 0 else _LABEL_RIGHT_BROW
    if is_nose(abs(x), y, z):
        return _LABEL_NOSE
    return _LABEL_SKIN
