import cv2
import numpy as np
import pytest

from zoo.data.alignment import align
from zoo.errors import ZooError

UPRIGHT = np.array([[48, 40], [80, 40], [64, 66], [52, 88], [76, 88]], float)


def turned(points, degrees, scale, shift):
    a = np.deg2rad(degrees)
    rotation = scale * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return points @ rotation.T + shift


@pytest.mark.parametrize("size", [128, 64, 144])
@pytest.mark.parametrize("degrees, scale", [(0, 1), (25, 3.3), (-70, 0.6)])
def test_eyes_and_mouth_come_to_their_rows(size, degrees, scale):
    face = align(turned(UPRIGHT, degrees, scale, [311, 95]), size)
    points = face.points(turned(UPRIGHT, degrees, scale, [311, 95])) * 128 / size
    np.testing.assert_allclose(points[:2].mean(0), [64, 40], atol=1e-3)
    np.testing.assert_allclose(points[0, 1], points[1, 1], atol=1e-3)
    np.testing.assert_allclose(points[3:].mean(0)[1], 88, atol=1e-3)
    np.testing.assert_allclose(points, UPRIGHT, atol=1e-3)  # a similarity: nothing else changes
    np.testing.assert_allclose(face.scale, size / 128 / scale)


def test_points_go_back_to_where_they_were():
    points = turned(UPRIGHT, 12, 2.0, [40, 7])
    face = align(points)
    np.testing.assert_allclose(face.points_back(face.points(points)), points, atol=1e-3)


def test_a_face_in_place_is_cut_out_unchanged():
    image = np.random.default_rng(0).integers(0, 256, (150, 140, 3), np.uint8)
    crop = align(UPRIGHT + [5, 9]).crop(image)
    np.testing.assert_array_equal(crop, image[9:137, 5:133])
    outside = align(UPRIGHT - [10, 0]).crop(image)
    assert not outside[:, :10].any()  # black beyond the edge
    np.testing.assert_array_equal(outside[:, 10:], image[:128, :118])


@pytest.mark.parametrize("scale", [0.7, 1.6, 5.0])
def test_pixels_move_with_the_points(scale):
    """A dot painted at each landmark of a turned photo is found at its aligned place."""
    points = turned(UPRIGHT, 17, scale, [150, 60])
    image = np.zeros((900, 900, 3), np.uint8)
    for x, y in points:
        at = (int((x - 0.5) * 16), int((y - 0.5) * 16))  # OpenCV's centres are at whole numbers
        cv2.circle(image, at, int(3 * scale * 16), (255, 255, 255), -1, cv2.LINE_AA, shift=4)
    crop = align(points).crop(image)[..., 0].astype(float)
    rows, columns = np.mgrid[:128, :128] + 0.5
    for x, y in UPRIGHT:
        near = crop * (np.hypot(columns - x, rows - y) < 7)
        centre = (near * columns).sum() / near.sum(), (near * rows).sum() / near.sum()
        np.testing.assert_allclose(centre, (x, y), atol=0.15)


def test_large_photos_are_averaged_not_sampled():
    """A fine checkerboard becomes grey."""
    image = np.indices((1300, 1300)).sum(0) % 2 * np.uint8(255)
    crop = align(UPRIGHT * 10).crop(np.repeat(image[..., None].astype(np.uint8), 3, axis=2))
    assert abs(int(crop[8:-8, 8:-8].min()) - 127) <= 3
    assert abs(int(crop[8:-8, 8:-8].max()) - 127) <= 3


def test_paste_undoes_crop_and_leaves_the_rest_alone():
    rng = np.random.default_rng(0)
    smooth = cv2.resize(rng.integers(0, 256, (12, 12, 3), np.uint8), (400, 400))
    face = align(turned(UPRIGHT, 20, 1.5, [130, 60]))
    pasted = face.paste(face.crop(smooth), smooth)
    assert np.abs(pasted.astype(int) - smooth).max() <= 4
    marked = face.paste(np.full((128, 128, 3), 255, np.uint8), smooth)
    middle = tuple(face.points_back([64, 64]).astype(int)[::-1])
    assert (marked[middle] == 255).all()
    np.testing.assert_array_equal(marked[:40], smooth[:40])


@pytest.mark.parametrize("degrees, scale", [(0, 1.0), (0, 0.37), (23, 0.6), (-15, 2.3), (8, 5.1)])
def test_a_face_at_the_border_gets_no_fringe(degrees, scale):
    """Black beyond the edge is mixed neither into the crop nor, with the crop, into the photo."""
    photo = np.full((round(120 * scale), round(110 * scale), 3), 200, np.uint8)
    face = align(turned(UPRIGHT, degrees, scale, np.array([-30, 12]) * scale))
    crop = face.crop(photo)
    assert set(np.unique(crop)) == {0, 200}
    places = face.points_back(np.stack(np.meshgrid(np.arange(128), np.arange(128)), -1) + 0.5)
    inside = ((places > 0.01) & (places < np.array(photo.shape[1::-1]) - 0.01)).all(axis=-1)
    outside = ((places < -0.01) | (places > np.array(photo.shape[1::-1]) + 0.01)).any(axis=-1)
    assert (crop[inside] == 200).all() and (crop[outside] == 0).all()
    assert (face.paste(crop, photo) == 200).all()
    # what a model made of the black does not matter, and its face reaches up to the edge
    changed = np.where(outside[..., None], np.uint8([255] * 3), np.uint8(90))
    pasted = face.paste(changed, photo)
    assert pasted.min() == 90 and pasted.max() == 200
    at_the_edge = (face.points(np.array([[0.5, 60 * scale]]))[0] - 64) / 64
    assert np.abs(at_the_edge).max() < 0.8  # within the crop, clear of its soft edge
    assert (pasted[round(60 * scale), 0] == 90).all()


def test_a_textured_face_at_the_border_comes_back():
    rng = np.random.default_rng(1)
    photo = cv2.resize(rng.integers(0, 256, (12, 12, 3), np.uint8), (300, 300))
    face = align(turned(UPRIGHT, 10, 1.5, [-70, -20]))
    difference = np.abs(face.paste(face.crop(photo), photo).astype(int) - photo)
    assert difference.max() <= 12 and difference.mean() < 0.2


def test_a_profile_whose_eyes_coincide_is_not_turned():
    points = np.array([[70, 40], [70, 40], [93, 60], [75, 88], [75, 88]], float)
    np.testing.assert_allclose(align(points).matrix, [[1, 0, -6], [0, 1, 0]], atol=1e-9)


@pytest.mark.parametrize(
    "points, message",
    [
        (UPRIGHT[:4], r"received shape \(4, 2\)"),
        (np.full((5, 2), np.nan), "five finite points"),
        (UPRIGHT[[1, 0, 2, 4, 3]], "mouth is not below"),
        (UPRIGHT[[3, 4, 2, 0, 1]], "mouth is not below"),
    ],
)
def test_illegal_landmarks(points, message):
    with pytest.raises(ZooError, match=message):
        align(points)
    with pytest.raises(ZooError, match="size is 0"):
        align(UPRIGHT, 0)
