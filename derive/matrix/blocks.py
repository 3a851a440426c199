"""Parts of an axis: a sum whose terms count between certain indices only, read part by part.

``[m < k] f[m] + [m ≥ k] g[m-k]`` is ``f`` up to k and ``g`` from there on. What an expert writes as a concatenation,
or as the gradient by each gate of an LSTM beside the next, is such a sum. The important function is ``parts_along``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from derive.contraction import contract
from derive.index import Index, Letter, as_index
from derive.nodes import Bracket, Node, Sum, factors_of, terms_of
from derive.notation import add, mul
from derive.size_algebra import Size, certainly_nonnegative, plus, times
from derive.tree import substitute

__all__ = ["Part", "parts_along"]

MOST = 8
"""How many parts an axis is cut into."""


@dataclass(frozen=True)
class Part:
    """A part of an axis: its length, its own letter (none where the length is 1), and the value there."""

    length: Size
    letter: Letter | None
    node: Node


@dataclass(frozen=True)
class _Term:
    """A term that counts from an index up to before another, without the brackets that say so."""

    start: Size
    stop: Size
    body: Node
    at_one: bool


def parts_along(node: Node, letter: Letter, length: Size) -> tuple[Part, ...] | None:
    """The parts into which brackets cut the axis of a letter; None where they do not, or not at every size alike."""
    terms = []
    for term in terms_of(node):
        read = _read(term, letter, length)
        if read is None:
            return None
        terms.append(read)
    bounds = _in_order([0, length, *(end for term in terms for end in (term.start, term.stop))])
    if bounds is None or not 2 < len(bounds) <= MOST + 1:
        return None
    parts = []
    for start, stop in itertools.pairwise(bounds):
        inside = [t for t in terms if _at(bounds, t.start) <= _at(bounds, start) < _at(bounds, t.stop)]
        parts.append(_part(add(*(t.body for t in inside)), letter, start, plus(stop, times(start, -1))))
        if not inside and any(t.at_one for t in terms):
            return None
    return tuple(parts)


def _read(term: Node, letter: Letter, length: Size) -> _Term | None:
    """A term with the limits that its brackets set; None where it is not known which of two is the tighter."""
    whole = term.body if isinstance(term, Sum) else term
    start: Size | None = 0
    stop: Size | None = length
    at_one = False
    rest: list[Node] = []
    for factor in factors_of(whole):
        found = _limits(factor, letter)
        if found is None:
            rest.append(factor)
            continue
        low, high = found
        at_one = at_one or (low is not None and high is not None)
        start = start if low is None else _farther(start, low, 1)
        stop = stop if high is None else _farther(stop, high, -1)
        if start is None or stop is None:
            return None
    if len(rest) == len(factors_of(whole)):
        return _Term(0, length, term, False)
    body = mul(*rest)
    return _Term(start, stop, Sum(*term.letters, body) if isinstance(term, Sum) else body, at_one)


def _limits(factor: Node, letter: Letter) -> tuple[Size | None, Size | None] | None:
    """From which index on, and up to before which, a bracket of this letter alone holds."""
    if not isinstance(factor, Bracket) or factor.relation == "≠":
        return None
    form = factor.difference()
    if len(form.terms) != 1 or form.coefficient(letter) not in (1, -1):
        return None
    at = times(form.constant, -1) if form.coefficient(letter) == 1 else form.constant
    if factor.relation == "=":
        return at, plus(at, 1)
    return (at, None) if form.coefficient(letter) == 1 else (None, plus(at, 1))


def _farther(one: Size, two: Size, direction: int) -> Size | None:
    """The larger of two sizes, or the smaller in direction -1; None where that is not known."""
    ahead = times(plus(one, times(two, -1)), direction)
    if certainly_nonnegative(ahead):
        return one
    return two if certainly_nonnegative(times(ahead, -1)) else None


def _in_order(ends: Iterable[Size]) -> list[Size] | None:
    """Sizes from the smallest, each once; None where their order is not certain."""
    found: list[Size] = []
    for end in ends:
        place = 0
        while place < len(found) and end != found[place] and _is_less(found[place], end):
            place += 1
        if place < len(found) and end == found[place]:
            continue
        if place < len(found) and not _is_less(end, found[place]):
            return None
        found.insert(place, end)
    return found


def _is_less(one: Size, two: Size) -> bool:
    return certainly_nonnegative(plus(plus(two, -1), times(one, -1)))


def _at(bounds: list[Size], end: Size) -> int:
    return bounds.index(end)


def _part(node: Node, letter: Letter, start: Size, length: Size) -> Part:
    own = None if length == 1 else Letter(letter.name, length)
    place = as_index(start) if own is None else Index(((own, 1),), start)
    # brackets of numbers are decided
    return Part(length, own, contract(substitute(node, {letter: place})))
