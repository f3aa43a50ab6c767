"""Presets: bit-equal round trips, and no broken, foreign or odd file is ever taken for one."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import zoo
from zoo import presets, weights
from zoo.errors import ZooError
from zoo.files import sha256
from zoo.presets.adding import TEXTS
from zoo.testing.suite import random_batch, small_model, snapshot


@pytest.fixture(scope="module")
def model(preset):
    return zoo.load(preset)


@pytest.fixture
def copy(preset, tmp_path):
    """A preset that may be spoiled."""
    shutil.copytree(preset, tmp_path / "copy")
    return tmp_path / "copy"


def edit(directory, **changes):
    """Changes keys of a preset's config; None removes one."""
    path = directory / "config.json"
    config = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


def reweigh(directory, change):
    """Changes a preset's arrays, with a right hash."""
    path = directory / "model.safetensors"
    arrays = weights.read(path)
    change(arrays)
    weights.write(path, arrays)
    edit(directory, sha256=sha256(path))


# Round trips.


def test_float32_round_trip_is_bit_equal(model, tmp_path):
    assert model.save_preset(tmp_path / "p") == tmp_path / "p"
    loaded = zoo.load(tmp_path / "p")
    before, after = snapshot(model.variables), snapshot(loaded.variables)
    assert set(before) == set(after)
    for path, value in before.items():
        assert value.tobytes() == after[path].tobytes() and value.dtype == after[path].dtype
    assert loaded.get_config() == model.get_config()
    batch = random_batch(model)
    np.testing.assert_array_equal(model(batch), loaded(batch))
    loaded.save_preset(tmp_path / "q")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "p" / name).read_bytes() == (tmp_path / "q" / name).read_bytes()


def test_half_is_within_float16_and_loads_as_float32(model, tmp_path):
    model.save_preset(tmp_path / "p", half=True)
    model.save_preset(tmp_path / "q")
    sizes = [(tmp_path / n / "model.safetensors").stat().st_size for n in "pq"]
    assert sizes[0] < 0.6 * sizes[1]
    after = snapshot(zoo.load(tmp_path / "p").variables)
    networks = [*model.generator.variables, *model.discriminator.variables]
    for path, value in snapshot(networks).items():
        assert after[path].dtype == np.float32
        np.testing.assert_array_equal(after[path], value.astype("float16").astype("float32"))
        np.testing.assert_allclose(after[path], value, rtol=2**-11, atol=2**-25)


def test_half_refuses_what_float16_cannot_hold(tmp_path):
    model = small_model("sc_fegan")
    variable = model.generator.variables[0]
    variable.assign(variable.numpy() * 0 + 65504)
    model.save_preset(tmp_path / "p", half=True)
    variable.assign(variable.numpy() * 0 - 65600)
    with pytest.raises(ZooError, match=f"{variable.path} holds values beyond float16"):
        model.save_preset(tmp_path / "q", half=True)
    assert [p.name for p in tmp_path.iterdir()] == ["p"]


def test_networks_subset(model, tmp_path):
    model.save_preset(tmp_path / "p", networks=["generator"], source="a test")
    stored = weights.read(tmp_path / "p" / "model.safetensors")
    assert set(stored) == {v.path for v in model.generator.variables}
    loaded = zoo.load(tmp_path / "p")
    batch = random_batch(model)
    np.testing.assert_array_equal(model(batch), loaded(batch))
    config = presets.read_config(tmp_path / "p")
    assert config["networks"] == ["generator"]
    assert config["card"] == {"licence": "Apache-2.0", "source": "a test"}
    with pytest.raises(ZooError, match="unknown network 'generater'.*Did you mean 'generator'"):
        model.save_preset(tmp_path / "q", networks=["generater"])
    for networks in ("generator", []):
        with pytest.raises(ZooError, match="legal is a list of some of generator, discriminator"):
            model.save_preset(tmp_path / "q", networks=networks)
    assert not (tmp_path / "q").exists()


def test_licence_travels(model, copy, tmp_path):
    edit(copy, card={"licence": "CC BY-NC 4.0"})
    loaded = zoo.load(copy)
    assert loaded.licence == "CC BY-NC 4.0" and model.licence == "Apache-2.0"
    loaded.save_preset(tmp_path / "again")
    assert presets.read_config(tmp_path / "again")["card"]["licence"] == "CC BY-NC 4.0"
    edit(copy, card=None)
    assert zoo.load(copy).licence == "Apache-2.0"


# Where it is written.


def test_a_preset_is_replaced_as_a_whole(model, copy):
    (copy / "left over").write_text("")
    model.save_preset(copy, networks=["generator"])
    assert sorted(p.name for p in copy.iterdir()) == ["config.json", "model.safetensors"]
    assert presets.read_config(copy)["networks"] == ["generator"]


def test_an_empty_directory_and_new_folders_are_fine(model, tmp_path):
    (tmp_path / "empty").mkdir()
    model.save_preset(tmp_path / "empty")
    model.save_preset(tmp_path / "a" / "b")
    assert presets.find(tmp_path / "empty") and presets.find(tmp_path / "a" / "b")


def test_other_places_are_refused_and_left_alone(model, tmp_path, monkeypatch):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "thesis.tex").write_text("work")
    (tmp_path / "f").write_text("work")
    monkeypatch.chdir(tmp_path / "d")
    for path, message in (
        (tmp_path / "d", "exists and is not a preset"),
        (tmp_path / "f", "f exists and is a file"),
        (tmp_path / "f" / "p", "cannot write .*p: "),
        (".", "name a directory below it"),
        ("..", "name a directory below it"),
    ):
        with pytest.raises(ZooError, match=message):
            model.save_preset(path)
    files = {
        str(p.relative_to(tmp_path)): p.is_file() and p.read_text() for p in tmp_path.rglob("*")
    }
    assert files == {"d": False, "d/thesis.tex": "work", "f": "work"}


def test_an_error_while_saving_keeps_the_old_preset(model, copy):
    before = {p.name: p.read_bytes() for p in copy.iterdir()}
    with pytest.raises(TypeError, match="not JSON serializable"):
        model.save_preset(copy, metrics=object())
    assert {p.name: p.read_bytes() for p in copy.iterdir()} == before
    assert [p.name for p in copy.parent.iterdir()] == ["copy"]


# Finding.


def test_find(copy, tmp_path):
    assert presets.find(copy) == copy and presets.find(str(copy)) == copy
    (tmp_path / "run").mkdir()
    copy.rename(tmp_path / "run" / "preset")
    assert presets.find(tmp_path / "run") == tmp_path / "run" / "preset"


@pytest.mark.parametrize(
    "name, message",
    [
        ("sc_fegan_celebahq_51", "no preset .*Did you mean 'sc_fegan_celebahq_512'"),
        (
            "zebra",
            r"no preset or directory 'zebra'; known presets: attgan_celeba_128, .*stgan.*128\.$",
        ),
        ("sc_fegan_celebahq_512", r"not shipped \(CC BY-NC 4.0\). .*zoo convert sc_fegan"),
        ("x" * 5000, "no preset or directory"),
        ("a\0b", "no preset or directory"),
    ],
)
def test_find_refuses(name, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ZooError, match=message):
        presets.find(name)


@pytest.mark.parametrize("preset", [None, 5, b"stgan"])
def test_find_refuses_what_is_no_name(preset):
    with pytest.raises(ZooError, match=f"preset is {preset!r}; legal are a name or a directory"):
        presets.find(preset)


def test_find_names_a_directory_that_is_no_preset(tmp_path):
    with pytest.raises(ZooError, match=f"{tmp_path} is not a preset: it has no config.json"):
        presets.find(tmp_path)
    with pytest.raises(ZooError, match=f"{tmp_path} is not a preset: it has no config.json"):
        presets.read_config(tmp_path)


def test_lists(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    monkeypatch.delenv("ZOO_PRESETS", raising=False)
    assert zoo.list_presets() == sorted(presets.cards())
    assert "sc_fegan_celebahq_512" in zoo.list_presets("sc_fegan")
    assert "sc_fegan_celebahq_512" not in zoo.list_presets("stgan")
    with pytest.raises(ZooError, match="unknown model 'sc_fegn'.*Did you mean 'sc_fegan'"):
        zoo.list_presets("sc_fegn")
    for card in presets.cards().values():
        assert card["model"] in zoo.list_models() and card["licence"] and card["description"]
        assert card.get("obtain") or all(card.get(text) for text in TEXTS)


def test_import_and_lists_import_neither_tensorflow_nor_keras():
    code = (
        "import sys, zoo, zoo.presets, zoo.config, zoo.registry, zoo.cli;"
        "assert zoo.list_models() and zoo.list_presets() and zoo.config.list_recipes();"
        "zoo.presets.cards(); zoo.config.load_recipe('sc_fegan/smoke');"
        "print(sorted({'tensorflow', 'keras', 'cv2', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


# Broken and foreign presets.


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "config.json is not JSON: "),
        (b"\xff\xfe{}", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"model": ' + "9" * 5000 + "}", "is not JSON"),
        ("[1]", "must be an object with model, arguments, networks, sha256"),
        ("{}", "config.json: model must be a str; received nothing"),
        (" " * 1_000_001, "config.json is larger than 1000000 bytes"),
    ],
)
def test_bad_config_files(copy, text, message):
    data = text if isinstance(text, bytes) else text.encode()
    (copy / "config.json").write_bytes(data)
    with pytest.raises(ZooError, match=message):
        zoo.load(copy)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"model": 5}, "model must be a str; received int"),
        ({"arguments": [1]}, "arguments must be a dict; received list"),
        ({"networks": "generator"}, "networks must be a list; received str"),
        ({"networks": []}, "networks is empty"),
        ({"sha256": None}, "sha256 must be a str; received nothing"),
        ({"sha256": ""}, "has SHA-256 .*the file is broken or was replaced"),
        ({"card": "CC0"}, "card must be a dict; received str"),
        ({"model": "sc_fegn"}, "config.json: unknown model 'sc_fegn'.*Did you mean 'sc_fegan'"),
        ({"model": "zoo.gan:GANModel"}, "config.json: unknown model"),
        ({"arguments": {"imagesize": 32}}, "unknown sc_fegan argument 'imagesize'.*'image_size'"),
        ({"arguments": {"image_size": 33}}, "config.json: image_size is 33"),
        ({"arguments": {"image_size": "32"}}, "argument image_size is '32'; legal is int"),
        ({"arguments": {"width": "wide"}}, "argument width is 'wide'; legal is float"),
        ({"arguments": {"loss_weights": {"generator": 5}}}, "argument loss_weights is"),
        (
            {"zoo": "0.0.9", "arguments": {"layers": 3}},
            r"config.json \(written by zoo 0.0.9; this is .*\): unknown sc_fegan argument 'layers'",
        ),
        (
            {"zoo": "0.0.9", "networks": ["generator"]},
            r"safetensors \(written by zoo 0.0.9; this is .*\) does not fit: extra",
        ),
        ({"networks": ["generator", "critic"]}, "config.json: unknown network 'critic'"),
        ({"networks": [{}]}, "config.json: unknown network"),
        ({"networks": ["generator"]}, r"safetensors does not fit: extra \(\d+\): discriminator/"),
    ],
)
def test_bad_configs(copy, changes, message):
    edit(copy, **changes)
    with pytest.raises(ZooError, match=message):
        zoo.load(copy)


def test_a_preset_of_another_width_does_not_fit(copy):
    config = presets.read_config(copy)
    edit(copy, arguments={**config["arguments"], "width": 0.125})
    with pytest.raises(ZooError, match=r"does not fit: misshapen \(\d+\): generator/.* needs \("):
        zoo.load(copy)


def test_a_wrong_bit_or_a_missing_end_breaks_the_hash(copy):
    path = copy / "model.safetensors"
    data = bytearray(path.read_bytes())
    for broken in (data[:-1], data[:100], b"", bytes(data[:-1]) + bytes([data[-1] ^ 1])):
        path.write_bytes(broken)
        with pytest.raises(ZooError, match="has SHA-256 [0-9a-f]{12}..., config.json says"):
            zoo.load(copy)
    path.unlink()
    with pytest.raises(ZooError, match="is not a whole preset: it has no model.safetensors"):
        zoo.load(copy)


def test_foreign_weights_with_a_right_hash(copy):
    path = copy / "model.safetensors"
    path.write_bytes(b"\x80\x04}\x94.")
    edit(copy, sha256=sha256(path))
    with pytest.raises(ZooError, match="is not a whole safetensors file"):
        zoo.load(copy)


def set_nan(arrays):
    arrays["generator/gconv1_ds/kernel"][0, 0, 0, 0] = np.nan


def rename(arrays):
    arrays["generator/gconv1_ds/krnel"] = arrays.pop("generator/gconv1_ds/kernel")


def reshape(arrays):
    name = "generator/gconv1_ds/kernel"
    arrays[name] = arrays[name][1:]


@pytest.mark.parametrize(
    "change, message",
    [
        (set_nan, "safetensors: generator/gconv1_ds/kernel holds values that are not finite"),
        (lambda a: a.pop("generator/gconv1_ds/bias"), r"missing \(1\): generator/gconv1_ds/bias"),
        (lambda a: a.update(x=np.zeros(1)), r"extra \(1\): x$"),
        (rename, r"missing \(1\): .*Did you mean '.*krnel'\?; extra \(1\)"),
        (reshape, r"misshapen \(1\): generator/gconv1_ds/kernel is \(2, 3, .*, needs \(3, 3, "),
        (lambda a: a.clear(), r"missing \(\d+\): .* and \d+ more"),
    ],
)
def test_weights_that_do_not_fit(copy, change, message):
    reweigh(copy, change)
    with pytest.raises(ZooError, match=message):
        zoo.load(copy)
