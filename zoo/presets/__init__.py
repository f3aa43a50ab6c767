"""Presets: a directory with `config.json` (plain values) and `model.safetensors`.

A model is always rebuilt from its class in the registry and then given its weights; no code or
pickle is ever read from a preset.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from zoo.errors import ZooError, did_you_mean
from zoo.files import atomic_path, sha256
from zoo.registry import MODELS, check_names, create, list_models

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_MAX_CONFIG = 1_000_000  # bytes


def cards() -> dict[str, dict]:
    """Preset name -> card, for every model's `presets.py` (data only; imports no TensorFlow)."""
    found = {}
    for model in list_models():
        package = MODELS[model].rsplit(".", 1)[0]
        for name, card in import_module(f"{package}.presets").PRESETS.items():
            found[name] = {"model": model, **card}
    return found


def list_presets(model: str | None = None) -> list[str]:
    """Names that `load` knows, of one model or of all."""
    if model is not None:
        check_names("model", [model], list_models())
    return sorted(n for n, card in cards().items() if model in (None, card["model"]))


def save(
    model,
    directory: str | os.PathLike,
    *,
    networks: Iterable[str] | None = None,
    half: bool = False,
    **card,
) -> Path:
    """Writes a preset directory, atomically.

    Args:
        model: a GANModel.
        directory: created, or replaced if it holds a preset.
        networks: names of the networks to keep; all by default. Inference needs the first only.
        half: store float16 (half the size; loads as float32).
        **card: plain values that go into the config's "card": source, licence, recipe, metrics.

    Raises:
        ZooError: the directory exists and holds something else.
    """
    from zoo import weights

    directory = Path(directory)
    if directory.exists() and not (directory / CONFIG).is_file() and any(directory.iterdir()):
        raise ZooError(f"{directory} exists and is not a preset; choose another directory")
    kept = list(networks or model.network_names)
    check_names("network", kept, model.network_names)
    arrays = {}
    for variable in _variables(model, kept).values():
        array = variable.numpy()
        arrays[variable.path] = array.astype("float16") if half else array
    with atomic_path(directory) as temporary:
        temporary.mkdir()
        weights.write(temporary / WEIGHTS, arrays, model=model.zoo_name)
        config = {
            "model": model.zoo_name,
            "arguments": {k: v for k, v in model.get_config().items() if k != "name"},
            "networks": kept,
            "sha256": sha256(temporary / WEIGHTS),
            "card": {"licence": model.licence, **card},
        }
        (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return directory


def read_config(directory: str | os.PathLike) -> dict:
    """The checked `config.json` of a preset directory."""
    path = Path(directory) / CONFIG
    if not path.is_file():
        raise ZooError(f"{directory} is not a preset: it has no {CONFIG}")
    if path.stat().st_size > _MAX_CONFIG:
        raise ZooError(f"{path} is larger than {_MAX_CONFIG} bytes")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ZooError(f"{path} is not JSON: {error}") from error
    needed = {"model": str, "arguments": dict, "networks": list, "sha256": str}
    if not isinstance(config, dict) or not all(
        isinstance(config.get(key), kind) for key, kind in needed.items()
    ):
        raise ZooError(f"{path} must be an object with {', '.join(needed)}")
    return config


def load(preset: str | os.PathLike):
    """Rebuilds a model from a preset name, a preset directory or the run directory of a training.

    Raises:
        ZooError: unknown name, broken or foreign file, wrong hash.
    """
    from zoo import weights

    directory = find(preset)
    config = read_config(directory)
    path = directory / WEIGHTS
    if not path.is_file():
        raise ZooError(f"{directory} is not a whole preset: it has no {WEIGHTS}")
    digest = sha256(path)
    if digest != config["sha256"]:
        raise ZooError(
            f"{path} has SHA-256 {digest[:12]}..., {CONFIG} says {str(config['sha256'])[:12]}...; "
            "the file is broken or was replaced"
        )
    try:
        model = create(config["model"], **config["arguments"])
    except TypeError as error:
        raise ZooError(f"{directory / CONFIG}: arguments do not fit: {error}") from error
    check_names("network", config["networks"], model.network_names)
    model.licence = config.get("card", {}).get("licence", model.licence)
    weights.assign(_variables(model, config["networks"]), weights.read(path), str(path))
    return model


def _variables(model, networks: Iterable[str]) -> dict:
    """Path -> variable of the named networks."""
    return {v.path: v for name in networks for v in model.networks[name].variables}


def find(preset: str | os.PathLike) -> Path:
    """The directory of a preset given by name or path; a run directory's newest preset."""
    path = Path(preset)
    for candidate in (path, path / "preset"):
        if (candidate / CONFIG).is_file():
            return candidate
    if path.is_dir():
        raise ZooError(f"{path} is not a preset: it has no {CONFIG}")
    known = cards()
    card = known.get(str(preset))
    if card is None:
        raise ZooError(
            f"no preset or directory {str(preset)!r}; known presets: {', '.join(sorted(known))}."
            f"{did_you_mean(str(preset), known)}"
        )
    raise ZooError(f"the weights of {preset} are not shipped ({card['licence']}). {card['obtain']}")
