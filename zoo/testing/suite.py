"""The contracts that every model of the zoo keeps, as one pytest class.

    @pytest.mark.parametrize("name", zoo.list_models(), scope="class")
    class TestEveryModel(ModelSuite): ...

A model is tested in the size of its `smoke` recipe, on random batches. Import this module before
TensorFlow computes anything: it makes a second logical CPU, for the test on two devices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.config import load_recipe
from zoo.errors import ZooError
from zoo.gan import GANModel
from zoo.precision import precision
from zoo.registry import create
from zoo.testing.batches import random_batch, training_batch
from zoo.training import checkpoint
from zoo.training.adam import Adam
from zoo.training.distribution import make_strategy

DEVICES = 2
cpu = tf.config.list_physical_devices("CPU")[0]
if tf.config.get_logical_device_configuration(cpu) is None:
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * DEVICES
    )

_IMAGE_TASKS = ("complete", "edit", "frontalize")


def small_model(name: str, **arguments) -> GANModel:
    """The model of the recipe `<name>/smoke`, with random weights of a fixed seed."""
    keras.utils.set_random_seed(0)
    recipe, _ = load_recipe(f"{name}/smoke")
    return create(name, **{**recipe.model.arguments, **arguments})


def compiled(model: GANModel, **options) -> GANModel:
    """The model with Adam(1e-3) for each name in its loss weights."""
    model.compile({n: Adam(1e-3) for n in model.default_loss_weights}, **options)
    return model


def snapshot(variables) -> dict[str, np.ndarray]:
    """Path -> copy of the value."""
    return {v.path: v.numpy().copy() for v in variables}


def changed(before: dict[str, np.ndarray], variables) -> set[str]:
    """Paths whose value is not what it was."""
    return {v.path for v in variables if not np.array_equal(before[v.path], v.numpy())}


def train(model: GANModel, steps: int, first: int = 0) -> list[dict]:
    """Runs the training step on batches `first ...`; returns the losses of each step."""
    step = tf.function(model.train_step)
    logs = []
    for n in range(first, first + steps):
        for tracker in model.metrics:
            tracker.reset_state()
        logged = step(training_batch(model, seed=n)).items()
        logs.append({k: float(v) for k, v in logged if not k.endswith("/gradient_norm")})
    return logs


def rows_of(batch: dict, model: GANModel, share: int, shares: int) -> dict:
    """One device's rows of a training batch: of each of the batches joined in it."""

    def rows(value):
        parts = tf.reshape(value, (model.batches_per_step, shares, -1, *value.shape[1:]))
        return tf.reshape(parts[:, share], (-1, *value.shape[1:]))

    return {key: rows(value) for key, value in batch.items()}


@dataclass
class Training:
    """A model that was trained `STEPS` steps, and what it was like on the way."""

    model: GANModel
    directory: Path  # of a checkpoint after each step
    states: list[dict[str, np.ndarray]] = field(default_factory=list)  # before and after each step
    logs: list[dict[str, float]] = field(default_factory=list)

    STEPS = 4

    def __post_init__(self):
        self.step = tf.function(self.model.train_step)
        self.states.append(self.state())
        self.go_on(0)

    def go_on(self, first: int) -> None:
        """The steps from `first` on, which are always the same."""
        for n in range(first, self.STEPS):
            for tracker in self.model.metrics:
                tracker.reset_state()
            logs = self.step(training_batch(self.model, seed=n))
            if len(self.states) == n + 1:
                self.logs.append({name: float(value) for name, value in logs.items()})
                self.states.append(self.state())
                checkpoint.save(self.model, self.directory, keep=self.STEPS)

    def state(self) -> dict[str, np.ndarray]:
        return {name: variable.numpy().copy() for name, variable in self.model.state().items()}


def trainable(name: str) -> GANModel:
    """The model with an average and optimizers whose steps do not magnify rounding."""
    model = small_model(name)
    optimizers = {n: Adam(1e-3, epsilon=1e-3) for n in model.default_loss_weights}
    model.compile(optimizers, ema_decay=0.9)
    return model


def devices_step(name: str, eager: bool = False) -> tuple[GANModel, Callable[[dict], dict]]:
    """A `trainable` model on two devices, and its step on a batch: loss -> mean over them.

    Args:
        name: of the model.
        eager: the step is not traced, which for a very large one takes longer than it.
    """
    strategy = make_strategy("mirrored")
    with strategy.scope():
        model = trainable(name)

    def on_devices(batch):
        return strategy.run(model.train_step, args=(batch,))

    run = on_devices if eager else tf.function(on_devices)

    def step(batch):
        shares = [rows_of(batch, model, share, DEVICES) for share in range(DEVICES)]
        for tracker in model.metrics:
            tracker.reset_state()
        logs = run(
            strategy.experimental_distribute_values_from_function(
                lambda context: shares[context.replica_id_in_sync_group]
            )
        )
        results = {key: strategy.experimental_local_results(logs[key]) for key in logs}
        return {key: np.mean([float(v) for v in values]) for key, values in results.items()}

    return model, step


class ModelSuite:
    """Contracts; the parameter `name` is a name in the registry.

    The tests that train share one training, since it is tracing a step that takes long.

    Attributes:
        long_on_devices: models whose step on two devices takes minutes to trace; they need a test
            of their own.
        learning_rates: name -> rate for the test that the loss falls, where 1e-3 is too fast.
        float16_steps: name -> steps until the loss's scale, which each overflow halves, fits.
    """

    long_on_devices: tuple[str, ...] = ()
    learning_rates: dict[str, float] = {}
    float16_steps: dict[str, int] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def trained(cls, name, tmp_path_factory) -> Training:
        return Training(trainable(name), tmp_path_factory.mktemp(name))

    @pytest.fixture
    def batch_to_learn(self):
        """Function of a model: the training batch on which its loss must fall. May be overridden:
        faces are easier to learn than noise."""
        return training_batch

    def test_config_round_trip(self, name):
        model = small_model(name)
        config = {k: v for k, v in model.get_config().items() if k != "name"}
        twin = create(name, **config)
        assert twin.get_config() == model.get_config()
        shapes = {v.path: tuple(v.shape) for v in model.variables}
        assert {v.path: tuple(v.shape) for v in twin.variables} == shapes

    def test_call(self, name):
        model = small_model(name)
        for size in (1, 3):
            out = model(random_batch(model, size), training=False)
            assert out.shape[0] == size and out.dtype == tf.float32
            assert np.isfinite(out).all()
            if model.task in _IMAGE_TASKS:
                assert out.shape[-1] == 3 and np.abs(out).max() <= 1.0

    def test_missing_key_and_wrong_shape_are_named(self, name):
        model = small_model(name)
        batch = random_batch(model)
        key = model.input_keys[-1]
        with pytest.raises(ZooError, match=f"missing: {key}"):
            model({k: v for k, v in batch.items() if k != key})
        with pytest.raises(ZooError, match=f"batch\\['{key}'\\] has shape"):
            model({**batch, key: tf.zeros((2, 8, 8, 7))})

    def test_unknown_arguments_are_refused(self, name):
        with pytest.raises(ZooError, match="image_size"):
            create(name, imagesize=64)
        with pytest.raises(ZooError, match="loss_weights"):
            create(name, loss_weights={"generator": {"nonsense": 1.0}})

    def test_losses_are_named_finite_and_free_of_side_effects(self, name):
        model = compiled(small_model(name))
        batch = training_batch(model)
        outputs = model.forward(batch)
        for group, weights in model.loss_weights.items():
            before = snapshot(model.variables)
            losses = getattr(model, f"{group}_losses")(batch, outputs)
            assert set(losses) == set(weights)
            moved = changed(before, model.variables)
            assert all(path.endswith("/u") for path in moved), "only spectral norm may advance"
            assert not moved or group != "generator"
            for loss, value in losses.items():
                assert value.shape == () and value.dtype == tf.float32, f"{group}/{loss}"
                assert np.isfinite(value), f"{group}/{loss}"

    def test_every_weight_gets_gradient_and_moves(self, trained):
        # two steps: in the first a discriminator's last bias may be balanced exactly
        before, after = trained.states[0], trained.states[2]
        weights = {v.path for v in trained.model.trainable_variables}
        still = {path for path in weights if np.array_equal(before[path], after[path])}
        assert still == set(trained.model.balanced)

    def test_no_phantom_optimizer(self, trained):
        model = trained.model
        assert model.optimizer is None
        assert set(model.optimizers) == set(model.default_loss_weights)
        for group, optimizer in model.optimizers.items():
            variables = model.optimized(group)
            assert optimizer.built and len(optimizer.variables) == 2 + 2 * len(variables)

    def test_gradient_norms_are_logged(self, trained):
        for group, weights in trained.model.loss_weights.items():
            for logs in trained.logs if weights else ():
                assert 0 < logs[f"{group}/gradient_norm"] < np.inf
        assert set(trained.model.logged) == set(trained.logs[0])

    def test_resumed_at_any_step_is_bit_equal(self, trained):
        """Networks, averages, optimizers and random draws: nothing else is left of a killed run."""
        for n, path in enumerate(checkpoint.steps(trained.directory)[:-1], start=1):
            assert checkpoint.restore(trained.model, path) == n
            trained.go_on(n)
            ours, theirs = trained.state(), trained.states[-1]
            assert set(ours) == set(theirs)
            for key, value in theirs.items():
                np.testing.assert_array_equal(ours[key], value, err_msg=f"from step {n}: {key}")

    def test_two_devices_equal_one(self, name, request):
        """The same batches, half of the rows on each device: weights and mean losses are equal.

        Batch norm takes its statistics from both halves, and random numbers belong to the rows.
        """
        if name in self.long_on_devices:
            pytest.skip("traces for minutes on two devices; has a test with the marker full_size")
        trained = request.getfixturevalue("trained")
        model, step = devices_step(name)
        for n in range(3):
            logs = step(training_batch(model, seed=n))
        for key, variable in model.state().items():
            expected = trained.states[3][key]
            rounding = 1e-5 * max(1.0, np.abs(expected).max())  # moments may be large
            np.testing.assert_allclose(variable.numpy(), expected, atol=rounding, err_msg=key)
        for key, value in logs.items():
            np.testing.assert_allclose(value, trained.logs[2][key], rtol=1e-3, err_msg=key)

    def test_average_follows_and_swaps(self, trained):
        model = trained.model
        generator = model.networks[model.network_names[0]]
        before = snapshot(generator.variables)
        with model.averaged_weights():
            assert changed(before, generator.variables)
        assert not changed(before, generator.variables)

    def test_loss_falls_on_one_batch(self, name, batch_to_learn):
        """The first network's objective, within 20 steps, by a twentieth."""
        model = small_model(name)
        rate = self.learning_rates.get(name, 1e-3)
        model.compile({n: Adam(rate) for n in model.default_loss_weights})
        step = tf.function(model.train_step)
        batch = batch_to_learn(model)
        group, weights = next(iter(model.loss_weights.items()))
        totals = []
        for _ in range(20):
            for tracker in model.metrics:
                tracker.reset_state()
            logs = step(batch)
            totals.append(sum(w * float(logs[f"{group}/{k}"]) for k, w in weights.items()))
        assert np.mean(totals[-3:]) < 0.95 * totals[0], f"{group}: {totals}"

    def test_preset_round_trip(self, name, tmp_path):
        model = small_model(name)
        model.save_preset(tmp_path / "preset")
        loaded = zoo.load(tmp_path / "preset")
        assert not changed(snapshot(model.variables), loaded.variables)
        batch = random_batch(model)
        np.testing.assert_array_equal(model(batch), loaded(batch))

    @pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
    def test_mixed_precision(self, name, policy):
        with precision(policy):
            model = compiled(small_model(name))
        scaled = policy == "mixed_float16"
        for optimizer in model.optimizers.values():
            assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer) == scaled
        before = snapshot(model.trainable_variables)
        logs = train(model, self.float16_steps.get(name, 2) if scaled else 2)
        assert all(np.isfinite(value) for value in logs[-1].values())
        assert changed(before, model.trainable_variables)
        batch = random_batch(model)
        result = model(batch)
        assert result.dtype == "float32"
        if model.task == "complete":
            known = 1.0 - batch["mask"]
            np.testing.assert_array_equal(result * known, batch["image"] * known)

    @pytest.mark.parametrize("format", ["savedmodel", "onnx"])
    def test_export_parity(self, name, format, tmp_path):
        model = small_model(name)
        if format == "savedmodel":
            path = zoo.export.saved_model(model, tmp_path / "saved")
        else:
            path = zoo.export.onnx(model, tmp_path / f"{name}.onnx")
        parity = zoo.export.verify(model, path)
        assert parity.ok, parity
