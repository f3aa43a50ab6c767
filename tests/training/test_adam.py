"""The fused Adam against Keras' own, variable by variable."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.config import OptimizerSection
from zoo.training.adam import Adam
from zoo.training.schedules import schedule


def trained(cls, graph, steps=6, scaled=False, rate=1e-2):
    """Variables of the weights and of the optimizer after some steps on seeded gradients."""
    rng = np.random.default_rng(0)
    weights = [keras.Variable(rng.standard_normal(s).astype("float32")) for s in ((3, 4), (5,))]
    optimizer = cls(rate, 0.5, 0.9, 1e-6)
    if scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=8.0)
    optimizer.build(weights)

    def step(*gradients):
        optimizer.apply(list(gradients), weights)

    step = tf.function(step) if graph else step
    for _ in range(steps):
        step(*(tf.constant(rng.standard_normal(w.shape).astype("float32")) for w in weights))
    return [v.numpy() for v in (*weights, *optimizer.variables)]


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_equals_keras(graph, scaled):
    ours, theirs = (
        trained(Adam, graph, scaled=scaled),
        trained(keras.optimizers.Adam, graph, scaled=scaled),
    )
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)


def test_with_a_schedule():
    settings = OptimizerSection(learning_rate=0.1, schedule="polynomial", decay_end=5)
    ours, theirs = (
        trained(cls, True, rate=schedule(settings)) for cls in (Adam, keras.optimizers.Adam)
    )
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)
