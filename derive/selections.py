"""What a one-hot vector selects: ``y_k f_k = y_k s`` for ``s = Σ_j y_j f_j``, of which one term only is not 0.

Such an identity does not hold nearby: it is not used where the tensor moves and the result is differentiated again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from derive.algebra import tidy
from derive.definitions import Definition
from derive.index import Letter
from derive.matching import match
from derive.nodes import Add, Mul, Node, Partial, Ref, Sum, Tensor, factors_of
from derive.notation import add, mul
from derive.tree import key, length, map_children, substitute, walk

__all__ = ["with_selections"]


@dataclass(frozen=True)
class _Selection:
    """``value = Σ_j hot_j Π others_j``; ``letters`` are those of the value and j."""

    value: Node
    hot: Ref
    others: tuple[Node, ...]
    letters: frozenset[Letter]

    def used(self, product: Node) -> Node | None:
        """The product with the value for what the one-hot factor selects; None where it selects nothing."""
        factors = factors_of(product)
        for hot in factors:
            if not isinstance(hot, Ref) or hot.tensor is not self.hot.tensor:
                continue
            binding = match(self.hot, hot, self.letters)
            if binding is None or len(binding) != len(self.letters):
                continue
            selected = Counter(key(substitute(f, binding)) for f in self.others)
            left = []
            for f in factors:
                if f is not hot and selected[key(f)]:
                    selected[key(f)] -= 1
                else:
                    left.append(f)
            if not selected.total():
                return mul(*left, substitute(self.value, binding))
        return None


def with_selections(node: Node, definitions: Iterable[Definition], moving: frozenset[Tensor]) -> Node:
    """The node with what one-hot vectors select in it, where it gets shorter by that; else the node itself."""
    hot = frozenset(t for t in node.tensors - moving if t.domain == "one-hot")
    if not hot:
        return node
    named = [(d.left, d.body, d.letters) for d in definitions if d.tensor in node.tensors]
    inside = [(below, below, ()) for below in walk(node) if isinstance(below, Sum)]
    found = [s for value, body, letters in (*named, *inside) for s in _selections(value, body, letters, hot)]
    if not found:
        return node
    made = tidy(_selected(node, found))
    return made if length(made) < length(node) else node


def _selections(value: Node, body: Node, letters: tuple[Letter, ...], hot: frozenset[Tensor]) -> Iterable[_Selection]:
    if not isinstance(body, Sum) or len(body.letters) != 1:
        return
    factors = factors_of(body.body)
    for y in factors:
        if isinstance(y, Ref) and y.tensor in hot and y.indices[-1].letter is body.letters[0] and len(factors) > 1:
            others = tuple(f for f in factors if f is not y)
            yield _Selection(value, y, others, frozenset({*letters, *body.letters}))


def _selected(node: Node, found: list[_Selection]) -> Node:
    """The node, what is inside first; open derivatives are left alone."""
    if isinstance(node, Partial):
        return node
    # a sum selects nothing in itself
    inside = [one for one in found if key(one.value) != key(node)] if isinstance(node, Sum) else found
    node = map_children(node, lambda child: _selected(child, inside))
    if isinstance(node, Sum) and isinstance(node.body, Mul):
        front = [f for f in node.body.factors if isinstance(f, Sum) and f.free.isdisjoint(node.letters)]
        left = [f for f in node.body.factors if f not in front]
        return mul(*front, Sum(*node.letters, mul(*left)))
    if not isinstance(node, Mul):
        return node
    for one in found:
        used = one.used(node)
        if used is not None:
            return used
        for m, factor in enumerate(node.factors):
            if isinstance(factor, Add):
                products = [mul(*node.factors[:m], term, *node.factors[m + 1 :]) for term in factor.terms]
                each = [one.used(product) for product in products]
                if any(made is not None for made in each):
                    pairs = zip(each, products, strict=True)
                    return add(*(product if made is None else made for made, product in pairs))
    return node
