"""The section of the photograph: all papers on a face that no preset has seen the like of."""

from __future__ import annotations

import numpy as np

from zoo import masks, plots
from zoo.demo.completing import CONTEXT_ENCODER, SC_FEGAN
from zoo.demo.editing import STGAN
from zoo.demo.photo import ATTRIBUTES, BOX, astronaut, cut
from zoo.demo.section import Picture, Section, Shown
from zoo.demo.stage import Stage


def photograph(stage: Stage) -> Shown:
    """The astronaut, completed and edited."""
    photo = astronaut()
    face = photo.cut(BOX)
    hole = masks.center(*face.image.shape[:2])
    erased = np.where(hole > 0, np.uint8(255), face.image)
    filled = stage.model(CONTEXT_ENCODER).complete(face.image, hole)
    drawn = photo.apply(stage.model(SC_FEGAN), box=BOX)
    given = {"source_attributes": dict.fromkeys(ATTRIBUTES, 1), "box": BOX}
    edited = stage.model(STGAN).edit(photo.image, {"Eyeglasses": 1}, **given)
    rows = [
        [erased, face.drawn, face.image],
        [filled, cut(drawn, BOX), cut(edited, BOX)],
    ]
    titles = ["Context Encoder", "SC-FEGAN", "STGAN, glasses"]
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
        presets=(CONTEXT_ENCODER, SC_FEGAN, STGAN),
        make=photograph,
    ),
)
