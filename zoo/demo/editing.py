"""The section of STGAN: attributes of a face."""

from __future__ import annotations

import numpy as np

from zoo import plots
from zoo.attributes import slide
from zoo.demo.section import Number, Picture, Section, Shown
from zoo.demo.stage import Judged, Stage
from zoo.evaluation.editing import MEAN, RECONSTRUCTION

STGAN = "stgan_synthfaces_128"
CLASSIFIER = "attribute_classifier_synthfaces_128"

_SLID = ("Eyeglasses", "Bangs", "Young")
_PLAIN = ("Eyeglasses", "Bangs", "Bald")  # hide what edits change; the face shown has none of them
_COLUMNS = 8
_WORDS = {  # attribute -> what a face is that was given 0, that was given 1
    "Bald": ("not bald", "bald"),
    "Bangs": ("no bangs", "bangs"),
    "Black_Hair": ("not black hair", "black hair"),
    "Blond_Hair": ("not blond hair", "blond hair"),
    "Brown_Hair": ("not brown hair", "brown hair"),
    "Bushy_Eyebrows": ("thin eyebrows", "bushy eyebrows"),
    "Eyeglasses": ("no glasses", "glasses"),
    "Male": ("female", "male"),
    "Mouth_Slightly_Open": ("mouth closed", "mouth open"),
    "Mustache": ("no moustache", "moustache"),
    "No_Beard": ("beard", "no beard"),
    "Pale_Skin": ("not pale", "pale skin"),
    "Young": ("old", "young"),
}
_STEPS = 9  # of a slide


def stgan(stage: Stage) -> Shown:
    """Every attribute of a face toggled, by the model and in truth; slides; accuracy."""
    count = max(1, stage.count // 3)  # each face is rendered anew for each of the attributes
    judged = stage.judge(
        STGAN,
        "stgan_synthfaces",
        stage.portraits,
        metrics=("generation", "preservation", "psnr"),
        baselines=("copy",),
        count=count,
        classifier=CLASSIFIER,
    )
    model = stage.model(STGAN)
    index = next(
        (i for i in stage.frontal if not any(map(stage.attributes(i).get, _PLAIN))),
        stage.frontal[0],
    )
    has = {name: stage.attributes(index)[name] for name in model.attribute_names}
    columns = _toggled(stage, index, has)
    slides = [
        [model.edit(columns["input"][0], {name: v}, source_attributes=has) for v in slide(_STEPS)]
        for name in _SLID
    ]
    pictures = [
        Picture(
            f"stgan_edits_{i + 1}",
            "One face, one attribute toggled at a time: by STGAN, and as it truly looks (the "
            "renderer knows).",
            _grid(columns, part),
        )
        for i, part in enumerate(_parts(list(columns)))
    ]
    strip = plots.image_grid(slides, [f"{v:g}" for v in slide(_STEPS)], _SLID)
    pictures.append(
        Picture("stgan_slides", "Each attribute from clearly absent to clearly present.", strip)
    )
    name = "Eyeglasses"
    source = ",".join(n for n, present in has.items() if present)
    return Shown(
        card=(columns["input"][0], columns[_title(name, has)][0]),
        pictures=pictures,
        numbers=_numbers(judged),
        python=f"""\
model = zoo.load("{STGAN}")
classifier = zoo.load("{CLASSIFIER}")  # sees what the face is
edited = model.edit(face, {{"{name}": {1 - has[name]}}}, classifier=classifier)""",
        shell=[
            *("zoo", "run", STGAN, "--image", stage.portrait_path(index)),
            *("--set", f"{name}={1 - has[name]}", "--source", source, "-o", "edited.png"),
        ],
    )


def _toggled(stage: Stage, index: int, has: dict[str, int]) -> dict[str, list[np.ndarray]]:
    """Title -> picture by STGAN and the true one."""
    image, model = stage.portraits[index]["image"], stage.model(STGAN)
    same = {next(iter(has)): next(iter(has.values()))}  # asks for what is there already
    columns = {
        "input": [image] * 2,
        "nothing": [model.edit(image, same, source_attributes=has), image],
    }
    for name, present in has.items():
        edited = model.edit(image, {name: 1 - present}, source_attributes=has)
        columns[_title(name, has)] = [edited, stage.changed(index, name)["image"]]
    return columns


def _title(name: str, has: dict[str, int]) -> str:
    return _WORDS[name][1 - has[name]]


def _parts(titles: list[str]) -> list[list[str]]:
    """The titles in rows of a page; the input leads each."""
    rest = titles[1:]
    width = _COLUMNS - 1
    return [[titles[0], *rest[i : i + width]] for i in range(0, len(rest), width)]


def _grid(columns: dict[str, list[np.ndarray]], titles: list[str]) -> np.ndarray:
    rows = [list(row) for row in zip(*(columns[title] for title in titles), strict=True)]
    return plots.image_grid(rows, titles, ["STGAN", "truth"])


def _numbers(judged: Judged) -> dict[str, Number]:
    names = {"truth": "true pictures", "copy": "no edit"}

    def beside(metric: str, case: str, label: str, form: str, *more: str) -> Number:
        others = {names[method]: judged.value(metric, case, method) for method in more}
        return Number(label, judged.value(metric, case), form, others)

    return {
        "generation": beside(
            *("generation", MEAN, "Edits that a classifier sees", "{:.0%}", "truth")
        ),
        "preservation": beside(
            *("preservation", MEAN, "Other attributes left alone", "{:.0%}", "truth")
        ),
        "reconstruction": beside("psnr", RECONSTRUCTION, "PSNR, nothing edited", "{:.1f} dB"),
        "edits": beside(
            *("psnr", MEAN, "PSNR of edits against the true ones", "{:.1f} dB", "copy")
        ),
    }


SECTIONS = (
    Section(
        key="stgan",
        title="STGAN",
        deed="edits attributes",
        paper="Liu, Ding, Xia, Liu, Ding, Zuo and Wen, CVPR 2019",
        text="""\
Glasses on, hair dark, twenty years older - and nothing else. STGAN is told only what changes, and
its selective transfer units decide at each scale how much of the old face passes through. No
photograph exists before and after such an edit; here the renderer makes the true picture, so that
edits can be compared with it.""",
        presets=(STGAN, CLASSIFIER),
        make=stgan,
    ),
)
