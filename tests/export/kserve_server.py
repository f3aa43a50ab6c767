"""Serves a SavedModel through kserve: TensorFlow Serving's REST protocol by another hand.

    python kserve_server.py NAME SAVED_MODEL

Run by the Python of `requirements/make_kserve.py`. Listens on a free port of the loopback, which it
prints. Paths, framing, status codes and error bodies are kserve's; rows, columns and base64 follow
TensorFlow Serving's description of its interface.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import kserve
import numpy as np
import tensorflow as tf
from kserve.errors import InvalidInput
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.protocol.rest.server import RESTServer


class Served(kserve.Model):
    """The signatures of a SavedModel, two requests at a time."""

    def __init__(self, name: str, path: str):
        super().__init__(name)
        self.loaded = tf.saved_model.load(path)
        self.pool = ThreadPoolExecutor(2)
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        return await asyncio.get_running_loop().run_in_executor(self.pool, self._answer, payload)

    def _answer(self, payload):
        if not isinstance(payload, dict) or not isinstance(payload.get("instances"), list):
            raise InvalidInput("Missing 'inputs' or 'instances' key")
        name = payload.get("signature_name", "serving_default")
        if name not in self.loaded.signatures:
            raise InvalidInput(f'Serving signature key "{name}" not found.')
        function = self.loaded.signatures[name]
        specs = function.structured_input_signature[1]
        try:
            outputs = function(**_tensors(payload["instances"], specs))
        except tf.errors.InvalidArgumentError as error:
            raise InvalidInput(error.message) from None
        ((key, value),) = outputs.items()
        return {"predictions": _rows(key, value.numpy())}


def _tensors(rows, specs) -> dict:
    """Rows as tensors; a row of a single input may be its bare value."""
    if len(specs) == 1:
        (only,) = specs
        rows = [row if isinstance(row, dict) and only in row else {only: row} for row in rows]
    tensors = {}
    for key, spec in specs.items():
        try:
            values = [row[key] for row in rows]
            if spec.dtype == tf.string:
                values = [_bytes(value) for value in values]
                tensors[key] = tf.constant(values, tf.string, shape=(len(values),))
            else:
                array = np.asarray(values, spec.dtype.as_numpy_dtype)
                tensors[key] = tf.constant(array)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidInput(f"Failed to process element of '{key}': {error!r}") from None
        if not spec.shape.is_compatible_with(tensors[key].shape):
            raise InvalidInput(f"input {key} has shape {tensors[key].shape}, expected {spec.shape}")
    return tensors


def _bytes(value) -> bytes:
    if isinstance(value, dict) and set(value) == {"b64"}:
        try:
            return base64.b64decode(value["b64"], validate=True)
        except binascii.Error as error:
            raise ValueError(f"Unable to base64 decode: {error}") from None
    if not isinstance(value, str):
        raise ValueError("a string or {'b64': ...} is expected")
    return value.encode()


def _rows(key: str, values) -> list:
    """TensorFlow Serving encodes outputs whose name ends so in base64."""
    if key.endswith("_bytes"):
        return [{"b64": base64.b64encode(value).decode()} for value in values]
    return values.tolist()


def main(name: str, path: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    repository = kserve.ModelRepository()
    repository.update(Served(name, path))
    plane = DataPlane(model_registry=repository)
    extension = ModelRepositoryExtension(model_registry=repository)
    port = listener.getsockname()[1]
    server = RESTServer("kserve.model_server:app", plane, extension, port)
    print(port, flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
