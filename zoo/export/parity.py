"""Compares an exported file with the model that it was written from."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from zoo.errors import ZooError
from zoo.export.inference import check_model, float32_twin
from zoo.export.saved_model_writer import is_saved_model
from zoo.gan import GANModel

TOLERANCES = {"savedmodel": 1e-5, "onnx": 2e-4}
"""Largest difference that passes, on images in [-1, 1]: the same kernels differ by less than 1e-5;
other kernels sum in another order, and 2e-4 is a fortieth of an 8-bit step."""


@dataclasses.dataclass(frozen=True)
class Parity:
    """Result of `verify`.

    Attributes:
        format: "savedmodel" or "onnx".
        path: the exported file or directory.
        max_abs_diff: largest difference of any output value, on images in [-1, 1].
        tolerance: largest difference that passes.
    """

    format: str
    path: Path
    max_abs_diff: float
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether the outputs agree (false where one is not a number)."""
        return self.max_abs_diff <= self.tolerance


def verify(model: GANModel, path: str | os.PathLike, *, samples: int = 3, seed: int = 0) -> Parity:
    """Runs an exported file and the model on the same random inputs, in batches of 1 and 2.

    Args:
        model: the model that was exported; one in mixed precision is compared in float32.
        path: a SavedModel directory or an `.onnx` file.
        samples: how many images.
        seed: of the inputs.

    Returns:
        The largest difference and whether it passes.

    Raises:
        ZooError: there is nothing at `path`, it is no format known here, it cannot be read, or its
            inputs are not the model's.
    """
    if samples < 1:
        raise ZooError(f"samples is {samples}; legal is at least 1")
    path = Path(path)
    check_model(model)
    file_format = format_of(path)
    shapes, run = _RUNNERS[file_format](path, model.output_key)
    if set(shapes) != set(model.input_keys):
        raise ZooError(
            f"{path} takes {', '.join(sorted(shapes))}; "
            f"{model.zoo_name} takes {', '.join(sorted(model.input_keys))}"
        )
    model = float32_twin(model)
    rng = np.random.default_rng(seed)
    worst = 0.0
    for count in _batches(samples):
        batch = random_batch(shapes, count, model.default_size, rng)
        expected = np.asarray(model(batch, training=False))
        difference = np.max(np.abs(run(batch) - expected))
        worst = float(np.maximum(worst, difference))  # keeps a NaN
    return Parity(file_format, path, worst, TOLERANCES[file_format])


def format_of(path: Path) -> str:
    """Returns "savedmodel" or "onnx"; raises ZooError for anything else."""
    if not path.exists():
        raise ZooError(f"nothing at {path}; give a SavedModel directory or an .onnx file")
    if path.is_dir() and is_saved_model(path):
        return "savedmodel"
    if path.is_file() and path.suffix == ".onnx":
        return "onnx"
    raise ZooError(f"{path} is neither a SavedModel directory nor an .onnx file")


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


def _open_saved_model(path: Path, output: str) -> tuple[dict[str, tuple], Runner]:
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

    return shapes, run


def _open_onnx(path: Path, output: str) -> tuple[dict[str, tuple], Runner]:
    try:
        import onnxruntime
    except ModuleNotFoundError:
        message = "ONNX needs the package onnxruntime; install the extra 'export'"
        raise ZooError(message) from None
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # each kind of damage has an exception of its own
        raise ZooError(f"{path} cannot be read as ONNX: {error}") from error
    shapes = {entry.name: tuple(entry.shape) for entry in session.get_inputs()}
    return shapes, lambda batch: session.run([output], batch)[0]


_RUNNERS = {"savedmodel": _open_saved_model, "onnx": _open_onnx}
