"""All critical points of a function in a box, by branch and prune: boxes without one are discarded, others are cut.

Data
    ``Known``   the critical points found: each with a region that holds no other, and an enclosure.
    ``Boxes``   boxes that are not settled, with the reason.
    ``Result``  both, when nothing is left to do.

A box is discarded when an enclosure of the gradient does not contain 0, or when it lies in the region of a known
point; it is a proof when Krawczyk's test says so. New points come first from Newton's method, so that their regions,
the largest boxes around them that are proved to hold no other, save most of the work.

The three most important functions are ``branch`` (the search), ``Search.pruned`` (one batch of boxes) and ``cut``
(where a box is cut: never in the middle, where critical points of symmetric functions lie).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from verify.critical.points import Array
from verify.critical.proof.blow_up import around
from verify.critical.proof.curves import Work
from verify.critical.proof.enclosure import Evaluator, Flags
from verify.critical.proof.krawczyk import krawczyk, nested
from verify.critical.proof.leftover import Continuum, continua, joined, nearest
from verify.critical.proof.newton import newton, polished

__all__ = ["Boxes", "Known", "Result", "branch"]

BATCH = 4096
# Starts of Newton's method in the whole box, for each coordinate; and in each batch of boxes.
SEEDS, SEEDS_IN_BATCH = 200, 64
# Boxes are brought down to these shares of the whole box in turns; what then lies on a continuum is set aside.
LEVELS = tuple(2.0**-k for k in (6, 9, 12, 15, 18, 21, 24, 28, 32, 36))
# Below this width, boxes that become many are not cut any more.
DEEP = 2.0**-20
# A box is cut here.
OFF_CENTRE = 0.4871
# One box with a gradient below this everywhere is not cut any more: the function is flat, or underflows.
FLAT = 1e-290
MOST_BOXES = 300_000
# With more boxes than this after a level, those that no cutting settles are left as they are.
CROWDED = 2000
# Points whose regions are sought at a time; pairs of a box and a region that are compared at a time.
POINTS, PAIRS = 128, 2**21
# Newton's method ended at a degenerate point where eigenvalues have this ratio: none of these is proved.
SINGULAR = 1e-11
# The enclosure of a point is narrower than this share of the whole box; what was not located is cut on.
NARROW = 1e-6
# A test that leaves less than the first share of a box is made again before the box is cut; one that leaves less than
# the second found a point, most likely.
AGAIN, SHRUNK = 0.3, 1e-3

Progress = Callable[[int, int], None]


@dataclass
class Known:
    """Critical points that are proved: x (k, n), the region of each, which holds no other, and its enclosure."""

    dimension: int
    x: Array = field(init=False)
    regions: Array = field(init=False)
    enclosures: Array = field(init=False)

    def __post_init__(self) -> None:
        self.x = np.empty((0, self.dimension))
        self.regions = np.empty((0, 2, self.dimension))
        self.enclosures = np.empty((0, 2, self.dimension))

    def holds(self, lower: Array, upper: Array) -> Flags:
        """Which boxes lie in the region of a known point."""
        return within(lower, upper, self.regions)

    def add(self, regions: Array, enclosures: Array) -> None:
        """More points, by boxes (k, 2, n); what is enclosed in the region of a known one is that one."""
        new = ~self.holds(enclosures[:, 0], enclosures[:, 1])
        regions, enclosures = regions[new], enclosures[new]
        first: list[int] = []
        for k, enclosure in enumerate(enclosures):
            if not within(enclosure[:1], enclosure[1:], regions[first]).any():
                first.append(k)
        kept = enclosures[first]
        self.x = np.concatenate([self.x, kept[:, 0] + 0.5 * (kept[:, 1] - kept[:, 0])])
        self.regions = np.concatenate([self.regions, regions[first]])
        self.enclosures = np.concatenate([self.enclosures, kept])


def within(lower: Array, upper: Array, regions: Array) -> Flags:
    """Which boxes (k, n), (k, n) lie in one of the regions (r, 2, n)."""
    held = np.zeros(len(lower), bool)
    step = max(1, PAIRS // max(1, len(regions)))
    for start in range(0, len(lower), step):
        low, high = lower[start : start + step], upper[start : start + step]
        boxes, regions_ = np.nonzero((low[:, None, 0] >= regions[:, 0, 0]) & (high[:, None, 0] <= regions[:, 1, 0]))
        for j in range(1, lower.shape[1]):  # pairs that are left, one coordinate after the other
            inside = (low[boxes, j] >= regions[regions_, 0, j]) & (high[boxes, j] <= regions[regions_, 1, j])
            boxes, regions_ = boxes[inside], regions_[inside]
        held[start + boxes] = True
    return held


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes that were not settled, all for one reason: lower and upper (k, n)."""

    lower: Array
    upper: Array
    reason: str


@dataclass(frozen=True, eq=False)
class Result:
    """The points, continua, what is left, how many boxes were looked at, and why the search ended early, if so."""

    known: Known
    continua: tuple[Continuum, ...]
    left: tuple[Boxes, ...]
    looked_at: int
    stopped: str = ""


def branch(
    function: Evaluator,
    lower: Array,
    upper: Array,
    *,
    seed: int = 0,
    deadline: float | None = None,
    progress: Progress | None = None,
) -> Result:
    """All critical points in the box from ``lower`` to ``upper`` (n), with what could not be settled.

    ``deadline`` is a time of ``time.monotonic``; ``progress`` is called with the points found and the boxes to do.
    """
    search = Search(function, lower, upper, np.random.default_rng(seed), deadline, progress)
    starts = search.rng.random((SEEDS * len(lower), len(lower)))
    search.seeded(lower + starts * search.scale)
    live = Stack(lower[None], upper[None])
    before = 0
    for level in LEVELS:
        live = search.down_to(level, live)
        if search.stopped or not len(live):
            break
        live = search.without_continua(live)
        if level < DEEP and len(live) > 2 * before + 16:
            break  # rounding hides what would settle them: they become more as they become smaller
        before = len(live)
    if not search.stopped:
        live = search.away_from_continua(live)
    search.leave(live.lower, live.upper)
    return Result(
        search.known,
        tuple(joined(search.continua, search.scale)),
        tuple(search.left),
        search.looked_at,
        search.stopped,
    )


class Stack:
    """Boxes to do; the last come first."""

    def __init__(self, lower: Array, upper: Array) -> None:
        self.lower, self.upper = lower, upper

    def __len__(self) -> int:
        return len(self.lower)

    def taken(self, most: int) -> tuple[Array, Array]:
        """The last boxes, without which the stack goes on."""
        some = slice(max(0, len(self) - most), None)
        taken = self.lower[some], self.upper[some]
        self.lower, self.upper = self.lower[: some.start], self.upper[: some.start]
        return taken

    def put(self, lower: Array, upper: Array) -> None:
        """More boxes."""
        self.lower, self.upper = np.concatenate([self.lower, lower]), np.concatenate([self.upper, upper])


class Search:
    """The state of one search."""

    def __init__(
        self,
        function: Evaluator,
        lower: Array,
        upper: Array,
        rng: np.random.Generator,
        deadline: float | None,
        progress: Progress | None,
    ) -> None:
        self.function, self.lower, self.upper, self.scale = function, lower, upper, upper - lower
        self.rng, self.deadline, self.progress = rng, deadline, progress
        self.known = Known(len(lower))
        self.left: list[Boxes] = []
        self.continua: list[Continuum] = []
        self.looked_at = 0
        self.stopped = ""
        self.work = Work()

    def down_to(self, level: float, todo: Stack) -> Stack:
        """Boxes cut until all that are left are narrower than this share of the whole box."""
        small = Stack(self.lower[:0].reshape(0, len(self.lower)), self.lower[:0].reshape(0, len(self.lower)))
        while len(todo):
            if self.deadline is not None and time.monotonic() > self.deadline:
                self.stopped = "the time limit was reached"
            elif len(todo) + len(small) > MOST_BOXES:
                self.stopped = f"more than {MOST_BOXES} boxes were left at a time"
            if self.stopped:
                small.put(todo.lower, todo.upper)
                return small
            if self.progress is not None:
                self.progress(len(self.known.x), len(todo) + len(small))
            before = todo.taken(BATCH)
            self.looked_at += len(before[0])
            lower, upper, smear, volume = self.pruned(*before)
            width = ((upper - lower) / self.scale).max(axis=1)
            narrow, again = width < level, volume < AGAIN
            small.put(lower[narrow], upper[narrow])
            todo.put(lower[again & ~narrow], upper[again & ~narrow])
            wide = ~narrow & ~again
            todo.put(*cut(lower[wide], upper[wide], smear[wide], self.scale))
        return small

    def pruned(self, lower: Array, upper: Array) -> tuple[Array, Array, Array, Array]:
        """What is left of a batch of boxes: narrower ones, their smear, and the share of the volume that is left."""
        g = self.function.gradients(lower, upper)
        open_ = ~self.function.excluded(g, lower, upper)
        flat = open_ & (np.maximum(np.abs(g.lower), np.abs(g.upper)) < FLAT).all(axis=1) & ~g.undefined
        if flat.any():
            self.left.append(Boxes(lower[flat], upper[flat], reason_of_flat(g.lower[flat], g.upper[flat])))
        open_ &= ~flat
        lower, upper = lower[open_], upper[open_]
        new = ~self.known.holds(lower, upper)
        lower, upper = lower[new], upper[new]
        if not len(lower):
            return lower, upper, lower, lower[:, 0]
        found = krawczyk(self.function, lower, upper)
        rest = ~found.none
        one = np.flatnonzero(found.one)
        rest[one[self.located(lower[one], upper[one])]] = False
        with np.errstate(all="ignore"):
            volume = np.nan_to_num(np.prod((found.upper - found.lower) / (upper - lower), axis=1), nan=1.0)
        lower, upper, smear, volume = found.lower[rest], found.upper[rest], found.smear[rest], volume[rest]
        if len(lower):
            some = self.rng.choice(len(lower), min(SEEDS_IN_BATCH, len(lower)), replace=False)
            self.seeded(0.5 * (lower[some] + upper[some]))
            # What shrank to rounding can lie in no box's interior any more: a wider one around it may prove it.
            shrunk = volume < SHRUNK
            self.alone(0.5 * (lower[shrunk] + upper[shrunk]))
        return lower, upper, smear, volume

    def located(self, lower: Array, upper: Array) -> Flags:
        """Of boxes that hold exactly one critical point each, those in which it was enclosed, and is known now."""
        if not len(lower):
            return np.zeros(0, bool)
        inner_lower, inner_upper = lower, upper
        for _ in range(6):
            found = krawczyk(self.function, inner_lower, inner_upper)
            inner_lower, inner_upper = found.lower, found.upper
        done: Flags = np.all(inner_upper - inner_lower < NARROW * self.scale, axis=1)
        middle = inner_lower + 0.5 * (inner_upper - inner_lower)
        self.alone(middle[done])
        rest = done & ~self.known.holds(inner_lower, inner_upper)  # no larger box around it was proved: its own is
        self.known.add(np.stack([lower, upper], axis=1)[rest], np.stack([inner_lower, inner_upper], axis=1)[rest])
        return done

    def alone(self, points: Array) -> None:
        """Adds the critical points by these that are proved to be the only ones in some box around them."""
        points = points[~self.known.holds(points, points)]
        points = polished(self.function, points, self.scale)
        for some in range(0, len(points), POINTS):
            chosen = points[some : some + POINTS]
            chosen = chosen[~self.known.holds(chosen, chosen)]
            if len(chosen):
                sure, low, high, inner_low, inner_high = nested(self.function, chosen, 0.5 * self.scale)
                sure &= np.all(inner_high - inner_low < NARROW * self.scale, axis=1)
                self.known.add(np.stack([low, high], axis=1)[sure], np.stack([inner_low, inner_high], axis=1)[sure])

    def seeded(self, starts: Array) -> None:
        """Adds the critical points that Newton's method finds from these starts in the box, or nearly."""
        limits = newton(self.function, starts, self.scale)
        margin = 0.05 * self.scale
        near = np.all((limits.points >= self.lower - margin) & (limits.points <= self.upper + margin), axis=1)
        points = limits.points[limits.converged & near & (limits.flatness > SINGULAR)]
        points = points[~self.known.holds(points, points)]
        if len(points):
            rounded = np.round((points - self.lower) / self.scale, 9)
            points = points[np.unique(rounded, axis=0, return_index=True)[1]]
            self.alone(points)

    def without_continua(self, live: Stack) -> Stack:
        """The boxes without those on continua of critical points, which are set aside, at their present width.

        So are those along a line on which f is very flat, where it can be proved that one point is all they hold.
        """
        lower, upper = live.lower, live.upper
        self.continua, on, flat = continua(self.function, lower, upper, self.scale, self.rng, self.continua)
        for some in flat:
            low, high = lower[some], upper[some]
            if around(self.function, low.min(axis=0), high.max(axis=0), self.scale, work=self.work) is not None:
                self.left.append(Boxes(low, high, DEGENERATE))  # it is proved again with all that is left
                on[some] = True
        rest = Stack(live.lower[~on], live.upper[~on])
        return rest if len(rest) <= CROWDED else self.without_crowds(rest)

    def without_crowds(self, live: Stack) -> Stack:
        """Without boxes that no cutting settles, where there are many: at poles, at kinks, beside continua."""
        trouble = np.logical_or(*self.trouble(live.lower, live.upper))
        if trouble.sum() > CROWDED:
            self.leave(live.lower[trouble], live.upper[trouble])
            live = Stack(live.lower[~trouble], live.upper[~trouble])
        return self.away_from_continua(live) if len(live) > CROWDED else live

    def away_from_continua(self, live: Stack) -> Stack:
        """The boxes that lie by no continuum; the others are added to those along it."""
        if not self.continua or not len(live):
            return live
        by = nearest(live.lower, live.upper, self.continua, self.scale)
        for k, one in enumerate(self.continua):
            self.continua[k] = one.wider(live.lower[by == k], live.upper[by == k])
        return Stack(live.lower[by < 0], live.upper[by < 0])

    def trouble(self, lower: Array, upper: Array) -> tuple[Flags, Flags]:
        """In which boxes something has no value, and in which others there is a kink."""
        g, H = self.function.gradients(lower, upper), self.function.hessians(lower, upper)
        undefined = g.undefined | H.undefined
        return undefined, (g.kinked | H.kinked) & ~undefined

    def leave(self, lower: Array, upper: Array) -> None:
        """Boxes that stay unsettled, by reasons."""
        if not len(lower):
            return
        undefined, kinked = self.trouble(lower, upper)
        for which, reason in (
            (undefined, EDGE), (kinked, KINK), (~(undefined | kinked), self.stopped or DEGENERATE)
        ):  # fmt: skip
            if which.any():
                self.left.append(Boxes(lower[which], upper[which], reason))


EDGE = "f or a derivative has no value somewhere in it: a pole, or the edge of the domain"
KINK = "f has a kink in it, at which the gradient jumps across 0"
DEGENERATE = "the Hessian is singular in it, or too nearly so to tell"
CONSTANT = "the gradient is 0 everywhere in it"
UNDERFLOW = "the gradient is so small everywhere in it that it cannot be told from 0"


def reason_of_flat(lower: Array, upper: Array) -> str:
    """Why boxes are not cut any more."""
    return CONSTANT if not (lower.any() or upper.any()) else UNDERFLOW


def cut(lower: Array, upper: Array, smear: Array, scale: Array) -> tuple[Array, Array]:
    """Both parts of every box, cut across what blurs the gradient most, unless another coordinate is far wider."""
    rows = np.arange(len(lower))
    width = (upper - lower) / scale
    chosen, widest = smear.argmax(axis=1), width.argmax(axis=1)
    plain = (smear[rows, chosen] <= 0) | (width[rows, widest] > 64 * width[rows, chosen])
    chosen = np.where(plain, widest, chosen)
    at = lower[rows, chosen] + OFF_CENTRE * (upper - lower)[rows, chosen]
    first, second = upper.copy(), lower.copy()
    first[rows, chosen] = second[rows, chosen] = at
    return np.concatenate([lower, second]), np.concatenate([first, upper])
