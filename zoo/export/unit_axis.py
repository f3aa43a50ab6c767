"""Removes a fifth axis of length 1, which keeps a region of an image network from changing layout.

Group normalisation with one channel a group (instance normalisation) reshapes an image to
(B, H, W, C, 1), normalises it there and reshapes it back.
"""

from __future__ import annotations

import numpy as np
import onnx

from zoo.export.graph import Graph, attribute, renamed
from zoo.export.layout import ELEMENTWISE, REDUCTIONS


def drop_unit_axis(graph: Graph) -> Graph:
    """Returns the graph with what lies between two such reshapes computed on four axes."""
    region = _region(graph)
    constants, alias, nodes = dict(graph.constants), {}, []
    for node in graph.nodes:
        if _leaves(graph, node, region):
            alias[node.output[0]] = alias.get(node.input[0], node.input[0])
        elif node.op_type == "Reshape" and node.output[0] in region:
            alias[node.output[0]] = alias.get(node.input[0], node.input[0])
        else:
            if node.output[0] in region:
                node = _without_axis(node, constants)
            nodes.append(renamed(node, alias) if alias.keys() & set(node.input) else node)
    shapes = {n: s[:-1] if n in region else s for n, s in graph.shapes.items()}
    return graph.replace(nodes=nodes, constants=constants, shapes=shapes)


def _region(graph: Graph) -> set[str]:
    """The tensors (..., 1) of five axes whose makers and readers can all do without the last."""
    producers, consumers = graph.producers(), graph.consumers()
    region = {
        name
        for name, shape in graph.shapes.items()
        if name in producers and name not in graph.outputs and len(shape) == 5 and shape[4] == 1
    }
    while True:
        stuck = {
            name
            for name in region
            if not _fits(graph, producers[name], region)
            or not all(
                _fits(graph, node, region) or _leaves(graph, node, region)
                for node in consumers[name]
            )
        }
        if not stuck:
            return region
        region -= stuck


def _fits(graph: Graph, node: onnx.NodeProto, region: set[str]) -> bool:
    """Whether a node makes tensors of the region, from them or by adding the axis."""
    if not region.issuperset(node.output):
        return False
    if node.op_type == "Reshape":
        source = graph.shapes.get(node.input[0], (None,))
        return None not in source and source == graph.shapes[node.output[0]][:-1]
    if node.op_type in ELEMENTWISE:
        values = [graph.constants[name] for name in node.input if name in graph.constants]
        others = {name for name in node.input if name and name not in graph.constants}
        return others <= region and all(
            value.size == 1 or (value.ndim == 5 and value.shape[4] == 1) for value in values
        )
    if node.op_type in REDUCTIONS and len(node.input) > 1:
        axes = graph.constants.get(node.input[1])
        kept = attribute(node, "keepdims", 1) and node.input[0] in region
        return bool(kept and axes is not None and np.any(axes % 5 != 4))
    return False


def _leaves(graph: Graph, node: onnx.NodeProto, region: set[str]) -> bool:
    """Whether a node reshapes a tensor of the region back to four axes."""
    if node.op_type != "Reshape" or node.input[0] not in region or node.output[0] in graph.outputs:
        return False
    source = graph.shapes[node.input[0]][:-1]
    return None not in source and source == graph.shapes.get(node.output[0])


def _without_axis(node: onnx.NodeProto, constants: dict[str, np.ndarray]) -> onnx.NodeProto:
    """The node on four axes; adds the constants that it reads then."""
    new = renamed(node, {})
    for position, name in enumerate(node.input):
        value = constants.get(name)
        if value is None:
            continue
        if node.op_type in REDUCTIONS and position == 1:
            value = value[value % 5 != 4] % 5
        elif value.ndim == 5:
            value = value[..., 0]
        else:
            continue
        new.input[position] = f"{name}/unit"
        constants[new.input[position]] = value
    return new
