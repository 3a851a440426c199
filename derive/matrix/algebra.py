"""How matrix expressions are put together: each constructor keeps the form short.

Scalars come to the front, identities vanish, products are flat, and of a transpose outside and inside the shorter one
is taken. The three most important functions are ``product``, ``hadamard`` and ``transpose``.
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy

from derive.index import Letter
from derive.matrix.tree import (
    Blocks,
    Cross,
    Diag,
    Entrywise,
    Guarded,
    Hadamard,
    Identity,
    Matrix,
    Name,
    Norm,
    Ones,
    Power,
    Product,
    Scalar,
    Scale,
    Shape,
    SliceSum,
    Total,
    Transpose,
    number_of,
)
from derive.nodes import number

__all__ = [
    "cross",
    "diagonal",
    "hadamard",
    "power",
    "product",
    "scaled",
    "solid",
    "square",
    "sum_of_slices",
    "total",
    "transpose",
    "weight",
]

ONE = sympy.Integer(1)
SYMMETRIC = frozenset({"symmetric", "positive definite"})


class _Front:
    """The scalars in front of a form while it is made."""

    def __init__(self, factor: sympy.Expr = ONE) -> None:
        self.number = factor
        self.kept: tuple[list[Matrix], list[Matrix]] = ([], [])

    def take(self, scalars: Iterable[Matrix], *, inverted: bool = False) -> None:
        """Multiply by scalars, or divide by them."""
        for one in scalars:
            if isinstance(one, Scale):
                self.take((self.strip(one, inverted=inverted),), inverted=inverted)
            elif (plain := number_of(one)) is not None:
                self.number = self.number / plain if inverted else self.number * plain
            else:
                self.kept[inverted].append(one)

    def strip(self, matrix: Matrix, *, inverted: bool = False) -> Matrix:
        """The matrix without the scalars in front of it, which are taken."""
        if not isinstance(matrix, Scale):
            return matrix
        self.number = self.number / matrix.number if inverted else self.number * matrix.number
        self.take(matrix.over, inverted=inverted)
        self.take(matrix.under, inverted=not inverted)
        return matrix.part

    def before(self, part: Matrix) -> Matrix:
        """The scalars times the part."""
        part = self.strip(part)
        over, under = self.kept
        if part.is_scalar:
            self.take((part,))
            part = over.pop() if over else Scalar(number(1))
        if not over and not under:
            if self.number == 1:
                return part
            if number_of(part) is not None:
                return Scalar(number(self.number))
        return Scale(part, self.number, tuple(over), tuple(under))


def scaled(
    part: Matrix, factor: sympy.Expr = ONE, over: Iterable[Matrix] = (), under: Iterable[Matrix] = ()
) -> Matrix:
    """The part with scalars in front: numbers multiplied, nested factors merged."""
    front = _Front(factor)
    front.take(over)
    front.take(under, inverted=True)
    return front.before(part)


def product(*factors: Matrix) -> Matrix:
    """The matrix product, flattened: scalars in front, identities dropped, ``diag(x) 1`` is ``x``."""
    flat: list[Matrix] = []
    front = _Front()
    todo = list(factors)
    while todo:
        one = front.strip(todo.pop(0))
        if one.is_scalar:
            front.take((one,))
        elif isinstance(one, Product):
            todo[:0] = one.factors
        elif not isinstance(one, Identity) or not (flat or todo):
            flat.append(one)
    flat = _weighted(flat)
    for k in range(len(flat) - 1, 0, -1):
        left, right = flat[k - 1], flat[k]
        if isinstance(left, Diag) and isinstance(right, Ones):
            flat[k - 1 : k + 1] = [power(left.part, left.exponent)]
        elif isinstance(left, Transpose) and isinstance(left.part, Ones) and isinstance(right, Diag):
            flat[k - 1 : k + 1] = [transpose(power(right.part, right.exponent))]
    if len(flat) > 1:
        return front.before(Product(tuple(flat)))
    return front.before(flat[0] if flat else Scalar(number(1)))


def _weighted(factors: list[Matrix]) -> list[Matrix]:
    """``diag(u) M diag(w)`` as ``u w^T ⊙ M`` where M is a sum with scalars, which are shorter entry by entry."""
    for k in range(1, len(factors) - 1):
        left, middle, right = factors[k - 1 : k + 2]
        if isinstance(left, Diag) and isinstance(right, Diag) and _has_scalars(middle):
            vectors = [power(one.part, one.exponent) for one in (left, right)]
            weights = product(vectors[0], transpose(vectors[1]))
            return _weighted([*factors[: k - 1], hadamard([weights, middle]), *factors[k + 2 :]])
    return factors


def _has_scalars(one: Matrix) -> bool:
    return isinstance(one, Total) and None not in one.shape and any(t.is_scalar for t in one.terms)


def solid(one: Matrix) -> Matrix:
    """A sum of matrices, its scalars written as matrices of ones: in a product they would read as multiples of I."""
    if isinstance(one, Transpose):
        return Transpose(solid(one.part))
    if not isinstance(one, Total) or not _has_scalars(one):
        return one
    filled = _full(one.shape)
    return Total(tuple(scaled(filled, over=(t,)) if t.is_scalar else t for t in one.terms))


def _full(shape: Shape) -> Matrix:
    rows, columns = shape
    if rows is None or columns is None:
        return transpose(Ones(columns)) if columns is not None else Ones(rows or 1)
    return Product((Ones(rows), Transpose(Ones(columns))))


def hadamard(terms: Iterable[Matrix], under: Iterable[Matrix] = ()) -> Matrix:
    """The product entry by entry, scalars in front. Nothing above is a power of what is below."""
    above, low = list(terms), list(under)
    if not above:
        above = [power(low.pop(0), sympy.Integer(-1))]
    if len(above) == 1 and not low:
        return above[0]
    front = _Front()
    above = [front.strip(one) for one in above]
    low = [front.strip(one, inverted=True) for one in low]
    return front.before(Hadamard(tuple(above), tuple(low)))


def total(terms: Iterable[Matrix]) -> Matrix:
    """The sum, flattened."""
    flat: list[Matrix] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, Total) else (term,))
    return flat[0] if len(flat) == 1 else Total(tuple(flat))


def power(base: Matrix, exponent: sympy.Expr | Matrix) -> Matrix:
    """The power entry by entry; powers of powers to numbers are folded where that is always true."""
    if isinstance(exponent, Matrix):
        return Power(base, exponent)
    if exponent == 1:
        return base
    if isinstance(base, Power) and base.number is not None and (exponent.is_integer or isinstance(base.part, Norm)):
        return power(base.part, base.number * exponent)
    if base.is_scalar and exponent.is_negative:
        return scaled(Scalar(number(1)), under=(power(base, -exponent),))
    if isinstance(base, Scale) and exponent.is_integer and not base.over and not base.under:
        return scaled(power(base.part, exponent), base.number**exponent)
    return Power(base, Scalar(number(exponent)))


def square(base: Matrix) -> Matrix | None:
    """What this is the square of, entry by entry."""
    return base.part if isinstance(base, Power) and base.number == 2 else None


def sum_of_slices(part: Matrix, letter: Letter) -> Matrix:
    """The sum over one more letter, the number in front."""
    if isinstance(part, Scale) and part.number != 1:
        inner = scaled(part.part, over=part.over, under=part.under)
        return scaled(sum_of_slices(inner, letter), part.number)
    if isinstance(part, SliceSum):
        return SliceSum(part.part, (letter, *part.letters))
    return SliceSum(part, (letter,))


def cross(left: Matrix, right: Matrix) -> Matrix:
    """The cross product, scalars in front; turned round where that saves a minus."""
    front = _Front()
    left, right = front.strip(left), front.strip(right)
    if front.number.could_extract_minus_sign():
        front.number = -front.number
        left, right = right, left
    return front.before(Cross(left, right))


def diagonal(vector: Matrix) -> Matrix:
    """The diagonal matrix of a vector; a power of the vector is a power of the matrix."""
    if isinstance(vector, Scale):
        return scaled(diagonal(vector.part), vector.number, vector.over, vector.under)
    if isinstance(vector, Ones):
        return Identity(vector.rows)
    if isinstance(vector, Power) and vector.number is not None:
        return Diag(vector.part, vector.number)
    return Diag(vector)


def transpose(matrix: Matrix, *, outside: bool = True) -> Matrix:
    """The transpose, taken inside where that is shorter, or wherever it can be if not ``outside``."""
    match matrix:
        case Transpose():
            return matrix.part
        case Identity() | Diag():
            return matrix
        case Name(tensor, at) if tensor.domain in SYMMETRIC and at == (None, None):
            return matrix
        case Scale():
            return scaled(transpose(matrix.part), matrix.number, matrix.over, matrix.under)
        case Guarded():
            return Guarded(transpose(matrix.part), matrix.bracket)
        case SliceSum():
            return SliceSum(transpose(matrix.part), matrix.letters)
    if matrix.is_scalar:
        return matrix
    whole, inside = Transpose(matrix), _transposed_inside(matrix)
    if inside is None:
        return whole
    gain = weight(whole) - weight(inside)
    return inside if not outside or gain > 0 or (gain == 0 and isinstance(matrix, Product)) else whole


def _transposed_inside(matrix: Matrix) -> Matrix | None:
    match matrix:
        case Product():
            return product(*(transpose(f) for f in reversed(matrix.factors)))
        case Total():
            return Total(tuple(map(transpose, matrix.terms)))
        case Hadamard():
            return Hadamard(tuple(map(transpose, matrix.terms)), tuple(map(transpose, matrix.under)))
        case Entrywise():
            return Entrywise(tuple(map(transpose, matrix.terms)), matrix.function)
        case Power():
            return Power(transpose(matrix.part), transpose(matrix.exponent))
        case Blocks(blocks, axis, lengths, (rows, columns)):
            return Blocks(tuple(map(transpose, blocks)), 1 - axis, lengths, (columns, rows))
    return None


def weight(matrix: Matrix) -> int:
    """How long a form is, roughly in signs; parentheses count where only the transpose needs them."""
    own = 3 if isinstance(matrix, Transpose) and isinstance(matrix.part, Product) else 1
    return own + sum(map(weight, matrix.parts()))
