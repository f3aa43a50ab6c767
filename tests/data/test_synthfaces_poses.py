"""The "multipie" poses: 13 yaws, 20 lights, fixed exposure, aligned crops and frontal partners."""

from __future__ import annotations

import functools
import json
from dataclasses import replace

import numpy as np
import pytest

from zoo.data import synthfaces
from zoo.data.synthfaces import ATTRIBUTE_NAMES, PARSING_NAMES, renderer
from zoo.data.synthfaces.picture import take_picture
from zoo.data.synthfaces.view import LAB_YAWS, LIGHTS, View, sample_lab_view
from zoo.errors import ZooError

SMALL = {"count": 3, "size": 32, "seed": 2, "views_per_identity": 2, "poses": "multipie"}


@functools.lru_cache(maxsize=1)
def faces() -> synthfaces.SynthFaces:
    return synthfaces.SynthFaces(128, seed=1, views_per_identity=6, poses="multipie")


@functools.lru_cache(maxsize=1)
def pairs() -> list[dict[str, np.ndarray]]:
    """Six views of one person."""
    return [faces().render(index) for index in range(6)]


def seen(identity: int, yaw: float, light: int = 5, size: int = 128):
    """A person as seen by one camera under one lamp, with no noise between two calls."""
    return take_picture(renderer.sitter_of(1, identity, size), lab_view(yaw, light), size)


def lab_view(yaw: float, light: int) -> View:
    return replace(drawn(3), orbit=yaw, light=light)


def drawn(seed: int) -> View:
    return sample_lab_view(np.random.default_rng(seed), np.random.default_rng(seed), session=1)


def test_the_views_are_multi_pies():
    views = [drawn(seed) for seed in range(400)]
    assert LAB_YAWS == (-90, -75, -60, -45, -30, -15, 0, 15, 30, 45, 60, 75, 90)
    assert {view.seen_yaw for view in views} == set(LAB_YAWS)
    assert {view.light for view in views} == set(range(20)) and len(LIGHTS) == 20
    assert len({(view.key, view.ambient, view.distance) for view in views}) == 1
    assert max(abs(view.pitch) for view in views) <= 4
    assert max(abs(view.roll) for view in views) <= 2
    assert all(view.expression.mouth_open == 0 for view in views)


def test_pairs_have_a_frontal_image_and_its_landmarks():
    for example in pairs():
        assert example["frontal"].shape == (128, 128, 3) and example["frontal"].dtype == np.uint8
        assert example["frontal_landmarks"].shape == (5, 2)
        assert example["frontal_landmarks"].dtype == np.float32
        assert float(example["yaw"]) in LAB_YAWS
    assert len({tuple(example["attributes"]) for example in pairs()}) == 1


def test_views_of_a_session_share_posture_and_expression():
    views = [renderer.view_of(4, 0, number, "multipie") for number in range(12)]
    assert [view.session for view in views] == [1, 2, 3, 4] * 3
    for first, later in zip(views, views[4:], strict=False):
        for name in ("expression", "pitch", "roll", "gaze", "pupil"):
            assert getattr(first, name) == getattr(later, name)
    assert len({view.expression for view in views}) == 4
    assert len({(view.orbit, view.light, view.sensor_seed) for view in views}) == 12
    example = faces().render(5)
    assert example["session"] == 2
    assert example["light"] == renderer.view_of(1, 0, 5, "multipie").light


def test_every_crop_is_aligned_as_light_cnn_wants_it():
    """On 128 pixels: eyes in row 40 and column 64, mouth 48 rows below."""
    for example in pairs():
        for landmarks in (example["landmarks"], example["frontal_landmarks"]):
            eyes, mouth = landmarks[:2].mean(0), landmarks[3:].mean(0)
            np.testing.assert_allclose(eyes, (64, 40), atol=0.01)
            assert mouth[1] - eyes[1] == pytest.approx(48, abs=0.01)
        left, right, nose = example["frontal_landmarks"][:3, 0]
        assert left < nose < right and abs(nose - 64) < 4


def test_at_yaw_zero_the_partner_shows_the_same_up_to_noise():
    straight = seen(0, 0.0)
    partner = take_picture(renderer.sitter_of(1, 0, 128), lab_view(75.0, 5).frontal, 128)
    np.testing.assert_array_equal(partner.parsing, straight.parsing)
    np.testing.assert_array_equal(partner.landmarks, straight.landmarks)
    difference = np.abs(partner.image.astype(int) - straight.image)
    assert difference.any() and difference.mean() < 4


def test_lamps_stand_in_the_room():
    """A lamp lights the same side of the face whichever camera looks."""
    skin = [PARSING_NAMES.index(name) for name in ("skin", "nose")]

    def brightness(yaw: float, azimuth: int) -> float:
        picture = seen(0, yaw, LIGHTS.index((azimuth, 12)))
        return picture.image[np.isin(picture.parsing, skin)].mean()

    for yaw in (60.0, 90.0):  # the left cheek of the frontal picture faces these cameras
        assert brightness(yaw, -65) > 1.5 * brightness(yaw, 65)
        assert brightness(-yaw, 65) > 1.5 * brightness(-yaw, -65)


def test_the_exposure_does_not_follow_the_light():
    background = PARSING_NAMES.index("background")
    front, side = seen(3, 0.0, 5), seen(3, 0.0, 0)
    behind = (front.parsing == background) & (side.parsing == background)
    change = front.image[behind].astype(int) - side.image[behind]
    assert np.median(change) == 0 and np.abs(np.percentile(change, (10, 90))).max() <= 4
    assert front.image[64, 64].mean() > 1.5 * side.image[90, 64].mean()


def test_landmarks_at_profile_are_those_of_the_turned_head():
    """Opposite cameras give mirrored positions of opposite points, hidden ones too."""
    swapped = [1, 0, 2, 4, 3]
    for yaw in (45.0, 90.0):
        right, left = seen(0, yaw).landmarks, seen(0, -yaw).landmarks
        mirrored = left[swapped] * (-1, 1) + (128, 0)
        np.testing.assert_allclose(right, mirrored, atol=3.0)  # faces are a little asymmetric
    profile = seen(2, 90.0)
    rows, columns = np.nonzero(profile.parsing == PARSING_NAMES.index("left eye"))
    x, y = profile.landmarks[0]
    assert np.hypot(columns + 0.5 - x, rows + 0.5 - y).min() < 1.5
    lips = np.isin(
        profile.parsing, [PARSING_NAMES.index(f"{lip} lip") for lip in ("upper", "lower")]
    )
    rows, columns = np.nonzero(lips)
    x, y = profile.landmarks[3]
    assert np.hypot(columns + 0.5 - x, rows + 0.5 - y).min() < 1.5
    rows, columns = np.nonzero(profile.parsing == PARSING_NAMES.index("nose"))
    assert abs(columns.max() + 1 - profile.landmarks[2, 0]) < 2  # the tip is on the outline


@pytest.mark.parametrize("format", ["images", "tfrecord"])
def test_both_formats_hold_the_pairs(format, tmp_path):
    directory = synthfaces.generate(tmp_path / "set", **SMALL, format=format, workers=1)
    manifest = json.loads((directory / "manifest.json").read_text())
    assert manifest["poses"] == "multipie"
    dataset = synthfaces.open_dataset(directory)
    dataset.verify()
    source = synthfaces.SynthFaces(32, seed=2, views_per_identity=2, poses="multipie")
    for index in range(3):
        for key, value in source.render(index).items():
            np.testing.assert_array_equal(value, dataset[index][key], err_msg=key)
            assert value.dtype == dataset[index][key].dtype, key
    if format == "images":
        assert sorted(path.name for path in (directory / "frontal").iterdir()) == [
            f"{index:06d}.png" for index in range(3)
        ]
        header = (directory / "labels.csv").read_text().splitlines()[0].split(",")
        assert "frontal_left_eye_x" in header
        assert len(header) == 4 + 3 + 10 + 5 + 136 + 68 + 10 + len(ATTRIBUTE_NAMES)


def test_other_poses_are_refused(tmp_path):
    with pytest.raises(ZooError, match=r"poses='profile' is unknown; legal: portrait, multipie"):
        synthfaces.SynthFaces(32, poses="profile")
    directory = synthfaces.generate(tmp_path / "set", 1, size=32, sketch="none", workers=1)
    with pytest.raises(ZooError, match="poses='portrait', not 'multipie'"):
        synthfaces.generate(directory, 1, size=32, sketch="none", workers=1, poses="multipie")
    assert "frontal" not in synthfaces.open_dataset(directory)[0]
