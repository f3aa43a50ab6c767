"""Weight files: what is written comes back bit for bit, and nothing broken or foreign is taken."""

import json
import pickle
import struct

import keras
import numpy as np
import pytest

from zoo import weights
from zoo.errors import ZooError


def arrays():
    rng = np.random.default_rng(0)
    return {
        "kernel": rng.standard_normal((3, 4)).astype("float32"),
        "half": rng.standard_normal(5).astype("float16"),
        "step": np.array(2**40, "int64"),
        "empty": np.zeros((0, 3), "float32"),
        "tiny/ü": np.float32([1e-45, -0.0, 3.4e38]),
    }


def raw(dtype, shape, size, header=None):
    """A safetensors file of one array of zeros, made by hand."""
    header = header or {"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def test_round_trip_is_bit_equal(tmp_path):
    weights.write(tmp_path / "w", arrays(), model="m")
    read = weights.read(tmp_path / "w")
    assert set(read) == set(arrays())
    for name, array in arrays().items():
        assert read[name].dtype == array.dtype and read[name].shape == array.shape
        assert read[name].tobytes() == array.tobytes(), name


def test_views_are_written_as_they_look(tmp_path):
    array = np.arange(24, dtype="float32").reshape(4, 6)
    views = {"t": array.T, "step": array[::2, ::-1], "fortran": np.asfortranarray(array)}
    weights.write(tmp_path / "w", views)
    read = weights.read(tmp_path / "w")
    for name, view in views.items():
        np.testing.assert_array_equal(read[name], view)


@pytest.mark.parametrize("keep", [0, 4, 8, 60, -1])
def test_truncated_file(tmp_path, keep):
    path = tmp_path / "w"
    weights.write(path, arrays())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ZooError, match="w is not a whole safetensors file"):
        weights.read(path)


def test_foreign_files(tmp_path):
    path = tmp_path / "w"
    long = raw("F32", [1], 4) + b"more"
    huge = struct.pack("<Q", 2**62) + b"{}"
    overlap = {k: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for k in "ab"}
    for data in (
        pickle.dumps({"a": np.zeros(9)}),
        b"\x89HDF\r\n\x1a\n" + bytes(100),
        b"PK\x03\x04" + bytes(100),
        long,
        huge,
        raw("F32", [3], 4),
        raw("F32", [2**62, 4], 4),
        raw("F32", [1], 4, overlap),
    ):
        path.write_bytes(data)
        with pytest.raises(ZooError, match="w is not a whole safetensors file"):
            weights.read(path)


def test_a_data_type_that_numpy_does_not_have(tmp_path):
    (tmp_path / "w").write_bytes(raw("F8_E4M3", [2], 2))
    with pytest.raises(ZooError, match="holds a data type that NumPy does not have"):
        weights.read(tmp_path / "w")


def test_no_file(tmp_path):
    for path in (tmp_path / "gone", tmp_path):
        with pytest.raises(ZooError, match=f"no weights file at {path}"):
            weights.read(path)


# Names and shapes.

EXPECTED = {"a": (2, 3), "b": (4,), "c": ()}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"b": None}, r"missing \(1\): b$"),
        ({"b": None, "bb": (4,)}, r"missing \(1\): b Did you mean 'bb'\?; extra \(1\): bb$"),
        ({"a": None, "b": None}, r"missing \(2\): a, b$"),
        ({"d": (1,)}, r"extra \(1\): d$"),
        ({"a": (3, 2)}, r"misshapen \(1\): a is \(3, 2\), needs \(2, 3\)$"),
        ({"c": (1,)}, r"misshapen \(1\): c is \(1,\), needs \(\)$"),
        ({"a": None, "d": (1,), "b": (5,)},
         r"missing \(1\): a.*; extra \(1\): d; misshapen \(1\): b is \(5,\), needs \(4,\)$"),
    ],
)  # fmt: skip
def test_check_lists_what_differs(change, message):
    received = {name: shape for name, shape in {**EXPECTED, **change}.items() if shape is not None}
    with pytest.raises(ZooError, match="^file does not fit: " + message):
        weights.check(EXPECTED, received, "file")


def test_check_lets_pass_what_fits():
    weights.check(EXPECTED, dict(reversed(EXPECTED.items())), "file")
    weights.check(EXPECTED, {**EXPECTED, "d": (1,)}, "file", extra=True)
    with pytest.raises(ZooError, match="missing"):
        weights.check(EXPECTED, {"d": (1,)}, "file", extra=True)


def test_check_shows_five_names_and_counts_the_rest():
    names = {f"n{i}": () for i in range(8)}
    with pytest.raises(ZooError, match=r"missing \(8\): n0, n1, n2, n3, n4 and 3 more$"):
        weights.check(names, {}, "file")


# Assigning.


@pytest.fixture
def variables():
    return {
        "a": keras.Variable(np.full((2, 3), 7.0, "float32")),
        "n": keras.Variable(7, dtype="int64"),
    }


def test_assign_sets_every_value_in_the_variables_type(variables):
    a = np.arange(6, dtype="float16").reshape(2, 3) / 10
    weights.assign(variables, {"n": np.array(2**40), "a": a}, "file")
    np.testing.assert_array_equal(variables["a"].numpy(), a.astype("float32"))
    assert variables["a"].numpy().dtype == np.float32 and int(variables["n"].numpy()) == 2**40


@pytest.mark.parametrize(
    "bad", [np.float32("nan"), np.float32("inf"), np.float16("-inf"), np.float64(1e300)]
)
def test_assign_refuses_what_is_not_finite_before_it_touches_a_variable(variables, bad):
    given = {"n": np.array(1), "a": np.zeros((2, 3), bad.dtype)}
    given["a"][1, 2] = bad
    reordered = dict(sorted(variables.items(), reverse=True))  # n would be set before a is seen
    with pytest.raises(ZooError, match="^file: a holds values that are not finite$"):
        weights.assign(reordered, given, "file")
    assert int(variables["n"].numpy()) == 7 and (variables["a"].numpy() == 7).all()


def test_assign_refuses_other_names_before_it_touches_a_variable(variables):
    with pytest.raises(ZooError, match="^file does not fit: missing"):
        weights.assign(variables, {"n": np.array(1)}, "file")
    assert int(variables["n"].numpy()) == 7
