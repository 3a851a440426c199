"""Every function of numbers: its law, its numbers and its SymPy form say the same, kinks included."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sympy

from derive.definitions import define
from derive.differentiate import gradient
from derive.errors import MissingRuleError, NotationError
from derive.evaluate import Evaluator, run
from derive.functions import (
    ELEMENTWISE,
    Elementwise,
    absolute,
    exp,
    greater,
    greater_equal,
    log,
    maximum,
    minimum,
    relu,
    sqrt,
    where,
)
from derive.index import letter
from derive.nodes import Apply, Node, Sum, number
from derive.notation import name, tensor
from derive.program import Program
from derive.size_algebra import sizes
from derive.symbolic import Components
from tests.derive.witnesses import agrees, exactly_equal, seeded, seen_from
from verify import numdiff

SMOOTH = [row.name for row in ELEMENTWISE.values() if not row.kinks]
DOMAINS = {"real": (-2.3, 2.4), "positive": (0.1, 3), "above -1": (-0.8, 2.5), "between -1 and 1": (-0.9, 0.9)}


def points(row: Elementwise, count: int = 7) -> list[np.ndarray]:
    """Points of the domain, away from kinks: different magnitudes, both signs where allowed."""
    low, high = DOMAINS[row.domain]
    rng = seeded("points", row.name)
    found = [np.round(rng.uniform(low, high, count), 3) for _ in range(row.arity)]
    if row is where:
        found[0] = np.array([1.0, 0, 1, 0, 0, 1, 2.5])
    return found


def law(row: Elementwise) -> tuple[Program, list[Any], Node]:
    """A program that applies the function entry by entry, weighted."""
    n = sizes("n")[0]
    i = letter("i", n)
    arguments = [tensor(f"u{m}", n) for m in range(row.arity)]
    R, L = tensor("R", n), name("L")
    L = define(L, Sum(i, R[i] * row(*(u[i] for u in arguments))))
    return Program.of([*arguments, R], L), arguments, row(*(u[i] for u in arguments))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_row_is_filled(name: str) -> None:
    row = ELEMENTWISE[name]
    assert row.derivative is not None
    assert row.statement
    assert row.domain in DOMAINS
    assert row.condition is not None or not row.kinks, "a kink is a condition"


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_law_is_the_numerical_derivative(name: str) -> None:
    row = ELEMENTWISE[name]
    program, arguments, _ = law(row)
    (n,) = program.sizes()
    values = dict(zip(arguments, points(row), strict=True)) | {
        program.tensor("R"): np.array([0.7, -1.3, 2, -0.4, 1, -2, 3])
    }
    wanted = arguments[1:] if row is where else arguments
    found = gradient(program, wanted)
    evaluator = run(found.derived, values, {n: 7})
    for u, result in zip(wanted, found.derived.outputs, strict=True):
        agrees(evaluator.arrays[result], numdiff.gradient(seen_from(program, u, values, {n: 7}), values[u]))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_law_is_sympys_derivative(name: str) -> None:
    row = ELEMENTWISE[name]
    symbols = sympy.symbols(f"u0:{row.arity}", real=True)
    n = sizes("n")[0]
    arguments = [tensor(f"u{m}") for m in range(row.arity)]
    node = row(*arguments)
    assert row.derivative is not None
    slopes = row.derivative(node.arguments, node)
    assert len(slopes) == row.arity
    components = Components(Program.of(arguments, arguments[0]), {n: 1})
    components.values = dict(zip(arguments, ({(): s} for s in symbols), strict=True))
    for at in zip(*points(row), strict=True):
        exact = {s: sympy.Rational(str(a)) for s, a in zip(symbols, at, strict=True)}
        for position, slope in enumerate(slopes):
            if row is where and position == 0:
                continue
            expected = sympy.diff(row.sympy(*symbols), symbols[position]).xreplace(exact).doit()
            found = components.node(slope, {}).xreplace(exact)
            assert exactly_equal(found, expected), f"{name} at {at}"


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_numbers_are_those_of_the_sympy_form(name: str) -> None:
    row = ELEMENTWISE[name]
    arrays = points(row)
    found = row.numpy(*arrays)
    for m, at in enumerate(zip(*arrays, strict=True)):
        expected = float(sympy.N(row.sympy(*(sympy.Rational(str(a)) for a in at)), 30))
        assert found[m] == pytest.approx(expected, rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("name", SMOOTH)
def test_analytic_functions_take_complex_numbers(name: str) -> None:
    """A complex step of 1e-20 gives the derivative to the last digits."""
    row = ELEMENTWISE[name]
    (at,) = points(row)
    n = sizes("n")[0]
    u = tensor("u", n)
    node = row(u[letter("i", n)])
    assert row.derivative is not None
    (slope,) = row.derivative(node.arguments, node)
    exact = Evaluator({n: len(at)}, {u: at}).value(slope).array
    assert np.allclose(row.numpy(at + 1e-20j).imag / 1e-20, exact, rtol=1e-13)
    assert np.allclose(row.numpy(at + 0j).real, row.numpy(at), rtol=1e-14)


@pytest.mark.parametrize("name", [row.name for row in ELEMENTWISE.values() if row.kinks])
def test_piecewise_functions_take_complex_numbers(name: str) -> None:
    """They branch on the real part and keep the imaginary part of the branch taken."""
    row = ELEMENTWISE[name]
    at = points(row)
    found = row.numpy(*(a + 1e-20j * (m + 1) for m, a in enumerate(at)))
    assert np.allclose(np.real(found), row.numpy(*at))
    slopes = row.derivative(tuple(map(number, range(row.arity))), number(0)) if row.derivative else ()
    assert len(slopes) == row.arity


@pytest.mark.parametrize(
    ("name", "large"),
    [
        ("sigmoid", [0, 1, 0.5]),
        ("softplus", [0, 800, np.log(2)]),
        ("tanh", [-1, 1, 0]),
        ("relu", [0, 800, 0]),
        ("erf", [-1, 1, 0]),
    ],
)
def test_large_arguments_do_not_overflow(name: str, large: list[float]) -> None:
    assert ELEMENTWISE[name].numpy(np.array([-800.0, 800.0, 0.0])) == pytest.approx(large, abs=1e-15)


KINKS = {
    "relu at 0 has slope 0": (lambda u, v: relu(u), (0.0, 1.0), (0, 0)),
    "abs at 0 has slope 0": (lambda u, v: absolute(u), (0.0, 1.0), (0, 0)),
    "maximum at a tie: the first takes all": (maximum, (2.0, 2.0), (1, 0)),
    "minimum at a tie: the first takes all": (minimum, (2.0, 2.0), (1, 0)),
    "maximum of the smaller": (maximum, (1.0, 2.0), (0, 1)),
    "minimum of the larger": (minimum, (2.0, 1.0), (0, 1)),
    "greater has slope 0": (lambda u, v: greater(u, v) * u, (2.0, 2.0), (0, 0)),
    "greater_equal has slope 0": (lambda u, v: greater_equal(u, v) * u, (2.0, 2.0), (1, 0)),
    "where takes the branch that holds": (lambda u, v: where(greater(u, 0), v * 3, v * 5), (0.0, 2.0), (0, 5)),
}


@pytest.mark.parametrize("which", KINKS)
def test_conventions_at_kinks(which: str) -> None:
    function, at, slopes = KINKS[which]
    u, v = tensor("u"), tensor("v")
    L = define(name("L"), function(u + 0, v + 0))
    program = Program.of([u, v], L)
    found = gradient(program, [u, v])
    evaluator = run(found.derived, {u: np.array(at[0]), v: np.array(at[1])})
    assert [float(evaluator.arrays[t]) for t in found.derived.outputs] == list(slopes)


def test_a_condition_that_is_no_truth_value_is_none() -> None:
    """where(3, …) takes the first branch: its slope is 1, not 3."""
    n = sizes("n")[0]
    i = letter("i", n)
    x, mask, L = tensor("x", n), tensor("mask", n), name("L")
    L = define(L, Sum(i, where(mask[i], x[i], 2 * x[i])))
    found = gradient(Program.of([x, mask], L), x)
    values = {x: np.array([1.5, -4.0, 2.0]), mask: np.array([3.0, 0.0, -1.0])}
    assert run(found.derived, values).arrays[found.derived.output].tolist() == [1, 2, 1]


@pytest.mark.parametrize("condition", [greater, greater_equal])
def test_what_is_not_chosen_reaches_no_gradient(condition: Elementwise) -> None:
    """√(-x) for x > 0 is no number, but there where(…) takes the other branch."""
    n = sizes("n")[0]
    i = letter("i", n)
    x, L = tensor("x", n), name("L")
    for body, at, expected in (
        (where(condition(x[i], 0), x[i] ** 2, sqrt(-x[i])), [3.0, -4.0], [6, -0.25]),
        (where(condition(0, x[i]), sqrt(-x[i]), x[i] ** 2), [3.0, -4.0], [6, -0.25]),
        (where(condition(x[i], 0), log(x[i]), 3 * x[i]), [2.0, -4.0], [0.5, 3]),
    ):
        program = Program.of([x], define(name("L"), Sum(i, body)))
        found = gradient(program, x)
        assert run(found.derived, {x: np.array(at)}).arrays[found.derived.output].tolist() == expected
    assert L.shape is None


def test_numbers_warn_of_nothing_inside_their_domain() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for row in ELEMENTWISE.values():
            row.numpy(*points(row))


def test_a_function_counts_its_arguments() -> None:
    for arguments in ((), (number(1), number(2))):
        with pytest.raises(NotationError, match=f"exp takes 1 arguments, not {len(arguments)}"):
            exp(*arguments)
    assert isinstance(exp(0), Apply)


# --------------------------------------------------------------------------- unknown means an error, never zero


def without_law(name: str) -> Elementwise:
    return Elementwise(name, 1, rf"\operatorname{{{name}}}", None, np.square, lambda z: z**2)


def test_a_function_without_derivative_raises_and_is_named() -> None:
    n = sizes("n")[0]
    i = letter("i", n)
    x, y, L = tensor("x", n), tensor("y", n), name("L")
    mystery = without_law("mystery")
    L = define(L, Sum(i, mystery(x[i]) * y[i]))
    program = Program.of([x, y], L)
    with pytest.raises(MissingRuleError, match="'mystery' has no derivative"):
        gradient(program, x)
    found = gradient(program, y)
    assert run(found.derived, {x: np.array([3.0]), y: np.array([2.0])}).arrays[found.derived.output] == [9.0]


def test_relations_that_sympy_turns_round_without_end() -> None:
    y, r = sympy.symbols("y r", real=True)
    a, b = sympy.Rational(9, 10) * (y - r), -sympy.Rational(1, 10) * (y - r)
    for function, expected in ((maximum, a), (minimum, b), (greater, 1), (greater_equal, 1)):
        assert function.sympy(a, b).subs({y: 2, r: 1}) == sympy.sympify(expected).subs({y: 2, r: 1})
