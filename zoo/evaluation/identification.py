"""Rank-1 face identification under turned heads: the two Multi-PIE settings of TP-GAN.

Each function takes one row per image: `features` (N, D), and (N,) arrays of `identity`, `yaw` in
degrees, `light` and `session` numbers. The features of TP-GAN's protocol are Light CNN's on the
synthesised frontal image. Train and test identities never overlap; only the latter are scored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.errors import ZooError

FRONTAL_LIGHT = 7
"""Multi-PIE's flash straight ahead, the neutral light of the galleries (commonly used; the papers
do not give the number)."""


@dataclass(frozen=True)
class Identification:
    """Result of a setting.

    Attributes:
        rates: |yaw| in degrees -> share of its probes whose nearest gallery image is of the same
            person, 0 to 1.
        probes: |yaw| -> number of probes.
        gallery: number of gallery images, one per test identity.
    """

    rates: dict[int, float]
    probes: dict[int, int]
    gallery: int

    @property
    def mean(self) -> float:
        """Mean of the rates over the angles, 0 to 1."""
        return float(np.mean(list(self.rates.values())))


def rank1(gallery, gallery_identity, probes, probe_identity) -> np.ndarray:
    """Which probes are nearest, by cosine, to a gallery image of their own identity.

    Of equally near gallery images the first counts.

    Args:
        gallery: (G, D) features.
        gallery_identity: (G,).
        probes: (P, D) features.
        probe_identity: (P,).

    Returns:
        (P,) bool.

    Raises:
        ZooError: shapes that do not fit, an empty gallery, or features that are zero or not finite.
    """
    gallery, probes = _unit("gallery", gallery), _unit("probes", probes)
    gallery_identity, probe_identity = np.asarray(gallery_identity), np.asarray(probe_identity)
    if gallery.shape[1] != probes.shape[1]:
        raise ZooError(
            f"gallery has {gallery.shape[1]} features an image, probes {probes.shape[1]}"
        )
    sizes = len(gallery), len(probes)
    if (gallery_identity.shape, probe_identity.shape) != ((sizes[0],), (sizes[1],)):
        raise ZooError("identities must be one per image of gallery and probes")
    if not len(gallery):
        raise ZooError("the gallery is empty")
    nearest = np.argmax(probes @ gallery.T, axis=1)
    return gallery_identity[nearest] == probe_identity


def setting1(
    features,
    identity,
    yaw,
    light,
    session,
    *,
    train_identities: int = 150,
    frontal_light: int = FRONTAL_LIGHT,
    session_number: int = 1,
) -> Identification:
    """Setting 1: session 1, all lights; the first 150 of its 250 identities train, 100 test.

    The gallery is the frontal image under frontal light of each test identity. Every turned image
    of theirs, under every light, is a probe.

    Args:
        features: (N, D).
        identity: (N,) whole numbers; "first" is by number.
        yaw: (N,) degrees.
        light: (N,) numbers of the lights.
        session: (N,) numbers of the sessions.
        train_identities: how many identities of the session are for training.
        frontal_light: number of the light of the gallery.
        session_number: the session that is used.

    Raises:
        ZooError: shapes that do not fit; no test identities, or one without gallery image.
    """
    data = _checked(features, identity, yaw, light, session)
    keep = data["session"] == session_number
    return _identify({k: v[keep] for k, v in data.items()}, train_identities, frontal_light)


def setting2(
    features,
    identity,
    yaw,
    light,
    session,
    *,
    train_identities: int = 200,
    frontal_light: int = FRONTAL_LIGHT,
) -> Identification:
    """Setting 2: neutral images of all sessions; the first 200 of 337 identities train, 137 test.

    The gallery is the frontal image under frontal light of each test identity's first session.
    Leave images with other expressions out of the arrays.

    Arguments and errors: as of `setting1`.
    """
    data = _checked(features, identity, yaw, light, session)
    return _identify(data, train_identities, frontal_light)


def _identify(data: dict[str, np.ndarray], train_identities: int, light: int) -> Identification:
    identities = np.unique(data["identity"])
    test = identities[train_identities:]
    if not len(test):
        raise ZooError(
            f"{len(identities)} identities leave none to test with train_identities="
            f"{train_identities}"
        )
    angle = np.abs(np.rint(data["yaw"])).astype(int)
    candidates = (angle == 0) & (data["light"] == light)
    gallery = []
    for person in test:
        rows = np.flatnonzero(candidates & (data["identity"] == person))
        if not len(rows):
            raise ZooError(f"identity {person} has no frontal image under light {light}")
        gallery.append(rows[np.argmin(data["session"][rows])])  # first appearance
    probes = np.flatnonzero(np.isin(data["identity"], test) & (angle > 0))
    if not len(probes):
        raise ZooError("there are no turned images of the test identities")
    features, identity = data["features"], data["identity"]
    hits = rank1(features[gallery], identity[gallery], features[probes], identity[probes])
    angles = [int(a) for a in np.unique(angle[probes])]
    return Identification(
        rates={a: float(hits[angle[probes] == a].mean()) for a in angles},
        probes={a: int((angle[probes] == a).sum()) for a in angles},
        gallery=len(gallery),
    )


def _checked(features, identity, yaw, light, session) -> dict[str, np.ndarray]:
    data = {"identity": identity, "yaw": yaw, "light": light, "session": session}
    data = {"features": np.asarray(features), **{k: np.asarray(v) for k, v in data.items()}}
    if data["features"].ndim != 2:
        raise ZooError(f"features must be (N, D); received shape {data['features'].shape}")
    count = len(data["features"])
    for key, value in data.items():
        if key != "features" and value.shape != (count,):
            raise ZooError(f"{key} has shape {value.shape}; legal is ({count},), one per image")
    return data


def _unit(name: str, features) -> np.ndarray:
    features = np.asarray(features, np.float64)
    if features.ndim != 2:
        raise ZooError(f"{name} must be (N, D); received shape {features.shape}")
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    if not np.isfinite(norm).all() or (norm == 0).any():
        raise ZooError(f"{name} holds features that are zero or not finite")
    return features / norm
