"""Lays out a folder that TensorFlow Serving loads as it is.

DIR/models.config                     every model of the folder, as seen from /models
DIR/batching.config                   how requests are joined, where the server is told to
DIR/<model>/<n>/saved_model.pb ...    version n, written whole or not at all
DIR/<model>/<n>/assets.extra/tf_serving_warmup_requests
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo.errors import ZooError
from zoo.export.inference import check_model, check_target
from zoo.export.saved_model_writer import is_saved_model, saved_model
from zoo.files import atomic_path
from zoo.gan import GANModel

WARMUP = "tf_serving_warmup_requests"
"""Name of the file of requests that TensorFlow Serving plays before it serves, fixed by it."""

MOUNT = "/models"
"""Where the folder is mounted in the official image; `models.config` must name absolute paths."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")

# At 128 pixels: five points of a frontal face, as `zoo.data.alignment` places them.
_FACE = ((48.0, 40.0), (80.0, 40.0), (64.0, 64.0), (50.0, 88.0), (78.0, 88.0))

_BATCHING = """\
# Read where the server is started with --enable_batching --batching_parameters_file=...: requests
# that wait are joined. Joined requests share their fate: one damaged file fails its neighbours, and
# so do numbers of another picture size. Leave it off unless every client is trusted.
max_batch_size { value: 8 }
# A request of more pictures than that is refused.
batch_timeout_micros { value: 2000 }
# Batches that run at the same time.
num_batch_threads { value: 2 }
# Batches that wait; further requests are refused as UNAVAILABLE.
max_enqueued_batches { value: 64 }
"""


def serving(
    model: GANModel,
    directory: str | os.PathLike,
    *,
    name: str | None = None,
    size: int | tuple[None, None] | None = None,
) -> Path:
    """Adds a model to a folder for TensorFlow Serving, as its next version.

    A server that watches the folder loads the new version, warms it up and drops the one before.

    Args:
        model: a zoo model.
        directory: the folder; made if missing. A `batching.config` in it stays as it is,
            `models.config` is written anew.
        name: what the server calls the model; None for its own name. Two presets of one model need
            two names, else they are versions of each other.
        size: as in `zoo.export.saved_model`.

    Returns:
        The directory of the new version.

    Raises:
        ZooError: as `zoo.export.saved_model`; the folder is a file, the name is not legal, or the
            extra `serving` is missing.
    """
    check_model(model)
    name = model.zoo_name if name is None else name
    if not _NAME.fullmatch(name):
        raise ZooError(f"name is {name!r}; legal are letters, digits, '_' and '-'")
    directory = check_target(directory)
    if directory.exists() and not directory.is_dir():
        raise ZooError(f"directory is {directory}, a file; give a folder")
    _protos()  # before minutes of work
    folder = directory / name
    target = folder / str(max(versions(folder), default=0) + 1)
    with atomic_path(target) as temporary:
        saved_model(model, temporary, size=size)
        write_warmup(name, temporary)
    batching = directory / "batching.config"
    if not batching.exists():
        with atomic_path(batching) as temporary:
            temporary.write_text(_BATCHING, encoding="utf-8")
    with atomic_path(directory / "models.config") as temporary:
        temporary.write_text(models_config(directory), encoding="utf-8")
    return target


def versions(directory: Path) -> list[int]:
    """Versions in the folder of a model."""
    folders = directory.iterdir() if directory.is_dir() else ()
    return [int(f.name) for f in folders if f.name.isdecimal() and is_saved_model(f)]


def models_config(directory: Path) -> str:
    """The text of `models.config`: every folder with at least one version."""
    lines = ["# Written anew by every `zoo export --serving`.", "model_config_list {"]
    for folder in sorted(directory.iterdir()):
        if versions(folder):
            lines += [
                "  config {",
                f'    name: "{folder.name}"',
                f'    base_path: "{MOUNT}/{folder.name}"',
                '    model_platform: "tensorflow"',
                "  }",
            ]
    return "\n".join([*lines, "}"]) + "\n"


def write_warmup(name: str, directory: Path) -> None:
    """Writes one request to each signature of a SavedModel into its `assets.extra`.

    Args:
        name: of the model.
        directory: a SavedModel of `zoo.export.saved_model`.

    Raises:
        ZooError: the extra `serving` is missing.
    """
    prediction_log_pb2 = _protos()
    with tf.io.TFRecordWriter(str(directory / "assets.extra" / WARMUP)) as writer:
        for signature, inputs in warmup_inputs(directory):
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = name
            request.model_spec.signature_name = signature
            for key, tensor in inputs.items():
                request.inputs[key].CopyFrom(tensor)
            writer.write(log.SerializeToString())


def warmup_inputs(directory: Path) -> Iterator[tuple[str, dict]]:
    """Name of a signature -> its inputs for one grey picture, as TensorProtos.

    A tensor of one value repeated is stored as that value, so that this takes a few kilobytes.
    """
    about = json.loads((directory / "assets.extra" / "zoo.json").read_text(encoding="utf-8"))
    side = about["config"]["image_size"]
    for signature, described in about["signatures"].items():
        inputs = {}
        for key, spec in described["inputs"].items():
            shape = [1, *(side if axis is None else axis for axis in spec["shape"][1:])]
            value = _value(key, side, legal_mask=255 if spec["dtype"] == "uint8" else 1)
            inputs[key] = tf.make_tensor_proto(value, spec["dtype"], shape)
        yield signature, inputs


def _protos():
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ModuleNotFoundError as error:
        raise ZooError(
            f"warm-up requests need the package {error.name}; install the extra 'serving'"
        ) from None
    return prediction_log_pb2


def _value(key: str, side: int, legal_mask: int):
    """What fills the input `key`: a grey picture that is all hole, without hints or edits."""
    if key == "landmarks":
        return np.array(_FACE) * side / 128.0
    if key == "mask":
        return legal_mask
    if key == "image_bytes":
        return _grey(side, 127)
    if key == "mask_bytes":
        return _grey(side, 255)
    return b"" if key.endswith("_bytes") else 0


def _grey(side: int, level: int) -> bytes:
    return tf.io.encode_png(tf.fill((side, side, 3), tf.constant(level, tf.uint8))).numpy()
