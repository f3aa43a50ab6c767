"""A few faces, tiny models with random weights, and protocols for them."""

import pytest
import yaml

from zoo.data.synthfaces import generate, open_dataset
from zoo.models.tp_gan.model import TPGAN
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


@pytest.fixture
def mirrored(monkeypatch):
    """TP-GAN answers with the mirror image: its networks take a second for each face."""
    monkeypatch.setattr(
        TPGAN, "call", lambda self, batch, training=False: batch["image"][:, :, ::-1]
    )
