"""How fast faces are made, read and drawn on, beside what a training step uses up."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from zoo import bench
from zoo.config import DataSection, Recipe
from zoo.data.batches import Batches
from zoo.data.readers import open_source
from zoo.data.synthfaces import generate, open_dataset
from zoo.registry import check_names, create

_FACES = 48  # made at least, and held in memory to draw on at most
_SECONDS = 1.0  # that each part is timed


def pipeline(recipe: Recipe, repeats: int = 3) -> dict:
    """Times each part of a recipe's input pipeline, and its training step, in one run.

    SynthFaces are made anew in a temporary directory, a few of them; any other data must lie where
    the recipe says.

    Args:
        recipe: what would be trained.
        repeats: timed training steps; the best counts.

    Returns:
        `size` in pixels; `batch_size`, examples that one step uses up; `images_per_second`, with
        `make` (SynthFaces with their hints and files, all processes, without their start; None for
        other data), `read` (what the model needs, one thread), `draw`: batch key -> rate at which
        one thread makes it of faces in memory, augmentation included, `batches` (all of it, one
        thread), `feed` (`Batches.as_dataset`, as a training reads it) and `training` (what the step
        uses up); and `supply`, `feed` as a multiple of `training`.

    Raises:
        ZooError: as a training of the recipe.
    """
    model = create(recipe.model.name, **recipe.model.arguments)
    keys = {k: model.key_shape(k)[1:] for k in (*model.input_keys, *model.training_keys)}
    with tempfile.TemporaryDirectory() as directory:
        made, dataset = _data(recipe.data, Path(directory))
        columns = None
        if wanted := getattr(model, "attribute_names", None):
            check_names("attribute of the data", wanted, dataset.attribute_names or ())
            columns = [dataset.attribute_names.index(name) for name in wanted]

        def batches(faces, keys, joined=1) -> Batches:
            return Batches(
                *(faces, np.arange(len(faces)), recipe.training.batch_size),
                *(recipe.training.seed, keys),
                mask_settings=recipe.masks,
                hint_settings=recipe.hints,
                augmentation=recipe.augmentation,
                attribute_columns=columns,
                joined=joined,
            )

        whole = batches(dataset, keys, model.batches_per_step)
        faces = whole.dataset  # reads only what is needed
        used = recipe.training.batch_size * model.batches_per_step
        count = len(faces)
        rates = {"make": made, "read": _rate(lambda n: faces[n % count])}
        if recipe.augmentation.cut == "center":
            held = [faces[n] for n in range(min(count, _FACES))]
            rates["draw"] = {
                key: recipe.training.batch_size * _rate(batches(held, {key: shape}))
                for key, shape in keys.items()
            }
        rates["batches"] = used * _rate(whole)
        rates["feed"] = used * _fed(whole)
    rates["training"] = used / bench.training(model, recipe.training.batch_size, repeats)["seconds"]
    return {
        "size": model.default_size,
        "batch_size": used,
        "images_per_second": rates,
        "supply": rates["feed"] / rates["training"],
    }


def _data(data: DataSection, directory: Path) -> tuple[float | None, object]:
    """Images made per second, and the data set."""
    if data.source != "synthfaces":
        return None, open_source(data.source, data.directory, data.size, **data.options)
    finished = []

    def progress(done: int, total: int) -> None:
        finished.append((done, time.perf_counter()))

    generate(
        directory,
        count=min(data.count, max(_FACES, 3 * data.views_per_identity)),
        **data.model_dump(include={"size", "seed", "views_per_identity", "poses", "sketch"}),
        progress=progress,
    )
    (first, start), (last, end) = finished[0], finished[-1]
    return ((last - first) / (end - start) if last > first else None), open_dataset(directory)


def _fed(batches: Batches) -> float:
    """Batches per second that come out of the data set of a training."""
    stream = iter(batches.as_dataset(0, 1_000_000))
    return _rate(lambda n: next(stream), 3 * _SECONDS)


def _rate(run: Callable[[int], object], seconds: float = _SECONDS) -> float:
    """Calls per second of `run(0)`, `run(1)` and so on, after one that does not count."""
    run(0)
    start = time.perf_counter()
    for n in itertools.count(1):
        run(n)
        if (passed := time.perf_counter() - start) >= seconds:
            return n / passed
