"""The hair styles: how the strands of each start, how long they are and how they bend."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from zoo.data.synthfaces.person import FLOWING_STYLES, Hair, HairStyle


@dataclass
class Roots:
    """Roots of n strands: arrays (n, 3), in normalised head space."""

    positions: np.ndarray
    normals: np.ndarray
    canonical: np.ndarray
    layer: np.ndarray = field(default_factory=lambda: np.empty(0))  # (n,) 0 inside, 1 outside

    @property
    def top(self) -> np.ndarray:
        """1 on the crown, 0 on the sides."""
        t = np.clip((self.canonical[:, 1] - 7.8) / 0.5, 0, 1)
        return t * t * (3 - 2 * t)

    @property
    def front(self) -> np.ndarray:
        """1 at the forehead, 0 behind the ears."""
        t = np.clip((self.canonical[:, 2] - 0.5) / 0.8, 0, 1)
        return t * t * (3 - 2 * t)


@dataclass
class Growth:
    """What the growing kernel needs; arrays have one row per strand, lengths in decimetres."""

    direction: np.ndarray  # (n, 3) at the root
    length: np.ndarray
    offset: np.ndarray  # distance kept from the head
    side: np.ndarray  # 1 or -1: side of the part line
    jitter: np.ndarray  # (n, 3) standard normal
    is_bang: np.ndarray
    pull_back: np.ndarray  # towards a knot at the back
    points: int = 8
    gravity: float = 0.5
    stiffness: float = 0.75
    curl_radius: float = 0.0
    curl_frequency: float = 0.0
    clears_face: bool = False
    pull_fades: bool = False  # towards the tips, or hair flies sideways
    pull_strength: float = 1.0  # of the direction that a strand is bent towards


def growth(hair: Hair, roots: Roots, rng: np.random.Generator) -> Growth:
    """Returns the growth of a style; sets `roots.layer`."""
    rng, bang_rng = rng.spawn(2)  # bangs must not move other strands
    count = len(roots.positions)
    jitter = rng.normal(0, 1, (count, 3))
    side = np.sign(roots.canonical[:, 0] - hair.part + rng.normal(0, 0.015, count))
    side[side == 0] = 1
    roots.layer = rng.random(count)
    plan = Growth(
        direction=np.zeros((count, 3)),
        length=np.zeros(count),
        offset=np.zeros(count),
        side=side,
        jitter=jitter,
        is_bang=np.zeros(count),
        pull_back=np.zeros(count),
    )
    if hair.style in FLOWING_STYLES:
        _flowing(hair, roots, plan, rng)
    else:
        _SHORT_STYLES[hair.style](hair, roots, plan, rng)
    if hair.bangs:
        _bangs(hair, roots, plan, bang_rng)
    return plan


def _columns(count: int, *values: object) -> np.ndarray:
    return np.stack([np.broadcast_to(value, count) for value in values], 1)


def _buzz(hair: Hair, roots: Roots, plan: Growth, rng: np.random.Generator) -> None:
    plan.direction = roots.normals * 0.8 + [0, -0.2, 0.3]
    plan.length = rng.uniform(0.05, 0.10, len(plan.length))
    plan.offset = 0.02 + 0.02 * roots.layer
    plan.points, plan.stiffness = 5, 0.9


def _short(hair: Hair, roots: Roots, plan: Growth, rng: np.random.Generator) -> None:
    count, top = len(plan.length), roots.top
    plan.direction = roots.normals * 0.45 + _columns(count, hair.comb * 0.6, -0.25, 0.55)
    plan.direction[:, 2] -= (1 - top) * 0.7
    plan.length = hair.length * rng.uniform(0.7, 1.1, count) * (0.22 + 0.78 * top)
    plan.offset = 0.025 + 0.09 * roots.layer * (0.3 + 0.7 * top)


def _side(hair: Hair, roots: Roots, plan: Growth, rng: np.random.Generator) -> None:
    count, top = len(plan.length), roots.top
    direction = roots.normals * 0.5 + _columns(count, plan.side, 0.15, 0.25 * roots.front)
    direction[:, 0] *= 0.25 + 0.75 * top
    direction[:, 1] -= (1 - top) * 0.8
    plan.direction = direction * 0.7
    plan.length = hair.length * rng.uniform(0.6, 1.25, count) * (0.20 + top)
    plan.offset = 0.03 + 0.13 * roots.layer * (0.2 + 0.8 * top)
    plan.points, plan.gravity, plan.stiffness, plan.pull_fades = 9, 1.0, 0.6, True


def _quiff(hair: Hair, roots: Roots, plan: Growth, rng: np.random.Generator) -> None:
    count, top = len(plan.length), roots.top
    plan.direction = roots.normals * 0.7
    plan.direction += _columns(count, 0.15 * plan.side, 0.6 * roots.front, -0.55)
    plan.direction[:, 1] -= (1 - top) * 1.2
    plan.length = hair.length * rng.uniform(0.8, 1.2, count) * (0.2 + 0.9 * top)
    plan.offset = 0.03 + 0.16 * roots.layer * (0.15 + 0.85 * top)
    plan.points, plan.gravity = 8, 0.2


def _afro(hair: Hair, roots: Roots, plan: Growth, rng: np.random.Generator) -> None:
    plan.direction = roots.normals.astype(float)
    plan.length = hair.length * rng.uniform(0.8, 1.1, len(plan.length))
    plan.offset = np.full(len(plan.length), 0.02)
    plan.points, plan.gravity, plan.stiffness = 12, 0.05, 0.93
    plan.curl_radius, plan.curl_frequency = 0.035, 38.0


_SHORT_STYLES = {
    HairStyle.BUZZ: _buzz,
    HairStyle.SHORT: _short,
    HairStyle.RECEDING: _short,
    HairStyle.SIDE: _side,
    HairStyle.QUIFF: _quiff,
    HairStyle.AFRO: _afro,
}


def _flowing(hair: Hair, roots: Roots, plan: Growth, rng: np.random.Generator) -> None:
    count, (x, y, z) = len(plan.length), roots.canonical.T
    plan.pull_strength, plan.clears_face, plan.pull_fades = 0.35, True, True
    if hair.style == HairStyle.TIED:
        plan.direction = roots.normals * 0.05
        plan.direction += _columns(count, -0.15 * x, -0.1 - 0.3 * roots.front, -1.0)
        plan.length = np.clip(z + 0.5, 0.3, 2.0) * 1.15
        plan.offset = 0.02 + 0.045 * roots.layer
        plan.pull_back[:] = 0.35
        plan.points, plan.gravity, plan.stiffness = 12, 0.0, 0.9
        plan.pull_strength, plan.clears_face, plan.pull_fades = 0.7, False, False
        return
    outwards = _columns(count, plan.side, -0.05, np.where(z > 0.6, -0.30, -0.1))
    plan.direction = roots.normals * 0.35 + outwards
    behind = z < 0.1
    plan.direction[behind] = roots.normals[behind] * 0.3 + np.array([0, -1, 0])
    plan.length = np.clip(y - hair.end + 0.252 * roots.top, 0.3, 3.0)
    plan.length = plan.length * (1.05 - 0.3 * rng.random(count) ** 2)
    plan.offset = 0.035 + 0.10 * roots.layer * hair.volume
    plan.points, plan.gravity, plan.stiffness = 13, 1.0, 0.48
    if hair.style == HairStyle.WAVY:
        plan.curl_radius, plan.curl_frequency = 0.045, 7.5
    elif hair.style == HairStyle.CURLY:
        plan.curl_radius, plan.curl_frequency = 0.06, 18.0
        plan.offset = plan.offset + 0.06


def _bangs(hair: Hair, roots: Roots, plan: Growth, rng: np.random.Generator) -> None:
    """Redirects only the roots above the forehead, forward and down to the given height."""
    x, y, z = roots.canonical.T
    edge = 0.62 - 0.22 * rng.random(len(x))  # they thin out towards the temples
    bang = (z > 0.82) & (np.abs(x) < edge) & (rng.random(len(x)) < 0.85)
    count = np.count_nonzero(bang)
    x, y = x[bang], y[bang]
    aside = hair.comb * 0.45 * (1 - np.abs(x) / 0.65)
    forward = _columns(count, x * 0.15 + aside, -0.5, 0.65)
    plan.direction[bang] = roots.normals[bang] * 0.2 + forward
    # The hem hangs lower at the temples and on the side that it is combed to; locks end apart.
    hem = hair.bangs_height - 0.5 * x**2 - 0.15 * hair.comb * x
    locks = np.interp(x, np.linspace(-0.65, 0.65, 14), rng.uniform(-0.06, 0.06, 14))
    length = np.clip((y - hem + locks) * 1.12 + 0.02, 0.1, 1.2)
    plan.length[bang] = length * (1.04 - 0.4 * rng.random(count) ** 2)
    plan.offset[bang] = 0.02 + 0.045 * roots.layer[bang]
    plan.is_bang[bang] = 1
    plan.pull_back[bang] = 0
