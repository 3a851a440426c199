"""``sigmoid(-z)`` beside ``sigmoid(z)`` is ``1 - sigmoid(z)``: the exponential is taken once."""

from __future__ import annotations

from typing import TypeGuard

from derive.definitions import Definition
from derive.functions import sigmoid
from derive.nodes import Add, Apply, Node
from derive.notation import add
from derive.program import Program
from derive.render.numpy.values import is_negative, rewritten
from derive.tree import map_children, pattern, walk

__all__ = ["with_complements"]


def with_complements(program: Program) -> Program:
    """The program with one of two complementary sigmoids as what the other leaves of 1."""
    found = (pattern(n) for d in program.items if isinstance(d, Definition) for n in walk(d.body) if _is_sigmoid(n))
    order = {meaning: m for m, meaning in reversed(list(enumerate(found)))}

    def written(node: Node) -> Node:
        node = map_children(node, written)
        if not _is_sigmoid(node):
            return node
        argument = node.arguments[0]
        other = sigmoid(_opposite(argument))
        at, mine = order.get(pattern(other)), order.get(pattern(node))
        if at is None or mine is None or (is_negative(argument), mine) < (is_negative(other.arguments[0]), at):
            return node
        return 1 - other

    return rewritten(program, written)


def _is_sigmoid(node: Node) -> TypeGuard[Apply]:
    return isinstance(node, Apply) and node.function is sigmoid


def _opposite(node: Node) -> Node:
    return add(*(-term for term in node.terms)) if isinstance(node, Add) else -node
