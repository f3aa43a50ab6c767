import pytest

from zoo.testing.suite import small_model


@pytest.fixture(scope="session")
def preset(tmp_path_factory):
    """A preset directory of a tiny SC-FEGAN with random weights."""
    return small_model("sc_fegan").save_preset(tmp_path_factory.mktemp("preset") / "tiny")
