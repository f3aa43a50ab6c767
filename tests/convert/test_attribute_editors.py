"""Converters of STGAN, AttGAN and the attribute classifier, on narrow checkpoints."""

import numpy as np
import pytest
import tensorflow as tf

import zoo.convert
from zoo.attributes import CELEBA_ATTRIBUTES, EDITED_ATTRIBUTES
from zoo.convert import slim
from zoo.errors import ZooError

STATISTICS = ("moving_mean", "moving_variance")


def block(name, kernel, norm=None, biased=True):
    """Shapes of a Slim layer: its kernel, then a normaliser or a bias."""
    filters = kernel[2] if "transpose" in name else kernel[-1]
    shapes = {f"{name}/weights": kernel}
    if norm:
        values = ("beta", "gamma", *(STATISTICS if norm == "BatchNorm" else ()))
        shapes |= {f"{name}/{norm}/{value}": (filters,) for value in values}
    elif biased:
        shapes[f"{name}/biases"] = (filters,)
    return shapes


def suffix(i):
    return f"_{i}" if i else ""


def encoder(scope, dim):
    channels = [3, *(dim * 2**i for i in range(5))]
    shapes = {}
    for i in range(5):
        shapes |= block(f"{scope}/Conv{suffix(i)}", (4, 4, *channels[i : i + 2]), "BatchNorm")
    return shapes


def decoder(scope, dim, inputs):
    """`inputs`: channels that each layer reads."""
    shapes = {}
    for i, channels in enumerate(inputs[:4]):
        kernel = (4, 4, dim * 2 ** (4 - i), channels)
        shapes |= block(f"{scope}/Conv2d_transpose{suffix(i)}", kernel, "BatchNorm")
    return shapes | block(f"{scope}/Conv2d_transpose_4", (4, 4, 3, inputs[4]))


def discriminator(scope, dim, units, attributes, dense, side=4):
    channels = [3, *(dim * 2**i for i in range(5))]
    shapes = {}
    for i in range(5):
        shapes |= block(f"{scope}/Conv{suffix(i)}", (4, 4, *channels[i : i + 2]), "InstanceNorm")
    sizes = [(side * side * channels[-1], units), (units, 1)]
    sizes += [(side * side * channels[-1], units), (units, attributes)]
    for i, size in enumerate(sizes):
        shapes |= block(f"{scope}/{dense.format(suffix(i))}", size)
    return shapes


def stgan_shapes(dim=4, stu=3, units=8, n=13, side=4):
    shapes = encoder("Genc", dim)
    state, conv = 16 * dim, 0
    for i in range(4):
        filters, features = stu * 2 ** (3 - i), dim * 2 ** (3 - i)
        name = f"Gstu/Conv2d_transpose{suffix(i)}"
        shapes |= block(name, (4, 4, filters, state + n))
        for _ in range(3):
            shapes |= block(f"Gstu/Conv{suffix(conv)}", (3, 3, features + filters, filters))
            conv += 1
        state = filters
    own = [16 * dim, 16 * dim, 8 * dim, 4 * dim, 2 * dim]
    skips = [0, 8 * stu, 4 * stu, 2 * stu, stu]
    shapes |= decoder("Gdec", dim, [o + s + n for o, s in zip(own, skips, strict=True)])
    dense = "flatten_fully_connected{}/fully_connected"
    return shapes | discriminator("D", dim, units, n, dense, side)


def attgan_shapes(skips, dim=4, units=8, n=13, scopes=("UNetGenc", "UNetGdec", "ConvD")):
    own = [16 * dim + n, 16 * dim + n, 8 * dim, 4 * dim, 2 * dim]
    joined = [0, *(dim * 2 ** (3 - i) if i < skips else 0 for i in range(4))]
    shapes = encoder(scopes[0], dim)
    shapes |= decoder(scopes[1], dim, [o + s for o, s in zip(own, joined, strict=True)])
    flat = "flatten_fully_connected{}/fully_connected"
    dense = "fully_connected{}" if scopes[2] == "ConvD" else flat
    return shapes | discriminator(scopes[2], dim, units, n, dense)


def arrays(shapes):
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape).astype("float32") for name, shape in shapes.items()}


def with_leftovers(tensors):
    """What a TF1 Saver writes of a training graph: Adam's slots, powers of beta, a counter."""
    trained = {n: a for n, a in tensors.items() if not n.endswith(STATISTICS)}
    slots = {f"{n}/{slot}": a for n, a in trained.items() for slot in ("Adam", "Adam_1")}
    powers = {f"beta{i}_power{s}": np.float32(0.5) for i in (1, 2) for s in ("", "_1")}
    return {**tensors, **slots, **powers, "counter/counter": np.int64(7)}


def saved(tensors, prefix):
    """A real checkpoint in the format of TF1's Saver."""
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[tf.constant(v) for v in tensors.values()],
    )
    return prefix


def value(network, path):
    return {v.path: v.numpy() for v in network.variables}[path]


def test_official_counts():
    shapes = stgan_shapes(64, 64, 1024)
    assert len(shapes) == 102 and len(with_leftovers(shapes)) == 275
    generator = {n: s for n, s in shapes.items() if not n.startswith("D/")}
    assert len(generator) == 79
    assert sum(int(np.prod(s)) for s in generator.values()) == 75_006_579
    shapes = attgan_shapes(1, 64, 1024)
    assert len(shapes) == 70
    assert sum(int(np.prod(s)) for s in shapes.values()) == 43_467_011 + 44_718_990


@pytest.mark.parametrize("trained", [False, True])
def test_stgan_checkpoint(tmp_path, trained, capsys):
    tensors = arrays(stgan_shapes())
    prefix = saved(with_leftovers(tensors) if trained else tensors, tmp_path / "Epoch_1.ckpt")
    model = zoo.convert.official("stgan", f"{prefix}.index")
    assert "CelebA" in model.licence and "CelebA" in capsys.readouterr().err
    assert (model.dim, model.stu_dim, model.dense_units, model.depth) == (4, 3, 8, 5)
    assert (model.default_size, model.attribute_names) == (128, EDITED_ATTRIBUTES)
    for ours, theirs in (
        ("encoder/conv1/kernel", "Genc/Conv/weights"),
        ("encoder/norm3/moving_variance", "Genc/Conv_2/BatchNorm/moving_variance"),
        ("stu4/enlarge/kernel", "Gstu/Conv2d_transpose/weights"),
        ("stu4/reset/kernel", "Gstu/Conv/weights"),
        ("stu4/update/bias", "Gstu/Conv_1/biases"),
        ("stu3/candidate/kernel", "Gstu/Conv_5/weights"),
        ("stu1/reset/kernel", "Gstu/Conv_9/weights"),
        ("decoder/deconv4/kernel", "Gdec/Conv2d_transpose_3/weights"),
        ("decoder/norm1/gamma", "Gdec/Conv2d_transpose/BatchNorm/gamma"),
        ("decoder/deconv5/bias", "Gdec/Conv2d_transpose_4/biases"),
    ):
        found = value(model.generator, f"generator/{ours}")
        np.testing.assert_array_equal(found, tensors[theirs], err_msg=ours)
    for ours, theirs in (
        ("norm2/gamma", "Conv_1/InstanceNorm/gamma"),
        ("score_hidden/kernel", "flatten_fully_connected/fully_connected/weights"),
        ("score/bias", "flatten_fully_connected_1/fully_connected/biases"),
        ("attribute_logits/kernel", "flatten_fully_connected_3/fully_connected/weights"),
    ):
        found = value(model.discriminator, f"discriminator/{ours}")
        np.testing.assert_array_equal(found, tensors[f"D/{theirs}"], err_msg=ours)


def test_sizes_are_read_from_the_shapes():
    model = zoo.convert.official("stgan", arrays(stgan_shapes(6, 8, 16, n=2, side=12)))
    assert (model.dim, model.stu_dim, model.dense_units) == (6, 8, 16)
    assert (model.default_size, model.attribute_names) == (384, ("attribute_1", "attribute_2"))


def test_a_checkpoint_may_hold_the_generator_only():
    tensors = arrays(stgan_shapes())
    generator = {n: a for n, a in tensors.items() if not n.startswith("D/")}
    model = zoo.convert.official("stgan", generator)
    found = value(model.generator, "generator/decoder/deconv5/kernel")
    np.testing.assert_array_equal(found, tensors["Gdec/Conv2d_transpose_4/weights"])


@pytest.mark.parametrize("skips", [0, 1, 2, 4])
def test_attgan_skip_connections_are_read_from_the_shapes(skips):
    model = zoo.convert.official("attgan", arrays(attgan_shapes(skips)))
    assert model.skips == skips
    stgans = arrays(attgan_shapes(skips, scopes=("Genc", "Gdec", "D")))
    model = zoo.convert.official("attgan", stgans)
    assert model.skips == skips
    found = value(model.discriminator, "discriminator/score_hidden/bias")
    expected = stgans["D/flatten_fully_connected/fully_connected/biases"]
    np.testing.assert_array_equal(found, expected)


def test_attgan_object_based_checkpoint(tmp_path):
    tensors = arrays(attgan_shapes(1, n=40))
    leftovers = with_leftovers(tensors)
    variables = {f"{name}:0": tf.Variable(array) for name, array in leftovers.items()}
    prefix = tf.train.Checkpoint(**variables).save(tmp_path / "Epoch")
    keys = [name for name, _ in tf.train.list_variables(prefix)]
    assert "UNetGenc.SConv.Sweights:0/.ATTRIBUTES/VARIABLE_VALUE" in keys
    model = zoo.convert.official("attgan", prefix)
    assert model.attribute_names == CELEBA_ATTRIBUTES and model.skips == 1
    networks = {"generator": model.generator, "discriminator": model.discriminator}
    for path, name in (
        ("generator/encoder/conv5/kernel", "UNetGenc/Conv_4/weights"),
        ("generator/decoder/norm2/beta", "UNetGdec/Conv2d_transpose_1/BatchNorm/beta"),
        ("discriminator/attribute_hidden/kernel", "ConvD/fully_connected_2/weights"),
    ):
        found = value(networks[path.split("/")[0]], path)
        np.testing.assert_array_equal(found, tensors[name], err_msg=path)


@pytest.mark.parametrize(
    "key, name",
    [
        ("D/Conv/weights", "D/Conv/weights"),
        ("D/Conv/weights:0", "D/Conv/weights"),
        ("D.SConv.Sweights:0/.ATTRIBUTES/VARIABLE_VALUE", "D/Conv/weights"),
        ("variables/a..b.Sc:0/.ATTRIBUTES/VARIABLE_VALUE", "a.b/c"),
    ],
)
def test_names_of_variables(key, name):
    assert slim.graph_name(key) == name


def test_classifier_checkpoint(tmp_path):
    channels = [3, *(c for c in (16, 32, 64, 128, 256) for _ in range(2))]
    shapes = {}
    for i in range(10):
        name = f"classifier/Conv{suffix(i)}"
        shapes |= block(name, (3, 3, *channels[i : i + 2]), "BatchNorm")
    for i, size in enumerate([(4096, 512), (512, 40)]):
        shapes |= block(f"classifier/flatten_fully_connected{suffix(i)}/fully_connected", size)
    assert len(shapes) == 54
    tensors = arrays(shapes)
    prefix = saved(with_leftovers(tensors), tmp_path / "weights.ckpt")
    model = zoo.convert.official("attribute_classifier", prefix)
    assert model.attribute_names == CELEBA_ATTRIBUTES
    for ours, theirs in (
        ("conv10/kernel", "Conv_9/weights"),
        ("norm1/moving_mean", "Conv/BatchNorm/moving_mean"),
        ("hidden/kernel", "flatten_fully_connected/fully_connected/weights"),
        ("logits/bias", "flatten_fully_connected_1/fully_connected/biases"),
    ):
        found = value(model.classifier, f"classifier/{ours}")
        np.testing.assert_array_equal(found, tensors[f"classifier/{theirs}"])


def test_missing_extra_and_misshapen_are_listed():
    broken = arrays(stgan_shapes())
    broken["Genc/Conv_2/wieghts"] = broken.pop("Genc/Conv_2/BatchNorm/beta")
    broken["Gdec/Conv2d_transpose_4/biases"] = np.zeros(7, "float32")
    with pytest.raises(ZooError) as error:
        zoo.convert.official("stgan", broken)
    text = str(error.value)
    assert "missing (1): Genc/Conv_2/BatchNorm/beta" in text
    assert "extra (1): Genc/Conv_2/wieghts" in text
    assert "misshapen (1): Gdec/Conv2d_transpose_4/biases is (7,), needs (3,)" in text


def test_absurd_sizes_and_foreign_mappings_are_refused():
    huge = arrays(stgan_shapes())
    huge["Genc/Conv/weights"] = np.broadcast_to(np.float32(0), (4, 4, 3, 10**6))
    with pytest.raises(ZooError, match=r"misshapen.*Genc/Conv/weights is \(4, 4, 3, 1000000\)"):
        zoo.convert.official("stgan", huge)
    with pytest.raises(ZooError, match=r"missing \(79\)"):
        zoo.convert.official("stgan", {"w": np.zeros(3)})
    with pytest.raises(ZooError, match=r"missing \(47\)"):
        zoo.convert.official("attgan", {})
    with pytest.raises(ZooError, match=r"missing \(54\)"):
        zoo.convert.official("attribute_classifier", {"classifier/Conv": np.zeros(3)})


def test_values_that_are_not_finite_are_refused():
    broken = arrays(attgan_shapes(1))
    broken["ConvD/fully_connected_1/biases"][0] = np.nan
    with pytest.raises(ZooError, match="score/bias holds values that are not finite"):
        zoo.convert.official("attgan", broken)
