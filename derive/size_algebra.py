"""Sizes: positive integers that may be symbols, with SymPy's algebra and one decision procedure.

A size is a Python ``int`` or a SymPy expression in size symbols (``n``, ``n*h``, ``(n - k)//s + 1``).
The only question that the engine asks of sizes is whether an expression is certainly not negative.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import sympy

from derive.errors import NotationError

Size: TypeAlias = int | sympy.Expr

__all__ = [
    "Size",
    "as_expression",
    "as_size",
    "certainly_nonnegative",
    "evaluate_size",
    "exact_quotient",
    "plus",
    "size",
    "size_symbols",
    "sizes",
    "times",
]


def size(name: str, *, minimum: int = 1) -> sympy.Symbol:
    """A size symbol. ``minimum`` is 1 for a length, 0 for a padding.

    Raises: NotationError when the name is no identifier, or ``minimum`` is neither 0 nor 1.
    """
    if not name.isidentifier():
        raise NotationError(f"a size needs a name that is an identifier, not {name!r}")
    if minimum not in (0, 1):
        raise NotationError(f"size {name!r}: the minimum is 0 or 1, not {minimum!r}")
    if minimum:
        return sympy.Symbol(name, integer=True, positive=True)
    return sympy.Symbol(name, integer=True, nonnegative=True)


def sizes(names: str) -> tuple[sympy.Symbol, ...]:
    """Size symbols from their names: ``n, d = sizes("n d")``."""
    return tuple(size(name) for name in names.replace(",", " ").split())


def as_size(value: object) -> Size:
    """``value`` as a size: integers become ``int``, symbols of another kind are refused."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, sympy.Integer):
        return int(value)
    if isinstance(value, sympy.Expr) and value.is_integer and all(s.is_nonnegative for s in value.free_symbols):
        return value
    raise NotationError(f"{value!r} is not a size: use an integer or a symbol made by sizes(...)")


def plus(a: Size, b: Size) -> Size:
    """The sum of two sizes, expanded."""
    return a + b if isinstance(a, int) and isinstance(b, int) else _plus(a, b)


def times(a: Size, b: Size) -> Size:
    """The product of two sizes, expanded."""
    return a * b if isinstance(a, int) and isinstance(b, int) else _times(a, b)


@lru_cache(maxsize=50_000)
def _plus(a: Size, b: Size) -> Size:
    total = sympy.expand(a + b)
    return int(total) if total.is_Integer else total


@lru_cache(maxsize=50_000)
def _times(a: Size, b: Size) -> Size:
    product = sympy.expand(a * b)
    return int(product) if product.is_Integer else product


@lru_cache(maxsize=20_000)
def exact_quotient(value: Size, divisor: Size) -> Size | None:
    """``value / divisor`` where that is a size for every assignment, else None."""
    if isinstance(value, int) and isinstance(divisor, int):
        return value // divisor if value % divisor == 0 else None
    quotient = sympy.cancel(as_expression(value) / as_expression(divisor))
    if quotient.is_Integer:
        return int(quotient)
    # a floor is a whole number like a symbol: half of 2⌊d/2⌋ is ⌊d/2⌋
    floors = {whole: sympy.Dummy(integer=True) for whole in quotient.atoms(sympy.floor)}
    return quotient if quotient.is_integer and quotient.xreplace(floors).is_polynomial() else None


def as_expression(value: Size) -> sympy.Expr:
    """A size as a SymPy expression."""
    return sympy.Integer(value) if isinstance(value, int) else value


def size_symbols(value: Size) -> frozenset[sympy.Symbol]:
    """The symbols in a size."""
    return frozenset() if isinstance(value, int) else frozenset(value.free_symbols)


def evaluate_size(value: Size, assignment: dict[sympy.Symbol, int]) -> int:
    """The integer that a size is when its symbols have the given values.

    Raises: NotationError when a symbol has no value, or the result is no integer.
    """
    if isinstance(value, int):
        return value
    number = value.xreplace({symbol: sympy.Integer(n) for symbol, n in assignment.items()})
    if number.is_Integer:
        return int(number)
    missing = sorted(str(symbol) for symbol in number.free_symbols)
    reason = f"no value for {', '.join(missing)}" if missing else f"{number} is no integer"
    raise NotationError(f"size {value} cannot be evaluated: {reason}")


@lru_cache(maxsize=20_000)
def certainly_nonnegative(value: Size) -> bool:
    """Whether ``value >= 0`` for all values of its symbols; False means "not shown".

    Every symbol is replaced by its minimum plus a symbol that is at least 0. A polynomial whose coefficients
    are then all at least 0 is nowhere negative; a fraction is not where both its parts are not. Floors are bounded
    from the side that matters; they stand in the sizes of axes, so none that may be positive is taken to be negative.
    """
    if isinstance(value, int):
        return value >= 0
    value = _bound_floors_below(value)
    if not value.is_polynomial():
        above, below = sympy.fraction(sympy.together(value))
        return bool(below.is_positive) and _polynomial_nonnegative(above)
    return _polynomial_nonnegative(value)


def _polynomial_nonnegative(value: sympy.Expr) -> bool:
    symbols = value.free_symbols
    if not value.is_polynomial(*symbols) or not all(s.is_nonnegative for s in symbols):
        return False
    shifted = sympy.expand(value.xreplace({s: s + 1 for s in symbols if s.is_positive}))
    return all(term.as_coeff_Mul()[0] >= 0 for term in sympy.Add.make_args(shifted))


def _bound_floors_below(value: sympy.Expr) -> sympy.Expr:
    """An expression without floors that is at most ``value``."""
    value = sympy.expand(value)
    for atom in sorted(value.atoms(sympy.floor), key=str):
        coefficient = value.coeff(atom)
        rest = sympy.expand(value - coefficient * atom)
        if rest.has(atom):
            return sympy.Integer(-1)
        if certainly_nonnegative(coefficient):
            # An output size is floor(...) + 1 and positive, so its floor is at least 0. But SymPy takes whole parts
            # out, floor((s*n - 1)/s) is n + floor(-1/s), and what is left there is negative.
            below = certainly_nonnegative(-atom.args[0])
            value = sympy.expand(rest + coefficient * (atom.args[0] - 1)) if below else rest
        elif certainly_nonnegative(-coefficient):
            value = sympy.expand(rest + coefficient * atom.args[0])
        else:
            return sympy.Integer(-1)
    return value
