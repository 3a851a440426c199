"""Functions of one small number ρ, on many boxes at once: what a tape does along curves into a point.

A value is ρ^order (c₀ + c₁ρ + … + rest·ρ^k), for all ρ in (0, reach]: negative orders are poles. A coefficient is
exact, a polynomial in the directions s, or an interval for each box of directions. So what cancels exactly is known
to be 0, and the order of what remains is known: this is what intervals alone cannot tell.

Data: ``Series``, an order, coefficients (``coefficients``), and the rest, which encloses everything beyond them.
``Unsupported`` is raised for what has no such series: exp(1/ρ), a logarithm of what goes to 0, a root of odd order.

The three most important functions are ``SeriesArithmetic.multiply``, ``SeriesArithmetic.composed`` (a function of a
series, by Taylor's theorem with the remainder enclosed) and ``SeriesArithmetic.range``. Every operation of a tape is
a method, so that ``Tape.run`` takes this arithmetic like any other; it works on intervals and on balls.

Reference: Makino, Berz (2003), Taylor models and other validated functional inclusion methods. Moore, Kearfott, Cloud
(2009), Introduction to Interval Analysis, chapter 9, for the recurrences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from verify.critical.proof.coefficients import ONE, ZERO, Coefficient, Coefficients, Unsupported, is_zero

__all__ = ["Series", "SeriesArithmetic", "Unsupported"]

TERMS = 7
"""Coefficients that are kept; a zero of higher order is not told from a flat function."""


@dataclass(frozen=True, eq=False)
class Series:
    """ρ^order (coefficients[0] + coefficients[1] ρ + … + rest ρ^len(coefficients)).

    The first coefficient is not exactly 0, unless all are.
    """

    order: int
    coefficients: tuple[Coefficient, ...]
    rest: Coefficient = ZERO


class SeriesArithmetic(Coefficients):
    """The arithmetic of series, over one of intervals (``Intervals`` or ``Balls``), for ρ up to ``reach``.

    What the arithmetic below met on the way (no value, a kink) is noted there, for every box.
    """

    def __init__(self, below: Any, reach: Fraction, directions: Sequence[Coefficient] = ()) -> None:
        super().__init__(below, directions)
        self.unit = below.constant(reach)
        self.powers: list[Coefficient] = [ONE]

    def variable(self, place: int, order: int) -> Series:
        """A direction times ρ^order."""
        return self.series(order, [self.direction(place)])

    def series(self, order: int, coefficients: Sequence[Coefficient], rest: Coefficient = ZERO) -> Series:
        """A series without leading zeros, and with ``TERMS`` coefficients at most."""
        kept = list(coefficients)
        while kept and is_zero(kept[0]):
            kept.pop(0)
            order += 1
        if len(kept) > TERMS:
            beyond = [self.times(c, self._power(k)) for k, c in enumerate(kept[TERMS:])]
            rest = self.plus(self.total(beyond), self.times(rest, self._power(len(kept) - TERMS)))
            kept = kept[:TERMS]
        if is_zero(rest):
            while kept and is_zero(kept[-1]):
                kept.pop()
        return Series(order if kept or not is_zero(rest) else 0, tuple(kept), rest)

    def range(self, a: Series) -> Any:
        """The values of a/ρ^order for all ρ, as an interval."""
        terms = [self.times(c, self._power(k)) for k, c in enumerate(a.coefficients)]
        terms.append(self.times(a.rest, self._power(len(a.coefficients))))
        return self.interval(self.total(terms))

    def _power(self, k: int) -> Coefficient:
        """The interval of ρ^k."""
        while k >= len(self.powers):
            highest = self.below.power(self.unit, len(self.powers))[1]
            self.powers.append((self.below.constant(ZERO)[0], highest))
        return self.powers[k]

    def _padded(self, a: Series, order: int, length: int) -> tuple[list[Coefficient], Coefficient]:
        """Coefficients from this order on, that many, and the rest beyond them."""
        kept = [ZERO] * (a.order - order) + list(a.coefficients)
        rest = a.rest
        if len(kept) > length:
            terms = [self.times(c, self._power(k)) for k, c in enumerate(kept[length:])]
            terms.append(self.times(rest, self._power(len(kept) - length)))
            return kept[:length], self.total(terms)
        if len(kept) < length:  # only where there is no rest
            kept += [ZERO] * (length - len(kept))
        return kept, rest

    def _length(self, a: Series, order: int) -> int | None:
        """How many coefficients from this order on are known; None where all are."""
        return None if is_zero(a.rest) else a.order - order + len(a.coefficients)

    def add(self, a: Series, b: Series) -> Series:
        """a + b."""
        if _nothing(a) or _nothing(b):
            return b if _nothing(a) else a
        order = min(a.order, b.order)
        known = [k for k in (self._length(a, order), self._length(b, order)) if k is not None]
        longest = max(one.order - order + len(one.coefficients) for one in (a, b))
        length = min([*known, TERMS + 1, longest]) if known else min(longest, 2 * TERMS)
        one, rest = self._padded(a, order, length)
        other, further = self._padded(b, order, length)
        summed = [self.plus(x, y) for x, y in zip(one, other, strict=True)]
        return self.series(order, summed, self.plus(rest, further))

    def negative(self, a: Series) -> Series:
        """-a."""
        return self.scaled(a, Fraction(-1))

    def subtract(self, a: Series, b: Series) -> Series:
        """a - b."""
        return self.add(a, self.negative(b))

    def scaled(self, a: Series, factor: Coefficient, order: int = 0) -> Series:
        """a · factor · ρ^order."""
        if is_zero(factor):
            return Series(0, ())
        scaled = [self.times(factor, c) for c in a.coefficients]
        return self.series(a.order + order, scaled, self.times(factor, a.rest))

    def multiply(self, a: Series, b: Series) -> Series:
        """a · b."""
        if _nothing(a) or _nothing(b):
            return Series(0, ())
        pairs: dict[int, list[Coefficient]] = {}
        for j, x in enumerate(a.coefficients):
            for k, y in enumerate(b.coefficients):
                if a is not b:
                    pairs.setdefault(j + k, []).append(self.times(x, y))
                elif j <= k:
                    product = self.squared(x) if j == k else self.times(Fraction(2), self.times(x, y))
                    pairs.setdefault(j + k, []).append(product)
        terms = [self.total(pairs.get(k, [])) for k in range(max(pairs, default=-1) + 1)]
        one, other = len(a.coefficients), len(b.coefficients)
        known = [count for count, factor in ((one, a), (other, b)) if not is_zero(factor.rest)]
        length = min([len(terms), *known])
        beyond = [self.times(c, self._power(k)) for k, c in enumerate(terms[length:])]
        if not is_zero(a.rest):
            beyond.append(self.times(self.times(a.rest, self.range(b)), self._power(one - length)))
        if not is_zero(b.rest):
            partial = self.range(Series(a.order, a.coefficients))
            beyond.append(self.times(self.times(b.rest, partial), self._power(other - length)))
        return self.series(a.order + b.order, terms[:length], self.total(beyond))

    def power(self, a: Series, exponent: int) -> Series:
        """a to a whole power of at least 1."""
        found: Series | None = None
        square = a
        while exponent:
            if exponent % 2:
                found = square if found is None else self.multiply(found, square)
            exponent //= 2
            if exponent:
                square = self.multiply(square, square)
        assert found is not None
        return found

    def constant(self, value: Fraction | str) -> Series:
        """A number."""
        return self.series(0, [value if isinstance(value, Fraction) else self.below.constant(value)])

    # ---------------------------------------------------------------------------------------------- functions

    def composed(self, a: Series, coefficients: Callable[[Coefficient, int], list[Coefficient]]) -> Series:
        """g(a) for a series of order 0 or more: Taylor's theorem at its value for ρ = 0.

        ``coefficients(x, k)`` are g(x), g'(x), g''(x)/2, … up to the k-th, at a number or on an interval.
        """
        if a.order < 0:
            raise Unsupported("a function of what is unbounded")
        whole = a if a.order == 0 else Series(0, (*[ZERO] * a.order, *a.coefficients), a.rest)
        if not whole.coefficients:
            whole = Series(0, (ZERO,), ZERO) if is_zero(whole.rest) else whole
        if not whole.coefficients:  # nothing is known but where the value lies
            return self.series(0, [], coefficients(self.range(whole), 0)[0])
        start, change = whole.coefficients[0], self.series(1, whole.coefficients[1:], whole.rest)
        if _nothing(change):
            return self.series(0, coefficients(start, 0))
        nowhere = copy(self.below.nowhere)
        at_start = coefficients(start, TERMS)
        # no value at the start is none everywhere only if there is none in the whole range
        self.below.nowhere = nowhere
        count = -(-TERMS // max(change.order, 1))
        remainder = coefficients(self.range(whole), count)[count]
        # by Horner's rule, from the remainder down
        found = Series(0, (), remainder)
        for c in reversed(at_start[:count]):
            found = self.add(self.series(0, [c]), self.multiply(change, found))
        return found

    def _normal(self, a: Series) -> Series:
        """a/ρ^order."""
        if not a.coefficients:
            raise Unsupported("the order of what is divided by is not known")
        return Series(0, a.coefficients, a.rest)

    def _real_power(self, a: Series, exponent: Fraction, name: str) -> Series:
        """a to a power that need not be whole, by the function ``name`` of the arithmetic below."""
        order = a.order * exponent
        if order.denominator != 1:
            raise Unsupported("a root of odd order")

        def coefficients(x: Coefficient, count: int) -> list[Coefficient]:
            first, inverse = self.value(name, x), self.inverse(x)
            found, binomial, power = [first], ONE, first
            for k in range(1, count + 1):
                binomial *= (exponent - (k - 1)) / k
                power = self.times(power, inverse)
                found.append(self.times(binomial, power))
            return found

        return self.scaled(self.composed(self._normal(a), coefficients), ONE, int(order))

    def divide(self, a: Series, b: Series) -> Series:
        """a / b."""
        return a if _nothing(a) else self.multiply(a, self._real_power(b, Fraction(-1), "inverse"))

    def positive_inverse(self, a: Series) -> Series:
        """1/a of what is positive wherever there is a value."""
        return self._real_power(a, Fraction(-1), "positive_inverse")

    def sqrt(self, a: Series) -> Series:
        """The square root."""
        return self._real_power(a, Fraction(1, 2), "sqrt")

    def exp(self, a: Series) -> Series:
        """The exponential function."""

        def coefficients(x: Coefficient, count: int) -> list[Coefficient]:
            value = self.value("exp", x)
            return [self.times(Fraction(1, _factorial(k)), value) for k in range(count + 1)]

        return self.composed(a, coefficients)

    def log(self, a: Series) -> Series:
        """The logarithm of what does not go to 0."""
        if a.order:
            raise Unsupported("a logarithm of what goes to 0")

        def coefficients(x: Coefficient, count: int) -> list[Coefficient]:
            inverse, power, found = self.inverse(x), ONE, [self.value("log", x)]
            for k in range(1, count + 1):
                power = self.times(power, inverse)
                found.append(self.times(Fraction((-1) ** (k - 1), k), power))
            return found

        return self.composed(self._normal(a), coefficients)

    def _wave(self, a: Series, turn: Sequence[tuple[str, int]]) -> Series:
        """A function whose derivatives come round: names with signs."""

        def coefficients(x: Coefficient, count: int) -> list[Coefficient]:
            values = {name: self.value(name, x) for name, _ in turn}
            return [
                self.times(Fraction(turn[k % len(turn)][1], _factorial(k)), values[turn[k % len(turn)][0]])
                for k in range(count + 1)
            ]

        return self.composed(a, coefficients)

    def sin(self, a: Series) -> Series:
        """The sine."""
        return self._wave(a, [("sin", 1), ("cos", 1), ("sin", -1), ("cos", -1)])

    def cos(self, a: Series) -> Series:
        """The cosine."""
        return self._wave(a, [("cos", 1), ("sin", -1), ("cos", -1), ("sin", 1)])

    def sinh(self, a: Series) -> Series:
        """The hyperbolic sine."""
        return self._wave(a, [("sinh", 1), ("cosh", 1)])

    def cosh(self, a: Series) -> Series:
        """The hyperbolic cosine."""
        return self._wave(a, [("cosh", 1), ("sinh", 1)])

    def _riccati(self, a: Series, name: str, sign: int) -> Series:
        """y' = 1 ± y²."""

        def coefficients(x: Coefficient, count: int) -> list[Coefficient]:
            y = [self.value(name, x)]
            for k in range(count):
                square = self.total([self.times(y[j], y[k - j]) for j in range(k + 1)])
                slope = self.plus(Fraction(int(k == 0)), self.times(Fraction(sign), square))
                y.append(self.times(Fraction(1, k + 1), slope))
            return y

        return self.composed(a, coefficients)

    def tan(self, a: Series) -> Series:
        """The tangent."""
        return self._riccati(a, "tan", 1)

    def tanh(self, a: Series) -> Series:
        """The hyperbolic tangent."""
        return self._riccati(a, "tanh", -1)

    def _integral(self, a: Series, name: str, slopes: Callable[[Coefficient, int], list[Coefficient]]) -> Series:
        """A function of which the derivative's coefficients are known."""

        def coefficients(x: Coefficient, count: int) -> list[Coefficient]:
            slope = slopes(x, count)
            return [
                self.value(name, x),
                *(self.times(Fraction(1, k + 1), slope[k]) for k in range(count)),
            ]

        return self.composed(a, coefficients)

    def atan(self, a: Series) -> Series:
        """The arc tangent, whose derivative is 1/(1 + x²)."""

        def slopes(x: Coefficient, count: int) -> list[Coefficient]:
            inverse = self.inverse(self.plus(ONE, self.squared(x)))
            found = [inverse]
            for k in range(1, count + 1):
                before = found[k - 2] if k > 1 else ZERO
                pulled = self.plus(self.times(Fraction(2), self.times(x, found[k - 1])), before)
                found.append(self.times(Fraction(-1), self.times(inverse, pulled)))
            return found

        return self._integral(a, "atan", slopes)

    def _over_root(self, sign: int) -> Callable[[Coefficient, int], list[Coefficient]]:
        """The coefficients of w = (1 + sign·x²)^(-1/2), from (1 + sign·x²) w' = -sign·x w."""

        def slopes(x: Coefficient, count: int) -> list[Coefficient]:
            radicand = self.plus(ONE, self.times(Fraction(sign), self.squared(x)))
            inverse = self.inverse(radicand)
            w = [self.inverse(self.value("sqrt", radicand))]
            for k in range(count):
                before = w[k - 1] if k else ZERO
                linear = self.times(Fraction(2 * k + 1), self.times(x, w[k]))
                pulled = self.plus(linear, self.times(Fraction(k), before))
                w.append(self.times(Fraction(-sign, k + 1), self.times(inverse, pulled)))
            return w

        return slopes

    def asinh(self, a: Series) -> Series:
        """The inverse hyperbolic sine."""
        return self._integral(a, "asinh", self._over_root(1))

    def asin(self, a: Series) -> Series:
        """The arc sine."""
        return self._integral(a, "asin", self._over_root(-1))

    def acos(self, a: Series) -> Series:
        """The arc cosine."""
        negated = self._over_root(-1)
        return self._integral(a, "acos", lambda x, k: [self.times(Fraction(-1), c) for c in negated(x, k)])

    def erf(self, a: Series) -> Series:
        """The error function, whose derivative h = 2/√π exp(-x²) has h' = -2x h."""

        def slopes(x: Coefficient, count: int) -> list[Coefficient]:
            height = self.times(Fraction(2), self.inverse(self.below.sqrt(self.below.constant("pi"))))
            h = [self.times(height, self.value("exp", self.times(Fraction(-1), self.squared(x))))]
            for k in range(count):
                pulled = self.plus(self.times(x, h[k]), h[k - 1] if k else ZERO)
                h.append(self.times(Fraction(-2, k + 1), pulled))
            return h

        return self._integral(a, "erf", slopes)

    # -------------------------------------------------------------------------------------- what has kinks

    def _jump(self, a: Series, name: str) -> Series:
        """A function of the sign, which the arithmetic below takes of all values at once."""
        return self.series(0, [getattr(self.below, name)(self.range(a))])

    def sign(self, a: Series) -> Series:
        """The sign."""
        return self._jump(a, "sign")

    def step(self, a: Series) -> Series:
        """1 where positive, 0 where negative."""
        return self._jump(a, "step")

    def abs(self, a: Series) -> Series:
        """The absolute value."""
        return self.multiply(self.sign(a), a)

    def maximum(self, a: Series, b: Series) -> Series:
        """The larger."""
        over = self.step(self.subtract(a, b))
        return self.add(self.multiply(over, a), self.multiply(self.subtract(self.constant(ONE), over), b))

    def minimum(self, a: Series, b: Series) -> Series:
        """The smaller."""
        return self.negative(self.maximum(self.negative(a), self.negative(b)))


def _nothing(a: Series) -> bool:
    return not a.coefficients and is_zero(a.rest)


def _factorial(k: int) -> int:
    return 1 if k < 2 else k * _factorial(k - 1)
