"""Smaller numbers in ONNX files: float16 weights, and int8 for the layers with weights.

Inputs, outputs and what lies between the layers stay float32: a sigmoid gate or a normalisation
loses more in 8 bits than it gains, and known pixels must come back as they were.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from zoo.errors import ZooError
from zoo.export.graph import Graph, fresh_name

SMALL = 1024
"""Constants of at most so many elements stay float32: biases, scales, shapes."""

QUANTIZED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def half_weights(graph: Graph) -> Graph:
    """Stores weights as float16; a Cast, which runtimes fold when they load, makes them float32.

    Half the file, the speed of float32, and no overflow between the layers. A runtime that computes
    in float16 (TensorRT, for one) does so from the float32 file just as well.

    Raises:
        ZooError: a weight is larger than float16 can hold.
    """
    constants, nodes = {}, []
    for name, value in graph.constants.items():
        if value.dtype != np.float32 or value.size <= SMALL:
            constants[name] = value
            continue
        with np.errstate(over="ignore"):
            half = value.astype(np.float16)
        if not np.isfinite(half).all():
            raise ZooError(f"{name} does not fit into float16; use precision float32")
        stored = fresh_name(f"{name}/half", graph.constants)
        constants[stored] = half
        nodes.append(
            helper.make_node("Cast", [stored], [name], name=f"{name}/Cast", to=TensorProto.FLOAT)
        )
    return graph.replace(nodes=nodes + graph.nodes, constants=constants)


def quantized_nodes(graph: Graph, weights: Iterable[str]) -> list[str]:
    """Names of the nodes that multiply by one of the model's weights.

    Others that look alike are arithmetic, such as the sum over neighbouring channels in local
    response normalisation: it divides by the result, and 8 bits make it 0.

    Args:
        graph: a graph with the names that `readable` gave it.
        weights: paths of the model's variables.
    """
    known = set(weights)
    return [
        node.name
        for node in graph.nodes
        if node.op_type in QUANTIZED and known.intersection(node.input[1:2])
    ]


def quantize(
    source: Path, target: Path, nodes: list[str], batches: list[dict[str, np.ndarray]]
) -> None:
    """Writes a float32 ONNX file as int8: weights per channel, activations by their range.

    Args:
        source: file to read.
        target: file to write.
        nodes: names of the nodes that compute in int8.
        batches: calibration inputs.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.left = iter(batches)

        def get_next(self):
            return next(self.left, None)

    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it advises a pre-processing that the passes have done
    try:
        with warnings.catch_warnings(action="ignore"):
            quantize_static(
                source,
                target,
                Reader(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(QUANTIZED),
                nodes_to_quantize=nodes,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
    finally:
        logger.setLevel(level)
