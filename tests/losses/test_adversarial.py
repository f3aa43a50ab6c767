import numpy as np
import pytest
import tensorflow as tf

from zoo.losses import adversarial

rng = np.random.default_rng(0)
IMAGE, TRUTH = rng.uniform(-1, 1, (2, 2, 6, 5, 3)).astype("float32")
MASK = (rng.random((2, 6, 5, 1)) > 0.6).astype("float32")
REAL, FAKE = np.float32([[3.0], [-1.0], [0.5]]), np.float32([[-5.0], [2.0], [-0.25]])
SEED = tf.constant([3, 0], "int64")


def test_linear_losses_do_not_clip():
    loss = adversarial.linear_discriminator(REAL, FAKE)
    np.testing.assert_allclose(loss, (1 - REAL).mean() + (1 + FAKE).mean(), rtol=1e-6)
    assert loss < adversarial.hinge_discriminator(REAL, FAKE)  # a hinge stops at 0
    np.testing.assert_allclose(adversarial.linear_generator(FAKE), 13 / 12, rtol=1e-6)
    np.testing.assert_allclose(adversarial.score_drift(REAL), 41 / 12, rtol=1e-6)


def softplus(x):
    return np.log1p(np.exp(x))


@pytest.mark.parametrize(
    "name, discriminator, generator",
    [
        ("wgan", lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
        ("lsgan", lambda r, f: ((r - 1) ** 2 + f**2).mean(), lambda f: ((f - 1) ** 2).mean()),
        ("gan", lambda r, f: (softplus(-r) + softplus(f)).mean(), lambda f: softplus(-f).mean()),
        ("dcgan", lambda r, f: (softplus(-r) + softplus(f)).mean(), lambda f: softplus(-f).mean()),
        (
            "hinge_v1",
            lambda r, f: (np.clip(1 - r, 0, None) + np.clip(1 + f, 0, None)).mean(),
            lambda f: np.clip(1 - f, 0, None).mean(),
        ),
        (
            "hinge_v2",
            lambda r, f: (np.clip(1 - r, 0, None) + np.clip(1 + f, 0, None)).mean(),
            lambda f: -f.mean(),
        ),
    ],
)
def test_objectives(name, discriminator, generator):
    ours = adversarial.OBJECTIVES[name]
    np.testing.assert_allclose(ours.discriminator(REAL, FAKE), discriminator(REAL, FAKE), rtol=1e-6)
    np.testing.assert_allclose(ours.generator(FAKE), generator(FAKE), rtol=1e-6)


@pytest.mark.parametrize("label", [0.0, 0.9, 1.0])
def test_cross_entropy_with_smooth_labels(label):
    expected = (label * softplus(-REAL) + (1 - label) * softplus(REAL)).mean()
    np.testing.assert_allclose(adversarial.cross_entropy(REAL, label), expected, rtol=1e-6)


WEIGHT = rng.standard_normal((6, 5, 3)).astype("float32")


def linear_critic(x):
    return tf.reduce_sum(x * WEIGHT, axis=(1, 2, 3))


def test_gradient_penalty_of_a_linear_critic():
    norm = np.sqrt((WEIGHT**2).sum())
    points = tf.constant(IMAGE)
    whole = adversarial.gradient_penalty(linear_critic, points)
    np.testing.assert_allclose(whole, (norm - 1) ** 2, rtol=1e-5)
    norms = np.sqrt(((WEIGHT * MASK) ** 2).sum((1, 2, 3)))
    masked = adversarial.gradient_penalty(linear_critic, points, MASK)
    np.testing.assert_allclose(masked, ((norms - 1) ** 2).mean(), rtol=1e-5)


@pytest.mark.parametrize(
    "name, cost",
    [
        ("1-gp", lambda n: (n - 1) ** 2),
        ("0-gp", lambda n: n**2),
        ("lp", lambda n: np.clip(n - 1, 0, None) ** 2),
    ],
)
def test_what_a_slope_costs(name, cost):
    """A quadratic critic has another slope at each point, here below and above 1."""
    points = np.stack([0.05 * IMAGE[0], 2 * IMAGE[1]])
    norms = np.sqrt((points**2).sum((1, 2, 3)))
    assert norms[0] < 1 < norms[1]
    penalty = adversarial.gradient_penalty(
        lambda x: 0.5 * tf.reduce_sum(x**2, axis=(1, 2, 3)),
        tf.constant(points),
        penalty=adversarial.PENALTIES[name],
    )
    np.testing.assert_allclose(penalty, cost(norms).mean(), rtol=1e-5)


def test_points_between_the_samples_repeat_with_a_seed():
    first, again = (adversarial.between(IMAGE, TRUTH, SEED).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - adversarial.between(IMAGE, TRUTH, SEED + 1)).max() > 1e-3
    position = (first - IMAGE) / (TRUTH - IMAGE)
    for sample in position:
        assert 0 <= sample.mean() <= 1 and np.ptp(sample) < 1e-3
    assert abs(position[0].mean() - position[1].mean()) > 1e-3


def test_points_around_the_real_samples():
    """DRAGAN: noise of at most half the batch's deviation, scaled by one position a sample."""
    real = rng.standard_normal((64, 8, 8, 3)).astype("float32") + 5
    added = (adversarial.around(real, SEED).numpy() - real) / (0.5 * real.std())
    positions = added.max(axis=(1, 2, 3))  # of uniform noise of 192 values, next to 1
    assert -1e-5 < added.min() and added.max() <= 1
    assert np.ptp(positions) > 0.8 and abs(positions.mean() - 0.5) < 0.12
    noise = added / positions[:, None, None, None]
    assert abs(noise.mean() - 0.5) < 0.01 and abs(noise.std() - 12**-0.5) < 0.01
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.3  # not one for all
    again = adversarial.around(real, SEED).numpy()
    np.testing.assert_allclose(again, real + 0.5 * real.std() * added, rtol=1e-5)


def test_points_around_pictures_of_one_colour():
    flat = np.full((2, 4, 4, 3), 0.7, "float32")  # E[x^2] - E[x]^2 rounds to either side of 0
    np.testing.assert_allclose(adversarial.around(flat, SEED), flat, atol=1e-3)


def test_points_by_name():
    for name, expected in (("real", IMAGE), ("fake", TRUTH)):
        np.testing.assert_array_equal(adversarial.POINTS[name](IMAGE, TRUTH, SEED), expected)
    line = adversarial.POINTS["line"](IMAGE, TRUTH, SEED)
    np.testing.assert_array_equal(line, adversarial.between(IMAGE, TRUTH, SEED))
    near = adversarial.POINTS["dragan"](IMAGE, None, SEED)
    np.testing.assert_array_equal(near, adversarial.around(IMAGE, SEED))
