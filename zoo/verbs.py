"""What `zoo run` does for each task: options in, picture out.

Each function takes the preset, the picture (H, W, 3 or 4) uint8 and the options that were given.
"""

from __future__ import annotations

import json

import numpy as np

from zoo.blending import poisson
from zoo.data import images
from zoo.errors import ZooError
from zoo.presets import load


def complete(preset: str, picture: np.ndarray, given: dict) -> np.ndarray:
    """Fills the hole; a transparent hole becomes opaque."""
    if "mask" not in given:
        raise ZooError("--mask is missing: a picture as large as the image, white = hole")
    shape = picture.shape[:2]
    hole = images.read_mask(given["mask"], shape)
    options = {"box": given.get("box"), "seed": given.get("seed", 0)}
    if "sketch" in given:
        options["sketch"] = images.read_sketch(given["sketch"], shape)
    if "color" in given:
        options["color"] = images.read_color(given["color"], shape)
    size = given.get("size")
    if size not in (None, "native"):
        size = integers("--size", size, "native, or pixels")
    opaque = images.over_white(picture)
    result = load(preset).complete(opaque, hole, size=size, **options)
    if "blend" in given:
        result = poisson(opaque, result, hole)
    if picture.shape[2] == 4:
        filled = np.dstack([result, np.full(shape, 255, np.uint8)])
        result = np.where(hole > 0, filled, picture)
    return result


def edit(preset: str, picture: np.ndarray, given: dict) -> np.ndarray:
    """Changes the attributes of `--set`."""
    if "set" not in given:
        raise ZooError("--set is missing: attributes to change, such as --set Eyeglasses=1")
    changes = {}
    for text in given["set"]:
        name, separator, value = text.partition("=")
        try:
            changes[name] = float(value)
        except ValueError:
            separator = ""
        if not separator:
            raise ZooError(f"--set {text}: write it as NAME=VALUE, such as Eyeglasses=1")
    options = {"box": given.get("box")}
    if "source" in given:
        names = [name for name in given["source"].split(",") if name]
        options["source_attributes"] = dict.fromkeys(names, 1)
    elif "classifier" in given:
        options["classifier"] = load(given["classifier"])
    return load(preset).edit(images.over_white(picture), changes, **options)


def frontalize(preset: str, picture: np.ndarray, given: dict) -> np.ndarray:
    """Turns the face to the camera."""
    points = None
    if "landmarks" in given:
        path = given["landmarks"]
        try:
            if path.stat().st_size > 10_000:
                raise ValueError
            points = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            legal = "a JSON file of five points [[x, y], ...]"
            raise ZooError(f"--landmarks {path} cannot be read; legal is {legal}") from None
    return load(preset).frontalize(images.over_white(picture), points)


def classify(preset: str, picture: np.ndarray, given: dict) -> None:
    """Prints the attributes, the likeliest first."""
    probabilities = load(preset).classify(images.over_white(picture))
    for name, probability in sorted(probabilities.items(), key=lambda item: -item[1]):
        print(f"{probability:6.1%}  {name}")


# task -> function (preset, picture, given options) -> picture or None, and the options it takes
VERBS = {
    "complete": (complete, ("mask", "sketch", "color", "seed", "size", "box", "blend")),
    "edit": (edit, ("set", "source", "classifier", "box")),
    "frontalize": (frontalize, ("landmarks",)),
    "classify": (classify, ()),
}


def integers(option: str, text: str, legal: str, count: int | None = None):
    """A whole number, or `count` of them with commas between."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != (count or 1):
        raise ZooError(f"{option} is {text!r}; legal are {legal}, whole numbers")
    return numbers if count else numbers[0]
