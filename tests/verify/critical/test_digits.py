"""Many digits: the operations of a tape, and which curves of critical points are told from flat lines."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from tests.verify.critical.test_intervals import BINARY, UNARY
from verify import find_critical_points
from verify.critical.proof.digits import Digits
from verify.critical.proof.floats import FLOATS

x, y, z = sp.symbols("x y z")
ROUND = x**2 + y**2

FLAT = {
    "order 6": (x - sp.sin(x)) ** 2 + y**2,
    "order 12": (x - sp.sin(x)) ** 4 + y**2,
    "order 8": (sp.cosh(x) - 1 - x**2 / 2) ** 2 + y**2,
    "order 24, at 1": (x - 1 - sp.sin(x - 1)) ** 8 + y**2,
    "beside a saddle": (x - sp.sin(x)) ** 4 - y**2,
}
CURVES: dict[str, tuple[sp.Expr, int]] = {
    "a circle": ((ROUND - 1) ** 2, 1),
    "a circle of higher order": ((ROUND - 1) ** 3, 1),
    "a circle on which f has another slope everywhere": ((ROUND - 1) ** 3 * (2 + x), 1),
    "an ellipse": ((x**2 / 4 + y**2 - 1) ** 2 * sp.exp(x), 1),
    "a sphere": ((ROUND + z**2 - 1) ** 2, 1),
    "a curve": ((x - sp.exp(-y)) ** 2, 1),
    "two curves": (sp.sin(2 * x - 1) ** 2 * (1 + y**2), 3),
}


def searched(function: sp.Expr, ends: tuple[float, float]) -> object:
    symbols = sorted(function.free_symbols, key=str)
    return find_critical_points(function, box=[ends] * len(symbols), symbols=symbols)


@pytest.mark.parametrize("ends", [(-2.2, 3.0), pytest.param((-1.0, 1.5), marks=pytest.mark.campaign)])
@pytest.mark.parametrize("name", FLAT)
def test_a_flat_line_is_no_curve_of_critical_points(name: str, ends: tuple[float, float]) -> None:
    found = searched(FLAT[name], ends)
    assert found.complete
    (point,) = found
    np.testing.assert_array_equal(point.x, (1, 0) if name.endswith("at 1") else (0, 0))
    assert point.nullity == 1
    assert point.index == ("saddle" in name)


def test_a_flat_line_by_no_simple_place_is_undecided() -> None:
    u = x**2 - sp.Rational(3, 7)
    found = searched((u - sp.sin(u)) ** 4 + y**2, (-2.2, 3.0))
    assert not found.complete
    assert not found.components
    assert [one.x.tolist() for one in found if one.certified] == [[0.0, 0.0]]  # a point that is not degenerate
    for root in (-np.sqrt(3 / 7), np.sqrt(3 / 7)):
        assert any(one.lower[0] <= root <= one.upper[0] for one in found.undecided)


@pytest.mark.parametrize("name", CURVES)
def test_curves_stay_curves(name: str) -> None:
    function, pieces = CURVES[name]
    assert len(searched(function, (-2.2, 3.0)).components) == pieces


@pytest.mark.parametrize("operation", [*UNARY, *BINARY, *(f"power {n}" for n in (2, 3, 4, 7))])
def test_operations_are_those_of_floats(operation: str) -> None:
    rng = np.random.default_rng(sum(map(ord, operation)))
    name, _, exponent = operation.partition(" ")
    extra = (int(exponent),) if exponent else ()
    operands = rng.normal(size=(60, 2 if operation in BINARY else 1))
    operands[:3] = 0.0
    arithmetic = Digits()
    for row in operands.tolist():
        with np.errstate(all="ignore"):
            expected = float(getattr(FLOATS, name)(*row, *extra))
        value = float(getattr(arithmetic, name)(*map(arithmetic.context.mpf, row), *extra))
        if np.isfinite(expected):
            assert value == pytest.approx(expected, rel=1e-12, abs=1e-15)
        else:
            assert np.isnan(value)


def test_constants_have_all_digits() -> None:
    arithmetic = Digits()
    third = arithmetic.constant(Fraction(1, 3))
    assert abs(3 * third - 1) < arithmetic.context.mpf(10) ** -118
    assert abs(arithmetic.sin(arithmetic.constant("pi"))) < arithmetic.context.mpf(10) ** -118
    assert abs(arithmetic.log(arithmetic.constant("e")) - 1) < arithmetic.context.mpf(10) ** -118


@pytest.mark.parametrize("name", ["order 6", "order 24, at 1"])
def test_a_planted_fault_calls_flat_lines_curves(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def all_stay(function: object, points: Sequence[object], scale: object, reach: float) -> np.ndarray:
        return np.ones(len(points), bool)

    monkeypatch.setattr("verify.critical.proof.leftover.stay", all_stay)
    assert any(searched(FLAT[name], ends).components for ends in ((-2.2, 3.0), (-1.0, 1.5), (-0.3, 1.2)))
