"""Training batches of completion models, on a few small faces held in memory."""

import numpy as np
import pytest

from zoo.config import AugmentationSection, HintSection, MaskSection
from zoo.data.augmentation import augment
from zoo.data.batches import Batches, split, split_identities
from zoo.errors import ZooError
from zoo.masks import free_form

SIZE = 32
EYES = ((9, 12), (17, 14))  # pixels x, y: not symmetric about the middle
POINTS = np.float32([*EYES, (13, 17), (10, 22), (16, 23)]) + 0.5  # pixel centres are at .5
CHANNELS = {"image": 3, "mask": 1, "sketch": 1, "color": 3, "noise": 1}


def face(index):
    """A face as SynthFaces gives it; the red channel of the picture tells its index."""
    rng = np.random.default_rng(index)
    image = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    image[..., 0] = index
    color = np.zeros_like(image)
    color[4:28, 6:20] = (10 + index, 200, 30)
    parsing = np.zeros((SIZE, SIZE), np.uint8)
    parsing[:4, 20:] = 10  # hair
    return {
        "image": image,
        "sketch": (rng.random((SIZE, SIZE)) < 0.1).astype(np.uint8),
        "color": color,
        "parsing": parsing,
        "landmarks": POINTS,
        "attributes": np.array([index % 2, 1, 0], np.uint8),
        "yaw": np.float32(index),
        "identity": np.int64(index // 2),
    }


@pytest.fixture(scope="module")
def faces():
    return [face(index) for index in range(11)]


def batches(faces, indices=range(11), batch_size=3, seed=5, flip=0.5, keys=None, **settings):
    hints = {name: settings.pop(name) for name in HintSection.model_fields if name in settings}
    shared = {key: settings.pop(key) for key in ("joined", "worker", "workers") if key in settings}
    keys = keys or {key: (SIZE, SIZE, c) for key, c in CHANNELS.items()}
    return Batches(
        *(faces, indices, batch_size, seed, keys),
        mask_settings=MaskSection(**settings),
        hint_settings=HintSection(**hints),
        augmentation=AugmentationSection(flip=flip),
        **shared,
    )


def indices(batch):
    return np.rint((batch["image"][:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


def assert_equal(batch, other):
    assert list(batch) == list(other)
    for key in batch:
        np.testing.assert_array_equal(batch[key], other[key], err_msg=key)


# A pure function of (seed, n).


def test_a_batch_depends_on_seed_and_number_only(faces):
    first, second = batches(faces), batches(faces)
    forward = {n: first(n) for n in range(6)}
    for n in (4, 0, 5, 4, 1):
        assert_equal(second(n), forward[n])
    for n in range(1, 6):
        assert (forward[n]["mask"] != forward[0]["mask"]).any()
        assert (forward[n]["noise"] != forward[0]["noise"]).any()
    other = batches(faces, seed=6)(0)
    assert (other["mask"] != forward[0]["mask"]).any()
    assert (other["noise"] != forward[0]["noise"]).any()


def test_the_batch_size_only_groups_the_examples(faces):
    small, large = batches(faces, batch_size=2), batches(faces, batch_size=6)
    parts = [small(n) for n in range(3)]
    together = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    assert_equal(large(0), together)


def test_every_example_once_before_any_twice(faces):
    stream = batches(faces, indices=[1, 2, 4, 7, 9], batch_size=2)
    drawn = sum((indices(stream(n)) for n in range(15)), [])
    epochs = [drawn[start : start + 5] for start in range(0, 30, 5)]
    assert all(sorted(epoch) == [1, 2, 4, 7, 9] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1, "every epoch has an order of its own"


@pytest.mark.parametrize("workers, joined, options", [
    (2, 1, {}), (3, 2, {"kind": "brush", "same_in_batch": 1}), (6, 1, {}),
])  # fmt: skip
def test_workers_make_their_rows_of_the_one_batch(faces, workers, joined, options):
    """Side by side, the parts of all workers are what one worker makes, target attributes too."""
    keys = {key: (SIZE, SIZE, c) for key, c in CHANNELS.items()}
    keys |= {"attributes": (3,), "target_attributes": (3,), "identity": ()}
    settings = {"batch_size": 6, "keys": keys, "joined": joined, **options}
    whole = batches(faces, **settings)(1)
    parts = [batches(faces, worker=n, workers=workers, **settings)(1) for n in range(workers)]
    share = 6 // workers
    for key, value in whole.items():
        rows = np.stack([part[key] for part in parts])  # (workers, joined * share, ...)
        rows = rows.reshape(workers, joined, share, *value.shape[1:]).swapaxes(0, 1)
        np.testing.assert_array_equal(rows.reshape(value.shape), value, err_msg=key)


def test_a_worker_reads_no_rows_of_the_others(faces):
    class Counting(list):
        read = 0

        def __getitem__(self, index):
            self.read += 1
            return super().__getitem__(index)

    counting = Counting(faces)
    stream = batches(counting, batch_size=8, worker=1, workers=4)
    counting.read = 0
    stream(3)
    assert counting.read == 2


@pytest.mark.parametrize("worker, workers, message", [
    (2, 2, "worker is 2 of 2; legal are 0 to 1"),
    (-1, 2, "worker is -1 of 2"),
    (0, 2, "a batch of 3 cannot be shared by 2 workers; legal is a multiple of 2"),
])  # fmt: skip
def test_shares_that_cannot_be(faces, worker, workers, message):
    with pytest.raises(ZooError, match=message):
        batches(faces, worker=worker, workers=workers)


def test_as_dataset_equals_direct_calls(faces, monkeypatch):
    stream, made = batches(faces), []
    once = stream._batch
    monkeypatch.setattr(stream, "_batch", lambda n: made.append(n) or once(n))
    dataset = stream.as_dataset(2, 7)
    got = list(dataset)
    assert sorted(made) == [2, 2, 3, 4, 5, 6], "one to know the shapes, then each once"
    assert len(got) == 5 == int(dataset.cardinality())
    for n, batch in enumerate(got, 2):
        assert_equal({key: value.numpy() for key, value in batch.items()}, stream(n))
    for key, spec in dataset.element_spec.items():
        assert tuple(spec.shape) == stream(2)[key].shape and spec.dtype == "float32"


# What is in a batch.


@pytest.mark.parametrize("noise", ["bernoulli", "normal"])
def test_shapes_types_and_ranges(faces, noise):
    for n in range(4):
        batch = batches(faces, noise=noise)(n)
        assert {key: value.shape for key, value in batch.items()} == {
            key: (3, SIZE, SIZE, c) for key, c in CHANNELS.items()
        }
        assert {value.dtype for value in batch.values()} == {np.dtype("float32")}
        assert set(np.unique(batch["mask"])) == {0.0, 1.0}
        assert set(np.unique(batch["sketch"])) <= {0.0, 1.0}
        assert batch["image"].min() >= -1 and batch["image"].max() <= 1
        binary = set(np.unique(batch["noise"])) == {0.0, 1.0}
        assert binary == (noise == "bernoulli")


def test_values_without_flip(faces):
    batch = batches(faces, flip=0)(0)
    for row, index in enumerate(indices(batch)):
        image, sketch = faces[index]["image"], faces[index]["sketch"]
        np.testing.assert_allclose(batch["image"][row], image / 127.5 - 1, atol=1e-6)
        np.testing.assert_array_equal(batch["sketch"][row, ..., 0], sketch)


def test_color_is_the_map_under_strokes_and_minus_one_elsewhere(faces):
    drawn = 0
    for n in range(4):
        batch = batches(faces, flip=0)(n)
        for row, index in enumerate(indices(batch)):
            color, full = batch["color"][row], faces[index]["color"] / np.float32(127.5) - 1
            none = (color == -1).all(axis=-1)
            np.testing.assert_allclose(color[~none], full[~none], atol=1e-6)
            assert none[(full == -1).all(axis=-1)].all() and none.any()
            drawn += (~none).sum()
    assert drawn > 100


def test_flip_mirrors_picture_sketch_colour_and_landmarks_together(faces, monkeypatch):
    seen = []

    def record(height, width, rng, landmarks, parsing, **limits):
        seen.append((landmarks, parsing.copy()))
        return free_form(height, width, rng)

    monkeypatch.setattr("zoo.data.batches.masks.sc_fegan", record)
    monkeypatch.setattr("zoo.data.batches.hints.color_strokes", lambda color, rng: color)
    flipped = []
    for n in range(8):
        stream = batches(faces)
        seen.clear()
        batch = stream(n)
        for row, index in enumerate(indices(batch)):
            original = faces[index]
            plain = np.rint((batch["image"][row] + 1) * 127.5).astype(np.uint8)
            mirrored = not (plain == original["image"]).all()
            flipped.append(mirrored)
            turn = (lambda a: a[:, ::-1]) if mirrored else (lambda a: a)
            np.testing.assert_array_equal(plain, turn(original["image"]))
            np.testing.assert_array_equal(batch["sketch"][row, ..., 0], turn(original["sketch"]))
            color = np.rint((batch["color"][row] + 1) * 127.5).astype(np.uint8)
            np.testing.assert_array_equal(color, turn(original["color"]))
            landmarks, parsing = seen[row]
            np.testing.assert_array_equal(parsing, turn(original["parsing"]))
            order = [1, 0, 2, 4, 3] if mirrored else range(5)  # left stays the left of the image
            for (x, y), (x0, y0) in zip(landmarks, original["landmarks"][order], strict=True):
                assert (x, y) == ((SIZE - x0) if mirrored else x0, y0)
                column, row_ = int(x), int(y)
                assert (plain[row_, column] == original["image"][int(y0), int(x0)]).all()
    assert 0.25 < np.mean(flipped) < 0.75


def test_eye_strokes_land_on_the_eyes_of_the_picture_as_it_is_shown(faces):
    """With strokes too short to move, each eye stroke is a dot on an eye of the shown picture."""
    limits = {"max_length": 1e-3, "max_line": 1, "brush_width": 1.0, "hair_probability": 0}
    hits = {False: set(), True: set()}
    for n in range(40):
        batch = batches(faces, seed=1, **limits)(n)
        for row, index in enumerate(indices(batch)):
            shown = np.rint((batch["image"][row] + 1) * 127.5).astype(np.uint8)
            mirrored = bool((shown != faces[index]["image"]).any())
            eyes = {((SIZE - 1 - x) if mirrored else x, y) for x, y in EYES}
            rows, columns = np.nonzero(batch["mask"][row, ..., 0])
            found = eyes & set(zip(columns.tolist(), rows.tolist(), strict=True))
            assert found, "no stroke starts at an eye"
            hits[mirrored] |= found
    assert hits[False] == set(EYES)
    assert hits[True] == {(SIZE - 1 - x, y) for x, y in EYES}


def test_hair_is_erased_where_it_is_in_the_picture_as_it_is_shown(faces):
    limits = {"max_length": 1e-3, "max_line": 1, "max_draw": 1, "brush_width": 1.0}
    for n in range(6):
        with_hair = batches(faces, hair_probability=1, **limits)(n)
        without = batches(faces, hair_probability=0, **limits)(n)
        for row, index in enumerate(indices(with_hair)):
            shown = np.rint((with_hair["image"][row] + 1) * 127.5).astype(np.uint8)
            mirrored = (shown != faces[index]["image"]).any()
            hair = (faces[index]["parsing"] == 10)[:, :: -1 if mirrored else 1]
            assert with_hair["mask"][row, ..., 0][hair].all()
            assert without["mask"][row].sum() < 5, "dots on the line and on an eye"


@pytest.mark.parametrize("name, key, empty", [
    ("sketch_probability", "sketch", 0.0), ("color_probability", "color", -1.0),
])  # fmt: skip
def test_probabilities_zero_one_and_between(faces, name, key, empty):
    def share(probability):
        stream = batches(faces, batch_size=10, **{name: probability})
        given = [(stream(n)[key] != empty).any(axis=(1, 2, 3)) for n in range(6)]
        return np.mean(given)

    assert share(0.0) == 0 and share(1.0) == 1 and 0.3 < share(0.5) < 0.7


def test_settings_reach_the_mask(faces):
    thin = batches(faces, brush_width=4.0, hair_probability=0)
    thick = batches(faces, brush_width=200.0, hair_probability=0)
    for n in range(3):
        assert thick(n)["mask"].sum() > 2 * thin(n)["mask"].sum()


def test_labels_and_their_types(faces):
    keys = {"attributes": (3,), "target_attributes": (3,), "landmarks": (5, 2), "yaw": ()}
    keys |= {"identity": (), "parsing": (SIZE, SIZE), "image": (SIZE, SIZE, 3)}
    for n in range(4):
        batch = batches(faces, batch_size=8, keys=keys)(n)
        assert list(batch) == list(keys)
        integers = {key for key, value in batch.items() if value.dtype == np.int32}
        assert integers == {"identity", "parsing"}
        for row, index in enumerate(indices(batch)):
            mirrored = batch["yaw"][row] < 0 if index else batch["landmarks"][row, 0, 0] != 9.5
            assert abs(batch["yaw"][row]) == index and batch["identity"][row] == index // 2
            assert batch["attributes"][row].tolist() == [index % 2, 1, 0]
            expected = (SIZE - POINTS[[1, 0, 2, 4, 3], 0]) if mirrored else POINTS[:, 0]
            np.testing.assert_array_equal(batch["landmarks"][row, :, 0], expected)
        targets, sources = batch["target_attributes"], batch["attributes"]
        assert sorted(targets.tolist()) == sorted(sources.tolist()), "a permutation of the batch"
        assert (targets != sources).any()


def test_mirroring_swaps_left_and_right_classes(faces):
    faces = [{**f, "parsing": np.arange(SIZE * SIZE, dtype=np.uint8).reshape(SIZE, SIZE) % 14}
             for f in faces]  # fmt: skip
    keys = {"parsing": (SIZE, SIZE)}
    turned = batches(faces, flip=1, keys=keys)(0)["parsing"][0]
    plain = faces[0]["parsing"][:, ::-1]
    for left, right in ((2, 3), (4, 5)):
        np.testing.assert_array_equal(turned == left, plain == right)
        np.testing.assert_array_equal(turned == right, plain == left)
    for same in (0, 1, 6, 10, 13):
        np.testing.assert_array_equal(turned == same, plain == same)


def test_joined_batches_are_consecutive_batches(faces):
    one, three = batches(faces), batches(faces, joined=3)
    parts = [one(n) for n in range(3, 6)]
    together = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    assert_equal(three(1), together)


def test_one_mask_for_the_whole_batch(faces):
    stream = batches(faces, kind="brush", same_in_batch=1)
    assert (stream(0)["mask"] == stream(0)["mask"][:1]).all()
    assert (stream(0)["mask"][0] != stream(1)["mask"][0]).any()
    assert (batches(faces, kind="brush")(0)["mask"] != stream(0)["mask"]).any()


@pytest.mark.parametrize("kind, area", [("center", 0.25), ("rectangle", 0.25)])
def test_kinds_of_masks(faces, kind, area):
    sides = {"min_side": 0.5, "max_side": 0.5} if kind == "rectangle" else {}
    masks = np.concatenate([batches(faces, kind=kind, **sides)(n)["mask"] for n in range(3)])
    assert (masks.mean(axis=(1, 2, 3)) == area).all()
    assert (masks == masks[:1]).all() == (kind == "center")


def test_a_mixture_draws_each_kind_with_its_own_options(faces):
    """Its parts are told by their areas; weights are shares of the whole."""
    parts = [
        {"kind": "center", "side": 0.25, "weight": 3},  # 1/16 of the image
        {"kind": "center", "side": 1.0, "weight": 1},
        {"kind": "irregular", "bucket": (0.3, 0.5), "weight": 2},
    ]
    stream = batches(faces, batch_size=50, kind="mixture", components=parts)
    areas = np.concatenate([stream(n)["mask"].mean(axis=(1, 2, 3)) for n in range(6)])
    kinds = areas == 1 / 16, areas == 1.0, (areas > 0.3) & (areas <= 0.5)
    assert sum(kinds).all()
    np.testing.assert_allclose([k.mean() for k in kinds], [1 / 2, 1 / 6, 1 / 3], atol=0.09)
    one = batches(faces, kind="mixture", components=parts, same_in_batch=1)(0)["mask"]
    assert (one == one[:1]).all()
    with pytest.raises(ZooError, match="the data has no parsing"):
        without = [{k: v for k, v in face.items() if k != "parsing"} for face in faces]
        batches(without, kind="mixture", components=[*parts, {"kind": "sc_fegan"}])


class Photos(list):
    """Wide photographs of which examples are cut: the red channel tells the column."""

    cuts_anywhere = True
    wide = np.broadcast_to(np.arange(100, dtype=np.uint8)[:, None], (SIZE, 100, 3))

    def __getitem__(self, index):
        return {"image": np.ascontiguousarray(self.wide[:, 34 : 34 + SIZE])}

    def drawn(self, index, rng):
        column = rng.integers(100 - SIZE + 1)
        return {"image": np.ascontiguousarray(self.wide[:, column : column + SIZE])}


def test_random_cuts_are_drawn_for_every_place_of_the_stream(faces):
    """Another cut in every epoch, and the same one whenever a step is made again."""
    arguments = Photos(range(5)), range(5), 5, 3, {"image": (SIZE, SIZE, 3)}
    random = AugmentationSection(flip=0, cut="random")

    def columns(stream, step):
        return np.rint((stream(step)["image"][:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()

    stream = Batches(*arguments, augmentation=random)
    first, second = columns(stream, 0), columns(stream, 1)
    assert first != second and len({*first, *second}) > 6 and max(*first, *second) <= 68
    assert columns(Batches(*arguments, augmentation=random), 1) == second
    plain = Batches(*arguments, augmentation=AugmentationSection(flip=0))
    assert columns(plain, 0) == columns(plain, 1) == [34] * 5
    with pytest.raises(ZooError, match="augmentation.cut is random, but the data has no more of"):
        Batches(faces, range(5), 5, 3, {"image": (SIZE, SIZE, 3)}, augmentation=random)


def test_only_what_is_needed_is_read(faces):
    class Counting(list):
        def only(self, keys):
            self.wanted = keys
            return Counting({k: v for k, v in face.items() if k in keys} for face in self)

    data = Counting(faces)
    batch = batches(data, keys={"image": (SIZE, SIZE, 3), "target_attributes": (3,)})(2)
    assert data.wanted == {"image", "attributes"}
    keys = {"image": (SIZE, SIZE, 3), "target_attributes": (3,)}
    assert_equal(batch, batches(faces, keys=keys)(2))
    batches(data, keys={"mask": (SIZE, SIZE, 1)})
    assert data.wanted == {"image", "landmarks", "parsing"}


def test_missing_and_misshapen_data_are_named(faces):
    with pytest.raises(ZooError, match="the data has no frontal; it has image, sketch"):
        batches(faces, keys={"frontal": (SIZE, SIZE, 3)})
    with pytest.raises(ZooError, match=r"attributes has shape \(3,\); the model needs \(13,\)"):
        batches(faces, keys={"attributes": (13,)})


def test_shift_and_rotation_move_picture_and_landmarks_together():
    image = np.full((64, 64, 3), 127, np.uint8)
    image[20:23, 40:43] = 255  # centre at (41.5, 21.5)
    points = np.float32([(41.5, 21.5)] * 5)
    settings = AugmentationSection(flip=0, shift=0.1, rotation=20)
    moved = set()
    for seed in range(8):
        rng = np.random.default_rng(seed)
        out = augment({"image": image, "landmarks": points}, rng, settings)
        weight = out["image"][..., 0].astype(float) - 127
        rows, columns = np.mgrid[:64, :64] + 0.5
        center = (columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()
        np.testing.assert_allclose(out["landmarks"][0], center, atol=0.15)
        moved.add(tuple(out["landmarks"][0].round(1)))
    assert len(moved) == 8


# Split.


@pytest.mark.parametrize("held_out", [2, 3, 10])
def test_no_identity_is_in_both_splits(held_out):
    identities = np.random.default_rng(0).integers(0, 40, 300)
    training, validation = split_identities(identities, held_out)
    assert not set(identities[training]) & set(identities[validation])
    assert sorted([*training, *validation]) == list(range(300))
    expected = {i for i in identities.tolist() if i % held_out == held_out - 1}
    assert set(identities[validation].tolist()) == expected


@pytest.mark.parametrize("identities, held_out", [([0, 0, 1, 2], 4), ([1, 1, 3], 2)])
def test_split_refuses_an_empty_side(identities, held_out):
    count = len(set(identities))
    message = f"^{count} identities cannot be split with held_out={held_out}; make more images"
    with pytest.raises(ZooError, match=message):
        split_identities(np.array(identities), held_out)


class Faces:
    """Ten people, with or without a partition of their own."""

    identities = np.arange(10)

    def __init__(self, **splits):
        self.splits = splits

    def indices(self, name):
        if name not in self.splits:
            raise ZooError("no such split")
        return np.array(self.splits[name])


def test_the_own_split_of_a_set_comes_first():
    training, validation = split(Faces(train=[1, 2], val=[0], test=[3]), held_out=5)
    assert (training.tolist(), validation.tolist()) == ([1, 2], [0])
    for without in (Faces(), Faces(test=[0]), Faces(train=[], val=[1])):
        assert split(without, held_out=5)[1].tolist() == [4, 9]


def test_without_a_split_for_validation_that_for_training_is_split():
    """What the set keeps for tests is in neither."""
    for other in ({}, {"val": []}):
        faces = Faces(train=[9, 1, 2, 4], test=[0, 3], **other)
        training, validation = split(faces, held_out=5)
        assert (training.tolist(), validation.tolist()) == ([1, 2], [9, 4])


def test_faces_turned_too_far_are_left_out():
    faces = Faces(train=[1, 2, 3], val=[0, 4])
    faces.yaws = np.array([15, -60, 75, 60, -90, 0, 0, 0, 0, 0])
    training, validation = split(faces, held_out=5, max_yaw=60)
    assert (training.tolist(), validation.tolist()) == ([1, 3], [0])
    with pytest.raises(ZooError, match="max_yaw is 10, but the least yaw of 3 faces is 60"):
        split(faces, held_out=5, max_yaw=10)
    with pytest.raises(ZooError, match="max_yaw is 60, but the data has no yaws"):
        split(Faces(), held_out=5, max_yaw=60)
