"""Sizes, and the numbers that are made of them: ``(n - k)/s + 1``."""

from __future__ import annotations

from dataclasses import replace

import sympy

from derive.algebraic import RealAlgebraic
from derive.render.decimals import decimal, small_order, split_fraction
from derive.render.mathematics.pen import Pen
from derive.render.naming import symbol_of
from derive.render.runs import ADD, ATOM, Run, Token
from derive.size_algebra import Size, as_expression

__all__ = ["is_negative", "size_terms", "write_size"]


def write_size(pen: Pen, value: Size) -> Run:
    """A size, or a number made of sizes."""
    expression = as_expression(value)
    if expression.is_Integer or (expression.is_Rational and expression.q == 1):
        if expression.is_negative:
            sign = pen.sign(negative=True, leading=True)
            return Run((sign, *pen.digits(str(-expression)).tokens), ADD)
        return pen.digits(str(expression))
    if (text := decimal(expression)) is not None:
        small = small_order(expression)
        return pen.digits(text) if small is None or small[0] != 1 else _power_of_ten(pen, small[1])
    if isinstance(expression, sympy.Symbol):
        return pen.symbol(symbol_of(expression.name))
    if expression.is_Add:
        return _sum(pen, expression)
    if expression.is_Mul or expression.is_Rational:
        return _product(pen, expression)
    if expression.is_Pow:
        return _power(pen, expression)
    if isinstance(expression, sympy.exp):
        return pen.raised(pen.constant("e"), write_size(pen, expression.args[0]))
    if isinstance(expression, RealAlgebraic):
        return pen.digits(expression.digits)
    if isinstance(expression, sympy.floor):
        return pen.fence(write_size(pen, expression.args[0]), "⌊")
    if expression in _CONSTANTS:
        return pen.constant(_CONSTANTS[expression])
    return pen.foreign(expression)


_CONSTANTS = {sympy.pi: "pi", sympy.E: "e", sympy.oo: "infinity"}


def _power_of_ten(pen: Pen, order: int) -> Run:
    """``10^-k``."""
    exponent = Run((pen.sign(negative=True, leading=True), *pen.digits(str(order)).tokens), ADD)
    return pen.raised(pen.digits("10"), exponent)


def _sum(pen: Pen, expression: sympy.Expr) -> Run:
    tokens: list[Token] = []
    for m, term in enumerate(size_terms(expression)):
        negative = is_negative(term)
        run = write_size(pen, -term if negative else term)
        if m or negative:
            tokens.append(pen.sign(negative=negative, leading=not m, breakable=False))
        tokens.extend(run.tokens)
    return Run(tuple(tokens), ADD).unbroken()


def _product(pen: Pen, expression: sympy.Expr) -> Run:
    if is_negative(expression):
        run = write_size(pen, -expression) if (-expression).is_Rational else _product(pen, -expression)
        return replace(run, tokens=(pen.sign(negative=True, leading=True), *run.tokens), level=ADD)
    above, below = split_fraction(expression)
    if _has_root(above) and _has_root(below):
        return _one_root(pen, expression)
    if below != 1:
        return pen.fraction(write_size(pen, above).unbroken(), write_size(pen, below).unbroken())
    runs = [write_size(pen, f) for f in expression.as_ordered_factors()]
    run = pen.juxtaposed(runs) if len(runs) > 1 else pen.foreign(expression)
    return run.unbroken()


def _has_root(value: sympy.Expr) -> bool:
    return any(f.is_Pow and f.exp == sympy.Rational(1, 2) for f in sympy.Mul.make_args(value))


def _one_root(pen: Pen, expression: sympy.Expr) -> Run:
    """``√2/√π`` as one root, ``√(2/π)``; ``√2/(2√π)`` as ``1/√(2π)``."""
    above, below = split_fraction(sympy.expand(expression**2))
    root = pen.root(write_size(pen, below if above == 1 else above / below))
    return pen.fraction(pen.digits("1"), root.unbroken()) if above == 1 else root


def _power(pen: Pen, expression: sympy.Expr) -> Run:
    base, exponent = expression.as_base_exp()
    if exponent == sympy.Rational(1, 2):
        return pen.root(write_size(pen, base))
    if exponent.is_number and exponent.is_negative:
        return _product(pen, expression)
    inside = write_size(pen, base)
    return pen.raised(inside if inside.level == ATOM else pen.fence(inside), write_size(pen, exponent))


def size_terms(value: Size) -> list[sympy.Expr]:
    """The terms of a size, the positive ones first."""
    expression = as_expression(value)
    if expression.is_zero:
        return []
    terms = list(expression.as_ordered_terms()) if expression.is_Add else [expression]
    return sorted(terms, key=is_negative)


def is_negative(value: Size) -> bool:
    """Whether a number is written with a minus before it."""
    if isinstance(value, int):
        return value < 0
    return not value.is_Add and bool(value.could_extract_minus_sign())
