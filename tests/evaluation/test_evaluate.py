"""`evaluate` on tiny presets: every number by hand, every file, every refusal."""

import json
import sys

import numpy as np
import pytest
import skimage.metrics

import zoo
from zoo import cli, masks
from zoo.attributes import EDITED_ATTRIBUTES, with_changes
from zoo.data import hints
from zoo.data.images import read_image
from zoo.data.synthfaces import ATTRIBUTE_NAMES, SynthFaces, generate, open_dataset
from zoo.errors import ZooError
from zoo.evaluation import baselines
from zoo.evaluation.evaluate import evaluate
from zoo.evaluation.identification import rank1
from zoo.evaluation.report import compare, read_result
from zoo.metrics import Embedding

TEST = [16, 17, 36, 37]  # both views of the persons 8 and 18


def rows(directory):
    """(method, case) -> values."""
    return {(r["method"], r["case"]): r["values"] for r in read_result(directory)["rows"]}


def psnr(true, pred, region=None):
    """Of one uint8 picture, capped at 100 dB, in `region` (H, W) bool."""
    error = (true.astype(float) - pred) ** 2
    error = error.mean() if region is None else error[region].mean()
    return 100.0 if error == 0 else min(100.0, 10 * np.log10(255**2 / error))


def attributes_of(face, names):
    values = dict(zip(ATTRIBUTE_NAMES, face["attributes"].tolist(), strict=True))
    return {name: values[name] for name in names}


@pytest.fixture(scope="module")
def cut(faces, presets, tmp_path_factory):
    """A finished evaluation of GFC on two of its holes, started by the command."""
    root = tmp_path_factory.mktemp("cut")
    text = f"""
version: 1
description: Parts, for tests.
procedure: completion
data: {{source: synthfaces, directory: "{faces.directory.parent}/faces-{{size}}", size: 32,
  count: 40, views_per_identity: 2}}
holes: {{kind: facial_parts}}
baselines: [telea, navier_stokes, nearest_neighbor, copy]
neighbor: hog
gallery: 5
metrics: {{l1: 1, l2_hole: 1, psnr: 1, psnr_hole: 1, ssim: 1, unchanged_error: 1,
  identity_distance: 1, kernel_embedding: 1}}
pictures: 2
"""
    (root / "parts.yaml").write_text(text, encoding="utf-8")
    arguments = [presets("gfc"), "--protocol", root / "parts.yaml", "-o", root / "out"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["zoo", "eval", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    assert stop.value.code in (None, 0)
    return root / "out"


def test_files_of_a_completion(cut):
    parts = ["O1", "O2", "O3", "O4", "O5", "O6"]
    names = {"result.json", "report.md", "index.html", *(f"{part}.png" for part in parts)}
    assert {path.name for path in cut.iterdir()} == names
    assert not [path for path in cut.parent.iterdir() if path.name.startswith(".")]
    text = (cut / "report.md").read_text()
    page = (cut / "index.html").read_text()
    for part in parts:
        assert f"]({part}.png)" in text and f'src="{part}.png"' in page
    assert "Not measured, because networks.embedding was not given: identity_distance." in text
    grid = read_image(cut / "O3.png")
    assert grid.shape[1] > 7 * 128 and grid.shape[0] < 3 * 150  # 7 columns, 2 rows
    result = json.loads((cut / "result.json").read_text())
    assert result["protocol"]["altered"] == [] and result["environment"]["zoo"] == zoo.__version__
    assert len({(r["method"], r["case"]) for r in result["rows"]}) == 5 * 6
    assert list(result["measures"]) == [
        *("l1", "l2_hole", "psnr", "psnr_hole", "ssim", "unchanged_error")
    ]


def test_numbers_of_a_completion_are_those_by_hand(cut, faces, presets):
    model = zoo.load(presets("gfc"))
    train = faces.indices("train")
    gallery = np.stack([faces[int(train[i * len(train) // 5])]["image"] for i in range(5)])
    nearest = baselines.NearestNeighbor(baselines.hog).fit(gallery)
    found = rows(cut)
    for part in ("O3", "O6"):
        hole = masks.facial_part(32, 32, part)
        inside = hole[..., 0] > 0
        fillers = {
            "model": lambda image, n, hole=hole: model.complete(image, hole, seed=n),
            "telea": lambda image, n, hole=hole: baselines.telea(image, hole),
            "nearest_neighbor": lambda image, n, hole=hole: nearest.complete(image, hole),
            "copy": lambda image, n, hole=hole: np.where(hole > 0, np.uint8(127), image),
        }
        for method, fill in fillers.items():
            each = {name: [] for name in found[method, part]}
            for number, index in enumerate(TEST):
                true = faces[index]["image"]
                pred = fill(true, number)
                d = (true.astype(float) - pred) / 255
                each["l1"].append(np.abs(d).mean())
                each["l2_hole"].append((d[inside] ** 2).mean())
                each["psnr"].append(psnr(true, pred))
                each["psnr_hole"].append(psnr(true, pred, inside))
                each["ssim"].append(
                    skimage.metrics.structural_similarity(
                        *(true, pred),
                        channel_axis=-1,
                        gaussian_weights=True,
                        use_sample_covariance=False,
                    )
                )
                each["unchanged_error"].append(0.0)
            for name, values in each.items():
                assert found[method, part][name] == pytest.approx(np.mean(values), rel=1e-5), name


def test_identity_of_a_result(cut, faces):
    import hashlib

    identity = read_result(cut)["protocol"]["identity"]
    assert identity["metrics.psnr"] == 1 and identity["data.seed"] == 0
    assert "data.directory" not in identity and "pictures" not in identity
    names = "".join(f"{index:06d}\n" for index in TEST)
    assert identity["sha256.split"] == hashlib.sha256(names.encode()).hexdigest()
    pixels = b"".join(faces[index]["image"].tobytes() for index in TEST)
    assert identity["sha256.pictures"] == hashlib.sha256(pixels).hexdigest()
    digests = b""
    for part in ("O1", "O2", "O3", "O4", "O5", "O6"):
        bits = np.packbits(masks.facial_part(32, 32, part) > 0).tobytes()
        digests += 4 * hashlib.sha256(bits).digest()
    assert identity["sha256.holes"] == hashlib.sha256(digests).hexdigest()


def test_hints(faces, presets, protocol, tmp_path):
    path = protocol(
        holes={"kind": "sc_fegan", "seed": 5},
        hints=True,
        baselines=["copy"],
        metrics={"edge_f1": 1, "color_error": 1, "psnr_hole": 1},
    )
    out = evaluate(presets("sc_fegan", image_size=32), path, tmp_path / "out")
    found, model = rows(out), zoo.load(presets("sc_fegan"))
    assert {method for method, _ in found} == {"model", "model without hints", "copy"}
    errors, scores, counts = [], [], np.zeros(4)
    for number, index in enumerate(TEST):
        face = faces[index]
        rng = np.random.default_rng((5, 0, number))
        hole = masks.sc_fegan(32, 32, rng, face["landmarks"], face["parsing"])
        strokes = hints.color_strokes(face["color"], np.random.default_rng((5, number)))
        given = {"sketch": face["sketch"], "color": strokes, "seed": number}
        result = model.complete(face["image"], hole, **given)
        inside = hole[..., 0] > 0
        drawn = inside & strokes.any(axis=-1)
        if drawn.any():
            errors.append(np.abs(strokes.astype(float) - result)[drawn].mean() / 255)
        scores.append(psnr(face["image"], result, inside))
        asked, seen = face["sketch"] > 0, hints.sketch(result, "canny") > 0
        near = [_grown(lines) for lines in (asked, seen)]
        parts = (seen, seen & near[0], asked, asked & near[1])
        counts += [np.sum(part & inside) for part in parts]
    precision, recall = counts[1] / counts[0], counts[3] / counts[2]
    values = found["model", "free form"]
    assert values["psnr_hole"] == pytest.approx(np.mean(scores), rel=1e-5)
    assert values["color_error"] == pytest.approx(np.mean(errors), rel=1e-5)
    expected = 2 * precision * recall / (precision + recall)
    assert values["edge_f1"] == pytest.approx(expected, rel=1e-5)
    assert found["model without hints", "free form"] != values


def _grown(lines):
    padded = np.pad(lines, 1)
    shifts = [padded[y : y + 32, x : x + 32] for y in range(3) for x in range(3)]
    return np.any(shifts, axis=0)


def test_editing(faces, presets, protocol, tmp_path):
    path = protocol(
        procedure="editing",
        split={"count": 2},
        baselines=["copy", "nearest_neighbor"],
        gallery=6,
        metrics={"generation": 1, "preservation": 1, "psnr": 1, "l1_hole": 1, "unchanged_error": 1},
        networks={"classifier": str(presets("attribute_classifier"))},
    )
    out = evaluate(presets("stgan"), path, tmp_path / "out")
    assert {p.name for p in out.iterdir()} >= {"edits.png", "slides.png"}
    found = rows(out)
    model, classifier = zoo.load(presets("stgan")), zoo.load(presets("attribute_classifier"))
    renderer, names = SynthFaces(32, 0, 2), model.attribute_names
    matrix = np.zeros((13, 13))
    reconstruction = []
    for index in (16, 36):
        face = faces[index]
        source = attributes_of(face, names)
        same = model.edit(face["image"], {"Male": source["Male"]}, source_attributes=source)
        reconstruction.append(psnr(face["image"], same))
    for column, name in enumerate(names):
        each = {"psnr": [], "l1_hole": [], "unchanged_error": []}
        for index in (16, 36):
            face = faces[index]
            source = attributes_of(face, names)
            result = model.edit(face["image"], {name: 1 - source[name]}, source_attributes=source)
            seen = classifier.classify(result)
            matrix[column] += [(seen[n] > 0.5) != source[n] for n in names]
            true = renderer.render(index, {name: 1 - source[name]})["image"]
            moved = (true != face["image"]).any(axis=-1)
            each["psnr"].append(psnr(true, result))
            error = np.abs(true.astype(float) - result) / 255
            each["l1_hole"].append(error[moved].mean())
            change = np.abs(face["image"].astype(float) - result) / 255
            each["unchanged_error"].append(change[~moved].mean())
        for measure, values in each.items():
            assert found["model", name][measure] == pytest.approx(np.mean(values), rel=2e-4)
        assert found["model", name]["generation"] == matrix[column, column] / 2
    off = (matrix.sum(axis=1) - np.diag(matrix)) / 12 / 2
    mean = found["model", "mean of edits"]
    assert mean["generation"] == pytest.approx(np.diag(matrix).mean() / 2)
    assert mean["preservation"] == pytest.approx(1 - off.mean())
    assert found["model", "reconstruction"]["psnr"] == pytest.approx(
        np.mean(reconstruction), rel=2e-4
    )
    assert found["copy", "reconstruction"]["psnr"] == pytest.approx(100)
    assert found["copy", "Eyeglasses"]["unchanged_error"] == 0
    assert "psnr" not in found["truth", "Eyeglasses"]
    extra = read_result(out)["extra"]
    np.testing.assert_allclose(extra["attribute_matrix"]["model"], matrix / 2)
    assert extra["attribute_names"] == list(EDITED_ATTRIBUTES)
    strong = with_changes(np.zeros(13), names, {"Male": 1.5})
    assert strong[names.index("Male")] == 1.5  # what `strength: 1.5` asks for


def test_frontalization(presets, protocol, turner, tmp_path, tmp_path_factory):
    directory = tmp_path_factory.mktemp("turned") / "faces"
    generate(directory, 24, size=32, views_per_identity=4, poses="multipie", sketch="none")
    turned = open_dataset(directory)
    path = protocol(
        procedure="frontalization",
        data={
            **{"source": "synthfaces", "directory": str(directory), "size": 32, "count": 24},
            **{"views_per_identity": 4, "poses": "multipie", "sketch": "none"},
        },
        split={"name": "train", "count": 12},
        setting=2,  # views 0 to 3 are of the sessions 1 to 4
        baselines=["copy"],
        metrics={"rank1": 1, "psnr": 1},
        networks={"embedding": str(presets("light_cnn"))},
    )
    out = evaluate(turner, path, tmp_path / "out")
    found = rows(out)
    features = Embedding(zoo.load(presets("light_cnn")))
    chosen = turned.indices("train")[np.arange(12) * 24 // 12]
    examples = [turned[int(i)] for i in chosen]
    identity = turned.identities[chosen]
    first = [int(np.flatnonzero(identity == p)[0]) for p in np.unique(identity)]
    probes = [i for i in range(12) if i not in first and round(abs(float(examples[i]["yaw"])))]

    def embed(images):
        return np.asarray(features(np.stack(images) / 127.5 - 1.0))

    gallery = embed([examples[i]["frontal"] for i in first])
    for method in ("model", "copy", "truth"):
        results = []
        for i in probes:
            example = examples[i]
            if method == "model":
                image = example["image"][:, ::-1]
            else:
                image = example[{"copy": "image", "truth": "frontal"}[method]]
            results.append(image)
        hits = rank1(gallery, identity[first], embed(results), identity[probes])
        angles = np.array([round(abs(float(examples[i]["yaw"]))) for i in probes])
        for angle in np.unique(angles):
            values = found[method, str(angle)]
            assert values["rank1"] == pytest.approx(hits[angles == angle].mean())
            pairs = [
                psnr(examples[i]["frontal"], result)
                for i, result, a in zip(probes, results, angles, strict=True)
                if a == angle
            ]
            assert values["psnr"] == pytest.approx(np.mean(pairs), rel=2e-4)
    assert read_result(out)["extra"]["gallery"] == len(first)


@pytest.fixture(scope="module")
def two(cut, presets, tmp_path_factory):
    """The same protocol on another model."""
    out = tmp_path_factory.mktemp("two") / "other"
    return evaluate(presets("context_encoder"), cut.parent / "parts.yaml", out)


class TestCompare:
    def test_one_table(self, cut, two):
        table = compare([cut, two])
        lines = [line for line in table.splitlines() if line.startswith("| O4")]
        methods = [line.split(" | ")[1] for line in lines]
        names = ["out", "other", "telea", "navier_stokes", "nearest_neighbor", "copy"]
        assert methods == names
        value = rows(two)["model", "O4"]["psnr"]
        assert f"{value:#.4g}" in lines[1]

    def test_the_command(self, cut, two, tmp_path, monkeypatch, capsys):
        def run(*arguments):
            monkeypatch.setattr(sys, "argv", ["zoo", "compare", *map(str, arguments)])
            with pytest.raises(SystemExit) as stop:
                cli.main()
            return stop.value.code or 0, *capsys.readouterr()

        table = compare([cut, two])
        assert run(cut, two) == (0, table + "\n", "")
        path = tmp_path / "table.md"
        assert run(cut, two, "-o", path) == (0, f"{path}\n", "") and path.read_text() == table
        for arguments, problem in (
            ([cut], "compare takes two results or more"),
            ([cut, tmp_path], f"cannot read {tmp_path}/result.json: No such file or directory"),
            ([cut, two, "-o", tmp_path / "t.txt"], f"-o is {tmp_path}/t.txt; legal is a .md file"),
        ):
            assert run(*arguments) == (2, "", f"error: {problem}\n")

    def test_other_protocols_are_refused(self, cut, two, faces, presets, tmp_path):
        protocol = cut.parent / "parts.yaml"
        options = ["split.count=2", "holes.seed=1"]
        third = evaluate(presets("gfc"), protocol, tmp_path / "x", overrides=options)
        assert read_result(third)["protocol"]["altered"] == ["split.count", "holes.seed"]
        assert (
            "not the pinned protocol: other split.count, holes.seed"
            in (third / "report.md").read_text()
        )
        with pytest.raises(ZooError, match=r"differ in split.count None and 2; holes.seed 0 and 1"):
            compare([cut, third])
        with pytest.raises(ZooError, match="takes two"):
            compare([cut])
        with pytest.raises(ZooError, match="not unique"):
            compare([cut, cut])

    def test_broken_results_are_refused(self, cut, tmp_path):
        with pytest.raises(ZooError, match="cannot read"):
            read_result(tmp_path / "none")
        path = tmp_path / "result.json"
        for text, problem in (
            ("{", "is not JSON"),
            ("[]", "is no result"),
            ('{"format": 1}', "is no result"),
            ("[" * 100_000, "is not JSON"),
        ):
            path.write_text(text)
            with pytest.raises(ZooError, match=problem):
                read_result(tmp_path)
        result = json.loads((cut / "result.json").read_text())
        path.write_text(json.dumps({**result, "rows": [{"method": "x"}]}))
        with pytest.raises(ZooError, match="a row of the result is broken"):
            read_result(tmp_path)


class TestRefused:
    def test_places(self, cut, presets, tmp_path):
        protocol = cut.parent / "parts.yaml"
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "a.txt").touch()
        for place, problem in (
            (tmp_path / "full", "is not a result"),
            (tmp_path / "full" / "a.txt", "is no directory"),
            (tmp_path / "full" / "a.txt" / "b", "is no directory"),
        ):
            with pytest.raises(ZooError, match=problem):
                evaluate(presets("gfc"), protocol, place)

    @pytest.mark.parametrize(
        ("model", "values", "problem"),
        [
            ("stgan", {}, "model stgan, serves 'edit'; protocol mine judges 'complete'"),
            ("gfc", {"metrics": {"psnrr": 1}}, "unknown metric .*'psnrr'.* Did you mean 'psnr'"),
            ("gfc", {"metrics": {"psnr": 2}}, "pins version 2 of psnr; .* computes version 1"),
            ("gfc", {"baselines": ["hog"]}, "unknown baseline of completion 'hog'"),
            ("gfc", {"split": {"count": 5}}, "split test has 4 examples; the protocol scores 5"),
            ("gfc", {"split": {"sha256": "0" * 64}}, "names of the split have SHA-256"),
            (
                "gfc",
                {"holes": {"kind": "center", "sha256": {32: "0" * 64}}},
                "the holes have SHA-256 .* pinned are 000000000000",
            ),
            (
                "stgan",
                {"procedure": "editing", "metrics": {"generation": 1}},
                "networks.classifier",
            ),
            ("gfc", {"networks": {"embedding": "nowhere"}}, "no preset or directory 'nowhere'"),
        ],
    )
    def test_protocols(self, model, values, problem, presets, protocol, tmp_path):
        base = {"holes": {"kind": "center"}, "metrics": {"psnr": 1}}
        with pytest.raises(ZooError, match=problem):
            evaluate(presets(model), protocol(**{**base, **values}), tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_sizes(self, presets, protocol, tmp_path):
        path = protocol(holes={"kind": "center"}, metrics={"psnr": 1})
        with pytest.raises(
            ZooError, match=r"is for 32 pixels, .* have 64; --set data.size=32 takes"
        ):
            evaluate(presets("gfc"), path, tmp_path / "out", overrides=["data.size=64"])


def test_parsing(faces, presets, protocol, tmp_path):
    path = protocol(
        procedure="parsing", baselines=["prior"], gallery=4, metrics={"iou": 1, "pixel_accuracy": 1}
    )
    found = rows(evaluate(presets("parsing_network"), path, tmp_path / "out"))
    model, helen = zoo.load(presets("parsing_network")), np.array([*range(11), 1, 0, 0])
    true = np.stack([helen[faces[i]["parsing"]] for i in TEST])
    images = np.stack([faces[i]["image"] for i in TEST]).astype(np.float32) / 127.5 - 1
    train = faces.indices("train")
    common = np.stack([helen[faces[int(train[i * len(train) // 4])]["parsing"]] for i in range(4)])
    votes = [(common == label).sum(axis=0) for label in range(11)]
    guesses = {
        "model": np.asarray(model({"image": images})).argmax(axis=-1),
        "prior": np.repeat(np.argmax(votes, axis=0)[None], 4, axis=0),
    }
    for method, guess in guesses.items():
        ious = []
        for label in range(11):
            union = ((true == label) | (guess == label)).sum()
            if union:
                ious.append(((true == label) & (guess == label)).sum() / union)
        assert found[method, "mean of classes"]["iou"] == pytest.approx(np.mean(ious))
        accuracy = found[method, "mean of classes"]["pixel_accuracy"]
        assert accuracy == pytest.approx((true == guess).mean())
    hair = (true == 10) & (guesses["model"] == 10)
    union = (true == 10) | (guesses["model"] == 10)
    assert found["model", "hair"]["iou"] == pytest.approx(hair.sum() / union.sum())


def test_classification(faces, presets, protocol, tmp_path):
    path = protocol(
        procedure="classification",
        baselines=["prior"],
        gallery=6,
        metrics={"accuracy": 1, "balanced_accuracy": 1},
    )
    found = rows(evaluate(presets("attribute_classifier"), path, tmp_path / "out"))
    model = zoo.load(presets("attribute_classifier"))
    train = faces.indices("train")
    examples = [faces[int(train[i * len(train) // 6])]["attributes"] for i in range(6)]
    means = []
    for name in model.attribute_names:
        column = ATTRIBUTE_NAMES.index(name)
        true = np.array([faces[i]["attributes"][column] > 0 for i in TEST])
        seen = np.array([model.classify(faces[i]["image"])[name] > 0.5 for i in TEST])
        assert found["model", name]["accuracy"] == np.mean(true == seen)
        common = np.mean([example[column] for example in examples]) > 0.5
        assert found["prior", name]["accuracy"] == np.mean(true == common)
        if 0 < true.sum() < 4:
            balanced = (np.mean(seen[true]) + np.mean(~seen[~true])) / 2
            assert found["model", name]["balanced_accuracy"] == pytest.approx(balanced)
            assert found["prior", name]["balanced_accuracy"] == 0.5
        else:
            assert found["model", name]["balanced_accuracy"] is None
        means.append(np.mean(true == seen))
    assert found["model", "mean of attributes"]["accuracy"] == pytest.approx(np.mean(means))
