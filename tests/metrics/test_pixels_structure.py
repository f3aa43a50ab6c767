"""Metrics of pixels and structure, against scikit-image, TensorFlow and NumPy."""

import numpy as np
import pytest
import skimage.data
import skimage.metrics
import skimage.transform
import tensorflow as tf

from zoo import metrics
from zoo.errors import ZooError
from zoo.metrics.structure import WEIGHTS

BYTES = (0, 255)


@pytest.fixture(scope="module")
def pair():
    """Two uint8 faces (2, 48, 40, 3) and what noise and a shift of brightness make of them."""
    photo = skimage.data.astronaut()
    faces = np.stack([photo[40:88, 180:220], photo[100:148, 190:230]])
    rng = np.random.default_rng(0)
    noisy = np.clip(faces + rng.normal(8, 12, faces.shape), 0, 255).astype(np.uint8)
    return faces, noisy


@pytest.fixture(scope="module")
def mask():
    mask = np.zeros((2, 48, 40, 1), np.float32)
    mask[0, 10:30, 5:25] = 1
    mask[1, 20:40, 8:38] = 1
    return mask


def unit(pictures):
    """The batch contract's form."""
    return pictures.astype(np.float32) / 127.5 - 1


def value(metric, *arguments, **options):
    metric.update_state(*arguments, **options)
    return float(metric.result())


def test_errors_are_those_of_numpy_and_scikit_image(pair):
    true, pred = pair
    d = (true.astype(float) - pred) / 255
    assert value(metrics.L1(), unit(true), unit(pred)) == pytest.approx(np.abs(d).mean(), rel=1e-6)
    assert value(metrics.L2(), unit(true), unit(pred)) == pytest.approx((d**2).mean(), rel=1e-6)
    theirs = np.mean(
        [skimage.metrics.peak_signal_noise_ratio(*p) for p in zip(true, pred, strict=True)]
    )
    assert value(metrics.PSNR(), unit(true), unit(pred)) == pytest.approx(theirs, rel=1e-6)
    assert value(metrics.PSNR(BYTES), true, pred) == pytest.approx(theirs, rel=1e-6)


def test_inside_the_hole(pair, mask):
    true, pred = pair
    d = [(t.astype(float) - p)[m[..., 0] > 0] / 255 for t, p, m in zip(*pair, mask, strict=True)]
    expected = {
        metrics.L1: np.mean([np.abs(x).mean() for x in d]),
        metrics.L2: np.mean([(x**2).mean() for x in d]),
        metrics.PSNR: np.mean([-10 * np.log10((x**2).mean()) for x in d]),
    }
    for kind, theirs in expected.items():
        ours = value(kind(BYTES), true, pred, sample_weight=mask)
        assert ours == pytest.approx(theirs, rel=1e-6)


def test_an_image_without_hole_does_not_count(pair, mask):
    true, pred = pair
    lone = mask.copy()
    lone[1] = 0
    alone = value(metrics.PSNR(BYTES), true[:1], pred[:1], sample_weight=mask[:1])
    assert value(metrics.PSNR(BYTES), true, pred, sample_weight=lone) == pytest.approx(alone)
    assert np.isnan(value(metrics.L1(), true, pred, sample_weight=0 * mask))


def test_equal_images_have_100_db(pair):
    true, _ = pair
    assert value(metrics.PSNR(BYTES), true, true) == pytest.approx(100)
    assert value(metrics.SSIM(value_range=BYTES), true, true) == pytest.approx(1)


def test_unchanged_pixels(pair, mask):
    true, _ = pair
    filled = np.where(mask > 0, np.uint8(0), true)
    assert value(metrics.UnchangedPixelError(BYTES), true, filled, sample_weight=mask) == 0
    filled[0, 0, 0, 0] ^= 8
    known = 48 * 40 - mask[0].sum()
    expected = 8 / 255 / 3 / known / 2
    ours = value(metrics.UnchangedPixelError(BYTES), true, filled, sample_weight=mask)
    assert ours == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            {"size": 11, "sigma": 1.5},
            {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False},
        ),
        ({"size": 7, "sigma": None, "sample_covariance": True}, {}),
        ({"size": 7, "sigma": None, "k1": 0.02, "k2": 0.05}, {"K1": 0.02, "K2": 0.05}),
    ],
)
def test_ssim_is_that_of_scikit_image(pair, ours, theirs):
    if "K1" in theirs:
        theirs = {**theirs, "use_sample_covariance": False}
    expected = np.mean(
        [
            skimage.metrics.structural_similarity(t, p, channel_axis=-1, data_range=255, **theirs)
            for t, p in zip(*pair, strict=True)
        ]
    )
    true, pred = pair
    assert value(metrics.SSIM(value_range=BYTES, **ours), true, pred) == pytest.approx(
        expected, 1e-6
    )
    assert value(metrics.SSIM(**ours), unit(true), unit(pred)) == pytest.approx(expected, abs=2e-5)


def test_ssim_in_the_hole_is_the_mean_of_its_map(pair, mask):
    true, pred = pair
    expected = []
    for t, p, m in zip(true, pred, mask, strict=True):
        _, full = skimage.metrics.structural_similarity(
            *(t, p), channel_axis=-1, data_range=255, full=True
        )
        inner = m[3:-3, 3:-3, 0] > 0
        expected.append(full[3:-3, 3:-3][inner].mean())
    metric = metrics.SSIM(size=7, sigma=None, sample_covariance=True, value_range=BYTES)
    ours = value(metric, true, pred, sample_weight=mask)
    assert ours == pytest.approx(np.mean(expected), rel=1e-6)


def test_ms_ssim_is_that_of_tensorflow():
    photo = skimage.data.astronaut()[:192, 128:320].astype(np.float32)
    rng = np.random.default_rng(1)
    noisy = np.clip(photo + rng.normal(0, 25, photo.shape), 0, 255).astype(np.float32)
    theirs = tf.image.ssim_multiscale(photo[None], noisy[None], 255.0, WEIGHTS)
    ours = value(metrics.MSSSIM(value_range=BYTES), photo[None], noisy[None])
    assert ours == pytest.approx(float(theirs[0]), abs=5e-5)  # theirs is float32
    weights = np.array(WEIGHTS[:3]) / sum(WEIGHTS[:3])
    theirs = tf.image.ssim_multiscale(photo[None, :64, :64], noisy[None, :64, :64], 255.0, weights)
    metric = metrics.MSSSIM(value_range=BYTES, weights=WEIGHTS[:3])
    assert value(metric, photo[None, :64, :64], noisy[None, :64, :64]) == pytest.approx(
        float(theirs[0]), abs=5e-5
    )


def test_batches_do_not_matter_and_reset_forgets(pair, mask):
    true, pred = pair
    for kind in (metrics.L1, metrics.PSNR, metrics.SSIM):
        metric = kind(value_range=BYTES)
        whole = value(metric, true, pred, sample_weight=mask)
        metric.reset_state()
        for i in (0, 1):
            metric.update_state(true[i : i + 1], pred[i : i + 1], sample_weight=mask[i : i + 1])
        assert float(metric.result()) == pytest.approx(whole, rel=1e-9)
        assert float(metric.count.value) == 2


def test_configs_round_trip():
    for metric in (
        metrics.L1(BYTES),
        metrics.SSIM(size=7, sigma=None, sample_covariance=True, name="s"),
        metrics.MSSSIM(weights=(0.5, 0.5), k1=0.02),
        metrics.EdgeFScore(3),
    ):
        config = metric.get_config()
        assert type(metric).from_config(config).get_config() == config


def test_refused(pair, mask):
    true, pred = pair
    with pytest.raises(ZooError, match=r"value_range is \(1, 1\)"):
        metrics.L1((1, 1))
    with pytest.raises(ZooError, match="size is 4; legal are odd"):
        metrics.SSIM(size=4)
    with pytest.raises(ZooError, match="sigma is -1"):
        metrics.SSIM(sigma=-1)
    with pytest.raises(ZooError, match="ssim needs pictures of 11 x 11 pixels at least; .* 8 x 40"):
        metrics.SSIM().update_state(true[:, :8], pred[:, :8])
    with pytest.raises(ZooError, match="5 scales needs pictures of 176 x 176"):
        metrics.MSSSIM().update_state(true, pred)
    with pytest.raises(ZooError, match="takes no sample_weight"):
        metrics.MSSSIM(weights=(1, 1)).update_state(true, pred, sample_weight=mask)
    with pytest.raises(ZooError, match="weights are"):
        metrics.MSSSIM(weights=(1, -1))


def test_sums_over_replicas(tmp_path):
    """On two devices with unequal parts the result is that of one device."""
    import subprocess
    import sys

    code = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from zoo import metrics
rng = np.random.default_rng(0)
t, p = rng.uniform(-1, 1, (2, 5, 16, 16, 3)).astype("float32")
pooled = lambda x: tf.reduce_mean(x, axis=(1, 2))
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
for make in (metrics.PSNR, metrics.SSIM, lambda: metrics.FrechetDistance(pooled, 3)):
    with strategy.scope():
        shared = make()
    def part(x):
        cut = lambda c: tf.constant(x[:3] if c.replica_id_in_sync_group == 0 else x[3:])
        return strategy.experimental_distribute_values_from_function(cut)
    strategy.run(tf.function(shared.update_state), args=(part(t), part(p)))
    alone = make()
    alone.update_state(t, p)
    np.testing.assert_allclose(float(shared.result()), float(alone.result()), rtol=1e-6)
print("equal")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "equal\n", done.stderr[-2000:]
