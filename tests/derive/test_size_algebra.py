"""Sizes: what is one, what may be done with them, and that nothing false is claimed of them."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import NotationError
from derive.size_algebra import (
    Size,
    as_size,
    certainly_nonnegative,
    evaluate_size,
    exact_quotient,
    plus,
    size,
    size_symbols,
    sizes,
    times,
)

n, m, s = sizes("n m s")
p = size("p", minimum=0)
SYMBOLS = (n, m, s, p)
ASSIGNMENTS = [
    dict(zip(SYMBOLS, (*values, pad), strict=True))
    for values in itertools.product((1, 2, 3, 7), repeat=3)
    for pad in (0, 1, 5)
]


@st.composite
def polynomials(draw: st.DrawFn) -> sympy.Expr:
    """Random polynomials in sizes with small coefficients."""
    total: sympy.Expr = sympy.Integer(draw(st.integers(-6, 6)))
    for _ in range(draw(st.integers(1, 4))):
        term: sympy.Expr = sympy.Integer(draw(st.integers(-4, 4)))
        for symbol in SYMBOLS:
            term *= symbol ** draw(st.integers(0, 2))
        total += term
    return sympy.expand(total)


def value_at(expression: Size, assignment: dict[sympy.Symbol, int]) -> Fraction:
    exact = sympy.sympify(expression).xreplace({k: sympy.Integer(v) for k, v in assignment.items()})
    return Fraction(int(exact.p), int(exact.q))


@pytest.mark.parametrize("bad", ["2n", "n m", "", "n-1"])
def test_size_needs_an_identifier(bad: str) -> None:
    with pytest.raises(NotationError, match="identifier"):
        size(bad)


@pytest.mark.parametrize("minimum", [2, -1, True + 1])
def test_minimum_is_zero_or_one(minimum: int) -> None:
    with pytest.raises(NotationError, match="minimum is 0 or 1"):
        size("n", minimum=minimum)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(1.5, id="fraction"),
        pytest.param(2.0, id="float"),
        pytest.param(True, id="bool"),
        pytest.param("n", id="text"),
        pytest.param(None, id="None"),
        pytest.param(sympy.Rational(1, 2), id="rational"),
        pytest.param(n / 2, id="half a size"),
        pytest.param(sympy.Symbol("x"), id="bare symbol"),
        # an integer of unknown sign is no size: "certainly at least 0" would be claimed of it
        pytest.param(sympy.Symbol("k", integer=True), id="integer of unknown sign"),
    ],
)
def test_what_is_no_size_is_refused(bad: object) -> None:
    with pytest.raises(NotationError, match="is not a size"):
        as_size(bad)


@pytest.mark.parametrize("good", [3, sympy.Integer(3), n, n * m - 1, sympy.floor((n + 2 * p) / s) + 1])
def test_what_is_a_size_is_kept(good: Size) -> None:
    found = as_size(good)
    assert found == good
    assert isinstance(found, int) == (not isinstance(good, sympy.Expr) or bool(good.is_Integer))


def test_sizes_of_one_name_are_one_size() -> None:
    assert size("n") == n
    assert size("p") != p, "a length and a padding of one name differ"


@given(polynomials(), polynomials())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_sums_and_products_are_those_of_the_numbers(a: sympy.Expr, b: sympy.Expr) -> None:
    for assignment in ASSIGNMENTS[::17]:
        x, y = value_at(a, assignment), value_at(b, assignment)
        assert value_at(plus(a, b), assignment) == x + y
        assert value_at(times(a, b), assignment) == x * y


def test_plain_integers_stay_plain() -> None:
    assert type(plus(n, times(n, -1))) is int
    assert type(exact_quotient(6, 3)) is int
    assert type(exact_quotient(n * 4, n)) is int


@pytest.mark.parametrize(
    ("value", "divisor", "expected"),
    [
        (6, 3, 2),
        (7, 3, None),
        (-6, 3, -2),
        (0, 5, 0),
        (n * m, m, n),
        (n * m + m, m, n + 1),
        (n * m + 1, m, None),
        (n, 2, None),
        (2 * n, 2, n),
        (n**2 + n, 2, None),
        (n, m, None),
        (0, n, 0),
        (n, n, 1),
        (2 * sympy.floor(n / 2), 2, sympy.floor(n / 2)),
        (4 * sympy.floor(n / 2) + 2, 2, 2 * sympy.floor(n / 2) + 1),
        (sympy.floor(n / 2), 2, None),
    ],
)
def test_exact_quotient(value: Size, divisor: Size, expected: Size | None) -> None:
    assert exact_quotient(value, divisor) == expected


@given(polynomials(), polynomials())
@settings(max_examples=50, deadline=None, derandomize=True)
def test_exact_quotient_is_exact(a: sympy.Expr, b: sympy.Expr) -> None:
    if b == 0:
        return
    whole = exact_quotient(times(a, b), b)
    assert whole is not None
    assert sympy.expand(whole - a) == 0
    other = exact_quotient(a, b)
    if other is not None:
        assert sympy.expand(other * b - a) == 0


def test_evaluation_names_what_is_missing() -> None:
    with pytest.raises(NotationError, match="no value for m, s"):
        evaluate_size(n * m + s, {n: 3})
    with pytest.raises(NotationError, match="no integer"):
        evaluate_size(n / m, {n: 3, m: 2})
    assert evaluate_size(sympy.floor((n + 2 * p) / s) + 1, {n: 7, p: 1, s: 2}) == 5
    assert size_symbols(n * m + 1) == {n, m}
    assert size_symbols(4) == frozenset()


# ------------------------------------------------------------------------------------------ certainly not negative


@pytest.mark.parametrize(
    "value",
    [0, 5, n - 1, n * m - 1, n * m - n, n**2 - 2 * n + n * m, p, n + p - 1, s * (n - 1) + 1,
     sympy.floor(n / s), sympy.floor((n + 2 * p - 3) / s) + 1, n - s * sympy.floor(n / s), n - sympy.floor(n / s),
     n / s, n - n / s],
)  # fmt: skip
def test_shown_to_be_never_negative(value: Size) -> None:
    assert certainly_nonnegative(value)


@pytest.mark.parametrize(
    "value",
    [-1, n - 2, p - 1, n - m, -n, -p, 1 - n, n - 1 - p, sympy.floor(n / s) - 1, n - 2 * sympy.floor(n / s),
     sympy.Symbol("k", integer=True), 1 / (n - 2), (-1) ** n, -n / s, n / (p - 1),
     sympy.floor((n - 1) / n) - 1, sympy.floor((s * n - 1) / s) - n],
)  # fmt: skip
def test_not_shown_where_it_is_false(value: Size) -> None:
    assert not certainly_nonnegative(value)


@given(polynomials())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_never_claims_a_falsehood(value: sympy.Expr) -> None:
    if certainly_nonnegative(value):
        assert all(value_at(value, assignment) >= 0 for assignment in ASSIGNMENTS)


@given(polynomials(), polynomials(), polynomials(), st.sampled_from([2, 3, n, s, n * m, s + 1]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_never_claims_a_falsehood_of_floors_and_fractions(
    a: sympy.Expr, b: sympy.Expr, c: sympy.Expr, divisor: Size
) -> None:
    """A floor is the size of an axis less one: it is not negative, unless it can be nothing else."""
    floor = sympy.floor(b / divisor)
    for value in (a + floor, a + c * floor, a + c / divisor):
        if certainly_nonnegative(sympy.sympify(value)):
            floors = [f for f in value.atoms(sympy.floor) if not certainly_nonnegative(-f.args[0])]
            for assignment in ASSIGNMENTS[::2]:
                if all(value_at(f, assignment) >= 0 for f in floors):
                    assert value_at(value, assignment) >= 0, f"{value} at {assignment}"


def test_the_decision_has_power() -> None:
    """Of the polynomials that are a sum of products of sizes less their minima, all are recognised."""
    for a, b, c in itertools.product(range(3), repeat=3):
        assert certainly_nonnegative(sympy.expand(a * (n - 1) * (m - 1) + b * p * n + c * (s - 1) ** 2))
