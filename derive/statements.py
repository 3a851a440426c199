"""Statements: relations between formulas, as assumptions of a program, conditions of a law, sides of a ``⇒``.

Data
    ``Statement``   ``left relation right`` for all values of its free letters: ``Σ_l T[i, l] = 1``.

``assume`` makes the assumption of a program.
"""

from __future__ import annotations

from dataclasses import dataclass

from derive.errors import NotationError
from derive.index import Letter
from derive.nodes import Node, Ref, Tensor, as_node
from derive.prose import check_prose
from derive.tree import key, renew_binders, walk

__all__ = ["Condition", "Statement", "assume"]


@dataclass(frozen=True, eq=False)
class Statement:
    """``left relation right`` for all values of its free letters. The relation is one of ``=``, ``≠``, ``<``, ``≤``,
    ``>``, ``≥``. ``reason`` is what is to be said of it, in English and in Chinese.
    """

    left: Node
    relation: str
    right: Node
    reason: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        for side in ("left", "right"):
            object.__setattr__(self, side, as_node(getattr(self, side)))

    @property
    def free(self) -> frozenset[Letter]:
        """The free letters."""
        return self.left.free | self.right.free

    @property
    def tensors(self) -> frozenset[Tensor]:
        """All tensors that either side reads."""
        return self.left.tensors | self.right.tensors

    @property
    def key(self) -> object:
        """Equal for statements that differ only in bound letters and the order of terms and factors."""
        return key(self.left), self.relation, key(self.right)

    def __repr__(self) -> str:
        return f"{self.left!r} {self.relation} {self.right!r}"


Condition = Statement | tuple[str, str]
"""Under which a law holds: a statement about the very expression, else what is to be said, in two languages."""


def assume(left: object, relation: str, right: object, reason: str | tuple[str, str] = "") -> Statement:
    """An assumption such as ``assume(Sum(l, T[i, l]), "=", 1)``, for all values of its free letters."""
    if relation not in ("=", ">", "≥", "≠"):
        raise NotationError(f"an assumption relates by =, >, ≥ or ≠, not {relation!r}")
    check_prose(reason, "the reason of an assumption")
    text = reason if isinstance(reason, tuple) else (reason, reason)
    made = Statement(renew_binders(as_node(left)), relation, renew_binders(as_node(right)), text)
    for side in (made.left, made.right):
        for node in walk(side):
            if isinstance(node, Ref):
                for axis, index in zip(node.tensor.axes, node.indices, strict=True):
                    if index.letter is not None and index.letter.size is None:
                        index.letter.size = axis
    return made
