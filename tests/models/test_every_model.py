import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.config import AugmentationSection, load_recipe
from zoo.data.batches import Batches
from zoo.data.synthfaces import generate, open_dataset
from zoo.testing.suite import DeviceSuite, ModelSuite


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
@pytest.mark.parametrize("name", TestEveryModel.long_on_devices, scope="class")
class TestLongOnDevices(DeviceSuite):
    """Over a thousand updates and statistics of batch norm meet across the devices: tracing takes
    more than nine minutes on a busy core."""

    epsilon = 10.0  # losses are sums over pixels
    # Light CNN's features are maxima, and the loss is their absolute difference: its gradient jumps
    # where two differ by rounding.
    arguments = {"loss_weights": {"generator": {"identity": 0.0}}}
