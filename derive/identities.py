"""Identities that make a node shorter: the entries of a softmax add up to 1, deviations from a mean to 0.

``with_unit_sums`` and ``with_centred_sums`` find them below sums, also for a tensor that is defined as such.
"""

from __future__ import annotations

from derive.algebra import tidy
from derive.index import Index, Letter
from derive.matching import Names, insert
from derive.nodes import (
    ZERO,
    Add,
    Mul,
    Node,
    Number,
    Over,
    Partial,
    Ref,
    Sum,
    Tensor,
    factors_of,
    is_zero,
    number,
    terms_of,
)
from derive.notation import add, mul
from derive.tree import length, map_children, walk

__all__ = ["with_centred_sums", "with_unit_sums"]


def with_unit_sums(node: Node, names: Names) -> Node:
    """The node with ``Σ_k p_k`` carried out where p is a softmax, ``Σ_k p_k (u_k + c)`` as ``Σ_k p_k u_k + c``.

    The node itself where this does not make it shorter.
    """
    if not any(isinstance(below, Sum) for below in walk(node)):
        return node
    found = _carried_out(node, names)
    if found is node:
        return node
    short = tidy(found)
    return short if length(short) < length(node) else node


def _carried_out(node: Node, names: Names) -> Node:
    if isinstance(node, Partial):
        return node
    below = map_children(node, lambda child: _carried_out(child, names))
    if isinstance(below, Sum):
        return _sum(below, names)
    # what was split may cancel against the terms beside it
    return _multiplied_out(below) if isinstance(below, Add) and below is not node else below


def _sum(node: Sum, names: Names) -> Node:
    factors = factors_of(node.body)
    for one in node.letters:
        for place, factor in enumerate(factors):
            if not _is_distribution(factor, one, names):
                continue
            rest = (*factors[:place], *factors[place + 1 :])
            moving = [f for f in rest if one in f.free]
            if not moving:
                return _over_others(node, one, mul(*rest))
            if len(moving) == 1 and isinstance(moving[0], Add):
                fixed = [t for t in moving[0].terms if one not in t.free]
                running = [t for t in moving[0].terms if one in t.free]
                if fixed and running:
                    outside = [f for f in rest if one not in f.free]
                    split = add(Sum(one, mul(factor, add(*running))), *fixed)
                    return _over_others(node, one, mul(*outside, split))
    return node


def _over_others(node: Sum, one: Letter, body: Node) -> Node:
    others = [x for x in node.letters if x is not one]
    return Sum(*others, body) if others else body


def _is_distribution(factor: Node, one: Letter, names: Names) -> bool:
    """Whether the factor is the entry of a softmax at this letter, which runs over all of its entries."""
    match factor:
        case Over() if factor.function.name == "softmax":
            fixed: frozenset[Letter] = factor.arguments[0].free.difference(factor.letters)
            return _runs(factor.at, 0, one) and one.size == factor.letters[0].size and one not in fixed
        case Ref() if factor.tensor in names.by_tensor:
            d = names.by_tensor[factor.tensor]
            places = [m for m, x in enumerate(d.letters) if _is_distribution(d.body, x, names)]
            return len(places) == 1 and _runs(factor.indices, places[0], one)
    return False


def _runs(indices: tuple[Index, ...], place: int, one: Letter) -> bool:
    """Whether the letter is the index at this place, and is in no other."""
    others = (*indices[:place], *indices[place + 1 :])
    return indices[place].letter is one and all(one not in index.free for index in others)


def with_centred_sums(node: Node, names: Names) -> Node:
    """The node without sums over what is defined as less its mean; the node itself where there are none."""
    if not any(isinstance(below, Sum) for below in walk(node)):
        return node
    found = _without_centred(node, names)
    return node if found is node else tidy(found)


def _without_centred(node: Node, names: Names) -> Node:
    if isinstance(node, Partial):
        return node
    below = map_children(node, lambda child: _without_centred(child, names))
    if not isinstance(below, Sum):
        return below
    terms = terms_of(below.body)
    kept = [t for t in terms if not _vanishes(t, below.letters, names)]
    return below if len(kept) == len(terms) else Sum(*below.letters, add(*kept)) if kept else ZERO


def _vanishes(term: Node, letters: tuple[Letter, ...], names: Names) -> bool:
    """Whether a term adds up to 0 over one of the letters: an entry of something centred, times what is fixed."""
    for one in letters:
        moving = [f for f in factors_of(term) if one in f.free]
        if len(moving) == 1 and isinstance(moving[0], Ref):
            axes = _centred_axes(moving[0].tensor, names)
            if any(_runs(moving[0].indices, m, one) for m in axes):
                return True
    return False


def _centred_axes(tensor: Tensor, names: Names) -> tuple[int, ...]:
    """The axes along which a tensor adds up to 0, by its definition, the means of which may have names."""
    if tensor not in names.centred:
        d = names.by_tensor.get(tensor)
        axes = () if d is None or not isinstance(d.body, Add) else enumerate(d.letters)
        names.centred[tensor] = tuple(m for m, x in axes if d is not None and _adds_up_to_zero(d.body, x, names))
    return names.centred[tensor]


def _adds_up_to_zero(body: Node, one: Letter, names: Names) -> bool:
    for term in terms_of(body):
        if one not in term.free:
            for other in term.tensors & names.by_tensor.keys():
                body = insert(body, names.by_tensor[other])
    return is_zero(tidy(Sum(one, body)))


def _multiplied_out(node: Add) -> Node:
    """The sum with numbers taken into the sums that they multiply: ``-(a + b)`` is ``-a - b``."""
    terms: list[Node] = []
    for term in node.terms:
        factors = factors_of(term)
        if isinstance(term, Mul) and len(factors) == 2 and isinstance(factors[0], Number):
            terms += (mul(number(factors[0].value), t) for t in terms_of(factors[1]))
        else:
            terms.append(term)
    return add(*terms)
