"""Points that a search found, compared with those that are known.

Data
    ``Found``  a point as a search gives it, with the index and the nullity that it claims.
    ``Match``  what is missing, what is false, which index is wrong, what was found twice.

The most important function is ``compare``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from benchmarks.critical_functions.problem import Array, Continuum, Point, Problem

__all__ = ["Found", "Match", "compare", "tolerance_of"]

TOLERANCE = 1e-6  # of the box's width: a point that was found is the known one
SINGULAR = 1e-3  # the same where the Hessian is singular, and on continua: the gradient is flat around these


@dataclass(frozen=True, eq=False)
class Found:
    """A critical point that is claimed. Shapes: x (n)."""

    x: Array
    index: int
    nullity: int = 0
    certified: bool = False


@dataclass(frozen=True)
class Match:
    """What a search got right and wrong: every point found is in one of these, or right, or not in the box.

    ``expected`` counts the known points and continua. ``at_kinks`` are points at generalised critical points without
    a gradient: neither right nor false, unless they are certified. ``wrong_index`` has the known point and what was
    claimed of it.
    """

    expected: int
    missing: tuple[Point, ...] = ()
    missing_continua: tuple[Continuum, ...] = ()
    missing_counts: int = 0
    false: tuple[Found, ...] = ()
    false_counts: int = 0
    wrong_index: tuple[tuple[Point, Found], ...] = ()
    repeated: int = 0
    on_continua: int = 0
    at_kinks: int = 0

    @property
    def found(self) -> int:
        """How many of the known points and continua were found."""
        return self.expected - len(self.missing) - len(self.missing_continua) - self.missing_counts

    @property
    def falsehoods(self) -> int:
        return len(self.false) + self.false_counts

    @property
    def whole(self) -> bool:
        """All was found, once, with the right index, and nothing else."""
        return self.found == self.expected and not (self.falsehoods or self.wrong_index or self.repeated)


def tolerance_of(problem: Problem) -> float:
    """How far from a known point, in widths of the box, a point may lie that counts as the same."""
    return SINGULAR if problem.kind in ("degenerate", "continuum") else TOLERANCE


def compare(problem: Problem, found: Sequence[Found], tolerance: float | None = None) -> Match:
    """What a search got right and wrong; ``tolerance`` is relative to the box, in every coordinate.

    Points outside of the box are nobody's concern. Of several points near a known one, the nearest is it and the
    others are repeated.
    """
    tolerance = tolerance_of(problem) if tolerance is None else tolerance
    ends = np.array(problem.box, dtype=float)
    start, widths = ends[:, 0], np.ptp(ends, axis=1)
    inside = [one for one in found if (ends[:, 0] <= one.x).all() and (one.x <= ends[:, 1]).all()]
    if problem.counted is not None:
        return _by_counts(problem, inside)
    claimed: dict[int, list[tuple[float, Found]]] = {}
    left = []
    places = np.array([(np.array(point.x) - start) / widths for point in problem.points])
    tree = cKDTree(places) if len(places) else None
    for one in inside:
        distance, which = (np.inf, -1) if tree is None else tree.query((one.x - start) / widths, p=np.inf)
        if distance <= tolerance:
            claimed.setdefault(int(which), []).append((float(distance), one))
        else:
            left.append(one)
    best = {which: min(rows, key=lambda row: row[0])[1] for which, rows in claimed.items()}
    reach = tolerance * float(widths.max())
    touched, on_continua, at_kinks, false = set(), 0, 0, []
    for one in left:
        near = [k for k, each in enumerate(problem.continua) if each.distance(one.x) <= reach]
        touched.update(near)
        if near:
            on_continua += 1
        elif any((np.abs(one.x - kink) <= SINGULAR * widths).all() for kink in problem.kinks) and not one.certified:
            at_kinks += 1
        else:
            false.append(one)
    return Match(
        expected=len(problem.points) + len(problem.continua),
        missing=tuple(point for k, point in enumerate(problem.points) if k not in best),
        missing_continua=tuple(each for k, each in enumerate(problem.continua) if k not in touched),
        false=tuple(false),
        wrong_index=tuple(
            (problem.points[k], one)
            for k, one in best.items()
            if (one.index, one.nullity) != (problem.points[k].index, problem.points[k].nullity)
        ),
        repeated=sum(len(rows) - 1 for rows in claimed.values()),
        on_continua=on_continua,
        at_kinks=at_kinks,
    )


def _by_counts(problem: Problem, inside: Sequence[Found]) -> Match:
    """Where only numbers are known: too few of an index are missing, too many are false."""
    counted = Counter(one.index for one in inside)
    wanted = Counter(problem.counts())
    return Match(
        expected=wanted.total(), missing_counts=(wanted - counted).total(), false_counts=(counted - wanted).total()
    )
