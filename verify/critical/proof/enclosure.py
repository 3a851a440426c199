"""A function with its derivatives at many points, and enclosed on many boxes, at a time.

Data
    ``Enclosed``   enclosures on boxes, with what the arithmetic met there: no value, or a kink.
    ``Evaluator``  a tape of function, gradient and Hessian, cut into what is asked for.

Shapes: points (k, n); boxes are lower (k, n) and upper (k, n); gradients (k, n), Hessians (k, n, n).

The three most important functions are ``Evaluator.gradients`` and ``Evaluator.hessians`` (on boxes), and
``Evaluator.at`` (at points, in floating point).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.critical.points import Array
from verify.critical.proof.floats import FLOATS
from verify.critical.proof.intervals import Intervals
from verify.critical.proof.rigor import Rigor
from verify.critical.proof.tape import Tape

__all__ = ["Enclosed", "Evaluator", "evaluator"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Enclosed:
    """Lower and upper ends on boxes; whether an operation has no value on a part of it, none at all, or a kink."""

    lower: Array
    upper: Array
    undefined: Flags
    nowhere: Flags
    kinked: Flags

    @property
    def smooth(self) -> Flags:
        """The boxes on which the function and its derivatives exist everywhere."""
        return ~(self.undefined | self.kinked)


class Evaluator:
    """The function of a tape with the outputs f, ∂f, and the upper triangle of its Hessian.

    With ``rigor``, decisions that rest on enclosures are confirmed by it.
    """

    def __init__(self, tape: Tape, rigor: Rigor | None = None) -> None:
        n = tape.dimension
        self.rigor = rigor
        self.dimension = n
        self.upper = np.triu_indices(n)
        self.whole = tape
        self.value_tape = tape.only(0)
        self.gradient_tape = tape.only(*range(1, n + 1))
        self.derivative_tape = tape.only(*range(1, n + 1 + len(self.upper[0])))

    def values(self, points: Array) -> Array:
        """f at points (…, n) -> (…): NaN where it has no value."""
        points = np.asarray(points, float)
        with np.errstate(all="ignore"):
            (found,) = self.value_tape.run(FLOATS, list(np.moveaxis(points, -1, 0)))
        return np.array(np.broadcast_to(found, points.shape[:-1]), float)

    def value_interval(self, points: Array) -> tuple[Array, Array]:
        """f at points, enclosed."""
        found = self._run(self.value_tape, points, points)
        return found.lower[:, 0], found.upper[:, 0]

    def at(self, points: Array) -> tuple[Array, Array]:
        """The gradients and Hessians at points, in floating point."""
        n = self.dimension
        with np.errstate(all="ignore"):
            found = self.derivative_tape.run(FLOATS, _columns(points))
        return _stacked(found[:n], len(points)), self._symmetric(_stacked(found[n:], len(points)))

    def gradients_at(self, points: Array) -> Array:
        """The gradients at points, in floating point."""
        with np.errstate(all="ignore"):
            return _stacked(self.gradient_tape.run(FLOATS, _columns(points)), len(points))

    def gradients(self, lower: Array, upper: Array) -> Enclosed:
        """The gradients on boxes."""
        return self._run(self.gradient_tape, lower, upper)

    def hessians(self, lower: Array, upper: Array) -> Enclosed:
        """The Hessians on boxes. What is met by the gradient, which they are the derivative of, counts as well."""
        found = self._run(self.derivative_tape, lower, upper)
        lower, upper = (self._symmetric(end[:, self.dimension :]) for end in (found.lower, found.upper))
        return Enclosed(lower, upper, found.undefined, found.nowhere, found.kinked)

    def excluded(self, found: Enclosed, lower: Array, upper: Array) -> Flags:
        """The boxes that hold no zero of the gradient, by the gradients that were ``found`` on them."""
        none: Flags = np.any((found.lower > 0) | (found.upper < 0), axis=1) | found.nowhere
        if self.rigor is not None:
            for k in np.flatnonzero(none):
                none[k] = self.rigor.excluded(lower[k], upper[k])
        return none

    def _run(self, tape: Tape, lower: Array, upper: Array) -> Enclosed:
        count = len(lower)
        arithmetic = Intervals(count)
        with np.errstate(all="ignore"):
            found = tape.run(arithmetic, list(zip(_columns(lower), _columns(upper), strict=True)))
        low, high = (_stacked([end[side] for end in found], count) for side in (0, 1))
        return Enclosed(low, high, arithmetic.undefined, arithmetic.nowhere, arithmetic.kinked)

    def _symmetric(self, entries: Array) -> Array:
        found = np.empty((len(entries), self.dimension, self.dimension))
        found[:, self.upper[0], self.upper[1]] = entries
        found[:, self.upper[1], self.upper[0]] = entries
        return found


def evaluator(tape: Tape, rigor: bool = False) -> Evaluator:
    """The evaluator of a tape with the outputs f, ∂f and the upper triangle of its Hessian."""
    return Evaluator(tape, Rigor(tape.only(*range(1, len(tape.outputs)))) if rigor else None)


def _columns(points: Array) -> list[Any]:
    return list(np.ascontiguousarray(points.T))


def _stacked(entries: list[Any], count: int) -> Array:
    """One row for each box, from one array (or one number) for each entry."""
    found = np.empty((len(entries), count))
    for row, entry in zip(found, entries, strict=True):
        row[...] = entry
    return np.ascontiguousarray(found.T)
