"""Indices and brackets of numbers in digits, ``h·d + e`` with ``e < d``: what they say of each digit."""

from __future__ import annotations

from derive.index import Index, Quotient, Remainder, as_index, index_floor, index_mod, split_index
from derive.nodes import ONE, Bracket, Mul, Node, Sum, factors_of
from derive.notation import mul
from derive.render.numpy.arrangement import letters_solved
from derive.size_algebra import Size, certainly_nonnegative
from derive.tree import map_indices

__all__ = ["near", "taken_apart"]


def taken_apart(node: Node, radix: Size) -> Node:
    """The node with quotients of sums taken apart, and with a bracket for each digit."""
    node = map_indices(node, _carried, lambda child: taken_apart(child, radix))
    if isinstance(node, Bracket):
        return _of_digits(node, radix)
    if isinstance(node, Mul):
        return _met(node)
    if isinstance(node, Sum):
        factors, letters = letters_solved(list(factors_of(node.body)), list(node.letters))
        if len(letters) < len(node.letters):
            body = taken_apart(mul(*factors), radix)
            return Sum(*letters, body) if letters else body
    return node


def near(index: Index, radix: Size) -> bool:
    """Whether a number lies between ``-radix`` and ``radix``."""
    return (index + (radix - 1)).certainly_at_least_zero() and index.certainly_below(radix)


def _of_digits(bracket: Bracket, radix: Size) -> Node:
    """A bracket, or what it says of digits."""
    form = bracket.difference()
    whole, rest = split_index(form, radix)
    if bracket.relation == "=":
        if whole.terms and rest.terms and near(rest, radix):
            return mul(_equal(whole), _equal(rest))
        atom = form.terms[0][0] if len(form.terms) == 1 and form.constant == 0 else None
        return _equal(atom.index) if isinstance(atom, Remainder) and near(atom.index, atom.divisor) else bracket
    if bracket.relation == "≠":
        return bracket
    if form.certainly_at_least_zero():
        return ONE
    for carried in (0, 1):
        digit, high = rest + as_index(radix).scaled(carried), whole - carried
        if whole.terms and digit.certainly_at_least_zero() and digit.certainly_below(radix):
            return ONE if high.certainly_at_least_zero() else Bracket(high, "≥", as_index(0))
    return bracket


def _met(node: Mul) -> Node:
    """``[w ≥ 0] [w ≤ 0]`` as ``[w = 0]``."""
    factors = list(node.factors)
    guards = [f for f in factors if isinstance(f, Bracket) and f.relation not in "=≠"]
    for m, first in enumerate(guards):
        for second in guards[m + 1 :]:
            if first.difference() == second.difference().scaled(-1):
                rest = [f for f in factors if f is not first and f is not second]
                return mul(*rest, _equal(first.difference()))
    return node


def _equal(index: Index) -> Bracket:
    """The equation that a difference is 0."""
    positive = Index(tuple((a, c) for a, c in index.terms if certainly_nonnegative(c)), 0)
    rest = positive - index
    return Bracket(positive, "=", rest) if positive.terms else Bracket(rest, "=", positive)


def _carried(index: Index) -> Index:
    """``⌊(d·w + r)/d⌋`` as ``w + ⌊r/d⌋``, and ``(d·w + r) mod d`` as ``r mod d``."""
    total = Index((), index.constant)
    for atom, coefficient in index.terms:
        new = as_index(atom)
        if type(atom) is Quotient:
            whole, rest = split_index(_carried(atom.index), atom.divisor)
            new = whole + index_floor(rest, atom.divisor)
        elif isinstance(atom, Remainder):
            _, rest = split_index(_carried(atom.index), atom.divisor)
            new = index_mod(rest, atom.divisor)
        total = total + new.scaled(coefficient)
    return total
