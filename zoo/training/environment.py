"""Where and from what a run was made."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo.config import Recipe


def environment(recipe: Recipe) -> dict:
    """Versions, machine, seeds and, where the zoo runs from a checkout, its state in git."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        "seeds": {"training": recipe.training.seed, "data": recipe.data.seed},
        "git": git_state(Path(__file__).parents[2]),
    }


def git_state(directory: Path) -> dict | None:
    """Commit and whether files differ from it; None if `directory` is not the top of a checkout."""
    if not (directory / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(directory), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no") != ""
        return {"commit": git("rev-parse", "HEAD"), "changed": changed}
    except (OSError, subprocess.CalledProcessError):  # no git here, or no commit yet
        return None
