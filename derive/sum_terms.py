"""Sums over letters that share a factor, as one: ``Σ_i x_i μ_i - Σ_i x_i y_i`` is ``Σ_i x_i (μ_i - y_i)``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from derive.index import Letter
from derive.nodes import Add, Node, Over, Sum, factors_of
from derive.notation import add, mul
from derive.tree import key, length, substitute

__all__ = ["with_sums_joined"]

Factors = tuple[Node, ...]


def with_sums_joined(node: Add, tidy: Callable[[Node], Node]) -> Node:
    """The sum with two of its terms joined that are sums with a factor in common; the node itself without such."""
    sums = [(term, split) for term in node.terms if (split := _split(term)) is not None]
    for m, (first, (outer, total)) in enumerate(sums):
        for second, (other_outer, other) in sums[m + 1 :]:
            for renamed in _aligned(other, total):
                joined = _joined(outer, total, other_outer, renamed)
                if joined is None:
                    continue
                terms = [joined if t is first else t for t in node.terms if t is not second]
                made = tidy(add(*terms))
                if length(made) < length(node):
                    return made
    return node


def _split(term: Node) -> tuple[Factors, Sum] | None:
    """The factors of a term before its only sum, and that sum."""
    factors = factors_of(term)
    sums = [f for f in factors if isinstance(f, Sum)]
    if len(sums) != 1:
        return None
    return tuple(f for f in factors if f is not sums[0]), sums[0]


def _aligned(other: Sum, total: Sum) -> Iterator[Node]:
    """The body of another sum with the letters of this one, where their sizes are the same."""
    if [x.length for x in other.letters] == [x.length for x in total.letters]:
        yield substitute(other.body, dict(zip(other.letters, total.letters, strict=True)))


def _joined(outer: Factors, total: Sum, other_outer: Factors, other: Node) -> Node | None:
    """One sum for two, with the factors in front that both have; None where they share none under the sum."""
    shared, one, two = _shared(factors_of(total.body), factors_of(other))
    if not any(not f.free.isdisjoint(total.letters) for f in shared):
        return None
    front, left, right = _shared(outer, other_outer)
    inside = frozenset[Letter]().union(*(f.free for f in (*left, *right)))
    beside = [mul(*part).free.difference(total.letters) for part in (one, two)]
    if not inside <= total.free or beside[0] != beside[1]:
        # what a matrix product computes would be summed anew for every entry
        return None
    if not (_is_of_one_array(one) and _is_of_one_array(two)):
        return None
    difference = add(mul(*left, *one), mul(*right, *two))
    return mul(*front, Sum(*total.letters, mul(*shared, difference)))


def _is_of_one_array(factors: Sequence[Node]) -> bool:
    """Whether a product has no more axes than one of its factors has, and no inverse: systems are solved instead."""
    free = frozenset[Letter]().union(*(f.free for f in factors))
    inverse = any(isinstance(f, Over) and f.function.name == "inverse" for f in factors)
    return not inverse and (not factors or any(f.free == free for f in factors))


def _shared(one: Sequence[Node], two: Sequence[Node]) -> tuple[list[Node], list[Node], list[Node]]:
    """The factors that two products share, and what is left of each."""
    shared, left, right = [], list(one), list(two)
    for factor in one:
        at = next((m for m, f in enumerate(right) if key(f) == key(factor)), None)
        if at is not None:
            shared.append(factor)
            left.remove(factor)
            del right[at]
    return shared, left, right
