"""The browser page: what it draws is what ONNX Runtime answers to the inputs that it fed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tarfile
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

import zoo
from zoo.data.synthfaces import SynthFaces
from zoo.errors import ZooError
from zoo.testing.suite import small_model

FOLDER = Path(zoo.__file__).parents[1] / "export" / "browser"
RUNTIME = "onnxruntime-web@1.30.0"


def script(name):
    spec = importlib.util.spec_from_file_location(f"browser_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """`dist` of onnxruntime-web, from the npm registry."""
    if not any(map(shutil.which, script("screenshot").BROWSERS)):
        pytest.skip("no Chromium: apt-get install chromium")
    if not shutil.which("npm"):
        pytest.skip("no npm: apt-get install npm")
    folder = tmp_path_factory.mktemp("npm")
    done = subprocess.run(["npm", "pack", RUNTIME], cwd=folder, capture_output=True, timeout=120)
    if done.returncode:
        pytest.skip(f"npm pack {RUNTIME} failed: {done.stderr[-200:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package" / "dist"


@pytest.mark.browser
@pytest.mark.parametrize("name", ["sc_fegan", "stgan"])
def test_the_page_edits_a_face(name, runtime, tmp_path):
    photo = SynthFaces(64).render(0)["image"]
    script("prepare").prepare(small_model(name), tmp_path / "site", runtime, photo, "float32")
    shown = script("screenshot").open_page(tmp_path / "site", tmp_path / "page.png")
    session = onnxruntime.InferenceSession(tmp_path / "site" / "model.onnx")
    batch = {
        entry.name: np.float32(shown["fed"][entry.name]).reshape(1, *entry.shape[1:])
        for entry in session.get_inputs()
    }
    face = cv2.cvtColor(cv2.imread(str(tmp_path / "site" / "face.png")), cv2.COLOR_BGR2RGB)
    np.testing.assert_allclose(batch["image"][0], face / 127.5 - 1, atol=1e-6)
    if name == "sc_fegan":
        assert 0.05 < batch["mask"].mean() < 0.2 and batch["sketch"].sum() > 5
        assert 0.05 < batch["noise"].mean() < 0.3
    else:
        changed = batch["target_attributes"] - batch["attributes"]
        assert np.count_nonzero(changed) == 1 and changed.max() == 0.5
    expected = np.rint((session.run(None, batch)[0][0] + 1) * 127.5)
    pixels = np.reshape(shown["pixels"], (*expected.shape[:2], 4))
    assert np.abs(pixels[..., :3] - expected).max() <= 1 and (pixels[..., 3] == 255).all()
    picture = cv2.imread(str(tmp_path / "page.png"))
    assert picture.shape[1] == 1060 and picture.std() > 20


def test_refusals(tmp_path):
    prepare = script("prepare").prepare
    photo = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ZooError, match="lacks ort.wasm.min.mjs"):
        prepare(small_model("stgan"), tmp_path / "site", tmp_path, photo, "float32")
    with pytest.raises(ZooError, match="light_cnn serves embed"):
        prepare(small_model("light_cnn"), tmp_path / "site", tmp_path, photo, "float32")
    with pytest.raises(ZooError, match="attgan must be told every attribute"):
        prepare(small_model("attgan"), tmp_path / "site", tmp_path, photo, "float32")
    assert not list(tmp_path.iterdir())
