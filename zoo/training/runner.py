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
from zoo.config import AugmentationSection, DataSection, Recipe
from zoo.data.batches import Batches, split
from zoo.data.readers import open_source
from zoo.data.synthfaces import generate, open_dataset
from zoo.errors import ZooError
from zoo.files import atomic_path
from zoo.registry import argument_names, check_names, create, model_class
from zoo.training import checkpoint, pictures
from zoo.training.adam import Adam
from zoo.training.callbacks import Keeper, Logger, Sampler
from zoo.training.schedules import schedule

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
    check_names("recipe key optimizers", recipe.optimizers, cls.default_loss_weights)
    keras.config.set_dtype_policy(recipe.training.precision)
    try:
        model = create(recipe.model.name, **recipe.model.arguments)
    finally:
        keras.config.set_dtype_policy("float32")
    _claim(run, recipe)
    training, validation = _batches(recipe, model, progress)
    model.compile(_optimizers(recipe, model), ema_decay=recipe.training.ema_decay)
    start = checkpoint.restore_latest(model, checkpoints) or 0
    stop = recipe.training.steps
    progress.start(start, stop)

    settings = recipe.training
    card = {"recipe": recipe.model_dump(mode="json")}
    logger = Logger(run, settings.log_every, progress.losses)
    keeper = Keeper(run, settings.checkpoint_every, logger, card)
    draw = pictures.drawer(model, validation)
    sampler = [Sampler(run / "samples", settings.sample_every, draw)] if draw else []
    if start < stop:
        with _stop_signals():
            try:
                model.fit(
                    training.as_dataset(start, stop),
                    epochs=1,
                    steps_per_epoch=stop - start,
                    verbose=0,
                    shuffle=False,
                    callbacks=[logger, *sampler, keeper],
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


def _batches(recipe: Recipe, model, progress: Progress) -> tuple[Batches, Batches]:
    dataset = prepare_data(recipe.data, progress.data)
    if model.default_size != dataset.size:
        raise ZooError(
            f"recipe: model.arguments.image_size is {model.default_size}, "
            f"but {recipe.data.directory} has images of {dataset.size} pixels"
        )
    keys = {k: model.key_shape(k)[1:] for k in (*model.input_keys, *model.training_keys)}
    people = 1 + int(dataset.identities.max())
    if "identity" in keys and people > model.identities:
        raise ZooError(
            f"recipe: model.arguments.identities is {model.identities}, "
            f"but {recipe.data.directory} has {people} people"
        )
    indices = split(dataset, recipe.data.held_out, recipe.data.max_yaw)
    seed, size = recipe.training.seed, recipe.training.batch_size
    settings = {
        "mask_settings": recipe.masks,
        "hint_settings": recipe.hints,
        "attribute_columns": _attribute_columns(model, dataset),
    }
    training = Batches(
        *(dataset, indices[0], size, seed, keys),
        augmentation=recipe.augmentation,
        joined=model.batches_per_step,
        **settings,
    )
    plain = AugmentationSection(flip=0)
    validation = Batches(
        dataset, indices[1], _PICTURED, seed + 1, keys, augmentation=plain, **settings
    )
    return training, validation


def _attribute_columns(model, dataset) -> list[int] | None:
    wanted = getattr(model, "attribute_names", None)
    if wanted is None:
        return None
    names = dataset.attribute_names or ()
    check_names("attribute of the data", wanted, names)
    return [names.index(name) for name in wanted]


def prepare_data(data: DataSection, progress: Callable[[int, int], None]):
    """Opens the data of a recipe; SynthFaces are made first if they are not there.

    Raises:
        ZooError: the directory is missing or holds other data than the recipe asks for.
    """
    if data.source != "synthfaces":
        return open_source(data.source, data.directory, data.size, **data.options)
    if data.options:
        raise ZooError("recipe: data.options are for other sources than synthfaces")
    made = {"count", "size", "seed", "views_per_identity", "poses", "sketch"}
    wanted = data.model_dump(include=made)
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


def _optimizers(recipe: Recipe, model) -> dict[str, Adam]:
    return {
        name: Adam(
            schedule(settings, model.updates_per_step.get(name, 1)),
            settings.beta_1,
            settings.beta_2,
            settings.epsilon,
        )
        for name, settings in recipe.optimizers.items()
    }


class _stop_signals:
    """Inside the block SIGTERM acts like Ctrl-C."""

    def __enter__(self):
        def stop(number, frame):
            raise KeyboardInterrupt

        self.old = signal.signal(signal.SIGTERM, stop)

    def __exit__(self, *error):
        signal.signal(signal.SIGTERM, self.old)
