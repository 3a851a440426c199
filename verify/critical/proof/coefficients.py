"""Coefficients that are exact where they can be: polynomials in directions, and intervals for each box of these.

Data
    ``Polynomial``   of the directions, with rational coefficients; a constant one is a Fraction.
    ``Coefficient``  a Fraction, a Polynomial or an interval.
    ``Unsupported``  raised for what is no number, such as 1/0.

The three most important functions are ``Coefficients.plus`` and ``Coefficients.times`` (exact where both are) and
``Coefficients.interval`` (what any of them is on each box).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from operator import add
from typing import Any

__all__ = ["ONE", "ZERO", "Coefficient", "Coefficients", "Polynomial", "Unsupported", "is_zero"]

Coefficient = Any
"""A Fraction, a Polynomial, or an interval of the arithmetic below."""

# A product of polynomials with more terms is enclosed.
LONGEST = 100
ZERO, ONE = Fraction(0), Fraction(1)


class Unsupported(ArithmeticError):
    """There is no number or series of this kind."""


@dataclass(frozen=True, eq=False)
class Polynomial:
    """A polynomial that is not constant: coefficients by exponents; ``enclosure`` is its interval for each box.

    The enclosure is made as the polynomial was, so that a square of a sum stays one.
    """

    terms: dict[tuple[int, ...], Fraction]
    enclosure: Any

    @staticmethod
    def of(terms: dict[tuple[int, ...], Fraction], enclosure: Any) -> Polynomial | Fraction:
        """From coefficients, some of which may be 0."""
        kept = {exponents: c for exponents, c in terms.items() if c}
        if any(map(any, kept)):
            return Polynomial(kept, enclosure)
        return next(iter(kept.values()), ZERO)


class Coefficients:
    """The arithmetic of coefficients, over one of intervals (``Intervals`` or ``Balls``).

    ``directions`` are what polynomials are in: intervals of the arithmetic below, or Fractions.
    """

    def __init__(self, below: Any, directions: Sequence[Coefficient] = ()) -> None:
        self.below = below
        self.directions = directions

    def direction(self, place: int) -> Coefficient:
        """One of the directions."""
        if isinstance(self.directions[place], Fraction):
            return self.directions[place]
        exponents = tuple(int(k == place) for k in range(len(self.directions)))
        return Polynomial({exponents: ONE}, self.directions[place])

    def interval(self, a: Coefficient) -> Any:
        """The coefficient as an interval."""
        if isinstance(a, Fraction):
            return self.below.constant(a)
        return a.enclosure if isinstance(a, Polynomial) else a

    def plus(self, a: Coefficient, b: Coefficient) -> Coefficient:
        """a + b."""
        if is_zero(a) or is_zero(b):
            return b if is_zero(a) else a
        if isinstance(a, Fraction) and isinstance(b, Fraction):
            return a + b
        enclosure = self.below.add(self.interval(a), self.interval(b))
        if not (_exact(a) and _exact(b)):
            return enclosure
        terms = dict(self._terms(a))
        for exponents, c in self._terms(b).items():
            terms[exponents] = terms.get(exponents, ZERO) + c
        return Polynomial.of(terms, enclosure)

    def times(self, a: Coefficient, b: Coefficient) -> Coefficient:
        """a · b."""
        if isinstance(b, Fraction):
            a, b = b, a
        if isinstance(a, Fraction):
            if isinstance(b, Fraction):
                return a * b
            if not a or a == 1:
                return b if a else ZERO
        enclosure = self.below.multiply(self.interval(a), self.interval(b))
        return self._product(a, b, enclosure)

    def _product(self, a: Coefficient, b: Coefficient, enclosure: Any) -> Coefficient:
        """A product that is enclosed, exactly where both are exact and short."""
        if not (_exact(a) and _exact(b)) or len(self._terms(a)) * len(self._terms(b)) > LONGEST:
            return enclosure
        terms: dict[tuple[int, ...], Fraction] = {}
        for one, c in self._terms(a).items():
            for other, d in self._terms(b).items():
                exponents = tuple(map(add, one, other))
                terms[exponents] = terms.get(exponents, ZERO) + c * d
        return Polynomial.of(terms, enclosure)

    def squared(self, a: Coefficient) -> Coefficient:
        """a², which is never negative."""
        return a * a if isinstance(a, Fraction) else self._product(a, a, self.below.power(self.interval(a), 2))

    def inverse(self, a: Coefficient) -> Coefficient:
        """1/a."""
        if isinstance(a, Fraction):
            if not a:
                raise Unsupported("1/0")
            return 1 / a
        return self.below.divide(self.below.constant(ONE), self.interval(a))

    def _terms(self, a: Fraction | Polynomial) -> dict[tuple[int, ...], Fraction]:
        return a.terms if isinstance(a, Polynomial) else {(0,) * len(self.directions): a}

    def total(self, terms: Sequence[Coefficient]) -> Coefficient:
        """The sum of coefficients."""
        found: Coefficient = ZERO
        for term in terms:
            found = self.plus(found, term)
        return found

    def value(self, name: str, a: Coefficient) -> Coefficient:
        """A function at a coefficient: exactly where it is known so."""
        if isinstance(a, Fraction):
            if name in EXACT and a == EXACT[name][0]:
                return EXACT[name][1]
            if name == "sqrt" and a > 0 and (root := _root(a)) is not None:
                return root
            if name == "positive_inverse" and a > 0:
                return 1 / a
        if name == "inverse":
            return self.inverse(a)
        return getattr(self.below, name)(self.interval(a))


EXACT = {
    "sin": (ZERO, ZERO), "cos": (ZERO, ONE), "tan": (ZERO, ZERO), "exp": (ZERO, ONE), "log": (ONE, ZERO),
    "sinh": (ZERO, ZERO), "cosh": (ZERO, ONE), "tanh": (ZERO, ZERO), "asin": (ZERO, ZERO), "atan": (ZERO, ZERO),
    "asinh": (ZERO, ZERO), "erf": (ZERO, ZERO),
}  # fmt: skip
"""Where a function has a rational value at a rational number: the number and the value."""


def is_zero(a: Coefficient) -> bool:
    """Whether a coefficient is 0, exactly."""
    return isinstance(a, Fraction) and not a


def _exact(a: Coefficient) -> bool:
    return isinstance(a, (Fraction, Polynomial))


def _root(a: Fraction) -> Fraction | None:
    roots = Fraction(isqrt(a.numerator), isqrt(a.denominator))
    return roots if roots * roots == a else None
