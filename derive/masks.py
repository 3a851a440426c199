"""Entries that are 0 or 1, or -1 or 1: what their domain says of powers, products, comparisons and choices.

For a mask ``m² = m``, ``m(1 - m) = 0``, ``[m ≥ 1] = m`` and ``where(m, 1, 0) = m``; for a sign ``s² = 1``. Such an
identity does not hold nearby: it is not used where the tensor moves and the result is differentiated again.
"""

from __future__ import annotations

from collections.abc import Mapping

from derive.algebra import tidy
from derive.definitions import Definition
from derive.functions import greater, greater_equal, where
from derive.nodes import (
    ONE,
    ZERO,
    Apply,
    Mul,
    Node,
    Number,
    Partial,
    Pow,
    Ref,
    Tensor,
    factors_of,
    is_one,
    is_zero,
)
from derive.notation import add, mul
from derive.tree import key, map_children

__all__ = ["with_masks_used"]

MASKS = frozenset({"mask", "one-hot"})


def with_masks_used(node: Node, definitions: Mapping[Tensor, Definition], moving: frozenset[Tensor]) -> Node:
    """The node with what the domains of masks and signs say of it; the node itself where they say nothing.

    ``definitions`` are read where a name stands for a product with a mask in it.
    """
    if not any(tensor.domain in (*MASKS, "sign") for tensor in node.tensors - moving):
        return node
    made = _Used(definitions, moving).of(node)
    return node if key(made) == key(node) else made


class _Used:
    def __init__(self, definitions: Mapping[Tensor, Definition], moving: frozenset[Tensor]) -> None:
        self.definitions = definitions
        self.moving = moving

    def of(self, node: Node) -> Node:
        """The node, what is inside first; open derivatives are left alone."""
        if isinstance(node, Partial):
            return node
        node = map_children(node, self.of)
        match node:
            case Pow():
                return self._power(node)
            case Mul():
                return self._product(node)
            case Apply() if node.function in (greater, greater_equal):
                return self._comparison(node)
            case Apply() if node.function is where:
                return self._choice(node)
        return node

    def _is(self, node: Node, *domains: str) -> bool:
        return isinstance(node, Ref) and node.tensor.domain in domains and node.tensor not in self.moving

    def _power(self, node: Pow) -> Node:
        exponent = node.exponent.value if isinstance(node.exponent, Number) else None
        if exponent is None or not exponent.is_Integer:
            return node
        if self._is(node.base, *MASKS) and exponent > 0:
            return node.base
        if self._is(node.base, "sign"):
            return node.base if exponent.is_odd else ONE
        return node

    def _product(self, node: Mul) -> Node:
        """A mask that another factor has in it already is gone; one times its complement is 0."""
        factors = list(node.factors)
        for mask in [f for f in factors if self._is(f, *MASKS)]:
            others = [f for f in factors if f is not mask]
            if any(key(tidy(add(ONE, mul(Number(-ONE.value), mask)))) == key(f) for f in others):
                return ZERO
            if any(self._holds(f, mask) for f in others):
                factors = others
        return node if len(factors) == len(node.factors) else mul(*factors)

    def _holds(self, factor: Node, mask: Node) -> bool:
        """Whether a factor is a product with the mask among its factors, itself or by its name."""
        if key(factor) == key(mask):
            return True
        if isinstance(factor, Ref) and factor.tensor in self.definitions:
            body = self.definitions[factor.tensor].at(*factor.indices)
            return isinstance(body, Mul) and any(self._holds(f, mask) for f in factors_of(body))
        return False

    def _comparison(self, node: Apply) -> Node:
        """A comparison of a mask with a number, by what it is at 0 and at 1."""
        left, right = node.arguments
        mask, level = (left, right) if isinstance(right, Number) else (right, left)
        if not self._is(mask, *MASKS) or not isinstance(level, Number) or not level.value.is_real:
            return node
        strict = node.function is greater

        def holds(entry: int) -> int:
            difference = (entry - level.value) * (1 if mask is left else -1)
            return int(bool(difference > 0 if strict else difference >= 0))

        at_zero, at_one = holds(0), holds(1)
        return add(Number(ONE.value * at_zero), mul(Number(ONE.value * (at_one - at_zero)), mask))

    def _choice(self, node: Apply) -> Node:
        """``where(m, 1, 0)`` is m, ``where(m, 0, 1)`` is 1 - m."""
        condition, one, two = node.arguments
        if not self._is(condition, *MASKS):
            return node
        if is_one(one) and is_zero(two):
            return condition
        return add(ONE, mul(Number(-ONE.value), condition)) if is_zero(one) and is_one(two) else node
