"""The .caffemodel reader against files written by the protobuf runtime."""

import struct

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from zoo.convert import caffe
from zoo.errors import ZooError

# message -> (field, number, type, repeated, packed); the part of caffe.proto that matters, with
# fields beside the weights that a real file has
SCHEMA = {
    "BlobShape": [("dim", 1, "INT64", True, True)],
    "BlobProto": [
        ("num", 1, "INT32", False, False),
        ("channels", 2, "INT32", False, False),
        ("height", 3, "INT32", False, False),
        ("width", 4, "INT32", False, False),
        ("data", 5, "FLOAT", True, True),
        ("diff", 6, "FLOAT", True, True),
        ("shape", 7, "BlobShape", False, False),
        ("double_data", 8, "DOUBLE", True, True),
    ],
    "LayerParameter": [
        ("name", 1, "STRING", False, False),
        ("type", 2, "STRING", False, False),
        ("bottom", 3, "STRING", True, False),
        ("loss_weight", 5, "FLOAT", True, False),
        ("blobs", 7, "BlobProto", True, False),
        ("phase", 10, "INT32", False, False),
    ],
    "V1LayerParameter": [
        ("bottom", 2, "STRING", True, False),
        ("name", 4, "STRING", False, False),
        ("type", 5, "INT32", False, False),
        ("blobs", 6, "BlobProto", True, False),
    ],
    "NetParameter": [
        ("name", 1, "STRING", False, False),
        ("layers", 2, "V1LayerParameter", True, False),
        ("input", 3, "STRING", True, False),
        ("force_backward", 5, "BOOL", False, False),
        ("layer", 100, "LayerParameter", True, False),
    ],
    "Unpacked": [
        ("data", 5, "FLOAT", True, False),
        ("shape", 7, "UnpackedShape", False, False),
    ],
    "UnpackedShape": [("dim", 1, "INT64", True, False)],
}


def _messages():
    file = descriptor_pb2.FileDescriptorProto(name="weights.proto", package="t", syntax="proto2")
    field_type = descriptor_pb2.FieldDescriptorProto
    for name, fields in SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated, packed in fields:
            entry = message.field.add(name=field, number=number)
            entry.label = field_type.LABEL_REPEATED if repeated else field_type.LABEL_OPTIONAL
            if kind in SCHEMA:
                entry.type, entry.type_name = field_type.TYPE_MESSAGE, f".t.{kind}"
            else:
                entry.type = getattr(field_type, f"TYPE_{kind}")
            if packed:
                entry.options.packed = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"t.{name}"))
        for name in SCHEMA
    }


MESSAGES = _messages()


def caffemodel(tensors, legacy=False, v1=False) -> bytes:
    """A whole file with a layer for each `<layer>/<role>`, layers without blobs around them."""
    net = MESSAGES["NetParameter"](name="net", input=["data"], force_backward=True)
    layers = {}
    for key, array in tensors.items():
        layers.setdefault(key.split("/")[0], []).append(np.asarray(array))
    add = net.layers.add if v1 else net.layer.add
    add(name="data", bottom=["nothing"])
    for name, arrays in layers.items():
        layer = add(name=name, bottom=["x", "y"])
        for array in arrays:
            blob = layer.blobs.add(diff=[7.0])
            blob.data.extend(array.ravel().tolist())
            if legacy:
                shape = (1,) * (4 - array.ndim) + array.shape
                blob.num, blob.channels, blob.height, blob.width = shape
            else:
                blob.shape.dim.extend(array.shape)
    add(name="loss")
    return net.SerializeToString()


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    shapes = {
        "conv1/weight": (5, 3, 4, 2),
        "conv1/bias": (5,),
        "fc/weight": (6, 300),
        "fc/bias": (6,),
        "one/weight": (1, 2, 4, 4),
        "one/bias": (1,),
    }
    return {name: rng.standard_normal(s).astype("float32") for name, s in shapes.items()}


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("legacy", [False, True])
def test_reads_what_protobuf_writes(tensors, tmp_path, legacy, v1):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(caffemodel(tensors, legacy, v1))
    found = caffe.read(path)
    assert list(found) == list(tensors)
    if legacy:
        assert found["fc/bias"].shape == (1, 1, 1, 6)
        assert found["one/weight"].shape == (1, 2, 4, 4)
        found = caffe.without_legacy_axes(found, {k: v.shape for k, v in tensors.items()})
    for name, array in tensors.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
        assert found[name].shape == array.shape and found[name].dtype == np.float32


def test_shapes_that_are_not_legacy_stay():
    arrays = {"a/bias": np.zeros((1, 1, 1, 5)), "b/weight": np.zeros((1, 1, 2, 3))}
    kept = caffe.without_legacy_axes(arrays, {"a/bias": (6,), "b/weight": (1, 1, 2, 3)})
    assert kept["a/bias"].shape == (1, 1, 1, 5) and kept["b/weight"].shape == (1, 1, 2, 3)


def test_values_one_by_one_and_third_blobs(tmp_path):
    blob = MESSAGES["Unpacked"](data=[1.5, -2.0, 3.0, 4.0, 5.0, 6.0])
    blob.shape.dim.extend([2, 3])
    body = blob.SerializeToString()
    layer = _field(1, b"scale") + _field(7, body) * 3
    path = tmp_path / "net.caffemodel"
    path.write_bytes(_field(100, layer))
    found = caffe.read(path)
    assert list(found) == ["scale/weight", "scale/bias", "scale/2"]
    np.testing.assert_array_equal(found["scale/2"], [[1.5, -2.0, 3.0], [4.0, 5.0, 6.0]])


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def _field(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _one_blob(blob: bytes) -> bytes:
    return _field(100, _field(1, b"conv") + _field(7, blob))


FLOAT = struct.pack("<f", 1.0)
SHAPE_1 = _field(7, _field(1, b"\x01"))
BROKEN = {
    "empty": (b"", "has 0 bytes"),
    "text": (b'name: "VGG_19"\nlayer {\n  name: "data"\n}\n', "not a whole .caffemodel"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "not a whole .caffemodel"),
    "zeros": (bytes(100), "a field has number 0"),
    "no weights": (_field(1, b"net"), "no layer in it has any"),
    "foreign": (_field(9, b"abc") + b"\x50\x07", "no layer in it has any"),
    "group": (b"\x0b", "unknown wire type 3"),
    "endless number": (b"\xff" * 11, "a number has more than ten bytes"),
    "cut number": (b"\xff", "it ends inside a number"),
    "beyond": (_varint(100 << 3 | 2) + _varint(2**60), "reaches .* bytes beyond"),
    "layer is a number": (_varint(100 << 3) + b"\x05", "a layer is a number"),
    "blob is a number": (_field(100, _varint(7 << 3) + b"\x05"), "a blob is a number"),
    "name": (_field(100, _field(1, b"\xff\xfe")), "name is not UTF-8"),
    "short": (_one_blob(_field(5, FLOAT[:3]) + SHAPE_1), "conv/weight has shape .* 3 bytes"),
    "count": (_one_blob(_field(5, FLOAT * 2) + SHAPE_1), r"has shape \(1,\) and 8 bytes"),
    "no shape": (_one_blob(_field(5, FLOAT)), r"has shape \(0, 0, 0, 0\) and 4 bytes"),
    "negative": (_one_blob(_field(5, FLOAT) + _varint(1 << 3) + _varint(2**64 - 1)), "negative"),
    "absurd": (_one_blob(_field(7, _field(1, _varint(2**62) * 2))), "absurd"),
    "many axes": (_one_blob(_field(7, _field(1, b"\x01" * 10_000))), "more than 32 axes"),
    "many blobs": (_field(100, _field(7, b"") * 65), "more than 64 blobs"),
    "many layers": (_field(100, b"") * 10_001, "more than 10000 layers"),
    "twice": (_one_blob(_field(5, FLOAT) + SHAPE_1) * 2, "conv/weight is there twice"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(name, tmp_path):
    content, message = BROKEN[name]
    path = tmp_path / "net.caffemodel"
    path.write_bytes(content)
    with pytest.raises(ZooError, match=message):
        caffe.read(path)


def test_every_truncation_is_noticed_or_leaves_whole_layers(tensors, tmp_path):
    content = caffemodel(tensors)
    path = tmp_path / "net.caffemodel"
    for length in range(1, len(content), 97):
        path.write_bytes(content[:length])
        try:
            found = caffe.read(path)
        except ZooError:
            continue
        for name, array in found.items():  # cut exactly between two layers
            np.testing.assert_array_equal(array, tensors[name])


def test_missing_and_directory(tmp_path):
    with pytest.raises(ZooError, match="no .caffemodel at"):
        caffe.read(tmp_path / "nowhere.caffemodel")
    with pytest.raises(ZooError, match="no .caffemodel at"):
        caffe.read(tmp_path)


def test_a_file_beyond_the_limit_is_not_mapped(tmp_path):
    path = tmp_path / "huge.caffemodel"
    with open(path, "wb") as file:
        file.truncate(caffe.MAX_BYTES + 1)  # sparse
    with pytest.raises(ZooError, match="has 2147483648 bytes"):
        caffe.read(path)
