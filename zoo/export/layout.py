"""Moves whole regions of an ONNX graph from NHWC to NCHW, so that their inner transposes vanish.

A converter from a channels-last framework puts a Transpose before and after every convolution. Most
of what lies between two convolutions does not care about the order of the axes. This pass finds the
maximal regions of such operators, and rewrites a region for NCHW where that needs fewer transposed
elements than before: Transposes at its border disappear, the others move to its border, which for a
convolutional network means to the inputs and the output of the graph.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import onnx
from onnx import helper

from zoo.export.graph import Graph, attribute, fresh_name, renamed, topological, with_attribute

TO_NCHW = (0, 3, 1, 2)
TO_NHWC = (0, 2, 3, 1)

ELEMENTWISE = frozenset(
    """Abs Add And Cast Ceil Clip Cos Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual
    HardSigmoid HardSwish Identity LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not
    Or PRelu Pow Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign Sqrt Sub Sum Tanh
    ThresholdedRelu Where Xor""".split()
)
WITH_AXIS = frozenset({"Concat", "LogSoftmax", "Softmax", "Split"})
REDUCTIONS = frozenset(
    """ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare""".split()
)


@dataclasses.dataclass
class Rewrite:
    """A node as it reads in NCHW, tensors still under their old names.

    Attributes:
        nodes: what replaces the node.
        region: its tensors that change layout, all at once or not at all.
        constants: new constants that `nodes` read.
    """

    nodes: list[onnx.NodeProto]
    region: list[str]
    constants: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Border:
    """How one tensor of a region meets the rest of the graph."""

    name: str
    source: str | None  # the same tensor as NCHW, where it comes from a Transpose to NHWC
    made_inside: bool
    to_nchw: list[str]  # outputs of the Transposes that read it
    needed: bool  # something outside reads it as NHWC


def to_channels_first(graph: Graph) -> Graph:
    """Returns the graph with every region rewritten for NCHW where that saves transposes."""
    while True:
        rewrites = {}
        for index, node in enumerate(graph.nodes):
            rewrite = rewritten(graph, node)
            if rewrite is not None:
                rewrites[index] = rewrite
        borders, members = max(
            _regions(graph, rewrites),
            key=lambda region: _saving(graph, region[0]),
            default=([], {}),
        )
        if _saving(graph, borders) <= 0:
            return graph
        graph = _switch(graph, borders, members)


def rewritten(graph: Graph, node: onnx.NodeProto) -> Rewrite | None:
    """Returns the NCHW form of an NHWC node, or None for a node that cannot change layout."""
    if node.op_type in ELEMENTWISE:
        return _elementwise(graph, node)
    if node.op_type in WITH_AXIS:
        return _with_axis(graph, node)
    if node.op_type in REDUCTIONS:
        return _reduction(graph, node)
    special = _SPECIAL.get(node.op_type)
    return special(graph, node) if special else None


def is_transpose(node: onnx.NodeProto | None, order: tuple[int, ...]) -> bool:
    """Whether a node is a Transpose with this axis order."""
    return (
        node is not None
        and node.op_type == "Transpose"
        and tuple(attribute(node, "perm", ())) == order
    )


def _regions(
    graph: Graph, rewrites: dict[int, Rewrite]
) -> list[tuple[list[Border], dict[int, Rewrite]]]:
    """Groups tensors that must change layout together, with the nodes that join them."""
    parent = {name: name for rewrite in rewrites.values() for name in rewrite.region}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for rewrite in rewrites.values():
        for name in rewrite.region:
            parent[root(name)] = root(rewrite.region[0])
    names, members = defaultdict(list), defaultdict(dict)
    for name in parent:
        names[root(name)].append(name)
    for index, rewrite in rewrites.items():
        members[root(rewrite.region[0])][index] = rewrite
    return [(_borders(graph, names[key], members[key]), members[key]) for key in names]


def _borders(graph: Graph, names: list[str], members: dict[int, Rewrite]) -> list[Border]:
    producers, consumers = graph.producers(), graph.consumers()
    inside = {id(graph.nodes[index]) for index in members}
    borders = []
    for name in names:
        maker = producers.get(name)
        outside = [node for node in consumers[name] if id(node) not in inside]
        to_nchw = [
            node.output[0]
            for node in outside
            if is_transpose(node, TO_NCHW) and node.output[0] not in graph.outputs
        ]
        borders.append(
            Border(
                name,
                source=maker.input[0] if is_transpose(maker, TO_NHWC) else None,
                made_inside=maker is not None and id(maker) in inside,
                to_nchw=to_nchw,
                needed=len(outside) > len(to_nchw) or name in graph.outputs,
            )
        )
    return borders


def _saving(graph: Graph, borders: list[Border]) -> int:
    """Transposed elements before minus after switching a region (unknown axes count as 1)."""
    saving = 0
    for border in borders:
        size = math.prod(n for n in graph.shapes[border.name] if isinstance(n, int))
        before = (border.source is not None) + bool(border.to_nchw)
        after = border.needed + (border.source is None and not border.made_inside)
        saving += size * (before - after)
    return saving


def _switch(graph: Graph, borders: list[Border], members: dict[int, Rewrite]) -> Graph:
    """Rewrites one region; Transposes that nothing reads any more are left to `remove_dead`."""
    taken = set(graph.shapes) | set(graph.constants)
    inner, outer, added = {}, {}, []
    shapes, constants = dict(graph.shapes), dict(graph.constants)
    for border in borders:
        name = border.name
        inner[name] = alias = border.source or fresh_name(f"{name}/nchw", taken)
        taken.add(alias)
        shapes[alias] = tuple(graph.shapes[name][axis] for axis in TO_NCHW)
        outer.update(dict.fromkeys(border.to_nchw, alias))
        if border.source is None and not border.made_inside:
            added.append(_transpose(graph, border, alias, TO_NCHW))
        elif border.source is None and border.needed:
            added.append(_transpose(graph, border, alias, TO_NHWC))
    for index, node in enumerate(graph.nodes):
        if index in members:
            constants.update(members[index].constants)
            added += [renamed(new, outer | inner) for new in members[index].nodes]
        elif outer.keys() & set(node.input):
            added.append(renamed(node, outer))
        elif not outer.keys() & set(node.output):
            added.append(node)
    return graph.replace(nodes=topological(added), constants=constants, shapes=shapes)


def _transpose(graph: Graph, border: Border, alias: str, order: tuple[int, ...]) -> onnx.NodeProto:
    """A Transpose called after the graph input or output that it serves, else after the layer."""
    source, target = (border.name, alias) if order == TO_NCHW else (alias, border.name)
    at_edge = border.name in graph.inputs or border.name in graph.outputs
    scope = border.name if at_edge else border.name.rpartition("/")[0]
    return helper.make_node("Transpose", [source], [target], name=f"{scope}/Transpose", perm=order)


def _with_input(node: onnx.NodeProto, position: int, name: str) -> onnx.NodeProto:
    copy = renamed(node, {})
    copy.input[position] = name
    return copy


# Rules. Each returns None where the node does not fit.


def _tensors(graph: Graph, node: onnx.NodeProto, inputs) -> list[str] | None:
    """The node's outputs and those inputs that are not constant, if all of them have 4 axes."""
    names = [name for name in (*inputs, *node.output) if name and name not in graph.constants]
    return names if all(graph.rank(name) == 4 for name in names) else None


def _elementwise(graph: Graph, node: onnx.NodeProto) -> Rewrite | None:
    constants, names = {}, {}
    for name in node.input:
        value = graph.constants.get(name)
        if value is not None and value.size > 1 and value.ndim <= 4:
            names[name] = f"{name}/nchw"
            full = value.reshape((1,) * (4 - value.ndim) + value.shape)
            constants[names[name]] = full.transpose(TO_NCHW)
    region = _tensors(graph, node, node.input)
    return region and Rewrite([renamed(node, names)], region, constants)


def _with_axis(graph: Graph, node: onnx.NodeProto) -> Rewrite | None:
    inputs = node.input if node.op_type == "Concat" else node.input[:1]
    region = _tensors(graph, node, inputs)
    if region is None:
        return None
    axis = attribute(node, "axis", 0 if node.op_type == "Split" else -1)
    constants = {
        f"{name}/nchw": graph.constants[name].transpose(TO_NCHW)
        for name in inputs
        if name in graph.constants
    }
    new = renamed(node, {name.removesuffix("/nchw"): name for name in constants})
    return Rewrite([with_attribute(new, "axis", TO_NCHW.index(axis % 4))], region, constants)


def _axes_input(graph: Graph, node: onnx.NodeProto, position: int) -> list[int] | None:
    """Non-negative axes from a constant input, None where it is absent or computed."""
    if len(node.input) <= position or node.input[position] not in graph.constants:
        return None
    return [int(axis) % 4 for axis in graph.constants[node.input[position]].ravel()]


def _move_axes(
    graph: Graph, node: onnx.NodeProto, position: int, region: list[str]
) -> Rewrite | None:
    axes = _axes_input(graph, node, position)
    if axes is None or graph.rank(node.input[0]) != 4:
        return None
    old = node.input[position]
    like = graph.constants[old]
    moved = np.array([TO_NCHW.index(axis) for axis in axes], like.dtype).reshape(like.shape)
    return Rewrite([_with_input(node, position, f"{old}/axes")], region, {f"{old}/axes": moved})


def _slice(graph: Graph, node: onnx.NodeProto) -> Rewrite | None:
    region = _tensors(graph, node, node.input[:1])
    return region and _move_axes(graph, node, 3, region)


def _cumulative(graph: Graph, node: onnx.NodeProto) -> Rewrite | None:
    region = _tensors(graph, node, node.input[:1])
    return region and _move_axes(graph, node, 1, region)


def _reduction(graph: Graph, node: onnx.NodeProto) -> Rewrite | None:
    """Sums, means, ... over constant axes; without `keepdims` only where the order survives."""
    axes = _axes_input(graph, node, 1)
    if axes is None:
        return None
    if attribute(node, "keepdims", 1):
        region = _tensors(graph, node, node.input[:1])
    else:
        left = [TO_NCHW.index(axis) for axis in range(4) if axis not in axes]
        region = [node.input[0]] if left == sorted(left) else None
    return region and _move_axes(graph, node, 1, region)


def _pad(graph: Graph, node: onnx.NodeProto) -> Rewrite | None:
    region = _tensors(graph, node, node.input[:1])
    if region is None:
        return None
    if len(node.input) > 3 and node.input[3]:
        return _move_axes(graph, node, 3, region)
    pads = graph.constants.get(node.input[1])
    if pads is None:
        return None
    name = f"{node.input[1]}/pads"
    moved = pads.reshape(2, 4)[:, TO_NCHW].reshape(-1)
    return Rewrite([_with_input(node, 1, name)], region, {name: moved})


def _dense(graph: Graph, node: onnx.NodeProto) -> Rewrite | None:
    """A matrix product over the channels of every pixel is a 1x1 convolution in NCHW."""
    matrix = graph.constants.get(node.input[1])
    region = _tensors(graph, node, node.input[:1])
    if matrix is None or matrix.ndim != 2 or region is None:
        return None
    name = f"{node.input[1]}/oihw"
    conv = helper.make_node("Conv", [node.input[0], name], node.output, name=node.name)
    conv = with_attribute(conv, "kernel_shape", [1, 1])
    return Rewrite([conv], region, {name: matrix.T[:, :, None, None]})


def _shape(graph: Graph, node: onnx.NodeProto) -> Rewrite | None:
    """The shape of the NHWC tensor, gathered from that of the NCHW one."""
    if graph.rank(node.input[0]) != 4 or node.input[0] in graph.constants or node.attribute:
        return None
    found, order = f"{node.output[0]}/nchw", f"{node.output[0]}/order"
    nodes = [
        helper.make_node("Shape", node.input, [found], name=node.name),
        helper.make_node("Gather", [found, order], node.output, name=f"{node.name}/order"),
    ]
    return Rewrite(nodes, [node.input[0]], {order: np.array(TO_NHWC, np.int64)})


_SPECIAL: dict[str, Callable[[Graph, onnx.NodeProto], Rewrite | None]] = {
    "CumSum": _cumulative,
    "MatMul": _dense,
    "Pad": _pad,
    "Shape": _shape,
    "Slice": _slice,
}
