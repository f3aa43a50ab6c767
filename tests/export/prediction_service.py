"""A SavedModel behind the official gRPC interface of TensorFlow Serving, for its clients' tests."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers `Predict` and `GetModelMetadata` for one model."""

    def __init__(self, name: str, path):
        self.name = name
        self.loaded = tf.saved_model.load(path)
        graph = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        self.definitions = graph.meta_graphs[0].signature_def

    def Predict(self, request, context):
        spec = request.model_spec
        if spec.name != self.name:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found: {spec.name}")
        function = self.loaded.signatures[spec.signature_name or "serving_default"]
        definition = self.definitions[spec.signature_name or "serving_default"]
        sent, expected = set(request.inputs), set(definition.inputs)
        if sent != expected:
            message = f"input keys {sorted(sent)}; expected {sorted(expected)}"
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)
        for key, tensor in request.inputs.items():
            if tensor.dtype != definition.inputs[key].dtype:
                message = f"{key} has type {tensor.dtype}"
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)
        inputs = {k: tf.constant(tf.make_ndarray(v)) for k, v in request.inputs.items()}
        try:
            outputs = function(**inputs)
        except tf.errors.InvalidArgumentError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
        answer = predict_pb2.PredictResponse()
        answer.model_spec.CopyFrom(spec)
        for key, value in outputs.items():
            answer.outputs[key].CopyFrom(tf.make_tensor_proto(value.numpy()))
        return answer

    def GetModelMetadata(self, request, context):
        if request.model_spec.name != self.name:
            message = f"Servable not found: {request.model_spec.name}"
            context.abort(grpc.StatusCode.NOT_FOUND, message)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in self.definitions.items():
            signatures.signature_def[name].CopyFrom(definition)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.model_spec.CopyFrom(request.model_spec)
        answer.metadata["signature_def"].Pack(signatures)
        return answer


@contextmanager
def running(name: str, path) -> Iterator[str]:
    """Serves a SavedModel on a free port of the loopback; yields its address."""
    limits = ("grpc.max_send_message_length", "grpc.max_receive_message_length")
    server = grpc.server(ThreadPoolExecutor(2), options=[(limit, 2**28) for limit in limits])
    service = PredictionService(name, path)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
