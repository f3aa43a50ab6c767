"""What the timings are made of; no timing is asserted."""

import keras
import pytest
import tensorflow as tf

from zoo import bench
from zoo.errors import ZooError
from zoo.testing.suite import small_model


def test_operations_are_counted_from_the_shapes():
    convolution = keras.layers.Conv2D(8, 3, padding="same", use_bias=False)
    convolution.build((None, 16, 16, 4))
    function = tf.function(lambda x: convolution(x))
    counted = bench.flops(function.get_concrete_function(tf.TensorSpec((2, 16, 16, 4))))
    assert counted == 2 * 2 * 16 * 16 * 3 * 3 * 4 * 8
    product = tf.function(tf.linalg.matmul)
    specs = tf.TensorSpec((5, 7)), tf.TensorSpec((7, 11))
    assert bench.flops(product.get_concrete_function(*specs)) == 2 * 5 * 7 * 11


def test_inference():
    figures = bench.inference(small_model("sc_fegan"), batch_size=2, repeats=1)
    assert (figures["size"], figures["batch_size"]) == (32, 2)
    for runtime in ("tensorflow", "onnxruntime"):
        timed = figures[runtime]
        assert timed["gflops"] == pytest.approx(figures["gflop"] / timed["seconds"])
        assert timed["share"] == pytest.approx(timed["gflops"] / figures["sgemm_gflops"])
    alone = bench.inference(small_model("sc_fegan"), repeats=1, onnx=False)
    assert alone["gflop"] == pytest.approx(figures["gflop"] / 2, rel=0.01)
    assert "onnxruntime" not in alone


def test_training():
    figures = bench.training(small_model("attgan"), batch_size=2, repeats=1)
    assert 0 < figures["seconds"] < figures["seconds_first"] and figures["peak_memory"] > 1e8


def test_refused():
    with pytest.raises(ZooError, match="repeats is 0"):
        bench.inference(small_model("sc_fegan"), repeats=0, onnx=False)
