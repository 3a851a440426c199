"""Two terms of which always one counts, as a choice: ``[a ≥ b] x + [b > a] y`` is ``where(a ≥ b, x, y)``.

Terms that brackets confine to an entry of an axis stay what they are: each is added to its entry alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from derive.functions import is_indicator
from derive.functions import where as where_function
from derive.nodes import Add, Apply, Node, factors_of
from derive.notation import add, mul
from derive.program import Program
from derive.render.numpy.regions import region_of
from derive.render.numpy.values import rewritten
from derive.tree import key, map_children

__all__ = ["with_choices"]

OPPOSITE = {"greater": "greater_equal", "greater_equal": "greater"}


def with_choices(program: Program) -> Program:
    """The program with pairs of terms under opposite conditions as choices."""
    return rewritten(program, _chosen, recurrences=True)


def _chosen(node: Node) -> Node:
    node = map_children(node, _chosen)
    if not isinstance(node, Add):
        return node
    terms = list(node.terms)
    while (found := _first_pair(terms)) is not None:
        a, b, made = found
        terms = [made if m == a else t for m, t in enumerate(terms) if m != b]
    return add(*terms)


def _first_pair(terms: Sequence[Node]) -> tuple[int, int, Node] | None:
    """Two terms under opposite conditions, by their places, and the choice between them."""
    for (a, one), (b, other) in itertools.combinations(enumerate(terms), 2):
        first, second = _condition(one), _condition(other)
        if first is not None and second is not None and _are_opposite(first, second):
            return a, b, Apply(where_function, (first, _without(one, first), _without(other, second)))
    return None


def _condition(term: Node) -> Apply | None:
    """The only condition among the factors of a term, where it is more than an entry."""
    if any(span.single for span in region_of(term, ())[0].values()):
        return None
    found = [f for f in factors_of(term) if is_indicator(f)]
    only = found[0] if len(found) == 1 else None
    return only if isinstance(only, Apply) and only.function.name in OPPOSITE else None


def _are_opposite(a: Apply, b: Apply) -> bool:
    same = key(a.arguments[0]) == key(b.arguments[1]) and key(a.arguments[1]) == key(b.arguments[0])
    return same and OPPOSITE[a.function.name] == b.function.name


def _without(term: Node, condition: Apply) -> Node:
    return mul(*(f for f in factors_of(term) if f is not condition))
