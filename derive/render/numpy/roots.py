"""Quotients with a root of a product, ``u / √(u v)``, as the root of a quotient, ``√(u / v)``: both are positive."""

from __future__ import annotations

import sympy

from derive.nodes import ZERO, Mul, Node, Number, Pow, factors_of, number
from derive.notation import mul, power
from derive.program import Program
from derive.render.numpy.values import reads_inside, rewritten
from derive.signs import always
from derive.statements import Statement
from derive.tree import key, map_children

__all__ = ["with_roots_of_quotients"]

HALF = sympy.Rational(1, 2)


def with_roots_of_quotients(program: Program) -> Program:
    """The program with roots of quotients of what is certainly positive."""

    def positive(node: Node) -> bool:
        return reads_inside(node) and always(Statement(node, ">", ZERO), program)

    def written(node: Node) -> Node:
        node = map_children(node, written)
        for root in factors_of(node):
            if isinstance(root, Pow) and isinstance(root.base, Mul) and _exponent(root) in (HALF, -HALF):
                rest = [f for f in factors_of(node) if f is not root]
                made = _quotient(root, rest)
                if made is not None and all(map(positive, root.base.factors)):
                    return made
        return node

    return rewritten(program, written)


def _quotient(root: Pow, rest: list[Node]) -> Node | None:
    """A product of a root and the others, where one of these is what the root is of, and on the other side of it."""
    for u in factors_of(root.base):
        for other in rest:
            if key(_base(other)) == key(u) and _exponent(other) == -2 * _exponent(root):
                v = mul(*(f for f in factors_of(root.base) if f is not u))
                above, below = (u, v) if _exponent(other) == 1 else (v, u)
                return mul(*(f for f in rest if f is not other), power(above / below, number(HALF)))
    return None


def _base(node: Node) -> Node:
    return node.base if isinstance(node, Pow) else node


def _exponent(node: Node) -> sympy.Expr:
    if not isinstance(node, Pow):
        return sympy.Integer(1)
    return node.exponent.value if isinstance(node.exponent, Number) else sympy.Integer(0)
