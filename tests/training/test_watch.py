"""What a run watches in its rows, on histories made by hand."""

import types

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.training import checkpoint
from zoo.training.callbacks import Rows, Table, Watch


def told(history):
    """The reports on rows of values, as (number of the row, text)."""
    reports = []
    watch = Watch(lambda text: reports.append((number, text)))
    for number, row in enumerate(history):
        watch(10 * number, row)
    return reports


def rows(adversarial, norms=None):
    norms = norms or [1.0] * len(adversarial)
    pairs = zip(adversarial, norms, strict=True)
    return [{"discriminator/adversarial": a, "discriminator/gradient_norm": n} for a, n in pairs]


@pytest.mark.parametrize("value", [0.0, 1.386, 2.0, -30.0])  # of any objective
def test_a_discriminator_that_says_always_the_same_has_collapsed(value):
    alive = [value + 0.1 * (-1) ** n for n in range(20)]
    reports = told(rows([*alive, *[value] * 12, *alive, *[value] * 12]))
    assert [number for number, _ in reports] == [29, 61]  # the tenth row, told once each time
    assert "step 290: discriminator has collapsed: for 10 rows" in reports[0][1]


def test_not_collapsed():
    noise = np.random.default_rng(0).normal(0.5, 0.01, 50).tolist()
    assert not told(rows(noise))
    assert not told(rows([0.693] * 50, [0.0] * 50))  # its stage has not begun
    assert not told([{"generator/adversarial": 1.0, "generator/gradient_norm": 1.0}] * 50)


def test_exploding_gradients_are_told_with_the_largest_loss():
    calm = {"generator/pixel": 0.5, "generator/adversarial": 2.0, "generator/gradient_norm": 3.0}
    burst = {"generator/pixel": 0.5, "generator/adversarial": -900.0}
    burst["generator/gradient_norm"] = 301.0
    reports = told([calm] * 12 + [burst] * 3 + [calm] * 12 + [burst])
    assert [number for number, _ in reports] == [12, 27]
    assert "gradients of generator explode: their norm is 301, before 3" in reports[0][1]
    assert "generator/adversarial -900" in reports[0][1]
    assert not told([calm] * 5 + [burst])  # too early to say what is usual
    assert not told([calm] * 12 + [{**burst, "generator/gradient_norm": 299.0}])


class Variable:
    """What a checkpoint and the callbacks ask of a variable."""

    dtype = "float32"

    def __init__(self, value):
        self.value = np.asarray(value, "float32")
        self.shape = self.value.shape

    def numpy(self):
        return self.value

    def assign(self, value):
        self.value = np.asarray(value)


def stub(step, **arrays):
    state = {"step": Variable(step)} | {name: Variable(value) for name, value in arrays.items()}
    return types.SimpleNamespace(
        zoo_name="stub", step=state["step"], state=lambda: state, metrics=[], logged=["d/a", "g/b"]
    )


def test_the_first_loss_that_is_not_finite_is_named():
    seen = []
    watched = Rows(5, 8, [lambda step, values: seen.append((step, values))])
    model = stub(0)
    watched.set_model(model)
    for step in range(1, 9):
        model.step.assign(step)
        watched.on_train_batch_end(step, {"g/b": 1.0, "d/a": [2.0]})  # rank 1: several workers
    assert seen == [(5, {"g/b": 1.0, "d/a": 2.0}), (8, {"g/b": 1.0, "d/a": 2.0})]
    model.step.assign(9)
    with pytest.raises(ZooError, match="step 9: d/a is inf; training stops"):
        watched.on_train_batch_end(9, {"g/b": float("nan"), "d/a": float("inf")})


def test_a_state_that_is_not_finite_never_becomes_a_checkpoint(tmp_path):
    checkpoint.save(stub(1, w=[1.0, 2.0]), tmp_path)
    with pytest.raises(ZooError, match="step 2: w is not finite; no checkpoint of it is kept"):
        checkpoint.save(stub(2, w=[1.0, np.nan]), tmp_path)
    assert [path.name for path in checkpoint.steps(tmp_path)] == ["step-00000001"]


def test_rows_of_a_run_whose_columns_have_changed(tmp_path):
    table = Table(tmp_path, 0)
    table(1, {"a": 0.5})
    table(2, {"a": 0.25, "b": 3.0})  # a version that logs more
    again = Table(tmp_path, 1)
    assert again.rows == [{"step": 1, "a": 0.5}]
    again(2, {"a": 0.25, "b": 3.0})
    assert (tmp_path / "log.csv").read_text().splitlines() == ["step,a,b", "1,0.5,", "2,0.25,3.0"]
