import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import zoo.convert
from zoo.convert import light_cnn
from zoo.errors import ZooError

GOLDEN = Path(__file__).parents[1] / "golden"
SHAPES = light_cnn.official_shapes()


@pytest.fixture(scope="module")
def tensors():
    rng = np.random.default_rng(0)
    return {name: rng.normal(0, 0.02, shape).astype("float32") for name, shape in SHAPES.items()}


def test_names_and_count():
    assert len(SHAPES) == 60
    assert sum(int(np.prod(shape)) for shape in SHAPES.values()) == 12_573_280
    fixture = json.loads((GOLDEN / "light_cnn_29.json").read_text(encoding="utf-8"))
    assert SHAPES == {v["name"]: tuple(v["shape"]) for v in fixture["variables"]}


def test_conversion_permutes_the_dense_layer_to_channels_last(tensors, capsys):
    model = zoo.convert.official("light_cnn", tensors)
    assert "licence code MIT; weights" in capsys.readouterr().err
    last_map = np.random.default_rng(1).random((1, 8, 8, 128)).astype("float32")
    flat = last_map.transpose(0, 3, 1, 2).reshape(1, -1)  # as PyTorch flattens it
    both = flat @ tensors["fc.filter.weight"].T + tensors["fc.filter.bias"]
    expected = np.maximum(both[:, :256], both[:, 256:])
    network = model.extractor
    np.testing.assert_allclose(network.fc(network.flatten(last_map)), expected, atol=1e-5)
    kernel = {v.path: v.numpy() for v in network.variables}["extractor/block3_2_conv1/kernel"]
    np.testing.assert_array_equal(
        kernel, tensors["block3.2.conv1.filter.weight"].transpose(2, 3, 1, 0)
    )


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_files_with_the_head_and_the_prefix_of_data_parallel(tensors, tmp_path, suffix):
    path = tmp_path / f"light_cnn.{suffix}"
    arrays = {f"module.{name}": array for name, array in tensors.items()}
    arrays["module.fc2.weight"] = np.zeros((5, 256), "float32")
    arrays["module.fc2.bias"] = np.zeros(5, "float32")
    if suffix == "npz":
        np.savez(path, **arrays)
    else:
        save_file(arrays, path)
    model = zoo.convert.official("light_cnn", path)
    values = {v.path: v.numpy() for v in model.extractor.variables}
    np.testing.assert_array_equal(
        values["extractor/group4_conv/bias"], tensors["group4.conv.filter.bias"]
    )


def test_missing_extra_and_misshapen_are_listed(tensors):
    broken = dict(tensors)
    broken["conv1.filter.weights"] = broken.pop("conv1.filter.weight")
    broken["fc.filter.bias"] = np.zeros(7, "float32")
    with pytest.raises(ZooError) as error:
        zoo.convert.official("light_cnn", broken)
    text = str(error.value)
    assert "missing (1): conv1.filter.weight" in text
    assert "extra (1): conv1.filter.weights" in text
    assert "misshapen (1): fc.filter.bias is (7,), needs (512,)" in text


def test_a_pickle_is_not_opened_and_the_way_out_is_named(tmp_path):
    path = tmp_path / "LightCNN_29Layers_checkpoint.pth.tar"
    path.write_bytes(b"cos\nsystem\n(S'touch harmed'\ntR.")
    with pytest.raises(ZooError, match="is a pickle.*weights_only=True"):
        zoo.convert.official("light_cnn", path)
    with pytest.raises(ZooError, match="no weights file at"):
        zoo.convert.official("light_cnn", tmp_path / "nowhere.npz")


def test_broken_and_hostile_npz(tmp_path, monkeypatch):
    path = tmp_path / "broken.npz"
    path.write_bytes(b"no archive")
    with pytest.raises(ZooError, match="not a whole .npz file"):
        light_cnn.read(path)
    objects = tmp_path / "objects.npz"
    np.savez(objects, a=np.array([{}], dtype=object))
    with pytest.raises(ZooError, match="of plain arrays"):
        light_cnn.read(objects)
    monkeypatch.setattr(light_cnn, "_MAX_BYTES", 1000)
    bomb = tmp_path / "bomb.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"\0" * 5000)
    with pytest.raises(ZooError, match="unpacks to 5000 bytes; at most 1000"):
        light_cnn.read(bomb)
