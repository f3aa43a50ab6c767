import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import ZooError
from zoo.testing.suite import compiled, random_batch, small_model, training_batch


def test_full_size_parameter_count():
    model = zoo.create("light_cnn")
    assert model.extractor.count_params() == 12_573_280
    assert len(model.extractor.variables) == 60
    feature, last_map = model.features(tf.zeros((1, 128, 128, 3)))
    assert feature.shape == (1, 256) and last_map.shape == (1, 8, 8, 128)
    trained = zoo.create("light_cnn", identities=10)
    assert trained.classifier.count_params() == 257 * 10


def test_input_is_the_mean_of_red_green_and_blue_from_0_to_1():
    model = small_model("light_cnn")
    batch = random_batch(model)
    grey = (batch["image"].numpy().mean(-1, keepdims=True) + 1) / 2
    np.testing.assert_allclose(model(batch), model.extractor(grey)[0], atol=1e-5)
    swapped = {"image": batch["image"][..., ::-1]}
    np.testing.assert_allclose(model(swapped), model(batch), atol=1e-5)


def test_residual_block_has_no_activation_after_the_sum():
    """With zero kernels a residual block returns its input, negative values included."""
    model = small_model("light_cnn")
    network = model.extractor
    for first, second in network.residuals[0]:
        for variable in (*first.variables, *second.variables):
            variable.assign(tf.zeros_like(variable))
    grey = tf.constant(np.random.default_rng(0).random((1, 32, 32, 1)), tf.float32)
    seen = {}
    narrow = network.narrow[0]
    narrow_call = narrow.call

    def recording(x):
        seen["x"] = x
        return narrow_call(x)

    narrow.call = recording
    network(grey)
    expected = network.pool(network.conv1(grey))
    np.testing.assert_array_equal(seen["x"], expected)
    assert np.min(expected) < 0


def test_loss_by_hand_and_dropout_in_training_only():
    model = compiled(small_model("light_cnn", dropout=0.0))
    batch = training_batch(model)
    outputs = model.forward(batch)
    feature = model(batch).numpy()
    np.testing.assert_allclose(outputs["feature"], feature, atol=1e-6)
    kernel, bias = (v.numpy() for v in model.classifier.variables)
    logits = feature @ kernel + bias
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = -np.log(shares[np.arange(2), batch["identity"].numpy()]).mean()
    losses = model.extractor_losses(batch, outputs)
    np.testing.assert_allclose(losses["cross_entropy"], expected, rtol=1e-5)
    dropping = small_model("light_cnn", dropout=0.5)
    logits = dropping.forward(batch)["logits"].numpy()
    assert np.abs(logits - dropping.classifier(dropping(batch)).numpy()).max() > 1e-3
    np.testing.assert_array_equal(dropping.forward(batch)["logits"], logits)  # same step, same draw


def test_a_preset_of_the_extractor_alone_loads_for_inference(tmp_path):
    model = small_model("light_cnn")
    model.save_preset(tmp_path / "preset", networks=["extractor"])
    loaded = zoo.load(tmp_path / "preset")
    batch = random_batch(model)
    np.testing.assert_array_equal(loaded(batch), model(batch))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 100}, "image_size is 100; legal are multiples of 16 from 32 to 256"),
        ({"width": 0.0}, "width is 0"),
        ({"identities": 1}, "identities is 1; legal are 2 and more, or None"),
        ({"dropout": 1.0}, "dropout is 1.0"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ZooError, match=message):
        zoo.create("light_cnn", **arguments)


def test_without_identities_it_cannot_be_trained():
    model = small_model("light_cnn", identities=None)
    with pytest.raises(ZooError, match="create it with identities=N"):
        compiled(model)
    with pytest.raises(ZooError, match="128 x 128 only"):
        zoo.create("light_cnn", width=0.1)({"image": tf.zeros((1, 144, 144, 3))})
