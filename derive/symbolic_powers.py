"""Powers whose exponents are no numbers: ``x·x^(γ-1)`` is ``x^γ``, and ``x^(γ-1)`` is what ``a x^(γ-1) - x^γ`` share.

An exponent is a part that varies and a whole number beside it; powers of one base with the same part come together.
Both sides are equal wherever both are finite.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from derive.nodes import Add, Node, Number, Pow, number
from derive.notation import add, power
from derive.tree import key

__all__ = ["combined_powers", "shared_power"]


def _split(factor: Node) -> tuple[Node, Node, sympy.Expr] | None:
    """Base, varying part of the exponent, and whole number; None where the exponent is a number."""
    if not isinstance(factor, Pow) or isinstance(factor.exponent, Number):
        return None
    terms = factor.exponent.terms if isinstance(factor.exponent, Add) else (factor.exponent,)
    whole = [t for t in terms if isinstance(t, Number) and t.value.is_Integer]
    varying = add(*(t for t in terms if not any(t is w for w in whole)))
    return factor.base, varying, sum((t.value for t in whole), sympy.Integer(0))


def _raised(base: Node, varying: Node, whole: sympy.Expr) -> Node:
    return power(base, add(varying, number(whole)))


def combined_powers(factors: Sequence[Node]) -> list[Node]:
    """The factors, powers of one base with the same varying part as one, a plain power of that base with them."""
    if not any(_split(f) is not None for f in factors):
        return list(factors)
    made: list[Node] = []
    for factor in factors:
        for place, other in enumerate(made):
            joined = _joined(other, factor)
            joined = _joined(factor, other) if joined is None else joined
            if joined is not None:
                made[place] = joined
                break
        else:
            made.append(factor)
    return made


def _joined(varied: Node, factor: Node) -> Node | None:
    """One power for two of the same base, of which the first varies; None where they do not fit."""
    split = _split(varied)
    if split is None:
        return None
    base, varying, whole = split
    other = _split(factor)
    if other is not None:
        fits = key(other[0]) == key(base) and key(other[1]) == key(add(number(-1) * varying))
        return power(base, number(whole + other[2])) if fits else None
    plain, exponent = (factor.base, factor.exponent) if isinstance(factor, Pow) else (factor, number(1))
    if key(plain) != key(base) or not isinstance(exponent, Number) or not exponent.value.is_Integer:
        return None
    return _raised(base, varying, whole + exponent.value)


def shared_power(terms: Sequence[Sequence[Node]]) -> tuple[Node, list[list[Node]]] | None:
    """The power that all terms, given by their factors, have in common, and the factors that are left; else None."""
    for factor in terms[0]:
        split = _split(factor)
        if split is None:
            continue
        base, varying, _ = split
        found = [_place(base, varying, factors) for factors in terms]
        if any(place is None for place in found):
            continue
        orders = [_split(factors[m])[2] for factors, m in zip(terms, found, strict=True)]  # type: ignore[index]
        least = min(orders)
        if all(order == least for order in orders):
            continue
        left = [
            [power(base, number(order - least)) if k == m else f for k, f in enumerate(factors)]
            for factors, m, order in zip(terms, found, orders, strict=True)
        ]
        return _raised(base, varying, least), left
    return None


def _place(base: Node, varying: Node, factors: Sequence[Node]) -> int | None:
    for m, factor in enumerate(factors):
        split = _split(factor)
        if split is not None and key(split[0]) == key(base) and key(split[1]) == key(varying):
            return m
    return None
