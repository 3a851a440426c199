"""Kinks and continua of the table: every smooth piece is solved, and gradients vanish along curves and surfaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import nnls

from tests.verify.critical.known import PROBLEMS, expression, of, piece


def pieces(formula: sp.Expr) -> list[sp.Expr]:
    """All smooth functions that a formula with kinks is somewhere, and more."""
    kink = next(iter(sorted(formula.atoms(sp.Abs, sp.Max, sp.Min), key=str)), None)
    if kink is None:
        return [formula]
    choices = [kink.args[0], -kink.args[0]] if isinstance(kink, sp.Abs) else list(kink.args)
    return [one for choice in choices for one in pieces(formula.subs(kink, choice))]


@pytest.mark.parametrize("name", of("pieces"))
def test_pieces_have_no_other_zeros(name: str) -> None:
    problem = PROBLEMS[name]
    symbols = problem.symbols()
    whole, found = expression(name), set()
    for one in pieces(whole):
        slopes = [sp.diff(one, symbol) for symbol in symbols]
        if any(slope.is_number and slope != 0 for slope in slopes):
            continue
        for solution in sp.solve(slopes, symbols, dict=True):
            assert set(solution) == set(symbols)
            places = {symbol: complex(sp.N(place)) for symbol, place in solution.items()}
            at = {symbol: place.real for symbol, place in places.items() if abs(place.imag) < 1e-12}
            if len(at) == len(symbols) and sp.simplify(piece(whole, at) - one) == 0:
                found.add(tuple(round(at[symbol], 9) + 0.0 for symbol in symbols))
    kinks = {tuple(np.round(one, 9) + 0.0) for one in problem.kinks}
    assert found - kinks == {tuple(np.round(one.x, 9) + 0.0) for one in problem.points}


@pytest.mark.parametrize("name", [name for name, one in PROBLEMS.items() if one.kinks])
def test_at_kinks_zero_is_between_the_gradients_nearby(name: str) -> None:
    problem = PROBLEMS[name]
    rng = np.random.default_rng(3)
    for kink in problem.kinks:
        around = np.array(kink) + 1e-5 * rng.normal(size=(60, problem.dimension))
        slopes = np.array([slope(problem.function, x) for x in around])
        size = np.abs(slopes).max()
        # Weights that add up to 1, of gradients that add up to 0.
        system = np.vstack([slopes.T / size, np.ones(len(slopes))])
        _, distance = nnls(system, np.append(np.zeros(problem.dimension), 1.0))
        assert distance < 1e-3
        assert np.ptp(slopes / size, axis=0).max() > 0.3, "the gradient does not jump"


def slope(function: Any, x: np.ndarray, step: float = 1e-9) -> np.ndarray:
    rows = np.eye(len(x)) * step
    return np.array([(function(x + row) - function(x - row)) / (2 * step) for row in rows], dtype=float)


def rationally(place: dict[sp.Symbol, Any], parameters: tuple[sp.Symbol, ...]) -> dict[sp.Symbol, Any]:
    """A place with sines and cosines as rational functions of the tangent of half the angle."""
    tangents = {sp.cos(t): (1 - t**2) / (1 + t**2) for t in parameters}
    tangents |= {sp.sin(t): 2 * t / (1 + t**2) for t in parameters}
    return {symbol: sp.sympify(entry).subs(tangents) for symbol, entry in place.items()}


def vanishes(entry: sp.Expr) -> bool:
    return bool(sp.cancel(sp.together(entry)) == 0 or sp.simplify(entry) == 0)


@pytest.mark.parametrize("name", [name for name, one in PROBLEMS.items() if one.continua])
def test_continua_are_critical(name: str) -> None:
    problem = PROBLEMS[name]
    symbols = problem.symbols()
    for one in problem.continua:
        parameters = sp.symbols(f"t:{one.dimension}", real=True)
        place = dict(zip(symbols, one.of(*parameters), strict=True))
        rational = rationally(place, parameters)
        assert vanishes(one.zero(*rational.values()))
        assert all(vanishes(sp.diff(expression(name), symbol).subs(rational)) for symbol in symbols)
        tangents = sp.Matrix([[sp.diff(entry, t) for t in parameters] for entry in place.values()])
        numbers = dict(zip(parameters, (sp.Rational(7, 10), sp.Rational(3, 10)), strict=False))
        assert tangents.subs(numbers).rank() == one.dimension
        on = np.array([float(entry.subs(numbers)) for entry in map(sp.sympify, place.values())])
        assert one.distance(on) < 1e-9
        if one.dimension < problem.dimension:
            assert one.distance(on + 0.01 * np.array([1.0, 0.3, 0.2])[: problem.dimension]) > 1e-4
            assert all(one.distance(np.array(point.x)) > 1e-3 for point in problem.points)
