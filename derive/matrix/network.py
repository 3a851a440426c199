"""Products under sums as networks: letters are points, what has one letter weighs a point, what has two joins them.

Factors on the same letters are multiplied entry by entry. A summed letter with one join is a matrix-vector product,
with two joins a matrix product, with none an inner product; what closes is a trace. What is left runs from the row
letter to the column letter. A network in which every summed letter has three joins has no matrix form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sympy

from derive.index import Letter
from derive.matrix.algebra import diagonal, hadamard, power, product, scaled, square, transpose, weight
from derive.matrix.tree import (
    Diagonal,
    Guarded,
    Hadamard,
    Identity,
    Matrix,
    Norm,
    Ones,
    Scalar,
    Scale,
    Trace,
    Triangle,
)
from derive.nodes import Bracket, number
from derive.size_algebra import Size, as_expression, times

__all__ = ["Network", "NoForm"]

TWO = sympy.Integer(2)


class NoForm(Exception):
    """There is no matrix form."""


@dataclass
class Factors:
    """The factors on the same letters; matrices stand with ``ends`` as row and column."""

    ends: tuple[Letter, ...]
    above: list[Matrix] = field(default_factory=list)
    under: list[Matrix] = field(default_factory=list)
    triangles: list[Bracket] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.above) + len(self.under)

    def put(self, matrix: Matrix, *, under: bool = False) -> None:
        """One more factor, or one more divisor."""
        (self.under if under else self.above).append(matrix)

    @property
    def whole(self) -> Matrix | None:
        """The product entry by entry; None where there is nothing."""
        return hadamard(self.above, self.under) if len(self) else None


class Network:
    """A product of matrices on letters, summed over some of them, while it is reduced."""

    def __init__(self, row: Letter | None, column: Letter | None, length: Callable[[Letter], Size]) -> None:
        self.row = row
        self.column = column
        self.length = length
        self.summed: list[Letter] = []
        self.scalars = Factors(())
        self.guards: list[Bracket] = []
        self.points: dict[Letter, Factors] = {}
        self.joins: dict[frozenset[Letter], Factors] = {}

    def point(self, letter: Letter) -> Factors:
        """The vectors on a letter."""
        return self.points.setdefault(letter, Factors((letter,)))

    def join(self, ends: Sequence[Letter]) -> Factors:
        """The matrices on two letters."""
        return self.joins.setdefault(frozenset(ends), Factors(tuple(ends)))

    def put_whole(self, matrix: Matrix) -> None:
        """A factor that has all free letters."""
        if self.row is None:
            self.scalars.put(matrix)
        elif self.column is None:
            self.point(self.row).put(matrix)
        else:
            self.join((self.row, self.column)).put(matrix)

    def reduce(self) -> Matrix:
        """Sum over one letter after another; what is left is the form. Raises: NoForm."""
        while self.summed:
            self._sum_over_next()
        found = scaled(self._between_free_letters(), over=self.scalars.above, under=self.scalars.under)
        for guard in self.guards:
            found = Guarded(found, guard)
        return found

    def _sum_over_next(self) -> None:
        joins = {s: [pair for pair in self.joins if s in pair] for s in self.summed}
        letter = min(reversed(self.summed), key=lambda s: len(joins[s]))
        match joins[letter]:
            case []:
                self._close(letter)
            case [pair]:
                (other,) = pair - {letter}
                if other in self.summed and len(joins[other]) == 1 and self._close_pair(letter, other):
                    self.summed.remove(other)
                else:
                    matrix = self._matrix(self.joins.pop(pair), other, letter)
                    self.point(other).put(product(matrix, self._vector(letter) or self._ones(letter)))
            case [one, two]:
                self._chain(letter, self.joins.pop(one), self.joins.pop(two))
            case _:
                raise NoForm
        self.summed.remove(letter)

    def _chain(self, letter: Letter, one: Factors, two: Factors) -> None:
        """A letter between two others: a matrix product."""
        (first,), (last,) = (set(group.ends) - {letter} for group in (one, two))
        vector = self._vector(letter)
        middle = [] if vector is None else [diagonal(vector)]
        matrix = product(self._matrix(one, first, letter), *middle, self._matrix(two, letter, last))
        group = self.join((first, last))
        group.put(matrix if group.ends == (first, last) else transpose(matrix))

    def _close(self, letter: Letter) -> None:
        """A letter that joins nothing: an inner product."""
        match self.points.pop(letter, Factors((letter,))):
            case Factors(_, [], []):
                self.scalars.put(Scalar(number(as_expression(times(self.length(letter), 1)))))
            case Factors(_, [Diagonal(part)], []):
                self.scalars.put(_trace(part))
            case Factors(_, [*first, last], []) if first:
                self.scalars.put(_inner(hadamard(first), last))
            case Factors(_, [Hadamard([*first, last], ())], []) if first:
                self.scalars.put(_inner(hadamard(first), last))
            case Factors(_, [Scale(Hadamard([*first, last], ()), factor, over, under)], []) if first:
                self.scalars.put(scaled(_inner(hadamard(first), last), factor, over, under))
            case Factors(_, above, under):
                vector = hadamard(above, under)
                root = square(vector)
                self.scalars.put(_inner(self._ones(letter), vector) if root is None else power(Norm(root), TWO))

    def _close_pair(self, one: Letter, two: Letter) -> bool:
        """Two letters that join only each other, by two matrices: the trace of a product."""
        if one in self.points or two in self.points:
            return False
        match self.joins[frozenset((one, two))]:
            case Factors(_, [only], [], []) if (root := square(only)) is not None:
                self.scalars.put(power(Norm(root), TWO))
            case Factors(_, [*first, last] as above, under, []) if first and not any(map(_is_identity, above)):
                self.scalars.put(_inner(hadamard(first, under), last))
            case _:
                return False
        del self.joins[frozenset((one, two))]
        return True

    def _between_free_letters(self) -> Matrix:
        if self.row is None:
            return Scalar(number(1))
        left = self._vector(self.row)
        if self.column is None:
            return left or self._ones(self.row)
        right = self._vector(self.column)
        group = self.joins.pop(frozenset((self.row, self.column)), None)
        if group is None:
            return product(left or self._ones(self.row), transpose(right or self._ones(self.column)))
        found = self._matrix(group, self.row, self.column)
        if isinstance(found, Identity):
            vectors = [v for v in (left, right) if v is not None]
            return diagonal(hadamard(vectors)) if vectors else found
        sides = [None if v is None else diagonal(v) for v in (left, right)]
        return product(*(m for m in (sides[0], found, sides[1]) if m is not None))

    def _ones(self, letter: Letter) -> Ones:
        return Ones(self.length(letter))

    def _vector(self, letter: Letter) -> Matrix | None:
        group = self.points.pop(letter, None)
        return None if group is None else group.whole

    def _matrix(self, group: Factors, row: Letter, column: Letter) -> Matrix:
        """The factors on two letters, as a matrix."""
        first, second = group.ends
        found = group.whole or product(self._ones(first), transpose(self._ones(second)))
        for bracket in group.triangles:
            form = bracket.difference()
            lower = form.coefficient(first) == 1
            found = Triangle(found, form.constant if lower else times(form.constant, -1), lower)
        return found if (first, second) == (row, column) else transpose(found)


def _inner(one: Matrix, two: Matrix) -> Matrix:
    """The sum of the products of the entries of two vectors or two matrices."""
    if one == two:
        return power(Norm(one), TWO)
    if one.shape[1] is None:
        return _shorter(product(transpose(one), two), product(transpose(two), one))
    return _trace(_shorter(product(transpose(one), two), product(one, transpose(two))))


def _trace(matrix: Matrix) -> Matrix:
    if isinstance(matrix, Scale):
        return scaled(_trace(matrix.part), matrix.number, matrix.over, matrix.under)
    return Trace(matrix)


def _shorter(one: Matrix, two: Matrix) -> Matrix:
    return two if weight(two) < weight(one) else one


def _is_identity(matrix: Matrix) -> bool:
    return isinstance(matrix, Identity)
