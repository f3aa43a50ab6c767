"""Several devices and several processes train what one device trains; a killed worker costs steps,
not the result."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

import zoo
from zoo.config import load_recipe
from zoo.data.images import write_image
from zoo.errors import ZooError
from zoo.testing.suite import DEVICES
from zoo.training import checkpoint, distribution, runner

RECIPE = "context_encoder_features/smoke"  # the quickest to trace


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    directory = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(12):
        picture = rng.integers(0, 256, (100, 100, 3), dtype=np.uint8)
        write_image(directory / f"{number:02d}.png", picture)
    return directory


@pytest.fixture(scope="module")
def overrides(photos):
    return [
        "data.source=photos",
        f"data.directory={photos}",
        "data.held_out=4",
        "training.log_every=1",
        "training.sample_every=1000",
        "training.ema_decay=0.9",
    ]


def state_of(run, step):
    path = run / "checkpoints" / f"step-{step:08d}" / checkpoint.STATE
    return zoo.weights.read(path)


# Devices ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(overrides, tmp_path_factory):
    """A run of 6 steps on one device."""
    recipe, _ = load_recipe(RECIPE, [*overrides, "training.steps=6"])
    return runner.train(recipe, tmp_path_factory.mktemp("plain") / "run")


@pytest.mark.parametrize("setting, tolerance", [
    (["training.distribution=mirrored"], 1e-5),
    (["training.steps_per_execution=3"], 0.0),
])  # fmt: skip
def test_a_run_comes_out_the_same(overrides, plain, setting, tolerance, tmp_path):
    every = ["training.log_every=3", "training.sample_every=3", "training.checkpoint_every=3"]
    recipe, _ = load_recipe(RECIPE, [*overrides, "training.steps=6", *every, *setting])
    run = runner.train(recipe, tmp_path / "run")
    ours, theirs = state_of(run, 6), state_of(plain, 6)
    assert set(ours) == set(theirs)
    for key, value in theirs.items():
        np.testing.assert_allclose(ours[key], value, rtol=0, atol=tolerance, err_msg=key)


def test_a_batch_that_cannot_be_divided_is_refused(overrides, tmp_path):
    settings = ["training.distribution=mirrored", "training.accumulate=2", "training.batch_size=6"]
    recipe, _ = load_recipe(RECIPE, [*overrides, *settings])
    with pytest.raises(ZooError, match=rf"batch_size is 6; legal are multiples of {2 * DEVICES}"):
        runner.train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


# Processes ----------------------------------------------------------------------------------------


def start(run, steps, overrides, ports):
    """Two workers, as a user starts them."""
    processes = []
    for index in range(len(ports)):
        config = {
            "cluster": {"worker": [f"127.0.0.1:{port}" for port in ports]},
            "task": {"type": "worker", "index": index},
        }
        environment = {**os.environ, "TF_CONFIG": json.dumps(config), "TF_CPP_MIN_LOG_LEVEL": "2"}
        settings = [*overrides, f"training.steps={steps}", "training.distribution=multi_worker"]
        command = [sys.executable, "-m", "zoo.cli", "train", RECIPE, "--run", str(run)]
        command += [part for setting in settings for part in ("--set", setting)]
        log = (run.parent / f"{run.name}-{index}.log").open("wb")
        processes.append(
            subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        )
    return processes


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_for_step(run, step, seconds=120):
    """Until the log has a row of that step."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        log = run / "log.csv"
        if log.is_file() and len(log.read_text().splitlines()) > step:
            return
        time.sleep(0.05)
    raise TimeoutError(f"{run} did not come to step {step}")


def test_a_killed_worker_costs_steps_but_not_the_result(overrides, tmp_path):
    settings = [*overrides, "training.checkpoint_every=10"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for process in start(whole, 40, settings, free_ports(2)):
        assert process.wait(180) == 0

    chief, other = start(broken, 40, settings, free_ports(2))
    wait_for_step(broken, 12)
    other.send_signal(signal.SIGKILL)
    assert chief.wait(120) == 2
    text = (tmp_path / "broken-0.log").read_text()
    assert "error: another worker was lost" in text and "Traceback" not in text
    kept = checkpoint.steps(broken / "checkpoints")
    assert kept and kept[-1].name < "step-00000040"

    for process in start(broken, 40, settings, free_ports(2)):
        assert process.wait(180) == 0
    ours, theirs = state_of(broken, 40), state_of(whole, 40)
    for key, value in theirs.items():
        np.testing.assert_array_equal(ours[key], value, err_msg=key)
    assert (broken / "log.csv").read_bytes() == (whole / "log.csv").read_bytes()


# Clusters -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("nodes, hosts", [
    ("node1", ["node1"]),
    ("gpu[08-10,12],login", ["gpu08", "gpu09", "gpu10", "gpu12", "login"]),
    ("a[9-11]", ["a9", "a10", "a11"]),
    ("x[1-2],y[3]", ["x1", "x2", "y3"]),
])  # fmt: skip
def test_hosts_of_slurm(nodes, hosts):
    assert distribution.expanded(nodes) == hosts


@pytest.fixture
def described(monkeypatch):
    def by(**variables):
        for key in ("TF_CONFIG", "SLURM_STEP_NODELIST", "JOB_COMPLETION_INDEX"):
            monkeypatch.delenv(key, raising=False)
        for key, value in variables.items():
            monkeypatch.setenv(key, value)
        resolver = distribution.cluster()
        return resolver.cluster_spec().as_dict()["worker"], resolver.task_id

    return by


def test_clusters(described):
    slurm = {
        "SLURM_STEP_NODELIST": "n[9-10]",
        "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
        "SLURM_PROCID": "2",
    }
    hosts = ["n9:8888", "n9:8889", "n10:8888", "n10:8889"]
    assert described(**slurm) == (hosts, 2)  # rank 2 is the first task of the second node
    pod = {"HOSTNAME": "gan-1", "ZOO_SERVICE": "gan", "ZOO_WORKERS": "3"}
    expected = (["gan-0.gan:8888", "gan-1.gan:8888", "gan-2.gan:8888"], 1)
    assert described(JOB_COMPLETION_INDEX="1", **pod) == expected
    config = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}
    assert described(TF_CONFIG=json.dumps(config), **slurm) == (["a:1", "b:2"], 1)


@pytest.mark.parametrize("variables, message", [
    ({}, "nothing describes the workers; legal are TF_CONFIG, a Slurm job step"),
    ({"TF_CONFIG": "{"}, "TF_CONFIG is set, but it describes no cluster"),
    ({"TF_CONFIG": "{}"}, "'cluster' is missing"),
    ({"TF_CONFIG": '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}'},
     "worker 1 of 1"),
    ({"TF_CONFIG": '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}'},
     "legal is the task type worker; received ps"),
    ({"SLURM_STEP_NODELIST": "n1"}, "'SLURM_STEP_TASKS_PER_NODE' is missing"),
    ({"JOB_COMPLETION_INDEX": "0", "HOSTNAME": "gan-0"}, "'ZOO_SERVICE' is missing"),
])  # fmt: skip
def test_clusters_described_badly(described, variables, message):
    with pytest.raises(ZooError, match=message):
        described(**variables)
