"""A few faces, tiny models with random weights, and protocols for them."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

import zoo
from zoo.data.synthfaces import generate, open_dataset
from zoo.errors import ZooError
from zoo.testing.suite import small_model

SIZE = 32


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """32 pixels, 20 people in 2 views: 4 pictures for tests."""
    directory = tmp_path_factory.mktemp("faces") / f"faces-{SIZE}"
    generate(directory, 40, size=SIZE, views_per_identity=2, workers=1)
    return open_dataset(directory)


@pytest.fixture(scope="session")
def presets(tmp_path_factory):
    """Name of a model -> preset directory of it with random weights."""
    root = tmp_path_factory.mktemp("presets")
    made = {}

    def preset(name, **arguments):
        if name not in made:
            made[name] = small_model(name, **arguments).save_preset(root / name)
        return made[name]

    return preset


@pytest.fixture
def protocol(faces, tmp_path):
    """Writes a protocol for `faces`; returns its path."""

    def protocol(name="mine", **values):
        data = {
            **{"source": "synthfaces", "directory": str(faces.directory), "size": SIZE},
            **{"count": 40, "seed": 0, "views_per_identity": 2},
        }
        base = {"version": 1, "description": "For tests.", "procedure": "completion", "data": data}
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**base, **values}), encoding="utf-8")
        return path

    return protocol


class Mirror:
    """Stands for TP-GAN, whose networks are slow to build and to run: answers the mirror image."""

    zoo_name, task, default_size, input_keys = "tp_gan", "frontalize", SIZE, ("image",)

    def __call__(self, batch, training=False):
        return batch["image"][:, :, ::-1]

    def frontalize(self, image, landmarks=None):
        if image.mean() > 127:
            raise ZooError("no face found")
        return image[:, ::-1]


@pytest.fixture
def turner(presets, monkeypatch, tmp_path):
    """A preset directory that loads as `Mirror`."""
    directory = tmp_path / "turner"
    shutil.copytree(presets("light_cnn"), directory)
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, "model": "tp_gan"}))
    load = zoo.presets.load
    loaders = {directory: Mirror}
    monkeypatch.setattr("zoo.presets.load", lambda p: loaders.get(Path(p), lambda: load(p))())
    return directory
