"""Sums of outer products as one product of matrices: ``np.stack((a, b, c), axis=1) @ np.stack((u, v, w))``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from derive.index import Letter
from derive.nodes import Bracket, Node, factors_of
from derive.render.numpy.arrays import Named
from derive.render.numpy.code import call, matmul, tuple_of

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["stacked"]

FEWEST = 3
"""How many outer products are one product of matrices."""


def stacked(t: Translator, terms: Sequence[Node]) -> Named | None:
    """A sum of outer products of vectors; None where it is none, or of few."""
    letters = sorted(terms[0].free, key=t.rank)
    if len(terms) < FEWEST or len(letters) != 2 or not t.fixed.keys().isdisjoint(letters):
        return None
    row, column = letters
    split = [_vectors(term, row, column) for term in terms]
    pairs = [pair for pair in split if pair is not None]
    if len(pairs) < len(terms):
        return None
    rows, columns = ([t.dense_product(side, ()).code for side in sides] for sides in zip(*pairs, strict=True))
    left, right = call("np.stack", tuple_of(rows), axis="1"), call("np.stack", tuple_of(columns))
    return Named(matmul(left, right), (row, column))


def _vectors(term: Node, row: Letter, column: Letter) -> tuple[list[Node], list[Node]] | None:
    """The factors that depend on the row, with the numbers, and those that depend on the column."""
    rows = [f for f in factors_of(term) if column not in f.free]
    columns = [f for f in factors_of(term) if column in f.free]
    plain = not any(isinstance(f, Bracket) for f in factors_of(term))
    one_each = all(f.free == {column} for f in columns) and {row} == frozenset[Letter]().union(
        *(f.free for f in rows)
    )
    return (rows, columns) if plain and columns and one_each else None
