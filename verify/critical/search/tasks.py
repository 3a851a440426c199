"""What a search does next, and what became of it.

Data
    ``Task``   where a way begins, and how it goes on.
    ``Known``  what was found before.
    ``Ended``  where a way ended, and why.

The most important function is ``Known.near``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from verify.critical.points import Array

__all__ = ["OWN", "Ended", "Known", "Task"]

# The index of the Hessian at the start is aimed at.
OWN = -1


@dataclass(frozen=True, eq=False)
class Task:
    """``kind`` is start, aimed, follow, up, again (along an eigenvector), guess, mirror or middle.

    Shapes: x (n), matrix (n, n) or None (then it is evaluated), vector (n) of a way along an eigenvector, or of one
    that is climbed on the way to an index.
    ``radius`` is the first bound on a step; ``index`` the one that is aimed at, None for any, OWN for that of the
    Hessian at x; ``parent`` the number of
    the point where the way begins, or by which a guess was made, -1 for a start. What is found has an edge to each
    of ``ends``.
    """

    kind: str
    x: Array
    matrix: Array | None = None
    radius: float = 0.2
    index: int | None = None
    vector: Array | None = None
    parent: int = -1
    ends: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Known:
    """Shapes: points (k, n); ``spacing`` (k) is the distance of each to its nearest neighbour."""

    points: Array
    spacing: Array

    def near(self, x: Array) -> tuple[int, float]:
        """The number of the nearest known point, and its distance."""
        if not len(self.points):
            return -1, np.inf
        squares = np.sum((self.points - x) ** 2, axis=1)
        k = int(np.argmin(squares))
        return k, float(np.sqrt(squares[k]))


@dataclass(frozen=True, eq=False)
class Ended:
    """``why`` is found, known, left, stuck or flat line; ``known`` the number of a known point, else -1."""

    why: str
    x: Array
    known: int = -1
    path: tuple[Array, ...] = field(default=(), repr=False)
