"""Names to models: what is refused before anything is built, and with which words."""

import pytest

import zoo
from zoo import registry
from zoo.errors import ZooError, did_you_mean

TINY = {"image_size": 32, "width": 0.0625}


def test_every_name_has_a_class_of_that_name():
    assert zoo.list_models() == sorted(registry.MODELS)
    for name in zoo.list_models():
        assert registry.model_class(name).zoo_name == name


def test_create_passes_arguments_on():
    model = zoo.create("sc_fegan", **TINY, alpha=3, depth=None, variant="paper")
    assert (model.default_size, model.width, model.alpha) == (32, 0.0625, 3)
    assert model.variant == "paper"


@pytest.mark.parametrize("name", ["sc_fegn", "SC_FEGAN", "", "zoo.gan:GANModel"])
def test_unknown_models(name):
    with pytest.raises(ZooError, match=f"^unknown model '{name}'; legal are .*sc_fegan") as error:
        zoo.create(name)
    assert ("Did you mean 'sc_fegan'?" in str(error.value)) == (name == "sc_fegn")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"imagesize": 32}, "unknown sc_fegan argument 'imagesize'; .*Did you mean 'image_size'"),
        ({"image_size": "32"}, "^sc_fegan argument image_size is '32'; legal is int$"),
        ({"image_size": 32.0}, "argument image_size is 32.0; legal is int$"),
        ({"image_size": True}, "argument image_size is True; legal is int$"),
        ({"width": "wide"}, "argument width is 'wide'; legal is float$"),
        ({"depth": "deep"}, r"argument depth is 'deep'; legal is int \| None$"),
        ({"alpha": None}, "argument alpha is None; legal is float$"),
        ({"variant": 5}, "argument variant is 5; legal is str$"),
        ({"loss_weights": [1]}, r"argument loss_weights is \[1\]; legal is dict"),
        ({"image_size": 33}, "^image_size is 33; legal are"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ZooError, match=message):
        zoo.create("sc_fegan", **{**TINY, **arguments})


@pytest.mark.parametrize(
    "name, hint",
    [("stpes", " Did you mean 'steps'?"), ("STEPS", ""), ("q", ""), (5, "")],
)
def test_did_you_mean(name, hint):
    assert did_you_mean(name, ["steps", "seed"]) == hint
