import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import ZooError
from zoo.evaluation import retrieval
from zoo.testing.suite import compiled, small_model, train, training_batch


def small(**arguments):
    return small_model("context_encoder_features", **arguments)


def test_full_size_sizes_and_counts():
    model = zoo.create("context_encoder_features")
    assert model.decoder.channelwise.kernel.shape == (256, 36, 36)  # 331,776 weights
    convolutions = [(11, 3, 96), (5, 96, 256), (3, 256, 384), (3, 384, 384), (3, 384, 256)]
    alexnet = sum(k * k * i * o + o for k, i, o in convolutions)
    assert model.encoder.count_params() == alexnet == 3_747_200
    up = [(256, 128), (128, 64), (64, 64), (64, 32), (32, 3)]
    decoder = 256 * 36 * 37 + 256 * 257 + sum(25 * i * o + o for i, o in up)
    assert model.decoder.count_params() == decoder
    x = model.encoder(np.zeros((1, 227, 227, 3), "f4"))
    assert x.shape == (1, 6, 6, 256)
    x, sides = model.decoder.bottleneck(x), []
    for layer in model.decoder.up:
        x = layer(x)
        sides.append(tuple(x.shape[2:]))
    assert sides == [(11, 128), (21, 64), (41, 64), (81, 32), (161, 3)]


def test_pool_free():
    pooled, free = small(image_size=67), small(image_size=67, downsampling="convolution")
    image = np.zeros((1, 67, 67, 3), "f4")
    assert pooled.encoder(image).shape[1:3] == free.encoder(image).shape[1:3] == (1, 1)
    channels = [pooled.encoder.get_layer(f"conv{i}").filters for i in (1, 2, 5)]
    more = sum(9 * c * c + c for c in channels)
    assert free.encoder.count_params() == pooled.encoder.count_params() + more


def test_the_loss_counts_the_hole_only():
    model = compiled(small())
    batch = training_batch(model)
    outputs = model.forward(batch)
    hole = batch["mask"].numpy()[..., 0] > 0
    error = (outputs["generated"].numpy() - batch["image"].numpy())[hole] ** 2
    loss = model.generator_losses(batch, outputs)["reconstruction"]
    np.testing.assert_allclose(loss, error.mean(), rtol=1e-5)
    outside = batch["image"] + (1 - batch["mask"])
    np.testing.assert_allclose(
        model.generator_losses({**batch, "image": outside}, outputs)["reconstruction"], loss
    )
    none = {**batch, "mask": tf.zeros_like(batch["mask"])}
    assert float(model.generator_losses(none, outputs)["reconstruction"]) == 0


def test_the_hole_is_not_seen_and_has_the_mean_colour():
    model = small()
    batch = training_batch(model)
    grey = tf.constant([123, 117, 104], "float32") / 127.5 - 1
    mask = batch["mask"]
    painted = {**batch, "image": batch["image"] * (1 - mask) + mask * grey, "mask": mask * 0}
    np.testing.assert_allclose(
        model.forward(batch)["generated"], model.forward(painted)["generated"], atol=1e-6
    )


def test_features_are_those_of_the_call():
    model = small()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (35, 100, 100, 3), dtype=np.uint8)  # more than one chunk
    features = model.features(images)
    expected = model({"image": images.astype("f4") / 127.5 - 1})
    np.testing.assert_allclose(features, expected, atol=1e-5)
    pool5 = model.encoder(images.astype("f4") / 127.5 - 1).numpy()
    assert features.shape == (35, pool5[0].size) and pool5.shape[1:3] == (2, 2)
    np.testing.assert_allclose(features, pool5.reshape(35, -1), atol=1e-5)
    bottleneck = model.features(images, "bottleneck")
    assert bottleneck.shape == features.shape and np.abs(bottleneck - features).max() > 1e-3
    large = [np.repeat(np.repeat(image, 2, 0), 2, 1) for image in images[:2]]
    np.testing.assert_allclose(model.features(large), features[:2], atol=1e-5)


def test_bottleneck_sees_the_whole_image():
    """A change in one corner reaches the opposite corner's bottleneck, not its pool5."""
    model = small(image_size=227)
    images = np.full((2, 227, 227, 3), 128, np.uint8)
    images[1, :12, :12] = 255
    for layer, reaches in (("pool5", False), ("bottleneck", True)):
        features = model.features(images, layer).reshape(2, 6, 6, -1)
        assert np.any(features[0, -1, -1] != features[1, -1, -1]) == reaches
        assert np.any(features[0, 0, 0] != features[1, 0, 0])


def test_retrieval_of_mirrored_and_brighter_twins():
    model = small()
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 200, (8, 5, 5, 3))
    images = np.kron(coarse, np.ones((1, 20, 20, 1), int)).astype(np.uint8)
    indices, cosines = retrieval.nearest(model.features(images + 9), model.features(images))
    assert indices[:, 0].tolist() == list(range(8)) and cosines.min() > 0.95


def test_one_optimizer_moves_both_networks():
    model = compiled(small())
    assert len(model.optimized("generator")) == len(model.trainable_variables)
    assert set(train(model, 1)[0]) == {"generator/reconstruction"}


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 66}, "image_size is 66; legal is 67 to 512"),
        ({"downsampling": "none"}, "downsampling is 'none'; legal are pool, convolution"),
        ({"width": 9.0}, "width is 9.0"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ZooError, match=message):
        zoo.create("context_encoder_features", **arguments)


def test_refused_pictures():
    model = small()
    with pytest.raises(ZooError, match="layer is 'fc7'"):
        model.features(np.zeros((1, 9, 9, 3), np.uint8), "fc7")
    with pytest.raises(ZooError, match="images is empty"):
        model.features([])
    with pytest.raises(ZooError, match="uint8 RGB; received float64"):
        model.features(np.zeros((1, 9, 9, 3)))
