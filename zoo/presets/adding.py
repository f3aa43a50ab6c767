"""For maintainers: how a trained run becomes a preset of the package, with what was measured."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from pydantic import ValidationError

from zoo.errors import ZooError
from zoo.files import atomic_path, sha256
from zoo.presets import bundles, find, load, read_config, save, store
from zoo.presets.download import check_address
from zoo.presets.index import WEIGHTS, Data, Entry, Result, explained
from zoo.registry import MODELS

MAX_SHIPPED = 10_000_000  # bytes of a preset inside the package
TEXTS = ("description", "intended_use", "training", "limits")
"""What `presets.py` of the model tells of a preset that we trained; the rest is in the index."""


def add(
    run: str | os.PathLike,
    name: str,
    *,
    results: Iterable[str | os.PathLike],
    networks: Iterable[str] | None = None,
    url: str | None = None,
    output: str | os.PathLike | None = None,
) -> Entry:
    """Adds a run to the package's store as float16, or replaces the preset of that name.

    What it was trained with and on is found, not told: the recipe of the package that equals the
    run's, and the manifest of its data.

    Args:
        run: run directory, trained on SynthFaces.
        name: of the preset; its texts are in the model's `presets.py` already.
        results: what `zoo eval` wrote for the run: directories, or their `result.json`.
        networks: to keep; by default those that inference needs.
        url: folder that the files will be fetched from, for a preset that is too large for the
            package; its files are then written to `output`, to be uploaded.
        output: directory, with `url` only.

    Raises:
        ZooError: a text, the recipe or the data is missing, a result is of other weights, or the
            preset is too large.
    """
    store.check_name(name)
    if (url is None) != (output is None):
        raise ZooError("a preset that is fetched needs both the url and a directory for its files")
    if url is not None:
        check_address(url)
    directory = find(run)
    config = read_config(directory)
    _check_texts(name, config["model"])
    recipe, data = _origin(directory, config)
    metrics = [_result(path, config["sha256"]) for path in results]
    model = load(run)
    place = store.SHIPPED
    with place.workshop() as work:
        card = {"recipe": recipe, "step": config["card"].get("step")}
        kept = _needed(model) if networks is None else networks
        made = save(model, work / name, networks=kept, half=True, **card)
        entry = bundles.describe(made)
        entry = entry.model_copy(
            update={"recipe": recipe, "data": data, "metrics": metrics, "url": url}
        )
        load(made)
        if url is not None:
            with atomic_path(output) as temporary:
                os.rename(made, temporary)
            place.announce(name, entry)
        elif entry.size > MAX_SHIPPED:
            raise ZooError(
                f"{name} has {entry.size / 1e6:.1f} MB; the package takes {MAX_SHIPPED / 1e6:.0f}. "
                "Train a slimmer one, or give a url"
            )
        else:
            place.put(name, entry, made)
    return entry


def update(name: str, results: Iterable[str | os.PathLike]) -> Entry:
    """Writes what was measured of a preset of the package into its entry.

    A result takes the place of the one by the same protocol, if there is one.

    Args:
        name: of the preset.
        results: what `zoo eval NAME` wrote: directories, or their `result.json`.

    Raises:
        ZooError: no such preset, or a result is of other weights.
    """
    entry = store.SHIPPED.entry(name)
    found = [_result(path, entry.files[WEIGHTS].sha256) for path in results]
    metrics = {result.protocol: result for result in [*entry.metrics, *found]}
    entry = entry.model_copy(update={"metrics": list(metrics.values())})
    store.SHIPPED.describe(name, entry)
    return entry


def _check_texts(name: str, model: str) -> None:
    package = MODELS[model].rsplit(".", 1)[0]
    card = import_module(f"{package}.presets").PRESETS.get(name, {})
    missing = [text for text in TEXTS if not card.get(text)]
    if missing:
        where = f"{package.replace('.', '/')}/presets.py"
        raise ZooError(f"{where} must tell of {name}: {', '.join(missing)}")


def _origin(directory: Path, config: dict) -> tuple[str, Data]:
    """The name of the recipe that a run was trained with, and its data."""
    from zoo.config import Recipe, list_recipes, load_recipe
    from zoo.data.synthfaces.dataset import MANIFEST, read_manifest

    try:
        recipe = Recipe.model_validate(config["card"].get("recipe"))
    except ValidationError as error:
        raise ZooError(f"{directory} has no legal recipe: {explained(error)}") from None
    if recipe.data.source != "synthfaces":
        raise ZooError(f"{directory} was trained on {recipe.data.source}; we ship SynthFaces only")
    names = [n for n in list_recipes() if load_recipe(n)[0].model.name == recipe.model.name]
    differing = {name: _differences(recipe, load_recipe(name)[0]) for name in names}
    nearest = min(differing, key=lambda name: len(differing[name]), default=None)
    if nearest is None or differing[nearest]:
        more = f"; the nearest, {nearest}, differs in {', '.join(differing[nearest])}"
        raise ZooError(
            f"{directory} was trained with no recipe of the package{more if nearest else ''}"
        )
    manifest = read_manifest(recipe.data.directory)
    return nearest, Data(
        name="SynthFaces",
        manifest_sha256=sha256(Path(recipe.data.directory) / MANIFEST),
        images=manifest["count"],
        size=manifest["size"],
    )


def _differences(recipe, other) -> list[str]:
    """Paths of the values that differ, but for the place of the data."""
    from zoo.config import flat

    mine, theirs = flat(recipe), flat(other)
    paths = sorted((mine.keys() | theirs.keys()) - {"data.directory"})
    return [path for path in paths if mine.get(path) != theirs.get(path)]


def _result(path: str | os.PathLike, weights: str) -> Result:
    """What `zoo eval` wrote, if it judged these weights."""
    from zoo.evaluation.report import read_result

    result = read_result(path)
    judged, protocol = str(result["preset"].get("sha256")), result["protocol"]
    if judged != weights:
        raise ZooError(
            f"{path} judges weights of SHA-256 {judged[:12]}..., these are {weights[:12]}..."
        )
    rows = [
        {**row, "values": {k: v for k, v in row["values"].items() if v is not None}}
        for row in result["rows"]
    ]
    try:
        return Result(
            protocol=protocol.get("name"),
            sha256=protocol.get("sha256"),
            altered=protocol.get("altered"),
            rows=rows,
        )
    except ValidationError as error:
        raise ZooError(f"{path} is no result of zoo eval: {explained(error)}") from None


def _needed(model) -> list[str]:
    """Names of the networks that hold what inference reads."""
    read = {id(variable) for variable in model.inference_variables()}
    return [
        name
        for name, network in model.networks.items()
        if any(id(variable) in read for variable in network.variables)
    ]
