"""How a run becomes a preset of the package: what it was made from is found, and it loads."""

import json
import shutil
import sys
import types

import numpy as np
import pytest

import zoo
from zoo import cli, presets
from zoo.config import load_recipe
from zoo.data.synthfaces import dataset
from zoo.errors import ZooError
from zoo.files import sha256
from zoo.models.sc_fegan.presets import PRESETS
from zoo.presets import adding, bundles, card, store
from zoo.testing.suite import random_batch, small_model, snapshot

NAME = "sc_fegan_synthfaces_32"
TEXTS = {
    "description": "A tiny one.",
    "intended_use": "Tests | nothing else.",
    "training": "Not at all.",
    "limits": "It knows nothing.",
    "goals": [
        {"text": "PSNR, dB", "protocol": "holes", "cases": ["1-10 %"], "value": "psnr"}
        | {"at_least": 25.0},
        {"text": "PSNR under a|b", "protocol": "holes", "cases": ["1-10 %"], "value": "psnr"}
        | {"over": "a|b", "lower_is_better": True, "at_least": 2e9},
        {"text": "x", "protocol": "holes", "cases": ["1-10 %"], "value": "x", "at_least": 0.0},
        {"text": "rank 1", "protocol": "turns", "cases": ["60"], "value": "y", "at_least": 0.5},
    ],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run directory of `sc_fegan/smoke`, its data's manifest and a result, as if trained."""
    folder = tmp_path_factory.mktemp("trained")
    manifest = {key: kind() for key, kind in dataset._REQUIRED.items()}
    manifest |= {"dataset": "SynthFaces", "version": dataset.VERSION, "count": 24, "size": 32}
    (folder / "faces").mkdir()
    (folder / "faces" / "manifest.json").write_text(json.dumps(manifest))
    model = small_model("sc_fegan")
    recipe, _ = load_recipe("sc_fegan/smoke", [f"data.directory={folder / 'faces'}"])
    model.save_preset(folder / "run" / "preset", recipe=recipe.model_dump(mode="json"), step=6)
    result = {
        "format": 1,
        "protocol": {
            "name": "holes",
            "sha256": "a" * 64,
            "identity": {},
            "altered": ["data.size"],
        },
        "preset": {"sha256": sha256(folder / "run" / "preset" / "model.safetensors")},
        "measures": {},
        "rows": [
            {"case": "1-10 %", "method": "model", "images": 9, "values": {"psnr": 25.4567}},
            {"case": "1-10 %", "method": "a|b", "images": 9, "values": {"psnr": 1e9, "x": None}},
        ],
    }
    (folder / "result.json").write_text(json.dumps(result))
    return types.SimpleNamespace(
        model=model, run=folder / "run", result=folder / "result.json", faces=folder / "faces"
    )


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    place = store.Store(tmp_path / "package", "install face-gan-zoo again")
    monkeypatch.setattr(store, "SHIPPED", place)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ZOO_PRESETS", raising=False)
    monkeypatch.setitem(PRESETS, NAME, TEXTS)
    return place


@pytest.fixture
def run_zoo(monkeypatch, capsys):
    """Exit code, standard output and standard error of `zoo ARGUMENTS`."""

    def run_zoo(*arguments):
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return run_zoo


def test_a_preset_is_added_shown_bundled_imported_and_loaded(
    trained, package, run_zoo, tmp_path, monkeypatch
):
    arguments = ("presets", "add", trained.run, "--name", NAME, "--metrics", trained.result)
    code, out, err = run_zoo(*arguments)
    assert (code, err) == (0, "") and out.startswith(f"{NAME}: ") and "recipe sc_fegan/smoke" in out

    entry = package.entries()[NAME]
    assert (entry.model, entry.licence, entry.zoo) == ("sc_fegan", "Apache-2.0", zoo.__version__)
    assert entry.recipe == "sc_fegan/smoke"
    assert entry.data.manifest_sha256 == sha256(trained.faces / "manifest.json")
    assert (entry.data.images, entry.data.size) == (24, 32)
    (result,) = entry.metrics
    assert (result.protocol, result.sha256, result.altered) == ("holes", "a" * 64, ["data.size"])
    assert [(r.method, r.images, r.values) for r in result.rows] == [
        ("model", 9, {"psnr": 25.4567}),
        ("a|b", 9, {"psnr": 1e9}),
    ]
    assert presets.read_config(package.path(NAME))["networks"] == ["generator"]

    loaded = zoo.load(NAME)
    after = snapshot(loaded.generator.variables)
    for path, value in snapshot(trained.model.generator.variables).items():
        np.testing.assert_array_equal(after[path], value.astype("float16").astype("float32"))

    code, shown, _ = run_zoo("show", NAME)
    assert code == 0 and shown == run_zoo("presets", "show", NAME)[1]
    for part in (
        f"# {NAME}\n\nA tiny one.\n\n| | |\n|---|---|\n| model | sc_fegan |\n",
        "\n| licence | Apache-2.0 |\n",
        f"SHA-256 `{entry.files['model.safetensors'].sha256}`",
        "| recipe | `sc_fegan/smoke` |",
        "## Intended use\n\nTests | nothing else.\n\n## Training\n\nNot at all.\n\n",
        "Data: SynthFaces, 24 images of 32 x 32 pixels; SHA-256 of its manifest",
        f"Protocol holes, SHA-256 `{'a' * 64}`, not as it is pinned: other data.size:\n\n",
        "| case | method | images | psnr |\n| --- | --- | --- | --- |\n",
        "| 1-10 % | model | 9 | 25.46 |\n| 1-10 % | a\\|b | 9 | 1e+09 |\n",
        "## Limits\n\nIt knows nothing.\n\n## Likeness and consent\n\nA face belongs to a person.",
        "rendered and show nobody",
    ):
        assert part in shown

    assert run_zoo("presets", "bundle", NAME, "-o", tmp_path / "b.tar")[0] == 0
    monkeypatch.setattr(store, "SHIPPED", store.Store(tmp_path / "none", ""))
    assert NAME not in zoo.list_presets()
    assert run_zoo("presets", "import", tmp_path / "b.tar") == (0, f"{NAME}\n", "")
    (row,) = [r for r in run_zoo("presets", "list")[1].splitlines() if r.startswith(NAME)]
    assert row.endswith(f"{entry.size / 1e6:.2f} MB {tmp_path / 'home' / 'weights' / NAME}")
    batch = random_batch(loaded)
    np.testing.assert_array_equal(zoo.load(NAME)(batch), loaded(batch))
    assert run_zoo("presets", "remove", NAME)[0] == 0 and NAME not in zoo.list_presets()
    code, out, err = run_zoo("presets", "remove", NAME)
    assert (code, out) == (2, "") and f"no preset '{NAME}' in" in err and err.count("\n") == 1


def test_a_preset_that_is_fetched(trained, package, tmp_path):
    options = {"results": [trained.result], "url": "https://example.org/large"}
    entry = adding.add(trained.run, NAME, **options, output=tmp_path / "upload")
    assert bundles.describe(tmp_path / "upload").files == entry.files
    assert package.entries()[NAME].url == "https://example.org/large"
    assert not package.path(NAME).exists()
    (row,) = [row for row in card.listing() if row[0] == NAME]
    assert row[3] == "fetched when it is loaded, from https://example.org/large"
    assert "| fetched from | https://example.org/large |" in card.markdown(NAME)


def test_what_was_measured_is_replaced(trained, package, tmp_path, run_zoo):
    def result(name, **changes):
        document = {**json.loads(trained.result.read_text()), **changes}
        (tmp_path / name).write_text(json.dumps(document))
        return tmp_path / name

    before = adding.add(trained.run, NAME, results=[trained.result])
    code, out, err = run_zoo("presets", "update", NAME, "--metrics", trained.result)
    assert (code, out) == (2, "") and "result.json judges weights of SHA-256" in err
    assert package.entries()[NAME] == before
    code, out, err = run_zoo("presets", "update", "other", "--metrics", trained.result)
    assert (code, out) == (2, "") and f"no preset 'other' in {package.directory}; there " in err

    preset = {"sha256": before.files["model.safetensors"].sha256}
    row = {"case": "all", "method": "model", "images": 3, "values": {"psnr": 20.0}}
    protocol = {"name": "turns", "sha256": "c" * 64, "identity": {}, "altered": []}
    again = result("again.json", preset=preset, rows=[row])
    new = result("new.json", preset=preset, protocol=protocol)
    code, out, err = run_zoo("presets", "update", NAME, "--metrics", new, "--metrics", again)
    assert (code, out, err) == (0, f"{NAME}: holes, turns\n", "")
    after = package.entries()[NAME]
    assert [(r.protocol, len(r.rows)) for r in after.metrics] == [("holes", 1), ("turns", 2)]
    assert after.metrics[0].rows[0].values == {"psnr": 20.0}
    assert after.model_copy(update={"metrics": before.metrics}) == before
    zoo.load(NAME)


def change_config(run, **changes):
    """Changes keys of the card of a run's preset."""
    path = run / "preset" / "config.json"
    config = json.loads(path.read_text())
    config["card"].update(changes)
    path.write_text(json.dumps(config))


def test_what_cannot_be_added(trained, package, tmp_path, monkeypatch):
    def refused(message, run=trained.run, name=NAME, **changes):
        with pytest.raises(ZooError, match=message):
            adding.add(run, name, **{"results": [trained.result], **changes})
        assert package.entries() == {} and not package.path(name).exists()

    refused("'Big' cannot be the name", name="Big")
    refused("models/sc_fegan/presets.py must tell of x: description, intended_use, tr", name="x")
    refused("needs both the url and a directory", url="https://example.org/p")
    refused("presets are not fetched from", url="file:///p", output=tmp_path / "upload")
    refused("unknown network 'critic'", networks=["critic"])
    refused("cannot read .*gone.json", results=[tmp_path / "gone.json"])
    result = json.loads(trained.result.read_text())
    row = result["rows"][0]
    for changes, message in (
        (
            {"preset": {"sha256": "b" * 64}},
            "judges weights of SHA-256 bbbbbbbbbbbb..., these are",
        ),
        ({"preset": None}, "other.json is no result of"),
        ({"rows": [{**row, "values": {"psnr": "high"}}]}, "rows.0.values.psnr is 'high'"),
        ({"rows": [{**row, "method": "\x1b[2J"}]}, "rows.0.method is '.x1b"),
        ({"protocol": {"identity": {}}}, "no result of zoo eval: protocol is None"),
    ):
        (tmp_path / "other.json").write_text(json.dumps({**result, **changes}))
        refused(message, results=[tmp_path / "other.json"])
    monkeypatch.setattr(adding, "MAX_SHIPPED", 1000)
    refused(f"{NAME} has .* MB; the package takes 0. Train a slimmer one, or give a url")


def test_the_recipe_must_be_the_packages_and_the_data_be_there(trained, package, tmp_path):
    shutil.copytree(trained.run, tmp_path / "run")
    recipe = presets.read_config(trained.run / "preset")["card"]["recipe"]

    def refused(message, **changes):
        change_config(tmp_path / "run", recipe=changes)
        with pytest.raises(ZooError, match=message):
            adding.add(tmp_path / "run", NAME, results=[trained.result])

    longer = {**recipe, "training": {**recipe["training"], "steps": 7, "seed": 3}}
    refused(
        "no recipe of the package; the nearest, sc_fegan/smoke, differs in training.seed, "
        "training.steps$",
        **longer,
    )
    refused("no legal recipe: optimizers is missing", **{k: recipe[k] for k in ("model", "data")})
    data = recipe["data"]
    refused(
        "was trained on celeba; we ship SynthFaces only",
        **{**recipe, "data": {**data, "source": "celeba"}},
    )
    gone = {**recipe, "data": {**data, "directory": str(tmp_path / "gone")}}
    refused("gone/manifest.json does not exist", **gone)


def test_the_page(trained, package, tmp_path, run_zoo):
    assert "None yet." in card.page()
    adding.add(trained.run, NAME, results=[trained.result])
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / f"{NAME}.jpg").write_bytes(b"")
    assert run_zoo("presets", "page", "-o", tmp_path / "presets.md")[0] == 0
    text = (tmp_path / "presets.md").read_text()
    size = package.entries()[NAME].size / 1e6
    assert f"| [`{NAME}`](#{NAME}) | sc_fegan | {size:.2f} | `sc_fegan/smoke` |" in text
    assert f"In the package: {size:.1f} MB of weights." in text
    assert f"\n### {NAME}\n" in text and "\n#### Intended use\n" in text
    assert f"![{NAME}](presets/{NAME}.jpg)" in text
    for goal in (
        f"| PSNR, dB | `{NAME}` | 25 | **25.46** | holes `{'a' * 12}` |",
        f"| PSNR under a\\|b | `{NAME}` | 2e+09 | 1e+09 | holes `{'a' * 12}` |",
        f"| x | `{NAME}` | 0 | not measured | holes `{'a' * 12}` |",
        f"| rank 1 | `{NAME}` | 0.5 | not measured | turns |",
    ):
        assert goal in text
    assert "| `sc_fegan_celebahq_512` | sc_fegan |" in text and "CC BY-NC 4.0 |" in text
