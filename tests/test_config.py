"""Recipes: what wins, where each value comes from, and one clear line for every mistake."""

import os
from pathlib import Path

import pytest
import yaml

from zoo import config
from zoo.errors import ZooError

BASE = """\
model: {name: m, arguments: {width: 1, weights: {a: 1, b: 2}}}
data: {directory: d}
optimizers: {generator: {learning_rate: 1.0e-3}}
training: {steps: 5, batch_size: 2}
"""


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    write("a.yaml", BASE)
    return write


# Finding.


@pytest.mark.parametrize("path", sorted(config.recipes_directory().glob("**/*.yaml")), ids=str)
def test_every_recipe_loads(path):
    recipe, origins = config.load_recipe(path)
    assert recipe.model.name == path.parent.name
    assert set(origins.values()) <= {p.name for p in path.parent.glob("*.yaml")}
    assert set(origins) <= set(config.flat(recipe))


def test_list_and_find(tmp_path, monkeypatch):
    names = config.list_recipes()
    assert names == sorted(names) and "sc_fegan/smoke" in names
    root = config.recipes_directory()
    assert sorted(root.glob("**/*.yaml")) == sorted(root / f"{name}.yaml" for name in names)
    assert config.find_recipe("sc_fegan/smoke") == root / "sc_fegan" / "smoke.yaml"
    assert config.find_recipe("sc_fegan/smoke.yaml") == root / "sc_fegan" / "smoke.yaml"
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(BASE)
    assert config.find_recipe("mine.yaml") == Path("mine.yaml")
    assert config.find_recipe(tmp_path / "mine.yaml") == tmp_path / "mine.yaml"


@pytest.mark.parametrize("name", ["sc_fegan/smok", "", ".", "a\0b", "x" * 5000, "../setup"])
def test_find_refuses(name):
    with pytest.raises(ZooError, match="^no recipe .*sc_fegan/preset, sc_fegan/") as error:
        config.find_recipe(name)
    assert ("Did you mean 'sc_fegan/smoke'?" in str(error.value)) == (name == "sc_fegan/smok")


# Merging.


def test_chain_of_three_files(write):
    write("sub/b.yaml", "extends: ../a.yaml\ntraining: {steps: 7}\nmodel: {arguments: {depth: 3}}")
    path = write("c.yaml", "extends: sub/b.yaml\ntraining: {steps: 9, seed: 4}\n")
    recipe, origins = config.load_recipe(path)
    assert recipe.training.model_dump(include={"steps", "seed", "batch_size"}) == {
        "steps": 9,
        "seed": 4,
        "batch_size": 2,
    }
    assert recipe.model.arguments == {"width": 1, "weights": {"a": 1, "b": 2}, "depth": 3}
    assert origins == {
        "model.name": "a.yaml",
        "model.arguments.width": "a.yaml",
        "model.arguments.weights.a": "a.yaml",
        "model.arguments.weights.b": "a.yaml",
        "model.arguments.depth": "b.yaml",
        "data.directory": "a.yaml",
        "optimizers.generator.learning_rate": "a.yaml",
        "training.steps": "c.yaml",
        "training.batch_size": "a.yaml",
        "training.seed": "c.yaml",
    }


def test_set_wins_and_the_last_one_most(write):
    overrides = ["training.steps=7", "training.steps=8", "model.arguments.weights.b=5"]
    recipe, origins = config.load_recipe(write("b.yaml", "extends: a.yaml"), overrides)
    assert recipe.training.steps == 8
    assert recipe.model.arguments["weights"] == {"a": 1, "b": 5}
    assert origins["training.steps"] == origins["model.arguments.weights.b"] == "--set"
    assert origins["model.arguments.weights.a"] == "a.yaml"


@pytest.mark.parametrize(
    "text, value",
    [("5", 5), ("1.5", 1.5), ("", None), ("[1, 2]", [1, 2]), ("a=b", "a=b"), ("'5'", "5"),
     ("true", True), ("{c: {d: 1}}", {"c": {"d": 1}}), ("a b ", "a b")],
)  # fmt: skip
def test_set_values_are_yaml(write, text, value):
    recipe, origins = config.load_recipe(write("b.yaml", BASE), [f"model.arguments.new={text}"])
    assert recipe.model.arguments["new"] == value
    assert type(recipe.model.arguments["new"]) is type(value)
    below = {path: o for path, o in origins.items() if path.startswith("model.arguments.new")}
    path = "model.arguments.new.c.d" if isinstance(value, dict) else "model.arguments.new"
    assert below == {path: "--set"}


def test_origins_follow_when_a_mapping_replaces_a_value_and_back(write):
    path = write("b.yaml", "extends: a.yaml\nmodel: {arguments: {width: {x: 1}, weights: 3}}")
    recipe, origins = config.load_recipe(path)
    assert recipe.model.arguments == {"width": {"x": 1}, "weights": 3}
    below = {p: o for p, o in origins.items() if p.startswith("model.arguments")}
    assert below == {"model.arguments.width.x": "b.yaml", "model.arguments.weights": "b.yaml"}


def test_numbers_as_yaml_1_1_reads_them(write):
    # without a dot `1e-4` is a text in YAML 1.1; it still is a learning rate
    assert yaml.safe_load("1e-4") == "1e-4"
    override = "optimizers.generator.learning_rate=1e-4"
    recipe, _ = config.load_recipe(write("b.yaml", BASE), [override])
    assert recipe.optimizers["generator"].learning_rate == 1e-4


@pytest.mark.parametrize("masks, message", [
    ("{kind: mixture}", "kind mixture needs components$"),
    ("{components: [{kind: center}]}", "components are for kind mixture$"),
    ("{kind: mixture, components: [center]}",
     r"masks.components.0 \(--set\) is 'center'; legal is a mapping of kind, side, "),
    ("{kind: mixture, components: [{kind: brush}, {kind: centre}]}",
     r"masks.components.1.kind \(--set\) is 'centre': .*. Did you mean 'center'\?$"),
    ("{kind: mixture, components: [{kind: mixture}]}", "components.0.kind .*'mixture': input"),
    ("{kind: mixture, components: [{kind: center, sides: 1}]}",
     r"unknown key masks.components.0.sides \(--set\); .*, weight. Did you mean 'side'\?$"),
    ("{kind: mixture, components: [{kind: center, weight: 0}]}", "weight .* greater than 0$"),
    ("{bucket: [0.2, 0.1]}", "bucket must be two shares, 0 <= low < high <= 1$"),
    ("{same_in_batch: 1}", "same_in_batch is not for sc_fegan: faces differ$"),
    ("{min_side: 0.6}", "min_side must be at most max_side$"),
])  # fmt: skip
def test_holes_that_are_none(write, masks, message):
    with pytest.raises(ZooError, match=message) as error:
        config.load_recipe(write("b.yaml", "extends: a.yaml"), [f"masks={masks}"])
    assert "\n" not in str(error.value)


def test_a_mixture_of_holes(write):
    given = "masks={kind: mixture, components: [{kind: irregular, bucket: [0, 0.1], weight: 3}]}"
    masks = config.load_recipe(write("b.yaml", "extends: a.yaml"), [given])[0].masks
    (part,) = masks.components
    assert (masks.kind, part.kind, part.bucket, part.weight) == (
        "mixture",
        "irregular",
        (0, 0.1),
        3,
    )


def test_flat():
    values = {"a": 1, "b": {"c": [1], "d": {"e": None}}, "f": {}}
    assert config.flat(values) == {"a": 1, "b.c": [1], "b.d.e": None, "f": {}}
    recipe, _ = config.load_recipe("sc_fegan/smoke")
    values = config.flat(recipe)
    assert values["optimizers.generator.beta_1"] == 0.5
    assert values["model.arguments.loss_weights.generator.style"] == 120.0
    assert values["data.source"] == "synthfaces"
    assert [path for path, value in values.items() if isinstance(value, dict)] == ["data.options"]


# Refusing. Every message is one line, names the path and what is legal.


@pytest.mark.parametrize(
    "overrides, message",
    [
        ("trainin.steps=3", r"unknown key trainin \(--set\); legal are model, data, masks, hints, "
         r"augmentation, optimizers, training. Did you mean 'training'\?$"),
        ("training.stepz=3", r"unknown key training.stepz \(--set\).*Did you mean 'steps'"),
        ("data.siz=3", r"unknown key data.siz .*legal are source, directory.*'size'"),
        ("model.argument={}", r"unknown key model.argument \(--set\).*'arguments'"),
        ("masks.max_drow=1", r"unknown key masks.max_drow .*'max_draw'"),
        ("optimizers.generator.lerning_rate=1",
         r"unknown key optimizers.generator.lerning_rate .*legal are learning_rate, beta_1.*'l"),
        ("optimizers.generator.beta_1.x=1", "optimizers.generator.beta_1.*valid number"),
        ("1=2", r"unknown key 1 \(--set\)"),
        ("training..steps=1", r"unknown key training. \(--set\)"),
        ("training.steps=many", r"training.steps \(--set\) is 'many': .*valid integer"),
        ("training.steps=2.5", r"training.steps \(--set\) is 2.5: .*fractional"),
        ("training.steps=[1]", r"training.steps \(--set\) is \[1\]"),
        ("training.steps=", r"training.steps \(--set\) is None"),
        ("training.steps=yes", r"training.steps \(--set\) is True: true and false are not legal"),
        ("hints.color_probability=off", "hints.color_probability .*is False: true and false"),
        ("data.directory=5", r"data.directory \(--set\) is 5: .*valid string"),
        ("training=5", r"training \(--set\) is 5; legal is a mapping of steps, batch_size"),
        ("optimizers.generator=1", r"optimizers.generator \(--set\) is 1; .*learning_rate, beta_1"),
        ("model.arguments=", r"model.arguments \(--set\) is None: .*valid dictionary"),
        ("training.steps=0", "training.steps .* is 0: .*greater than or equal to 1"),
        ("training.seed=4294967296", "training.seed .*less than 4294967296"),
        ("training.distribution=all", "'none', 'mirrored' or 'multi_worker'"),
        ("training.accumulate=0", "training.accumulate .*greater than or equal to 1"),
        (
            "training={steps: 4, batch_size: 2, log_every: 2, sample_every: 2, checkpoint_every: 2,"
            " steps_per_execution: 2, distribution: mirrored}",
            "steps_per_execution above 1 is for distribution none",
        ),
        ("training.steps_per_execution=4", "steps must be a multiple of steps_per_execution, 4"),
        ("optimizers.generator.clip_norm=0", "clip_norm .*greater than 0"),
        ("training.ema_decay=1", "training.ema_decay .*less than 1"),
        ("hints.sketch_probability=1.1", "hints.sketch_probability .*less than or equal to 1"),
        ("masks.max_length=0", "masks.max_length .*greater than 0"),
        ("masks.max_length=.inf", "masks.max_length .* is inf: .*finite"),
        ("optimizers.generator.learning_rate=.nan", "learning_rate .* is nan: .*finite"),
        ("data.size=31", "data.size .*greater than or equal to 32"),
        ("training.precision=float8", "'float32', 'mixed_float16' or 'mixed_bfloat16'"),
        ("training.steps", r"^--set training.steps: write it as a\.b=value$"),
        ("=5", "^--set =5: write it as"),
        ("training.steps=[", "^--set training.steps: the value is not legal YAML at line 1: "),
        ("training.steps=!!python/name:os.system", "not legal YAML at line 1: could not determine"),
        ("training.steps=" + "9" * 5000, "^--set training.steps: the value is not legal YAML"),
        ("model.arguments=&a {b: *a}", "aliases .* are not legal"),
    ],
)  # fmt: skip
def test_bad_values(overrides, message):
    with pytest.raises(ZooError, match=message) as error:
        config.load_recipe("sc_fegan/smoke", [overrides])
    assert "\n" not in str(error.value) and "Section" not in str(error.value)


@pytest.mark.parametrize(
    "text, message",
    [
        ("- a\n", "must hold a mapping of sections"),
        ("", "must hold a mapping"),
        ("5", "must hold a mapping"),
        ("a: 1\nb: [\n", "r.yaml is not legal YAML at line 3: "),
        ("a: \x00", "r.yaml is not legal YAML"),
        ("[" * 5000, "r.yaml is not legal YAML"),
        ("a: &x [1]\nb: *x\n", r"not legal YAML at line 2: aliases \(\*\) are not legal"),
        ("training: {steps: 1}\ndata: {}\ntraining: {}\n", "at line 3: 'training' is there twice"),
        ("? [1]\n: 2\n", "not legal YAML at line 1: found unhashable key"),
        ("extends: r.yaml\n", "goes in a circle"),
        ("extends: s.yaml\n", "goes in a circle"),
        ("extends: gone.yaml\n", "r.yaml: extends 'gone.yaml', but .*gone.yaml does not exist"),
        ("extends: [a.yaml]\n", "does not exist"),
        ("model: {name: m}\n", "recipe: data is missing"),
        ("extends: a.yaml\ntraining: {stepz: 1}\n", r"unknown key training.stepz \(r.yaml\)"),
        ("extends: a.yaml\ntraining: {steps: x}\n", r"training.steps \(r.yaml\) is 'x'"),
        ("#" * 200_001, "larger than 200000 bytes"),
    ],
)
def test_bad_files(write, text, message):
    write("s.yaml", "extends: r.yaml\n")
    with pytest.raises(ZooError, match=message):
        config.load_recipe(write("r.yaml", text))


def test_a_file_as_large_as_legal_loads(write):
    path = write("r.yaml", BASE + "#" * (200_000 - len(BASE)))
    assert config.load_recipe(path)[0].training.steps == 5


def test_extends_may_be_eight_deep(write):
    for i in range(9):
        write(f"r{i}.yaml", f"extends: r{i - 1}.yaml\n" if i else BASE)
    assert config.load_recipe(write("r.yaml", "extends: r7.yaml"))[0].training.steps == 5
    with pytest.raises(ZooError, match="deeper than 8 files"):
        config.load_recipe(write("r.yaml", "extends: r8.yaml"))


def test_unreadable_files(write, monkeypatch):
    path = write("r.yaml", BASE)
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(ZooError, match="r.yaml is not legal YAML: it is not UTF-8"):
        config.load_recipe(path)

    def refuse(self, **options):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(ZooError, match="cannot read .*r.yaml: Permission denied"):
        config.load_recipe(path)
