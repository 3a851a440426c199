"""What an entry is: an index, if it is whole and bounded, or a condition made of brackets."""

from __future__ import annotations

from derive.index import Index, as_index
from derive.nodes import Bracket, Mul, Node, Number, Position, number
from derive.notation import mul

__all__ = ["complement", "index_of", "is_condition"]


def index_of(node: Node) -> Index | None:
    """An entry of an integer array as an index; None where its values are not known to be whole and bounded."""
    if isinstance(node, Position):
        return node.index
    if isinstance(node, Number) and node.value.is_integer:
        return as_index(node.value)
    limit = getattr(node, "limit", None)
    return None if limit is None else as_index(node)


def is_condition(node: Node) -> bool:
    """Whether this is a product of brackets, or 0 or 1."""
    if isinstance(node, Mul):
        return all(isinstance(factor, Bracket) for factor in node.factors)
    return isinstance(node, Bracket) or (isinstance(node, Number) and node.value in (0, 1))


_OPPOSITE = {"=": "≠", "≠": "=", "<": "≥", "≥": "<", ">": "≤", "≤": ">"}


def complement(node: Node) -> list[Node]:
    """Products of brackets, one of which is 1 exactly where this product of brackets is 0."""
    if isinstance(node, Number):
        return [] if node.value == 1 else [number(1)]
    factors = node.factors if isinstance(node, Mul) else (node,)
    found: list[Node] = []
    before: list[Node] = []
    for factor in factors:
        assert isinstance(factor, Bracket)
        found.append(mul(*before, Bracket(factor.left, _OPPOSITE[factor.relation], factor.right)))
        before.append(factor)
    return found
