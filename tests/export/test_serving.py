"""The folder for TensorFlow Serving, read with the official protos."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

import zoo
import zoo.export
from zoo.errors import ZooError
from zoo.export import serving_folder
from zoo.testing.suite import small_model


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """A folder with SC-FEGAN and STGAN."""
    folder = tmp_path_factory.mktemp("serving") / "models"
    made = [zoo.export.serving(m, folder) for m in (model, small_model("stgan"))]
    assert [path.relative_to(folder).as_posix() for path in made] == ["sc_fegan/1", "stgan/1"]
    return folder


@pytest.fixture(scope="module")
def loaded(folder):
    """Name of a model -> its SavedModel."""
    return {name: tf.saved_model.load(folder / name / "1") for name in ("sc_fegan", "stgan")}


def requests(version):
    """The requests of a warm-up file."""
    path = version / "assets.extra" / "tf_serving_warmup_requests"
    for record in tf.data.TFRecordDataset(str(path)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        assert log.WhichOneof("log_type") == "predict_log"
        yield log.predict_log.request


def test_models_config_is_what_the_server_reads(folder):
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((folder / "models.config").read_text(), config)
    models = config.model_config_list.config
    assert [(m.name, m.base_path, m.model_platform) for m in models] == [
        ("sc_fegan", "/models/sc_fegan", "tensorflow"),
        ("stgan", "/models/stgan", "tensorflow"),
    ]


def test_nothing_but_whole_versions(folder):
    found = sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*"))
    assert found == ["sc_fegan/1", "stgan/1"]
    top = sorted(path.name for path in folder.iterdir())
    assert top == ["batching.config", "models.config", "sc_fegan", "stgan"]


def test_batching_config_names_fields_of_the_server(folder):
    lines = (folder / "batching.config").read_text().splitlines()
    fields = dict(line.split(" { value: ") for line in lines if not line.startswith("#"))
    assert {name: int(value.rstrip(" }")) for name, value in fields.items()} == {
        "max_batch_size": 8,
        "batch_timeout_micros": 2000,
        "num_batch_threads": 2,
        "max_enqueued_batches": 64,
    }


@pytest.mark.parametrize("name", ["sc_fegan", "stgan"])
def test_warm_up_runs_every_signature(folder, loaded, name):
    version, played = folder / name / "1", []
    for request in requests(version):
        signature = request.model_spec.signature_name
        function = loaded[name].signatures[signature]
        inputs = {k: tf.constant(tf.make_ndarray(v)) for k, v in request.inputs.items()}
        specs = function.structured_input_signature[1]
        assert {k: v.dtype for k, v in inputs.items()} == {k: s.dtype for k, s in specs.items()}
        (output,) = function(**inputs).values()
        assert len(output) == 1 and request.model_spec.name == name
        played.append(signature)
    assert sorted(played) == ["predict_bytes", "predict_uint8", "serving_default"]
    path = version / "assets.extra" / "tf_serving_warmup_requests"
    assert path.stat().st_size < 20_000


def test_a_session_serves_as_the_server_does(folder, loaded):
    """TensorFlow Serving runs the graph in a session by its tensors' names, without Python."""
    version = folder / "sc_fegan" / "1"
    functions, played = loaded["sc_fegan"].signatures, []
    for request in requests(version):
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        signature = request.model_spec.signature_name
        tensors = {key: tf.constant(value) for key, value in inputs.items()}
        ((key, expected),) = functions[signature](**tensors).items()
        played.append((signature, inputs, key, expected.numpy()))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        definitions = tf.compat.v1.saved_model.load(session, ["serve"], str(version)).signature_def
        for signature, inputs, key, expected in played:
            definition = definitions[signature]
            assert definition.method_name == "tensorflow/serving/predict"
            feed = {definition.inputs[name].name: value for name, value in inputs.items()}
            output = definition.outputs[key].name
            np.testing.assert_array_equal(session.run(output, feed), expected)
            if signature == "predict_bytes":
                feed[definition.inputs["image_bytes"].name] = [b""]
                message = r"image_bytes\[0\] is empty"
                with pytest.raises(tf.errors.InvalidArgumentError, match=message):
                    session.run(output, feed)


@pytest.mark.full_size
@pytest.mark.parametrize("name", zoo.list_models())
def test_every_model_at_full_size(name, tmp_path):
    """Its warm-up requests pass, and the graph holds no weights."""
    version = zoo.export.serving(zoo.create(name), tmp_path)
    loaded, played = tf.saved_model.load(version), 0
    for request in requests(version):
        inputs = {k: tf.constant(tf.make_ndarray(v)) for k, v in request.inputs.items()}
        (output,) = loaded.signatures[request.model_spec.signature_name](**inputs).values()
        assert output.dtype == tf.string or np.isfinite(output.numpy()).all()
        played += 1
    assert played == 3 and (version / "saved_model.pb").stat().st_size < 20e6


def test_warm_up_of_every_input():
    """Keys of the other models: a face for the landmarks, and nothing that is refused."""
    points = serving_folder._value("landmarks", 64, 1)
    from zoo.data.alignment import align

    np.testing.assert_allclose(align(points, 64).points(points), points, atol=1e-3)


def test_a_failure_leaves_the_folder_as_it_was(model, folder, monkeypatch):
    before = sorted(folder.rglob("*"))

    def fails(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(serving_folder, "saved_model", lambda *args, **options: args[1].mkdir())
    monkeypatch.setattr(serving_folder, "write_warmup", fails)
    with pytest.raises(OSError, match="No space"):
        zoo.export.serving(model, folder)
    assert sorted(folder.rglob("*")) == before


def test_versions_are_numbers_and_what_an_operator_wrote_stays(tmp_path, monkeypatch):
    def writes(model, directory, size):
        directory.mkdir()
        (directory / "saved_model.pb").write_bytes(b"")

    monkeypatch.setattr(serving_folder, "saved_model", writes)
    monkeypatch.setattr(serving_folder, "write_warmup", lambda *args: None)
    (tmp_path / "batching.config").write_text("max_batch_size { value: 3 }\n")
    (tmp_path / "notes").mkdir()
    (tmp_path / "stgan" / "latest").mkdir(parents=True)
    model = small_model("stgan")
    made = [zoo.export.serving(model, tmp_path)]
    writes(model, tmp_path / "stgan" / "9", None)
    made += [zoo.export.serving(model, tmp_path) for _ in range(2)]
    made.append(zoo.export.serving(model, tmp_path, name="stgan-seasons"))
    found = [path.relative_to(tmp_path).as_posix() for path in made]
    assert found == ["stgan/1", "stgan/10", "stgan/11", "stgan-seasons/1"]
    assert '"/models/stgan-seasons"' in (tmp_path / "models.config").read_text()
    assert (tmp_path / "batching.config").read_text() == "max_batch_size { value: 3 }\n"
    assert "notes" not in (tmp_path / "models.config").read_text()


def test_refusals(model, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(ZooError, match="a file; give a folder"):
        zoo.export.serving(model, tmp_path / "file")
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    with pytest.raises(ZooError, match="install the extra 'serving'"):
        zoo.export.serving(model, tmp_path / "models")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_command(preset, tmp_path, capsys, monkeypatch):
    from zoo import cli

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["zoo", "export", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, *capsys.readouterr()

    code, out, _ = run(preset, "--serving", tmp_path / "models", "--size", 48)
    assert code == 0 and out.startswith(str(tmp_path / "models/sc_fegan/1"))
    assert (tmp_path / "models/models.config").is_file()
    specs = tf.saved_model.load(tmp_path / "models/sc_fegan/1").signatures["serving_default"]
    assert specs.structured_input_signature[1]["image"].shape.as_list() == [None, 48, 48, 3]
    assert run(preset, "--serving", tmp_path, "-o", tmp_path / "x")[0] == 2
    code, _, error = run(preset, "--serving", tmp_path / "m", "--name", "../x")
    assert code == 2 and "name is '../x'" in error
    code, _, error = run(preset, "-o", tmp_path / "m", "--name", "x")
    assert code == 2 and "--name is for --serving" in error
    code, _, error = run(preset, "--serving", tmp_path / "m", "--format", "onnx")
    assert code == 2 and "--serving takes SavedModels" in error
    assert not (tmp_path / "m").exists()
