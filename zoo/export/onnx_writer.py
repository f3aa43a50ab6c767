"""Writes a model's inference call as ONNX."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import keras
import numpy as np
import onnx as onnx_format
import tensorflow as tf
import tf2onnx
from onnx import TensorProto, helper

from zoo.errors import ZooError
from zoo.export.graph import Graph, from_proto, renamed, to_proto
from zoo.export.inference import (
    card,
    check_captures,
    check_model,
    check_target,
    float32_twin,
    inference_function,
    input_specs,
)
from zoo.export.naming import readable
from zoo.export.onnx_file import write
from zoo.export.onnx_precision import half_weights, quantize, quantized_nodes
from zoo.export.passes import simplify
from zoo.export.precision import calibration_batches, check_precision
from zoo.files import atomic_path
from zoo.gan import GANModel, named_variables

OPSETS = (18,)
INLINE = 1024
"""Constants of more elements go past protobuf, straight from the weights into the file."""


def onnx(
    model: GANModel,
    path: str | os.PathLike,
    *,
    size: int | tuple[None, None] | None = None,
    opset: int = 18,
    precision: str = "float32",
    calibration: Iterable[dict] | None = None,
) -> Path:
    """Writes the inference call to one `.onnx` file (and a `.onnx.data` beside it above 1.5 GB).

    Inputs are the batch keys, NHWC float32, with a free axis `batch`; the output is
    `model.output_key`. Weights are called by their variables' paths and nodes by their layers. A
    model in mixed precision is written in float32. The metadata says model, task, licence, ranges.
    A network that un-pools may place a value otherwise than Keras where two maxima differ by less
    than rounding; see `zoo.export.verify`.

    Memory grows by at most about twice the weights beyond what the conversion of any small graph
    takes: it runs with the weights as inputs, and they are written one by one afterwards. Only
    int8 holds the graph as ONNX Runtime's quantiser does, several times.

    Args:
        model: a zoo model.
        path: file to write; ends in `.onnx`. Replaced in one step where it exists.
        size: side of the square images, pixels; None for the model's default; `(None, None)`
            leaves height and width free, for fully convolutional models. Sides must then still be
            multiples of `pad_multiple`, and shapes are computed at run time, which is slower.
        opset: version of the ONNX operator set.
        precision: of the weights: "float32"; "float16", half the file, computed in float32; or
            "int8", which also computes the convolutions in 8 bits. See `zoo.export.onnx_precision`.
        calibration: batches of the model's input keys, for int8; None renders SynthFaces.

    Returns:
        The path written.

    Raises:
        ZooError: the path, size, opset or precision is not legal, the model has no weights, or it
            cannot run with free height and width.
    """
    path = check_target(path)
    if path.suffix != ".onnx":
        raise ZooError(f"path is {path}; an ONNX file must end in .onnx")
    if path.is_dir():
        raise ZooError(f"path is {path}, a directory; give a file that ends in .onnx")
    if opset not in OPSETS:
        raise ZooError(f"opset is {opset!r}; legal: {', '.join(map(str, OPSETS))}")
    check_precision(precision)
    check_model(model)
    if size == (None, None) and model.fixed_size:
        raise ZooError(f"{model.zoo_name} needs a fixed size, {model.default_size} pixels")
    specs = input_specs(model, size, may_be_free=True)
    model = float32_twin(model)
    graph = build(model, specs, opset)
    if precision == "float16":
        graph = half_weights(graph)
    skeleton = to_proto(graph, inline=INLINE)
    onnx_format.checker.check_model(skeleton, full_check=True)
    large = {name: value for name, value in graph.constants.items() if value.size > INLINE}
    _describe(skeleton, large, {**card(model, specs), "precision": precision})
    if precision != "int8":
        write(path, skeleton, large)
        return path
    nodes = quantized_nodes(graph, named_variables(model.inference_variables()))
    side = size if isinstance(size, int) else None
    batches = calibration_batches(model, side, calibration)
    with atomic_path(path) as temporary:
        exact = temporary.with_name("float32.onnx")
        write(exact, skeleton, large)
        quantize(exact, temporary, nodes, batches)
        onnx_format.checker.check_model(str(temporary), full_check=True)
    return path


def build(model: GANModel, specs: dict[str, tf.TensorSpec], opset: int) -> Graph:
    """Converts the inference call and simplifies it; weights are views of the variables' memory.

    Args:
        model: a float32 model.
        specs: batch key -> spec, the first axis free.
        opset: version of the ONNX operator set.
    """
    variables = model.inference_variables()
    raw, output_shape = _convert(model, specs, variables, opset)
    paths = {f"weight_{index}": v.path for index, v in enumerate(variables)}
    weights = {
        path: np.asarray(memoryview(tf.convert_to_tensor(v.value)))
        for path, v in named_variables(variables).items()
    }
    nodes = [renamed(node, paths) for node in raw.graph.node]
    del raw.graph.node[:], raw.graph.input[:], raw.graph.output[:], raw.graph.value_info[:]
    raw.graph.node.extend(nodes)
    for key, spec in specs.items():
        raw.graph.input.append(_value(key, spec.shape))
    raw.graph.output.append(_value(model.output_key, output_shape))
    graph = from_proto(raw, weights)
    layers = {layer.name for layer in model._flatten_layers()}
    return readable(simplify(graph), weights.keys(), layers, model.name)


def _value(name: str, shape: tf.TensorShape) -> onnx_format.ValueInfoProto:
    """Declares an image, map or vector; its free axes get names."""
    names = ("batch", "height", "width", "channels")
    axes = [name if side is None else side for name, side in zip(names, shape, strict=False)]
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [*axes, *shape[4:]])


def _convert(
    model: GANModel,
    specs: dict[str, tf.TensorSpec],
    variables: list[keras.Variable],
    opset: int,
) -> tuple[onnx_format.ModelProto, tf.TensorShape]:
    """Runs tf2onnx on the call with the weights as inputs `weight_0`, `weight_1`, ...

    With the weights inside, tf2onnx needs some 75 times their size: it copies the graph before each
    of its optimisation passes.
    """
    serve = inference_function(model)

    def stateless(batch, weights):
        with keras.StatelessScope(state_mapping=list(zip(variables, weights, strict=True))):
            return serve(**batch)

    weight_specs = [
        tf.TensorSpec(v.shape, v.dtype, name=f"weight_{i}") for i, v in enumerate(variables)
    ]
    function = tf.function(stateless, autograph=False)
    traced = function.get_concrete_function(specs, weight_specs)
    check_captures(model, traced, [])
    with _quiet():
        converted, _ = tf2onnx.convert.from_function(
            function, input_signature=[specs, weight_specs], opset=opset
        )
    return converted, traced.structured_outputs[model.output_key].shape


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences tf2onnx's progress messages; its errors still show."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _describe(
    skeleton: onnx_format.ModelProto, large: dict[str, np.ndarray], properties: dict
) -> None:
    """Adds the shapes of inner tensors and the card, and takes the weights out of the inputs."""
    inferred = onnx_format.shape_inference.infer_shapes(skeleton, data_prop=True)
    skeleton.graph.value_info.extend(inferred.graph.value_info)
    inputs = [value for value in skeleton.graph.input if value.name not in large]
    del skeleton.graph.input[:]
    skeleton.graph.input.extend(inputs)
    skeleton.producer_name = "zoo"
    skeleton.graph.name = properties["model"]
    plain = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in properties.items()
    }
    helper.set_model_props(skeleton, plain)
