"""The verbs on pictures: known pixels stay, the hole stays secret, hints count inside it only."""

import cv2
import numpy as np
import pytest

import zoo
from zoo.data.alignment import align
from zoo.errors import ZooError
from zoo.tasks import MAX_SIDE


@pytest.fixture(scope="module")
def model(preset):
    return zoo.load(preset)  # made for 32 x 32 pixels


class Recorder:
    """Stands for a model: keeps the batch and answers with a constant picture."""

    zoo_name, task, default_size, pad_multiple = "recorder", "complete", 32, 8
    input_keys = ("image", "mask", "sketch", "color", "noise")
    channels = {"image": 3, "mask": 1, "sketch": 1, "color": 3, "noise": 1}
    fixed_size, centered_hole, noise = False, None, "bernoulli"

    def __init__(self, answer=(1.0, 0.0, -1.0), **attributes):
        self.answer = answer
        vars(self).update(attributes)

    def __call__(self, batch, training):
        assert training is False
        self.batch = batch
        return np.broadcast_to(np.float32(self.answer), batch["image"].shape)

    def complete(self, *pictures, **options):
        return zoo.tasks.complete(self, *pictures, **options)


def example(height, width):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), np.uint8)
    mask[height // 4 : height // 2, width // 4 : width // 2] = 1
    return image, mask


def scattered(height, width):
    """A hole of single pixels, some at every edge."""
    image, _ = example(height, width)
    mask = (np.random.default_rng(1).random((height, width)) < 0.1).astype(np.uint8)
    mask[0, 0] = mask[-1, -1] = mask[-1, 0] = 1
    return image, mask


# What comes back.


@pytest.mark.parametrize("make", [example, scattered])
@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (100, 61), (9, 12), (203, 157)])
@pytest.mark.parametrize("size", [None, "native", 40])
def test_known_pixels_are_bit_equal_and_the_hole_does_not_leak(model, make, shape, size):
    image, mask = make(*shape)
    given = image.copy()
    out = model.complete(image, mask, size=size)
    hole = mask > 0
    assert out.dtype == np.uint8 and out.shape == image.shape
    np.testing.assert_array_equal(out[~hole], image[~hole])
    np.testing.assert_array_equal(image, given)
    assert (out[hole] != image[hole]).any()
    for other in (255 - image, np.zeros_like(image), np.full_like(image, 255)):
        other[~hole] = image[~hole]
        np.testing.assert_array_equal(model.complete(other, mask, size=size), out)


def test_the_hole_holds_what_the_model_answers():
    image, mask = example(50, 40)
    out = Recorder().complete(image, mask)
    assert (out[mask > 0] == (255, 128, 0)).all()
    out = Recorder((9.0, -9.0, 0.5)).complete(image, mask)  # outside [-1, 1]: clipped
    assert (out[mask > 0] == (255, 0, 191)).all()


def test_forms_of_the_mask(model):
    image, mask = example(32, 32)
    out = model.complete(image, mask, seed=1)
    for form in (mask * 255, mask.astype(bool), mask[..., None], mask.astype("float32"),
                 mask.astype("int64"), np.asfortranarray(mask)):  # fmt: skip
        np.testing.assert_array_equal(model.complete(image, form, seed=1), out)


def test_forms_of_the_pictures(model):
    """Views with negative strides, Fortran order and read-only pictures."""
    image, mask = example(40, 50)
    hints = {"sketch": mask, "color": image}
    for change in (lambda x: x[:, ::-1], lambda x: x[::2, ::2], np.asfortranarray):
        views = change(image), change(mask), {key: change(v) for key, v in hints.items()}
        flat = [np.ascontiguousarray(view) for view in views[:2]]
        options = {key: np.ascontiguousarray(view) for key, view in views[2].items()}
        views[0].setflags(write=False)
        out = model.complete(*views[:2], **views[2])
        np.testing.assert_array_equal(out, model.complete(*flat, **options))


def test_a_pillow_picture_is_a_picture(model):
    pillow = pytest.importorskip("PIL.Image")
    image, mask = example(32, 40)
    out = model.complete(pillow.fromarray(image), pillow.fromarray(mask))
    np.testing.assert_array_equal(out, model.complete(image, mask))


def test_a_mask_that_is_all_hole(model):
    image, mask = example(33, 20)
    out = model.complete(image, np.ones_like(mask))
    np.testing.assert_array_equal(model.complete(255 - image, np.ones_like(mask)), out)


def test_seed(model):
    image, mask = example(32, 32)
    out = model.complete(image, mask, seed=1)
    np.testing.assert_array_equal(model.complete(image, mask, seed=1), out)
    assert (model.complete(image, mask, seed=2) != out).any()
    zero = model.complete(image, mask, seed=0)
    np.testing.assert_array_equal(model.complete(image, mask), zero)


# What the model sees.


@pytest.mark.parametrize(
    "shape, size, working, padded",
    [
        ((64, 48), None, (32, 24), (32, 24)),
        ((48, 64), 40, (30, 40), (32, 40)),
        ((30, 21), "native", (30, 21), (32, 24)),
        ((8, 4), None, (32, 16), (32, 16)),
        ((300, 2), None, (32, 1), (32, 8)),
        ((1, 300), None, (1, 32), (8, 32)),
        ((64, 64), np.int64(1), (1, 1), (8, 8)),
    ],
)
def test_working_size(shape, size, working, padded):
    recorder = Recorder()
    image = np.full((*shape, 3), 255, np.uint8)
    mask = np.zeros(shape, bool)
    mask[-1, 0] = True
    out = recorder.complete(image, mask, size=size)
    assert out.shape == image.shape
    for key, value in recorder.batch.items():
        assert value.shape == (1, *padded, recorder.channels[key]) and value.dtype == np.float32
    seen = recorder.batch["mask"][0, : working[0], : working[1], 0]
    assert seen[-1, 0] == 1 and (seen.size < 9 or seen.mean() < 0.3)


def test_values_that_the_model_sees():
    """At native size, without padding, the batch is the picture itself, erased in the hole."""
    recorder = Recorder()
    image, mask = example(32, 24)
    sketch, color = np.eye(32, 24, dtype=np.uint8), np.zeros_like(image)
    color[10] = (255, 0, 51)
    recorder.complete(image, mask, sketch=sketch * 255, color=color, size="native")
    batch = {key: value[0] for key, value in recorder.batch.items()}
    erased = np.where(mask[..., None] > 0, 127, image)
    np.testing.assert_allclose(batch["image"], erased / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(batch["mask"][..., 0], mask)
    np.testing.assert_array_equal(batch["sketch"][..., 0], sketch)
    np.testing.assert_allclose(batch["color"][10], np.tile((1, -1, -0.6), (24, 1)), atol=1e-6)
    assert (np.delete(batch["color"], 10, axis=0) == -1).all()
    assert set(np.unique(batch["noise"])) == {0.0, 1.0}


def test_padding_mirrors_picture_and_hole():
    """What is erased in the picture is erased in its mirror image, too."""
    recorder = Recorder()
    image = np.full((20, 32, 3), 255, np.uint8)
    mask = np.zeros((20, 32), np.uint8)
    mask[17:, 4:9] = 1
    recorder.complete(image, mask, size="native")
    seen, hole = recorder.batch["image"][0], recorder.batch["mask"][0, ..., 0]
    assert hole.shape == (24, 32)
    np.testing.assert_array_equal(hole[20:], hole[19:15:-1])
    assert (seen[hole == 0] == 1).all() and (seen[hole == 1] < 0).all()


@pytest.mark.parametrize("shape, size", [((64, 50), None), ((16, 21), None), ((1, 200), None)])
def test_a_working_pixel_that_the_hole_touches_is_hole(shape, size):
    """Known working pixels hold nothing of the grey that the hole was erased with."""
    recorder = Recorder()
    mask = (np.random.default_rng(0).random(shape) < 0.05).astype(np.uint8)
    mask[0, 3] = 1
    recorder.complete(np.full((*shape, 3), 255, np.uint8), mask, size=size)
    seen, hole = recorder.batch["image"][0], recorder.batch["mask"][0, ..., 0]
    assert (seen[hole == 0] == 1).all() and 0 < hole.mean() < 1


def test_thin_lines_and_colours_survive_scaling_down():
    recorder = Recorder()
    image, mask = example(64, 64)
    lines, color = np.zeros_like(mask), np.zeros_like(image)
    lines[21] = 1
    color[21:24] = (255, 51, 0)
    recorder.complete(image, mask, sketch=lines, color=color)
    np.testing.assert_array_equal(np.flatnonzero(recorder.batch["sketch"][0, :, 5, 0]), [10])
    strokes = recorder.batch["color"][0]
    np.testing.assert_allclose(strokes[11], np.tile((1, -0.6, -1), (32, 1)), atol=1e-6)
    assert (np.delete(strokes, 11, axis=0) == -1).all()  # no colour is mixed with none


# Hints and box.


@pytest.mark.parametrize("size", [32, 48, 64])
def test_hints_act_inside_the_hole_only(model, size):
    image, mask = example(size, size)
    out = model.complete(image, mask)
    far = cv2.dilate(mask, np.ones((5, 5), np.uint8)) == 0  # no pixel in common when scaled
    line, color = np.ones_like(mask), np.full_like(image, 200)
    for name, hint in (("sketch", line), ("color", color)):
        outside = hint * far.reshape(far.shape + (1,) * (hint.ndim - 2)).astype(np.uint8)
        np.testing.assert_array_equal(model.complete(image, mask, **{name: outside}), out)
        assert (model.complete(image, mask, **{name: hint}) != out).any(), name
        none = np.zeros_like(hint)
        np.testing.assert_array_equal(model.complete(image, mask, **{name: none}), out)
    for form in (line * 255, line > 0, line[..., None], line.astype("float32")):
        np.testing.assert_array_equal(
            model.complete(image, mask, sketch=form), model.complete(image, mask, sketch=line)
        )


def test_box_is_crop_complete_paste(model):
    image, mask = example(80, 90)
    sketch, color = np.eye(80, 90, dtype=np.uint8), 255 - image
    inside = slice(15, 55), slice(10, 60)
    options = {"seed": 3, "size": 40}
    out = model.complete(image, mask, box=(10, 15, 50, 40), sketch=sketch, color=color, **options)
    part = model.complete(
        image[inside], mask[inside], sketch=sketch[inside], color=color[inside], **options
    )
    np.testing.assert_array_equal(out[inside], part)
    np.testing.assert_array_equal(out[mask == 0], image[mask == 0])
    other = 255 - image
    other[inside] = image[inside]
    again = model.complete(other, mask, box=[10, 15, 50, 40], sketch=sketch, color=color, **options)
    np.testing.assert_array_equal(again[inside], part)


def test_box_of_the_whole_picture_changes_nothing(model):
    image, mask = example(40, 50)
    box = tuple(np.int64((0, 0, 50, 40)))
    np.testing.assert_array_equal(model.complete(image, mask, box=box), model.complete(image, mask))


# Refusals.


@pytest.mark.parametrize(
    "change, message",
    [
        ({"image": np.zeros((32, 32), np.uint8)}, r"image must be .*received uint8 \(32, 32\)$"),
        ({"image": np.zeros((32, 32, 4), np.uint8)}, r"image must be \(H, W, 3\) uint8 RGB"),
        ({"image": np.zeros((32, 32, 3), np.float32)}, "image must be .*received float32"),
        ({"image": np.zeros((0, 32, 3), np.uint8)}, r"received uint8 \(0, 32, 3\)"),
        ({"image": "photo.jpg"}, "image must be"),
        ({"mask": np.zeros((32, 32))}, "mask has no hole"),
        ({"mask": np.ones((31, 32))}, r"mask is 31 x 32 .*but the image is 32 x 32"),
        ({"mask": np.ones((32, 32, 3))}, "mask has 3 channels"),
        ({"mask": np.full((32, 32), 0.5)}, "mask must hold only 0 and 1"),
        ({"mask": np.full((32, 32), np.nan)}, "mask must hold only 0 and 1"),
        ({"sketch": np.full((32, 32), 0.5)}, r"sketch must hold only 0 and 1 .*\[0.5\]"),
        ({"sketch": np.full((32, 32), np.nan)}, "sketch must hold only 0 and 1"),
        ({"sketch": np.arange(1024).reshape(32, 32) % 3}, r"received \[0, 1, 2\]"),
        ({"sketch": np.zeros((30, 32))}, r"sketch is \(30, 32\), but the image is 32 x 32"),
        ({"sketch": np.zeros((32, 32, 3))}, r"sketch is \(32, 32, 3\)"),
        ({"color": np.zeros((32, 32))}, "color must be"),
        ({"color": np.zeros((32, 32, 3))}, "color must be .*received float64"),
        ({"color": np.zeros((32, 31, 3), np.uint8)}, r"color is \(32, 31, 3\), but the image"),
        ({"size": 0}, "size is 0; legal are 1 to 4096 pixels or 'native'"),
        ({"size": MAX_SIDE + 1}, "size is 4097"),
        ({"size": 32.0}, "size is 32.0"),
        ({"size": True}, "size is True"),
        ({"size": "big"}, "size is 'big'"),
        ({"seed": -1}, "seed is -1; legal are whole numbers from 0"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"box": (0, 0, 10, 10)}, "the hole reaches beyond the box"),
        ({"box": (0, 0, 40, 10)}, "does not lie in the picture of 32 x 32 pixels"),
        ({"box": (-1, 0, 20, 20)}, "does not lie in"),
        ({"box": (4, 4, 0, 20)}, "does not lie in"),
        ({"box": (0, 0, 32)}, r"box is \(0, 0, 32\); legal is \(left, top, width, height\)"),
        ({"box": (0, 0, 32.0, 32)}, "box is .*whole pixels"),
        ({"box": "0,0,32,32"}, "box is '0,0,32,32'"),
        ({"box": 5}, "box is 5"),
    ],
)
def test_refusals(change, message):
    image, mask = example(32, 32)
    arguments = {"image": image, "mask": mask, **change}
    with pytest.raises(ZooError, match=message):
        zoo.tasks.complete(Recorder(), **arguments)


def test_native_size_has_the_same_bound():
    image = np.zeros((1, MAX_SIDE + 1, 3), np.uint8)
    with pytest.raises(ZooError, match="size is 4097"):
        Recorder().complete(image, np.ones(image.shape[:2]), size="native")


def test_a_model_of_another_task_and_hints_it_does_not_take():
    image, mask = example(32, 32)
    editor = Recorder()
    editor.task = "edit"
    with pytest.raises(ZooError, match="recorder serves the task 'edit', not 'complete'"):
        editor.complete(image, mask)
    plain = Recorder()
    plain.input_keys = ("image", "mask")
    with pytest.raises(ZooError, match="recorder takes no sketch"):
        plain.complete(image, mask, sketch=mask)
    out = plain.complete(image, mask, box=(0, 0, 32, 32))
    assert set(plain.batch) == {"image", "mask"} and (out[mask > 0] == (255, 128, 0)).all()


# Models of a fixed size, and models that fill only the centre.


@pytest.mark.parametrize("shape", [(32, 32), (20, 64), (64, 50), (7, 9)])
def test_a_model_of_fixed_size_always_sees_that_size(shape):
    recorder = Recorder(fixed_size=True)
    image, mask = np.full((*shape, 3), 255, np.uint8), np.zeros(shape, bool)
    mask[-1, 0] = True
    out = recorder.complete(image, mask)
    assert recorder.batch["image"].shape == (1, 32, 32, 3) and out.shape == image.shape
    assert (out[mask] == (255, 128, 0)).all() and (out[~mask] == 255).all()
    with pytest.raises(ZooError, match="size is 64; recorder works at 32 only"):
        recorder.complete(image, mask, size=64)


@pytest.mark.parametrize("place", [(0, 0), (60, 80), (30, 41)])
@pytest.mark.parametrize("extent", [(4, 4), (20, 3), (40, 30)])
def test_a_hole_comes_into_the_centre_of_the_window(place, extent):
    recorder = Recorder(fixed_size=True, centered_hole=0.5)
    recorder.answer = np.full((32, 32, 3), -1, np.float32)
    recorder.answer[8:24, 8:24] = 1
    rng = np.random.default_rng(3)
    image, mask = rng.integers(0, 256, (100, 110, 3), dtype=np.uint8), np.zeros((100, 110), bool)
    mask[place[0] : place[0] + extent[0], place[1] : place[1] + extent[1]] = True
    out = recorder.complete(image, mask)
    assert (out[mask] == 255).all(), "all of it lies in the centre of what the model sees"
    np.testing.assert_array_equal(out[~mask], image[~mask])
    other = image.copy()
    other[mask] = 255 - other[mask]
    seen = recorder.batch["image"].copy()
    recorder.complete(other, mask)
    np.testing.assert_array_equal(recorder.batch["image"], seen)


# Edit and classify.


class Editor(Recorder):
    task, input_keys = "edit", ("image", "attributes", "target_attributes")
    attribute_names = ("Bald", "Bangs", "Male")

    def edit(self, *arguments, **options):
        return zoo.tasks.edit(self, *arguments, **options)


class Classifier(Recorder):
    task, input_keys, attribute_names = "classify", ("image",), ("Male", "Bangs", "Bald")

    def __call__(self, batch, training):
        super().__call__(batch, training)
        return np.float32([[2.0, -1.0, 0.0]])


def test_edit_asks_for_the_difference():
    editor, (image, _) = Editor(), example(64, 48)
    out = editor.edit(image, {"Bald": 1.5}, source_attributes={"Bangs": 1})
    assert (out == (255, 128, 0)).all() and out.shape == image.shape
    assert editor.batch["image"].shape == (1, 32, 24, 3)
    assert editor.batch["attributes"].tolist() == [[0, 1, 0]]
    assert editor.batch["target_attributes"].tolist() == [[1.5, 0, 0]]
    editor.edit(image, {"Bald": 1.5}, source_attributes=[0, 1, 0])
    assert editor.batch["target_attributes"].tolist() == [[1.5, 0, 0]]


def test_edit_within_a_box_leaves_the_rest():
    editor, (image, _) = Editor(), example(64, 48)
    out = editor.edit(image, {"Male": 0}, source_attributes=[0, 0, 1], box=(8, 10, 20, 30))
    inside = slice(10, 40), slice(8, 28)
    assert (out[inside] == (255, 128, 0)).all()
    out[inside] = image[inside]
    np.testing.assert_array_equal(out, image)
    cropped = Editor()
    cropped.edit(image[inside], {"Male": 0}, source_attributes=[0, 0, 1])
    np.testing.assert_array_equal(editor.batch["image"], cropped.batch["image"])


def test_a_classifier_says_what_the_face_is():
    editor, classifier, (image, _) = Editor(), Classifier(), example(32, 32)
    editor.edit(image, {"Bald": 1}, classifier=classifier)
    assert editor.batch["attributes"].tolist() == [[0, 0, 1]]
    np.testing.assert_array_equal(classifier.batch["image"], editor.batch["image"])
    probabilities = zoo.tasks.classify(classifier, image)
    assert probabilities == pytest.approx({"Male": 0.8807971, "Bangs": 0.2689414, "Bald": 0.5})


@pytest.mark.parametrize("options, message", [
    ({}, "recorder must know what the face is: give source_attributes"),
    ({"source_attributes": [0, 1]}, "legal are 0 or 1 for each of Bald, Bangs, Male"),
    ({"source_attributes": {"Bald": 0.5}}, "legal are 0 or 1"),
    ({"source_attributes": ["Bald"]}, r"are \['Bald'\]; legal are 0 or 1 for each of"),
    ({"source_attributes": {"Bald": "no"}}, "are {'Bald': 'no'}; legal are 0 or 1 for each of"),
    ({"source_attributes": [[0], [0, 1]]}, "legal are 0 or 1 for each of"),
    ({"classifier": "mine"}, "'mine' is no model; legal is one that serves 'classify'"),
    ({"source_attributes": {"Hat": 1}}, "unknown source attribute 'Hat'"),
    ({"classifier": Editor()}, "serves the task 'edit', not 'classify'"),
    ({"source_attributes": [0, 0, 0], "box": (0, 0, 99, 9)}, "does not lie in the picture"),
])  # fmt: skip
def test_refused_edits(options, message):
    with pytest.raises(ZooError, match=message):
        Editor().edit(example(32, 32)[0], {"Bald": 1}, **options)
    with pytest.raises(ZooError, match="serves the task 'complete', not 'edit'"):
        zoo.tasks.edit(Recorder(), example(32, 32)[0], {"Bald": 1})


# Frontalize.


class Turner(Recorder):
    task, input_keys = "frontalize", ("image", "landmarks")

    def __call__(self, batch, training):
        self.batch = batch
        return batch["image"][:, :, ::-1]


POINTS = np.float32([(100, 80), (140, 90), (118, 110), (98, 130), (125, 137)])


def test_frontalize_shows_the_model_the_aligned_face():
    turner, (image, _) = Turner(default_size=128), example(240, 200)
    out = zoo.tasks.frontalize(turner, image, POINTS)
    face = align(POINTS, 128)
    np.testing.assert_array_equal(out, face.crop(image)[:, ::-1])
    np.testing.assert_allclose(turner.batch["image"][0], face.crop(image) / 127.5 - 1, atol=1e-6)
    seen = turner.batch["landmarks"][0]
    np.testing.assert_array_equal(seen, face.points(POINTS))
    np.testing.assert_allclose(seen[:2].mean(0), (64, 40), atol=1e-3)
    np.testing.assert_array_equal(zoo.tasks.frontalize(turner, image, POINTS.tolist()), out)


def test_frontalize_looks_for_the_face_if_there_are_no_landmarks(monkeypatch):
    monkeypatch.setattr("zoo.tasks.detect_landmarks", lambda image: POINTS)
    turner, (image, _) = Turner(default_size=128), example(240, 200)
    out = zoo.tasks.frontalize(turner, image)
    np.testing.assert_array_equal(out, zoo.tasks.frontalize(turner, image, POINTS))


@pytest.mark.parametrize("landmarks, message", [
    ([[1, 2], [3]], r"landmarks must be five points \[\[x, y\], ...\]"),
    ("face", "landmarks must be five points"),
    (POINTS[:4], r"landmarks must be five finite points .*received shape \(4, 2\)"),
    (POINTS * np.nan, "five finite points"),
    (POINTS[[3, 4, 2, 0, 1]], "the mouth is not below them"),
    (POINTS + 1000, r"lie outside the photo of \d+ x \d+ pixels"),
])  # fmt: skip
def test_refused_landmarks(landmarks, message):
    with pytest.raises(ZooError, match=message):
        zoo.tasks.frontalize(Turner(), example(240, 200)[0], landmarks)
