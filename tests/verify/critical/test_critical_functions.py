"""The table of functions with known critical points: what it expects is confirmed without any search of the package.

Polynomials are counted exactly, sums and products are taken apart, everything else is enclosed in ball arithmetic.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import sympy as sp

from tests.verify.critical.algebra import critical, real_zeros, signature
from tests.verify.critical.known import (
    INDICES,
    PROBLEMS,
    TABLE,
    Problem,
    exact,
    expression,
    lower,
    needs_flint,
    of,
    piece,
    widths,
)

if find_spec("flint") is not None:
    from tests.verify.critical import rigorous

FORMULAS = [name for name, one in PROBLEMS.items() if one.symbolic]


# The table itself.


def test_the_table_is_wide() -> None:
    assert len(PROBLEMS) >= 60
    assert {one.kind for one in PROBLEMS.values()} == set(TABLE.KINDS)
    assert {one.proof for one in PROBLEMS.values()} == set(TABLE.PROOFS)
    assert {one.dimension for one in PROBLEMS.values()} >= {1, 2, 3, 4, 6, 20, 100}
    assert {one.dimension for one in INDICES.values()} >= {1_000, 100_000, 1_000_000}


@pytest.mark.parametrize("name", PROBLEMS)
def test_points_are_apart_and_inside(name: str) -> None:
    problem = PROBLEMS[name]
    places = [(np.array(one.x) - lower(problem)) / widths(problem) for one in problem.points]
    places += [(np.array(one) - lower(problem)) / widths(problem) for one in problem.kinks]
    assert all((one > 1e-4).all() and (one < 1 - 1e-4).all() for one in places)
    if len(places) < 100:
        assert all(np.abs(one - other).max() > 1e-4 for one, other in itertools.combinations(places, 2))
    else:
        assert len({tuple(np.round(one, 4)) for one in places}) == len(places)
    assert sum(problem.counts().values()) == (len(problem.points) or sum((problem.counted or {}).values()))
    assert problem.known
    singular = any(one.nullity for one in problem.points)
    assert singular == (problem.kind == "degenerate")


@pytest.mark.parametrize("name", FORMULAS)
def test_the_expression_is_the_function(name: str) -> None:
    """In NumPy and in SymPy the formula was written twice, or numbers were made exact."""
    problem = PROBLEMS[name]
    symbols, compared = problem.symbols(), 0
    for place in np.random.default_rng(1).random((6, problem.dimension)):
        x = lower(problem) + place * widths(problem)
        with np.errstate(all="ignore"):
            value = float(problem.function(x))
        there = sp.N(expression(name).subs(dict(zip(symbols, map(sp.Float, x), strict=True))), 30)
        if np.isfinite(value) and there.is_real:
            assert value == pytest.approx(float(there), rel=1e-9, abs=1e-12 * (1 + abs(value)))
            compared += 1
    assert compared >= (1 if problem.kind in ("barrier", "none") else 6)


# Every point.


def definite(problem: Problem) -> list[Any]:
    """The points with an invertible Hessian; of hundreds, some."""
    some = [one for one in problem.points if not one.nullity]
    return some if len(some) <= 60 else [some[k] for k in np.random.default_rng(0).permutation(len(some))[:20]]


@needs_flint
@pytest.mark.parametrize("name", FORMULAS)
def test_points_are_zeros_of_the_gradient_with_their_index(name: str) -> None:
    problem = PROBLEMS[name]
    points = definite(problem)
    if not points:
        return
    if problem.kind == "kink":
        # Smooth around the points: absolute values have their sign there.
        smooth = [piece(expression(name), dict(zip(problem.symbols(), one.x, strict=True))) for one in points]
    else:
        smooth = [expression(name)] * len(points)
    gradients = {formula: rigorous.Gradient(formula, problem.symbols()) for formula in smooth}
    for one, formula in zip(points, smooth, strict=True):
        found = rigorous.enclosed(gradients[formula], one.x, widths(problem))
        assert found is not None, one
        np.testing.assert_allclose(one.x, found[0].x, rtol=1e-12, atol=1e-12 * widths(problem).max())
        assert found[0].index == one.index, one


@pytest.mark.parametrize("name", [name for name, one in PROBLEMS.items() if one.kind == "degenerate"])
def test_degenerate_points_are_exact(name: str) -> None:
    problem = PROBLEMS[name]
    symbols = problem.symbols()
    checked = 0
    for one in problem.points:
        if not one.nullity:
            continue
        at = dict(zip(symbols, map(exact, one.x), strict=True))
        assert all(sp.simplify(sp.diff(expression(name), v).subs(at)) == 0 for v in symbols)
        hessian = sp.simplify(sp.hessian(expression(name), symbols).subs(at))
        assert all(entry.is_Rational for entry in hessian)
        balance, rank = signature([[sp.QQ(entry.p, entry.q) for entry in row] for row in hessian.tolist()])
        assert ((rank - balance) // 2, problem.dimension - rank) == (one.index, one.nullity)
        checked += 1
    assert checked


# That there are no others.


@pytest.mark.parametrize("name", of("algebra"))
def test_polynomials_have_no_other_zeros(name: str) -> None:
    problem = PROBLEMS[name]
    assert problem.everywhere
    if problem.name == "constant":
        assert all(sp.diff(expression(name), one) == 0 for one in problem.symbols())
        return
    system, unknowns = critical(expression(name), problem.symbols())
    if problem.continua:
        away = sp.Dummy("away")
        off = sp.prod([one.zero(*problem.symbols()) for one in problem.continua])
        system, unknowns = [*system, sp.expand(1 - away * off)], [away, *unknowns]
    assert real_zeros(system, unknowns)[0] == len(problem.points)


def test_real_zeros_are_counted() -> None:
    x, y = sp.symbols("x y")
    assert real_zeros([x**2 - 2, y - x], [x, y]) == (2, 2)
    assert real_zeros([x**2 + 2, y - x], [x, y]) == (0, 2)
    assert real_zeros([x**3, y - x], [x, y]) == (1, 1)
    assert real_zeros([x**3 - 1, y**2 - x], [x, y]) == (2, 6)
    assert real_zeros([x * y - 1, x - 1, y - 2], [x, y]) == (0, 0)


@pytest.mark.campaign
@pytest.mark.parametrize("name", of("elimination"))
def test_long_chains_have_no_other_zeros(name: str) -> None:
    problem = PROBLEMS[name]
    system, unknowns = critical(expression(name), problem.symbols())
    assert real_zeros(system, unknowns[::-1])[0] == len(problem.points)


def axis_zeros(derivative: sp.Expr, symbol: sp.Symbol, ends: Sequence[float]) -> list[float]:
    """All zeros of a function of one variable in an interval: exactly where its numerator is a polynomial."""
    top = sp.fraction(sp.together(derivative))[0]
    if top.is_polynomial(symbol):
        roots = sp.Poly(sp.expand(top), symbol).real_roots(multiple=True)
        return sorted({float(one) for one in roots if ends[0] < one < ends[1]})
    if find_spec("flint") is None:
        pytest.skip("python-flint is not installed")
    return [one.x[0] for one in rigorous.zeros(None, [symbol], [ends], entries=[derivative])]


@pytest.mark.parametrize("name", of("separable"))
def test_sums_have_no_other_zeros(name: str) -> None:
    problem = PROBLEMS[name]
    symbols = problem.symbols()
    slopes = [sp.diff(expression(name), one) for one in symbols]
    counts = []
    for k, (slope, symbol) in enumerate(zip(slopes, symbols, strict=True)):
        assert sp.expand(slope).free_symbols == {symbol}
        expected = sorted({one.x[k] for one in problem.points})
        np.testing.assert_allclose(
            axis_zeros(slope, symbol, problem.box[k]), expected, atol=1e-12 * widths(problem)[k]
        )
        counts.append(len(expected))
    assert len(problem.points) == np.prod(counts)


@needs_flint
@pytest.mark.parametrize("name", of("product"))
def test_products_have_no_other_zeros(name: str) -> None:
    problem = PROBLEMS[name]
    x, y = problem.symbols()
    whole = expression(name)
    a, b = sp.Rational(11, 10), sp.Rational(12, 10)
    first, second = whole.subs(y, b), whole.subs(x, a)
    middle = sp.N(whole.subs({x: a, y: b}), 30)
    for place in np.random.default_rng(2).random((5, 2)):
        at = dict(zip((x, y), map(sp.Float, lower(problem) + place * widths(problem)), strict=True))
        assert abs(sp.N((whole * middle - first * second).subs(at), 20)) < 1e-9 * (1 + abs(sp.N(middle**2)))
    total = 0
    for pick in ("extrema", "zeros"):
        count = 1
        for factor, symbol, k in ((first, x, 0), (second, y, 1)):
            # A factor without zeros, such as an exponential, is divided away.
            entry = sp.diff(factor, symbol) if pick == "extrema" else factor
            found = rigorous.zeros(None, [symbol], [problem.box[k]], entries=[entry])
            assert {round(one.x[0], 9) for one in found} <= {round(one.x[k], 9) for one in problem.points}
            count *= len(found)
        total += count
    assert total == len(problem.points)


def near_poles(problem: Problem) -> Any:
    """Says of a box that it lies in a disc around a pole where the radial derivative has no zero, and proves it.

    In polar coordinates around the pole the derivative times the square of the radius has no pole any more.
    """
    r, angle = sp.Symbol("r", positive=True), sp.Symbol("angle", real=True)
    discs = []
    for pole in problem.poles:
        a, b = map(exact, pole)
        at = {problem.symbols()[0]: a + r * sp.cos(angle), problem.symbols()[1]: b + r * sp.sin(angle)}
        polar = _without_angles_in_roots(problem.expression().subs(at))
        radial = rigorous.Program([sp.expand(sp.diff(polar, r) * r**2)], [r, angle])
        radius = next(one for one in (0.4, 0.2, 0.1, 0.05) if _has_no_zero(radial, one))
        discs.append((np.array(pole), radius))

    def skip(low: np.ndarray, high: np.ndarray) -> bool:
        return any(np.linalg.norm(np.maximum(np.abs(low - c), np.abs(high - c))) < radius for c, radius in discs)

    return skip if discs else None


def _without_angles_in_roots(polar: sp.Expr) -> sp.Expr:
    """The square root of r² cos² + r² sin² is r."""
    return polar.replace(
        lambda one: one.is_Pow and abs(one.exp) == sp.Rational(1, 2),
        lambda one: sp.Pow(sp.trigsimp(sp.expand(one.base)), one.exp),
    )


def _has_no_zero(radial: Any, radius: float, parts: int = 64) -> bool:
    angles = np.linspace(0, 2 * np.pi + 1e-6, parts + 1)
    return all(
        not radial(rigorous.balls(np.array([0.0, a]), np.array([radius, b])))[0].contains(0)
        for a, b in itertools.pairwise(angles)
    )


@needs_flint
@pytest.mark.parametrize("name", of("interval"))
def test_boxes_have_no_other_zeros(name: str) -> None:
    problem = PROBLEMS[name]
    skip = near_poles(problem)
    if problem.kinks:
        skip = near_cone(problem)
    found = rigorous.zeros(expression(name), problem.symbols(), problem.box, skip=skip, most=2_000_000)
    assert dict(Counter(one.index for one in found)) == problem.counts()
    if problem.points:
        expected = sorted(problem.points, key=lambda one: one.x)
        for one, other in zip(_sorted(found), _sorted(expected), strict=True):
            np.testing.assert_allclose(one.x, other.x, atol=1e-10 * widths(problem).max())
            assert one.index == other.index


def _sorted(points: Sequence[Any]) -> list[Any]:
    return sorted(points, key=lambda one: tuple(np.round(one.x, 8) + 0.0))


def near_cone(problem: Problem) -> Any:
    """The same around a kink at which the slope jumps, as that of a cone."""
    r, angle = sp.Symbol("r", positive=True), sp.Symbol("angle", real=True)
    x, y = problem.symbols()
    assert problem.kinks == ((0.0, 0.0),)
    polar = _without_angles_in_roots(problem.expression().subs({x: r * sp.cos(angle), y: r * sp.sin(angle)}))
    radial = rigorous.Program([sp.diff(polar, r)], [r, angle])
    radius = next(one for one in (0.2, 0.1, 0.05, 0.02) if _has_no_zero(radial, one))
    return lambda low, high: bool(np.linalg.norm(np.maximum(np.abs(low), np.abs(high))) < radius)
