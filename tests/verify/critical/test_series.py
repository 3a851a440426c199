"""Series in ρ: they enclose the function for every ρ, and what is exactly 0 is known to be."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from verify.critical.proof.balls import Balls
from verify.critical.proof.intervals import Intervals
from verify.critical.proof.series import Series, SeriesArithmetic, Unsupported

REACH = Fraction(1, 8)
Number = Any

# Each function of x = 1/2 + ρ s, as a series and as a number.
FUNCTIONS: dict[str, tuple[Callable[[SeriesArithmetic, Series], Series], Callable[[Number], Number]]] = {
    "sqrt": (lambda a, x: a.sqrt(x), mpmath.sqrt),
    "inverse": (lambda a, x: a.divide(a.constant(Fraction(1)), x), lambda x: 1 / x),
    "positive inverse": (lambda a, x: a.positive_inverse(x), lambda x: 1 / x),
    "exp": (lambda a, x: a.exp(x), mpmath.exp),
    "log": (lambda a, x: a.log(x), mpmath.log),
    "sin": (lambda a, x: a.sin(x), mpmath.sin),
    "cos": (lambda a, x: a.cos(x), mpmath.cos),
    "tan": (lambda a, x: a.tan(x), mpmath.tan),
    "sinh": (lambda a, x: a.sinh(x), mpmath.sinh),
    "cosh": (lambda a, x: a.cosh(x), mpmath.cosh),
    "tanh": (lambda a, x: a.tanh(x), mpmath.tanh),
    "asin": (lambda a, x: a.asin(x), mpmath.asin),
    "acos": (lambda a, x: a.acos(x), mpmath.acos),
    "atan": (lambda a, x: a.atan(x), mpmath.atan),
    "asinh": (lambda a, x: a.asinh(x), mpmath.asinh),
    "erf": (lambda a, x: a.erf(x), mpmath.erf),
    "abs": (lambda a, x: a.abs(a.negative(x)), abs),
    "power": (lambda a, x: a.power(x, 5), lambda x: x**5),
    "maximum": (lambda a, x: a.maximum(x, a.power(x, 2)), lambda x: max(x, x**2)),
    "minimum": (lambda a, x: a.minimum(x, a.power(x, 2)), lambda x: min(x, x**2)),
    "product": (lambda a, x: a.multiply(a.exp(x), a.sin(x)), lambda x: mpmath.exp(x) * mpmath.sin(x)),
    "quotient": (lambda a, x: a.divide(a.sin(x), a.cosh(x)), lambda x: mpmath.sin(x) / mpmath.cosh(x)),
}


def value(one: Series, rho: Fraction, arithmetic: SeriesArithmetic) -> tuple[Number, Number]:
    """The series at one ρ, in intervals: what it promises."""
    low, high = mpmath.mpf(0), mpmath.mpf(0)
    for k, c in enumerate([*one.coefficients, one.rest]):
        ends = arithmetic.interval(c)
        factor = mpmath.mpf(rho.numerator) / rho.denominator
        factor = factor ** (one.order + k)
        low, high = low + factor * float(np.min(ends[0])), high + factor * float(np.max(ends[1]))
    return low, high


@pytest.mark.parametrize("slope", [Fraction(1), Fraction(-2), Fraction(3, 7)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_series_encloses_its_function(name: str, slope: Fraction) -> None:
    ours, theirs = FUNCTIONS[name]
    arithmetic = SeriesArithmetic(Intervals(1), REACH)
    with np.errstate(all="ignore"):
        found = ours(arithmetic, arithmetic.series(0, [Fraction(1, 2), slope]))
    assert not arithmetic.below.undefined.any()
    with mpmath.workdps(40):
        for share in (Fraction(1), Fraction(1, 3), Fraction(1, 1000), Fraction(1, 10**6)):
            rho = REACH * share
            low, high = value(found, rho, arithmetic)
            true = theirs(
                mpmath.mpf(1) / 2 + mpmath.mpf(int((slope * rho).numerator)) / int((slope * rho).denominator)
            )
            assert low - mpmath.mpf(10) ** -30 <= true <= high + mpmath.mpf(10) ** -30
            # and is narrow: the rest is of a high power
            assert high - low <= max(1e5 * float(abs(slope) * rho) ** 6, 1e-11)


def test_balls_say_the_same() -> None:
    for name, (ours, _) in FUNCTIONS.items():
        floats, balls = SeriesArithmetic(Intervals(1), REACH), SeriesArithmetic(Balls(), REACH)
        with np.errstate(all="ignore"):
            one, other = (ours(each, each.series(0, [Fraction(1, 2), Fraction(1)])) for each in (floats, balls))
        low, high = floats.range(one)
        inner = balls.range(other)
        assert np.min(low) <= float(inner[0].mid()) + 1e-12, name
        assert np.max(high) >= float(inner[1].mid()) - 1e-12, name


VANISHING: dict[str, tuple[Callable[[SeriesArithmetic, Series], Series], int]] = {
    "sin x": (lambda a, x: a.sin(x), 1),
    "1 - cos x": (lambda a, x: a.subtract(a.constant(Fraction(1)), a.cos(x)), 2),
    "x - sin x": (lambda a, x: a.subtract(x, a.sin(x)), 3),
    "exp x - 1 - x": (lambda a, x: a.subtract(a.subtract(a.exp(x), a.constant(Fraction(1))), x), 2),
    "x - tanh x": (lambda a, x: a.subtract(x, a.tanh(x)), 3),
    "log(1 + x) - x": (lambda a, x: a.subtract(a.log(a.add(a.constant(Fraction(1)), x)), x), 2),
    "sqrt(4 + x) - 2": (
        lambda a, x: a.subtract(a.sqrt(a.add(a.constant(Fraction(4)), x)), a.constant(Fraction(2))),
        1,
    ),
    "1/x": (lambda a, x: a.divide(a.constant(Fraction(1)), x), -1),
    "1/(x - sin x)": (lambda a, x: a.divide(a.constant(Fraction(1)), a.subtract(x, a.sin(x))), -3),
    "sqrt(x² + x³)": (lambda a, x: a.sqrt(a.add(a.power(x, 2), a.power(x, 3))), 1),
    "x³ / sqrt(x²)": (lambda a, x: a.divide(a.power(x, 3), a.sqrt(a.power(x, 2))), 2),
}


@pytest.mark.parametrize("name", VANISHING)
def test_the_order_is_known(name: str) -> None:
    ours, order = VANISHING[name]
    # on two pieces, s from 1/2 to 1 and 1 to 2
    arithmetic = SeriesArithmetic(Intervals(2), Fraction(1, 1000), [(np.array([0.5, 1.0]), np.array([1.0, 2.0]))])
    with np.errstate(all="ignore"):
        found = ours(arithmetic, arithmetic.variable(0, 1))
        low, high = arithmetic.range(found)
    assert found.order == order
    assert np.all((low > 0) | (high < 0))


def test_what_has_no_series_is_told() -> None:
    arithmetic = SeriesArithmetic(Intervals(1), REACH)
    x = arithmetic.series(1, [Fraction(1)])
    with pytest.raises(Unsupported, match="logarithm"):
        arithmetic.log(x)
    with pytest.raises(Unsupported, match="odd order"):
        arithmetic.sqrt(x)
    with pytest.raises(Unsupported, match="unbounded"):
        arithmetic.exp(arithmetic.divide(arithmetic.constant(Fraction(1)), x))
    with pytest.raises(Unsupported):
        arithmetic.divide(x, arithmetic.subtract(x, x))


def test_leaving_the_domain_is_noted_on_its_piece() -> None:
    below = Intervals(3)
    arithmetic = SeriesArithmetic(below, REACH)
    with np.errstate(all="ignore"):
        arithmetic.sqrt(
            arithmetic.series(0, [(np.array([-1.0, -1e-3, 1.0]), np.array([-0.5, 1e-3, 2.0])), Fraction(1)])
        )
    assert below.nowhere.tolist() == [True, False, False]
    assert below.undefined.tolist() == [True, True, False]


def test_a_negative_start_does_not_mean_no_value_at_all() -> None:
    """√(ρ - 1/100) has values where ρ is larger than that."""
    below = Intervals(1)
    arithmetic = SeriesArithmetic(below, REACH)
    with np.errstate(all="ignore"):
        arithmetic.sqrt(arithmetic.series(0, [(np.array([-0.01]), np.array([-0.01])), Fraction(1)]))
    assert below.undefined.all()
    assert not below.nowhere.any()
