"""Nodes of index notation read as matrices.

The three most important functions are ``Reader.at`` (a node with given axes, the same along those that it lacks),
``Reader.exact`` (by the kind of the node) and ``_place`` (the factors of a product, put into a network).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import sympy

from derive.index import Index, Letter
from derive.matrix.algebra import power, product, sum_of_slices, total, transpose, weight
from derive.matrix.blocks import Part, parts_along
from derive.matrix.network import Network, NoForm
from derive.matrix.tree import (
    SCALAR,
    Along,
    Blocks,
    Diagonal,
    Entrywise,
    Identity,
    Matrix,
    Name,
    Norm,
    Ones,
    Scalar,
    shape_of,
)
from derive.nodes import (
    ZERO,
    Add,
    Apply,
    Bracket,
    Mul,
    Node,
    Number,
    Over,
    Position,
    Pow,
    Ref,
    Sum,
    factors_of,
    number,
)
from derive.notation import add, mul
from derive.notation import power as power_of
from derive.over_axes import INVERSE, NORM
from derive.size_algebra import Size
from derive.tree import rename_bound, walk

__all__ = ["Reader"]

Binder = TypeVar("Binder", Sum, Over)


class Reader:
    """Nodes as matrices, while some letters are fixed by the slice."""

    def __init__(self, batch: frozenset[Letter], lengths: dict[Letter, Size], *, slices: bool = False) -> None:
        """``slices`` allows sums of slices, ``Σ_i A_iᵀ B_i``."""
        self.batch = batch
        self.slices = slices
        self.lengths = lengths

    def length(self, letter: Letter) -> Size:
        if letter not in self.lengths:
            raise NoForm
        return self.lengths[letter]

    def carried(self, node: Node) -> frozenset[Letter]:
        """The letters that make this more than a scalar."""
        return node.free - self.batch

    def at(self, node: Node, row: Letter | None, column: Letter | None, *, bare: bool = False) -> Matrix:
        """The node as a matrix with these axes; where it lacks one it is the same all along it.

        ``bare`` leaves scalars as they are, for sums and functions, where they count for every entry.
        """
        carried = self.carried(node)
        has_row, has_column = row in carried, column in carried
        if len(carried) != has_row + has_column:
            raise NoForm
        found = self.exact(node, row if has_row else None, column if has_column else None)
        if not carried and (bare or (isinstance(found, Scalar) and node == ZERO)):
            return found
        if row is not None and not has_row:
            found = product(Ones(self.length(row)), found)
        if column is not None and not has_column:
            found = product(found, transpose(Ones(self.length(column))))
        return found

    def exact(self, node: Node, row: Letter | None, column: Letter | None) -> Matrix:
        """The node, which carries these letters and no others, as a matrix with these axes."""
        if row is None and column is not None:
            return transpose(self.exact(node, column, None))
        if isinstance(node, (Add, Mul, Sum)) and (made := self._blocks(node, row, column)) is not None:
            return made
        match node:
            case Number():
                return Scalar(node)
            case Position() if self._fixed(node.index):
                return Scalar(node)
            case Ref():
                return self._entry(node, row, column)
            case Add():
                terms = [self.at(t, row, column, bare=True) for t in node.terms]
                return total(terms)
            case Mul() | Sum() | Bracket():
                return self._product(node, row, column)
            case Pow():
                if isinstance(node.exponent, Number):
                    return power(self.exact(node.base, row, column), node.exponent.value)
                return power(
                    self.at(node.base, row, column, bare=True), self.at(node.exponent, row, column, bare=True)
                )
            case Apply():
                arguments = [self.at(a, row, column, bare=True) for a in node.arguments]
                return Entrywise(tuple(arguments), node.function)
            case Over():
                return self._along(node, row, column)
        raise NoForm

    # -- parts of an axis

    def _blocks(self, node: Node, row: Letter | None, column: Letter | None) -> Matrix | None:
        """The node as blocks beside each other, or one above the other, where brackets cut one of its axes."""
        for axis, letter in ((1, column), (0, row)):
            parts = None if letter is None else parts_along(node, letter, self.length(letter))
            if parts is None:
                continue
            try:
                blocks = tuple(
                    self._block(part, row, part.letter) if axis else self._block(part, part.letter, column)
                    for part in parts
                )
            except NoForm:
                continue
            size = shape_of([self.length(x) for x in (row, column) if x is not None])
            made = Blocks(blocks, axis, tuple(part.length for part in parts), size)
            turned = transpose(transpose(made, outside=False))
            return turned if weight(turned) < weight(made) else made
        return None

    def _block(self, part: Part, row: Letter | None, column: Letter | None) -> Matrix:
        if part.letter is not None:
            self.lengths[part.letter] = part.length
        return self.at(part.node, row, column, bare=True)

    def _fixed(self, index: Index) -> bool:
        """Whether this says which slice, plainly: one letter of the batch and a number to add."""
        return index.free <= self.batch and (
            not index.terms
            or (len(index.terms) == 1 and isinstance(index.terms[0][0], Letter) and index.terms[0][1] in (1, -1))
        )

    def _entry(self, node: Ref, row: Letter | None, column: Letter | None) -> Matrix:
        at: list[Index | None] = []
        kept: list[Letter] = []
        for index, axis in zip(node.indices, node.tensor.axes, strict=True):
            one = index.letter
            if one is not None and one not in self.batch:
                if self.length(one) != axis:
                    # a part of the axis
                    raise NoForm
                kept.append(one)
                at.append(None)
            elif self._fixed(index):
                at.append(index)
            else:
                raise NoForm
        if len(kept) > 2:
            raise NoForm
        name = Name(node.tensor, tuple(at), shape_of([self.length(x) for x in kept]))
        if kept == [row, row]:
            return Diagonal(name)
        return transpose(name) if kept == [column, row] and column is not None else name

    # -- functions along axes

    def _along(self, node: Over, row: Letter | None, column: Letter | None) -> Matrix:
        if not self.batch.union((row, column)).isdisjoint(node.letters):
            node = self._renamed(node)
        function = node.function
        (argument,) = node.arguments if len(node.arguments) == 1 else (None,)
        if argument is None or function.integer or not self.carried(argument).issuperset(node.letters):
            raise NoForm
        outer = self.carried(argument).difference(node.letters)
        at = [index.letter for index in node.at]
        if function is INVERSE and not outer and at == [row, row] and row is not None:
            data = self.exact(argument, *node.letters)
            return Diagonal(Along(data, function, data.shape))
        if len(outer) > 1 or len(set(at)) != len(at) or any(x is None or x not in (row, column) for x in at):
            raise NoForm
        if function.letters == 2:
            return self._of_whole_matrix(node, argument, row)
        (own,) = node.letters
        (other,) = outer or (None,)
        data = self.exact(argument, *((own, None) if other is None else (other, own)))
        axes = [x for x in (other, *at) if x is not None]
        if function is NORM:
            sums = product(power(data, sympy.Integer(2)), Ones(self.length(own)))
            found = Norm(data) if other is None else power(sums, sympy.Rational(1, 2))
        elif len(set(axes)) != len(axes) or (other is not None and function.order is not None):
            raise NoForm
        else:
            found = Along(data, function, shape_of([self.length(x) for x in axes]))
        symmetric = function.order == 2 and not function.outputs
        return found if not axes or axes[0] is row or symmetric else transpose(found)

    def _of_whole_matrix(self, node: Over, argument: Node, row: Letter | None) -> Matrix:
        if self.carried(argument) != set(node.letters):
            raise NoForm
        data = self.exact(argument, *node.letters)
        if node.function is not INVERSE:
            return Along(data, node.function, SCALAR)
        found = Along(data, node.function, data.shape)
        return found if node.at[0].letter is row else transpose(found)

    # -- products and sums

    def _product(self, node: Node, row: Letter | None, column: Letter | None) -> Matrix:
        if isinstance(node, Sum) and not self.batch.union((row, column)).isdisjoint(node.letters):
            node = self._renamed(node)
        summed = node.letters if isinstance(node, Sum) else ()
        factors = factors_of(node.body if isinstance(node, Sum) else node)
        try:
            return self._joined(factors, summed, row, column)
        except NoForm:
            if not self.slices:
                raise
        return self._by_slices(factors, summed, row, column)

    def _by_slices(
        self, factors: Sequence[Node], summed: Sequence[Letter], row: Letter | None, column: Letter | None
    ) -> Matrix:
        """The sum of the products of slices, where arrays have an axis too many: ``Σ_i A_iᵀ B_i``."""
        found: list[Matrix] = []
        for x in summed:
            if x.size is None or not any(x in f.free and len(self.carried(f)) > 2 for f in factors):
                continue
            rest = [y for y in summed if y is not x]
            inner = Sum(*rest, mul(*factors)) if rest else mul(*factors)
            try:
                part = Reader(self.batch | {x}, self.lengths, slices=True).at(inner, row, column)
            except NoForm:
                continue
            found.append(sum_of_slices(part, x))
        if not found:
            raise NoForm
        return min(found, key=weight)

    def _joined(
        self, factors: Sequence[Node], summed: Sequence[Letter], row: Letter | None, column: Letter | None
    ) -> Matrix:
        spread = next((f for f in factors if isinstance(f, Add) and self._has_diagonal(f)), None)
        if spread is not None:
            return self._multiplied_out(factors, spread, summed, row, column)
        spread = next((f for f in factors if isinstance(f, Add) and summed and self._has_outer_product(f)), None)
        if spread is None:
            try:
                return self._reduced(factors, summed, row, column)
            except NoForm:
                # term by term there may be traces and inner products
                sums = [f for f in factors if isinstance(f, Add) and self.carried(f)]
                if not summed or not sums:
                    raise
                spread = sums[0]
        try:
            apart = self._multiplied_out(factors, spread, summed, row, column)
        except NoForm:
            return self._reduced(factors, summed, row, column)
        try:
            whole = self._reduced(factors, summed, row, column)
        except NoForm:
            return apart
        return min(whole, apart, key=weight)

    def _reduced(
        self, factors: Sequence[Node], summed: Sequence[Letter], row: Letter | None, column: Letter | None
    ) -> Matrix:
        network = Network(row, column, self.length)
        network.summed.extend(summed)
        for factor in factors:
            self._place(factor, network)
        return network.reduce()

    def _multiplied_out(
        self,
        factors: Sequence[Node],
        spread: Add,
        summed: Sequence[Letter],
        row: Letter | None,
        column: Letter | None,
    ) -> Matrix:
        """The product with one sum among its factors multiplied out; what is a scalar stays in front."""
        inside = [f for f in factors if self.carried(f)]
        at = next(m for m, f in enumerate(inside) if f is spread)
        products = (mul(*inside[:at], term, *inside[at + 1 :]) for term in spread.terms)
        whole = self.at(add(*(Sum(*summed, p) if summed else p for p in products)), row, column)
        network = Network(row, column, self.length)
        network.put_whole(whole)
        for factor in factors:
            if not self.carried(factor):
                self._place(factor, network)
        return network.reduce()

    def _has_diagonal(self, node: Add) -> bool:
        """Whether a sum has too many letters for a matrix, or a diagonal matrix among its terms."""
        factors = (f for term in node.terms for f in factors_of(term))
        return len(self.carried(node)) > 2 or any(
            isinstance(f, Bracket) and f.relation == "=" and self.carried(f) for f in factors
        )

    def _has_outer_product(self, node: Add) -> bool:
        """Whether a term is an outer product or a diagonal: then it may be shorter to sum the terms apart."""
        return any(map(_is_diagonal, node.terms)) or any(
            len(self.carried(term)) == 2 and all(len(self.carried(f)) < 2 for f in factors_of(term))
            for term in node.terms
        )

    def _place(self, factor: Node, network: Network, *, under: bool = False) -> None:
        """Put a factor where its letters say."""
        if isinstance(factor, Mul):
            for one in factor.factors:
                self._place(one, network, under=under)
            return
        if isinstance(factor, Pow) and isinstance(factor.exponent, Number) and factor.exponent.value.is_negative:
            self._place(power_of(factor.base, number(-factor.exponent.value)), network, under=not under)
            return
        letters = _first_use(factor, self.carried(factor))
        if isinstance(factor, Bracket):
            if under:
                raise NoForm
            self._place_bracket(factor, network)
        elif not letters:
            network.scalars.put(self.exact(factor, None, None), under=under)
        elif len(letters) == 1:
            network.point(letters[0]).put(self.exact(factor, letters[0], None), under=under)
        elif len(letters) == 2:
            join = network.join(letters)
            join.put(self.exact(factor, *join.ends), under=under)
        elif isinstance(factor, Sum) and not under:
            inner = self._renamed(factor)
            network.summed.extend(inner.letters)
            self._place(inner.body, network)
        else:
            raise NoForm

    def _place_bracket(self, bracket: Bracket, network: Network) -> None:
        """Guards of the slice, the identity, and triangles."""
        form = bracket.difference()
        letters = [atom for atom, _ in form.terms if isinstance(atom, Letter)]
        carried = self.carried(bracket)
        if len(letters) != len(form.terms):
            raise NoForm
        if not carried:
            network.guards.append(bracket)
        elif len(letters) == len(carried) == 2 and {form.coefficient(x) for x in letters} == {1, -1}:
            join = network.join(letters)
            row, column = map(self.length, letters)
            if bracket.relation in "≤≥<>":
                join.triangles.append(bracket)
            elif bracket.relation == "=" and form.constant == 0 and row == column:
                join.put(Identity(row))
            else:
                raise NoForm
        else:
            raise NoForm

    def _renamed(self, node: Binder) -> Binder:
        """The node with bound letters that are neither axes nor slices."""
        renewed = rename_bound(node)
        assert isinstance(renewed, type(node))
        # a sum directly below joins its letters to these; they come last and are not renamed yet
        for old, new in zip(node.letters, renewed.letters, strict=False):
            if old in self.lengths:
                self.lengths[new] = self.lengths[old]
        return renewed if len(renewed.letters) == len(node.letters) else self._renamed(renewed)


def _is_diagonal(node: Node) -> bool:
    """Whether this is the diagonal of an inverse: summed apart it is a trace."""
    factors = factors_of(node)
    return any(isinstance(f, Over) and f.function is INVERSE and len(set(f.at)) == 1 for f in factors)


def _first_use(node: Node, letters: frozenset[Letter]) -> tuple[Letter, ...]:
    """The letters in the order in which the node mentions them."""
    seen = dict.fromkeys(
        index.letter
        for one in walk(node)
        for index in one.indices_here()
        if index.letter is not None and index.letter in letters
    )
    return tuple(dict.fromkeys((*seen, *sorted(letters, key=lambda x: x.name))))
