"""The table of functions with known critical points, as its tests use it.

The most important functions are ``expression``, ``of`` (names by proof), and ``piece`` (what a formula with kinks is
near a point).
"""

from __future__ import annotations

import functools
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import sympy as sp

from tests.beside import critical_functions

TABLE = critical_functions()
PROBLEMS, INDICES = TABLE.PROBLEMS, TABLE.INDICES
Problem = Any

LONG = ("peaks", "Trefethen", "Rosenbrock in six", "Hartmann in three")
"""What takes seconds or minutes to confirm: for campaigns."""

needs_flint = pytest.mark.skipif(find_spec("flint") is None, reason="python-flint is not installed")


@functools.cache
def expression(name: str) -> sp.Expr:
    return PROBLEMS[name].expression()


def of(*proofs: str) -> list[Any]:
    """The names of problems with these proofs; those that take long are for campaigns."""
    return [
        pytest.param(name, marks=[pytest.mark.campaign] if name in LONG else [])
        for name, one in PROBLEMS.items()
        if one.proof in proofs
    ]


def lower(problem: Problem) -> np.ndarray:
    return np.array(problem.box, dtype=float)[:, 0]


def widths(problem: Problem) -> np.ndarray:
    return np.ptp(np.array(problem.box, dtype=float), axis=1)


def exact(x: float) -> sp.Expr:
    return sp.nsimplify(x, [sp.pi, sp.sqrt(3)], tolerance=1e-14)


def piece(formula: sp.Expr, at: dict[sp.Symbol, float]) -> sp.Expr:
    """The smooth function that equals a formula with kinks near a point off them."""
    while found := formula.atoms(sp.Abs, sp.Max, sp.Min):
        kink = min(found, key=str)
        if isinstance(kink, sp.Abs):
            chosen = kink.args[0] * (1 if kink.args[0].subs(at) > 0 else -1)
        else:
            choose = max if isinstance(kink, sp.Max) else min
            chosen = choose(kink.args, key=lambda one: float(one.subs(at)))
        formula = formula.subs(kink, chosen)
    return formula
