"""Recorded outputs of the official implementations against ours.

    python -m zoo.testing.golden DIRECTORY [--only NAME ...]

A fixture is `NAME.json` (how to rebuild every weight and input with numpy) and `NAME.npz` (what the
official implementation returned). Exit code 1 if any output differs by more than its tolerance.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import numpy as np

from zoo.errors import ZooError
from zoo.registry import check_names

TOLERANCE = 2e-4  # images and features; float32 re-orderings alone move these by up to 4e-5
LOGIT_TOLERANCE = 1e-4  # logits and probabilities
_LOGITS = {"logit", "logits", "logit_gan", "logit_att", "output"}


def weight(variable: dict) -> np.ndarray:
    """The array that a fixture's variable entry describes."""
    z = np.random.default_rng(variable["seed"]).standard_normal(variable["shape"])
    return (variable["offset"] + variable["scale"] * z).astype("float32")


def model_input(entry: dict) -> np.ndarray:
    """The array that a fixture's input entry describes."""
    kind, shape, rng = entry["kind"], entry["shape"], np.random.default_rng(entry["seed"])
    if kind == "box":
        top, left, height, width = entry["box"]
        x = np.zeros(shape)
        x[:, top : top + height, left : left + width] = 1
    elif kind == "binary_blocks":
        block = entry["block"]
        z = rng.standard_normal((shape[0], shape[1] // block, shape[2] // block, shape[3]))
        x = np.kron(z > 0.5, np.ones((1, block, block, 1)))
    elif kind == "uniform01":
        x = rng.random(shape)
    else:
        z = rng.standard_normal(shape)
        x = {
            "normal": z,
            "normal_clip": np.clip(0.5 * z, -1, 1),
            "binary": z > 0.5,
            "attr01": z > 0,
            "attr_pm1": np.where(z > 0, 1, -1),
            "att_diff": np.sign(z) * (abs(z) > 0.5),
        }[kind]
    return x.astype("float32")


def stored_slice(text: str) -> tuple[slice, ...]:
    """Reads "full" or a slice such as "[:, ::4, ::4, :]"."""
    if text == "full":
        return ()
    parts = [part.strip().split(":") for part in text.strip("[]").split(",")]
    return tuple(slice(*(int(n) if n else None for n in part)) for part in parts)


@contextlib.contextmanager
def recorded_outputs(layers: Iterable):
    """Inside the block, collects layer name -> output of each call of the given Keras layers."""
    record, layers = {}, list(layers)

    def recording(layer, call):
        def wrapped(*args, **kwargs):
            record[layer.name] = call(*args, **kwargs)
            return record[layer.name]

        return wrapped

    for layer in layers:
        layer.call = recording(layer, layer.call)
    try:
        yield record
    finally:
        for layer in layers:
            del layer.call


# network of a fixture -> "module:function"; function (official weights, inputs) -> outputs by name
NETWORKS: dict[str, str] = {
    "attgan_2s_generator": "zoo.testing.golden.attgan:generator",
    "attgan_discriminator": "zoo.testing.golden.attgan:discriminator",
    "attgan_ed_generator": "zoo.testing.golden.attgan:generator",
    "attgan_generator": "zoo.testing.golden.attgan:generator",
    "attgan_unet_generator": "zoo.testing.golden.attgan:generator",
    "context_encoder_center_discriminator": "zoo.testing.golden.context_encoder:discriminator",
    "context_encoder_center_generator": "zoo.testing.golden.context_encoder:generator",
    "context_encoder_random_generator": "zoo.testing.golden.context_encoder:generator",
    "gfc_generator": "zoo.testing.golden.gfc:generator",
    "gfc_global_discriminator": "zoo.testing.golden.gfc:global_discriminator",
    "gfc_local_discriminator": "zoo.testing.golden.gfc:local_discriminator",
    "gfc_parsing_network": "zoo.testing.golden.gfc:parsing_network",
    "light_cnn_29": "zoo.testing.golden.light_cnn:extractor",
    "sc_fegan_generator": "zoo.testing.golden.sc_fegan:generator",
    "stgan_attribute_classifier": "zoo.testing.golden.attribute_classifier:classifier",
    "stgan_discriminator": "zoo.testing.golden.stgan:discriminator",
    "stgan_generator": "zoo.testing.golden.stgan:generator",
}


def compare(directory: Path, name: str) -> dict[str, float]:
    """Output name -> largest absolute difference from the recorded one."""
    fixture = json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
    first = fixture["selfcheck"]
    weights = {v["name"]: weight(v) for v in fixture["variables"]}
    rebuilt = weights[first["variable"]].ravel()[: len(first["first_values"])]
    if not np.array_equal(rebuilt, np.float32(first["first_values"])):
        raise ZooError(f"{name}: this numpy does not rebuild the fixture's weights")
    inputs = {d["name"]: model_input(d) for d in fixture["inputs"]}
    module, function = NETWORKS[name].split(":")
    ours = getattr(import_module(module), function)(weights, inputs)
    differences = {}
    with np.load(directory / f"{name}.npz", allow_pickle=False) as gold:
        for output in fixture["outputs"]:
            key = output["name"]
            value = np.asarray(ours[key])[stored_slice(output["stored"])]
            differences[key] = float(np.abs(value - gold[key]).max())
    return differences


def main(arguments: list[str] | None = None) -> int:
    """Runs the fixtures of a directory; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m zoo.testing.golden")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--only", nargs="+", metavar="NAME")
    options = parser.parse_args(arguments)
    try:
        found = sorted(p.stem for p in options.directory.glob("*.json"))
        if not found:
            raise ZooError(f"no fixtures (*.json) in {options.directory}")
        check_names("fixture", options.only or [], found)
        failed = 0
        for name in options.only or found:
            if name not in NETWORKS:
                print(f"{name:36s} not in this zoo yet")
                continue
            for key, difference in compare(options.directory, name).items():
                tolerance = LOGIT_TOLERANCE if key in _LOGITS else TOLERANCE
                ok = difference <= tolerance
                failed += not ok
                verdict = "ok" if ok else "OVER"
                print(f"{name:36s} {key:18s} {difference:.2e}  <= {tolerance:.0e}  {verdict}")
    except ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 1 if failed else 0
