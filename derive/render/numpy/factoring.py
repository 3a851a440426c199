"""Contractions with a common factor are one: ``Σ_i X[i,j] P[i,k] - Σ_i X[i,j] T[i,k]`` is a product with ``P - T``.

So are products with an array of more axes than the rest: ``X[i,k] s[i] + X[i,k] t[i]`` is a product with ``s + t``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sympy

from derive.index import Letter
from derive.nodes import Add, Node, Number, Sum, factors_of, is_one, number, terms_of
from derive.notation import add, mul
from derive.program import Program
from derive.render.numpy.distribution import product_summed
from derive.render.numpy.regions import region_of
from derive.render.numpy.values import rewritten
from derive.terms import split_coefficient
from derive.tree import key, map_children, rename_bound, substitute

__all__ = ["factored"]

MOST_LETTERS = 3
"""Over how many letters sums may run that are compared in every order of these."""


def factored(program: Program) -> Program:
    """The program with sums of contractions that share a factor as one contraction."""
    return rewritten(program, _factored, recurrences=True)


@dataclass(frozen=True, eq=False)
class _Term:
    """A product summed over letters."""

    letters: tuple[Letter, ...]
    factors: tuple[Node, ...]

    @property
    def node(self) -> Node:
        return product_summed(self.letters, self.factors)


def _factored(node: Node) -> Node:
    node = map_children(node, _factored)
    if not isinstance(node, Add):
        return node
    written = [t for term in node.terms for t in _apart(term)]
    terms = [_term(t) for t in written]
    while (found := _first_pair(terms)) is not None:
        a, b, made = found
        terms = [made if m == a else t for m, t in enumerate(terms) if m != b]
    return _without_number([t.node for t in terms]) if len(terms) < len(written) else node


def _without_number(terms: Sequence[Node]) -> Node:
    """The sum, times the number that all terms are multiplied by, but for their signs."""
    first, *rest = (abs(split_coefficient(t)[0]) for t in terms)
    if first == 1 or any(other != first for other in rest):
        return add(*terms)
    return mul(number(first), add(*(mul(number(1 / first), t) for t in terms)))


def _apart(term: Node) -> Iterator[Node]:
    """The terms of a number times a sum; any other term alone."""
    coefficient, rest = split_coefficient(term)
    if isinstance(rest, Add):
        for t in rest.terms:
            yield from _apart(mul(number(coefficient), t))
    else:
        yield term


def _term(node: Node) -> _Term:
    sums = [f for f in factors_of(node) if isinstance(f, Sum)]
    if len(sums) != 1:
        return _Term((), factors_of(node))
    inner = rename_bound(sums[0])
    assert isinstance(inner, Sum)
    return _Term(
        inner.letters, tuple(g for f in factors_of(node) for g in (factors_of(inner.body) if f is sums[0] else (f,)))
    )


def _first_pair(terms: Sequence[_Term]) -> tuple[int, int, _Term] | None:
    """Two terms, by their places, and the term that they are together."""
    for (a, first), (b, second) in itertools.combinations(enumerate(terms), 2):
        fewer = min(len(first.letters), len(second.letters))
        for one, other in itertools.product(_over_fewer(first, fewer), _over_fewer(second, fewer)):
            for letters in _orders(one.letters, other.letters):
                renamed = tuple(substitute(f, dict(zip(letters, one.letters, strict=True))) for f in other.factors)
                made = _together(one, renamed)
                if made is not None:
                    return a, b, made
    return None


def _over_fewer(term: _Term, count: int) -> Iterator[_Term]:
    """The term as a sum over so many of its letters, what depends on the others summed inside."""
    if len(term.letters) == count:
        yield term
    elif count > 0 and len(term.letters) <= MOST_LETTERS:
        for kept in itertools.combinations(term.letters, count):
            inner = [x for x in term.letters if x not in kept]
            inside = [f for f in term.factors if not f.free.isdisjoint(inner)]
            outside = [f for f in term.factors if f.free.isdisjoint(inner)]
            yield _Term(kept, (*outside, Sum(*inner, mul(*inside))))


def _orders(wanted: Sequence[Letter], letters: Sequence[Letter]) -> Iterator[tuple[Letter, ...]]:
    """The letters in the orders in which they are as long as those that are wanted."""
    if len(wanted) == len(letters) <= MOST_LETTERS:
        for order in itertools.permutations(letters):
            if all(x.size == y.size for x, y in zip(order, wanted, strict=True)):
                yield order


def _together(one: _Term, others: tuple[Node, ...]) -> _Term | None:
    """The sum of two terms with the same letters; None where they share no factor that the rest is smaller than."""
    left = list(others)
    common: list[Node] = []
    mine: list[Node] = []
    for factor in one.factors:
        same = next((f for f in left if key(f) == key(factor)), None)
        if same is None or isinstance(factor, Number):
            mine.append(factor)
        else:
            common.append(factor)
            left.remove(same)
    first, second, scale = _scaled(mul(*mine), mul(*left))
    shared = mul(*common)
    free = first.free | second.free
    fits = first.free == second.free or any(free <= f.free for f in common)
    if is_one(region_of(shared, ())[1]) or not fits or shared.free <= free:
        return None
    if any(_is_outer(part, one.letters) for part in (first, second)):
        return None
    return _Term(one.letters, (scale, *common, add(*terms_of(first), *terms_of(second))))


def _is_outer(node: Node, letters: Sequence[Letter]) -> bool:
    """Whether a product is one of a vector of summed letters and one of others, which no matrix is made of."""
    parts = [f.free for f in factors_of(node) if f.free]
    summed = [free for free in parts if not free.isdisjoint(letters)]
    return 0 < len(summed) < len(parts) and all(free <= frozenset(letters) for free in summed)


def _scaled(a: Node, b: Node) -> tuple[Node, Node, Number]:
    """Two terms without the number that both are multiplied by, but for the sign of the second, and that number."""
    one, other = split_coefficient(a)[0], split_coefficient(b)[0]
    shared = sympy.Integer(1)
    if other in (one, -one):
        shared = one
    elif one.could_extract_minus_sign() and other.could_extract_minus_sign():
        shared = sympy.Integer(-1)
    return mul(number(1 / shared), a), mul(number(1 / shared), b), number(shared)
