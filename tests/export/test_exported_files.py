"""Both formats: same output as Keras, only the generator inside, readable, whole or not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from keras import layers, ops

import zoo.export
from zoo.errors import ZooError
from zoo.export import onnx_file, parity, saved_model_writer
from zoo.export.inference import float32_twin
from zoo.models.sc_fegan.model import SCFEGAN

KEYS = ["color", "image", "mask", "noise", "sketch"]


@pytest.fixture(scope="module")
def onnx_path(model, tmp_path_factory):
    return zoo.export.onnx(model, tmp_path_factory.mktemp("onnx") / "model.onnx")


@pytest.fixture(scope="module")
def saved_path(model, tmp_path_factory):
    return zoo.export.saved_model(model, tmp_path_factory.mktemp("saved") / "1")


def size_of(variables) -> int:
    return sum(int(np.prod(v.shape)) * 4 for v in variables)


def batch_for(model, count, size=None, seed=0):
    shapes = model.input_shapes(size)
    return parity.random_batch(shapes, count, 0, np.random.default_rng(seed))


# Parity ----------------------------------------------------------------------------------------


def test_verify_onnx(model, onnx_path):
    result = zoo.export.verify(model, onnx_path)
    assert result.ok and result.format == "onnx" and result.path == onnx_path
    assert result.max_abs_diff < 1e-5


def test_verify_saved_model(model, saved_path):
    result = zoo.export.verify(model, saved_path, samples=2, seed=1)
    assert result.ok and result.format == "savedmodel" and result.max_abs_diff < 1e-5


@pytest.mark.parametrize("count", [1, 3])
def test_any_batch_size(model, onnx_path, saved_path, count):
    batch = batch_for(model, count)
    expected = model(batch, training=False)
    session = onnxruntime.InferenceSession(onnx_path)
    np.testing.assert_allclose(session.run(["image_out"], batch)[0], expected, atol=1e-5)
    loaded = tf.saved_model.load(saved_path)
    tensors = {key: tf.constant(value) for key, value in batch.items()}
    outputs = loaded.signatures["serving_default"](**tensors)
    np.testing.assert_allclose(outputs["image_out"], expected, atol=1e-6)


def test_verify_notices_other_weights(model, onnx_path):
    keras.utils.set_random_seed(9)
    assert not zoo.export.verify(SCFEGAN(image_size=32, width=0.1), onnx_path).ok


def test_a_nan_never_passes(tmp_path):
    nan = float("nan")
    assert not parity.Parity("onnx", tmp_path, nan).ok
    assert not parity.Parity("onnx", tmp_path, nan, "int8", nan).ok


def test_other_sizes(model, tmp_path):
    path = zoo.export.onnx(model, tmp_path / "wide.onnx", size=64)
    shapes = {entry.name: entry.shape for entry in onnxruntime.InferenceSession(path).get_inputs()}
    assert shapes["mask"] == ["batch", 64, 64, 1]
    assert zoo.export.verify(model, path, samples=1).ok
    free = zoo.export.saved_model(model, tmp_path / "free", size=(None, None))
    serve = tf.saved_model.load(free)
    for size in (32, 64):
        batch = batch_for(model, 1, size)
        tensors = {key: tf.constant(value) for key, value in batch.items()}
        outputs = serve.signatures["serving_default"](**tensors)["image_out"]
        np.testing.assert_allclose(outputs, model(batch, training=False), atol=1e-5)


@pytest.mark.parametrize("writer", ["onnx", "saved_model"])
def test_mixed_precision_is_written_in_float32(writer, tmp_path):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = SCFEGAN(image_size=32, width=0.1)
        path = getattr(zoo.export, writer)(model, tmp_path / "half.onnx")
        assert zoo.export.verify(model, path).ok
        twin = float32_twin(model)
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy(policy)
    assert twin is not model and twin.generator.compute_dtype == "float32"
    assert float32_twin(twin) is twin


# Content ---------------------------------------------------------------------------------------


def test_onnx_names_and_metadata(model, onnx_path):
    proto = onnx.load(onnx_path)
    onnx.checker.check_model(proto, full_check=True)
    assert [entry.version for entry in proto.opset_import] == [18]
    assert sorted(value.name for value in proto.graph.input) == KEYS
    assert [value.name for value in proto.graph.output] == ["image_out"]
    for value in (*proto.graph.input, *proto.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"
        assert [d.dim_value for d in value.type.tensor_type.shape.dim[1:3]] == [32, 32]
    names = {t.name for t in proto.graph.initializer}
    assert {v.path for v in model.inference_variables()} <= names
    assert {"generator/gconv1_ds/Conv", "generator/gconv2_ds/lrn/Mul"} <= {
        node.name for node in proto.graph.node
    }
    assert b"unk__" not in onnx_path.read_bytes()
    card = {entry.key: entry.value for entry in proto.metadata_props}
    assert card["model"] == "sc_fegan" and card["licence"] == model.licence
    assert json.loads(card["config"]) == json.loads(json.dumps(model.get_config()))


def test_onnx_keeps_transposes_at_its_edges_only(onnx_path):
    proto = onnx.load(onnx_path)
    count = Counter(node.op_type for node in proto.graph.node)
    assert count["Transpose"] == len(KEYS) + 1
    assert not count.keys() & {"Reshape", "Shape", "Gather", "Cast", "Pad", "Slice", "MatMul"}


def test_saved_model_content(model, saved_path):
    signature = tf.saved_model.load(saved_path).signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    assert sorted(specs) == KEYS
    assert specs["image"].shape.as_list() == [None, None, None, 3]
    assert list(signature.structured_outputs) == ["image_out"]
    card = json.loads((saved_path / "assets.extra" / "zoo.json").read_text())
    assert card["licence"] == model.licence and card["pad_multiple"] == 8
    assert card["inputs"]["mask"] == {
        "shape": [None, None, None, 1],
        "dtype": "float32",
        "meaning": "1 = hole, 0 = known",
    }


def test_only_the_generator_is_inside(model, onnx_path, saved_path):
    weights = size_of(model.inference_variables())
    data = sum(file.stat().st_size for file in saved_path.glob("variables/*.data*"))
    assert 0.9 * weights < data < weights + 50_000
    stored = onnx.load(onnx_path).graph.initializer
    assert not any("discriminator" in tensor.name for tensor in stored)
    assert sum(len(tensor.raw_data) for tensor in stored) < 1.1 * weights
    names = [name for name, _ in tf.train.list_variables(str(saved_path / "variables/variables"))]
    assert len(names) == 1 + len(model.inference_variables())
    assert not any("discriminator" in name for name in names)


LOAD = """
import sys
import numpy as np, onnxruntime, tensorflow as tf
folder, onnx_path, saved_path = sys.argv[1:]
batch = dict(np.load(folder + "/batch.npz"))
expected = batch.pop("expected")
found = onnxruntime.InferenceSession(onnx_path).run(None, batch)[0]
assert np.abs(found - expected).max() < 1e-5
serve = tf.saved_model.load(saved_path).signatures["serving_default"]
found = serve(**{key: tf.constant(value) for key, value in batch.items()})["image_out"]
assert np.abs(found - expected).max() < 1e-5
assert "zoo" not in sys.modules
"""


def test_files_load_without_the_package(model, onnx_path, saved_path, tmp_path):
    batch = batch_for(model, 2)
    expected = np.asarray(model(batch, training=False))
    np.savez(tmp_path / "batch.npz", expected=expected, **batch)
    command = [sys.executable, "-I", "-c", LOAD, tmp_path, onnx_path, saved_path]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)


def test_importing_the_exporters_imports_no_framework():
    code = "import sys, zoo.export; dir(zoo.export)\n"
    code += "assert not {'tensorflow', 'keras', 'onnx', 'onnxruntime'} & set(sys.modules)"
    root = Path(zoo.export.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=60)


@pytest.mark.parametrize("package", ["onnx", "tf2onnx"])
def test_a_missing_package_is_named(monkeypatch, package):
    for name in [name for name in sys.modules if name.startswith("zoo.export.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ZooError, match=f"package {package}; install the extra 'export'"):
        zoo.export.onnx  # noqa: B018


def test_verify_without_onnxruntime(model, onnx_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ZooError, match="package onnxruntime"):
        zoo.export.verify(model, onnx_path)


# Other networks --------------------------------------------------------------------------------


class Unpool(layers.Layer):
    """Puts each maximum of a 2x2 window back where it was."""

    def call(self, x):
        peak = ops.max_pool(x, 2, 2)
        grown = ops.repeat(ops.repeat(peak, 2, axis=1), 2, axis=2)
        return grown * ops.cast(ops.equal(grown, x), x.dtype)


class Attention(layers.Layer):
    def call(self, x):
        _, height, width, channels = x.shape
        rows = ops.reshape(x, (-1, height * width, channels))
        weights = ops.softmax(ops.matmul(rows, ops.transpose(rows, (0, 2, 1))), axis=-1)
        return ops.reshape(ops.matmul(weights, rows), (-1, height, width, channels))


class Labels(layers.Layer):
    """Tiles a vector over the image and joins it."""

    def call(self, x):
        vector = ops.mean(x, axis=(1, 2))[:, None, None, :]
        return ops.concatenate([x, ops.tile(vector, (1, x.shape[1], x.shape[2], 1))], axis=-1)


class Recurrent(layers.Layer):
    """A gate between a state and its update, as in a GRU."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.gate = layers.Conv2D(8, 3, padding="same", activation="sigmoid", name="gate")
        self.update = layers.Conv2D(8, 3, padding="same", activation="tanh", name="update")

    def build(self, shape):
        for layer in (self.gate, self.update):
            layer.build((*shape[:-1], 2 * shape[-1]))

    def call(self, x):
        state = ops.tanh(x)
        gate = self.gate(ops.concatenate([x, state], axis=-1))
        new = self.update(ops.concatenate([x, gate * state], axis=-1))
        return (1 - gate) * state + gate * new


def pooled(x):
    x = layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2, padding="same")(x))
    small = layers.AveragePooling2D(2)(layers.PReLU(shared_axes=[1, 2])(x))
    x = layers.Add()([x, layers.UpSampling2D(interpolation="bilinear")(small)])
    scale = layers.Dense(8, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    return layers.UpSampling2D()(x * layers.Reshape((1, 1, 8))(scale))


def bottleneck(x):
    x = layers.Flatten()(layers.Conv2D(4, 4, strides=4, padding="same")(x))
    x = layers.Reshape((16, 4))(layers.Dense(64, activation="relu")(x))
    x = layers.EinsumDense("bjc,jic->bic", output_shape=(16, 4))(x)  # channel-wise dense
    return layers.Conv2DTranspose(8, 4, strides=4, padding="same")(layers.Reshape((4, 4, 4))(x))


def inner(layer):
    return lambda x: layer(layers.Conv2D(8, 3, padding="same")(x))


NETWORKS = {
    "pooled": (pooled, 5),
    "bottleneck": (bottleneck, 6),
    "layer norm": (inner(layers.LayerNormalization()), 2),
    "group norm": (inner(layers.GroupNormalization(groups=2)), 4),
    "instance norm": (inner(layers.GroupNormalization(groups=-1)), 2),
    "unpool": (inner(Unpool()), 4),
    "attention": (inner(Attention()), 5),
    "labels": (inner(Labels()), 3),
    "recurrent": (inner(Recurrent()), 2),
}


@pytest.mark.parametrize("body, transposes", NETWORKS.values(), ids=NETWORKS.keys())
def test_operators_of_other_networks(body, transposes, wrap, tmp_path):
    image = keras.Input((16, 16, 3))
    output = layers.Conv2D(3, 3, padding="same", activation="tanh")(body(image))
    model = wrap(keras.Model(image, output, name="generator"))
    path = zoo.export.onnx(model, tmp_path / "model.onnx")
    assert zoo.export.verify(model, path).max_abs_diff < 1e-5
    count = Counter(node.op_type for node in onnx.load(path).graph.node)
    assert count["Transpose"] <= transposes


# Refusals and failures -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("model.pb", {}, r"model\.pb.*\.onnx"),
        ("model.onnx", {"size": 30}, "30.*multiples of 8"),
        ("model.onnx", {"size": -8}, "-8.*multiples of 8"),
        ("model.onnx", {"size": (None, 32)}, "multiples of 8"),
        ("model.onnx", {"precision": "int4"}, "int4.*float32, float16, int8"),
        ("model.onnx", {"precision": "int8", "calibration": []}, "no batch"),
        ("model.onnx", {"precision": "int8", "calibration": [{}]}, "missing: image, mask"),
        ("model.onnx", {"opset": 12}, "12.*18"),
        ("file/model.onnx", {}, "not a directory"),
        ("folder.onnx", {}, "a directory"),
    ],
)
def test_onnx_refusals(model, tmp_path, name, options, message):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.onnx").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ZooError, match=message):
        zoo.export.onnx(model, tmp_path / name, **options)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("new", {"size": 20}, r"20.*multiples of 8 and \(None, None\)"),
        ("file", {}, "a file"),
        ("full", {}, "not empty"),
    ],
)
def test_saved_model_refusals(model, tmp_path, name, options, message):
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "photo.jpg").write_text("")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ZooError, match=message):
        zoo.export.saved_model(model, tmp_path / name, **options)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_network_of_fixed_size_cannot_be_free(wrap, tmp_path):
    image = keras.Input((16, 16, 3))
    model = wrap(keras.Model(image, bottleneck(image), name="generator"))
    with pytest.raises(ZooError, match="fixed size"):
        zoo.export.saved_model(model, tmp_path / "free", size=(None, None))
    assert not any(tmp_path.iterdir())


def test_only_zoo_models_with_weights(wrap, tmp_path):
    with pytest.raises(ZooError, match="Dense"):
        zoo.export.onnx(layers.Dense(1), tmp_path / "model.onnx")
    with pytest.raises(ZooError, match="no weights"):
        zoo.export.saved_model(wrap(keras.Sequential([layers.Dense(3)])), tmp_path / "new")


def test_variables_that_the_model_does_not_name_are_a_bug(wrap, tmp_path):
    image = keras.Input((16, 16, 3))
    model = wrap(keras.Model(image, layers.Conv2D(3, 3, padding="same")(image)))
    model.inference_variables = lambda: model.generator.variables[:1]
    with pytest.raises(ValueError, match="inference_variables") as caught:
        zoo.export.onnx(model, tmp_path / "model.onnx")
    assert not isinstance(caught.value, ZooError)
    with pytest.raises(ValueError, match="inference_variables"):
        zoo.export.saved_model(model, tmp_path / "new")


def test_a_directory_without_write_permission(model, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ZooError, match="not writable"):
        zoo.export.onnx(model, tmp_path / "model.onnx")


def test_verify_refusals(model, wrap, onnx_path, tmp_path):
    with pytest.raises(ZooError, match="nothing at"):
        zoo.export.verify(model, tmp_path / "absent.onnx")
    with pytest.raises(ZooError, match="is not a SavedModel directory, an .onnx or a .tflite"):
        zoo.export.verify(model, tmp_path)
    (tmp_path / "damaged.onnx").write_bytes(b"not a protobuf message")
    with pytest.raises(ZooError, match="cannot be read"):
        zoo.export.verify(model, tmp_path / "damaged.onnx")
    with pytest.raises(ZooError, match="samples"):
        zoo.export.verify(model, onnx_path, samples=0)
    image = keras.Input((16, 16, 3))
    other = wrap(keras.Model(image, layers.Conv2D(3, 3, padding="same")(image)))
    with pytest.raises(ZooError, match="takes color, image.*wrapped takes image"):
        zoo.export.verify(other, onnx_path)


@pytest.mark.parametrize("external", [False, True])
def test_a_full_disk_leaves_the_old_file(model, tmp_path, monkeypatch, external):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    if external:
        monkeypatch.setattr(onnx_file, "EXTERNAL_ABOVE", 1000)
    left = iter(range(len(model.inference_variables())))
    real = onnx_file._bytes

    def fails_at_the_end(value):
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        return real(value)

    monkeypatch.setattr(onnx_file, "INLINE", 0, raising=False)
    monkeypatch.setattr("zoo.export.onnx_writer.INLINE", 0)
    monkeypatch.setattr(onnx_file, "_bytes", fails_at_the_end)
    with pytest.raises(OSError, match="No space"):
        zoo.export.onnx(model, path)
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == b"old"


def test_a_failure_leaves_the_old_saved_model(model, tmp_path, monkeypatch):
    target = tmp_path / "1"
    target.mkdir()
    (target / "saved_model.pb").write_bytes(b"old")

    def fails(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saved_model_writer.json, "dumps", fails)
    with pytest.raises(OSError, match="No space"):
        zoo.export.saved_model(model, target)
    assert list(tmp_path.rglob("*")) == [target, target / "saved_model.pb"]


def test_weights_in_a_second_file(model, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "EXTERNAL_ABOVE", 1000)
    path = zoo.export.onnx(model, tmp_path / "model.onnx")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    assert path.stat().st_size < 0.5 * (tmp_path / "model.onnx.data").stat().st_size
    onnx.checker.check_model(str(path), full_check=True)
    assert zoo.export.verify(model, path).ok


# Memory ----------------------------------------------------------------------------------------

GROWTH = """
import json
import sys
import psutil
import zoo.export
name, path, arguments = sys.argv[1:]
model = zoo.create(name, **json.loads(arguments))
before = psutil.Process().memory_info().rss
zoo.export.onnx(model, path)
weights = sum(v.value.shape.num_elements() * 4 for v in model.inference_variables())
print(weights, zoo.export.peak_memory() - before)
"""


def growth(name, path, **arguments):
    root = Path(zoo.export.__file__).parents[2]
    command = [sys.executable, "-c", GROWTH, name, path, json.dumps(arguments)]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=600)
    return [int(word) for word in done.stdout.split()[-2:]]


def test_memory_of_a_medium_model(tmp_path):
    weights, grown = growth("sc_fegan", tmp_path / "model.onnx", image_size=64, width=0.9)
    assert weights > 60e6
    assert grown <= 3 * weights + 1.5e9


@pytest.mark.full_size
@pytest.mark.parametrize("name", zoo.list_models())
def test_memory_of_full_models(name, tmp_path):
    weights, grown = growth(name, tmp_path / "model.onnx")
    assert grown <= 3 * weights + 1.5e9, f"{name}: {weights / 1e6} MB took {grown / 1e9} GB"
    onnx.checker.check_model(str(tmp_path / "model.onnx"), full_check=True)
    stored = onnx.load(tmp_path / "model.onnx").graph.initializer
    total = sum(len(tensor.raw_data) for tensor in stored)
    assert 0.85 * weights < total < 1.05 * weights  # SC-FEGAN's dilated taps in padding go
