"""What a term of a sum is made of: the number that it is multiplied by with its sign, and the rest."""

from __future__ import annotations

import sympy

from derive.nodes import ONE, Mul, Node, Number, factors_of, number, terms_of
from derive.notation import add, mul

__all__ = ["is_subtracted", "opposite", "split_coefficient"]


def split_coefficient(term: Node) -> tuple[sympy.Expr, Node]:
    """The number that a term is multiplied by, and the rest."""
    if isinstance(term, Number):
        return term.value, ONE
    if isinstance(term, Mul) and isinstance(term.factors[0], Number):
        return term.factors[0].value, mul(*term.factors[1:])
    return sympy.Integer(1), term


def is_subtracted(term: Node) -> bool:
    """Whether a term has a minus sign."""
    first = factors_of(term)[0]
    return isinstance(first, Number) and bool(first.value.could_extract_minus_sign())


def opposite(node: Node) -> Node:
    """The node with the sign of every term changed."""
    return add(*(mul(number(-1), term) for term in terms_of(node)))
