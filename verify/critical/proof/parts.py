"""The certified search in pieces, for an executor or a journal: parts of the box, each searched by itself.

The two functions are ``branch_in_pieces`` (the search) and ``work`` (one piece: a part of the box and all that its
search needs). Points that two parts share a face with are found by both, and known once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.critical.campaigns.campaign import run, seeds
from verify.critical.points import Array
from verify.critical.proof.branch import Boxes, Known, Result, branch, cut
from verify.critical.proof.enclosure import Evaluator, evaluator
from verify.critical.proof.leftover import Continuum, joined
from verify.critical.proof.tape import Tape

__all__ = ["Part", "branch_in_pieces", "work"]

# The box is cut so many times, into twice as many parts each time.
CUTS = 4


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the box, lower and upper (n), of a function by its tape."""

    tape: Tape
    lower: Array
    upper: Array
    seed: int
    rigor: bool


def work(part: Part) -> dict[str, Any]:
    """What the search of a part found, as data."""
    found = branch(evaluator(part.tape, part.rigor), part.lower, part.upper, seed=part.seed)
    return {
        "regions": found.known.regions,
        "enclosures": found.known.enclosures,
        "left": [(boxes.lower, boxes.upper, boxes.reason) for boxes in found.left],
        "continua": [(one.lower, one.upper, one.points, one.dimension) for one in found.continua],
        "looked_at": found.looked_at,
        "stopped": found.stopped,
    }


def branch_in_pieces(
    function: Evaluator,
    lower: Array,
    upper: Array,
    *,
    seed: int = 0,
    executor: Any = None,
    journal: Any = None,
    time_limit: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """``branch`` in parts of the box; a time limit ends it between two parts."""
    low, high = lower[None], upper[None]
    for _ in range(CUTS):
        low, high = cut(low, high, np.zeros_like(low), upper - lower)
    parts = [
        Part(function.whole, one, other, own, function.rigor is not None)
        for one, other, own in zip(low, high, seeds(seed, len(low)), strict=True)
    ]
    points = 0

    def told(done: int, count: int, result: dict[str, Any]) -> None:
        nonlocal points
        points += len(result["enclosures"])
        if progress is not None:
            progress(points, count - done)

    results = run(work, parts, executor=executor, journal=journal, time_limit=time_limit, progress=told)
    known = Known(len(lower))
    left: list[Boxes] = []
    continua: list[Continuum] = []
    looked_at, stopped = 0, [results.stopped] if results.stopped else []
    for part, done, result in zip(parts, results.finished, results.values, strict=True):
        if not done:
            left.append(Boxes(part.lower[None], part.upper[None], results.stopped or "its search was given up"))
            continue
        known.add(result["regions"], result["enclosures"])
        left += [Boxes(*one) for one in result["left"]]
        continua += [Continuum(*one) for one in result["continua"]]
        looked_at += result["looked_at"]
        stopped += [result["stopped"]] if result["stopped"] else []
    stopped += [f"part {failure.piece}: {failure.reason}" for failure in results.failed]
    return Result(
        known, tuple(joined(continua, upper - lower)), tuple(left), looked_at, "; ".join(dict.fromkeys(stopped))
    )
