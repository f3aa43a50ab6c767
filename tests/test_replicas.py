"""Random numbers that belong to the rows of a batch, however the batch is divided."""

import numpy as np
import pytest
import tensorflow as tf

from zoo import replicas
from zoo.testing.suite import DEVICES
from zoo.training.distribution import make_strategy

SEED = tf.constant([7, 3], "int64")


@pytest.mark.parametrize("shape", [(6, 4), (6, 2, 2, 5), (6, 1, 1, 1), (6,)])
@pytest.mark.parametrize("draw", [replicas.uniform, replicas.normal])
def test_parts_and_devices_draw_what_the_whole_batch_draws(draw, shape):
    whole = draw(shape, SEED).numpy()
    for first in (0, 2, 4):
        with replicas.part(first, 2, 6):
            np.testing.assert_array_equal(draw((2, *shape[1:]), SEED), whole[first : first + 2])
    strategy = make_strategy("mirrored")
    assert strategy.num_replicas_in_sync == DEVICES

    @tf.function
    def on_devices():
        return strategy.run(lambda: draw((3, *shape[1:]), SEED))

    shares = strategy.experimental_local_results(on_devices())
    np.testing.assert_array_equal(np.concatenate([s.numpy() for s in shares]), whole)


@pytest.mark.parametrize("draw, reference", [
    (replicas.uniform, tf.raw_ops.StatelessRandomUniformV2),
    (replicas.normal, tf.raw_ops.StatelessRandomNormalV2),
])  # fmt: skip
def test_rows_of_four_are_tensorflows_stream(draw, reference):
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=SEED)
    expected = reference(shape=(5, 3, 8), key=key, counter=counter, alg=1)
    np.testing.assert_array_equal(draw((5, 3, 8), SEED), expected)


def test_distributions():
    uniform = replicas.uniform((1000, 7), SEED).numpy()
    normal = replicas.normal((1000, 7), SEED).numpy()
    assert uniform.min() >= 0 and uniform.max() < 1
    np.testing.assert_allclose([uniform.mean(), uniform.var()], [1 / 2, 1 / 12], atol=0.01)
    np.testing.assert_allclose([normal.mean(), normal.var()], [0, 1], atol=0.05)
    assert len(np.unique(uniform)) > 6900  # no row repeats another
    assert np.abs(np.corrcoef(normal.T) - np.eye(7)).max() < 0.15


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_dropout(dtype):
    x = tf.cast(tf.fill((400, 5), 3.0), dtype)
    out = replicas.dropout(x, 0.25, SEED)
    assert out.dtype == x.dtype
    values = out.numpy().astype("float32")
    np.testing.assert_allclose(np.unique(values), [0, 4], rtol=1e-2)
    np.testing.assert_allclose(np.mean(values == 0), 0.25, atol=0.03)


def test_last_part():
    assert replicas.is_last_part()
    with replicas.part(0, 2, 4):
        assert not replicas.is_last_part()
    with replicas.part(2, 2, 4):
        assert replicas.is_last_part()
