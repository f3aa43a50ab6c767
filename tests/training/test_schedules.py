"""Learning rates at chosen steps, against the formulas worked by hand."""

import keras
import numpy as np
import pytest

from zoo.config import OptimizerSection
from zoo.training.schedules import schedule


def rates(updates, updates_per_step=1, **settings):
    rate = schedule(OptimizerSection(learning_rate=2e-4, **settings), updates_per_step)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build([keras.Variable(0.0)])
    found = []
    for n in updates:
        optimizer.iterations.assign(n)
        found.append(float(optimizer.learning_rate))
    return found


def test_constant():
    assert schedule(OptimizerSection(learning_rate=3e-4)) == 3e-4


def test_step():
    """STGAN: a tenth after 100 epochs."""
    found = rates([0, 99, 100, 199, 200], schedule="step", decay_every=100)
    np.testing.assert_allclose(found, [2e-4, 2e-4, 2e-5, 2e-5, 2e-6], rtol=1e-5)


def test_updates_count_in_training_steps():
    """A critic that is updated five times a step."""
    found = rates([499, 500], updates_per_step=5, schedule="step", decay_every=100)
    np.testing.assert_allclose(found, [2e-4, 2e-5], rtol=1e-5)


@pytest.mark.parametrize("schedule, after", [
    ({}, [2e-4, 2e-4]),
    ({"schedule": "step", "decay_every": 6}, [2e-4, 2e-5]),
    ({"schedule": "polynomial", "decay_end": 10}, [1.2e-4, 0.6e-4]),
])  # fmt: skip
def test_warmup(schedule, after):
    found = rates([0, 1, 3, 4, 7], warmup=4, **schedule)
    start = np.array([0.25, 0.5, 1.0]) * 2e-4
    if "decay_end" in schedule:
        start *= [1.0, 0.9, 0.7]
    np.testing.assert_allclose(found, [*start, *after], rtol=1e-5)
    with_five = rates([0, 4, 5], updates_per_step=5, warmup=4)
    np.testing.assert_allclose(with_five, [0.5e-4, 0.5e-4, 1e-4], rtol=1e-5)


@pytest.mark.parametrize("power", [1.0, 0.75])
def test_polynomial(power):
    found = rates(
        *([0, 10, 20, 29, 30, 40],),
        schedule="polynomial", decay_start=10, decay_end=30, decay_power=power,
    )  # fmt: skip
    expected = [2e-4 * share**power for share in (1, 1, 0.5, 0.05, 0, 0)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("settings, message", [
    ({"schedule": "step"}, "schedule step needs decay_every"),
    ({"schedule": "polynomial"}, "schedule polynomial needs decay_end"),
    ({"decay_start": 5, "decay_end": 5}, "decay_end must lie after decay_start"),
])  # fmt: skip
def test_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        OptimizerSection(learning_rate=1e-4, **settings)
