"""Arrays by name, in safetensors files, matched strictly: nothing is unpickled or guessed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from zoo.errors import ZooError, did_you_mean
from zoo.files import atomic_path

_SHOWN = 5


def write(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], **metadata: str) -> None:
    """Writes arrays to one safetensors file, atomically."""
    with atomic_path(path) as temporary:
        contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        save_file(contiguous, temporary, metadata=metadata or None)


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads a safetensors file; its header is checked against the file's length first.

    Raises:
        ZooError: missing, truncated or foreign file.
    """
    if not Path(path).is_file():
        raise ZooError(f"no weights file at {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ZooError(f"{path} is not a whole safetensors file: {error}") from error
    except (TypeError, AttributeError) as error:  # e.g. bfloat16 and float8
        raise ZooError(f"{path} holds a data type that NumPy does not have: {error}") from error
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error


def check(
    expected: Mapping[str, tuple], received: Mapping[str, tuple], source: str, extra: bool = False
) -> None:
    """Compares names and shapes.

    Args:
        expected: name -> shape that the model has.
        received: name -> shape that `source` has.
        source: named in the message.
        extra: whether names that the model does not have are let pass.

    Raises:
        ZooError: lists missing, extra and misshapen names.
    """
    missing = [name for name in expected if name not in received]
    unknown = [] if extra else [name for name in received if name not in expected]
    misshapen = [
        f"{name} is {tuple(received[name])}, needs {tuple(shape)}"
        for name, shape in expected.items()
        if name in received and tuple(received[name]) != tuple(shape)
    ]
    problems = []
    if missing:
        hint = did_you_mean(missing[0], received) if len(missing) == 1 else ""
        problems.append(f"missing {_listed(missing)}{hint}")
    if unknown:
        problems.append(f"extra {_listed(unknown)}")
    if misshapen:
        problems.append(f"misshapen {_listed(misshapen)}")
    if problems:
        raise ZooError(f"{source} does not fit: " + "; ".join(problems))


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"({len(names)}): {shown}{more}"


def assign(variables: Mapping, arrays: Mapping[str, np.ndarray], source: str) -> None:
    """Sets every variable to the array of its name; checks all before it touches one.

    Args:
        variables: name -> keras.Variable.
        arrays: name -> array; exactly the same names and shapes. float16 is read as float32.
        source: named in error messages.

    Raises:
        ZooError: names or shapes differ, or a value is not finite.
    """
    check(
        {name: tuple(v.shape) for name, v in variables.items()},
        {name: a.shape for name, a in arrays.items()},
        source,
    )
    with np.errstate(over="ignore"):  # float64 that becomes infinite is refused below
        cast = {name: arrays[name].astype(v.dtype, copy=False) for name, v in variables.items()}
    for name, array in cast.items():
        if not np.isfinite(array).all():
            raise ZooError(f"{source}: {name} holds values that are not finite")
    for name, variable in variables.items():
        variable.assign(cast[name])
