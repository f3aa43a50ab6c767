"""Resampling against TensorFlow 1's and Pillow's, squares, points; maps and landmarks of faces."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parent))

import sets  # noqa: E402

from zoo.data.readers import crops  # noqa: E402
from zoo.data.readers.parsing import landmarks_of, shrink_map, sort_sides  # noqa: E402


@pytest.fixture
def noisy():
    return np.random.default_rng(0).integers(0, 256, (170, 170, 3), np.uint8)


@pytest.mark.parametrize("size", [64, 128, 170, 256])
def test_bicubic_against_tensorflow_1(noisy, size):
    theirs = tf.raw_ops.ResizeBicubic(
        images=noisy[None].astype(np.float32), size=(size, size), align_corners=False
    )[0].numpy()
    theirs = np.rint(np.clip(theirs, 0, 255))
    ours = crops.tensorflow_bicubic(noisy, size)
    assert ours.dtype == np.uint8 and ours.shape == (size, size, 3)
    assert np.abs(ours - theirs).max() <= 1  # its table of weights has 1,024 places
    assert np.mean(ours != theirs) < 0.1


@pytest.mark.parametrize("size", [64, 128, 178, 256])
def test_bilinear_against_pillow(noisy, size):
    image = pytest.importorskip("PIL.Image")
    theirs = np.asarray(image.fromarray(noisy).resize((size, size), image.BILINEAR), np.int32)
    ours = crops.pillow_bilinear(noisy, size)
    assert np.abs(ours - theirs).max() <= 1  # Pillow rounds between the two passes
    assert np.mean(ours != theirs) < 0.2


def test_crop_cuts_and_moves():
    crop = crops.Crop(26, 3, 170, crops.area)
    cut = crop.picture(sets.ramp(218, 178), 170)
    np.testing.assert_array_equal(cut[0, 0, :2], [3, 26])
    np.testing.assert_array_equal(cut[-1, -1, :2], [172, 195])
    # the centre of pixel (3, 26) is in the middle of the first pixel, whatever the size
    moved = crop.points(np.array([[3.5, 26.5], [173.0, 196.0]]), 85)
    np.testing.assert_allclose(moved, [[0.25, 0.25], [85, 85]])
    assert moved.dtype == np.float32


def test_square_beyond_the_picture():
    image = sets.ramp(10, 20)
    inside = crops.square_around(image, (10.0, 5.0), 4)
    np.testing.assert_array_equal(inside, image[3:7, 8:12])
    wide = crops.square_around(image, (2.0, 5.0), 14)
    assert wide.shape == (14, 14, 3)
    np.testing.assert_array_equal(wide[2:12, 5:, :], image[:, :9])
    np.testing.assert_array_equal(wide[:2], np.broadcast_to(wide[2], (2, 14, 3)))
    assert (wide[:, :5, 0] == 0).all()
    np.testing.assert_array_equal(crops.square_around(image[..., 1], (2.0, 5.0), 14), wide[..., 1])


def test_shrunk_map_is_the_majority():
    parsing = np.zeros((8, 8), np.uint8)
    parsing[:4, :3] = 5
    parsing[4:, 4:] = 13
    parsing[5, 5] = 2
    np.testing.assert_array_equal(shrink_map(parsing, 2), [[5, 0], [0, 13]])
    np.testing.assert_array_equal(shrink_map(parsing, 16), np.kron(parsing, np.ones((2, 2))))


class TestSides:
    def test_right_sides_stay_and_wrong_ones_are_exchanged(self):
        parsing = sets.face_map(128)
        np.testing.assert_array_equal(sort_sides(parsing), parsing)
        exchange = np.array([0, 1, 3, 2, 5, 4, *range(6, 14)], np.uint8)
        np.testing.assert_array_equal(sort_sides(exchange[parsing]), parsing)

    def test_a_single_eye_is_compared_with_the_face(self):
        parsing = sets.face_map(128)
        only_left = np.where(parsing == 5, 1, parsing)
        np.testing.assert_array_equal(sort_sides(only_left), only_left)
        misnamed = np.where(only_left == 4, 5, only_left)
        np.testing.assert_array_equal(sort_sides(misnamed), only_left)

    def test_two_eyes_on_one_side_of_a_turned_face(self):
        parsing = np.zeros((64, 64), np.uint8)
        parsing[10:60, 10:60] = 1
        parsing[20:24, 12:16], parsing[20:24, 22:28] = 4, 5
        np.testing.assert_array_equal(sort_sides(parsing), parsing)
        parsing[20:24, 12:16], parsing[20:24, 22:28] = 5, 4
        assert (sort_sides(parsing)[20:24, 12:16] == 4).all()

    def test_nothing_to_sort(self):
        empty = np.zeros((16, 16), np.uint8)
        np.testing.assert_array_equal(sort_sides(empty), empty)


class TestLandmarks:
    def test_on_a_schematic_face(self):
        points, found = landmarks_of(sets.face_map(512))
        assert points.dtype == np.float32 and found.tolist() == [1] * 5
        np.testing.assert_allclose(points[:2], [[200, 235], [312, 235]], atol=0.51)
        np.testing.assert_allclose(points[2], [256, 240 + 0.72 * 80], atol=0.51)
        np.testing.assert_allclose(points[3:], [[206.5, 356], [305.5, 356]], atol=0.51)

    def test_hidden_parts(self):
        parsing = sets.face_map(512)
        shaded = np.where(np.isin(parsing, (4, 5)), 11, parsing)
        points, found = landmarks_of(shaded)
        assert found.tolist() == [0, 0, 1, 1, 1]
        np.testing.assert_allclose(points[:2], [[200, 235], [310, 235]], atol=8)
        points, found = landmarks_of(np.zeros((100, 100), np.uint8))
        assert found.tolist() == [0] * 5
        np.testing.assert_allclose(points[0], [37.5, 47])
        assert np.isfinite(points).all()

    def test_against_rendered_faces(self):
        """Estimates from the maps of SynthFaces lie near the landmarks of its mesh."""
        from zoo.data.synthfaces import SynthFaces

        faces = SynthFaces(size=128, seed=3)
        errors = []
        for index in range(6):
            face = faces.render(index, {"Eyeglasses": 0})
            points, found = landmarks_of(face["parsing"])
            error = np.hypot(*(points - face["landmarks"]).T)
            errors.append(np.where(found, error, np.nan))
        assert np.nanmedian(errors) < 2.5
        assert np.nanmax(errors) < 10


def test_area_means():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    means = image.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(crops.area(image, 16) - means).max() <= 0.51
    flat = np.full((8, 8, 3), 77, np.uint8)
    for resize in (crops.area, crops.bilinear, crops.tensorflow_bicubic, crops.pillow_bilinear):
        assert (resize(flat, 20) == 77).all() and (resize(flat, 5) == 77).all()
