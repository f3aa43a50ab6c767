import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from zoo.testing import golden

FIXTURES = Path(__file__).parents[1] / "golden"


def test_fixtures_pass(capsys):
    assert golden.main([str(FIXTURES)]) == 0
    printed = capsys.readouterr().out
    for output in ("raw", "composite", "bottleneck", "gconv3_ds", "gconv12"):
        assert f" {output} " in printed
    assert "OVER" not in printed


def test_over_tolerance_is_exit_code_1(tmp_path, monkeypatch, capsys):
    """The runner can fail: a recorded output that is off by 1e-3 is found."""
    name = "sc_fegan_generator"
    shutil.copy(FIXTURES / f"{name}.json", tmp_path)
    with np.load(FIXTURES / f"{name}.npz") as gold:
        arrays = dict(gold)
    outputs = {k: v.copy() for k, v in arrays.items()}
    arrays["bottleneck"][0, 0, 0, 0] += 1e-3
    np.savez(tmp_path / f"{name}.npz", **arrays)
    fixture = json.loads((tmp_path / f"{name}.json").read_text())

    def recorded(weights, inputs):
        assert len(weights) == 93 and inputs["masks"].shape == (1, 256, 256, 1)
        whole = {}
        for entry in fixture["outputs"]:
            full = np.zeros(entry["shape"], "float32")
            full[golden.stored_slice(entry["stored"])] = outputs[entry["name"]]
            whole[entry["name"]] = full
        return whole

    monkeypatch.setattr("zoo.testing.golden.sc_fegan.generator", recorded)
    assert golden.main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert printed.count("OVER") == 1 and printed.count(" ok") == 4


def test_refused(tmp_path, capsys):
    assert golden.main([str(tmp_path)]) == 2
    assert "no fixtures" in capsys.readouterr().err
    assert golden.main([str(FIXTURES), "--only", "sc_fegan"]) == 2
    assert "Did you mean 'sc_fegan_generator'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text, expected",
    [
        ("full", ()),
        (
            "[:, ::4, ::4, :]",
            (slice(None), slice(None, None, 4), slice(None, None, 4), slice(None)),
        ),
        ("[1:3, ::2]", (slice(1, 3), slice(None, None, 2))),
    ],
)
def test_stored_slice(text, expected):
    assert golden.stored_slice(text) == expected
