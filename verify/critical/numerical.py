"""Critical points of all indices of a smooth function without an expression: a search, with evidence, never a proof.

Rounds of tasks that do not depend on each other are cut into pieces, and what they found is put together in their
order; so the answer is the same whoever does them. Ways use gradients; a point that is new gets a Hessian.

Data
    ``Search``  what is known so far.

The most important functions are ``search`` (the entry) and ``Search.round``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from verify.critical import evidence
from verify.critical.flats import Continuum
from verify.critical.frontier import STARTS, Frontier
from verify.critical.journal import fingerprint, opened
from verify.critical.landscape import Differentiable, Region
from verify.critical.objective import total
from verify.critical.pieces import Judged, Piece
from verify.critical.points import Array, Component, Cost, CriticalPoint, CriticalPoints, Undecided
from verify.critical.polish import Polished
from verify.critical.rounds import MANY, OutOfTime, Rounds
from verify.critical.tasks import OWN, Ended, Task

__all__ = ["search"]

# What stands for the result of a piece that was given up.
NOTHING: dict[str, Any] = {
    "walk": [], "polish": Judged(None), "join": None, "divide": -1, "survey": None, "coercive": False
}  # fmt: skip
# Tasks in one piece.
GRAIN = 4
# The search ends when twice as many random starts in a row as there are points found nothing new, but at least and at
# most so many; with more where the Morse sum tells that points are missing.
QUIET, PATIENT, MISSING = 24, 96, 2
# What ways found is the same if it is this near; the region has size 1.
RAW = 1e-6
# Two points are the same within so many times what Newton's steps at both leave open.
APART = 8.0
# After so many walks between continua that did not arrive, points go to the nearest continuum of the same value.
VAIN = 24
# Points that are kept of a continuum.
HELD = 400
# The search ends at so many points.
MOST = 5000
# Half of the starts are up to so many powers of two nearer to the centre of the box: there is little in its corners.
CENTRED = 3.0
# So many undecided places are told, which are at least so far from each other.
SHOWN, NEARBY = 20, 0.05


class Search:
    """A search under way."""

    def __init__(
        self,
        objective: Differentiable,
        region: Region,
        seed: int,
        run: Callable[[Sequence[Piece]], list[Any]],
    ) -> None:
        self.objective, self.region, self.seed = objective, region, seed
        self.run = run
        self.frontier = Frontier(region)
        self.found: list[Polished] = []
        self.continua: list[Continuum] = []
        self.on: dict[int, int] = {}
        self.counts: dict[int, int] = {}
        self.starts = self.lost = self.rounds = self.quiet = self.vain = 0
        self.refused: list[tuple[Array, str]] = []
        self.paths: list[Array] = []
        self.costs: list[Cost] = []
        self.size = 1.0
        self.grows: bool | None = None

    @property
    def nondegenerate(self) -> bool:
        """Whether all that was found counts in a Morse sum."""
        return not self.continua and all(found.point and not found.point.nullity for found in self.found)

    def survey(self, points: list[Array]) -> None:
        """The gradient's usual size."""
        sizes = [size for size in self.do("survey", points) if size]
        self.size = float(np.median(sizes)) if sizes else 0.0

    def do(self, kind: str, items: Sequence[Any]) -> list[Any]:
        """Results of items in their order, done in pieces."""
        self.rounds += 1
        known = self.frontier.known
        pieces = [
            Piece(
                self.objective, self.region, kind, tuple(items[k : k + GRAIN]), known, self.size,
                (self.seed, self.rounds, k),
            )
            for k in range(0, len(items), GRAIN)
        ]  # fmt: skip
        results: list[Any] = []
        for piece, (found, cost) in zip(pieces, self.run(pieces), strict=True):
            results.extend([NOTHING[kind]] * len(piece.items) if found is None else found)
            self.costs.append(cost)
        return results

    def round(self, tasks: list[Task]) -> int:
        """Do tasks, polish what is new, and learn from it; how many points were new."""
        ends: list[list[Ended]] = self.do("walk", tasks)
        raw: list[Array] = []
        place: dict[tuple[int, int], int] = {}
        for i, row in enumerate(ends):
            for j, end in enumerate(row):
                if len(end.path) > 1:
                    self.paths.append(np.array(end.path))
                if end.why == "found" and self.frontier.known.near(end.x)[1] > RAW:
                    same = [k for k, x in enumerate(raw) if np.linalg.norm(x - end.x) <= RAW]
                    place[i, j] = same[0] if same else len(raw)
                    if not same:
                        raw.append(end.x)
        origin = {k: tasks[i].ends for (i, _), k in reversed(place.items())}
        judged = self.do("polish", raw) if raw else []
        numbers: list[tuple[int, bool]] = [self._enter(one, origin[k]) for k, one in enumerate(judged)]
        told: set[int] = set()
        fresh = 0
        for i, (task, row) in enumerate(zip(tasks, ends, strict=True)):
            reached: list[int] = []
            new = 0
            for j, end in enumerate(row):
                number = end.known if end.why == "known" else -1
                if (i, j) in place:
                    number, is_new = numbers[place[i, j]]
                    new += is_new and number not in told
                    told.add(number)
                elif end.why == "found":
                    number = self.frontier.known.near(end.x)[0]
                if number >= 0:
                    reached.append(number)
                if task.parent < 0 and j == 0:
                    self._count(number)
            self.frontier.learn(task, row, new, reached)
            fresh += new
        return fresh

    def _count(self, number: int) -> None:
        self.starts += number >= 0
        self.lost += number < 0
        if number >= 0:
            number = -1 - self.on[number] if number in self.on else number
            self.counts[number] = self.counts.get(number, 0) + 1

    def _enter(self, judged: Judged, ends: tuple[int, ...]) -> tuple[int, bool]:
        """The number of a polished end, -1 where it is none, and whether it is new."""
        found = judged.found
        if found is None:
            return -1, False
        if found.point is None:
            apart = all(float(np.linalg.norm(y - found.y)) > NEARBY for y, _ in self.refused)
            if found.why and self.region.reported(found.y) and apart:
                self.refused.append((found.y, found.why))
            return -1, False
        for k, one in enumerate(self.found):
            if float(np.linalg.norm(one.y - found.y)) <= APART * (one.distance + found.distance):
                return k, False
        new = True
        if judged.dimension:
            new = self._place(judged, found, found.point.value)
        elif found.flat.shape[1]:
            loose = [(k, one) for k, one in enumerate(self.found) if k not in self.on and one.flat.shape[1]]
            loose.sort(key=lambda row: float(np.linalg.norm(row[1].y - found.y)))
            same = self.do("divide", [(found, loose[:3])])[0] if loose else -1
            if same >= 0:
                return same, False
        self.found.append(found)
        walkable = new and bool(found.point.nullity < len(found.y))
        self.frontier.add(found, ends, walkable)
        return len(self.found) - 1, new

    def _place(self, judged: Judged, found: Polished, value: float) -> bool:
        """Put a point on the continuum that it belongs to; whether that is a new one."""
        number = len(self.found)
        reach = _tolerance(found, value)
        alike = [
            (float(np.linalg.norm(near - found.y)), k, near)
            for k, one in enumerate(self.continua)
            if one.dimension == judged.dimension and abs(one.value - value) <= reach
            for near in [min(one.points, key=lambda y: float(np.linalg.norm(y - found.y)))]
        ]
        alike.sort(key=lambda row: row[:2])
        for _, k, near in alike:
            one = self.continua[k]
            walked: list[Array] | None = []
            if self.vain < VAIN:
                # another end where the first walk is stuck, such as straight across
                ends = [near, *(one.points[len(one.points) * j // 3] for j in range(3))]
                walked = next((way for end in ends if (way := self.do("join", [(found, end)])[0]) is not None), None)
            else:
                one.unwalked += 1
            if walked is not None:
                one.points.extend([found.y, *judged.points, *walked] if len(one.points) < HELD else [found.y])
                self.on[number] = k
                return False
            self.vain += 1
        self.on[number] = len(self.continua)
        self.continua.append(Continuum([found.y, *judged.points], judged.dimension, value))
        return True


def search(
    objective: Differentiable,
    box: ArrayLike | None = None,
    start: ArrayLike | None = None,
    *,
    seed: int = 0,
    time_limit: float | None = None,
    executor: Executor | Callable[[], Executor] | None = None,
    journal: str | os.PathLike[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> CriticalPoints:
    """The critical points of a smooth function that a search finds, with their indices and evidence for completeness.

    Without a box it looks around ``start`` (0 where none is given) at distances of all sizes. ``time_limit`` is in
    seconds; what was found until then is returned, and ``stopped`` says so. The same seed gives the same answer,
    whatever the ``executor``, which may be a function that makes one. ``journal`` is a file from which a search that
    was broken off goes on. ``progress`` is told how far it is.
    Shapes: box (n, 2), start (n).
    Raises: ValueError when the box or the start has a wrong shape, or is not finite, or a side has no width; or when
    the journal is that of another search.
    """
    region = Region.around(objective.dimension, box, start)
    began = time.monotonic()
    asked = (objective.afresh(), region, seed)
    task = "" if journal is None else fingerprint(search, asked)
    with _opened(executor) as pool, opened(journal, task, MANY) as kept:
        rounds = Rounds(pool, kept, time_limit)
        state = Search(objective, region, seed, rounds.do)
        stopped = ""
        try:
            _search(state, progress)
            if state.grows is None and state.found:
                state.grows = bool(state.do("coercive", [None])[0])
        except OutOfTime:
            stopped = f"the time limit of {time_limit:g} s was reached"
    if len(state.found) >= MOST:
        stopped = f"{MOST} points were found"
    if rounds.lost:
        stopped = "; ".join([*([stopped] if stopped else []), *rounds.lost[:3]])
    return _told(state, bool(state.grows), stopped, time.monotonic() - began)


@contextmanager
def _opened(executor: Executor | Callable[[], Executor] | None) -> Iterator[Executor | None]:
    """The executor; one that is made here lasts for all rounds, and is closed at the end."""
    if executor is None or isinstance(executor, Executor) or not callable(executor):
        yield executor
        return
    made = executor()
    try:
        yield made
    finally:
        made.shutdown(cancel_futures=True)


def _search(state: Search, progress: Callable[[str], None] | None) -> None:
    rng = np.random.default_rng([state.seed, 0])
    region = state.region
    state.survey([region.draw(rng) if region.boxed else rng.standard_normal(region.dimension) for _ in range(STARTS)])
    first = True
    while len(state.found) < MOST:
        tasks = state.frontier.take()
        random = not tasks
        if random:
            if state.quiet >= _enough(state):
                break
            tasks = [_start(state, region, rng, k) for k in range(STARTS)]
            if first:
                # symmetries have their fixed points where people put the centre
                tasks[0] = replace(tasks[0], x=np.zeros(region.dimension), index=OWN)
        new = state.round(tasks)
        state.quiet = 0 if new else state.quiet + random * len(tasks)
        first = False
        if progress is not None:
            progress(f"{len(state.found)} critical points after {total(state.costs).gradient} gradients")


def _enough(state: Search) -> int:
    """After how many random starts without a find the search ends."""
    least = max(QUIET, min(PATIENT, 2 * len(state.found)))
    if state.quiet < least or not state.nondegenerate:
        return least
    if state.grows is None:
        state.grows = bool(state.do("coercive", [None])[0])
    inside = [found.point for found in state.found if found.point and state.region.reported(found.y)]
    missing = state.grows and sum((-1) ** point.index for point in inside) != 1
    return MISSING * max(least, PATIENT) if missing else least


def _start(state: Search, region: Region, rng: np.random.Generator, k: int) -> Task:
    """A random start: anywhere or nearer to the centre; towards any point, or the start's own index, or one found."""
    y = region.draw(rng)
    if region.boxed and k % 2:
        y *= 2.0 ** -rng.uniform(0.0, CENTRED)
    radius = 0.3 * (np.sqrt(region.dimension) if region.boxed else float(np.linalg.norm(y)))
    index = (None, OWN, int(rng.integers(0, state.frontier.highest + 1)))[rng.integers(3)]
    return Task("start", y, radius=radius, index=index)


def _tolerance(found: Polished, value: float) -> float:
    """By how much values on one continuum may differ: second order in the distance, and rounding."""
    assert found.point is not None
    bent = float(np.linalg.norm(found.hessian)) * found.distance**2 + found.noise * found.distance
    return 1e2 * (bent + np.finfo(float).eps * (abs(value) + abs(found.point.value) + found.noise / 1e-16))


def _told(state: Search, grows: bool, stopped: str, seconds: float) -> CriticalPoints:
    """The answer in the user's coordinates."""
    region = state.region
    points: list[CriticalPoint] = []
    for k, found in enumerate(state.found):
        if k not in state.on and region.reported(found.y):
            assert found.point is not None
            points.append(found.point)
    components = []
    for one in state.continua:
        ys = [y for y in one.points if region.reported(y)]
        if ys:
            xs = np.array([region.outside(y) for y in ys])
            reason = f"the gradient stays 0 along {one.dimension} directions, and on ways between points found on it"
            if one.unwalked:
                reason += f"; {one.unwalked} more points of the same value were counted to it without a way there"
            components.append(Component(xs, one.dimension, xs.min(axis=0), xs.max(axis=0), one.value, reason))
    sentences = [evidence.hits(list(state.counts.values()), state.starts, state.lost), evidence.quiet(state.quiet)]
    if not stopped:
        sentences.append(evidence.morse(points, len(components), grows, region.boxed))
    undecided = tuple(Undecided(region.outside(y), region.outside(y), why) for y, why in state.refused[:SHOWN])
    return CriticalPoints(
        points=tuple(sorted(points, key=lambda point: (point.value, *point.x))),
        names=tuple(f"x{k}" for k in range(region.dimension)),
        undecided=undecided,
        components=tuple(components),
        box=region.box,
        evidence=tuple(sentences),
        stopped=stopped,
        cost=replace(total(state.costs), seconds=seconds),
        seed=state.seed,
        paths=tuple(path for path in state.paths if path.shape[1] <= 3),
        function=state.objective,
    )
