"""The demonstration: make faces, train, edit, export, and show it all.

Everything lies in one directory; what is there already is used again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

import zoo
from zoo import export, plots
from zoo.config import Recipe
from zoo.data import hints, images
from zoo.data.batches import split
from zoo.data.synthfaces import open_dataset
from zoo.errors import ZooError
from zoo.masks import sc_fegan
from zoo.training.runner import Progress, train

# The astronaut's face (scikit-image), framed like a SynthFaces picture: left, top, width, height.
_ASTRONAUT_BOX = (134, 9, 180, 180)
_SHOWN = 5
_SCORED = 48
_TILE = 192  # pixels; three times a training picture


@dataclass
class Edit:
    """A picture, what is erased, and what is drawn into the hole."""

    title: str
    image: np.ndarray  # (H, W, 3) uint8
    mask: np.ndarray  # (H, W, 1) float32, 1 = hole
    sketch: np.ndarray  # (H, W) uint8 {0, 1}
    color: np.ndarray  # (H, W, 3) uint8, black = none


def run(
    recipe: Recipe, directory: str | os.PathLike, progress: Progress | None = None
) -> list[str]:
    """Runs the demonstration.

    Args:
        recipe: of a completion model on SynthFaces.
        directory: where everything is written.
        progress: callbacks for a progress display.

    Returns:
        Lines that say what was measured and where everything is.
    """
    directory = Path(directory)
    trained = train(recipe, directory / "run", progress=progress)
    model = zoo.load(trained)
    dataset = open_dataset(recipe.data.directory)
    held_out = split(dataset.identities, recipe.data.held_out)[1]
    edits = [_face_edit(dataset[int(i)], n) for n, i in enumerate(_spread(held_out, _SHOWN))]
    astronaut = astronaut_edit()
    grid = directory / "edits.png"
    _draw(model, [*edits, _crop(astronaut, _ASTRONAUT_BOX)], grid)
    photo = directory / "astronaut.png"
    images.write_image(photo, _apply(model, astronaut, box=_ASTRONAUT_BOX))

    ours, telea = _score(model, dataset, _spread(held_out, _SCORED))
    lines = [
        f"held-out faces, PSNR inside the hole: {ours:.2f} dB, cv2 Telea {telea:.2f} dB "
        f"(mean of {min(_SCORED, len(held_out))} faces, masks of seed 0, 1, ...)"
    ]
    lines += _exports(model, directory, trained / "preset" / "model.safetensors")
    places = {
        "pictures": grid,
        "photo": photo,
        "curves": trained / "curves.png",
        "model": trained / "preset",
    }
    return [*lines, *(f"{name:10s} {path}" for name, path in places.items())]


def astronaut_edit() -> Edit:
    """The one photo that every installation has, with a hole, lines and colour on the face.

    The mouth is erased and drawn anew as a wider, redder smile; one eye is erased and outlined.

    Raises:
        ZooError: scikit-image is not installed.
    """
    try:
        from skimage.data import astronaut
    except ImportError as error:
        raise ZooError(
            "the photo of the demo needs scikit-image: pip install 'face-gan-zoo[demo]'"
        ) from error
    image = np.ascontiguousarray(astronaut())
    mask, sketch = (np.zeros(image.shape[:2], np.uint8) for _ in range(2))
    color = np.zeros_like(image)
    cv2.ellipse(mask, (223, 140), (38, 19), 0, 0, 360, 1, -1)
    cv2.polylines(mask, [np.array([(190, 84), (206, 102), (196, 112)])], False, 1, 16)
    cv2.ellipse(sketch, (223, 124), (27, 18), 0, 20, 160, 1, 2)  # line between the lips
    cv2.ellipse(sketch, (223, 128), (24, 24), 0, 35, 145, 1, 2)  # lower lip
    cv2.ellipse(sketch, (204, 101), (12, 6), 0, 0, 360, 1, 2)
    cv2.ellipse(color, (223, 126), (23, 21), 0, 35, 145, (190, 60, 70), 6)
    return Edit("astronaut", image, mask[..., None].astype(np.float32), sketch, color)


def _face_edit(face: dict, seed: int) -> Edit:
    """A held-out face with a random hole, its own sketch, and strokes of its own colours."""
    rng = np.random.default_rng(seed)
    height, width = face["image"].shape[:2]
    mask = sc_fegan(height, width, rng, face["landmarks"], face["parsing"])
    color = hints.color_strokes(face["color"], rng)
    return Edit(f"held out {seed + 1}", face["image"], mask, face["sketch"], color)


def _apply(model, edit: Edit, **options) -> np.ndarray:
    return model.complete(edit.image, edit.mask, sketch=edit.sketch, color=edit.color, **options)


def _crop(edit: Edit, box: tuple[int, int, int, int]) -> Edit:
    left, top, width, height = box
    parts = [edit.image, edit.mask, edit.sketch, edit.color]
    return Edit(edit.title, *(a[top : top + height, left : left + width] for a in parts))


def _draw(model, edits: list[Edit], path: Path) -> None:
    rows = []
    for edit in edits:
        hole = edit.mask > 0
        shown = [
            np.where(hole, np.uint8(255), edit.image),
            edit.mask,
            1 - edit.sketch[..., None] * hole,
            edit.color * hole,
            _apply(model, edit),
            edit.image,
        ]
        tile = (_TILE, _TILE)
        rows.append([cv2.resize(p, tile, interpolation=cv2.INTER_NEAREST) for p in shown])
    titles = ["input", "mask", "sketch", "colour", "result", "truth"]
    plots.image_grid(rows, titles, [edit.title for edit in edits], path=path)


def _score(model, dataset, indices) -> tuple[float, float]:
    """Mean PSNR inside the hole of the model and of cv2's Telea inpainting, dB."""
    ours, telea = [], []
    for seed, index in enumerate(indices):
        edit = _face_edit(dataset[int(index)], seed)
        hole = edit.mask[..., 0] > 0
        fast = cv2.inpaint(edit.image, hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
        for scores, result in ((ours, _apply(model, edit)), (telea, fast)):
            error = (result[hole].astype(float) - edit.image[hole]) ** 2
            scores.append(10 * np.log10(255.0**2 / max(error.mean(), 1e-9)))
    return float(np.mean(ours)), float(np.mean(telea))


def _exports(model, directory: Path, weights: Path) -> list[str]:
    """SavedModel and ONNX, written unless they are newer than the weights, and verified."""
    saved, onnx = directory / "saved_model", directory / f"{model.zoo_name}.onnx"
    lines = []
    for path, write in ((saved, export.saved_model), (onnx, export.onnx)):
        if not path.exists() or path.stat().st_mtime < weights.stat().st_mtime:
            write(model, path)
        parity = export.verify(model, path)
        if not parity.ok:
            raise RuntimeError(f"{path} differs from Keras by {parity.max_abs_diff}")
        lines.append(f"{parity.format:10s} {path}, largest difference {parity.max_abs_diff:.1e}")
    return lines


def _spread(indices: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` of the indices, evenly spread, so that most are other identities."""
    return indices[np.linspace(0, len(indices) - 1, min(count, len(indices))).astype(int)]
