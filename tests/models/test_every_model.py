import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.config import AugmentationSection, load_recipe
from zoo.data.batches import Batches
from zoo.data.synthfaces import generate, open_dataset
from zoo.testing.suite import ModelSuite, devices_step, trainable, training_batch


@pytest.fixture(scope="session")
def synthfaces_batch(tmp_path_factory):
    """Function of a model: a batch as its smoke recipe makes them, of four synthetic faces."""
    root = tmp_path_factory.mktemp("synthfaces")

    def batch(model):
        recipe, _ = load_recipe(f"{model.zoo_name}/smoke")
        size, poses = model.default_size, recipe.data.poses
        directory = root / f"{poses}-{size}"
        if not directory.exists():
            generate(directory, count=4, size=size, views_per_identity=2, poses=poses, workers=1)
        faces = open_dataset(directory)
        names = getattr(model, "attribute_names", ())
        batches = Batches(
            faces,
            np.arange(len(faces)),
            recipe.training.batch_size,
            0,
            {k: model.key_shape(k)[1:] for k in (*model.input_keys, *model.training_keys)},
            mask_settings=recipe.masks,
            hint_settings=recipe.hints,
            augmentation=AugmentationSection(flip=0),
            attribute_columns=[faces.attribute_names.index(name) for name in names],
            joined=model.batches_per_step,
        )
        return {key: tf.constant(value) for key, value in batches(0).items()}

    return batch


@pytest.mark.parametrize("name", zoo.list_models(), scope="class")
class TestEveryModel(ModelSuite):
    long_on_devices = ("tp_gan",)
    float16_steps = {"light_cnn": 8}  # its first kernels are for faces, which are smoother
    learning_rates = {"gfc": 5e-4}  # deep and without normalisation; its recipe has 1e-4

    @pytest.fixture
    def batch_to_learn(self, synthfaces_batch):
        return synthfaces_batch


@pytest.mark.full_size
def test_tp_gan_on_two_devices():
    """Gradients of one step. Tracing it takes a quarter of an hour, so it is not traced.

    The losses are sums over pixels of differences, maxima and rectified maps: a value that rounding
    moves over a kink moves gradients. By how much, pictures tell that are moved by a millionth.
    """
    model = trainable("tp_gan")
    twin, step = devices_step("tp_gan", eager=True)
    for gan in (model, twin):  # or the second round would begin at weights that rounding has moved
        for name in ("generator", "local"):
            gan.optimizers[name].learning_rate = 0.0
    start = {key: variable.numpy() for key, variable in model.state().items()}
    traced = tf.function(model.train_step)

    def after_a_step(batch):
        for key, variable in model.state().items():
            variable.assign(start[key])
        for tracker in model.metrics:
            tracker.reset_state()
        logs = {key: float(value) for key, value in traced(batch).items()}
        return {key: variable.numpy() for key, variable in model.state().items()}, logs

    batch = training_batch(model, seed=0)
    moved = {k: v + 1e-6 if k in ("image", "frontal") else v for k, v in batch.items()}
    (expected, logs), (nudged, _) = after_a_step(batch), after_a_step(moved)
    assert step(batch) == pytest.approx(logs, rel=1e-3)

    def distance(a, b):
        return np.linalg.norm(a.astype("float64") - b)

    noise = {}
    for key, variable in twin.state().items():
        change, rounding = distance(start[key], expected[key]), distance(nudged[key], expected[key])
        if change:
            noise[key] = rounding / change
        if noise.get(key, 0) < 0.1:  # the others, such as biases before batch norm, are all noise
            allowed = 10 * rounding + 1e-5 * np.linalg.norm(expected[key])
            assert distance(variable.numpy(), expected[key]) <= allowed, key
    values = np.array(list(noise.values()))
    assert np.median(values) < 0.01 and np.mean(values < 0.1) > 0.6  # what is wrong would show
