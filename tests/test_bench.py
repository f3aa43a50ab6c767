"""What the timings are made of; no timing is asserted."""

import importlib.util

import cv2
import keras
import numpy as np
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


def test_every_runtime():
    model = small_model("sc_fegan")
    figures = bench.inference(model, batch_size=2, repeats=1)
    assert (figures["size"], figures["batch_size"]) == (32, 2)
    installed = {n for n, package in bench.RUNTIMES.items() if importlib.util.find_spec(package)}
    assert figures["runtimes"].keys() == installed >= {"keras", "savedmodel", "onnxruntime"}
    weights = sum(int(np.prod(v.shape)) * 4 for v in model.inference_variables())
    for name, timed in figures["runtimes"].items():
        assert timed["gflops"] == pytest.approx(figures["gflop"] / timed["seconds"])
        assert timed["share"] == pytest.approx(timed["gflops"] / figures["sgemm_gflops"])
        assert timed["images_per_second"] == pytest.approx(2 / timed["seconds"])
        if name not in ("keras", "savedmodel"):  # which also holds graphs around the network
            assert 0.8 * weights < timed["bytes"] < weights + 50_000  # taps that meet padding go
    one = bench.inference(model, repeats=1, runtimes=["keras"])
    assert one["gflop"] == pytest.approx(figures["gflop"] / 2, rel=0.01)
    assert list(one["runtimes"]) == ["keras"]


def test_a_runtime_that_cannot_take_the_model_says_why(monkeypatch):
    pytest.importorskip("ai_edge_litert")
    monkeypatch.setattr("zoo.export.litert_writer.PHONE", 1000)
    figures = bench.inference(small_model("attgan"), repeats=1, runtimes=["keras", "litert"])
    assert "a phone takes" in figures["runtimes"]["litert"]["skipped"]
    assert figures["runtimes"]["keras"]["seconds"] > 0


def test_smaller_files(monkeypatch):
    model = small_model("attgan", width=0.25)
    names = ["onnxruntime", "openvino"] if importlib.util.find_spec("openvino") else ["onnxruntime"]
    half = bench.inference(model, repeats=1, runtimes=names, precision="float16")["runtimes"]
    weights = sum(int(np.prod(v.shape)) * 4 for v in model.inference_variables())
    assert all(0.45 * weights < timed["bytes"] < 0.6 * weights for timed in half.values())


def test_chart(tmp_path):
    timed = {"images_per_second": 4.0, "share": 0.5, "seconds": 0.25}
    figures = {"model": "stgan", "size": 128, "batch_size": 1, "precision": "int8", "cores": 2}
    figures |= {"gflop": 15.0, "sgemm_gflops": 200.0}
    figures["runtimes"] = {"keras": timed, "litert": {"skipped": "too large"}}
    bench.chart(figures, tmp_path / "bench.png")
    picture = cv2.imread(str(tmp_path / "bench.png"))
    assert picture.shape[1] == 880 and (picture != 255).any(axis=2).mean() > 0.02


def test_training():
    figures = bench.training(small_model("attgan"), batch_size=2, repeats=1)
    assert 0 < figures["seconds"] < figures["seconds_first"] and figures["peak_memory"] > 1e8


def test_refused():
    model = small_model("sc_fegan")
    with pytest.raises(ZooError, match="repeats is 0"):
        bench.inference(model, repeats=0, runtimes=["keras"])
    with pytest.raises(ZooError, match="'onnx' is unknown; legal are keras.*onnxruntime"):
        bench.inference(model, runtimes=["onnx"])


def test_a_runtime_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(bench.RUNTIMES, "openvino", "no_such_package")
    with pytest.raises(ZooError, match="openvino needs the package no-such-package"):
        bench.inference(small_model("sc_fegan"), runtimes=["openvino"])
