"""Parts of products and of sums that have a name: in ``Σ_kl c_k B_ki B_jl b_l`` the vector ``x_j = Σ_l B_jl b_l``.

``fold`` in ``algebra`` finds expressions that are the body of a definition as a whole. Here some of the factors of a
product are one, and those of a sum together with the letters that they alone depend on. Names of cotangents and
tangents are left out: what is written with them is not written with what the author named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from derive.algebra import tidy
from derive.definitions import Definition
from derive.index import Index, Letter
from derive.matching import Names, entry_found, match
from derive.nodes import Add, Mul, Node, Number, Partial, Ref, Sum, factors_of, number
from derive.notation import add, mul, power
from derive.terms import base_and_exponent
from derive.tree import length, map_children, rename_bound

__all__ = ["with_parts_named"]

MOST = 10
"""How many factors a product may have in which parts are looked for."""


@dataclass(frozen=True)
class _Form:
    """The body of a definition: a product, or the sum of one over letters, with what stands before it."""

    definition: Definition
    summed: tuple[Letter, ...]
    factors: tuple[Node, ...]


def with_parts_named(node: Node, names: Names) -> Node:
    """The node with a name for every part of a product or sum that has one; the node itself where there is none.

    What is still to be differentiated is left alone: a name hides what it is computed from.
    """
    forms = [form for form in map(_form, names.by_tensor.values()) if form is not None]
    return _named(node, forms) if forms else node


def _form(d: Definition) -> _Form | None:
    if d.tensor.role == "output" or d.tensor.primal is not None:
        return None
    outer, summed, inner = _opened(d.body)
    factors = (*outer, *inner)
    plain = len(factors) > 1 and not any(isinstance(f, Number) for f in factors)
    return _Form(d, summed, factors) if plain else None


def _named(node: Node, forms: Sequence[_Form]) -> Node:
    if isinstance(node, Partial) or not any(f.definition.body.tensors <= node.tensors for f in forms):
        return node
    node = map_children(node, lambda child: _named(child, forms))
    for form in forms:
        if form.definition.body.tensors <= node.tensors:
            if isinstance(node, (Mul, Sum)):
                before = None
                while before is not node and isinstance(node, (Mul, Sum)):
                    before, node = node, _with_form(node, form)
            elif isinstance(node, Add):
                node = _with_terms_apart(node, form)
    return node


def _with_form(node: Node, form: _Form) -> Node:
    named = _whole(node, form)
    if named is not None:
        return named
    spread = _spread(node, form)
    return node if spread is None or length(spread) >= length(node) else spread


def _whole(node: Node, form: _Form) -> Node | None:
    """The product or sum with the name for some of its factors; None where these are none."""
    outer, summed, inner = _opened(node)
    found = _found(form, summed, (*outer, *inner))
    if found is None:
        return None
    entry, used, gone = found
    left = [x for x in summed if x not in gone]
    factors = [f for m, f in enumerate((*outer, *inner)) if m not in used]
    body = mul(*factors, entry)
    return Sum(*left, body) if left else body


def _with_terms_apart(node: Add, form: _Form) -> Node:
    """A sum, one of its terms taken apart where a name stands for a part of that, which others may cancel then."""
    for place, term in enumerate(node.terms):
        spread = _spread(term, form)
        if spread is not None:
            made = tidy(add(*node.terms[:place], spread, *node.terms[place + 1 :]))
            if length(made) < length(node):
                return made
    return node


def _opened(node: Node) -> tuple[tuple[Node, ...], tuple[Letter, ...], tuple[Node, ...]]:
    """The factors before a sum, its letters, and the factors below it."""
    factors = factors_of(node)
    place = next((m for m, f in enumerate(factors) if isinstance(f, Sum)), None)
    if place is None:
        return _units(factors), (), ()
    outer = (*factors[:place], *factors[place + 1 :])
    inside = factors[place]
    assert isinstance(inside, Sum)
    if any(not f.free.isdisjoint(inside.letters) for f in outer):
        renewed = rename_bound(inside)
        assert isinstance(renewed, Sum)
        inside = renewed
    return _units(outer), inside.letters, _units(factors_of(inside.body))


def _units(factors: Sequence[Node]) -> tuple[Node, ...]:
    """The factors, powers as products: ``x/r²`` has the part ``x/r``, and ``x u^{3/2}`` the part ``x √u``."""
    found: list[Node] = []
    for factor in factors:
        base, exponent = base_and_exponent(factor)
        if exponent.is_Rational and 1 < abs(exponent.p) < 4:
            found += [power(base, number(exponent / abs(exponent.p)))] * abs(exponent.p)
        else:
            found.append(factor)
    return tuple(found)


def _found(
    form: _Form, summed: Sequence[Letter], factors: Sequence[Node]
) -> tuple[Ref, frozenset[int], frozenset[Letter]] | None:
    """The entry that some of the factors are, their places, and the letters that go with them."""
    if not 1 < len(factors) <= MOST or len(form.factors) > len(factors) or len(form.summed) > len(summed):
        return None
    letters = frozenset((*form.definition.letters, *form.summed))
    for places in _placed(form.factors, factors, (), letters):
        binding = match(Mul(form.factors), Mul(tuple(factors[m] for m in places)), letters)
        if binding is None:
            continue
        own = {x: index for x, index in binding.items() if x not in form.summed}
        inner = _letters_of_sum(form, binding, summed)
        rest = [f for m, f in enumerate(factors) if m not in places]
        if inner is None or (not rest and len(inner) == len(summed) and not own):
            continue
        if any(not inner.isdisjoint(part.free) for part in rest) or any(
            not inner.isdisjoint(i.free) for i in own.values()
        ):
            continue
        entry = entry_found(form.definition, own)
        if entry is not None:
            return entry, frozenset(places), inner
    return None


def _letters_of_sum(
    form: _Form, binding: Mapping[Letter, Index], summed: Sequence[Letter]
) -> frozenset[Letter] | None:
    """The letters of the sum that the letters of a form are, each along the whole of its axis; else None."""
    found: set[Letter] = set()
    for x in form.summed:
        one = binding[x].letter if x in binding else None
        if one is None or one not in summed or one in found or one.length != x.length:
            return None
        found.add(one)
    return frozenset(found)


def _placed(
    patterns: Sequence[Node], factors: Sequence[Node], used: tuple[int, ...], letters: frozenset[Letter]
) -> Iterator[tuple[int, ...]]:
    """The ways to find a factor for every pattern, each factor once; the indices need not fit together yet."""
    if not patterns:
        yield used
        return
    for m, factor in enumerate(factors):
        if (
            m not in used
            and factor.tensors == patterns[0].tensors
            and match(patterns[0], factor, letters) is not None
        ):
            yield from _placed(patterns[1:], factors, (*used, m), letters)


def _spread(node: Node, form: _Form) -> Node | None:
    """A sum over letters apart over the terms of a factor, one of which has the name then; None where none has."""
    if not form.summed:
        return None
    outer, summed, inner = _opened(node)
    for place, factor in enumerate(inner):
        if not isinstance(factor, Add):
            continue
        rest = (*inner[:place], *inner[place + 1 :])
        terms = [Sum(*summed, mul(*rest, term)) for term in factor.terms]
        named = [_whole(term, form) for term in terms]
        found = [after for after in named if after is not None]
        if found:
            kept = [t for t, after in zip(factor.terms, named, strict=True) if after is None]
            whole = [Sum(*summed, mul(*rest, add(*kept)))] if kept else []
            return tidy(mul(*outer, add(*whole, *found)))
    return None
