"""Multi-PIE: fields of the names, yaws, partners, points, settings, galleries."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import sets  # noqa: E402

from zoo.data.readers import open_source  # noqa: E402
from zoo.data.readers.multi_pie import YAWS, View, read_points  # noqa: E402
from zoo.errors import ZooError  # noqa: E402

POINTS = ("45 41", "85 40", "65 65", "50 89", "81 88")


def picture(root, subject, session=1, recording=1, camera="051", light=7):
    stem = f"{subject:03d}_{session:02d}_{recording:02d}_{camera}_{light:02d}"
    place = root / f"session{session:02d}" / f"{subject:03d}"
    yaw = YAWS.get(camera, 0)
    image = np.full((128, 128, 3), (subject % 256, 100 + yaw, light), np.uint8)
    sets.write(place / f"{stem}_cropped.png", image)
    sets.write_text(place / f"{stem}_trans.5pt", POINTS)


@pytest.fixture
def small(tmp_path):
    """Two people; the second looks 5 ways under two lights."""
    picture(tmp_path, 1)
    for light in (3, 7):
        for camera in ("051", "041", "130", "110", "010"):
            picture(tmp_path, 7, camera=camera, light=light)
    picture(tmp_path, 7, session=2, recording=3)
    return tmp_path


def test_table_of_yaws():
    assert YAWS["240"] == 90 and YAWS["110"] == -90 and YAWS["051"] == 0
    assert sorted(YAWS.values()) == list(range(-90, 91, 15))
    right = [camera for camera, yaw in sorted(YAWS.items(), key=lambda item: -item[1])]
    assert right == [
        *("240", "010", "200", "190", "041", "050", "051"),
        *("140", "130", "080", "090", "120", "110"),
    ]


def test_examples_and_their_partners(small):
    data = open_source("multi_pie", small, 128)
    assert len(data) == 12
    for index, view in enumerate(data.views):
        example = data[index]
        assert example["yaw"] == YAWS[view.camera] == data.yaws[index]
        assert example["yaw"].dtype == np.float32
        person = (view.subject, 100 + YAWS[view.camera], view.light)
        assert (example["image"] == person).all()
        assert (example["frontal"] == (view.subject, 100, view.light)).all()  # of the same light
        assert example["identity"] == (0 if view.subject == 1 else 1)
    assert data.views[0] == View(1, 1, 1, "051", 7)
    assert data.views[-1] == View(7, 2, 3, "051", 7)
    assert data.splits == {} and data.gallery.size == 0


def test_points_count_from_one(small):
    example = open_source("multi_pie", small, 128)[0]
    np.testing.assert_array_equal(
        example["landmarks"],
        np.float32([[44.5, 40.5], [84.5, 39.5], [64.5, 64.5], [49.5, 88.5], [80.5, 87.5]]),
    )
    np.testing.assert_array_equal(example["frontal_landmarks"], example["landmarks"])
    half = open_source("multi_pie", small, 64)[0]
    np.testing.assert_allclose(half["landmarks"], example["landmarks"] / 2)


def test_points_of_another_light_serve(small):
    (small / "session01/007/007_01_01_041_03_trans.5pt").unlink()
    path = small / "session01/007/007_01_01_041_07_trans.5pt"
    sets.write_text(path, ["1 2", "3 4", "5 6", "7 8", "9.5 10"])
    data = open_source("multi_pie", small, 128)
    index = data.views.index(View(7, 1, 1, "041", 3))
    np.testing.assert_array_equal(
        data[index]["landmarks"],
        np.float32([[0.5, 1.5], [2.5, 3.5], [4.5, 5.5], [6.5, 7.5], [9, 9.5]]),
    )


def test_points_elsewhere(small, tmp_path_factory):
    other = tmp_path_factory.mktemp("points")
    for path in small.glob("**/*.5pt"):
        path.rename(other / path.name)
    with pytest.raises(ZooError, match=r"points \(.5pt\) missing: 12 of 12"):
        open_source("multi_pie", small, 128)
    assert len(open_source("multi_pie", small, 128, landmarks=other)) == 12


def test_whole_photographs_are_aligned(tmp_path):
    """Eyes level in row 40, the mouth 48 rows below; what is not there is black."""
    points = np.array([[300.0, 200], [360, 230], [320, 260], [290, 290], [335, 312]])  # tilted
    photo = np.zeros((480, 640, 3), np.uint8)
    for (x, y), color in zip(
        points, ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)), strict=True
    ):
        cv2.circle(photo, (int(x), int(y)), 6, color, cv2.FILLED)
    name = "session01/multiview/001/01/05_1/001_01_01_051_07"
    sets.write(tmp_path / f"{name}.png", photo)
    lines = [f"{x + 1} {y + 1}" for x, y in points]  # MATLAB counts from 1
    sets.write_text(tmp_path / f"{name}.5pt", lines)
    example = open_source("multi_pie", tmp_path, 128)[0]
    eyes, mouth = example["landmarks"][:2].mean(axis=0), example["landmarks"][3:].mean(axis=0)
    np.testing.assert_allclose(eyes, [64, 40], atol=1e-4)
    np.testing.assert_allclose(mouth[1] - eyes[1], 48, atol=1e-4)
    assert abs(np.diff(example["landmarks"][:2, 1]).item()) < 1e-4
    for (x, y), color in zip(
        example["landmarks"], ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1)), strict=True
    ):
        area = (example["image"] > 127) == np.array(color, bool)
        rows, columns = np.nonzero(area.all(axis=2) & (example["image"].max(axis=2) > 127))
        np.testing.assert_allclose([columns.mean() + 0.5, rows.mean() + 0.5], [x, y], atol=0.4)


def test_pictures_of_no_view_are_left_out(small):
    picture(small, 9, camera="191")  # above the head
    sets.write(small / "session01/009/009_01_01_051.png", np.zeros((8, 8, 3), np.uint8))
    assert len(open_source("multi_pie", small, 128)) == 12


def test_missing_partner(small):
    (small / "session01/007/007_01_01_051_03_cropped.png").unlink()
    with pytest.raises(ZooError, match="frontal partner missing: 4 of 11"):
        open_source("multi_pie", small, 128)
    with pytest.warns(UserWarning):
        data = open_source("multi_pie", small, 128, unreadable="skip")
    assert len(data) == 7 and all(view.light == 7 for view in data.views)


def test_the_same_view_twice(small):
    sets.write(small / "001_01_01_051_07.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ZooError, match="are the same view; keep one"):
        open_source("multi_pie", small, 128)


def test_aligned_pictures_are_squares(small):
    sets.write(small / "session01/001/001_01_01_051_07_cropped.png", sets.ramp(10, 12))
    with pytest.raises(ZooError, match="is 12 x 10 pixels; an aligned picture is a square"):
        open_source("multi_pie", small, 128)[0]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """203 people; those from 200 on are in session 2 only, so setting 1 has 199."""
    root = tmp_path_factory.mktemp("settings")

    def touch(subject, session, recording, camera, light):
        stem = f"{subject:03d}_{session:02d}_{recording:02d}_{camera}_{light:02d}"
        (root / f"{stem}_cropped.png").touch()  # opening reads no picture and no points
        (root / f"{stem}_trans.5pt").touch()

    for subject in range(1, 204):
        for session in (1, 2) if subject in (5, 203) else ((1,) if subject < 200 else (2,)):
            touch(subject, session, 1, "051", 7)
            touch(subject, session, 1, "190", 7)
            touch(subject, session, 2, "051", 7)  # not neutral
    for subject in (3, 160):
        touch(subject, 1, 1, "240", 0)
        touch(subject, 1, 1, "051", 0)
    return root


def test_setting_1(settings):
    data = open_source("multi_pie", settings, 16, setting=1)
    assert {view.session for view in data.views} == {1}
    assert {view.recording for view in data.views} == {1}
    subjects = np.array([view.subject for view in data.views])
    train, test = data.indices("train"), data.indices("test")
    # person 203 has a session 1 as well: 200 people, the first 150 for training
    assert len(np.unique(data.identities)) == 200
    np.testing.assert_array_equal(np.unique(subjects[train]), np.arange(1, 151))
    np.testing.assert_array_equal(np.unique(subjects[test]), [*range(151, 200), 203])
    assert data.yaws[train].max() == 45 and data.yaws[test].max() == 90
    assert len(train) == 150 * 2 + 1 and len(test) == 50 * 2 + 2  # less one of 90 degrees
    assert len(data.gallery) == 50
    assert all(data.views[i].camera == "051" and data.views[i].light == 7 for i in data.gallery)
    np.testing.assert_array_equal(np.sort([*data.gallery, *data.probes]), test)
    wide = open_source("multi_pie", settings, 16, setting=1, training_yaw=(45, 90))
    assert set(wide.yaws[wide.indices("train")].tolist()) == {45, 90}


def test_setting_2(settings):
    data = open_source("multi_pie", settings, 16, setting=2)
    subjects = np.array([view.subject for view in data.views])
    np.testing.assert_array_equal(np.unique(subjects[data.indices("train")]), np.arange(1, 201))
    np.testing.assert_array_equal(np.unique(subjects[data.indices("test")]), [201, 202, 203])
    views = [data.views[i] for i in data.gallery]
    assert [(view.subject, view.session) for view in views] == [(201, 2), (202, 2), (203, 1)]
    with pytest.raises(ZooError, match=r"no frontal picture of light 0: 3 of 3 \(person 201, "):
        open_source("multi_pie", settings, 16, setting=2, gallery_light=0)


def test_refused(small, tmp_path_factory):
    with pytest.raises(ZooError, match="setting is 3; legal are 1, 2 and None"):
        open_source("multi_pie", small, 128, setting=3)
    with pytest.raises(ZooError, match="training_yaw is"):
        open_source("multi_pie", small, 128, training_yaw=(60, 0))
    with pytest.raises(ZooError, match="landmarks: .*nowhere is not a directory"):
        open_source("multi_pie", small, 128, landmarks=small / "nowhere")
    with pytest.raises(ZooError, match="has 2 people; setting 1 trains with 150"):
        open_source("multi_pie", small, 128, setting=1)
    with pytest.raises(ZooError, match="holds no example"):
        open_source("multi_pie", tmp_path_factory.mktemp("empty"), 128)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 2\n" * 4, "has 4 lines; legal are 5"),
        ("1 2\n1 2\n1\n1 2\n1 2", "line 3: expected x y; received '1'"),
        ("1 2\n1 2\n1 2\n1 b\n1 2", "line 4: expected x y"),
        ("1 nan\n" * 5, "line 1: expected x y of less than"),
        ("inf 1\n" * 5, "line 1: expected x y of less than"),
    ],
)
def test_malformed_points(tmp_path, text, problem):
    path = tmp_path / "a.5pt"
    path.write_text(text)
    with pytest.raises(ZooError, match=problem):
        read_points(path)
