import sys

import numpy as np
import pytest

from zoo.data import detector
from zoo.data.alignment import align
from zoo.errors import ZooError


@pytest.fixture(scope="module")
def astronaut():
    return pytest.importorskip("skimage.data").astronaut()


def test_finds_the_astronaut_and_names_left_and_right_as_seen(astronaut):
    pytest.importorskip("mtcnn")
    points = detector.detect_landmarks(astronaut)
    eye_left, eye_right, nose, mouth_left, mouth_right = points
    assert 180 < eye_left[0] < nose[0] < eye_right[0] < 270
    assert mouth_left[0] < mouth_right[0]
    assert 80 < eye_left[1] < nose[1] < mouth_left[1] < 190
    assert align(points).crop(astronaut).mean() > 80  # a face, not the black beyond the edge


def test_points_of_a_mirrored_face_are_mirrored(astronaut):
    """So they count from the picture's edge, as all points of the package do."""
    pytest.importorskip("mtcnn")
    points = detector.detect_landmarks(astronaut)
    mirrored = detector.detect_landmarks(np.ascontiguousarray(astronaut[:, ::-1]))
    difference = points[:, 0] + mirrored[[1, 0, 2, 4, 3], 0] - 512
    assert abs(difference.mean()) < 0.45 and np.abs(difference).max() <= 1
    np.testing.assert_array_equal(points % 1, 0.5)


def test_no_face_small_pictures_and_no_pictures(astronaut):
    pytest.importorskip("mtcnn")
    for image in (np.zeros((64, 64, 3), np.uint8), np.zeros((3, 3, 3), np.uint8)):
        with pytest.raises(ZooError, match="no face found in the image.*give landmarks"):
            detector.detect_landmarks(image)
    with pytest.raises(ZooError, match="no face found"):
        detector.detect_landmarks(astronaut, min_confidence=1.1)
    with pytest.raises(ZooError, match="must be .H, W, 3. uint8 RGB; received float64"):
        detector.detect_landmarks(np.zeros((64, 64, 3)))


def test_the_largest_face_counts(monkeypatch):
    def face(side, x, confidence=0.99):
        return {
            "box": [x, 0, side, side],
            "confidence": confidence,
            "keypoints": {name: (x, n) for n, name in enumerate(detector._NAMES)},
        }

    faces = [face(10, 1), face(30, 2), face(50, 3, confidence=0.5)]
    monkeypatch.setattr(detector, "_faces", lambda image: faces)
    points = detector.detect_landmarks(np.zeros((64, 64, 3), np.uint8))
    np.testing.assert_array_equal(points, np.array([[2, y] for y in range(5)]) + 0.5)


def test_missing_package_is_named(monkeypatch):
    detector._detector.cache_clear()
    monkeypatch.setitem(sys.modules, "mtcnn", None)
    with pytest.raises(ZooError, match=r"pip install 'face-gan-zoo\[detect\]'"):
        detector.detect_landmarks(np.zeros((64, 64, 3), np.uint8))
