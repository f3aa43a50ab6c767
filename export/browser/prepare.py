"""Lays out the browser page for one model: a folder of static files.

    npm pack onnxruntime-web@1.30.0 && tar xzf onnxruntime-web-1.30.0.tgz   # gives package/dist
    python prepare.py PRESET -o site --runtime package/dist [--photo face.png]
    python -m http.server --directory site --bind 127.0.0.1 8000

PRESET is a completion or editing model: a preset name, a preset or a run directory.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx

import zoo
from zoo.data import images

HERE = Path(__file__).parent
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
PAGE = ("index.html", "app.js")
TASKS = ("complete", "edit")


def prepare(model, site: Path, runtime: Path, photo: np.ndarray, precision: str) -> None:
    """Writes model, card, photo, page and runtime into a folder.

    Args:
        model: a zoo model.
        site: folder to write.
        runtime: `dist` of the npm package onnxruntime-web.
        photo: (H, W, 3) uint8 RGB; its middle square is shown first.
        precision: of the model's file.

    Raises:
        ZooError: the model neither completes nor edits by a difference of attributes, or the
            runtime is incomplete.
    """
    if model.task not in TASKS:
        raise zoo.ZooError(f"{model.zoo_name} serves {model.task}; the page {' and '.join(TASKS)}")
    if model.task == "edit" and "attributes" not in model.input_keys:
        raise zoo.ZooError(
            f"{model.zoo_name} must be told every attribute of the result; the page has sliders "
            "for what changes, as STGAN takes it"
        )
    missing = [name for name in RUNTIME if not (runtime / name).is_file()]
    if missing:
        raise zoo.ZooError(f"{runtime} lacks {', '.join(missing)}; give dist of onnxruntime-web")
    (site / "ort").mkdir(parents=True, exist_ok=True)
    path = zoo.export.onnx(model, site / "model.onnx", precision=precision)
    properties = {p.key: p.value for p in onnx.load(path).metadata_props}
    card = {key: properties[key] for key in ("model", "task", "licence")}
    for key in ("inputs", "output", "attribute_names"):
        if key in properties:
            card[key] = json.loads(properties[key])
    (site / "card.json").write_text(json.dumps(card), encoding="utf-8")
    for name in PAGE:
        shutil.copy(HERE / name, site / name)
    for name in RUNTIME:
        shutil.copy(runtime / name, site / "ort" / name)
    side = min(photo.shape[:2])
    top, left = ((length - side) // 2 for length in photo.shape[:2])
    square = photo[top : top + side, left : left + side]
    size = (model.default_size, model.default_size)
    images.write_image(site / "face.png", cv2.resize(square, size, interpolation=cv2.INTER_AREA))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--runtime", type=Path, required=True, help="dist of onnxruntime-web")
    parser.add_argument("--photo", type=Path, help="a face; by default one of SynthFaces")
    parser.add_argument("--precision", default="float16", help="float32, float16 or int8")
    given = parser.parse_args()
    try:
        model = zoo.load(given.preset)
        if given.photo:
            photo = images.read_image(given.photo)
        else:
            from zoo.data.synthfaces import SynthFaces

            photo = SynthFaces(256).render(0)["image"]
        prepare(model, given.output, given.runtime, photo, given.precision)
    except zoo.ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"python -m http.server --directory {given.output} --bind 127.0.0.1 8000")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
