"""The studies of SynthFaces' data card, on numbers that can be checked by hand."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "synthfaces" / "study.py"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("study", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_discriminant_finds_what_tells_people_apart(study, monkeypatch):
    """People differ along x; the pictures of one differ along y, much more."""
    monkeypatch.setattr(study, "COMPONENTS", 2)
    monkeypatch.setattr(study, "DIRECTIONS", 1)
    who = np.repeat(np.arange(50), 4)
    noise = np.random.default_rng(0).normal(0, 30, 200)
    mean, direction = study.discriminant(np.stack([who.astype(float), noise], 1), who)
    np.testing.assert_allclose(mean, [24.5, noise.mean()])
    assert direction.shape == (2, 1)
    assert abs(direction[0, 0]) > 1000 * abs(direction[1, 0])


def test_the_report_of_three_people(study, capsys):
    """The third one's second picture looks like the first person."""
    study.report(np.eye(3), np.eye(3)[[0, 1, 0]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("same: 3 pairs") and lines[1].startswith("different: 6 pairs")
    # 1, 1, 0 against 1 and five zeros: (5.5 + 5.5 + 2.5) of 18
    assert lines[2] == "area under the ROC curve: 0.7500"
    assert lines[3] == "rank-1: 66.7 %"


def test_pictures_are_of_the_people_asked_for_and_turned_a_little(study, monkeypatch):
    from zoo.data.synthfaces.renderer import view_of

    monkeypatch.setattr(study, "SIZE", 32)
    made, who = study.pictures(3, 2, 2)
    assert made.shape == (4, 32, 32, 3) and who.tolist() == [0, 0, 1, 1]
    yaws = [view_of(3, 1, number, "multipie").seen_yaw for number in range(20)]
    first = next(number for number, yaw in enumerate(yaws) if abs(yaw) <= 45)
    expected = study.take_picture(
        study.sitter_of(3, 1, 32), view_of(3, 1, first, "multipie"), 32
    ).image
    np.testing.assert_array_equal(made[2], expected)
