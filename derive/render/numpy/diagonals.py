"""What is added to a diagonal is added in place, and no unit matrix is made: ``A[i,j] + [i = j] w[i]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from derive.index import Letter, as_index
from derive.nodes import Add, Bracket, Node, Number, Pow, Ref, factors_of
from derive.notation import add, mul
from derive.render.numpy.arrays import Named
from derive.render.numpy.block import Assign, Update
from derive.render.numpy.code import call, name, subscript
from derive.terms import is_subtracted, opposite
from derive.tree import substitute

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["spread_diagonal", "with_diagonal"]


def with_diagonal(t: Translator, terms: Sequence[Node]) -> Named | None:
    """A matrix to whose diagonal terms are added; None where the sum is something else."""
    found = _split(t, terms)
    if found is None:
        return None
    (row, column), whole, entries = found
    if not _has_both(whole, row, column):
        return None
    value = t.real(t.dense(add(*whole)))
    if set(value.letters) != {row, column}:
        return None
    minus = all(map(is_subtracted, entries))
    new = t.numeric(t.dense(add(*(opposite(e) if minus else e for e in entries))))
    operator = "-=" if minus else "+="
    block = t.blocks[-1]
    made = f"{value.code} {operator} {new.code} on its diagonal"
    if made not in block.known:
        target = name(t.identifiers.label("with_diagonal"))
        block.statements.append(Assign(target.text, value.code, role="changed"))
        place = subscript(target, [call("np.diag_indices", t.length(row), work=0)])
        block.statements.append(Update(place, operator, new.code))
        block.known[made] = target
    return Named(block.known[made], value.letters)


def spread_diagonal(t: Translator, factors: Sequence[Node]) -> Named | None:
    """A product of vectors and a sum with a term on a diagonal, multiplied out; None where it is something else."""
    sums = [f for f in factors if isinstance(f, Add)]
    found = _split(t, sums[0].terms) if len(sums) == 1 else None
    if found is None:
        return None
    (row, column), whole, entries = found
    rest = [f for f in factors if f is not sums[0]]
    vectors = all(len(f.free - t.fixed.keys()) <= 1 and _is_plain(f) and f.free <= {row, column} for f in rest)
    if not vectors or not _has_both([mul(*rest, w) for w in whole], row, column):
        return None
    own = mul(Bracket(as_index(row), "=", as_index(column)), *(substitute(f, {column: row}) for f in rest))
    return with_diagonal(t, [*(mul(*rest, w) for w in whole), *(mul(own, e) for e in entries)])


def _split(t: Translator, terms: Sequence[Node]) -> tuple[tuple[Letter, Letter], list[Node], list[Node]] | None:
    """The letters of a matrix, the terms of all its entries, and what others are on its diagonal, by the row."""
    bracket = next((f for term in terms for f in factors_of(term) if _letters(t, f) is not None), None)
    if bracket is None or frozenset[Letter]().union(*(term.free for term in terms)) - t.fixed.keys() != bracket.free:
        return None
    letters = _letters(t, bracket)
    assert letters is not None
    row, column = letters
    whole: list[Node] = []
    entries: list[Node] = []
    for term in terms:
        own = [f for f in factors_of(term) if _letters(t, f) is not None]
        rest = mul(*(f for f in factors_of(term) if f not in own))
        (entries if own else whole).append(substitute(rest, {column: row}) if own else term)
    return letters, whole, entries


def _letters(t: Translator, factor: Node) -> tuple[Letter, Letter] | None:
    """The row and the column that a bracket says to be the same."""
    if not isinstance(factor, Bracket) or factor.relation != "=":
        return None
    left, right = factor.left.letter, factor.right.letter
    if left is None or right is None or left is right or left.length != right.length:
        return None
    if left in t.fixed or right in t.fixed:
        return None
    row, column = sorted((left, right), key=t.rank)
    return row, column


def _has_both(terms: Sequence[Node], row: Letter, column: Letter) -> bool:
    """Whether terms together are a matrix, none of which is one of masks alone."""
    return any({row, column} <= term.free for term in terms) and not any(
        isinstance(f, Bracket) for term in terms for f in factors_of(term)
    )


def _is_plain(factor: Node) -> bool:
    """Whether a factor is there already, or a number, or one over either."""
    base = factor.base if isinstance(factor, Pow) and isinstance(factor.exponent, Number) else factor
    return isinstance(base, Ref) or not base.free
