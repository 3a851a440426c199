"""Critical points of all indices of a smooth function without an expression: a search, with evidence, never a proof.

Rounds of tasks that do not depend on each other are cut into pieces, and what they found is put together in their
order; so the answer is the same whoever does them. Ways use gradients; a point that is new gets a Hessian.

The most important function is ``search``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from verify.critical.campaigns.journal import fingerprint, opened
from verify.critical.objectives.objective import total
from verify.critical.points import Component, CriticalPoint, CriticalPoints, Undecided
from verify.critical.search import evidence
from verify.critical.search.frontier import STARTS
from verify.critical.search.landscape import Differentiable, Region
from verify.critical.search.rounds import MANY, OutOfTime, Rounds
from verify.critical.search.searching import Search
from verify.critical.search.tasks import OWN, Task

__all__ = ["search"]

# The search ends when twice as many random starts in a row as there are points found nothing new, but at least and at
# most so many; with more where the Morse sum tells that points are missing.
QUIET, PATIENT, MISSING = 24, 96, 2
# The search ends at so many points.
MOST = 5000
# Half of the starts are up to so many powers of two nearer to the centre of the box: there is little in its corners.
CENTRED = 3.0
# So many undecided places are told.
SHOWN = 20


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
        paths=tuple(region.outside(path) for path in state.paths if path.shape[1] <= 3),
        function=state.objective,
    )
