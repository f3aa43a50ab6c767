"""SynthFaces: determinism, labels against pictures, both formats, resuming, refusals."""

from __future__ import annotations

import functools
import importlib
import json

import cv2
import numpy as np
import pytest

from zoo.attributes import CELEBA_ATTRIBUTES, EDITED_ATTRIBUTES
from zoo.config import AugmentationSection
from zoo.data import synthfaces
from zoo.data.augmentation import augment
from zoo.data.synthfaces import (
    ATTRIBUTE_NAMES,
    LANDMARK_NAMES,
    LAYER_NAMES,
    PARSING_NAMES,
    TOGGLED_ATTRIBUTES,
    tfrecord,
)
from zoo.data.synthfaces.names import with_glasses
from zoo.data.synthfaces.traits import measure
from zoo.data.synthfaces.view import LIGHTS
from zoo.errors import ZooError

# the attributes of a view
EXPRESSION = [ATTRIBUTE_NAMES.index(name) for name in ("Mouth_Slightly_Open", "Smiling")]


@functools.lru_cache(maxsize=1)
def gallery() -> list[dict[str, np.ndarray]]:
    """Sixteen people, one view each, at 128 pixels."""
    faces = synthfaces.SynthFaces(128, seed=1, views_per_identity=1)
    return [faces.render(index) for index in range(16)]


def label(name: str) -> int:
    return PARSING_NAMES.index(name)


def attribute(example: dict, name: str) -> bool:
    return bool(example["attributes"][ATTRIBUTE_NAMES.index(name)])


def distance(example: dict, landmark: str, *parts: str) -> float:
    """Pixels from a landmark to the nearest pixel with one of the labels."""
    rows, columns = np.nonzero(np.isin(example["parsing"], [label(part) for part in parts]))
    x, y = example["landmarks"][LANDMARK_NAMES.index(landmark)]
    return float(np.hypot(columns + 0.5 - x, rows + 0.5 - y).min())


# ---- rendering


def test_types_and_ranges():
    example = synthfaces.SynthFaces(48, seed=9).render(5)
    kinds = {key: (value.dtype.name, value.shape) for key, value in example.items()}
    assert kinds == {
        "image": ("uint8", (48, 48, 3)),
        "parsing": ("uint8", (48, 48)),
        "layers": ("uint8", (48, 48, 3)),
        "landmarks": ("float32", (5, 2)),
        "landmarks_visible": ("uint8", (5,)),
        "landmarks68": ("float32", (68, 2)),
        "landmarks68_visible": ("uint8", (68,)),
        "attributes": ("uint8", (len(ATTRIBUTE_NAMES),)),
        "yaw": ("float32", ()),
        "pitch": ("float32", ()),
        "roll": ("float32", ()),
        "light": ("int64", ()),
        "identity": ("int64", ()),
    }
    assert 0 <= example["light"] < len(LIGHTS)
    assert example["identity"] == 1
    assert example["parsing"].max() < len(PARSING_NAMES)
    assert set(np.unique(example["attributes"])) <= {0, 1}


def test_rendering_depends_on_seed_and_index_only():
    faces = synthfaces.SynthFaces(32, seed=3)
    in_order = [faces.render(index) for index in (4, 5, 12)]
    for index, first in zip((12, 4, 5), [in_order[2], *in_order[:2]], strict=True):
        second = synthfaces.SynthFaces(32, seed=3).render(index)
        for key, value in first.items():
            np.testing.assert_array_equal(value, second[key])
    other = synthfaces.SynthFaces(32, seed=4).render(4)
    assert np.abs(other["image"].astype(int) - in_order[0]["image"]).mean() > 5


def test_a_person_stays_the_same_across_views():
    faces = synthfaces.SynthFaces(32, seed=6, views_per_identity=3)
    people = []
    for identity in range(3):
        views = [faces.render(3 * identity + view) for view in range(3)]
        assert {int(view["identity"]) for view in views} == {identity}
        fixed = {tuple(np.delete(view["attributes"], EXPRESSION)) for view in views}
        assert len(fixed) == 1
        people.append(fixed.pop())
        assert len({float(view["yaw"]) for view in views}) == 3
        assert (views[0]["image"] != views[1]["image"]).any()
    assert len(set(people)) > 1


def test_the_person_does_not_depend_on_the_number_of_views():
    one = synthfaces.SynthFaces(32, seed=6, views_per_identity=1).render(2)
    three = synthfaces.SynthFaces(32, seed=6, views_per_identity=3).render(6)
    for key, value in one.items():
        np.testing.assert_array_equal(value, three[key])


def test_hair_is_the_same_strands_in_every_view():
    from zoo.data.synthfaces.renderer import sitter_of

    first = sitter_of(5, 0, 64)
    sitter_of.cache_clear()
    second = sitter_of(5, 0, 64)
    assert first is not second
    np.testing.assert_array_equal(first.hair.points, second.hair.points)
    np.testing.assert_array_equal(first.texture.color, second.texture.color)


# ---- labels


@pytest.mark.parametrize("index", range(16))
def test_landmarks_lie_on_the_drawn_parts(index):
    example = gallery()[index]
    points = dict(zip(LANDMARK_NAMES, example["landmarks"], strict=True))
    assert points["left_eye"][0] < points["nose"][0] + 40
    assert points["left_eye"][0] < points["right_eye"][0]
    assert points["left_mouth"][0] < points["right_mouth"][0]
    assert max(points["left_eye"][1], points["right_eye"][1]) < points["nose"][1]
    assert points["nose"][1] < min(points["left_mouth"][1], points["right_mouth"][1])
    for side in ("left", "right"):
        if np.count_nonzero(example["parsing"] == label(f"{side} eye")) > 8:
            assert distance(example, f"{side}_eye", f"{side} eye") < 1.5
    turned = 30  # beyond, the far corner of the mouth is hidden
    if abs(example["yaw"]) < turned:
        assert distance(example, "nose", "nose") < 1.5
        for side in ("left", "right"):
            parts = ("upper lip", "lower lip", "inner mouth")
            assert distance(example, f"{side}_mouth", *parts) < 2


def test_every_face_has_the_main_parts_where_they_belong():
    for example in gallery():
        if abs(example["yaw"]) > 40:
            continue
        parsing = example["parsing"]
        for part in ("background", "skin", "nose", "upper lip", "lower lip", "neck"):
            assert (parsing == label(part)).sum() > 8, part
        height = {
            part: np.nonzero(parsing == label(part))[0].mean()
            for part in ("nose", "upper lip", "lower lip", "neck")
        }
        assert list(height.values()) == sorted(height.values())
    seen = set(np.unique([example["parsing"] for example in gallery()]))
    assert seen == set(range(len(PARSING_NAMES))) - {label("glasses")}


def test_left_is_the_left_of_the_image():
    for example in gallery():
        for part in ("brow", "eye"):
            columns = [
                np.nonzero(example["parsing"] == label(f"{side} {part}"))[1]
                for side in ("left", "right")
            ]
            if all(len(found) for found in columns):
                assert columns[0].mean() < columns[1].mean()


def test_positive_yaw_turns_the_nose_to_the_right():
    turned = [example for example in gallery() if abs(example["yaw"]) > 10]
    assert len(turned) > 3
    for example in turned:
        left, right, nose = example["landmarks"][:3, 0]
        assert np.sign(nose - (left + right) / 2) == np.sign(example["yaw"])


def test_attributes_agree_with_the_parsing():
    for example in gallery():
        assert example["layers"][..., 0].any() == attribute(example, "Eyeglasses")
        assert (example["parsing"] == label("hair")).any() != attribute(example, "Bald")
        assert not (attribute(example, "Bald") and attribute(example, "Black_Hair"))
        if not attribute(example, "Male"):
            assert attribute(example, "No_Beard") and not attribute(example, "Mustache")


def test_layers_are_shares_of_pixels():
    """Neck and clothes are the parsing's classes in finer grain; the skin goes on below glasses."""
    covered = 0
    for example in gallery():
        for channel, name in enumerate(LAYER_NAMES[1:], 1):
            share, here = example["layers"][..., channel], example["parsing"] == label(name)
            assert (share[here] > 255 / 4).all() and (share[~here] <= 128).all()
            assert abs(share.sum() / 255 - here.sum()) < 0.05 * here.sum() + 10
        frames = with_glasses(example) == label("glasses")
        np.testing.assert_array_equal(frames, example["layers"][..., 0] > 127)
        covered += np.isin(example["parsing"][frames], [label("skin"), label("nose")]).sum()
        np.testing.assert_array_equal(with_glasses(example)[~frames], example["parsing"][~frames])
    assert covered > 500


def test_layers_move_with_the_picture():
    face = gallery()[0]
    mirrored = augment(face, np.random.default_rng(0), AugmentationSection(flip=1.0))
    np.testing.assert_array_equal(mirrored["layers"], face["layers"][:, ::-1])
    moved = augment(face, np.random.default_rng(0), AugmentationSection(shift=0.1, rotation=10))
    neck = moved["parsing"] == label("neck")
    agreeing = neck == (moved["layers"][..., LAYER_NAMES.index("neck")] > 127)
    assert neck.sum() > 200 and agreeing.mean() > 0.99
    assert (face["layers"] != moved["layers"]).any()


def test_attributes_are_celebas_and_forced_ones_are_among_them():
    assert set(ATTRIBUTE_NAMES) < set(CELEBA_ATTRIBUTES)
    assert list(ATTRIBUTE_NAMES) == sorted(ATTRIBUTE_NAMES, key=CELEBA_ATTRIBUTES.index)
    assert TOGGLED_ATTRIBUTES == EDITED_ATTRIBUTES


def test_faces_are_measured_by_their_landmarks():
    """A face of which every length is known: eyes 2 wide, .5 open and 6 apart."""
    points = np.zeros((68, 3))
    points[36:42, :2] = [(-4, 0), (-3.5, 0.25), (-2.5, 0.25), (-2, 0), (-2.5, -0.25), (-3.5, -0.25)]
    points[42:48, :2] = points[[39, 38, 37, 36, 41, 40], :2] * (-1, 1)
    points[[31, 35], 0] = -1.5, 1.5
    points[[51, 57], 1] = -4, -6.4
    assert measure(points) == pytest.approx((0.4, 0.5, 0.25))


def test_roll_is_that_of_the_picture():
    """The line between the eyes shows the roll."""
    for example in gallery():
        if abs(example["yaw"]) < 25:
            left, right = example["landmarks"][:2]
            slope = np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0]))
            assert slope == pytest.approx(-example["roll"], abs=3.5)


def test_positive_pitch_lowers_the_nose():
    from dataclasses import replace

    from zoo.data.synthfaces import renderer
    from zoo.data.synthfaces.picture import take_picture

    view = replace(renderer.view_of(1, 3, 0, "portrait"), yaw=0.0, roll=0.0)
    below = []
    for pitch in (-12.0, 12.0):
        y = take_picture(renderer.sitter_of(1, 3, 64), replace(view, pitch=pitch), 64).landmarks[
            :, 1
        ]
        below.append((y[2] - y[:2].mean()) / (y[3:].mean() - y[:2].mean()))
    assert below[1] > below[0] + 0.1  # of the way from the eyes to the mouth


# ---- 68 landmarks


def region(example: dict, points: list[int], *parts: str) -> np.ndarray:
    """Pixels from each of the visible landmarks to the nearest pixel with one of the labels."""
    rows, columns = np.nonzero(np.isin(example["parsing"], [label(part) for part in parts]))
    seen = example["landmarks68"][points][example["landmarks68_visible"][points] > 0]
    offset = np.stack([columns, rows], 1) + 0.5 - seen[:, None]
    return np.hypot(*offset.transpose(2, 0, 1)).min(1) if len(rows) else np.zeros(0)


ENDS = (17, 26, 36, 39, 42, 45)  # of brows and eyes, where next to nothing is drawn


@pytest.mark.parametrize("index", range(16))
def test_the_68_landmarks_lie_on_the_drawn_parts(index):
    example = gallery()[index]
    places = {
        "left brow": (slice(17, 22), ("left brow", "glasses")),
        "right brow": (slice(22, 27), ("right brow", "glasses")),
        "nose": (slice(27, 36), ("nose", "glasses", "upper lip")),
        "left eye": (slice(36, 42), ("left eye", "glasses")),
        "right eye": (slice(42, 48), ("right eye", "glasses")),
        "lips": (slice(48, 68), ("upper lip", "lower lip", "inner mouth")),
        "jaw": (slice(0, 17), ("skin", "neck", "hair")),
    }
    for name, (points, parts) in places.items():
        if name.endswith("eye") and np.count_nonzero(example["parsing"] == label(name)) < 24:
            continue  # nearly closed
        ends = [i for i in range(68)[points] if i in ENDS]
        middle = [i for i in range(68)[points] if i not in ENDS]
        assert (region(example, middle, *parts) < 1.5).all(), name
        assert (region(example, ends, *parts) < 3).all(), name


def test_the_68_landmarks_are_in_the_order_of_300w_and_mirror():
    from zoo.data.synthfaces.mesh import base_mesh
    from zoo.data.synthfaces.points import MIRRORED, anchors
    from zoo.data.synthfaces.regions import BrowShape

    assert sorted(MIRRORED) == list(range(68)) and (MIRRORED[MIRRORED] == range(68)).all()
    found = anchors(BrowShape(0.04, 0.8, 0.0, 0.01, 0.5, 0.4))
    points = (base_mesh().vertices[found.vertices] * found.weights[..., None]).sum(1)
    np.testing.assert_allclose(points[MIRRORED] * (-1, 1, 1), points, atol=2e-3)
    x, y = points[:, 0], points[:, 1]
    assert (np.diff(x[:17]) > 0).all() and y[:17].argmin() == 8  # jaw: from left to right, chin
    assert (np.diff(x[17:27]) > 0).all()  # brows
    assert (np.diff(y[27:31]) < 0).all() and (np.diff(x[31:36]) > 0).all()  # nose
    for first in (36, 42):  # eyes: left corner, above, right corner, below
        assert x[first : first + 6].argmin() == 0 and x[first : first + 6].argmax() == 3
        assert y[first + 1 : first + 3].min() > y[first + 4 : first + 6].max()
    assert x[48:60].argmin() == 0 and x[48:60].argmax() == 6 and y[48:60].argmin() == 9
    assert y[61:64].min() > y[65:68].max()


def test_turned_heads_hide_the_far_side():
    hidden = {"left": [], "right": []}
    for example in gallery():
        if abs(example["yaw"]) > 25:
            far, near = (36, 45) if example["yaw"] < 0 else (45, 36)
            seen = example["landmarks68_visible"]
            hidden["right" if example["yaw"] > 0 else "left"].append((seen[far], seen[near]))
            assert seen[0 if example["yaw"] < 0 else 16] == 0  # the far end of the jaw
    assert all(near for pairs in hidden.values() for _, near in pairs)
    assert sum(len(pairs) for pairs in hidden.values()) >= 2
    frontal = [example for example in gallery() if abs(example["yaw"]) < 8]
    assert all(example["landmarks_visible"].sum() >= 4 for example in frontal)


def test_points_are_visible_unless_most_samples_around_are_nearer():
    from zoo.data.synthfaces.points import visible

    depth = np.full((8, 8), 1.0, np.float32)
    depth[:, 4:] = 2.0
    points = np.float32([[2.5, 2.5, 1.0], [2.5, 2.5, 0.9], [6.5, 2.5, 1.0], [-1, 2, 5], [3, 8, 5]])
    np.testing.assert_array_equal(visible(points, depth), [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(visible(np.float32([[3.5, 3.5, 0.95]]), depth), [1])


def test_neck_is_below_the_jaw():
    from zoo.data.synthfaces.regions import is_neck, jaw_height

    assert is_neck(jaw_height(0.9), 0.9) and not is_neck(jaw_height(0.9) + 0.1, 0.9)
    assert jaw_height(1.3) == pytest.approx(6.17)  # the chin


# ---- files


SMALL = {"count": 5, "size": 32, "seed": 2, "views_per_identity": 2}


@pytest.fixture(scope="module")
def image_set(tmp_path_factory):
    return synthfaces.generate(tmp_path_factory.mktemp("images") / "set", **SMALL, workers=1)


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    directory = tmp_path_factory.mktemp("records") / "set"
    return synthfaces.generate(directory, **SMALL, format="tfrecord", workers=1)


def manifest_of(directory) -> dict:
    return json.loads((directory / "manifest.json").read_text())


@pytest.fixture
def one_opencv_thread():
    """Sketches are made so; Canny finds other edges with several."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)


def test_both_formats_hold_what_is_rendered(image_set, record_set, one_opencv_thread):
    from zoo.data import hints

    faces = synthfaces.SynthFaces(32, seed=2, views_per_identity=2)
    sets = [synthfaces.open_dataset(directory) for directory in (image_set, record_set)]
    for dataset in sets:
        dataset.verify()
        assert len(dataset) == 5 and dataset.size == 32
        assert dataset.attribute_names == ATTRIBUTE_NAMES
        assert dataset.manifest["license"] == "CC0-1.0"
        np.testing.assert_array_equal(dataset[-1]["image"], dataset[4]["image"])
        with pytest.raises(IndexError):
            dataset[5]
    for index in range(5):
        expected = faces.render(index)
        expected["sketch"] = hints.sketch(expected["image"], method="canny")
        expected["color"] = hints.color_map(expected["image"], with_glasses(expected))
        for dataset in sets:
            example = dataset[index]
            assert example.keys() == expected.keys()
            for key, value in expected.items():
                np.testing.assert_array_equal(value, example[key], err_msg=key)
                assert value.dtype == example[key].dtype


@pytest.mark.parametrize("format", ["images", "tfrecord"])
def test_the_bytes_do_not_depend_on_the_workers(format, image_set, record_set, tmp_path):
    done = []
    directory = synthfaces.generate(
        *(tmp_path / "two", 5, 32, 2, 2, format),
        workers=2,
        progress=lambda *args: done.append(args),
    )
    assert manifest_of(directory) == manifest_of(image_set if format == "images" else record_set)
    assert done[-1] == (5, 5) and len(done) == 3
    synthfaces.open_dataset(directory).verify()


@pytest.mark.parametrize("format", ["images", "tfrecord"])
def test_a_stopped_run_continues_to_the_same_bytes(format, image_set, record_set, tmp_path):
    whole = image_set if format == "images" else record_set

    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stopped

    arguments = {**SMALL, "format": format, "workers": 1}
    with pytest.raises(Stopped):
        synthfaces.generate(tmp_path / "set", **arguments, progress=stop)
    with pytest.raises(ZooError, match="generation was stopped"):
        synthfaces.open_dataset(tmp_path / "set")
    with pytest.raises(ZooError, match="seed=2, not 3"):
        synthfaces.generate(tmp_path / "set", **{**arguments, "seed": 3})

    done = []
    synthfaces.generate(tmp_path / "set", **arguments, progress=lambda n, _: done.append(n))
    assert done == [2, 4, 5]  # the first two were there already
    assert manifest_of(tmp_path / "set") == manifest_of(whole)
    expected = sorted(path.name for path in whole.rglob("*"))
    assert sorted(path.name for path in (tmp_path / "set").rglob("*")) == expected

    synthfaces.generate(tmp_path / "set", **arguments, progress=lambda n, _: done.append(n))
    assert done == [2, 4, 5]  # finished: nothing to do


def test_splits_are_by_identity(tmp_path):
    arguments = {"count": 23, "size": 32, "views_per_identity": 2, "sketch": "none", "workers": 1}
    dataset = synthfaces.open_dataset(synthfaces.generate(tmp_path / "set", **arguments))
    assert dataset.manifest["splits"] == {
        "train": [*range(8), 10, 11],
        "val": [9],
        "test": [8],
    }
    found = {split: dataset.indices(split).tolist() for split in ("train", "val", "test")}
    assert found == {"train": [*range(16), 20, 21, 22], "val": [18, 19], "test": [16, 17]}
    with pytest.raises(ZooError, match="split='dev' is unknown; legal: train, val, test"):
        dataset.indices("dev")


def test_the_preview_shows_pictures_and_labels(image_set, tmp_path):
    cv2 = pytest.importorskip("cv2")
    sheet = synthfaces.preview(image_set, tmp_path / "sheet.png", count=3)
    written = cv2.imread(str(tmp_path / "sheet.png"))[..., ::-1]
    np.testing.assert_array_equal(written, sheet)
    picture = synthfaces.open_dataset(image_set)[0]["image"]
    enlarged = cv2.resize(picture, (128, 128), interpolation=cv2.INTER_LANCZOS4)
    match = cv2.matchTemplate(sheet, enlarged, cv2.TM_SQDIFF)
    assert match.min() / enlarged.size < 4  # the first example is there
    for count in (0, 2.5, True):
        with pytest.raises(ZooError, match="is not an integer from 1"):
            synthfaces.preview(image_set, tmp_path / "sheet.png", count=count)
    with pytest.raises(ZooError, match="no SynthFaces here"):
        synthfaces.preview(tmp_path, tmp_path / "sheet.png")


def test_without_sketch(tmp_path):
    arguments = {"count": 1, "size": 32, "sketch": "none", "workers": 1}
    for format in ("images", "tfrecord"):
        directory = synthfaces.generate(tmp_path / format, **arguments, format=format)
        example = synthfaces.open_dataset(directory)[0]
        assert "sketch" not in example and example["color"].shape == (32, 32, 3)


def test_tensorflow_reads_the_shards(image_set, record_set):
    tf = pytest.importorskip("tensorflow")
    names = sorted(manifest_of(record_set)["files"])
    assert names == ["faces-00000-of-00001.tfrecord"]
    pictures = {"image": 3, "parsing": 1, "sketch": 1, "color": 3}
    features = {key: tf.io.FixedLenFeature([], tf.string) for key in pictures} | {
        "landmarks": tf.io.FixedLenFeature([5, 2], tf.float32),
        "attributes": tf.io.FixedLenFeature([len(ATTRIBUTE_NAMES)], tf.int64),
        "yaw": tf.io.FixedLenFeature([], tf.float32),
        "landmarks68": tf.io.FixedLenFeature([68, 2], tf.float32),
        "landmarks68_visible": tf.io.FixedLenFeature([68], tf.int64),
        "identity": tf.io.FixedLenFeature([], tf.int64),
    }
    records = tf.data.TFRecordDataset([str(record_set / name) for name in names])
    parsed = [tf.io.parse_single_example(record, features) for record in records]
    dataset = synthfaces.open_dataset(image_set)
    assert len(parsed) == len(dataset)
    for index, example in enumerate(parsed):
        expected = dataset[index]
        for key, channels in pictures.items():
            picture = tf.io.decode_png(example[key], channels).numpy().squeeze()
            scale = 255 if key == "sketch" else 1
            np.testing.assert_array_equal(picture, expected[key] * scale, err_msg=key)
        for key in features.keys() - pictures.keys():
            np.testing.assert_array_equal(example[key].numpy(), expected[key], err_msg=key)


def test_examples_survive_the_wire_format():
    features = {
        "bytes": bytes(range(256)) * 3,
        "floats": np.float32([1.5, -2.25, 0]),
        "integers": np.array([0, 1, -1, 2**40, -(2**63)]),
    }
    decoded = tfrecord.decode_example(tfrecord.encode_example(features))
    assert decoded["bytes"] == features["bytes"]
    np.testing.assert_array_equal(decoded["floats"], features["floats"])
    np.testing.assert_array_equal(decoded["integers"], features["integers"])


def test_crc_of_a_published_example():
    crc = tfrecord.masked_crc32c(b"123456789")
    unmasked = (crc - 0xA282EAD8) & 0xFFFFFFFF
    assert ((unmasked >> 17) | (unmasked << 15)) & 0xFFFFFFFF == 0xE3069283  # RFC 3720, B.4


def test_records_have_the_same_checksum_without_numba(monkeypatch):
    data = np.random.default_rng(0).bytes(3001)
    compiled = tfrecord.record(data)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert tfrecord.record(data) == compiled
    assert compiled[-4:] == tfrecord.masked_crc32c(data).to_bytes(4, "little")


def test_shards_hold_at_most_256_examples(monkeypatch, tmp_path):
    module = importlib.import_module("zoo.data.synthfaces.generate")  # the name is the function
    monkeypatch.setattr(module, "EXAMPLES_PER_SHARD", 2)
    directory = synthfaces.generate(tmp_path / "set", **SMALL, format="tfrecord", workers=1)
    assert list(manifest_of(directory)["files"]) == [
        f"faces-{shard:05d}-of-00003.tfrecord" for shard in range(3)
    ]
    dataset = synthfaces.open_dataset(directory)
    assert [int(dataset[index]["identity"]) for index in (4, 0, 3, 2)] == [2, 0, 1, 1]


# ---- refusals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 31}, r"size=31 is out of range; legal: 32 to 512"),
        ({"size": 513}, r"size=513 is out of range"),
        ({"size": 64.0}, r"size=64.0 is not an integer"),
        ({"seed": -1}, r"seed=-1 is out of range; legal: 0 to 4294967295"),
        ({"views_per_identity": 0}, r"views_per_identity=0 is out of range; legal: 1"),
        ({"count": 0}, r"count=0 is not an integer from 1"),
        ({"workers": 0}, r"workers=0"),
        ({"format": "tfrecords"}, r"format='tfrecords'.*images, tfrecord.*Did you mean 'tfrecord'"),
        ({"sketch": "sobel"}, r"sketch='sobel' is unknown; legal: canny, hed, none"),
    ],
)
def test_arguments_are_checked(arguments, message, tmp_path):
    with pytest.raises(ZooError, match=message):
        synthfaces.generate(tmp_path / "set", **{"count": 1, **arguments})
    assert not (tmp_path / "set").exists()


def test_index_is_checked():
    with pytest.raises(ZooError, match="index=-1"):
        synthfaces.SynthFaces(32).render(-1)


def test_a_missing_library_is_named(monkeypatch):
    find = synthfaces.renderer.importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "numba" else find(name)
    )
    with pytest.raises(ZooError, match=r"needs numba: pip install 'face-gan-zoo\[synthfaces\]'"):
        synthfaces.SynthFaces(32)


def test_foreign_directories_are_left_alone(image_set, tmp_path):
    with pytest.raises(ZooError, match="count=5, not 6"):
        synthfaces.generate(image_set, **{**SMALL, "count": 6})
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ZooError, match="holds other files"):
        synthfaces.generate(tmp_path, 1)
    with pytest.raises(ZooError, match="is a file"):
        synthfaces.generate(tmp_path / "notes.txt", 1)
    with pytest.raises(ZooError, match="no SynthFaces here"):
        synthfaces.open_dataset(tmp_path)


def test_yaws_without_reading_examples_one_by_one(image_set, record_set):
    for directory in (image_set, record_set):
        dataset = synthfaces.open_dataset(directory)
        expected = np.array([dataset[i]["yaw"] for i in range(len(dataset))])
        np.testing.assert_array_equal(dataset.yaws, expected)
        assert dataset.yaws.dtype == np.float32 and np.ptp(expected) > 1


@pytest.fixture
def copied(image_set, tmp_path):
    import shutil

    return shutil.copytree(image_set, tmp_path / "copy")


def test_damaged_images_are_refused(copied):
    dataset = synthfaces.open_dataset(copied)
    image = copied / "images" / "000001.png"
    data = image.read_bytes()
    image.write_bytes(data[:-20])
    with pytest.raises(ZooError, match=r"000001.png: the PNG is truncated"):
        dataset[1]
    image.write_bytes(data[:60] + b"\0\0\0\0" + data[64:])
    with pytest.raises(ZooError, match=r"000001.png: the PNG is damaged"):
        dataset[1]
    huge = data[:16] + (2**20).to_bytes(4, "big") * 2 + data[24:]
    image.write_bytes(huge)
    with pytest.raises(ZooError, match=r"the image is 1048576x1048576, expected 32x32"):
        dataset[1]
    image.write_bytes(b"GIF89a")
    with pytest.raises(ZooError, match="not a PNG"):
        dataset[1]
    with pytest.raises(ZooError, match="differs from its SHA-256"):
        dataset.verify()
    image.unlink()
    with pytest.raises(ZooError, match=r"000001.png is missing"):
        dataset[1]


def test_damaged_labels_are_refused(copied):
    labels = copied / "labels.csv"
    lines = labels.read_text().splitlines()
    labels.write_text("\n".join(lines[:-1]))
    with pytest.raises(ZooError, match="expected a header and 5 rows"):
        synthfaces.open_dataset(copied)
    labels.write_text("\n".join([*lines[:-1], "4,two," + lines[-1].removeprefix("4,2,")]))
    with pytest.raises(ZooError, match="two"):
        synthfaces.open_dataset(copied)
    labels.unlink()
    with pytest.raises(ZooError, match="labels.csv is missing"):
        synthfaces.open_dataset(copied)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 4}, r"has version 4; this package reads 3"),
        ({"version": 1}, r"has version 1; this package reads 3. Make the set again"),
        ({"version": None}, r"has version None"),
        ({"dataset": "other"}, r"not the manifest of a SynthFaces"),
        ({"format": "zip"}, r"format 'zip'; legal: images, tfrecord"),
        ({"size": "big"}, r"size='big'"),
    ],
)
def test_manifests_are_checked(change, message, copied):
    path = copied / "manifest.json"
    path.write_text(json.dumps({**manifest_of(copied), **change}))
    with pytest.raises(ZooError, match=message):
        synthfaces.open_dataset(copied)


def test_unreadable_manifests_are_refused(copied):
    path = copied / "manifest.json"
    manifest = manifest_of(copied)
    del manifest["count"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(ZooError, match="lacks count"):
        synthfaces.open_dataset(copied)
    path.write_text("{")
    with pytest.raises(ZooError, match="not valid JSON"):
        synthfaces.open_dataset(copied)


def test_damaged_shards_are_refused(record_set, tmp_path):
    import shutil

    copy = shutil.copytree(record_set, tmp_path / "copy")
    shard = copy / "faces-00000-of-00001.tfrecord"
    data = shard.read_bytes()
    shard.write_bytes(data[:-1])
    with pytest.raises(ZooError, match="ends inside record 4"):
        synthfaces.open_dataset(copy)
    shard.write_bytes(b"\1" + data[1:])
    with pytest.raises(ZooError, match="header of record 0 is damaged"):
        synthfaces.open_dataset(copy)
    shard.write_bytes(data + data)
    with pytest.raises(ZooError, match="hold 10 examples, the manifest says 5"):
        synthfaces.open_dataset(copy)
    shard.unlink()
    with pytest.raises(ZooError, match="is missing"):
        synthfaces.open_dataset(copy)
