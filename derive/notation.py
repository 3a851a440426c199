"""What people write formulas with: tensors and names, sums, products and powers, brackets.

The three most important functions are the constructors ``add``, ``mul`` and ``power``, to which Python's operators
lead. They fold zeros, ones and numbers, and keep the author's order.
"""

from __future__ import annotations

from typing import Any

import sympy

from derive.errors import NotationError
from derive.index import Index, Letter, as_index
from derive.nodes import (
    ONE,
    ZERO,
    Add,
    Bracket,
    Mul,
    Node,
    Number,
    Pow,
    Ref,
    Sum,
    Tensor,
    as_node,
    is_one,
    is_zero,
    number,
)
from derive.size_algebra import Size, as_size

__all__ = [
    "add", "at_least", "at_most", "equal", "first", "inside", "less", "mean", "mul", "name", "names", "power",
    "range_brackets", "tensor",
]  # fmt: skip


def tensor(
    name: str,
    *shape: object,
    meaning: str | tuple[str, str] = "",
    domain: str = "real",
    below: object = None,
) -> Tensor:
    """An input: its name, its shape (sizes), what it means (English, Chinese) and where its entries lie."""
    checked = tuple(as_size(axis) for axis in shape)
    limit = None if below is None else as_size(below)
    return Tensor(_checked_name(name), checked, below=limit, domain=domain, meaning=meaning)


def name(name: str, meaning: str | tuple[str, str] = "") -> Tensor:
    """A name that a definition will give a shape to."""
    return Tensor(_checked_name(name), meaning=meaning)


def names(text: str) -> tuple[Tensor, ...]:
    """Names from a text: ``Z, P, L = names("Z P L")``."""
    return tuple(name(one) for one in text.replace(",", " ").split())


def _checked_name(text: str) -> str:
    if not text.isidentifier():
        raise NotationError(f"a tensor needs a name that is an identifier, not {text!r}")
    return text


def add(*terms: Node) -> Node:
    """The sum of the terms, flattened; zeros vanish, the order stays."""
    flat: list[Node] = []
    for term in terms:
        if isinstance(term, Add):
            flat.extend(term.terms)
        elif not is_zero(term):
            flat.append(term)
    if len(flat) > 1 and sum(isinstance(t, Number) for t in flat) > 1:
        total = number(sum(t.value for t in flat if isinstance(t, Number)))
        place = next(i for i, t in enumerate(flat) if isinstance(t, Number))
        flat = [total if i == place else t for i, t in enumerate(flat) if i == place or not isinstance(t, Number)]
        flat = [t for t in flat if not is_zero(t)]
    if not flat:
        return ZERO
    return flat[0] if len(flat) == 1 else Add(tuple(flat))


def mul(*factors: Node) -> Node:
    """The product, flattened: numbers are multiplied and stand first, 1 vanishes, 0 takes all, the infinite too."""
    coefficient: sympy.Expr | None = None
    rest: list[Node] = []
    for factor in factors:
        for part in factor.factors if isinstance(factor, Mul) else (factor,):
            if isinstance(part, Number):
                if part.value == 0:
                    return ZERO
                coefficient = part.value if coefficient is None else coefficient * part.value
            else:
                rest.append(part)
    if coefficient is not None and coefficient != 1:
        rest.insert(0, Number(coefficient))
    if not rest:
        return ONE
    return rest[0] if len(rest) == 1 else Mul(tuple(rest))


def power(base: Node, exponent: Node) -> Node:
    """``base ** exponent``; exponents 0 and 1, numbers, and powers of powers to whole exponents are folded."""
    if is_one(exponent):
        return base
    if is_zero(exponent):
        return ONE
    if isinstance(exponent, Number):
        if isinstance(base, Number) and (exponent.value.is_integer or base.value.is_positive):
            if base.value.is_zero and exponent.value.is_negative:
                raise NotationError("division by zero")
            return Number(base.value**exponent.value)
        if exponent.value.is_integer:
            if isinstance(base, Pow) and isinstance(base.exponent, Number):
                return power(base.base, Number(base.exponent.value * exponent.value))
            if isinstance(base, Mul) and isinstance(base.factors[0], Number):
                return mul(power(base.factors[0], exponent), power(mul(*base.factors[1:]), exponent))
    return Pow(base, exponent)


def mean(*letters_and_body: Any) -> Node:
    """``mean(i, X[i, j])``: the sum over letters of known size, divided by their number."""
    *along, body = letters_and_body
    count: Any = sympy.Integer(1)
    for one in along:
        count = count * one.length
    return number(1 / count) * Sum(*along, body)


def equal(left: object, right: object) -> Bracket:
    """``[left = right]``."""
    return Bracket(as_index(left), "=", as_index(right))


def at_most(left: object, right: object) -> Bracket:
    """``[left ≤ right]``."""
    return Bracket(as_index(left), "≤", as_index(right))


def at_least(left: object, right: object) -> Bracket:
    """``[left ≥ right]``."""
    return Bracket(as_index(left), "≥", as_index(right))


def less(left: object, right: object) -> Bracket:
    """``[left < right]``."""
    return Bracket(as_index(left), "<", as_index(right))


def range_brackets(index: Index, size: Size) -> list[Node]:
    """Brackets that keep an index inside an axis, where it is not certain."""
    brackets: list[Node] = []
    if not index.certainly_at_least_zero():
        brackets.append(at_least(index, 0))
    if not index.certainly_below(size):
        brackets.append(less(index, size))
    return brackets


def inside(node: Ref) -> Node:
    """The entry where its indices are inside the tensor, else 0: padding with zeros, written out as brackets."""
    brackets: list[Node] = []
    for axis, index in zip(node.tensor.axes, node.indices, strict=True):
        if index.letter is not None and index.letter.size in (None, axis):
            continue
        if not index.certainly_at_least_zero():
            brackets.append(at_least(index, 0))
        if not index.certainly_below(axis):
            brackets.append(at_most(index, Index((), axis) - 1))
    return mul(node, *brackets)


def first(along: Letter, initial: object, later: object) -> Node:
    """``initial`` where the letter is 0, ``later`` where it is at least 1: the start of a recurrence."""
    return Add((mul(equal(along, 0), as_node(initial)), mul(at_least(along, 1), as_node(later))))
