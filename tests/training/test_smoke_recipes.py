"""Every model's smoke recipe trains, stops in the middle, and goes on to its end."""

import csv

import numpy as np
import pytest
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.config import load_recipe
from zoo.training import checkpoint, runner


@pytest.mark.parametrize("name", zoo.list_models())
def test_smoke_recipe(name, tmp_path):
    fixed = [f"data.directory={tmp_path / 'faces'}", "training.log_every=1"]
    whole, _ = load_recipe(f"{name}/smoke", fixed)
    steps = whole.training.steps
    half, _ = load_recipe(f"{name}/smoke", [*fixed, f"training.steps={steps // 2}"])
    runner.train(half, tmp_path / "run")
    assert [p.name for p in checkpoint.steps(tmp_path / "run" / "checkpoints")][-1] == (
        f"step-{steps // 2:08d}"
    )
    runner.train(whole, tmp_path / "run")
    with open(tmp_path / "run" / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(float(row["step"])) for row in rows] == list(range(1, steps + 1))
    model = zoo.load(tmp_path / "run")
    losses = {f"{group}/{loss}" for group, names in model.loss_weights.items() for loss in names}
    norms = {f"{group}/gradient_norm" for group, names in model.loss_weights.items() if names}
    assert set(rows[0]) == {"step", *losses, *norms}
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())
    drawn = model.task in ("complete", "edit", "frontalize", "parse")
    assert any((tmp_path / "run").glob("samples/*.png")) == drawn


def test_smoke_flag_takes_the_smoke_recipe_of_the_model(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(runner, "train", lambda recipe, run, **options: given.append(recipe))
    command = ["train", "stgan/stgan_celeba-128_32", "--smoke", "--run", str(tmp_path / "run")]
    result = CliRunner().invoke(app, [*command, "--set", "training.steps=2"])
    assert result.exit_code == 0, result.output
    smoke, _ = load_recipe("stgan/smoke", ["training.steps=2"])
    assert given == [smoke] and smoke.model.arguments["image_size"] == 32
