"""The contracts that every model of the zoo keeps, as one pytest class.

    @pytest.mark.parametrize("name", zoo.list_models())
    class TestEveryModel(ModelSuite): ...

A model is tested in the size of its `smoke` recipe, on random batches.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.config import load_recipe
from zoo.errors import ZooError
from zoo.gan import GANModel
from zoo.registry import create
from zoo.testing.batches import random_batch, training_batch
from zoo.training import checkpoint
from zoo.training.adam import Adam

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
    """Runs the training step on batches `first ...`; returns the logs."""
    step = tf.function(model.train_step)
    logs = []
    for n in range(first, first + steps):
        for tracker in model.metrics:
            tracker.reset_state()
        logs.append({k: float(v) for k, v in step(training_batch(model, seed=n)).items()})
    return logs


class ModelSuite:
    """Contracts; the parameter `name` is a name in the registry.

    Attributes:
        learning_rates: name -> rate for the test that the loss falls, where 1e-3 is too fast.
    """

    learning_rates: dict[str, float] = {}

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

    def test_every_weight_gets_gradient_and_moves(self, name):
        model = compiled(small_model(name))
        before = snapshot(model.trainable_variables)
        train(model, 2)  # in the first step a discriminator's last bias may be balanced exactly
        still = set(before) - changed(before, model.trainable_variables)
        assert still == set(model.balanced)

    def test_no_phantom_optimizer(self, name):
        model = compiled(small_model(name))
        assert model.optimizer is None
        assert set(model.optimizers) == set(model.default_loss_weights)
        for group, optimizer in model.optimizers.items():
            trained = model.optimized(group)
            assert optimizer.built and len(optimizer.variables) == 2 + 2 * len(trained)

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

    def test_stop_and_resume_is_bit_equal(self, name, tmp_path):
        whole = compiled(small_model(name), ema_decay=0.9)
        train(whole, 4)
        first = compiled(small_model(name), ema_decay=0.9)
        train(first, 2)
        checkpoint.save(first, tmp_path)
        second = compiled(small_model(name), ema_decay=0.9)
        assert checkpoint.restore_latest(second, tmp_path) == 2
        train(second, 2, first=2)
        ours, theirs = second.state(), whole.state()
        assert set(ours) == set(theirs)
        for key, variable in theirs.items():
            np.testing.assert_array_equal(variable.numpy(), ours[key].numpy(), err_msg=key)

    def test_average_follows_and_swaps(self, name):
        model = compiled(small_model(name), ema_decay=0.5)
        train(model, 2)
        generator = model.networks[model.network_names[0]]
        before = snapshot(generator.variables)
        with model.averaged_weights():
            assert changed(before, generator.variables)
        assert not changed(before, generator.variables)

    @pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
    def test_mixed_precision(self, name, policy):
        keras.config.set_dtype_policy(policy)
        try:
            model = compiled(small_model(name))
        finally:
            keras.config.set_dtype_policy("float32")
        scaled = policy == "mixed_float16"
        for optimizer in model.optimizers.values():
            assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer) == scaled
        before = snapshot(model.trainable_variables)
        logs = train(model, 2)
        assert all(np.isfinite(value) for value in logs[-1].values())
        assert changed(before, model.trainable_variables)

    @pytest.mark.parametrize("format", ["savedmodel", "onnx"])
    def test_export_parity(self, name, format, tmp_path):
        model = small_model(name)
        if format == "savedmodel":
            path = zoo.export.saved_model(model, tmp_path / "saved")
        else:
            path = zoo.export.onnx(model, tmp_path / f"{name}.onnx")
        parity = zoo.export.verify(model, path)
        assert parity.ok, parity
