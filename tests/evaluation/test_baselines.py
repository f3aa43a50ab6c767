"""Baselines of inpainting and retrieval, against second implementations and by construction."""

import numpy as np
import pytest
import skimage.data
import skimage.feature
import skimage.restoration
import skimage.transform

import zoo
from zoo.errors import ZooError
from zoo.evaluation import retrieval
from zoo.evaluation.baselines import NearestNeighbor, hog, navier_stokes, telea


@pytest.fixture(scope="module")
def face():
    """64 x 64 pixels of the one real face that every install of scikit-image has."""
    photo = skimage.data.astronaut()[0:208, 120:328]
    small = skimage.transform.resize(photo, (64, 64), anti_aliasing=True)
    return (small * 255).round().astype(np.uint8)


def hole(side=64, half=8):
    mask = np.zeros((side, side), bool)
    mask[side // 2 - half : side // 2 + half, side // 2 - half : side // 2 + half] = True
    return mask


@pytest.mark.parametrize("fill", [telea, navier_stokes])
def test_opencv_fills_smoothly_and_keeps_what_is_known(fill, face):
    mask = hole()
    result = fill(face, mask)
    assert result.dtype == np.uint8 and result.shape == face.shape
    np.testing.assert_array_equal(result[~mask], face[~mask])
    hidden = face.copy()
    hidden[mask] = 255  # what is in the hole does not matter
    np.testing.assert_array_equal(fill(hidden, mask), result)
    grey = np.full_like(face, 90)
    assert np.abs(fill(grey, mask).astype(int) - 90).max() <= 3
    biharmonic = skimage.restoration.inpaint_biharmonic(face, mask, channel_axis=-1) * 255
    error = np.abs(result.astype(float) - biharmonic)[mask].mean()
    mean = np.abs(face[~mask].mean(axis=0) - biharmonic)[mask].mean()
    assert error < 0.7 * mean  # nearer to a third method than the picture's mean colour is


def test_the_two_methods_differ(face):
    assert np.abs(telea(face, hole()).astype(int) - navier_stokes(face, hole())).max() > 3


def test_hog_is_that_of_scikit_image(face):
    images = np.stack([face, face[:, ::-1], face[::-1]])
    ours = hog(images)
    for image, features in zip(images, ours, strict=True):
        theirs = skimage.feature.hog(image, 9, (8, 8), (2, 2), block_norm="L2-Hys", channel_axis=-1)
        np.testing.assert_allclose(features, theirs, atol=2e-3)  # a pixel on the edge of two bins
        assert np.mean(np.abs(features - theirs) > 1e-4) < 0.01


def test_hog_of_stripes():
    image = np.zeros((16, 24, 3), np.uint8)
    image[:, ::4], image[:, 1::4] = 255, 255  # vertical: all gradients are horizontal, bin 0
    features = hog(image[None]).reshape(1, 2, 4, 9)
    assert features.shape == (1, 2, 4, 9) and not features[..., 1:].any()
    np.testing.assert_allclose(np.square(features).sum(axis=(2, 3)), 1.0, rtol=1e-5)


class TestNearestNeighbor:
    @pytest.fixture
    def gallery(self, face):
        rng = np.random.default_rng(0)
        noise = rng.integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
        noise[4] = face
        return noise

    def test_finds_the_twin_by_what_is_known(self, gallery, face):
        query = np.clip(face.astype(int) + 6, 0, 255).astype(np.uint8)
        mask = hole()
        query[mask] = 0
        result = NearestNeighbor(hog).fit(gallery).complete(query, mask)
        np.testing.assert_array_equal(result[mask], face[mask])
        np.testing.assert_array_equal(result[~mask], query[~mask])

    def test_the_holes_content_and_the_last_hole_do_not_matter(self, gallery, face):
        """Twins inside the hole are no match; a second hole is compared anew."""
        seen = []

        def features(images):
            seen.append(len(images))
            return images.reshape(len(images), -1)

        neighbor = NearestNeighbor(features).fit(gallery)
        mask = hole()
        query = gallery[1].copy()
        query[mask] = gallery[2][mask]
        np.testing.assert_array_equal(neighbor.complete(query, mask), gallery[1])
        np.testing.assert_array_equal(neighbor.complete(query, mask), gallery[1])
        assert seen == [6, 1, 1]  # the gallery's features are kept while the hole is the same
        np.testing.assert_array_equal(neighbor.complete(query, ~mask)[mask], query[mask])
        np.testing.assert_array_equal(neighbor.complete(query, ~mask)[~mask], gallery[2][~mask])
        assert seen == [6, 1, 1, 6, 1, 1]

    def test_with_learned_features(self, gallery, face):
        model = zoo.create("context_encoder_features", image_size=67, width=0.0625)
        mask = hole()
        query = np.where(mask[..., None], np.uint8(0), face)
        result = NearestNeighbor(model.features).fit(gallery).complete(query, mask)
        np.testing.assert_array_equal(result, face)

    def test_refused(self, gallery, face):
        with pytest.raises(ZooError, match="call fit first"):
            NearestNeighbor().complete(face, hole())
        neighbor = NearestNeighbor().fit(gallery)
        with pytest.raises(ZooError, match=r"image is \(32, 64, 3\)"):
            neighbor.complete(face[:32], hole()[:32])
        with pytest.raises(ZooError, match="all hole"):
            neighbor.complete(face, np.ones((64, 64)))
        with pytest.raises(ZooError, match=r"\(N, H, W, 3\) uint8"):
            NearestNeighbor().fit(gallery.astype(float))
        with pytest.raises(ZooError, match="HOG needs 16 x 16"):
            hog(gallery[:, :8])


@pytest.mark.parametrize(
    ("image", "mask", "message"),
    [
        (np.zeros((8, 8, 3)), np.eye(8), "uint8 RGB; received float64"),
        (np.zeros((8, 8), np.uint8), np.eye(8), r"received uint8 \(8, 8\)"),
        (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8)), "no hole"),
        (np.zeros((8, 8, 3), np.uint8), np.ones((8, 8)), "all hole"),
        (np.zeros((8, 8, 3), np.uint8), np.eye(9), "9 x 9"),
    ],
)
def test_refused_pictures(image, mask, message):
    with pytest.raises(ZooError, match=message):
        telea(image, mask)


def test_refused_radius():
    with pytest.raises(ZooError, match="radius is 0"):
        navier_stokes(np.zeros((8, 8, 3), np.uint8), np.eye(8), radius=0)


class TestRetrieval:
    def test_against_loops(self):
        rng = np.random.default_rng(0)
        queries, gallery = rng.standard_normal((4, 7)), rng.standard_normal((9, 7))
        indices, cosines = retrieval.nearest(queries, gallery, 3)
        for query, found, values in zip(queries, indices, cosines, strict=True):
            every = [query @ g / (np.linalg.norm(query) * np.linalg.norm(g)) for g in gallery]
            best = sorted(range(9), key=lambda i: -every[i])[:3]
            assert found.tolist() == best
            np.testing.assert_allclose(values, np.take(every, best), rtol=1e-12)

    def test_length_does_not_count_and_zero_is_like_nothing(self):
        gallery = np.array([[0.0, 0.0], [10.0, 10.0], [0.1, 0.0]])
        indices, cosines = retrieval.nearest([[3.0, 0.0]], gallery, 3)
        assert indices.tolist() == [[2, 1, 0]]
        np.testing.assert_allclose(cosines, [[1, 0.5**0.5, 0]], atol=1e-12)

    def test_leave_one_out(self):
        features = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [1, 0]])
        assert retrieval.leave_one_out(features, [0, 0, 1, 1, 0]) == 1.0
        assert retrieval.leave_one_out(features, [0, 1, 1, 1, 0]) == 0.8
        assert retrieval.leave_one_out(features, [0, 1, 2, 3, 4]) == 0.0

    def test_refused(self):
        with pytest.raises(ZooError, match="3 features, the gallery has 2"):
            retrieval.nearest(np.ones((1, 3)), np.ones((1, 2)))
        with pytest.raises(ZooError, match="count is 3; legal is 1 to 2"):
            retrieval.nearest(np.ones((1, 2)), np.ones((2, 2)), 3)
        with pytest.raises(ZooError, match="queries must be"):
            retrieval.nearest(np.full((1, 2), np.nan), np.ones((2, 2)))
        with pytest.raises(ZooError, match="N at least 2"):
            retrieval.leave_one_out(np.ones((1, 2)), [0])
