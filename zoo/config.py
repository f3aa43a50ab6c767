"""Recipes: everything that decides a training run, in YAML, typed and checked.

A recipe may say `extends: other.yaml` (relative to itself); its own values win. `--set a.b=c` wins
over both. An unknown key is an error that names its path and the nearest legal key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from zoo.errors import ZooError, did_you_mean

_MAX_BYTES = 200_000
_MAX_EXTENDS = 8


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_values(cls, value):
        if isinstance(value, bool):  # would pass for 1 or 0
            raise PydanticCustomError("truth_value", "true and false are not legal here")
        return value


class ModelSection(_Section):
    """Which model, the arguments of its constructor, and what it starts from.

    `weights` is the name or directory of a preset, or a run: the networks that it holds start from
    its values, the others, such as a discriminator, at random.
    """

    name: str
    arguments: dict[str, Any] = {}
    weights: str | None = None


class DataSection(_Section):
    """Where the faces come from.

    `synthfaces`: a SynthFaces directory; made there, as `zoo data synthfaces` does, if it does not
    exist. Any other source is a set on disk, read by a class of `zoo.data.readers`; the fields from
    `count` to `sketch` say nothing to it.
    """

    source: Literal[
        "synthfaces",
        *("celeba", "celeba_hq", "celebamask_hq", "domains", "faces", "helen"),
        *("lfw", "multi_pie", "photos", "shards"),
    ] = "synthfaces"
    directory: str
    size: int = Field(64, ge=32, le=1024, description="side of the images, pixels")
    options: dict[str, Any] = Field({}, description="of the reader, such as crop")
    held_out: int = Field(
        10, ge=2, description="every n-th identity is for validation, if the set has no split"
    )
    max_yaw: float | None = Field(
        None, ge=0, le=90, description="faces turned further are left out, degrees; null = none"
    )
    count: int = Field(960, ge=2, description="images")
    seed: int = Field(0, ge=0)
    views_per_identity: int = Field(4, ge=1)
    poses: Literal["portrait", "multipie"] = "portrait"
    sketch: Literal["hed", "canny", "none"] = "canny"


_MASK_KINDS = (
    *("sc_fegan", "center", "rectangle", "random_block", "random_region", "brush"),
    *("irregular", "free_form_strokes"),
)


class _MaskOptions(_Section):
    """Options of the kinds; lengths and angles are of kind sc_fegan. See `zoo.masks`."""

    kind: str
    side: float = Field(0.5, gt=0, le=1, description="of a central hole, share of the image's")
    min_side: float = Field(0.375, gt=0, le=1, description="of a rectangle, share of the image's")
    max_side: float = Field(0.5, gt=0, le=1, description="of a rectangle, share of the image's")
    bucket: tuple[float, float] | None = Field(
        None, description="of irregular holes: share of the image, more than and up to"
    )
    hair_probability: float = Field(1 / 3, ge=0, le=1, description="the hair is erased as well")
    max_draw: int = Field(5, ge=1, description="most lines of the free-form mask")
    max_line: int = Field(80, ge=1, description="most vertices of a line")
    max_angle: float = Field(20.0, ge=0, le=180, description="degrees")
    max_length: float = Field(140.0, gt=0, description="pixels at 512")
    brush_width: float = Field(24.0, gt=0, description="pixels at 512")

    @model_validator(mode="after")
    def _ordered(self):
        if self.min_side > self.max_side:
            raise PydanticCustomError("sides", "min_side must be at most max_side")
        if self.bucket and not 0 <= self.bucket[0] < self.bucket[1] <= 1:
            raise PydanticCustomError("bucket", "bucket must be two shares, 0 <= low < high <= 1")
        return self


class MaskComponent(_MaskOptions):
    """One kind of hole in a mixture."""

    kind: Literal[_MASK_KINDS]
    weight: float = Field(1.0, gt=0, description="how often, next to the others")


class MaskSection(_MaskOptions):
    """Holes of training images. `kind: mixture` draws each hole from one of the `components`."""

    kind: Literal[*_MASK_KINDS, "mixture"] = "sc_fegan"
    same_in_batch: Literal[0, 1] = Field(0, description="1: one mask for the whole batch")
    components: list[MaskComponent] = Field([], description="of a mixture: kind, weight, options")

    @model_validator(mode="after")
    def _possible(self):
        if self.kind == "mixture" and not self.components:
            raise PydanticCustomError("mixture", "kind mixture needs components")
        if self.kind != "mixture" and self.components:
            raise PydanticCustomError("mixture", "components are for kind mixture")
        kinds = (self.kind, *(part.kind for part in self.components))
        if self.same_in_batch and "sc_fegan" in kinds:
            raise PydanticCustomError("same", "same_in_batch is not for sc_fegan: faces differ")
        return self


class HintSection(_Section):
    """What the user of a completion model may draw, as it is simulated in training."""

    sketch_probability: float = Field(1.0, ge=0, le=1, description="else the sketch is empty")
    color_probability: float = Field(1.0, ge=0, le=1, description="else there is no colour")
    noise: Literal["bernoulli", "normal", "uniform"] = "bernoulli"


class AugmentationSection(_Section):
    """Random changes of training images; labels, landmarks and maps move along."""

    flip: float = Field(0.5, ge=0, le=1, description="share of the images that is mirrored")
    shift: float = Field(0.0, ge=0, le=0.5, description="farthest, share of the side")
    rotation: float = Field(0.0, ge=0, le=180, description="greatest, degrees")
    cut: Literal["center", "random"] = Field(
        "center", description="random: anywhere in a photograph, of sources that have more of it"
    )


class OptimizerSection(_Section):
    """Adam, as every paper of the zoo uses it; warm-up and decays count training steps.

    `step`: the rate is multiplied by `decay_factor` every `decay_every` steps. `polynomial`: it
    falls from `decay_start` to nothing at `decay_end` as `(1 - progress) ** decay_power`. With
    `warmup` it is multiplied in step n = 0, 1, ... by `(n + 1) / warmup` at first.
    """

    learning_rate: float = Field(gt=0)
    beta_1: float = Field(0.5, ge=0, lt=1)
    beta_2: float = Field(0.999, ge=0, lt=1)
    epsilon: float = Field(1e-7, gt=0)
    schedule: Literal["constant", "step", "polynomial"] = "constant"
    decay_every: int | None = Field(None, ge=1, description="steps")
    decay_factor: float = Field(0.1, gt=0, le=1)
    decay_start: int = Field(0, ge=0, description="step")
    decay_end: int | None = Field(None, ge=1, description="step")
    decay_power: float = Field(1.0, gt=0, description="1 = linear")
    warmup: int = Field(0, ge=0, description="steps")
    clip_norm: float | None = Field(None, gt=0, description="longest gradient, of all variables")

    @model_validator(mode="after")
    def _whole_schedule(self):
        needed = {"step": "decay_every", "polynomial": "decay_end"}.get(self.schedule)
        if needed and getattr(self, needed) is None:
            raise PydanticCustomError("schedule", f"schedule {self.schedule} needs {needed}")
        if self.decay_end is not None and self.decay_end <= self.decay_start:
            raise PydanticCustomError("schedule", "decay_end must lie after decay_start")
        return self


class TrainingSection(_Section):
    """How long, in what steps, and on which devices.

    `mirrored`: the GPUs of this machine share each batch. `multi_worker`: so do machines, found by
    `zoo.training.distribution.cluster`. The result is the same but for rounding.
    """

    steps: int = Field(ge=1)
    batch_size: int = Field(ge=1, description="rows of a batch, of all devices together")
    accumulate: int = Field(1, ge=1, description="parts in which a batch goes through a device")
    distribution: Literal["none", "mirrored", "multi_worker"] = "none"
    steps_per_execution: int = Field(1, ge=1, description="steps that start as one")
    seed: int = Field(0, ge=0, lt=2**32)
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    ema_decay: float = Field(0.0, ge=0, lt=1, description="of the generator; 0 = none")
    log_every: int = Field(20, ge=1, description="steps")
    sample_every: int = Field(500, ge=1, description="steps between picture grids")
    checkpoint_every: int = Field(500, ge=1, description="steps")

    @model_validator(mode="after")
    def _whole_executions(self):
        if self.steps_per_execution > 1 and self.distribution != "none":
            raise PydanticCustomError(  # TensorFlow fails on several steps of several replicas
                "executions", "steps_per_execution above 1 is for distribution none"
            )
        for key in ("steps", "log_every", "sample_every", "checkpoint_every"):
            if getattr(self, key) % self.steps_per_execution:
                raise PydanticCustomError(
                    "executions",
                    f"{key} must be a multiple of steps_per_execution, {self.steps_per_execution}",
                )
        return self


class Recipe(_Section):
    """One training run."""

    model: ModelSection
    data: DataSection
    masks: MaskSection = MaskSection()
    hints: HintSection = HintSection()
    augmentation: AugmentationSection = AugmentationSection()
    optimizers: dict[str, OptimizerSection]
    training: TrainingSection


def recipes_directory() -> Path:
    """Where the recipes that come with the package are."""
    packaged = Path(__file__).with_name("configs")
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "configs"


def list_recipes() -> list[str]:
    """Names of the recipes that come with the package, such as `sc_fegan/smoke`."""
    root = recipes_directory()
    return sorted(str(p.relative_to(root).with_suffix("")) for p in root.glob("*/*.yaml"))


def find_recipe(recipe: str | os.PathLike) -> Path:
    """The file of a recipe given as a path or by the name of one that comes with the package."""
    for path in (
        Path(recipe),
        recipes_directory() / f"{recipe}.yaml",
        recipes_directory() / recipe,
    ):
        if os.path.isfile(path):  # False for a name that no file can have
            return path
    names = list_recipes()
    raise ZooError(
        f"no recipe {str(recipe)!r}; recipes in the package: {', '.join(names)}."
        f"{did_you_mean(str(recipe), names)}"
    )


def load_recipe(
    recipe: str | os.PathLike, overrides: Iterable[str] = ()
) -> tuple[Recipe, dict[str, str]]:
    """Reads, merges and checks a recipe.

    Args:
        recipe: path, or name of a recipe that comes with the package.
        overrides: texts `a.b=value`; the value is read as YAML.

    Returns:
        The recipe and, for every value that was given, `path -> origin` (a file or "--set").

    Raises:
        ZooError: missing file, bad YAML, unknown key or illegal value; the message has its path.
    """
    values, origins = _merged(find_recipe(recipe), depth=0)
    for override in overrides:
        path, separator, text = override.partition("=")
        if not separator or not path:
            raise ZooError(f"--set {override}: write it as a.b=value")
        value = parse_value(text, f"--set {path}: the value")
        for key in reversed(path.split(".")):
            value = {key: value}
        _merge(values, value, "--set", origins)
    try:
        return Recipe.model_validate(values), origins
    except ValidationError as error:
        raise ZooError(_explained(error, origins)) from None


def parse_value(text: str, source: str) -> Any:
    """Reads YAML, without aliases and repeated keys; `source` is named in the error."""
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # e.g. 5000 digits, 5000 "["
        place = getattr(error, "problem_mark", None)
        where = f" at line {place.line + 1}" if place else ""
        problem = getattr(error, "problem", None)
        why = f": {problem}" if problem else ""
        raise ZooError(f"{source} is not legal YAML{where}{why}") from error


class _Loader(yaml.SafeLoader):
    """YAML without aliases, which can grow without bound, and without one key given twice."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "aliases (*) are not legal", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                problem = f"{key.value!r} is there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _merged(path: Path, depth: int) -> tuple[dict, dict[str, str]]:
    if depth > _MAX_EXTENDS:
        raise ZooError(f"{path}: `extends` goes in a circle or deeper than {_MAX_EXTENDS} files")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ZooError(f"{path} is larger than {_MAX_BYTES} bytes; that is no recipe")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ZooError(f"{path} is not legal YAML: it is not UTF-8") from error
    own = parse_value(text, str(path))
    if not isinstance(own, dict):
        raise ZooError(f"{path} must hold a mapping of sections, such as `model:` and `training:`")
    values, origins = {}, {}
    base = own.pop("extends", None)
    if base is not None:
        parent = path.parent / str(base)
        if not parent.is_file():
            raise ZooError(f"{path}: extends {base!r}, but {parent} does not exist")
        values, origins = _merged(parent, depth + 1)
    _merge(values, own, path.name, origins)
    return values, origins


def _merge(base: dict, top: dict, origin: str, origins: dict[str, str], path: str = "") -> None:
    for key, value in top.items():
        here = f"{path}{key}"
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value, origin, origins, f"{here}.")
            continue
        for replaced in [p for p in origins if p == here or p.startswith(f"{here}.")]:
            del origins[replaced]
        if isinstance(value, dict) and value:
            base[key] = {}
            _merge(base[key], value, origin, origins, f"{here}.")
        else:
            base[key] = value
            origins[here] = origin


def _explained(error: ValidationError, origins: dict[str, str]) -> str:
    """The first problem on one line: path, origin, what was received, what is legal."""
    problem = error.errors()[0]
    path = ".".join(str(part) for part in problem["loc"])
    given = (o for p, o in origins.items() if _within(p, path) or _within(path, p))
    origin = next((f" ({o})" for o in given), "")
    if problem["type"] == "extra_forbidden":
        legal = _keys(problem["loc"][:-1])
        hint = did_you_mean(problem["loc"][-1], legal)
        return f"recipe: unknown key {path}{origin}; legal are {', '.join(legal)}.{hint}"
    if problem["type"] == "missing":
        return f"recipe: {path} is missing"
    if problem["type"] == "model_type":
        legal = ", ".join(_keys(problem["loc"]))
        return f"recipe: {path}{origin} is {problem['input']!r}; legal is a mapping of {legal}"
    hint = ""
    if problem["type"] == "literal_error":
        hint = did_you_mean(problem["input"], re.findall(r"'(\w+)'", problem["ctx"]["expected"]))
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"recipe: {path}{origin} is {problem['input']!r}: {message}{hint and f'.{hint}'}"


def _within(path: str, section: str) -> bool:
    return f"{path}.".startswith(f"{section}.")


def _keys(path: Iterable[str | int]) -> list[str]:
    """Legal keys of the section at `path`."""
    section: Any = Recipe
    for part in path:
        if field := getattr(section, "model_fields", {}).get(part):
            section = field.annotation
        else:  # a key of a dict, or a place in a list
            section = get_args(section)[-1]
    return list(section.model_fields)


def flat(section: BaseModel | dict, prefix: str = "") -> dict[str, Any]:
    """Every value of a recipe by its path."""
    values = section.model_dump() if isinstance(section, BaseModel) else section
    out = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            out |= flat(value, f"{prefix}{key}.")
        else:
            out[f"{prefix}{key}"] = value
    return out
