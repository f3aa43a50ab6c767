"""Asks a model behind TensorFlow Serving's gRPC interface. Needs tensorflow-serving-api.

    python grpc_client.py 127.0.0.1:8500 sc_fegan \\
        --file image=face.jpg --file mask=hole.png --file sketch= --file color= \\
        --value seed=0 -o out.png

Options, inputs and exit codes are those of `rest_client.py`, which must lie beside it. Types come
from the server, which is asked for the model's signatures first.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow is here for its types only

import grpc
import numpy as np
import tensorflow as tf
from rest_client import Refused, arguments, deliver
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

LARGEST = 256 * 1024 * 1024
"""Of a message, bytes; gRPC's own limit of 4 MB is less than a large picture as numbers."""


class Client:
    """A connection to a server.

    Args:
        address: host and port.
        timeout: for each call, seconds.
    """

    def __init__(self, address: str, timeout: float = 60.0):
        limits = ("grpc.max_send_message_length", "grpc.max_receive_message_length")
        self.channel = grpc.insecure_channel(address, [(limit, LARGEST) for limit in limits])
        self.stub = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.timeout = timeout

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_) -> None:
        self.channel.close()

    def input_types(self, model: str, signature: str) -> dict[str, tf.DType]:
        """Input -> type, as the server says.

        Raises:
            Refused: no such model or signature.
        """
        request = get_model_metadata_pb2.GetModelMetadataRequest()
        request.model_spec.name = model
        request.metadata_field.append("signature_def")
        answer = self._call(self.stub.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(signatures)
        if signature not in signatures.signature_def:
            raise Refused(f"{model} has no signature {signature}")
        inputs = signatures.signature_def[signature].inputs
        return {key: tf.dtypes.as_dtype(info.dtype) for key, info in inputs.items()}

    def predict(
        self,
        model: str,
        inputs: dict[str, list | np.ndarray],
        *,
        signature: str = "predict_bytes",
        version: int | None = None,
    ) -> dict[str, np.ndarray]:
        """Sends a batch to a model.

        Args:
            model: its name on the server.
            inputs: input -> array or list, the first axis over the pictures; bytes for files.
            signature: name of the signature.
            version: of the model; None = the newest.

        Returns:
            Output -> array; files are bytes in an array of objects.

        Raises:
            Refused: the server answers with an error, or not in time.
        """
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.model_spec.signature_name = signature
        if version is not None:
            request.model_spec.version.value = version
        types = self.input_types(model, signature)
        for key, value in inputs.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value, types.get(key)))
        answer = self._call(self.stub.Predict, request)
        return {key: tf.make_ndarray(value) for key, value in answer.outputs.items()}

    def _call(self, method, request):
        try:
            return method(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise Refused(f"{error.code().name}: {error.details()}") from None


def main() -> None:
    options = arguments(__doc__, "host and port of the server, such as 127.0.0.1:8500")
    try:
        with Client(options.address) as client:
            batch = {key: [value] for key, value in options.row.items()}
            outputs = client.predict(options.model, batch, signature=options.signature)
    except Refused as error:
        print("error:", *str(error).split(), file=sys.stderr)
        sys.exit(2)
    ((result,),) = (value.tolist() for value in outputs.values())
    deliver(result, options.output)


if __name__ == "__main__":
    main()
