"""The certified search: every critical point of an expression in a box, with its index, or what could not be settled.

The most important functions are ``certified_search`` (the table) and ``certified_points`` (spectra of proved points).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from verify.critical.points import Array, Component, Cost, CriticalPoint, CriticalPoints, Undecided
from verify.critical.proof.balls import ASSUMPTION as RIGOROUS
from verify.critical.proof.blow_up import Around, around
from verify.critical.proof.branch import CONSTANT, DEGENERATE, EDGE, Known, Result, branch
from verify.critical.proof.curves import MOST, Work
from verify.critical.proof.enclosure import Evaluator
from verify.critical.proof.intervals import ASSUMPTION
from verify.critical.proof.leftover import Cluster, Continuum, along, clusters
from verify.critical.spectra import enclosed_spectrum

__all__ = ["certified_points", "certified_search"]

# So many points of a continuum are kept.
KEPT = 2000
# Points of the box at which it is seen whether f has a value, where there is no critical point.
TRIED = 256


def certified_search(
    function: Evaluator,
    names: Sequence[str],
    box: tuple[Array, Array],
    *,
    seed: int = 0,
    time_limit: float | None = None,
    executor: Any = None,
    journal: Any = None,
    progress: Callable[[int, int], None] | None = None,
) -> CriticalPoints:
    """The critical points of a tape in a box, (n) and (n): complete where the search could settle everything.

    With an executor or a journal the box is searched in parts; a time limit then ends the search between two parts.
    """
    start = time.monotonic()
    if executor is None and journal is None:
        deadline = None if time_limit is None else start + time_limit
        found = branch(function, *box, seed=seed, deadline=deadline, progress=progress)
    else:
        from verify.critical.proof.parts import branch_in_pieces

        found = branch_in_pieces(
            function, *box, seed=seed, executor=executor, journal=journal, time_limit=time_limit, progress=progress
        )
    points = certified_points(function, found.known, box)
    degenerate, undecided, constant = _unsettled(function, found, box, points)
    components = [*constant, *(_component(function, one, box, seed) for one in found.continua)]
    return CriticalPoints(
        points=tuple(sorted([*points, *degenerate], key=_order)),
        names=tuple(names),
        complete=not (undecided or components or found.stopped),
        assumption=ASSUMPTION if function.rigor is None else RIGOROUS,
        undecided=tuple(undecided),
        components=tuple(components),
        box=box,
        evidence=() if points or degenerate or undecided or components else _valued(function, box, seed),
        stopped=found.stopped,
        cost=Cost(boxes=found.looked_at, seconds=time.monotonic() - start),
        seed=seed,
        function=function.values,
    )


def _valued(function: Evaluator, box: tuple[Array, Array], seed: int) -> tuple[str, ...]:
    """That f has no value where it was tried, if so: then there is nothing to find, and the box may be a mistake."""
    points = box[0] + (box[1] - box[0]) * np.random.default_rng(seed).random((TRIED, len(box[0])))
    if np.isfinite(function.values(points)).any():
        return ()
    return (f"f has a value at none of {TRIED} points that were tried in the box",)


def _order(point: CriticalPoint) -> tuple[float, ...]:
    """By value, then by coordinates; what rounding alone tells apart counts as equal."""
    return tuple(float(f"{number:.9g}") + 0.0 for number in (point.value, *np.round(point.x, 9)))


def certified_points(function: Evaluator, known: Known, box: tuple[Array, Array]) -> list[CriticalPoint]:
    """The proved points whose enclosure meets the box, each with the spectrum of the Hessian on its enclosure."""
    lower, upper = known.enclosures[:, 0], known.enclosures[:, 1]
    meets = np.all((upper >= box[0]) & (lower <= box[1]), axis=1)
    inside = np.all((lower >= box[0]) & (upper <= box[1]), axis=1)
    if not meets.any():
        return []
    hessians = function.hessians(lower[meets], upper[meets])
    x = known.x[meets]
    values, norms = function.values(x), np.linalg.norm(function.gradients_at(x), axis=1)
    found = []
    for k, place in enumerate(np.flatnonzero(meets)):
        ends = hessians.lower[k], hessians.upper[k]
        if function.rigor is not None:
            ends = function.rigor.hessian(lower[place], upper[place])
        spectrum = enclosed_spectrum(*ends)
        sure = spectrum.nullity == 0
        notes = [
            "" if inside[place] else "on the edge of the box",
            "" if sure else "it is one isolated point, but the sign of an eigenvalue is not told",
        ]
        found.append(
            CriticalPoint(
                x=x[k],
                value=float(values[k]),
                gradient_norm=float(norms[k]),
                spectrum=spectrum,
                kind=spectrum.kind if sure or spectrum.kind == "saddle" else "undecided",
                certified=sure,
                enclosure=(lower[place], upper[place]),
                note="; ".join(filter(None, notes)),
            )
        )
    return found


def _unsettled(
    function: Evaluator, found: Result, box: tuple[Array, Array], known: Sequence[CriticalPoint]
) -> tuple[list[CriticalPoint], list[Undecided], list[Component]]:
    """What the search left: points that are proved by another way, boxes with the reason, parts that are flat."""
    scale = box[1] - box[0]
    points: list[CriticalPoint] = []
    undecided, constant, settled = [], [], list[Around]()
    work = Work(0 if found.stopped else MOST)
    for reason, cluster in _clusters(function, found, scale):
        lower, upper = cluster.lower, cluster.upper
        if reason == CONSTANT:
            constant.append(_constant(function, cluster))
            continue
        if any(one.covers(lower, upper) for one in settled):
            continue
        proved = None
        if reason in (DEGENERATE, EDGE):
            places = [one.place for one in settled if one.place is not None]
            proved = around(function, lower, upper, scale, edge=reason == EDGE, work=work, before=places)
        if proved is not None:
            # a point that is known, or that a wider box proves again, is the same
            again = any(one.enclosure is not None and proved.meets(*one.enclosure) for one in known)
            if proved.meets(*box) and not again and not any(proved.same(one) for one in settled):
                points.append(proved.point(function))
            settled.append(proved)
            continue
        point = _degenerate(function, cluster) if reason == DEGENERATE else None
        if point is None or any(one.meets(point.x, point.x) for one in settled):
            undecided.append(Undecided(lower, upper, reason))
        else:
            points.append(point)
            why = f"{reason}: a degenerate critical point seems to lie there, by itself or with others"
            undecided.append(Undecided(lower, upper, why))
    return points, undecided, constant


def _clusters(function: Evaluator, found: Result, scale: Array) -> Iterator[tuple[str, Cluster]]:
    """Boxes that belong together, with the reason why they were left."""
    for reason in dict.fromkeys(boxes.reason for boxes in found.left):
        lower, upper = (
            np.concatenate([getattr(boxes, end) for boxes in found.left if boxes.reason == reason])
            for end in ("lower", "upper")
        )
        for cluster in clusters(function, lower, upper, scale):
            yield reason, cluster


def _constant(function: Evaluator, cluster: Cluster) -> Component:
    """A part of the box on which the gradient is 0 everywhere."""
    middle = 0.5 * (cluster.lower + cluster.upper)
    return Component(
        points=middle[None],
        dimension=function.dimension,
        lower=cluster.lower,
        upper=cluster.upper,
        value=float(function.values(middle)),
        reason="f is constant in boxes that this one is drawn around",
    )


def _degenerate(function: Evaluator, cluster: Cluster) -> CriticalPoint | None:
    """The point of a cluster where the gradient vanishes within rounding, if there is one."""
    lower, upper = cluster.lower, cluster.upper
    x = np.clip(cluster.point, lower, upper)
    for candidate in _candidates(x, lower, upper):
        g = function.gradients(candidate[None], candidate[None])
        if ((g.lower <= 0) & (g.upper >= 0)).all() and g.smooth.all():
            exact = not (g.lower.any() or g.upper.any())
            H = function.hessians(np.minimum(lower, candidate)[None], np.maximum(upper, candidate)[None])
            spectrum = enclosed_spectrum(H.lower[0], H.upper[0])
            return CriticalPoint(
                x=candidate,
                value=float(function.values(candidate)),
                gradient_norm=float(np.linalg.norm(function.gradients_at(candidate[None])[0])),
                spectrum=spectrum,
                kind=spectrum.kind if spectrum.kind == "saddle" else "degenerate",
                enclosure=(lower, upper),
                note="the gradient is exactly 0 here" if exact else "the gradient is 0 here within rounding",
            )
    return None


def _candidates(x: Array, lower: Array, upper: Array) -> Iterator[Array]:
    """The point, after nearby points with simpler coordinates: theory often has it there."""
    width = 4 * (upper - lower)
    for largest in (1, 2, 6, 12, 60):
        simple = np.array([float(Fraction(number).limit_denominator(largest)) for number in x.tolist()])
        yield np.where(np.abs(simple - x) <= width, simple, x) + 0.0
    yield x


def _component(function: Evaluator, one: Continuum, box: tuple[Array, Array], seed: int) -> Component:
    points = along(function, one, box[1] - box[0], np.random.default_rng(seed), KEPT)
    middle = points[[len(points) // 2]]
    low, high = function.value_interval(middle)
    return Component(
        points=points,
        dimension=one.dimension,
        lower=one.lower.min(axis=0),
        upper=one.upper.max(axis=0),
        value=0.0 if low[0] <= 0 <= high[0] else float(function.values(middle[0])),
        reason=(
            f"critical points along it have Hessians of nullity {one.dimension}; boxes along it were not searched "
            f"for others"
        ),
    )
