import gc

import pytest

from zoo.testing.suite import small_model


@pytest.fixture(scope="session")
def preset(tmp_path_factory):
    """A preset directory of a tiny SC-FEGAN with random weights."""
    return small_model("sc_fegan").save_preset(tmp_path_factory.mktemp("preset") / "tiny")


@pytest.fixture(autouse=True, scope="module")
def _give_memory_back():
    """Models and their traced functions lie in reference cycles; some are of full size."""
    yield
    gc.collect()


def pytest_collection_modifyitems(config, items):
    if "full_size" not in (config.option.markexpr or ""):
        skip = pytest.mark.skip(reason="run with -m full_size")
        for item in items:
            if "full_size" in item.keywords:
                item.add_marker(skip)
