"""Matrix expressions: a small tree of their own, with a shape at every node.

Data
    ``Matrix``  the closed set below. A shape is (rows, columns); None is an axis that is not there, so that a
                scalar is (None, None), a vector (n, None), a transposed vector (None, n).

Trees are made by the constructors in ``derive.matrix.algebra``, and computed by ``derive.matrix.value``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sympy

from derive.functions import Elementwise
from derive.index import Index, Letter
from derive.nodes import Bracket, Number, Position, Tensor
from derive.over_axes import OverAxes
from derive.size_algebra import Size

__all__ = [
    "SCALAR", "Along", "Blocks", "Cross", "Diag", "Diagonal", "Entrywise", "Guarded", "Hadamard", "Identity",
    "Matrix", "Name", "Norm", "Ones", "Power", "Product", "Scalar", "Scale", "Shape", "SliceSum", "Total", "Trace",
    "Transpose", "Triangle", "below", "number_of", "shape_of",
]  # fmt: skip

Shape = tuple[Size | None, Size | None]
SCALAR: Shape = (None, None)
ONE = sympy.Integer(1)


class Matrix:
    """A matrix, vector or scalar. The dataclasses below are all there are."""

    __slots__ = ()

    @property
    def shape(self) -> Shape:
        """Rows and columns; None for an axis that is not there."""
        return SCALAR

    def parts(self) -> tuple[Matrix, ...]:
        """The trees directly below this one."""
        return ()

    @property
    def is_scalar(self) -> bool:
        """Whether this is a scalar."""
        return self.shape == SCALAR


@dataclass(frozen=True)
class Scalar(Matrix):
    """A number, or the value of an index, as in ``1 - β^t``."""

    node: Number | Position


@dataclass(frozen=True)
class Name(Matrix):
    """A tensor, or the slice of it at the indices in ``at``; None stands for an axis that is kept."""

    tensor: Tensor
    at: tuple[Index | None, ...]
    size: Shape

    @property
    def shape(self) -> Shape:
        return self.size


@dataclass(frozen=True)
class Ones(Matrix):
    """The column of ones."""

    rows: Size

    @property
    def shape(self) -> Shape:
        return (self.rows, None)


@dataclass(frozen=True)
class Identity(Matrix):
    """The identity matrix."""

    rows: Size

    @property
    def shape(self) -> Shape:
        return (self.rows, self.rows)


@dataclass(frozen=True)
class _Unary(Matrix):
    """What acts on one tree and keeps its shape."""

    part: Matrix

    @property
    def shape(self) -> Shape:
        return self.part.shape

    def parts(self) -> tuple[Matrix, ...]:
        return (self.part,)


@dataclass(frozen=True)
class Transpose(_Unary):
    """``A^T``. Made by ``transpose``."""

    @property
    def shape(self) -> Shape:
        rows, columns = self.part.shape
        return (columns, rows)


@dataclass(frozen=True)
class Guarded(_Unary):
    """The part where a bracket of slice letters holds, else zero; there the part is not read."""

    bracket: Bracket


@dataclass(frozen=True)
class Triangle(_Unary):
    """The entries on and below diagonal ``offset`` (on and above, if not ``lower``), the others zero."""

    offset: Size
    lower: bool


@dataclass(frozen=True)
class Diag(_Unary):
    """The diagonal matrix of a vector, to a power."""

    exponent: sympy.Expr = ONE

    @property
    def shape(self) -> Shape:
        return (self.part.shape[0], self.part.shape[0])


@dataclass(frozen=True)
class Diagonal(_Unary):
    """The diagonal of a matrix, as a vector."""

    @property
    def shape(self) -> Shape:
        return (self.part.shape[0], None)


@dataclass(frozen=True)
class Trace(_Unary):
    """The sum of the diagonal."""

    @property
    def shape(self) -> Shape:
        return SCALAR


@dataclass(frozen=True)
class Norm(_Unary):
    """The square root of the sum of all squares: Euclidean of a vector, Frobenius of a matrix."""

    @property
    def shape(self) -> Shape:
        return SCALAR


@dataclass(frozen=True)
class Along(_Unary):
    """A function of a vector, of every row of a matrix, or of a square matrix as a whole (inverse, det)."""

    function: OverAxes
    size: Shape

    @property
    def shape(self) -> Shape:
        return self.size

    @property
    def of_rows(self) -> bool:
        """Whether it acts on every row of a matrix."""
        return self.function.letters == 1 and self.part.shape[1] is not None


@dataclass(frozen=True)
class Power(_Unary):
    """Entry by entry: the base to an exponent, which is a number or has the shape of the base."""

    exponent: Matrix

    @property
    def shape(self) -> Shape:
        return self.exponent.shape if self.part.is_scalar else self.part.shape

    def parts(self) -> tuple[Matrix, ...]:
        return (self.part, self.exponent)

    @property
    def number(self) -> sympy.Expr | None:
        """The exponent, if it is a number."""
        return number_of(self.exponent)


@dataclass(frozen=True)
class _Row(Matrix):
    """What acts on several trees of one shape; scalars among them count for every entry."""

    terms: tuple[Matrix, ...]

    @property
    def shape(self) -> Shape:
        return next((t.shape for t in self.parts() if not t.is_scalar), SCALAR)

    def parts(self) -> tuple[Matrix, ...]:
        return self.terms


@dataclass(frozen=True)
class Total(_Row):
    """A sum; numbers in it are added to every entry. Made by ``total``."""


@dataclass(frozen=True)
class Entrywise(_Row):
    """A function of numbers, entry by entry."""

    function: Elementwise


@dataclass(frozen=True)
class Hadamard(_Row):
    """The product of ``terms`` entry by entry, divided by those of ``under``. Made by ``hadamard``."""

    under: tuple[Matrix, ...] = ()

    def parts(self) -> tuple[Matrix, ...]:
        return self.terms + self.under


@dataclass(frozen=True)
class Product(Matrix):
    """The matrix product. Made by ``product``."""

    factors: tuple[Matrix, ...]

    @property
    def shape(self) -> Shape:
        return (self.factors[0].shape[0], self.factors[-1].shape[1])

    def parts(self) -> tuple[Matrix, ...]:
        return self.factors


@dataclass(frozen=True)
class Cross(Matrix):
    """The cross product of two vectors of three entries. Made by ``cross``."""

    left: Matrix
    right: Matrix

    @property
    def shape(self) -> Shape:
        return self.left.shape

    def parts(self) -> tuple[Matrix, ...]:
        return (self.left, self.right)


@dataclass(frozen=True)
class Scale(_Unary):
    """``number`` times the scalars ``over``, divided by the scalars ``under``, times the part. Made by ``scaled``."""

    number: sympy.Expr
    over: tuple[Matrix, ...] = ()
    under: tuple[Matrix, ...] = ()

    def parts(self) -> tuple[Matrix, ...]:
        return (*self.over, *self.under, self.part)


@dataclass(frozen=True)
class SliceSum(_Unary):
    """The sum of the part over slices: ``Σ_i A_iᵀ B_i``. The letters name slices in the part only."""

    letters: tuple[Letter, ...]


@dataclass(frozen=True)
class Blocks(Matrix):
    """Matrices beside each other (``axis`` 1) or one above the other (``axis`` 0), with their lengths along it.

    A number among them counts for all entries of its block.
    """

    blocks: tuple[Matrix, ...]
    axis: int
    lengths: tuple[Size, ...]
    size: Shape

    @property
    def shape(self) -> Shape:
        return self.size

    def parts(self) -> tuple[Matrix, ...]:
        return self.blocks

    @property
    def grid(self) -> Sequence[tuple[Matrix, ...]]:
        """The rows of blocks, where the blocks of each row, or of each column, are cut alike."""
        inner = [block for block in self.blocks if isinstance(block, Blocks)]
        alike = len(inner) == len(self.blocks) and len({(b.axis, b.lengths) for b in inner}) == 1
        if alike and inner[0].axis != self.axis:
            parts = [block.blocks for block in inner]
            return parts if self.axis == 0 else list(zip(*parts, strict=True))
        return [self.blocks] if self.axis else [(block,) for block in self.blocks]


def below(matrix: Matrix) -> Iterator[Matrix]:
    """The tree and everything in it."""
    yield matrix
    for part in matrix.parts():
        yield from below(part)


def number_of(matrix: Matrix) -> sympy.Expr | None:
    """The number that a tree is; None where it is none."""
    return matrix.node.value if isinstance(matrix, Scalar) and isinstance(matrix.node, Number) else None


def shape_of(lengths: Sequence[Size]) -> Shape:
    """The shape with these axes: none, the row, or row and column."""
    row, column = (*lengths, None, None)[:2]
    return (row, column)
