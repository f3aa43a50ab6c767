"""The section of the photograph: all papers on a face that no preset has seen the like of."""

from __future__ import annotations

import numpy as np

from zoo import masks, plots
from zoo.demo.completing import CONTEXT_ENCODER, GFC, SC_FEGAN
from zoo.demo.editing import STGAN
from zoo.demo.photo import ATTRIBUTES, BOX, LANDMARKS, astronaut, cut
from zoo.demo.section import Picture, Section, Shown
from zoo.demo.stage import Stage
from zoo.demo.turning import TP_GAN


def photograph(stage: Stage) -> Shown:
    """The astronaut, completed, edited and turned."""
    photo = astronaut()
    face = photo.cut(BOX)
    shape = face.image.shape[:2]
    holes = {
        CONTEXT_ENCODER: masks.center(*shape),
        GFC: masks.facial_part(*shape, "O5", np.subtract(LANDMARKS, BOX[:2])),
    }
    erased = [np.where(hole > 0, np.uint8(255), face.image) for hole in holes.values()]
    filled = [stage.model(name).complete(face.image, hole) for name, hole in holes.items()]
    drawn = photo.apply(stage.model(SC_FEGAN), box=BOX)
    given = {"source_attributes": dict.fromkeys(ATTRIBUTES, 1), "box": BOX}
    edited = stage.model(STGAN).edit(photo.image, {"Eyeglasses": 1}, **given)
    turned = stage.model(TP_GAN).frontalize(photo.image, LANDMARKS)
    rows = [
        [*erased, face.drawn, face.image, face.image],
        [*filled, cut(drawn, BOX), cut(edited, BOX), turned],
    ]
    titles = ["Context Encoder", "GFC", "SC-FEGAN", "STGAN, glasses", "TP-GAN"]
    grid = plots.image_grid(rows, titles, ["input", "result"])
    text = "The face of an astronaut: what each model is given, and what it makes of it."
    return Shown(
        card=None,
        pictures=[Picture("photograph", text, grid)],
        numbers={},
        python=f"""\
from skimage.data import astronaut

box = {BOX}  # the face, framed as in training
edited = zoo.load("{STGAN}").edit(astronaut(), {{"Eyeglasses": 1}}, classifier=classifier, box=box)
""",
        shell=[
            *("zoo", "run", SC_FEGAN, "--image", stage.pictures / "photo.png"),
            *("--mask", stage.pictures / "photo_mask.png"),
            *("--sketch", stage.pictures / "photo_sketch.png"),
            *("--color", stage.pictures / "photo_color.png"),
            *("--box", ",".join(map(str, BOX)), "-o", "drawn.png"),
        ],
        files={
            "photo.png": photo.image,
            "photo_mask.png": np.uint8(255) * (photo.mask[..., 0] > 0),
            "photo_sketch.png": np.uint8(255) * photo.sketch,
            "photo_color.png": photo.color,
            "photo_drawn.png": drawn,
        },
    )


SECTIONS = (
    Section(
        key="photograph",
        title="A real photograph",
        deed="",
        paper="NASA, 1999; public domain, from scikit-image",
        text="""\
Every preset here was trained on rendered faces alone and has never seen a photograph; expect less
of them here than above. The same recipes train on photographs: CelebA, Multi-PIE, or your own.""",
        presets=(CONTEXT_ENCODER, GFC, SC_FEGAN, STGAN, TP_GAN),
        make=photograph,
    ),
)
