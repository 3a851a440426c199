"""Interval arithmetic on one box whose ends are balls of FLINT: nothing is assumed about floating-point functions.

Data
    ``Interval``  (lower, upper): the interval from the least number of one ball to the greatest of the other.
    ``Balls``     the arithmetic, with a method for every operation of a tape, and what it met on the way.

python-flint is imported when an arithmetic is made: it belongs to the extra ``rigor``.

Reference: Johansson (2017), Arb: efficient arbitrary-precision midpoint-radius interval arithmetic, IEEE
Transactions on Computers 66, 1281-1292.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from fractions import Fraction
from typing import Any

__all__ = ["ASSUMPTION", "PRECISION", "Balls", "Interval", "flint"]

Interval = tuple[Any, Any]

PRECISION = 128
ASSUMPTION = f"ball arithmetic of FLINT with {PRECISION} bits, at every box that was discarded and every point"


def flint() -> Any:
    """The module. Raises: ModuleNotFoundError saying how to install it."""
    try:
        module = importlib.import_module("flint")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "python-flint is not installed: pip install 'gradproof[rigor]', or search without certify=\"rigor\""
        ) from None
    module.ctx.prec = PRECISION
    return module


class Balls:
    """The arithmetic on one box."""

    def __init__(self) -> None:
        library = flint()
        self.arb, self.fraction = library.arb, library.fmpq
        self.undefined = self.nowhere = self.kinked = False
        self.everything = self.arb.neg_inf(), self.arb.pos_inf()

    def interval(self, lower: float, upper: float) -> Interval:
        """From floating-point ends, exactly."""
        return self.arb(lower), self.arb(upper)

    def constant(self, value: Fraction | str) -> Interval:
        if isinstance(value, str):
            number = self.arb.pi() if value == "pi" else self.arb.const_e()
        else:
            number = self.arb(self.fraction(value.numerator, value.denominator))
        return number, number

    def add(self, a: Interval, b: Interval) -> Interval:
        return a[0] + b[0], a[1] + b[1]

    def subtract(self, a: Interval, b: Interval) -> Interval:
        return a[0] - b[1], a[1] - b[0]

    def negative(self, a: Interval) -> Interval:
        return -a[1], -a[0]

    def multiply(self, a: Interval, b: Interval) -> Interval:
        first, second, third, fourth = (one * other for one in a for other in b)
        return first.min(second).min(third.min(fourth)), first.max(second).max(third.max(fourth))

    def divide(self, a: Interval, b: Interval) -> Interval:
        lower, upper = b
        if lower > 0 or upper < 0:
            return self.multiply(a, (1 / upper, 1 / lower))
        self.undefined = True
        if lower >= 0 and upper > 0:
            return self.multiply(a, (1 / upper, self.everything[1]))
        if upper <= 0 and lower < 0:
            return self.multiply(a, (self.everything[0], 1 / lower))
        return self.everything

    def power(self, a: Interval, exponent: int) -> Interval:
        lower, upper = a[0] ** exponent, a[1] ** exponent
        if exponent % 2 or a[0] >= 0:
            return lower, upper
        if a[1] <= 0:
            return upper, lower
        return self.arb(0), lower.max(upper)

    def sqrt(self, a: Interval) -> Interval:
        if a[0] >= 0:
            return a[0].sqrt(), a[1].sqrt()
        self._partly(a[1] < 0)
        return self.arb(0), a[1].max(self.arb(0)).sqrt()

    def exp(self, a: Interval) -> Interval:
        return a[0].exp(), a[1].exp()

    def log(self, a: Interval) -> Interval:
        if a[0] > 0:
            return a[0].log(), a[1].log()
        self._partly(a[1] <= 0)
        return self.everything[0], a[1].log() if a[1] > 0 else self.everything[1]

    def positive_inverse(self, a: Interval) -> Interval:
        if a[0] > 0:
            return 1 / a[1], 1 / a[0]
        self._partly(a[1] <= 0)
        return 1 / a[1] if a[1] > 0 else self.arb(0), self.everything[1]

    def sin(self, a: Interval) -> Interval:
        return self._wave(a, lambda x: x.sin(), Fraction(1, 4))

    def cos(self, a: Interval) -> Interval:
        return self._wave(a, lambda x: x.cos(), Fraction(0))

    def _wave(self, a: Interval, function: Callable[[Any], Any], crest: Fraction) -> Interval:
        turns = [end / (2 * self.arb.pi()) for end in a]
        one, other = function(a[0]), function(a[1])

        def between(phase: Fraction) -> bool:
            shift = self.arb(self.fraction(phase.numerator, phase.denominator))
            return _holds_whole(turns[0] - shift, turns[1] - shift)

        return (
            self.arb(-1) if between(crest + Fraction(1, 2)) else one.min(other),
            self.arb(1) if between(crest) else one.max(other),
        )

    def tan(self, a: Interval) -> Interval:
        turns = [end / self.arb.pi() - 0.5 for end in a]
        if _holds_whole(*turns):
            self.undefined = True
            return self.everything
        return a[0].tan(), a[1].tan()

    def sinh(self, a: Interval) -> Interval:
        return a[0].sinh(), a[1].sinh()

    def cosh(self, a: Interval) -> Interval:
        lower, upper = a[0].cosh(), a[1].cosh()
        if a[0] >= 0:
            return lower, upper
        return (upper, lower) if a[1] <= 0 else (self.arb(1), lower.max(upper))

    def tanh(self, a: Interval) -> Interval:
        return a[0].tanh(), a[1].tanh()

    def asin(self, a: Interval) -> Interval:
        if self._between(a):
            return a[0].asin(), a[1].asin()
        return -self.arb.pi() / 2, self.arb.pi() / 2

    def acos(self, a: Interval) -> Interval:
        if self._between(a):
            return a[1].acos(), a[0].acos()
        return self.arb(0), self.arb.pi()

    def atan(self, a: Interval) -> Interval:
        return a[0].atan(), a[1].atan()

    def asinh(self, a: Interval) -> Interval:
        return a[0].asinh(), a[1].asinh()

    def erf(self, a: Interval) -> Interval:
        return a[0].erf(), a[1].erf()

    def abs(self, a: Interval) -> Interval:
        if a[0] >= 0:
            return a
        return (-a[1], -a[0]) if a[1] <= 0 else (self.arb(0), (-a[0]).max(a[1]))

    def sign(self, a: Interval) -> Interval:
        return self._jump(a, -1, 1)

    def step(self, a: Interval) -> Interval:
        return self._jump(a, 0, 1)

    def maximum(self, a: Interval, b: Interval) -> Interval:
        return a[0].max(b[0]), a[1].max(b[1])

    def minimum(self, a: Interval, b: Interval) -> Interval:
        return a[0].min(b[0]), a[1].min(b[1])

    def _jump(self, a: Interval, low: int, high: int) -> Interval:
        if a[0] > 0 or a[1] < 0:
            value = self.arb(high if a[0] > 0 else low)
            return value, value
        self.kinked = True
        return self.arb(low), self.arb(high)

    def _between(self, a: Interval) -> bool:
        """Whether the whole interval lies between -1 and 1; else what was met is noted."""
        inside = bool(a[0] >= -1 and a[1] <= 1)
        if not inside:
            self._partly(a[1] < -1 or a[0] > 1)
        return inside

    def _partly(self, nowhere: bool) -> None:
        self.undefined = True
        self.nowhere |= bool(nowhere)


def _holds_whole(lower: Any, upper: Any) -> bool:
    """Whether there may be a whole number between two balls."""
    if not (lower.is_finite() and upper.is_finite()):
        return True
    first, last = lower.lower().ceil().unique_fmpz(), upper.upper().floor().unique_fmpz()
    return first is None or last is None or bool(first <= last)
