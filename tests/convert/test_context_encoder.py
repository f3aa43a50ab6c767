import sys
from pathlib import Path

import numpy as np
import pytest

import zoo.convert
from zoo.convert.context_encoder import discriminator_layers, generator_layers, official_shapes
from zoo.errors import ZooError

sys.path.insert(0, str(Path(__file__).parent))
from torch7_writer import Object, Tensor, dumps  # noqa: E402

FORMS = [(128, "center"), (128, "random"), (64, "random")]


def shapes(image_size=128, region="center", n_bottleneck=8, discriminator=False):
    layers = list(generator_layers(image_size, region, n_bottleneck))
    if discriminator:
        layers += discriminator_layers(image_size, region)
    return official_shapes(layers)


def make_tensors(**form):
    rng = np.random.default_rng(0)
    return {
        name: rng.uniform(0.5, 1.5, shape).astype("float32")
        for name, shape in shapes(**form).items()
    }


def network(tensors, prefix="netG", matrix=(), old=False):
    """nn modules of one network: containers, convolutions (some as matrices), batch norms."""
    children = {}
    for name, array in tensors.items():
        if not name.startswith(f"{prefix}."):
            continue
        index, rest = name.removeprefix(f"{prefix}.").split(".", 1)
        children.setdefault(int(index), {})[rest] = array
    modules = {}
    for index in range(1, max(children) + 2):
        fields = children.get(index)
        if fields is None:
            modules[index] = Object("nn.ReLU", {"inplace": True})
        elif any("." in key for key in fields):
            modules[index] = network(tensors, f"{prefix}.{index}", matrix, old)
        else:
            modules[index] = leaf(fields, f"{prefix}.{index}" in matrix, old)
    return Object("nn.Sequential", {"modules": modules, "train": True})


def leaf(fields, matrix, old):
    fields = {**fields, "gradWeight": Tensor(np.zeros(0, "f4"), (), ())}
    if fields["weight"].ndim == 1:
        if old:
            variance = fields.pop("running_var").astype("f8")
            fields["running_std"] = ((variance + 1e-5) ** -0.5).astype("f4")
        return Object("nn.SpatialBatchNormalization", {**fields, "eps": 1e-5})
    outputs, inputs, height, width = fields["weight"].shape
    if matrix:
        fields["weight"] = fields["weight"].reshape(outputs, -1)
        fields |= {"nOutputPlane": outputs, "nInputPlane": inputs, "kH": height, "kW": width}
    return Object("nn.SpatialConvolutionMM" if matrix else "nn.SpatialConvolution", fields)


@pytest.fixture(scope="module")
def tensors():
    return make_tensors()


def test_counts_of_the_release():
    release = shapes(n_bottleneck=4000)
    learned = {name: shape for name, shape in release.items() if "running" not in name}
    assert (len(learned), len(release)) == (40, 58)
    assert sum(int(np.prod(shape)) for shape in learned.values()) == 71_130_531
    assert release["netG.1.15.weight"] == (4000, 512, 4, 4)
    assert release["netG.4.weight"] == (4000, 512, 4, 4)
    assert release["netG.16.bias"] == (3,)


def check_values(model, tensors):
    """By position in the net, written independently of the converter's names."""
    generator = model.generator

    def of(name):
        return tensors[name].transpose(2, 3, 1, 0) if tensors[name].ndim == 4 else tensors[name]

    bottleneck = "netG.1.15" if model.default_size == 128 else "netG.1.12"
    first, last = generator.down[0].convolution, generator.last
    np.testing.assert_array_equal(first.kernel, of("netG.1.1.weight"))
    np.testing.assert_array_equal(first.bias, of("netG.1.1.bias"))
    second = generator.down[1]
    np.testing.assert_array_equal(second.convolution.kernel, of("netG.1.3.weight"))
    np.testing.assert_array_equal(second.normalization.gamma, of("netG.1.4.weight"))
    middle = generator.bottleneck
    np.testing.assert_array_equal(middle.convolution.kernel, of(f"{bottleneck}.weight"))
    np.testing.assert_array_equal(middle.normalization.beta, of("netG.2.bias"))
    np.testing.assert_array_equal(middle.normalization.moving_mean, of("netG.2.running_mean"))
    np.testing.assert_array_equal(generator.up[0].convolution.kernel, of("netG.4.weight"))
    norm = generator.up[-1].normalization
    end = {(128, "center"): 16, (128, "random"): 19, (64, "random"): 16}[
        model.default_size, model.region
    ]
    np.testing.assert_allclose(norm.moving_variance, of(f"netG.{end - 2}.running_var"), rtol=1e-5)
    np.testing.assert_array_equal(last.kernel, of(f"netG.{end}.weight"))
    np.testing.assert_array_equal(last.bias, of(f"netG.{end}.bias"))


@pytest.mark.parametrize("options", [{}, {"old": True}, {"matrix": ("netG.1.1", "netG.1.15")}])
def test_a_file_is_converted(options, tensors, tmp_path, capsys):
    path = tmp_path / "paris_inpaintCenter.t7"
    path.write_bytes(dumps(network(tensors, **options), legacy="old" in options))
    model = zoo.convert.official("context_encoder", path)
    assert (model.default_size, model.region, model.n_bottleneck) == (128, "center", 8)
    assert model.variant == "official"
    check_values(model, tensors)
    assert "UC Berkeley" in capsys.readouterr().err and "UC Berkeley" in model.licence


@pytest.mark.parametrize(("image_size", "region"), FORMS)
def test_the_form_is_found(image_size, region):
    given = make_tensors(image_size=image_size, region=region, discriminator=True)
    model = zoo.convert.official("context_encoder", given)
    assert (model.default_size, model.region) == (image_size, region)
    check_values(model, given)
    discriminator = model.discriminator
    kernel = given["netD.3.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(discriminator.down[1].convolution.kernel, kernel)
    last = "netD.15" if (image_size, region) == (128, "random") else "netD.12"
    np.testing.assert_array_equal(discriminator.last.bias, given[f"{last}.bias"])
    batch = {
        "image": np.zeros((1, image_size, image_size, 3), "f4"),
        "mask": np.ones((1, image_size, image_size, 1), "f4"),
    }
    assert np.isfinite(model(batch)).all()


def test_missing_extra_and_misshapen_are_listed(tensors):
    broken = dict(tensors)
    broken["netG.7.wieght"] = broken.pop("netG.7.weight")
    broken["netG.5.bias"] = np.zeros(7, "f4")
    with pytest.raises(ZooError) as error:
        zoo.convert.official("context_encoder", broken)
    text = str(error.value)
    assert "missing (1): netG.7.weight" in text and "extra (1): netG.7.wieght" in text
    assert "misshapen (1): netG.5.bias is (7,), needs (512,)" in text
    with pytest.raises(ZooError, match=r"missing \(58\)"):
        zoo.convert.official("context_encoder", {})


def test_values_that_are_not_finite_are_refused(tensors):
    broken = {**tensors, "netG.16.bias": np.full(3, np.nan, "f4")}
    with pytest.raises(ZooError, match="deconv5/bias holds values that are not finite"):
        zoo.convert.official("context_encoder", broken)
    broken = {k: v for k, v in tensors.items() if k != "netG.2.running_var"}
    broken["netG.2.running_std"] = np.zeros(8, "f4")
    with pytest.raises(ZooError, match="not finite"):
        zoo.convert.official("context_encoder", broken)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1: 2.0}, "holds no network of Torch7's nn"),
        (np.zeros(3, "f4"), "holds no network"),
        (Object("nn.Sequential", {"modules": {}}), "holds no network"),
        (network({"netD.1.weight": np.zeros((1, 1, 4, 4), "f4")}, "netD"), "a discriminator"),
    ],
)
def test_other_files(value, message, tmp_path):
    path = tmp_path / "other.t7"
    path.write_bytes(dumps(value))
    with pytest.raises(ZooError, match=message):
        zoo.convert.official("context_encoder", path)
