"""Small passes over an ONNX graph: folding, merging, removing. Each returns a new `Graph`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import helper

from zoo.export.graph import Graph, attribute, fresh_name, infer_shapes, renamed, with_attribute
from zoo.export.layout import to_channels_first

RANDOM = frozenset({"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike"}) | frozenset(
    {"RandomUniform", "RandomUniformLike"}
)
GROWTH = 1 << 20
"""Folding may add so many bytes to what the folded node read: no `Expand` fills the file."""


def simplify(graph: Graph) -> Graph:
    """Returns the graph after all passes, in an order that lets each one feed the next."""
    before = None
    while before != [node.SerializeToString() for node in graph.nodes]:
        before = [node.SerializeToString() for node in graph.nodes]
        for run in PASSES:
            graph = run(graph)
    return graph


def fold_constants(graph: Graph) -> Graph:
    """Computes every node that reads constants only. Layout changes of weights stay numpy views.

    The result is called `SOURCE/OPERATOR` after the largest constant that went in, so that a weight
    can still be told by its name.
    """
    from onnx.reference import ReferenceEvaluator

    constants, alias, nodes = dict(graph.constants), {}, []
    for node in graph.nodes:
        node = renamed(node, alias) if alias.keys() & set(node.input) else node
        names = [name for name in dict.fromkeys(node.input) if name]
        if (
            node.op_type in RANDOM
            or any(name not in constants for name in names)
            or set(node.output) & graph.outputs.keys()
        ):
            nodes.append(node)
            continue
        values = {name: constants[name] for name in names}
        results = _evaluate(node, values, graph.opset, ReferenceEvaluator)
        limit = sum(value.nbytes for value in values.values()) + GROWTH
        if sum(result.nbytes for result in results) > limit:
            nodes.append(node)
            continue
        source = max(names, key=lambda name: constants[name].nbytes, default=node.output[0])
        for name, result in zip(node.output, results, strict=True):
            alias[name] = fresh_name(f"{source}/{node.op_type}", constants)
            constants[alias[name]] = result
    return graph.replace(nodes=nodes, constants=constants)


def _evaluate(node, values, opset, evaluator) -> list[np.ndarray]:
    if node.op_type == "Transpose":
        (value,) = values.values()
        return [value.transpose(attribute(node, "perm"))]
    inputs = [
        helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for k, v in values.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
    model = helper.make_model(
        helper.make_graph([node], "node", inputs, outputs),
        opset_imports=[helper.make_opsetid("", opset)],
    )
    return [np.asarray(result) for result in evaluator(model).run(None, values)]


def merge_transposes(graph: Graph) -> Graph:
    """Joins a Transpose of a Transpose into one, and drops those that change nothing."""
    producers, alias, nodes = graph.producers(), {}, []
    for node in graph.nodes:
        node = renamed(node, alias) if alias.keys() & set(node.input) else node
        if node.op_type == "Transpose":
            order = tuple(attribute(node, "perm"))
            maker = producers.get(node.input[0])
            if maker is not None and maker.op_type == "Transpose":
                first = tuple(attribute(maker, "perm"))
                order = tuple(first[axis] for axis in order)
                new = renamed(node, {})
                new.input[0] = maker.input[0]
                node = with_attribute(new, "perm", order)
            if order == tuple(range(len(order))) and node.output[0] not in graph.outputs:
                alias[node.output[0]] = node.input[0]
                continue
            producers[node.output[0]] = node
        nodes.append(node)
    return graph.replace(nodes=nodes)


def remove_identities(graph: Graph) -> Graph:
    """Drops Identity nodes, those between a graph input and a graph output excepted."""
    alias, nodes = {}, []
    for node in graph.nodes:
        node = renamed(node, alias) if alias.keys() & set(node.input) else node
        if node.op_type == "Identity" and node.output[0] not in graph.outputs:
            alias[node.output[0]] = node.input[0]
        else:
            nodes.append(node)
    return graph.replace(nodes=nodes)


def unfold_tensordot(graph: Graph) -> Graph:
    """Multiplies a tensor of any rank by a matrix directly, not reshaped to rows and back."""
    producers, consumers, nodes = graph.producers(), graph.consumers(), []
    for node in graph.nodes:
        product = producers.get(node.input[0]) if node.op_type == "Reshape" else None
        if product is not None and product.op_type == "MatMul":
            rows = producers.get(product.input[0])
            if rows is not None and rows.op_type == "Reshape":
                source, target = (
                    graph.shapes.get(name) for name in (rows.input[0], node.output[0])
                )
                if (
                    source is not None
                    and target is not None
                    and None not in source
                    and source[:-1] == target[:-1]
                    and graph.shapes.get(rows.output[0], ())[-1:] == source[-1:]
                    and graph.rank(product.input[1]) == 2
                    and len(consumers[product.output[0]]) == 1
                ):
                    inputs = [rows.input[0], product.input[1]]
                    node = helper.make_node("MatMul", inputs, node.output, name=product.name)
        nodes.append(node)
    return graph.replace(nodes=nodes)


def fuse_bias(graph: Graph) -> Graph:
    """Moves the addition of one constant per channel into the convolution before it."""
    consumers = graph.consumers()
    makers = {
        node.output[0]: node for node in graph.nodes if node.op_type in ("Conv", "ConvTranspose")
    }
    constants, replaced, alias = dict(graph.constants), {}, {}
    for node in graph.nodes:
        if node.op_type != "Add" or node.output[0] in graph.outputs:
            continue
        for source, other in (node.input, reversed(node.input)):
            conv, bias = makers.get(source), graph.constants.get(other)
            if conv is None or bias is None or len(consumers[source]) > 1 or id(conv) in replaced:
                continue
            if source in graph.outputs:
                continue
            channels = graph.shapes[source][1]
            if not isinstance(channels, int) or not _per_channel(bias, channels):
                continue
            total = np.broadcast_to(bias.reshape(-1), channels).astype(bias.dtype)
            if len(conv.input) > 2 and conv.input[2]:
                if conv.input[2] not in constants:
                    continue
                total = total + constants[conv.input[2]]
            name = fresh_name(f"{other}/bias", constants)
            constants[name] = total
            new = renamed(conv, {})
            new.input[:] = [*conv.input[:2], name]
            replaced[id(conv)] = new
            alias[node.output[0]] = source
            break
    nodes = []
    for node in graph.nodes:
        if node.output[0] in alias:
            continue
        node = replaced.get(id(node), node)
        nodes.append(renamed(node, alias) if alias.keys() & set(node.input) else node)
    return graph.replace(nodes=nodes, constants=constants)


def _per_channel(value: np.ndarray, channels: int) -> bool:
    """Whether a constant broadcasts over NCHW with at most one value per channel."""
    return value.size == 1 or (
        value.size == channels and value.ndim >= 3 and value.shape[-3:] == (channels, 1, 1)
    )


def remove_dead(graph: Graph) -> Graph:
    """Drops nodes and constants that no output depends on."""
    wanted, nodes = set(graph.outputs), []
    for node in reversed(graph.nodes):
        if wanted & set(node.output):
            wanted.update(node.input)
            nodes.append(node)
    constants = {name: value for name, value in graph.constants.items() if name in wanted}
    return graph.replace(nodes=nodes[::-1], constants=constants)


PASSES: tuple[Callable[[Graph], Graph], ...] = (
    fold_constants,
    remove_identities,
    merge_transposes,
    remove_dead,
    infer_shapes,
    unfold_tensordot,
    remove_dead,
    to_channels_first,
    merge_transposes,
    remove_dead,
    infer_shapes,
    fuse_bias,
    remove_dead,
)
