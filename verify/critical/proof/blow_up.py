"""What lies around a point where intervals decide nothing: a degenerate critical point, a pole, the edge of a domain.

The function is written anew around an exact point, in coordinates along the null space of the Hessian and across it
(``recast``), and a small box around the point is seen along curves into it (``curves``). Where the gradient vanishes
nowhere on them, the box holds no critical point but perhaps the point itself. That it is one follows where the
gradient there is exactly 0; that it is none, where f has no value and the gradient grows without bounds.

Coordinates may be left free: then there is an edge instead of a point, such as σ = 0 for a likelihood.

Data
    ``Place``   an exact point, or an edge.
    ``Around``  what was proved: the box, and the critical point in it, if there is one.

The three most important functions are ``around`` (what is proved of a box), ``exact_hessian`` (of what cancels) and
``exact_spectrum`` (eigenvalues of a matrix of rational numbers, with exact signs).

Reference: Dumortier, Llibre, Artés (2006), Qualitative theory of planar differential systems, chapter 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, product

import numpy as np

from verify.critical.points import Array, CriticalPoint, Spectrum
from verify.critical.proof.curves import Curves, Work, everywhere, filling, kind_of, regular, weights_of
from verify.critical.proof.enclosure import Evaluator, evaluator
from verify.critical.proof.intervals import LEAST, Intervals
from verify.critical.proof.rational import Matrix, columns_that_count, identity, inertia, inverse, null_space
from verify.critical.proof.recast import NUMBER, Recast, Sum
from verify.critical.proof.series import SeriesArithmetic, Unsupported
from verify.critical.spectra import enclosed_spectrum

__all__ = ["Around", "Place", "around", "exact_hessian", "exact_spectrum"]

# An exact place is looked for up to this share of the whole box from what is undecided, in fractions so simple, and
# such multiples of π.
NEAR = 1e-4
SIMPLE = (1, 2, 6, 12, 60)
PLACES = 8
# A coordinate is pinned where the undecided box is narrower than this share of the whole one: what is wide is the
# edge of a domain, or else a line along which f is flat.
NARROW, WIDE = 1e-2, 0.5
# Longer tapes are not written anew.
LONGEST = 1000
# The box that curves fill is told by this share, which rounding does not reach.
SAFE = 0.999
WAYS = {
    "minimum": "f rises on all curves from it",
    "maximum": "f falls on all curves from it",
    "saddle": "f rises on some curves from it and falls on others",
}


@dataclass(frozen=True, eq=False)
class Place:
    """A point in exact numbers, with enclosures; where a coordinate is None it is free, and the place is an edge.

    Shapes: lower and upper (n), infinite for free coordinates.
    """

    coordinates: tuple[Sum | None, ...]
    lower: Array
    upper: Array

    @property
    def isolated(self) -> bool:
        """Whether it is a point."""
        return None not in self.coordinates


@dataclass(frozen=True, eq=False)
class Around:
    """What was proved of a box (n), (n): it holds the critical point at ``place`` and no other, or none at all.

    ``kind`` is minimum, maximum or saddle, where f was seen to rise or fall on all curves, or to do both.
    """

    lower: Array
    upper: Array
    place: Place | None = None
    spectrum: Spectrum | None = None
    kind: str = "degenerate"

    def covers(self, lower: Array, upper: Array) -> bool:
        """Whether a box lies in this one."""
        return bool(np.all(lower >= self.lower) and np.all(upper <= self.upper))

    def same(self, other: Around) -> bool:
        """Whether both are about one point."""
        one, two = self.place, other.place
        return one is not None and two is not None and one.coordinates == two.coordinates

    def meets(self, lower: Array, upper: Array) -> bool:
        """Whether it has a critical point, which lies in a box."""
        place = self.place
        return place is not None and bool(np.all(place.upper >= lower) and np.all(place.lower <= upper))

    def point(self, function: Evaluator) -> CriticalPoint:
        """The critical point, which there must be."""
        assert self.place is not None
        assert self.spectrum is not None
        x = 0.5 * (self.place.lower + self.place.upper)
        kind = self.spectrum.kind
        return CriticalPoint(
            x=x,
            value=float(function.values(x)),
            gradient_norm=float(np.linalg.norm(function.gradients_at(x[None])[0])),
            spectrum=self.spectrum,
            kind=self.kind if kind == "degenerate" else kind,
            certified=True,
            enclosure=(self.lower, self.upper),
            note="; ".join(filter(None, ["the gradient is exactly 0 here", WAYS.get(self.kind, "")])),
        )


def around(
    function: Evaluator,
    lower: Array,
    upper: Array,
    scale: Array,
    edge: bool = False,
    work: Work | None = None,
    before: Sequence[Place] = (),
) -> Around | None:
    """What can be proved of an undecided box (n), (n) in a whole one of sides ``scale`` (n); None if nothing.

    ``edge`` says that f or a derivative has no value somewhere in it. ``work`` is spent, where a search has several.
    The box may lie by one of the places that something was proved of ``before``.
    """
    work = work or Work()
    if len(function.value_tape.steps) > LONGEST:
        return None
    tape = Recast(function.value_tape)
    places = _places(tape, lower, upper, (NARROW if edge else WIDE) * scale, scale, function.rigor is not None)
    points = list(islice(places, PLACES))
    known = [place.coordinates for place in points]
    beside = [place for place in before if place.coordinates not in known and _by(place, lower, upper, scale)]
    for place in [*beside, *points, *(_edges(points) if edge else ())]:
        found = _at(function, tape, place, lower, upper, work)
        if found is not None or work.left <= 0:
            return found
    return None


def _by(place: Place, lower: Array, upper: Array, scale: Array) -> bool:
    """Whether a point and a box are narrow together."""
    both = np.maximum(upper, place.upper) - np.minimum(lower, place.lower)
    return place.isolated and bool(np.all(both <= NARROW * scale))


def _at(function: Evaluator, tape: Recast, place: Place, lower: Array, upper: Array, work: Work) -> Around | None:
    """What can be proved of a box by its place."""
    n, rigor = len(lower), function.rigor is not None
    shift = [{} if at is None else at for at in place.coordinates]
    here = evaluator(tape.moved(shift, identity(n)), rigor)
    pinned = tuple(at is not None for at in place.coordinates)
    low, high = np.minimum(lower, place.lower), np.maximum(upper, place.upper)
    ends = _from(place, low, high)
    hessian = turned = None
    with suppress(Unsupported, OverflowError):  # else a pole
        hessian = exact_hessian(here) if place.isolated else None
        if place.isolated and hessian is None:  # no critical point, or nothing exact is known of it
            return None
    if hessian is not None and (turned := _turned(hessian)) is not None:
        here = evaluator(tape.moved(shift, turned), rigor)
        ends = _through(inverse(turned), ends)
    proved: Around | None = None
    weights = weights_of(here, pinned)
    for one in weights[:2] if hessian is None else weights:
        curves = filling(here, pinned, one, ends)
        try:
            seen = everywhere(curves, work)
        except (Unsupported, OverflowError):
            continue
        if seen is None:
            continue
        if hessian is None:
            low, high = _filled(place, curves, low, high)
            return Around(low, high) if seen.unbounded.any() and _valueless(function, place, low, high) else None
        if not (function.hessians(place.lower[None], place.upper[None]).smooth[0] and regular(curves)):
            break
        if proved is None:
            if turned is None:
                low, high = _filled(place, curves, low, high)
            proved = Around(low, high, place, exact_spectrum(hessian))
        proved = replace(proved, kind=kind_of(curves, seen))
        if proved.kind != "degenerate":  # else other curves may tell it
            break
    return proved


def _valueless(function: Evaluator, place: Place, lower: Array, upper: Array) -> bool:
    """Whether f may have no value at the place: else it has a cusp there, which may be a minimum."""
    free = np.array([at is None for at in place.coordinates])
    ends = np.where(free, lower, place.lower), np.where(free, upper, place.upper)
    arithmetic = Intervals(1)
    with np.errstate(all="ignore"):
        function.value_tape.run(arithmetic, [(low[None], high[None]) for low, high in zip(*ends, strict=True)])
    return bool(arithmetic.undefined[0])


def _filled(place: Place, curves: Curves, lower: Array, upper: Array) -> tuple[Array, Array]:
    """A box, as far as curves fill it, in coordinates that were not turned."""
    pinned = np.array(curves.pinned)
    return (
        np.where(pinned, np.minimum(lower, place.upper + SAFE * curves.lower), lower),
        np.where(pinned, np.maximum(upper, place.lower + SAFE * curves.upper), upper),
    )


def _from(place: Place, lower: Array, upper: Array) -> list[tuple[Fraction, Fraction]]:
    """A box (n), (n), seen from a place."""
    found = []
    for at, low, high, before, behind in zip(
        place.coordinates, *map(np.ndarray.tolist, (lower, upper, place.lower, place.upper)), strict=True
    ):
        away = (Fraction(0), Fraction(0)) if at is None else (Fraction(behind), Fraction(before))
        found.append((Fraction(low) - away[0], Fraction(high) - away[1]))
    return found


def _through(matrix: Matrix, ends: Sequence[tuple[Fraction, Fraction]]) -> list[tuple[Fraction, Fraction]]:
    """The box around a matrix times a box."""
    found = []
    for row in matrix:
        products = [sorted((q * a, q * b)) for q, (a, b) in zip(row, ends, strict=True)]
        found.append((sum((p for p, _ in products), Fraction(0)), sum((p for _, p in products), Fraction(0))))
    return found


def _places(tape: Recast, lower: Array, upper: Array, narrow: Array, scale: Array, rigor: bool) -> Iterator[Place]:
    """Exact points in or by the box: where a sum of a coordinate and constants is 0, fractions, multiples of π.

    Coordinates along which the box is not ``narrow`` (n) are left free.
    """
    roots = tape.roots()
    options: list[list[tuple[Sum | None, float, float]]] = []
    sides = map(np.ndarray.tolist, (lower, upper, narrow, scale))
    for k, (low, high, most, side) in enumerate(zip(*sides, strict=True)):
        if high - low > most:
            options.append([(None, np.inf, -np.inf)])
            continue
        middle, slack = low + (high - low) / 2, max(NEAR * side, high - low)
        simple = [Fraction(middle).limit_denominator(largest) for largest in SIMPLE]
        sums = [root for place, root in roots if place == k]
        sums += [{NUMBER: at} if at else {} for at in dict.fromkeys(simple)]
        sums += [turn for largest in SIMPLE for turn in tape.turns(middle, largest)]
        found: list[tuple[Sum | None, float, float]] = []
        for one in sums:
            ends = tape.enclosed(one, rigor)
            if low - slack <= ends[1] and ends[0] <= high + slack and not any(one == other for other, *_ in found):
                found.append((one, *ends))
        found.sort(key=lambda one, middle=middle: abs(one[1] - middle))  # type: ignore[misc]
        options.append(found)
    if all(option and option[0][0] is None for option in options):
        return
    for chosen in product(*options):
        yield Place(
            tuple(one for one, _, _ in chosen),
            np.array([a for _, a, _ in chosen]),
            np.array([b for _, _, b in chosen]),
        )


def _edges(points: Sequence[Place]) -> Iterator[Place]:
    """The planes x_k = constant through points."""
    known = []
    for point in points:
        for k, at in enumerate(point.coordinates):
            if at is None or (k, at) in known or sum(one is not None for one in point.coordinates) == 1:
                continue
            known.append((k, at))
            only = np.arange(len(point.lower)) == k
            yield Place(
                tuple(one if j == k else None for j, one in enumerate(point.coordinates)),
                np.where(only, point.lower, np.inf),
                np.where(only, point.upper, -np.inf),
            )


def exact_hessian(function: Evaluator) -> Matrix | None:
    """The Hessian at 0 if that is a critical point, and the Hessian is rational; else None.

    Raises: Unsupported where there are no derivatives.
    """
    n = function.dimension
    arithmetic = SeriesArithmetic(Intervals(1), Fraction(1))
    with np.errstate(all="ignore"):
        entries = function.derivative_tape.run(arithmetic, [arithmetic.constant(Fraction(0))] * n)
    numbers = [(*entry.coefficients, entry.rest)[0] for entry in entries]
    if any(numbers[:n]) or not all(isinstance(number, Fraction) for number in numbers):
        return None
    found = [[Fraction(0)] * n for _ in range(n)]
    for i, j, number in zip(*function.upper, numbers[n:], strict=True):
        found[i][j] = found[j][i] = number
    return found


def _turned(hessian: Matrix) -> Matrix | None:
    """Coordinates along the null space of a Hessian and across it, by columns; None where the old ones are such."""
    null = null_space(hessian)
    if all(sum(entry != 0 for entry in vector) == 1 for vector in null):
        return None
    basis = [[*vectors, *unit] for vectors, unit in zip(zip(*null, strict=True), identity(len(hessian)), strict=True)]
    chosen = columns_that_count(basis)
    return [[row[k] for k in chosen] for row in basis]


def exact_spectrum(hessian: Matrix) -> Spectrum:
    """The eigenvalues of a symmetric matrix of rational numbers, with exact signs."""
    index, nullity, _ = inertia(hessian)
    middle = np.array(hessian, float)
    spectrum = enclosed_spectrum(np.nextafter(middle, -np.inf), np.nextafter(middle, np.inf))
    values, lower, upper = spectrum.values.copy(), spectrum.lower.copy(), spectrum.upper.copy()
    zero = slice(index, index + nullity)
    values[zero] = lower[zero] = upper[zero] = 0.0
    upper[:index] = np.minimum(upper[:index], -LEAST)
    lower[index + nullity :] = np.maximum(lower[index + nullity :], LEAST)
    return Spectrum(values, lower, upper, proved=True)
