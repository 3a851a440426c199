"""Terms over one denominator, where its numerator then cancels: ``r/v - r³/v²`` is ``r/v²`` for ``v = 1 + r²``."""

from __future__ import annotations

from derive.algebra import tidy
from derive.nodes import ONE, Add, Node, Number, Partial, Pow, factors_of, terms_of
from derive.notation import add, mul
from derive.tree import key, length, map_children

__all__ = ["with_common_denominators"]

# Longer sums are left alone: each pair of terms is tried.
MOST = 4


def with_common_denominators(node: Node) -> Node:
    """The node with two terms over powers of one sum joined, where it gets shorter; else the node itself."""
    if isinstance(node, Partial):
        return node
    node = map_children(node, with_common_denominators)
    if not isinstance(node, Add) or len(node.terms) > MOST:
        return node
    for m, first in enumerate(node.terms):
        for n, second in enumerate(node.terms):
            joined = _joined(first, second) if m != n else None
            if joined is not None:
                made = tidy(add(*(joined if k == m else t for k, t in enumerate(node.terms) if k != n)))
                if length(made) < length(node):
                    return made
    return node


def _joined(first: Node, second: Node) -> Node | None:
    """``(a + b v)/v^(k+1)`` for ``a/v^(k+1)`` and ``b/v^k``, if terms cancel there; None for other terms."""
    for deep in factors_of(first):
        for flat in factors_of(second):
            if _is_next(deep, flat):
                assert isinstance(deep, Pow)
                a, b = (mul(*(f for f in factors_of(t) if f is not v)) for t, v in ((first, deep), (second, flat)))
                terms = (*terms_of(a), *(mul(b, term) for term in terms_of(deep.base)))
                numerator = tidy(add(*terms))
                return mul(numerator, deep) if len(terms_of(numerator)) < len(terms) - 1 else None
    return None


def _is_next(deep: Node, flat: Node) -> bool:
    """Whether the first is ``v^-(k+1)`` and the second ``v^-k``, of a sum v and for a positive k."""
    if not (isinstance(deep, Pow) and isinstance(flat, Pow) and isinstance(deep.base, Add)):
        return False
    if not (isinstance(deep.exponent, Number) and isinstance(flat.exponent, Number)):
        return False
    one_more = deep.exponent.value == flat.exponent.value - ONE.value
    return one_more and bool(flat.exponent.value.is_negative) and key(deep.base) == key(flat.base)
