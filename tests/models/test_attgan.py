import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.attributes import CELEBA_ATTRIBUTES
from zoo.errors import ZooError
from zoo.testing.suite import compiled, small_model, train, training_batch


def count(network):
    """Trainable values."""
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


@pytest.mark.parametrize(
    "skips, decoder, generator",
    [
        ("ed", 28_116_739, 39_264_899),
        (1, 32_311_043, 43_459_203),
        (2, 33_359_619, 44_507_779),
        ("unet", 33_624_835, 44_772_995),
    ],
)
def test_parameter_counts_by_skip_connections(skips, decoder, generator):
    model = zoo.create("attgan", skips=skips)
    assert (count(model.generator.decoder), count(model.generator)) == (decoder, generator)
    assert count(model.generator.encoder) == 11_148_160
    assert count(model.discriminator) == 44_718_990
    assert len(model.generator.trainable_variables) == 29
    assert len(model.generator.non_trainable_variables) == 18


@pytest.mark.parametrize(
    "arguments, encoder, decoder, discriminator",
    [
        ({"attribute_names": list(CELEBA_ATTRIBUTES)}, 11_148_160, 32_974_595, 44_746_665),
        ({"image_size": 256}, 11_148_160, 32_311_043, 145_382_286),
        (
            {"image_size": 384, "dim": 48, "dense_units": 512},
            6_272_160,
            18_236_739,
            119_526_574,
        ),
    ],
)
def test_parameter_counts_of_variants(arguments, encoder, decoder, discriminator):
    model = zoo.create("attgan", **arguments)
    parts = (model.generator.encoder, model.generator.decoder, model.discriminator)
    assert [count(part) for part in parts] == [encoder, decoder, discriminator]


def test_the_generator_receives_the_whole_target_with_signs():
    model = small_model("attgan")
    batch = training_batch(model)
    target = batch["target_attributes"].numpy()
    np.testing.assert_array_equal(model.condition(batch, target), np.where(target > 0, 1, -1))
    assert model.condition(batch, np.float32(1.5)) == 2.0  # `test_int` 2
    out = model(batch).numpy()
    other = {**batch, "attributes": 1 - batch["attributes"]}
    np.testing.assert_array_equal(model(other), out)  # the source is not read


def test_reconstruction_has_the_sources_attributes():
    model = compiled(small_model("attgan"))
    batch = training_batch(model)
    outputs = model.forward(batch)
    swapped = {"attributes": "target_attributes", "target_attributes": "attributes"}
    again = model.forward({k: batch[swapped.get(k, k)] for k in batch})
    np.testing.assert_array_equal(outputs["reconstructed"], again["edited"])
    error = np.abs(batch["image"] - outputs["reconstructed"]).mean()
    losses = model.generator_losses(batch, outputs)
    np.testing.assert_allclose(losses["reconstruction"], error, rtol=1e-5)
    assert model.loss_weights["generator"]["reconstruction"] == 100.0


def test_penalties_of_the_released_code():
    """Zero-centred at the real images: by hand from D's gradient there."""
    model = compiled(small_model("attgan", penalty="0-gp", penalty_points="real"))
    batch = training_batch(model)
    loss = model.discriminator_losses(batch, model.forward(batch))["gradient_penalty"]
    with tf.GradientTape() as tape:
        tape.watch(batch["image"])
        scores = model.discriminator(batch["image"])[0]
    slope = tape.gradient(scores, batch["image"]).numpy()
    np.testing.assert_allclose(loss, (slope**2).sum((1, 2, 3)).mean(), rtol=1e-4)
    assert model.get_config()["penalty"] == "0-gp"
    assert (
        zoo.create("attgan", image_size=32, width=0.05, gan_loss="lsgan").penalty_points == "line"
    )


def test_zero_weights_are_not_computed():
    weights = {"generator": {"adversarial": 0}, "discriminator": {"gradient_penalty": 0}}
    logs = train(compiled(small_model("attgan", loss_weights=weights)), 1)[0]
    assert set(logs) == {
        "generator/attributes",
        "generator/reconstruction",
        "discriminator/adversarial",
        "discriminator/attributes",
    }


@pytest.mark.parametrize("skips", ["UNet", -1, 5])
def test_illegal_skips(skips):
    with pytest.raises(ZooError, match="legal are 'ed', 'unet' and 0 to 4"):
        zoo.create("attgan", skips=skips)
