"""How many real zeros a system of polynomials has, exactly: Hermite's quadratic form.

The polynomials modulo the system are a vector space of finite dimension; the trace of multiplication by a product of
two of its elements is a quadratic form. Its signature is the number of distinct real zeros, its rank that of the
complex ones. All is done with rational numbers.

The most important functions are ``real_zeros`` and ``critical``, the system of a function's critical points.
Reference: Cox, Little, O'Shea (2005), Using algebraic geometry, 2nd edition, section 2.5, theorem 5.2.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import sympy as sp
from sympy.polys.orderings import grevlex


class NotIsolated(Exception):
    """There are infinitely many complex zeros."""


def critical(expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> tuple[list[sp.Expr], list[sp.Symbol]]:
    """Polynomials whose real zeros are the critical points, and their unknowns.

    Where the gradient has denominators, there is one more unknown: their inverse. It says that they are not 0.
    """
    numerators, denominators = [], []
    for one in symbols:
        top, bottom = sp.fraction(sp.together(sp.diff(expression, one)))
        numerators.append(sp.expand(top))
        denominators.append(bottom)
    below = sp.lcm_list(denominators)
    if not below.free_symbols:
        return numerators, list(symbols)
    inverse = sp.Dummy("inverse")
    return [*numerators, sp.expand(1 - inverse * below)], [inverse, *symbols]


def real_zeros(system: Sequence[sp.Expr], unknowns: Sequence[sp.Symbol]) -> tuple[int, int]:
    """How many distinct zeros are real, and how many there are in all. Raises: NotIsolated."""
    basis = sp.groebner(system, *unknowns, order="grevlex", domain=sp.QQ)
    if basis.exprs == [1]:
        return 0, 0
    if not basis.is_zero_dimensional:
        raise NotIsolated(str(system))
    heads = [max(sp.Poly(one, *unknowns).monoms(), key=grevlex) for one in basis.exprs]
    rows = _normal(heads, len(unknowns))
    place = {monomial: k for k, monomial in enumerate(rows)}
    by_variable = [_multiplication(k, rows, place, basis, unknowns) for k in range(len(unknowns))]
    columns = _products(rows, place, by_variable)
    size = len(rows)
    # The trace of multiplication by the k-th monomial.
    traces = [sum((columns[k, j][j] for j in range(size)), sp.QQ(0)) for k in range(size)]
    form = [
        [sum((entry * traces[k] for k, entry in enumerate(columns[i, j]) if entry), sp.QQ(0)) for j in range(size)]
        for i in range(size)
    ]
    return signature(form)


def _normal(heads: Sequence[tuple[int, ...]], unknowns: int) -> list[tuple[int, ...]]:
    """The monomials that none of the leading ones divides."""
    bound = [min(head[k] for head in heads if sum(head) == head[k] and head[k]) for k in range(unknowns)]
    return [
        one
        for one in itertools.product(*map(range, bound))
        if not any(all(a >= b for a, b in zip(one, head, strict=True)) for head in heads)
    ]


def _multiplication(
    variable: int,
    rows: list[tuple[int, ...]],
    place: dict[tuple[int, ...], int],
    basis: sp.GroebnerBasis,
    unknowns: Sequence[sp.Symbol],
) -> list[list[sp.Rational]]:
    """For every normal monomial, the coordinates of its product with a variable."""
    found = []
    for one in rows:
        raised = tuple(power + (k == variable) for k, power in enumerate(one))
        coordinates = [sp.QQ(0)] * len(rows)
        if raised in place:
            coordinates[place[raised]] = sp.QQ(1)
        else:
            monomial = sp.Mul(*(symbol**power for symbol, power in zip(unknowns, raised, strict=True)))
            for power, coefficient in (
                sp.Poly(basis.reduce(monomial)[1], *unknowns, domain=sp.QQ).rep.to_dict().items()
            ):
                coordinates[place[power]] = coefficient
        found.append(coordinates)
    return found


def _products(rows, place, by_variable):  # type: ignore[no-untyped-def]
    """The coordinates of the product of every pair of normal monomials."""
    size = len(rows)
    sparse = [[[(k, entry) for k, entry in enumerate(row) if entry] for row in matrix] for matrix in by_variable]

    def times(variable: int, vector: list[sp.Rational]) -> list[sp.Rational]:
        found = [sp.QQ(0)] * size
        for entry, row in zip(vector, sparse[variable], strict=True):
            if entry:
                for k, other in row:
                    found[k] += entry * other
        return found

    columns: dict[tuple[int, int], list[sp.Rational]] = {}
    for i in sorted(range(size), key=lambda k: sum(rows[k])):
        if not sum(rows[i]):
            for j in range(size):
                columns[i, j] = [sp.QQ(int(k == j)) for k in range(size)]
            continue
        variable = next(k for k, power in enumerate(rows[i]) if power)
        lower = place[tuple(power - (k == variable) for k, power in enumerate(rows[i]))]
        for j in range(size):
            columns[i, j] = times(variable, columns[lower, j])
    return columns


def signature(form: list[list[sp.Rational]]) -> tuple[int, int]:
    """Positive minus negative squares of a symmetric matrix, and its rank: Lagrange's reduction."""
    rows = [list(row) for row in form]
    live = list(range(len(rows)))
    balance = rank = 0
    while live:
        pivot = next((k for k in live if rows[k][k]), None)
        if pivot is None:
            pair = next(((i, j) for i in live for j in live if rows[i][j]), None)
            if pair is None:
                break
            i, j = pair
            # The square of a sum has a diagonal.
            for k in live:
                rows[i][k] += rows[j][k]
            for k in live:
                rows[k][i] += rows[k][j]
            pivot = i
        head = rows[pivot][pivot]
        balance += 1 if head > 0 else -1
        rank += 1
        live.remove(pivot)
        for i in live:
            factor = rows[i][pivot] / head
            if factor:
                for j in live:
                    rows[i][j] -= factor * rows[pivot][j]
    return balance, rank
