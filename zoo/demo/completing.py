"""Sections of the papers that fill holes: Context Encoder, GFC, SC-FEGAN."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from zoo import masks, plots
from zoo.data import hints
from zoo.data.synthfaces.names import PARSING_NAMES, with_glasses
from zoo.demo.photo import BOX, Edit, astronaut
from zoo.demo.section import Number, Picture, Section, Shown
from zoo.demo.stage import Judged, Stage
from zoo.evaluation.baselines import telea
from zoo.evaluation.faces import answer
from zoo.models.parsing_network.model import TO_HELEN
from zoo.training.pictures import CLASS_COLORS

CONTEXT_ENCODER = "context_encoder_synthfaces_128"
GFC, PARSER = "gfc_synthfaces_128", "parsing_network_synthfaces_128"
SC_FEGAN = "sc_fegan_synthfaces_128"

_SHOWN = 6  # faces of Context Encoder
_HAIR = PARSING_NAMES.index("hair")
_HAIR_COLORS = {"black": (38, 32, 30), "red": (158, 72, 34), "blond": (222, 190, 128)}


def context_encoder(stage: Stage) -> Shown:
    """The centre of held-out faces."""
    judged = stage.judge(
        CONTEXT_ENCODER,
        "context_encoder_center_synthfaces",
        stage.portraits,
        metrics=("psnr_hole", "ssim"),
        baselines=("telea",),
        count=stage.count,
    )
    model = stage.model(CONTEXT_ENCODER)
    chosen = sorted(stage.frontal[:_SHOWN])
    truths = [stage.portraits[i]["image"] for i in chosen]
    hole = masks.center(*truths[0].shape[:2])
    inputs = [_erased(truth, hole) for truth in truths]
    results = [model.complete(truth, hole) for truth in truths]
    rows = [inputs, results, truths, [telea(truth, hole) for truth in truths]]
    titles = ["input", "Context Encoder", "truth", "Telea"]
    grid = plots.image_grid(rows, [f"person {i}" for i in chosen], titles)
    ssim = {m: judged.value("ssim", "center", m) for m in ("model", "telea")}
    return Shown(
        card=(inputs[0], results[0]),
        pictures=[
            Picture(
                "context_encoder",
                "Faces without their centre, what Context Encoder fills in, the true faces, and "
                "OpenCV's Telea inpainting.",
                grid,
            )
        ],
        numbers={
            "psnr_hole": _psnr(judged, "center"),
            "ssim": Number("SSIM", ssim["model"], "{:.3f}", {"cv2 Telea": ssim["telea"]}),
        },
        python=f"""\
model = zoo.load("{CONTEXT_ENCODER}")
hole = zoo.masks.center(128, 128)  # float32 (H, W, 1), 1 = hole
filled = model.complete(image, hole)  # uint8 RGB in and out, any size""",
        shell=[
            *("zoo", "run", CONTEXT_ENCODER, "--image", stage.portrait_path(chosen[0])),
            *("--mask", stage.pictures / "center.png", "-o", "filled.png"),
        ],
        files={"center.png": _stored(hole)},
    )


def gfc(stage: Stage) -> Shown:
    """Rectangles and parts of the face, and how the parser sees the results."""
    judged = stage.judge(
        GFC,
        "gfc_parts_synthfaces",
        stage.portraits,
        metrics=("psnr_hole",),
        baselines=("telea",),
        count=stage.count,
    )
    model, parser = stage.model(GFC), stage.model(PARSER)
    indices = _cycle(stage.frontal, len(_GFC_HOLES))
    rows = []
    for index, draw in zip(indices, _GFC_HOLES.values(), strict=True):
        face = stage.portraits[index]
        image, hole = face["image"], draw(face)
        result = model.complete(image, hole)
        labels = answer(parser, image=result[None]).argmax(axis=-1)[0]
        maps = [CLASS_COLORS[labels], CLASS_COLORS[np.array(TO_HELEN)[face["parsing"]]]]
        rows.append([_erased(image, hole), result, image, telea(image, hole), *maps])
    columns = ["input", "GFC", "truth", "Telea", "parts of the result", "true parts"]
    return Shown(
        card=(rows[-1][0], rows[-1][1]),
        pictures=[
            Picture(
                "gfc",
                "Four holes: input, what GFC fills in, the true face, Telea, and the parts that "
                "the parsing network sees in the result and that are really there.",
                plots.image_grid(rows, columns, list(_GFC_HOLES)),
            )
        ],
        numbers={
            "psnr_hole": _psnr(judged, judged.cases(), "PSNR inside six kinds of hole"),
            "psnr_eyes": _psnr(judged, "O3", "... both eyes"),
            "psnr_lower_half": _psnr(judged, "O6", "... lower half"),
        },
        python=f"""\
model = zoo.load("{GFC}")
hole = zoo.masks.facial_part(128, 128, "O6", landmarks)  # the lower half
filled = model.complete(image, hole)""",
        shell=[
            *("zoo", "run", GFC, "--image", stage.portrait_path(indices[-1])),
            *("--mask", stage.pictures / "half.png", "--blend", "-o", "filled.png"),
        ],
        files={"half.png": _stored(hole)},
    )


def sc_fegan(stage: Stage) -> Shown:
    """Free-form holes with a sketch and colours, and the same holes with other ones."""
    judged = stage.judge(
        SC_FEGAN,
        "sc_fegan_synthfaces",
        stage.portraits,
        metrics=("edge_f1", "color_error", "psnr_hole"),
        baselines=("telea",),
        count=stage.count,
    )
    model = stage.model(SC_FEGAN)
    edits = [_edit(stage, title, seed) for seed, title in enumerate(_HOLES)]
    edits = [edit for edit in edits if edit.mask.any()]
    photo = astronaut()
    everything = [*edits, photo.cut(BOX)]
    grid = plots.image_grid(
        [_tiles(model, edit) for edit in everything],
        ["input", "mask", "sketch", "colour", "result", "truth"],
        [edit.title for edit in everything],
    )
    colors, sketches = _hair_colors(stage), _other_sketches(stage)
    shown = edits[0]
    return Shown(
        card=(colors[-1].drawn, colors[-1].apply(model)),
        pictures=[
            Picture(
                "sc_fegan",
                "Holes with a sketch and colour strokes, the result and the truth; the last row is "
                "a photograph whose eye and mouth were drawn by hand.",
                grid,
            ),
            _same_hole(model, colors, "sc_fegan_colors", "One hole, other colours"),
            _same_hole(model, sketches, "sc_fegan_sketches", "The same holes, other lines"),
        ],
        numbers={
            "psnr_hole": _psnr(judged, "free form"),
            "edge_f1": _obeys(judged, "edge_f1", "Lines drawn as asked (F-score)", "{:.2f}"),
            "color_error": _obeys(judged, "color_error", "Colour off the strokes by", "{:.1%}"),
        },
        python=f"""\
model = zoo.load("{SC_FEGAN}")
filled = model.complete(photo, mask, sketch=lines, color=strokes, box={BOX})
plain = model.complete(photo, mask, box={BOX})  # hints are optional""",
        shell=[
            *("zoo", "run", SC_FEGAN, "--image", stage.pictures / "face.png"),
            *("--mask", stage.pictures / "mask.png", "--sketch", stage.pictures / "sketch.png"),
            *("--color", stage.pictures / "color.png", "-o", "filled.png"),
        ],
        files={
            "face.png": shown.image,
            "mask.png": _stored(shown.mask),
            "sketch.png": np.uint8(255) * shown.sketch,
            "color.png": shown.color,
        },
    )


def _obeys(judged: Judged, metric: str, label: str, form: str) -> Number:
    ours, plain = (judged.value(metric, "free form", m) for m in ("model", "model without hints"))
    return Number(label, ours, form, {"without hints": plain})


def _psnr(judged: Judged, cases: str | list[str], label: str = "PSNR inside the hole") -> Number:
    ours, baseline = (judged.value("psnr_hole", cases, m) for m in ("model", "telea"))
    return Number(label, ours, "{:.1f} dB", {"cv2 Telea": baseline})


def _erased(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return np.where(hole > 0, np.uint8(255), image)


def _stored(hole: np.ndarray) -> np.ndarray:
    """A mask as a picture, white = hole."""
    return np.uint8(255) * (hole[..., 0] > 0)


def _cycle(values: list[int], count: int) -> list[int]:
    return [values[i % len(values)] for i in range(count)]


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

_GFC_HOLES: dict[str, Callable[[dict], np.ndarray]] = {
    "rectangle": lambda face: masks.rectangle(*face["image"].shape[:2], np.random.default_rng(0)),
    "both eyes": lambda face: _part(face, "O3"),
    "left half": lambda face: _part(face, "O1"),
    "lower half": lambda face: _part(face, "O6"),
}


def _part(face: dict, part: str) -> np.ndarray:
    return masks.facial_part(*face["image"].shape[:2], part, face["landmarks"])


def _edit(stage: Stage, title: str, seed: int) -> Edit:
    """A portrait, each time another, with a hole of `_HOLES`, its own lines and colour strokes."""
    index = _hairiest(stage) if title == "hair" else _cycle(stage.frontal, seed + 1)[-1]
    face, rng = stage.portraits[index], np.random.default_rng(seed)
    mask = _HOLES[title](face, rng)
    return Edit(title, face["image"], mask, face["sketch"], hints.color_strokes(face["color"], rng))


def _hairiest(stage: Stage) -> int:
    """The portrait with most hair."""
    return max(stage.frontal, key=lambda i: int((stage.portraits[i]["parsing"] == _HAIR).sum()))


def _tiles(model, edit: Edit) -> list[np.ndarray]:
    hole = edit.mask > 0
    shown = [edit.erased, edit.mask, 1 - edit.sketch[..., None] * hole, edit.color * hole]
    return [*shown, edit.apply(model), edit.image]


def _hair_colors(stage: Stage) -> list[Edit]:
    """One head of hair, its own lines, other colours."""
    face = stage.portraits[_hairiest(stage)]
    mask, hair = masks.hair(face["parsing"]), face["parsing"][..., None] == _HAIR
    variants = {"no colour": np.zeros_like(face["color"]), "its own": face["color"]}
    for name, color in _HAIR_COLORS.items():
        variants[name] = np.where(hair, np.uint8(color), face["color"])
    return [
        Edit(name, face["image"], mask, face["sketch"], color) for name, color in variants.items()
    ]


def _other_sketches(stage: Stage) -> list[Edit]:
    """The eyes with and without glasses, the mouth open and closed: lines of the face toggled."""
    index = stage.frontal[0]
    face = stage.portraits[index]
    mouth = _HOLES["mouth"](face, np.random.default_rng(0))
    found = []
    for name, words, mask in (
        ("Eyeglasses", ("without glasses", "with glasses"), _part(face, "O3")),
        ("Mouth_Slightly_Open", ("mouth closed", "mouth open"), mouth),
    ):
        other, present = stage.changed(index, name), stage.attributes(index)[name]
        sketch = hints.sketch(other["image"], method=stage.portraits.manifest["sketch"])
        color = hints.color_map(other["image"], with_glasses(other))
        for state, lines, colors in (
            (present, face["sketch"], face["color"]),
            (1 - present, sketch, color),
        ):
            found.append(Edit(words[state], face["image"], mask, lines, colors))
    return found


def _same_hole(model, edits: list[Edit], stem: str, text: str) -> Picture:
    rows = [[edit.drawn for edit in edits], [edit.apply(model) for edit in edits]]
    grid = plots.image_grid(rows, [edit.title for edit in edits], ["drawn", "result"])
    return Picture(stem, f"{text}: what is drawn, and what SC-FEGAN makes of it.", grid)


SECTIONS = (
    Section(
        key="context_encoder",
        title="Context Encoder",
        deed="fills the centre",
        paper="Pathak, Krahenbuhl, Donahue, Darrell and Efros, CVPR 2016",
        text="""\
Cut the middle out of a picture and let a network guess it from what is left. The network never sees
the hole, only the rest; to guess well it must have learned what faces look like. One loss asks for
the right average, a second network punishes whatever looks unreal. It began neural inpainting.""",
        presets=(CONTEXT_ENCODER,),
        make=context_encoder,
    ),
    Section(
        key="gfc",
        title="Generative Face Completion",
        deed="restores missing parts",
        paper="Li, Liu, Yang and Yang, CVPR 2017",
        text="""\
Half a face may be gone, and the filling must still be a face: eyes where eyes belong. Two critics
judge it, one the hole, one the whole picture; and a third network, which labels the parts of a
face, asks that the completed face has the same parts as the true one. The coloured maps are its
view.""",
        presets=(GFC, PARSER),
        make=gfc,
    ),
    Section(
        key="sc_fegan",
        title="SC-FEGAN",
        deed="paints what you draw",
        paper="Jo and Park, ICCV 2019",
        text="""\
Erase anything, draw a few lines and dabs of colour, and the network paints a face that follows
them. Gated convolutions learn for each place how much of the picture, the sketch and the colour
counts there. The second and third picture ask the fair question: same face, same hole, other hints
- does it obey?""",
        presets=(SC_FEGAN,),
        make=sc_fegan,
    ),
)
