import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.config import load_recipe
from zoo.errors import ZooError
from zoo.models.gfc.model import crop, hole_window
from zoo.models.gfc.networks import Discriminator, Generator
from zoo.testing.suite import (
    changed,
    compiled,
    random_batch,
    small_model,
    snapshot,
    training_batch,
)

TINY = {"width": 1 / 16, "loss_weights": None}
DISCRIMINATORS = ("local_discriminator", "global_discriminator")


@pytest.fixture(scope="module")
def model():
    return compiled(small_model("gfc", **TINY))


def test_full_size_parameter_counts():
    model = zoo.create("gfc")
    assert model.generator.count_params() == 137_071_331
    assert model.local_discriminator.count_params() == 7_130_689
    assert model.global_discriminator.count_params() == 7_164_705
    dense = [model.generator.fc3.count_params(), model.generator.defc3.count_params()]
    assert dense == [67_112_960, 67_125_248]
    assert (model.default_size, model.pad_multiple, model.fixed_size) == (128, 32, True)
    assert len(model.generator.variables) == 46


def test_bottleneck_of_another_size_than_the_width_gives():
    generator = Generator(1 / 16, 32, n_bottleneck=48)
    generator(np.zeros((1, 32, 32, 3), "float32"))
    assert (generator.fc3.units, generator.map_shape) == (48, (2, 2, 16))
    assert zoo.create("gfc", image_size=32, width=1 / 16).generator.fc3.units == 256


@pytest.mark.parametrize("size", [32, 64, 96])
def test_sizes(size):
    generator = Generator(1 / 16, size)
    images = np.zeros((2, size, size, 3), "float32")
    assert generator(images).shape == (2, size, size, 3)
    assert generator.map_shape == (size // 16, size // 16, 16)
    for side, first in ((size, 0), (size // 2, 1)):
        discriminator = Discriminator(side, first, 1 / 16)
        assert discriminator(images[:, :side, :side]).shape == (2,)
        assert discriminator.score.kernel_size == (size // 32, size // 32)


def test_only_its_own_size_is_taken(model):
    batch = {key: tf.zeros((1, 64, 64, c)) for key, c in model.channels.items()}
    with pytest.raises(ZooError, match="gfc takes 32 x 32 only"):
        model(batch)


def test_known_pixels_come_back_bit_equal_and_hole_is_filled_with_noise(model):
    batch = random_batch(model)
    mask = batch["mask"].numpy()
    out = model(batch).numpy()
    known = np.broadcast_to(mask == 0, out.shape)
    np.testing.assert_array_equal(out[known], batch["image"].numpy()[known])
    raw = model.generator(batch["image"] * (1 - mask) + batch["noise"] * mask).numpy()
    np.testing.assert_array_equal(out[~known], np.clip(raw, -1, 1)[~known])
    erased = {**batch, "image": batch["image"] * (1 - mask) - mask}
    np.testing.assert_array_equal(model(erased), out)
    outside = {**batch, "noise": batch["noise"] + (1 - mask)}
    np.testing.assert_array_equal(model(outside), out)


def test_output_is_clipped(model):
    batch = random_batch(model)
    bias = model.generator.reconstruction.bias
    held = bias.numpy()
    bias.assign([5.0, -5.0, 0.0])
    out, outputs = model(batch).numpy(), model.forward(batch)
    bias.assign(held)
    inside = batch["mask"].numpy()[..., 0] == 1
    assert (out[inside][:, 0] == 1).all() and (out[inside][:, 1] == -1).all()
    assert outputs["composite"].numpy()[inside][:, 0].min() > 4  # training sees it unbounded


@pytest.mark.parametrize(
    "box, window",
    [
        ((20, 7, 64, 64), (20, 7)),  # the paper's hole is the window
        ((64, 0, 64, 64), (64, 0)),
        ((40, 40, 16, 20), (16, 18)),  # smaller: around its middle
        ((0, 100, 10, 28), (0, 64)),  # at a corner: moved into the image
        ((10, 20, 101, 80), (28, 28)),  # larger: its middle
        ((0, 0, 0, 0), (32, 32)),  # no hole
    ],
)
def test_window_around_the_hole(box, window):
    top, left, height, width = box
    masks = np.zeros((2, 128, 128, 1), "float32")
    masks[0, top : top + height, left : left + width] = 1
    masks[1, 30:94, 40:104] = 1
    image = np.random.default_rng(0).random((2, 128, 128, 3)).astype("float32")
    top, left = window
    cut = crop(image, hole_window(tf.constant(masks), 64))
    np.testing.assert_array_equal(cut[0], image[0, top : top + 64, left : left + 64])
    np.testing.assert_array_equal(cut[1], image[1, 30:94, 40:104])


def test_window_of_two_spots_is_around_both():
    mask = np.zeros((1, 32, 32, 1), "float32")
    mask[0, 2, 3] = mask[0, 21, 30] = 1
    rows, columns = hole_window(tf.constant(mask), 16)
    np.testing.assert_array_equal(rows[0], np.arange(4, 20))
    np.testing.assert_array_equal(columns[0], np.arange(9, 25))


def bce(logits, label):
    p = 1 / (1 + np.exp(-np.asarray(logits, "float64")))
    return -np.mean(np.log(p if label else 1 - p))


@pytest.mark.parametrize("variant", ["official", "paper"])
def test_losses_by_hand(variant):
    model = compiled(small_model("gfc", variant=variant, **TINY))
    enlarge(model)
    batch = random_batch(model)
    outputs = model.forward(batch)
    losses = model.generator_losses(batch, outputs)
    truth = batch["image"].numpy()
    raw, composite = outputs["generated"].numpy(), outputs["composite"].numpy()
    mask = batch["mask"].numpy()
    np.testing.assert_allclose(composite, np.where(mask > 0, raw, truth), atol=1e-6)
    error = np.abs(raw - truth) if variant == "official" else (raw - truth) ** 2
    # the suite's hole: rows 8-15, columns 8-23; a window of 16 x 16 around it
    window = np.s_[:, 4:20, 8:24]
    fakes = model.local_discriminator(composite[window]), model.global_discriminator(composite)
    expected = {
        "reconstruction": error.sum() / 2,
        "local": bce(fakes[0], 1),
        "global": bce(fakes[1], 1),
    }
    if variant == "paper":  # without dropout
        logits = model.frozen_parser(composite).numpy().astype("float64")
        labels = model.frozen_parser(truth).numpy().argmax(-1)
        shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        picked = np.take_along_axis(shares, labels[..., None], -1)
        expected["parsing"] = -np.log(picked).sum() / 2
    for key, value in expected.items():
        np.testing.assert_allclose(losses[key], value, rtol=1e-4, err_msg=key)

    reals = model.local_discriminator(truth[window]), model.global_discriminator(truth)
    for name, real, fake in zip(DISCRIMINATORS, reals, fakes, strict=True):
        ours = getattr(model, f"{name}_losses")(batch, outputs)["adversarial"]
        np.testing.assert_allclose(ours, (bce(real, 1) + bce(fake, 0)) / 2, rtol=1e-4)


def enlarge(model):
    """Weights so large that scores and gradients are well away from nothing."""
    for network in model.networks.values():
        for variable in network.trainable_variables:
            if variable.path.endswith("kernel"):
                fan_in = np.prod(variable.shape[:-1])
                values = np.random.default_rng(len(variable.path)).standard_normal(variable.shape)
                variable.assign(2 * values / np.sqrt(fan_in))


@pytest.mark.parametrize("variant", ["official", "paper"])
def test_where_gradients_flow(variant):
    """Local and parsing losses reach the output inside the hole only; the global one everywhere in
    the official code, inside the hole in the paper."""
    model = compiled(small_model("gfc", variant=variant, **TINY))
    enlarge(model)
    batch = random_batch(model)
    mask, known = batch["mask"], batch["image"] * (1 - batch["mask"])
    raw = tf.Variable(model.forward(batch)["generated"])
    with tf.GradientTape(persistent=True) as tape:
        losses = model.generator_losses(batch, {"generated": raw, "composite": known + raw * mask})
    inside = np.broadcast_to(mask.numpy() == 1, raw.shape)
    for key in ("local", "global", "parsing"):
        gradient = tape.gradient(losses[key], raw).numpy()
        assert np.abs(gradient[inside]).max() > 0, key
        everywhere = key == "global" and variant == "official"
        assert (np.abs(gradient[~inside]).max() > 0) == everywhere, key
    gradient = tape.gradient(losses["reconstruction"], raw).numpy()
    error = (raw - batch["image"]).numpy()
    expected = np.sign(error) if variant == "official" else 2 * error
    np.testing.assert_allclose(gradient, expected / 2, atol=1e-6)


def test_official_parser_drops_features_and_a_step_repeats_them():
    official, paper = (
        compiled(small_model("gfc", variant=variant, **TINY)) for variant in ("official", "paper")
    )
    batch = random_batch(official)
    outputs = official.forward(batch)

    def parsing(model):
        return float(model.generator_losses(batch, outputs)["parsing"])

    first = parsing(official)
    assert parsing(official) == first != parsing(paper)
    official.step.assign(1)
    assert parsing(official) != first
    paper_first = parsing(paper)
    paper.step.assign(1)
    assert parsing(paper) == paper_first


def test_weights_are_the_codes_and_the_papers():
    assert small_model("gfc", **TINY).loss_weights == {
        "generator": {"reconstruction": 1.0, "local": 300.0, "global": 300.0, "parsing": 0.05},
        "local_discriminator": {"adversarial": 1.0},
        "global_discriminator": {"adversarial": 1.0},
    }
    paper = small_model("gfc", variant="paper", **TINY)
    assert paper.loss_weights["generator"]["parsing"] == 0.005
    mine = {"generator": {"parsing": 0.5}}
    own = small_model("gfc", variant="paper", width=1 / 16, loss_weights=mine)
    assert own.loss_weights["generator"]["parsing"] == 0.5
    assert mine == {"generator": {"parsing": 0.5}}


@pytest.mark.parametrize(
    "recipe, generator, trained",
    [
        ("ablation_m1", {"reconstruction"}, set()),
        ("ablation_m2", {"reconstruction", "local"}, {"local_discriminator"}),
        ("ablation_m3", {"reconstruction", "local", "global"}, set(DISCRIMINATORS)),
    ],
)
def test_ablations_leave_out_losses_and_networks(recipe, generator, trained):
    weights = load_recipe(f"gfc/{recipe}")[0].model.arguments["loss_weights"]
    model = small_model(
        "gfc", width=1 / 16, loss_weights=weights, parser="does not exist"
    )  # nobody looks for the parser
    compiled(model)
    before = snapshot(model.variables)
    logs = model.train_step(training_batch(model))
    expected = {f"generator/{loss}" for loss in generator}
    losses = {name for name in logs if not name.endswith("/gradient_norm")}
    assert losses == expected | {f"{name}/adversarial" for name in trained}
    for name in DISCRIMINATORS:
        assert bool(changed(before, model.networks[name].variables)) == (name in trained)


def test_stages_follow_the_step():
    model = compiled(small_model("gfc", stages=[2, 4], **TINY))
    step = tf.function(model.train_step)
    begun = {"local": 2, "global": 4, "parsing": 4}
    for n in range(6):
        before = snapshot(model.variables)
        for tracker in model.metrics:
            tracker.reset_state()
        logs = step(training_batch(model, seed=n))
        assert float(logs["generator/reconstruction"]) > 0
        for loss, start in begun.items():
            assert (float(logs[f"generator/{loss}"]) > 0) == (n >= start), (loss, n)
        for name, start in zip(DISCRIMINATORS, (2, 4), strict=True):
            moved = changed(before, model.networks[name].variables)
            assert bool(moved) == (n >= start), (name, n)
            assert (float(logs[f"{name}/adversarial"]) > 0) == (n >= start), (name, n)
            # Adam's bias correction begins with the stage
            assert int(model.optimizers[name].iterations) == max(0, n + 1 - start)
        assert changed(before, model.generator.variables)


def test_a_step_trains_discriminators_and_generator_on_batches_of_their_own(model):
    calls = []
    forward = model.forward

    def recorded(batch):
        calls.append(batch["image"].numpy())
        return forward(batch)

    model.forward = recorded
    try:
        batch = training_batch(model)
        model.train_step(batch)
    finally:
        model.forward = forward
    assert model.batches_per_step == 2 and len(batch["image"]) == 4
    np.testing.assert_array_equal(calls[0], batch["image"][:2])
    np.testing.assert_array_equal(calls[1], batch["image"][2:])


def test_the_parser_is_neither_trained_nor_saved(model):
    frozen = snapshot(model.frozen_parser.network.variables)
    assert len(frozen) == 44
    model.train_step(training_batch(model))
    assert not changed(frozen, model.frozen_parser.network.variables)
    assert not any("parser" in key for key in model.state())
    assert not any("parser" in v.path for v in model.variables)


def test_smoke_weights_keep_the_balance_of_sums():
    smoke = load_recipe("gfc/smoke")[0].model.arguments
    full = load_recipe("gfc/gfc_synthfaces-128_2")[0].model.arguments
    share = (smoke["image_size"] / full["image_size"]) ** 2
    for loss in ("local", "global"):
        weights = [r["loss_weights"]["generator"][loss] for r in (smoke, full)]
        assert weights[0] == share * weights[1]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"variant": "papre"}, "variant is 'papre'; legal are official, paper"),
        ({"image_size": 100}, "image_size is 100; legal are multiples of 32"),
        ({"width": 0}, "width is 0"),
        ({"n_bottleneck": 0}, "n_bottleneck is 0; legal is 1 to 100000"),
        ({"stages": [5, 4]}, r"stages is \[5, 4\]"),
        ({"stages": [1]}, r"stages is \[1\]"),
        ({"stages": [0.5, 1]}, r"stages is \[0.5, 1\]"),
        ({"loss_weights": {"generator": {"locla": 1}}}, "Did you mean 'local'"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ZooError, match=message):
        zoo.create("gfc", **arguments)


def test_a_parser_that_is_not_there_is_refused_at_compile():
    model = small_model("gfc", parser="parsing_network_helen_128", **TINY)
    optimizers = {name: keras.optimizers.Adam() for name in model.default_loss_weights}
    with pytest.raises(ZooError, match="zoo convert parsing_network Model_parsing.caffemodel"):
        model.compile(optimizers)
