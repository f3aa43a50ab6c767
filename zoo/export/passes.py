"""Small passes over an ONNX graph: folding, merging, removing. Each returns a new `Graph`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx
from onnx import helper

from zoo.export.graph import (
    Graph,
    Shape,
    attribute,
    fresh_name,
    infer_shapes,
    renamed,
    with_attribute,
)
from zoo.export.layout import TO_NCHW, TO_NHWC, to_channels_first
from zoo.export.unit_axis import drop_unit_axis

RANDOM = frozenset({"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike"}) | frozenset(
    {"RandomUniform", "RandomUniformLike"}
)
COMPARISONS = frozenset({"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"})
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

    The result is called `SOURCE/OPERATOR` after the largest float constant that went in, so that a
    weight can still be told by its name.
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
        source = max(
            names,
            key=lambda name: (constants[name].dtype.kind == "f", constants[name].nbytes),
            default=node.output[0],
        )
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


def share_nodes(graph: Graph) -> Graph:
    """Keeps one of each set of nodes that compute the same from the same."""
    first: dict[bytes, onnx.NodeProto] = {}
    alias, nodes = {}, []
    for node in graph.nodes:
        node = renamed(node, alias) if alias.keys() & set(node.input) else node
        bare = renamed(node, {})
        bare.ClearField("name")
        bare.ClearField("output")
        twin = first.setdefault(bare.SerializeToString(deterministic=True), node)
        same = twin is not node and len(twin.output) == len(node.output)
        if same and node.op_type not in RANDOM and not graph.outputs.keys() & set(node.output):
            alias.update(zip(node.output, twin.output, strict=True))
        else:
            nodes.append(node)
    return graph.replace(nodes=nodes)


def settle_reshapes(graph: Graph) -> Graph:
    """Turns a Reshape into nothing, a Transpose or one with a constant shape, where it is that.

    Shapes computed at run time mostly come from a free batch axis, for which a constant shape has
    signs of its own; and converters like to write a Transpose of axes of length 1 as a Reshape.
    """
    constants, alias, nodes = dict(graph.constants), {}, []
    for node in graph.nodes:
        node = renamed(node, alias) if alias.keys() & set(node.input) else node
        source, target = graph.shapes.get(node.input[0]), graph.shapes.get(node.output[0])
        if node.op_type == "Reshape" and source is not None and target is not None:
            target = _same_batch(source, target)
            order = _unit_axes_moved(source, target)
            if source == target and None not in target and node.output[0] not in graph.outputs:
                alias[node.output[0]] = node.input[0]
                continue
            if order is not None:
                node = helper.make_node(
                    "Transpose", [node.input[0]], node.output, name=node.name, perm=order
                )
            elif 0 not in target:
                node = _with_constant_shape(node, source, target, constants)
        nodes.append(node)
    return graph.replace(nodes=nodes, constants=constants)


def _same_batch(source: Shape, target: Shape) -> Shape:
    """The target with its free first axis called as the source's, where they are equally long."""
    known = all(isinstance(side, int) for side in (*source[1:], *target[1:]))
    if known and source[:1] and target[:1] and math.prod(source[1:]) == math.prod(target[1:]):
        return (source[0], *target[1:])
    return target


def _unit_axes_moved(source: Shape, target: Shape) -> tuple[int, ...] | None:
    """The axis order if a reshape of 4 axes does what a layout change does, else None."""
    if len(source) != 4 or len(target) != 4 or source == target or None in source:
        return None
    for order in (TO_NCHW, TO_NHWC):
        moving = [axis for axis in order if source[axis] != 1]
        if tuple(source[axis] for axis in order) == target and moving == sorted(moving):
            return order
    return None


def _with_constant_shape(node, source: Shape, target: Shape, constants: dict) -> onnx.NodeProto:
    """0 stands for the source's axis at the same place, -1 for what remains."""
    sides = [side if isinstance(side, int) else -1 for side in target]
    if sides[:1] == [-1] and source[:1] == target[:1] and target[0] is not None:
        sides[0] = 0
    old = constants.get(node.input[1])
    if sides.count(-1) > 1 or (old is not None and old.tolist() == sides):
        return node
    copy = renamed(node, {})
    copy.input[1] = fresh_name(f"{node.output[0]}/shape", constants)
    constants[copy.input[1]] = np.array(sides, np.int64)
    return copy


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


def fuse_reciprocal(graph: Graph) -> Graph:
    """Divides instead of multiplying by a reciprocal, as reciprocal roots are converted."""
    producers, nodes = graph.producers(), []
    for node in graph.nodes:
        if node.op_type == "Mul":
            for factor, other in (node.input, reversed(node.input)):
                maker = producers.get(other)
                if maker is not None and maker.op_type == "Reciprocal":
                    inputs = [factor, maker.input[0]]
                    node = helper.make_node("Div", inputs, node.output, name=node.name)
                    break
        nodes.append(node)
    return graph.replace(nodes=nodes)


def fuse_select(graph: Graph) -> Graph:
    """Chooses by Where instead of adding products with a condition and its negation."""
    producers, nodes = graph.producers(), []
    for node in graph.nodes:
        if node.op_type == "Add":
            factors = [_conditional(producers, name) for name in node.input]
            if None not in factors:
                (one, kept, first), (other, negated, second) = factors
                if one == other and kept != negated:
                    choice = [one, first, second] if kept else [one, second, first]
                    node = helper.make_node("Where", choice, node.output, name=node.name)
        nodes.append(node)
    return graph.replace(nodes=nodes)


def _conditional(producers: dict, name: str) -> tuple[str, bool, str] | None:
    """(condition, whether it is meant as it is, value) of `value * Cast(condition or its Not)`."""
    product = producers.get(name)
    if product is None or product.op_type != "Mul":
        return None
    for factor, value in (product.input, reversed(product.input)):
        cast = producers.get(factor)
        maker = producers.get(cast.input[0]) if cast is not None else None
        if cast is None or cast.op_type != "Cast" or maker is None:
            continue
        if maker.op_type == "Not":
            return maker.input[0], False, value
        if maker.op_type in COMPARISONS:
            return cast.input[0], True, value
    return None


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
    settle_reshapes,
    unfold_tensordot,
    fuse_select,
    drop_unit_axis,
    remove_dead,
    to_channels_first,
    merge_transposes,
    share_nodes,
    remove_dead,
    infer_shapes,
    fuse_bias,
    fuse_reciprocal,
    remove_dead,
)
