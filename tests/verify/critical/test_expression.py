"""What people give: expressions, entries of the catalogue, NumPy functions; which symbol is which coordinate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy

from verify.critical.expression import Untraceable, in_order, is_expression, subject_of
from verify.critical.proof.enclosure import Evaluator

x, y = sympy.symbols("x y", real=True)


def test_coordinates_are_in_the_order_of_their_names() -> None:
    x1, x2, x10 = sympy.symbols("x1 x2 x10", real=True)
    assert in_order(x10 + x2 * x1) == [x1, x2, x10]
    assert in_order(y + x) == [x, y]
    assert in_order(y + x, ["y", "x"]) == [y, x]
    assert in_order(x**2, [x, "z"])[0] == x


@pytest.mark.parametrize(
    ("symbols", "message"),
    [([x], "f depends on y"), ([x, x, y], "named twice"), (["x", "z"], "f depends on y")],
)
def test_symbols_that_do_not_fit(symbols: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        in_order(x + y, symbols)


def test_two_symbols_of_one_name() -> None:
    with pytest.raises(ValueError, match="different symbols of one name"):
        subject_of(x + sympy.Symbol("x", positive=True))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (sympy.I * x, "imaginary unit"),
        (sympy.gamma(x), "gamma, which has no interval arithmetic"),
        (sympy.Function("g")(x), "no interval arithmetic"),
        (sympy.Piecewise((x, x > 0), (0, True)), "Piecewise"),
        (sympy.Matrix([x]), "expected a scalar expression"),
        (sympy.Integral(x, x), "Integral"),
    ],
)
def test_what_cannot_be_enclosed_is_named(expression: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        subject_of(expression)


def test_dimensions_must_agree() -> None:
    with pytest.raises(ValueError, match="the box has 3 coordinates"):
        subject_of(x + y, 3)


def rosenbrock(w: np.ndarray) -> Any:
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


def wells(w: np.ndarray) -> Any:
    return np.sum((w**2 - 1) ** 2) + np.tanh(w).sum() / 10


def two_numbers(a: float, b: float) -> Any:
    return np.sin(a) * np.exp(-b * b)


@pytest.mark.parametrize(("f", "n"), [(rosenbrock, 2), (wells, 3), (two_numbers, 2)])
def test_a_numpy_function_is_traced(f: Any, n: int) -> None:
    subject = subject_of(f, n)
    points = np.random.default_rng(1).normal(size=(5, n))
    own = [float(f(*p) if f is two_numbers else f(p)) for p in points]
    np.testing.assert_allclose(Evaluator(subject.tape).values(points), own, rtol=1e-13)


def test_the_names_are_those_of_the_arguments() -> None:
    assert subject_of(two_numbers, 2).names == ("a", "b")


def test_an_entry_of_the_catalogue_must_have_numbers() -> None:
    with pytest.raises(ValueError, match=r"expected one number|symbolic sizes"):
        subject_of("loss-softmax-ce")


def test_what_cannot_be_traced_says_why() -> None:
    def opaque(w: np.ndarray) -> float:
        return math.lgamma(float(w[0])) + float(np.linalg.svd(np.outer(w, w))[1][0])

    with pytest.raises(Untraceable, match="f cannot be traced"):
        subject_of(opaque, 2)


def test_a_vector_needs_a_length() -> None:
    with pytest.raises(ValueError, match="give the box, or start"):
        subject_of(rosenbrock)


def test_what_is_an_expression() -> None:
    assert is_expression(x + 1)
    assert is_expression("land-two-weight-example")
    assert is_expression(3)
    assert not is_expression(rosenbrock)
    assert not is_expression(True)
