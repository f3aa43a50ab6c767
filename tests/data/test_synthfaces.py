"""SynthFaces: determinism, labels against pictures, both formats, resuming, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.data import synthfaces
from zoo.errors import ZooError


def test_rendering_is_a_function_of_seed_and_index():
    first = synthfaces.SynthFaces(64, seed=3).render(5)
    second = synthfaces.SynthFaces(64, seed=3).render(5)
    assert first["identity"] == 1
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key])


def test_both_formats_hold_what_is_rendered(tmp_path):
    faces = synthfaces.SynthFaces(64, seed=2, views_per_identity=2)
    for format in ("images", "tfrecord"):
        directory = synthfaces.generate(
            tmp_path / format, 3, 64, seed=2, views_per_identity=2, format=format, workers=1
        )
        dataset = synthfaces.open_dataset(directory)
        dataset.verify()
        assert len(dataset) == 3
        for index in range(3):
            expected, example = faces.render(index), dataset[index]
            for key, value in expected.items():
                np.testing.assert_array_equal(value, example[key], err_msg=key)
            assert example["sketch"].shape == (64, 64) and example["color"].shape == (64, 64, 3)


@pytest.mark.parametrize("size", [31, 513, 64.0])
def test_size_is_checked(size):
    with pytest.raises(ZooError, match=rf"size={size}.*32 to 512"):
        synthfaces.SynthFaces(size)
