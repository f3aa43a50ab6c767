import re
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.attributes import with_changes
from zoo.config import load_recipe
from zoo.data.synthfaces.names import TOGGLED_ATTRIBUTES
from zoo.errors import ZooError
from zoo.losses import adversarial
from zoo.testing.suite import (
    changed,
    compiled,
    random_batch,
    small_model,
    snapshot,
    train,
    training_batch,
)


def count(network):
    """Trainable values, other values."""
    values = [sum(int(np.prod(v.shape)) for v in network.trainable_variables)]
    return values[0], network.count_params() - values[0]


def test_full_size_parameter_counts():
    model = zoo.create("stgan")
    generator = model.generator
    assert count(generator) == (74_998_771, 7_808)
    assert count(generator.encoder) == (11_148_160, 3_968)
    assert [count(u)[0] for u in generator.units] == [22_652_928, 5_690_368, 1_436_160, 365_824]
    assert count(generator.decoder) == (33_705_331, 3_840)
    assert count(model.discriminator) == (44_718_990, 0)
    assert [len(n.trainable_variables) for n in (generator, model.discriminator)] == [61, 23]
    assert len(generator.non_trainable_variables) == 18
    assert model.attribute_names == TOGGLED_ATTRIBUTES  # what the data can force are the paper's
    assert (model.default_size, model.pad_multiple) == (128, 32)


def test_parameter_counts_at_384():
    model = zoo.create("stgan", image_size=384, dim=48, dense_units=512)
    generator = model.generator
    parts = (generator.encoder, generator.decoder)
    assert [count(part)[0] for part in parts] == [6_272_160, 20_069_811]
    assert sum(count(u)[0] for u in generator.units) == 25_698_048
    assert count(generator)[0] == 52_040_019
    assert count(model.discriminator)[0] == 119_526_574


@pytest.mark.parametrize(
    "arguments, total",
    [
        ({"attribute_names": ["summer", "winter"]}, 74_491_363),
        ({"attribute_names": ["winter"]}, 74_445_235),
        ({"use_stu": False, "inject_layers": 1}, 44_772_995),  # AttGAN-UNet
        ({"use_stu": False, "inject_layers": 1, "shortcut_layers": 0}, 39_264_899),
    ],
)
def test_parameter_counts_of_variants(arguments, total):
    assert count(zoo.create("stgan", **arguments).generator)[0] == total


def test_reconstruction_is_an_edit_by_zero():
    model = small_model("stgan")
    batch = training_batch(model)
    source = batch["attributes"]
    edit = model.condition(batch, batch["target_attributes"])
    np.testing.assert_array_equal(edit, batch["target_attributes"] - source)
    same = model({**batch, "target_attributes": source})
    np.testing.assert_array_equal(model.condition(batch, source), np.zeros(source.shape))
    other = {**batch, "attributes": 1 - source, "target_attributes": 1 - source}
    np.testing.assert_array_equal(model(other), same)  # only the difference counts


def test_intensity_of_the_published_results():
    """`test_int` 2: labels of -0.5 and 0.5, the toggled one doubled, is a difference of 1.5."""
    model = small_model("stgan")
    names = list(model.attribute_names)
    source = np.zeros(13, "float32")
    source[names.index("Young")] = 1
    for name, label in (("Eyeglasses", 1.5), ("Young", -0.5)):
        target = with_changes(source, names, {name: label})
        batch = {"attributes": tf.constant(source[None])}
        difference = model.condition(batch, tf.constant(target[None])).numpy()[0]
        official = (2 * (1 - source) - 1) * 0.5 * 2 - (2 * source - 1) * 0.5  # all toggled
        column = names.index(name)
        assert difference[column] == official[column] and abs(difference[column]) == 1.5
        assert np.count_nonzero(difference) == 1


def test_target_vector_in_place_of_the_difference():
    model = small_model("stgan", attribute_input="target")
    assert model.input_keys == ("image", "target_attributes")
    batch = training_batch(model)
    signed = model.condition(batch, batch["target_attributes"]).numpy()
    assert set(np.unique(signed)) == {-0.5, 0.5}
    outputs = model.forward(batch)  # a reconstruction has the source's attributes as target
    swapped = {**batch, "target_attributes": batch["attributes"]}
    np.testing.assert_array_equal(model.forward(swapped)["edited"], outputs["reconstructed"])


@pytest.mark.parametrize(
    "arguments",
    [
        {"stu_state": "gru", "stu_norm": "bn"},
        {"stu_state": "direct", "stu_norm": "in"},
        {"multi_inputs": 3, "one_more_conv": 1},
        {"shortcut_layers": 1, "inject_layers": 0, "one_more_conv": 3},
        {"stu_inject_layers": 0},
        {"use_stu": False, "gan_loss": "lsgan"},
    ],
)
def test_every_weight_of_a_variant_gets_gradient(arguments):
    model = small_model("stgan", image_size=64, **arguments)
    twin = zoo.create("stgan", **{k: v for k, v in model.get_config().items() if k != "name"})
    assert [v.path for v in twin.variables] == [v.path for v in model.variables]
    batch = random_batch(model, 2)
    with tf.GradientTape() as tape:
        losses = model.generator_losses(batch, model.forward(batch))
        total = tf.add_n(list(losses.values()))
    for variable, gradient in zip(
        model.generator.trainable_variables,
        tape.gradient(total, model.generator.trainable_variables),
        strict=True,
    ):
        assert np.abs(gradient).max() > 0, variable.path


def test_every_ablation_of_the_readme_is_a_change_of_the_recipe():
    readme = resources.files("zoo.models.stgan").joinpath("README.md").read_text()
    table = readme.split("## Ablations")[1].split("|---|---|---|\n")[1].split("\n\n")[0]
    cells = [row.split("|")[2] for row in table.splitlines()]
    changes = [change for cell in cells for change in re.findall("`(.+?)`", cell)]
    assert len(changes) == 12
    plain = small_model("stgan").get_config()
    for change in changes:
        recipe, _ = load_recipe("stgan/smoke", [f"model.arguments.{change}"])
        config = zoo.create("stgan", **recipe.model.arguments).get_config()
        differing = {key for key in config if config[key] != plain[key]}
        assert differing - {"penalty_points"} == {change.split("=")[0]}


@pytest.mark.parametrize("joined", [0, 1, 4])
def test_units_after_which_the_attributes_join_again(joined):
    """The innermost unit, of level 4, always sees them."""
    units = zoo.create("stgan", width=1 / 16, stu_inject_layers=joined).generator.units
    assert [unit.name for unit in units] == ["stu4", "stu3", "stu2", "stu1"]
    seen = [unit.enlarge.kernel.shape[-1] for unit in units]
    states = (64, 32, 16, 8)
    assert seen == [s + 13 * (i <= joined) for i, s in enumerate(states)]


@pytest.mark.parametrize("gan_loss", ["lsgan", "dcgan", "hinge_v1"])
def test_other_objectives(gan_loss):
    """Their penalty sees real images only, unlike that of the Wasserstein mode."""
    model = compiled(small_model("stgan", gan_loss=gan_loss))
    assert model.penalty_points == "dragan" and not model.balanced
    batch = training_batch(model)
    outputs = model.forward(batch)
    real, fake = (model.discriminator(x)[0] for x in (batch["image"], outputs["edited"]))
    ours = adversarial.OBJECTIVES[gan_loss]
    losses = model.generator_losses(batch, outputs)
    np.testing.assert_allclose(losses["adversarial"], ours.generator(fake), rtol=1e-5)
    losses = model.discriminator_losses(batch, outputs)
    np.testing.assert_allclose(losses["adversarial"], ours.discriminator(real, fake), rtol=1e-5)
    elsewhere = model.discriminator_losses(batch, {**outputs, "edited": -outputs["edited"]})
    assert elsewhere["gradient_penalty"] == losses["gradient_penalty"]


def test_losses_by_hand():
    model = compiled(small_model("stgan"))
    batch = training_batch(model)
    outputs = model.forward(batch)
    losses = model.generator_losses(batch, outputs)
    scores, logits = (x.numpy() for x in model.discriminator(outputs["edited"]))

    def cross_entropy(labels, logits):
        p = 1 / (1 + np.exp(-logits))
        return -(labels * np.log(p) + (1 - labels) * np.log(1 - p)).mean()

    target, source = batch["target_attributes"].numpy(), batch["attributes"].numpy()
    np.testing.assert_allclose(losses["adversarial"], -scores.mean(), rtol=1e-5)
    np.testing.assert_allclose(losses["attributes"], cross_entropy(target, logits), rtol=1e-5)
    error = np.abs(batch["image"] - outputs["reconstructed"]).mean()
    np.testing.assert_allclose(losses["reconstruction"], error, rtol=1e-5)

    losses = model.discriminator_losses(batch, outputs)
    real, logits = (x.numpy() for x in model.discriminator(batch["image"]))
    np.testing.assert_allclose(losses["adversarial"], scores.mean() - real.mean(), rtol=1e-4)
    np.testing.assert_allclose(losses["attributes"], cross_entropy(source, logits), rtol=1e-5)
    again = model.discriminator_losses(batch, {**outputs, "update": 1})
    assert again["gradient_penalty"] != losses["gradient_penalty"]  # other points in between
    assert model.loss_weights == {
        "generator": {"adversarial": 1.0, "attributes": 10.0, "reconstruction": 100.0},
        "discriminator": {"adversarial": 1.0, "gradient_penalty": 10.0, "attributes": 1.0},
    }


@pytest.mark.parametrize("arguments, updates", [({}, 5), ({"critic_updates": 2}, 2)])
def test_a_step_is_several_updates_of_d_and_one_of_g_each_on_its_own_batch(arguments, updates):
    model = compiled(small_model("stgan", **arguments))
    batch = training_batch(model, 2)
    seen = []
    model._critic_step = lambda part, number: seen.append((part["image"].numpy(), int(number)))
    before = snapshot(model.discriminator.variables)
    generator = snapshot(model.generator.trainable_variables)
    model.train_step(batch)
    assert [number for _, number in seen] == list(range(updates))
    images = np.concatenate([x for x, _ in seen])
    np.testing.assert_array_equal(images, batch["image"][: 2 * updates])
    assert len(batch["image"]) == 2 * updates + 2
    assert not changed(before, model.discriminator.variables)  # G's update leaves D alone
    assert changed(generator, model.generator.trainable_variables) == set(generator)
    model = compiled(small_model("stgan", **arguments))
    train(model, 1)
    iterations = {name: int(o.iterations) for name, o in model.optimizers.items()}
    assert iterations == {"generator": 1, "discriminator": updates}
    assert model.updates_per_step == {"discriminator": updates}


def test_critic_updates_leave_the_generators_weights_but_move_its_statistics():
    model = compiled(small_model("stgan"))
    part = {key: value[:2] for key, value in training_batch(model).items()}
    before = snapshot(model.generator.variables)
    model.critic_step(part, tf.constant(0, "int64"))
    moved = changed(before, model.generator.variables)
    assert moved == {v.path for v in model.generator.non_trainable_variables}


TWO_REPLICAS = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from zoo.testing.suite import compiled, small_model, training_batch
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    model = compiled(small_model("stgan"))
batch = training_batch(model, 4)
data = tf.data.Dataset.from_tensors(batch).unbatch().batch(24, drop_remainder=True).repeat()
model.fit(data, steps_per_epoch=2, verbose=0)
for variable in (model.step, model.optimizers["discriminator"].iterations):
    print(int(variable.value.read_value()))
"""


def test_trains_on_two_replicas():
    """Replicas cannot meet inside the function that one device traces once for all D updates."""
    done = subprocess.run(
        [sys.executable, "-c", TWO_REPLICAS], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["2", "10"]


def test_any_multiple_of_the_depth_is_edited():
    model = small_model("stgan")  # 32 pixels, depth 3
    image = tf.zeros((1, 40, 24, 3))
    vector = tf.zeros((1, 13))
    batch = {"image": image, "attributes": vector, "target_attributes": vector}
    assert model(batch).shape == (1, 40, 24, 3)
    with pytest.raises(ZooError, match="multiples of 8"):
        model({**batch, "image": image[:, :36]})


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 100}, "image_size is 100; legal are multiples of 16"),
        ({"width": 0}, "width is 0"),
        ({"depth": 9}, "depth is 9; legal is 2 to 7"),
        ({"dim": 0}, "dim is 0"),
        ({"critic_updates": 0}, "critic_updates is 0; legal is at least 1"),
        ({"stu_dim": 0}, "stu_dim is 0"),
        ({"stu_state": "lstm"}, "stu_state is 'lstm'; legal are stu, gru, direct"),
        ({"stu_inject_layers": 5}, "stu_inject_layers is 5; legal is 0 to 4"),
        ({"gan_loss": "wgan-gp"}, "gan_loss is 'wgan-gp'.*Did you mean 'wgan'"),
        ({"penalty_points": "lines"}, "penalty_points is 'lines'.*Did you mean 'line'"),
        ({"stu_norm": "ln"}, "stu_norm is 'ln'; legal are none, bn, in"),
        ({"attribute_input": "both"}, "attribute_input is 'both'; legal are difference, target"),
        ({"one_more_conv": 2}, "one_more_conv is 2; legal are 0, 1, 3"),
        ({"shortcut_layers": 5}, "shortcut_layers is 5; legal is 0 to 4"),
        ({"inject_layers": -1}, "inject_layers is -1; legal is 0 to 4"),
        ({"multi_inputs": 6}, "multi_inputs is 6; legal is 1 to 5"),
        ({"attribute_names": []}, "attribute_names are empty"),
        ({"attribute_names": ["Bald", "Bald"]}, "attribute_names are Bald, Bald"),
        ({"loss_weights": {"generator": {"reconstrution": 1}}}, "Did you mean 'reconstruction'"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ZooError, match=message):
        zoo.create("stgan", **arguments)
