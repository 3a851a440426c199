"""What terms are made of: the number that one is multiplied by, with its sign, and the rest; bases with exponents."""

from __future__ import annotations

import sympy

from derive.nodes import ONE, Node, Number, Pow, factors_of, number, terms_of
from derive.notation import add, mul

__all__ = ["base_and_exponent", "is_natural", "is_subtracted", "opposite", "split_coefficient"]


def split_coefficient(term: Node) -> tuple[sympy.Expr, Node]:
    """The number that a term is multiplied by, and the rest; infinity is none, as nothing is divided by it."""
    first, *rest = factors_of(term)
    if isinstance(first, Number) and not first.value.is_infinite:
        return first.value, mul(*rest) if rest else ONE
    return sympy.Integer(1), term


def is_subtracted(term: Node) -> bool:
    """Whether a term has a minus sign."""
    first = factors_of(term)[0]
    return isinstance(first, Number) and bool(first.value.could_extract_minus_sign())


def opposite(node: Node) -> Node:
    """The node with the sign of every term changed."""
    return add(*(mul(number(-1), term) for term in terms_of(node)))


def base_and_exponent(factor: Node) -> tuple[Node, sympy.Expr]:
    """A factor as a power to a number: itself to the power 1 where it is none."""
    if isinstance(factor, Pow) and isinstance(factor.exponent, Number):
        return factor.base, factor.exponent.value
    return factor, sympy.Integer(1)


def is_natural(exponent: Node) -> bool:
    """Whether an exponent is certainly a whole number above 0."""
    return isinstance(exponent, Number) and bool(exponent.value.is_integer and exponent.value.is_positive)
