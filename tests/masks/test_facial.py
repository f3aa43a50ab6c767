import numpy as np
import pytest

from zoo import masks
from zoo.errors import ZooError
from zoo.masks.facial import PARTS, facial_part

# first and last row and column at 128 x 128
BOXES = {
    "O1": (24, 119, 0, 63),
    "O2": (24, 119, 64, 127),
    "O3": (44, 67, 24, 103),
    "O4": (44, 67, 24, 63),
    "O5": (44, 67, 64, 103),
    "O6": (72, 119, 24, 103),
}
# eyes in the middle of the boxes of O4 and O5
ALIGNED = np.array([[43.5, 55.5], [83.5, 55.5], [63.5, 75], [50, 95], [77, 95]])


def box(mask):
    rows, columns = np.nonzero(mask[..., 0])
    assert mask.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize("part", PARTS)
def test_boxes(part):
    mask = facial_part(128, 128, part)
    assert mask.shape == (128, 128, 1) and mask.dtype == np.float32
    assert box(mask) == BOXES[part]
    assert masks.validate(mask).sum() == mask.sum()
    # an aligned face's landmarks say the same; half the size halves the box
    np.testing.assert_array_equal(facial_part(128, 128, part, ALIGNED), mask)
    np.testing.assert_array_equal(facial_part(64, 64, part), mask[::2, ::2])
    wide = facial_part(64, 256, part)
    np.testing.assert_array_equal(wide, mask[::2].repeat(2, axis=1))


def test_parts_belong_together():
    parts = {part: facial_part(128, 128, part) for part in PARTS}
    assert set(PARTS) == set(BOXES)
    np.testing.assert_array_equal(parts["O4"] + parts["O5"], parts["O3"])
    np.testing.assert_array_equal(parts["O1"][:, ::-1], parts["O2"])
    assert not (parts["O3"] * parts["O6"]).any()


def test_landmarks_move_and_scale_the_boxes():
    half = facial_part(300, 300, "O3", ALIGNED / 2 - 0.25 + (100, 60))  # pixel centres scale so
    assert box(half) == (60 + 22, 60 + 33, 100 + 12, 100 + 51)
    cut = facial_part(128, 128, "O1", ALIGNED + (-40, 0))
    assert box(cut) == (24, 119, 0, 23)


@pytest.mark.parametrize(
    "part, landmarks, message",
    [
        ("o1", None, "unknown part 'o1'; legal are O1, .*Did you mean 'O1'"),
        ("O1", np.zeros((5, 2)), "less than one pixel apart"),
        ("O1", np.zeros((4, 2)), r"received \(4, 2\)"),
        ("O1", np.full((5, 2), np.nan), "5 finite points"),
        ("O3", ALIGNED + (500, 0), "O3 lies outside the image of 128 x 128 pixels"),
    ],
)
def test_refused(part, landmarks, message):
    with pytest.raises(ZooError, match=message):
        facial_part(128, 128, part, landmarks)
