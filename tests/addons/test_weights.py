"""Weights of real Keras 2 models with tensorflow-addons layers, in Keras 3 models."""

import json
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import ops

from zoo.convert import addons
from zoo.errors import ZooError
from zoo.layers import SpectralNormConv2D

HERE = Path(__file__).parent
FUNCTIONAL = [HERE / "functional.h5", HERE / "functional_weights.h5"]
SUBCLASSED = HERE / "subclassed_weights.h5"
layers = keras.layers


@pytest.fixture(scope="module")
def gold():
    with np.load(HERE / "models.npz") as content:
        return dict(content)


# The models of requirements/record_addons_layers.py in Keras 3.


def functional(spectral=layers.SpectralNormalization, epsilon=1e-5, groups=4):
    """`spectral` wraps the first convolution and the last dense layer."""
    block = keras.Sequential(
        [
            layers.Conv2D(8, 3, padding="same", use_bias=False, name="block_conv"),
            layers.GroupNormalization(groups, name="block_norm"),
            layers.PReLU(shared_axes=[1, 2], name="block_prelu"),
        ],
        name="block",
    )
    inputs = keras.Input((12, 10, 3))
    x = spectral(layers.Conv2D(6, 3, strides=2, padding="same"))(inputs)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Conv2D(8, 3, padding="same")(x)
    x = layers.GroupNormalization(-1, epsilon=epsilon)(x)
    x = layers.Add()([x, block(x)])
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2DTranspose(5, 4, strides=2, padding="same", name="up")(x)
    x = layers.GroupNormalization(-1)(x)
    return keras.Model(inputs, spectral(layers.Dense(4, name="sn_dense"))(x))


def bare(layer):
    return layer


def ours(layer):
    """Convolutions as zoo layers; the dense one with Keras' wrapper."""
    if isinstance(layer, layers.Conv2D):
        return SpectralNormConv2D(6, 3, strides=2, padding="same")
    return layers.SpectralNormalization(layer)


class Block(layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.conv = layers.Conv2D(filters, 3, padding="same")
        self.norm = layers.GroupNormalization(-1)
        self.strength = self.add_weight(shape=(1,), name="strength")

    def call(self, x):
        return x + self.strength * ops.relu(self.norm(self.conv(x)))


class Subclassed(keras.Model):
    def __init__(self, blocks=2):
        super().__init__()
        self.first = layers.SpectralNormalization(layers.Conv2D(6, 3, padding="same"))
        self.blocks = [Block(6) for _ in range(blocks)]
        self.last = layers.Dense(2)
        self.gain = self.add_weight(shape=(2,), name="gain")

    def call(self, x, training=False):
        x = ops.leaky_relu(self.first(x, training=training))
        for block in self.blocks:
            x = block(x)
        return self.gain * self.last(x)


def subclassed(**arguments):
    model = Subclassed(**arguments)
    model(np.zeros((1, 6, 5, 3), "float32"))
    return model


# What comes out.


@pytest.mark.parametrize("path", FUNCTIONAL, ids=lambda p: p.stem)
@pytest.mark.parametrize("spectral", [layers.SpectralNormalization, bare])
def test_inference_is_that_of_keras_2(path, spectral, gold):
    model = functional(spectral)
    addons.load_weights(model, path)
    outputs = model(gold["functional/x"], training=False)
    np.testing.assert_allclose(outputs, gold["functional/inference"], atol=1e-5)


@pytest.mark.parametrize("spectral", [layers.SpectralNormalization, ours])
def test_training_calls_are_those_of_keras_2(spectral, gold):
    model = functional(spectral)
    addons.load_weights(model, FUNCTIONAL[1])
    outputs = model(gold["functional/x"], training=True)
    np.testing.assert_allclose(outputs, gold["functional/training"], atol=1e-5)


def test_subclassed_model(gold):
    """Layers in lists, blocks and the model with weights of their own."""
    model = subclassed()
    addons.load_weights(model, SUBCLASSED)
    for training in (False, True):
        outputs = model(gold["subclassed/x"], training=training)
        name = f"subclassed/{'training' if training else 'inference'}"
        np.testing.assert_allclose(outputs, gold[name], atol=1e-5)


def test_a_list_of_layers(gold):
    """Part by part, as a model that is built otherwise needs it."""
    whole = functional()
    addons.load_weights(whole.layers, FUNCTIONAL[0])
    outputs = whole(gold["functional/x"], training=False)
    np.testing.assert_allclose(outputs, gold["functional/inference"], atol=1e-5)


def test_both_files_hold_the_same_and_nothing_of_the_optimizer():
    saved, weights = (addons.read(path) for path in FUNCTIONAL)
    assert list(saved) == list(weights)
    assert list(saved)[3:6] == ["block/block_conv", "block/block_norm", "block/block_prelu"]
    for name, arrays in saved.items():
        assert list(arrays) == list(weights[name])
        for weight, array in arrays.items():
            np.testing.assert_array_equal(array, weights[name][weight])
    assert {w for arrays in saved.values() for w in arrays} == {
        *("kernel", "bias", "sn_u", "gamma", "beta", "alpha", "depthwise_kernel"),
        *("moving_mean", "moving_variance"),
    }
    with h5py.File(FUNCTIONAL[0]) as file:
        assert len(file["optimizer_weights"]) > 0


# By name and by order.


def two_dense(first, second):
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(3, name=first), layers.Dense(3, name=second)]
    )
    for i, variable in enumerate(model.weights):
        variable.assign(np.full(variable.shape, i + 1.0))
    return model


@pytest.mark.parametrize(
    "names, kernels",
    [
        (("a", "b"), (1, 3)),
        (("b", "a"), (3, 1)),  # the same names: by name
        (("c", "d"), (1, 3)),  # others: by order
        (("b", "c"), (1, 3)),  # half of them: by order, as automatic numbers do not start at 0
    ],
)
def test_by_name_or_by_order(names, kernels, tmp_path):
    """The files that Keras 3 writes under .h5 have the same layout."""
    two_dense("a", "b").save(tmp_path / "m.h5")
    model = two_dense(*names)
    for variable in model.weights:
        variable.assign(np.zeros(variable.shape))
    addons.load_weights(model, tmp_path / "m.h5")
    for layer, kernel in zip(model.layers, kernels, strict=True):
        assert (layer.kernel.numpy() == kernel).all()
        assert (layer.bias.numpy() == kernel + 1).all()


def test_a_list_of_names_that_keras_splits(tmp_path):
    """Beyond 64 kB, Keras writes layer_names0, layer_names1, ..."""
    path = tmp_path / "split.h5"
    shutil.copy(FUNCTIONAL[1], path)
    with h5py.File(path, "a") as file:
        names = file.attrs["layer_names"]
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:5], names[5:]
    assert list(addons.read(path)) == list(addons.read(FUNCTIONAL[1]))


# Models that do not fit.


def unchanged_after(model, path, message):
    before = [v.numpy() for v in model.weights]
    with pytest.raises(ZooError, match=message):
        addons.load_weights(model, path)
    for variable, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_one_block_too_many():
    message = r"subclassed_weights.h5 does not fit: missing \(\d+\): .*; extra \(\d+\): "
    unchanged_after(subclassed(blocks=3), SUBCLASSED, message)


def named_block(units, name):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(units, name=name)])
    model.add(layers.BatchNormalization(scale=False, name="norm"))
    return model


def test_missing_extra_and_misshapen_weights(tmp_path):
    named_block(4, "dense").save(tmp_path / "m.h5")
    model = named_block(5, "dense")
    unchanged_after(model, tmp_path / "m.h5", r"m.h5 does not fit: misshapen \(5\): dense/kernel")
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, use_bias=False, name="dense")])
    model.add(layers.BatchNormalization(name="norm"))
    message = r"fit: missing \(1\): norm/gamma.*; extra \(1\): dense/bias$"
    unchanged_after(model, tmp_path / "m.h5", message)
    model = named_block(5, "other")
    message = r"\(layers matched by order\) does not fit: misshapen \(5\): other/kernel"
    unchanged_after(model, tmp_path / "m.h5", message)


def test_a_plain_convolution_does_not_fill_a_spectral_one(tmp_path):
    functional(bare).save(tmp_path / "m.h5")
    message = r"missing \(2\): spectral_norm_conv2d\w*/u, \w+/vector_u$"
    unchanged_after(functional(ours), tmp_path / "m.h5", message)


def test_another_epsilon_or_number_of_groups():
    message = r"epsilon of group_normalization\w* is 0.001 in the model, 1e-05 in the file$"
    unchanged_after(functional(epsilon=1e-3), FUNCTIONAL[0], message)
    message = "groups of block_norm is 2 in the model, 4 in the file$"
    unchanged_after(functional(groups=2), FUNCTIONAL[0], message)
    addons.load_weights(functional(groups=2), FUNCTIONAL[1])  # save_weights does not tell


def test_values_that_are_not_finite(tmp_path):
    path = tmp_path / "nan.h5"
    shutil.copy(SUBCLASSED, path)
    with h5py.File(path, "a") as file:
        file["dense_3/dense_3/bias:0"][1] = np.nan
    unchanged_after(subclassed(), path, r"bias holds values that are not finite$")


def test_targets_that_cannot_be_filled():
    with pytest.raises(ZooError, match="layer conv is not built; call the model once"):
        addons.load_weights([layers.Conv2D(3, 3, name="conv")], SUBCLASSED)
    dense = layers.Dense(3, name="twice")
    dense.build((1, 2))
    with pytest.raises(ZooError, match="two layers are called twice"):
        addons.load_weights([dense, dense], SUBCLASSED)
    with pytest.raises(ZooError, match="needs a keras.Model or a list of layers, got Dense"):
        addons.load_weights(dense, SUBCLASSED)
    with pytest.raises(ZooError, match="needs a keras.Model or a list of layers, got list"):
        addons.load_weights([dense, "dense"], SUBCLASSED)


# Files that are broken, foreign or hostile.


def test_no_file_and_no_hdf5(tmp_path):
    for path in (tmp_path / "gone.h5", tmp_path):
        with pytest.raises(ZooError, match=f"no weights file at {path}"):
            addons.read(path)
    whole = SUBCLASSED.read_bytes()
    for keep in (0, 100, 4000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.h5").write_bytes(whole[:keep])
        with pytest.raises(ZooError, match="cut.h5 is not a whole HDF5 file"):
            addons.read(tmp_path / "cut.h5")


def test_a_broken_heap_of_names(tmp_path):
    """The HDF5 library never comes back from this one."""
    data = bytearray(SUBCLASSED.read_bytes())
    size = data.index(b"spectral_normalization_5/kernel") - 8
    data[size] = 144  # the next object is looked for in zeros
    (tmp_path / "heap.h5").write_bytes(data)
    with pytest.raises(ZooError, match="heap.h5 is not a whole HDF5 file"):
        addons.read(tmp_path / "heap.h5")


def test_the_newer_layouts_of_keras_are_named(tmp_path):
    two_dense("a", "b").save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ZooError, match="has no layer_names: .* but not in .weights.h5"):
        addons.read(tmp_path / "m.weights.h5")


def hdf5(path, change):
    """A file of one layer, `dense` with `kernel:0`, after `change(file, layer group)`."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["dense"]
        group = file.create_group("dense")
        group.attrs["weight_names"] = ["kernel:0"]
        change(file, group)
    return path


def test_what_the_hostile_files_are_made_of_reads(tmp_path):
    value = np.float32([[1, 2]])
    path = hdf5(tmp_path / "f.h5", lambda file, group: group.create_dataset("kernel:0", data=value))
    np.testing.assert_array_equal(addons.read(path)["dense"]["kernel"], value)


def compressed_bomb(file, group):
    group.create_dataset("kernel:0", (2**34,), "f4", chunks=(2**20,), compression="gzip")


def never_stored(file, group):
    group.create_dataset("kernel:0", (2**40,), "f4")


def raw_of_another_file(file, group):
    outside = Path(file.filename).with_name("secret")
    outside.write_bytes(bytes(8))
    group.create_dataset("kernel:0", (2,), "f4", external=[(str(outside), 0, 8)])


def link_to_another_file(file, group):
    other = Path(file.filename).with_name("other.h5")
    with h5py.File(other, "w") as content:
        content["x"] = np.zeros(2, "f4")
    group["kernel:0"] = h5py.ExternalLink(str(other), "x")


def linked_group(file, group):
    del file["dense"]
    link_to_another_file(file, file.create_group("elsewhere"))
    file["dense"] = h5py.SoftLink("/elsewhere")


def linked_model_weights(file, group):
    file["model_weights"] = h5py.ExternalLink("other.h5", "/")


def objects(file, group):
    group.create_dataset("kernel:0", data=[b"text"], dtype=h5py.string_dtype())


def too_many_names(file, group):
    file.attrs["layer_names"] = np.array(["dense"] * 10_001, "S5")


def listed_twice(file, group):
    group["kernel:0"] = np.zeros(2, "f4")
    group.attrs["weight_names"] = ["kernel:0", "kernel:0"]


def number_for_names(file, group):
    group["kernel:0"] = np.zeros(2, "f4")
    file.attrs["layer_names"] = 7


@pytest.mark.parametrize(
    "change, message",
    [
        (compressed_bomb, "not stored in one piece"),
        (never_stored, "larger than what is stored"),
        (raw_of_another_file, "not stored in one piece"),
        (link_to_another_file, "kernel:0 is a link to elsewhere"),
        (linked_group, "dense is a link to elsewhere"),
        (linked_model_weights, "model_weights is a link to elsewhere"),
        (objects, "not numbers"),
        (too_many_names, "10001 layer_names, more than 10000"),
        (listed_twice, "lists dense/kernel twice"),
        (number_for_names, "is not a whole HDF5 file of Keras 2"),
        (lambda file, group: None, "kernel:0 is listed, but not there"),
        (lambda file, group: group.create_group("kernel:0"), "kernel:0 is not a dataset"),
    ],
)
def test_hostile_files(change, message, tmp_path):
    path = hdf5(tmp_path / "bad.h5", change)
    with pytest.raises(ZooError, match=f"bad.h5 .*{message}"):
        addons.read(path)


@pytest.mark.parametrize("config", ["{", "[]", '{"config": {"layers": [1]}}', "[" * 10**5])
def test_a_broken_description_of_the_model(config, tmp_path):
    path = tmp_path / "m.h5"
    two_dense("a", "b").save(path)
    with h5py.File(path, "a") as file:
        assert json.loads(file.attrs["model_config"])["config"]["layers"]
        file.attrs["model_config"] = config
    unchanged_after(two_dense("a", "b"), path, "m.h5 is not a whole HDF5 file of Keras 2")
