"""The tree: tensors, nodes and numbers say what they are, and what is none is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy

from derive.definitions import define
from derive.errors import NotationError
from derive.evaluate import Evaluator
from derive.functions import exp
from derive.index import letters
from derive.nodes import Add, Bracket, Mul, Position, Ref, Sum, as_node, number
from derive.notation import equal, name, tensor
from derive.over_axes import argmax, softmax
from derive.size_algebra import sizes

n, m = sizes("n m")
i, j, k = letters("i j k", n, m, n)
x, y, A, c, ids = tensor("x", n), tensor("y", n), tensor("A", n, m), tensor("c"), tensor("ids", n, below=m)


# --------------------------------------------------------------------------------------------------------- numbers


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


# --------------------------------------------------------------------------------------------------------- tensors


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


# ----------------------------------------------------------------------------------------------------------- nodes


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
