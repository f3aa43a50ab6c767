import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import presets
from zoo.errors import ZooError
from zoo.models.context_encoder import networks
from zoo.testing.suite import changed, compiled, random_batch, small_model, snapshot, train


def learned(network):
    """Parameters without batch norm's moving statistics."""
    return sum(int(np.prod(v.shape)) for v in network.variables if "moving" not in v.path)


@pytest.mark.parametrize(
    "arguments, generator, discriminator",
    [
        ({}, 71_130_531, 2_766_529),
        ({"n_bottleneck": 100}, 7_221_231, 2_766_529),
        ({"region": "random"}, 71_196_259, 2_832_257),
        ({"region": "random", "image_size": 64}, 71_064_803, 2_766_529),
        ({"conditional": True, "n_bottleneck": 100}, 7_221_231, 2_904_385),
        # 1x1 convolution, batch norm, and the rows of the first transposed convolution
        ({"nz": 100}, 71_130_531 + 10_100 + 200 + 100 * 512 * 16, 2_766_529),
    ],
)
def test_full_size_parameter_counts(arguments, generator, discriminator):
    model = zoo.create("context_encoder", **arguments)
    assert learned(model.generator) == generator
    assert learned(model.discriminator) == discriminator


@pytest.mark.parametrize("noise_type, deviation", [("normal", 1.0), ("uniform", 3**-0.5)])
def test_noise_beside_the_bottleneck(noise_type, deviation):
    model = compiled(small(nz=8, noise_type=noise_type))
    assert model.generator.noise.bias.trainable is False  # as those of all convolutions
    noise = model._noise(4096).numpy()
    assert noise.shape == (4096, 8) and abs(noise.std() - deviation) < 0.02
    assert abs(noise.mean()) < 0.02 and (np.abs(noise).max() < 1) == (noise_type == "uniform")
    batch = random_batch(model)
    np.testing.assert_array_equal(model(batch), model(batch))  # without noise
    erased = model._erased(batch)
    calm, other = (model.generator(erased, x) for x in (np.zeros((2, 8), "f4"), noise[:2]))
    assert np.abs(calm - other).max() > 0
    first = model.forward(batch)["generated"].numpy()
    np.testing.assert_array_equal(model.forward(batch)["generated"], first)  # by the step alone
    model.step.assign_add(1)
    assert np.abs(model.forward(batch)["generated"] - first).max() > 0


def small(**arguments):
    return small_model("context_encoder", **arguments)


def output(model, **values):
    """The generator's output for a batch, without batch norm's training statistics."""
    return model.generator(model._erased({**random_batch(model), **values})).numpy()


@pytest.mark.parametrize("image_size, overlap, side", [(32, 1, 14), (32, 4, 8), (64, 4, 24)])
def test_the_centre_is_erased_but_for_the_overlap(image_size, overlap, side):
    model = small(image_size=image_size, overlap=overlap)
    assert model.centered_hole == side / image_size
    batch = random_batch(model)
    start = (image_size - side) // 2
    inside = np.zeros((1, image_size, image_size, 1), "f4")
    inside[:, start : start + side, start : start + side] = 1
    hidden = batch["image"] * (1 - inside) - inside
    np.testing.assert_array_equal(output(model, image=hidden), output(model))
    for row, column in [(start - 1, start), (start, start + side)]:  # just outside
        seen = batch["image"].numpy()
        seen[:, row, column] += 1
        assert np.abs(output(model, image=seen) - output(model)).max() > 0


@pytest.mark.parametrize(
    "variant, color",
    [("official", (-0.08235, -0.18431, -0.03529)), ("paper", (-0.03529, -0.08235, -0.18431))],
)
@pytest.mark.parametrize("region", networks.REGIONS)
def test_colour_of_the_hole(variant, color, region):
    model = small(variant=variant, region=region, overlap=0)
    batch = random_batch(model)
    erased = model._erased(batch).numpy()
    hole = batch["mask"].numpy()[..., 0] > 0
    if region == "center":
        hole = np.zeros_like(hole)
        hole[:, 8:24, 8:24] = True
    np.testing.assert_allclose(erased[hole], np.tile(color, (hole.sum(), 1)), atol=1e-5)
    np.testing.assert_array_equal(erased[~hole], batch["image"].numpy()[~hole])


def test_only_masked_pixels_of_the_centre_are_pasted():
    model = small(overlap=2)
    batch = random_batch(model)
    image, mask = batch["image"].numpy(), np.zeros((2, 32, 32, 1), "f4")
    mask[:, 4:20, 9:21] = 1  # reaches beyond the hole, which is 10..21
    batch["mask"] = tf.constant(mask)
    out = model(batch).numpy()
    pasted = np.zeros((32, 32), bool)
    pasted[10:20, 10:21] = True
    np.testing.assert_array_equal(out[:, ~pasted], image[:, ~pasted])
    generated = model.generator(model._erased(batch)).numpy()
    np.testing.assert_allclose(
        out[:, 10:20, 10:21], generated[:, 2:12, 2:13], atol=1e-6
    )  # the prediction's pixel 0 is the image's 8


def test_random_regions_are_erased_and_pasted_by_the_mask():
    model = small(region="random", overlap=0)
    batch = random_batch(model)
    image, hole = batch["image"].numpy(), batch["mask"].numpy()[..., 0] > 0
    out = model(batch).numpy()
    np.testing.assert_array_equal(out[~hole], image[~hole])
    np.testing.assert_allclose(out[hole], output(model)[hole], atol=1e-6)
    hidden = {**batch, "image": batch["image"] * (1 - batch["mask"]) + batch["mask"]}
    np.testing.assert_array_equal(model(hidden), out)


def test_verb_fills_a_hole_anywhere():
    model = small()
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (80, 100, 3), dtype=np.uint8)
    mask = np.zeros((80, 100), bool)
    mask[6:20, 70:90] = True
    out = model.complete(image, mask)
    np.testing.assert_array_equal(out[~mask], image[~mask])
    hidden = np.where(mask[..., None], np.uint8(0), image)
    np.testing.assert_array_equal(model.complete(hidden, mask), out)
    changed_pixels = (out != image).any(axis=-1)
    assert changed_pixels[mask].mean() > 0.9


def cross_entropy(logits, label):
    probability = 1 / (1 + np.exp(-np.float64(logits)))
    return -np.mean(np.log(probability if label else 1 - probability))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"conditional": True},
        {"overlap": 0},
        {"region": "random", "overlap": 0},
        {"region": "random", "overlap": 1},
        {"region": "random", "overlap": 0, "variant": "paper"},
    ],
)
def test_losses_by_hand(arguments):
    model = compiled(small(**arguments))
    batch = random_batch(model)
    outputs = model.forward(batch)
    truth, generated = batch["image"].numpy(), outputs["generated"].numpy()
    weights = np.ones((2, 32, 32, 1))
    if model.region == "center":
        truth, weights = truth[:, 8:24, 8:24], np.full((2, 16, 16, 1), 10.0)
        weights[:, model.overlap : 16 - model.overlap, model.overlap : 16 - model.overlap] = 1
    elif model.variant == "paper":
        weights = batch["mask"].numpy()
    elif model.overlap:
        weights = np.where(batch["mask"].numpy() > 0, 1.0, 10.0)
    losses = model.generator_losses(batch, outputs)
    expected = np.mean(weights * (generated - truth) ** 2)
    np.testing.assert_allclose(losses["reconstruction"], expected, rtol=1e-5)
    np.testing.assert_allclose(losses["adversarial"], cross_entropy(outputs["fake"], 1), rtol=1e-5)
    both = cross_entropy(outputs["real"], 1) + cross_entropy(outputs["fake"], 0)
    ours = model.discriminator_losses(batch, outputs)["adversarial"]
    np.testing.assert_allclose(ours, both, rtol=1e-5)
    context = model._erased(batch) if model.conditional else None
    real = model.discriminator(tf.constant(truth), context, training=True)
    np.testing.assert_allclose(outputs["real"], real, atol=1e-5)


def test_weights_are_the_papers():
    assert small().loss_weights == {
        "generator": {"reconstruction": 0.999, "adversarial": 0.001},
        "discriminator": {"adversarial": 1.0},
    }


def test_overlap_weighs_ten_times_in_the_gradient():
    model = small(overlap=4)
    batch = random_batch(model)
    outputs = {"generated": tf.zeros((2, 16, 16, 3)), "truth": tf.ones((2, 16, 16, 3))}
    with tf.GradientTape() as tape:
        tape.watch(outputs["generated"])
        error = tf.square(outputs["generated"] - outputs["truth"])
        loss = 0.999 * tf.reduce_mean(model._error_weights(batch) * error)
    gradient = tape.gradient(loss, outputs["generated"]).numpy() * error.numpy().size / -2
    np.testing.assert_allclose(gradient[:, 4:12, 4:12], 0.999, rtol=1e-5)
    gradient[:, 4:12, 4:12] = 9.99
    np.testing.assert_allclose(gradient, 9.99, rtol=1e-5)


def test_both_networks_step_from_the_same_point():
    """Against gradients taken one network at a time, with plain gradient descent."""
    model, twin = small(variant="paper"), small(variant="paper")
    model.compile({n: keras.optimizers.SGD(0.1) for n in ("generator", "discriminator")})
    batch = random_batch(model)
    moved = snapshot(twin.trainable_variables)
    for network in (twin.generator, twin.discriminator):
        with tf.GradientTape() as tape:
            made = twin.generator(twin._erased(batch), training=True)
            truth = batch["image"][:, 8:24, 8:24]
            scores = [twin.discriminator(x, training=True) for x in (truth, made)]
            real, fake = (tf.math.log_sigmoid(s) for s in (scores[0], -scores[1]))
            loss = -tf.reduce_mean(real) - tf.reduce_mean(fake)
            if network is twin.generator:
                ring = np.full((1, 16, 16, 1), 10.0, "f4")
                ring[:, 1:15, 1:15] = 1
                loss = 0.999 * tf.reduce_mean(ring * tf.square(made - truth))
                loss -= 0.001 * tf.reduce_mean(tf.math.log_sigmoid(scores[1]))
        for v, g in zip(
            network.trainable_variables,
            tape.gradient(loss, network.trainable_variables),
            strict=True,
        ):
            moved[v.path] = moved[v.path] - 0.1 * g.numpy()
    model.train_step(batch)
    for v in model.trainable_variables:
        np.testing.assert_allclose(v.numpy(), moved[v.path], atol=2e-5, err_msg=v.path)


def test_batch_norm_is_torchs():
    model = small()
    image = random_batch(model, 4)["image"]
    block = model.discriminator.down[1]
    features = block.convolution(model.discriminator.down[0](image[:, :16, :16])).numpy()
    model.discriminator(image[:, :16, :16], training=True)
    mean, variance = features.mean(axis=(0, 1, 2)), features.var(axis=(0, 1, 2))
    norm = block.normalization
    np.testing.assert_allclose(norm.moving_mean, 0.1 * mean, atol=1e-6)
    np.testing.assert_allclose(norm.moving_variance, 0.9 + 0.1 * variance, rtol=1e-5)
    assert norm.epsilon == 1e-5
    gammas = [v for v in zoo.create("context_encoder").variables if v.path.endswith("gamma")]
    values = np.concatenate([v.numpy() for v in gammas])
    assert abs(values.mean() - 1) < 1e-3 and abs(values.std() - 0.02) < 1e-3


def test_biases_of_convolutions_stay_zero_in_the_official_variant():
    model = compiled(small())
    train(model, 2)
    biases = [c.bias for n in model.networks.values() for c in n.convolutions]
    assert len(biases) == (3 + 1 + 3) + (2 + 1) and not any(np.any(b.numpy()) for b in biases)
    paper = compiled(small(variant="paper"))
    train(paper, 2)
    assert all(np.any(c.bias.numpy()) for c in paper.generator.convolutions)


def test_without_adversarial_loss_there_is_no_discriminator_step():
    weights = {"generator": {"adversarial": 0.0}, "discriminator": {"adversarial": 0.0}}
    model = compiled(small(loss_weights=weights))
    before = snapshot(model.variables)
    logs = train(model, 1)[0]
    assert set(logs) == {"generator/reconstruction"}
    moved = changed(before, model.generator.variables + model.discriminator.variables)
    assert moved and all(path.startswith("generator/") for path in moved)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 100}, "image_size is 100; legal are 32, 64, 128"),
        ({"region": "centre"}, "region is 'centre'; legal are center, random"),
        ({"variant": "papre"}, "variant is 'papre'; legal are official, paper"),
        ({"overlap": 31}, "overlap is 31; legal for center, official is 0 to 30"),
        ({"overlap": -1}, "overlap is -1"),
        ({"region": "random", "overlap": 2}, "overlap is 2; legal for random, official is 0 to 1"),
        ({"region": "random", "variant": "paper", "overlap": 1}, "random, paper is 0 to 0"),
        ({"region": "random", "conditional": True}, "conditional is True"),
        ({"n_bottleneck": 0}, "n_bottleneck is 0"),
        ({"width": 0}, "width is 0"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ZooError, match=message):
        zoo.create("context_encoder", **arguments)


def test_other_sizes_are_refused():
    model = small()
    batch = {key: tf.zeros((1, 64, 64, c)) for key, c in model.channels.items()}
    with pytest.raises(ZooError, match="takes 32 x 32 only"):
        model(batch)


def test_overlap_by_default():
    assert small(overlap=None).overlap == 4
    assert small(overlap=None, variant="paper").overlap == 6  # 7 would leave 2 of 32 pixels
    assert small(overlap=None, variant="paper", image_size=64).overlap == 7


def test_presets_belong_to_the_model_that_they_fit():
    cards = presets.cards()
    for name in ("context_encoder_paris_128", "context_encoder_imagenet_128"):
        assert cards[name]["model"] == "context_encoder"
        with pytest.raises(ZooError, match="zoo convert context_encoder"):
            zoo.load(name)
