"""What the figures of the input pipeline are made of; no timing is asserted."""

import json

import cv2
import numpy as np
import pytest

from zoo import cli
from zoo.config import load_recipe
from zoo.data import bench
from zoo.errors import ZooError


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Overrides that make a recipe read a folder of five photographs; parts are timed shortly."""
    for n in range(5):
        cv2.imwrite(str(tmp_path / f"{n}.png"), np.full((40, 50, 3), n, np.uint8))
    monkeypatch.setattr(bench, "_SECONDS", 0.02)
    return ["data.source=photos", f"data.directory={tmp_path}"]


def test_every_part_is_timed(photos, monkeypatch):
    monkeypatch.setattr(bench.bench, "training", lambda model, size, repeats: {"seconds": 0.5})
    recipe, _ = load_recipe("context_encoder/smoke", photos)
    figures = bench.pipeline(recipe)
    rates = figures["images_per_second"]
    assert (figures["size"], figures["batch_size"]) == (32, 2)
    assert rates["make"] is None and set(rates["draw"]) == {"image", "mask"}
    assert rates["training"] == 2 / 0.5
    assert figures["supply"] == pytest.approx(rates["feed"] / rates["training"])
    assert min(rates["read"], rates["batches"], *rates["draw"].values()) > 10
    cut = {"shorter": 36}
    recipe, _ = load_recipe(
        "context_encoder/smoke", [*photos, f"data.options={cut}", "augmentation.cut=random"]
    )
    assert "draw" not in bench.pipeline(recipe)["images_per_second"]  # drawn while it is read


def test_images_of_steps_that_use_several_batches(monkeypatch, tmp_path):
    """STGAN: six batches of two; rates count images, whatever calls they come in."""
    data = [{"image": np.zeros((32, 32, 3), np.uint8), "attributes": np.ones(13, np.uint8)}] * 12

    class Faces(list):
        attribute_names = load_recipe("attribute_classifier/smoke")[0].model.arguments[
            "attribute_names"
        ]

    monkeypatch.setattr(bench, "_data", lambda section, directory: (7.0, Faces(data)))
    calls = []
    monkeypatch.setattr(bench, "_rate", lambda run, seconds=0: calls.append(run) or 10.0)
    monkeypatch.setattr(bench.bench, "training", lambda model, size, repeats: {"seconds": 2.0})
    figures = bench.pipeline(load_recipe("stgan/smoke")[0])
    assert figures["batch_size"] == 12
    assert figures["images_per_second"] == {
        "make": 7.0,
        "read": 10.0,
        "draw": {"image": 20.0, "attributes": 20.0, "target_attributes": 20.0},
        "batches": 120.0,
        "feed": 120.0,
        "training": 6.0,
    }
    assert len(calls[-2](0)["image"]) == 12


def test_faces_are_made_in_a_place_of_their_own(monkeypatch, tmp_path):
    """The start of the processes, before the first identity is finished, does not count."""
    given = {}

    def generate(directory, progress, **arguments):
        given.update(arguments, directory=directory)
        times = iter([100.0, 101.0, 104.0])
        monkeypatch.setattr(bench.time, "perf_counter", lambda: next(times))
        for done in (4, 8, 24):
            progress(done, 24)

    monkeypatch.setattr(bench, "generate", generate)
    monkeypatch.setattr(bench, "open_dataset", lambda directory: directory)
    section = load_recipe("sc_fegan/preset", ["data.directory=nowhere", "data.count=48"])[0].data
    assert bench._data(section, tmp_path) == (5.0, tmp_path)
    assert given == {
        **{"directory": tmp_path, "count": 48, "size": 128, "seed": 0, "views_per_identity": 4},
        **{"poses": "portrait", "sketch": "canny"},
    }


def test_command(photos, monkeypatch, capsys):
    monkeypatch.setattr(bench.bench, "training", lambda model, size, repeats: {"seconds": 1.0})
    arguments = ["zoo", "bench", "context_encoder/smoke", "--data"]
    for override in photos:
        arguments += ["--set", override]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert not ended.value.code and json.loads(out)["recipe"] == "context_encoder/smoke"
    assert "draw.mask" in err and "supply" in err
    monkeypatch.setattr("sys.argv", [*arguments, "--size", "64"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "--repeats only; for --size write --set data.size=64" in capsys.readouterr().err


def test_other_attributes(photos):
    recipe, _ = load_recipe("attgan/smoke", photos)
    with pytest.raises(ZooError, match="unknown attribute of the data 'Bald'"):
        bench.pipeline(recipe)
