"""An ONNX graph with its constants held as numpy arrays, so that passes over it copy no weights."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper, numpy_helper

from zoo.errors import ZooError

Shape = tuple[int | str | None, ...]
"""Axis lengths; a string is a named dynamic axis, None an unknown one."""

SMALL = 1024
"""Constants of at most so many elements take part in shape inference by value (axes, pads, ...)."""


@dataclasses.dataclass
class Graph:
    """What a pass reads and returns. Passes never change a graph or a node that they were given.

    Attributes:
        nodes: in topological order.
        inputs: name -> ONNX type of each graph input.
        outputs: name -> ONNX type of each graph output.
        constants: name -> value. Layout changes of weights are numpy views.
        shapes: name -> shape of every tensor that shape inference could tell.
        opset: version of the default operator set.
    """

    nodes: list[onnx.NodeProto]
    inputs: dict[str, onnx.TypeProto]
    outputs: dict[str, onnx.TypeProto]
    constants: dict[str, np.ndarray]
    shapes: dict[str, Shape] = dataclasses.field(default_factory=dict)
    opset: int = 18

    def producers(self) -> dict[str, onnx.NodeProto]:
        """Tensor name -> the node that makes it."""
        return {name: node for node in self.nodes for name in node.output if name}

    def consumers(self) -> dict[str, list[onnx.NodeProto]]:
        """Tensor name -> the nodes that read it."""
        readers = defaultdict(list)
        for node in self.nodes:
            for name in dict.fromkeys(node.input):
                if name:
                    readers[name].append(node)
        return readers

    def rank(self, name: str) -> int | None:
        """Number of axes of a tensor, None when unknown."""
        if name in self.constants:
            return self.constants[name].ndim
        return len(self.shapes[name]) if name in self.shapes else None

    def replace(self, **changes) -> Graph:
        """Returns a copy with some fields exchanged."""
        return dataclasses.replace(self, **changes)


def from_proto(model: onnx.ModelProto, weights: dict[str, np.ndarray] | None = None) -> Graph:
    """Reads a model into a `Graph` and infers its shapes.

    Args:
        model: the model.
        weights: further constants that its nodes read.

    Raises:
        ZooError: the graph holds control flow (`If`, `Loop`, `Scan`), which no pass looks into.
    """
    for node in model.graph.node:
        if any(entry.HasField("g") or entry.graphs for entry in node.attribute):
            raise ZooError(f"the call holds control flow ({node.op_type}); unroll its loops")
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    graph = Graph(
        nodes=list(model.graph.node),
        inputs={value.name: value.type for value in model.graph.input},
        outputs={value.name: value.type for value in model.graph.output},
        constants={t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        | (weights or {}),
        opset=opset,
    )
    return infer_shapes(graph)


def to_proto(graph: Graph, *, inline: int | None = None) -> onnx.ModelProto:
    """Builds a model whose larger constants are declared as graph inputs instead of stored.

    Args:
        graph: the graph.
        inline: constants of more elements than this become inputs; None stores them all.
    """
    initializers, declared = [], []
    for name, value in graph.constants.items():
        if inline is None or value.size <= inline:
            initializers.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        else:
            kind = helper.np_dtype_to_tensor_dtype(value.dtype)
            declared.append(helper.make_tensor_value_info(name, kind, value.shape))
    inputs = [helper.make_value_info(name, kind) for name, kind in graph.inputs.items()]
    proto = helper.make_graph(
        graph.nodes,
        "zoo",
        inputs + declared,
        [helper.make_value_info(name, kind) for name, kind in graph.outputs.items()],
        initializers,
    )
    opsets = [helper.make_opsetid("", graph.opset)]
    version = helper.find_min_ir_version_for(opsets)
    return helper.make_model(proto, opset_imports=opsets, ir_version=version)


def infer_shapes(graph: Graph) -> Graph:
    """Returns the graph with `shapes` filled in; no weight is copied for it."""
    model = onnx.shape_inference.infer_shapes(to_proto(graph, inline=SMALL), data_prop=True)
    values = [*model.graph.input, *model.graph.value_info, *model.graph.output]
    shapes = {value.name: shape_of(value.type) for value in values if known_rank(value.type)}
    return graph.replace(shapes=shapes)


def known_rank(kind: onnx.TypeProto) -> bool:
    """Whether a tensor type says how many axes it has."""
    return kind.tensor_type.HasField("shape")


def shape_of(kind: onnx.TypeProto) -> Shape:
    """The shape in a tensor type."""
    return tuple(
        axis.dim_value if axis.HasField("dim_value") else (axis.dim_param or None)
        for axis in kind.tensor_type.shape.dim
    )


def attribute(node: onnx.NodeProto, name: str, default=None):
    """Value of a node's attribute, or `default` where the node has none."""
    for entry in node.attribute:
        if entry.name == name:
            return helper.get_attribute_value(entry)
    return default


def with_attribute(node: onnx.NodeProto, name: str, value) -> onnx.NodeProto:
    """Returns a copy of the node with one attribute set."""
    copy = renamed(node, {})
    kept = [entry for entry in copy.attribute if entry.name != name]
    del copy.attribute[:]
    copy.attribute.extend([*kept, helper.make_attribute(name, value)])
    return copy


def renamed(node: onnx.NodeProto, names: dict[str, str]) -> onnx.NodeProto:
    """Returns a copy of the node with input and output tensors renamed."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = [names.get(name, name) for name in node.input]
    copy.output[:] = [names.get(name, name) for name in node.output]
    return copy


def fresh_name(wanted: str, taken: Iterable[str]) -> str:
    """Returns `wanted`, or `wanted_2`, `wanted_3`, ... when it is taken."""
    taken = taken if isinstance(taken, (set, dict)) else set(taken)
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}_{count}"
    return name


def topological(nodes: Iterable[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Sorts nodes so that each comes after the makers of its inputs; keeps the order otherwise."""
    nodes = list(nodes)
    maker = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    done: set[int] = set()
    ordered = []
    for start in range(len(nodes)):
        stack = [start]
        while stack:
            index = stack[-1]
            waiting = [
                maker[name]
                for name in nodes[index].input
                if name in maker and maker[name] not in done
            ]
            if index not in done and waiting:
                stack.extend(reversed(waiting))
                continue
            stack.pop()
            if index not in done:
                done.add(index)
                ordered.append(nodes[index])
    return ordered
