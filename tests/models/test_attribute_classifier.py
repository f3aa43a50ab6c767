import numpy as np
import pytest

import zoo
from zoo.attributes import CELEBA_ATTRIBUTES
from zoo.errors import ZooError
from zoo.testing.suite import compiled, small_model, training_batch


def test_full_size_parameter_counts():
    model = zoo.create("attribute_classifier")
    trained = sum(int(np.prod(v.shape)) for v in model.classifier.trainable_variables)
    assert trained == 3_297_944
    assert model.classifier.count_params() == 3_299_928
    assert model.attribute_names == CELEBA_ATTRIBUTES and len(CELEBA_ATTRIBUTES) == 40


def test_norms_are_those_of_the_release():
    norms = small_model("attribute_classifier").classifier.norms
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}


def test_losses_by_hand():
    model = compiled(small_model("attribute_classifier"))
    batch = training_batch(model, 4)
    outputs = model.forward(batch)
    losses = model.classifier_losses(batch, outputs)
    p = 1 / (1 + np.exp(-outputs["logits"].numpy()))
    labels = batch["attributes"].numpy()
    expected = -(labels * np.log(p) + (1 - labels) * np.log(1 - p)).mean()
    np.testing.assert_allclose(losses["attributes"], expected, rtol=1e-5)
    kernels = [v.numpy() for v in model.classifier.variables if v.path.endswith("kernel")]
    squares = sum((kernel**2).sum() for kernel in kernels)
    np.testing.assert_allclose(losses["weight_decay"], squares / 2, rtol=1e-5)
    assert model.loss_weights == {"classifier": {"attributes": 1.0, "weight_decay": 1e-4}}


def test_call_uses_moving_statistics():
    model = small_model("attribute_classifier")
    image = training_batch(model, 3)["image"]
    one = model({"image": image[:1]}).numpy()
    assert one.shape == (1, 13)
    np.testing.assert_allclose(model({"image": image}).numpy()[:1], one, atol=1e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 100}, "image_size is 100; legal are multiples of 32"),
        ({"width": 5.0}, "width is 5.0"),
        ({"attribute_names": []}, "attribute_names are empty"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ZooError, match=message):
        zoo.create("attribute_classifier", **arguments)
