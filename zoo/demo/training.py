"""The demonstration: make faces, train, edit, export, and show it all.

Everything lies in one directory; what is there already is used again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

import zoo
from zoo import export, masks, plots
from zoo.config import Recipe
from zoo.data import hints, images
from zoo.data.batches import split
from zoo.data.synthfaces import open_dataset
from zoo.errors import ZooError
from zoo.training.runner import Progress, train

# The astronaut's face (scikit-image), framed like a SynthFaces picture: left, top, width, height.
_ASTRONAUT_BOX = (134, 9, 180, 180)
# What is drawn there, in pixels of the photo: holes (center, half axes), colours and lines.
_ASTRONAUT_HOLES = [((203, 98), (19, 14)), ((222, 145), (31, 14))]
_ASTRONAUT_SKIN = (226, 178, 158)
_ASTRONAUT_STROKES = [  # points, width, colour
    ([(191, 92), (203, 89), (214, 92)], 3, (150, 105, 80)),  # brow
    ([(195, 101), (211, 101)], 6, (200, 180, 170)),  # white of the eye
    ([(202, 101), (204, 101)], 6, (70, 95, 60)),  # iris
    ([(205, 141), (222, 146), (239, 141)], 8, (190, 70, 80)),  # lips
    ([(214, 147), (230, 147)], 8, (190, 70, 80)),
]
_ASTRONAUT_LINES = [
    [(191, 92), (198, 89), (206, 89), (214, 92)],  # brow
    [(192, 102), (197, 97), (204, 96), (210, 98), (214, 102)],  # lids
    [(194, 104), (203, 106), (212, 104)],
    [(202, 139), (213, 137), (222, 139), (231, 137), (242, 139)],  # upper lip
    [(200, 140), (211, 144), (222, 145), (233, 144), (244, 140)],  # between the lips
    [(207, 147), (215, 152), (229, 152), (237, 147)],  # lower lip
]
_SCORED = 48
_TILE = 256  # pixels; twice a training picture


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
    held_out = split(dataset, recipe.data.held_out)[1]
    edits = _shown_edits(dataset, held_out)
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

    The laughing mouth is erased and drawn anew, closed and redder; one eye with its brow is erased
    and drawn where it was, the iris green.

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
    for center, axes in _ASTRONAUT_HOLES:
        cv2.ellipse(mask, center, axes, 0, 0, 360, 1, cv2.FILLED)
        cv2.ellipse(color, center, axes, 0, 0, 360, _ASTRONAUT_SKIN, cv2.FILLED)
    for points, width, paint in _ASTRONAUT_STROKES:
        cv2.polylines(color, [np.int32(points)], False, paint, width)
    cv2.polylines(sketch, [np.int32(line) for line in _ASTRONAUT_LINES], False, 1, 2)
    return Edit("astronaut", image, mask[..., None].astype(np.float32), sketch, color)


def _shown_edits(dataset, held_out: np.ndarray) -> list[Edit]:
    """For each hole of `_HOLES` a held-out face of another identity that looks at the camera.

    For the hair it is the face with most of it. A hole that no face has is left out.
    """
    faces = [dataset[int(i)] for i in held_out]
    edits, seen = [], set()
    for seed, (title, hole) in enumerate(_HOLES.items()):
        rng = np.random.default_rng(seed)
        fresh = [face for face in faces if int(face["identity"]) not in seen] or faces
        if title == "hair":
            face = max(fresh, key=lambda face: masks.hair(face["parsing"]).sum())
        else:
            face = min(fresh, key=lambda face: abs(face["yaw"]))
        seen.add(int(face["identity"]))
        mask = hole(face, rng)
        color = hints.color_strokes(face["color"], rng)
        if mask.any():
            edits.append(Edit(title, face["image"], mask, face["sketch"], color))
    return edits


def _ellipse(face: dict, center: np.ndarray, width: float, height: float) -> np.ndarray:
    """A hole; half axes in units of the distance of the eyes."""
    mask = np.zeros(face["image"].shape[:2], np.uint8)
    unit = np.linalg.norm(face["landmarks"][1] - face["landmarks"][0])
    axes = (round(width * unit), round(height * unit))
    cv2.ellipse(mask, np.rint(center).astype(int).tolist(), axes, 0, 0, 360, 1, cv2.FILLED)
    return mask[..., None].astype(np.float32)


# landmarks: both eyes, nose, both corners of the mouth
_HOLES: dict[str, Callable[[dict, np.random.Generator], np.ndarray]] = {
    "an eye": lambda face, rng: _ellipse(face, face["landmarks"][0], 0.4, 0.35),
    "mouth": lambda face, rng: _ellipse(face, face["landmarks"][3:].mean(axis=0), 0.55, 0.3),
    "hair": lambda face, rng: masks.hair(face["parsing"]),
    "half the face": lambda face, rng: _ellipse(
        face, face["landmarks"][[1, 4]].mean(axis=0), 0.45, 0.9
    ),
    "free form": lambda face, rng: masks.free_form(*face["image"].shape[:2], rng, max_draw=2),
}


def _random_edit(face: dict, seed: int) -> Edit:
    """A held-out face with a random hole, its own sketch, and strokes of its own colours."""
    rng = np.random.default_rng(seed)
    height, width = face["image"].shape[:2]
    mask = masks.sc_fegan(height, width, rng, face["landmarks"], face["parsing"])
    color = hints.color_strokes(face["color"], rng)
    return Edit(f"held out {seed}", face["image"], mask, face["sketch"], color)


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
        edit = _random_edit(dataset[int(index)], seed)
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
