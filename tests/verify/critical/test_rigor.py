"""Ball arithmetic confirms what is true, and takes back what is false."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

from verify.critical.expression import subject_of
from verify.critical.find import find_critical_points
from verify.critical.proof.enclosure import Evaluator
from verify.critical.proof.floats import FLOATS
from verify.critical.proof.intervals import Intervals

pytest.importorskip("flint")

from verify.critical.proof.balls import Balls
from verify.critical.proof.rigor import Rigor

x, y = sympy.symbols("x y", real=True)
CAMEL = (4 - sympy.Rational(21, 10) * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2

UNARY = [
    "sqrt", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh", "erf", "abs",
    "sign", "step", "negative", "positive_inverse",
]  # fmt: skip


@pytest.mark.parametrize("name", [*UNARY, "add", "subtract", "multiply", "divide", "maximum", "minimum"])
def test_values_lie_in_their_interval(name: str) -> None:
    rng = np.random.default_rng(sum(map(ord, name)))
    for _ in range(150):
        operands = []
        for _ in range(2 if name in ("add", "subtract", "multiply", "divide", "maximum", "minimum") else 1):
            middle, radius = rng.normal() * 10.0 ** rng.integers(-2, 2), 10.0 ** rng.uniform(-6, 1)
            operands.append((middle - radius, middle + radius))
        balls = Balls()
        low, high = getattr(balls, name)(*(balls.interval(*operand) for operand in operands))
        for _ in range(8):
            with np.errstate(all="ignore"):
                value = getattr(FLOATS, name)(*(rng.uniform(*operand) for operand in operands))
            if not np.isfinite(value):
                assert balls.undefined
                continue
            slack = 4e-15 * (1 + abs(value))
            assert not balls.nowhere
            assert not low > value + slack
            assert not high < value - slack


@pytest.mark.parametrize(
    ("expression", "box", "count"),
    [
        (CAMEL, [(-5, 5), (-5, 5)], 15),
        (sympy.sin(x) * sympy.cos(y), [(-4, 3), (-4, 3)], 8),
        (-sympy.log(1 - x) - sympy.log(1 + x) - sympy.log(y) - sympy.log(2 - y), [(-1, 1), (0, 2)], 1),
        (x + sympy.exp(y), [(-3, 3), (-3, 3)], 0),
    ],
)
def test_the_whole_certificate_is_repeated(expression: sympy.Expr, box: Any, count: int) -> None:
    found = find_critical_points(expression, box, certify="rigor")
    plain = find_critical_points(expression, box, certify=True)
    assert found.complete
    assert len(found) == len(plain) == count
    assert "FLINT" in found.assumption
    assert "FLINT" not in plain.assumption
    for one, other in zip(found, plain, strict=True):
        assert one.certified
        assert (one.kind, one.index) == (other.kind, other.index)
        np.testing.assert_allclose(one.x, other.x, atol=1e-9)


# Faults of floating-point intervals that make the search say what is not true.
def sharper_powers(monkeypatch: pytest.MonkeyPatch) -> None:
    power = Intervals.power

    def planted(self: Intervals, a: Any, exponent: int) -> Any:
        lower, upper = power(self, a, exponent)
        return lower + 0.05 * (upper - lower), upper - 0.05 * (upper - lower)

    monkeypatch.setattr(Intervals, "power", planted)


def shifted_products(monkeypatch: pytest.MonkeyPatch) -> None:
    multiply = Intervals.multiply

    def planted(self: Intervals, a: Any, b: Any) -> Any:
        lower, upper = multiply(self, a, b)
        return lower + 1e-7, upper + 1e-7

    monkeypatch.setattr(Intervals, "multiply", planted)


def one_sided_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    add = Intervals.add
    monkeypatch.setattr(Intervals, "add", lambda self, a, b: (add(self, a, b)[0], add(self, a, b)[0]))


@pytest.mark.parametrize("plant", [sharper_powers, shifted_products, one_sided_sums])
def test_false_decisions_are_taken_back(plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = find_critical_points(CAMEL, [(-5, 5), (-5, 5)])
    assert len(truth) == 15
    plant(monkeypatch)
    found = find_critical_points(CAMEL, [(-5, 5), (-5, 5)], certify="rigor", time_limit=5)
    kept = [one.enclosure for one in found if one.enclosure] + [(box.lower, box.upper) for box in found.undecided]
    kept += [(component.lower, component.upper) for component in found.components]
    for point in truth:  # none is lost: it was found, or what holds it is undecided
        assert any(np.all((lower - 1e-12 <= point.x) & (point.x <= upper + 1e-12)) for lower, upper in kept)
    for one in found:
        if one.certified and one.enclosure is not None:
            lower, upper = one.enclosure
            assert sum(np.all((lower - 1e-12 <= p.x) & (p.x <= upper + 1e-12)) for p in truth) == 1
            assert upper - lower == pytest.approx(0, abs=1e-5)


def test_a_single_decision() -> None:
    subject = subject_of(CAMEL)
    rigor = Rigor(subject.tape.only(*range(1, 6)))
    assert not rigor.excluded(np.array([-0.1, -0.1]), np.array([0.1, 0.1]))
    assert rigor.excluded(np.array([4.0, 4.0]), np.array([5.0, 5.0]))
    lower, upper = rigor.hessian(np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(lower, [[8, 1], [1, -8]], rtol=1e-15)
    assert np.all(lower <= upper)
    assert isinstance(Evaluator(subject.tape, rigor).rigor, Rigor)
