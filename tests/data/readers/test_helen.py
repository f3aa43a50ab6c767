"""Helen: the square around the face, classes, splits, what is missing."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import sets  # noqa: E402

from zoo.data.readers import open_source  # noqa: E402
from zoo.errors import ZooError  # noqa: E402


@pytest.fixture
def helen(tmp_path):
    sets.helen(tmp_path)
    return tmp_path


def test_example(tmp_path):
    parsing = sets.helen(tmp_path)
    # the face is 135 high and 106 wide, so the square has 216 pixels
    data = open_source("helen", tmp_path, 216)
    example = data[0]
    rows, columns = np.nonzero(np.isin(parsing, range(1, 10)))
    top = round((rows.min() + rows.max() + 1) / 2 - 108)
    left = round((columns.min() + columns.max() + 1) / 2 - 108)
    np.testing.assert_array_equal(example["image"][10, 10], [left + 10, top + 10 & 255, 0])
    np.testing.assert_array_equal(example["parsing"], parsing[top : top + 216, left : left + 216])
    assert set(np.unique(example["parsing"])) == set(range(11))
    eyes = [np.argwhere(example["parsing"] == c)[:, ::-1].mean(axis=0) + 0.5 for c in (4, 5)]
    np.testing.assert_allclose(example["landmarks"][:2], eyes, atol=1e-4)
    assert example["landmarks_visible"].all()
    small = open_source("helen", tmp_path, 54)[0]
    np.testing.assert_allclose(small["landmarks"], example["landmarks"] / 4, atol=1e-4)


def test_soft_masks_give_the_likeliest_class(helen):
    for label, value in ((0, 100), (10, 120), (1, 30)):
        path = helen / f"labels/107_2/107_2_lbl{label:02d}.png"
        mask = np.zeros((300, 400), np.uint8)
        mask[:] = value
        mask[100:200, 100:200] = 255 if label == 1 else 0
        sets.write(path, mask)
    for label in range(2, 10):
        sets.write(helen / f"labels/107_2/107_2_lbl{label:02d}.png", np.zeros((300, 400), np.uint8))
    parsing = open_source("helen", helen, 160)[2]["parsing"]
    assert set(np.unique(parsing)) == {1, 10}
    assert (parsing == 1).sum() == 100 * 100


def test_splits_follow_the_lists(helen):
    data = open_source("helen", helen, 32)
    assert {k: v.tolist() for k, v in data.splits.items()} == {
        **{"train": [0], "val": [1], "test": [2]}
    }
    assert data.names[1] == "images/10405299_1.jpg"


def test_missing_and_malformed(helen):
    (helen / "images/10405299_1.jpg").unlink()
    with pytest.raises(ZooError, match=r"picture missing: 1 of 1 \(10405299_1\)"):
        open_source("helen", helen, 32)
    with pytest.warns(UserWarning):
        data = open_source("helen", helen, 32, unreadable="skip")
    assert len(data) == 2 and data.indices("val").size == 0 and data.indices("test")[0] == 1
    path = helen / "labels/107_2/107_2_lbl04.png"
    path.unlink()
    assert "107_2_lbl04.png does not exist" in data.verify()["images/107_2.jpg"]
    sets.write(path, np.zeros((10, 10), np.uint8))
    problem = data.verify()["images/107_2.jpg"]
    assert "lbl04.png is (10, 10), but the picture is (300, 400)" in problem
    sets.write_text(helen / "tuning.txt", ["1 107_2"])
    with pytest.raises(ZooError, match="tuning.txt line 1: expected number , name"):
        open_source("helen", helen, 32)
    sets.write_text(helen / "tuning.txt", ["1 , ../107_2"])
    with pytest.raises(ZooError, match="tuning.txt line 1: expected a file name without a path"):
        open_source("helen", helen, 32)
    (helen / "tuning.txt").unlink()
    with pytest.raises(ZooError, match="lacks tuning.txt"):
        open_source("helen", helen, 32)


def test_a_picture_without_a_face(helen):
    for label in range(11):
        mask = np.full((300, 400), 255 * (label == 0), np.uint8)
        sets.write(helen / f"labels/107_2/107_2_lbl{label:02d}.png", mask)
    with pytest.raises(ZooError, match="no pixel is labelled as face"):
        open_source("helen", helen, 32)[2]
