"""How fast a model is here: inference in Keras and ONNX Runtime, a training step, memory.

Machines are noisy, so every figure is also given as a share of the rate at which the same machine
multiplied matrices (sgemm) during the same run.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo import export
from zoo.errors import ZooError
from zoo.export.inference import inference_function, input_specs
from zoo.export.parity import random_batch
from zoo.testing.batches import training_batch
from zoo.training.adam import Adam

_SGEMM = 2048  # side of the matrices


def inference(
    model, size: int | None = None, batch_size: int = 1, repeats: int = 5, onnx: bool = True
) -> dict:
    """Times `call` in TensorFlow and, if asked for, in ONNX Runtime, in turns with sgemm.

    Args:
        model: a GANModel.
        size: side of the images, pixels; None for the model's own.
        batch_size: images at once.
        repeats: runs of each; the best counts.
        onnx: whether to export the model and time ONNX Runtime, too (needs the extra `export`).

    Returns:
        `gflop` of one batch, `sgemm_gflops` (per second), and for each runtime `seconds`, `gflops`
        and `share` of sgemm.
    """
    size = size or model.default_size
    specs = input_specs(model, size)
    batch = random_batch(
        {key: tuple(spec.shape) for key, spec in specs.items()},
        *(batch_size, size, np.random.default_rng(0)),
    )
    fixed = {k: tf.TensorSpec(v.shape, tf.float32, name=k) for k, v in batch.items()}
    function = tf.function(inference_function(model), autograph=False)
    concrete = function.get_concrete_function(**fixed)
    tensors = {key: tf.constant(value) for key, value in batch.items()}
    runs = {"tensorflow": lambda: concrete(**tensors)[model.output_key].numpy()}
    with tempfile.TemporaryDirectory() as directory:
        if onnx:
            runs["onnxruntime"] = _onnx_run(model, size, batch, Path(directory) / "model.onnx")
        seconds = _best({"sgemm": _sgemm(), **runs}, repeats)
    rate = 2 * _SGEMM**3 / 1e9 / seconds.pop("sgemm")
    gflop = flops(concrete) / 1e9
    timed = {
        name: {"seconds": s, "gflops": gflop / s, "share": gflop / s / rate}
        for name, s in seconds.items()
    }
    return {"size": size, "batch_size": batch_size, "gflop": gflop, "sgemm_gflops": rate, **timed}


def training(model, batch_size: int = 8, repeats: int = 3) -> dict:
    """Times `train_step` on random batches, after one step that traces the graph.

    Args:
        model: a GANModel.
        batch_size: examples per batch; a step may use up several batches.
        repeats: timed steps; the best counts.

    Returns:
        `seconds` of a step, `seconds_first` with tracing, and the process' `peak_memory` in bytes.
    """
    model.compile({n: Adam(1e-4, 0.5) for n in model.default_loss_weights})
    step = tf.function(model.train_step)
    batch = training_batch(model, batch_size)

    def run():
        return {name: float(value) for name, value in step(batch).items()}

    start = time.perf_counter()
    run()
    first = time.perf_counter() - start
    seconds = _best({"sgemm": _sgemm(), "step": run}, repeats)
    return {
        "batch_size": batch_size,
        "seconds": seconds["step"],
        "seconds_first": first,
        "sgemm_gflops": 2 * _SGEMM**3 / 1e9 / seconds["sgemm"],
        "peak_memory": export.peak_memory(),
    }


def flops(function) -> int:
    """Floating-point operations of a concrete function with known shapes (2 per multiply-add)."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2_as_graph,
    )

    graph_def = convert_variables_to_constants_v2_as_graph(function)[1]
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(graph_def, name="")
        options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
        options["output"] = "none"
        return tf.compat.v1.profiler.profile(graph, options=options).total_float_ops


def _onnx_run(model, size: int, batch: dict, path: Path) -> Callable[[], np.ndarray]:
    import onnxruntime

    export.onnx(model, path, size=size)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda: session.run([model.output_key], batch)[0]


def _sgemm() -> Callable[[], np.ndarray]:
    a, b = (tf.random.stateless_normal((_SGEMM, _SGEMM), (0, n)) for n in (1, 2))
    multiply = tf.function(tf.linalg.matmul)
    return lambda: multiply(a, b).numpy()


def _best(runs: dict[str, Callable], repeats: int) -> dict[str, float]:
    """Name -> seconds of the fastest of `repeats` runs, all in turns, after one that warms up."""
    if repeats < 1:
        raise ZooError(f"repeats is {repeats}; legal are whole numbers from 1")
    best = dict.fromkeys(runs, float("inf"))
    for turn in range(repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn:
                best[name] = min(best[name], time.perf_counter() - start)
    return best
