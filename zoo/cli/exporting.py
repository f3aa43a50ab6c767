"""`zoo export` and `zoo bench`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from zoo.cli.app import Output, app, quiet_tensorflow
from zoo.errors import ZooError, did_you_mean


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

    quiet_tensorflow()
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
    quiet_tensorflow()
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
