"""How a person is seen: pose, light, expression, camera and sensor of one image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from zoo.data.synthfaces.geometry import Expression

# Azimuth and elevation of the key light in degrees; azimuth 0 is the camera, positive its right.
LIGHTS = (
    *((azimuth, 12) for azimuth in (-90, -65, -45, -30, -15, 0, 15, 30, 45, 65, 90)),
    *((-60, 40), (-30, 45), (0, 50), (30, 45), (60, 40)),
    *((0, -25), (-35, -10), (35, -10), (20, 70)),
)

# How often portraits have each: mostly from the front and above, rarely from below.
_LIGHT_WEIGHTS = np.array(
    [*(1, 2, 5, 8, 8, 8, 8, 8, 5, 2, 1), *(5, 10, 8, 10, 5), *(0.5, 1, 1, 3.5)]
)

LAB_YAWS = tuple(range(-90, 91, 15))
"""Degrees at which Multi-PIE's 13 cameras of head height see a face; 0 is its camera 05_1."""

SESSIONS = 4
"""Sittings of a person in the lab, as in Multi-PIE."""

_LAB_KEY, _LAB_AMBIENT, _LAB_DISTANCE = 2.2, 0.25, 12.0  # ours; the look study: ambient .1 to .2


@dataclass(frozen=True)
class View:
    """Angles in degrees, lengths in mesh units (decimetres) unless stated."""

    expression: Expression
    yaw: float  # of the head against the room; positive turns the nose to the right of the image
    pitch: float
    roll: float
    gaze: tuple[float, float]  # radians, sideways and up, relative to the head
    pupil: float  # share of the iris
    light: int  # index into LIGHTS
    key: float  # strength of the key light
    ambient: float
    warmth: float  # of the key light, logarithmic
    rim: float  # strength of the light from behind
    distance: float  # of the camera
    shift: tuple[float, float]  # of the face in the image, shares of its side
    zoom: float
    sensor_seed: int
    background_seed: int
    orbit: float = 0.0  # turns person and lights together: the camera went round them
    session: int | None = None  # of the lab: recognition crop, fixed exposure, harder light

    @property
    def lab(self) -> bool:
        return self.session is not None

    @property
    def seen_yaw(self) -> float:
        """Yaw of the head against the camera."""
        return self.yaw + self.orbit

    @property
    def frontal(self) -> View:
        """The same moment as the camera at yaw 0 sees it, with noise of its own."""
        return replace(self, orbit=0.0, sensor_seed=self.sensor_seed + 1)


def sample_view(rng: np.random.Generator, mouth_open: bool | None = None) -> View:
    """Draws a view.

    Args:
        rng: source of every random number.
        mouth_open: forces the mouth open or closed; nothing else changes.
    """
    warm_smile, smiling = rng.normal(0.75, 0.22), rng.random() < 0.55
    smile = warm_smile if smiling else rng.normal(0.12, 0.12)
    opening, opens = rng.uniform(0.15, 0.55), rng.random() < 0.45
    wide, smiles_too = rng.random() < 0.2, rng.random() < 0.85
    opening *= 1.0 if wide else 0.55
    if opens and smiles_too:  # or everybody with an open mouth looks shocked
        smile = max(smile, 0.45)
    rim, rim_lit = rng.uniform(0.3, 1.4), rng.random() < 0.5
    return View(
        expression=Expression(
            smile=float(np.clip(smile, 0, 1.2)),
            mouth_open=float(opening) if _forced(mouth_open, opens) else 0.0,
            lids=float(np.clip(rng.normal(-0.16, 0.11), -0.35, 0.3)),
        ),
        yaw=float(np.clip(rng.normal(0, 20), -75, 75)),
        pitch=float(rng.normal(0, 5)),
        roll=float(rng.normal(0, 3.5)),
        gaze=(float(rng.normal(0, 0.10)), float(rng.normal(0, 0.06))),
        pupil=float(rng.uniform(0.28, 0.48)),
        light=int(rng.choice(len(LIGHTS), p=_LIGHT_WEIGHTS / _LIGHT_WEIGHTS.sum())),
        key=float(rng.uniform(1.3, 2.6)),
        ambient=float(np.exp(rng.uniform(np.log(0.28), np.log(1.0)))),
        warmth=float(rng.normal(0, 0.10)),
        rim=float(rim) if rim_lit else 0.0,
        distance=float(rng.uniform(7, 16)),
        shift=(float(rng.normal(0, 0.02)), float(rng.normal(0, 0.015))),
        zoom=float(rng.uniform(0.94, 1.07)),
        sensor_seed=int(rng.integers(1 << 30)),
        background_seed=int(rng.integers(1 << 30)),
    )


def _forced(wanted: bool | None, drawn: bool) -> bool:
    return drawn if wanted is None else wanted


def sample_lab_view(
    rng: np.random.Generator,
    sitting: np.random.Generator,
    session: int,
    mouth_open: bool | None = None,
) -> View:
    """Draws a view as Multi-PIE records it.

    One of 13 cameras and one of 20 lamps, all fixed in the room; a person who looks ahead, nearly
    without expression; no jitter of the crop, which is aligned by landmarks.

    Args:
        rng: of what differs between the views of a session: camera, lamp, background and noise.
        sitting: of the session: expression, posture of the head, gaze.
        session: its number, from 1.
        mouth_open: forces the mouth open; it is closed otherwise.
    """
    return View(
        expression=Expression(
            smile=float(np.clip(sitting.normal(0.06, 0.08), 0, 0.3)),
            mouth_open=0.3 if mouth_open else 0.0,
            lids=float(np.clip(sitting.normal(-0.14, 0.08), -0.35, 0.2)),
        ),
        yaw=0.0,
        pitch=float(np.clip(sitting.normal(0, 1.5), -4, 4)),
        roll=float(np.clip(sitting.normal(0, 0.8), -2, 2)),
        gaze=(float(sitting.normal(0, 0.03)), float(sitting.normal(0, 0.02))),
        pupil=float(sitting.uniform(0.30, 0.42)),
        light=int(rng.integers(len(LIGHTS))),
        key=_LAB_KEY,
        ambient=_LAB_AMBIENT,
        warmth=0.0,
        rim=0.0,
        distance=_LAB_DISTANCE,
        shift=(0.0, 0.0),
        zoom=1.0,
        sensor_seed=int(rng.integers(1 << 30)),
        background_seed=int(rng.integers(1 << 30)),
        orbit=float(rng.choice(LAB_YAWS)),
        session=session,
    )
