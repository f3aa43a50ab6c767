import struct

import numpy as np
import pytest
import tensorflow as tf

import zoo.convert
from zoo.convert.sc_fegan import official_shapes
from zoo.convert.tf1 import Checkpoint
from zoo.errors import ZooError

SHAPES = official_shapes()


@pytest.fixture(scope="module")
def tensors():
    """All 93 variables, the cheap way: a constant that tells each from the others, plus a ramp."""
    out = {}
    for n, (name, shape) in enumerate(SHAPES.items()):
        ramp = np.arange(np.prod(shape), dtype="float32") % 97
        out[name] = (0.01 * n + 1e-4 * ramp).reshape(shape).astype("float32")
    return out


@pytest.fixture(scope="module")
def checkpoint(tensors, tmp_path_factory):
    """A real V2 checkpoint, written by TensorFlow, with what training leaves in it."""
    prefix = tmp_path_factory.mktemp("official") / "SC-FEGAN.ckpt"
    more = {
        "global_step": np.int64(7),
        "beta1_power": np.float32(0.5),
        "generator/gconv14/bias/Adam_1": np.zeros(3, "float32"),
        "discriminator/conv1/kernel": np.zeros((3, 3, 9, 64), "float32"),
    }
    every = {**tensors, **more}
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(every),
        shape_and_slices=[""] * len(every),
        tensors=[tf.constant(v) for v in every.values()],
    )
    return prefix


def test_names_and_count():
    assert len(SHAPES) == 93
    assert sum(int(np.prod(shape)) for shape in SHAPES.values()) == 92_886_100
    assert SHAPES["generator/deconv4/w"] == (5, 5, 256, 512)
    assert SHAPES["generator/gconv13_g/kernel"] == (3, 3, 128, 64)


@pytest.mark.parametrize("suffix", ["", ".index", ".data-00000-of-00001"])
def test_any_of_the_files_names_the_checkpoint(checkpoint, tensors, suffix):
    found = Checkpoint(f"{checkpoint}{suffix}")
    assert set(SHAPES) < set(found)
    name = "generator/gconv3_ds_g/bias"
    np.testing.assert_array_equal(found[name], tensors[name])


def test_conversion(checkpoint, tensors, capsys):
    model = zoo.convert.official("sc_fegan", checkpoint)
    assert "CC BY-NC 4.0" in capsys.readouterr().err
    assert model.licence == "CC BY-NC 4.0"
    values = {v.path: v.numpy() for v in model.generator.variables}
    # fused: features first, then the gate
    np.testing.assert_array_equal(
        values["generator/gconv9/kernel"],
        np.concatenate([tensors[f"generator/gconv9{s}/kernel"] for s in ("", "_g")], axis=-1),
    )
    np.testing.assert_array_equal(
        values["generator/deconv2/kernel"], tensors["generator/deconv2/w"]
    )
    np.testing.assert_array_equal(
        values["generator/deconv2/bias"], tensors["generator/deconv2/biases1"]
    )
    # BGR to RGB at both ends: image and colour in, image out; sketch, mask and noise stay
    first, official = values["generator/gconv1_ds/kernel"], tensors["generator/gconv1_ds/kernel"]
    for ours, theirs in enumerate([2, 1, 0, 3, 6, 5, 4, 7, 8]):
        np.testing.assert_array_equal(first[:, :, ours, :64], official[:, :, theirs])
    last, gate = values["generator/gconv14/kernel"], tensors["generator/gconv14_g/kernel"]
    for ours, theirs in enumerate([2, 1, 0, 3, 6, 5, 4, 7, 8, 9, 10, 11]):
        np.testing.assert_array_equal(last[:, :, ours, 3:], gate[:, :, theirs, ::-1])


def test_missing_extra_and_misshapen_are_listed(tensors):
    broken = dict(tensors)
    broken["generator/gconv2_ds/kernle"] = broken.pop("generator/gconv2_ds/kernel")
    broken["generator/gconv5_ds/bias"] = np.zeros(7, "float32")
    with pytest.raises(ZooError) as error:
        zoo.convert.official("sc_fegan", broken)
    text = str(error.value)
    assert "missing (1): generator/gconv2_ds/kernel" in text
    assert "extra (1): generator/gconv2_ds/kernle" in text
    assert "misshapen (1): generator/gconv5_ds/bias is (7,), needs (512,)" in text


def test_values_that_are_not_finite_are_refused(tensors):
    broken = dict(tensors)
    broken["generator/gconv8/bias"] = np.full(512, np.nan, "float32")
    with pytest.raises(ZooError, match="generator/gconv8/bias holds values that are not finite"):
        zoo.convert.official("sc_fegan", broken)


def test_foreign_truncated_and_missing_checkpoints(checkpoint, tmp_path):
    foreign = tmp_path / "foreign.ckpt"
    tf.raw_ops.SaveV2(
        prefix=str(foreign), tensor_names=["w"], shape_and_slices=[""], tensors=[tf.zeros(3)]
    )
    with pytest.raises(ZooError, match=r"missing \(93\).*extra \(1\): w"):
        zoo.convert.official("sc_fegan", foreign)

    short = tmp_path / "short.ckpt"
    data = f"{checkpoint}.data-00000-of-00001"
    with open(f"{short}.data-00000-of-00001", "wb") as file, open(data, "rb") as whole:
        file.write(whole.read(10_000_000))
    index = (checkpoint.parent / "SC-FEGAN.ckpt.index").read_bytes()
    (tmp_path / "short.ckpt.index").write_bytes(index)
    with pytest.raises(ZooError, match="truncated or broken"):
        zoo.convert.official("sc_fegan", short)

    (tmp_path / "short.ckpt.index").write_bytes(index[:100])
    with pytest.raises(ZooError, match="not a whole TensorFlow checkpoint"):
        zoo.convert.official("sc_fegan", short)
    (tmp_path / "short.ckpt.index").write_bytes(struct.pack("<48x"))
    with pytest.raises(ZooError, match="not a whole TensorFlow checkpoint"):
        zoo.convert.official("sc_fegan", short)
    with pytest.raises(ZooError, match="nowhere.ckpt.index does not exist"):
        zoo.convert.official("sc_fegan", tmp_path / "nowhere.ckpt")
    (tmp_path / "alone.ckpt.index").write_bytes(index)
    with pytest.raises(ZooError, match="no .data file"):
        zoo.convert.official("sc_fegan", tmp_path / "alone.ckpt")
    with pytest.raises(ZooError, match="no converter for 'scfegan'.*Did you mean 'sc_fegan'"):
        zoo.convert.official("scfegan", {})
