"""Merged axes split into their digits: a letter that is read as ``m // k`` and ``m % k`` becomes ``h·k + e``.

What is then read at ``h·k + e`` is reshaped to the axes ``h, e``, and what is read at a digit has that axis already.
A definition is computed with the digits of its letters, and ``merged`` lays the value out along the axes that it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from derive.index import Index, Letter, Quotient, as_index, index_floor, index_mod, split_index
from derive.nodes import Bracket, Node, Over, Ref, Sum
from derive.render.numpy.arrays import Named, aligned
from derive.render.numpy.code import Code, call, method
from derive.render.numpy.functions import ALONG, ROOTS
from derive.render.numpy.radix import near, taken_apart
from derive.size_algebra import Size, certainly_nonnegative, exact_quotient
from derive.size_algebra import times as size_times
from derive.tree import map_children, substitute, walk

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
    return node.function.name in (*ALONG, *ROOTS) and not node.function.integer and len(node.arguments) == 1


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
    if isinstance(node, Bracket) and index.coefficient(one) != 0:
        other = node.right if index is node.left else node.left
        tied = other.letter is not None and other.letter.length == one.length
        if node.relation == "=":
            return index.letter is one and (tied or bool(_radix(other, one.length)))
        return node.relation != "≠" and bool(node.difference().without(one).free)
    if index.coefficient(one) != 0:
        return index.letter is one or _is_lowest(index, one)
    return all(not isinstance(a, Quotient) or one not in a.index.free or _is_digit(a, one) for a, _ in index.terms)


def _is_lowest(index: Index, one: Letter) -> bool:
    """Whether a letter is the lowest digit of an index."""
    _, rest = split_index(index.without(one), one.length)
    return index.coefficient(one) == 1 and not rest.terms and rest.constant == 0


def _is_digit(atom: Quotient, one: Letter) -> bool:
    """Whether what is divided is a letter less a digit, or consists of digits itself."""
    inner = atom.index
    if inner.coefficient(one) == 1:
        return near(inner.without(one), atom.divisor)
    return all(not isinstance(a, Quotient) or one not in a.index.free or _is_digit(a, one) for a, _ in inner.terms)


def _is_merged(node: Ref, one: Letter) -> bool:
    """Whether a tensor is read at the quotient and the remainder of a letter: it is reshaped as a whole."""
    digits = [a for i in node.indices for a, _ in i.terms if isinstance(a, Quotient) and a.index.letter is one]
    alone = all(len(i.terms) == 1 and i.constant == 0 for i in node.indices if one in i.free)
    return alone and len(digits) == 2 and type(digits[0]) is not type(digits[1])


def _divisors(index: Index, one: Letter) -> Iterator[Size]:
    for atom, _ in index.terms:
        if isinstance(atom, Quotient):
            if atom.index.coefficient(one) == 1:
                yield atom.divisor
            else:
                yield from _divisors(atom.index, one)


def _radices(bracket: Bracket, one: Letter) -> Iterator[Size]:
    """The radix of the number that a letter is equal to."""
    for side, other in ((bracket.left, bracket.right), (bracket.right, bracket.left)):
        if bracket.relation == "=" and side.letter is one:
            yield from _radix(other, one.length)
    form = bracket.difference()
    if bracket.relation not in "=≠" and form.coefficient(one) in (1, -1):
        # a range of the quotient
        for atom, step in form.without(one).terms:
            radix = step if certainly_nonnegative(step) else size_times(step, -1)
            if isinstance(atom, Letter) and radix != 1 and size_times(radix, atom.length) == one.length:
                yield radix


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
    return taken_apart(substitute(node, {one: as_index(high).scaled(low.length) + low}), low.length)


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
            along: dict[str, Code | str] = {"axis": str(m)} if len(groups) > 1 else {}
            code = call("np.repeat", code, t.lengths.code(_size(missing)), work=1, label="", **along)
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
