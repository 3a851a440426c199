"""Brackets contracted by hand are the sums that they stand for, whatever the affine forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.contraction import contract, simplify_bracket
from derive.evaluate import Evaluator
from derive.functions import exp
from derive.index import Index, Letter, as_index, index_floor, index_mod, letter, letters
from derive.nodes import Bracket, Node, Sum, is_one, is_zero, number, terms_of
from derive.notation import at_least, at_most, equal, less, mul, tensor
from derive.size_algebra import size, sizes
from derive.tree import walk

n, m, d, s = sizes("n m d s")
p = size("p", minimum=0)
i, j, k = letters("i j k", n, m, d)
a, h = letter("a", n * d), letter("h", n)
X, Y, v = tensor("X", n, m), tensor("Y", m, d), tensor("v", n * d)
q = letter("q", 2 * n)
w = tensor("w", 2 * n)
ASSIGNMENTS = [
    {n: 3, m: 4, d: 2, s: 2, p: 1},
    {n: 4, m: 2, d: 3, s: 3, p: 0},
    {n: 1, m: 5, d: 1, s: 1, p: 2},
    {n: 5, m: 1, d: 4, s: 3, p: 4},
]


def values(node: Node, axes: tuple[Letter, ...], which: int) -> np.ndarray:
    sizes_ = ASSIGNMENTS[which]
    rng = np.random.default_rng(which)
    shapes = {t: tuple(int(Evaluator(sizes_, {}).length(x)) for x in t.axes) for t in (X, Y, v, w)}
    return Evaluator(sizes_, {t: rng.normal(size=shape) for t, shape in shapes.items()}).array(node, axes)


def unchanged(node: Node) -> Node:
    """The contracted node, after its values were found to be those of the node."""
    found = contract(node)
    axes = tuple(sorted(node.free, key=lambda x: x.name))
    assert found.free <= node.free
    for which in range(len(ASSIGNMENTS)):
        assert np.allclose(values(found, axes, which), values(node, axes, which), rtol=1e-12, atol=1e-12), f"{found}"
    return found


def odd_below(limit: object) -> Node:
    """The brackets of the odd values of q that are at least 1 and at most a limit."""
    return at_least(q, 1) * at_most(q, limit) * equal(index_mod(q - 1, 2), 0)


def sums(node: Node) -> int:
    return sum(len(below.bound()) for below in walk(node) if isinstance(below, Sum))


# ---------------------------------------------------------------------------------------------- what is recognised


@pytest.mark.parametrize(
    ("node", "left"),
    [
        pytest.param(Sum(h, equal(h, i) * X[h, j]), 0, id="a letter is replaced"),
        pytest.param(Sum(h, equal(i, h) * X[h, j] * Y[j, k]), 0, id="either side"),
        pytest.param(Sum(h, equal(h + 1, i) * X[h, j]), 0, id="shifted"),
        pytest.param(Sum(h, equal(n - 1 - h, i) * X[h, j]), 0, id="reversed"),
        pytest.param(Sum(h, k, equal(d * h + k, a) * X[h, j] * Y[j, k]), 0, id="digits"),
        pytest.param(Sum(a, equal(a, d * h + k) * v[a]), 0, id="merged axis"),
        pytest.param(Sum(h, equal(s * h, i) * X[h, j]), 0, id="stride"),
        pytest.param(
            Sum(a, equal(index_mod(a, d), 0) * equal(index_floor(a, d), i) * v[a]), 0, id="every d-th entry"
        ),
        pytest.param(Sum(q, equal(index_mod(q, 2), 0) * equal(index_floor(q, 2), i) * w[q]), 0, id="even"),
        pytest.param(Sum(q, equal(index_mod(q - 1, 2), 0) * equal(index_floor(q - 1, 2), i) * w[q]), 0, id="odd"),
        pytest.param(
            Sum(q, odd_below(2 * n - 3) * equal(index_floor(q - 1, 2), i) * w[q]), 0, id="odd, and not to the end"
        ),
        pytest.param(Sum(q, odd_below(2 * n - 1) * X[index_floor(q - 1, 2), j] * w[q]), 1, id="odd, summed"),
        pytest.param(Sum(h, letter("q", n), equal(h, i) * X[h, j]), 0, id="a letter that nothing holds counts"),
        pytest.param(Sum(h, Sum(k, equal(h, i) * X[h, j] * Y[j, k])), 1, id="through a sum"),
        pytest.param(Sum(h, X[h, j] * (equal(h, i) + Sum(k, Y[j, k]))), 2, id="through terms"),
        pytest.param(Sum(h, X[h, j] * (equal(h, i) - X[h, j])), 1, id="softmax's law"),
        pytest.param(Sum(h, k, equal(h, i) * equal(k, 0) * X[h, j] * Y[j, k]), 0, id="two equations"),
        pytest.param(Sum(h, equal(h, i) * at_least(h, 1) * X[h, j]), 0, id="a guard is carried along"),
    ],
)
def test_contracted(node: Node, left: int) -> None:
    assert sums(unchanged(node)) == left


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(Sum(h, equal(s * h + k - p, i) * X[h, j]), id="stride, dilation and padding"),
        pytest.param(Sum(h, k, equal(s * h + k - p, i) * X[h, j] * Y[j, k]), id="convolution"),
        pytest.param(Sum(h, equal(2 * h, 2 * i + 1) * X[h, j]), id="never equal"),
        pytest.param(Sum(h, equal(index_floor(h, s), i) * X[h, j]), id="a quotient cannot be solved"),
        pytest.param(Sum(h, equal(index_mod(h, s), 0) * X[h, j]), id="nor a remainder"),
        pytest.param(Sum(h, exp(equal(h, i) * X[h, j])), id="not through a function"),
        pytest.param(Sum(h, equal(h, i) * equal(h, 0) * X[h, j]), id="overdetermined"),
        pytest.param(Sum(h, at_most(h, i) * X[h, j]), id="inequalities stay"),
        pytest.param(Sum(h, Bracket(as_index(h), "≠", as_index(i)) * X[h, j]), id="unequal stays"),
        pytest.param(Sum(j, equal(j, i) * X[i, j]), id="ranges differ"),
        pytest.param(Sum(h, equal(h, d * h) * X[h, j]), id="a coefficient that may be zero"),
        pytest.param(Sum(h, equal(p * h, i) * X[h, j]), id="a padding as coefficient may be zero"),
    ],
)
def test_values_stay(node: Node) -> None:
    unchanged(node)


def test_a_contraction_out_of_range_keeps_its_guards() -> None:
    found = unchanged(Sum(h, equal(h + 2, i) * X[h, j]))
    assert any(isinstance(below, Bracket) and below.relation in "≥>" for below in walk(found))
    inside = unchanged(Sum(h, equal(h, i) * X[h, j]))
    assert inside == X[i, j], "no guard where none is needed"


def test_split_heads_come_back_merged() -> None:
    """The sweep of a head split: Σ_{h,k} [a = d·h + k] X[h] is X[a // d]."""
    found = unchanged(Sum(h, k, equal(d * h + k, a) * X[h, 0] * Y[0, k]))
    assert found == X[index_floor(a, d), 0] * Y[0, index_mod(a, d)]


WITHIN = at_least(a - d * h, 0) * less(a - d * h, d)


def test_a_range_as_wide_as_a_multiple_is_a_quotient() -> None:
    """``[0 ≤ a - d·h < d]`` holds for h = a // d alone."""
    whole = index_floor(a, d)
    assert unchanged(Sum(h, WITHIN * X[h, 0])) == X[whole, 0]
    rest = at_most(d * h, a) * at_least(d * h + d - 1, a)
    assert unchanged(Sum(h, rest * X[h, 0] * v[d * h])) == X[whole, 0] * v[d * whole]
    inner = unchanged(Sum(h, WITHIN * X[h, 0] * Y[0, a - d * h]))
    assert inner == X[whole, 0] * Y[0, index_mod(a, d)]
    up = unchanged(Sum(h, at_least(d * h - a, 0) * less(d * h - a, d) * X[h, 0]))
    assert sums(up) == 0, "rounded up it is a quotient too"
    wide = letter("b", n * d + 1)
    guarded = unchanged(Sum(h, at_least(wide - d * h, 0) * less(wide - d * h, d) * X[h, 0]))
    assert any(isinstance(below, Bracket) for below in walk(guarded)), "the quotient may be out of range"


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(Sum(h, at_least(a - d * h, 0) * less(a - d * h, d + 1) * X[h, 0]), id="wider"),
        pytest.param(Sum(h, at_least(a - d * h, 1) * less(a - d * h, d) * X[h, 0]), id="narrower"),
        pytest.param(Sum(h, at_least(a - d * h, 0) * less(a - s * h, s) * X[h, 0]), id="another step"),
        pytest.param(Sum(h, at_least(a - p * h, 0) * less(a - p * h, p) * X[h, 0]), id="a step that may be zero"),
        pytest.param(Sum(h, at_least(d * h - a, 0) * X[h, 0]), id="one side"),
    ],
)
def test_other_ranges_stay(node: Node) -> None:
    assert sums(unchanged(node)) == 1


# -------------------------------------------------------------------------------------------------- single brackets


@pytest.mark.parametrize(
    ("bracket", "truth"),
    [
        (equal(i, i), True),
        (equal(i, i + 1), False),
        (equal(i, n), False),
        (equal(i + 1, 0), False),
        (at_least(i, 0), True),
        (at_least(i, n), False),
        (at_most(i, n - 1), True),
        (Bracket(as_index(i), "≠", as_index(i)), False),
        (Bracket(as_index(i), "≠", as_index(n)), True),
        (Bracket(as_index(i), "<", as_index(n)), True),
        (Bracket(as_index(i), ">", as_index(n - 1)), False),
        (at_least(2 * i, 2 * n - 1), False),
        (at_most(3 * i, 3 * n - 1), True),
        (at_least(a - d * index_floor(a, d), 0), True),
        (less(a, d * index_floor(a, d) + d), True),
    ],
)
def test_certain_brackets_vanish(bracket: Bracket, truth: bool) -> None:
    found = simplify_bracket(bracket)
    assert is_one(found) if truth else is_zero(found)


def test_a_common_factor_of_an_inequality_is_gone() -> None:
    assert simplify_bracket(at_least(2 * i, 3)) == at_least(i, 2)
    assert simplify_bracket(at_most(2 * i + 4 * j, 2 * n + 3)) == at_most(i + 2 * j, n + 1)
    assert simplify_bracket(less(2 * i, 3 * j)) == less(2 * i, 3 * j)


def test_a_sum_in_steps_has_no_bracket_left() -> None:
    found = contract(Sum(q, odd_below(2 * n - 1) * X[index_floor(q - 1, 2), j] * w[q]))
    assert isinstance(found, Sum)
    assert found.letters[0].length == n
    assert not any(isinstance(below, Bracket) for below in walk(found))


def test_steps_from_a_position_that_is_a_letter() -> None:
    inside = at_least(q, k) * at_most(q, k + 2 * (m - 1)) * equal(index_mod(q - k, 2), 0)
    unchanged(Sum(q, k, inside * Y[index_floor(q - k, 2), k] * w[q]))
    unchanged(Sum(q, inside * equal(index_floor(q - k, 2), j) * w[q]))


def test_terms_for_all_remainders_are_one() -> None:
    even = equal(index_mod(q, 2), 0) * X[index_floor(q, 2), j]
    odd = equal(index_mod(q - 1, 2), 0) * X[index_floor(q - 1, 2), j]
    assert unchanged(w[q] * (even + Y[j, k] + odd)) == w[q] * (X[index_floor(q, 2), j] + Y[j, k])
    assert len(terms_of(unchanged(even + odd * Y[j, k]))) == 2


def test_a_range_that_moves_is_one_from_zero() -> None:
    inside = at_least(q, i) * at_most(q, i + n - 1)
    found = unchanged(Sum(q, inside * w[q] * X[q - i, j]))
    assert isinstance(found, Sum)
    assert found.letters[0].length == n
    assert not any(isinstance(below, Bracket) for below in walk(found))
    unchanged(Sum(q, at_least(q, i) * at_most(q, i + n) * w[q]))


def test_an_equality_of_merged_axes_splits_into_its_digits() -> None:
    q, r = letter("q", n), letter("r", d)
    found = simplify_bracket(equal(d * h + k, d * q + r))
    assert found == equal(h, q) * equal(k, r)


@st.composite
def forms(draw: st.DrawFn, atoms: tuple[Letter, ...]) -> Index:
    total = as_index(draw(st.sampled_from([0, 0, 1, -1, 2, p, -p, n - 1])))
    for atom in draw(st.lists(st.sampled_from(atoms), max_size=3, unique=True)):
        total = total + atom * draw(st.sampled_from([1, 1, -1, 2, -2, 3, d, s, -s, s * d, -d]))
    return total


@given(forms((i, j, k, h, a)), st.sampled_from("=≠<≤>≥"))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_simplified_brackets_say_the_same(form: Index, relation: str) -> None:
    bracket = Bracket(form, relation, as_index(0))
    found = simplify_bracket(bracket)
    axes = (i, j, k, h, a)
    for which in range(len(ASSIGNMENTS)):
        assert np.array_equal(values(found, axes, which), values(bracket, axes, which)), f"{bracket} is not {found}"


@given(
    forms((h, k, i)),
    forms((h, j, a)),
    st.lists(st.sampled_from([h, k, j, a]), min_size=1, max_size=3, unique=True),
    st.sampled_from(["=", "=", "≥", "≠"]),
    st.integers(0, 5),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_random_brackets_against_brute_force(
    left: Index, right: Index, summed: list[Letter], relation: str, which: int
) -> None:
    """Σ over letters of products with brackets of affine forms, evaluated with and without contraction."""
    first = Bracket(left, "=", right)
    second = Bracket(right + k, relation, left + 1)
    bodies = (
        mul(first, X[h, j]),
        mul(first, second, X[h, j], Y[j, k]),
        mul(number(2), v[a], first) + mul(second, first, X[i, j]),
        mul(X[h, j], first - X[h, j] * second),
        mul(first, exp(X[h, j] * second)),
        mul(first, Sum(letter("z", m), X[h, j] * first * second)),
    )
    node = Sum(*summed, bodies[which])
    found = contract(node)
    axes = tuple(sorted(node.free | found.free, key=lambda x: x.name))
    assert found.free <= node.free
    for assignment in range(len(ASSIGNMENTS)):
        assert np.allclose(values(found, axes, assignment), values(node, axes, assignment), rtol=1e-12, atol=1e-12), (
            f"{node} is not {found} at {ASSIGNMENTS[assignment]}"
        )


@pytest.mark.parametrize("shift", [1, 2, -1])
@pytest.mark.parametrize("step", [1, -1])
def test_an_index_that_goes_round_its_axis(shift: int, step: int) -> None:
    turned = index_mod(as_index(i).scaled(step) + as_index(n).scaled(2) + shift, n)
    assert not isinstance(unchanged(Sum(i, X[i, j] * equal(turned, h))), Sum)
    assert not isinstance(unchanged(Sum(i, X[i, j] * equal(turned, h + s))), Sum)


def test_an_index_that_goes_round_a_shorter_axis_than_its_own_stays() -> None:
    assert isinstance(unchanged(Sum(a, v[a] * equal(index_mod(as_index(a) + 1, n), h))), Sum)
