"""Makes `kserve` inside this environment: one on top of it that has kserve as well.

    .venv/bin/python requirements/make_kserve.py

Its own packages come first on its path, then those of this environment, which stays as it is.
Does nothing where it has been made from the same `kserve.txt`. Prints its Python.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

PINS = Path(__file__).parent / "kserve.txt"


def make(directory: Path = Path(sys.prefix) / "kserve") -> Path:
    """Makes the environment, whole or not at all; returns its Python."""
    if not _current(directory):
        with tempfile.TemporaryDirectory(prefix=".kserve.", dir=directory.parent) as holder:
            made = Path(holder) / "made"
            _install(made)
            if not _current(directory):  # another process may have been faster
                if directory.exists():
                    os.rename(directory, Path(holder) / "old")
                os.rename(made, directory)
    return directory / "bin" / "python"


def _current(directory: Path) -> bool:
    stamp = directory / PINS.name
    return stamp.exists() and stamp.read_bytes() == PINS.read_bytes()


def _install(directory: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
    python = directory / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True)
    below = Path(packages.stdout.strip()) / "below.pth"
    below.write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "-r", PINS], check=True)
    shutil.copyfile(PINS, directory / PINS.name)


if __name__ == "__main__":
    print(make())
