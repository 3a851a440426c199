"""``np.pad``: what stands before the first entry of an axis and after the last one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from derive.errors import MissingRuleError, NotationError
from derive.index import Index, Letter, as_index
from derive.nodes import Bracket, Node, is_zero
from derive.notation import add, mul
from derive.size_algebra import Size, plus, times
from derive.tracing.arrays import Array, joint_kind
from derive.tracing.axes import axis_of
from derive.tracing.conditions import complement
from derive.tracing.conversion import as_array
from derive.tracing.joining import concatenate
from derive.tracing.lengths import length, size_of, sizes_of
from derive.tracing.numpy_shim import implements
from derive.tracing.session import session
from derive.tracing.shaping import broadcast_to, moveaxis, repeat

__all__ = ["pad"]

Values = Sequence[tuple[Any, Any]]

# How much of an axis a mode can continue it by, and what is before the first entry and after the last one.
_BEYOND: dict[str, tuple[Callable[[Size], Size], Callable[[Array, int], Array], Callable[[Array, int], Array]]] = {
    "reflect": (lambda size: plus(size, -1), lambda x, k: x[1 : k + 1][::-1], lambda x, k: x[-k - 1 : -1][::-1]),
    "symmetric": (lambda size: size, lambda x, k: x[:k][::-1], lambda x, k: x[-k:][::-1]),
    "wrap": (lambda size: size, lambda x, k: x[-k:], lambda x, k: x[:k]),
}


@implements("pad")
def pad(a: object, width: Any, mode: str = "constant", constant_values: Any = 0) -> Array:
    array = as_array(a)
    counts = [(length(low), length(high)) for low, high in map(sizes_of, _pairs(width, array.ndim))]
    alone = not isinstance(constant_values, (tuple, list, dict, np.ndarray))
    if mode == "constant" and alone:
        return _filled(array, counts, as_array(constant_values))
    if mode not in ("constant", "edge", *_BEYOND):
        known = ", ".join(("constant", "edge", *_BEYOND))
        raise MissingRuleError(session().here(f"np.pad with mode={mode!r} has no rule: there are {known}"))
    values = _pairs(constant_values, array.ndim)
    for m, (before, after) in enumerate(counts):
        first = moveaxis(array, m, 0)
        if mode == "constant":
            ends = zip(values[m], (before, after), strict=True)
            left, right = (broadcast_to(value, (count, *first.shape[1:])) for value, count in ends)
        elif mode == "edge":
            left, right = repeat(first[:1], before, 0), repeat(first[-1:], after, 0)
        else:
            array = moveaxis(_continued(first, before, after, mode), 0, m)
            continue
        array = moveaxis(concatenate([left, first, right]), 0, m)
    return array


def _filled(array: Array, counts: Values, fill: Array) -> Array:
    """An array with one number beyond all its ends."""
    letters: list[Letter] = []
    indices: list[Index] = []
    brackets: list[Node] = []
    for size, (before, after) in zip(array.sizes, counts, strict=True):
        low, high = size_of(before), size_of(after)
        own = session().letter(plus(plus(size, low), high))
        letters.append(own)
        indices.append(as_index(own) - low)
        if low != 0:
            brackets.append(Bracket(as_index(own), "≥", as_index(low)))
        if high != 0:
            brackets.append(Bracket(as_index(own), "<", as_index(plus(low, size))))
    inside = mul(*brackets, array.at(indices))
    if fill.ndim:
        raise NotationError(session().here("np.pad fills with numbers: constant_values=0, or pairs of numbers"))
    outside = complement(mul(*brackets)) if brackets and not is_zero(fill.body) else []
    return Array(letters, add(inside, *(mul(other, fill.body) for other in outside)), joint_kind([array, fill]))


def _continued(array: Array, before: int, after: int, mode: str) -> Array:
    """An array that goes on before and after its first axis as the mode says."""
    limit_of, left, right = _BEYOND[mode]
    size, limit = array.sizes[0], limit_of(array.sizes[0])
    longest = max(session().value(size_of(k)) for k in (before, after))
    if isinstance(size, int) and longest > session().value(limit):
        for count in (before, after):
            session().specialise(size_of(count), "an axis is continued by more than its own entries")
        return array[np.pad(np.arange(size), (int(before), int(after)), mode)]  # type: ignore[call-overload]
    for count in (before, after):
        session().require(plus(limit, times(size_of(count), -1)), f"{mode} of {count} entries of an axis of {size}")
    parts = [left(array, before)] * (before != 0) + [array] + [right(array, after)] * (after != 0)
    return concatenate(parts)


def _pairs(given: Any, ndim: int) -> Values:
    """A value before and after each axis, of all the forms that NumPy takes."""
    if isinstance(given, dict):
        found = [(0, 0)] * ndim
        for axis, one in given.items():
            found[axis_of(axis, ndim)] = _pair(one if isinstance(one, (tuple, list)) else [one])
        return found
    listed = given.tolist() if isinstance(given, np.ndarray) else given
    if not isinstance(listed, (tuple, list)):
        return [(listed, listed)] * ndim
    nested = [isinstance(one, (tuple, list)) for one in listed]
    rows = [_pair(one) for one in listed] if nested and all(nested) else [_pair(listed)]
    rows = rows * ndim if len(rows) == 1 else rows
    if len(rows) != ndim or (any(nested) and not all(nested)):
        raise NotationError(
            session().here(f"np.pad has {len(listed)} pairs for {ndim} axes: give one, or one for each")
        )
    return rows


def _pair(values: Sequence[Any]) -> tuple[Any, Any]:
    if len(values) not in (1, 2):
        raise NotationError(session().here("np.pad takes (before, after), or one number for both"))
    return values[0], values[-1]
