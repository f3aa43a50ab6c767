"""A training run as a user starts it: the smoke recipe, stopped, resumed, broken."""

import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import weights
from zoo.config import load_recipe
from zoo.data.images import write_image
from zoo.errors import ZooError
from zoo.losses import reconstruction
from zoo.training import checkpoint, runner
from zoo.training.environment import git_state


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data") / "faces"


@pytest.fixture
def recipe(data):
    def make(*overrides):
        off = "model.arguments.loss_weights.generator"
        fixed = [f"data.directory={data}", f"{off}.perceptual=0", f"{off}.style=0"]
        return load_recipe("sc_fegan/smoke", [*fixed, "training.ema_decay=0.9", *overrides])[0]

    return make


@pytest.fixture(scope="module")
def straight(data, tmp_path_factory):
    """A run of 6 steps that was never stopped."""
    off = "model.arguments.loss_weights.generator"
    overrides = [f"data.directory={data}", f"{off}.perceptual=0", f"{off}.style=0"]
    recipe = load_recipe("sc_fegan/smoke", [*overrides, "training.ema_decay=0.9"])[0]
    return runner.train(recipe, tmp_path_factory.mktemp("runs") / "straight")


def rows(run):
    with open(run / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


def weights_of(run):
    return {v.path: v.numpy() for v in zoo.load(run).variables}


def test_what_a_run_leaves(straight):
    assert {p.name for p in straight.iterdir()} == {
        "recipe.yaml",
        "environment.json",
        "log.csv",
        "curves.png",
        "tensorboard",
        "samples",
        "checkpoints",
        "preset",
    }
    assert [int(float(row["step"])) for row in rows(straight)] == [2, 4, 6]
    assert all(np.isfinite(float(v)) for row in rows(straight) for v in row.values())
    assert [p.name for p in checkpoint.steps(straight / "checkpoints")] == [
        "step-00000003",
        "step-00000006",
    ]
    config = json.loads((straight / "preset" / "config.json").read_text())
    assert config["card"]["step"] == 6
    assert config["card"]["recipe"]["training"]["steps"] == 6
    assert not list(straight.rglob("*.tmp"))


def test_the_preset_holds_the_average(straight):
    model = zoo.load(straight)
    newest = checkpoint.steps(straight / "checkpoints")[-1]
    state = weights.read(newest / checkpoint.STATE)
    path = "generator/gconv1_ds/kernel"
    value = {v.path: v.numpy() for v in model.generator.variables}[path]
    np.testing.assert_array_equal(value, state["ema/" + path.replace("/", ".")])
    assert np.abs(value - state[path]).max() > 0


def test_the_environment_has_seeds_and_the_state_of_git(straight):
    card = json.loads((straight / "environment.json").read_text())
    assert card["seeds"] == {"training": 0, "data": 0}
    assert card["git"] is None or len(card["git"]["commit"]) == 40


def test_state_of_git(tmp_path):
    assert git_state(tmp_path) is None
    for command in ("init -q", "-c user.name=a -c user.email=b commit -q --allow-empty -m c"):
        subprocess.run(["git", "-C", tmp_path, *command.split()], check=True)
    state = git_state(tmp_path)
    assert len(state["commit"]) == 40 and not state["changed"]


def test_tensorboard_has_the_rows(straight):
    found = {}
    for path in (straight / "tensorboard").glob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                found[event.step, value.tag] = float(tf.make_ndarray(value.tensor))
    expected = {
        (int(row["step"]), name): float(value)
        for row in rows(straight)
        for name, value in row.items()
        if name != "step"
    }
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-6)


def test_killed_and_started_again_is_bit_equal(data, straight, tmp_path):
    """kill -9 in the middle: the last checkpoint is as if it had not been."""
    run, off = tmp_path / "run", "model.arguments.loss_weights.generator"
    fixed = [f"data.directory={data}", f"{off}.perceptual=0", f"{off}.style=0"]
    fixed += ["training.ema_decay=0.9"]
    command = [sys.executable, "-m", "zoo.cli", "train", "sc_fegan/smoke", "--run", str(run)]
    command += [part for setting in fixed for part in ("--set", setting)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("step 4:"):
                process.kill()
        assert process.wait() == -signal.SIGKILL
    assert [p.name for p in checkpoint.steps(run / "checkpoints")] == ["step-00000003"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    ours, theirs = (
        weights.read(r / "checkpoints" / "step-00000006" / checkpoint.STATE)
        for r in (run, straight)
    )
    assert set(ours) == set(theirs)
    for key, value in theirs.items():
        np.testing.assert_array_equal(ours[key], value, err_msg=key)


def test_the_last_row_is_logged_whatever_the_rhythm(recipe, tmp_path):
    runner.train(recipe("training.steps=5"), tmp_path / "run")
    assert [int(row["step"]) for row in rows(tmp_path / "run")] == [2, 4, 5]


def test_a_run_goes_on_elsewhere_but_not_with_another_recipe(recipe, straight):
    runner._claim(straight, recipe("training.steps=9", "training.distribution=mirrored"), None)
    runner._claim(straight, recipe(), None)
    with pytest.raises(ZooError, match="another recipe"):
        runner._claim(straight, recipe("training.accumulate=2"), None)


def test_a_run_starts_from_the_weights_of_another(recipe, straight, tmp_path):
    source, run = tmp_path / "source", tmp_path / "run"
    shutil.copytree(straight / "preset", source)
    config = json.loads((source / "config.json").read_text())
    config["card"]["licence"] = "CC BY-NC 4.0"
    (source / "config.json").write_text(json.dumps(config))
    slow = [f"optimizers.{n}.learning_rate=1e-12" for n in ("generator", "discriminator")]
    start = [f"model.weights={source}", "training.ema_decay=0", *slow]
    runner.train(recipe(*start, "training.steps=1"), run)
    ours, theirs = weights_of(run), weights_of(straight)
    for path, value in theirs.items():
        if path.startswith("generator/"):
            np.testing.assert_allclose(value, ours[path], atol=1e-9, err_msg=path)
    assert zoo.load(run).licence == "CC BY-NC 4.0"
    digest = zoo.load(source).preset_sha256
    shutil.rmtree(source)  # the run goes on without it
    runner.train(recipe(*start, "training.steps=2"), run)
    origin = json.loads((run / "environment.json").read_text())["weights"]
    assert origin == {"sha256": digest, "licence": "CC BY-NC 4.0"}
    assert zoo.load(run).licence == "CC BY-NC 4.0"
    (run / "environment.json").unlink()
    with pytest.raises(ZooError, match="does not say what weights the run started from"):
        runner.train(recipe(*start, "training.steps=3"), run)


def test_refused_weights_to_start_from(recipe, straight, tmp_path):
    def refused(message, weights, *overrides):
        with pytest.raises(ZooError, match=message):
            runner.train(recipe(f"model.weights={weights}", *overrides), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    refused("no preset or directory 'nothing'", "nothing")
    refused("does not fit: misshapen", straight, "model.arguments.width=0.125")
    refused("is of parsing_network; needed is .* sc_fegan", "parsing_network_synthfaces_128")


def test_a_full_disk_is_no_bug_and_leaves_the_last_checkpoint(recipe, tmp_path, monkeypatch):
    run = tmp_path / "run"
    runner.train(recipe("training.steps=3"), run)

    def full(path, arrays, **metadata):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(weights, "write", full)
    with pytest.raises(ZooError, match="cannot write the checkpoint .*No space left on device"):
        runner.train(recipe(), run)
    assert [p.name for p in checkpoint.steps(run / "checkpoints")] == ["step-00000003"]
    assert not list(run.rglob("*.tmp"))
    with pytest.raises(ZooError, match="cannot write .*No space left.* the same command goes on"):
        with runner._clear_errors(run, several=False):
            full(run / "log.csv", {})


def test_stopped_by_a_signal_and_resumed_is_bit_equal(recipe, straight, tmp_path):
    def stop(step, losses):
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        runner.train(recipe(), tmp_path / "run", progress=runner.Progress(losses=stop))
    kept = checkpoint.steps(tmp_path / "run" / "checkpoints")
    assert kept and kept[-1].name < "step-00000006"
    started = []
    progress = runner.Progress(start=lambda step, total: started.append((step, total)))
    runner.train(recipe(), tmp_path / "run", progress=progress)
    assert started == [(int(kept[-1].name[-8:]), 6)]
    assert [int(float(row["step"])) for row in rows(tmp_path / "run")] == [2, 4, 6]
    ours, theirs = weights_of(tmp_path / "run"), weights_of(straight)
    for path, value in theirs.items():
        np.testing.assert_array_equal(value, ours[path], err_msg=path)


def test_a_finished_run_is_reused(recipe, straight):
    before = (straight / "preset" / "model.safetensors").stat().st_mtime_ns
    assert runner.train(recipe(), straight) == straight
    assert (straight / "preset" / "model.safetensors").stat().st_mtime_ns == before


def test_refusals(recipe, straight, tmp_path):
    with pytest.raises(ZooError, match="another recipe"):
        runner.train(recipe("training.seed=3"), straight)
    with pytest.raises(ZooError, match="holds a run already"):
        runner.train(recipe(), straight, resume=False)
    with pytest.raises(ZooError, match="image_size is 64.*images of 32"):
        runner.train(recipe("model.arguments.image_size=64"), tmp_path / "a")
    with pytest.raises(ZooError, match="count=24, the recipe says 20"):
        runner.train(recipe("data.count=20"), tmp_path / "b")
    with pytest.raises(ZooError, match="optimizers 'generater'.*Did you mean 'generator'"):
        runner.train(recipe("optimizers.generater.learning_rate=1e-3"), tmp_path / "c")
    with pytest.raises(ZooError, match="Did you mean 'width'"):
        runner.train(recipe("model.arguments.widht=1"), tmp_path / "d")
    for override in ("width=9", "loss_weights.generator=5"):
        with pytest.raises(ZooError, match="is .*legal"):
            runner.train(recipe(f"model.arguments.{override}"), tmp_path / "e")
    assert not (tmp_path / "e").exists()  # refused before anything was made


def test_missing_matplotlib_is_refused_before_anything_is_made(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ZooError, match=r"face-gan-zoo\[plots\]"):
        runner.train(recipe(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_nan_names_the_loss_and_leaves_the_last_good_checkpoint(recipe, tmp_path, monkeypatch):
    run = tmp_path / "run"
    runner.train(recipe("training.steps=3"), run)
    poison = reconstruction.total_variation
    monkeypatch.setattr(reconstruction, "total_variation", lambda *a: poison(*a) * float("nan"))
    with pytest.raises(ZooError, match="step 4: generator/tv is nan; training stops"):
        runner.train(recipe(), run)
    assert [p.name for p in checkpoint.steps(run / "checkpoints")] == ["step-00000003"]
    assert int(zoo.load(run).step.numpy()) == 0  # the preset still loads


def test_a_broken_checkpoint_is_skipped(recipe, straight, tmp_path):
    import shutil

    run = tmp_path / "run"
    shutil.copytree(straight, run)
    newest = checkpoint.steps(run / "checkpoints")[-1] / checkpoint.STATE
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    started = []
    progress = runner.Progress(start=lambda step, total: started.append(step))
    with pytest.warns(UserWarning, match="checkpoint skipped.*SHA-256"):
        runner.train(recipe(), run, progress=progress)
    assert started == [3]
    np.testing.assert_array_equal(
        weights_of(run)["generator/gconv1_ds/kernel"],
        weights_of(straight)["generator/gconv1_ds/kernel"],
    )
    for path in checkpoint.steps(run / "checkpoints"):
        (path / checkpoint.STATE).write_bytes(b"")
    with pytest.warns(UserWarning), pytest.raises(ZooError, match="no checkpoint in .* restored"):
        runner.train(recipe(), run)


def test_a_run_on_a_folder_of_photos(tmp_path):
    """Any source of `zoo.data.readers`: a model that needs no labels learns from bare photos."""
    rng = np.random.default_rng(0)
    for number in range(12):
        picture = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
        write_image(tmp_path / "photos" / f"{number:02d}.png", picture)
    overrides = ["data.source=photos", f"data.directory={tmp_path / 'photos'}", "data.held_out=4"]
    recipe = load_recipe("context_encoder/smoke", overrides)[0]
    run = runner.train(recipe, tmp_path / "run")
    assert zoo.load(run).zoo_name == "context_encoder"
    assert rows(run)[-1]["step"] == str(recipe.training.steps)


@pytest.mark.parametrize("overrides, message", [
    (["data.source=photos", "data.directory=nowhere"], "nowhere is not a directory"),
    (["data.options={crop: stgan}"], "data.options are for other sources than synthfaces"),
    (["data.source=photos", "data.directory=.", "data.options={crop: 1}"], "option of source"),
])  # fmt: skip
def test_refused_sources(tmp_path, overrides, message):
    recipe = load_recipe("context_encoder/smoke", overrides)[0]
    with pytest.raises(ZooError, match=message):
        runner.train(recipe, tmp_path / "run")


def test_more_people_than_the_model_knows(data, tmp_path):
    overrides = ["model.arguments.identities=5"]
    recipe = load_recipe("light_cnn/smoke", [f"data.directory={tmp_path / 'faces'}", *overrides])[0]
    with pytest.raises(ZooError, match="identities is 5, but .* has 12 people"):
        runner.train(recipe, tmp_path / "run")
