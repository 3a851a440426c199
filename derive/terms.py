"""What a term of a sum is made of: the number that it is multiplied by, and the rest."""

from __future__ import annotations

import sympy

from derive.nodes import ONE, Mul, Node, Number
from derive.notation import mul

__all__ = ["split_coefficient"]


def split_coefficient(term: Node) -> tuple[sympy.Expr, Node]:
    """The number that a term is multiplied by, and the rest."""
    if isinstance(term, Number):
        return term.value, ONE
    if isinstance(term, Mul) and isinstance(term.factors[0], Number):
        return term.factors[0].value, mul(*term.factors[1:])
    return sympy.Integer(1), term
