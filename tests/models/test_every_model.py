import pytest

import zoo
from zoo.testing.suite import ModelSuite


@pytest.mark.parametrize("name", zoo.list_models())
class TestEveryModel(ModelSuite):
    steps_to_fall = {"gfc": 60, "parsing_network": 100}
