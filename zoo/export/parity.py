"""Compares an exported file with the model that it was written from."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from zoo.errors import ZooError
from zoo.export.faces import face_batches
from zoo.export.inference import check_model, float32_twin
from zoo.export.saved_model_writer import is_saved_model
from zoo.gan import GANModel
from zoo.layers import MaxUnpooling2D

TOLERANCES = {"savedmodel": 1e-5, "onnx": 1e-4, "litert": 1e-4}
"""Largest difference that passes in float32, on images in [-1, 1]: the same kernels differ by less
than 1e-5; other kernels sum in another order, and 1e-4 is an eightieth of an 8-bit step. Logits and
features may be larger than 1: their differences count as shares of the largest of a batch."""

LEAST_PSNR = {"float16": 50.0, "int8": 25.0}
"""What passes in smaller precisions, dB (ours): 50 dB is below an 8-bit step in the mean; what lies
below 25 dB is broken rather than coarse. How coarse a model becomes, docs/exports.md says."""

ROUNDING, DRAWS = 1e-6, 32
"""Standard deviation by which inputs move, relative to each value (a float32 holds 6e-8), and how
many such inputs are tried at most. Full-size parsing networks needed up to 8 (ours)."""


@dataclasses.dataclass(frozen=True)
class Parity:
    """Result of `verify`.

    Attributes:
        format: "savedmodel", "onnx" or "litert".
        path: the exported file or directory.
        max_abs_diff: largest difference of any output value, on images in [-1, 1], jumps aside; of
            outputs beyond 1, such as logits, as a share of the largest.
        precision: "float32", "float16" or "int8".
        psnr: peak signal to noise ratio, dB; the peak is the range of the model's own outputs.
        jumps: share of the pixels that jump, 0 to 1; see `verify`.
        max_jump: largest difference there, likewise.
    """

    format: str
    path: Path
    max_abs_diff: float
    precision: str = "float32"
    psnr: float = float("inf")
    jumps: float = 0.0
    max_jump: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the outputs agree (false where one is not a number)."""
        if self.precision == "float32":
            return self.max_abs_diff <= TOLERANCES[self.format]
        return self.psnr >= LEAST_PSNR[self.precision]

    def __str__(self) -> str:
        if self.precision == "float32":
            legal = f"legal is up to {TOLERANCES[self.format]:.0e}"
        else:
            legal = f"{self.psnr:.1f} dB; legal is from {LEAST_PSNR[self.precision]:.0f} dB"
        text = f"largest difference from Keras: {self.max_abs_diff:.2e}; {legal}"
        if self.jumps:
            text += (
                f"; {self.jumps:.2%} of pixels aside (up to {self.max_jump:.2g}), where Keras "
                "answers the same to inputs that differ by rounding"
            )
        return text


def verify(
    model: GANModel, path: str | os.PathLike, *, samples: int = 3, faces: int = 0, seed: int = 0
) -> Parity:
    """Runs an exported file and the model on the same inputs, in batches of 1 and 2.

    Networks that un-pool jump: where two values of a pooling window differ by less than rounding,
    two runtimes may remember different places, and un-pooling puts a value there. Neither is wrong.
    A pixel beyond the tolerance of float32 therefore passes in such networks if the model itself
    gives the file's values there, within the tolerance, for an input that differs by rounding. An
    error of the export moves pixels to where the model never is.

    Args:
        model: the model that was exported; one in mixed precision is compared in float32.
        path: a SavedModel directory, an `.onnx` or a `.tflite` file.
        samples: how many random images.
        faces: how many SynthFaces besides (needs the extra `synthfaces`).
        seed: of the inputs.

    Returns:
        The largest difference and whether it passes.

    Raises:
        ZooError: there is nothing at `path`, it is no format known here, it cannot be read, or its
            inputs are not the model's.
    """
    if samples < 0 or faces < 0 or samples + faces < 1:
        raise ZooError(f"samples is {samples}, faces {faces}; legal is at least 1 together")
    path = Path(path)
    check_model(model)
    file_format = format_of(path)
    shapes, run, precision = open_export(path, model.output_key)
    if set(shapes) != set(model.input_keys):
        raise ZooError(
            f"{path} takes {', '.join(sorted(shapes))}; "
            f"{model.zoo_name} takes {', '.join(sorted(model.input_keys))}"
        )
    model = float32_twin(model)
    tolerance = TOLERANCES[file_format]
    jumpy = precision == "float32" and _unpools(model)
    rng = np.random.default_rng(seed)
    errors, low, high, differences, nearest = [], np.inf, -np.inf, [], []
    inputs = [random_batch(shapes, n, model.default_size, rng) for n in _batches(samples)]
    for batch in inputs + face_batches(model, faces, _side(shapes), seed):
        expected, found = np.asarray(model(batch, training=False)), run(batch)
        errors.append(np.mean(np.square(found - expected, dtype=np.float64)))
        low, high = min(low, expected.min()), max(high, expected.max())
        difference = _difference(found, expected)
        differences.append(difference.ravel())
        if jumpy:
            difference = _nearest(model, batch, found, difference, tolerance)
            jumpy = bool(difference.max() <= tolerance)  # a file that fails needs no more of it
        nearest.append(difference.ravel())
    peak, error = float(high - low), float(np.mean(errors))
    psnr = math.inf if not error else 10 * math.log10(max(peak, 1e-9) ** 2 / error)
    difference = np.concatenate(differences)
    jumps = (difference > tolerance) & (np.concatenate(nearest) <= tolerance)
    worst = float(np.max(np.where(jumps, 0, difference)))  # keeps a NaN
    largest = float(np.max(difference, where=jumps, initial=0))
    return Parity(file_format, path, worst, precision, psnr, float(jumps.mean()), largest)


def _unpools(model: GANModel) -> bool:
    """Whether the model's call reads places of maxima."""
    network = model.networks[model.network_names[0]]
    return any(isinstance(layer, MaxUnpooling2D) for layer in network._flatten_layers())


def _difference(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Largest difference at each pixel, or in each row of features: all axes but the last.

    Where outputs are beyond 1, it is a share of the largest of the batch: float32 rounds by that.
    """
    return np.max(np.abs(found - expected), axis=-1) / max(1.0, float(np.max(np.abs(expected))))


def _nearest(
    model: GANModel, batch: dict, found: np.ndarray, difference: np.ndarray, tolerance: float
) -> np.ndarray:
    """Difference of each pixel from the nearest of the model's answers to inputs moved by rounding.

    Args:
        model: a float32 model.
        batch: the inputs that the file answered with `found`.
        found: (B, ..., C).
        difference: (B, ...), from the answer to the inputs as they are, which is one of them.
        tolerance: no further input is tried when all differences are as small.
    """
    for draw in range(DRAWS):
        if difference.max() <= tolerance or np.isnan(difference).any():
            break
        rng = np.random.default_rng(draw)
        # a flat part of the picture stays flat (every runtime sums alike in each place), or not
        moved = {key: _moved(value, rng, alike=draw % 2 == 0) for key, value in batch.items()}
        answer = np.asarray(model(moved, training=False))
        difference = np.minimum(difference, _difference(found, answer))
    return difference


def _moved(value: np.ndarray, rng: np.random.Generator, alike: bool) -> np.ndarray:
    """Moves each number by about `ROUNDING` of itself; `alike`: equal ones by the same."""
    factors = 1 + ROUNDING * rng.standard_normal(value.size)
    if alike:
        factors = factors[np.unique(value, return_inverse=True)[1].ravel()]
    return (value * factors.reshape(value.shape)).astype(np.float32)


def open_export(path: Path, output: str) -> Opened:
    """Opens an exported file in its runtime on the CPU.

    Args:
        path: a SavedModel directory, an `.onnx` or a `.tflite` file.
        output: name of the output, the model's `output_key`.

    Raises:
        ZooError: it is none of these or damaged, or its runtime is not installed.
    """
    return _RUNNERS[format_of(path)](path, output)


def _side(shapes: dict[str, tuple]) -> int | None:
    """Side of the images that a file takes, None where it is free."""
    side = shapes["image"][1]
    return side if isinstance(side, int) else None


def format_of(path: Path) -> str:
    """Returns "savedmodel", "onnx" or "litert"; raises ZooError for anything else."""
    legal = "a SavedModel directory, an .onnx or a .tflite file"
    if not path.exists():
        raise ZooError(f"nothing at {path}; give {legal}")
    if path.is_dir() and is_saved_model(path):
        return "savedmodel"
    if path.is_file() and path.suffix in _SUFFIXES:
        return _SUFFIXES[path.suffix]
    raise ZooError(f"{path} is not {legal}")


def random_batch(
    shapes: dict[str, tuple], count: int, size: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draws inputs that look like what each batch key means.

    Args:
        shapes: batch key -> shape; the first axis and other free ones hold no number.
        count: images in the batch.
        size: length of free axes other than the first, pixels.
        rng: source of the numbers.

    Returns:
        Batch key -> float32 array.
    """
    batch = {}
    for key, shape in shapes.items():
        axes = [axis if isinstance(axis, int) else size for axis in shape[1:]]
        draw = _DRAWS.get(key, _normal)
        batch[key] = draw(rng, (count, *axes)).astype(np.float32)
    return batch


def _batches(samples: int) -> Iterator[int]:
    """1, 2, 1, 2, ... up to the number of samples."""
    count = 1
    while samples:
        yield min(count, samples)
        samples -= min(count, samples)
        count = 3 - count


def _normal(rng, shape):
    return rng.standard_normal(shape)


def _image(rng, shape):
    return np.clip(0.5 * rng.standard_normal(shape), -1, 1)


def _color(rng, shape):
    return rng.uniform(-1, 1, shape)


def _bits(rng, shape):
    return rng.random(shape) < 0.2


def _blocks(rng, shape):
    """Rectangles of a quarter to three quarters of the side."""
    mask = np.zeros(shape)
    for sample in mask:
        spans = []
        for side in sample.shape[:2]:
            length = int(rng.integers(side // 4, 3 * side // 4 + 1))
            start = int(rng.integers(0, side - length + 1))
            spans.append(slice(start, start + length))
        sample[tuple(spans)] = 1
    return mask


def _points(rng, shape):
    return rng.uniform(0, 64, shape)


_DRAWS = {
    "image": _image,
    "frontal": _image,
    "mask": _blocks,
    "sketch": _bits,
    "noise": _bits,
    "color": _color,
    "attributes": _bits,
    "target_attributes": _bits,
    "landmarks": _points,
}

Runner = Callable[[dict[str, np.ndarray]], np.ndarray]
Opened = tuple[dict[str, tuple], Runner, str]
"""Shapes of the inputs, how to run the file, and its precision."""


def _open_saved_model(path: Path, output: str) -> Opened:
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # each kind of damage has an exception of its own
        raise ZooError(f"{path} cannot be read as a SavedModel: {error}") from error
    if "serving_default" not in loaded.signatures:
        raise ZooError(f"{path} has no signature serving_default")
    specs = loaded.signatures["serving_default"].structured_input_signature[1]
    shapes = {key: tuple(spec.shape) for key, spec in specs.items()}

    def run(batch):
        signature = loaded.signatures["serving_default"]  # alone it does not hold its variables
        return signature(**{key: tf.constant(value) for key, value in batch.items()})[
            output
        ].numpy()

    return shapes, run, "float32"


def cores() -> int:
    """Cores that this process may use. ONNX Runtime counts those of the machine by itself."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def onnx_session(path: Path):
    """Opens a file in ONNX Runtime on the CPU, with one thread for each core of this process.

    Raises:
        ZooError: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError:
        message = "ONNX needs the package onnxruntime; install the extra 'export'"
        raise ZooError(message) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _open_onnx(path: Path, output: str) -> Opened:
    try:
        session = onnx_session(path)
    except ZooError:
        raise
    except Exception as error:  # each kind of damage has an exception of its own
        raise ZooError(f"{path} cannot be read as ONNX: {error}") from error
    shapes = {entry.name: tuple(entry.shape) for entry in session.get_inputs()}
    precision = session.get_modelmeta().custom_metadata_map.get("precision", "float32")
    return shapes, lambda batch: session.run([output], batch)[0], precision


def _open_litert(path: Path, output: str) -> Opened:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError:
        message = "LiteRT needs the package ai-edge-litert; install the extra 'litert'"
        raise ZooError(message) from None
    try:
        interpreter = Interpreter(str(path), num_threads=cores())
        signature = interpreter.get_signature_runner("serving_default")
        precision = json.loads(zipfile.ZipFile(path).read("zoo.json"))["precision"]
    except Exception as error:  # each kind of damage has an exception of its own
        raise ZooError(f"{path} cannot be read as a LiteRT file of the zoo: {error}") from error
    shapes = {k: tuple(d["shape"].tolist()) for k, d in signature.get_input_details().items()}

    def run(batch):
        singles = [{k: v[i : i + 1] for k, v in batch.items()} for i in range(len(batch["image"]))]
        return np.concatenate([signature(**single)[output] for single in singles])

    return shapes, run, precision


_SUFFIXES = {".onnx": "onnx", ".tflite": "litert"}
_RUNNERS = {"savedmodel": _open_saved_model, "onnx": _open_onnx, "litert": _open_litert}
