"""Targets of attribute edits, worked by hand from STGAN's rules."""

import numpy as np
import pytest

from zoo.attributes import slide, with_changes
from zoo.errors import ZooError

NAMES = ("Bald", "Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Mustache", "No_Beard")


@pytest.mark.parametrize("source, changes, target", [
    ((0, 1, 0, 0, 0, 0, 0, 1), {"Bald": 1}, (1, 0, 0, 0, 0, 0, 0, 1)),
    ((1, 0, 0, 0, 0, 1, 0, 1), {"Bangs": 1.5}, (0, 1.5, 0, 0, 0, 1, 0, 1)),
    ((0, 0, 1, 0, 0, 1, 0, 1), {"Blond_Hair": 1}, (0, 0, 0, 1, 0, 1, 0, 1)),
    ((0, 0, 1, 0, 0, 1, 0, 1), {"Black_Hair": 0}, (0, 0, 0, 0, 0, 1, 0, 1)),  # leaves none
    ((0, 0, 1, 0, 0, 1, 0, 1), {"Mustache": 1, "Male": -0.5}, (0, 0, 1, 0, 0, -0.5, 1, 1)),
    ((0, 1, 0, 0, 0, 0, 0, 1), {"Bald": 0.25}, (0.25, 1, 0, 0, 0, 0, 0, 1)),  # not present
])  # fmt: skip
def test_targets(source, changes, target):
    found = with_changes(np.array(source), NAMES, changes)
    assert found.dtype == np.float32 and found.tolist() == list(target)


@pytest.mark.parametrize("changes, message", [
    ({}, "no attribute to change; legal are Bald, Bangs"),
    ({"Bold": 1}, "unknown attribute 'Bold'.*Did you mean 'Bald'"),
    ({"Male": 2.5}, "attribute Male is 2.5; legal are 0, 1, or from -1 to 2"),
    ({"Male": float("nan")}, "attribute Male is nan"),
    ({"Male": "yes"}, "attribute Male is 'yes'; legal are 0, 1, or from -1 to 2"),
    ({"Male": None}, "attribute Male is None"),
    (["Male"], r"changes are \['Male'\]; legal is name -> value"),
    ({"Bald": 1, "Bangs": 1}, "Bald and Bangs exclude each other"),
    ({"Blond_Hair": 1, "Brown_Hair": 2}, "Blond_Hair and Brown_Hair exclude each other"),
])  # fmt: skip
def test_refused(changes, message):
    with pytest.raises(ZooError, match=message):
        with_changes(np.zeros(8), NAMES, changes)


def test_slide():
    np.testing.assert_allclose(slide(5), [-0.5, 0, 0.5, 1, 1.5])
