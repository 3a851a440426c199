"""Loops that a run has written out, as sums again: ``w[0]·x[i] + w[1]·x[i+1] + w[2]·x[i+2]`` is a sum over 3."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from derive.index import Index, Letter, Quotient, as_index
from derive.nodes import Add, Node, Sum
from derive.notation import add
from derive.size_algebra import Size, plus, times
from derive.tree import key, map_children, map_indices, substitute

__all__ = ["rolled"]

FEWEST = 3
"""From how many terms on a sum is shorter than its terms."""


def rolled(node: Node, letter: Callable[[int], Letter]) -> Node:
    """The node with terms that differ by steps of their positions as sums; ``letter`` makes one for a size."""
    node = map_children(node, lambda child: rolled(child, letter))
    while isinstance(node, Add):
        shorter = _roll(node.terms, letter)
        if shorter is None:
            return node
        node = shorter
    return node


def _roll(terms: Sequence[Node], letter: Callable[[int], Letter]) -> Node | None:
    """The terms with every run as a sum; None where there is no run."""
    forms = [key(_mapped(t, lambda i: Index(i.terms, 0))) for t in terms]
    found: list[Node] = []
    start = 0
    while start < len(terms):
        stop = start + 1
        while stop < len(terms) and forms[stop] == forms[start]:
            stop += 1
        while stop - start >= FEWEST:
            made = _as_sum(terms[start:stop], letter)
            if made is not None:
                break
            stop -= 1
        else:
            made, stop = terms[start], start + 1
        found.append(made)
        start = stop
    return add(*found) if len(found) < len(terms) else None


def _as_sum(terms: Sequence[Node], letter: Callable[[int], Letter]) -> Node | None:
    """The sum whose terms these are; None where their positions do not go in steps."""
    own = letter(len(terms))
    places = [_constants(t) for t in terms[:2]]
    steps = [plus(b, times(a, -1)) for a, b in zip(*places, strict=True)]
    if not all(isinstance(step, int) for step in steps) or not any(steps):
        return None
    waiting = iter(steps)
    body = _mapped(terms[0], lambda i: i + as_index(own).scaled(next(waiting)))
    if any(key(substitute(body, {own: as_index(m)})) != key(term) for m, term in enumerate(terms)):
        return None
    return Sum(own, body)


def _constants(node: Node) -> list[Size]:
    found: list[Size] = []

    def note(index: Index) -> Index:
        found.append(index.constant)
        return index

    _mapped(node, note)
    return found


def _mapped(node: Node, function: Callable[[Index], Index]) -> Node:
    """The node with a function applied to all its indices, those inside of indices first."""

    def index(one: Index) -> Index:
        total = Index((), one.constant)
        for atom, coefficient in one.terms:
            if isinstance(atom, Quotient):
                atom = type(atom)(index(atom.index), atom.divisor)
            elif isinstance(atom, Node):
                mapped = _mapped(atom, function)
                total = total.plus(as_index(mapped).scaled(coefficient))
                continue
            total = total.plus(Index(((atom, coefficient),), 0))
        return function(total)

    return map_indices(node, index, lambda child: _mapped(child, function))
