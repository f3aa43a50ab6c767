"""The configuration for Triton says what the file has."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import onnxruntime
import pytest

import zoo
from zoo.testing.suite import small_model

SCRIPT = Path(zoo.__file__).parents[1] / "export" / "triton" / "config.py"


@pytest.mark.parametrize("name", ["context_encoder", "stgan"])
def test_config(name, tmp_path):
    spec = importlib.util.spec_from_file_location("triton_config", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path = zoo.export.onnx(small_model(name), tmp_path / "face_editor" / "1" / "model.onnx")
    text = module.config(path)
    assert 'name: "face_editor"' in text and 'backend: "onnxruntime"' in text
    session = onnxruntime.InferenceSession(path)
    for kind, values in (("input", session.get_inputs()), ("output", session.get_outputs())):
        found = re.findall(rf'^{kind} \[{{ name: "(\w+)".*dims: \[ (.*?) \]', text, re.MULTILINE)
        expected = [(v.name, ", ".join(map(str, v.shape[1:]))) for v in values]
        assert found == expected
    assert ("Eyeglasses" in text) == (name == "stgan")
