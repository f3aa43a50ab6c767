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

from zoo import __version__
from zoo.errors import ZooError, did_you_mean
from zoo.files import atomic_path, sha256
from zoo.presets import store
from zoo.presets.index import CONFIG, FORMAT, MAX_CONFIG, WEIGHTS, check_format
from zoo.registry import MODELS, check_names, create, list_models

_MAX_HALF = 65504.0  # of float16
_KEYS = {"model": str, "arguments": dict, "networks": list, "sha256": str, "card": dict}


def cards() -> dict[str, dict]:
    """Preset name -> what its model's `presets.py` says of it (data only; no TensorFlow).

    A card has `model`, `description` and `licence`, and either `obtain` (the weights are not ours
    to ship) or what `zoo.presets.card` tells of one that we trained, with its `goals`.
    """
    shipped, found = store.SHIPPED.entries(), {}
    for model in list_models():
        package = MODELS[model].rsplit(".", 1)[0]
        for name, card in import_module(f"{package}.presets").PRESETS.items():
            if name in shipped:
                found[name] = {**card, "model": model, "licence": shipped[name].licence}
            elif "obtain" in card:
                found[name] = {"model": model, **card}
    return found


def list_presets(model: str | None = None) -> list[str]:
    """Names that `load` knows, of one model or of all.

    They come from the package, from the directories of `ZOO_PRESETS` and from the user's store.
    """
    if model is not None:
        check_names("model", [model], list_models())
    models = {name: entry.model for name, entry in store.home().entries().items()}
    models |= {n: read_config(path)["model"] for n, path in store.user_presets().items()}
    models |= {name: card["model"] for name, card in cards().items()}
    models |= {name: entry.model for name, entry in store.SHIPPED.entries().items()}
    return sorted(name for name, of in models.items() if model in (None, of))


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
        half: store float16 (half the size; loads as float32). Refused if a value is too large.
        **card: plain values that go into the config's "card": source, licence, recipe, metrics.

    Raises:
        ZooError: the directory exists and holds something else, or cannot be written.
    """
    from zoo import weights

    directory = Path(directory)
    _check_place(directory)
    kept = list(model.network_names if networks is None else networks)
    if isinstance(networks, str) or not kept:
        legal = ", ".join(model.network_names)
        raise ZooError(f"networks is {networks!r}; legal is a list of some of {legal}")
    check_names("network", kept, model.network_names)
    arrays = {}
    for variable in _variables(model, kept).values():
        array = variable.numpy()
        if half and abs(array).max() > _MAX_HALF:
            raise ZooError(f"{variable.path} holds values beyond float16; save with half=False")
        arrays[variable.path] = array.astype("float16") if half else array
    config = {
        "format": FORMAT,
        "zoo": __version__,
        "model": model.zoo_name,
        "arguments": {k: v for k, v in model.get_config().items() if k != "name"},
        "networks": kept,
        "card": {"licence": model.licence, **card},
    }
    try:
        with atomic_path(directory) as temporary:
            temporary.mkdir()
            weights.write(temporary / WEIGHTS, arrays, model=model.zoo_name)
            config["sha256"] = sha256(temporary / WEIGHTS)
            (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ZooError(f"cannot write {directory}: {error.strerror}") from error
    return directory


def _check_place(directory: Path) -> None:
    """Refuses a place that is no directory of its own, or holds something that is no preset."""
    if directory.name in ("", ".."):  # cannot be replaced as a whole
        raise ZooError(f"cannot write {directory}: name a directory below it")
    if directory.exists() and not directory.is_dir():
        raise ZooError(f"{directory} exists and is a file; choose another directory")
    if directory.exists() and not (directory / CONFIG).is_file() and any(directory.iterdir()):
        raise ZooError(f"{directory} exists and is not a preset; choose another directory")


def read_config(directory: str | os.PathLike) -> dict:
    """The checked `config.json` of a preset directory."""
    path = Path(directory) / CONFIG
    if not path.is_file():
        raise ZooError(f"{directory} is not a preset: it has no {CONFIG}")
    if path.stat().st_size > MAX_CONFIG:
        raise ZooError(f"{path} is larger than {MAX_CONFIG} bytes")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # UTF-8, JSON, numbers without end, depth
        raise ZooError(f"{path} is not JSON: {error}") from error
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error
    if not isinstance(config, dict):
        raise ZooError(f"{path} must be an object with {', '.join(_KEYS)}")
    check_format(config, str(path))
    config.setdefault("card", {})
    for key, kind in _KEYS.items():
        if not isinstance(config.get(key), kind):
            received = type(config[key]).__name__ if key in config else "nothing"
            raise ZooError(f"{path}: {key} must be a {kind.__name__}; received {received}")
    if not config["networks"]:
        raise ZooError(f"{path}: networks is empty; such a preset has no weights")
    return config


def load(preset: str | os.PathLike):
    """Rebuilds a model from a preset name, a preset directory or the run directory of a training.

    Raises:
        ZooError: unknown name, broken or foreign file, wrong hash.
    """
    directory, config = _checked(preset)
    try:
        model = create(config["model"], **config["arguments"])
        check_names("network", config["networks"], model.network_names)
    except ZooError as error:
        raise ZooError(f"{directory / CONFIG}{_origin(config)}: {error}") from error
    model.licence = config["card"].get("licence", model.licence)
    model.preset_sha256 = config["sha256"]
    _assign(model, directory, config)
    return model


def start_from(model, preset: str | os.PathLike) -> str:
    """Gives the networks of a model that a preset holds the preset's values, before `compile`.

    The model takes on the preset's licence, too.

    Args:
        model: of the preset's kind, with networks of the same size; other arguments may differ.
        preset: name, preset directory or run directory.

    Returns:
        SHA-256 of the preset's weights.

    Raises:
        ZooError: unknown name, broken file, another model, or networks of another size.
    """
    directory, config = _checked(preset)
    if config["model"] != model.zoo_name:
        raise ZooError(f"{preset} is of {config['model']}; needed is one of {model.zoo_name}")
    check_names("network", config["networks"], model.network_names)
    _assign(model, directory, config)
    model.licence = config["card"].get("licence", model.licence)
    return config["sha256"]


def _checked(preset: str | os.PathLike) -> tuple[Path, dict]:
    """Directory and config of a preset whose weights are those that its config names."""
    directory = find(preset)
    config = read_config(directory)
    path = directory / WEIGHTS
    if not path.is_file():
        raise ZooError(f"{directory} is not a whole preset: it has no {WEIGHTS}")
    digest = sha256(path)
    if digest != config["sha256"]:
        raise ZooError(
            f"{path} has SHA-256 {digest[:12]}..., {CONFIG} says {config['sha256'][:12]}...; "
            "the file is broken or was replaced"
        )
    return directory, config


def _origin(config: dict) -> str:
    """For messages: which zoo wrote it, if it was another."""
    maker = config.get("zoo", __version__)
    return f" (written by zoo {maker}; this is {__version__})" if maker != __version__ else ""


def _assign(model, directory: Path, config: dict) -> None:
    from zoo import weights

    path = directory / WEIGHTS
    source = f"{path}{_origin(config)}"
    weights.assign(_variables(model, config["networks"]), weights.read(path), source)


def _variables(model, networks: Iterable[str]) -> dict:
    """Path -> variable of the named networks."""
    return {v.path: v for name in networks for v in model.networks[name].variables}


def find(preset: str | os.PathLike) -> Path:
    """The directory of a preset given by name or path; a run directory's newest preset.

    A path comes before a name. See `zoo.presets.store` for where names are looked for; files that
    lie in a store are compared with its index.

    Raises:
        ZooError: unknown name, or a file that is missing, broken or not the index's.
    """
    if not isinstance(preset, str | os.PathLike):
        raise ZooError(f"preset is {preset!r}; legal are a name or a directory")
    path, name = Path(preset), str(preset)
    if directory := store.preset_directory(path):
        return directory
    if os.path.isdir(path):
        raise ZooError(f"{path} is not a preset: it has no {CONFIG}")
    if directory := store.locate(name):
        return directory
    known = list_presets()
    if name not in known:
        raise ZooError(
            f"no preset or directory {name!r}; known presets: {', '.join(known)}."
            f"{did_you_mean(name, known)}"
        )
    card = cards()[name]
    raise ZooError(f"the weights of {name} are not shipped ({card['licence']}). {card['obtain']}")
