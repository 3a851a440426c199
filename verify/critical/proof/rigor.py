"""What the search decided, decided again in ball arithmetic: a decision that is not confirmed is taken back.

Data
    ``Rigor``  a tape and the checks of each kind of decision, on one box at a time.

The three most important functions are ``Rigor.excluded`` (the gradient is nowhere 0 on a box), ``Rigor.confirmed``
(Krawczyk's test of boxes) and ``Rigor.hessian`` (enclosed for the eigenvalues).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from verify.critical.points import Array
from verify.critical.proof.balls import Balls, Interval
from verify.critical.proof.tape import Tape

__all__ = ["Decision", "Rigor"]


@dataclass(frozen=True, eq=False)
class Decision:
    """What Krawczyk's test in floating point said of one box around ``middle``.

    It holds no zero (``none``), exactly one (``one``), or all that it holds lie between ``kept_lower`` and
    ``kept_upper``; by the preconditioner ``inverse`` (n, n) and the rows ``frame`` (n, n), as they are.
    """

    lower: Array
    upper: Array
    middle: Array
    inverse: Array
    frame: Array
    kept_lower: Array
    kept_upper: Array


class Rigor:
    """Checks of decisions about the function of a tape with the outputs ∂f and the upper triangle of its Hessian."""

    def __init__(self, derivatives: Tape) -> None:
        self.tape = derivatives
        self.dimension = derivatives.dimension
        self.gradient_tape = derivatives.only(*range(self.dimension))

    def excluded(self, lower: Array, upper: Array) -> bool:
        """Whether the gradient is proved to vanish nowhere on a box where it has a value."""
        balls = Balls()
        gradient = self.gradient_tape.run(balls, _box(balls, lower, upper))
        return balls.nowhere or any(bool(low > 0) or bool(high < 0) for low, high in gradient)

    def none(self, decision: Decision) -> bool:
        """Whether there is proved to be no zero in the box."""
        return self.excluded(decision.lower, decision.upper) or self._tested(decision)[0]

    def one(self, decision: Decision) -> bool:
        """Whether there is proved to be exactly one zero in the box."""
        return self._tested(decision)[1]

    def kept(self, decision: Decision) -> bool:
        """Whether all zeros in the box are proved to lie in what was kept of it."""
        return self._tested(decision)[2]

    def _tested(self, d: Decision) -> tuple[bool, bool, bool]:
        n = self.dimension
        balls = Balls()
        box = _box(balls, d.lower, d.upper)
        hessian = self._symmetric(self.tape.run(balls, box)[n:])
        here = Balls()
        gradient = self.gradient_tape.run(here, _box(here, d.middle, d.middle))
        if balls.undefined or balls.kinked or here.undefined or here.kinked:
            return False, False, False
        arb = balls.arb
        apart = [(low - arb(m), high - arb(m)) for (low, high), m in zip(box, d.middle.tolist(), strict=True)]

        def combined(weights: Array, entries: list[Interval]) -> Interval:
            total = (arb(0), arb(0))
            for weight, entry in zip(weights.tolist(), entries, strict=True):
                total = balls.add(total, balls.multiply((arb(weight), arb(weight)), entry))
            return total

        def rows(matrix: Array) -> tuple[list[Interval], list[list[Interval]]]:
            """A matrix times the gradient in the middle, and times the Hessian on the box."""
            columns = [[hessian[k][j] for k in range(n)] for j in range(n)]
            return [combined(row, gradient) for row in matrix], [
                [combined(row, column) for column in columns] for row in matrix
            ]

        values, linear = rows(d.frame)
        none = False
        for value, row in zip(values, linear, strict=True):
            total = value
            for entry, distance in zip(row, apart, strict=True):
                total = balls.add(total, balls.multiply(entry, distance))
            none |= bool(total[0] > 0) or bool(total[1] < 0)
        shifts, linear = rows(d.inverse)
        one = kept = True
        for i in range(n):
            image = balls.subtract((arb(d.middle[i]), arb(d.middle[i])), shifts[i])
            for j in range(n):
                entry = balls.subtract((arb(int(i == j)),) * 2, linear[i][j])
                image = balls.add(image, balls.multiply(entry, apart[j]))
            none |= bool(image[1] < box[i][0]) or bool(image[0] > box[i][1])
            one &= bool(image[0] > box[i][0]) and bool(image[1] < box[i][1])
            kept &= bool(image[0].max(box[i][0]) >= arb(d.kept_lower[i])) or d.kept_lower[i] == d.lower[i]
            kept &= bool(image[1].min(box[i][1]) <= arb(d.kept_upper[i])) or d.kept_upper[i] == d.upper[i]
        return none, one, kept

    def hessian(self, lower: Array, upper: Array) -> tuple[Array, Array]:
        """The Hessian on a box, (n, n) and (n, n), in floating-point numbers outside of its balls."""
        balls = Balls()
        entries = self._symmetric(self.tape.run(balls, _box(balls, lower, upper))[self.dimension :])
        ends = np.empty((2, self.dimension, self.dimension))
        for i, j in product(range(self.dimension), repeat=2):
            low, high = entries[i][j]
            ends[:, i, j] = np.nextafter(float(low.lower()), -np.inf), np.nextafter(float(high.upper()), np.inf)
        return ends[0], ends[1]

    def _symmetric(self, entries: list[Any]) -> list[list[Any]]:
        found: list[list[Any]] = [[None] * self.dimension for _ in range(self.dimension)]
        for (i, j), entry in zip(zip(*np.triu_indices(self.dimension), strict=True), entries, strict=True):
            found[i][j] = found[j][i] = entry
        return found


def _box(balls: Balls, lower: Array, upper: Array) -> list[Interval]:
    return [balls.interval(*ends) for ends in zip(lower.tolist(), upper.tolist(), strict=True)]
