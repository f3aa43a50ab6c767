import subprocess
import sys

import pytest

from zoo import config
from zoo.errors import ZooError


@pytest.mark.parametrize("name", config.list_recipes())
def test_every_recipe_loads(name):
    recipe, origins = config.load_recipe(name)
    assert recipe.model.name == "sc_fegan" and origins["model.name"]


def test_precedence_and_origins(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "model: {name: m, arguments: {width: 1}}\ndata: {directory: d}\n"
        "optimizers: {generator: {learning_rate: 1.0e-3}}\ntraining: {steps: 5, batch_size: 2}\n"
    )
    (tmp_path / "b.yaml").write_text("extends: a.yaml\ntraining: {steps: 7}\n")
    recipe, origins = config.load_recipe(tmp_path / "b.yaml", ["training.batch_size=3"])
    assert (recipe.training.steps, recipe.training.batch_size) == (7, 3)
    assert recipe.model.arguments == {"width": 1}
    assert origins["training.steps"] == "b.yaml"
    assert origins["training.batch_size"] == "--set"
    assert origins["model.arguments.width"] == "a.yaml"
    assert config.flat(recipe)["optimizers.generator.beta_1"] == 0.5


@pytest.mark.parametrize(
    "override, message",
    [
        ("trainin.steps=3", "unknown key trainin;.*Did you mean 'training'"),
        ("training.stepz=3", r"unknown key training.stepz \(--set\).*Did you mean 'steps'"),
        ("optimizers.generator.lr=1", "unknown key optimizers.generator.lr"),
        ("training.steps=many", r"training.steps \(--set\) is 'many'"),
        ("training.steps=0", "greater than or equal to 1"),
        ("training.precision=float8", "mixed_float16"),
        ("training.steps", "write it as a.b=value"),
        ("training.steps=[", "is not YAML"),
    ],
)
def test_bad_values(override, message):
    with pytest.raises(ZooError, match=message):
        config.load_recipe("sc_fegan/smoke", [override])


@pytest.mark.parametrize(
    "text, message",
    [
        ("- a\n", "must hold a mapping"),
        ("a: [\n", "is not YAML at line"),
        ("extends: r.yaml\n", "goes in a circle"),
        ("extends: gone.yaml\n", "gone.yaml does not exist"),
        ("model: {name: m}\n", "data is missing"),
        ("#" * 300_000, "larger than"),
    ],
)
def test_bad_files(tmp_path, text, message):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(ZooError, match=message):
        config.load_recipe(tmp_path / "r.yaml")


def test_import_and_lists_do_not_import_tensorflow():
    code = (
        "import sys, zoo; zoo.list_models(); zoo.list_presets(); "
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
