"""The preset store: nothing broken, foreign or renamed is loaded, and bundles carry all or none."""

import json
import os
import shutil
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from small_presets import make, put

import zoo
from zoo import presets
from zoo.errors import ZooError
from zoo.files import sha256
from zoo.presets import bundles, card, index, store
from zoo.presets.store import Store

MEMBERS = ("config.json", "model.safetensors")


def change_index(place, change):
    path = place.directory / "index.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def tree(directory):
    """Relative path -> bytes of every file."""
    files = (p for p in Path(directory).rglob("*") if p.is_file())
    return {str(p.relative_to(directory)): p.read_bytes() for p in files}


@pytest.fixture(autouse=True)
def shipped(tmp_path, monkeypatch):
    """An empty package store, an empty ZOO_HOME, no ZOO_PRESETS."""
    place = Store(tmp_path / "package", remedy="install face-gan-zoo again")
    monkeypatch.setattr(store, "SHIPPED", place)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ZOO_PRESETS", raising=False)
    return place


# The store of the package.


def test_the_page_in_docs_is_up_to_date(monkeypatch):
    monkeypatch.setattr(store, "SHIPPED", Store(Path(presets.__file__).parent, ""))
    docs = Path(__file__).parents[1] / "docs"
    page = card.page(docs / "presets")
    assert (docs / "presets.md").read_text() == page, "zoo presets page -o docs/presets.md"


def test_the_index_of_the_package_is_legal_and_its_files_are_there():
    place = Store(Path(presets.__file__).parent, "")
    entries = place.entries()
    assert index.dump(entries) == (place.directory / "index.json").read_text()
    for name, entry in entries.items():
        assert entry.recipe in zoo.config.list_recipes() and entry.metrics and entry.data
        if entry.url is None:
            place.checked(name, entry)
            assert entry.size <= 10_000_000
    held = place.directory / "weights"
    there = {path.name for path in held.iterdir()} if held.is_dir() else set()
    assert there == {name for name, entry in entries.items() if entry.url is None}
    assert sum(e.size for e in entries.values() if e.url is None) <= 60_000_000


def test_what_is_put_is_found(shipped):
    directory = put(shipped, "one")
    put(shipped, "two", seed=1, model="attgan")
    assert presets.find("one") == directory == shipped.directory / "weights" / "one"
    assert {"one", "two"} <= set(zoo.list_presets())
    assert "one" in zoo.list_presets("stgan") and "two" not in zoo.list_presets("stgan")
    entry = shipped.entries()["one"]
    assert entry.files["model.safetensors"].sha256 == sha256(directory / "model.safetensors")
    assert entry.size == sum((directory / file).stat().st_size for file in MEMBERS)
    left = {p.name for p in shipped.directory.iterdir()}
    assert left == {"index.json", "weights"}


def test_the_index_reads_back_as_written(shipped):
    put(shipped, "one")
    data = index.Data(name="SynthFaces", manifest_sha256="0" * 64, images=960, size=64)
    row = index.Row(case="all", method="model", images=3, values={"psnr": 25.5, "n": 3})
    result = index.Result(protocol="p", sha256="1" * 64, rows=[row])
    update = {"recipe": "stgan/smoke", "data": data, "metrics": [result], "url": "https://x/y"}
    entry = shipped.entries()["one"].model_copy(update=update)
    text = index.dump({"b": entry, "a": entry})
    assert index.parse(text, "") == {"a": entry, "b": entry}
    assert text == index.dump(index.parse(text, "")) and text.index('"a"') < text.index('"b"')


@pytest.mark.parametrize("file", MEMBERS)
def test_a_flipped_byte(shipped, file):
    path = put(shipped, "one") / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        ZooError,
        match=f"^preset one is not loaded: {path} has SHA-256 [0-9a-f]{{12}}..., the index says "
        "[0-9a-f]{12}...; the file is broken or was replaced; install face-gan-zoo again$",
    ):
        zoo.load("one")


@pytest.mark.parametrize("file", MEMBERS)
def test_a_truncated_and_a_missing_file(shipped, file):
    path = put(shipped, "one") / file
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    message = rf"{file} has {size - 1:,} bytes, the index says {size:,}; the file is broken"
    with pytest.raises(ZooError, match=message):
        zoo.load("one")
    path.unlink()
    with pytest.raises(ZooError, match=f"preset one is not whole: {path} is missing; install"):
        zoo.load("one")


def test_a_wrong_hash_in_the_index(shipped):
    put(shipped, "one")
    files = ["presets", "one", "files", "model.safetensors"]

    def change(document):
        for key in files:
            document = document[key]
        document["sha256"] = "0" * 64

    change_index(shipped, change)
    with pytest.raises(ZooError, match="the index says 000000000000...; it is the file that its "):
        zoo.load("one")


def test_a_preset_of_another_format(shipped, tmp_path):
    directory = make(tmp_path / "newer", format=2, zoo="9.1.0")
    message = (
        "config.json is of preset format 2, written by zoo 9.1.0; this zoo "
        f"{zoo.__version__} reads format 1"
    )
    with pytest.raises(ZooError, match=message):
        zoo.load(directory)
    put(shipped, "one")
    change_index(shipped, lambda document: document.update(format=2))
    with pytest.raises(ZooError, match="index.json is of preset format 2, written by zoo another"):
        zoo.load("one")


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda d: d.pop("format"), "is no index of presets: it has no format"),
        (lambda d: d.pop("presets"), "presets is missing"),
        (lambda d: d["presets"].update({"../up": d["presets"]["one"]}), r"\.\./up"),
        (lambda d: d["presets"].update({"a/b": d["presets"]["one"]}), r"a/b"),
        (lambda d: d["presets"]["one"]["files"].pop("config.json"), "files is .*legal are config"),
        (lambda d: d["presets"]["one"]["files"].update({"../x": {}}), r"files\.\.\./x"),
        (lambda d: d["presets"]["one"]["files"]["config.json"].update(bytes=-1), "bytes is -1"),
        (lambda d: d["presets"]["one"]["files"]["config.json"].update(bytes=10**7), "at most 1000"),
        (
            lambda d: d["presets"]["one"]["files"]["model.safetensors"].update(bytes=2**40),
            "bytes is 1099511627776",
        ),
        (lambda d: d["presets"]["one"].update(licence="\x1b[2J"), r"licence is '\\x1b\[2J'"),
        (lambda d: d["presets"]["one"].update(run="rm"), "run is 'rm': Extra inputs"),
    ],
)
def test_bad_indices(shipped, change, message):
    put(shipped, "one")
    change_index(shipped, change)
    with pytest.raises(ZooError, match=f"index.json.*{message}") as refused:
        presets.find("one")
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "[1]", "[" * 100_000, "\xff", " " * 4_000_001])
def test_files_that_are_no_index(shipped, text):
    put(shipped, "one")
    (shipped.directory / "index.json").write_text(text, encoding="latin-1")
    with pytest.raises(ZooError, match="index.json is (not JSON|no index|larger)"):
        presets.find("one")


# Presets of the user.


def test_zoo_presets(tmp_path, monkeypatch, shipped):
    first, second = tmp_path / "first", tmp_path / "second"
    make(first / "mine")
    make(second / "mine", seed=1)
    make(second / "run" / "preset", model="attgan")
    (second / "no preset").mkdir()
    monkeypatch.setenv("ZOO_PRESETS", f"{first}{os.pathsep}{second}{os.pathsep}")
    assert presets.find("mine") == first / "mine"
    assert presets.find("run") == second / "run" / "preset"
    assert {"mine", "run"} <= set(zoo.list_presets()) and "no preset" not in zoo.list_presets()
    assert "run" in zoo.list_presets("attgan") and "run" not in zoo.list_presets("stgan")
    put(shipped, "mine", seed=2)
    assert presets.find("mine") == shipped.path("mine")
    put(store.home(), "run")
    assert presets.find("run") == second / "run" / "preset"
    with pytest.raises(ZooError, match="no preset or directory 'mien'.*Did you mean 'mine'"):
        presets.find("mien")
    monkeypatch.setenv("ZOO_PRESETS", str(tmp_path / "gone"))
    with pytest.raises(ZooError, match="ZOO_PRESETS names .*gone, which is no directory"):
        zoo.list_presets()


def test_home(monkeypatch, tmp_path):
    assert store.home().directory == tmp_path / "home"
    monkeypatch.delenv("ZOO_HOME")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert store.home().directory == tmp_path / "caches" / "face-gan-zoo"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store.home().directory == tmp_path / ".cache" / "face-gan-zoo"
    monkeypatch.setattr("sys.platform", "darwin")
    assert store.home().directory == tmp_path / "Library" / "Caches" / "face-gan-zoo"


def test_remove():
    home = store.home()
    put(home, "one")
    put(home, "two")
    home.remove("one")
    assert list(home.entries()) == ["two"] and not home.path("one").exists()
    assert presets.find("two") == home.path("two")
    with pytest.raises(ZooError, match="no preset 'one' in .*home; there are two$"):
        home.remove("one")


# Bundles.


@pytest.fixture
def bundle(shipped, tmp_path, monkeypatch):
    """A bundle of two presets that are in no store any more."""
    put(shipped, "one")
    make(tmp_path / "mine" / "two", seed=1, card={"licence": "CC BY-NC 4.0"})
    monkeypatch.setenv("ZOO_PRESETS", str(tmp_path / "mine"))
    path = bundles.write(["two", "one"], tmp_path / "b.tar")
    monkeypatch.delenv("ZOO_PRESETS")
    shutil.move(shipped.directory, tmp_path / "source")
    return path


def test_a_bundle_round_trip_in_a_fresh_home(bundle, tmp_path):
    assert not (tmp_path / "home").exists()
    assert bundles.read(bundle) == ["one", "two"]
    home = store.home()
    sources = {"one": tmp_path / "source" / "weights" / "one", "two": tmp_path / "mine" / "two"}
    for name, source in sources.items():
        assert presets.find(name) == home.path(name)
        assert tree(home.path(name)) == tree(source)
    assert home.entries()["two"].licence == "CC BY-NC 4.0"
    assert {p.name for p in home.directory.iterdir()} == {"index.json", "weights"}
    assert bundles.read(bundle) == ["one", "two"]  # once more changes nothing
    again = bundles.write(["one", "two"], tmp_path / "again.tar")
    assert again.read_bytes() == bundle.read_bytes()


def test_an_imported_preset_is_checked_when_loaded(bundle):
    bundles.read(bundle)
    path = store.home().path("one") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"oops")
    message = "is broken or was replaced; `zoo presets remove one`, then import or fetch it again"
    with pytest.raises(ZooError, match=message):
        zoo.load("one")


def test_what_cannot_be_bundled(tmp_path, monkeypatch):
    make(tmp_path / "mine" / "Big Name")
    directory = make(tmp_path / "mine" / "other")
    (directory / "model.safetensors").write_bytes(b"other")
    monkeypatch.setenv("ZOO_PRESETS", str(tmp_path / "mine"))
    for names, message in (
        ([], "at least one"),
        (["zebra"], "no preset or directory 'zebra'"),
        (["Big Name"], "'Big Name' cannot be the name of a preset; legal are"),
        (["sc_fegan_celebahq_512"], "not shipped"),
        (["other"], "model.safetensors is not the file that its config.json names"),
    ):
        with pytest.raises(ZooError, match=message):
            bundles.write(names, tmp_path / "b.tar")
    assert not (tmp_path / "b.tar").exists()


def repack(path, change):
    """Rewrites a tar; `change` maps its list of (member, bytes)."""
    with tarfile.open(path) as tar:
        members = [(m, tar.extractfile(m).read()) for m in tar.getmembers()]
    with tarfile.open(path, "w") as tar:
        for member, data in change(members):
            tar.addfile(member, BytesIO(data) if member.isreg() else None)


def extra(name, kind=tarfile.REGTYPE, data=b"x", link=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, len(data)
    return member, data


def changed(place, **attributes):
    """Changes attributes of the member at a place."""

    def change(members):
        for name, value in attributes.items():
            setattr(members[place][0], name, value)
        return members

    return change


def with_data(place, edit):
    def change(members):
        member, data = members[place]
        members[place] = (member, edit(data))
        member.size = len(members[place][1])
        return members

    return change


def flipped(data):
    return data[:-1] + bytes([data[-1] ^ 1])


def index_with(**values):
    return with_data(0, lambda data: json.dumps({**json.loads(data), **values}).encode())


NAME = "weights/one/model.safetensors"


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda m: [*m, extra("../escaped")], "member '../escaped' is not in its index.json"),
        (lambda m: [*m, extra("/etc/escaped")], "member '/etc/escaped' is not in"),
        (lambda m: [*m, extra("weights/one/../../up")], "is not in its index.json"),
        (lambda m: [*m, extra("weights/one/run.py")], "'weights/one/run.py' is not in"),
        (lambda m: [*m, extra("weights/one", tarfile.DIRTYPE, b"")], "'weights/one' is not in"),
        (changed(2, name="./" + NAME), "is not in its index.json"),
        (
            lambda m: [*m[:2], extra(NAME, tarfile.SYMTYPE, b"", "/etc/passwd"), *m[3:]],
            f"{NAME} is no plain file",
        ),
        (
            lambda m: [
                *m[:2],
                extra(NAME, tarfile.LNKTYPE, b"", "weights/two/config.json"),
                *m[3:],
            ],
            f"{NAME} is no plain file",
        ),
        (lambda m: [*m[:2], extra(NAME, tarfile.FIFOTYPE, b""), *m[3:]], "is no plain file"),
        (lambda m: [*m, m[2]], f"{NAME} is there twice"),
        (lambda m: m[:-1], "is not whole: weights/two/model.safetensors is missing"),
        (lambda m: m[1:], "is no bundle: its first member is not index.json"),
        (lambda m: [], "is no bundle: its first member"),
        (lambda m: [extra("index.json", tarfile.SYMTYPE, b"", "x"), *m[1:]], "is no bundle"),
        (lambda m: [extra("index.json", data=b" " * 4_000_001), *m[1:]], "index.json is larger"),
        (with_data(2, flipped), f"{NAME} has SHA-256 .* the bundle is broken"),
        (with_data(1, lambda data: data + b" "), "one/config.json has .* bytes, its index.json"),
        (with_data(2, lambda data: data[:-1]), "has .* bytes, its index.json says"),
        (with_data(0, lambda data: data[:-9]), "index.json is not JSON"),
        (index_with(format=7, zoo="3.0"), "index.json is of preset format 7, written by zoo 3.0"),
    ],
)
def test_bad_bundles(bundle, tmp_path, change, message):
    before = tree(tmp_path)
    repack(bundle, change)
    with pytest.raises(ZooError, match=message):
        bundles.read(bundle)
    after = tree(tmp_path)
    assert before.keys() == after.keys() and store.home().entries() == {}


def test_cut_and_compressed_bundles(bundle, tmp_path):
    data = bundle.read_bytes()
    for broken in (b"", data[:300], data[:2000], data[: len(data) // 2], b"PK\3\4" + data):
        bundle.write_bytes(broken)
        with pytest.raises(ZooError, match="b.tar is no"):
            bundles.read(bundle)
    with tarfile.open(bundle, "w:gz") as tar:
        tar.addfile(*(lambda member, data: (member, BytesIO(data)))(*extra("index.json")))
    with pytest.raises(ZooError, match="no whole bundle .uncompressed tar."):
        bundles.read(bundle)
    for path, message in ((tmp_path / "gone", "no bundle at"), (tmp_path, "no bundle at")):
        with pytest.raises(ZooError, match=message):
            bundles.read(path)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"format": 2, "zoo": "0.9"}, "weights/one/config.json is of preset format 2"),
        ({"model": "stgann"}, "unknown model 'stgann'.*Did you mean 'stgan'"),
        ({"networks": []}, "networks is empty"),
    ],
)
def test_a_bundle_of_presets_that_could_not_be_loaded(shipped, tmp_path, changes, message):
    """Its hashes are right; the preset is checked nonetheless."""
    directory = put(shipped, "one")
    config = {**json.loads((directory / "config.json").read_text()), **changes}
    (directory / "config.json").write_text(json.dumps(config))
    file = index.File(
        sha256=sha256(directory / "config.json"),
        bytes=(directory / "config.json").stat().st_size,
    )
    change_index(
        shipped,
        lambda d: d["presets"]["one"]["files"].update({"config.json": file.model_dump()}),
    )
    bundles.write(["one"], tmp_path / "b.tar")
    shutil.rmtree(shipped.directory)
    with pytest.raises(ZooError, match=f"b.tar: {message}|b.tar: .*{message}"):
        bundles.read(tmp_path / "b.tar")
    assert store.home().entries() == {} and not store.home().path("one").exists()


def test_a_name_is_not_taken_over(bundle, shipped):
    home = store.home()
    put(home, "two", seed=5)
    kept = tree(home.directory)
    message = "two of the bundle is not the two of .*home; `zoo presets remove two` deletes the old"
    with pytest.raises(ZooError, match=message):
        bundles.read(bundle)
    assert tree(home.directory) == kept
    put(shipped, "one", seed=5)
    with pytest.raises(ZooError, match="one of the bundle is not the one of this zoo; use the zoo"):
        bundles.read(bundle)


def test_a_home_that_cannot_be_written(bundle, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "file"))
    with pytest.raises(ZooError, match="cannot write into .*file"):
        bundles.read(bundle)
