import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.testing import TestCase

from zoo.layers import SelectiveTransferUnit
from zoo.layers.attribute_editing import Decoder, Encoder, slim_normalization, with_attributes

rng = np.random.default_rng(0)
FEATURES = rng.standard_normal((2, 6, 4, 3)).astype("float32")
STATE = rng.standard_normal((2, 3, 2, 7)).astype("float32")
ATTRIBUTES = np.float32([[1, 0], [-1, 0.5]])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def conv(x, kernel, bias=0.0):
    """3x3 convolution of stride 1 with a border of zeros."""
    height, width = x.shape[1:3]
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    out = sum(
        np.einsum("bhwi,io->bhwo", x[:, i : i + height, j : j + width], kernel[i, j])
        for i in range(3)
        for j in range(3)
    )
    return out + bias


def enlarge(x, kernel, bias):
    """Transposed 4x4 convolution of stride 2: each pixel stamps the kernel; a border is cut."""
    b, h, w, _ = x.shape
    full = np.zeros((b, 2 * h + 2, 2 * w + 2, kernel.shape[2]))
    for i in range(h):
        for j in range(w):
            stamp = np.einsum("bc,hwoc->bhwo", x[:, i, j], kernel)
            full[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += stamp
    return full[:, 1:-1, 1:-1] + bias


def built(**options):
    unit = SelectiveTransferUnit(5, **options)
    unit.build(FEATURES.shape, STATE.shape, ATTRIBUTES.shape)
    for variable in unit.trainable_variables:
        variable.assign(0.3 * rng.standard_normal(variable.shape))
    return unit


def reference(unit, norms=None):
    """The paper's equations, one by one; returns f_t, r * s_hat and s_hat."""
    planes = np.broadcast_to(ATTRIBUTES[:, None, None], (2, 3, 2, 2))
    weights = {v.path.split("/", 1)[1]: v.numpy() for v in unit.variables}
    state = np.concatenate([STATE, planes], axis=-1)
    enlarged = enlarge(state, weights["enlarge/kernel"], weights["enlarge/bias"])

    def gate(name, x):
        y = conv(np.concatenate([FEATURES, x], -1), weights[f"{name}/kernel"])
        if norms is None:
            return y + weights[f"{name}/bias"]
        return norms(y) * weights[f"{name}_norm/gamma"] + weights[f"{name}_norm/beta"]

    r, z = sigmoid(gate("reset", enlarged)), sigmoid(gate("update", enlarged))
    kept = r * enlarged
    candidate = np.tanh(gate("candidate", kept))
    return (1 - z) * enlarged + z * candidate, kept, enlarged


@pytest.mark.parametrize("state, passed_on", [("stu", 1), ("gru", 0), ("direct", 2)])
def test_equals_numpy(state, passed_on):
    unit = built(state=state)
    expected = reference(unit)
    transferred, new_state = unit(FEATURES, STATE, ATTRIBUTES)
    np.testing.assert_allclose(transferred, expected[0], atol=1e-5)
    np.testing.assert_allclose(new_state, expected[passed_on], atol=1e-5)


def test_without_attributes_the_state_is_enlarged_alone():
    unit = built()
    expected = unit(FEATURES, STATE, np.zeros_like(ATTRIBUTES))
    alone = SelectiveTransferUnit(5)
    alone(FEATURES, STATE)
    for variable, value in zip(alone.variables, unit.variables, strict=True):
        rows = value.numpy()
        variable.assign(rows[..., :7] if value is unit.enlarge.kernel else rows)
    for ours, theirs in zip(alone(FEATURES, STATE), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert alone.compute_output_shape(FEATURES.shape, STATE.shape)[0] == (2, 6, 4, 5)


def test_norms_replace_the_biases():
    def instance_norm(x):
        mean, var = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
        return (x - mean) / np.sqrt(var + 1e-6)

    def batch_norm(x):
        return (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-3)

    for kind, norm in (("in", instance_norm), ("bn", batch_norm)):
        unit = built(normalization=kind)
        assert [v.path.split("/", 1)[1] for v in unit.variables if "bias" in v.path] == [
            "enlarge/bias"
        ]
        expected = reference(unit, norm)
        transferred, kept = unit(FEATURES, STATE, ATTRIBUTES, training=True)
        np.testing.assert_allclose(transferred, expected[0], atol=2e-5)
        np.testing.assert_allclose(kept, expected[1], atol=2e-5)


class Harness(TestCase):
    def runTest(self):
        pass


@pytest.mark.parametrize(
    "options, trainable, other", [({}, 8, 0), ({"normalization": "bn"}, 11, 6)]
)
def test_keras_harness(options, trainable, other):
    Harness().run_layer_test(
        SelectiveTransferUnit,
        init_kwargs={"filters": 3, **options},
        input_shape={
            "features_shape": (2, 8, 8, 4),
            "state_shape": (2, 4, 4, 6),
            "attributes_shape": (2, 5),
        },
        expected_output_shape=((2, 8, 8, 3), (2, 8, 8, 3)),
        expected_num_trainable_weights=trainable,
        expected_num_non_trainable_weights=other,
        run_training_check=False,  # the check wants one output
        supports_masking=None,
    )


@pytest.mark.parametrize("options", [{"filters": 0}, {"state": "lstm"}, {"normalization": "ln"}])
def test_illegal_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        SelectiveTransferUnit(**{"filters": 4, **options})


def test_slim_defaults():
    batch = slim_normalization("bn", "a")
    assert (batch.momentum, batch.epsilon) == (0.999, 1e-3)
    x = FEATURES * 1e-3  # small values: the epsilon counts
    mean, var = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    expected = (x - mean) / np.sqrt(var + 1e-6)
    np.testing.assert_allclose(slim_normalization("in", "b")(x), expected, atol=1e-4)


def test_attributes_at_every_pixel():
    out = with_attributes(tf.constant(FEATURES), tf.constant(ATTRIBUTES)).numpy()
    np.testing.assert_array_equal(out[..., :3], FEATURES)
    for b in range(2):
        assert (out[b, :, :, 3:] == ATTRIBUTES[b]).all()


def test_multi_inputs_are_what_tf1_bicubic_makes_of_the_image():
    image = rng.uniform(-1, 1, (1, 16, 16, 3)).astype("float32")
    encoder = Encoder([4, 4, 4], multi_inputs=3)
    encoder(image)
    assert [conv.kernel.shape[2] for conv in encoder.convs] == [3, 7, 7]
    received = {}
    for conv in encoder.convs:
        call = conv.call

        def recording(x, name=conv.name, call=call):
            received[name] = np.asarray(x)
            return call(x)

        conv.call = recording
    encoder(image)
    for name, side in (("conv2", 8), ("conv3", 4)):
        small = tf.compat.v1.image.resize_bicubic(image, (side, side))
        np.testing.assert_allclose(received[name][..., -3:], small, atol=1e-6)


def test_decoder_joins_layer_then_skip_then_attributes():
    code, skips = np.ones((1, 2, 2, 5)), [np.ones((1, 4, 4, 3)), np.ones((1, 8, 8, 2))]
    decoder = Decoder([6, 4, 2], inject_layers=1)
    out = decoder(code.astype("float32"), ATTRIBUTES[:1], [s.astype("float32") for s in skips])
    assert out.shape == (1, 32, 32, 3)
    inputs = [d.kernel.shape[-1] for d in [*decoder.deconvs, decoder.last]]
    assert inputs == [5 + 2, 6 + 3 + 2, 4 + 2, 2]
    stride_one = Decoder([6, 4], inject_layers=0, last_kernel=3)
    assert stride_one(code.astype("float32"), ATTRIBUTES[:1]).shape == (1, 8, 8, 3)
    assert isinstance(stride_one.last, keras.layers.Conv2DTranspose)
    assert stride_one.last.kernel.shape == (3, 3, 3, 4)
