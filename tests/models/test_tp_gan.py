import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import ZooError
from zoo.models.tp_gan import networks, patches
from zoo.models.tp_gan.model import TPGAN, _from_unit, _to_unit
from zoo.testing.suite import changed, compiled, random_batch, small_model, snapshot, training_batch
from zoo.training.adam import Adam

# a face at yaw 75 as cameras see it: eyes 12 pixels apart, the nose far to the right
PROFILE = np.array([[56, 40], [68, 40], [85, 66], [60, 88], [66, 89]], "float32")
FRONTAL = np.array([[43, 41], [86, 41], [64, 65], [47, 88], [82, 89]], "float32")


def trained(network) -> int:
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


def test_full_size_parameter_counts():
    model = zoo.create("tp_gan")
    generator = model.generator
    assert trained(generator.encoder) == 39_420_672
    assert trained(generator.decoder) == 49_197_818
    assert {name: trained(net) for name, net in generator.rotators.items()} == {
        "left_eye": 17_199_043,
        "right_eye": 17_200_771,
        "nose": 17_199_043,
        "mouth": 17_199_043,
    }
    assert trained(generator) == 157_416_390
    assert trained(model.identity_head) == 87_380
    assert trained(model.discriminator) == model.discriminator.count_params() == 13_357_441
    # as many tensors as the released code saves, and its 328 moving statistics less D's 16
    assert len(model.trainable_variables) == 696
    assert len(model.non_trainable_variables) - 1 == 328 - 16


class TestPatches:
    def test_places_by_the_published_geometry(self):
        """A picture whose pixels hold their own row and column."""
        rows, columns = np.mgrid[:128, :128]
        image = np.stack([rows, columns], -1)[None].astype("float32")
        parts = patches.cut(tf.constant(image), tf.constant(FRONTAL[None]), follow_nose=False)
        corners = {name: tuple(int(v) for v in part[0, 0, 0]) for name, part in parts.items()}
        assert corners == {
            "left_eye": (41 - 20, 43 - 20),
            "right_eye": (41 - 20, 86 - 20),
            "nose": (65 - 21, 64 - 19),
            "mouth": ((88 + 89) // 2 - 16, (47 + 82) // 2 - 24),
        }
        for name, (height, width) in patches.SIZES.items():
            top, left = corners[name]
            expected = image[0, top : top + height, left : left + width]
            np.testing.assert_array_equal(parts[name][0], expected)

    @pytest.mark.parametrize(
        "yaw, shift", [(0, 0), (15, 5), (30, 10), (45, 10), (60, 12), (75, 12), (90, 12)]
    )
    def test_the_noses_patch_follows_the_table_of_the_code(self, yaw, shift):
        eyes = 64.0
        nose = np.floor(eyes + 24 * np.sin(np.deg2rad(yaw)))
        points = np.array([[[60, 40], [68, 40], [nose, 65], [60, 88], [68, 88]]], "float32")
        image = np.broadcast_to(np.arange(128, dtype="float32")[:, None], (1, 128, 128, 1))
        part = patches.cut(tf.constant(image), tf.constant(points), follow_nose=True)["nose"]
        assert abs(int(nose) - 19 - int(part[0, 0, 0, 0]) - shift) <= 2
        # of a frontal face it stays
        part = patches.cut(tf.constant(image), tf.constant(points), follow_nose=False)["nose"]
        assert int(part[0, 0, 0, 0]) == int(nose) - 19

    def test_patches_at_the_border_are_moved_inside(self):
        image = tf.random.stateless_normal((1, 128, 128, 3), (0, 0))
        points = np.array([[[2, 3], [126, 127], [64, 5], [0, 127], [2, 127]]], "float32")
        parts = patches.cut(image, tf.constant(points), follow_nose=True)
        np.testing.assert_array_equal(parts["left_eye"], image[:, :40, :40])
        np.testing.assert_array_equal(parts["right_eye"], image[:, 88:, 88:])
        np.testing.assert_array_equal(parts["mouth"], image[:, 96:, :48])

    def test_left_looking_faces_are_mirrored_with_their_landmarks(self):
        rng = np.random.default_rng(0)
        image = rng.random((2, 128, 128, 3)).astype("float32")
        other = PROFILE[[1, 0, 2, 4, 3]] * [-1, 1] + [127, 0]
        points = np.stack([PROFILE, other]).astype("float32") + 0.25
        images, landmarks, mirrored = patches.turn_right(tf.constant(image), tf.constant(points))
        np.testing.assert_array_equal(mirrored, [False, True])
        np.testing.assert_array_equal(landmarks, [PROFILE, PROFILE])
        np.testing.assert_array_equal(images[0], image[0])
        np.testing.assert_array_equal(images[1], image[1][:, ::-1])

    def test_fusion_is_the_maximum_with_the_zeros_around(self):
        rng = np.random.default_rng(0)
        parts = {
            name: rng.normal(size=(2, *size, 3)).astype("float32")
            for name, size in patches.SIZES.items()
        }
        # spec: rows and columns that stay free below and to the right
        rest = {"left_eye": (68, 65), "right_eye": (68, 23), "nose": (48, 45), "mouth": (24, 40)}
        expected = np.full((2, 128, 128, 3), -np.inf, "float32")
        for name, part in parts.items():
            face = np.zeros_like(expected)
            bottom, right = (128 - side for side in rest[name])
            height, width = patches.SIZES[name]
            face[:, bottom - height : bottom, right - width : right] = part
            expected = np.maximum(expected, face)
        fused = patches.fuse({name: tf.constant(part) for name, part in parts.items()})
        np.testing.assert_array_equal(fused, expected)
        assert fused.numpy().min() == 0


class TestLayers:
    def test_stride_four_under_a_kernel_of_three_leaves_gaps(self):
        layer = networks.Convolution(5, 3, 4, transposed=True, norm=None, activation=None)
        x = tf.random.stateless_normal((2, 8, 8, 3), (1, 2))
        out = layer(x).numpy()
        layer.conv.bias.assign(tf.range(5.0))
        out = layer(x).numpy()
        kernel = layer.conv.kernel.numpy()
        expected = tf.nn.conv2d_transpose(x, kernel, (2, 32, 32, 5), 4, "SAME") + np.arange(5.0)
        np.testing.assert_allclose(out, expected, atol=1e-6)
        assert out.shape == (2, 32, 32, 5) and kernel.shape == (3, 3, 5, 3)
        for gap in (out[:, 3::4], out[:, :, 3::4]):
            np.testing.assert_array_equal(gap, np.broadcast_to(np.arange(5.0), gap.shape))
        assert (np.abs(out[:, 0::4, 0::4] - np.arange(5.0)) > 1e-6).any()

    @pytest.mark.parametrize("kernel, strides, before", [(3, 2, 0), (5, 2, 1), (2, 1, 0)])
    def test_odd_pixel_of_the_padding_is_at_the_end(self, kernel, strides, before):
        layer = networks.Convolution(1, kernel, strides, norm=None, activation=None)
        x = tf.random.stateless_normal((1, 8, 8, 2), (3, 4))
        out = layer(x).numpy()
        after = {(3, 2): 1, (5, 2): 2, (2, 1): 1}[kernel, strides]
        pads = (before, after)
        padded = np.pad(x.numpy(), ((0, 0), pads, pads, (0, 0)))
        expected = tf.nn.conv2d(padded, layer.conv.kernel.numpy(), strides, "VALID")
        np.testing.assert_allclose(out, expected, atol=1e-6)

    def test_code_is_the_larger_half_of_the_features(self):
        encoder = networks.Encoder(width=1 / 16)
        code, maps = encoder(tf.random.stateless_normal((2, 128, 128, 6), (5, 6)))
        features = encoder.feature(encoder.flatten(maps[-1])).numpy()
        np.testing.assert_array_equal(code, np.maximum(features[:, :16], features[:, 16:]))
        assert [m.shape[1] for m in maps] == [128, 64, 32, 16, 8]

    def test_the_right_eyes_network_sees_the_left_eye_too(self, pair):
        generator = pair[0].generator
        parts = {
            n: tf.random.stateless_normal((1, *s, 3), (7, 8)) for n, s in patches.SIZES.items()
        }
        other = {**parts, "left_eye": parts["left_eye"] + 1.0}
        (before, _), (after, _) = generator.rotate(parts), generator.rotate(other)
        same = {name: np.array_equal(before[name], after[name]) for name in parts}
        assert same == {"left_eye": False, "right_eye": False, "nose": True, "mouth": True}


class TestInference:
    def test_mirrored_input_gives_the_mirrored_output(self, pair):
        model = pair[0]
        image = random_batch(model)["image"]
        points = np.stack([PROFILE, PROFILE])
        out = model({"image": image, "landmarks": tf.constant(points)})
        other = (PROFILE[[1, 0, 2, 4, 3]] * [-1, 1] + [127, 0]).astype("float32")
        mirrored = model(
            {"image": image[:, :, ::-1], "landmarks": tf.constant(np.stack([other, other]))}
        )
        np.testing.assert_array_equal(mirrored[:, :, ::-1], out)

    def test_scales(self):
        image = np.float32([-1, 0, 1])
        np.testing.assert_allclose(_to_unit(image), [0, 127.5 / 256, 255 / 256])
        np.testing.assert_allclose(_from_unit(_to_unit(image)), image, atol=1e-6)

    def test_output_does_not_depend_on_the_rest_of_the_batch(self, pair):
        """Noise is zero and batch norm uses moving statistics: nothing random, nothing shared."""
        model = pair[0]
        batch = random_batch(model, 3)
        out = model(batch).numpy()
        alone = model({key: value[1:2] for key, value in batch.items()}).numpy()
        np.testing.assert_allclose(out[1:2], alone, atol=1e-5)
        np.testing.assert_array_equal(model(batch), out)


@pytest.fixture(scope="module")
def pair():
    """A model whose trainable weights no test may change, and a batch."""
    return eager_batch()


def eager_batch():
    """A compiled model and two training pairs, of which the second looks to the left."""
    model = compiled(small_model("tp_gan"))
    batch = training_batch(model)
    other = PROFILE[[1, 0, 2, 4, 3]] * [-1, 1] + [127, 0]
    batch["landmarks"] = tf.constant(np.stack([PROFILE, other]).astype("float32"))
    return model, batch


def test_losses_by_hand(pair):
    model, batch = pair
    outputs = model.forward(batch)
    truth = (batch["frontal"].numpy() + 1) / 2 * 255 / 256
    truth[1] = truth[1][:, ::-1]
    np.testing.assert_allclose(outputs["truth"], truth, atol=1e-6)
    image, half, quarter = (outputs[k].numpy() for k in ("image", "half", "quarter"))
    truth64 = truth.reshape(2, 64, 2, 64, 2, 3).mean((2, 4))  # bilinear at a factor of 2
    middle = truth.reshape(2, 32, 4, 32, 4, 3)[:, :, 1:3, :, 1:3]  # at 4: the middle four of 16
    truth32 = middle.mean((2, 4))

    def total(x):  # S: sum over rows and columns, mean over channels and batch
        return np.abs(x).sum((1, 2)).mean()

    def sides(x):
        width = x.shape[2] // 2
        return total(x[:, :, :width] - x[:, :, width:][:, :, ::-1])

    def edges(x):
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        around = sum(
            padded[:, 1 + i : 1 + i + x.shape[1], 1 + j : 1 + j + x.shape[2]]
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        )
        return np.concatenate([x, 9 * x - around], -1)

    def entropy(logits, label):
        p = 1 / (1 + np.exp(-logits.numpy()))
        return -(label * np.log(p) + (1 - label) * np.log(1 - p)).mean()

    logits = outputs["logits"].numpy()
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    (feature, last), (true_feature, true_last) = (
        [f.numpy() for f in model.identity_features(2 * x - 1)] for x in (image, truth)
    )
    expected = {
        "pixel": total(image - truth),
        "pixel_half": total(half - truth64),
        "pixel_quarter": total(quarter - truth32),
        "symmetry": sides(image.reshape(2, 64, 2, 64, 2, 3).mean((2, 4))),
        "symmetry_half": sides(edges(half)),
        "symmetry_quarter": sides(edges(quarter)),
        "identity": np.abs(feature - true_feature).mean() + total(last - true_last),
        "adversarial": entropy(model.discriminator(image), 0.9),
        "classification": -np.log(shares[np.arange(2), batch["identity"].numpy()]).mean(),
        "tv": (np.abs(np.diff(image, axis=1)).sum() + np.abs(np.diff(image, axis=2)).sum()) / 2,
    }
    losses = model.generator_losses(batch, outputs)
    assert set(losses) == set(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(losses[key], value, rtol=2e-4, err_msg=key)

    parts = sum(total(outputs["parts"][n] - outputs["true_parts"][n]) for n in patches.SIZES)
    local = model.local_losses(batch, outputs)["pixel"]
    np.testing.assert_allclose(local, parts, rtol=1e-4)
    real, fake = model.discriminator(truth), model.discriminator(image)
    judged = model.discriminator_losses(batch, outputs)["adversarial"]
    np.testing.assert_allclose(judged, entropy(real, 0.9) + entropy(fake, 0.0), rtol=1e-4)
    assert real.shape == (2, 4, 4, 1)


def test_weights_of_the_code_and_of_the_paper(pair):
    official = pair[0].loss_weights
    assert official == {
        "generator": {
            "pixel": 1.0,
            "pixel_half": 1.0,
            "pixel_quarter": 1.5,
            "symmetry": 0.3,
            "symmetry_half": 0.3,
            "symmetry_quarter": 0.45,
            "identity": 40.0,
            "adversarial": 20.0,
            "classification": 10.0,
            "tv": 0.001,
        },
        "local": {"pixel": 3.0},
        "discriminator": {"adversarial": 1.0},
    }
    paper = TPGAN(width=1 / 16, variant="paper", loss_weights={"generator": {"tv": 0.5}})
    changed_weights = {"identity": 3e-3, "adversarial": 1e-3, "classification": 1e-3, "tv": 0.5}
    assert paper.loss_weights["generator"] == {**official["generator"], **changed_weights}
    assert paper.updates_per_step == {"generator": 1, "local": 1}
    assert pair[0].updates_per_step == {"generator": 2, "local": 2}


def test_the_papers_losses_are_means_over_pixels(pair, monkeypatch):
    model, batch = pair
    outputs = model.forward(batch)
    official = model.generator_losses(batch, outputs)
    monkeypatch.setattr(model, "variant", "paper")
    paper = model.generator_losses(batch, outputs)
    pixels = {
        "pixel": 128**2,
        "pixel_half": 64**2,
        "pixel_quarter": 32**2,
        "symmetry": 64 * 32,
        "symmetry_half": 64 * 32,
        "symmetry_quarter": 32 * 16,
        "tv": 128**2,
        "adversarial": 1,
        "classification": 1,
    }
    for key, count in pixels.items():
        np.testing.assert_allclose(official[key], paper[key] * count, rtol=1e-5, err_msg=key)
    assert paper["identity"] < official["identity"]


def test_each_group_moves_its_own_variables():
    model, batch = eager_batch()
    rotators = {v.path for r in model.generator.rotators.values() for v in r.trainable_variables}
    everything = {v.path for v in model.generator.trainable_variables}
    head = {v.path for v in model.identity_head.trainable_variables}
    judge = {v.path for v in model.discriminator.trainable_variables}
    expected = {"local": rotators, "generator": everything | head, "discriminator": judge}
    for group, wanted in expected.items():
        before = snapshot(model.trainable_variables)
        with tf.GradientTape() as tape:
            outputs = model.forward(batch)
            losses = getattr(model, f"{group}_losses")(batch, outputs)
            objective = model.objective(group, losses)
        model.update(group, tape, objective)
        assert changed(before, model.trainable_variables) == wanted, group
    assert len(rotators) == 4 * 104


def test_local_pathway_alone_is_that_of_the_whole(pair):
    model, batch = pair
    local, whole = model.forward_local(batch), model.forward(batch)
    for name in patches.SIZES:
        np.testing.assert_allclose(local["parts"][name], whole["parts"][name], atol=1e-5)
        np.testing.assert_array_equal(local["true_parts"][name], whole["true_parts"][name])


def test_random_draws_differ_between_rounds_and_repeat(pair):
    model, batch = pair
    one, same, two = (model.forward(batch, draw)["image"].numpy() for draw in (1, 1, 2))
    np.testing.assert_allclose(one, same, atol=1e-6)
    assert np.abs(one - two).max() > 1e-5


def test_loops_of_one_and_of_several_replicas_do_the_same():
    """The round in a graph's loop against the rounds that replicas run one after the other."""
    looped, batch = eager_batch()
    unrolled, _ = eager_batch()
    looped.train_step(batch)
    outputs = unrolled.forward(batch)
    with tf.GradientTape() as tape:
        losses = unrolled.discriminator_losses(batch, outputs)
        objective = unrolled.objective("discriminator", losses)
    unrolled.update("discriminator", tape, objective)
    for number in (1, 2):
        unrolled._round(batch, number)
    for ours, theirs in zip(looped.variables, unrolled.variables, strict=True):
        if ours.path != "step":
            np.testing.assert_allclose(ours, theirs, atol=2e-3, err_msg=ours.path)


def test_losses_of_weight_zero_are_not_computed():
    off = {
        "generator": {"identity": 0, "adversarial": 0, "classification": 0},
        "discriminator": {"adversarial": 0},
        "local": {"pixel": 0},
    }
    model = compiled(small_model("tp_gan", loss_weights=off, identity_network="does not exist"))
    batch = training_batch(model)
    before = snapshot([*model.discriminator.variables, *model.identity_head.variables])
    logs = model.train_step(batch)
    assert {key for key in logs if not key.startswith("generator/")} == set()
    assert not changed(before, [*model.discriminator.variables, *model.identity_head.variables])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 64}, "image_size is 64; legal is 128"),
        ({"variant": "offical"}, "variant is 'offical'; legal are official, paper"),
        ({"width": 0.0}, "width is 0"),
        ({"identities": 1}, "identities is 1"),
        ({"loss_weights": {"local": {"pixl": 1.0}}}, "Did you mean 'pixel'"),
        ({"variant": "paper", "loss_weights": {"locale": {}}}, "Did you mean 'local'"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ZooError, match=message):
        zoo.create("tp_gan", **arguments)


def test_a_missing_identity_network_is_named_with_the_way_out():
    model = small_model("tp_gan", identity_network="light_cnn_29_msceleb_128")
    with pytest.raises(ZooError, match="identity network 'light_cnn_29_msceleb_128'.*not shipped"):
        model.compile({n: Adam() for n in model.default_loss_weights})
