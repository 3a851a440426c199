"""Arrays of which entries or rows are written anew: ``[i ≠ 1] R[i,j] + [i = 1] [j ≠ 2] R[i,j]`` has no ``R[1,2]``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from derive.contraction import decided
from derive.index import Letter, as_index
from derive.nodes import Bracket, Node, factors_of
from derive.notation import mul
from derive.render.numpy.regions import Region, Span
from derive.size_algebra import Size, plus
from derive.tree import key, substitute

__all__ = ["overwritten", "settled"]

Place = tuple[Letter, Size]
"""A letter, and where on its axis it is."""


def settled(term: Node) -> Node:
    """A product with its brackets decided at the places where others say that letters are."""
    places = dict(place for f in factors_of(term) if (place := _place(f, "=")) is not None)
    here = {x: as_index(at) for x, at in places.items()}
    return mul(
        *(
            decided(substitute(f, here)) if isinstance(f, Bracket) and _place(f, "=") is None else f
            for f in factors_of(term)
        )
    )


def overwritten(terms: Sequence[Node], fixed: Collection[Letter]) -> tuple[Node, list[Region], list[Node]] | None:
    """What all but parts are left of, these parts, and the other terms; None where nothing is left so."""
    for term in terms:
        places, value = _left_out(term, fixed)
        if places:
            rest = [t for t in terms if t is not term]
            return value, [part for place in places for part in _parts(value, place, {}, rest)], rest
    return None


def _left_out(term: Node, fixed: Collection[Letter]) -> tuple[list[Place], Node]:
    """The places that brackets of a product leave out of axes, and the product without these."""
    found = {f: place for f in factors_of(term) if (place := _place(f, "≠")) is not None and place[0] not in fixed}
    return list(found.values()), mul(*(f for f in factors_of(term) if f not in found))


def _parts(value: Node, place: Place, within: Region, rest: list[Node]) -> Iterator[Region]:
    """The parts of a region that are left out of a value: all but what other terms, which are removed, have again."""
    one, at = place
    region = {**within, one: Span(at, plus(at, 1))}
    value = decided(substitute(value, {one: as_index(at)}))
    for term in rest:
        places = _again(term, value, region)
        if places:
            rest[:] = [t for t in rest if t is not term]
            for inner in places:
                yield from _parts(value, inner, region, rest)
            return
    yield region


def _again(term: Node, value: Node, region: Region) -> list[Place]:
    """The places that a term leaves out of a value in a region, where it is the value at all others."""
    equations = {place: f for f in factors_of(term) if (place := _place(f, "=")) is not None}
    if any((x, span.low) not in equations for x, span in region.items()):
        return []
    own = [equations[x, span.low] for x, span in region.items()]
    inside = mul(*(f for f in factors_of(term) if f not in own))
    places, whole = _left_out(decided(substitute(inside, {x: as_index(s.low) for x, s in region.items()})), region)
    return places if key(whole) == key(value) else []


def _place(factor: Node, relation: str) -> Place | None:
    """The letter that a bracket compares with a place on its axis, and the place."""
    if not isinstance(factor, Bracket) or factor.relation != relation:
        return None
    for one, other in ((factor.left.letter, factor.right), (factor.right.letter, factor.left)):
        inside = other.certainly_at_least_zero() and one is not None and other.certainly_below(one.length)
        if one is not None and inside and not other.terms:
            return one, other.constant
    return None
