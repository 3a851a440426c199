"""Sums whose terms each fill a part of an axis: they are laid end to end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from derive.index import Index, Letter, as_index
from derive.nodes import Add, Node, factors_of
from derive.notation import mul
from derive.render.numpy.arrangement import guards_of
from derive.render.numpy.arrays import Named, aligned, union
from derive.render.numpy.code import Code, call, list_of, tuple_of
from derive.size_algebra import Size, certainly_nonnegative, plus, times
from derive.tree import substitute

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["joined", "restricted"]

Piece = tuple[Size, Size, Node]


def joined(t: Translator, node: Add) -> Named | None:
    """``concatenate`` of the terms, where brackets give each its part of one axis and the parts make the axis."""
    for one in sorted(node.free, key=t.rank):
        if one in t.fixed:
            continue
        parts = [_part(term, one) for term in node.terms]
        found = [p for p in parts if p is not None]
        if len(found) < len(parts) or not _tiled(found, one):
            continue
        return _concatenated(t, found, one)
    return None


def restricted(t: Translator, factors: Sequence[Node], over: Sequence[Letter]) -> Named | None:
    """The product where brackets leave a part of an axis, computed for that part only; None without such a bracket.

    A sum runs over the part alone, else zeros are put around it.
    """
    for one in dict.fromkeys(x for f in factors if (form := guards_of(f)) is not None for x in form.free):
        part = _part(mul(*factors), one) if one not in t.fixed else None
        if part is None:
            continue
        low, high, node = part
        before, after = low, plus(one.length, times(high, -1))
        length = plus(high, times(low, -1))
        if one not in node.free or not all(certainly_nonnegative(x) for x in (before, after, length)) or length == 0:
            continue
        own = Letter(one.name, length)
        t.order[own] = t.rank(one)
        moved = substitute(node, {one: as_index(own) + Index((), low)})
        value = t.product(factors_of(moved), [own if x is one else x for x in over])
        if one in over:
            return value
        widths = [(before, after) if x is own else (0, 0) for x in value.letters]
        pairs = [tuple_of([t.lengths.code(x) for x in pair]) for pair in widths]
        code = call("np.pad", value.code, pairs[0] if len(pairs) == 1 else tuple_of(pairs))
        return Named(code, tuple(one if x is own else x for x in value.letters), condition=value.condition)
    return None


def _part(term: Node, one: Letter) -> Piece | None:
    """Where along the letter a term is not zero, and the term from there on; None without a bracket that says so."""
    low: Size = 0
    high: Size = one.length
    rest: list[Node] = []
    guarded = False
    for factor in factors_of(term):
        form = guards_of(factor)
        if form is None or form.free != {one} or form.coefficient(one) not in (1, -1) or len(form.terms) != 1:
            rest.append(factor)
        elif form.coefficient(one) == 1 and low == 0:
            low, guarded = times(form.constant, -1), True
        elif form.coefficient(one) == -1 and high == one.length:
            high, guarded = plus(form.constant, 1), True
        else:
            rest.append(factor)
    return (low, high, mul(*rest)) if guarded else None


def _tiled(parts: list[Piece], one: Letter) -> bool:
    """Whether the parts, in their order, follow on each other from the start of the axis to its end."""
    reached: Size = 0
    for low, high, _ in parts:
        length = plus(high, times(low, -1))
        if low != reached or not certainly_nonnegative(length) or length == 0:
            return False
        reached = high
    return len(parts) > 1 and reached == one.length


def _concatenated(t: Translator, parts: list[Piece], one: Letter) -> Named:
    values: list[Named] = []
    for low, high, node in parts:
        own = Letter(one.name, plus(high, times(low, -1)))
        t.order[own] = t.rank(one)
        moved = substitute(node, {one: as_index(own) + Index((), low)})
        value = t.numeric(t.dense(moved))
        values.append(Named(value.code, tuple(one if x is own else x for x in value.letters)))
    letters = tuple(sorted(union([*(v.letters for v in values), (one,)]), key=t.rank))
    codes: list[Code | str] = []
    for (low, high, _), value in zip(parts, values, strict=True):
        code = aligned(value, letters)
        if set(value.letters) != set(letters):
            sizes = [t.lengths.code(plus(high, times(low, -1))) if x is one else t.length(x) for x in letters]
            shape = sizes[0] if len(sizes) == 1 else tuple_of(sizes)
            code = call("np.broadcast_to", code, shape)
        codes.append(code)
    axis = letters.index(one)
    parts_of_axis = list_of(codes)
    whole = call("np.concatenate", parts_of_axis, axis=str(axis)) if axis else call("np.concatenate", parts_of_axis)
    return Named(whole, letters)
