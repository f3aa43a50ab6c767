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
    monkeypatch.setattr(study, "SEED", 3)
    made = study.pictures(2, 2)
    assert made.shape == (4, 32, 32, 3)
    yaws = [view_of(3, 1, number, "multipie").seen_yaw for number in range(20)]
    first = next(number for number, yaw in enumerate(yaws) if abs(yaw) <= 45)
    expected = study.take_picture(
        study.sitter_of(3, 1, 32), view_of(3, 1, first, "multipie"), 32
    ).image
    np.testing.assert_array_equal(made[2], expected)
