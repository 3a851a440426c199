"""A polynomial as a combination of others: ``q^m = Σ c_j e_j``, which shows that ``q`` is zero where all ``e_j`` are.

The function is ``combination``: the coefficients are the unknowns of a linear system, tried degree after degree.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import sympy
from sympy import QQ, Poly
from sympy.polys.matrices import DomainMatrix

__all__ = ["combination"]

UNKNOWNS = 80
POWERS = 5
DEGREE = 6
TERMS = 14
"""A combination with more terms convinces nobody who reads it."""


def combination(target: Poly, polynomials: Sequence[Poly]) -> tuple[int, list[Poly]] | None:
    """The smallest power of ``target`` that is a short combination, and the coefficients; None if there is none."""
    if target.total_degree() > DEGREE:
        return None
    for power in range(1, POWERS):
        wanted = target**power
        for extra in range(3):
            found = _coefficients(wanted, polynomials, int(wanted.total_degree()) + extra)
            if found is not None:
                short = sum(len(c.terms()) for c in found if not c.is_zero) <= TERMS
                return (power, found) if short else None
    return None


def _coefficients(wanted: Poly, polynomials: Sequence[Poly], degree: int) -> list[Poly] | None:
    gens = wanted.gens
    columns: list[tuple[int, tuple[int, ...], dict[tuple[int, ...], object]]] = []
    for k, polynomial in enumerate(polynomials):
        room = degree - int(polynomial.total_degree())
        for exponents in itertools.product(range(max(room, -1) + 1), repeat=len(gens)):
            if sum(exponents) <= room:
                moved = {
                    tuple(a + b for a, b in zip(m, exponents, strict=True)): c
                    for m, c in polynomial.rep.to_dict().items()
                }
                columns.append((k, exponents, moved))
    if not columns or len(columns) > UNKNOWNS:
        return None
    right = wanted.rep.to_dict()
    monomials = sorted({m for _, _, moved in columns for m in moved} | set(right))
    rows = [[moved.get(m, QQ(0)) for _, _, moved in columns] + [right.get(m, QQ(0))] for m in monomials]
    reduced, pivots = DomainMatrix(rows, (len(monomials), len(columns) + 1), QQ).rref()
    if len(columns) in pivots:
        return None
    values = reduced.to_Matrix()[:, len(columns)]
    found = [Poly(0, *gens, domain=QQ)] * len(polynomials)
    for row, pivot in enumerate(pivots):
        k, exponents, _ = columns[pivot]
        term = sympy.Mul(values[row], *(x**e for x, e in zip(gens, exponents, strict=True)))
        found[k] = found[k] + Poly(term, *gens, domain=QQ)
    return found
