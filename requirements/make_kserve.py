"""Makes `kserve` inside this environment: one on top of it that has kserve as well.

    .venv/bin/python requirements/make_kserve.py

Its own packages come first on its path, then those of this environment, which stays as it is.
Does nothing where it has been made from the same `kserve.txt`. Prints its Python.
"""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

PINS = Path(__file__).parent / "kserve.txt"


def make(directory: Path = Path(sys.prefix) / "kserve") -> Path:
    """Makes the environment; returns its Python."""
    python, stamp = directory / "bin" / "python", directory / "kserve.txt"
    if stamp.exists() and stamp.read_bytes() == PINS.read_bytes():
        return python
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True)
    below = Path(packages.stdout.strip()) / "below.pth"
    below.write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "-r", PINS], check=True)
    shutil.copyfile(PINS, stamp)  # the last step: without it the environment is not whole
    return python


if __name__ == "__main__":
    print(make())
