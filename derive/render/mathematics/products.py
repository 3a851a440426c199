"""Products and powers, and which factors share a fraction line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import sympy

from derive.nodes import Apply, Bracket, Mul, Node, Number, Over, Partial, Pow, Sum
from derive.render.decimals import split_fraction
from derive.render.mathematics.brackets import Range, divisibility, ranges, write_range
from derive.render.mathematics.functions import PREFIXES, RAISED
from derive.render.runs import ADD, ATOM, Run

if TYPE_CHECKING:
    from derive.render.mathematics.writer import Scope, Writer

__all__ = ["write_power", "write_product"]


def write_product(writer: Writer, node: Mul, scope: Scope) -> Run:
    """Factors in the order of the tree; those with negative exponents below one fraction line."""
    pen = writer.pen
    exact = {
        (atom.index, atom.divisor)
        for f in node.factors
        if isinstance(f, Bracket) and (atom := divisibility(f)) is not None
    }
    scope = replace(scope, exact=scope.exact | exact)
    top, bottom = sympy.Integer(1), sympy.Integer(1)
    above: list[Node | Range] = []
    below: list[Node] = []
    for factor in ranges(node.factors):
        if isinstance(factor, Number):
            top, bottom = split_fraction(factor.value)
        elif isinstance(factor, Pow) and _falls(factor.exponent):
            assert isinstance(factor.exponent, Number)
            exponent = -factor.exponent.value
            below.append(factor.base if exponent == 1 else Pow(factor.base, Number(exponent)))
        else:
            above.append(factor)
    if not below and bottom == 1:
        runs = [] if top == 1 else [writer.size(top)]
        return pen.juxtaposed([*runs, *_factors(writer, above, scope)])
    inside = replace(scope, small=True)
    denominators = [] if bottom == 1 else [writer.size(bottom)]
    if len(below) == 1 and not denominators:
        denominators = [_written(writer, below[0], inside)]
    else:
        denominators += _factors(writer, list(below), inside)
    front = _front(writer, above, scope) if below or bottom.free_symbols else []
    rest = above[len(front) :]
    numerators = [] if top == 1 and front else [writer.size(top)]
    if len(front) == 1 and top == 1:
        (only,) = front
        numerator = _written(writer, only, inside)
    else:
        numerator = pen.juxtaposed([*numerators, *_factors(writer, front, inside)])
    fraction = pen.fraction(numerator.unbroken(), pen.juxtaposed(denominators).unbroken())
    return pen.juxtaposed([fraction, *_factors(writer, rest, scope)]) if rest else fraction


def _front(writer: Writer, factors: list[Node | Range], scope: Scope) -> list[Node | Range]:
    """The factors that fit above a fraction line; the others follow the fraction."""
    front: list[Node | Range] = []
    width = 0.0
    for factor in factors:
        if isinstance(factor, (Sum, Partial)) or (isinstance(factor, Over) and factor.function.name in PREFIXES):
            break
        width += _written(writer, factor, scope).width
        if width > 0.5 * writer.pen.room:
            break
        front.append(factor)
    return front


def _factors(writer: Writer, factors: Sequence[Node | Range], scope: Scope) -> list[Run]:
    return [_factor(writer, f, scope, followed=m + 1 < len(factors)) for m, f in enumerate(factors)]


def _factor(writer: Writer, factor: Node | Range, scope: Scope, *, followed: bool) -> Run:
    run = _written(writer, factor, scope, followed=followed)
    return writer.pen.fence(run) if run.level == ADD or (run.open and followed) else run


def _written(writer: Writer, factor: Node | Range, scope: Scope, *, followed: bool = False) -> Run:
    if isinstance(factor, Range):
        return write_range(writer, factor, scope)
    return writer.node(factor, scope, followed=followed)


def write_power(writer: Writer, node: Pow, scope: Scope) -> Run:
    """A power; one half of it is a root, a negative one a fraction."""
    pen = writer.pen
    if _falls(node.exponent):
        return write_product(writer, Mul((node,)), scope)
    if isinstance(node.exponent, Number) and node.exponent.value == sympy.Rational(1, 2):
        inside = writer.node(node.base, scope)
        if inside.width < 0.7 * pen.room:
            return pen.root(inside)
    exponent = writer.node(node.exponent, scope)
    if isinstance(node.base, Apply) and node.base.function.name in RAISED:
        name = pen.function(node.base.function.name, node.base.function.latex)
        arguments = [writer.node(a, scope) for a in node.base.arguments]
        return pen.call(pen.raised(name, exponent), pen.listed(arguments))
    base = writer.node(node.base, scope, followed=True)
    return pen.raised(base if base.level == ATOM else pen.fence(base), exponent)


def _falls(exponent: Node) -> bool:
    return isinstance(exponent, Number) and bool(exponent.value.is_number) and bool(exponent.value.is_negative)
