import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import ZooError
from zoo.losses import adversarial, perceptual, reconstruction
from zoo.models.sc_fegan import networks
from zoo.testing.suite import changed, compiled, random_batch, small_model, snapshot, train

DEAD_BIASES = 1987  # `biases2` of the official transposed convolutions


def test_full_size_parameter_counts():
    model = zoo.create("sc_fegan")
    assert model.generator.count_params() + DEAD_BIASES == 92_886_100
    trained = sum(np.prod(v.shape) for v in model.discriminator.trainable_variables)
    assert trained == 2_144_512
    assert model.discriminator.count_params() - trained == 1_216
    assert (model.default_size, model.pad_multiple) == (512, 128)
    paper = zoo.create("sc_fegan", variant="paper")
    # 3x3 kernels (a 7x7 and two 5x5 shrink), and a second half in each transposed convolution
    fused = 2 * (9 * 64 * (49 - 9) + (64 * 128 + 128 * 256) * (25 - 9))
    gates = sum(
        v.shape[2] * v.shape[3] * 25 // 2 + v.shape[2] // 2 for v in kernels(paper, "deconv")
    )
    expected = 92_886_100 - DEAD_BIASES - fused + gates
    assert paper.generator.count_params() == expected


def kernels(model, prefix):
    return [
        v for v in model.generator.variables if f"/{prefix}" in v.path and v.path.endswith("kernel")
    ]


@pytest.mark.parametrize(
    "size, depth, layers", [(512, 7, 6), (256, 6, 5), (128, 5, 4), (64, 4, 3), (32, 3, 2)]
)
def test_bottleneck_is_4x4_and_score_map_8x8(size, depth, layers):
    assert networks.default_depth(size) == depth and size // 2**depth == 4
    discriminator = networks.Discriminator(width=1 / 16, image_size=size)
    scores = discriminator(np.zeros((1, size, size, 9), "float32"))
    assert len(discriminator.convs) == layers and scores.shape[1:3] == (8, 8)


def test_up_sampling_of_the_papers_variant_starts_at_full_strength():
    """RMS in = RMS out, roughly, for any width; the official N(0, 0.02) lets it vanish."""
    x = tf.random.stateless_normal((4, 16, 16, 96), (1, 2))
    for width in (0.25, 0.5):
        ratios = {}
        for variant in networks.VARIANTS:
            keras.utils.set_random_seed(0)
            ups = networks.Generator(variant, width, depth=4).up
            sizes = [networks.scale_channels(c, width) for c in (512, 256, 128, 64)]
            ratios[variant] = [
                np.std(up(x[..., :size])) / np.std(x) for up, size in zip(ups, sizes, strict=True)
            ]
        assert all(0.6 < ratio < 1.4 for ratio in ratios["paper"]), ratios
        assert max(ratios["official"]) < 0.5, ratios


def test_depth_may_be_the_papers_at_any_size():
    model = small_model("sc_fegan", image_size=128, depth=7)
    assert model.pad_multiple == 128
    assert model(random_batch(model, 1)).shape == (1, 128, 128, 3)


def test_known_pixels_come_back_bit_equal_and_hole_does_not_matter():
    model = small_model("sc_fegan")
    batch = random_batch(model)
    out = model(batch).numpy()
    known = np.broadcast_to(batch["mask"].numpy() == 0, out.shape)
    np.testing.assert_array_equal(out[known], batch["image"].numpy()[known])
    other = {**batch, "image": batch["image"] * (1 - batch["mask"]) - batch["mask"]}
    np.testing.assert_array_equal(model(other), out)


def test_hints_count_inside_the_hole_only():
    model = small_model("sc_fegan")
    batch = random_batch(model)
    out = model(batch).numpy()
    for key in ("sketch", "color", "noise"):
        outside = {**batch, key: batch[key] + (1 - batch["mask"])}
        np.testing.assert_array_equal(model(outside), out)
        inside = {**batch, key: batch[key] * (1 - batch["mask"])}
        assert np.abs(model(inside).numpy() - out).max() > 1e-6, key


def test_losses_by_hand():
    model = compiled(small_model("sc_fegan"))
    batch = random_batch(model)
    outputs = model.forward(batch)
    truth, mask = batch["image"], batch["mask"]
    raw, composite = outputs["generated"], outputs["composite"]
    losses = model.generator_losses(batch, outputs)
    features = [model.vgg(x) for x in (raw, composite, truth)]
    expected = {
        "pixel": reconstruction.masked_l1(raw, truth, mask, model.alpha),
        "tv": reconstruction.total_variation(composite, mask),
        "perceptual": sum(perceptual.perceptual(f, features[2]) for f in features[:2]),
        "style": sum(perceptual.style(f, features[2]) for f in features[:2]),
    }
    hints = [batch["sketch"] * mask, batch["color"] * mask, mask, batch["noise"] * mask]
    fake = model.discriminator(tf.concat([composite, *hints], axis=-1))
    expected["adversarial"] = -tf.reduce_mean(fake)
    assert set(losses) == set(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(losses[key], value, rtol=1e-4, atol=1e-6, err_msg=key)

    real = model.discriminator(tf.concat([truth, *hints], axis=-1))
    ours = model.discriminator_losses(batch, outputs)  # u advances after its value was used
    np.testing.assert_allclose(
        ours["adversarial"], adversarial.linear_discriminator(real, fake), rtol=1e-4
    )
    np.testing.assert_allclose(ours["drift"], tf.reduce_mean(real**2), rtol=1e-3)


def test_weights_are_the_papers():
    model = small_model("sc_fegan")
    assert model.loss_weights == {
        "generator": {
            "pixel": 1.0,
            "perceptual": 0.05,
            "style": 120.0,
            "tv": 0.1,
            "adversarial": 0.001,
        },
        "discriminator": {"adversarial": 1.0, "gradient_penalty": 10.0, "drift": 0.001},
    }


def test_zero_weights_are_not_computed_and_vgg_is_not_loaded():
    weights = {
        "generator": {"perceptual": 0, "style": 0, "tv": 0},
        "discriminator": {"gradient_penalty": 0},
    }
    model = compiled(
        small_model("sc_fegan", loss_weights=weights, perceptual_network="does not exist")
    )
    logs = train(model, 1)[0]
    assert set(logs) == {
        "generator/pixel",
        "generator/adversarial",
        "discriminator/adversarial",
        "discriminator/drift",
    }
    again = zoo.create("sc_fegan", **{k: v for k, v in model.get_config().items() if k != "name"})
    assert again.loss_weights == model.loss_weights


def test_each_step_moves_its_own_network():
    """D's update does not see G's variables and the other way round; D's u moves once a step."""
    model = compiled(small_model("sc_fegan"))
    batch = random_batch(model)
    before = snapshot(model.variables)
    outputs = model.forward(batch)
    with tf.GradientTape() as tape:
        objective = model.objective("discriminator", model.discriminator_losses(batch, outputs))
    model.update("discriminator", tape, objective)
    moved = changed(before, model.generator.variables + model.discriminator.variables)
    assert moved == {v.path for v in model.discriminator.variables}
    before = snapshot(model.variables)
    with tf.GradientTape() as tape:
        losses = model.generator_losses(batch, model.forward(batch))
        objective = model.objective("generator", losses)
    model.update("generator", tape, objective)
    moved = changed(before, model.generator.variables + model.discriminator.variables)
    assert moved == {v.path for v in model.generator.variables}


def test_a_batch_in_two_parts_trains_alike():
    """The penalty reads spectral norm's vector, which must not have moved between the parts."""
    whole, parts = (
        compiled(small_model("sc_fegan")),
        compiled(small_model("sc_fegan"), accumulate=2),
    )
    expected, logs = train(whole, 1)[0], train(parts, 1)[0]
    assert set(logs) == set(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(logs[key], value, rtol=1e-4, atol=1e-6, err_msg=key)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"variant": "papre"}, "variant is 'papre'; legal are official, paper"),
        ({"image_size": 100}, "image_size is 100; legal are powers of two"),
        ({"width": 0}, "width is 0"),
        ({"depth": 9}, "depth is 9; legal is 2 to 7"),
        ({"loss_weights": {"generator": {"pixl": 1}}}, "Did you mean 'pixel'"),
        ({"loss_weights": {"generator": {"pixel": -1}}}, "pixel is -1"),
        ({"loss_weights": {"discriminater": {}}}, "Did you mean 'discriminator'"),
        ({"widht": 1.0}, "Did you mean 'width'"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ZooError, match=message):
        zoo.create("sc_fegan", **arguments)


def test_optimizers_must_match_the_networks():
    import keras

    with pytest.raises(ZooError, match="exactly generator, discriminator"):
        small_model("sc_fegan").compile({"generator": keras.optimizers.Adam()})
    with pytest.raises(ZooError, match="ema_decay is 1.5"):
        compiled(small_model("sc_fegan"), ema_decay=1.5)
