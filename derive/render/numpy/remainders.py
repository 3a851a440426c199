"""Sums that a remainder leaves one term of: ``Σ_{p,q} [4 | a - 2p - q] T[(a - 2p - q)/4, p, q]`` is a single entry.

The digits ``p`` and ``q`` of a number are then those of ``a mod 4``, and the quotient is ``⌊a/4⌋``.
"""

from __future__ import annotations

from collections.abc import Sequence

from derive.index import Index, Letter, Quotient, Remainder, as_index, index_floor, index_mod
from derive.nodes import Bracket, Node, Sum, factors_of
from derive.notation import mul
from derive.program import Program
from derive.render.numpy.values import rewritten
from derive.size_algebra import Size, times
from derive.tree import map_children, map_indices, substitute

__all__ = ["with_remainders"]


def with_remainders(program: Program) -> Program:
    """The program with the digits of remainders in the place of letters that are summed over."""
    return rewritten(program, _solved)


def _solved(node: Node) -> Node:
    node = map_children(node, _solved)
    if not isinstance(node, Sum):
        return node
    factors = list(factors_of(node.body))
    for bracket in factors:
        remainder = _whole(bracket)
        number = None if remainder is None else _number(remainder, node.letters)
        if remainder is None or number is None:
            continue
        rest, digits = number
        left = (f for f in factors if f is not bracket and not _is_sign(f, remainder.index))
        body = mul(*(substitute(_divided(f, remainder, rest), digits) for f in left))
        letters = [x for x in node.letters if x not in digits]
        return Sum(*letters, body) if letters else body
    return node


def _whole(bracket: Node) -> Remainder | None:
    """The remainder that a bracket says to be 0."""
    form = bracket.difference() if isinstance(bracket, Bracket) and bracket.relation == "=" else None
    atom = form.terms[0][0] if form is not None and len(form.terms) == 1 and form.constant == 0 else None
    return atom if isinstance(atom, Remainder) else None


def _number(remainder: Remainder, letters: Sequence[Letter]) -> tuple[Index, dict[Letter, Index]] | None:
    """What a number of digits among the letters is subtracted from, and the digits that leave no remainder."""
    rest = remainder.index
    weights = {x: times(rest.coefficient(x), -1) for x in letters if rest.coefficient(x) != 0}
    for x in weights:
        rest = rest.without(x)
    radix: Size = 1
    digits: dict[Letter, Index] = {}
    while len(digits) < len(weights):
        one = next((x for x, w in weights.items() if x not in digits and w == radix), None)
        if one is None:
            return None
        digits[one] = index_mod(rest if radix == 1 else index_floor(rest, radix), one.length)
        radix = times(radix, one.length)
    fits = digits and radix == remainder.divisor and rest.certainly_at_least_zero()
    return (rest, digits) if fits and rest.free.isdisjoint(letters) else None


def _is_sign(factor: Node, form: Index) -> bool:
    """Whether a bracket says that a number which is a multiple of a divisor is not negative."""
    return isinstance(factor, Bracket) and factor.relation not in "=≠" and factor.difference() == form


def _divided(node: Node, remainder: Remainder, rest: Index) -> Node:
    """The node with the quotient that leaves no remainder as that of what the digits are subtracted from."""

    def exchanged(index: Index) -> Index:
        total = Index((), index.constant)
        for atom, coefficient in index.terms:
            same = type(atom) is Quotient and (atom.index, atom.divisor) == (remainder.index, remainder.divisor)
            new = index_floor(rest, remainder.divisor) if same else as_index(atom)
            total = total + new.scaled(coefficient)
        return total

    return map_indices(node, exchanged, lambda child: _divided(child, remainder, rest))
