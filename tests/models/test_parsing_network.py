import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import replicas
from zoo.errors import ZooError
from zoo.testing.suite import compiled, random_batch, small_model, training_batch


def test_full_size_parameter_count():
    model = zoo.create("parsing_network")
    assert model.parser.count_params() == 23_954_571
    assert len(model.parser.variables) == 44
    assert (model.default_size, model.pad_multiple, model.fixed_size) == (128, 32, False)


def test_logits_of_any_size():
    model = small_model("parsing_network")
    image = np.random.default_rng(0).uniform(-1, 1, (2, 64, 96, 3)).astype("float32")
    assert model({"image": image}).shape == (2, 64, 96, 11)
    with pytest.raises(ZooError, match="40 x 32 pixels; height and width must be multiples of 32"):
        model({"image": image[:, :40, :32]})


def test_features_are_dropped_in_training_only_and_anew_each_step():
    model = small_model("parsing_network")
    batch = random_batch(model)
    np.testing.assert_array_equal(model(batch), model(batch, training=True))
    first = model.forward(batch)["logits"].numpy()
    np.testing.assert_array_equal(model.forward(batch)["logits"], first)
    assert not np.array_equal(first, model(batch))
    model.step.assign_add(1)
    assert not np.array_equal(model.forward(batch)["logits"], first)
    without = small_model("parsing_network", dropout=0.0)
    np.testing.assert_array_equal(without.forward(batch)["logits"], without(batch))


def test_half_of_the_features_is_dropped_at_each_of_five_places(monkeypatch):
    model = small_model("parsing_network", dropout=0.5)
    dropped = []
    dropout = replicas.dropout

    def recorded(x, rate, seed):
        out = dropout(x, rate, seed)
        kept = x.numpy() > 0
        dropped.append((tuple(np.asarray(seed)), np.mean(out.numpy()[kept] == 0)))
        np.testing.assert_allclose(out.numpy()[out > 0], 2 * x.numpy()[out > 0], rtol=1e-6)
        return out

    monkeypatch.setattr(replicas, "dropout", recorded)
    model.forward(random_batch(model, 8))
    seeds, shares = zip(*dropped, strict=True)
    assert len(set(seeds)) == 5
    np.testing.assert_allclose(shares, 0.5, atol=0.1)


def test_loss_by_hand_with_classes_that_helen_does_not_have():
    model = compiled(small_model("parsing_network"))
    batch = training_batch(model)
    labels = np.random.default_rng(0).integers(0, 14, batch["parsing"].shape)
    batch["parsing"] = tf.constant(labels.astype("int32"))
    outputs = model.forward(batch)
    logits = outputs["logits"].numpy().astype("float64")
    helen = labels.copy()
    helen[labels == 11] = 1  # glasses: skin
    helen[labels > 11] = 0  # neck, clothes: background
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = -np.log(np.take_along_axis(shares, helen[..., None], -1)).mean()
    loss = model.parser_losses(batch, outputs)["cross_entropy"]
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 100}, "image_size is 100; legal are multiples of 32"),
        ({"width": 5}, "width is 5"),
        ({"dropout": 1}, "dropout is 1; legal is 0 to less than 1"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ZooError, match=message):
        zoo.create("parsing_network", **arguments)
