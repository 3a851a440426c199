"""Tapes: what is written once, what is folded, derivatives against SymPy's and against differences."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy

from verify.critical.expression import subject_of, written
from verify.critical.proof.floats import FLOATS
from verify.critical.proof.tape import FUNCTIONS, Writer, derivatives

x, y, z = sympy.symbols("x y z", real=True)

EXPRESSIONS = {
    "polynomial": (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2,
    "quotient": (x - y) / (2 + x * y) ** 2 - 1 / (3 + x**3),
    "negative powers": x**-2 * y + (x * y) ** -3,
    "roots": sympy.sqrt(x**2 + y) * x ** sympy.Rational(3, 2) + y ** sympy.Rational(1, 3),
    "general power": (1 + x) ** (y * x),
    "waves": sympy.sin(x * y) * sympy.cos(3 * x) + sympy.tan(x / 2),
    "hyperbolic": sympy.sinh(x) * sympy.cosh(y) - sympy.tanh(x * y) + sympy.asinh(x - y),
    "inverse": sympy.asin(x / 3) + sympy.acos(y / 3) + sympy.atan(x * y),
    "exponentials": sympy.exp(-(x**2) - y**2) * sympy.log(2 + x * y) + sympy.exp(2),
    "error function": sympy.erf(x * y) + sympy.erf(1) * x,
    "constants": sympy.pi * x**2 + sympy.E * y + sympy.sqrt(2) * x * y + sympy.GoldenRatio.rewrite(sympy.sqrt) * x,
    "rewritten": sympy.cot(x)
    + sympy.sec(y)
    + sympy.coth(x)
    + sympy.sech(y)
    + sympy.acosh(2 + x)
    + sympy.atanh(x / 3),
    "shared": (x + y) ** 2 + sympy.exp((x + y) ** 2) + 1 / (1 + (x + y) ** 2),
    "linear": 3 * x - 2 * y + 7,
    "one variable only": y**3 - y,
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_derivatives_are_sympy_s(name: str) -> None:
    expression = EXPRESSIONS[name]
    subject = subject_of(expression, symbols=[x, y])
    points = np.random.default_rng(3).uniform(0.2, 1.2, (4, 2))
    found = np.array([np.broadcast_to(v, 4) for v in subject.tape.run(FLOATS, list(points.T))])
    exact = [
        expression,
        *(expression.diff(v) for v in (x, y)),
        *(expression.diff(*v) for v in ((x, x), (x, y), (y, y))),
    ]
    for values, one in zip(found, exact, strict=True):
        for value, point in zip(values, points, strict=True):
            expected = float(one.subs({x: point[0], y: point[1]}).evalf(25))
            assert value == pytest.approx(expected, rel=1e-12, abs=1e-13)


def test_every_function_has_the_derivative_of_its_values() -> None:
    """The table of derivatives beside central differences of the same arithmetic."""
    for name in FUNCTIONS:
        arguments = 2 if name in ("maximum", "minimum") else 1
        writer = Writer(arguments)
        tape = derivatives(writer, writer.apply(name, *map(writer.variable, range(arguments))))
        points = np.array([[0.31], [0.57]])[:arguments]
        found = [float(np.squeeze(v)) for v in tape.run(FLOATS, list(points))]
        for k in range(arguments):
            step = np.zeros_like(points)
            step[k] = 1e-5
            up, down = (tape.run(FLOATS, list(points + sign * step)) for sign in (1, -1))
            slope = (float(np.squeeze(up[0])) - float(np.squeeze(down[0]))) / 2e-5
            assert found[1 + k] == pytest.approx(slope, rel=1e-8, abs=1e-9), name
            bend = (float(np.squeeze(up[1 + k])) - float(np.squeeze(down[1 + k]))) / 2e-5
            diagonal = 1 + arguments + (0 if k == 0 else arguments)
            assert found[diagonal] == pytest.approx(bend, rel=1e-7, abs=1e-8), name


def test_equal_steps_are_one() -> None:
    w = Writer(2)
    a, b = w.variable(0), w.variable(1)
    assert w.add(a, b) == w.add(b, a)
    assert w.multiply(a, b) == w.multiply(b, a)
    assert w.multiply(a, a) == w.power(a, 2)
    assert w.multiply(w.power(a, 2), w.power(a, 3)) == w.power(a, 5)
    assert w.subtract(a, a) == w.constant(0)
    assert w.negative(w.subtract(a, b)) == w.subtract(b, a)
    assert w.add(a, w.negative(b)) == w.subtract(a, b)
    assert w.multiply(w.negative(a), w.negative(b)) == w.multiply(a, b)
    assert w.multiply(w.constant(2), w.multiply(w.constant(3), a)) == w.multiply(w.constant(6), a)
    assert w.power(w.power(a, 2), 3) == w.power(a, 6)
    assert w.power(w.negative(a), 3) == w.negative(w.power(a, 3))
    inverse = w.apply("positive_inverse", a)  # in the derivative of x log x it meets x again
    assert w.multiply(a, inverse) == w.constant(1)
    assert w.multiply(inverse, w.power(a, 3)) == w.power(a, 2)
    assert w.divide(a, w.constant(4)) == w.multiply(w.constant(Fraction(1, 4)), a)


def test_constants_are_exact() -> None:
    w = Writer(1)
    third = w.constant(Fraction(1, 3))
    assert w.known(w.add(third, w.constant(Fraction(1, 6)))) == Fraction(1, 2)
    assert w.known(w.power(third, 3)) == Fraction(1, 27)
    assert w.known(written(w, sympy.Float(0.1), {})) == Fraction(0.1)


def test_numbers_that_grow_are_not_folded() -> None:
    w = Writer(1)
    huge = w.power(w.constant(3), 10**6)
    assert w.known(huge) is None
    assert w.steps[huge].operation == "power"


def test_a_tape_keeps_only_what_an_output_needs() -> None:
    subject = subject_of(sympy.exp(x) * sympy.sin(y), symbols=[x, y])
    value = subject.tape.only(0)
    assert {step.operation for step in value.steps} == {"variable", "exp", "sin", "multiply"}
    assert len(value.steps) == 5


def test_what_is_never_read_again_is_let_go() -> None:
    class Watching:
        def add(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return a + b

    w = Writer(1)
    total = w.variable(0)
    for _ in range(4):
        total = w.write("add", total, total)
    tape = w.tape(total)
    assert tape.last_use[:-1] == tuple(range(1, len(tape.steps)))
    (value,) = tape.run(Watching(), [np.ones(3)])
    assert value.tolist() == [16, 16, 16]
