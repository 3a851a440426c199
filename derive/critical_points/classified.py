"""What an exact critical point is: value, Hessian, squares, bounds on the eigenvalues, and the verdict.

Data
    ``WorkedPoint``  a critical point with exact coordinates, and all that its verdict rests on.

The function is ``classified``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import sympy

from derive.algebraic import RealAlgebraic
from derive.critical_points.equations import Located
from derive.critical_points.inertia import Leading, Squares, exponents, leading, squares
from derive.critical_points.values import UndecidedSignError, Value

__all__ = ["WorkedPoint", "classified", "eigenvalue_bounds"]

ORDERS = (4, 6, 8)
"""How far a function is expanded where its second derivatives do not decide."""
WIDTH = 1e-9
"""How far bounds on an eigenvalue are apart, relative to the largest."""


@dataclass(frozen=True, eq=False)
class WorkedPoint:
    """A critical point, exactly.

    ``kind`` is minimum, maximum, saddle, degenerate (no derivative up to order 8 decided) or undecided (a sign could
    not be shown: ``reason``). ``index`` and ``nullity`` are those of the Hessian, exact. ``eigenvalues`` are exact,
    where they can be written down; ``bounds`` hold for each of them, in ascending order. ``order`` is that of the
    derivatives that decided: 2, or more at a degenerate point. ``remainder`` is the lowest order above 2 that occurs.
    """

    names: tuple[str, ...]
    coordinates: tuple[sympy.Expr, ...]
    value: sympy.Expr
    hessian: tuple[tuple[sympy.Expr, ...], ...]
    kind: str
    index: int = 0
    nullity: int = 0
    eigenvalues: tuple[sympy.Expr, ...] = ()
    bounds: tuple[tuple[float, float], ...] = ()
    order: int = 2
    remainder: int = 3
    reason: str = ""
    squares: Squares | None = field(default=None, repr=False)
    leading: Leading | None = field(default=None, repr=False)
    located: Located | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        where = ", ".join(f"{n}={c}" for n, c in zip(self.names, self.coordinates, strict=True))
        return f"<{self.kind} at {where}: index {self.index}, nullity {self.nullity}>"

    @property
    def x(self) -> tuple[float, ...]:
        """The coordinates as floating-point numbers."""
        return tuple(float(c) for c in self.coordinates)


def classified(function: sympy.Expr, located: Located, *, isolated: bool = True) -> WorkedPoint:
    """The verdict at a critical point. At one that is not ``isolated`` only second derivatives are looked at."""
    variables = located.variables
    n = len(variables)
    names = tuple(x.name for x in variables)
    entries = located.values(function.diff(a, b) for a in variables for b in variables)
    matrix = [entries[k * n : (k + 1) * n] for k in range(n)]
    hessian = tuple(tuple(entry.expression() for entry in row) for row in matrix)
    value = located.value(function).expression()
    try:
        squared = squares(matrix)
        bounds = eigenvalue_bounds(matrix)
        index, nullity = squared.index, squared.nullity
        found, order = None, 2
        if not nullity:
            kind = {0: "minimum", n: "maximum"}.get(index, "saddle")
        elif 0 < index < n - nullity:
            kind = "saddle"
        elif not isolated:
            kind = "degenerate"
        else:
            found = _further(function, located, squared)
            kind, order = found.kind, found.order or ORDERS[-1]
    except UndecidedSignError as error:
        return WorkedPoint(
            names, located.coordinates, value, hessian, "undecided", reason=str(error), located=located
        )
    eigenvalues = _eigenvalues(matrix)
    return WorkedPoint(
        names, located.coordinates, value, hessian, kind, index, nullity, eigenvalues, bounds, order,
        _remainder(function, located), "", squared, found, located,
    )  # fmt: skip


def _remainder(function: sympy.Expr, located: Located) -> int:
    """The lowest order above the second of which some derivative is not zero; 3 where none is seen."""
    derivative = _derivatives(function, located)
    for order in range(3, ORDERS[-1] + 1):
        for times in exponents(len(located.variables), order):
            try:
                if derivative(times).sign():
                    return order
            except UndecidedSignError:
                return 3
    return 3


def _further(function: sympy.Expr, located: Located, squared: Squares) -> Leading:
    """What the derivatives of higher order say, of as low an order as decides."""
    found = Leading("degenerate", 0, ())
    for order in ORDERS:
        found = leading(squared, _derivatives(function, located), order)
        if found.order:
            break
    return found


def _derivatives(function: sympy.Expr, located: Located) -> Callable[[tuple[int, ...]], Value]:
    known: dict[tuple[int, ...], sympy.Expr] = {(0,) * len(located.variables): function}

    def expression(times: tuple[int, ...]) -> sympy.Expr:
        if times not in known:
            k = next(j for j, e in enumerate(times) if e)
            below = expression(tuple(e - (j == k) for j, e in enumerate(times)))
            known[times] = below.diff(located.variables[k])
        return known[times]

    return lambda times: located.values([expression(times), function.diff(located.variables[0], 2)])[0]


def eigenvalue_bounds(matrix: Sequence[Sequence[Value]]) -> tuple[tuple[float, float], ...]:
    """Bounds on the eigenvalues, ascending, each proved: by Sylvester's law, from ``H`` less a multiple of the unit.

    How many eigenvalues lie below a number is how many squares of the shifted form are negative.
    """
    numeric = np.array([[float(entry) for entry in row] for row in matrix])
    near = np.linalg.eigvalsh(numeric)
    scale = float(np.abs(near).max()) or 1.0
    ends = []
    for k, guess in enumerate(near):
        width = WIDTH * scale
        while True:
            low, high = Fraction(float(guess - width)), Fraction(float(guess + width))
            if _below(matrix, low) <= k < _below(matrix, high):
                break
            width *= 16
        ends.append((float(low), float(high)))
    return tuple(ends)


def _below(matrix: Sequence[Sequence[Value]], end: Fraction) -> int:
    """How many eigenvalues are below a number."""
    shift = matrix[0][0].constant(sympy.Rational(end.numerator, end.denominator))
    moved = [[entry - shift if i == j else entry for j, entry in enumerate(row)] for i, row in enumerate(matrix)]
    return squares(moved).index


def _eigenvalues(matrix: Sequence[Sequence[Value]]) -> tuple[sympy.Expr, ...]:
    """The eigenvalues where they can be written with square roots; else none."""
    n = len(matrix)
    if all(matrix[i][j].sign() == 0 for i, j in itertools.permutations(range(n), 2)):
        found = [matrix[k][k].expression() for k in range(n)]
    elif all(entry.is_rational for row in matrix for entry in row):
        exact = sympy.Matrix([[entry.expression() for entry in row] for row in matrix])
        t = sympy.Dummy("t")
        found = []
        for factor, times in sympy.Poly(exact.charpoly(t).all_coeffs(), t).factor_list()[1]:
            if factor.degree() > 2:
                return ()
            found += [root for root in sympy.roots(factor.as_expr(), t) for _ in range(times)]
    elif n == 2:
        (a, b), (_, d) = matrix
        middle = (a + d) / a.constant(2)
        root = sympy.sqrt(((a - d) * (a - d) / a.constant(4) + b * b).expression())
        found = [sympy.sqrtdenest(middle.expression() - root), sympy.sqrtdenest(middle.expression() + root)]
    else:
        return ()
    if any(sympy.count_ops(value) > 12 or value.atoms(RealAlgebraic) for value in found):
        return ()
    return tuple(sorted(found, key=float))
