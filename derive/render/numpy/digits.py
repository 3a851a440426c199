"""Merged axes split into their digits: a letter that is read as ``m // k`` and ``m % k`` becomes ``h·k + e``.

What is then read at ``h·k + e`` is reshaped to the axes ``h, e``, and what is read at a digit has that axis already.
A definition is computed with the digits of its letters, and ``merged`` lays the value out along the axes that it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from derive.index import Index, Letter, Quotient, as_index, index_floor, index_mod, split_index
from derive.nodes import Bracket, Node, Over, Ref, Sum
from derive.notation import mul
from derive.render.numpy.arrays import Named, aligned
from derive.render.numpy.code import Code, call, method
from derive.render.numpy.functions import ALONG
from derive.size_algebra import Size, certainly_nonnegative, exact_quotient
from derive.size_algebra import times as size_times
from derive.tree import map_children, map_indices, substitute, walk

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["Digits", "merged", "split", "split_bound"]

Digits = tuple[Letter, ...]
"""The digits of a letter, the highest first; the letter itself where it is not split."""


def split(letters: Sequence[Letter], body: Node) -> tuple[tuple[Digits, ...], Node]:
    """The digits of each of the free letters of a node, and the node with these and with its bound letters split."""
    groups: list[Digits] = [(x,) for x in letters]
    body = split_bound(body)
    while True:
        every = ((m, x) for m, group in enumerate(groups) for x in group)
        found = next(((m, x, d) for m, x in every if (d := _divisor(body, x)) is not None), None)
        if found is None:
            return tuple(groups), body
        m, one, divisor = found
        pair = _pair(body, one, divisor)
        body = split_bound(_at_digits(body, one, pair))
        groups[m] = tuple(y for x in groups[m] for y in (pair if x is one else (x,)))


def split_bound(node: Node) -> Node:
    """The node with the digits of its bound letters in their places."""
    node = map_children(node, split_bound)
    while isinstance(node, (Sum, Over)) and _may_split(node):
        inner = node.body if isinstance(node, Sum) else node.arguments[0]
        found = next(((x, d) for x in node.letters if (d := _divisor(inner, x)) is not None), None)
        if found is None:
            break
        pair = _pair(inner, *found)
        node = _sum_split(node, found[0], pair) if isinstance(node, Sum) else _over_split(node, found[0], pair)
    return node


def _may_split(node: Sum | Over) -> bool:
    """Whether an axis may become several: not where its positions are counted, nor where a matrix is meant."""
    if isinstance(node, Sum):
        return True
    return node.function.name in ALONG and not node.function.integer and len(node.arguments) == 1


def _sum_split(node: Sum, one: Letter, pair: Digits) -> Sum:
    return Sum(*_replaced(node.letters, one, pair), _at_digits(node.body, one, pair))


def _over_split(node: Over, one: Letter, pair: Digits) -> Over:
    at: list[Index] = []
    for x, index in zip(node.letters, node.at, strict=False):
        radix = pair[1].length
        at += [index_floor(index, radix), index_mod(index, radix)] if x is one else [index]
    argument = _at_digits(node.arguments[0], one, pair)
    return Over(node.function, _replaced(node.letters, one, pair), (argument,), tuple(at))


def _replaced(letters: Iterable[Letter], one: Letter, pair: Digits) -> Digits:
    return tuple(y for x in letters for y in (pair if x is one else (x,)))


def _pair(node: Node, one: Letter, divisor: Size) -> Digits:
    """Letters for the quotient and the remainder."""
    taken = {x.name for x in node.free}
    name = next(x for x in ("e", "u", "v", "w", *(f"e{m}" for m in range(99))) if x not in taken)
    high = exact_quotient(one.length, divisor)
    assert high is not None
    return Letter(one.name, high), Letter(name, divisor)


# ----------------------------------------------------------------------------------------------- which are split


def _divisor(node: Node, one: Letter) -> Size | None:
    """What a letter is divided by in a node; None where it is not, or is read in a way that digits do not help."""
    divisors: dict[Size, None] = {}
    for below in walk(node):
        for index in below.indices_here():
            if one not in index.free:
                continue
            if not _readable(below, index, one):
                return None
            if not (isinstance(below, Ref) and _is_merged(below, one)):
                divisors.update(dict.fromkeys(_divisors(index, one)))
        if isinstance(below, Bracket):
            divisors.update(dict.fromkeys(_radices(below, one)))
    known = [d for d in divisors if (high := exact_quotient(one.length, d)) is not None and high != 1]
    if len(known) < len(divisors):
        return None
    # the highest digit first: it is the quotient by what all the others divide
    return next((d for d in known if all(exact_quotient(d, other) is not None for other in known)), None)


def _readable(node: Node, index: Index, one: Letter) -> bool:
    """Whether an index is a letter, or a form of its digits."""
    plain = index.coefficient(one) != 0
    if isinstance(node, Bracket) and plain:
        other = node.right if index is node.left else node.left
        tied = other.letter is not None and other.letter.length == one.length
        return node.relation == "=" and index.letter is one and (tied or bool(_radix(other, one.length)))
    if plain:
        return index.letter is one
    return all(not isinstance(a, Quotient) or one not in a.index.free or _is_digit(a, one) for a, _ in index.terms)


def _is_digit(atom: Quotient, one: Letter) -> bool:
    inner = atom.index
    if inner.letter is one:
        return True
    found = inner.terms[0][0] if len(inner.terms) == 1 and inner.constant == 0 else None
    return isinstance(found, Quotient) and inner.terms[0][1] == 1 and _is_digit(found, one)


def _is_merged(node: Ref, one: Letter) -> bool:
    """Whether a tensor is read at the quotient and the remainder of a letter: it is reshaped as a whole."""
    digits = [a for i in node.indices for a, _ in i.terms if isinstance(a, Quotient) and a.index.letter is one]
    alone = all(len(i.terms) == 1 and i.constant == 0 for i in node.indices if one in i.free)
    return alone and len(digits) == 2 and type(digits[0]) is not type(digits[1])


def _divisors(index: Index, one: Letter) -> Iterator[Size]:
    for atom, _ in index.terms:
        if isinstance(atom, Quotient):
            if atom.index.letter is one:
                yield atom.divisor
            else:
                yield from _divisors(atom.index, one)


def _radices(bracket: Bracket, one: Letter) -> Iterator[Size]:
    """The radix of the number that a letter is equal to."""
    for side, other in ((bracket.left, bracket.right), (bracket.right, bracket.left)):
        if bracket.relation == "=" and side.letter is one:
            yield from _radix(other, one.length)


def _radix(index: Index, size: Size) -> list[Size]:
    """The radix of a number of two digits that counts up to a size."""
    if len(index.terms) != 2 or index.constant != 0:
        return []
    for atom, radix in index.terms:
        low = index.without(atom).letter
        if isinstance(atom, Letter) and low is not None and low.length == radix:
            return [radix] if size_times(radix, atom.length) == size else []
    return []


# ------------------------------------------------------------------------------------------- what becomes of them


def _at_digits(node: Node, one: Letter, pair: Digits) -> Node:
    high, low = pair
    return _separated(substitute(node, {one: as_index(high).scaled(low.length) + low}), low.length)


def _separated(node: Node, radix: Size) -> Node:
    """The node with quotients of sums taken apart, and with an equation for each digit."""
    if isinstance(node, Bracket) and node.relation == "=":
        whole, rest = split_index(node.difference(), radix)
        if whole.terms and rest.terms and _within(rest, radix):
            return mul(_equal(whole), _equal(rest))
    return map_indices(node, _carried, lambda child: _separated(child, radix))


def _within(index: Index, radix: Size) -> bool:
    """Whether a number lies between ``-radix`` and ``radix``."""
    return (index + (radix - 1)).certainly_at_least_zero() and index.certainly_below(radix)


def _equal(index: Index) -> Bracket:
    """The equation that a difference is 0."""
    positive = Index(tuple((a, c) for a, c in index.terms if certainly_nonnegative(c)), 0)
    rest = positive - index
    return Bracket(positive, "=", rest) if positive.terms else Bracket(rest, "=", positive)


def _carried(index: Index) -> Index:
    """``⌊(d·w + r)/d⌋`` as ``w + ⌊r/d⌋``."""
    total = Index((), index.constant)
    for atom, coefficient in index.terms:
        new = as_index(atom)
        if type(atom) is Quotient:
            whole, rest = split_index(_carried(atom.index), atom.divisor)
            new = whole + index_floor(rest, atom.divisor)
        total = total + new.scaled(coefficient)
    return total


# ------------------------------------------------------------------------------------------------- laid out again


def merged(t: Translator, value: Named, groups: Sequence[Digits]) -> Code:
    """The value with an axis for each group of digits: reshaped, and repeated where it lacks the last of them."""
    repeated = {m: _lacking(group, value) for m, group in enumerate(groups)}
    kept = [group[: len(group) - len(repeated[m])] for m, group in enumerate(groups)]
    letters = [x for group in kept for x in group]
    code = aligned(value, letters)
    if set(value.letters) != set(letters):
        code = call("np.broadcast_to", code, t.shape(letters))
    if any(len(group) > 1 for group in kept):
        code = method(code, "reshape", *(t.lengths.code(_size(group)) for group in kept), work=0)
    for m, missing in repeated.items():
        if missing:
            code = call("np.repeat", code, t.lengths.code(_size(missing)), axis=str(m))
    return code


def _lacking(group: Digits, value: Named) -> Digits:
    """The last digits, where the value has those before them alone."""
    count = next((m for m, x in enumerate(reversed(group)) if x in value.letters), 0)
    return group[len(group) - count :]


def _size(group: Digits) -> Size:
    total: Size = 1
    for x in group:
        total = size_times(total, x.length)
    return total
