"""float16 and int8 ONNX files, files of any size, and the faces they are calibrated on."""

from __future__ import annotations

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import zoo.export
from zoo.errors import ZooError
from zoo.export import onnx_precision, parity
from zoo.export.faces import face_batches
from zoo.export.graph import from_proto
from zoo.models.stgan.model import STGAN
from zoo.testing.suite import small_model


def with_weights(model, change):
    """A twin of the model whose larger weights went through a function."""
    twin = type(model).from_config(model.get_config())
    pairs = zip(model.inference_variables(), twin.inference_variables(), strict=True)
    for source, target in pairs:
        value = keras.ops.convert_to_numpy(source)
        target.assign(change(value) if value.size > 1024 else value)
    return twin


def batch_for(model, count=2, size=None):
    return parity.random_batch(model.input_shapes(size), count, 0, np.random.default_rng(3))


@pytest.fixture(scope="module")
def float32(model, tmp_path_factory):
    return zoo.export.onnx(model, tmp_path_factory.mktemp("float32") / "model.onnx")


@pytest.fixture(scope="module")
def int8(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("int8") / "model.onnx"
    return zoo.export.onnx(
        model, path, precision="int8", calibration=[batch_for(model, n) for n in (1, 3)]
    )


def test_float16_rounds_the_weights_and_nothing_else(model, float32, tmp_path):
    path = zoo.export.onnx(model, tmp_path / "half.onnx", precision="float16")
    rounded = with_weights(model, lambda value: value.astype(np.float16).astype(np.float32))
    batch = batch_for(model)
    found = onnxruntime.InferenceSession(path).run(None, batch)[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, rounded(batch, training=False), atol=1e-6)
    assert np.abs(found - model(batch, training=False)).max() > 4e-6
    large = [t for t in onnx.load(path).graph.initializer if np.prod(t.dims) > 1024]
    assert large and all(t.data_type == onnx.TensorProto.FLOAT16 for t in large)
    assert path.stat().st_size < 0.7 * float32.stat().st_size
    checked = zoo.export.verify(model, path)
    assert checked.ok and checked.precision == "float16" and 60 < checked.psnr < 130


def test_weights_beyond_float16_are_refused():
    text = '<ir_version: 8, opset_import: ["" : 18]> g (float[n] x) => (float[n] y) {y = Mul(x, w)}'
    large = np.full(2000, 70000, np.float32)
    graph = from_proto(onnx.parser.parse_model(text), {"w": large})
    with pytest.raises(ZooError, match="w does not fit"):
        onnx_precision.half_weights(graph)


def test_int8_weights_are_the_models_within_half_a_step(model, int8):
    proto = onnx.load(int8)
    onnx.checker.check_model(proto, full_check=True)
    stored = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    variables = {v.path: keras.ops.convert_to_numpy(v) for v in model.inference_variables()}
    found = 0
    for node in proto.graph.node:
        path = node.input[0].removesuffix("_quantized")
        if node.op_type != "DequantizeLinear" or not path.endswith("kernel"):
            continue
        value, scale = (stored[name] for name in node.input[:2])
        assert value.dtype == np.int8 and scale.size > 1
        axis = next((entry.i for entry in node.attribute if entry.name == "axis"), 0)
        steps = np.moveaxis(value.astype(np.float32), axis, -1) * scale
        exact = variables[path].transpose(3, 2, 0, 1)  # both kinds of convolution in ONNX
        margin = (exact.shape[2] - value.shape[2]) // 2  # dilated taps that meet padding only
        exact = exact[:, :, margin : margin + value.shape[2], margin : margin + value.shape[3]]
        exact = np.moveaxis(exact, axis, -1)
        assert (np.abs(steps - exact) <= 0.5001 * scale).all()
        found += 1
    assert found == sum(path.endswith("kernel") for path in variables)


def test_int8_output(model, float32, int8):
    assert int8.stat().st_size < 0.7 * float32.stat().st_size
    checked = zoo.export.verify(model, int8, faces=2)
    assert checked.ok and checked.precision == "int8" and 25 < checked.psnr < 60
    batch = batch_for(model)
    found = onnxruntime.InferenceSession(int8).run(None, batch)[0]
    known = np.broadcast_to(batch["mask"] == 0, found.shape)
    np.testing.assert_array_equal(found[known], batch["image"][known])  # never in 8 bits


def test_normalisation_stays_in_float32(int8):
    """It divides by what a convolution with a constant kernel computes; 8 bits make that 0."""
    nodes = onnx.load(int8).graph.node
    makers = {name: node.op_type for node in nodes for name in node.output}
    kernels = {n.name: makers.get(n.input[1]) for n in nodes if n.op_type == "Conv"}
    assert {kernels[n] for n in kernels if "lrn" in n} == {None}
    assert {kernels[n] for n in kernels if "lrn" not in n} == {"DequantizeLinear"}


def test_a_broken_precision_fails_the_check(model, tmp_path):
    path = zoo.export.onnx(model, tmp_path / "model.onnx", precision="float16")
    keras.utils.set_random_seed(9)
    checked = zoo.export.verify(type(model)(image_size=32, width=0.1), path)
    assert not checked.ok and "legal is from 50 dB" in str(checked)


# Free height and width ----------------------------------------------------------------------------


def test_any_size(model, tmp_path):
    path = zoo.export.onnx(model, tmp_path / "free.onnx", size=(None, None))
    session = onnxruntime.InferenceSession(path)
    assert session.get_inputs()[0].shape == ["batch", "height", "width", 3]
    assert session.get_outputs()[0].shape == ["batch", "height", "width", 3]
    for size in (32, 72):
        batch = batch_for(model, size=size)
        batch = {key: value[:, :, : size - 8] for key, value in batch.items()}  # not square
        expected = model(batch, training=False)
        np.testing.assert_allclose(session.run(None, batch)[0], expected, atol=1e-5)
    assert zoo.export.verify(model, path).ok


def test_any_size_where_labels_are_tiled(tmp_path):
    keras.utils.set_random_seed(0)
    model = STGAN(image_size=32, width=0.0625)
    path = zoo.export.onnx(model, tmp_path / "free.onnx", size=(None, None))
    session = onnxruntime.InferenceSession(path)
    for size in (32, 64):
        batch = batch_for(model, size=size)
        expected = model(batch, training=False)
        np.testing.assert_allclose(session.run(None, batch)[0], expected, atol=1e-5)


def test_any_size_is_refused_where_it_cannot_be(tmp_path):
    with pytest.raises(ZooError, match="light_cnn needs a fixed size, 32 pixels"):
        zoo.export.onnx(small_model("light_cnn"), tmp_path / "free.onnx", size=(None, None))


# Faces --------------------------------------------------------------------------------------------


def test_faces_are_of_different_people_and_the_same_for_a_seed(model):
    first, again, other = (face_batches(model, 3, seed=seed) for seed in (0, 0, 1))
    for one, two in zip(first, again, strict=True):
        assert one.keys() == set(model.input_keys)
        model.check_batch(one)
        for key in one:
            np.testing.assert_array_equal(one[key], two[key])
            assert one[key].dtype == np.float32 and len(one[key]) == 1
    images = [batch["image"] for batch in (*first, *other)]
    differences = [np.abs(a - b).mean() for i, a in enumerate(images) for b in images[:i]]
    assert min(differences) > 0.05
    holes = np.concatenate([batch["mask"] for batch in first])
    assert set(np.unique(holes)) == {0.0, 1.0} and 0.1 < holes.mean() < 0.3


def test_faces_of_models_with_other_keys():
    for name in ("gfc", "stgan", "tp_gan"):
        model = small_model(name)
        batch = face_batches(model, 1)[0]
        model.check_batch(batch)
        assert -1 <= batch["image"].min() < -0.5 and 0.5 < batch["image"].max() <= 1


def test_faces_larger_than_are_rendered(wrap):
    network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 1)])
    batch = face_batches(wrap(network), 1, 640)[0]
    assert batch["image"].shape == (1, 640, 640, 3)
    assert np.abs(np.diff(batch["image"], axis=1)).mean() < 0.05  # a picture, no noise
