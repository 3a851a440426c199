"""Derivatives that are still to be carried out: ``∂L/∂x``, ``∂/∂x (…)``, ``D x``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from derive.nodes import Apply, Over, Partial, Pow, Ref, Tangent
from derive.render.runs import ATOM, MUL, Run

if TYPE_CHECKING:
    from derive.render.mathematics.writer import Scope, Writer

__all__ = ["write_partial"]


def write_partial(writer: Writer, node: Partial, scope: Scope) -> Run:
    """A derivative; a long or tall body stands behind the operator."""
    pen = writer.pen
    if isinstance(node.wrt, Tangent):
        operator = pen.along()
        body = writer.node(node.body, scope)
        body = body if isinstance(node.body, Ref) else pen.fence(body)
        return Run((*operator.tokens, *body.tokens), MUL, body.height, open=True)
    wrt = writer.node(node.wrt, scope)
    body = writer.node(node.body, scope)
    short = 0.5 if isinstance(node.body, Ref) else 0.2
    plain = isinstance(node.body, (Ref, Apply, Over, Pow)) and body.height == 0
    if plain and body.width < short * pen.room:
        simple = isinstance(node.body, Ref) or body.level == ATOM
        return pen.partial(body if simple or body.open else pen.fence(body), wrt)
    operator = pen.partial(None, wrt)
    fenced = pen.fence(body)
    return Run((*operator.tokens, *fenced.tokens), MUL, max(operator.height, fenced.height))
