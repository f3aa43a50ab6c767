"""`zoo export` in every format, and `zoo bench`."""

from __future__ import annotations

import json

import cv2
import pytest
from typer.testing import CliRunner

from zoo import cli
from zoo.errors import ZooError


def run(*arguments):
    result = CliRunner().invoke(cli.app, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.mark.parametrize("name, precision", [("a.onnx", "int8"), ("a.tflite", "float16")])
def test_export_in_a_smaller_precision(preset, tmp_path, name, precision):
    if name.endswith("tflite"):
        pytest.importorskip("ai_edge_litert")
    kind = {"onnx": "onnx", "tflite": "litert"}[name.rpartition(".")[2]]
    options = ("--format", kind, "--precision", precision, "--verify")
    printed = run("export", preset, *options, "-o", tmp_path / name)
    assert "dB; legal is from" in printed and (tmp_path / name).stat().st_size > 10_000


def test_export_without_synthfaces(preset, tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.export.faces.can_render", lambda: False)
    monkeypatch.setattr("zoo.data.synthfaces.SynthFaces.render", None)
    printed = run("export", preset, "--format", "onnx", "--verify", "-o", tmp_path / "a.onnx")
    assert "largest difference from Keras" in printed and "legal is up to 1e-04" in printed


def test_a_saved_model_has_one_precision(preset, tmp_path):
    with pytest.raises(ZooError, match="a SavedModel is float32"):
        run("export", preset, "--precision", "int8", "-o", tmp_path / "saved")
    assert not list(tmp_path.iterdir())


def test_bench_writes_json_and_a_chart(preset, tmp_path):
    options = ("--runtimes", "keras,onnxruntime", "--repeats", 1, "--precision", "float16")
    printed = run("bench", preset, *options, "-o", tmp_path / "bench.json")
    stored = json.loads((tmp_path / "bench.json").read_text())
    assert stored == json.loads(printed[printed.index("{") :])
    assert stored["model"] == "sc_fegan" and list(stored["runtimes"]) == ["keras", "onnxruntime"]
    assert cv2.imread(str(tmp_path / "bench.png")).shape[1] == 880
