"""Sums of terms and over letters, and where their signs go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from derive.nodes import Add, Bracket, Mul, Node, Number, Position, Sum, factors_of
from derive.notation import mul
from derive.render.mathematics.brackets import write_condition
from derive.render.mathematics.sizes import is_negative, size_terms
from derive.render.runs import ADD, MUL, Run, Token

if TYPE_CHECKING:
    from derive.render.mathematics.writer import Scope, Writer

__all__ = ["split_sign", "write_sum", "write_terms"]


def split_sign(node: Node) -> tuple[bool, Node]:
    """Whether a minus can stand before the node, and the node without it."""
    if isinstance(node, Number) and is_negative(node.value):
        return True, Number(-node.value)
    if isinstance(node, Mul) and isinstance(node.factors[0], Number) and is_negative(node.factors[0].value):
        return True, mul(Number(-node.factors[0].value), *node.factors[1:])
    if isinstance(node, Sum):
        negative, body = split_sign(node.body)
        if negative:
            return True, Sum(*node.letters, body)
    return False, node


def write_terms(writer: Writer, node: Add, scope: Scope) -> Run:
    """Terms with their signs, in the order of the tree."""
    start = _start_of_recurrence(writer, node, scope)
    if start is not None:
        return start
    pen = writer.pen
    tokens: list[Token] = []
    height = 0
    for m, term in enumerate(_parts(node)):
        negative, positive = split_sign(term)
        run = writer.node(positive, scope)
        if run.level == ADD and not isinstance(positive, (Number, Position)):
            run = pen.fence(run)
        if m or negative:
            tokens.append(pen.sign(negative=negative, leading=not m))
        tokens.extend(run.tokens)
        height = max(height, run.height)
    return Run(tuple(tokens), ADD, height)


def _parts(node: Add) -> list[Node]:
    """The terms; a number that is a sum itself gives its own, each with its sign."""
    found: list[Node] = []
    for term in node.terms:
        parts = size_terms(term.value) if isinstance(term, Number) else []
        found += [Number(part) for part in parts] if len(parts) > 1 else [term]
    return found


def _start_of_recurrence(writer: Writer, node: Add, scope: Scope) -> Run | None:
    """``[t = 0] h0[k] + [t >= 1] h[t-1, k]`` as two cases."""
    if len(node.terms) != 2:
        return None
    rows = []
    conditions = []
    for term in node.terms:
        condition, *rest = factors_of(term)
        if not isinstance(condition, Bracket) or not rest:
            return None
        conditions.append(condition)
        rows.append((writer.node(mul(*rest), scope), write_condition(writer, condition, scope)))
    start, later = conditions
    if (start.relation, later.relation) != ("=", "≥"):
        return None
    if (later.left, later.right) != (start.left, start.right + 1):
        return None
    return writer.pen.cases(rows)


def write_sum(writer: Writer, node: Sum, scope: Scope) -> Run:
    """A sum over letters."""
    inner = scope.bind(node.letters)
    sign = writer.pen.total(writer.letters(node.letters, inner))
    body = writer.node(node.body, inner)
    if body.level == ADD:
        body = writer.pen.fence(body)
    return Run((sign, *body.tokens), MUL, max(1 if scope.small else 2, body.height), open=True)
