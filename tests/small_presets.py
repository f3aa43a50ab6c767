"""Presets that are whole, though no model would take their few numbers."""

import json

import numpy as np

import zoo
from zoo import weights
from zoo.files import sha256
from zoo.presets import bundles


def make(directory, seed=0, **changes):
    """Writes one; `changes` are of its config."""
    directory.mkdir(parents=True)
    values = np.random.default_rng(seed).standard_normal(1000).astype(np.float32)
    weights.write(directory / "model.safetensors", {"generator/kernel": values})
    config = {
        "format": 1,
        "zoo": zoo.__version__,
        "model": "stgan",
        "arguments": {},
        "networks": ["generator"],
        "sha256": sha256(directory / "model.safetensors"),
        "card": {"licence": "Apache-2.0"},
        **changes,
    }
    (directory / "config.json").write_text(json.dumps(config))
    return directory


def put(place, name, **changes):
    """Puts one into a store."""
    with place.workshop() as work:
        directory = make(work / name, **changes)
        return place.put(name, bundles.describe(directory), directory)
