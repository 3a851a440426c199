"""The fold over formulas that all printers share; what differs between them is the pen.

``Writer`` decides what is drawn: where signs, fractions and parentheses go, which guards are one range, what a bound
letter is called. Terms and factors stay in the order of the tree. How each kind of node is written is a file beside
this one; they call each other through the writer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from derive.index import Index, Letter
from derive.nodes import Add, Apply, Bracket, Mul, Node, Number, Over, Partial, Position, Pow, Ref, Sum, Tensor
from derive.render.mathematics.brackets import write_bracket
from derive.render.mathematics.derivatives import write_partial
from derive.render.mathematics.functions import write_along_axes, write_elementwise
from derive.render.mathematics.indices import is_compact, write_index
from derive.render.mathematics.pen import Pen
from derive.render.mathematics.products import write_power, write_product
from derive.render.mathematics.sizes import write_size
from derive.render.mathematics.sums import split_sign, write_sum, write_terms
from derive.render.naming import Names, Symbol, tensor_symbol
from derive.render.runs import ADD, Run
from derive.size_algebra import Size

__all__ = ["Scope", "Side", "Writer"]


class Side(Protocol):
    """``left relation right``, as a statement or an assumption says it."""

    @property
    def left(self) -> Node: ...
    @property
    def relation(self) -> str: ...
    @property
    def right(self) -> Node: ...


@dataclass(frozen=True)
class Scope:
    """What the letters are called here, which quotients have no remainder, whether this stands in a fraction."""

    names: Names
    exact: frozenset[tuple[Index, Size]] = frozenset()
    small: bool = False

    def bind(self, letters: Iterable[Letter]) -> Scope:
        return replace(self, names=self.names.bind(letters))


class Writer:
    """Writes nodes, indices, sizes and statements with a pen."""

    def __init__(self, pen: Pen) -> None:
        self.pen = pen

    def node(self, node: Node, scope: Scope, *, followed: bool = False) -> Run:
        """``followed`` says that a factor comes next, which a function without parentheses would swallow."""
        negative, positive = split_sign(node)
        if negative:
            inner = self.node(positive, scope)
            inner = self.pen.fence(inner) if inner.level == ADD else inner
            sign = self.pen.sign(negative=True, leading=True)
            return replace(inner, tokens=(sign, *inner.tokens), level=ADD)
        match node:
            case Number():
                return self.size(node.value)
            case Position():
                return self.index(node.index, scope)
            case Ref():
                indices = [self.index(i, scope) for i in node.indices]
                return self.pen.entry(tensor_symbol(node.tensor), indices, compact=is_compact(node.indices, scope))
            case Add():
                return write_terms(self, node, scope)
            case Mul():
                return write_product(self, node, scope)
            case Sum():
                return write_sum(self, node, scope)
            case Pow():
                return write_power(self, node, scope)
            case Apply():
                return write_elementwise(self, node, scope, followed)
            case Bracket():
                return write_bracket(self, node, scope)
            case Over():
                return write_along_axes(self, node, scope, followed)
            case Partial():
                return write_partial(self, node, scope)
        raise NotImplementedError(type(node).__name__)

    def statement(self, side: Side, scope: Scope) -> Run:
        """``left relation right``."""
        left, right = self.node(side.left, scope), self.node(side.right, scope)
        tokens = (*left.tokens, self.pen.relation(side.relation), *right.tokens)
        return Run(tokens, ADD, max(left.height, right.height))

    def remainder(self, tensor: Tensor, order: int) -> Run:
        """``O(|v|^order)``."""
        size = self.pen.fence(self.pen.symbol(tensor_symbol(tensor)), "‖" if tensor.axes else "|")
        inside = self.pen.raised(size, self.pen.digits(str(order))) if order != 1 else size
        fenced = self.pen.fence(inside)
        return Run((*self.pen.symbol(Symbol("O")).tokens, *fenced.tokens))

    def index(self, index: Index, scope: Scope) -> Run:
        """An index: ``s i + u - p``."""
        return write_index(self, index, scope)

    def size(self, value: Size) -> Run:
        """A size, or a number made of sizes."""
        return write_size(self.pen, value)

    def letters(self, letters: Sequence[Letter], scope: Scope) -> list[Run]:
        """What letters are called."""
        return [self.pen.symbol(scope.names.of(x)) for x in letters]
