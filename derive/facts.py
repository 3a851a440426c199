"""What is known of the tensors of a program: which are symmetric, which rows have a known sum.

Data
    ``Facts``   the facts about one program, found when they are asked for.

The two important functions are ``Facts.symmetrised`` and ``Facts.totalled``, which use them in an expression.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from derive.algebra import tidy
from derive.contraction import contract
from derive.definitions import Definition
from derive.index import Index, Letter, as_index
from derive.matching import assumed
from derive.nodes import ONE, Bracket, Mul, Node, Number, Over, Partial, Ref, Sum, Tensor, is_zero, number
from derive.notation import add, mul
from derive.over_axes import INVERSE, SOFTMAX
from derive.program import Program
from derive.statements import Statement
from derive.tree import key, length, map_children, substitute

__all__ = ["SYMMETRIC", "Facts"]

SYMMETRIC = frozenset({"symmetric", "positive definite"})
# Along the last axis the entries add up to 1.
DISTRIBUTIONS = frozenset({"simplex", "one-hot", "unit sum"})


class Facts:
    """What is known of the tensors of a program; ``assumptions`` may be used, and ``moving`` tensors may not."""

    def __init__(
        self,
        program: Program,
        assumptions: Sequence[Statement],
        moving: frozenset[Tensor],
        named: Iterable[Definition] = (),
    ) -> None:
        self.program = program
        self.named = {d.tensor: d for d in named}
        self.assumptions = assumptions
        self.moving = moving
        self._exchanged: dict[Tensor, int] = {}
        self._totals: dict[tuple[Tensor, int], tuple[Node, tuple[Statement, ...]] | None] = {}

    # ------------------------------------------------------------------------------------------------ symmetry

    def symmetrised(self, node: Node, letters: Sequence[Letter]) -> Node:
        """The node with what is symmetric, or antisymmetric, read one way round, where it gets no larger by that.

        ``letters`` are the free ones, those of rows first.
        """
        order = {letter: m for m, letter in enumerate(letters)}
        turned = tidy(self._turned(node, order))
        return turned if key(turned) != key(node) and length(turned) <= length(node) else node

    def _turned(self, node: Node, order: dict[Letter, int]) -> Node:
        if isinstance(node, Partial):
            return node
        if isinstance(node, Ref) and (sign := self.exchanged(node.tensor)):
            pair = _ordered(node.indices[:2], order)
            turned = Ref(node.tensor, (*pair, *node.indices[2:]))
            return turned if sign == 1 or pair == node.indices[:2] else mul(number(-1), turned)
        if isinstance(node, Over) and node.function is INVERSE and self.is_symmetric_inside(node):
            inside = {**order, **{x: len(order) + m for m, x in enumerate(node.letters)}}
            arguments = tuple(self._turned(argument, inside) for argument in node.arguments)
            return Over(node.function, node.letters, arguments, _ordered(node.at, order))
        return map_children(node, lambda child: self._turned(child, order))

    def is_symmetric(self, tensor: Tensor) -> bool:
        """Whether a matrix is certainly symmetric: by its domain, or by its definition."""
        return len(tensor.axes) == 2 and self.exchanged(tensor) == 1

    def exchanged(self, tensor: Tensor) -> int:
        """The sign that a tensor certainly takes when its first two indices are exchanged; 0 where none is known."""
        if tensor not in self._exchanged:
            self._exchanged[tensor] = 0
            self._exchanged[tensor] = 0 if tensor in self.moving else self._found_exchanged(tensor)
        return self._exchanged[tensor]

    def _found_exchanged(self, tensor: Tensor) -> int:
        if len(tensor.axes) < 2 or tensor.axes[0] != tensor.axes[1]:
            return 0
        if tensor.domain in SYMMETRIC:
            return int(len(tensor.axes) == 2)
        d = self.program.definition(tensor) or self.named.get(tensor)
        if d is None:
            return 0
        if self._swaps(d.body, *d.letters[:2]):
            return 1
        row, column = d.letters[:2]
        both = add(d.body, substitute(d.body, {row: column, column: row}))
        return -1 if is_zero(tidy(self._turned(both, {row: 0, column: 1}))) else 0

    def is_symmetric_inside(self, node: Over) -> bool:
        """Whether the matrix that a function is taken of is certainly symmetric."""
        return self.moving.isdisjoint(node.tensors) and self._swaps(node.arguments[0], *node.letters)

    def _swaps(self, body: Node, row: Letter, column: Letter) -> bool:
        """Whether a body is the same with its row and its column exchanged."""
        order = {row: 0, column: 1}
        forms = (body, substitute(body, {row: column, column: row}))
        one, two = (
            key(self._both_ways(tidy(_on_diagonal(self._turned(form, order), row, column)))) for form in forms
        )
        return one == two

    def _both_ways(self, node: Node) -> Node:
        """The node with ``A_ij + A_ji`` for the entries of symmetric matrices: either way round they have one key."""
        if isinstance(node, Ref) and len(node.indices) == 2 and self.is_symmetric(node.tensor):
            return add(node, Ref(node.tensor, node.indices[::-1]))
        return map_children(node, self._both_ways)

    # ------------------------------------------------------------------------------------------------- known sums

    def totalled(self, node: Node) -> tuple[Node, tuple[Statement, ...]]:
        """The node with the known sums put in, and the assumptions that they rest on."""
        used: dict[Statement, None] = {}
        return self._with_totals(node, used), tuple(used)

    def _with_totals(self, node: Node, used: dict[Statement, None]) -> Node:
        if isinstance(node, Partial):
            return node
        node = map_children(node, lambda child: self._with_totals(child, used))
        if isinstance(node, Sum) and len(node.letters) == 1 and isinstance(node.body, Ref):
            known = self._total_of(node.body, node.letters[0])
            if known is not None:
                used.update(dict.fromkeys(known[1]))
                return known[0]
        return node

    def _total_of(self, entry: Ref, letter: Letter) -> tuple[Node, tuple[Statement, ...]] | None:
        places = [m for m, index in enumerate(entry.indices) if letter in index.free]
        if len(places) != 1 or entry.indices[places[0]].letter is not letter:
            return None
        if letter.length != entry.tensor.axes[places[0]] or entry.tensor in self.moving:
            return None
        return self.total(entry.tensor, places[0])

    def total(self, tensor: Tensor, axis: int) -> tuple[Node, tuple[Statement, ...]] | None:
        """The number that the entries of a tensor sum to along an axis, and what that rests on; None if unknown."""
        where = tensor, axis
        if where not in self._totals:
            self._totals[where] = None
            d = self.program.definition(tensor)
            if tensor.domain in DISTRIBUTIONS and axis == len(tensor.axes) - 1:
                self._totals[where] = ONE, ()
            elif d is not None and self.program.recurrence(tensor) is None:
                self._totals[where] = self._found_total(d.body, d.letters[axis])
        return self._totals[where]

    def _found_total(self, body: Node, letter: Letter) -> tuple[Node, tuple[Statement, ...]] | None:
        if isinstance(body, Over) and body.function is SOFTMAX:
            return (ONE, ()) if body.at[0] == as_index(letter) else None
        total, used = self.totalled(tidy(contract(Sum(letter, body))))
        for assumption in self.assumptions:
            after = assumed(total, assumption)
            if after is not total:
                total, used = tidy(after), (*used, assumption)
        total = tidy(total)
        return (total, used) if isinstance(total, Number) else None


def _on_diagonal(node: Node, row: Letter, column: Letter) -> Node:
    """The node with the row for the column wherever a bracket says that they are equal."""
    node = map_children(node, lambda child: _on_diagonal(child, row, column))
    if not isinstance(node, Mul):
        return node
    equal = [f for f in node.factors if isinstance(f, Bracket) and f.relation == "=" and f.free == {row, column}]
    if not any(f.difference().constant == 0 for f in equal):
        return node
    return mul(*(f if f in equal else substitute(f, {column: row}) for f in node.factors))


def _ordered(indices: Sequence[Index], order: dict[Letter, int]) -> tuple[Index, ...]:
    """The two indices, the one with the earlier free letter first."""

    def rank(index: Index) -> int:
        return min((order.get(x, len(order)) for x in index.free), default=len(order))

    first, second = indices
    return (second, first) if rank(second) < rank(first) else (first, second)
