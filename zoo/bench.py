"""How fast a model is here: inference in every runtime, a training step, sizes and memory.

Machines are noisy, so every figure is also given as a share of the rate at which the same machine
multiplied matrices (sgemm) during the same run.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo import export
from zoo.errors import ZooError, did_you_mean
from zoo.export.inference import inference_function, input_specs
from zoo.export.memory import reset_peak
from zoo.export.parity import cores, open_export, random_batch
from zoo.files import atomic_path
from zoo.plots import require_matplotlib
from zoo.testing.batches import training_batch
from zoo.training.adam import Adam

RUNTIMES = {
    "keras": "tensorflow",
    "savedmodel": "tensorflow",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "litert": "ai_edge_litert",
}
"""Runtime -> the package that it needs."""

PRECISE = ("onnxruntime", "openvino", "litert")
"""Runtimes that also take files of smaller precision."""

SGEMM_SIDE = 2048
"""Side of the matrices."""


def inference(
    model,
    size: int | None = None,
    batch_size: int = 1,
    repeats: int = 5,
    runtimes: Sequence[str] | None = None,
    precision: str = "float32",
) -> dict:
    """Times the inference call in several runtimes, in turns with sgemm.

    Args:
        model: a GANModel.
        size: side of the images, pixels; None for the model's own.
        batch_size: images at once; LiteRT takes them one by one.
        repeats: runs of each; the best counts.
        runtimes: names from `RUNTIMES`; None for all that are installed.
        precision: of the files for the runtimes that take others than float32.

    Returns:
        `gflop` of one batch, `sgemm_gflops` (per second), `cores`, and `runtimes`: for each
        `seconds` of a batch, `images_per_second`, `gflops` and `share` of sgemm, and where it runs
        a file also the `bytes` of it, `export_seconds` and `export_memory`, by how many bytes the
        process grew at most. A runtime that cannot take the model has `skipped`, the reason.

    Raises:
        ZooError: an argument is not legal, or a runtime is not installed.
    """
    wanted = _check_runtimes(runtimes)
    size = size or model.default_size
    specs = input_specs(model, size)
    shapes = {key: tuple(spec.shape) for key, spec in specs.items()}
    batch = random_batch(shapes, batch_size, size, np.random.default_rng(0))
    fixed = {k: tf.TensorSpec(v.shape, tf.float32, name=k) for k, v in batch.items()}
    function = tf.function(inference_function(model), autograph=False)
    concrete = function.get_concrete_function(**fixed)
    tensors = {key: tf.constant(value) for key, value in batch.items()}
    runs = {"keras": lambda: concrete(**tensors)[model.output_key].numpy()}
    with tempfile.TemporaryDirectory() as directory:
        files = Files(model, size, Path(directory))
        figures: dict[str, dict] = {name: {} for name in wanted}
        for name in wanted:
            try:
                if name != "keras":
                    figures[name], runs[name] = files.open(name, batch, precision)
            except ZooError as error:
                figures[name] = {"skipped": str(error)}
        runs = {name: runs[name] for name in wanted if name in runs}
        seconds = best_seconds({"sgemm": sgemm(), **runs}, repeats)
    rate = 2 * SGEMM_SIDE**3 / 1e9 / seconds.pop("sgemm")
    gflop = flops(concrete) / 1e9
    for name, s in seconds.items():
        speed = {"gflops": gflop / s, "share": gflop / s / rate}
        figures[name] = {
            "seconds": s,
            "images_per_second": batch_size / s,
            **speed,
            **figures[name],
        }
    return {
        "size": size,
        "batch_size": batch_size,
        "precision": precision,
        "cores": cores(),
        "gflop": gflop,
        "sgemm_gflops": rate,
        "runtimes": figures,
    }


class Files:
    """Exports of one model, each made once, what making them took, and how to run them.

    Args:
        model: a GANModel.
        size: side of the images, pixels.
        directory: where the files go.

    Attributes:
        figures: path -> `bytes`, `export_seconds` and `export_memory`; see `inference`.
    """

    def __init__(self, model, size: int, directory: Path):
        self.model, self.size, self.directory = model, size, directory
        self.figures: dict[Path, dict] = {}

    def open(self, runtime: str, batch: dict, precision: str = "float32") -> tuple[dict, Callable]:
        """Figures of the export, and a function that runs the file on a batch."""
        path = self.path(runtime, precision)
        if runtime == "openvino":
            run = _openvino(path, self.model.output_key)
        else:
            run = open_export(path, self.model.output_key)[1]
        return self.figures[path], lambda: run(batch)

    def path(self, runtime: str, precision: str = "float32") -> Path:
        """The file that a runtime reads, written if it is not there yet."""
        if runtime == "savedmodel":
            return self._file("saved", export.saved_model)
        if runtime == "litert":
            return self._file(f"{precision}.tflite", export.litert, precision=precision)
        return self._file(f"{precision}.onnx", export.onnx, precision=precision)

    def _file(self, name: str, write: Callable, **options) -> Path:
        path = self.directory / name
        if path not in self.figures:
            reset = reset_peak()
            before, start = export.peak_memory(), time.perf_counter()
            write(self.model, path, size=self.size, **options)
            self.figures[path] = {
                "bytes": sum(f.stat().st_size for f in [path, *path.rglob("*")] if f.is_file()),
                "export_seconds": time.perf_counter() - start,
                "export_memory": max(0, export.peak_memory() - before) if reset else None,
            }
        return path


def _openvino(path: Path, output: str) -> Callable[[dict], np.ndarray]:
    import openvino

    options = {"INFERENCE_NUM_THREADS": cores()}
    compiled = openvino.Core().compile_model(str(path), "CPU", options)
    return lambda batch: compiled(batch)[output]


def _check_runtimes(names: Sequence[str] | None) -> list[str]:
    installed = [n for n, package in RUNTIMES.items() if importlib.util.find_spec(package)]
    for name in names or ():
        if name not in RUNTIMES:
            hint = did_you_mean(name, RUNTIMES)
            raise ZooError(f"runtime {name!r} is unknown; legal are {', '.join(RUNTIMES)}.{hint}")
        if name not in installed:
            package = RUNTIMES[name].replace("_", "-")
            raise ZooError(f"{name} needs the package {package}: pip install {package}")
    return list(names or installed)


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
    seconds = best_seconds({"sgemm": sgemm(), "step": run}, repeats)
    return {
        "batch_size": batch_size,
        "seconds": seconds["step"],
        "seconds_first": first,
        "sgemm_gflops": 2 * SGEMM_SIDE**3 / 1e9 / seconds["sgemm"],
        "peak_memory": export.peak_memory(),
    }


def chart(figures: dict, path: str | os.PathLike) -> None:
    """Draws what `inference` returned as bars: images per second and share of sgemm.

    Args:
        figures: as `inference` returns them, with `model`, the title.
        path: PNG file to write.

    Raises:
        ZooError: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    timed = {name: f for name, f in figures["runtimes"].items() if "seconds" in f}
    figure = Figure(figsize=(8, 1.2 + 0.4 * len(timed)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for place, (key, title, form) in enumerate(
        (
            ("images_per_second", "images a second", "{:.3g}"),
            ("share", f"share of sgemm ({figures['sgemm_gflops']:.0f} GFLOP/s)", "{:.0%}"),
        )
    ):
        axes = figure.add_subplot(1, 2, place + 1)
        bars = axes.barh(list(timed), [f[key] for f in timed.values()], color=f"C{place}")
        axes.bar_label(bars, [form.format(f[key]) for f in timed.values()], padding=3, fontsize=8)
        axes.margins(x=0.2)
        axes.invert_yaxis()
        axes.set_title(title, fontsize=10)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"{figures['model']}, {figures['size']} px, batch {figures['batch_size']}, "
        f"{figures['precision']}, {figures['cores']} cores, {figures['gflop']:.3g} GFLOP",
        fontsize=11,
    )
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")


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


def sgemm() -> Callable[[], np.ndarray]:
    a, b = (tf.random.stateless_normal((SGEMM_SIDE, SGEMM_SIDE), (0, n)) for n in (1, 2))
    multiply = tf.function(tf.linalg.matmul)
    return lambda: multiply(a, b).numpy()


def best_seconds(runs: dict[str, Callable], repeats: int) -> dict[str, float]:
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
