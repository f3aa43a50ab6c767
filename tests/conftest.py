import gc
import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores; before TensorFlow starts
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

from tensorflow.python.framework import ops

from zoo.testing.suite import small_model


@pytest.fixture(autouse=True, scope="session")
def _no_presets_of_the_developer(tmp_path_factory):
    """Whatever lies in the user's own store, the suite sees an empty one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("ZOO_PRESETS", raising=False)
        yield


@pytest.fixture(scope="session")
def preset(tmp_path_factory):
    """A preset directory of a tiny SC-FEGAN with random weights."""
    return small_model("sc_fegan").save_preset(tmp_path_factory.mktemp("preset") / "tiny")


@pytest.fixture(autouse=True)
def _forget_gradients():
    """What `tf.custom_gradient` registers while a graph is traced stays until the process ends, and
    holds the graph: gigabytes over this suite.
    """
    yield
    registered = ops.gradient_registry._registry
    for name in [name for name in registered if name.startswith("CustomGradient-")]:
        del registered[name]


@pytest.fixture(autouse=True, scope="module")
def _give_memory_back():
    """Models and their traced functions lie in reference cycles; some are of full size."""
    yield
    gc.collect()


def pytest_collection_modifyitems(config, items):
    """Tests with a marker of pyproject.toml run only where `-m` names it."""
    for marker in ("full_size", "browser"):
        if marker not in (config.option.markexpr or ""):
            skip = pytest.mark.skip(reason=f"run with -m {marker}")
            for item in items:
                if marker in item.keywords:
                    item.add_marker(skip)
