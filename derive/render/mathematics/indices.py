"""Indices: ``s i + u - p``, quotients and remainders of letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sympy

from derive.index import Atom, Index, IntegerNode, Letter, Quotient, Remainder
from derive.nodes import Node
from derive.render.mathematics.sizes import is_negative, size_terms, write_size
from derive.render.runs import ADD, ATOM, Run, Token
from derive.size_algebra import Size, as_expression

if TYPE_CHECKING:
    from derive.render.mathematics.writer import Scope, Writer

__all__ = ["difference", "is_compact", "write_index"]


def write_index(writer: Writer, index: Index, scope: Scope) -> Run:
    """An index, its positive terms first; it is never broken into lines."""
    pen = writer.pen
    parts: list[tuple[bool, Run]] = []
    for atom, coefficient in index.terms:
        negative = is_negative(coefficient)
        size = difference(0, coefficient) if negative else coefficient
        parts.append((negative, _scaled(writer, atom, size, scope)))
    for term in size_terms(index.constant):
        negative = is_negative(term)
        parts.append((negative, write_size(pen, -term if negative else term)))
    if not parts:
        return pen.digits("0")
    parts.sort(key=lambda part: part[0])
    tokens: list[Token] = []
    for m, (negative, run) in enumerate(parts):
        if m or negative:
            tokens.append(pen.sign(negative=negative, leading=not m, breakable=False))
        tokens.extend(run.tokens)
    level = ADD if len(parts) > 1 or parts[0][0] else parts[0][1].level
    return Run(tuple(tokens), level).unbroken()


def _scaled(writer: Writer, atom: Atom, coefficient: Size, scope: Scope) -> Run:
    pen = writer.pen
    if isinstance(atom, Letter):
        run = pen.symbol(scope.names.of(atom))
    elif isinstance(atom, Remainder):
        run = pen.remainder(_divided(writer, atom.index, scope), _divisor(writer, atom.divisor))
    elif isinstance(atom, Quotient):
        exact = (atom.index, atom.divisor) in scope.exact
        run = pen.quotient(_divided(writer, atom.index, scope), _divisor(writer, atom.divisor), exact=exact)
    else:
        assert isinstance(atom, IntegerNode)
        assert isinstance(atom, Node)
        run = writer.node(atom, scope)
    if coefficient == 1:
        return run
    return pen.juxtaposed([write_size(pen, coefficient), run])


def _divided(writer: Writer, index: Index, scope: Scope) -> Run:
    run = write_index(writer, index, scope)
    return writer.pen.fence(run) if run.level == ADD else run


def _divisor(writer: Writer, divisor: Size) -> Run:
    run = write_size(writer.pen, divisor)
    return writer.pen.fence(run) if run.level < ATOM else run


def is_compact(indices: Sequence[Index], scope: Scope) -> bool:
    """Whether the indices are one letter each, so that they need no commas."""
    return all(
        (i.letter is not None and scope.names.of(i.letter).single)
        or (not i.terms and isinstance(i.constant, int) and 0 <= i.constant <= 9)
        for i in indices
    )


def difference(left: Size, right: Size) -> sympy.Expr:
    """``left - right`` of two sizes."""
    return as_expression(left) - as_expression(right)
