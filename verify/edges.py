"""The edges of brackets: that a guard is too wide or too narrow by one is seen only where it begins or ends.

``edges`` lists those of some nodes, and ``met`` tells which of them some entry stands on at given sizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.evaluate import Evaluator, Sizes
from derive.index import Index, Letter, Quotient
from derive.nodes import Bracket, Mul, Node
from derive.tree import key

__all__ = ["Edge", "edges", "met"]


@dataclass(frozen=True, eq=False)
class Edge:
    """The last entries at which a bracket is true (``inside``), or the first at which it is false.

    ``beside`` are brackets that multiply the same entries: where one of them is false, nothing is seen.
    """

    bracket: Bracket
    inside: bool
    beside: tuple[Bracket, ...]


def edges(nodes: Iterable[Node]) -> tuple[Edge, ...]:
    """The edges of all brackets that sizes alone decide, once each."""
    found: dict[object, Edge] = {}
    for node in nodes:
        for bracket, others in _brackets(node, ()):
            beside = tuple(b for b in others if b is not bracket and not b.free.isdisjoint(bracket.free))
            about = key(bracket), frozenset(map(key, beside))
            for inside in (True, False):
                found.setdefault((about, inside), Edge(bracket, inside, beside))
    return tuple(found.values())


def _brackets(node: Node, beside: tuple[Bracket, ...]) -> Iterator[tuple[Bracket, tuple[Bracket, ...]]]:
    """Every bracket, and the brackets by which what it stands in is multiplied."""
    if isinstance(node, Bracket) and _decided(node):
        yield node, beside
    if isinstance(node, Mul):
        beside = (*beside, *(f for f in node.factors if isinstance(f, Bracket) and _decided(f)))
    for child in node.children():
        yield from _brackets(child, beside)


def _decided(bracket: Bracket) -> bool:
    """Whether no entry of a tensor, and no argmax, stands in a bracket."""
    return all(map(_of_letters, bracket.indices_here()))


def _of_letters(index: Index) -> bool:
    atoms = (atom for atom, _ in index.terms)
    return all(isinstance(a, Letter) or (isinstance(a, Quotient) and _of_letters(a.index)) for a in atoms)


def met(listed: Iterable[Edge], sizes: Sizes) -> frozenset[Edge]:
    """The edges on which some entry stands at these sizes."""
    evaluator = Evaluator(sizes, {})
    return frozenset(edge for edge in listed if _stands_on(edge, evaluator))


def _stands_on(edge: Edge, evaluator: Evaluator) -> bool:
    form = evaluator.index(edge.bracket.difference())
    others = [evaluator.value(bracket) for bracket in edge.beside]
    letters = tuple(dict.fromkeys(x for named in (form, *others) for x in named.letters))
    difference = form.aligned(letters)
    if edge.bracket.relation in "=≠":
        seen: Any = (difference == 0) == edge.inside
    else:
        seen = difference == (0 if edge.inside else -1)
    for other in others:
        seen = seen & (other.aligned(letters) != 0)
    return bool(np.any(seen))
