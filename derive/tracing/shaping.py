"""NumPy's functions that move entries and change nothing: shapes, axes, parts put together, padding, windows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from derive.errors import MissingRuleError, NotationError
from derive.index import Index, Letter, as_index, index_floor, index_mod
from derive.nodes import ZERO, Bracket, Node, is_zero, shape_text
from derive.notation import add, equal, mul
from derive.size_algebra import Size, exact_quotient, plus, times
from derive.tracing.arrays import Array
from derive.tracing.axes import axes_of, axis_of
from derive.tracing.broadcasting import broadcast, spread
from derive.tracing.conversion import as_array
from derive.tracing.lengths import length, size_of
from derive.tracing.numpy_shim import implements, refuses
from derive.tracing.session import session


def _like(array: Array, letters: Sequence[Letter], indices: Sequence[Index]) -> Array:
    return Array(letters, array.at(indices), array.kind, array)


# ------------------------------------------------------------------------------------------------------- shapes


@implements("reshape")
def reshape(a: object, shape: Any = None, *, newshape: Any = None, order: object = "C") -> Array:
    array = as_array(a)
    wanted = shape if shape is not None else newshape
    if order not in ("C", "A", "K"):
        raise MissingRuleError(session().here("reshape reads rows first here: order='F' has no rule"))
    sizes = _filled_in(array, wanted if isinstance(wanted, (tuple, list)) else (wanted,))
    letters = [session().letter(size) for size in sizes]
    return _like(array, letters, _regrouped(array, sizes, letters))


def _filled_in(array: Array, shape: Sequence[Any]) -> tuple[Size, ...]:
    """The wanted shape, -1 found."""
    sizes = [size_of(axis) for axis in shape]
    total: Size = 1
    for size in array.sizes:
        total = times(total, size)
    unknown = [m for m, size in enumerate(sizes) if size == -1]
    rest: Size = 1
    for size in sizes:
        rest = rest if size == -1 else times(rest, size)
    if unknown:
        found = exact_quotient(total, rest)
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
def transpose(a: object, axes: Sequence[int] | None = None) -> Array:
    array = as_array(a)
    order = range(array.ndim - 1, -1, -1) if axes is None else [axis_of(m, array.ndim) for m in axes]
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
    sources, targets = axes_of(source, ndim), axes_of(destination, ndim)
    order = [m for m in range(ndim) if m not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return order


@implements("expand_dims")
def expand_dims(a: object, axis: Any) -> Array:
    array = as_array(a)
    listed = (axis,) if isinstance(axis, int) else tuple(axis)
    places = sorted(axis_of(m, array.ndim + len(listed)) for m in listed)
    letters = list(array.letters)
    for place in places:
        letters.insert(place, session().letter(1))
    return Array(letters, array.body, array.kind, array)


refuses("write the axes out: x[None, :]", "atleast_3d")


@implements("squeeze")
def squeeze(a: object, axis: Any = None) -> Array:
    array = as_array(a)
    gone = [m for m, s in enumerate(array.sizes) if s == 1] if axis is None else list(axes_of(axis, array.ndim))
    for m in gone:
        if array.sizes[m] != 1:
            raise NotationError(session().here(f"axis {m} of size {array.sizes[m]} cannot be squeezed"))
    kept = [x for m, x in enumerate(array.letters) if m not in gone]
    return _like(array, kept, [as_index(0) if m in gone else as_index(x) for m, x in enumerate(array.letters)])


@implements("broadcast_to")
def broadcast_to(a: object, shape: Any) -> Array:
    array = as_array(a)
    sizes = tuple(size_of(axis) for axis in (shape if isinstance(shape, (tuple, list)) else (shape,)))
    if broadcast([array.sizes, sizes]) != sizes:
        raise NotationError(session().here(f"{shape_text(array.sizes)} does not broadcast to {shape_text(sizes)}"))
    letters = [session().letter(size) for size in sizes]
    return Array(letters, spread(array, letters), array.kind, array)


# ----------------------------------------------------------------------------------------- parts put together


@implements("concatenate")
def concatenate(parts: Sequence[object], axis: int = 0) -> Array:
    arrays = [as_array(part) for part in parts]
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
        entry = array.at(indices)
        if not is_zero(entry):
            terms.append(mul(*brackets, entry))
        start = end
    return Array(letters, add(*terms) if terms else ZERO, arrays[0].kind)


@implements("hstack")
def hstack(parts: Sequence[object]) -> Array:
    arrays = [as_array(part) for part in parts]
    return concatenate(arrays, 0 if arrays[0].ndim == 1 else 1)


@implements("vstack")
def vstack(parts: Sequence[object]) -> Array:
    arrays = [as_array(part) for part in parts]
    return concatenate([a[None, :] if a.ndim == 1 else a for a in arrays], 0)


@implements("append")
def append(a: object, b: object, axis: int | None = None) -> Array:
    parts = [as_array(a), as_array(b)]
    if axis is None:
        return concatenate([part.ravel() for part in parts])
    return concatenate(parts, axis)


@implements("stack")
def stack(parts: Sequence[object], axis: int = 0) -> Array:
    arrays = [as_array(part) for part in parts]
    shape = broadcast([a.sizes for a in arrays])
    letters = [session().letter(size) for size in shape]
    which = session().letter(len(arrays))
    terms = [mul(equal(which, m), spread(a, letters)) for m, a in enumerate(arrays)]
    terms = [term for term in terms if not is_zero(term)]
    place = axis_of(axis, len(shape) + 1)
    body = spread(arrays[0], letters) if len(arrays) == 1 else add(*terms) if terms else ZERO
    return Array([*letters[:place], which, *letters[place:]], body, arrays[0].kind)


@implements("column_stack")
def column_stack(parts: Sequence[object]) -> Array:
    arrays = [as_array(part) for part in parts]
    return concatenate([a[:, None] if a.ndim == 1 else a for a in arrays], 1)


@implements("split", "array_split")
def split(a: object, sections: Any, axis: int = 0) -> list[Array]:
    array = as_array(a)
    place = axis_of(axis, array.ndim)
    size = array.shape[place]
    if isinstance(sections, int):
        session().specialise(size_of(sections), "an array is split into a number of parts")
        each = exact_quotient(size_of(size), size_of(sections))
        if each is None:
            raise NotationError(
                session().here(f"an axis of {size_of(size)} has no {sections} equal parts: give it as '{sections}*k'")
            )
        bounds = [length(times(each, m)) for m in range(1, int(sections))]
    else:
        bounds = list(sections)
    ends = [0, *bounds, size]
    whole = [slice(None)] * place
    return [array[(*whole, slice(low, high))] for low, high in itertools.pairwise(ends)]


@implements("pad")
def pad(a: object, width: Any, mode: str = "constant", constant_values: Any = 0) -> Array:
    array = as_array(a)
    pairs = _widths(width, array.ndim)
    if mode in _BEYOND:
        return _continued(array, pairs, _BEYOND[mode])
    if mode != "constant":
        known = ", ".join(("constant", *_BEYOND))
        raise MissingRuleError(session().here(f"np.pad with mode={mode!r} has no rule: there are {known}"))
    letters: list[Letter] = []
    indices: list[Index] = []
    brackets: list[Node] = []
    for size, (before, after) in zip(array.sizes, pairs, strict=True):
        total = plus(plus(size, before), after)
        own = session().letter(total)
        letters.append(own)
        indices.append(as_index(own) - before)
        if before != 0:
            brackets.append(Bracket(as_index(own), "≥", as_index(before)))
        if after != 0:
            brackets.append(Bracket(as_index(own), "<", as_index(plus(before, size))))
    inside = mul(*brackets, array.at(indices))
    fill = as_array(constant_values).body
    if is_zero(fill):
        return Array(letters, inside)
    from derive.tracing.conditions import complement

    outside = complement(mul(*brackets)) if brackets else []
    return Array(letters, add(inside, *(mul(other, fill) for other in outside)))


# What is before the first entry of an axis and after the last one, k entries of it.
_BEYOND: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "edge": lambda x, k: (x[:1], x[-1:]),
    "reflect": lambda x, k: (x[1 : k[0] + 1][::-1], x[-k[1] - 1 : -1][::-1]),
    "symmetric": lambda x, k: (x[: k[0]][::-1], x[-k[1] :][::-1]),
    "wrap": lambda x, k: (x[-k[0] :], x[: k[1]]),
}


def _continued(
    array: Array, pairs: Sequence[tuple[Size, Size]], beyond: Callable[[Any, Any], tuple[Any, Any]]
) -> Array:
    """An array with entries of its own beyond its ends."""
    for m, (before, after) in enumerate(pairs):
        first = moveaxis(array, m, 0)
        counts = length(before), length(after)
        ends = beyond(first, counts)
        repeated = [
            repeat(end, count, 0) if end.sizes[0] == 1 and count != 1 else end
            for end, count in zip(ends, counts, strict=True)
        ]
        left, right = ([part] if count != 0 else [] for part, count in zip(repeated, counts, strict=True))
        array = moveaxis(concatenate([*left, first, *right]), 0, m)
    return array


def _widths(width: Any, ndim: int) -> list[tuple[Size, Size]]:
    """How many entries are put before and after each axis."""
    if isinstance(width, int):
        return [(size_of(width), size_of(width))] * ndim
    listed = list(width)
    if all(isinstance(one, int) for one in listed):
        before, after = listed if len(listed) == 2 else listed * 2
        return [(size_of(before), size_of(after))] * ndim
    pairs = [tuple(one) if not isinstance(one, int) else (one, one) for one in listed]
    pairs = pairs * ndim if len(pairs) == 1 else pairs
    return [(size_of(pair[0]), size_of(pair[-1])) for pair in pairs]


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


@implements("roll")
def roll(a: object, shift: Any, axis: Any = None) -> Array:
    array = as_array(a)
    if axis is None:
        return reshape(roll(array.ravel(), shift, 0), array.shape)
    axes = axes_of(axis, array.ndim)
    shifts = [shift] * len(axes) if isinstance(shift, int) else list(shift)
    for m, by in zip(axes, shifts, strict=True):
        moved = size_of(by)
        if session().value(moved) < 0:
            moved = plus(moved, array.sizes[m])
        indices = [as_index(x) for x in array.letters]
        indices[m] = index_mod(indices[m] + plus(array.sizes[m], times(moved, -1)), array.sizes[m])
        array = Array(array.letters, array.at(indices), array.kind)
    return array


@implements("tile")
def tile(a: object, reps: Any) -> Array:
    array = as_array(a)
    counts = [size_of(r) for r in (reps if isinstance(reps, (tuple, list)) else (reps,))]
    while array.ndim < len(counts):
        array = array[None]
    counts = [1] * (array.ndim - len(counts)) + counts
    letters = [session().letter(times(size, count)) for size, count in zip(array.sizes, counts, strict=True)]
    indices = [
        as_index(x) if count == 1 else as_index(0) if size == 1 else index_mod(x, size)
        for x, size, count in zip(letters, array.sizes, counts, strict=True)
    ]
    return Array(letters, array.at(indices), array.kind)


@implements("repeat")
def repeat(a: object, repeats: Any, axis: int | None = None) -> Array:
    array = as_array(a)
    if axis is None:
        array, axis = array.ravel(), 0
    if not isinstance(repeats, int):
        raise MissingRuleError(session().here("np.repeat with a count for each entry has no rule: give one number"))
    place, count = axis_of(axis, array.ndim), size_of(repeats)
    letters = list(array.letters)
    letters[place] = session().letter(times(array.sizes[place], count))
    indices = [as_index(x) for x in letters]
    indices[place] = index_floor(letters[place], count) if count != 1 else indices[place]
    return Array(letters, array.at(indices), array.kind)


@implements("take")
def take(a: object, indices: Any, axis: int | None = None) -> Array:
    array = as_array(a)
    if axis is None:
        array, axis = array.ravel(), 0
    return array[(*[slice(None)] * axis_of(axis, array.ndim), indices)]


@implements("take_along_axis")
def take_along_axis(a: object, indices: object, axis: int) -> Array:
    from derive.tracing.indexing import whole_numbers

    array, chosen = as_array(a), as_array(indices)
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
    windows = window_shape if isinstance(window_shape, (tuple, list)) else (window_shape,)
    axes = axes_of(axis, array.ndim)
    letters = list(array.letters)
    inner: list[Letter] = []
    for m, window in zip(axes, windows, strict=True):
        size = size_of(window)
        letters[m] = session().letter(plus(plus(array.sizes[m], times(size, -1)), 1))
        inner.append(session().letter(size))
    indices = [as_index(x) for x in letters]
    for m, own in zip(axes, inner, strict=True):
        indices[m] = indices[m] + own
    return Array([*letters, *inner], array.at(indices), array.kind)


@implements("diff")
def diff(a: object, n: int = 1, axis: int = -1, prepend: object = None, append: object = None) -> Array:
    array = as_array(a)
    place = axis_of(axis, array.ndim)
    ends = [None if one is None else as_array(one) for one in (prepend, append)]
    shape = tuple(1 if m == place else s for m, s in enumerate(array.shape))
    before, after = ([] if e is None else [broadcast_to(e, shape) if not e.ndim else e] for e in ends)
    array = concatenate([*before, array, *after], place) if before or after else array
    whole = [slice(None)] * place
    for _ in range(n):
        array = as_array(array[(*whole, slice(1, None))] - array[(*whole, slice(None, -1))])
    return array


@implements("shape")
def shape_of(a: object) -> tuple[int, ...]:
    return as_array(a).shape


@implements("ndim")
def ndim_of(a: object) -> int:
    return as_array(a).ndim


@implements("size")
def size_of_array(a: object, axis: int | None = None) -> int:
    array = as_array(a)
    return array.size if axis is None else array.shape[axis_of(axis, array.ndim)]
