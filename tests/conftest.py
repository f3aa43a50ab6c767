import pytest

from zoo.testing.suite import small_model


@pytest.fixture(scope="session")
def preset(tmp_path_factory):
    """A preset directory of a tiny SC-FEGAN with random weights."""
    return small_model("sc_fegan").save_preset(tmp_path_factory.mktemp("preset") / "tiny")


def pytest_collection_modifyitems(config, items):
    if "full_size" not in (config.option.markexpr or ""):
        skip = pytest.mark.skip(reason="run with -m full_size")
        for item in items:
            if "full_size" in item.keywords:
                item.add_marker(skip)
