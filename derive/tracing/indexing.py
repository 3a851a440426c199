"""Reading and writing parts of an array: integers, slices with steps, new axes, integer arrays.

Data
    ``_Part``   what one axis is read at: an index in the letters of the result, and the letters that it brings.

``read`` gives ``x[key]``; ``written`` gives the entries of an array after ``x[key] = value``: each is the value where
a bracket holds, and what it was elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from derive.algebra import tidy
from derive.contraction import contract, decided, divisible, simplify_bracket
from derive.definitions import Definition
from derive.errors import MissingRuleError, NotationError
from derive.index import Index, Letter, as_index, index_floor, index_mod
from derive.nodes import Add, Bracket, Node, Number, Ref, factors_of, is_zero, shape_text, terms_of
from derive.notation import add, at_least, at_most, equal, mul
from derive.size_algebra import Size, as_size, exact_quotient, plus, times
from derive.tracing.arrays import Array, joint_kind
from derive.tracing.broadcasting import broadcast, fitted, spread, together
from derive.tracing.conditions import complement, index_of
from derive.tracing.conversion import as_array
from derive.tracing.lengths import Length, length, size_of
from derive.tracing.session import session
from derive.tree import key as spelled
from derive.tree import substitute

__all__ = ["added", "keys_of", "place_of", "read", "stand_apart", "whole_numbers", "written"]


def keys_of(array: Array, key: object) -> list[Any]:
    """One key for each axis, with None for new axes."""
    listed = [part for one in (key if isinstance(key, tuple) else (key,)) for part in _unmasked(one)]
    taken = sum(one is not None and one is not Ellipsis for one in listed)
    if taken > array.ndim:
        raise NotationError(session().here(f"{taken} indices for an array of shape {shape_text(array.sizes)}"))
    whole = [slice(None)] * (array.ndim - taken)
    if sum(one is Ellipsis for one in listed) > 1:
        raise NotationError(session().here("an index has one '...' at most"))
    if any(one is Ellipsis for one in listed):
        place = next(m for m, one in enumerate(listed) if one is Ellipsis)
        return [*listed[:place], *whole, *listed[place + 1 :]]
    return [*listed, *whole]


def _unmasked(key: object) -> list[Any]:
    """A key of an axis; a mask of truth values that are known as the positions at which it holds."""
    if isinstance(key, range):
        return [np.array(key, dtype=int)]
    if isinstance(key, list) and key and all(isinstance(one, (bool, np.bool_)) for one in key):
        key = np.array(key)
    if isinstance(key, Array) and key.kind == "boolean" and key.ndim:
        key = _known(key)
    return list(np.nonzero(key)) if isinstance(key, np.ndarray) and key.dtype == bool else [key]


def _known(mask: Array) -> np.ndarray[Any, Any]:
    """A mask that is made of positions alone, as an array of truth values."""
    if not mask.body.tensors:
        for size in mask.sizes:
            session().specialise(size, "the number of entries that a mask chooses is a shape")
        places = list(np.ndindex(*map(int, mask.shape)))
        entries = [tidy(contract(mask.at([as_index(m) for m in at]))) for at in places]
        if all(isinstance(one, Number) for one in entries):
            return np.array([not is_zero(one) for one in entries]).reshape([int(n) for n in mask.shape])
    raise MissingRuleError(
        session().here("a mask makes a shape that depends on values: multiply by it, or use np.where")
    )


def _is_integer(key: object) -> bool:
    return isinstance(key, (int, np.integer)) and not isinstance(key, (bool, np.bool_))


def read(array: Array, key: object) -> Array:
    """``array[key]``."""
    keys = keys_of(array, key)
    keys = _from_front(keys, array.sizes)
    gathered = [as_array(k) for k in keys if isinstance(k, (Array, np.ndarray, list))]
    shared = tuple(session().letter(size) for size in broadcast([g.sizes for g in gathered])) if gathered else ()
    letters: list[Letter] = []
    indices: list[Index] = []
    place: int | None = None
    apart = stand_apart(keys)
    axes = iter(zip(array.letters, array.sizes, strict=True))
    for one in keys:
        if one is None:
            letters.append(session().letter(1))
            continue
        _, size = next(axes)
        if isinstance(one, slice):
            start, step, count = _range(one, size)
            own = session().letter(count)
            letters.append(own)
            indices.append(as_index(start) + as_index(own).scaled(step))
        elif _is_integer(one):
            indices.append(place_of(one, size))
        elif isinstance(one, (Array, np.ndarray, list)):
            place = (0 if apart else len(letters)) if place is None else place
            whole = as_array(one)
            indices.append(whole_numbers(whole, spread(whole, shared), plus(size, -1)))
        else:
            raise MissingRuleError(session().here(f"an index of type {type(one).__name__} has no rule"))
    if place is not None:
        letters[place:place] = shared
    # a number that is read is no view
    made = Array(letters, array.at(indices), array.kind, array if letters and not gathered else None)
    made.source = None if gathered else (array, key)
    return made


def _from_front(keys: Sequence[Any], sizes: Sequence[Size]) -> list[Any]:
    """The keys, positions from the end in arrays of plain numbers as positions from the front."""
    axes = iter(sizes)
    counted = [(key, 1 if key is None else next(axes)) for key in keys]
    return [_counted(key, size) if isinstance(key, (np.ndarray, list)) else key for key, size in counted]


def _counted(key: Any, size: Size) -> Any:
    if isinstance(key, list) and not all(type(one) is int for one in key):
        return key
    places = np.asarray(key)
    if places.dtype.kind != "i" or not (places < 0).any():
        return key
    if isinstance(size, int):
        if (places < -size).any():
            raise NotationError(session().here(f"index {places.min()} is outside an axis of length {size}"))
        return np.where(places < 0, places + size, places)
    if (places < 0).all():
        least = int(places.min())
        session().require(plus(size, least), f"index {least} is outside an axis of length {size}")
        return as_array(places - least) + length(plus(size, least))
    raise MissingRuleError(
        session().here(f"positions from both ends need a number for {size}: give that size as an integer")
    )


def stand_apart(keys: Sequence[Any]) -> bool:
    """Whether something stands between the integer arrays: then their axes come first, as in NumPy."""
    places = [m for m, k in enumerate(keys) if isinstance(k, (Array, np.ndarray, list)) or _is_integer(k)]
    return bool(places) and places != list(range(places[0], places[-1] + 1))


def place_of(key: int, size: Size) -> Index:
    """An index from the front; a negative one counts from the end."""
    value = size_of(key)
    if int(key) < 0:
        value = plus(size, value)
    if isinstance(value, int) and isinstance(size, int) and not 0 <= value < size:
        raise NotationError(session().here(f"index {key} is outside an axis of length {size}"))
    if not isinstance(key, Length) and not isinstance(size, int):
        rest = value if int(key) < 0 else plus(size, -1 - int(key))
        session().require(rest, f"index {key} is outside an axis of length {size}")
    return as_index(value) if not _negative(value) else _outside(key, size)


def _negative(value: Size) -> bool:
    return session().value(value) < 0


def _outside(key: int, size: Size) -> Index:
    raise NotationError(session().here(f"index {key} is outside an axis of length {size}"))


def _range(key: slice, size: Size) -> tuple[Size, Size, Size]:
    """The start, the step and the number of entries of a slice."""
    step = 1 if key.step is None else key.step
    if isinstance(step, Length):
        step_size: Size = step.size
    else:
        step_size = int(step)
    if int(step) > 0:
        start = 0 if key.start is None else _bound(key.start, size, 0, size)
        stop = size if key.stop is None else _bound(key.stop, size, 0, size)
        return start, step_size, _count(plus(stop, times(start, -1)), step_size)
    if int(step) == -1:
        last = plus(size, -1)
        start = last if key.start is None else _bound(key.start, size, -1, last)
        stop = -1 if key.stop is None else _bound(key.stop, size, -1, last)
        return start, -1, _count(plus(start, times(stop, -1)), 1)
    raise MissingRuleError(
        session().here(f"a slice with the step {step} has no rule: take [::-1], then a positive one")
    )


def _bound(value: Any, size: Size, lowest: int, highest: Size) -> Size:
    """An end of a slice, no further out than an axis allows."""
    found = size_of(value)
    if int(value) < 0:
        found = plus(size, found)
    if isinstance(found, int) and not isinstance(size, int):
        session().require(plus(highest, -found), f"a slice up to {found} of an axis of length {size}")
    elif isinstance(value, int) and not isinstance(value, Length) and not isinstance(size, int):
        session().require(found, f"a slice from {value} of an axis of length {size}")
    if session().value(found) < lowest:
        return lowest
    return highest if session().value(found) > session().value(highest) else found


def _count(span: Size, step: Size) -> Size:
    """How many steps fit into a span."""
    if session().value(span) <= 0:
        return 0
    if step == 1:
        return span
    whole = exact_quotient(span, step)
    if whole is not None:
        return whole
    return size_of((length(plus(span, -1)) // length(step)) + 1)


def whole_numbers(array: Array, node: Node, limit: Size) -> Index:
    """The entry of an integer array as an index. An argument that is used as one becomes an integer tensor.

    Raises: NotationError where its values are not whole.
    """
    made = node.tensor.definition if isinstance(node, Ref) else None
    if isinstance(node, Ref) and isinstance(made, Definition) and isinstance(made.body, Ref):
        # a part of an argument that has a name
        node = substitute(made.body, dict(zip(made.letters, node.indices, strict=True)))
        return whole_numbers(array, node, limit)
    found = index_of(node)
    if found is not None:
        return found
    if isinstance(node, Ref) and node.tensor.definition is None and array.kind == "real":
        node.tensor.below = plus(limit, 1)
        array.kind = "integer"
        return as_index(node)
    raise NotationError(
        session().here("an index needs whole numbers: an argument, np.arange, or what is made of them")
    )


# ------------------------------------------------------------------------------------------------------- writing


def written(array: Array, key: object, given: object) -> tuple[Node, str]:
    """The entry of ``array`` at its letters after ``array[key] = given``, and its kind."""
    value = as_array(given)
    array.check_holds(value.kind, value.body)
    if isinstance(key, np.ndarray) and key.dtype == bool and key.ndim == array.ndim and not value.ndim:
        key = as_array(key)
    if isinstance(key, Array) and key.kind == "boolean":
        from derive.tracing.elementwise import chosen_entry

        letters, (condition, new) = together(key, value)
        if tuple(x.length for x in letters) != array.sizes:
            raise NotationError(session().here("a mask that is written to needs the shape of its array"))
        places = dict(zip(letters, map(as_index, array._letters), strict=True))
        return chosen_entry(substitute(condition, places), substitute(new, places), array._body), value.kind
    keys = keys_of(array, key)
    if any(isinstance(one, (np.ndarray, list)) for one in keys):
        from derive.tracing.scattering import overwritten

        return overwritten(array, keys, value), value.kind if value.kind == array.kind else "real"
    more = _more(array, key, value)
    if more is not None:
        return added(array, key, more)
    region, entry = _part(array, keys, value)
    region = decided(region)
    kind = value.kind if value.kind == array.kind else "real"
    if isinstance(region, Number):
        return entry, kind
    kept = [part for term in terms_of(array._body) for part in _outside_of(region, term)]
    return add(*kept, mul(region, entry)), kind


def _more(array: Array, key: object, value: Array) -> Array | None:
    """What a value adds to the zeros, or as ``x[key] + more`` to the entries, that it is written to; else None."""
    if is_zero(array._body):
        return value
    if not isinstance(value.body, Add) or not isinstance(array._body, Ref):
        return None
    before = read(array, key)
    if before.sizes != value.sizes:
        return None
    entry = spelled(before.at([as_index(x) for x in value.letters]))
    rest = [term for term in value.body.terms if spelled(term) != entry]
    return Array(value.letters, add(*rest), value.kind) if len(rest) == len(value.body.terms) - 1 else None


def added(array: Array, key: object, given: object) -> tuple[Node, str]:
    """The entry of ``array`` at its letters after ``array[key] += given``, and its kind."""
    value = as_array(given)
    return add(array._body, mul(*_part(array, keys_of(array, key), value))), joint_kind((array, value))


def _part(array: Array, keys: Sequence[Any], value: Array) -> tuple[Node, Node]:
    """The brackets that hold where ``array[keys]`` has the letters of the array, and the entry of the value there."""
    conditions: list[Node] = []
    inside: list[Index | None] = []
    counts: list[Size] = []
    gathered: list[tuple[Letter, Array]] = []
    for one, own, size in zip(keys, array._letters, array.sizes, strict=False):
        if isinstance(one, slice):
            start, step, count = _range(one, size)
            conditions += _within(own, start, step, count, size)
            offset = as_index(own) - start
            inside.append(index_floor(offset, step) if step not in (1, -1) else offset.scaled(step))
            counts.append(count)
        elif _is_integer(one):
            conditions.append(equal(own, place_of(one, size)))
            inside.append(None)
        elif isinstance(one, (Array, np.ndarray, list)):
            chosen = as_array(one)
            if chosen.ndim != 1:
                raise MissingRuleError(
                    session().here("writing to entries chosen by an array of several axes has no rule")
                )
            gathered.append((own, chosen))
            inside.append(None)
        else:
            raise MissingRuleError(
                session().here("writing to np.newaxis or to entries chosen by an array has no rule")
            )
    conditions += _chosen(gathered, value)
    live = [index for index in inside if index is not None]
    of_entry = not counts and any(map(_is_integer, keys))
    value = value if of_entry else fitted(value, len(counts))
    if broadcast([value.sizes, counts]) != tuple(counts):
        raise NotationError(session().here(f"shape {shape_text(value.sizes)} does not fit into {shape_text(counts)}"))
    last = live[len(live) - value.ndim :]
    entry = value.at([as_index(0) if size == 1 and count != 1 else i for size, count, i in
                      zip(value.sizes, counts[len(counts) - value.ndim :], last, strict=True)])  # fmt: skip
    return mul(*conditions), entry


def _chosen(gathered: Sequence[tuple[Letter, Array]], value: Array) -> list[Node]:
    """The brackets of ``out[np.arange(n), labels] = number``: the first of the arrays that counts along its axis."""
    if not gathered:
        return []
    rows = [
        own
        for own, chosen in gathered
        if index_of(chosen.body) == as_index(chosen.letters[0]) and chosen.sizes[0] == own.length
    ]
    if not rows or value.ndim:
        raise MissingRuleError(
            session().here("entries chosen by arrays are written to as out[np.arange(n), labels] = a number")
        )
    found: list[Node] = []
    for own, chosen in gathered:
        if own is not rows[0]:
            entry = chosen.at([as_index(rows[0])])
            found.append(equal(own, whole_numbers(chosen, entry, plus(own.length, -1))))
    return found


def _outside_of(region: Node, term: Node) -> list[Node]:
    """What is left of a term of an array where a region of it was written to."""
    if is_zero(term):
        return []
    there, here = (
        [f for f in factors_of(node) if isinstance(f, Bracket) and f.relation == "="] for node in (term, region)
    )
    if any(_exclude_each_other(one, other) for one in there for other in here):
        return [term]
    return [mul(other, term) for other in complement(region)]


def _exclude_each_other(one: Bracket, other: Bracket) -> bool:
    """Whether two equations never hold together: with other numbers, or other remainders, on their right sides."""
    first, second = divisible(one), divisible(other)
    apart = one.difference() - other.difference()
    if first is not None and second is not None:
        shared = as_size(sympy.gcd(first.divisor, second.divisor))
        apart = index_mod(first.index - second.index, shared)
    return is_zero(simplify_bracket(equal(apart, 0)))


def _within(own: Letter, start: Size, step: Size, count: Size, size: Size) -> list[Node]:
    """The brackets that say that a letter is one of those of a slice, at all ends that it has: loops go in steps."""
    low, high = (start, plus(start, times(step, plus(count, -1))))
    if step == -1:
        low, high = high, low
    if step not in (1, -1):
        return [at_least(own, low), at_most(own, high), equal(index_mod(as_index(own) - start, step), 0)]
    return [] if low == 0 and plus(high, 1) == size else [at_least(own, low), at_most(own, high)]
