"""The precisions of exported files, and the pictures that int8 is calibrated on."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from zoo.errors import ZooError, did_you_mean
from zoo.export.faces import face_batches
from zoo.gan import GANModel

PRECISIONS = ("float32", "float16", "int8")
BYTES = {"float32": 4, "float16": 2, "int8": 1}
"""Of a weight."""

FACES = 16
"""SynthFaces that an int8 file is calibrated on where the caller gives no batches (ours)."""


def check_precision(precision: str) -> None:
    """Raises ZooError for a precision that no exporter writes."""
    if precision not in PRECISIONS:
        legal = ", ".join(PRECISIONS)
        hint = did_you_mean(str(precision), PRECISIONS)
        raise ZooError(f"precision is {precision!r}; legal are {legal}.{hint}")


def calibration_batches(
    model: GANModel, size: int | None, given: Iterable[dict] | None
) -> list[dict[str, np.ndarray]]:
    """The batches given, or `FACES` SynthFaces, cut into batches of one image.

    Raises:
        ZooError: a batch is none that the model reads, there is no batch, or the extra `synthfaces`
            is not installed.
    """
    if given is None:
        return face_batches(model, FACES, size)
    single = []
    for batch in given:
        model.check_batch(batch)
        arrays = {key: np.asarray(batch[key], np.float32) for key in model.input_keys}
        count = len(arrays[model.input_keys[0]])
        single += [{key: value[i : i + 1] for key, value in arrays.items()} for i in range(count)]
    if not single:
        raise ZooError("calibration holds no batch; give at least one, or None for SynthFaces")
    return single
