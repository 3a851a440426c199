"""The gradient of a function along curves into 0, on all of which together it is seen to vanish nowhere.

The curves y = (ρ^w₁ s₁, …, ρ^wₙ sₙ), with s on the faces of a cube and ρ from 0 to ``reach``, fill a box. Along them
every entry of the gradient is a power of ρ times what does not vanish with ρ (``series``), and that is enclosed on
pieces of the faces.

Data
    ``Curves``  the function, which coordinates are pinned to 0, weights and reach.
    ``Seen``    the gradient along curves, for each piece of the faces.

The three most important functions are ``Curves.seen`` (the gradient on pieces), ``everywhere`` (on so many pieces
that no critical point is left) and ``kind_of`` (minimum, maximum or saddle).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, product
from math import gcd, lcm
from typing import Any

import numpy as np

from verify.critical.points import Array
from verify.critical.proof.balls import Balls
from verify.critical.proof.enclosure import Evaluator, Flags
from verify.critical.proof.intervals import LEAST, Intervals
from verify.critical.proof.series import Series, SeriesArithmetic, Unsupported

__all__ = ["MOST", "Curves", "Seen", "Work", "alike", "everywhere", "filling", "kind_of", "regular", "weights_of"]

# Weights of coordinates (by how many are pinned), pieces of faces, and halvings of a coordinate that are tried.
HEAVIEST, PIECES, HALVINGS = {1: 1, 2: 4, 3: 3}, 4000, 9
SHORTEST = 2.0**-40
# So many diagonals are looked along.
CURVES = 16
# Steps of tapes that are run for all that one search left.
MOST = 60_000
# The largest weight that is taken from the powers by which a function changes.
STEEPEST = 60
# Curves are longer than needed by this factor.
LONGER = 1.01


@dataclass
class Work:
    """How many steps of tapes may still be run: each takes about half a millisecond, in balls on every piece."""

    left: int = MOST

    def spend(self, function: Evaluator, pieces: int) -> bool:
        """Whether there is enough left for the gradient on so many pieces; it is spent."""
        runs = 1 if function.rigor is None else 1 + pieces
        self.left -= runs * len(function.gradient_tape.steps)
        return self.left >= 0


@dataclass(frozen=True, eq=False)
class Seen:
    """The gradient along curves, for each piece of the faces.

    ``none``: it is not 0 there, or f has no value. ``unbounded``: it grows without bounds. ``rises`` and ``falls``:
    so does f, away from p. ``vanishes``: it goes to 0, on all pieces.
    """

    none: Flags
    unbounded: Flags
    rises: Flags
    falls: Flags
    vanishes: bool


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves y_i = ρ^weight_i s_i into 0 for pinned coordinates; others are free, in a box (n), (n).

    ``reach`` is the largest ρ.
    """

    function: Evaluator
    pinned: tuple[bool, ...]
    weights: tuple[int, ...]
    reach: Fraction
    lower: Array
    upper: Array

    def faces(self) -> tuple[Array, Array]:
        """The faces of the cube, times the box of the free coordinates. Shapes: (faces, n), (faces, n)."""
        pinned = np.flatnonzero(self.pinned)
        low, high = self.lower.copy(), self.upper.copy()
        low[pinned], high[pinned] = -1.0, 1.0
        lower, upper = np.tile(low, (2 * len(pinned), 1)), np.tile(high, (2 * len(pinned), 1))
        for row, (k, side) in enumerate(product(pinned, (-1.0, 1.0))):
            lower[row, k] = upper[row, k] = side
        return lower, upper

    def power(self, k: int) -> int | None:
        """By which power of ρ the function changes along an axis of a coordinate; None where that is not seen."""
        pieces = [Fraction(int(j == k)) for j in range(len(self.pinned))]
        try:
            with np.errstate(all="ignore"):
                arithmetic, _, gradient = self._along(Intervals(1), pieces)
                low, high = arithmetic.range(gradient[k])
        except (Unsupported, OverflowError):
            return None
        return gradient[k].order + self.weights[k] if np.all(low > 0) or np.all(high < 0) else None

    def _along(self, below: Any, pieces: Sequence[Any]) -> tuple[SeriesArithmetic, list[Series], list[Series]]:
        """The arithmetic, the coordinates and the gradient."""
        arithmetic = SeriesArithmetic(below, self.reach, pieces)
        orders = [weight if pinned else 0 for pinned, weight in zip(self.pinned, self.weights, strict=True)]
        variables = [arithmetic.variable(k, order) for k, order in enumerate(orders)]
        gradient: list[Series] = self.function.gradient_tape.run(arithmetic, variables)
        return arithmetic, variables, gradient

    def seen(self, below: Any, pieces: Sequence[Any]) -> Seen:
        """The gradient on pieces: for each coordinate an interval of the arithmetic ``below``.

        Raises: Unsupported where it has no series.
        """
        arithmetic, variables, gradient = self._along(below, pieces)
        none: Any = False
        unbounded: Any = False
        outwards = arithmetic.constant(Fraction(0))
        for k, entry in enumerate(gradient):
            low, high = arithmetic.range(entry)
            here = np.asarray(low > 0) | np.asarray(high < 0)
            none = none | here
            if entry.order < 0:
                unbounded = unbounded | here
            if self.pinned[k]:
                part = arithmetic.scaled(arithmetic.multiply(variables[k], entry), Fraction(self.weights[k]))
                outwards = arithmetic.add(outwards, part)
        low, high = arithmetic.range(outwards)
        regular = ~(np.asarray(below.undefined) | np.asarray(below.kinked))
        return Seen(
            none=(none & regular) | np.asarray(below.nowhere),
            unbounded=unbounded & regular,
            rises=np.asarray(low > 0) & regular,
            falls=np.asarray(high < 0) & regular,
            vanishes=all(entry.order > 0 or not (entry.coefficients or entry.rest) for entry in gradient),
        )


def filling(
    function: Evaluator, pinned: tuple[bool, ...], weights: tuple[int, ...], ends: Sequence[tuple[Fraction, Fraction]]
) -> Curves:
    """The shortest curves that fill the box, and a little more."""
    reach = SHORTEST
    for pin, weight, (low, high) in zip(pinned, weights, ends, strict=True):
        if pin:
            reach = max(reach, LONGER * float(max(-low, high)) ** (1 / weight))
    exact = Fraction(reach)
    sides = [
        (float(-(exact**weight)), float(exact**weight)) if pin else (float(low), float(high))
        for pin, weight, (low, high) in zip(pinned, weights, ends, strict=True)
    ]
    return Curves(function, pinned, weights, exact, np.array([a for a, _ in sides]), np.array([b for _, b in sides]))


def weights_of(function: Evaluator, pinned: tuple[bool, ...]) -> list[tuple[int, ...]]:
    """Weights of the coordinates that are tried, in this order.

    Equal ones come first, doubled where roots of odd order forbid single ones; then those with which f changes alike
    along every axis.
    """
    heaviest = HEAVIEST.get(sum(pinned), 2)
    choices = product(*(range(1, heaviest + 1) if one else (1,) for one in pinned))
    apart = [one for one in choices if gcd(*(w for w, pin in zip(one, pinned, strict=True) if pin)) == 1]
    apart.sort(key=lambda weights: (max(weights), sum(weights)))
    equal, *others = apart
    doubled = tuple(2 * weight for weight in equal)
    return list(dict.fromkeys([equal, doubled, *alike(function, pinned), *others]))


def alike(function: Evaluator, pinned: tuple[bool, ...]) -> list[tuple[int, ...]]:
    """The weights with which f changes by the same power of ρ along every axis, if the powers are seen."""
    n = len(pinned)
    if not all(pinned):
        return []
    single = Curves(function, pinned, (1,) * n, Fraction(SHORTEST), np.zeros(n), np.zeros(n))
    powers = [power for k in range(n) if (power := single.power(k)) is not None and power > 0]
    if len(powers) < n:
        return []
    weights = tuple(lcm(*powers) // power for power in powers)
    return [weights] if max(weights) <= STEEPEST else []


def everywhere(curves: Curves, work: Work) -> Seen | None:
    """What is seen on all faces, in pieces so small that no critical point is left on the curves, or None.

    ``unbounded`` then has one entry for each face: whether it is so on all of its pieces. Pieces on which f is not
    seen to rise or to fall are halved too, as long as there is room.
    """
    lower, upper = curves.faces()
    face = np.arange(len(lower))
    whole = np.maximum(upper - lower, LEAST)
    unbounded = np.ones(len(lower), bool)
    rises, falls, vanishes, count = [np.zeros(0, bool)], [np.zeros(0, bool)], True, 0
    open_ = np.ones(len(lower), bool)  # whether a critical point may lie on the piece
    while True:
        count += len(lower)
        if not work.spend(curves.function, len(lower)):
            return None
        seen = _confirmed(curves, lower, upper)
        vanishes &= seen.vanishes
        np.logical_and.at(unbounded, face[open_ & seen.none], seen.unbounded[open_ & seen.none])
        open_ &= ~seen.none
        widest = np.argmax((upper - lower) / whole[face], axis=1)
        rows = np.arange(len(lower))
        narrow = (upper - lower)[rows, widest] <= 2.0**-HALVINGS * whole[face, widest]
        if (open_ & narrow).any():
            return None
        again = open_ | (vanishes & ~(seen.rises | seen.falls) & ~narrow)
        if count + 2 * again.sum() > PIECES:
            if open_.any():
                return None
            again[:] = False
        rises.append(seen.rises[~again])
        falls.append(seen.falls[~again])
        if not again.any():
            return Seen(~open_, unbounded, np.concatenate(rises), np.concatenate(falls), vanishes)
        low, high, rows, widest = lower[again], upper[again], np.arange(again.sum()), widest[again]
        middle = 0.5 * (low + high)[rows, widest]
        first, second = high.copy(), low.copy()
        first[rows, widest] = second[rows, widest] = middle
        lower, upper = np.concatenate([low, second]), np.concatenate([first, high])
        face, open_ = np.tile(face[again], 2), np.tile(open_[again], 2)


def _confirmed(curves: Curves, lower: Array, upper: Array) -> Seen:
    """What is seen on pieces (k, n), (k, n); with rigor, in balls too."""
    count = len(lower)
    with np.errstate(all="ignore"):
        seen = curves.seen(Intervals(count), list(zip(lower.T.copy(), upper.T.copy(), strict=True)))
    flags = [np.array(np.broadcast_to(one, count)) for one in (seen.none, seen.unbounded, seen.rises, seen.falls)]
    if curves.function.rigor is not None:
        for k in np.flatnonzero(flags[0]):
            balls = Balls()
            piece = [balls.interval(*ends) for ends in zip(lower[k].tolist(), upper[k].tolist(), strict=True)]
            sure = curves.seen(balls, piece)
            for one, again in zip(flags, (sure.none, sure.unbounded, sure.rises, sure.falls), strict=True):
                one[k] &= bool(again)
        for one in flags[1:]:
            one &= flags[0]
    none, unbounded, rises, falls = flags
    return Seen(none, unbounded, rises, falls, seen.vanishes)


def kind_of(curves: Curves, seen: Seen) -> str:
    """What the point is: by all pieces, or by single curves, whose numbers are exact."""
    if seen.rises.all() or seen.falls.all():
        return "minimum" if seen.rises.all() else "maximum"
    rises, falls = bool(seen.rises.any()), bool(seen.falls.any())
    n = len(curves.pinned)
    axes = [tuple(side * (k == j) for j in range(n)) for k in range(n) for side in (1, -1)]
    for direction in (*axes, *islice(product((1, -1), repeat=n), CURVES)):
        pieces = [Fraction(s) for s in direction]
        with np.errstate(all="ignore"):
            one = curves.seen(Intervals(1), pieces)
            if curves.function.rigor is not None:
                one = curves.seen(Balls(), pieces)
        rises, falls = rises or bool(np.all(one.rises)), falls or bool(np.all(one.falls))
    return "saddle" if rises and falls else "degenerate"


def regular(curves: Curves) -> bool:
    """Whether f has continuous second derivatives in the box."""
    function = curves.function
    smooth = bool(function.hessians(curves.lower[None], curves.upper[None]).smooth[0])
    if smooth and function.rigor is not None:
        balls = Balls()
        box = [balls.interval(*ends) for ends in zip(curves.lower.tolist(), curves.upper.tolist(), strict=True)]
        function.derivative_tape.run(balls, box)
        return not (balls.undefined or balls.kinked)
    return smooth
