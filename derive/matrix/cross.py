"""Cross products of three-vectors, read off their entries: ``u_1 v_2 - u_2 v_1``, and so on around.

An array whose entries are linear in those of ``u`` with antisymmetric coefficients is ``u × v``. The important
function is ``cross_form``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy

from derive.algebra import tidy
from derive.contraction import contract
from derive.index import Letter, as_index
from derive.matrix.algebra import cross, scaled, sum_of_slices, total
from derive.matrix.entries import shared_factors
from derive.matrix.network import NoForm
from derive.matrix.reader import Reader
from derive.matrix.tree import Blocks, Cross, Guarded, Matrix, below
from derive.nodes import ZERO, Node, Ref, Sum, factors_of, terms_of
from derive.notation import add, mul
from derive.tree import key, substitute

__all__ = ["cross_form"]

MINUS = sympy.Integer(-1)
AXES = range(3)
AROUND = ((1, 2), (2, 0), (0, 1))
"""Which coefficients are the entries of the second factor: that of ``u_2`` in entry 1 is ``v_0``."""


def cross_form(node: Node, letter: Letter, reader: Reader) -> Matrix:
    """A vector along a letter as a sum of cross products and multiples of vectors.

    Raises: NoForm where it is none, or has no cross product in it, or guards of slices.
    """
    if reader.length(letter) != len(AXES):
        raise NoForm
    shared, own = shared_factors(node, (letter,))
    found = _vector([tidy(contract(substitute(own, {letter: as_index(k)}))) for k in AXES], letter, reader)
    kinds = {type(one) for one in below(found)}
    if Cross not in kinds or Guarded in kinds:
        raise NoForm
    return scaled(found, over=[reader.at(f, None, None) for f in shared])


def _vector(entries: Sequence[Node], letter: Letter, reader: Reader) -> Matrix:
    """The vector with these entries; the letter, free in none of them, is that of its axis."""
    if any(isinstance(f, Sum) for entry in entries for term in terms_of(entry) for f in factors_of(term)):
        return _summed(entries, letter, reader)
    candidates = {key(v): v for entry in entries for v in _vectors_in(entry, letter)}
    for vector in candidates.values():
        try:
            return _linear(entries, vector, letter, reader)
        except NoForm:
            continue
    return _column(entries, reader)


def _column(entries: Sequence[Node], reader: Reader) -> Matrix:
    """The entries one above the other, what they share in front."""
    factors = [{key(f): f for f in factors_of(entry)} for entry in entries]
    common = {one: f for one, f in factors[0].items() if all(one in others for others in factors)}
    rows = (mul(*(f for f in factors_of(entry) if key(f) not in common)) for entry in entries)
    blocks = tuple(reader.at(row, None, None) for row in rows)
    column = Blocks(blocks, 0, (1,) * len(blocks), (len(blocks), None))
    return scaled(column, over=[reader.at(f, None, None) for f in common.values()])


def _summed(entries: Sequence[Node], letter: Letter, reader: Reader) -> Matrix:
    """Sums over one letter in every term, as the sum of a vector over slices."""
    own: Letter | None = None
    bodies: list[Node] = []
    for entry in entries:
        terms = []
        for term in terms_of(entry):
            sums = [f for f in factors_of(term) if isinstance(f, Sum)]
            if len(sums) != 1 or len(sums[0].letters) != 1:
                raise NoForm
            (one,), (old,) = sums, sums[0].letters
            own = own or old
            if reader.length(old) != reader.length(own):
                raise NoForm
            body = substitute(one.body, {old: as_index(own)})
            terms.append(mul(*(f for f in factors_of(term) if f is not one), body))
        bodies.append(add(*terms))
    if own is None:
        raise NoForm
    return sum_of_slices(_vector(bodies, letter, Reader(reader.batch | {own}, reader.lengths)), own)


def _vectors_in(entry: Node, letter: Letter) -> Iterator[Ref]:
    """The vectors of which a factor of a term is an entry."""
    for term in terms_of(entry):
        for factor in factors_of(term):
            if isinstance(factor, Ref):
                for at, index in enumerate(factor.indices):
                    if factor.tensor.axes[at] == len(AXES) and not index.terms:
                        indices = (*factor.indices[:at], as_index(letter), *factor.indices[at + 1 :])
                        yield Ref(factor.tensor, indices)


def _linear(entries: Sequence[Node], vector: Ref, letter: Letter, reader: Reader) -> Matrix:
    """The entries as a cross product with a vector, a multiple of it, and a rest without it."""
    places = {key(substitute(vector, {letter: as_index(k)})): k for k in AXES}
    coefficients: list[list[Node]] = [[ZERO] * len(AXES) for _ in AXES]
    rest: list[Node] = [ZERO] * len(AXES)
    for row, entry in enumerate(entries):
        for term in terms_of(entry):
            factors = list(factors_of(term))
            at = next((m for m, f in enumerate(factors) if key(f) in places), None)
            if at is None:
                rest[row] = add(rest[row], term)
                continue
            column = places[key(factors.pop(at))]
            coefficients[row][column] = add(coefficients[row][column], mul(*factors))
    parts = []
    if any(not _is_zero(coefficients[k][k]) for k in AXES):
        multiple = coefficients[0][0]
        if any(key(coefficients[k][k]) != key(multiple) for k in AXES):
            raise NoForm
        parts.append(scaled(reader.at(vector, letter, None), over=[reader.at(multiple, None, None)]))
    if any(not _is_zero(add(coefficients[i][j], coefficients[j][i])) for i, j in AROUND):
        raise NoForm
    other = [tidy(coefficients[i][j]) for i, j in AROUND]
    if not all(map(_is_zero, other)):
        parts.append(cross(reader.at(vector, letter, None), _vector(other, letter, reader)))
    if not all(map(_is_zero, rest)):
        last = _vector(rest, letter, reader)
        parts.append(_joined(parts.pop(), last) if parts else last)
    return total(parts)


def _joined(one: Matrix, two: Matrix) -> Matrix:
    """The sum of two vectors; of cross products that share a factor, one cross product."""
    if isinstance(one, Cross) and isinstance(two, Cross):
        if one.left == two.right:
            one, two = two, one
        if one.right == two.right:
            return cross(total([one.left, two.left]), one.right)
        if one.left == two.left:
            return cross(one.left, total([one.right, two.right]))
        if one.right == two.left:
            return cross(total([one.left, scaled(two.right, MINUS)]), one.right)
    return total([one, two])


def _is_zero(node: Node) -> bool:
    return tidy(node) == ZERO
