"""How a person is seen: pose, light, expression, camera and sensor of one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.data.synthfaces.geometry import Expression

# Azimuth and elevation of the key light in degrees; azimuth 0 is the camera, positive its right.
LIGHTS = (
    *((azimuth, 12) for azimuth in (-90, -65, -45, -30, -15, 0, 15, 30, 45, 65, 90)),
    *((-60, 40), (-30, 45), (0, 50), (30, 45), (60, 40)),
    *((0, -25), (-35, -10), (35, -10), (20, 70)),
)


@dataclass(frozen=True)
class View:
    """Angles in degrees, lengths in mesh units (decimetres) unless stated."""

    expression: Expression
    yaw: float  # positive turns the nose to the right of the image
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


def sample_view(rng: np.random.Generator) -> View:
    """Draws a view."""
    warm_smile, smiling = rng.normal(0.75, 0.22), rng.random() < 0.55
    smile = warm_smile if smiling else rng.normal(0.12, 0.12)
    mouth_open, opens = rng.uniform(0.15, 0.55), rng.random() < 0.45
    wide, smiles_too = rng.random() < 0.2, rng.random() < 0.85
    mouth_open *= 1.0 if wide else 0.55
    if opens and smiles_too:  # or everybody with an open mouth looks shocked
        smile = max(smile, 0.45)
    rim, rim_lit = rng.uniform(0.3, 1.4), rng.random() < 0.5
    return View(
        expression=Expression(
            smile=float(np.clip(smile, 0, 1.2)),
            mouth_open=float(mouth_open) if opens else 0.0,
            lids=float(rng.normal(0.14, 0.16)),
        ),
        yaw=float(np.clip(rng.normal(0, 20), -75, 75)),
        pitch=float(rng.normal(0, 5)),
        roll=float(rng.normal(0, 3.5)),
        gaze=(float(rng.normal(0, 0.10)), float(rng.normal(0, 0.06))),
        pupil=float(rng.uniform(0.28, 0.48)),
        light=int(rng.integers(len(LIGHTS))),
        key=float(rng.uniform(1.5, 3.0)),
        ambient=float(np.exp(rng.uniform(np.log(0.18), np.log(0.75)))),
        warmth=float(rng.normal(0, 0.10)),
        rim=float(rim) if rim_lit else 0.0,
        distance=float(rng.uniform(7, 16)),
        shift=(float(rng.normal(0, 0.02)), float(rng.normal(0, 0.015))),
        zoom=float(rng.uniform(0.94, 1.07)),
        sensor_seed=int(rng.integers(1 << 30)),
        background_seed=int(rng.integers(1 << 30)),
    )
