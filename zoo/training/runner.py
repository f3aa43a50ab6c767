"""From a recipe to a run directory: data, model, optimizers, checkpoints, pictures."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf
import yaml

from zoo import plots, presets
from zoo.config import AugmentationSection, DataSection, Recipe
from zoo.data.batches import Batches, split
from zoo.data.readers import open_source
from zoo.data.synthfaces import generate, open_dataset
from zoo.errors import ZooError
from zoo.files import atomic_path
from zoo.precision import precision
from zoo.registry import argument_names, check_names, create, model_class
from zoo.training import checkpoint, distribution, pictures
from zoo.training.adam import Adam
from zoo.training.callbacks import Keeper, Rows, Sampler, Stopper, Table, TensorBoard, Watch
from zoo.training.environment import environment
from zoo.training.schedules import schedule

_PICTURED = 6  # faces in a grid


@dataclass
class Progress:
    """Where a run reports to; every field may be replaced."""

    data: Callable[[int, int], None] = lambda done, total: None
    start: Callable[[int, int], None] = lambda step, total: None
    losses: Callable[[int, dict], None] = lambda step, losses: None
    warning: Callable[[str], None] = lambda text: None


def train(
    recipe: Recipe, run: str | os.PathLike, *, resume: bool = True, progress: Progress | None = None
) -> Path:
    """Trains a model; a run that was stopped goes on from its newest checkpoint.

    With `training.distribution: multi_worker` all workers call this with the same recipe and the
    same directory, on a disk that all see; the first of them alone writes there.

    Args:
        recipe: what to do.
        run: directory of the run: `recipe.yaml`, `environment.json`, `log.csv`, `curves.png`,
            `tensorboard/`, `samples/`, `checkpoints/`, `preset/`, which `zoo.load(run)` loads, and
            `warnings.log`, if there were any.
        resume: go on if there are checkpoints; False refuses a directory that has some.
        progress: callbacks for a progress display.

    Returns:
        The run directory.

    Raises:
        ZooError: illegal recipe, another recipe in the same directory, broken data or checkpoints,
            a loss that is not finite, a full disk, a lost worker. What was kept stays usable.
        KeyboardInterrupt: stopped by Ctrl-C or SIGTERM, after a checkpoint was written.
    """
    run, progress = Path(run), progress or Progress()
    checkpoints = run / "checkpoints"
    plots.require_matplotlib()  # before hours of work, not at the first checkpoint
    if not resume and checkpoint.steps(checkpoints):
        raise ZooError(f"{run} holds a run already; resume it or choose another directory")
    strategy = distribution.make_strategy(recipe.training.distribution)
    chief = distribution.worker(strategy) == 0
    model = _model(recipe, strategy)
    origin = _start(model, recipe, run)
    if chief:
        _claim(run, recipe, origin)
    parts, validation = _batches(recipe, model, strategy, progress)
    with strategy.scope():
        model.compile(
            _optimizers(recipe, model),
            ema_decay=recipe.training.ema_decay,
            accumulate=recipe.training.accumulate,
            steps_per_execution=recipe.training.steps_per_execution,
        )
    start = checkpoint.restore_latest(model, checkpoints) or 0
    found = distribution.meet(strategy, start)
    if set(found) != {start}:
        raise ZooError(
            f"the workers found checkpoints of different steps: {', '.join(map(str, found))}; "
            f"{run} must be one directory that all of them see"
        )
    stop = recipe.training.steps
    progress.start(start, stop)
    callbacks, keeper = _callbacks(recipe, run, start, model, validation, progress, chief)
    with _clear_errors(run, several=distribution.workers(strategy) > 1):
        if start < stop:
            datasets = [part.as_dataset(start, stop) for part in parts]
            _fit(
                model, distribution.distribute(strategy, datasets), stop - start, callbacks, keeper
            )
        if chief and (start < stop or not (run / "preset").is_dir()):
            keeper.set_model(model)
            keeper.keep()
        distribution.meet(strategy)  # nobody leaves while the chief writes
    return run


def _model(recipe: Recipe, strategy: tf.distribute.Strategy):
    """The model of a recipe, with random weights, on the devices of the strategy."""
    keras.utils.set_random_seed(recipe.training.seed)
    cls = model_class(recipe.model.name)
    check_names("recipe key model.arguments", recipe.model.arguments, argument_names(cls))
    check_names("recipe key optimizers", recipe.optimizers, cls.default_loss_weights)
    devices, training = strategy.num_replicas_in_sync, recipe.training
    if training.batch_size % (devices * training.accumulate):
        raise ZooError(
            f"recipe: training.batch_size is {training.batch_size}; legal are multiples of "
            f"{devices * training.accumulate}: devices ({devices}) times training.accumulate"
        )
    with precision(training.precision), strategy.scope():
        return create(recipe.model.name, **recipe.model.arguments)


def _start(model, recipe: Recipe, run: Path) -> dict | None:
    """Starts from the recipe's weights: their SHA-256 and licence; None if it names none.

    A run that goes on has both in its `environment.json` and needs the source no more.
    """
    if recipe.model.weights is None:
        return None
    if not checkpoint.steps(run / "checkpoints"):
        digest = presets.start_from(model, recipe.model.weights)
        return {"sha256": digest, "licence": model.licence}
    path = run / "environment.json"
    try:
        origin = json.loads(path.read_text(encoding="utf-8"))["weights"]
        model.licence = origin["licence"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ZooError(f"{path} does not say what weights the run started from") from error
    return origin


def _callbacks(recipe, run: Path, start: int, model, validation, progress: Progress, chief: bool):
    """What watches a run; all workers stop on the same signs, but only the chief writes."""
    settings = recipe.training
    if not chief:
        return [Rows(settings.log_every, settings.steps, [])], None
    table = Table(run, start)

    def report(text: str) -> None:
        with open(run / "warnings.log", "a", encoding="utf-8") as file:
            file.write(text + "\n")
        progress.warning(text)

    sinks = [table, TensorBoard(run / "tensorboard"), Watch(report), progress.losses]
    keeper = Keeper(
        run, settings.checkpoint_every, table, {"recipe": recipe.model_dump(mode="json")}
    )
    draw = pictures.drawer(model, validation)
    sampler = [Sampler(run / "samples", settings.sample_every, draw)] if draw else []
    return [Rows(settings.log_every, settings.steps, sinks), *sampler, keeper], keeper


def _fit(model, dataset, steps: int, callbacks: list, keeper: Keeper | None) -> None:
    try:
        with Stopper() as stopper:
            model.fit(
                dataset,
                epochs=1,
                steps_per_epoch=steps,
                verbose=0,
                shuffle=False,
                callbacks=[*callbacks, stopper],
            )
    except KeyboardInterrupt:
        if keeper is not None:
            keeper.keep()
        raise


@contextlib.contextmanager
def _clear_errors(run: Path, several: bool):
    """A full disk and a lost worker are no bugs."""
    kept = f"{run} holds the checkpoints until then; the same command goes on from them"
    try:
        yield
    except distribution.LOST as error:
        if not several:
            raise
        raise ZooError(
            f"another worker was lost ({type(error).__name__}). {kept}, on all workers"
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ZooError(f"cannot write {error.filename}: {error.strerror}. {kept}") from error


def _claim(run: Path, recipe: Recipe, origin: dict | None) -> None:
    """Writes recipe and environment into a new run directory, or checks an old one's recipe.

    `origin` is what `_start` returned.
    """
    path = run / "recipe.yaml"
    values = recipe.model_dump(mode="json")
    if path.is_file():
        try:
            old = Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (ValueError, yaml.YAMLError) as error:
            raise ZooError(f"{path} is no recipe of this version of the zoo") from error
        old = old.model_dump(mode="json")
        for key in ("steps", "distribution"):  # a run may be made longer, and go on elsewhere
            old["training"][key] = values["training"][key]
        if old != values:
            raise ZooError(f"{run} was started with another recipe; see {path}")
    with atomic_path(path) as temporary:
        temporary.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    found = {**environment(recipe), "weights": origin}
    with atomic_path(run / "environment.json") as temporary:
        temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _batches(
    recipe: Recipe, model, strategy: tf.distribute.Strategy, progress: Progress
) -> tuple[list[Batches], Batches]:
    """Training batches, for each device of this worker its own rows; and those for pictures."""
    if distribution.worker(strategy) > 0:
        distribution.meet(strategy)  # the chief makes the data, if they must be made
    dataset = prepare_data(recipe.data, progress.data)
    if distribution.worker(strategy) == 0:
        distribution.meet(strategy)
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
    parts = [
        Batches(
            *(dataset, indices[0], size, seed, keys),
            augmentation=recipe.augmentation,
            joined=model.batches_per_step,
            worker=share,
            workers=strategy.num_replicas_in_sync,
            **settings,
        )
        for share in distribution.shares(strategy)
    ]
    plain = AugmentationSection(flip=0)
    validation = Batches(
        dataset, indices[1], _PICTURED, seed + 1, keys, augmentation=plain, **settings
    )
    return parts, validation


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
            global_clipnorm=settings.clip_norm,
        )
        for name, settings in recipe.optimizers.items()
    }
