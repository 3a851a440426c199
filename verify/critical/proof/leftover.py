"""Boxes that a search could not settle: which belong together, and what seems to lie in them.

Data
    ``Continuum``   boxes along a curve or a surface of critical points, with points on it.
    ``Cluster``     boxes that touch, with the box around them and the point in them where the gradient is smallest.

The three most important functions are ``continua`` (boxes on curves and surfaces), ``clusters`` (what touches) and
``touching`` (which boxes do). Nothing here is a proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from verify.critical.points import Array
from verify.critical.proof.enclosure import Evaluator, Flags
from verify.critical.proof.newton import newton

__all__ = ["Cluster", "Continuum", "along", "clusters", "continua", "touching"]

# An eigenvalue below this share of the largest counts as 0.
NULL = 1e-7
# Boxes whose neighbourhood has fewer critical points that are apart, by a quarter of a box, are on no continuum.
FEWEST = 6
SAMPLE, MOST = 256, 60_000
# So few boxes are compared each with each.
FEW = 1000
# What is shorter than this share of the whole box may be one point, at which Newton's method comes to rest early.
SHORTEST = 1e-3
# A box is not settled up to so many of its widths from a curve, for want of sharper enclosures.
NEAR = 8
# Points on a continuum that are looked for from each of its boxes.
PER_BOX = 12


@dataclass(frozen=True, eq=False)
class Continuum:
    """Boxes (lower, upper: (k, n)) along critical points (p, n) with singular Hessians of this nullity."""

    lower: Array
    upper: Array
    points: Array
    dimension: int


def along(function: Evaluator, one: Continuum, scale: Array, rng: np.random.Generator, most: int) -> Array:
    """Points on a continuum (p, n), some for each of its boxes, in which they lie."""
    chosen = np.arange(len(one.lower))
    if len(chosen) > most:
        chosen = np.sort(rng.choice(chosen, most, replace=False))
    each = max(1, min(PER_BOX, most // len(chosen)))
    lower, upper = (np.repeat(end[chosen], each, axis=0) for end in (one.lower, one.upper))
    starts = lower + rng.random(lower.shape) * (upper - lower)
    singular, points, _ = _singular(function, starts - 0.5 * (upper - lower), starts + 0.5 * (upper - lower), scale)
    low, high = one.lower.min(axis=0), one.upper.max(axis=0)
    inside = singular & np.all((points >= low) & (points <= high), axis=1)
    own = one.points[np.all((one.points >= low) & (one.points <= high), axis=1)]
    return np.concatenate([own[:: max(1, len(own) // most)], points[inside]])


def _beside(points: Array, before: Sequence[Continuum], scale: Array) -> bool:
    """Whether one of these points lies by a box of the continua."""
    for one in before:
        middle, half = 0.5 * (one.lower + one.upper) / scale, 0.5 * (one.upper - one.lower) / scale
        if np.isfinite(cKDTree(middle).query(points / scale, p=np.inf, distance_upper_bound=2 * half.max())[0]).any():
            return True
    return False


def joined(found: list[Continuum], scale: Array) -> list[Continuum]:
    """Continua that touch, taken together: they were met at different widths of boxes."""
    if not found:
        return []
    lower, upper = (np.concatenate([getattr(one, end) for one in found]) for end in ("lower", "upper"))
    owner = np.concatenate([np.full(len(one.lower), k) for k, one in enumerate(found)])
    labels = touching(lower, upper, scale)
    # what one search found together stays together
    first = np.array([labels[owner == k].min() for k in range(len(found))])
    groups = np.unique(first)
    whole = []
    for group in groups:
        members = [one for one, label in zip(found, first, strict=True) if label == group]
        whole.append(
            Continuum(
                lower=np.concatenate([one.lower for one in members]),
                upper=np.concatenate([one.upper for one in members]),
                points=np.concatenate([one.points for one in members]),
                dimension=max(one.dimension for one in members),
            )
        )
    return whole


@dataclass(frozen=True, eq=False)
class Cluster:
    """The box (n), (n) around ``boxes`` boxes that touch; ``point`` (n): where Newton's method went from there."""

    lower: Array
    upper: Array
    boxes: int
    point: Array


def continua(
    function: Evaluator,
    lower: Array,
    upper: Array,
    scale: Array,
    rng: np.random.Generator,
    before: Sequence[Continuum] = (),
) -> tuple[list[Continuum], Flags]:
    """Continua of critical points on which boxes lie, and which boxes those are.

    A box is on one when Newton's method goes from its middle to a point nearby whose Hessian is singular, and from
    the boxes that touch it to other such points: at an isolated point all would meet. It is also on one when that
    point lies by a box of those found ``before``.
    """
    count = len(lower)
    nothing: tuple[list[Continuum], Flags] = ([], np.zeros(count, bool))
    some = rng.choice(count, min(SAMPLE, count), replace=False)
    needed = 1 if before else min(FEWEST, count)
    if _singular(function, lower[some], upper[some], scale)[0].sum() < needed or count > MOST:
        return nothing
    singular, points, nullity = _singular(function, lower, upper, scale)
    chosen = np.flatnonzero(singular)
    if not len(chosen):
        return nothing
    labels = touching(lower[chosen], upper[chosen], scale)
    found, on = [], np.zeros(count, bool)
    for label in range(labels.max() + 1):
        here = chosen[labels == label]
        width = (upper[here] - lower[here]).max(axis=0)
        places = np.unique(np.round(points[here] / (0.25 * width)), axis=0, return_index=True)[1]
        extent = (np.ptp(points[here], axis=0) / scale).max()
        if (len(places) >= FEWEST and extent > SHORTEST) or _beside(points[here], before, scale):
            on[here] = True
            dimension = int(np.median(nullity[here]))
            found.append(Continuum(lower[here], upper[here], points[here][places], dimension))
    return found, on


def _singular(
    function: Evaluator, lower: Array, upper: Array, scale: Array
) -> tuple[Flags, Array, NDArray[np.int64]]:
    """Which boxes have a critical point with a singular Hessian in them or nearly, that point, and its nullity."""
    limits = newton(function, 0.5 * (lower + upper), scale, iterations=60)
    margin = NEAR * (upper - lower)
    near = ((limits.points >= lower - margin) & (limits.points <= upper + margin)).all(axis=1)
    _, hessians = function.at(limits.points)
    good = near & limits.converged & np.isfinite(hessians).all(axis=(1, 2))
    hessians[~good] = np.eye(len(scale))
    sizes = np.abs(np.linalg.eigvalsh(scale[:, None] * hessians * scale))
    nullity = (sizes <= NULL * sizes.max(axis=1, keepdims=True)).sum(axis=1)
    return good & (nullity > 0), limits.points, nullity


def clusters(function: Evaluator, lower: Array, upper: Array, scale: Array) -> list[Cluster]:
    """Boxes taken together that touch, or that lie as near to each other as they are large together."""
    labels = touching(lower, upper, scale)
    hulls = _hulls(lower, upper, labels)
    while len(hulls) > 1:  # what is not settled around one degenerate point falls apart into many boxes
        size = hulls[:, 1] - hulls[:, 0]
        size[(size > SHORTEST * scale).any(axis=1)] = 0.0
        together = touching(hulls[:, 0] - 0.5 * size, hulls[:, 1] + 0.5 * size, scale)
        if together.max() + 1 == len(hulls):
            break
        labels = together[labels]
        hulls = _hulls(lower, upper, labels)
    found = []
    for label, (low, high) in enumerate(hulls):
        here = labels == label
        starts = np.concatenate([[0.5 * (low + high)], 0.5 * (lower[here] + upper[here])[:8]])
        limits = newton(function, starts, scale, iterations=80).points
        inside = ((limits >= low - (high - low)) & (limits <= high + (high - low))).all(axis=1)
        with np.errstate(all="ignore"):
            sizes = np.linalg.norm(function.gradients_at(limits) * scale, axis=1)
        best = np.argmin(np.where(inside & np.isfinite(sizes), sizes, np.inf))
        found.append(Cluster(low, high, int(here.sum()), limits[best] if inside[best] else starts[0]))
    return found


def _hulls(lower: Array, upper: Array, labels: NDArray[np.int64]) -> Array:
    """The boxes around those of each label, (labels, 2, n)."""
    order = np.argsort(labels, kind="stable")
    first = np.searchsorted(labels[order], np.arange(labels.max() + 1))
    return np.stack([np.minimum.reduceat(lower[order], first), np.maximum.reduceat(upper[order], first)], axis=1)


def touching(lower: Array, upper: Array, scale: Array) -> NDArray[np.int64]:
    """A number for each box, the same for boxes that touch, directly or by way of others."""
    count = len(lower)
    middle, half = 0.5 * (lower + upper) / scale, 0.5 * (upper - lower) / scale
    if count <= FEW:  # of any sizes
        one, other = np.triu_indices(count, 1)
    else:
        reach = 2 * half.max() * (1 + 1e-9)
        one, other = cKDTree(middle).query_pairs(reach, p=np.inf, output_type="ndarray").T
    close = (np.abs(middle[one] - middle[other]) <= (half[one] + half[other]) * (1 + 1e-9)).all(axis=1)
    graph = coo_array((np.ones(close.sum()), (one[close], other[close])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
