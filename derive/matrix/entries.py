"""Axes of a few entries, written one by one: the value at each index, with every bracket decided.

``[i = 0] a + [i = 1] b`` is ``a`` at 0 and ``b`` at 1. The important function is ``entry_by_entry``.
"""

from __future__ import annotations

from collections.abc import Sequence

from derive.algebra import tidy
from derive.contraction import contract
from derive.index import Letter, as_index
from derive.matrix.algebra import scaled
from derive.matrix.network import NoForm
from derive.matrix.reader import Reader
from derive.matrix.tree import Blocks, Matrix, number_of, shape_of
from derive.nodes import Bracket, Node, factors_of
from derive.notation import mul
from derive.tree import substitute, walk

__all__ = ["entry_by_entry", "shared_factors"]

FEW = 4
"""How many entries an axis has that is written entry by entry."""


def entry_by_entry(node: Node, letters: Sequence[Letter], reader: Reader) -> Matrix:
    """The column of the entries, or the rows of them, what they share in front.

    Raises: NoForm where an axis has many entries or no fixed number, no bracket tells one from another, or all but
    one are 0.
    """
    if not any(isinstance(one, Bracket) and _is_cut(one, letters) for one in walk(node)):
        raise NoForm
    shared, own = shared_factors(node, letters)
    column = _above(own, letters, reader)
    if sum(number_of(entry) != 0 for row in column.grid for entry in row) < 2:
        raise NoForm
    return scaled(column, over=[reader.at(f, None, None) for f in shared])


def shared_factors(node: Node, letters: Sequence[Letter]) -> tuple[list[Node], Node]:
    """The factors that all entries along some axes share, and the product of the others."""
    factors = factors_of(node)
    shared = [f for f in factors if f.free.isdisjoint(letters)]
    return shared, mul(*(f for f in factors if not f.free.isdisjoint(letters)))


def _is_cut(bracket: Bracket, letters: Sequence[Letter]) -> bool:
    """Whether a bracket tells an index of one axis from the others by a number."""
    free = bracket.difference().free
    return len(free) == 1 and free <= set(letters)


def _above(node: Node, letters: Sequence[Letter], reader: Reader) -> Blocks:
    """A column of the values along the first letter: entries, or rows of them along the second."""
    first, *others = letters
    values = [substitute(node, {first: as_index(k)}) for k in _indices(first, reader)]
    rows = tuple(_beside(value, others[0], reader) if others else _entry(value, reader) for value in values)
    return Blocks(rows, 0, (1,) * len(rows), shape_of([reader.length(x) for x in letters]))


def _beside(node: Node, letter: Letter, reader: Reader) -> Matrix:
    row = tuple(_entry(substitute(node, {letter: as_index(k)}), reader) for k in _indices(letter, reader))
    return Blocks(row, 1, (1,) * len(row), (None, len(row)))


def _entry(node: Node, reader: Reader) -> Matrix:
    return reader.at(tidy(contract(node)), None, None)


def _indices(letter: Letter, reader: Reader) -> range:
    length = reader.length(letter)
    if not isinstance(length, int) or not 1 < length <= FEW:
        raise NoForm
    return range(length)
