"""What else finds critical points: scipy's root finder from many starts, and SymPy's ``solve`` in its own process.

``Derivatives`` counts evaluations. ``multistart`` and ``solved`` search; ``python benchmarks/critical_peers.py NAME``
is the process in which SymPy solves, and prints what it found as JSON.
"""

# ruff: noqa: E402 - the environment and the path are set before what depends on them is imported

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import json
import math
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
import sympy as sp
from scipy.optimize import root

from benchmarks.critical_functions import PROBLEMS, Problem
from benchmarks.critical_matching import Found

__all__ = ["Derivatives", "multistart", "solved"]

DUPLICATE = 1e-6  # of the box's width
SINGULAR = 1e-11  # of the Hessians' usual size, with the box's widths as units: an eigenvalue that is called 0


class Derivatives:
    """The gradient and the Hessian of a problem in NumPy, counted. Shapes: gradient (n), hessian (n, n)."""

    def __init__(self, problem: Problem) -> None:
        self.calls = 0
        self._gradient, self._hessian = _compiled(problem) if problem.symbolic else _given(problem)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        self.calls += 1
        with np.errstate(all="ignore"):
            return np.array(self._gradient(x), dtype=float).reshape(len(x))

    def hessian(self, x: np.ndarray) -> np.ndarray:
        self.calls += 1
        with np.errstate(all="ignore"):
            return np.array(self._hessian(x), dtype=float).reshape(len(x), len(x))


def _compiled(problem: Problem) -> tuple[Callable[..., Any], Callable[..., Any]]:
    symbols = problem.symbols()
    gradient = [sp.diff(problem.expression(), one) for one in symbols]
    # At a kink there is no second derivative; elsewhere it is that of the piece.
    hessian = [
        sp.diff(one, other).replace(sp.DiracDelta, lambda *_: sp.S.Zero) for one in gradient for other in symbols
    ]
    first, second = (sp.lambdify([symbols], one, "numpy", cse=True) for one in (gradient, hessian))
    return first, second


def _given(problem: Problem) -> tuple[Callable[..., Any], Callable[..., Any]]:
    if problem.gradient is None or problem.hvp is None:
        raise ValueError(f"{problem.name} has neither a formula nor a gradient with Hessian-vector products")
    product = problem.hvp
    return problem.gradient, lambda x: np.array([product(x, row) for row in np.eye(len(x))])


def multistart(problem: Problem, starts: int, seed: int = 0) -> tuple[list[Found], int]:
    """What ``scipy.optimize.root`` finds on the gradient, with the exact Hessian, from starts drawn in the box.

    The index is that of ``eigvalsh``. Returns the points that differ, and the number of evaluations.
    """
    derivatives = Derivatives(problem)
    ends = np.array(problem.box, dtype=float)
    rng = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    widths = np.ptp(ends, axis=1)
    for start in rng.uniform(ends[:, 0], ends[:, 1], (starts, problem.dimension)):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            if (
                not np.isfinite(derivatives.gradient(start)).all()
                or not np.isfinite(derivatives.hessian(start)).all()
            ):
                continue
            try:
                answer = root(derivatives.gradient, start, jac=derivatives.hessian)
            except (ValueError, FloatingPointError):
                continue
        x = answer.x
        inside = (ends[:, 0] <= x).all() and (x <= ends[:, 1]).all()
        if answer.success and inside and not any((np.abs(x - one) <= DUPLICATE * widths).all() for one in found):
            found.append(x)
    return [_classified(derivatives, x, ends) for x in found], derivatives.calls


def _classified(derivatives: Derivatives, x: np.ndarray, ends: np.ndarray) -> Found:
    """The point with the signs of its Hessian's eigenvalues; units of the coordinates do not change these."""
    widths = np.ptp(ends, axis=1)
    units = np.outer(widths, widths)
    hessian = derivatives.hessian(x) * units
    if not np.isfinite(hessian).all():
        return Found(x, index=0, nullity=len(x))
    values = np.linalg.eigvalsh(hessian)
    # Near a pole a Hessian is as large as one likes: the usual size is a median.
    places = np.random.default_rng(0).uniform(ends[:, 0], ends[:, 1], (9, len(x)))
    sizes = [np.abs(derivatives.hessian(place) * units).max() for place in places]
    usual = np.median([one for one in sizes if np.isfinite(one)] or [0.0])
    edge = SINGULAR * max(np.abs(values).max(), usual)
    return Found(x, int(np.sum(values < -edge)), int(np.sum(np.abs(values) <= edge)))


def solved(problem: Problem, limit: float) -> tuple[list[Found], str, float]:
    """What ``sympy.solve`` finds within ``limit`` seconds of processor time; why nothing, if so; and the time."""
    if not problem.symbolic:
        return [], "no formula", 0.0
    command = [sys.executable, str(Path(__file__).resolve()), problem.name, str(limit)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20 * limit + 60)
        printed, why = ended.stdout.strip(), "time limit" if ended.returncode < 0 else ended.stderr.strip()[-200:]
    except subprocess.TimeoutExpired:
        printed, why = "", "time limit"
    if not printed:
        return [], why or "no answer", limit
    seconds, places = json.loads(printed)
    derivatives = Derivatives(problem)
    ends = np.array(problem.box, dtype=float)
    return [_classified(derivatives, np.array(row, dtype=float), ends) for row in places], "", float(seconds)


def _solve(name: str, limit: float) -> tuple[float, list[list[float]]]:
    """Real solutions as numbers; where some unknowns are free, at three values of these."""
    problem = PROBLEMS[name]
    symbols = problem.symbols()
    gradient = [sp.diff(problem.expression(), one) for one in symbols]
    # The imports are not on the bill.
    start = time.process_time()
    seconds = math.ceil(start + limit)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    answers = sp.solve(gradient, symbols, dict=True)
    found = []
    for answer in answers:
        place = [answer.get(one, one) for one in symbols]
        free = sorted({symbol for entry in place for symbol in entry.free_symbols}, key=str)
        for number in (0.1, 0.7, -0.6) if free else (0.0,):
            numbers = [complex(sp.N(entry.subs(dict.fromkeys(free, number)))) for entry in place]
            if all(abs(one.imag) <= 1e-9 * (1 + abs(one)) for one in numbers):
                found.append([one.real for one in numbers])
    return time.process_time() - start, found


if __name__ == "__main__":
    print(json.dumps(_solve(sys.argv[1], float(sys.argv[2]))))
