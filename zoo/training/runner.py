"""From a recipe to a run directory: data, model, optimizers, checkpoints, pictures."""

from __future__ import annotations

import json
import os
import platform
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import yaml

from zoo import plots
from zoo.config import DataSection, Recipe
from zoo.data.completion import CompletionBatches, split
from zoo.data.synthfaces import generate, open_dataset
from zoo.errors import ZooError
from zoo.files import atomic_path
from zoo.registry import argument_names, check_names, create, model_class
from zoo.training import checkpoint
from zoo.training.callbacks import Keeper, Logger, Sampler

_PICTURED = 6  # faces in a grid


@dataclass
class Progress:
    """Where a run reports to; every field may be replaced."""

    data: Callable[[int, int], None] = lambda done, total: None
    start: Callable[[int, int], None] = lambda step, total: None
    losses: Callable[[int, dict], None] = lambda step, losses: None


def train(
    recipe: Recipe, run: str | os.PathLike, *, resume: bool = True, progress: Progress | None = None
) -> Path:
    """Trains a model; a run that was stopped goes on from its newest checkpoint.

    Args:
        recipe: what to do.
        run: directory of the run: `recipe.yaml`, `environment.json`, `log.csv`, `curves.png`,
            `samples/`, `checkpoints/` and `preset/`, which `zoo.load(run)` loads.
        resume: go on if there are checkpoints; False refuses a directory that has some.
        progress: callbacks for a progress display.

    Returns:
        The run directory.

    Raises:
        ZooError: illegal recipe, another recipe in the same directory, broken data or checkpoints.
        KeyboardInterrupt: stopped by Ctrl-C or SIGTERM, after a checkpoint was written.
    """
    run, progress = Path(run), progress or Progress()
    checkpoints = run / "checkpoints"
    plots.require_matplotlib()  # before hours of work, not at the first checkpoint
    if not resume and checkpoint.steps(checkpoints):
        raise ZooError(f"{run} holds a run already; resume it or choose another directory")
    keras.utils.set_random_seed(recipe.training.seed)
    cls = model_class(recipe.model.name)
    check_names("recipe key model.arguments", recipe.model.arguments, argument_names(cls))
    check_names("recipe key optimizers", recipe.optimizers, cls.network_names)
    keras.config.set_dtype_policy(recipe.training.precision)
    try:
        model = create(recipe.model.name, **recipe.model.arguments)
    finally:
        keras.config.set_dtype_policy("float32")
    _claim(run, recipe)
    training, validation = _batches(recipe, progress)
    model.compile(_optimizers(recipe), ema_decay=recipe.training.ema_decay)
    start = checkpoint.restore_latest(model, checkpoints) or 0
    stop = recipe.training.steps
    progress.start(start, stop)

    settings = recipe.training
    card = {"recipe": recipe.model_dump(mode="json")}
    logger = Logger(run, settings.log_every, progress.losses)
    keeper = Keeper(run, settings.checkpoint_every, logger, card)
    sampler = Sampler(run / "samples", settings.sample_every, _grid_drawer(validation))
    if start < stop:
        with _stop_signals():
            try:
                model.fit(
                    training.as_dataset(start, stop),
                    epochs=1,
                    steps_per_epoch=stop - start,
                    verbose=0,
                    shuffle=False,
                    callbacks=[logger, sampler, keeper],
                )
            except KeyboardInterrupt:
                keeper.keep()
                raise
    if start < stop or not (run / "preset").is_dir():
        keeper.set_model(model)
        keeper.keep()
    return run


def _claim(run: Path, recipe: Recipe) -> None:
    """Writes recipe and environment into a new run directory, or checks an old one's recipe."""
    path = run / "recipe.yaml"
    values = recipe.model_dump(mode="json")
    if path.is_file():
        old = yaml.safe_load(path.read_text(encoding="utf-8"))
        old["training"]["steps"] = values["training"]["steps"]  # a run may be made longer
        if old != values:
            raise ZooError(f"{run} was started with another recipe; see {path}")
    with atomic_path(path) as temporary:
        temporary.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    environment = {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
    with atomic_path(run / "environment.json") as temporary:
        temporary.write_text(json.dumps(environment, indent=2) + "\n", encoding="utf-8")


def _batches(recipe: Recipe, progress: Progress) -> tuple[CompletionBatches, CompletionBatches]:
    dataset = prepare_data(recipe.data, progress.data)
    size = recipe.model.arguments.get("image_size")
    if size is not None and size != dataset.size:
        raise ZooError(
            f"recipe: model.arguments.image_size is {size}, but {recipe.data.directory} "
            f"has images of {dataset.size} pixels"
        )
    indices = split(dataset.identities, recipe.data.held_out)
    seed, size = recipe.training.seed, recipe.training.batch_size
    training = CompletionBatches(dataset, indices[0], size, seed, recipe.hints)
    validation = CompletionBatches(
        dataset, indices[1], _PICTURED, seed + 1, recipe.hints, flip=False
    )
    return training, validation


def prepare_data(data: DataSection, progress: Callable[[int, int], None]):
    """Opens the data of a recipe, and makes it first if it is not there.

    Raises:
        ZooError: the directory holds other data than the recipe asks for.
    """
    wanted = data.model_dump(include={"count", "size", "seed", "views_per_identity", "sketch"})
    directory = Path(data.directory)
    if not (directory / "manifest.json").is_file():
        generate(directory, **wanted, progress=progress)
    dataset = open_dataset(directory)
    for key, value in wanted.items():
        if dataset.manifest.get(key) != value:
            raise ZooError(
                f"{directory} has {key}={dataset.manifest.get(key)}, the recipe says {value}; "
                "name another data.directory"
            )
    return dataset


def _optimizers(recipe: Recipe) -> dict[str, keras.optimizers.Optimizer]:
    return {
        name: keras.optimizers.Adam(
            settings.learning_rate, settings.beta_1, settings.beta_2, settings.epsilon
        )
        for name, settings in recipe.optimizers.items()
    }


def _grid_drawer(batches: CompletionBatches) -> Callable[[keras.Model, Path], None]:
    batch = batches(0)
    titles = ["input", "sketch", "colour", "result", "truth"]

    def pixels(x):
        return np.clip((np.asarray(x) + 1.0) * 127.5 + 0.5, 0, 255).astype(np.uint8)

    def draw(model: keras.Model, path: Path) -> None:
        result = model({key: tf.constant(value) for key, value in batch.items()}, training=False)
        mask = batch["mask"]
        columns = [
            pixels(batch["image"] * (1 - mask) + mask),
            1.0 - batch["sketch"] * mask,
            pixels((batch["color"] + 1.0) * mask - 1.0),
            pixels(result),
            pixels(batch["image"]),
        ]
        plots.image_grid([list(row) for row in zip(*columns, strict=True)], titles, path=path)

    return draw


class _stop_signals:
    """Inside the block SIGTERM acts like Ctrl-C."""

    def __enter__(self):
        def stop(number, frame):
            raise KeyboardInterrupt

        self.old = signal.signal(signal.SIGTERM, stop)

    def __exit__(self, *error):
        signal.signal(signal.SIGTERM, self.old)
