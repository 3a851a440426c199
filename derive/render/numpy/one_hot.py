"""Contractions that read at an ``argmax``: ``Σ_m v[m] W[j, 2m + argmax_p Z[i,m,p]]`` is a product with one-hot rows.

``W`` read for each ``i``, ``j`` and ``m`` would be an array of three axes: the product of matrices makes none.
"""

from __future__ import annotations

from collections.abc import Collection

from derive.index import Index, Letter, as_index
from derive.nodes import Bracket, Node, Over, Ref, Sum, factors_of
from derive.notation import mul
from derive.program import Program
from derive.render.numpy.values import rewritten
from derive.tree import map_children

__all__ = ["with_one_hot_products"]

MOST_PLACES = 8
"""The longest axis of which one-hot rows are made."""


def with_one_hot_products(program: Program) -> Program:
    """The program with products of matrices in the place of contractions with what is read at an ``argmax``."""
    return rewritten(program, _written)


def _written(node: Node) -> Node:
    node = map_children(node, _written)
    if not isinstance(node, Sum):
        return node
    factors = list(factors_of(node.body))
    for m, factor in enumerate(factors):
        if isinstance(factor, Ref) and (found := _place(factor, node.free, node.letters)) is not None:
            at, chosen = found
            one = Letter(chosen.letters[0].name, chosen.letters[0].length)
            index = factor.indices[at]
            moved = (*factor.indices[:at], _without(index, chosen) + one, *factor.indices[at + 1 :])
            factors[m : m + 1] = [Bracket(as_index(one), "=", as_index(chosen)), Ref(factor.tensor, moved)]
            return Sum(*node.letters, one, mul(*factors))
    return node


def _place(factor: Ref, kept: Collection[Letter], summed: Collection[Letter]) -> tuple[int, Over] | None:
    """The axis that is read at an ``argmax`` which brings in a letter of the result, beside another of the factor."""
    for at, index in enumerate(factor.indices):
        for atom, step in index.terms:
            if not isinstance(atom, Over) or not atom.function.integer or step != 1 or len(atom.letters) != 1:
                continue
            length = atom.letters[0].length
            rest = frozenset[Letter]().union(*(i.free for m, i in enumerate(factor.indices) if m != at))
            rest |= _without(index, atom).free
            brought = (atom.free - rest) & set(kept)
            beside = (rest - atom.free) & set(kept)
            contracted = not factor.free.isdisjoint(summed)
            if isinstance(length, int) and length <= MOST_PLACES and brought and beside and contracted:
                return at, atom
    return None


def _without(index: Index, chosen: Over) -> Index:
    return index - as_index(chosen)
