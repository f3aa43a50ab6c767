import numpy as np
import pytest

import zoo
from zoo.errors import ZooError


@pytest.fixture(scope="module")
def model(preset):
    return zoo.load(preset)


def example(height, width):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), np.uint8)
    mask[height // 4 : height // 2, width // 4 : width // 2] = 1
    return image, mask


@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (100, 61), (9, 12)])
@pytest.mark.parametrize("size", [None, "native", 40])
def test_known_pixels_are_bit_equal_and_the_hole_does_not_leak(model, shape, size):
    image, mask = example(*shape)
    out = model.complete(image, mask, size=size)
    hole = mask > 0
    assert out.dtype == np.uint8 and out.shape == image.shape
    np.testing.assert_array_equal(out[~hole], image[~hole])
    other = image.copy()
    other[hole] = 255 - other[hole]
    np.testing.assert_array_equal(model.complete(other, mask, size=size), out)


def test_mask_forms_and_seed(model):
    image, mask = example(32, 32)
    out = model.complete(image, mask, seed=1)
    for form in (mask * 255, mask.astype(bool), mask[..., None], mask.astype("float32")):
        np.testing.assert_array_equal(model.complete(image, form, seed=1), out)
    assert (model.complete(image, mask, seed=2) != out).any()


def test_box_is_crop_complete_paste(model):
    image, mask = example(80, 90)
    out = model.complete(image, mask, box=(10, 15, 50, 40))
    part = model.complete(image[15:55, 10:60], mask[15:55, 10:60])
    np.testing.assert_array_equal(out[15:55, 10:60], part)
    np.testing.assert_array_equal(out[mask == 0], image[mask == 0])


def test_hints_act_inside_the_hole_only(model):
    image, mask = example(32, 32)
    out = model.complete(image, mask)
    everywhere = np.ones_like(mask)
    color = np.full_like(image, 200)
    for name, hint in (("sketch", everywhere), ("color", color)):
        outside = hint * (1 - mask).reshape(mask.shape + (1,) * (hint.ndim - 2))
        np.testing.assert_array_equal(model.complete(image, mask, **{name: outside}), out)
        assert (model.complete(image, mask, **{name: hint}) != out).any(), name


@pytest.mark.parametrize(
    "change, message",
    [
        ({"image": np.zeros((8, 8), np.uint8)}, "image must be"),
        ({"image": np.zeros((32, 32, 3), np.float32)}, "float32"),
        ({"mask": np.zeros((32, 32))}, "hole"),
        ({"mask": np.ones((31, 32))}, "31"),
        ({"sketch": np.full((32, 32), 0.5)}, "only 0 and 1"),
        ({"sketch": np.zeros((30, 32))}, "the image is 32 x 32"),
        ({"color": np.zeros((32, 32))}, "color must be"),
        ({"size": 0}, "size is 0"),
        ({"box": (0, 0, 10, 10)}, "beyond the box"),
        ({"box": (0, 0, 40, 10)}, "does not lie in"),
    ],
)
def test_refusals(model, change, message):
    image, mask = example(32, 32)
    arguments = {"image": image, "mask": mask, **change}
    with pytest.raises(ZooError, match=message):
        model.complete(**arguments)
