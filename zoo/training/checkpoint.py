"""Checkpoints of a training run: whole or not there at all, verified when read."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from zoo import weights
from zoo.errors import ZooError
from zoo.files import atomic_path, sha256

STATE, CARD = "state.safetensors", "checkpoint.json"


def save(model, directory: str | os.PathLike, keep: int = 2) -> Path:
    """Writes `directory/step-00001234` with networks, optimizers, average and step.

    The folder appears under its name only when it is whole; then all but the newest `keep` go.

    Raises:
        ZooError: a value is not finite, or the folder cannot be written; older ones stay.
    """
    step = int(model.step.numpy())
    path = Path(directory) / f"step-{step:08d}"
    arrays = {name: variable.numpy() for name, variable in model.state().items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ZooError(f"step {step}: {name} is not finite; no checkpoint of it is kept")
    try:
        with atomic_path(path) as temporary:
            temporary.mkdir()
            weights.write(temporary / STATE, arrays)
            card = {"step": step, "model": model.zoo_name, "sha256": sha256(temporary / STATE)}
            (temporary / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    except (OSError, SafetensorError) as error:  # such as a full disk
        raise ZooError(f"cannot write the checkpoint {path}: {error}") from error
    for old in steps(directory)[:-keep]:
        shutil.rmtree(old)
    return path


def steps(directory: str | os.PathLike) -> list[Path]:
    """The checkpoint folders of a run, oldest first."""
    return sorted(p for p in Path(directory).glob("step-*") if p.is_dir())


def restore_latest(model, directory: str | os.PathLike) -> int | None:
    """Restores the newest whole checkpoint and returns its step; None if there is none.

    A checkpoint that cannot be read is named in a warning and the one before it is taken.

    Raises:
        ZooError: there are checkpoints, but none can be restored.
    """
    broken = []
    for path in reversed(steps(directory)):
        try:
            return restore(model, path)
        except ZooError as error:
            warnings.warn(f"checkpoint skipped: {error}", stacklevel=2)
            broken.append(f"{path.name}: {error}")
    if broken:
        raise ZooError(f"no checkpoint in {directory} can be restored: {broken[0]}")
    return None


def restore(model, path: str | os.PathLike) -> int:
    """Restores one checkpoint folder into a compiled model and returns its step.

    Raises:
        ZooError: missing, broken, or of another model or recipe.
    """
    path = Path(path)
    try:
        card = json.loads((path / CARD).read_text(encoding="utf-8"))
        expected = card["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ZooError(f"{path} is not a whole checkpoint: {CARD} cannot be read") from error
    if not (path / STATE).is_file() or sha256(path / STATE) != expected:
        raise ZooError(f"{path / STATE} is missing or differs from its SHA-256")
    weights.assign(model.state(), weights.read(path / STATE), str(path))
    return int(model.step.numpy())
