"""Interval arithmetic over many boxes at once: for each, every value that an operation can take on it, and more.

Data
    ``Interval``   (lower, upper): arrays with one entry for each box, or numbers for a constant.
    ``Intervals``  the arithmetic: a method for every operation of a tape, and what it met on the way: boxes on which
                   an operation has no value (``undefined`` somewhere, ``nowhere`` defined), or a kink (``kinked``).

Sums, products, quotients and roots are rounded outwards by a unit in the last place, which encloses what IEEE 754
rounds to nearest. Other functions are taken from NumPy and SciPy, and widened by ``WIDENING``: that these are as
accurate as that is an assumption, stated with every result (``ASSUMPTION``).

Where an operation has no value on a part of a box, the interval encloses its values on the other part.

Reference: Moore, Kearfott, Cloud (2009), Introduction to Interval Analysis, chapters 2 to 5.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import inf, nextafter
from typing import Any

import numpy as np
from scipy.special import erf as error_function

__all__ = ["ASSUMPTION", "LEAST", "UNIT", "WIDENING", "Interval", "Intervals", "down", "up"]

Interval = tuple[Any, Any]

WIDENING = 2.0**-43
ASSUMPTION = "IEEE 754 arithmetic, and elementary functions of NumPy and SciPy with a relative error below 1.1e-13"

UNIT, LEAST, MOST = 2.0**-52, 5e-324, float(np.finfo(float).max)
LARGEST = 2.0**40  # beyond, the place of an angle in its period is not told
NAMED = {"pi": (3.141592653589793, 3.1415926535897936), "e": (2.718281828459045, 2.7182818284590455)}


def down(values: Any, relative: float = UNIT, least: float = LEAST) -> Any:
    """The next numbers below, or smaller ones; what overflowed is at least the largest number.

    ``least`` is what underflow may hide: nothing in a sum, which is exact where it is so small.
    """
    kept = np.minimum(values, MOST)
    return kept - (np.abs(kept) * relative + least)


def up(values: Any, relative: float = UNIT, least: float = LEAST) -> Any:
    """The next numbers above, or larger ones."""
    kept = np.maximum(values, -MOST)
    return kept + (np.abs(kept) * relative + least)


def widened(lower: Any, upper: Any) -> Interval:
    """Around values of an elementary function."""
    return down(lower, WIDENING), up(upper, WIDENING)


class Intervals:
    """The arithmetic of intervals on a number of boxes."""

    def __init__(self, boxes: int) -> None:
        self.undefined = np.zeros(boxes, bool)
        self.nowhere = np.zeros(boxes, bool)
        self.kinked = np.zeros(boxes, bool)

    def constant(self, value: Fraction | str) -> Interval:
        if isinstance(value, str):
            return NAMED[value]
        nearest = _float(value)
        exact = abs(nearest) < inf and Fraction(nearest) == value
        return (nearest, nearest) if exact else (nextafter(nearest, -inf), nextafter(nearest, inf))

    def add(self, a: Interval, b: Interval) -> Interval:
        return down(a[0] + b[0], least=0.0), up(a[1] + b[1], least=0.0)

    def subtract(self, a: Interval, b: Interval) -> Interval:
        return down(a[0] - b[1], least=0.0), up(a[1] - b[0], least=0.0)

    def negative(self, a: Interval) -> Interval:
        return -a[1], -a[0]

    def multiply(self, a: Interval, b: Interval) -> Interval:
        if _is_number(a):
            factor, (low, high) = a[0], b if a[0] >= 0 else b[::-1]
            # 0 times a number is 0, exactly: an end at 0 stays there, so that signs are kept.
            return np.where(low == 0, 0.0, down(factor * low)), np.where(high == 0, 0.0, up(factor * high))
        products = [one * other for one in a for other in b]
        lower = np.fmin(np.fmin(products[0], products[1]), np.fmin(products[2], products[3]))
        upper = np.fmax(np.fmax(products[0], products[1]), np.fmax(products[2], products[3]))
        # 0 times an unbounded interval is 0: no number in it is infinite.
        lower, upper = np.where(np.isnan(lower), 0.0, lower), np.where(np.isnan(upper), 0.0, upper)
        ends = down(lower), up(upper)
        if not (np.any(lower == 0) or np.any(upper == 0)):
            return ends
        same = ((a[0] >= 0) & (b[0] >= 0)) | ((a[1] <= 0) & (b[1] <= 0))
        opposite = ((a[0] >= 0) & (b[1] <= 0)) | ((a[1] <= 0) & (b[0] >= 0))
        return np.where(same, np.maximum(ends[0], 0.0), ends[0]), np.where(
            opposite, np.minimum(ends[1], 0.0), ends[1]
        )

    def divide(self, a: Interval, b: Interval) -> Interval:
        return self.multiply(a, self._inverse(b))

    def _inverse(self, b: Interval) -> Interval:
        lower, upper = np.broadcast_arrays(*b)
        zero = (lower <= 0) & (upper >= 0)
        self._mark(zero, (lower == 0) & (upper == 0))
        inside = (lower < 0) & (upper > 0)
        with np.errstate(divide="ignore"):
            low = np.where(inside | (upper == 0), -inf, 1 / np.where(upper == 0, 1.0, upper))
            high = np.where(inside | (lower == 0), inf, 1 / np.where(lower == 0, 1.0, lower))
        return down(low), up(high)

    def power(self, a: Interval, exponent: int) -> Interval:
        near, far = self._magnitudes(a) if exponent % 2 == 0 else a
        with np.errstate(over="ignore"):
            ends = np.asarray(near, float) ** exponent, np.asarray(far, float) ** exponent
        if exponent == 2:
            return np.maximum(down(ends[0]), 0.0), up(ends[1])
        lower, upper = widened(*ends)
        return np.where(np.asarray(near) >= 0, np.maximum(lower, 0.0), lower), np.where(
            np.asarray(far) <= 0, np.minimum(upper, 0.0), upper
        )

    def _magnitudes(self, a: Interval) -> Interval:
        """The interval of absolute values."""
        lower, upper = a
        near = np.where((lower <= 0) & (upper >= 0), 0.0, np.minimum(np.abs(lower), np.abs(upper)))
        return near, np.maximum(np.abs(lower), np.abs(upper))

    def sqrt(self, a: Interval) -> Interval:
        lower, upper = self._inside(a, 0.0, inf)
        return np.maximum(down(np.sqrt(lower)), 0.0), up(np.sqrt(upper))

    def exp(self, a: Interval) -> Interval:
        with np.errstate(over="ignore", under="ignore"):
            lower, upper = widened(np.exp(a[0]), np.exp(a[1]))
        return np.maximum(lower, 0.0), upper

    def log(self, a: Interval) -> Interval:
        lower, upper = self._inside(a, 0.0, inf, open_ends=True)
        with np.errstate(divide="ignore"):
            return widened(np.log(lower), np.log(upper))

    def positive_inverse(self, a: Interval) -> Interval:
        lower, upper = self._inside(a, 0.0, inf, open_ends=True)
        with np.errstate(divide="ignore"):
            return np.maximum(down(1 / upper), 0.0), up(1 / lower)

    def sin(self, a: Interval) -> Interval:
        return self._wave(np.sin, a, 0.25)

    def cos(self, a: Interval) -> Interval:
        return self._wave(np.cos, a, 0.0)

    def _wave(self, function: Callable[[Any], Any], a: Interval, crest: float) -> Interval:
        """Sine and cosine: between the ends, unless a crest or a trough lies between; turns count periods."""
        large = np.maximum(np.abs(a[0]), np.abs(a[1])) > LARGEST
        lower, upper = np.where(large, 0.0, a[0]), np.where(large, 7.0, a[1])
        one, other = function(lower), function(upper)
        low, high = widened(np.minimum(one, other), np.maximum(one, other))
        turns = (lower / (2 * np.pi), upper / (2 * np.pi))
        slack = 1e-12 * (1 + np.abs(turns[0]) + np.abs(turns[1]))

        def between(phase: float) -> Any:
            return np.ceil(turns[0] - phase - slack) <= np.floor(turns[1] - phase + slack)

        return (
            np.where(between(crest + 0.5), -1.0, np.maximum(low, -1.0)),
            np.where(between(crest), 1.0, np.minimum(high, 1.0)),
        )

    def tan(self, a: Interval) -> Interval:
        lower, upper = a
        turns = (lower / np.pi, upper / np.pi)
        slack = 1e-12 * (1 + np.abs(turns[0]) + np.abs(turns[1]))
        pole = (np.ceil(turns[0] - 0.5 - slack) <= np.floor(turns[1] - 0.5 + slack)) | ~(slack < 1e-3)
        self._mark(pole, np.zeros_like(pole))
        low, high = widened(np.tan(lower), np.tan(upper))
        return np.where(pole, -inf, low), np.where(pole, inf, high)

    def sinh(self, a: Interval) -> Interval:
        with np.errstate(over="ignore"):
            return widened(np.sinh(a[0]), np.sinh(a[1]))

    def cosh(self, a: Interval) -> Interval:
        near, far = self._magnitudes(a)
        with np.errstate(over="ignore"):
            lower, upper = widened(np.cosh(near), np.cosh(far))
        return np.maximum(lower, 1.0), upper

    def tanh(self, a: Interval) -> Interval:
        lower, upper = widened(np.tanh(a[0]), np.tanh(a[1]))
        return np.maximum(lower, -1.0), np.minimum(upper, 1.0)

    def asin(self, a: Interval) -> Interval:
        lower, upper = self._inside(a, -1.0, 1.0)
        return widened(np.arcsin(lower), np.arcsin(upper))

    def acos(self, a: Interval) -> Interval:
        lower, upper = self._inside(a, -1.0, 1.0)
        return widened(np.arccos(upper), np.arccos(lower))

    def atan(self, a: Interval) -> Interval:
        return widened(np.arctan(a[0]), np.arctan(a[1]))

    def asinh(self, a: Interval) -> Interval:
        return widened(np.arcsinh(a[0]), np.arcsinh(a[1]))

    def erf(self, a: Interval) -> Interval:
        lower, upper = widened(error_function(a[0]), error_function(a[1]))
        return np.maximum(lower, -1.0), np.minimum(upper, 1.0)

    def abs(self, a: Interval) -> Interval:
        return self._magnitudes(a)

    def sign(self, a: Interval) -> Interval:
        """The derivative of the absolute value; between -1 and 1 where the argument may be 0: the subgradients."""
        self._kink(a)
        return np.where(a[0] > 0, 1.0, -1.0), np.where(a[1] < 0, -1.0, 1.0)

    def step(self, a: Interval) -> Interval:
        """1 where the argument is positive, 0 where negative, between them where it may be 0."""
        self._kink(a)
        return np.where(a[0] > 0, 1.0, 0.0), np.where(a[1] < 0, 0.0, 1.0)

    def maximum(self, a: Interval, b: Interval) -> Interval:
        return np.maximum(a[0], b[0]), np.maximum(a[1], b[1])

    def minimum(self, a: Interval, b: Interval) -> Interval:
        return np.minimum(a[0], b[0]), np.minimum(a[1], b[1])

    def _inside(self, a: Interval, least: float, most: float, open_ends: bool = False) -> Interval:
        """The part of the argument on which a function is defined."""
        lower, upper = a
        out = (lower <= least) | (upper >= most) if open_ends else (lower < least) | (upper > most)
        empty = (upper <= least) | (lower >= most) if open_ends else (upper < least) | (lower > most)
        self._mark(out, empty)
        return np.clip(lower, least, most), np.clip(upper, least, most)

    def _mark(self, somewhere: Any, everywhere: Any) -> None:
        self.undefined |= somewhere
        self.nowhere |= everywhere

    def _kink(self, a: Interval) -> None:
        self.kinked |= (a[0] <= 0) & (a[1] >= 0)


def _is_number(a: Interval) -> bool:
    """Whether this is one number, known exactly: a constant of a tape."""
    return isinstance(a[0], float) and a[0] == a[1] and abs(a[0]) < inf


def _float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf
