"""The table of docs/exports.md: what is measured, and how a line reads."""

from __future__ import annotations

import json

import pytest

from zoo.testing import exports


@pytest.fixture
def small(monkeypatch):
    arguments = {"image_size": 32, "width": 0.0625}
    monkeypatch.setattr(exports, "CASES", {"small": ("attgan", arguments)})
    monkeypatch.setattr(exports, "RANDOM", {("onnxruntime", "float32"): 2})
    monkeypatch.setattr(exports, "FACES", 1)


def test_measure(small, monkeypatch):
    files = (("onnxruntime", "float32"), ("onnxruntime", "int8"), ("litert", "float32"))
    monkeypatch.setattr(exports, "FILES", files)
    monkeypatch.setattr("zoo.export.litert_writer.PHONE", 10)
    found = exports.measure("small", repeats=1)
    assert found["size"] == 32 and found["gflop"] > 0
    rows = found["files"]
    assert "a phone takes" in rows.pop("litert float32")["skipped"]
    assert rows["onnxruntime float32"]["max_abs_diff"] < 1e-5
    assert rows["onnxruntime int8"]["max_abs_diff"] > 1e-5 and rows["onnxruntime int8"]["ok"]
    assert found["weights"] < rows["onnxruntime float32"]["bytes"] < found["weights"] + 100_000
    for row in rows.values():
        rate = found["gflop"] / row["seconds"] / found["sgemm_gflops"]
        assert row["share"] == pytest.approx(rate)


def figures(difference=2.5e-7, ok=True):
    row = {"bytes": 2e6, "max_abs_diff": difference, "psnr": 130.0, "ok": ok, "seconds": 0.0123}
    row |= {"share": 0.87, "export_memory": 1.234e9}
    files = {f"{runtime} {precision}": dict(row) for runtime, precision in exports.FILES}
    files["litert float32"] = {"skipped": "too many weights; a phone takes 200 MB"}
    files["keras"] = {"seconds": 0.02, "share": 0.5}
    return {"size": 32, "weights": 3e6, "files": files}


def test_table(small):
    text = exports.table({"small": figures()})
    assert "| small, 32 px | Keras | float32 | 3 | |  | 20 | 50% | |\n" in text
    assert "| | ONNX | float32 | 2 | 2.5e-07 |  | 12.3 | 87% | 1.23 |\n" in text
    assert "| | LiteRT | int8 | 2 | 2.5e-07 | 130.0 | 12.3 | 87% | 1.23 |\n" in text
    assert "| | LiteRT | float32 | - | too large for a phone | | | | |\n" in text
    assert {line.count("|") for line in text.splitlines()} == {10}


def test_the_page_keeps_what_stands_around_the_table(small, tmp_path, monkeypatch):
    monkeypatch.setattr(exports, "DOCS", tmp_path)
    page = tmp_path / "exports.md"
    page.write_text(f"before\n{exports.BEGIN}old\n{exports.END}after\n", encoding="utf-8")

    def worker(good):
        class Done:
            stdout = b"a note\n" + json.dumps(figures(ok=good)).encode()

        return lambda command, **options: Done

    monkeypatch.setattr(exports.subprocess, "run", worker(True))
    assert exports.main(["small"]) == 0
    expected = exports.table({"small": figures()})
    assert page.read_text() == f"before\n{exports.BEGIN}{expected}{exports.END}after\n"
    monkeypatch.setattr(exports.subprocess, "run", worker(False))
    assert exports.main(["small"]) == 1
    with pytest.raises(SystemExit, match="no model 'smal'; legal are small"):
        exports.main(["smal"])
