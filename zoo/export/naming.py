"""Gives the nodes and tensors of a converted graph names that a reader of the model knows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import onnx

from zoo.export.graph import Graph, fresh_name, renamed

NOISE = re.compile(r"^(Stateful)?PartitionedCall(_\d+)?$")


def readable(graph: Graph, weights: Collection[str], layers: Collection[str], model: str) -> Graph:
    """Returns the graph with every name set anew.

    Weights are called by their variable's path, also where a pass changed their layout. Nodes are
    called `LAYER/OPERATOR` after the layer that they came from, their outputs likewise, and the
    other constants `NODE/INPUT` after their first reader.

    Args:
        graph: a simplified graph.
        weights: paths of the model's variables; a constant called `PATH/...` derives from one.
        layers: names of the model's layers.
        model: name of the outermost layer, left out of the names.
    """
    known = {*layers, model}
    tensors = {name: name for name in (*graph.inputs, *graph.outputs)}
    taken = set(tensors)
    for name in graph.constants:
        origin = _origin(name, weights)
        if origin is not None:
            tensors[name] = _take(origin, taken)
    nodes = []
    for node in graph.nodes:
        scope = _scope(node.name, known, model)
        label = _take("/".join([*scope, node.op_type]), taken)
        for name, formal in zip(node.input, _formal_inputs(node), strict=True):
            if name in graph.constants and name not in tensors:
                tensors[name] = _take(f"{label}/{formal}", taken)
        for index, name in enumerate(node.output):
            if name and name not in tensors:
                wanted = label if len(node.output) == 1 else f"{label}/{index}"
                tensors[name] = wanted if len(node.output) == 1 else _take(wanted, taken)
        new = renamed(node, tensors)
        new.name = label
        nodes.append(new)
    return graph.replace(
        nodes=nodes,
        constants={tensors[name]: value for name, value in graph.constants.items()},
        shapes={tensors[name]: s for name, s in graph.shapes.items() if name in tensors},
    )


def _take(wanted: str, taken: set[str]) -> str:
    name = fresh_name(wanted, taken)
    taken.add(name)
    return name


def _origin(name: str, weights: Collection[str]) -> str | None:
    """The variable path that a constant's name begins with."""
    parts = name.split("/")
    heads = ("/".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((head for head in heads if head in weights), None)


def _scope(name: str, known: set[str], model: str) -> list[str]:
    """The layers in a node's name. Tracing numbers its scopes: `conv_1` is the layer `conv`."""
    parts = []
    for part in name.split("/")[:-1]:
        part = part.partition(":")[0]
        stem = part
        while stem not in known and re.search(r"_\d+$", stem):
            stem = stem.rpartition("_")[0]
        if not NOISE.match(part):
            parts.append(stem if stem in known else part)
    return parts[1:] if parts[:1] == [model] else parts


def _formal_inputs(node: onnx.NodeProto) -> Iterable[str]:
    """What the operator calls its inputs, in lower case; variadic inputs are numbered."""
    try:
        formal = [entry.name.lower() for entry in onnx.defs.get_schema(node.op_type).inputs]
    except onnx.defs.SchemaError:
        formal = []
    count = len(node.input)
    return [formal[i] if i < len(formal) else f"input_{i}" for i in range(count)]
