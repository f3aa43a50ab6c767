"""Attributes forced one at a time: labels, what the picture shows, and what stays as it was."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest

from zoo.data import synthfaces
from zoo.data.synthfaces import ATTRIBUTE_NAMES, PARSING_NAMES, TOGGLED_ATTRIBUTES
from zoo.data.synthfaces.names import with_glasses
from zoo.errors import ZooError

SIZE, PEOPLE = 96, (3, 7)  # an old bearded man with glasses, a woman with bangs
HAIR_COLORS = {"Black_Hair", "Blond_Hair", "Brown_Hair"}
HAIR = {"Bald", "Gray_Hair", "Straight_Hair", "Wavy_Hair", "Receding_Hairline", *HAIR_COLORS}
BEARD = {"5_o_Clock_Shadow", "Goatee", "Sideburns"}
MEASURED = {"Big_Lips", "Big_Nose", "Narrow_Eyes"}

# Attributes that a toggle may take along; README, "One attribute alone".
TAKES_ALONG = {
    "Bald": {"Bangs", *HAIR},
    "Bangs": HAIR,
    **{color: HAIR for color in HAIR_COLORS},
    "Male": {"Mustache", "No_Beard", "Wearing_Lipstick", "Heavy_Makeup", *BEARD, *MEASURED},
    "Mustache": {"5_o_Clock_Shadow"},
    "No_Beard": BEARD,
    "Pale_Skin": {"Rosy_Cheeks"},
    "Young": {"Bags_Under_Eyes", *MEASURED},
}

FACE = ("skin", "left brow", "right brow", "left eye", "right eye", "nose", "glasses", "neck")
MOUTH = ("upper lip", "inner mouth", "lower lip")
# Parts whose neighbourhood a toggle may change, in the picture before or after it.
REGIONS = {
    "Bald": ("hair", *FACE, *MOUTH),  # hair throws shadows on the face
    "Bangs": ("hair", *FACE, *MOUTH),
    **{color: ("hair", "left brow", "right brow", *MOUTH) for color in HAIR_COLORS},
    "Bushy_Eyebrows": ("left brow", "right brow"),
    "Eyeglasses": ("glasses", "left eye", "right eye"),
    "Male": (*FACE, *MOUTH, "hair", "clothes"),
    "Mouth_Slightly_Open": MOUTH,
    "Mustache": ("upper lip",),
    "No_Beard": MOUTH,
    "Pale_Skin": (*FACE, *MOUTH),
    "Young": (*FACE, *MOUTH, "hair", "clothes"),
}
REACH = 10  # pixels
BELOW_THE_NOSE = {
    "Mouth_Slightly_Open",
    "No_Beard",
    *HAIR_COLORS,
}  # chin and beard, any pixel there
KEEPS_LANDMARKS = set(TOGGLED_ATTRIBUTES) - {"Male", "Young", "Mouth_Slightly_Open"}


@functools.cache
def shown(index: int, **attributes: int) -> dict[str, np.ndarray]:
    return synthfaces.SynthFaces(SIZE, seed=1, views_per_identity=1).render(index, attributes)


def has(example: dict, name: str) -> int:
    return int(example["attributes"][ATTRIBUTE_NAMES.index(name)])


def toggled(index: int, name: str) -> tuple[dict, dict]:
    before = shown(index)
    return before, shown(index, **{name: 1 - has(before, name)})


def near(name: str, *examples: dict) -> np.ndarray:
    """Pixels within reach of the parts that a toggle may change."""
    labels = [PARSING_NAMES.index(part) for part in REGIONS[name]]
    mask = np.any([np.isin(with_glasses(example), labels) for example in examples], axis=0)
    if name in BELOW_THE_NOSE:
        mask[int(examples[0]["landmarks"][2, 1]) - 8 :] = True  # cheeks, too
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH + 1, 2 * REACH + 1))
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0


@pytest.mark.parametrize("index", PEOPLE)
@pytest.mark.parametrize("name", TOGGLED_ATTRIBUTES)
def test_a_toggle_changes_its_label_and_its_neighbourhood_only(name, index):
    before, after = toggled(index, name)
    differing = {n for n in ATTRIBUTE_NAMES if has(before, n) != has(after, n)}
    assert name in differing and differing - {name} <= TAKES_ALONG.get(name, set())
    assert before["identity"] == after["identity"] and before["yaw"] == after["yaw"]
    difference = np.abs(before["image"].astype(int) - after["image"]).mean(-1)
    inside = near(name, before, after)
    assert 0.02 < inside.mean() < 0.9
    assert difference[inside].max() > 10  # the toggle shows
    assert difference[~inside].mean() < 0.4 and difference[~inside].max() < 16  # JPEG's blocks
    if name in KEEPS_LANDMARKS:
        np.testing.assert_array_equal(before["landmarks"], after["landmarks"])
    else:
        assert 0.1 < np.abs(before["landmarks"] - after["landmarks"]).max() < 6


@pytest.mark.parametrize("index", PEOPLE)
def test_toggling_to_what_is_there_changes_nothing(index):
    before = shown(index)
    for name in ("Male", "Eyeglasses", "Bald", "Blond_Hair", "Mouth_Slightly_Open"):
        after = shown(index, **{name: has(before, name)})
        for key, value in before.items():
            np.testing.assert_array_equal(value, after[key], err_msg=f"{name}, {key}")


@pytest.mark.parametrize("index", PEOPLE)
def test_labels_agree_with_what_is_drawn(index):
    def count(example, part):
        return int((with_glasses(example) == PARSING_NAMES.index(part)).sum())

    assert count(shown(index, Eyeglasses=1), "glasses") > 20
    assert count(shown(index, Eyeglasses=0), "glasses") == 0
    assert count(shown(index, Bald=1), "hair") == 0 < count(shown(index, Bald=0), "hair")
    brows = [
        count(shown(index, Bushy_Eyebrows=v), "left brow")
        + count(shown(index, Bushy_Eyebrows=v), "right brow")
        for v in (0, 1)
    ]
    assert brows[1] > 1.15 * brows[0]
    mouths = [count(shown(index, Mouth_Slightly_Open=v), "inner mouth") for v in (0, 1)]
    assert mouths[1] > mouths[0]
    for name in ("Black_Hair", "Blond_Hair", "Brown_Hair"):
        assert has(shown(index, **{name: 1}), name)
    hair = {}
    for color in ("Black", "Brown", "Blond"):
        example = shown(index, **{f"{color}_Hair": 1})
        hair[color] = example["image"][example["parsing"] == PARSING_NAMES.index("hair")].mean()
    assert hair["Black"] < hair["Brown"] < hair["Blond"]
    skin = {}
    for pale in (0, 1):
        example = shown(index, Pale_Skin=pale)
        skin[pale] = example["image"][example["parsing"] == PARSING_NAMES.index("skin")].mean()
    assert skin[1] > skin[0] + 5


def test_bangs_cover_the_forehead_and_leave_the_other_strands():
    without, with_ = shown(7, Bangs=0), shown(7, Bangs=1)
    hair = PARSING_NAMES.index("hair")
    forehead = (without["parsing"] == PARSING_NAMES.index("skin")) & (with_["parsing"] == hair)
    assert forehead.sum() > 60
    rows = np.nonzero(forehead)[0]
    assert rows.max() < with_["landmarks"][0, 1] + 4  # above the eyes
    from zoo.data.synthfaces.renderer import sitter_of

    strands = [sitter_of(1, 7, SIZE, (("Bangs", bangs),)).hair for bangs in (False, True)]
    same = (strands[0].points == strands[1].points).all((1, 2))
    assert 0.6 < same.mean() < 0.98
    front = strands[0].points[~same][:, 0]  # their roots
    assert front[:, 2].min() > 0.5 and np.abs(front[:, 0]).max() < 0.7
    np.testing.assert_array_equal(strands[0].brightness, strands[1].brightness)


def test_beard_and_moustache_are_the_same_hairs_in_every_combination():
    from zoo.data.synthfaces.renderer import sitter_of

    def roots(**wanted):
        sitter = sitter_of(1, 3, SIZE, tuple(sorted(wanted.items())))
        found = sitter.beard
        return set() if found is None else set(map(float, found.brightness))

    full = roots(No_Beard=False, Mustache=True)
    beard, moustache = roots(No_Beard=False, Mustache=False), roots(No_Beard=True, Mustache=True)
    assert beard < full and moustache < full and roots(No_Beard=True, Mustache=False) == set()
    assert len(full - beard - moustache) < 0.02 * len(full)  # the rest grows between the two


def test_several_attributes_at_once():
    example = shown(7, Eyeglasses=1, Blond_Hair=1, Bangs=0, Young=0)
    wanted = {"Eyeglasses": 1, "Blond_Hair": 1, "Black_Hair": 0, "Bangs": 0, "Young": 0}
    assert {name: has(example, name) for name in wanted} == wanted


def test_the_frontal_partner_shows_the_same_person():
    faces = synthfaces.SynthFaces(64, seed=1, views_per_identity=1, poses="multipie")
    before, after = faces.render(3), faces.render(3, {"Eyeglasses": 0})
    assert has(before, "Eyeglasses") and not has(after, "Eyeglasses")
    for key in ("image", "frontal"):
        assert np.abs(before[key].astype(int) - after[key]).max() > 30
        rows = slice(48, None)  # below the glasses
        assert np.abs(before[key][rows].astype(int) - after[key][rows]).mean() < 0.2
    np.testing.assert_array_equal(before["frontal_landmarks"], after["frontal_landmarks"])


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            {"Glasses": 1},
            r"Attribute 'Glasses' cannot be forced; legal: Bald.*Did you mean 'Eyeglasses'",
        ),
        ({"Male": 2}, r"Attribute Male is 2; legal: 0, 1"),
        ({"Bald": 1, "Bangs": 1}, r"Bald and Bangs exclude each other"),
        ({"Black_Hair": 1, "Blond_Hair": 1}, r"Black_Hair and Blond_Hair exclude each other"),
    ],
)
def test_impossible_attributes_are_refused(attributes, message):
    with pytest.raises(ZooError, match=message):
        synthfaces.SynthFaces(32).render(0, attributes)
