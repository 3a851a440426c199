"""Boxes that a search could not settle: which belong together, and what seems to lie in them.

Data
    ``Continuum``   boxes along a curve or a surface of critical points, with points on it.
    ``Cluster``     boxes that touch, with the box around them and the point in them where the gradient is smallest.

The three most important functions are ``continua`` (boxes on curves and surfaces), ``clusters`` (what touches) and
``touching`` (which boxes do). Nothing here is a proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from verify.critical.points import Array
from verify.critical.proof.digits import stay
from verify.critical.proof.enclosure import Evaluator, Flags
from verify.critical.proof.newton import newton

__all__ = ["Cluster", "Continuum", "along", "clusters", "continua", "joined", "nearest", "touching"]

# An eigenvalue below this share of the largest counts as 0.
NULL = 1e-7
# Newton's method goes along eigenvectors with eigenvalues above this share only, the second time; the gradient then
# is 0 where it is below this share of the Hessian, in units of the scale.
STEEP, VANISHING = 1e-2, 1e-14
# Boxes whose neighbourhood has fewer critical points that are apart, by a quarter of a box, are on no continuum.
FEWEST = 6
SAMPLE, MOST = 256, 20_000
# So few boxes are compared each with each.
FEW = 1000
# What is shorter than this share of the whole box may be one point, at which Newton's method comes to rest early.
SHORTEST = 1e-3
# More boxes than this are sorted into cells, of this share of the whole box, before it is seen which touch.
TOGETHER, CELL = 20_000, 2.0**-9
# A box is not settled up to so many of its widths from a curve, for want of sharper enclosures.
NEAR = 8
# Of so many points of what looks like a continuum this share has to be critical in many digits, by points that lie
# within this share of its extent.
WITNESSES, MOSTLY, STRAY = 3, 0.6, 0.1
# Points on a continuum that are looked for from each of its boxes.
PER_BOX = 12


@dataclass(frozen=True, eq=False)
class Continuum:
    """Boxes (lower, upper: (k, n)) along critical points (p, n) with singular Hessians of this nullity."""

    lower: Array
    upper: Array
    points: Array
    dimension: int

    def wider(self, lower: Array, upper: Array, points: Array | None = None) -> Continuum:
        """The same with more boxes, and points on it."""
        return replace(
            self,
            lower=np.concatenate([self.lower, lower]),
            upper=np.concatenate([self.upper, upper]),
            points=self.points if points is None else np.concatenate([self.points, points]),
        )


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


def nearest(lower: Array, upper: Array, continua: Sequence[Continuum], scale: Array) -> NDArray[np.int64]:
    """For every box the continuum that lies within a few of its widths of it, or -1."""
    found = np.full(len(lower), -1)
    middle, width = 0.5 * (lower + upper) / scale, ((upper - lower) / scale).max(axis=1)
    for k, one in enumerate(continua):
        half = (0.5 * (one.upper - one.lower) / scale).max()
        near = half + NEAR * width
        tree = cKDTree(0.5 * (one.lower + one.upper) / scale)
        apart = tree.query(middle, p=np.inf, distance_upper_bound=near.max(initial=half) * (1 + 1e-9))[0]
        found[(found < 0) & (apart <= near)] = k
    return found


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
) -> tuple[list[Continuum], Flags, list[NDArray[np.int64]]]:
    """All continua of critical points, those ``before`` among them with more boxes, and which boxes lie on one.

    Third: boxes along lines that only look like one, since f is very flat along them, by their places.

    A box is on one when Newton's method goes from its middle to a point nearby whose Hessian is singular, and from
    the boxes that touch it to other such points: at an isolated point all would meet. It is also on one when that
    point lies by a box of those found before.
    """
    count, found, on = len(lower), list(before), np.zeros(len(lower), bool)
    some = rng.choice(count, min(SAMPLE, count), replace=False)
    needed = 1 if before else min(FEWEST, count)
    if _singular(function, lower[some], upper[some], scale)[0].sum() < needed:
        return found, on, []
    if count <= MOST:
        singular, points, nullity = _singular(function, lower, upper, scale)
    else:
        singular, points, nullity = _sampled(function, lower, upper, scale, rng)
    chosen = np.flatnonzero(singular)
    by = nearest(points[chosen], points[chosen], before, scale)
    for k, one in enumerate(before):
        here = chosen[by == k]
        found[k] = one.wider(lower[here], upper[here], points[here])
        on[here] = True
    chosen = chosen[by < 0]
    flat: list[NDArray[np.int64]] = []
    if not len(chosen):
        return found, on, flat
    labels = touching(lower[chosen], upper[chosen], scale)
    for label in np.flatnonzero(np.bincount(labels) >= FEWEST):
        here = chosen[labels == label]
        width = (upper[here] - lower[here]).max(axis=0)
        places = np.unique(np.round(points[here] / (0.25 * width)), axis=0, return_index=True)[1]
        extent = (np.ptp(points[here], axis=0) / scale).max()
        if len(places) < FEWEST or extent <= SHORTEST:
            continue
        if not _vanishes(function, points[here][places], scale, extent):
            flat.append(here)
            continue
        on[here] = True
        dimension = int(np.median(nullity[here]))
        found.append(Continuum(lower[here], upper[here], points[here][places], dimension))
    return found, on, flat


def _vanishes(function: Evaluator, points: Array, scale: Array, extent: float) -> bool:
    """Whether the gradient vanishes by points (k, n) indeed, and not only within rounding."""
    along = points[np.argsort(points[:, np.argmax(np.ptp(points, axis=0) / scale)])]
    some = along[np.linspace(0, len(along) - 1, min(WITNESSES, len(along))).astype(int)]
    return bool(stay(function, some, scale, STRAY * extent).mean() >= MOSTLY)


def _sampled(
    function: Evaluator, lower: Array, upper: Array, scale: Array, rng: np.random.Generator
) -> tuple[Flags, Array, NDArray[np.int64]]:
    """``_singular`` of very many boxes: of some, and of what lies by the points that these lead to."""
    some = rng.choice(len(lower), MOST, replace=False)
    singular, points, nullity = _singular(function, lower[some], upper[some], scale)
    middle, width = 0.5 * (lower + upper) / scale, ((upper - lower) / scale).max(axis=1)
    if not singular.any():
        return np.zeros(len(lower), bool), 0.5 * (lower + upper), np.zeros(len(lower), np.int64)
    apart, nearest_one = cKDTree(points[singular] / scale).query(middle, p=np.inf)
    return apart <= NEAR * width, points[singular][nearest_one], nullity[singular][nearest_one]


def _singular(
    function: Evaluator, lower: Array, upper: Array, scale: Array
) -> tuple[Flags, Array, NDArray[np.int64]]:
    """Which boxes have a critical point with a singular Hessian in them or nearly, that point, and its nullity."""
    middle, margin = 0.5 * (lower + upper), NEAR * (upper - lower)
    singular = np.zeros(len(lower), bool)
    points, nullity = middle.copy(), np.zeros(len(lower), np.int64)
    for steep in (0.0, STEEP):  # the second also where the whole step leads along a curve, and away
        rest = np.flatnonzero(~singular)
        if not len(rest):
            break
        limits = newton(function, middle[rest], scale, iterations=25, steep=steep)
        near = (limits.points >= (lower - margin)[rest]) & (limits.points <= (upper + margin)[rest])
        g, hessians = function.at(limits.points)
        good = (
            near.all(axis=1) & limits.converged & np.isfinite(hessians).all(axis=(1, 2)) & np.isfinite(g).all(axis=1)
        )
        hessians[~good] = np.eye(len(scale))
        scaled = scale[:, None] * hessians * scale
        sizes = np.abs(np.linalg.eigvalsh(scaled))
        null = (sizes <= NULL * sizes.max(axis=1, keepdims=True)).sum(axis=1)
        if steep:
            good &= np.linalg.norm(g * scale, axis=1) <= VANISHING * np.abs(scaled).sum(axis=(1, 2))
        on = good & (null > 0)
        singular[rest[on]], points[rest[on]], nullity[rest[on]] = True, limits.points[on], null[on]
    return singular, points, nullity


def clusters(function: Evaluator, lower: Array, upper: Array, scale: Array) -> list[Cluster]:
    """Boxes taken together that touch, or that lie as near to each other as they are large together.

    Very many boxes are first taken together where they lie in one small cell.
    """
    sizes = ((upper - lower) / scale).max(axis=1)
    if len(lower) > TOGETHER and sizes.max() > 16 * sizes.min():  # a search that was stopped
        labels = np.zeros(len(lower), np.int64)
    elif len(lower) > TOGETHER:
        cells = np.floor((0.5 * (lower + upper) - lower.min(axis=0)) / (CELL * scale)).astype(np.int64)
        labels = np.unique(cells, axis=0, return_inverse=True)[1].ravel()
        first = _hulls(lower, upper, labels)
        labels = touching(first[:, 0], first[:, 1], scale)[labels]
    else:
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
    one, other = np.triu_indices(count, 1) if count <= FEW else _neighbours(middle, half.max(axis=1))
    close = (np.abs(middle[one] - middle[other]) <= (half[one] + half[other]) * (1 + 1e-9)).all(axis=1)
    graph = coo_array((np.ones(close.sum()), (one[close], other[close])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _neighbours(middle: Array, half: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of cubes that may touch, by their middles (k, n) and half their sides (k): each size with each."""
    sizes = np.frexp(half)[1]
    of_size = [np.flatnonzero(sizes == size) for size in np.unique(sizes)]
    trees = [cKDTree(middle[members]) for members in of_size]
    one, other = [], []
    for j, small in enumerate(of_size):
        for large, larger in zip(of_size[j:], trees[j:], strict=True):
            reach = (half[small].max() + half[large].max()) * (1 + 1e-9)
            near = larger.query_ball_point(middle[small], reach, p=np.inf)
            one.append(np.repeat(small, [len(each) for each in near]))
            other.append(large[np.concatenate(near).astype(int)])
    return np.concatenate(one), np.concatenate(other)
