"""NumPy's functions that move entries and change nothing: shapes, axes, entries moved and repeated, windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from derive.errors import MissingRuleError, NotationError
from derive.index import Index, Letter, as_index, index_floor, index_mod
from derive.nodes import ZERO, shape_text
from derive.size_algebra import Size, exact_quotient, plus, times
from derive.tracing.arrays import Array
from derive.tracing.axes import Axis, axes_of, axis_of
from derive.tracing.broadcasting import broadcast, spread
from derive.tracing.conversion import as_array
from derive.tracing.indexing import whole_numbers
from derive.tracing.lengths import length, product, size_of, sizes_of
from derive.tracing.numpy_shim import implements
from derive.tracing.session import session


def _like(array: Array, letters: Sequence[Letter], indices: Sequence[Index]) -> Array:
    return Array(letters, array.at(indices), array.kind, array)


# ------------------------------------------------------------------------------------------------------- shapes


@implements("reshape")
def reshape(a: object, shape: Any = None, *, newshape: Any = None, order: object = "C") -> Array:
    array = as_array(a)
    wanted = shape if shape is not None else newshape
    listed = tuple(wanted) if isinstance(wanted, (tuple, list)) else (wanted,)
    if order == "F":
        return transpose(reshape(transpose(array), listed[::-1]))
    if order != "C":
        raise MissingRuleError(session().here(f"order={order!r} asks how an array lies in memory: say 'C' or 'F'"))
    sizes = _filled_in(array, listed)
    letters = [session().letter(size) for size in sizes]
    if 0 in sizes:
        return Array(letters, ZERO, array.kind, array)
    return _like(array, letters, _regrouped(array, sizes, letters))


def _filled_in(array: Array, shape: Sequence[Any]) -> tuple[Size, ...]:
    """The wanted shape, -1 found."""
    sizes = [size_of(axis) for axis in shape]
    unknown = [m for m, size in enumerate(sizes) if size == -1]
    known = sizes_of([length(size) for size in sizes if size != -1])
    total, rest = _volume(array.sizes), _volume(known)
    if unknown:
        found = exact_quotient(total, rest) if rest != 0 else None
        if len(unknown) > 1 or found is None:
            raise NotationError(session().here(_misfit(array, sizes)))
        sizes[unknown[0]] = found
    elif rest != total:
        raise NotationError(session().here(_misfit(array, sizes)))
    return tuple(sizes)


def _misfit(array: Array, sizes: Sequence[Size]) -> str:
    return (
        f"shape {shape_text(array.sizes)} has no reshape to {shape_text(sizes)} at every size: where one size "
        "divides another, give the larger as a product, such as 'h*k'"
    )


def _regrouped(array: Array, sizes: Sequence[Size], letters: Sequence[Letter]) -> list[Index]:
    """Where the entry of a reshaped array stands in the array: axes that hold the same entries go together."""
    found: list[Index] = []
    new = 0
    old = 0
    while old < array.ndim or new < len(sizes):
        until_old, until_new = _group(array.sizes, sizes, old, new)
        found += _unravelled(_flat(letters[new:until_new]), array.sizes[old:until_old])
        old, new = until_old, until_new
    return found


def _group(old_sizes: Sequence[Size], new_sizes: Sequence[Size], old: int, new: int) -> tuple[int, int]:
    """The ends of the shortest runs of axes, old and new, that hold as many entries as each other."""
    for count in range(1, len(old_sizes) - old + len(new_sizes) - new + 1):
        for m in range(min(count, len(old_sizes) - old) + 1):
            k = count - m
            if k <= len(new_sizes) - new and _volume(old_sizes[old : old + m]) == _volume(new_sizes[new : new + k]):
                return old + m, new + k
    return len(old_sizes), len(new_sizes)


def _volume(sizes: Sequence[Size]) -> Size:
    total: Size = 1
    for size in sizes:
        total = times(total, size)
    return total


def _flat(letters: Sequence[Letter]) -> Index:
    found = as_index(0)
    for own in letters:
        found = found.scaled(own.length) + (as_index(own) if own.length != 1 else as_index(0))
    return found


def _unravelled(flat: Index, sizes: Sequence[Size]) -> list[Index]:
    found: list[Index] = []
    for m, size in enumerate(sizes):
        below = _volume(sizes[m + 1 :])
        whole = index_floor(flat, below)
        found.append(whole if m == 0 else as_index(0) if size == 1 else index_mod(whole, size))
    return found


@implements("ravel")
def ravel(a: object, order: str = "C") -> Array:
    array = as_array(a)
    return reshape(array, (array.size,), order=order)


@implements("transpose", "permute_dims")
def transpose(a: object, axes: Any = None) -> Array:
    array = as_array(a)
    order = range(array.ndim - 1, -1, -1) if axes is None else axes_of(axes, array.ndim)
    if len(order) != array.ndim:
        raise NotationError(session().here(f"transpose names {len(order)} of {array.ndim} axes: name each of them"))
    return Array([array.letters[m] for m in order], array.body, array.kind, array)


@implements("matrix_transpose", "linalg.matrix_transpose")
def matrix_transpose(a: object) -> Array:
    return swapaxes(a, -1, -2)


@implements("swapaxes")
def swapaxes(a: object, one: int, two: int) -> Array:
    array = as_array(a)
    order = list(range(array.ndim))
    i, j = axis_of(one, array.ndim), axis_of(two, array.ndim)
    order[i], order[j] = order[j], order[i]
    return transpose(array, order)


@implements("moveaxis")
def moveaxis(a: object, source: Any, destination: Any) -> Array:
    array = as_array(a)
    return transpose(array, _moved(array.ndim, source, destination))


def _moved(ndim: int, source: Any, destination: Any) -> list[int]:
    both = (m if isinstance(m, (tuple, list)) else (m,) for m in (source, destination))
    sources, targets = (axes_of(listed, ndim) for listed in both)
    if len(sources) != len(targets):
        raise NotationError(session().here(f"moveaxis has {len(sources)} axes for {len(targets)} places"))
    order = [m for m in range(ndim) if m not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return order


@implements("rollaxis")
def rollaxis(a: object, axis: int, start: int = 0) -> Array:
    array = as_array(a)
    place = axis_of(axis, array.ndim)
    end = axis_of(start, array.ndim + 1) if start >= 0 else axis_of(start, array.ndim)
    return moveaxis(array, place, end - 1 if end > place else end)


@implements("expand_dims")
def expand_dims(a: object, axis: Any) -> Array:
    array = as_array(a)
    listed = axis if isinstance(axis, (tuple, list)) else (axis,)
    letters = list(array.letters)
    for place in sorted(axes_of(listed, array.ndim + len(listed))):
        letters.insert(place, session().letter(1))
    return Array(letters, array.body, array.kind, array)


@implements("atleast_1d")
def atleast_1d(*arrays: object) -> Any:
    return _each([array if array.ndim else array[None] for array in map(as_array, arrays)])


@implements("atleast_2d")
def atleast_2d(*arrays: object) -> Any:
    return _each([array[(None,) * (2 - array.ndim)] for array in map(as_array, arrays)])


@implements("atleast_3d")
def atleast_3d(*arrays: object) -> Any:
    """A vector is the middle axis, a matrix has the last axis added."""
    added = {0: (None, None, None), 1: (None, slice(None), None), 2: (..., None)}
    return _each([array[added.get(array.ndim, ...)] for array in map(as_array, arrays)])


def _each(arrays: list[Array]) -> Any:
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


@implements("squeeze")
def squeeze(a: object, axis: Any = None) -> Array:
    array = as_array(a)
    ones = [m for m, size in enumerate(array.sizes) if size == 1]
    gone = ones if axis is None else axes_of(axis, array.ndim, number=True)
    for m in gone:
        if m not in ones:
            raise NotationError(session().here(f"axis {m} of size {array.sizes[m]} cannot be squeezed"))
    kept = [x for m, x in enumerate(array.letters) if m not in gone]
    return _like(array, kept, [as_index(0) if m in gone else as_index(x) for m, x in enumerate(array.letters)])


@implements("broadcast_to")
def broadcast_to(a: object, shape: Any) -> Array:
    array = as_array(a)
    sizes = sizes_of(shape)
    if broadcast([array.sizes, sizes]) != sizes:
        raise NotationError(session().here(f"{shape_text(array.sizes)} does not broadcast to {shape_text(sizes)}"))
    letters = [session().letter(size) for size in sizes]
    return Array(letters, spread(array, letters), array.kind, array)


# ------------------------------------------------------------------------------------------- moved and repeated


@implements("flip")
def flip(a: object, axis: Any = None) -> Array:
    array = as_array(a)
    indices = [as_index(x) for x in array.letters]
    for m in axes_of(axis, array.ndim):
        indices[m] = as_index(plus(array.sizes[m], -1)) - indices[m]
    return Array(array.letters, array.at(indices), array.kind, array)


@implements("flipud")
def flipud(a: object) -> Array:
    return flip(a, 0)


@implements("fliplr")
def fliplr(a: object) -> Array:
    return flip(a, 1)


@implements("rot90")
def rot90(m: object, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    array = as_array(m)
    plane = axes_of(axes, array.ndim)
    if len(plane) != 2:
        raise NotationError(session().here("rot90 turns a plane: name its two axes"))
    for _ in range(k % 4):
        array = flip(swapaxes(array, *plane), plane[0])
    return array


@implements("roll")
def roll(a: object, shift: Any, axis: Any = None) -> Array:
    array = as_array(a)
    if axis is None:
        return reshape(roll(array.ravel(), shift, 0), array.shape)
    shifts, axes = (list(one) if isinstance(one, (tuple, list)) else [one] for one in (shift, axis))
    count = max(len(shifts), len(axes))
    shifts, axes = (one * count if len(one) == 1 else one for one in (shifts, axes))
    if len(shifts) != len(axes) or not axes:
        raise NotationError(session().here(f"roll has {len(shifts)} shifts for {len(axes)} axes"))
    for own, by in zip(axes, shifts, strict=True):
        m, moved = axis_of(own, array.ndim), size_of(by)
        if session().value(moved) < 0:
            moved = plus(moved, array.sizes[m])
        indices = [as_index(x) for x in array.letters]
        indices[m] = index_mod(indices[m] + plus(array.sizes[m], times(moved, -1)), array.sizes[m])
        array = Array(array.letters, array.at(indices), array.kind)
    return array


@implements("tile")
def tile(a: object, reps: Any) -> Array:
    array = as_array(a)
    counts = sizes_of(reps)
    array = array[(None,) * (len(counts) - array.ndim)]
    counts = (1,) * (array.ndim - len(counts)) + counts
    letters = [session().letter(times(size, count)) for size, count in zip(array.sizes, counts, strict=True)]
    indices = [
        as_index(x) if count == 1 else as_index(0) if size in (0, 1) else index_mod(x, size)
        for x, size, count in zip(letters, array.sizes, counts, strict=True)
    ]
    return Array(letters, array.at(indices), array.kind)


@implements("repeat")
def repeat(a: object, repeats: Any, axis: int | None = None) -> Array:
    array, place = one_axis(a, axis)
    counts = repeats if isinstance(repeats, (tuple, list, np.ndarray)) else [repeats]
    if len(counts) != 1:
        return array[(*[slice(None)] * place, _repeated(array.sizes[place], counts))]
    (count,) = sizes_of([size_of(counts[0])])
    letters = list(array.letters)
    letters[place] = session().letter(times(array.sizes[place], count))
    indices = [as_index(x) for x in letters]
    indices[place] = (
        as_index(0) if count == 0 else index_floor(letters[place], count) if count != 1 else indices[place]
    )
    return Array(letters, array.at(indices), array.kind)


def _repeated(size: Size, counts: Any) -> Any:
    """Where each entry stands of an axis of which every one is repeated as often as is said."""
    if not isinstance(size, int):
        raise MissingRuleError(
            session().here(f"np.repeat with a count for each entry needs a number for {size}: give that size as one")
        )
    return np.repeat(np.arange(size), counts)


def one_axis(a: object, axis: int | None) -> tuple[Array, int]:
    """An array and one of its axes; without an axis, and of a number, all entries are one axis."""
    array = as_array(a)
    if axis is None or not array.ndim:
        array = array.ravel()
    return array, axis_of(0 if axis is None else axis, array.ndim)


@implements("take")
def take(a: object, indices: Any, axis: int | None = None) -> Array:
    array, place = one_axis(a, axis)
    return array[(*[slice(None)] * place, indices)]


@implements("take_along_axis")
def take_along_axis(a: object, indices: object, axis: int | None = -1) -> Array:
    array, chosen = as_array(a), as_array(indices)
    if axis is None:
        array, axis = array.ravel(), 0
    if array.ndim != chosen.ndim:
        raise NotationError(
            session().here(f"take_along_axis has indices of {chosen.ndim} axes for {array.ndim} axes")
        )
    place = axis_of(axis, array.ndim)
    sizes = [
        chosen.sizes[m] if m == place else broadcast([(array.sizes[m],), (chosen.sizes[m],)])[0]
        for m in range(array.ndim)
    ]
    letters = [session().letter(size) for size in sizes]
    at = [as_index(0) if s == 1 and x.length != 1 else as_index(x) for s, x in zip(array.sizes, letters, strict=True)]
    at[place] = whole_numbers(chosen, spread(chosen, letters), plus(array.sizes[place], -1))
    return Array(letters, array.at(at), array.kind)


@implements("lib.stride_tricks.sliding_window_view", "sliding_window_view")
def sliding_window_view(x: object, window_shape: Any, axis: Any = None) -> Array:
    array = as_array(x)
    windows = sizes_of(window_shape)
    axes = axis if isinstance(axis, (tuple, list)) else range(array.ndim) if axis is None else (axis,)
    if len(windows) != len(axes):
        raise NotationError(session().here(f"{len(windows)} windows slide along {len(axes)} axes: give one for each"))
    places = [axis_of(m, array.ndim) for m in axes]
    letters, inner = list(array.letters), [session().letter(size) for size in windows]
    for m, window in zip(places, inner, strict=True):
        rest = plus(letters[m].length, times(window.length, -1))
        _at_least_zero(rest, f"a window of {window.length} slides along an axis of length {letters[m].length}")
        letters[m] = session().letter(plus(rest, 1))
    indices = [as_index(x) for x in letters]
    for m, window in zip(places, inner, strict=True):
        indices[m] = indices[m] + window
    return Array([*letters, *inner], array.at(indices), array.kind)


def _at_least_zero(rest: Size, reason: str) -> None:
    """Sizes at which this is negative are left out. Raises: NotationError where it is negative at all of them."""
    if isinstance(rest, int) and rest < 0:
        raise NotationError(session().here(reason))
    session().require(rest, reason)


@implements("shape")
def shape_of(a: object) -> tuple[int, ...]:
    return as_array(a).shape


@implements("ndim")
def ndim_of(a: object) -> int:
    return as_array(a).ndim


@implements("size")
def size_of_array(a: object, axis: Axis = None) -> int:
    array = as_array(a)
    return product(array.shape[m] for m in axes_of(axis, array.ndim))
