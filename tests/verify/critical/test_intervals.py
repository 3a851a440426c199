"""Interval arithmetic: whatever a function takes on a box lies in its interval, and what has no value is noticed."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.critical.proof.floats import FLOATS
from verify.critical.proof.intervals import Intervals, down, up

UNARY = [
    "sqrt", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh", "erf", "abs",
    "sign", "step", "negative", "positive_inverse",
]  # fmt: skip
BINARY = ["add", "subtract", "multiply", "divide", "maximum", "minimum"]
BOXES = 400


def boxes(rng: np.random.Generator) -> tuple[Any, Any]:
    """Intervals of all sizes, some of them points, some with an end at 0 or at 1."""
    middle = rng.normal(size=BOXES) * 10.0 ** rng.integers(-3, 3, BOXES)
    middle[:40] = rng.choice([0.0, 1.0, -1.0, 0.5, -0.5], 40)
    radius = np.abs(middle) * 10.0 ** rng.uniform(-15, 1, BOXES)
    lower, upper = middle - radius, middle + radius
    lower[100:140] = np.minimum(0.0, upper[100:140])
    upper[140:180] = np.maximum(0.0, lower[140:180])
    upper[180:200] = lower[180:200]
    lower[180:200] = upper[180:200]
    return lower, upper


def inside(rng: np.random.Generator, interval: tuple[Any, Any]) -> Any:
    """A point of every interval; ends are likely."""
    lower, upper = interval
    share = rng.choice([0.0, 1.0, 0.5, rng.random()], len(lower))
    return np.clip(lower + share * (upper - lower), lower, upper)


@pytest.mark.parametrize("operation", [*UNARY, *BINARY, *(f"power {n}" for n in (2, 3, 4, 7))])
@pytest.mark.parametrize("seed", range(3))
def test_values_lie_in_their_interval(operation: str, seed: int) -> None:
    rng = np.random.default_rng([seed, sum(map(ord, operation))])
    name, _, exponent = operation.partition(" ")
    extra = (int(exponent),) if exponent else ()
    operands = [boxes(rng) for _ in range(2 if operation in BINARY else 1)]
    arithmetic = Intervals(BOXES)
    with np.errstate(all="ignore"):
        lower, upper = getattr(arithmetic, name)(*operands, *extra)
        assert not np.isnan(lower).any()
        assert not np.isnan(upper).any()
        for _ in range(40):
            value = getattr(FLOATS, name)(*(inside(rng, operand) for operand in operands), *extra)
            exists = np.isfinite(value)
            assert np.all(exists | arithmetic.undefined | (np.abs(upper) > 1e300) | (np.abs(lower) > 1e300))
            assert np.all(~exists | (lower <= value))
            assert np.all(~exists | (upper >= value))
            assert not np.any(exists & arithmetic.nowhere)


@pytest.mark.parametrize("operation", ["add", "subtract", "multiply"])
@given(data=st.data())
def test_sums_and_products_enclose_the_exact_result(operation: str, data: st.DataObject) -> None:
    number = st.floats(-1e150, 1e150, allow_subnormal=True)
    a, b, c, d = (data.draw(number) for _ in range(4))
    one, other = (min(a, b), max(a, b)), (min(c, d), max(c, d))
    lower, upper = getattr(Intervals(1), operation)(*((np.array([e[0]]), np.array([e[1]])) for e in (one, other)))
    exact = {
        "add": lambda s, t: s + t, "subtract": lambda s, t: s - t, "multiply": lambda s, t: s * t
    }[operation]  # fmt: skip
    for s in one:
        for t in other:
            value = exact(Fraction(s), Fraction(t))
            assert Fraction(float(lower[0])) <= value <= Fraction(float(upper[0]))


@given(st.floats(-1e300, 1e300, allow_subnormal=True))
def test_rounding_goes_past_the_next_number(value: float) -> None:
    assert down(np.float64(value)) <= math.nextafter(value, -math.inf)
    assert up(np.float64(value)) >= math.nextafter(value, math.inf)


def test_exact_zeros_stay() -> None:
    """Without that, no pole at the edge of a box could be told from one inside."""
    zero, one = (np.zeros(1), np.zeros(1)), (np.zeros(1), np.ones(1))
    for interval in (
        Intervals(1).add(zero, zero), Intervals(1).subtract(one, (np.ones(1), np.ones(1))),
        Intervals(1).multiply(one, one), Intervals(1).multiply((2.0, 2.0), one), Intervals(1).power(one, 3),
        Intervals(1).power(one, 2), Intervals(1).sqrt(one),
    ):  # fmt: skip
        assert interval[0] == 0 or interval[1] == 0


def test_a_pole_at_an_end_has_one_sign() -> None:
    arithmetic = Intervals(2)
    lower, upper = arithmetic.divide((1.0, 1.0), (np.array([0.0, -0.5]), np.array([0.5, 0.0])))
    assert arithmetic.undefined.all()
    assert not arithmetic.nowhere.any()
    assert lower[0] == pytest.approx(2)
    assert upper[0] > 1e300
    assert lower[1] < -1e300
    assert upper[1] == pytest.approx(-2)


def test_large_arguments_of_waves_are_all_values() -> None:
    huge = np.array([1e300]), np.array([1e301])
    assert Intervals(1).sin(huge) == (-1.0, 1.0)
    assert Intervals(1).cos(huge) == (-1.0, 1.0)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_turning_points_are_seen(name: str) -> None:
    """Narrow intervals around each crest, trough and pole, and just beside them."""
    turns = np.arange(-8, 9) * np.pi / 2
    for shift in (0.0, 1e-9, -1e-9):
        lower, upper = turns + shift - 1e-10, turns + shift + 1e-10
        arithmetic = Intervals(len(turns))
        with np.errstate(all="ignore"):
            low, high = getattr(arithmetic, name)((lower, upper))
            for share in np.linspace(0, 1, 9):
                value = getattr(FLOATS, name)(lower + share * (upper - lower))
                assert np.all((low <= value) & (value <= high))
    assert Intervals(1).sin((np.array([1.5]), np.array([1.6])))[1] == 1.0


def test_kinks_and_domains_are_noticed() -> None:
    arithmetic = Intervals(3)
    a = np.array([-2.0, -1.0, 0.5]), np.array([-1.0, 1.0, 2.0])
    arithmetic.sign(a)
    assert arithmetic.kinked.tolist() == [False, True, False]
    arithmetic.log(a)
    assert arithmetic.undefined.tolist() == [True, True, False]
    assert arithmetic.nowhere.tolist() == [True, False, False]


def test_constants_are_enclosed() -> None:
    arithmetic = Intervals(1)
    assert arithmetic.constant(Fraction(1, 4)) == (0.25, 0.25)
    lower, upper = arithmetic.constant(Fraction(1, 3))
    assert Fraction(lower) < Fraction(1, 3) < Fraction(upper)
    assert math.nextafter(math.nextafter(lower, 1), 1) >= upper
    assert arithmetic.constant(Fraction(10**400))[1] == math.inf
    for name, value in (("pi", math.pi), ("e", math.e)):
        lower, upper = arithmetic.constant(name)
        assert lower <= value < upper
