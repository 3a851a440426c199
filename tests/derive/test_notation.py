"""What people write: the author's order is kept, numbers are exact, and what is no formula is refused."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import sympy

from derive.errors import NotationError
from derive.evaluate import Evaluator, run
from derive.functions import argmax, exp, softmax, sqrt, where
from derive.notation import (
    Add,
    Bracket,
    Mul,
    Node,
    Number,
    Position,
    Pow,
    Ref,
    Sum,
    Tensor,
    add,
    as_node,
    at_least,
    at_most,
    equal,
    factors_of,
    is_one,
    is_zero,
    less,
    letter,
    letters,
    mul,
    name,
    names,
    number,
    tensor,
    terms_of,
)
from derive.program import Program, define
from derive.size_algebra import sizes

n, m = sizes("n m")
i, j, k = letters("i j k", n, m, n)
x, y, A, c, ids = tensor("x", n), tensor("y", n), tensor("A", n, m), tensor("c"), tensor("ids", n, below=m)


# ------------------------------------------------------------------------------------------------- author's order


def test_terms_keep_the_authors_order() -> None:
    a, b, d = x[i], y[i], A[i, j]
    assert terms_of(a - b + d) == (a, mul(number(-1), b), d)
    assert terms_of(d + (b + a)) == (d, b, a)
    assert terms_of(y[i] - x[i]) == (b, -a)


def test_factors_keep_the_authors_order_numbers_in_front() -> None:
    a, b, d = x[i], y[i], A[i, j]
    assert factors_of(d * b * a) == (d, b, a)
    assert factors_of(b * (a * d)) == (b, a, d)
    assert factors_of(a * 2 * b * 3) == (number(6), a, b)


def test_a_number_among_terms_keeps_the_place_of_the_first() -> None:
    assert terms_of(x[i] + 1 + y[i] + 2) == (x[i], number(3), y[i])
    assert terms_of(x[i] + 1 - 1) == (x[i],)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(x[i] * 1, x[i], id="times one"),
        pytest.param(x[i] * 0, number(0), id="times zero"),
        pytest.param(x[i] + 0, x[i], id="plus zero"),
        pytest.param(0 - x[i], -x[i], id="zero minus"),
        pytest.param(-(-1 * x[i]), x[i], id="twice negated"),
        pytest.param(+x[i], x[i], id="plus sign"),
        pytest.param(x[i] ** 1, x[i], id="power one"),
        pytest.param(x[i] ** 0, number(1), id="power zero"),
        pytest.param((x[i] ** 2) ** 3, x[i] ** 6, id="whole power of a power"),
        pytest.param(sqrt(x[i]) ** 2, x[i], id="square of a root"),
        pytest.param((2 * x[i]) ** 2, 4 * x[i] ** 2, id="power of a number times"),
        pytest.param(number(2) ** 3, number(8), id="power of numbers"),
        pytest.param(number(4) ** 0.5, number(2), id="root of a number"),
        pytest.param(1 / number(n), number(1 / n), id="one over a size"),
        pytest.param(2 ** as_node(2), number(4), id="reflected power"),
        pytest.param(1 - x[i] + 0.5, add(number(Fraction(3, 2)), -x[i]), id="decimal"),
    ],
)
def test_folded(found: Node, expected: Node) -> None:
    assert found == expected


def test_a_root_of_a_square_stays() -> None:
    """√(x²) is |x|, not x."""
    assert isinstance(sqrt(x[i] ** 2), Pow)
    assert isinstance(number(-1) ** number(0.5), Pow)


def test_empty_sums_and_products() -> None:
    assert is_zero(add())
    assert is_one(mul())


@pytest.mark.parametrize(
    "divide", [lambda: 1 / number(0), lambda: x[i] / 0, lambda: number(0) ** -2], ids=["1/0", "x/0", "0**-2"]
)
def test_division_by_zero_is_refused(divide: Callable[[], object]) -> None:
    with pytest.raises(NotationError, match="division by zero"):
        divide()


# -------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (0.1, sympy.Rational(1, 10)),
        (1e-5, sympy.Rational(1, 100000)),
        (3, sympy.Integer(3)),
        (Fraction(2, 7), sympy.Rational(2, 7)),
        (float("inf"), sympy.oo),
        (float("-inf"), -sympy.oo),
        (1 / n, 1 / n),
        (sympy.pi, sympy.pi),
        (True, sympy.Integer(1)),
    ],
)
def test_numbers_are_taken_exactly_as_written(written: object, value: sympy.Expr) -> None:
    assert number(written).value == value


@pytest.mark.parametrize("bad", [float("nan"), "1", None, [1], 1j, np.ones(2)], ids=repr)
def test_what_is_no_number_is_refused(bad: object) -> None:
    with pytest.raises(NotationError, match="not a number"):
        number(bad)


# -------------------------------------------------------------------------------------------------------- tensors


@pytest.mark.parametrize("make", [tensor, name], ids=["tensor", "name"])
@pytest.mark.parametrize("bad", ["2x", "x y", "", "x-1", "x;y"])
def test_names_are_identifiers(make: Callable[[str], Tensor], bad: str) -> None:
    with pytest.raises(NotationError, match="a tensor needs a name that is an identifier"):
        make(bad)


def test_wrong_number_of_indices_names_shape_and_reading() -> None:
    with pytest.raises(NotationError, match=r"'A' has 2 axes \(n, m\) but is written with 1 index: A\[i\]"):
        A[i]
    with pytest.raises(NotationError, match=r"'x' has 1 axes \(n,\) but is written with 2 indices: x\[i, j\]"):
        x[i, j]


def test_a_tensor_with_axes_needs_its_indices() -> None:
    with pytest.raises(NotationError, match=r"'A' has axes \(n, m\): write its indices"):
        A + 1
    assert isinstance(c + 1, Add)
    assert as_node(c) == Ref(c, ())


def test_an_unknown_name_says_so() -> None:
    unknown = name("U")
    with pytest.raises(NotationError, match=r"unknown name 'U'.*neither declared with tensor\(...\) nor defined"):
        _ = unknown.axes
    with pytest.raises(NotationError, match="unknown name 'U'"):
        define(name("V")[i], unknown[i] + 1)


def test_names_from_a_text() -> None:
    a, b = names("a, b")
    assert (a.name, b.name, a.shape) == ("a", "b", None)


@pytest.mark.parametrize("shape", [("n",), (1.5,), (n / 2,), (sympy.Symbol("z"),)])
def test_axes_are_sizes(shape: tuple[object, ...]) -> None:
    with pytest.raises(NotationError, match="is not a size"):
        tensor("x", *shape)


def test_a_formula_is_neither_true_nor_false() -> None:
    with pytest.raises(NotationError, match=r"write where\(condition, a, b\)"):
        bool(x[i])
    with pytest.raises(NotationError, match="neither true nor false"):
        _ = x[i] and y[i]


# ---------------------------------------------------------------------------------------------------------- nodes


def test_free_letters_and_tensors() -> None:
    body = Sum(j, A[i, j] * equal(j, ids[i])) + softmax(k, x[k]).entry(i)
    assert body.free == {i}
    assert body.tensors == {A, ids, x}
    inner = A[k, ids[k]]
    assert inner.free == {k}
    assert inner.tensors == {A, ids}


def test_the_letter_of_a_softmax_entry_is_free() -> None:
    p = softmax(k, x[k])
    assert p.free == {k}
    assert Sum(k, p).free == frozenset()


def test_sums_flatten_unless_a_letter_repeats() -> None:
    flat = Sum(i, Sum(j, A[i, j]))
    assert flat.letters == (i, j)
    nested = Sum(i, Sum(i, x[i]))
    assert nested.letters == (i,)
    assert isinstance(nested.body, Sum)
    assert Evaluator({n: 3, m: 2}, {x: np.array([1.0, 2, 4])}).value(nested).array == 21


@pytest.mark.parametrize("bad", [(x[i],), (x[i], i), ("i", x[i])], ids=["no letter", "letter last", "text"])
def test_sums_are_written_letters_first(bad: tuple[object, ...]) -> None:
    with pytest.raises(NotationError, match=r"write sums as Sum\(j, body\)"):
        Sum(*bad)


def test_a_letter_is_a_number_at_its_position() -> None:
    node = i * x[i]
    assert isinstance(node, Mul)
    assert isinstance(node.factors[0], Position)
    assert isinstance((2 * i + 1) * x[i], Mul)
    assert all(isinstance(sum_, Add) for sum_ in (i + x[i], x[i] + i, i - x[i], x[i] - i))
    values = Evaluator({n: 3}, {x: np.array([2.0, 3.0, 5.0])}).value(Sum(i, node)).array
    assert values == 0 * 2 + 1 * 3 + 2 * 5


def test_an_argmax_is_an_index_and_an_exp_is_none() -> None:
    assert A[k, argmax(j, A[k, j])].free == {k}
    with pytest.raises(NotationError, match="its values are not integers"):
        A[i, exp(x[i])]


@pytest.mark.parametrize(
    ("bracket", "holds"),
    [
        (equal(i, k), lambda a, b: a == b),
        (at_most(i, k), lambda a, b: a <= b),
        (at_least(i, k), lambda a, b: a >= b),
        (less(i, k), lambda a, b: a < b),
        (Bracket(i + 0, "≠", k + 0), lambda a, b: a != b),
        (Bracket(i + 0, ">", k + 0), lambda a, b: a > b),
    ],
)
def test_brackets(bracket: Bracket, holds: Callable[[int, int], bool]) -> None:
    found = Evaluator({n: 4}, {}).value(bracket).aligned((i, k))
    assert found.tolist() == [[float(holds(a, b)) for b in range(4)] for a in range(4)]


def test_an_unknown_relation_is_refused() -> None:
    with pytest.raises(NotationError, match="'==' is not a relation between indices"):
        Bracket(i + 0, "==", k + 0)


def test_nodes_are_equal_by_what_they_say() -> None:
    assert x[i] + y[i] == x[i] + y[i]
    assert hash(x[i] * y[k]) == hash(x[i] * y[k])
    assert x[i] + y[i] != y[i] + x[i], "order is part of what was written"
    assert x[i] != x[k]
    assert tensor("x", n)[i] != x[i], "two tensors of one name are two tensors"
    assert x[i] != 3


def test_elementwise_functions_check_their_arguments() -> None:
    with pytest.raises(NotationError, match="exp takes 1 arguments, not 2"):
        exp(x[i], y[i])
    assert isinstance(exp(0), Node)
    assert isinstance(number(0), Number)


def test_letters_may_be_declared_without_size() -> None:
    assert letter("q").size is None


def test_what_python_and_numpy_offer_makes_formulas() -> None:
    i = letter("i")
    x = tensor("x", n)
    L = define(name("L"), Sum(i, np.exp(x[i]) * where(x[i] > 0, abs(x[i]), np.float64(2) * x[i])))
    values = np.array([1.0, -2.0])
    expected = (np.exp(values) * np.where(values > 0, np.abs(values), 2 * values)).sum()
    assert run(Program.of(x, L), {"x": values}).arrays[L] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("write", "advice"),
    [
        (lambda a: np.arctan2(a, a), "np.arctan2 has no law"),
        (lambda a: max(a, 0), r"maximum\(a, b\)"),
        (lambda a: a @ a, r"Sum\(j"),
    ],
    ids=["arctan2", "max", "matmul"],
)
def test_what_has_no_place_in_a_formula_says_what_has(write: Callable[[Ref], object], advice: str) -> None:
    with pytest.raises(NotationError, match=advice):
        write(tensor("x", n)[0])
