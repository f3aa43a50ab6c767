import numpy as np
import pytest
from google.protobuf.internal.encoder import _VarintBytes as varint

import zoo.convert
from zoo.convert import gfc, parsing_network
from zoo.convert.caffe import read
from zoo.errors import ZooError

SHAPES = {"gfc": gfc.official_shapes(), "parsing_network": parsing_network.official_shapes()}
COUNTS = {"gfc": (46, 137_071_331), "parsing_network": (44, 23_954_571)}


def blobs(name):
    """All blobs, the cheap way: a constant that tells each from the others, plus a ramp."""
    out = {}
    for n, (key, shape) in enumerate(SHAPES[name].items()):
        ramp = np.arange(np.prod(shape), dtype="float32") % 9973
        out[key] = (0.01 * n + 1e-6 * ramp).reshape(shape)
    return out


@pytest.mark.parametrize("name", SHAPES)
def test_names_and_counts(name):
    count, values = COUNTS[name]
    assert len(SHAPES[name]) == count
    assert sum(int(np.prod(shape)) for shape in SHAPES[name].values()) == values


def test_some_shapes():
    assert SHAPES["gfc"]["conv_decode3_1/weight"] == (128, 64, 3, 3)
    assert SHAPES["gfc"]["fc3/weight"] == (4096, 16384)
    assert SHAPES["parsing_network"]["conv5_1/weight"] == (512, 512, 3, 3)
    assert SHAPES["parsing_network"]["conv_decode4/weight"] == (256, 512, 3, 3)
    assert SHAPES["parsing_network"]["conv_decode0/bias"] == (11,)


def test_conversion_of_the_parser(capsys):
    tensors = blobs("parsing_network")
    model = zoo.convert.official("parsing_network", tensors)
    assert "not stated by the authors" in capsys.readouterr().err
    assert model.licence.startswith("not stated by the authors")
    official = tensors["conv3_2/weight"]
    ours = {v.path: v.numpy() for v in model.parser.variables}["parser/conv3_2/kernel"]
    for row in range(3):
        for column in range(3):  # the blob's height is the image's column
            np.testing.assert_array_equal(ours[row, column], official[:, :, column, row].T)


@pytest.mark.full_size
def test_conversion_of_the_generator_from_a_file(tmp_path):
    """Old four-dimensional blobs in a file; values at single places of the dense layers."""
    tensors = blobs("gfc")
    path = tmp_path / "Model_G.caffemodel"
    with open(path, "wb") as file:
        for layer in dict.fromkeys(key.split("/")[0] for key in tensors):
            body = _field(1, layer.encode())
            for role in ("weight", "bias"):
                array = tensors[f"{layer}/{role}"]
                shape = (1,) * (4 - array.ndim) + array.shape
                blob = b"".join(varint(n << 3) + varint(s) for n, s in enumerate(shape, 1))
                body += _field(7, blob + _field(5, array.tobytes()))
            file.write(_field(100, body))
    assert read(path)["fc3/weight"].shape == (1, 1, 4096, 16384)
    model = zoo.convert.official("gfc", path)
    ours = {v.path.removeprefix("generator/"): v for v in model.generator.variables}
    fc3, defc3 = ours["fc3/kernel"].numpy(), ours["defc3/kernel"].numpy()
    bias = ours["defc3/bias"].numpy()
    rng = np.random.default_rng(0)
    for row, column, channel, unit in rng.integers((8, 8, 256, 4096), size=(200, 4)):
        here = (row * 8 + column) * 256 + channel
        there = (channel * 8 + column) * 8 + row  # in the blob the column comes first
        assert fc3[here, unit] == tensors["fc3/weight"][unit, there]
        assert defc3[unit, here] == tensors["defc3/weight"][there, unit]
        assert bias[here] == tensors["defc3/bias"][there]
    np.testing.assert_array_equal(ours["fc3/bias"], tensors["fc3/bias"])


def _field(number: int, body: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(body)) + body


@pytest.mark.parametrize("name", SHAPES)
def test_missing_extra_and_misshapen_are_listed(name):
    broken = {key: np.broadcast_to(np.float32(0), shape) for key, shape in SHAPES[name].items()}
    broken["conv2_1/wieght"] = broken.pop("conv2_1/weight")
    broken["conv2_2/bias"] = np.zeros(7, "float32")
    with pytest.raises(ZooError) as error:
        zoo.convert.official(name, broken)
    text = str(error.value)
    assert "missing (1): conv2_1/weight" in text
    assert "extra (1): conv2_1/wieght" in text
    assert "misshapen (1): conv2_2/bias is (7,), needs (128,)" in text


def test_values_that_are_not_finite_are_refused():
    broken = dict(blobs("parsing_network"))
    broken["conv1_1/bias"] = np.full(64, np.nan, "float32")
    with pytest.raises(ZooError, match="parser/conv1_1/bias holds values that are not finite"):
        zoo.convert.official("parsing_network", broken)
