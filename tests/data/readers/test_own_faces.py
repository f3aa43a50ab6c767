"""Own photographs: where the face goes, how it is cut out, and pasted back."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import sets  # noqa: E402

from zoo.data.alignment import Alignment  # noqa: E402
from zoo.data.readers import open_source  # noqa: E402
from zoo.data.readers.own_faces import (  # noqa: E402
    FRAMES,
    frame_alignment,
    paste_back,
    similarity,
)
from zoo.errors import ZooError  # noqa: E402


def move(points: np.ndarray, transform: np.ndarray) -> np.ndarray:
    return points @ transform[:, :2].T + transform[:, 2]


FACE = np.array([[69.5, 111.5], [108.5, 111.5], [89.0, 136.0], [72.5, 152.5], [105.5, 152.5]])


def turned(angle: float, scale: float, shift) -> np.ndarray:
    c, s = scale * np.cos(np.deg2rad(angle)), scale * np.sin(np.deg2rad(angle))
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


@pytest.fixture(scope="module")
def photo():
    """A smooth photograph, 400 x 500."""
    noise = np.random.default_rng(0).integers(40, 216, (16, 20, 3), np.uint8)
    return cv2.resize(noise, (500, 400), interpolation=cv2.INTER_CUBIC)


class TestTransforms:
    def test_similarity_recovers_what_was_done(self):
        true = turned(33, 2.5, (-7, 40))
        np.testing.assert_allclose(similarity(FACE, move(FACE, true)), true, atol=1e-9)

    def test_similarity_is_the_least_squares_solution(self):
        rng = np.random.default_rng(1)
        places = move(FACE, turned(-20, 0.7, (3, 4))) + rng.normal(0, 3, (5, 2))
        ours = similarity(FACE, places)
        x, y, one, zero = *FACE.T, np.ones(5), np.zeros(5)
        design = np.block([[np.c_[x, -y, one, zero]], [np.c_[y, x, zero, one]]])
        a, b, tx, ty = np.linalg.lstsq(design, places.T.ravel(), rcond=None)[0]
        np.testing.assert_allclose(ours, [[a, -b, tx], [b, a, ty]], atol=1e-9)

    @pytest.mark.parametrize("frame", FRAMES)
    def test_the_place_in_the_frame_does_not_depend_on_the_photograph(self, frame):
        plain = move(FACE, frame_alignment(FACE, frame, 128).matrix)
        points = move(FACE, turned(40, 3, (500, 20)))
        np.testing.assert_allclose(
            move(points, frame_alignment(points, frame, 128).matrix), plain, atol=1e-9
        )
        doubled = move(points, frame_alignment(points, frame, 256).matrix)
        np.testing.assert_allclose(doubled, 2 * plain, atol=1e-4)
        assert (plain > 20).all() and (plain < 108).all()

    def test_a_face_of_celeba_gives_its_own_crop(self):
        transform = frame_alignment(FACE, "stgan", 170).matrix
        np.testing.assert_allclose(transform, [[1, 0, -3], [0, 1, -26]], atol=1e-4)

    def test_light_cnn(self):
        profile = np.array([[56, 41.0], [68, 39], [85, 66], [61, 92], [72, 90]])
        placed = move(profile, frame_alignment(profile, "light_cnn", 128).matrix)
        np.testing.assert_allclose(placed[:2].mean(axis=0), [64, 40], atol=1e-9)
        assert placed[0, 1] == pytest.approx(placed[1, 1])
        assert placed[3:, 1].mean() - 40 == pytest.approx(48)

    def test_refused(self):
        for frame in ("stgan", "light_cnn"):
            for points in (np.ones((5, 2)), np.full((5, 2), np.nan)):
                with pytest.raises(ZooError, match="landmarks"):
                    frame_alignment(points, frame, 128)


class TestPasting:
    def test_an_unchanged_face_leaves_the_photograph_nearly_as_it_was(self, photo):
        transform = turned(-25, 0.8, (0, 0))
        transform[:, 2] = 80 - transform[:, :2] @ (250, 200)  # the middle stays the middle
        cut = Alignment(transform, 160).crop(photo)
        pasted = paste_back(photo, cut, transform)
        assert np.abs(pasted.astype(int) - photo).max() < 12
        assert np.abs(pasted.astype(int) - photo).mean() < 0.5

    @pytest.mark.parametrize("scale", [0.5, 1.7])
    def test_a_changed_face_is_pasted_in_its_place_only(self, photo, scale):
        transform = turned(10, scale, (60 - 250 * scale, 40 - 200 * scale))
        result = np.full((128, 128, 3), (255, 0, 255), np.uint8)
        pasted = paste_back(photo, result, transform)
        ys, xs = np.mgrid[0:400, 0:500]
        places = move(np.stack([xs, ys], axis=-1) + 0.5, transform)
        inside = ((places > 10) & (places < 118)).all(axis=-1)
        outside = ((places < -3) | (places > 131)).any(axis=-1)
        assert inside.sum() > 1000 and outside.sum() > 1000
        assert np.abs(pasted[inside].astype(int) - (255, 0, 255)).max() <= 1
        np.testing.assert_array_equal(pasted[outside], photo[outside])

    def test_refused(self, photo):
        face, whole = np.zeros((32, 32, 3), np.uint8), turned(0, 1, (0, 0))
        with pytest.raises(ZooError, match="photo must be"):
            paste_back(photo[..., 0], face, whole)
        with pytest.raises(ZooError, match="result must be .* uint8; received float64"):
            paste_back(photo, face / 1.0, whole)
        with pytest.raises(ZooError, match="must be a square"):
            paste_back(photo, face[:30], whole)
        with pytest.raises(ZooError, match="transform must be"):
            paste_back(photo, face, np.zeros((2, 3)))


class TestFaceFolder:
    @pytest.fixture
    def folder(self, tmp_path, photo):
        sets.write(tmp_path / "a.png", photo)
        sets.write(tmp_path / "b.png", photo[::-1])
        return tmp_path

    def test_example(self, folder, photo):
        seen = []

        def detect(image):
            seen.append(image.shape)
            return move(FACE, turned(5, 1.5, (100, 50)))

        data = open_source("faces", folder, 128, detect=detect)
        example = data[0]
        assert example.keys() == {"image", "landmarks", "transform", "identity"}
        largest = move(FACE, turned(5, 1.5, (100, 50)))
        np.testing.assert_allclose(
            move(largest, example["transform"]), example["landmarks"], atol=1e-3
        )
        np.testing.assert_array_equal(
            example["image"], Alignment(example["transform"], 128).crop(photo)
        )
        assert seen == [(400, 500, 3)]
        np.testing.assert_array_equal(data[0]["image"], example["image"])
        assert len(seen) == 1  # found once
        pasted = paste_back(data.photograph(0), example["image"], example["transform"])
        assert np.abs(pasted.astype(int) - photo).mean() < 1

    def test_no_face(self, folder):
        def detect(image):
            if image[0, 0, 2] == first[0, 0, 2]:
                raise ZooError("no face found")
            return FACE

        first = cv2.imread(str(folder / "a.png"))[..., ::-1]
        data = open_source("faces", folder, 64, detect=detect)
        with pytest.raises(ZooError, match="a.png: no face found"):
            data[0]
        skipping = open_source("faces", folder, 64, detect=detect, unreadable="skip")
        with pytest.warns(UserWarning, match="a.png: no face found"):
            np.testing.assert_array_equal(skipping[0]["image"], data[1]["image"])

    def test_frames(self, folder):
        with pytest.raises(ZooError, match="unknown frame 'stgn'.*'stgan'"):
            open_source("faces", folder, 64, detect=len, frame="stgn")
        hq = open_source("faces", folder, 100, detect=lambda image: FACE, frame="celeba_hq")[0]
        np.testing.assert_allclose(hq["landmarks"][:2].mean(axis=0), [50, 47], atol=2)

    def test_a_real_photograph(self, tmp_path):
        """MTCNN's eyes on NASA's portrait of Eileen Collins, found by hand as well."""
        pytest.importorskip("mtcnn")
        astronaut = pytest.importorskip("skimage.data").astronaut()
        sets.write(tmp_path / "astronaut.png", astronaut)
        data = open_source("faces", tmp_path, 128)
        example = data[0]
        eyes = Alignment(example["transform"], 128).points_back(example["landmarks"][:2])
        np.testing.assert_allclose(eyes, [[203, 101], [247, 103.5]], atol=3)
        pasted = paste_back(data.photograph(0), example["image"], example["transform"])
        assert np.abs(pasted.astype(int) - astronaut).mean() < 2
