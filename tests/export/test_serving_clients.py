"""The clients of the deployment kit against servers of TensorFlow Serving's two interfaces.

REST is kserve's, in a process of its own; gRPC is the official service definition.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

import zoo.export
from zoo.export import parity

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
for folder in (
    HERE,
    ROOT / "requirements",
    ROOT / "export" / "clients",
    ROOT / "export/tf_serving",
):
    sys.path.insert(0, str(folder))
import grpc_client  # noqa: E402
import load  # noqa: E402
import make_kserve  # noqa: E402
import prediction_service  # noqa: E402
import rest_client  # noqa: E402


def photo(height, width, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def png(picture):
    return cv2.imencode(".png", picture)[1].tobytes()


def row(height=50, width=70, seed=0):
    """A job for `predict_bytes`."""
    mask = np.zeros((height, width), np.uint8)
    mask[height // 3 : height // 3 * 2, width // 4 : width // 2] = 255
    files = {"image_bytes": png(photo(height, width)), "mask_bytes": png(mask)}
    return {**files, "sketch_bytes": b"", "color_bytes": b"", "seed": seed}


def directly(loaded, *rows):
    """What the SavedModel itself answers."""
    inputs = {key: tf.constant([r[key] for r in rows]) for key in rows[0]}
    return loaded.signatures["predict_bytes"](**inputs)["image_out_bytes"].numpy().tolist()


@pytest.fixture(scope="module")
def saved_path(model, tmp_path_factory):
    return zoo.export.saved_model(model, tmp_path_factory.mktemp("served") / "1")


@pytest.fixture(scope="module")
def loaded(saved_path):
    return tf.saved_model.load(saved_path)


@pytest.fixture(scope="module")
def kserve(saved_path):
    """A kserve process with the model; its URL and process number."""
    command = [make_kserve.make(), HERE / "kserve_server.py", "sc_fegan", saved_path]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        port = server.stdout.readline().strip()
        assert port, "kserve ended at once"
        yield f"http://127.0.0.1:{port}", server.pid
        server.kill()


@pytest.fixture(scope="module")
def grpc_address(saved_path):
    with prediction_service.running("sc_fegan", saved_path) as address:
        yield address


# REST ------------------------------------------------------------------------------------------


def test_rest_answers_as_the_model(kserve, loaded):
    url, _ = kserve
    rows = [row(50, 70, 1), row(31, 20, 2), row(64, 64, 3)]
    found = rest_client.predict(url, "sc_fegan", rows)
    assert found == directly(loaded, *rows) and len(set(found)) == 3


def test_rest_takes_numbers(kserve, model):
    url, _ = kserve
    batch = parity.random_batch(model.input_shapes(), 2, 0, np.random.default_rng(0))
    rows = [{key: value[i].tolist() for key, value in batch.items()} for i in (0, 1)]
    found = rest_client.predict(url, "sc_fegan", rows, signature="serving_default")
    np.testing.assert_allclose(found, model(batch), atol=1e-5)


@pytest.mark.parametrize(
    "change, options, message",
    [
        ({"image_bytes": b"GIF89a"}, {}, "(?s)400: .*image_bytes.0. is neither a PNG nor a JPEG"),
        (
            {"mask_bytes": png(photo(9, 9)[..., 0])},
            {},
            "(?s)400: .*mask_bytes.0. is 9 x 9 .* 70 x 50",
        ),
        ({"seed": "no"}, {}, "400: .*'seed'"),
        ({}, {"signature": "nonsense"}, "400: .*nonsense"),
    ],
)
def test_rest_refusals(kserve, change, options, message):
    with pytest.raises(rest_client.Refused, match=message):
        rest_client.predict(kserve[0], "sc_fegan", [row() | change], **options)


def test_rest_without_model_or_server(kserve):
    with pytest.raises(rest_client.Refused, match="404.*stgan"):
        rest_client.predict(kserve[0], "stgan", [row()])
    with pytest.raises(OSError, match="refused"):
        rest_client.predict("http://127.0.0.1:9", "sc_fegan", [row()])


@pytest.fixture
def job(tmp_path):
    """Options of both clients' command lines, and the job itself."""
    values, options = row(), ["-o", tmp_path / "out.png", "--value", "seed=0"]
    for key in ("image", "mask"):
        (tmp_path / f"{key}.png").write_bytes(values[f"{key}_bytes"])
        options += ["--file", f"{key}={tmp_path / key}.png"]
    return values, [*options, "--file", "sketch=", "--file", "color="]


def run(client, *arguments):
    command = [sys.executable, ROOT / "export" / "clients" / client, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_rest_command_line(kserve, loaded, job, tmp_path):
    values, options = job
    done = run("rest_client.py", kserve[0], "sc_fegan", *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.png").read_bytes() == directly(loaded, values)[0]
    (tmp_path / "image.png").write_bytes(b"")
    done = run("rest_client.py", kserve[0], "sc_fegan", *options)
    assert done.returncode == 2 and "image_bytes[0] is empty" in done.stderr
    assert done.stderr.startswith("error: 400") and done.stderr.count("\n") == 1


# gRPC ------------------------------------------------------------------------------------------


def test_grpc_answers_as_the_model(grpc_address, loaded, model):
    rows = [row(50, 70, 1), row(31, 20, 2)]
    batch = {key: [r[key] for r in rows] for key in rows[0]}
    with grpc_client.Client(grpc_address) as client:
        found = client.predict("sc_fegan", batch, version=1)["image_out_bytes"]
        assert found.tolist() == directly(loaded, *rows)
        shapes = model.input_shapes(256)  # 3 MB of floats a picture: more than gRPC's own limit
        batch = parity.random_batch(shapes, 2, 0, np.random.default_rng(0))
        found = client.predict("sc_fegan", batch, signature="serving_default")["image_out"]
        np.testing.assert_allclose(found, model(batch), atol=1e-5)


def test_grpc_refusals(grpc_address):
    batch = {key: [value] for key, value in row().items()}
    with grpc_client.Client(grpc_address, timeout=20) as client:
        with pytest.raises(
            grpc_client.Refused, match=r"(?s)INVALID_ARGUMENT.*image_bytes\[0\] is empty"
        ):
            client.predict("sc_fegan", batch | {"image_bytes": [b""]})
        with pytest.raises(grpc_client.Refused, match="INVALID_ARGUMENT.*input keys"):
            client.predict("sc_fegan", {"image_bytes": [b""]})
        with pytest.raises(grpc_client.Refused, match="NOT_FOUND.*stgan"):
            client.predict("stgan", batch)
        with pytest.raises(grpc_client.Refused, match="no signature nonsense"):
            client.predict("sc_fegan", batch, signature="nonsense")
    with grpc_client.Client("127.0.0.1:9", timeout=5) as client:
        with pytest.raises(grpc_client.Refused, match="UNAVAILABLE"):
            client.predict("sc_fegan", batch)


def test_a_request_survives_the_official_protos(loaded):
    """Every signature's inputs and outputs through `PredictRequest` and back, as bytes."""
    from tensorflow_serving.apis import predict_pb2

    for name, function in loaded.signatures.items():
        request = predict_pb2.PredictRequest()
        request.model_spec.signature_name = name
        inputs = {}
        for key, spec in function.structured_input_signature[1].items():
            shape = [1, *(16 if side is None else side for side in spec.shape[1:])]
            if spec.dtype == tf.string:
                inputs[key] = tf.constant([row()[key]])
            else:
                inputs[key] = tf.cast(tf.ones(shape), spec.dtype)
            request.inputs[key].CopyFrom(tf.make_tensor_proto(inputs[key].numpy(), spec.dtype))
        again = predict_pb2.PredictRequest.FromString(request.SerializeToString())
        received = {k: tf.constant(tf.make_ndarray(v)) for k, v in again.inputs.items()}
        response = predict_pb2.PredictResponse()
        for key, value in function(**received).items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value.numpy()))
        answer = predict_pb2.PredictResponse.FromString(response.SerializeToString())
        for key, value in function(**inputs).items():
            np.testing.assert_array_equal(tf.make_ndarray(answer.outputs[key]), value.numpy())


# Load and faults -------------------------------------------------------------------------------


def test_two_hundred_requests_at_once(kserve, loaded):
    url, pid = kserve
    good = row()
    _, answer = load.send(url, "sc_fegan", load.body(good, "predict_bytes"))
    assert rest_client._from_json(json.loads(answer)["predictions"][0]) == directly(loaded, good)[0]
    memory = []
    for _ in range(3):
        ends, wrong = load.attack(url, "sc_fegan", good, 200)
        assert not wrong and ends.total() == 200 and ends["good: 200"] == 100
        assert len(ends) == 1 + len(load.hostile_bodies(good))
        memory.append(load.resident(pid))
    assert memory[-1] - memory[0] < 32e6, memory


def test_the_load_script_notices_what_is_wrong(monkeypatch):
    """A server that answers everything with 200, one that dies, one that changes its answer."""
    for reply, message in [
        ((200, b"same"), "bomb: 200"),
        ((0, b"gone"), "the good request is refused: 0"),
    ]:
        monkeypatch.setattr(load, "send", lambda *args, reply=reply: reply)
        _, wrong = load.attack("", "sc_fegan", row(), 40)
        assert any(message in line for line in wrong)
    answers = iter(range(10_000))
    monkeypatch.setattr(load, "send", lambda *args: (200, str(next(answers)).encode()))
    _, wrong = load.attack("", "sc_fegan", row(), 40)
    assert any(line.startswith("good: 200") for line in wrong)
