"""Real algebraic numbers, exact: elements of a field that one root generates, with a sign that is proved.

Data
    ``Field``          the rational numbers and one real root of an irreducible polynomial.
    ``Element``        a number of a field: a polynomial in the root, of lower degree than the root's.
    ``RealAlgebraic``  such a number inside a SymPy expression, written by its first digits.

The three most important functions are ``Element.sign`` (exact: zero is decided in the field, every other sign by
bisection), ``Element.expression`` (as a SymPy number: a fraction, square roots, else a ``RealAlgebraic``) and
``real_roots`` (every real root of a polynomial, each with its field).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy
from mpmath import libmp
from sympy import QQ, Poly

__all__ = ["Element", "Field", "RealAlgebraic", "minimal_polynomial", "rational_field", "real_roots"]

T = sympy.Symbol("_root")
DIGITS = 10
"""How many digits of a number are written."""


class Field:
    """The rational numbers with one real root of an irreducible polynomial; ``low`` and ``high`` enclose it."""

    def __init__(self, modulus: Poly, low: Fraction, high: Fraction) -> None:
        self.modulus = modulus
        self.low, self.high = low, high
        self._coefficients = _fractions(modulus)
        self._rising = low < high and _horner(self._coefficients, high) > 0

    @property
    def degree(self) -> int:
        """The degree of the root over the rational numbers."""
        return int(self.modulus.degree())

    def rational(self, value: object) -> Element:
        """A rational number of this field."""
        return Element(self, Poly(sympy.Rational(value), T, domain=QQ))

    @property
    def root(self) -> Element:
        """The root itself."""
        return self.element(Poly(T, T, domain=QQ))

    def element(self, polynomial: Poly) -> Element:
        """The value of a polynomial at the root."""
        return Element(self, polynomial.rem(self.modulus))

    def halve(self, times: int) -> None:
        """Bisect the interval around the root."""
        for _ in range(times):
            if self.low == self.high:
                return
            middle = (self.low + self.high) / 2
            value = _horner(self._coefficients, middle)
            if value == 0:
                self.low = self.high = middle
            elif (value > 0) == self._rising:
                self.high = middle
            else:
                self.low = middle


@dataclass(frozen=True, eq=False)
class Element:
    """A number of a field."""

    field: Field
    polynomial: Poly

    def __add__(self, other: Element) -> Element:
        return Element(self.field, self.polynomial + other.polynomial)

    def __sub__(self, other: Element) -> Element:
        return Element(self.field, self.polynomial - other.polynomial)

    def __neg__(self) -> Element:
        return Element(self.field, -self.polynomial)

    def __mul__(self, other: Element) -> Element:
        return self.field.element(self.polynomial * other.polynomial)

    def __truediv__(self, other: Element) -> Element:
        """Raises: ZeroDivisionError."""
        if other.polynomial.is_zero:
            raise ZeroDivisionError("division by a number that is zero")
        if other.polynomial.is_ground:
            return Element(self.field, self.polynomial.quo_ground(other.polynomial.LC()))
        return self * Element(self.field, other.polynomial.invert(self.field.modulus))

    def constant(self, value: object) -> Element:
        """A rational number of the same field."""
        return self.field.rational(value)

    @property
    def is_rational(self) -> bool:
        """Whether this is a fraction."""
        return bool(self.polynomial.is_ground)

    @cached_property
    def _sign(self) -> int:
        if self.polynomial.is_zero:
            return 0
        coefficients = _fractions(self.polynomial)
        while True:
            low, high = _enclosed(coefficients, self.field.low, self.field.high)
            if low > 0 or high < 0:
                return 1 if low > 0 else -1
            self.field.halve(8)

    def sign(self) -> int:
        """-1, 0 or 1, proved."""
        return self._sign

    def bounds(self, width: Fraction) -> tuple[Fraction, Fraction]:
        """An interval of at most this width that holds the number."""
        coefficients = _fractions(self.polynomial)
        while True:
            low, high = _enclosed(coefficients, self.field.low, self.field.high)
            if high - low <= width:
                return low, high
            self.field.halve(max(((high - low) / width).__ceil__().bit_length() + 1, 8))

    def __float__(self) -> float:
        width = Fraction(1, 2**60)
        while True:
            low, high = self.bounds(width)
            if (high - low) * 2**56 <= abs(low + high):
                return float((low + high) / 2)
            if self.sign() == 0:
                return 0.0
            width /= 2**40

    @cached_property
    def minimal(self) -> Poly:
        """The minimal polynomial over the rational numbers."""
        found = minimal_polynomial(self, self.field.degree)
        assert found is not None
        return found

    def expression(self) -> sympy.Expr:
        """The number in SymPy: a fraction, with a square root, else written by its first digits."""
        if self.is_rational:
            return self.polynomial.as_expr()
        found = self._radical()
        if found is not None:
            return found
        return RealAlgebraic(self) if self.sign() > 0 else -RealAlgebraic(-self)

    def _radical(self) -> sympy.Expr | None:
        square = self * self
        if square.is_rational:
            return self.sign() * sympy.sqrt(square.polynomial.as_expr())
        minimal = minimal_polynomial(self, 4)
        if minimal is None:
            return None
        shape = {monomial for (monomial,) in minimal.monoms()}
        degree = int(minimal.degree())
        if degree > 2 and shape != {degree, 0} and shape != {4, 2, 0}:
            return None
        close = float(self)
        solutions = [r for r in sympy.roots(minimal.as_expr(), T) if abs(sympy.im(sympy.N(r))) < 1e-12]
        best = min(solutions, key=lambda r: abs(float(sympy.re(sympy.N(r, 30))) - close), default=None)
        return None if best is None or best.has(sympy.I) else sympy.sqrtdenest(best)


class RealAlgebraic(sympy.Expr):  # type: ignore[misc]
    """A positive algebraic number as an atom of an expression: exact, and written by its first digits."""

    is_Atom = True
    is_number = True
    is_commutative = True
    is_algebraic = True
    is_real = True
    is_finite = True
    is_positive = True
    is_zero = False
    is_rational = False
    is_integer = False

    element: Element

    def __new__(cls, element: Element) -> RealAlgebraic:
        made: RealAlgebraic = sympy.Expr.__new__(cls)
        made.element = element
        return made

    def _hashable_content(self) -> tuple[Any, ...]:
        field = self.element.field
        return field.modulus, id(field), self.element.polynomial

    def __hash__(self) -> int:
        return hash(self._hashable_content())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RealAlgebraic) and self._hashable_content() == other._hashable_content()

    def sort_key(self, order: Any = None) -> Any:
        return sympy.Symbol(f"a{float(self.element)!r}").sort_key(order)

    def _eval_evalf(self, precision: int) -> sympy.Float:
        low, high = self.element.bounds(Fraction(1, 2 ** (precision + 20)))
        middle = (low + high) / 2
        exact = libmp.from_rational(middle.numerator, middle.denominator, precision)
        return sympy.Float._new(exact, precision)

    @property
    def digits(self) -> str:
        """The first digits, cut off, with an ellipsis."""
        low, _ = self.element.bounds(Fraction(1, 10 ** (DIGITS + 12)))
        whole = low.numerator // low.denominator
        places = max(DIGITS - len(str(whole)), 3)
        scaled = (low * 10**places).numerator // (low * 10**places).denominator
        text = f"{scaled:0{places + 1}d}"
        return f"{text[:-places]}.{text[-places:]}…"

    def _sympystr(self, printer: Any) -> str:
        return self.digits

    def _latex(self, printer: Any) -> str:
        return self.digits.replace("…", r"\ldots")


def rational_field() -> Field:
    """The rational numbers alone."""
    return Field(Poly(T, T, domain=QQ), Fraction(0), Fraction(0))


def real_roots(polynomial: Poly) -> list[Field]:
    """The fields of all real roots of a square-free polynomial in ``T``, irreducible factor after factor.

    The number of real roots is that of Sturm's theorem, and each interval holds exactly one.
    """
    found = []
    for factor, _ in polynomial.factor_list()[1]:
        for (low, high), _ in factor.intervals():
            field_of = Field(factor, Fraction(int(low.p), int(low.q)), Fraction(int(high.p), int(high.q)))
            found.append(field_of)
    return found


def minimal_polynomial(element: Element, degree: int) -> Poly | None:
    """The monic rational polynomial of lowest degree that vanishes at a number; None where it is above ``degree``."""
    modulus = element.field.modulus
    one = Poly(1, T, domain=QQ)
    columns, current = [one], one
    for _ in range(min(degree, element.field.degree)):
        current = (current * element.polynomial).rem(modulus)
        columns.append(current)
        found = _relation(columns, element.field.degree)
        if found is not None:
            return Poly(list(reversed(found)), T, domain=QQ).monic()
    return None


def _relation(columns: Sequence[Poly], size: int) -> list[sympy.Rational] | None:
    """Rational factors with which the columns add up to zero, the last one 1; None where there are none."""
    from sympy.polys.matrices import DomainMatrix

    rows = [column.rep.to_list()[::-1] for column in columns]
    entries = [[row[k] if k < len(row) else QQ(0) for row in rows] for k in range(size)]
    kernel = DomainMatrix(entries, (size, len(columns)), QQ).nullspace()
    if not kernel.shape[0]:
        return None
    vector = kernel.to_Matrix().row(0)
    return [entry / vector[len(columns) - 1] for entry in vector]


def _fractions(polynomial: Poly) -> list[Fraction]:
    return [Fraction(int(c.p), int(c.q)) for c in polynomial.all_coeffs()]


def _horner(coefficients: Sequence[Fraction], at: Fraction) -> Fraction:
    total = Fraction(0)
    for coefficient in coefficients:
        total = total * at + coefficient
    return total


def _enclosed(coefficients: Sequence[Fraction], low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds on the values of a polynomial over an interval, by Horner's scheme."""
    if low == high:
        value = _horner(coefficients, low)
        return value, value
    below, above = Fraction(0), Fraction(0)
    for coefficient in coefficients:
        products = (below * low, below * high, above * low, above * high)
        below, above = min(products) + coefficient, max(products) + coefficient
    return below, above
