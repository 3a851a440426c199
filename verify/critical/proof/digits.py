"""What rounding hides, in many digits: whether points lie on a curve of critical points, or by one that is flat.

Along a line into a flat point the gradient soon is smaller than rounding: the line looks like critical points.

Data
    ``Digits``  the arithmetic of a tape on numbers of ``DIGITS`` digits.

The most important function is ``stay``: Newton's method from points, with so many digits that a gradient which only
seemed to be 0 does not any more.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from verify.critical.points import Array
from verify.critical.proof.enclosure import Evaluator, Flags

__all__ = ["DIGITS", "Digits", "stay"]

DIGITS = 120
# Newton's method leaves directions alone in which the Hessian is smaller than this share.
STEEP = 1e-7
# The gradient has vanished when it became smaller by the first factor, or is below the second one of the Hessian.
VANISHED, LEAST = 1e-6, 1e-100
# So many steps at most; the gradient gets smaller by this factor at each, or never will.
STEPS, SLOWEST = 40, 0.9


class Digits:
    """A method for every operation of a tape: not a number where there is no value."""

    def __init__(self) -> None:
        from mpmath import MPContext  # only where a curve of critical points is looked at

        self.context = context = MPContext()
        context.dps = DIGITS
        self.exp, self.sin, self.cos, self.tan = context.exp, context.sin, context.cos, context.tan
        self.sinh, self.cosh, self.tanh = context.sinh, context.cosh, context.tanh
        self.atan, self.asinh, self.erf = context.atan, context.asinh, context.erf
        self.sign, self.abs = context.sign, context.fabs

    def constant(self, value: Fraction | str) -> Any:
        if isinstance(value, str):
            return +getattr(self.context, value)
        return self.context.mpf(value.numerator) / value.denominator

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def subtract(self, a: Any, b: Any) -> Any:
        return a - b

    def negative(self, a: Any) -> Any:
        return -a

    def multiply(self, a: Any, b: Any) -> Any:
        return a * b

    def divide(self, a: Any, b: Any) -> Any:
        return a / b if b else self.context.nan

    def power(self, a: Any, exponent: int) -> Any:
        return a**exponent

    def positive_inverse(self, a: Any) -> Any:
        return 1 / a if a > 0 else self.context.nan

    def step(self, a: Any) -> Any:
        return (1 + self.context.sign(a)) / 2

    def sqrt(self, a: Any) -> Any:
        return self._where(a >= 0, self.context.sqrt, a)

    def log(self, a: Any) -> Any:
        return self._where(a > 0, self.context.log, a)

    def asin(self, a: Any) -> Any:
        return self._where(abs(a) <= 1, self.context.asin, a)

    def acos(self, a: Any) -> Any:
        return self._where(abs(a) <= 1, self.context.acos, a)

    def maximum(self, a: Any, b: Any) -> Any:
        return a if a >= b else b

    def minimum(self, a: Any, b: Any) -> Any:
        return a if a <= b else b

    def _where(self, defined: bool, function: Callable[[Any], Any], a: Any) -> Any:
        return function(a) if defined else self.context.nan


def stay(function: Evaluator, points: Array, scale: Array, reach: float) -> Flags:
    """Which points (k, n) have a critical point within ``reach`` of them, a share of the scale (n), of their own.

    Newton's method goes from each along eigenvectors with large eigenvalues only. On a curve of critical points it
    ends close by; where the Hessian is small along a line, and the gradient as well, but not 0, it does not.
    """
    arithmetic = Digits()
    return np.array([_stays(function, arithmetic, point, scale, reach) for point in points], bool)


def _stays(function: Evaluator, arithmetic: Digits, point: Array, scale: Array, reach: float) -> bool:
    context, n = arithmetic.context, len(point)
    units = [context.mpf(side) for side in scale.tolist()]
    start = [context.mpf(number) for number in point.tolist()]
    x, first, before = start, None, context.inf
    for _ in range(STEPS):
        entries = function.derivative_tape.run(arithmetic, x)
        slopes = [slope * unit for slope, unit in zip(entries[:n], units, strict=True)]
        hessian = context.matrix(n)
        for i, j, entry in zip(*map(np.ndarray.tolist, function.upper), entries[n:], strict=True):
            hessian[i, j] = hessian[j, i] = entry * units[i] * units[j]
        size = sum(map(abs, slopes))
        first = size if first is None else first
        largest = sum(map(abs, hessian))
        if not (context.isfinite(size) and context.isfinite(largest)):
            return False
        if size <= max(VANISHED * first, LEAST * largest):
            moved = (abs(now - then) / unit for now, then, unit in zip(x, start, units, strict=True))
            return bool(max(moved) <= reach)
        if size > SLOWEST * before:
            return False
        before = size
        values, vectors = context.eigsy(hessian)
        for k in range(n):
            if abs(values[k]) > STEEP * max(map(abs, values)):
                along = sum(slope * vectors[i, k] for i, slope in enumerate(slopes)) / values[k]
                x = [now - along * vectors[i, k] * unit for i, (now, unit) in enumerate(zip(x, units, strict=True))]
    return False
