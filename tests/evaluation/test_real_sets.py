"""Protocols of the real sets, run as they are on a few pictures in the sets' layouts."""

import cv2
import numpy as np
import pytest

import zoo
from zoo.attributes import CELEBA_ATTRIBUTES
from zoo.data.images import write_image
from zoo.data.readers import open_source
from zoo.errors import ZooError
from zoo.evaluation.evaluate import evaluate
from zoo.evaluation.identification import rank1
from zoo.evaluation.report import read_result
from zoo.evaluation.verification import accuracy, auc, cosine_of_pairs
from zoo.metrics import Embedding

CAMERAS = {"051": 0, "050": 15, "041": 30, "080": -45}


def noise(rng, height, width):
    """A blurred random picture."""
    return cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 4)


def jpeg(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())


def found_rows(directory):
    return {(r["method"], r["case"]): r["values"] for r in read_result(directory)["rows"]}


def test_lfw(presets, turner, tmp_path):
    rng = np.random.default_rng(0)
    people = ("Ann", "Bob", "Cid", "Dan")
    for person in people:
        for number in (1, 2):
            jpeg(tmp_path / f"lfw/{person}/{person}_{number:04d}.jpg", noise(rng, 250, 250))
    lines = ["2\t2", "Ann\t1\t2", "Bob\t1\t2", "Ann\t1\tBob\t1", "Cid\t1\tDan\t2"]
    lines += ["Cid\t1\t2", "Dan\t1\t2", "Ann\t2\tDan\t1", "Bob\t2\tCid\t2"]
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n")
    options = [f"data.directory={tmp_path}", "data.size=32"]
    out = evaluate(presets("light_cnn"), "lfw_pairs", tmp_path / "out", overrides=options)
    assert read_result(out)["protocol"]["altered"] == []
    data = open_source("lfw", tmp_path, 32, side=150)
    network = Embedding(zoo.load(presets("light_cnn")))
    images = np.stack([data[i]["image"] for i in range(8)]) / 127.5 - 1
    cosines = cosine_of_pairs(np.asarray(network(images)), data.pairs)
    mean, error = accuracy(cosines, data.same, data.folds)
    expected = {"accuracy": mean, "accuracy_error": error, "auc": auc(cosines, data.same)}
    assert found_rows(out)["model", "pairs"] == pytest.approx(expected)

    options.append(f"networks.frontalizer={turner}")
    out = evaluate(presets("light_cnn"), "lfw_pairs", tmp_path / "turned", overrides=options)
    faceless = [data[i]["image"].mean() > 127 for i in range(8)]
    assert 0 < sum(faceless) < 8
    images = [
        image if lost else image[:, ::-1] for image, lost in zip(images, faceless, strict=True)
    ]
    cosines = cosine_of_pairs(np.asarray(network(np.stack(images))), data.pairs)
    assert found_rows(out)["model", "pairs"] == pytest.approx(expected)
    assert found_rows(out)["model, turned", "pairs"]["auc"] == auc(cosines, data.same)
    note = f"Not turned, because no face was found: {sum(faceless)} pictures."
    assert note in (out / "report.md").read_text()


def test_stgan_on_celeba(presets, tmp_path):
    numbers = (1, 2, 182100, 182638, 182639, 182640)
    rng = np.random.default_rng(0)
    for number in numbers:
        jpeg(tmp_path / f"Img/img_align_celeba/{number:06d}.jpg", noise(rng, 218, 178))
    rows = [f"{n:06d}.jpg " + " ".join(["1", "-1"] * 20) for n in numbers]
    (tmp_path / "Anno").mkdir()
    text = "\n".join([str(len(rows)), " ".join(CELEBA_ATTRIBUTES), *rows])
    (tmp_path / "Anno/list_attr_celeba.txt").write_text(text + "\n")
    options = [
        *(f"data.directory={tmp_path}", "data.size=32"),
        f"networks.classifier={presets('attribute_classifier')}",
    ]
    with pytest.raises(
        ZooError, match="names of the split have SHA-256 .*, pinned are b611af11b1d"
    ):
        evaluate(presets("stgan"), "stgan_celeba", tmp_path / "out", overrides=options)
    options += ["split.count=2", "data.options.labels=[attributes]"]
    out = evaluate(presets("stgan"), "stgan_celeba", tmp_path / "out", overrides=options)
    data = open_source("celeba", tmp_path, 32, crop="stgan", split="stgan", labels=["attributes"])
    model = zoo.load(presets("stgan"))
    classifier = zoo.load(presets("attribute_classifier"))
    hits, column = [], list(CELEBA_ATTRIBUTES).index("Eyeglasses")
    for index in data.indices("test")[:2]:
        example = data[int(index)]
        source = dict(zip(CELEBA_ATTRIBUTES, example["attributes"].tolist(), strict=True))
        source = {name: source[name] for name in model.attribute_names}
        value = -0.5 if example["attributes"][column] else 1.5  # test_int 2
        edited = model.edit(example["image"], {"Eyeglasses": value}, source_attributes=source)
        hits.append((classifier.classify(edited)["Eyeglasses"] > 0.5) != source["Eyeglasses"])
    found = found_rows(out)
    assert found["model", "Eyeglasses"]["generation"] == np.mean(hits)
    assert set(found["model", "Eyeglasses"]) == {"generation", "preservation"}
    assert set(found["model", "reconstruction"]) == {"psnr", "ssim_uniform7"}
    assert not any(method == "truth" for method, _ in found)
    assert "As published" in (out / "report.md").read_text()


def test_tp_gan_on_multi_pie(presets, turner, tmp_path):
    rng = np.random.default_rng(0)
    for person in range(1, 11):
        for camera in CAMERAS:
            for session in (1, 2):
                stem = f"{person:03d}_{session:02d}_01_{camera}_07"
                write_image(tmp_path / "set" / f"{stem}_cropped.png", noise(rng, 128, 128))
                points = "45 41\n85 40\n65 65\n50 89\n81 88\n"
                (tmp_path / "set" / f"{stem}_trans.5pt").write_text(points)
    options = [
        *(f"data.directory={tmp_path / 'set'}", "data.options={}", "data.held_out=5"),
        "data.size=32",
        f"networks.embedding={presets('light_cnn')}",
    ]
    network = Embedding(zoo.load(presets("light_cnn")))
    data = open_source("multi_pie", tmp_path / "set", 32)
    rows = [i for i in range(len(data)) if data.identities[i] % 5 == 4]
    features = np.asarray(network(np.stack([data[i]["image"] for i in rows]) / 127.5 - 1.0))
    views = [data.views[i] for i in rows]
    identity, yaws = data.identities[rows], data.yaws[rows]
    session = np.array([view.session for view in views])
    gallery = (yaws == 0) & (session == 1)
    for setting in (1, 2):
        name = f"tp_gan_setting{setting}_multi_pie"
        out = evaluate(turner, name, tmp_path / name, overrides=options)
        found = found_rows(out)
        for angle in (15, 30, 45):
            probe = (np.abs(yaws) == angle) & ((session == 1) | (setting == 2))
            hits = rank1(features[gallery], identity[gallery], features[probe], identity[probe])
            assert found["copy", str(angle)]["rank1"] == pytest.approx(hits.mean())
            (count,) = {
                row["images"] for row in read_result(out)["rows"] if row["case"] == str(angle)
            }
            assert count == probe.sum() == 2 * setting
