"""A numerical search under way: what was found, put together in an order that depends on no executor.

Data
    ``Search``  what is known so far.

The most important functions are ``Search.round`` (tasks are done, what is new is polished) and ``Search.do``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from verify.critical.points import Array, Cost
from verify.critical.search.flats import Continuum
from verify.critical.search.frontier import Frontier
from verify.critical.search.landscape import Differentiable, Region
from verify.critical.search.pieces import Judged, Piece
from verify.critical.search.polish import Polished
from verify.critical.search.tasks import Ended, Task

__all__ = ["Search"]

# What stands for the result of a piece that was given up.
NOTHING: dict[str, Any] = {
    "walk": [], "polish": Judged(None), "join": None, "divide": -1, "survey": None, "coercive": False
}  # fmt: skip
# Tasks in one piece.
GRAIN = 4
# What ways found is the same if it is this near; the region has size 1.
RAW = 1e-6
# Two points are the same within so many times what Newton's steps at both leave open.
APART = 8.0
# After so many walks between continua that did not arrive, points go to the nearest continuum of the same value.
VAIN = 24
# Points that are kept of a continuum.
HELD = 400
# Undecided places that are told are at least so far from each other.
NEARBY = 0.05


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


def _tolerance(found: Polished, value: float) -> float:
    """By how much values on one continuum may differ: second order in the distance, and rounding."""
    assert found.point is not None
    bent = float(np.linalg.norm(found.hessian)) * found.distance**2 + found.noise * found.distance
    return 1e2 * (bent + np.finfo(float).eps * (abs(value) + abs(found.point.value) + found.noise / 1e-16))
