"""The section of TP-GAN: turning faces to the camera."""

from __future__ import annotations

from zoo import plots
from zoo.demo.section import Number, Picture, Section, Shown
from zoo.demo.stage import YAWS, Judged, Stage
from zoo.evaluation.frontalization import MEAN

TP_GAN, EMBEDDING = "tp_gan_synthfaces_128", "light_cnn_synthfaces_128"

_PERSON = 0
_STEEP = 60  # degrees and more


def tp_gan(stage: Stage) -> Shown:
    """One person from all sides, turned; and who is recognised, turned and not."""
    judged = stage.judge(
        TP_GAN,
        "tp_gan_setting2_synthfaces",
        stage.lab,
        metrics=("rank1", "identity_distance"),
        baselines=("copy",),
        embedding=EMBEDDING,
    )
    model, views = stage.model(TP_GAN), stage.turned(_PERSON)
    results = [model.frontalize(view["image"], view["landmarks"]) for view in views]
    inputs, truths = ([view[key] for view in views] for key in ("image", "frontal"))
    titles = [f"{yaw:+d} degrees" if yaw else "0" for yaw in YAWS]
    grid = plots.image_grid([inputs, results, truths], titles, ["input", "TP-GAN", "truth"])
    angles = [case for case in judged.cases() if case != MEAN]
    steep = [angle for angle in angles if int(angle) >= _STEEP]
    numbers = {
        "identity_cosine": _cosine(judged),
        "rank1": _rank1(judged, angles, "Recognised"),
    }
    if steep:  # a few views may have none
        numbers["rank1_steep"] = _rank1(judged, steep, f"... at {_STEEP} degrees and more")
    points = views[0]["landmarks"].round(1).tolist()
    return Shown(
        card=(inputs[0], results[0]),
        pictures=[
            Picture(
                "tp_gan",
                "One person seen from seven sides, each view turned to the camera by TP-GAN, and "
                "the same moment seen from the front.",
                grid,
            )
        ],
        numbers=numbers,
        python=f"""\
model = zoo.load("{TP_GAN}")
frontal = model.frontalize(photo)  # finds the face itself, with the extra `detect`
frontal = model.frontalize(photo, landmarks)  # or takes its five points""",
        shell=[
            *("zoo", "run", TP_GAN, "--image", stage.pictures / "turned.png"),
            *("--landmarks", stage.pictures / "turned.json", "-o", "frontal.png"),
        ],
        files={"turned.png": inputs[0], "turned.json": points},
    )


def _cosine(judged: Judged) -> Number:
    """Identity kept: cosine of the embedding's features with those of the true frontal picture."""
    ours, without = (1 - judged.value("identity_distance", MEAN, m) for m in ("model", "copy"))
    label = "Likeness to the true frontal face (cosine)"
    return Number(label, ours, "{:.2f}", {"not turned": without})


def _rank1(judged: Judged, angles: list[str], label: str) -> Number:
    ours, without = (judged.value("rank1", angles, method) for method in ("model", "copy"))
    return Number(label, ours, "{:.0%}", {"not turned": without})


SECTIONS = (
    Section(
        key="tp_gan",
        title="TP-GAN",
        deed="turns to the camera",
        paper="Huang, Zhang, Li and He, ICCV 2017",
        text="""\
From a profile, the front. One pathway sees the whole head, four small ones redraw eyes, nose and
mouth from their own crops, and a network that knows people asks that it stays the same person. What
the camera did not see is a guess. It is judged by whether a face recogniser finds the person among
frontal faces, with the turned face and without turning it.""",
        presets=(TP_GAN, EMBEDDING),
        make=tp_gan,
    ),
)
