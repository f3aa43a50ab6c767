"""Each pass alone, on a small graph written by hand: same output, fewer nodes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest

from zoo.errors import ZooError
from zoo.export import layout, naming, passes, unit_axis
from zoo.export.graph import from_proto, to_proto, topological

HEADER = '<ir_version: 8, opset_import: ["" : 18]>\n'
IMAGE = "g (float[batch, 4, 6, 3] x) => (float[batch, h, w, c] y)"


def parse(text: str):
    return from_proto(onnx.parser.parse_model(HEADER + text))


def run(graph, feed):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(to_proto(graph).SerializeToString(), options)
    return session.run(None, feed)


def check(before, change, feed=None):
    """Applies a pass; asserts equal outputs and an unchanged argument. Returns the new graph."""
    if feed is None:
        rng = np.random.default_rng(0)
        feed = {"x": rng.standard_normal((2, 4, 6, 3)).astype(np.float32)}
    texts = [node.SerializeToString() for node in before.nodes]
    names = list(before.constants)
    after = change(before)
    assert [node.SerializeToString() for node in before.nodes] == texts
    assert list(before.constants) == names
    for old, new in zip(run(before, feed), run(after, feed), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6, rtol=1e-6)
    return after


def operators(graph) -> Counter:
    return Counter(node.op_type for node in graph.nodes)


def test_fold_constants_keeps_the_name_of_the_weight_and_copies_nothing():
    graph = parse(
        IMAGE
        + "<float[1, 3] k = {1, 2, 3}> {"
        + "a = Transpose<perm = [1, 0]>(k)  b = Squeeze(a)  y = Add(x, b) }"
    )
    after = check(graph, lambda g: passes.remove_dead(passes.fold_constants(g)))
    assert operators(after) == {"Add": 1}
    (name, value), *rest = after.constants.items()
    assert not rest and name.startswith("k/") and np.shares_memory(value, graph.constants["k"])


def test_fold_constants_leaves_what_would_grow(monkeypatch):
    monkeypatch.setattr(passes, "GROWTH", 64)
    graph = parse(
        IMAGE
        + "<int64[4] s = {1, 4, 6, 3}, float[1] v = {2.0}> { e = Expand(v, s)  y = Add(x, e) }"
    )
    assert operators(check(graph, passes.fold_constants)) == {"Expand": 1, "Add": 1}


@pytest.mark.parametrize("second, left", [((0, 2, 3, 1), 0), ((0, 3, 2, 1), 1)])
def test_merge_transposes(second, left):
    graph = parse(
        IMAGE
        + "{ a = Transpose<perm = [0, 3, 1, 2]>(x)"
        + f"  b = Transpose<perm = {list(second)}>(a)  y = Relu(b) }}"
    )
    after = check(graph, lambda g: passes.remove_dead(passes.merge_transposes(g)))
    assert operators(after)["Transpose"] == left


def test_remove_identities():
    graph = parse(IMAGE + "{ a = Identity(x)  b = Relu(a)  c = Identity(b)  y = Identity(c) }")
    assert operators(check(graph, passes.remove_identities)) == {"Relu": 1, "Identity": 1}


def test_share_nodes():
    graph = parse(
        IMAGE
        + "{ a = Transpose<perm = [0, 2, 1, 3]>(x)  b = Transpose<perm = [0, 2, 1, 3]>(x)"
        + "  c = Relu(a)  d = Relu(b)  e = LeakyRelu<alpha = 0.1>(b)  f = LeakyRelu(b)"
        + "  y = Sum(c, d, e, f) }"
    )
    expected = {"Transpose": 1, "Relu": 1, "LeakyRelu": 2, "Sum": 1}
    assert operators(check(graph, passes.share_nodes)) == expected


@pytest.mark.parametrize(
    "shape, expected",
    [("[-1, 4, 6, 3]", {"Relu": 1}), ("[-1, 6, 12]", {"Relu": 1, "Reshape": 1})],
)
def test_settle_reshapes(shape, expected):
    values = shape.strip("[]")
    head = IMAGE if len(expected) == 1 else IMAGE.replace("h, w, c", "h, w")
    graph = parse(
        head
        + f"<int64[1] zero = {{0}}, int64[1] one = {{1}}, int64[{values.count(',')}] rest ="
        + f" {{{values.partition(',')[2]}}}> {{ s = Shape(x)  b = Slice(s, zero, one)"
        + "  t = Concat<axis = 0>(b, rest)  r = Reshape(x, t)  y = Relu(r) }"
    )
    graph.shapes["r"] = ("unknown", *[int(n) for n in values.split(",")[1:]])
    after = check(graph, lambda g: passes.remove_dead(passes.settle_reshapes(g)))
    assert operators(after) == expected


def test_settle_reshapes_finds_a_layout_change():
    graph = parse(
        IMAGE
        + "<int64[4] s = {-1, 1, 4, 6}, int64[1] axis = {3}> {"
        + "m = ReduceMean(x, axis)  r = Reshape(m, s)  t = Transpose<perm = [0, 2, 3, 1]>(r)"
        + "  y = Sub(x, t) }"
    )
    after = check(graph, lambda g: passes.merge_transposes(passes.settle_reshapes(g)))
    assert operators(passes.remove_dead(after)) == {"ReduceMean": 1, "Sub": 1}


def test_unfold_tensordot():
    graph = parse(
        IMAGE
        + "<float[3, 2] k = {1, 2, 3, 4, 5, 6}, int64[2] s = {-1, 3}, int64[4] t = {0, 4, 6, 2},"
        + " int64[4] t2 = {-1, 4, 6, 2}> {"
        + "r = Reshape(x, s)  m = MatMul(r, k)  y = Reshape(m, t2) }"
    )
    graph.shapes["y"] = ("batch", 4, 6, 2)
    after = check(graph, lambda g: passes.remove_dead(passes.unfold_tensordot(g)))
    assert operators(after) == {"MatMul": 1}


UNIT_CONSTANTS = """<float[1, 1, 1, 3, 1] k = {1, 2, 3}, float half = {0.5},
    float[3] row = {1, 2, 3}, int64[3] inner = {1, 2, 4}, int64[1] last = {-1},
    int64[5] s = {0, 4, 6, 3, 1}, int64[4] t = {0, 4, 6, 3}>"""


@pytest.mark.parametrize(
    "body, left",
    [
        ("m = ReduceMean(r, inner)  d = Sub(r, m)  e = Mul(d, k)  f = Add(half, e)", 0),
        ("f = Identity(r)", 0),
        ("f = Mul(r, row)", 2),  # broadcasts along the fifth axis
        ("f = ReduceMax(r, last)", 2),
        ("a = Transpose<perm = [0, 1, 2, 4, 3]>(r)  f = Transpose<perm = [0, 1, 2, 4, 3]>(a)", 2),
    ],
)
def test_drop_unit_axis(body, left):
    graph = parse(
        (IMAGE if "row" not in body else IMAGE.replace("h, w, c", "h, w, c, d"))
        + UNIT_CONSTANTS
        + f"{{ r = Reshape(x, s)  {body}"
        + (
            "  b = Relu(f)  y = Relu(b) }"
            if "row" in body
            else "  b = Reshape(f, t)  y = Relu(b) }"
        )
    )
    after = check(graph, lambda g: passes.remove_dead(unit_axis.drop_unit_axis(g)))
    assert operators(after)["Reshape"] == min(left, operators(graph)["Reshape"])


@pytest.mark.parametrize("order", ["x, r", "r, x"])
def test_fuse_reciprocal(order):
    graph = parse(IMAGE + f"{{ a = Exp(x)  r = Reciprocal(a)  y = Mul({order}) }}")
    after = check(graph, lambda g: passes.remove_dead(passes.fuse_reciprocal(g)))
    assert operators(after) == {"Exp": 1, "Div": 1}


@pytest.mark.parametrize("total", ["Add(p, q)", "Add(q, p)"])
@pytest.mark.parametrize("product", ["Mul(f, a)", "Mul(a, f)"])
def test_fuse_select(total, product):
    graph = parse(
        IMAGE
        + "<float half = {0.5}> { c = Greater(x, half)  f = Cast<to = 1>(c)  n = Not(c)"
        + "  g = Cast<to = 1>(n)  a = Exp(x)  b = Neg(x)"
        + f"  p = {product}  q = Mul(g, b)  y = {total} }}"
    )
    after = check(graph, lambda g: passes.remove_dead(passes.fuse_select(g)))
    assert operators(after) == {"Greater": 1, "Exp": 1, "Neg": 1, "Where": 1}


@pytest.mark.parametrize("second", ["Mul(f, b)", "Mul(h, b)"])
def test_fuse_select_leaves_other_sums(second):
    """The same condition twice, and another condition's negation."""
    graph = parse(
        IMAGE
        + "<float half = {0.5}> { c = Greater(x, half)  f = Cast<to = 1>(c)  d = Less(x, half)"
        + "  n = Not(d)  h = Cast<to = 1>(n)  a = Exp(x)  b = Neg(x)"
        + f"  p = Mul(f, a)  q = {second}  y = Add(p, q) }}"
    )
    assert "Where" not in operators(check(graph, passes.fuse_select))


@pytest.mark.parametrize("given", ["", ", b"])
def test_fuse_bias(given):
    graph = parse(
        "g (float[batch, 2, 4, 6] x) => (float[batch, c, h, w] y)"
        + "<float[3, 2, 1, 1] k = {1, 2, 3, 4, 5, 6}, float[3] b = {7, 8, 9},"
        + " float[1, 3, 1, 1] more = {1, -1, 2}, float half = {0.5}> {"
        + f"c = Conv(x, k{given})  d = Add(c, more)  e = Add(half, d)  y = Relu(e) }}"
    )
    rng = np.random.default_rng(0)
    feed = {"x": rng.standard_normal((2, 2, 4, 6)).astype(np.float32)}
    once = check(graph, passes.fuse_bias, feed)
    twice = check(once, passes.fuse_bias, feed)
    assert operators(twice) == {"Conv": 1, "Relu": 1}


def test_fuse_bias_leaves_an_output_that_something_else_reads():
    graph = parse(
        "g (float[batch, 2, 4, 6] x) => (float[batch, c, h, w] y)"
        + "<float[3, 2, 1, 1] k = {1, 2, 3, 4, 5, 6}, float half = {0.5}> {"
        + "c = Conv(x, k)  d = Add(half, c)  y = Mul(c, d) }"
    )
    rng = np.random.default_rng(0)
    feed = {"x": rng.standard_normal((2, 2, 4, 6)).astype(np.float32)}
    assert operators(check(graph, passes.fuse_bias, feed)) == operators(graph)


def test_remove_dead():
    graph = parse(IMAGE + "<float k = {2}> { a = Mul(x, k)  b = Relu(a)  y = Tanh(x) }")
    after = check(graph, passes.remove_dead)
    assert operators(after) == {"Tanh": 1} and not after.constants


LAYOUT_CASES = {
    "elementwise": "z = LeakyRelu(a)  w = Mul(z, three)  v = Add(w, row)  b = Sub(v, scalar)",
    "two readers": "z = Relu(a)  w = Sigmoid(a)  b = Mul(z, w)",
    "clip": "b = Clip(a, scalar, scalar)",
    "split": "p, q = Split<axis = 3, num_outputs = 2>(c)  z = Concat<axis = -1>(p, q)"
    "  b = Slice(z, zero, three_i, last)",
    "concat constant": "z = Concat<axis = 2>(a, block)  b = Slice(z, zero, six, width)",
    "pad": "z = Pad(a, pads)  b = Slice(z, one2, minus2, inner)",
    "pad axes": "z = Pad(a, ones4, scalar, inner)  b = Slice(z, one2, minus2, inner)",
    "reduce": "m = ReduceMean(a, last)  n = ReduceSum(a, inner)  z = Sub(a, m)  b = Div(z, n)",
    "softmax": "b = Softmax<axis = -1>(a)",
    "cumulative sum": "b = CumSum(a, axis)",
    "shared integers": "z = Slice(a, zero, six, width)  m = ReduceMax(z, width)  b = Sub(a, m)",
    "matrix product": "z = MatMul(a, matrix)  b = Tanh(z)",
    "where": "g = Greater(a, scalar)  b = Where(g, a, row)",
}
LAYOUT_CONSTANTS = """<float[3, 3, 1, 1] k = {1, 2, 3, 4, 5, 6, 7, 8, 9},
    float[6, 3, 1, 1] k2 = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9},
    float[3] three = {1, 2, 3}, float[6, 1] row = {1, 2, 3, 4, 5, 6}, float scalar = {0.5},
    float[1, 4, 1, 3] block = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
    float[3, 3] matrix = {1, 2, 3, 4, 5, 6, 7, 8, 9},
    int64[1] zero = {0}, int64[1] last = {3}, int64[1] three_i = {3}, int64[1] six = {6},
    int64[1] width = {2}, int64 axis = {3}, int64[2] inner = {1, -2}, int64[2] one2 = {1, 1},
    int64[2] minus2 = {-1, -1}, int64[4] ones4 = {1, 1, 1, 1},
    int64[8] pads = {0, 1, 1, 0, 0, 1, 1, 0}>"""


@pytest.mark.parametrize("body", LAYOUT_CASES.values(), ids=LAYOUT_CASES.keys())
def test_to_channels_first(body):
    """Between two convolutions everything can be NCHW: only the graph's own edges stay."""
    width = "c1 = Conv(t, k2)  c = Transpose<perm = [0, 2, 3, 1]>(c1)" if "(c)" in body else ""
    graph = parse(
        IMAGE
        + LAYOUT_CONSTANTS
        + "{ t = Transpose<perm = [0, 3, 1, 2]>(x)  a1 = Conv(t, k)"
        + f"  a = Transpose<perm = [0, 2, 3, 1]>(a1)  {width}  {body}"
        + "  b1 = Transpose<perm = [0, 3, 1, 2]>(b)  y1 = Conv(b1, k)"
        + "  y = Transpose<perm = [0, 2, 3, 1]>(y1) }"
    )
    graph = passes.remove_dead(graph)
    if body == LAYOUT_CASES["concat constant"]:
        feed = {"x": np.random.default_rng(0).standard_normal((1, 4, 6, 3)).astype(np.float32)}
    else:
        feed = None
    after = check(graph, lambda g: passes.remove_dead(layout.to_channels_first(g)), feed)
    assert operators(after)["Transpose"] == 2


def test_to_channels_first_moves_transposes_to_the_inputs():
    graph = parse(
        "g (float[batch, 4, 6, 3] x, float[batch, 4, 6, 1] m) => (float[batch, h, w, c] y)"
        + "<float[3, 4, 1, 1] k = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, float one = {1},"
        + " float[1, 7, 1, 1] k2 = {1, 2, 3, 4, 5, 6, 7}> {"
        + "n = Sub(one, m)  e = Mul(x, n)  i = Concat<axis = 3>(e, m)"
        + "  t = Transpose<perm = [0, 3, 1, 2]>(i)  c = Conv(t, k)"
        + "  d = Transpose<perm = [0, 2, 3, 1]>(c)  f = Tanh(d)"
        + "  j = Concat<axis = 3>(f, i)  t2 = Transpose<perm = [0, 3, 1, 2]>(j)  c2 = Conv(t2, k2)"
        + "  d2 = Transpose<perm = [0, 2, 3, 1]>(c2)  g1 = Mul(d2, m)  y = Add(g1, e) }"
    )
    rng = np.random.default_rng(0)
    feed = {
        name: rng.standard_normal((2, 4, 6, channels)).astype(np.float32)
        for name, channels in [("x", 3), ("m", 1)]
    }
    after = check(graph, lambda g: passes.remove_dead(layout.to_channels_first(g)), feed)
    found = [node for node in after.nodes if node.op_type == "Transpose"]
    assert {*found[0].input, *found[1].input} == {"x", "m"} and found[2].output[0] == "y"
    assert len(found) == 3


@pytest.mark.parametrize("node", ["Relu(x)", "Reshape(x, s)", "ReduceMean(x, a)"])
def test_to_channels_first_leaves_what_it_cannot_improve(node):
    graph = parse(
        IMAGE
        + "<int64[4] s = {0, 6, 4, 3}, int64[1] a = {3}> {"
        + f"z = {node}  r = Relu(z)  y = Tanh(r) }}"
    )
    graph = passes.remove_dead(graph)
    assert operators(check(graph, layout.to_channels_first)) == operators(graph)


def test_reductions_without_kept_axes_end_a_region():
    graph = parse(
        "g (float[batch, 4, 6, 3] x) => (float[batch, c] y)"
        + "<float[3, 3, 1, 1] k = {1, 2, 3, 4, 5, 6, 7, 8, 9}, int64[2] a = {1, 2}> {"
        + "t = Transpose<perm = [0, 3, 1, 2]>(x)  c = Conv(t, k)"
        + "  d = Transpose<perm = [0, 2, 3, 1]>(c)  r = Relu(d)"
        + "  y = ReduceMean<keepdims = 0>(r, a) }"
    )
    after = check(graph, lambda g: passes.remove_dead(layout.to_channels_first(g)))
    assert operators(after)["Transpose"] == 1


def test_a_shape_that_is_read_stays_the_same():
    graph = parse(
        "g (float[batch, 4, 6, 3] x) => (int64[4] y)"
        + "<float[3, 3, 1, 1] k = {1, 2, 3, 4, 5, 6, 7, 8, 9}> {"
        + "t = Transpose<perm = [0, 3, 1, 2]>(x)  c = Conv(t, k)"
        + "  d = Transpose<perm = [0, 2, 3, 1]>(c)  r = Relu(d)  y = Shape(r) }"
    )
    after = check(graph, lambda g: passes.remove_dead(layout.to_channels_first(g)))
    assert operators(after)["Transpose"] == 1


def test_simplify_runs_until_nothing_changes():
    graph = parse(
        IMAGE
        + LAYOUT_CONSTANTS
        + "{ t = Transpose<perm = [0, 3, 1, 2]>(x)  kt = Transpose<perm = [1, 0, 2, 3]>(k)"
        + "  c = Conv(t, kt)  d = Transpose<perm = [0, 2, 3, 1]>(c)  e = Add(d, three)"
        + "  f = LeakyRelu(e)  h = Transpose<perm = [0, 3, 1, 2]>(f)  i = Conv(h, k)"
        + "  y = Transpose<perm = [0, 2, 3, 1]>(i) }"
    )
    after = check(graph, passes.simplify)
    assert operators(after) == {"Transpose": 2, "Conv": 2, "LeakyRelu": 1}
    assert operators(passes.simplify(after)) == operators(after)


def test_readable_names():
    graph = parse(
        IMAGE
        + "<float[3] k = {1, 2, 3}, float c = {2}> {"
        + "a = Add(x, k)  b = Mul(a, c)  y = Relu(b) }"
    )
    graph.nodes[0].name = "wrapped_1/net_1/conv_1/Add__17"
    graph.nodes[1].name = "wrapped_1/net_1/Mul"
    graph.nodes[2].name = "StatefulPartitionedCall/wrapped_1/odd_7/Relu"
    graph.constants["net/conv/bias/Squeeze"] = graph.constants.pop("k")
    graph.nodes[0].input[1] = "net/conv/bias/Squeeze"
    after = naming.readable(graph, {"net/conv/bias"}, {"net", "conv"}, "wrapped")
    assert [node.name for node in after.nodes] == ["net/conv/Add", "net/Mul", "odd_7/Relu"]
    assert set(after.constants) == {"net/conv/bias", "net/Mul/b"}
    assert list(after.nodes[0].input) == ["x", "net/conv/bias"]
    assert list(after.nodes[2].output) == ["y"]


def test_topological():
    graph = parse(IMAGE + "{ a = Relu(x)  b = Tanh(a)  y = Mul(a, b) }")
    assert topological(reversed(graph.nodes)) == graph.nodes


def test_control_flow_is_refused():
    text = (
        HEADER
        + "g (float[1] x, bool c) => (float[1] y) { y = If (c) <then_branch = t () => (float[1] p)"
        + " { p = Identity(x) }, else_branch = e () => (float[1] q) { q = Neg(x) }> }"
    )
    with pytest.raises(ZooError, match="If"):
        from_proto(onnx.parser.parse_model(text))
