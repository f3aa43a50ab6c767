"""`zoo export` and `zoo bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import app, quiet_tensorflow
from zoo.errors import ZooError, did_you_mean


@app.command()
def export(
    preset: Annotated[str, typer.Argument(help="preset name, preset or run directory")],
    output: Annotated[Path | None, typer.Option("-o", "--output")] = None,
    serving: Annotated[
        Path | None, typer.Option(help="folder of TensorFlow Serving that gets a version more")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="with --serving: of the served model, if not its own")
    ] = None,
    format: Annotated[str, typer.Option(help="savedmodel, onnx or litert")] = "savedmodel",
    precision: Annotated[
        str | None, typer.Option(help="onnx, litert: float32, float16 or int8")
    ] = None,
    verify: Annotated[
        bool, typer.Option(help="compare with Keras on 20 random images and 5 SynthFaces")
    ] = False,
    size: Annotated[int | None, typer.Option(help="side of the input, pixels")] = None,
) -> None:
    """Writes a SavedModel, an ONNX or a LiteRT file; or adds to a folder of TensorFlow Serving."""
    if (output is None) == (serving is None):
        raise typer.BadParameter("give either -o, what to write, or --serving, a folder")
    formats = ("savedmodel", "onnx", "litert")
    if format not in formats:
        hint = did_you_mean(format, formats)
        raise ZooError(f"--format is {format!r}; legal are {', '.join(formats)}.{hint}")
    if precision is not None and format == "savedmodel":
        raise ZooError("--precision is for onnx and litert; a SavedModel is float32")
    if name is not None and serving is None:
        raise ZooError("--name is for --serving")
    if serving is not None and format != "savedmodel":
        raise ZooError(f"--serving takes SavedModels; --format is {format!r}")
    from zoo.presets import load

    quiet_tensorflow()
    from zoo import export as exporters

    model = load(preset)
    if serving is not None:
        path = exporters.serving(model, serving, name=name, size=size)
    elif format == "savedmodel":
        path = exporters.saved_model(model, output, size=size)
    else:
        write = exporters.onnx if format == "onnx" else exporters.litert
        path = write(model, output, size=size, precision=precision or "float32")
    print(f"{path}: peak memory of this process {exporters.peak_memory() / 1e9:.2f} GB")
    if verify:
        from zoo.export.faces import can_render

        parity = exporters.verify(model, path, samples=20, faces=5 if can_render() else 0)
        print(parity)
        if not parity.ok:
            raise ZooError(f"{path}: {parity}")


@app.command()
def bench(
    preset: Annotated[str, typer.Argument(help="model, preset or run directory; recipe")],
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="arguments of a model, values of a recipe"
        ),
    ] = None,
    data: Annotated[
        bool, typer.Option(help="the data of a recipe beside its training step")
    ] = False,
    training: Annotated[bool, typer.Option(help="a training step instead of inference")] = False,
    size: Annotated[int | None, typer.Option(help="side of the images, pixels")] = None,
    batch: Annotated[int | None, typer.Option(help="images; by default 1, in training 8")] = None,
    repeats: Annotated[int, typer.Option(help="runs of each; the best counts")] = 5,
    runtimes: Annotated[
        str | None,
        typer.Option(help="keras,savedmodel,onnxruntime,openvino,litert; default: all installed"),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="of ONNX and LiteRT files: float32, float16 or int8")
    ] = "float32",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSON file; a chart beside it (.png)")
    ] = None,
) -> None:
    """Times a model beside the rate of matrix products (sgemm) of the same run."""
    from zoo import presets, registry

    if data:
        if training or size or batch or runtimes or output:
            raise ZooError(
                "--data goes with a recipe, --set and --repeats only; for --size write "
                "--set data.size=64 and so on"
            )
        return _bench_data(preset, overrides or (), repeats)
    if batch is not None and batch < 1:
        raise ZooError(f"--batch is {batch}; legal are whole numbers from 1")
    if preset not in registry.list_models():
        if overrides:
            raise ZooError(f"--set is for models; {preset} is a preset")
        presets.find(preset)
    quiet_tensorflow()
    from zoo import bench as timing
    from zoo.files import atomic_path

    if preset in registry.list_models():
        model = registry.create(preset, **_arguments(overrides or ()))
    else:
        model = presets.load(preset)
    if training:
        figures = timing.training(model, batch or 8, repeats)
    else:
        names = runtimes.split(",") if runtimes else None
        figures = timing.inference(model, size, batch or 1, repeats, names, precision)
    figures = {"model": model.zoo_name, **figures}
    print(json.dumps(figures, indent=2))
    if output is not None:
        with atomic_path(output) as temporary:
            temporary.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        if not training:
            timing.chart(figures, output.with_suffix(".png"))


def _bench_data(recipe: str, overrides, repeats: int) -> None:
    """Prints JSON, and a table beside it where the terminal is."""
    from rich.console import Console
    from rich.table import Table

    from zoo.config import flat, load_recipe

    values, _ = load_recipe(recipe, overrides)
    quiet_tensorflow()
    from zoo.data.bench import pipeline

    figures = pipeline(values, repeats)
    table = Table("images per second", recipe, caption=f"supply {figures['supply']:.1f}")
    for name, rate in flat(figures["images_per_second"]).items():
        table.add_row(name, "-" if rate is None else f"{rate:,.1f}")
    Console(stderr=True).print(table)
    print(json.dumps({"recipe": recipe, **figures}, indent=2))


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
