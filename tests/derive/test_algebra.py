"""Rewritings: they make a node shorter and never change its value; the author's order stays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.algebra import tidy
from derive.definitions import Definition, define
from derive.evaluate import Evaluator, run
from derive.functions import exp, log, sin, sqrt, tanh
from derive.index import Letter, index_floor, letter, letters
from derive.matching import Names, assumed, fold, insert, light, match, reads
from derive.nodes import Add, Bracket, Mul, Node, Number, Ref, Sum, factors_of, number, terms_of
from derive.notation import at_least, equal, name, names, tensor
from derive.over_axes import logsumexp, softmax
from derive.program import Program
from derive.size_algebra import sizes
from derive.statements import Statement, assume
from derive.tree import key, substitute, walk

n, m = sizes("n m")
i, j, k = letters("i j k", n, m, n)
x, y, z, X, w = tensor("x", n), tensor("y", n), tensor("z", m), tensor("X", n, m), tensor("w", n, domain="positive")
SIZES = {n: 3, m: 2}
rng = np.random.default_rng(3)
ARRAYS = {
    x: rng.normal(size=3) + 2,
    y: rng.uniform(0.5, 2, 3),
    z: rng.uniform(0.5, 2, 2),
    X: rng.uniform(0.5, 3, (3, 2)),
    w: rng.uniform(0.5, 2, 3),
}
AXES = (i, j, k)


def at(node: Node, *axes: Letter) -> np.ndarray:
    return Evaluator(SIZES, ARRAYS).array(node, axes or AXES)


def count(node: Node) -> int:
    return sum(1 for _ in walk(node))


# --------------------------------------------------------------------------------------------------------- tidy

TIDIED: dict[str, tuple[Node, Node]] = {
    "x·x": (x[i] * x[i], x[i] ** 2),
    "x/x": (x[i] * x[i] ** -1, number(1)),
    "x²/x": (x[i] ** 2 / x[i], x[i] + 0),
    "a difference turned": (-(x[i] - y[i]) / n, (y[i] - x[i]) / n),
    "a difference with more terms turned": (-2 * (x[i] - y[i] - w[i]), 2 * (y[i] + w[i] - x[i])),
    "a sum of negative terms": (x[i] * (-y[i] - w[i]), -x[i] * (y[i] + w[i])),
    "a difference below a sum not turned": (-2 * Sum(i, w[i] * (x[i] - y[i])), -2 * Sum(i, w[i] * (x[i] - y[i]))),
    "a complement not turned": (-x[i] * (1 - y[i]), -x[i] * (1 - y[i])),
    "the opposite of a difference among terms": (x[i] - (y[i] - w[i]), x[i] - y[i] + w[i]),
    "a difference from a negative number turned": (-x[i] * (y[i] - 2), x[i] * (2 - y[i])),
    "a number with a size into a sum": (
        number(sympy.Rational(1, 2) / n) * (2 * x[i] + y[i]),
        number(1 / n) * (x[i] + y[i] / 2),
    ),
    "double sums alike but for their letters": (
        Sum(i, k, w[i] * x[k] * y[i] + w[k] * x[i] * y[k]),
        2 * Sum(i, k, w[i] * x[k] * y[i]),
    ),
    "a difference not turned": (-2 * (x[i] + y[i] - w[i]), -2 * (x[i] + y[i] - w[i])),
    "multiplied out where terms cancel": (y[i] * (1 - x[i]) - x[i] * (1 - y[i]), y[i] - x[i]),
    "a quotient of sums multiplied out": (
        x[i] * (1 - x[i]) * (y[i] / x[i] - (1 - y[i]) / (1 - x[i])),
        y[i] - x[i],
    ),
    "squares multiplied out": ((x[i] + y[i]) * (x[i] - y[i]) + y[i] ** 2, x[i] ** 2),
    "not multiplied out": (y[i] * (1 - x[i]) + x[i] * z[j], y[i] * (1 - x[i]) + x[i] * z[j]),
    "a power of a product": (x[i] / (x[i] * y[i]) ** 2, x[i] ** -1 * y[i] ** -2),
    "a product below": (z[j] / (x[i] * y[i]) * x[i], z[j] / y[i]),
    "a power of another product": (z[j] / (x[i] * y[i]) ** 2, z[j] / (x[i] * y[i]) ** 2),
    "√w·√w": (sqrt(w[i]) * sqrt(w[i]), w[i] + 0),
    "a bracket twice": (equal(i, k) * equal(k, i) * x[i], equal(i, k) * x[i]),
    "a constant before a sum": (Sum(i, 2 * x[i]), 2 * Sum(i, x[i])),
    "another letter's factor before a sum": (Sum(i, z[j] * x[i]), z[j] * Sum(i, x[i])),
    "a sum of a constant": (Sum(i, z[j] * 2), number(2 * n) * z[j]),
    "a sum in a sum": (Sum(i, x[i] * Sum(j, z[j])), Sum(i, j, x[i] * z[j])),
    "a sum in a sum of the same letter": (Sum(i, x[i] * Sum(i, y[i])), Sum(i, k, x[i] * y[k])),
    "like terms": (x[i] + 2 * x[i], 3 * x[i]),
    "terms that cancel": (x[i] - y[i] - x[i], -y[i]),
    "everything cancels": (x[i] * y[i] - y[i] * x[i], number(0)),
    "a common factor": (x[i] * y[i] + x[i] * z[j], x[i] * (y[i] + z[j])),
    "a common number": (2 * x[i] + 4 * y[i], 2 * (x[i] + 2 * y[i])),
    "cancelled in a sum": (y[i] * (x[i] / y[i] + z[j]), x[i] + y[i] * z[j]),
    "sums alike": (Sum(i, x[i] * y[i]) + Sum(k, y[k] * x[k]), 2 * Sum(i, x[i] * y[i])),
    "softmaxes alike": (
        softmax(i, x[i]).entry(k) - softmax(k, x[k]).entry(k) + x[i],
        x[i] + 0,
    ),
    "cancelled where a bracket holds": (equal(i, k) * x[i] / x[k], equal(i, k) + number(0)),
    "cancelled where a bracket with a shift holds": (
        equal(k, i + 1) * y[i] * x[k] / x[i + 1] ** 1,
        equal(k, i + 1) * y[i],
    ),
    "cancelled in a sum where a bracket holds": (
        x[k] * (z[j] - equal(i, k) * y[i] / x[i]),
        x[k] * z[j] - equal(i, k) * y[i],
    ),
    "not all of it cancels where a bracket holds": (equal(i, k) * x[i] ** 2 / x[k], equal(i, k) * x[i] ** 2 / x[k]),
    "a common size": (x[i] * number(1 / n) + y[i] * number(1 / n), number(1 / n) * (x[i] + y[i])),
}  # fmt: skip


@pytest.mark.parametrize("case", TIDIED)
def test_tidied(case: str) -> None:
    before, after = TIDIED[case]
    found = tidy(before)
    assert key(found) == key(tidy(after)) == key(after), f"{found}"
    assert np.allclose(at(found), at(before), rtol=1e-12)


def test_the_order_of_terms_and_factors_stays() -> None:
    assert terms_of(tidy(y[i] - x[i] + z[j])) == (y[i], -x[i], z[j])
    assert factors_of(tidy(z[j] * y[i] * x[i])) == (z[j], y[i], x[i])
    collected = tidy(z[j] + x[i] + z[j])
    assert terms_of(collected) == (2 * z[j], x[i]), "collected terms stand where the first stood"


def test_a_positive_term_comes_first_in_brackets() -> None:
    found = tidy(-2 * x[i] * y[i] + 2 * x[i] * z[j])
    assert found == 2 * x[i] * (z[j] - y[i])


def test_a_bracket_is_not_raised_to_powers() -> None:
    found = tidy(equal(i, k) * x[i] * equal(i, k))
    assert sum(isinstance(below, Bracket) for below in walk(found)) == 1


@st.composite
def expressions(draw: st.DrawFn, depth: int = 4) -> Node:
    """Random nodes, defined for the arrays above; denominators stay away from 0."""
    if depth == 0:
        return draw(
            st.sampled_from([x[i], y[i], z[j], X[i, j], x[k], w[i], number(2), number(-3), number(n), X[k, j]])
        )
    a, b = draw(expressions(depth - 1)), draw(expressions(depth - draw(st.integers(1, depth))))
    match draw(st.integers(0, 12)):
        case 0 | 1:
            return a + b
        case 2 | 3:
            return a - b
        case 4 | 5:
            return a * b
        case 6:
            return a * a * b / (1 + b**2)
        case 7 | 8:
            return Sum(draw(st.sampled_from(AXES)), a * b)
        case 9:
            return w[i] * (a / w[i] + b)
        case 10:
            return Sum(draw(st.sampled_from(AXES)), a + b)
        case 11:
            return equal(i, k) * a + at_least(i, 1) * b
        case _:
            return draw(st.sampled_from([sin, tanh]))(a) + logsumexp(i, sin(b))


@given(expressions())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_tidying_keeps_values(node: Node) -> None:
    before = at(node)
    found = tidy(node)
    scale = 1 + np.max(np.abs(before)) + np.max(np.abs(magnitude(node)))
    assert np.all(np.abs(at(found) - before) <= 1e-9 * scale), f"{node} is not {found}"
    assert found.free <= node.free
    again = tidy(found)
    assert np.all(np.abs(at(again) - before) <= 1e-9 * scale)


def magnitude(node: Node) -> np.ndarray:
    """The size of what cancels: every term taken in absolute value."""
    total = np.zeros((3, 2, 3))
    for below in walk(node):
        if isinstance(below, Add) and below.free <= set(AXES):
            for term in below.terms:
                total = total + np.abs(at(term))
    return total


@given(expressions(3))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_tidying_comes_to_an_end(node: Node) -> None:
    found = tidy(node)
    assert key(tidy(found)) == key(found)


@given(expressions(2))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_what_is_subtracted_from_itself_vanishes(node: Node) -> None:
    term = tanh(node) * x[i]
    assert key(tidy(term - term)) == key(number(0))


# ------------------------------------------------------------------------------------------------- match and fold


def test_a_pattern_finds_its_letters() -> None:
    pattern = exp(X[i, j]) / Sum(j, exp(X[i, j]))
    a, b, c = letters("a b c", n, m, m)
    node = exp(X[n - 1 - a, b]) / Sum(c, exp(X[n - 1 - a, c]))
    binding = match(pattern, node, frozenset((i, j)))
    assert binding == {i: n - 1 - a, j: b + 0}
    beyond = substitute(node, {a: a - 1})
    assert match(pattern, beyond, frozenset((i, j))) == {i: n - a, j: b + 0}, "X is read there in any case"
    (part,) = letters("p", n - 1)
    shorter = substitute(pattern, {i: part})
    assert match(shorter, node, frozenset((part, j))) is None, "that may leave the range of p"


@pytest.mark.parametrize(
    "node",
    [
        exp(X[letter("a", n), letter("b", m)]) / Sum(j, exp(X[k, j])),
        exp(X[i, j]) / Sum(j, exp(2 * X[i, j])),
        exp(X[i, j]),
        sin(X[i, j]) / Sum(j, exp(X[i, j])),
    ],
    ids=["two rows", "another body", "a part", "another function"],
)
def test_a_pattern_does_not_find_what_differs(node: Node) -> None:
    pattern = exp(X[i, j]) / Sum(j, exp(X[i, j]))
    assert match(pattern, node, frozenset((i, j))) is None


def test_a_bound_letter_does_not_leave_its_scope() -> None:
    """Σ_k x[k]·y[i] with i for the bound k would tear k out of its sum."""
    pattern = Sum(k, x[k] * y[i])
    assert match(pattern, Sum(k, x[k] * y[k]), frozenset((i,))) is None


def named() -> tuple[Definition, Definition]:
    E = define(name("E")[i, j], exp(X[i, j]) * 2)
    S = define(name("S")[i], Sum(j, E[i, j]))
    made = Program.of([X], S).items
    assert isinstance(made[0], Definition)
    assert isinstance(made[1], Definition)
    return made[0], made[1]


def test_what_has_a_name_is_found_again() -> None:
    E, S = named()
    a, b = letters("a b", n, m)
    node = sin(2 * exp(X[a, b])) + Sum(b, 2 * exp(X[k, b]))
    found = fold(node, Names([E, S]))
    assert found == sin(E.tensor[a, b]) + S.tensor[k]
    assert insert(insert(found, S), E) == node or key(insert(insert(found, S), E)) == key(node)


def test_a_name_for_groups_of_entries_is_found_at_the_group() -> None:
    groups, of_group, place = letter("g", 2), letter("q", n), letter("a", 2 * n)
    v = tensor("v", 2 * n)
    S = define(name("S")[groups], Sum(of_group, v[n * groups + of_group] ** 2))
    known = Names(d for d in Program.of([v], S).items if isinstance(d, Definition))
    node = sin(Sum(of_group, v[n * index_floor(place, n) + of_group] ** 2))
    assert fold(node, known) == sin(S[index_floor(place, n)])
    other = sin(Sum(of_group, v[index_floor(place, 2) + of_group] ** 2))
    assert fold(other, known) == other, "no group begins there"


def test_names_are_found_only_where_their_indices_are_in_range() -> None:
    """E is known for its own rows only: X may be read beyond them."""
    shorter = letter("a", n - 1)
    G = define(name("G")[shorter], sin(x[shorter]))
    made = Program.of([x], G).items[0]
    assert isinstance(made, Definition)
    node = sin(x[i])
    assert fold(node, Names([made])) == node
    inside = letter("b", n - 1)
    assert fold(sin(x[inside]), Names([made])) == G[inside]


def test_a_name_with_an_axis_of_length_one_is_found_at_its_only_entry() -> None:
    only = letter("o", 1)
    S = define(name("S")[i, only], Sum(j, X[i, j] ** 2))
    known = Names(d for d in Program.of([X], S).items if isinstance(d, Definition))
    assert fold(sin(Sum(j, X[k, j] ** 2)), known) == sin(S[k, 0])


def test_a_name_is_found_up_to_its_sign() -> None:
    H, S = names("H S")
    H = define(H[i], -Sum(j, X[i, j] * log(X[i, j])))
    S = define(S[i], 2 * Sum(j, X[i, j]))
    known = Names(d for d in Program.of([X], [H, S]).items if isinstance(d, Definition))
    assert fold(Sum(j, X[k, j] * log(X[k, j])) + x[i], known) == -H[k] + x[i]
    assert fold(1 - Sum(j, X[k, j] * log(X[k, j])), known) == 1 + H[k]
    assert fold(Sum(j, X[k, j]), known) == Sum(j, X[k, j])


@given(expressions(3))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_folding_keeps_values(node: Node) -> None:
    A, B = names("A B")
    A = define(A[i], sin(x[i]))
    B = define(B[i, j], X[i, j] * w[i])
    program = Program.of([x, X, w], [A, B])
    definitions = [d for d in program.items if isinstance(d, Definition)]
    some = node + sin(x[k]) * node + X[k, j] * w[k]
    found = fold(some, Names(definitions))
    assert {A, B} <= found.tensors
    evaluator = run(program, {t: ARRAYS[t] for t in (x, X, w)}, SIZES)
    evaluator.arrays.update(ARRAYS)
    assert np.allclose(evaluator.array(found, AXES), at(some), rtol=1e-9)


# ---------------------------------------------------------------------------------------------------- assumptions


def test_an_assumption_replaces_what_it_says() -> None:
    rows = assume(Sum(j, X[i, j]), "=", 1)
    a, b = letters("a b", n, m)
    node = Sum(b, X[a, b]) * z[j] + Sum(b, X[0, b])
    assert assumed(node, rows) == z[j] + 1


def test_an_assumption_replaces_nothing_else() -> None:
    rows = assume(Sum(j, X[i, j]), "=", 1)
    a, b = letters("a b", n, m)
    for node in (Sum(a, X[a, b]), Sum(b, X[a, b] ** 2), Sum(b, X[a, b] * z[b]), X[a, b] + 0):
        assert assumed(node, rows) == node
    assert assumed(Sum(b, X[a, b]), assume(Sum(j, X[i, j]), ">", 0)) == Sum(b, X[a, b])


def test_an_assumption_of_many_letters_needs_them_all() -> None:
    symmetric = Statement(X[i, j] * 1, "=", w[i] + 0)
    assert assumed(exp(X[k, j]), symmetric) == exp(w[k])


@given(expressions(3))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_using_an_assumption_that_holds_keeps_values(node: Node) -> None:
    rows = ARRAYS[X] / ARRAYS[X].sum(axis=1, keepdims=True)
    values = {**ARRAYS, X: rows}
    assumption = assume(Sum(j, X[i, j]), "=", 1)
    some = node * Sum(j, X[k, j]) + Sum(i, j, X[i, j]) * x[i] + Sum(j, X[i, j])
    e = Evaluator(SIZES, values)
    before = e.array(some, AXES)
    found = assumed(some, assumption)
    assert count(found) < count(some)
    assert np.allclose(e.array(found, AXES), before, rtol=1e-9)


# -------------------------------------------------------------------------------------------------------- the rest


def test_inserting_enters_every_place() -> None:
    E, _ = named()
    node = log(E.tensor[k, j]) + Sum(j, E.tensor[i, j] * E.tensor[k, j])
    found = insert(node, E)
    assert E.tensor not in found.tensors
    evaluator = Evaluator(SIZES, {**ARRAYS, E.tensor: 2 * np.exp(ARRAYS[X])})
    assert np.allclose(evaluator.array(found, AXES), evaluator.array(node, AXES))
    assert insert(x[i] + 1, E) == x[i] + 1


LIGHT: dict[str, tuple[Callable[[], Node], bool]] = {
    "short": (lambda: x[i] * y[i] + 1, True),
    "a sum": (lambda: x[i] * Sum(j, z[j]), False),
    "a softmax": (lambda: softmax(i, x[i]) * 2, False),
    "long": (lambda: x[i] * y[i] * z[j] * X[i, j] + x[i] * y[i] * z[j] * X[i, j] ** 3 + x[i] * y[i] * w[i], False),
}


@pytest.mark.parametrize("case", LIGHT)
def test_light_is_short_and_has_no_sums(case: str) -> None:
    make, expected = LIGHT[case]
    assert light(make()) is expected


def test_readings_are_counted() -> None:
    assert reads(x[i] * x[k] + Sum(i, x[i] * y[i]), x) == 3
    assert isinstance(tidy(number(3)), Number)
    assert isinstance(tidy(x[i]), Ref)
    assert isinstance(tidy(x[i] * y[i]), Mul)
