"""Metrics over networks and labels, against SciPy, NumPy and hand computation."""

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import tensorflow as tf

import zoo
from zoo import metrics, weights
from zoo.errors import ZooError
from zoo.evaluation.identification import rank1
from zoo.metrics import networks


def pooled(images):
    """A network: means over quarters of the picture, 12 features."""
    return tf.reshape(tf.nn.avg_pool2d(tf.cast(images, "float32"), 4, 4, "VALID"), (-1, 12))


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    true = rng.uniform(-1, 1, (40, 8, 8, 3)).astype(np.float32)
    pred = np.clip(0.7 * rng.uniform(-1, 1, (31, 8, 8, 3)) + 0.1, -1, 1).astype(np.float32)
    return true, pred


def test_frechet_distance_against_scipy(sets):
    true, pred = (np.asarray(pooled(x), np.float64) for x in sets)
    covariances = np.cov(true, rowvar=False), np.cov(pred, rowvar=False)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.sum((true.mean(0) - pred.mean(0)) ** 2)
    expected += np.trace(covariances[0] + covariances[1] - 2 * root)
    metric = metrics.FrechetDistance(pooled, 12)
    metric.update_state(*sets)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    metric.reset_state()
    for part in range(0, 40, 8):
        metric.update_state(sets[0][part : part + 8], sets[1][part : part + 8])
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    metric.reset_state()
    metric.update_state(sets[0], sets[0])
    assert float(metric.result()) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ZooError, match="dimensions is 13"):
        metrics.FrechetDistance(pooled, 13).update_state(*sets)


def test_frechet_distance_with_fewer_pictures_than_features(sets):
    """Rank-deficient covariances must not turn the root complex or negative."""
    true, pred = (np.asarray(pooled(x[:5]), np.float64) for x in sets)
    covariances = np.cov(true, rowvar=False), np.cov(pred, rowvar=False)
    singular = np.linalg.svd(
        scipy.linalg.sqrtm(covariances[0]).real @ scipy.linalg.sqrtm(covariances[1]).real
    )[1]
    expected = np.sum((true.mean(0) - pred.mean(0)) ** 2) - 2 * singular.sum()
    expected += np.trace(covariances[0]) + np.trace(covariances[1])
    metric = metrics.FrechetDistance(pooled, 12)
    metric.update_state(sets[0][:5], sets[1][:5])
    assert float(metric.result()) == pytest.approx(expected, rel=1e-4)


def test_kernel_distance_against_loops(sets):
    true, pred = (np.asarray(pooled(x[:6]), np.float64) for x in sets)

    def k(x, y):
        return (x @ y / 12 + 1) ** 3

    pairs = [(i, j) for i in range(6) for j in range(6)]
    within = [np.mean([k(s[i], s[j]) for i, j in pairs if i != j]) for s in (true, pred)]
    across = np.mean([k(true[i], pred[j]) for i, j in pairs])
    metric = metrics.KernelDistance(pooled)
    metric.update_state(sets[0][:6], sets[1][:6])
    assert float(metric.result()) == pytest.approx(sum(within) - 2 * across, rel=1e-5)
    first = float(metric.result())
    metric.update_state(sets[0][:1], sets[1][:1])  # tells nothing
    assert float(metric.result()) == first
    metric.update_state(sets[0][6:12], sets[1][6:12])
    both = float(metric.result())
    metric.reset_state()
    metric.update_state(sets[0][6:12], sets[1][6:12])
    assert both == pytest.approx((first + float(metric.result())) / 2, rel=1e-5)


def test_identity_distance(sets):
    true, pred = (np.asarray(pooled(x[:7]), np.float64) for x in sets)
    cosine = np.sum(true * pred, 1) / np.linalg.norm(true, axis=1) / np.linalg.norm(pred, axis=1)
    metric = metrics.IdentityDistance(pooled)
    metric.update_state(sets[0][:7], sets[1][:7])
    assert float(metric.result()) == pytest.approx(1 - cosine.mean(), rel=1e-5)


def test_embedding_resizes_and_names(sets):
    model = zoo.create("light_cnn", image_size=32, width=0.125)
    network = metrics.Embedding(model, "mine")
    features = network(sets[0][:2])
    larger = tf.image.resize(sets[0][:2], (32, 32), antialias=True)
    np.testing.assert_array_equal(features, model({"image": larger}))
    assert network.name == "mine" and features.shape == (2, 256)
    with pytest.raises(ZooError, match="serves 'classify'"):
        metrics.Embedding(zoo.create("attribute_classifier", image_size=32, width=0.0625))


@pytest.fixture(scope="module")
def state():
    """A state dict like that of the authors' LPIPS(net="vgg"), with random values."""
    rng = np.random.default_rng(0)
    arrays, channels = {}, 3
    for i, (layers, filters) in enumerate(
        zip(networks._SLICES, networks._CHANNELS, strict=True), start=1
    ):
        for layer in layers:
            kernel = rng.standard_normal((filters, channels, 3, 3), np.float32)
            arrays[f"net.slice{i}.{layer}.weight"] = kernel * (2 / 9 / channels) ** 0.5
            arrays[f"net.slice{i}.{layer}.bias"] = rng.normal(0, 0.1, filters).astype("f4")
            channels = filters
        linear = rng.random((1, filters, 1, 1), np.float32)
        arrays[f"lin{i - 1}.model.1.weight"] = linear
    return arrays


class TestPerceptual:
    def test_by_numpy(self, sets):
        def network(x):
            return [tf.nn.relu(x), tf.nn.avg_pool2d(x, 2, 2, "VALID")]

        true, pred = sets[0][:3], sets[1][:3]
        expected = np.zeros(3)
        for t, p, w in zip(network(true), network(pred), ([1, 2, 0.5], [1, 1, 3]), strict=True):
            t, p = (
                np.asarray(x) / (np.linalg.norm(x, axis=-1, keepdims=True) + 1e-10) for x in (t, p)
            )
            expected += ((t - p) ** 2 * w).sum(-1).mean((1, 2))
        metric = metrics.PerceptualDistance(network, ([1, 2, 0.5], [1, 1, 3]))
        metric.update_state(tf.constant(true), tf.constant(pred))
        assert float(metric.result()) == pytest.approx(expected.mean(), rel=1e-5)

    def test_lpips_by_scipy(self, state, tmp_path):
        rng = np.random.default_rng(1)
        images = rng.uniform(-1, 1, (2, 16, 16, 3))
        shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
        x = np.moveaxis((images - shift) / scale, -1, 1)  # (2, 3, 16, 16)
        expected = 0.0
        for i in range(1, 6):
            if i > 1:
                x = x.reshape(2, len(x[0]), x.shape[2] // 2, 2, x.shape[3] // 2, 2).max((3, 5))
            for key in [k for k in state if k.startswith(f"net.slice{i}.") and "weight" in k]:
                padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
                windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
                bias = state[key.replace("weight", "bias")][None, :, None, None]
                x = np.einsum("nchwij,ocij->nohw", windows, state[key], optimize=True) + bias
                x = np.maximum(x, 0)
            unit = x / (np.sqrt((x**2).sum(1, keepdims=True)) + 1e-10)
            linear = state[f"lin{i - 1}.model.1.weight"][0]
            expected += (linear * (unit[0] - unit[1]) ** 2).sum(0).mean()
        weights.write(tmp_path / "lpips.safetensors", state)
        metric = metrics.LPIPS(tmp_path / "lpips.safetensors")
        metric.update_state(images[:1], images[1:])
        assert float(metric.result()) == pytest.approx(expected, rel=1e-4)

    def test_refused_weights(self, state, tmp_path):
        with pytest.raises(ZooError, match="no file .* state dict"):
            metrics.LPIPS(tmp_path / "none.safetensors")
        path = tmp_path / "bad.safetensors"
        weights.write(path, {k: v for k, v in state.items() if k != "net.slice2.7.bias"})
        with pytest.raises(ZooError, match=r"net.slice2.7.bias must have shape \(128,\); found no"):
            metrics.LPIPS(path)
        weights.write(path, {**state, "lin1.model.1.weight": -state["lin1.model.1.weight"]})
        with pytest.raises(ZooError, match="lin1.model.1.weight has negative"):
            metrics.LPIPS(path)
        with pytest.raises(ZooError, match="no file .* keras.applications"):
            metrics.InceptionV3(tmp_path / "none.h5")
        (tmp_path / "bad.h5").write_bytes(b"not HDF5")
        with pytest.raises(ZooError, match="does not hold InceptionV3"):
            metrics.InceptionV3(tmp_path / "bad.h5")


def test_pooled_hed_features():
    network = metrics.PooledVGG("hed")
    image = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3))
    last = network.features(tf.cast(image, "float32"))[-1]
    np.testing.assert_allclose(network(image), np.asarray(last).mean((1, 2)), rtol=1e-5)
    assert network.name == "vgg16_hed"


def test_attributes_by_hand():
    source = np.array([[0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1]])
    #        toggled:      0          0          1          1
    seen = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    logits, toggled = 6.0 * seen - 3, np.array([0, 0, 1, 1])
    generation = metrics.AttributeGeneration(3)
    preservation = metrics.AttributePreservation(3)
    for metric in (generation, preservation):
        for i in range(4):
            metric.update_state(source[i : i + 1], logits[i : i + 1], toggled[i : i + 1])
    nan = np.nan
    expected = [[0.5, 0.5, 0.5], [0, 1, 0], [nan, nan, nan]]
    np.testing.assert_allclose(generation.matrix(), expected)
    assert float(generation.result()) == pytest.approx(0.75)  # 1 of 2, 2 of 2
    assert float(preservation.result()) == pytest.approx(0.75)  # 2 of 4 others, 4 of 4
    with pytest.raises(ZooError, match="count is 1"):
        metrics.AttributeGeneration(1)


def test_rank1_is_that_of_numpy():
    rng = np.random.default_rng(0)
    gallery, probes = rng.standard_normal((6, 5)), rng.standard_normal((20, 5))
    people, identity = np.arange(6), rng.integers(0, 6, 20)
    metric = metrics.Rank1(gallery, people)
    for i in range(0, 20, 7):
        metric.update_state(identity[i : i + 7], probes[i : i + 7])
    expected = rank1(gallery, people, probes, identity).mean()
    assert 0 < expected < 1 and float(metric.result()) == pytest.approx(expected)
    with pytest.raises(ZooError, match="gallery and identity must be"):
        metrics.Rank1(gallery, people[:3])
    with pytest.raises(ZooError, match="zero or not finite"):
        metrics.Rank1(gallery * 0, people)


def test_edges_by_hand():
    asked, found = np.zeros((1, 9, 9, 1)), np.zeros((1, 9, 9, 1))
    asked[0, 2, 1:7] = 1  # six pixels
    found[0, 3, 4:9] = 1  # five, one row below; three columns in common
    metric = metrics.EdgeFScore(1)
    metric.update_state(asked, found)
    precision, recall = 4 / 5, 4 / 6  # columns 4..7 of found; columns 3..6 of asked
    assert float(metric.result()) == pytest.approx(2 * precision * recall / (precision + recall))
    exact = metrics.EdgeFScore(0)
    exact.update_state(asked, found)
    assert float(exact.result()) == 0
    exact.update_state(asked, asked)
    assert float(exact.result()) == pytest.approx(2 * (6 / 11) * (6 / 12) / (6 / 11 + 6 / 12))
    hole = np.zeros((1, 9, 9, 1))
    hole[:, :, :4] = 1
    metric.reset_state()
    metric.update_state(asked, found, sample_weight=hole)
    assert float(metric.result()) == 0  # nothing was found inside
    empty = metrics.EdgeFScore()
    empty.update_state(0 * asked, 0 * found)
    assert np.isnan(float(empty.result()))
    with pytest.raises(ZooError, match="tolerance is -1"):
        metrics.EdgeFScore(-1)


def test_parsing_is_scored_by_keras():
    """`keras.metrics.MeanIoU` is what the protocols use: a class that is nowhere does not count."""
    import keras

    metric = keras.metrics.MeanIoU(4)
    metric.update_state([0, 0, 1, 1], [0, 1, 1, 1])
    assert float(metric.result()) == pytest.approx((1 / 2 + 2 / 3) / 2)
