"""NumPy's functions that put arrays together along an axis, and that take an array apart along one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from derive.errors import MissingRuleError, NotationError
from derive.index import as_index
from derive.nodes import ZERO, Bracket, Node, is_zero, shape_text
from derive.notation import add, mul
from derive.size_algebra import Size, exact_quotient, plus, times
from derive.tracing.arrays import Array, joint_kind
from derive.tracing.axes import axis_of
from derive.tracing.broadcasting import stacked
from derive.tracing.conversion import as_array
from derive.tracing.indexing import place_of
from derive.tracing.lengths import Length, length, size_of
from derive.tracing.numpy_shim import implements
from derive.tracing.session import session
from derive.tracing.shaping import atleast_1d, atleast_2d, atleast_3d, moveaxis

__all__ = ["as_columns", "concatenate", "stack"]


def _listed(parts: Any) -> list[Array]:
    """The arrays of a list, or those along the first axis of one array."""
    found = [as_array(part) for part in (parts if isinstance(parts, (list, tuple)) else as_array(parts))]
    if not found:
        raise NotationError(session().here("there is nothing to put together: give at least one array"))
    return found


@implements("concatenate", "concat")
def concatenate(parts: Any, axis: Any = 0) -> Array:
    arrays = _listed(parts)
    if axis is None:
        arrays, axis = [array.ravel() for array in arrays], 0
    _fit(arrays, axis)
    place = axis_of(axis, arrays[0].ndim)
    total: Size = 0
    for array in arrays:
        total = plus(total, array.sizes[place])
    letters = [session().letter(total if m == place else size) for m, size in enumerate(arrays[0].sizes)]
    own = letters[place]
    terms: list[Node] = []
    start: Size = 0
    for array in arrays:
        end = plus(start, array.sizes[place])
        brackets: list[Node] = []
        if start != 0:
            brackets.append(Bracket(as_index(own), "≥", as_index(start)))
        if end != total:
            brackets.append(Bracket(as_index(own), "<", as_index(end)))
        indices = [as_index(x) for x in letters]
        indices[place] = as_index(own) - start
        entry = array.at(indices) if end != start else ZERO
        if not is_zero(entry):
            terms.append(mul(*brackets, entry))
        start = end
    return Array(letters, add(*terms) if terms else ZERO, joint_kind(arrays))


def _fit(arrays: Sequence[Array], axis: object) -> None:
    """Raises: NotationError where arrays do not lie side by side along an axis."""
    for array in arrays:
        if not array.ndim:
            raise NotationError(session().here("a number has no axis to be put along: write np.stack or np.hstack"))
        place = axis_of(axis, array.ndim)
        one, two = (a.sizes[:place] + a.sizes[place + 1 :] for a in (arrays[0], array))
        if one != two or array.ndim != arrays[0].ndim:
            listed = " and ".join(shape_text(a.sizes) for a in (arrays[0], array))
            raise NotationError(session().here(f"arrays of the shapes {listed} do not go together along axis {axis}"))


@implements("stack")
def stack(parts: Any, axis: Any = 0) -> Array:
    arrays = _listed(parts)
    return stacked(arrays, axis_of(axis, arrays[0].ndim + 1))


@implements("hstack")
def hstack(parts: Any) -> Array:
    arrays = [atleast_1d(part) for part in _listed(parts)]
    return concatenate(arrays, 0 if arrays[0].ndim == 1 else 1)


@implements("vstack", "row_stack")
def vstack(parts: Any) -> Array:
    return concatenate([atleast_2d(part) for part in _listed(parts)], 0)


@implements("dstack")
def dstack(parts: Any) -> Array:
    return concatenate([atleast_3d(part) for part in _listed(parts)], 2)


@implements("column_stack")
def column_stack(parts: Any) -> Array:
    return concatenate([as_columns(part) for part in _listed(parts)], 1)


def as_columns(part: object) -> Array:
    """An array of two axes and more as it is; a vector as a column."""
    array = as_array(part)
    return array[(..., *(None,) * (2 - array.ndim))]


@implements("append")
def append(a: object, b: object, axis: int | None = None) -> Array:
    return concatenate([as_array(a), as_array(b)], axis)


@implements("block")
def block(parts: Any) -> Array:
    """Lists in lists of arrays: the innermost go along the last axis."""
    found = list(_leaves(parts, 0))
    depth = found[0][1]
    if any(other != depth for _, other in found):
        raise NotationError(session().here("np.block needs every array at the same depth of lists"))
    return _block(parts, depth, max(depth, *(as_array(leaf).ndim for leaf, _ in found)))


def _leaves(parts: Any, depth: int) -> Iterator[tuple[Any, int]]:
    """What stands in nested lists, and in how many."""
    if isinstance(parts, tuple) or (isinstance(parts, list) and not parts):
        raise NotationError(session().here("np.block takes lists, none of them a tuple or empty"))
    if not isinstance(parts, list):
        yield parts, depth
        return
    for one in parts:
        yield from _leaves(one, depth + 1)


def _block(parts: Any, depth: int, ndim: int) -> Array:
    if isinstance(parts, list):
        return concatenate([_block(one, depth - 1, ndim) for one in parts], -depth)
    array = as_array(parts)
    return array[(*(None,) * (ndim - array.ndim), ...)]


# ------------------------------------------------------------------------------------------------------ taken apart


@implements("split")
def split(a: object, sections: Any, axis: Any = 0) -> list[Array]:
    return _parted(a, sections, axis, uneven=False)


@implements("array_split")
def array_split(a: object, sections: Any, axis: Any = 0) -> list[Array]:
    return _parted(a, sections, axis, uneven=True)


def _parted(a: object, sections: Any, axis: Any, *, uneven: bool) -> list[Array]:
    array = as_array(a)
    place = axis_of(axis, array.ndim)
    if isinstance(sections, (tuple, list, np.ndarray)):
        bounds = [one if isinstance(one, Length) else int(one) for one in sections]
    else:
        bounds = _bounds(array.sizes[place], sections, uneven=uneven)
    ends = [0, *bounds, array.shape[place]]
    whole = [slice(None)] * place
    return [array[(*whole, slice(low, high))] for low, high in itertools.pairwise(ends)]


def _bounds(size: Size, sections: Any, *, uneven: bool) -> list[int]:
    """Where all parts but the first begin, of an axis that is split into a number of parts."""
    session().specialise(size_of(sections), "an array is split into a number of parts")
    count = int(sections)
    if count < 1:
        raise NotationError(session().here(f"an array is split into at least one part, not into {count}"))
    if uneven and isinstance(size, int):
        each, rest = divmod(size, count)
        return [m * each + min(m, rest) for m in range(1, count)]
    part = exact_quotient(size, count)
    if part is None:
        raise NotationError(session().here(f"an axis of {size} has no {count} equal parts: give it as '{count}*k'"))
    return [length(times(part, m)) for m in range(1, count)]


@implements("hsplit")
def hsplit(a: object, sections: Any) -> list[Array]:
    return split(a, sections, 0 if as_array(a).ndim == 1 else 1)


@implements("vsplit")
def vsplit(a: object, sections: Any) -> list[Array]:
    return split(_of_rank(a, 2), sections, 0)


@implements("dsplit")
def dsplit(a: object, sections: Any) -> list[Array]:
    return split(_of_rank(a, 3), sections, 2)


def _of_rank(a: object, least: int) -> Array:
    array = as_array(a)
    if array.ndim < least:
        raise NotationError(session().here(f"this needs {least} axes, and the array has {array.ndim}"))
    return array


@implements("delete")
def delete(a: object, place: Any, axis: int | None = None) -> Array:
    array = as_array(a).ravel() if axis is None else as_array(a)
    m = axis_of(0 if axis is None else axis, array.ndim)
    whole, size = [slice(None)] * m, array.sizes[m]
    if isinstance(size, int):
        return array[(*whole, np.delete(np.arange(size), place))]
    if not isinstance(place, int):
        raise MissingRuleError(
            session().here(f"np.delete of several entries needs a number for {size}: give that size as one")
        )
    place_of(place, size)
    start = place if int(place) >= 0 else array.shape[m] + place
    return concatenate([array[(*whole, slice(None, start))], array[(*whole, slice(start + 1, None))]], m)


@implements("unstack")
def unstack(x: object, axis: int = 0) -> tuple[Array, ...]:
    return tuple(moveaxis(x, axis, 0))
