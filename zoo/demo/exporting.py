"""The section of exports: a preset as files that run without this package."""

from __future__ import annotations

from pathlib import Path

from zoo import export
from zoo.demo.completing import SC_FEGAN
from zoo.demo.section import Number, Section, Shown
from zoo.demo.stage import Stage


def exports(stage: Stage) -> Shown:
    """SavedModel and ONNX, written unless they are there, and compared with Keras."""
    model = stage.model(SC_FEGAN)
    # the weights are in the name, so that files of others are not taken for theirs
    place = stage.directory / "exports" / f"{SC_FEGAN}-{model.preset_sha256[:12]}"
    numbers = {}
    writers = {
        "SavedModel": ("saved_model", export.saved_model),
        "ONNX": ("model.onnx", export.onnx),
    }
    for done, (title, (name, write)) in enumerate(writers.items()):
        stage.report("exports", done, len(writers))
        path = place / name
        if not path.exists():
            write(model, path)
        parity = export.verify(model, path)
        if not parity.ok:
            raise RuntimeError(f"{path} differs from Keras by {parity.max_abs_diff}")
        key = parity.format
        numbers[f"{key}_megabytes"] = Number(title, _bytes(path) / 1e6, "{:.1f} MB")
        numbers[f"{key}_difference"] = Number(
            f"{title}: largest difference from Keras", parity.max_abs_diff, "{:.0e}"
        )
    stage.report("exports", len(writers), len(writers))
    return Shown(
        card=None,
        pictures=[],
        numbers=numbers,
        python=f"""\
model = zoo.load("{SC_FEGAN}")
zoo.export.saved_model(model, "saved_model")  # pictures of any size, PNG and JPEG bytes, too
zoo.export.onnx(model, "sc_fegan.onnx")  # also precision="float16" and "int8\"""",
        shell=f"zoo export {SC_FEGAN} --format onnx --verify -o sc_fegan.onnx".split(),
    )


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


SECTIONS = (
    Section(
        key="exports",
        title="Take it with you",
        deed="",
        paper="SavedModel for TensorFlow Serving, ONNX for ONNX Runtime and browsers, LiteRT for "
        "phones",
        text="""\
Any preset becomes a file that runs where this package is not installed. Both files below were
compared with the Keras model on the same inputs; pictures are in [-1, 1].""",
        presets=(SC_FEGAN,),
        make=exports,
    ),
)
