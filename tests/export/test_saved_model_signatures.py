"""The three signatures of a SavedModel against the verbs of `zoo.tasks`."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo.export
from zoo import tasks
from zoo.data import hints
from zoo.errors import ZooError
from zoo.export import parity, pictures, signatures
from zoo.export.inference import input_specs
from zoo.gan import GANModel
from zoo.testing.suite import small_model

Refused = tf.errors.InvalidArgumentError
SIZES = [(50, 70), (32, 32), (20, 17), (90, 60)]


def photo(height, width, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def png(picture):
    return cv2.imencode(".png", picture if picture.ndim == 2 else picture[..., ::-1])[1].tobytes()


def pixels(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def job(height, width, seed=0):
    """A picture with hole, sketch and colours."""
    values = {"image": photo(height, width, seed)}
    values |= {key: np.zeros((height, width), np.uint8) for key in ("mask", "sketch")}
    values["mask"][height // 3 : height // 3 * 2, width // 4 : width // 2] = 1
    values["sketch"][:: 7 + seed] = 1
    values["color"] = np.zeros_like(values["image"])
    values["color"][:, : width // 2] = (200, 10, 90)
    return values


def call(function, **inputs):
    """Runs a signature on arrays and lists; returns its one output."""
    (output,) = function(**{key: tf.constant(value) for key, value in inputs.items()}).values()
    return output.numpy()


def uint8(function, *jobs, **others):
    """Runs `predict_uint8` on jobs of one size."""
    wanted = function.structured_input_signature[1]
    inputs = {k: np.stack([j[k] for j in jobs]) for k in jobs[0] if k in wanted}
    inputs = {k: v[..., None] if v.ndim == 3 else v for k, v in inputs.items()}
    return call(function, **inputs, **others)


def files(*jobs, model_keys=("image", "mask", "sketch", "color"), **others):
    """The inputs of `predict_bytes` for jobs."""
    scale = {"mask": 255, "sketch": 255}
    return {
        f"{key}_bytes": [png(job[key] * scale.get(key, 1)) for job in jobs] for key in model_keys
    } | others


@pytest.fixture(scope="module")
def saved_path(model, tmp_path_factory):
    return zoo.export.saved_model(model, tmp_path_factory.mktemp("saved") / "1")


@pytest.fixture(scope="module")
def loaded(saved_path):
    return tf.saved_model.load(saved_path)


@pytest.fixture
def same_noise(monkeypatch):
    """The verbs draw the noise of the signatures' seed 5."""

    def noise(shape, rng, kind, channels):
        return pictures.noise(kind, tf.constant([5]), tf.constant(shape), channels)[0].numpy()

    monkeypatch.setattr(hints, "noise", noise)


def traced(model):
    free = not model.fixed_size
    specs = input_specs(model, (None, None) if free else None, may_be_free=True)
    return signatures.Signatures(model, specs, model.default_size, free)


def assert_same_picture(ours, theirs):
    """Resampling rounds apart by one level here and there."""
    difference = np.abs(ours.astype(int) - theirs)
    assert ours.shape == theirs.shape and difference.max() <= 1 and difference.mean() < 0.2


# Completion ------------------------------------------------------------------------------------


def test_names_types_and_shapes(loaded):
    picture, one, three = [None, None, None], 1, 3
    found = {
        name: {k: (s.dtype.name, s.shape.as_list()) for k, s in inputs.items()}
        for name, function in loaded.signatures.items()
        for inputs in [function.structured_input_signature[1]]
    }
    channels = {"image": three, "mask": one, "sketch": one, "color": three}
    strings = {f"{key}_bytes": ("string", [None]) for key in channels}
    seed = {"seed": ("int32", [None])}
    assert found == {
        "serving_default": {
            k: ("float32", [*picture, c]) for k, c in {**channels, "noise": one}.items()
        },
        "predict_uint8": {k: ("uint8", [*picture, c]) for k, c in channels.items()} | seed,
        "predict_bytes": strings | seed,
    }
    outputs = {name: list(f.structured_outputs) for name, f in loaded.signatures.items()}
    assert outputs == {
        "serving_default": ["image_out"],
        "predict_uint8": ["image_out"],
        "predict_bytes": ["image_out_bytes"],
    }


@pytest.mark.parametrize("size", SIZES)
def test_completion_equals_the_verb(model, loaded, same_noise, size):
    values = job(*size)
    expected = tasks.complete(model, **values)
    predict = loaded.signatures["predict_uint8"]
    found = uint8(predict, values, seed=[5])[0]
    assert_same_picture(found, expected)
    known = values["mask"] == 0
    np.testing.assert_array_equal(found[known], values["image"][known])
    assert np.abs(found[~known].astype(int) - values["image"][~known]).mean() > 5
    white = {**values, "mask": values["mask"] * 255}
    np.testing.assert_array_equal(uint8(predict, white, seed=[5])[0], found)


def test_what_lies_in_the_hole_does_not_matter(loaded):
    values, predict = job(40, 40), loaded.signatures["predict_uint8"]
    other = np.where(values["mask"][..., None] > 0, 255 - values["image"], values["image"])
    first, second = uint8(predict, values, {**values, "image": other}, seed=[1, 1])
    np.testing.assert_array_equal(first, second)


def test_each_picture_of_a_batch_stands_alone(loaded):
    predict = loaded.signatures["predict_uint8"]
    jobs = [job(40, 30, seed) for seed in range(3)]
    together = uint8(predict, *jobs, seed=[7, 8, 7])
    for values, seed, found in zip(jobs, (7, 8, 7), together, strict=True):
        assert_same_picture(uint8(predict, values, seed=[seed])[0], found)
    other = uint8(predict, jobs[0], seed=[9])[0]
    assert (other != together[0]).any()


def test_files_of_different_sizes(loaded):
    jobs = [job(*size, seed) for seed, size in enumerate(SIZES)]
    seeds = list(range(len(jobs)))
    found = call(loaded.signatures["predict_bytes"], **files(*jobs, seed=seeds))
    for values, seed, data in zip(jobs, seeds, found, strict=True):
        assert data.startswith(b"\x89PNG")
        expected = uint8(loaded.signatures["predict_uint8"], values, seed=[seed])[0]
        np.testing.assert_array_equal(pixels(data), expected)


def test_jpeg_files_and_empty_hints(loaded):
    values = job(40, 60)
    inputs = files(values, seed=[0]) | {"sketch_bytes": [b""], "color_bytes": [b""]}
    inputs["image_bytes"] = [cv2.imencode(".jpg", values["image"][..., ::-1])[1].tobytes()]
    values["image"] = pixels(inputs["image_bytes"][0])
    values |= {key: np.zeros_like(values[key]) for key in ("sketch", "color")}
    (found,) = call(loaded.signatures["predict_bytes"], **inputs)
    expected = uint8(loaded.signatures["predict_uint8"], values, seed=[0])[0]
    np.testing.assert_array_equal(pixels(found), expected)


@pytest.mark.parametrize("size", [(32, 64), (33, 50), (5, 3)])
def test_floats_of_any_size_are_padded_inside(model, loaded, size):
    shapes = {key: (None, *size, shape[-1]) for key, shape in model.input_shapes().items()}
    batch = parity.random_batch(shapes, 2, 0, np.random.default_rng(0))
    found = call(loaded.signatures["serving_default"], **batch)
    more = [(0, 0), *((0, -side % model.pad_multiple) for side in size), (0, 0)]
    reflect = {key: np.pad(batch[key], more, mode="symmetric") for key in ("image", "mask")}
    constant = {"sketch": 0.0, "color": -1.0, "noise": 0.0}
    padded = {k: np.pad(batch[k], more, constant_values=v) for k, v in constant.items()}
    expected = np.asarray(model(reflect | padded))[:, : size[0], : size[1]]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    known = (batch["mask"] == 0)[..., 0]
    np.testing.assert_array_equal(found[known], batch["image"][known])


def test_a_given_size_is_what_all_work_at(model, same_noise):
    functions = signatures.Signatures(model, input_specs(model, 48), 48, True).functions
    specs = functions["serving_default"].structured_input_signature[1]
    assert specs["image"].shape.as_list() == [None, 48, 48, 3]
    values = job(64, 96)
    found = uint8(functions["predict_uint8"], values, seed=[5])[0]
    assert_same_picture(found, tasks.complete(model, **values, size=48))


@pytest.mark.parametrize("name", ["context_encoder", "gfc"])
def test_models_of_fixed_size(name, same_noise):
    model = small_model(name)
    functions = traced(model).functions
    batch = parity.random_batch(model.input_shapes(), 2, 0, np.random.default_rng(0))
    found = call(functions["serving_default"], **batch)
    np.testing.assert_allclose(found, model(batch), atol=1e-5)
    seed = {"seed": [5]} if "noise" in model.input_keys else {}
    for size in ((50, 70), (20, 17)):
        values = job(*size)
        values = {"image": values["image"], "mask": values["mask"]}
        values["mask"][:, : size[1] // 4 + 2] = 0  # the window leaves the picture
        values["mask"][-3:, -4:] = name == "context_encoder"
        found = uint8(functions["predict_uint8"], values, **seed)[0]
        assert_same_picture(found, tasks.complete(model, **values))
        inputs = files(values, model_keys=("image", "mask"), **seed)
        np.testing.assert_array_equal(pixels(call(functions["predict_bytes"], **inputs)[0]), found)


def test_a_hole_that_takes_too_large_a_window(monkeypatch):
    monkeypatch.setattr(signatures, "_MAX_WINDOW", 100)
    predict = traced(small_model("context_encoder")).functions["predict_uint8"]
    values = {"image": photo(150, 150), "mask": np.zeros((150, 150), np.uint8)}
    values["mask"][:40, :20] = 1  # 32 * 40 / (0.4375 * 32 - 2) = 106.7
    with pytest.raises(Refused, match="hole of 40 pixels, .* window of 107 .* at most 100"):
        uint8(predict, values)


# Other tasks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["attgan", "stgan"])
def test_edits(name):
    model = small_model(name)
    functions, names = traced(model).functions, model.attribute_names
    shape = (None, 2 * model.pad_multiple, 3 * model.pad_multiple, 3)
    shapes = model.input_shapes() | {"image": shape}
    batch = parity.random_batch(shapes, 2, 0, np.random.default_rng(0))
    found = call(functions["serving_default"], **batch)
    np.testing.assert_allclose(found, model(batch), atol=1e-5)
    source = np.zeros((1, len(names)), "float32")
    target = source.copy()
    target[0, 2] = 1.5
    vectors = {"attributes": source, "target_attributes": target}
    vectors = {key: vectors[key] for key in vectors if key in model.input_keys}
    for size in SIZES[:2]:
        expected = tasks.edit(model, photo(*size), {names[2]: 1.5}, source_attributes=source[0])
        found = call(functions["predict_uint8"], image=photo(*size)[None], **vectors)[0]
        assert_same_picture(found, expected)
        (data,) = call(functions["predict_bytes"], image_bytes=[png(photo(*size))], **vectors)
        np.testing.assert_array_equal(pixels(data), found)
    for key, value, message in (
        ("target_attributes", source + 3, "target_attributes must lie between -1 and 2"),
        ("attributes", source * np.nan, "attributes must hold 0 and 1 only"),
    ):
        if key in vectors:
            with pytest.raises(Refused, match=message):
                changed = vectors | {key: value}
                call(functions["predict_uint8"], image=photo(9, 9)[None], **changed)


class Mirror(GANModel):
    """A frontalizer that mirrors its crop, marked with a landmark."""

    zoo_name, task, fixed_size, pad_multiple = "mirror", "frontalize", True, 48
    input_keys, channels, vectors = ("image", "landmarks"), {"image": 3}, {"landmarks": (5, 2)}

    def inference_variables(self):
        return []

    def call(self, batch, training=False):
        shift = batch["landmarks"][:, 2, :1, None, None] / 480.0
        return tf.clip_by_value(batch["image"][:, :, ::-1] + shift, -1.0, 1.0)


def test_faces_are_turned():
    model = Mirror(image_size=48)
    functions = traced(model).functions
    points = np.float32([[50, 45], [80, 40], [69, 60], [56, 75], [83, 71]])
    expected = tasks.frontalize(model, photo(120, 140), points)
    found = call(functions["predict_uint8"], image=photo(120, 140)[None], landmarks=points[None])[0]
    assert_same_picture(found, expected)
    inputs = {"image_bytes": [png(photo(120, 140))] * 2, "landmarks": np.stack([points] * 2)}
    for data in call(functions["predict_bytes"], **inputs):
        np.testing.assert_array_equal(pixels(data), found)
    with pytest.raises(Refused, match="landmarks must be finite"):
        call(functions["predict_uint8"], image=photo(9, 9)[None], landmarks=points[None] * np.inf)


def test_classes_features_and_parts():
    model = small_model("attribute_classifier")
    functions = traced(model).functions
    expected = list(tasks.classify(model, photo(50, 40)).values())
    found = call(functions["predict_bytes"], image_bytes=[png(photo(50, 40))])
    np.testing.assert_allclose(found[0], expected, atol=1e-5)

    model = small_model("parsing_network")
    functions, size = traced(model).functions, model.default_size
    picture = photo(size, size)
    logits = np.asarray(model({"image": picture[None] / np.float32(127.5) - 1}))
    found = call(functions["predict_uint8"], image=picture[None])
    np.testing.assert_array_equal(found[..., 0], logits.argmax(-1))
    (data,) = call(functions["predict_bytes"], image_bytes=[png(picture)])
    assert (pixels(data) == found[0]).all()

    model = small_model("context_encoder_features")
    size = model.default_size
    picture = photo(size, size)
    found = call(traced(model).functions["predict_uint8"], image=picture[None])
    expected = model({"image": picture[None] / np.float32(127.5) - 1})
    np.testing.assert_allclose(found, expected, atol=1e-5)


# What travels with it, and refusals ------------------------------------------------------------


def test_the_card_says_what_goes_in_and_out(preset, tmp_path):
    model = zoo.load(preset)
    path = zoo.export.saved_model(model, tmp_path / "1")
    card = json.loads((path / "assets.extra" / "zoo.json").read_text())
    config = json.loads((preset / "config.json").read_text())
    assert card["preset_sha256"] == config["sha256"] and card["licence"] == "Apache-2.0"
    assert card["layout"] == "NHWC" and card["task"] == "complete"
    loaded = tf.saved_model.load(path)
    for name, function in loaded.signatures.items():
        inputs = function.structured_input_signature[1]
        for described, specs in (("inputs", inputs), ("outputs", function.structured_outputs)):
            told = card["signatures"][name][described]
            assert {k: (v["dtype"], v["shape"]) for k, v in told.items()} == {
                k: (s.dtype.name, s.shape.as_list()) for k, s in specs.items()
            }
    assert "hole" in card["signatures"]["predict_uint8"]["inputs"]["mask"]["meaning"]
    assert "-1 to 1" in card["signatures"]["serving_default"]["inputs"]["image"]["meaning"]
    assert "empty" in card["signatures"]["predict_bytes"]["inputs"]["sketch_bytes"]["meaning"]


REFUSED = {
    "no hole": ({"mask": np.zeros((1, 40, 60, 1), np.uint8)}, "mask has no hole"),
    "grey mask": ({"mask": np.full((1, 40, 60, 1), 7, np.uint8)}, "mask must hold only 0 and 1"),
    "two levels": (
        {"mask": np.uint8([1, 255]).repeat(1200).reshape(1, 40, 60, 1)},
        "mask must hold only 0 and 1",
    ),
    "other size": ({"mask": np.ones((1, 40, 61, 1), np.uint8)}, "mask has another height or width"),
    "other count": ({"sketch": np.ones((2, 40, 60, 1), np.uint8)}, "sketch has another number"),
    "seeds": ({"seed": np.zeros(3, np.int32)}, "seed has another number"),
}


@pytest.mark.parametrize("change, message", REFUSED.values(), ids=REFUSED.keys())
def test_refused_pictures(loaded, change, message):
    inputs = {k: v[None] if v.ndim == 3 else v[None, ..., None] for k, v in job(40, 60).items()}
    with pytest.raises(Refused, match=message):
        call(
            loaded.signatures["predict_uint8"], **inputs | {"seed": np.zeros(1, np.int32)} | change
        )


def test_too_large_is_refused_before_it_is_computed(loaded):
    huge = {
        "image": np.zeros((1, 5000, 5000, 3), np.uint8),
        "color": np.zeros((1, 1, 1, 3), np.uint8),
    }
    huge |= {key: np.zeros((1, 1, 1, 1), np.uint8) for key in ("mask", "sketch")}
    with pytest.raises(Refused, match="image is 1 x 5000 x 5000|mask|sketch|color"):
        call(loaded.signatures["predict_uint8"], **huge, seed=[0])
    floats = {key: np.zeros((2, 8, 300_000, 1), "float32") for key in ("mask", "sketch", "noise")}
    floats |= {key: np.zeros((2, 8, 300_000, 3), "float32") for key in ("image", "color")}
    with pytest.raises(Refused, match="image is 2 x 8 x 300000 .* legal are 1 to 4194304 pixels"):
        call(loaded.signatures["serving_default"], **floats)


def test_the_bad_file_is_named(loaded):
    jobs, predict = [job(40, 60), job(30, 30)], loaded.signatures["predict_bytes"]
    good = files(*jobs, seed=[0, 0])
    bad = {
        "image_bytes[1] is neither": {"image_bytes": [good["image_bytes"][0], b"no"]},
        "mask_bytes[1] is 60 x 40": {"mask_bytes": [good["mask_bytes"][0]] * 2},
        "sketch_bytes[0] is damaged": {"sketch_bytes": [good["sketch_bytes"][0][:-40], b""]},
        "color_bytes has another number": {"color_bytes": [b""]},
        "mask has no hole": {
            "mask_bytes": [png(np.zeros((40, 60), np.uint8)), good["mask_bytes"][1]]
        },
    }
    for message, change in bad.items():
        with pytest.raises(Refused) as caught:
            call(predict, **good | change)
        assert message in str(caught.value)
    broken = good["image_bytes"][1]
    broken = broken[:60] + bytes(20) + broken[80:]
    with pytest.raises(Refused, match="(?s)image_bytes.*Invalid PNG data"):
        call(predict, **good | {"image_bytes": [good["image_bytes"][0], broken]})


def test_a_model_of_fixed_size_cannot_be_free(tmp_path):
    with pytest.raises(ZooError, match="context_encoder needs a fixed size; its own is 32 pixels"):
        zoo.export.saved_model(small_model("context_encoder"), tmp_path / "1", size=(None, None))
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads /proc")
def test_a_bomb_takes_no_memory(loaded):
    """A true file of 11,000 x 11,000 pixels, which TensorFlow itself would decode to 484 MB."""
    side = 11_000
    body = zlib.compressobj(1)
    rows = b"".join(body.compress(bytes(side + 1)) for _ in range(side)) + body.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")):
        bomb += (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )
    for key in ("image_bytes", "mask_bytes"):
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = zoo.export.peak_memory()
        with pytest.raises(Refused, match=rf"{key}\[0\] is 11000 x 11000 pixels"):
            call(loaded.signatures["predict_bytes"], **files(job(40, 60), seed=[0]) | {key: [bomb]})
        assert zoo.export.peak_memory() - before < 100e6


class Rows(GANModel):
    """Features of a flattened image: of one size only, which its class does not say."""

    zoo_name, task, pad_multiple, output_key = "rows", "embed", 4, "features"
    input_keys, channels, network_names = ("image",), {"image": 3}, ("extractor",)

    def __init__(self, image_size: int = 16):
        super().__init__(image_size=image_size)
        flat = keras.layers.Reshape((image_size * image_size * 3,))
        self.extractor = keras.Sequential([keras.Input((image_size, image_size, 3)), flat])
        self.extractor.add(keras.layers.Dense(5))
        self.built = True

    def call(self, batch, training=False):
        return self.extractor(batch["image"])

    def get_config(self):
        return {"image_size": self.default_size}


def test_a_network_that_takes_one_size_only_keeps_it(tmp_path):
    model = Rows()
    loaded = tf.saved_model.load(zoo.export.saved_model(model, tmp_path / "1"))
    specs = loaded.signatures["serving_default"].structured_input_signature[1]
    assert specs["image"].shape.as_list() == [None, 16, 16, 3]
    found = call(loaded.signatures["predict_uint8"], image=photo(16, 8)[None])
    seen = np.concatenate([photo(16, 8), photo(16, 8)[:, ::-1]], 1)[None] / np.float32(127.5) - 1
    np.testing.assert_allclose(found, model({"image": seen}), atol=1e-5)
    with pytest.raises(ZooError, match="rows needs a fixed size; its own is 16 pixels"):
        zoo.export.saved_model(model, tmp_path / "2", size=(None, None))
