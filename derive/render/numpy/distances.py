"""Distances of all rows of two arrays, and squares of them, ``Σ_k (X[i,k] - C[a,k])²``, without all differences.

They are added up from differences, so that they are exact also for points that are almost the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sympy

from derive.index import Letter
from derive.nodes import Add, Node, Number, Pow, number
from derive.notation import mul
from derive.render.numpy.arrays import Named, aligned
from derive.render.numpy.code import call
from derive.terms import is_subtracted

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["distances", "lengths", "points_of"]

IMPORT = "from scipy.spatial.distance import cdist"


def distances(t: Translator, factors: Sequence[Node], over: Sequence[Letter]) -> Named | None:
    """The squared distances that a sum is; None where it is something else."""
    scale = sympy.Mul(*(f.value for f in factors if isinstance(f, Number)))
    rest = [f for f in factors if not isinstance(f, Number)]
    found = _computed(t, rest[0], over, '"sqeuclidean"') if len(rest) == 1 else None
    return None if found is None else t.scaled(found, scale)


def lengths(t: Translator, difference: Node, over: Sequence[Letter]) -> Named | None:
    """The distances that the norms of all differences are; None where they are something else."""
    return _computed(t, Pow(difference, number(2)), over)


def _computed(t: Translator, square: Node, over: Sequence[Letter], *metric: str) -> Named | None:
    points = points_of(square, over)
    if points is None or not all(side.free.isdisjoint(t.fixed) for side in points):
        return None
    values = [t.numeric(t.dense(side)) for side in points]
    if any(set(value.letters) != side.free for value, side in zip(values, points, strict=True)):
        return None
    rows = tuple(next(x for x in value.letters if x not in over) for value in values)
    t.imports.add(IMPORT)
    sides = (aligned(value, (row, *over)) for value, row in zip(values, rows, strict=True))
    return Named(call("cdist", *sides, *metric, work=5), rows)


def points_of(square: Node, over: Sequence[Letter]) -> tuple[Node, Node] | None:
    """The arrays of which a square summed over a letter is the squared distances of all rows."""
    if not isinstance(square, Pow) or square.exponent != number(2) or not isinstance(square.base, Add):
        return None
    if len(square.base.terms) != 2 or len(over) != 1:
        return None
    a, b = square.base.terms
    if is_subtracted(a):
        a, b = b, a
    rows = [term.free - {over[0]} for term in (a, b)]
    plain = all(over[0] in term.free for term in (a, b)) and all(len(row) == 1 for row in rows)
    return (a, mul(number(-1), b)) if plain and rows[0] != rows[1] else None
