"""Letters and affine indices: identity is binding, and ranges are never claimed falsely."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import NotationError
from derive.evaluate import Evaluator
from derive.index import Index, Letter, Quotient, Remainder, as_index, fresh, index_floor, index_mod, letter, letters
from derive.notation import tensor
from derive.size_algebra import Size, evaluate_size, size, sizes

n, m, d, s = sizes("n m d s")
p = size("p", minimum=0)
i, j, k = letters("i j k", n, m, d)
COEFFICIENTS = [-3, -2, -1, 1, 2, 3, d, s, -s, d * s, -d, m]
ASSIGNMENTS = [
    {n: 3, m: 4, d: 2, s: 3, p: 1},
    {n: 1, m: 1, d: 1, s: 1, p: 0},
    {n: 5, m: 2, d: 3, s: 2, p: 0},
    {n: 2, m: 5, d: 4, s: 1, p: 6},
]


@st.composite
def affine(draw: st.DrawFn) -> Index:
    """Random affine forms in i, j, k, with quotients and remainders of such forms."""
    total = as_index(draw(st.sampled_from([0, 1, -1, 2, p, -p, s, m - 1])))
    for atom in draw(st.lists(st.sampled_from([i, j, k]), max_size=3, unique=True)):
        total = total + atom * draw(st.sampled_from(COEFFICIENTS))
    if draw(st.booleans()):
        inner = i * draw(st.sampled_from(COEFFICIENTS)) + j + draw(st.integers(-2, 2))
        divide = draw(st.sampled_from([index_floor, index_mod]))
        total = total + divide(inner, draw(st.sampled_from([2, 3, d, s])))
    return total


def values(index: Index, sizes: dict[sympy.Symbol, int]) -> np.ndarray:
    return Evaluator(sizes, {}).index(index).array


# ------------------------------------------------------------------------------------------------------- letters


def test_two_letters_of_one_name_are_two_letters() -> None:
    a, b = letter("i", n), letter("i", n)
    assert a != b
    assert a + b != a * 2
    assert (a + b).free == {a, b}


def test_letters_come_with_their_sizes() -> None:
    a, b = letters("a, b", n, 3)
    assert (a.name, a.length, b.length) == ("a", n, 3)
    assert letter("q").size is None
    with pytest.raises(NotationError, match=r"2 letters \(a b\) but 1 sizes"):
        letters("a b", n)


def test_unknown_size_says_what_to_declare() -> None:
    with pytest.raises(NotationError, match=r"size of index 'q' is not known here: declare letter\(name, size\)"):
        _ = letter("q").length


def test_fresh_letters_keep_name_and_size() -> None:
    renewed = fresh([i, j])
    assert all(new is not old and (new.name, new.size) == (old.name, old.size) for old, new in renewed.items())


@pytest.mark.parametrize("bad", [1.5, "i", n / 2, None])
def test_what_is_no_index_is_refused(bad: object) -> None:
    with pytest.raises(NotationError, match="is not a size"):
        as_index(bad)


def test_a_real_tensor_is_no_index() -> None:
    x, ids = tensor("x", n), tensor("ids", n, below=m)
    with pytest.raises(NotationError, match="its values are not integers"):
        as_index(x[i])
    assert as_index(ids[i]).upper() == m - 1


# ------------------------------------------------------------------------------------------------------- algebra


def test_terms_keep_the_authors_order() -> None:
    form = s * i + d * k - p
    assert [atom for atom, _ in form.terms] == [i, k]
    assert form.constant == -p
    assert [atom for atom, _ in (k * d + i * s - p).terms] == [k, i]
    assert form == k * d + i * s - p, "the order is no part of equality"
    assert hash(form) == hash(k * d + i * s - p)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (i + j - i, as_index(j)),
        (2 * (i + 3) - i, i + 6),
        (5 - i, -i + 5),
        ((i + p) * s, s * i + s * p),
        (i * 0, as_index(0)),
        (i - i, as_index(0)),
    ],
)
def test_affine_algebra(a: Index, b: Index) -> None:
    assert a == b


@given(affine(), affine())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_sums_and_differences_are_those_of_the_integers(a: Index, b: Index) -> None:
    for sizes_ in ASSIGNMENTS[:3:2]:
        at = Evaluator(sizes_, {})
        for found, sign in ((a + b, 1), (a - b, -1)):
            letters_ = (i, j, k)
            left, right, both = (at.index(x).aligned(letters_) for x in (a, b, found))
            assert np.array_equal(np.broadcast_to(both, (left + right).shape), left + sign * right)


def test_a_letter_alone_is_recognised() -> None:
    assert as_index(i).letter is i
    assert [x.letter for x in (i + 1, 2 * i, i + j, as_index(0))] == [None] * 4


# -------------------------------------------------------------------------------------------------------- ranges


@given(affine())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_bounds_hold(index: Index) -> None:
    low, high = index.lower(), index.upper()
    for sizes_ in ASSIGNMENTS:
        found = values(index, sizes_)
        if low is not None:
            assert np.min(found) >= evaluate_rational(low, sizes_), f"{index} is below {low} at {sizes_}"
        if high is not None:
            assert np.max(found) <= evaluate_rational(high, sizes_), f"{index} is above {high} at {sizes_}"


def evaluate_rational(value: Size, sizes_: dict[sympy.Symbol, int]) -> sympy.Expr:
    return sympy.sympify(value).xreplace({a: sympy.Integer(b) for a, b in sizes_.items()})


@given(affine(), st.sampled_from([1, 2, n, m, d * n, n + m, s * n, n * s + m]))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_ranges_are_not_claimed_falsely(index: Index, limit: Size) -> None:
    for sizes_ in ASSIGNMENTS:
        found = values(index, sizes_)
        if index.certainly_at_least_zero():
            assert np.min(found) >= 0
        if index.certainly_below(limit):
            assert np.max(found) < evaluate_size(limit, sizes_)


@pytest.mark.parametrize(
    ("index", "limit"),
    [
        (as_index(i), n),
        (d * i + k, n * d),
        (n - 1 - i, n),
        (s * i, s * n),
        (index_floor(letter("a", n * d), d), n),
        (index_mod(letter("a", n * d), d), d),
        (i + j, n + m - 1),
    ],
)
def test_ranges_that_formulas_need_are_shown(index: Index, limit: Size) -> None:
    assert index.certainly_at_least_zero()
    assert index.certainly_below(limit)


def test_half_of_an_odd_size_is_rounded_up() -> None:
    """i // 2 for i below n is at most (n-1)/2, which n/2 - 1 is not for odd n."""
    high = index_floor(i, 2).upper()
    assert high is not None
    assert evaluate_rational(high, {n: 3}) >= 1


# ---------------------------------------------------------------------------------------------------- mixed radix


def test_merged_axes_split_into_their_digits() -> None:
    merged = d * i + k
    assert index_floor(merged, d) == as_index(i)
    assert index_mod(merged, d) == as_index(k)
    assert index_mod(merged + d * p, d) == as_index(k)
    assert index_floor(as_index(i), 1) == as_index(i)
    assert index_mod(as_index(i), 1) == as_index(0)
    around = index_mod(k + 1, d)
    assert index_mod(around + (d - 1), d) == as_index(k)
    assert index_mod(index_mod(k + 1, d * p) + 2, d) == index_mod(k + 3, d)
    assert index_mod(around + 2, d * p) != index_mod(k + 3, d * p)


@pytest.mark.parametrize(("constant", "whole", "rest"), [(-1, -1, 1), (3, 1, 1), (-4, -2, 0)])
def test_a_plain_number_is_divided(constant: int, whole: int, rest: int) -> None:
    assert index_floor(2 * i + constant, 2) == i + whole
    assert index_mod(2 * i + constant, 2) == as_index(rest)


def test_the_part_of_a_constant_that_is_divided_is_in_the_quotient() -> None:
    assert index_floor(2 * i + 2 * n - 1, 2) == i + n - 1
    assert index_mod(i + 2 * n - 1, 2) == index_mod(i - 1, 2)


def test_digits_out_of_range_stay() -> None:
    """k is not below s, so (s·i + k) // s is not i."""
    found = index_floor(s * i + k, s)
    assert isinstance(found.terms[0][0], Quotient)
    assert isinstance(index_mod(s * i + k, s).terms[0][0], Remainder)


@given(affine(), st.sampled_from([1, 2, 3, 5, d, s, d * s]))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_floor_and_mod_are_pythons(index: Index, divisor: Size) -> None:
    for sizes_ in ASSIGNMENTS:
        by = evaluate_size(divisor, sizes_)
        at = Evaluator(sizes_, {})
        letters_ = (i, j, k)
        plain = at.index(index).aligned(letters_)
        for found, expected in (
            (index_floor(index, divisor), np.array([a // by for a in plain.ravel().tolist()]).reshape(plain.shape)),
            (index_mod(index, divisor), np.array([a % by for a in plain.ravel().tolist()]).reshape(plain.shape)),
        ):
            assert np.array_equal(np.broadcast_to(at.index(found).aligned(letters_), expected.shape), expected)


def test_quotients_and_remainders_differ() -> None:
    a = letter("a", n)
    assert Quotient(as_index(a), 2) != Remainder(as_index(a), 2)
    assert Quotient(as_index(a), 2) == Quotient(as_index(a), 2)
    assert Quotient(as_index(a), 2) != Quotient(as_index(Letter("a", n)), 2)


@pytest.mark.parametrize("name", ["", "i j", r"\input{x}", "<b>", "1", "i'"])
def test_a_letter_is_an_identifier(name: str) -> None:
    with pytest.raises(NotationError, match="an identifier"):
        letter(name)
