"""A disk that is full, for once a real one: a small tmpfs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[2])
from test_watch import stub
from zoo.errors import ZooError
from zoo.training import checkpoint

disk = Path(sys.argv[1])
checkpoint.save(stub(1, w=np.full(100_000, 1.0)), disk / "checkpoints")
(disk / "other").write_bytes(bytes(450_000))
try:
    checkpoint.save(stub(2, w=np.full(100_000, 2.0)), disk / "checkpoints")
except ZooError as error:
    print("refused:", error)
print([path.name for path in (disk / "checkpoints").iterdir()])
model = stub(0, w=np.zeros(100_000))
step = checkpoint.restore_latest(model, disk / "checkpoints")
print("restored", step, model.state()["w"].value[-1])
(disk / "other").unlink()
checkpoint.save(stub(2, w=np.full(100_000, 2.0)), disk / "checkpoints")
print("restored", checkpoint.restore_latest(model, disk / "checkpoints"))
"""


def mounted(directory, *command):
    """Runs a command in a namespace of its own, with 1 MB of memory as disk at `directory`."""
    inside = 'mount -t tmpfs -o size=1000k tmpfs "$0" && exec "$@"'
    return subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", inside, str(directory), *command],
        capture_output=True,
        text=True,
    )


def test_the_last_checkpoint_stays_and_the_next_fits_again(tmp_path):
    if not shutil.which("unshare") or mounted(tmp_path, "true").returncode:
        pytest.skip("no right to mount a tmpfs here")
    here = Path(__file__).parent
    result = mounted(tmp_path, sys.executable, "-c", SCRIPT, str(tmp_path), str(here))
    assert result.returncode == 0, result.stderr
    refused, listed, restored, again = result.stdout.splitlines()
    assert refused.startswith("refused: cannot write the checkpoint") and "No space left" in refused
    assert listed == "['step-00000001']"
    assert restored == "restored 1 1.0" and again == "restored 2"
