"""All real solutions of polynomial equations with rational coefficients, and the proof that there are no others.

Data
    ``Solution``   a point: one number of one field for each unknown.
    ``Curve``      a solution set of positive dimension: the equations that describe it, and its dimension.
    ``Solutions``  all of them, and how many complex solutions there are.

Where the solutions are finitely many, they are the points of the quotient of the polynomials by the radical of the
ideal. A linear form that tells them apart generates that quotient: every unknown is a polynomial in it, so its
minimal polynomial has as many real roots as there are real solutions (Rouillier 1999, Solving zero-dimensional
systems through the rational univariate representation). Else the equations are split by their factors.

The function is ``solve``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import sympy
from sympy import QQ, Poly, groebner
from sympy.polys.matrices import DomainMatrix
from sympy.polys.orderings import grevlex
from sympy.polys.polytools import GroebnerBasis

from derive.algebraic import Element, Field, T, real_roots

__all__ = ["Curve", "Solution", "Solutions", "solve"]

Exponents = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Solution:
    """A real solution: the value of each unknown, all in one field."""

    values: tuple[Element, ...]

    @property
    def field(self) -> Field:
        """The field of the values."""
        return self.values[0].field

    def at(self, polynomial: Poly) -> Element:
        """The value of a polynomial in the unknowns."""
        total = self.field.rational(0)
        powers: dict[tuple[int, int], Element] = {}
        for exponents, coefficient in polynomial.terms():
            term = self.field.rational(coefficient)
            for place, exponent in enumerate(exponents):
                if exponent:
                    if (place, exponent) not in powers:
                        powers[place, exponent] = _power(self.values[place], exponent)
                    term = term * powers[place, exponent]
            total = total + term
        return total


def _power(base: Element, exponent: int) -> Element:
    found = base
    for _ in range(exponent - 1):
        found = found * base
    return found


@dataclass(frozen=True, eq=False)
class Curve:
    """Infinitely many solutions: where ``equations`` vanish, a set of ``dimension`` in complex space."""

    equations: tuple[sympy.Expr, ...]
    dimension: int
    basis: GroebnerBasis

    def holds(self, polynomial: Poly) -> bool:
        """Whether a polynomial vanishes all over it, as the equations show."""
        return bool(self.basis.contains(polynomial.as_expr()))


@dataclass(frozen=True, eq=False)
class Solutions:
    """What the equations have. ``complex_count`` counts the complex solutions, where they are finitely many."""

    points: tuple[Solution, ...]
    curves: tuple[Curve, ...] = ()
    complex_count: int | None = None
    separating: sympy.Expr | None = None
    eliminated: tuple[Poly, ...] = ()

    @property
    def finite(self) -> bool:
        """Whether there are finitely many complex solutions."""
        return not self.curves


def solve(equations: Sequence[sympy.Expr], unknowns: Sequence[sympy.Symbol]) -> Solutions:
    """All real solutions. Raises: sympy.PolynomialError where an equation is no rational polynomial."""
    polynomials = [Poly(equation, *unknowns, domain=QQ) for equation in equations]
    polynomials = [p for p in polynomials if not p.is_zero]
    if not polynomials:
        basis = groebner([sympy.Integer(0)], *unknowns, order="grevlex", domain=QQ)
        return Solutions((), (Curve((), len(unknowns), basis),))
    basis = groebner(polynomials, *unknowns, order="grevlex", domain=QQ)
    if basis.exprs == [1]:
        return Solutions((), complex_count=0)
    if basis.is_zero_dimensional:
        return _finite(basis, tuple(unknowns))
    return _split(polynomials, tuple(unknowns))


# ---------------------------------------------------------------------------------------------- finitely many


class _Quotient:
    """The polynomials modulo a zero-dimensional ideal, as a vector space over the rational numbers."""

    def __init__(self, basis: GroebnerBasis, unknowns: tuple[sympy.Symbol, ...]) -> None:
        self.basis, self.unknowns = basis, unknowns
        leading = [p.monoms(order=grevlex)[0] for p in basis.polys]
        bounds = [
            min(m[k] for m in leading if all(e == 0 for j, e in enumerate(m) if j != k)) for k in range(len(unknowns))
        ]
        self.monomials = [
            m
            for m in itertools.product(*map(range, bounds))
            if not any(all(a >= b for a, b in zip(m, lead, strict=True)) for lead in leading)
        ]
        self.place = {m: k for k, m in enumerate(self.monomials)}
        ring = sympy.polys.rings.PolyRing(unknowns, QQ, sympy.polys.orderings.grevlex)
        self._ring = ring
        self._divisors = [ring.from_dict(dict(p.rep.to_dict())) for p in basis.polys]
        self.times = [self._multiplication(k) for k in range(len(unknowns))]

    @property
    def dimension(self) -> int:
        return len(self.monomials)

    def coordinates(self, polynomial: Poly) -> list[object]:
        """A polynomial's class, in the basis of standard monomials."""
        return self._vector(self._ring.from_dict(dict(polynomial.rep.to_dict())))

    def _vector(self, element: object) -> list[object]:
        rest = element.rem(self._divisors)  # type: ignore[attr-defined]
        found = [QQ(0)] * self.dimension
        for monomial, coefficient in rest.terms():
            found[self.place[monomial]] = coefficient
        return found

    def _multiplication(self, k: int) -> DomainMatrix:
        columns = []
        for monomial in self.monomials:
            raised = tuple(e + (j == k) for j, e in enumerate(monomial))
            columns.append(self._vector(self._ring.from_dict({raised: QQ(1)})))
        rows = [list(row) for row in zip(*columns, strict=True)]
        return DomainMatrix(rows, (self.dimension, self.dimension), QQ)

    def characteristic(self, weights: Sequence[int]) -> tuple[Poly, DomainMatrix]:
        """The characteristic polynomial of multiplication by a linear form, and its matrix."""
        matrix = DomainMatrix.zeros((self.dimension, self.dimension), QQ)
        for weight, one in zip(weights, self.times, strict=True):
            if weight:
                matrix = matrix + one * QQ(weight)
        return Poly(matrix.to_dense().charpoly(), T, domain=QQ), matrix


def _finite(basis: GroebnerBasis, unknowns: tuple[sympy.Symbol, ...]) -> Solutions:
    quotient, eliminated = _radical(basis, unknowns)
    weights, polynomial, matrix = _separating(quotient)
    forms = _in_terms(quotient, matrix)
    points = [Solution(tuple(field.element(form) for form in forms)) for field in real_roots(polynomial)]
    separating = sympy.Add(*(w * x for w, x in zip(weights, unknowns, strict=True)))
    return Solutions(tuple(points), (), quotient.dimension, separating, eliminated)


def _radical(basis: GroebnerBasis, unknowns: tuple[sympy.Symbol, ...]) -> tuple[_Quotient, tuple[Poly, ...]]:
    """The quotient by the radical: the square-free part of each unknown's polynomial belongs to it (Seidenberg)."""
    quotient = _Quotient(basis, unknowns)
    free = []
    for k, x in enumerate(unknowns):
        polynomial, _ = quotient.characteristic([int(j == k) for j in range(len(unknowns))])
        free.append(Poly(polynomial.sqf_part().as_expr().subs(T, x), x, domain=QQ))
    new = [p.as_expr() for p in free if not basis.contains(p.as_expr())]
    if new:
        basis = groebner([*basis.exprs, *new], *unknowns, order="grevlex", domain=QQ)
        quotient = _Quotient(basis, unknowns)
    return quotient, tuple(free)


def _separating(quotient: _Quotient) -> tuple[tuple[int, ...], Poly, DomainMatrix]:
    """A linear form that takes as many values as there are solutions: its polynomial is square-free."""
    count = len(quotient.unknowns)
    single = [tuple(int(j == k) for j in range(count)) for k in reversed(range(count))]
    moments = (tuple(base**j for j in range(count)) for base in itertools.count(2))
    for weights in itertools.chain(single, moments):
        polynomial, matrix = quotient.characteristic(weights)
        if polynomial.is_sqf:
            return weights, polynomial, matrix
    raise AssertionError("some linear form tells finitely many points apart")


def _in_terms(quotient: _Quotient, matrix: DomainMatrix) -> list[Poly]:
    """Every unknown as a polynomial in the linear form."""
    count, size = len(quotient.unknowns), quotient.dimension
    one = quotient.coordinates(Poly(1, *quotient.unknowns, domain=QQ))
    powers = [DomainMatrix([[c] for c in one], (size, 1), QQ)]
    for _ in range(size - 1):
        powers.append(matrix * powers[-1])
    left = DomainMatrix.hstack(*powers)
    wanted = [
        DomainMatrix([[c] for c in quotient.coordinates(Poly(x, *quotient.unknowns, domain=QQ))], (size, 1), QQ)
        for x in quotient.unknowns
    ]
    solved = left.to_dense().lu_solve(DomainMatrix.hstack(*wanted).to_dense())
    rows = solved.to_Matrix()
    return [Poly(list(reversed(list(rows.col(k)))), T, domain=QQ) for k in range(count)]


# -------------------------------------------------------------------------------------------- infinitely many


def _split(polynomials: Sequence[Poly], unknowns: tuple[sympy.Symbol, ...]) -> Solutions:
    """The equations, taken apart at their factors, as long as a part has infinitely many solutions."""
    points: list[Solution] = []
    curves: list[Curve] = []
    factors = [[factor for factor, _ in p.factor_list()[1]] for p in polynomials]
    seen = set()
    for choice in itertools.product(*factors):
        part = tuple(dict.fromkeys(choice))
        if frozenset(part) in seen:
            continue
        seen.add(frozenset(part))
        basis = groebner(part, *unknowns, order="grevlex", domain=QQ)
        if basis.exprs == [1]:
            continue
        if basis.is_zero_dimensional:
            points += _finite(basis, unknowns).points
            continue
        again = [p for p in basis.polys if len(p.factor_list()[1]) != 1 or p.factor_list()[1][0][1] > 1]
        if again and {p.as_expr() for p in basis.polys} != {p.as_expr() for p in polynomials}:
            inner = _split(basis.polys, unknowns)
            points += inner.points
            curves += inner.curves
            continue
        if not _has_no_real_point(basis.polys):
            curves.append(Curve(tuple(basis.exprs), _dimension(basis), basis))
    curves = _largest(curves)
    isolated = tuple(
        point
        for point in _distinct(points)
        if not any(all(point.at(p).sign() == 0 for p in curve.basis.polys) for curve in curves)
    )
    return Solutions(isolated, tuple(curves))


def _has_no_real_point(polynomials: Sequence[Poly]) -> bool:
    """Whether an equation is a sum of even powers with a constant, all of one sign; more is not tried."""
    for p in polynomials:
        signs = {sympy.sign(coefficient) for coefficient in p.coeffs()}
        even = all(e % 2 == 0 for m in p.monoms() for e in m)
        if len(signs) == 1 and even and (0,) * len(p.gens) in p.monoms():
            return True
    return False


def _dimension(basis: GroebnerBasis) -> int:
    """The largest number of unknowns of which no leading monomial is made."""
    leading = [p.monoms(order=grevlex)[0] for p in basis.polys]
    count = len(basis.gens)
    for size in range(count, 0, -1):
        for chosen in itertools.combinations(range(count), size):
            if not any(all(k in chosen for k, e in enumerate(m) if e) for m in leading):
                return size
    return 0


def _largest(curves: Sequence[Curve]) -> list[Curve]:
    """Without those that lie in others."""
    kept: list[Curve] = []
    for curve in sorted(curves, key=lambda c: -c.dimension):
        if not any(all(curve.holds(p) for p in other.basis.polys) for other in kept):
            kept.append(curve)
    return kept


def _distinct(points: Sequence[Solution]) -> list[Solution]:
    """Every point once: a number is told by its polynomial, and by how many roots of that are not above it."""
    kept: dict[object, Solution] = {}
    for point in points:
        kept.setdefault(tuple(_place(value) for value in point.values), point)
    return list(kept.values())


def _place(value: Element) -> tuple[sympy.Expr, int]:
    minimal, width = value.minimal, Fraction(1, 2**20)
    while True:
        low, high = (sympy.Rational(end.numerator, end.denominator) for end in value.bounds(width))
        if minimal.count_roots(low, high) == 1:
            return minimal.as_expr(), int(minimal.count_roots(None, high))
        width /= 2**20
