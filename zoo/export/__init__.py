"""Writes models in formats that run without this package, and checks what was written.

    zoo.export.saved_model(model, directory)   # TensorFlow, TF Serving
    zoo.export.serving(model, folder)          # a version more in a folder for TF Serving
    zoo.export.onnx(model, path)               # ONNX Runtime and others
    zoo.export.litert(model, path)             # phones
    zoo.export.verify(model, path).ok          # the file against the model, on seeded inputs

Importing this module does not import TensorFlow.
"""

from __future__ import annotations

import importlib

from zoo.errors import ZooError

_HOMES = {
    "saved_model": "zoo.export.saved_model_writer",
    "serving": "zoo.export.serving_folder",
    "onnx": "zoo.export.onnx_writer",
    "litert": "zoo.export.litert_writer",
    "verify": "zoo.export.parity",
    "Parity": "zoo.export.parity",
    "peak_memory": "zoo.export.memory",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        home = importlib.import_module(_HOMES[name])
    except ModuleNotFoundError as error:
        if error.name not in ("onnx", "tf2onnx"):
            raise
        raise ZooError(f"ONNX needs the package {error.name}; install the extra 'export'") from None
    return getattr(home, name)


def __dir__() -> list[str]:
    return __all__
