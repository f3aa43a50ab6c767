"""LiteRT files: same output as Keras, smaller weights, refusals."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import zoo.export
from zoo.errors import ZooError
from zoo.export import litert_writer, parity
from zoo.testing.suite import small_model

interpreter = pytest.importorskip("ai_edge_litert.interpreter")


def batch_for(model, count=1):
    return parity.random_batch(model.input_shapes(), count, 0, np.random.default_rng(3))


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    return zoo.export.litert(model, tmp_path_factory.mktemp("litert") / "model.tflite")


def test_float32(model, path):
    checked = zoo.export.verify(model, path, faces=1)
    assert checked.ok and checked.format == "litert" and checked.max_abs_diff < 1e-5
    signature = interpreter.Interpreter(str(path)).get_signature_runner("serving_default")
    inputs = signature.get_input_details()
    assert sorted(inputs) == sorted(model.input_keys)
    assert inputs["mask"]["shape"].tolist() == [1, 32, 32, 1]
    assert list(signature.get_output_details()) == ["image_out"]


def test_float16_rounds_the_weights_and_nothing_else(model, tmp_path):
    path = zoo.export.litert(model, tmp_path / "half.tflite", precision="float16")
    rounded = type(model).from_config(model.get_config())
    pairs = zip(model.inference_variables(), rounded.inference_variables(), strict=True)
    for source, target in pairs:
        value = keras.ops.convert_to_numpy(source)
        target.assign(value.astype(np.float16).astype(np.float32))
    batch = batch_for(model)
    signature = interpreter.Interpreter(str(path)).get_signature_runner()
    found = signature(**batch)["image_out"]
    np.testing.assert_allclose(found, rounded(batch, training=False), atol=1e-6)
    assert np.abs(found - model(batch, training=False)).max() > 4e-6
    assert zoo.export.verify(model, path).ok


def test_int8(tmp_path):
    """Wide enough that the weights, not the graph, make the file."""
    model = small_model("attgan", width=0.25)
    exact = zoo.export.litert(model, tmp_path / "exact.tflite")
    small = zoo.export.litert(model, tmp_path / "small.tflite", precision="int8")
    assert small.stat().st_size < 0.3 * exact.stat().st_size
    checked = zoo.export.verify(model, small)
    assert checked.ok and checked.precision == "int8" and 25 < checked.psnr < 70
    details = interpreter.Interpreter(str(small)).get_tensor_details()
    kernels = [d for d in details if d["dtype"] == np.int8 and len(d["shape"]) == 4]
    assert all(len(d["quantization_parameters"]["scales"]) > 1 for d in kernels)  # per channel


@pytest.mark.parametrize("name", [n for n in zoo.list_models() if n not in ("sc_fegan", "tp_gan")])
def test_every_model(name, tmp_path):
    model = small_model(name)
    path = zoo.export.litert(model, tmp_path / "model.tflite")
    checked = zoo.export.verify(model, path, samples=2)
    assert checked.ok and checked.max_abs_diff < 1e-5


@pytest.mark.full_size
def test_tp_gan(tmp_path):
    """Its conversion takes most of a minute at any width."""
    model = small_model("tp_gan")
    path = zoo.export.litert(model, tmp_path / "model.tflite")
    assert zoo.export.verify(model, path, samples=2).max_abs_diff < 1e-5


LOAD = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
folder, path = sys.argv[1:]
batch = dict(np.load(folder + "/batch.npz"))
expected = batch.pop("expected")
found = Interpreter(path).get_signature_runner()(**batch)["image_out"]
assert np.abs(found - expected).max() < 1e-5
assert "zoo" not in sys.modules and "tensorflow" not in sys.modules
"""


def test_the_file_runs_without_the_package_and_says_what_it_is(model, path, tmp_path):
    batch = batch_for(model)
    np.savez(tmp_path / "batch.npz", expected=model(batch, training=False), **batch)
    command = [sys.executable, "-I", "-c", LOAD, tmp_path, path]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    card = json.loads(zipfile.ZipFile(path).read("zoo.json"))
    assert card["model"] == "sc_fegan" and card["precision"] == "float32"
    assert card["inputs"]["mask"] == {
        "shape": [1, 32, 32, 1],
        "dtype": "float32",
        "meaning": "1 = hole, 0 = known",
    }


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("model.onnx", {}, r"model\.onnx.*\.tflite"),
        ("folder.tflite", {}, "a directory"),
        ("model.tflite", {"size": 30}, "30.*multiples of 8"),
        ("model.tflite", {"size": (None, None)}, "multiples of 8"),
        ("model.tflite", {"precision": "int4"}, "int4.*float32, float16, int8"),
    ],
)
def test_refusals(model, tmp_path, name, options, message):
    (tmp_path / "folder.tflite").mkdir()
    with pytest.raises(ZooError, match=message):
        zoo.export.litert(model, tmp_path / name, **options)
    assert [p.name for p in tmp_path.iterdir()] == ["folder.tflite"]


def test_what_does_not_fit_a_phone_is_refused(model, tmp_path, monkeypatch):
    count = sum(int(np.prod(v.shape)) for v in model.inference_variables())
    for limit, advice in (
        (3 * count, "Use precision float16 or int8, or a smaller width"),
        (count, "Use precision int8, or a smaller width"),
        (count // 2, "Use a smaller width"),
    ):
        monkeypatch.setattr(litert_writer, "PHONE", limit)
        with pytest.raises(ZooError, match=f"million weights.*{advice}"):
            zoo.export.litert(model, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())


def test_verify_refusals(model, path, tmp_path, monkeypatch):
    (tmp_path / "damaged.tflite").write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ZooError, match="cannot be read as a LiteRT"):
        zoo.export.verify(model, tmp_path / "damaged.tflite")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ZooError, match="install the extra 'litert'"):
        zoo.export.verify(model, path)
