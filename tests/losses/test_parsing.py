import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import ZooError
from zoo.losses.parsing import FrozenParser, label_disagreement
from zoo.testing.suite import small_model


def test_label_disagreement_by_hand():
    rng = np.random.default_rng(0)
    logits, truth = rng.standard_normal((2, 3, 5, 4, 11)).astype("float32")
    total = 0.0
    for place in np.ndindex(3, 5, 4):
        label = truth[place].argmax()
        total -= np.log(np.exp(logits[place][label]) / np.exp(logits[place]).sum())
    np.testing.assert_allclose(label_disagreement(logits, truth), total / 3, rtol=1e-5)


def test_no_gradient_reaches_the_truth():
    both = tf.Variable(np.random.default_rng(0).standard_normal((1, 2, 2, 11)).astype("float32"))
    with tf.GradientTape() as tape:
        loss = label_disagreement(tf.stop_gradient(both), both)
    assert tape.gradient(loss, both) is None


def test_random_parser_is_the_same_every_time_and_leaves_other_seeds_alone():
    image = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    keras.utils.set_random_seed(1)
    first = FrozenParser("random")
    keras.utils.set_random_seed(2)
    second = FrozenParser("random")
    np.testing.assert_array_equal(first(image), second(image))
    assert not first.network.trainable_variables
    assert len(np.unique(np.argmax(first(image), -1))) > 1  # it tells regions apart
    assert np.abs(first(image, tf.constant([0, 1])) - first(image)).max() > 0


def test_a_preset_and_what_is_none(tmp_path):
    model = small_model("parsing_network")
    model.save_preset(tmp_path / "parser")
    image = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    frozen = FrozenParser(str(tmp_path / "parser"))
    np.testing.assert_array_equal(frozen(image), model({"image": image}))
    assert not frozen.network.trainable_variables
    small_model("sc_fegan").save_preset(tmp_path / "other")
    with pytest.raises(ZooError, match="is a preset of sc_fegan; legal are presets of parsing_net"):
        FrozenParser(str(tmp_path / "other"))
    with pytest.raises(ZooError, match="no preset or directory 'nowhere'"):
        FrozenParser("nowhere")
