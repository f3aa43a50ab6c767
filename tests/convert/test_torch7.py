"""Torch7 files: every type, references, views, old files; and files that want to do harm."""

import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from zoo.convert import torch7
from zoo.errors import ZooError

sys.path.insert(0, str(Path(__file__).parent))
from torch7_writer import Object, Tensor, Writer, dumps  # noqa: E402


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "file.t7"
        path.write_bytes(content)
        return torch7.read(path)

    return read


@pytest.mark.parametrize("legacy", [False, True])
def test_plain_values(read, legacy):
    value = {
        1: "one",
        2: {"nested": True, "nothing": None},
        2.5: -1e300,
        "text": "grüß",
        "no": False,
        "module": Object("nn.LeakyReLU", {"negval": 0.2, "inplace": True}),
    }
    found = read(dumps(value, legacy))
    module = found.pop("module")
    del value["module"]
    assert found == value and [type(k) for k in found] == [int, int, float, str, str]
    assert module == {"negval": 0.2, "inplace": True} and module.torch_class == "nn.LeakyReLU"


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "u1", "i1", "i2", "i4", "i8"])
@pytest.mark.parametrize("legacy", [False, True])
def test_arrays(read, dtype, legacy):
    array = (np.arange(24).reshape(2, 3, 4) - (0 if dtype == "u1" else 9)).astype(dtype)
    found = read(dumps({"a": array, "empty": Tensor(array[:0, 0, 0], (), ())}, legacy))
    np.testing.assert_array_equal(found["a"], array)
    assert found["a"].dtype == array.dtype and found["empty"].size == 0
    with pytest.raises(ValueError, match="read-only"):
        found["a"][0, 0, 0] = 1


def test_arrays_of_a_gpu(read):
    values = np.arange(6, dtype="f4")
    found = read(dumps(Tensor(values, (2, 3), (3, 1), name="torch.CudaTensor")))
    np.testing.assert_array_equal(found, values.reshape(2, 3))
    longs = np.arange(4, dtype="i8")
    found = read(dumps(Tensor(longs, (4,), (1,), name="torch.CudaLongTensor")))
    np.testing.assert_array_equal(found, longs)


def test_views(read):
    values = np.arange(20, dtype="f4")
    transposed = read(dumps(Tensor(values, (3, 4), (1, 5), offset=3)))
    expected = [[values[2 + r + 5 * c] for c in range(4)] for r in range(3)]
    np.testing.assert_array_equal(transposed, expected)


def test_references_are_the_same_object_and_may_be_circular(read):
    shared = {"x": 1}
    module = Object("nn.Sequential", {"a": shared, "b": shared})
    module.table["self"] = module
    found = read(dumps(module))
    assert found["a"] is found["b"] and found["self"] is found


def test_children(read):
    modules = {i: Object("nn.Tanh", {"at": i}) for i in (3, 1, 2)}
    found = read(dumps(Object("nn.Sequential", {"modules": modules})))
    assert [child["at"] for child in found.children()] == [1, 2, 3]
    assert read(dumps(Object("nn.Tanh", {}))).children() == []


def test_every_truncation_is_refused(read):
    whole = dumps({"a": np.arange(6, dtype="f4"), "m": Object("nn.Tanh", {1: "x"})})
    read(whole)
    for length in range(len(whole)):
        with pytest.raises(ZooError, match="whole Torch7|empty"):
            read(whole[:length])


def test_noise_is_refused_or_read_but_never_harms(read):
    rng = np.random.default_rng(0)
    whole = dumps({"a": np.arange(6, dtype="f4"), "m": Object("nn.Tanh", {1: "x"})})
    refused = 0
    for _ in range(500):
        broken = bytearray(whole)
        broken[rng.integers(len(whole))] = rng.integers(256)
        try:
            read(bytes(broken))
        except ZooError:
            refused += 1
    assert refused > 200


def raw(form, *values):
    return struct.pack(f"<{form}", *values)


@pytest.mark.parametrize("code", [6, 7, 8])
def test_functions_are_refused(read, code):
    with pytest.raises(ZooError, match="Lua function at byte"):
        read(raw("i", code) + raw("iii", 1, 4, 0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"4\n1\n3\nV 1\n", "unknown type"),  # the ASCII form
        (b"PK\x03\x04 zip of PyTorch", "unknown type"),
        (b"\x80\x02}q\x00.", "unknown type|bytes wanted"),  # a pickle
        (raw("ii", 2, 2**31 - 1), "a string of 2147483647 bytes"),
        (raw("ii", 2, -1), "a string of -1"),
        (raw("iii", 3, 1, 2**31 - 1), "a table of 2147483647 entries"),
        (raw("iii", 3, 1, -5), "a table of -5"),
        (dumps({})[:8] + raw("i", 1) + dumps({}), "a table with a key|bytes wanted"),
        (dumps(Object("torch.FloatStorage", raw=raw("q", 2**60))), "a storage of"),
        (dumps(Object("torch.FloatStorage", raw=raw("q", 4))), "16 bytes wanted, 0 left"),
        (dumps(Object("torch.FloatStorage", raw=raw("q", -1))), "a storage of -1"),
        (dumps(Object("torch.QuadTensor", raw=raw("i", 0))), "unknown type torch.QuadTensor"),
        (dumps(Object("torch.FloatTensor", raw=raw("i", 2**30))), "a tensor of 1073741824 axes"),
        (dumps(Object("nn.Tanh", raw=raw("id", 1, 2.0))), "nn.Tanh that is no table"),
    ],
)
def test_foreign_and_boundless(read, content, message):
    with pytest.raises(ZooError, match=message):
        read(content)


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((3, 4), (4, 1), 2),  # one value too far
        ((13,), (1,), 1),
        ((2**40, 2**40), (0, 0), 1),  # would be 2**80 values
        ((13,), (0,), 1),
        ((2,), (-1,), 2),
        ((2,), (1,), 0),
        ((-2,), (1,), 1),
        ((2,), (2**62,), 1),
    ],
)
def test_tensors_beyond_their_storage(read, shape, strides, offset):
    with pytest.raises(ZooError, match="a tensor of shape"):
        read(dumps(Tensor(np.zeros(12, "f4"), shape, strides, offset)))


def test_a_storage_of_another_type(read):
    tensor = Tensor(np.zeros(4, "f4"), (2,), (1,), storage="torch.IntStorage")
    with pytest.raises(ZooError, match="without a storage of its type"):
        read(dumps(tensor))


def test_depth_is_bounded(read):
    value = {}
    for _ in range(150):
        value = {1: value}
    with pytest.raises(ZooError, match="nested deeper than 100"):
        read(dumps(value))
    tensors = Writer()
    for _ in range(200):  # tensors whose storage is a tensor
        tensors.pack("ii", 4, len(tensors.out))
        tensors.head("torch.FloatTensor")
        tensors.pack("iqqq", 1, 1, 1, 1)
    with pytest.raises(ZooError, match="nested deeper than 100"):
        read(bytes(tensors.out))


def test_missing_and_empty(read, tmp_path):
    with pytest.raises(ZooError, match="no Torch7 file at"):
        torch7.read(tmp_path / "nowhere.t7")
    with pytest.raises(ZooError, match="is empty"):
        read(b"")
