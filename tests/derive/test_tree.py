"""Passes over the tree: substitution never captures, keys see through names and order and through nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.evaluate import Evaluator
from derive.functions import exp, log, tanh
from derive.index import Index, Letter, as_index, index_floor, index_mod, letter, letters
from derive.nodes import Node, Over, Partial, Ref, Sum, Tensor, number
from derive.notation import at_least, equal, inside, tensor
from derive.over_axes import argmax, logsumexp, norm, softmax
from derive.size_algebra import sizes
from derive.tree import (
    key,
    map_children,
    rename_bound,
    renew_binders,
    replace_tensors,
    substitute,
    substitute_index,
    walk,
)

n, m = sizes("n m")
# every axis has size n, so that a captured letter would still be in range and silently change the value
i, j, k, q = letters("i j k q", n, n, n, n)
X, Y, x, y, ids = tensor("X", n, n), tensor("Y", n, n), tensor("x", n), tensor("y", n), tensor("ids", n, below=n)
rng = np.random.default_rng(20)
LENGTH = 4
ARRAYS = {t: rng.normal(size=(LENGTH,) * len(t.axes)) for t in (X, Y, x, y)} | {ids: rng.integers(0, LENGTH, LENGTH)}


def at(node: Node, *axes: Letter) -> np.ndarray:
    return Evaluator({n: LENGTH, m: 3}, ARRAYS).array(node, axes)


# -------------------------------------------------------------------------------------------------- substitution


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        # SymPy's Sum(X[i, j], i) with j replaced by i becomes Σ X[i, i]
        pytest.param(Sum(i, X[i, j]), lambda v: v[X].sum(axis=0), id="sum"),
        pytest.param(Sum(i, Sum(k, X[i, j] * Y[k, i])), lambda v: np.einsum("aj,ka->j", v[X], v[Y]), id="two sums"),
        pytest.param(logsumexp(i, X[i, j]), lambda v: np.log(np.exp(v[X]).sum(axis=0)), id="logsumexp"),
        pytest.param(norm(i, X[i, j]), lambda v: np.sqrt((v[X] ** 2).sum(axis=0)), id="norm"),
        pytest.param(Sum(i, exp(X[i, j]) ** 2), lambda v: np.exp(2 * v[X]).sum(axis=0), id="inside a function"),
        pytest.param(
            Sum(i, X[i, j] * Sum(j, Y[i, j])), lambda v: np.einsum("aj,ab->j", v[X], v[Y]), id="shadowing sum"
        ),
        pytest.param(Sum(i, X[i, ids[j]]), lambda v: v[X].sum(axis=0)[v[ids]], id="letter inside an integer tensor"),
    ],
)
def test_substitution_never_captures(node: Node, expected: object) -> None:
    """j becomes i, which the node binds."""
    assert node.free == {j}
    replaced = substitute(node, {j: i})
    assert replaced.free == {i}
    assert np.allclose(at(replaced, i), expected(ARRAYS), rtol=1e-13)  # type: ignore[operator]  # a lambda of the case


def test_bound_letters_are_not_replaced() -> None:
    node = Sum(i, X[i, j])
    assert substitute(node, {i: k}) is node
    both = x[i] + Sum(i, x[i])
    replaced = substitute(both, {i: k})
    assert np.allclose(at(replaced, k), ARRAYS[x] + ARRAYS[x].sum())


def test_simultaneous_substitution_swaps() -> None:
    assert substitute(X[i, j], {i: j, j: i}) == X[j, i]
    inner = Sum(k, X[i, k] * Y[k, j])
    swapped = substitute(inner, {i: j, j: i})
    assert np.allclose(at(swapped, i, j), (ARRAYS[X] @ ARRAYS[Y]).T)


def test_the_entry_of_a_softmax_is_outside_its_scope() -> None:
    p = softmax(i, X[i, j])
    expected = np.exp(ARRAYS[X]) / np.exp(ARRAYS[X]).sum(axis=0)
    assert np.allclose(at(substitute(p, {i: k}), k, j), expected)
    assert np.allclose(at(substitute(p, {j: i}), i), np.diag(expected))
    assert np.allclose(at(substitute(p, {i: j}), j), np.diag(expected))


def test_substitution_by_forms_simplifies_quotients() -> None:
    a, h, d = letter("a", n * m), letter("h", n), letter("d", m)
    node_index = index_floor(a, m) + index_mod(a, m)
    assert substitute_index(node_index, {a: m * h + d}) == h + d
    wide = tensor("wide", n * m)
    assert substitute(wide[a], {a: m * h + d}) == wide[m * h + d]


@pytest.mark.parametrize("function", [renew_binders, rename_bound])
def test_renewed_binders_change_nothing_else(function: object) -> None:
    node = Sum(i, X[i, j] * y[i])
    renewed = function(node)  # type: ignore[operator]  # two functions of one type
    assert renewed.letters[0] is not i
    assert [x.name for x in renewed.letters] == ["i"]
    assert key(renewed) == key(node)


def test_renewed_binders_are_all_different() -> None:
    node = renew_binders(Sum(i, x[i]) * Sum(i, y[i]) + Sum(i, Sum(k, X[i, k])))
    bound = [one for below in walk(node) for one in below.bound()]
    assert len(bound) == len(set(bound)) == 4


# ----------------------------------------------------------------------------------------------------------- keys

SAME = {
    "order of terms": (x[i] + y[i], y[i] + x[i]),
    "order of factors": (x[i] * y[i] * 2, 2 * y[i] * x[i]),
    "bound name": (Sum(i, x[i]), Sum(k, x[k])),
    "bound name inside": (y[j] + Sum(i, x[i] * X[i, j]), Sum(k, X[k, j] * x[k]) + y[j]),
    "order of bound letters": (Sum(i, k, X[i, k]), Sum(k, i, X[i, k])),
    "order of factors decides no letter": (Sum(i, k, x[i] * y[k]), Sum(i, k, y[k] * x[i])),
    "order of terms decides no letter": (Sum(i, k, exp(x[i] + y[k])), Sum(i, k, exp(y[i] + x[k]))),
    "in the scope of a softmax": (
        softmax(q, Sum(i, k, X[i, q] * x[k])).entry(j),
        softmax(q, Sum(i, k, x[i] * X[k, q])).entry(j),
    ),
    "softmax": (softmax(i, x[i]).entry(j), softmax(k, x[k]).entry(j)),
    "sides of an equality": (equal(i, j), equal(j, i)),
    "shifted equality": (equal(i + 1, j), equal(i, j - 1)),
    "at least as at most": (at_least(i, j), at_least(i - j, 0)),
    "affine order": (tensor, tensor),
    "twice the same": (x[i] + x[i], x[i] + x[i]),
}
del SAME["affine order"]

DIFFERENT = {
    "letters": (x[i], x[j]),
    "tensors of one name": (x[i], tensor("x", n)[i]),
    "which axis is summed": (Sum(i, X[i, j]), Sum(i, X[j, i])),
    "diagonal": (Sum(i, X[i, i]), Sum(i, k, X[i, k])),
    "how often": (x[i] + x[i], x[i] + y[i]),
    "factor twice": (x[i] * x[i], x[i] * y[i]),
    "which factor twice": (x[i] * x[i] * y[i], x[i] * y[i] * y[i]),
    "which term twice": (x[i] + x[i] + y[i], x[i] + y[i] + y[i]),
    "letter and what follows it": (x[i], inside(x[i + 1])),
    "size of the bound letter": (Sum(letter("a", n), number(1) * y[j]), Sum(letter("a", m), number(1) * y[j])),
    "paired and crossed": (Sum(i, k, X[i, k] * Y[i, k]), Sum(i, k, X[i, k] * Y[k, i])),
    "free and bound": (Sum(i, x[i] * y[j]), Sum(i, x[i] * y[i])),
    "function": (exp(x[i]), log(x[i])),
    "over": (logsumexp(i, x[i]), norm(i, x[i])),
    "exponent": (x[i] ** 2, x[i] ** 3),
    "direction of an inequality": (at_least(i, j), at_least(j, i)),
    "nesting": (Sum(i, exp(Sum(k, X[i, k]))), Sum(i, exp(Sum(k, X[k, i])))),
    "entry of a derivative": (Partial(x[i], x[j]), Partial(x[i], x[k])),
    "total": (Partial(x[i], x[j]), Partial(x[i], x[j], total=True)),
    "argmax in an index": (X[i, argmax(k, X[i, k])], X[i, argmax(k, X[k, i])]),
}


@pytest.mark.parametrize("name", SAME)
def test_equal_up_to_names_and_order(name: str) -> None:
    a, b = SAME[name]
    assert key(a) == key(b)


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_things_have_different_keys(name: str) -> None:
    a, b = DIFFERENT[name]
    assert key(a) != key(b)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> Node:
    """Random small nodes whose letters all have size n."""
    some = st.sampled_from([i, j, k, q])
    if depth == 0:
        choice = draw(st.integers(0, 2))
        if choice == 0:
            return X[draw(some), draw(some)]
        return (x if choice == 1 else y)[draw(some)]
    a, b = draw(trees(depth - 1)), draw(trees(depth - 1))
    match draw(st.integers(0, 6)):
        case 0:
            return a + b
        case 1:
            return a * b
        case 2 | 3:
            return Sum(draw(some), a * b)
        case 4:
            return tanh(a)
        case 5:
            return logsumexp(draw(some), a)
        case _:
            return softmax(draw(some), a) * b


@given(trees())
@settings(max_examples=80, deadline=None, derandomize=True)
def test_substituting_is_reading_elsewhere(node: Node) -> None:
    """Every free letter moved by a permutation of letters: the same numbers, axes permuted."""
    moved = substitute(node, {i: j, j: k, k: i})
    original = at(node, i, j, k, q)
    assert np.allclose(at(moved, j, k, i, q), original, rtol=1e-12, atol=1e-12)
    renewed = renew_binders(node)
    assert key(renewed) == key(node)
    assert np.allclose(at(renewed, i, j, k, q), original, rtol=1e-12, atol=1e-12)


@given(trees(), trees())
@settings(max_examples=80, deadline=None, derandomize=True)
def test_equal_keys_mean_equal_values(a: Node, b: Node) -> None:
    if key(a) == key(b):
        assert np.allclose(at(a, i, j, k, q), at(b, i, j, k, q))
    assert key(a + b) == key(b + a)
    assert key(a * b) == key(b * a)
    assert (key(a) == key(a + b)) is False


# ---------------------------------------------------------------------------------------------------------- passes


def test_map_children_keeps_what_does_not_change() -> None:
    for node in (x[i] + y[i], x[i] * y[i], x[i] ** y[i], Sum(i, x[i]), exp(x[i]), logsumexp(i, x[i])):
        assert map_children(node, lambda child: child) is node


def test_map_children_folds_what_becomes_zero() -> None:
    def nothing(_: Node) -> Node:
        return number(0)

    assert map_children(Sum(i, x[i]), nothing) == number(0)
    assert map_children(x[i] + y[i], nothing) == number(0)


def test_walk_enters_indices() -> None:
    inner = ids[j]
    node = Sum(i, X[i, index_floor(as_index(inner) + 1, 2)])
    assert inner in list(walk(node))
    assert next(iter(walk(node))) is node


def test_tensors_are_exchanged_everywhere() -> None:
    other, others = Tensor("other", (n, n)), Tensor("others", (n,), below=n)
    node = Sum(i, X[i, ids[j]]) + X[j, index_mod(as_index(ids[j]) + 1, n)]
    replaced = replace_tensors(node, {X: other, ids: others})
    assert replaced.tensors == {other, others}
    assert replace_tensors(node, {Y: other}) is node


def test_over_keeps_its_arguments_apart_from_its_entry() -> None:
    node = softmax(i, X[i, j])
    assert isinstance(node, Over)
    assert isinstance(node.at[0], Index)
    assert node.entry(k).free == {k, j}
    assert isinstance(node.arguments[0], Ref)
