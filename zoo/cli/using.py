"""`zoo run` and `zoo convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import Output, app, quiet_tensorflow
from zoo.errors import ZooError


@app.command("run")
def run_command(
    preset: Annotated[str, typer.Argument(help="preset name, preset or run directory")],
    image: Annotated[Path, typer.Option(help="PNG, JPEG, BMP or WebP")],
    output: Annotated[Path | None, typer.Option("-o", "--output")] = None,
    mask: Annotated[Path | None, typer.Option(help="complete: white = hole")] = None,
    sketch: Annotated[
        Path | None, typer.Option(help="complete: dark lines on light, or the reverse")
    ] = None,
    color: Annotated[
        Path | None, typer.Option(help="complete: black or transparent = no stroke")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="complete: of the model's noise")] = None,
    size: Annotated[
        str | None, typer.Option(help="complete: longer side for the model, or native")
    ] = None,
    blend: Annotated[
        bool, typer.Option("--blend", help="complete: hide the seam (Poisson refinement)")
    ] = False,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="edit: 1, 0, 1.5, ...")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="edit: attributes of the face, Male,Young,...")
    ] = None,
    classifier: Annotated[
        str | None, typer.Option(help="edit: preset that finds the attributes of the face")
    ] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="frontalize: JSON, five points [[x, y], ...]")
    ] = None,
    box: Annotated[
        str | None, typer.Option(help="left,top,width,height that the model sees, pixels")
    ] = None,
) -> None:
    """Runs a model on a picture of any size: completes, edits, turns or classifies a face."""
    from zoo import presets
    from zoo.data import images
    from zoo.registry import model_class
    from zoo.verbs import VERBS, integers

    given = {"mask": mask, "sketch": sketch, "color": color, "seed": seed, "size": size}
    given |= {"set": changes, "source": source, "classifier": classifier}
    given |= {"landmarks": landmarks, "box": box, "blend": blend or None}
    given = {name: value for name, value in given.items() if value is not None}
    name = presets.read_config(presets.find(preset))["model"]
    quiet_tensorflow()
    task = model_class(name).task
    if task not in VERBS:
        raise ZooError(f"{preset} is a {name}, which serves {task}; zoo run has no such verb")
    verb, legal = VERBS[task]
    for option in given:
        if option not in legal:
            allowed = ", ".join(f"--{o}" for o in legal)
            raise ZooError(f"--{option} is not for {name}, which serves {task}; legal: {allowed}")
    if task == "classify":
        if output is not None:
            raise ZooError(f"-o is not for {name}, which writes no picture but prints")
    elif output is None:
        raise ZooError("-o is missing: the picture to write")
    else:
        images.check_suffix(output)
    picture = images.read_image(image, keep_alpha=True)
    if "box" in given:
        given["box"] = integers("--box", box, "left,top,width,height", 4)
    result = verb(preset, picture, given)
    if result is not None:
        if output.suffix.lower() not in (".png", ".webp"):  # no alpha there
            result = images.over_white(result)
        images.write_image(output, result)
        print(output)


@app.command()
def convert(
    model: Annotated[str, typer.Argument(help="model, such as sc_fegan")],
    checkpoint: Annotated[Path, typer.Argument(help="official checkpoint")],
    output: Output,
) -> None:
    """Converts official weights, which keep their licence, into a preset directory."""
    quiet_tensorflow()
    from zoo.convert import official

    converted = official(model, checkpoint)
    networks = converted.network_names[:1]
    converted.save_preset(output, networks=networks, source=f"official weights: {checkpoint.name}")
    print(output)
