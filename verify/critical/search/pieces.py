"""What a worker of the numerical search does: tasks with all that they need, whoever does them.

Data
    ``Piece``   tasks of one kind, for one worker.
    ``Judged``  the end of a way that was polished.

The most important function is ``work``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.critical.points import Array, Cost
from verify.critical.search import evidence
from verify.critical.search.flats import flat_dimension, joined, undivided
from verify.critical.search.landscape import Differentiable, Landscape, Region
from verify.critical.search.polish import Polished, polished
from verify.critical.search.tasks import Known
from verify.critical.search.walk import walk

__all__ = ["Judged", "Piece", "work"]


@dataclass(frozen=True, eq=False)
class Piece:
    """Tasks for one worker, or ends of ways to polish, or a point to be joined to continua."""

    objective: Differentiable
    region: Region
    kind: str
    items: tuple[Any, ...]
    known: Known
    size: float
    seed: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Judged:
    """An end that was polished, with the dimension of the continuum that it lies on, and more points of that."""

    found: Polished | None
    dimension: int = 0
    points: tuple[Array, ...] = ()


def work(piece: Piece) -> tuple[list[Any], Cost]:
    """Do a piece: one result for each item, and what it cost."""
    objective = piece.objective.afresh()
    land = Landscape(objective, piece.region)
    rng = np.random.default_rng(piece.seed)
    results: list[Any] = []
    for item in piece.items:
        if piece.kind == "walk":
            results.append(walk(land, item, piece.known))
        elif piece.kind == "polish":
            results.append(_judge(land, item, piece.size, rng))
        elif piece.kind == "join":
            results.append(joined(land, *item))
        elif piece.kind == "divide":
            results.append(next((k for k, one in item[1] if undivided(land, item[0], one)), -1))
        elif piece.kind == "survey":
            gradient = land.gradient(item)
            results.append(None if gradient is None else float(np.linalg.norm(gradient)))
        else:
            results.append(evidence.coercive(land, piece.known, rng))
    return results, objective.cost


def _judge(land: Landscape, y: Array, size: float, rng: np.random.Generator) -> Judged:
    found = polished(land, y, size, rng)
    if found is None or found.point is None or not found.flat.shape[1]:
        return Judged(found)
    dimension, points = flat_dimension(land, found)
    return Judged(found, dimension, tuple(points))
