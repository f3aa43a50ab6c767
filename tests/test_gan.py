"""The base of the models on a toy: updates in parts, on devices, clipped, in float16."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo import replicas
from zoo.gan import GANModel
from zoo.layers import SpectralNormConv2D
from zoo.losses import adversarial
from zoo.testing.suite import DEVICES, rows_of
from zoo.training.adam import Adam
from zoo.training.distribution import make_strategy

SIZE = 8


class Toy(GANModel):
    """Removes dropout from pictures, against a spectrally normalised critic with a penalty."""

    zoo_name = "toy"
    input_keys = ("image",)
    channels = {"image": 3}
    default_loss_weights = {
        "generator": {"reconstruction": 1.0, "adversarial": 0.1},
        "discriminator": {"gradient_penalty": 10.0, "adversarial": 1.0},
    }

    def __init__(self):
        super().__init__(image_size=SIZE)
        layers = keras.layers
        shape = keras.Input((SIZE, SIZE, 3))
        conv = layers.Conv2D(4, 3, padding="same", activation="tanh", name="conv1")
        self.generator = keras.Sequential(
            [shape, conv, layers.Conv2D(3, 1, dtype="float32", name="conv2")], name="generator"
        )
        self.discriminator = keras.Sequential(
            [
                shape,
                SpectralNormConv2D(4, 3, strides=2, activation="tanh", name="conv"),
                layers.Flatten(),
                layers.Dense(1, dtype="float32", name="score"),
            ],
            name="discriminator",
        )
        self.built = True

    def forward(self, batch):
        seed = tf.stack([self.step.value, 0])
        return {"generated": self.generator(replicas.dropout(batch["image"], 0.5, seed))}

    def generator_losses(self, batch, outputs):
        return {
            "reconstruction": tf.reduce_mean(tf.abs(outputs["generated"] - batch["image"])),
            "adversarial": -tf.reduce_mean(self.discriminator(outputs["generated"])),
        }

    def discriminator_losses(self, batch, outputs):
        points = adversarial.between(
            batch["image"], outputs["generated"], tf.stack([self.step.value, 1])
        )
        penalty = adversarial.gradient_penalty(self.discriminator, points)
        pair = tf.concat([batch["image"], outputs["generated"]], axis=0)
        real, fake = tf.split(self.discriminator(pair, training=True), 2)
        return {
            "gradient_penalty": penalty,
            "adversarial": adversarial.wasserstein_discriminator(real, fake),
        }

    def train_step(self, batch):
        self.descend(batch, "discriminator")
        self.descend(batch, "generator")
        return self.finish_step()


def batch_of(number: int) -> dict:
    rng = np.random.default_rng(number)
    return {"image": tf.constant(rng.uniform(-1, 1, (8, SIZE, SIZE, 3)).astype("float32"))}


def trained(devices=1, steps=3, batch=batch_of, optimizer=None, policy="float32", **options):
    """The toy and the logs of its last step, means over the devices."""
    optimizer = optimizer or (lambda: Adam(1e-2, epsilon=1e-3))
    strategy = make_strategy("mirrored" if devices > 1 else "none")
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy(policy)
    try:
        with strategy.scope():
            model = Toy()
            model.compile({name: optimizer() for name in model.default_loss_weights}, **options)
    finally:
        keras.config.set_dtype_policy("float32")
    logs = {}
    run = tf.function(lambda batch: strategy.run(model.train_step, args=(batch,)))
    for number in range(steps):
        model.reset_metrics()
        shares = [rows_of(batch(number), model, n, devices) for n in range(devices)]
        logs = run(
            strategy.experimental_distribute_values_from_function(
                lambda context: shares[context.replica_id_in_sync_group]  # noqa: B023
            )
        )
    local = strategy.experimental_local_results
    return model, {key: np.mean([float(v) for v in local(value)]) for key, value in logs.items()}


@pytest.fixture(scope="module")
def whole():
    return trained(ema_decay=0.5)


@pytest.mark.parametrize("devices, accumulate", [(1, 2), (1, 8), (DEVICES, 1), (DEVICES, 2)])
def test_parts_and_devices_equal_the_whole_batch(whole, devices, accumulate):
    """Weights, averages, moments, spectral norm's vector, losses and norms."""
    model, logs = trained(devices, accumulate=accumulate, ema_decay=0.5)
    expected = whole[0].state()
    assert set(model.state()) == set(expected)
    for key, variable in model.state().items():
        np.testing.assert_allclose(variable.numpy(), expected[key].numpy(), atol=2e-6, err_msg=key)
    assert set(logs) == set(whole[1])
    for key, value in logs.items():
        np.testing.assert_allclose(value, whole[1][key], rtol=1e-4, atol=1e-6, err_msg=key)


def test_logged_in_the_order_of_computation(whole):
    assert whole[0].logged == [
        "discriminator/gradient_penalty",
        "discriminator/adversarial",
        "discriminator/gradient_norm",
        "generator/reconstruction",
        "generator/adversarial",
        "generator/gradient_norm",
    ]


@pytest.mark.parametrize("devices", [1, DEVICES])
def test_clipped_to_a_global_norm(devices):
    """With SGD of rate 1 a step is as long as the gradient; the log has the length before it."""
    start, _ = trained(steps=0)
    clip = 0.05
    model, logs = trained(
        devices, 1, optimizer=lambda: keras.optimizers.SGD(1.0, global_clipnorm=clip)
    )
    for name in ("generator", "discriminator"):
        assert logs[f"{name}/gradient_norm"] > clip
        pairs = zip(model.optimized(name), start.optimized(name), strict=True)
        length = np.sqrt(sum(np.sum((v.numpy() - s.numpy()) ** 2) for v, s in pairs))
        np.testing.assert_allclose(length, clip, rtol=1e-3)


@pytest.mark.parametrize("devices", [1, DEVICES])
def test_gradient_norm_by_hand(devices):
    model, _ = trained(steps=0)
    batch = batch_of(0)
    with tf.GradientTape() as tape:
        losses = model.discriminator_losses(batch, model.forward(batch))
        total = 10.0 * losses["gradient_penalty"] + losses["adversarial"]
    gradients = tape.gradient(total, model.discriminator.trainable_variables)
    expected = np.sqrt(sum(np.sum(np.square(g)) for g in gradients))
    _, logs = trained(devices, 1)
    np.testing.assert_allclose(logs["discriminator/gradient_norm"], expected, rtol=1e-5)


def test_gradient_norm_in_float16_is_not_that_of_the_scaled_loss(whole):
    _, logs = trained(steps=1, policy="mixed_float16")
    norm = whole[1]["generator/gradient_norm"]
    np.testing.assert_allclose(logs["generator/gradient_norm"], norm, rtol=0.5)


def test_overflow_on_one_device_skips_the_step_on_all():
    """Keras asks the first device alone whether gradients are finite; here it is the second's."""

    def broken(number):
        image = batch_of(number)["image"].numpy()
        image[-1] = np.inf
        return {"image": tf.constant(image)}

    start, _ = trained(DEVICES, 0, policy="mixed_float16")
    model, logs = trained(DEVICES, 1, batch=broken, policy="mixed_float16")
    for name, optimizer in model.optimizers.items():
        for variable, before in zip(model.optimized(name), start.optimized(name), strict=True):
            np.testing.assert_array_equal(variable.numpy(), before.numpy())
        scale = start.optimizers[name].dynamic_scale.numpy()
        assert optimizer.dynamic_scale.numpy() == scale / 2
        assert logs[f"{name}/gradient_norm"] == 0  # no step, no norm


def test_update_in_parts_is_refused():
    model, _ = trained(steps=0, accumulate=2)
    with pytest.raises(ValueError, match="must call `descend`"):
        model.update("generator", tf.GradientTape(), 0.0)
