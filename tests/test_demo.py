"""The demonstration from end to end, on 32 pixels and presets with random weights."""

import json
import os
import shlex
import sys
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

import zoo
from zoo import cli, demo, masks, presets, tasks
from zoo.data import images
from zoo.data.synthfaces import ATTRIBUTE_NAMES, TOGGLED_ATTRIBUTES, SynthFaces, open_dataset
from zoo.demo import page, stage
from zoo.demo.section import Number, Picture, Shown
from zoo.presets import store
from zoo.testing.suite import small_model

SIZE, FACES = 32, 3
MODELS = (
    *("context_encoder", "gfc", "parsing_network", "sc_fegan", "stgan"),
    *("attribute_classifier", "light_cnn"),
)


class Mirror:
    """Stands for TP-GAN, which is slow and made for 128 pixels: answers the mirror image."""

    zoo_name, task, default_size, input_keys = "tp_gan", "frontalize", SIZE, ("image",)

    def __call__(self, batch, training=False):
        return np.asarray(batch["image"])[:, :, ::-1]

    def frontalize(self, image, landmarks=None):
        return tasks.frontalize(self, image, landmarks)


def loader(load):
    return lambda preset: Mirror() if "tp_gan" in str(preset) else load(preset)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Presets under the names that the demonstration loads; their directory is `ZOO_PRESETS`."""
    root = tmp_path_factory.mktemp("presets")
    for name in MODELS:
        model = small_model(name)
        model.save_preset(root / f"{name}_synthfaces_128", networks=model.network_names[:1])
    turner = root / "tp_gan_synthfaces_128"
    small_model("light_cnn").save_preset(turner)
    config = json.loads((turner / "config.json").read_text())
    (turner / "config.json").write_text(json.dumps({**config, "model": "tp_gan"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_PRESETS", str(root))
        patch.setattr(store, "SHIPPED", store.Store(root / "shipped", remedy="none"))
        patch.setattr(stage, "SIZE", SIZE)
        patch.setattr(demo, "SIZE", SIZE)
        patch.setattr(presets, "load", loader(presets.load))
        yield root


@pytest.fixture(scope="module")
def made(place, tmp_path_factory):
    """A demonstration, what it reported and the lines it returned."""
    directory, reports = tmp_path_factory.mktemp("demo") / "a <b>", []
    lines = demo.run(directory, FACES, lambda *report: reports.append(report))
    return directory, reports, lines


@pytest.fixture(scope="module")
def results(made):
    return json.loads((made[0] / "results.json").read_text())


@pytest.fixture(scope="module")
def portraits(made):
    dataset = open_dataset(made[0] / "faces" / f"portraits-{SIZE}-{FACES}")
    return [dataset[i] for i in range(len(dataset))]


class Page(HTMLParser):
    """Tags and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.codes, self.text = [], [], text
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "code":
            self.codes.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def shown(made):
    return Page((made[0] / "index.html").read_text(encoding="utf-8"))


def psnr(truth, result, where):
    error = np.mean((truth[where] / 255.0 - result[where] / 255.0) ** 2)
    return 10 * np.log10(1 / max(error, 1e-10))


def test_psnr_of_the_hole_is_that_by_hand(results, portraits):
    model = zoo.load("context_encoder_synthfaces_128")
    hole = masks.center(SIZE, SIZE)
    inside = hole[..., 0] > 0
    ours, telea = [], []
    for face in portraits:
        image = face["image"]
        fast = cv2.inpaint(image, inside.astype(np.uint8), 3, cv2.INPAINT_TELEA)
        ours.append(psnr(image, model.complete(image, hole), inside))
        telea.append(psnr(image, fast, inside))
    number = results["sections"]["context_encoder"]["psnr_hole"]
    assert number["value"] == pytest.approx(np.mean(ours), abs=1e-4)
    assert number["others"] == {"cv2 Telea": pytest.approx(np.mean(telea), abs=1e-4)}


def test_edits_are_compared_with_the_true_ones(results, portraits):
    """A third of the faces, here the first, in all 13 attributes."""
    faces = SynthFaces(SIZE, stage.SEED, 1)
    known = dict(zip(ATTRIBUTE_NAMES, portraits[0]["attributes"].tolist(), strict=True))
    errors = []
    for name in TOGGLED_ATTRIBUTES:
        true = faces.render(0, {name: 1 - known[name]})["image"]
        errors.append(psnr(portraits[0]["image"], true, np.s_[:]))
    number = results["sections"]["stgan"]["edits"]
    assert number["others"]["no edit"] == pytest.approx(np.mean(errors), abs=1e-4)


def test_likeness_is_the_cosine_by_hand(made, results):
    """Of the turned views but the first of each person, whose frontal partner is in the gallery."""
    dataset = open_dataset(made[0] / "faces" / f"lab-{SIZE}-12")
    network = zoo.load("light_cnn_synthfaces_128")

    def features(picture):
        image = np.float32(picture[None] / 127.5 - 1)
        return np.asarray(network({"image": image}, training=False), np.float64)[0]

    cosines = {"turned": [], "not turned": []}
    for index in range(12):
        face = dataset[index]
        if index % 6 == 0 or round(float(face["yaw"])) == 0:
            continue
        true = features(face["frontal"])
        for key, picture in (("turned", face["image"][:, ::-1]), ("not turned", face["image"])):
            found = features(picture)
            cosine = found @ true / np.linalg.norm(found) / np.linalg.norm(true)
            cosines[key].append(cosine)
    number = results["sections"]["tp_gan"]["identity_cosine"]
    assert number["value"] == pytest.approx(np.mean(cosines["turned"]), abs=1e-4)
    assert number["others"] == {
        "not turned": pytest.approx(np.mean(cosines["not turned"]), abs=1e-4)
    }


def test_exports_are_weighed(made, results):
    digest = results["protocol"]["presets"]["sc_fegan_synthfaces_128"]["sha256"]
    exports = made[0] / "exports" / f"sc_fegan_synthfaces_128-{digest[:12]}"
    numbers = results["sections"]["exports"]
    size = (exports / "model.onnx").stat().st_size
    assert numbers["onnx_megabytes"]["value"] == pytest.approx(size / 1e6)
    assert 0 <= numbers["onnx_difference"]["value"] < 1e-4
    assert numbers["savedmodel_megabytes"]["value"] > size / 2e6


def test_protocol_says_what_was_used(place, results):
    protocol = results["protocol"]
    kept = ("seed", "size", "faces", "people_turned")
    assert [protocol[key] for key in kept] == [9001, SIZE, FACES, 2]
    assert protocol["environment"]["zoo"] == zoo.__version__
    for name in (*MODELS, "tp_gan"):
        config = presets.read_config(place / f"{name}_synthfaces_128")
        assert protocol["presets"].pop(f"{name}_synthfaces_128") == {
            **{"model": name, "sha256": config["sha256"], "licence": config["card"]["licence"]}
        }
    assert not protocol["presets"]
    assert list(results["sections"]) == [section.key for section in demo.SECTIONS]


def test_lines_tell_the_numbers(made, results):
    directory, reports, lines = made
    number = results["sections"]["sc_fegan"]["edge_f1"]
    told = f"{number['value']:.2f} (without hints {number['others']['without hints']:.2f})"
    assert f"SC-FEGAN: {number['label']} {told}" in lines
    assert lines[-2:] == [
        f"page       {directory / 'index.html'}",
        f"numbers    {directory / 'results.json'}",
    ]
    assert reports[0] == ("sections", 0, 7) and reports[-1] == ("sections", 7, 7)
    assert ("stgan_synthfaces_128", 13, 13) in reports


def test_every_picture_is_there_and_of_the_size_told(made, shown):
    directory = made[0]
    pictures = shown.all("img")
    names = [os.path.basename(picture["src"]) for picture in pictures]
    assert len(names) == len(set(names)) >= 13
    for picture in pictures:
        assert picture["src"].startswith("pictures/") and len(picture["alt"]) > 15
        height, width = images.read_image(directory / picture["src"]).shape[:2]
        assert (width, height) == (int(picture["width"]), int(picture["height"]))
    cards = [name for name in names if name.startswith("card_")]
    assert cards == [f"card_{s.key}.png" for s in demo.SECTIONS[:5]]


def test_page_needs_nothing_from_elsewhere(made, shown):
    directory = made[0]
    assert not shown.all("script") and not shown.all("link")
    assert "http" not in shown.text and "url(" not in shown.text
    anchors = {section["id"] for section in shown.all("section")}
    for link in shown.all("a"):
        target = link["href"]
        assert target[1:] in anchors if target[0] == "#" else (directory / target).is_file()
    assert anchors == {section.key for section in demo.SECTIONS}


def test_shell_lines_work(made, shown, tmp_path, monkeypatch, capsys):
    lines = [shlex.split(code) for code in shown.codes if code.startswith("zoo run ")]
    assert len(lines) == 6
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zoo.verbs.load", loader(presets.load))
    for words in lines:
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert not stop.value.code, capsys.readouterr().err
        assert images.read_image(words[-1]).ndim == 3
    drawn = images.read_image("drawn.png")
    assert np.array_equal(drawn, images.read_image(made[0] / "pictures" / "photo_drawn.png"))


def test_python_lines_compile(shown):
    codes = [code for code in shown.codes if "zoo.load(" in code]
    assert len(codes) == 7
    for code in codes:
        compile(code, "page", "exec")


def test_second_run_uses_what_is_there(made, results, monkeypatch):
    directory = made[0]
    sections = [s for s in demo.SECTIONS if s.key in ("context_encoder", "exports")]
    monkeypatch.setattr(demo, "SECTIONS", tuple(sections))
    kept = [*(directory / "faces").rglob("*.png"), *(directory / "exports").rglob("*.*")]
    before = {path: path.stat().st_mtime_ns for path in kept}
    backup = {p: p.read_bytes() for p in (directory / "index.html", directory / "results.json")}
    pictures = {p: p.read_bytes() for p in (directory / "pictures").iterdir()}
    demo.run(directory, FACES)
    again = json.loads((directory / "results.json").read_text())
    assert len(kept) > 10
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    assert again["sections"] == {s.key: results["sections"][s.key] for s in sections}
    assert {p.name for p in (directory / "pictures").iterdir()} == {
        *("context_encoder.png", "card_context_encoder.png", "center.png")
    }
    for path, content in {**backup, **pictures}.items():  # as the other tests know it
        path.write_bytes(content)


def test_texts_are_escaped():
    section = replace(
        demo.SECTIONS[0], title="A <b> & c", deed="<i>", paper='"q"', text="1 < 2", presets=()
    )
    picture = Picture("x", '<img> "y"', np.zeros((4, 6, 3), np.uint8))
    numbers = {"n": Number("<dt>", 1.25, "{:.1f} <dB>", {"<other>": 3.0})}
    part = Shown(None, [picture], numbers, 'print("<p>")', ["zoo", "run", "a <b>"])
    protocol = {
        **{"seed": 1, "size": 2, "faces": 3, "people_turned": 4, "seconds": 5, "judged": {}},
        **{"environment": {"<e>": "&"}, "presets": {}},
    }
    text = page.page([section], {section.key: part}, protocol)
    for escaped in (
        *("A &lt;b&gt; &amp; c", "&quot;q&quot;", "1 &lt; 2", "&lt;img&gt; &quot;y&quot;"),
        *("&lt;dt&gt;", "1.2 &lt;dB&gt;", "&lt;other&gt; 3.0", "print(&quot;&lt;p&gt;&quot;)"),
        *("zoo run &#x27;a &lt;b&gt;&#x27;", "&lt;e&gt; &amp;"),
    ):
        assert escaped in text
    tags = [tag for tag, _ in Page(text).tags]
    assert not {"b", "i", "p>"} & set(tags) and tags.count("img") == 1


def test_a_missing_preset_is_refused_before_anything_is_made(place, tmp_path, monkeypatch):
    fewer = tmp_path / "fewer"
    fewer.mkdir()
    for directory in place.iterdir():
        if directory.name != "gfc_synthfaces_128":
            (fewer / directory.name).symlink_to(directory)
    monkeypatch.setenv("ZOO_PRESETS", str(fewer))
    with pytest.raises(zoo.ZooError, match="no preset or directory 'gfc_synthfaces_128'"):
        demo.run(tmp_path / "demo", FACES)
    assert not (tmp_path / "demo").exists()


def test_other_sizes_are_refused(place, monkeypatch):
    monkeypatch.setattr(stage, "SIZE", 128)
    with pytest.raises(zoo.ZooError, match="gfc_synthfaces_128 is for 32 pixels; .* needs 128$"):
        stage.check_presets(["gfc_synthfaces_128"])


@pytest.mark.parametrize("faces", [1, 0, -3, 2.0, True, "8"])
def test_number_of_faces(faces, tmp_path):
    with pytest.raises(zoo.ZooError, match="^faces is .*; legal are whole numbers from 2$"):
        demo.run(tmp_path, faces)


def test_one_person_from_seven_sides(monkeypatch):
    monkeypatch.setattr(stage, "SIZE", SIZE)
    views = stage.Stage(None, 4, print).turned(1)
    assert [round(float(view["yaw"])) for view in views] == list(stage.YAWS)
    assert {int(view["identity"]) for view in views} == {1}
    assert {int(view["session"]) for view in views} == {1}
    assert {int(view["light"]) for view in views} == {5}
    points = np.stack([view["frontal_landmarks"] for view in views])
    assert np.ptp(points, axis=0).max() < 0.01  # the same moment, seen from the front


@pytest.mark.parametrize("count", [2, 8, 9, 16, 17, 40])
def test_as_many_portraits_as_asked_are_judged(count):
    """`split: train` leaves out the ninth and tenth of every ten people."""
    total = stage.total(count)
    assert sum(i % 10 < 8 for i in range(total)) == count and (total - 1) % 10 < 8
