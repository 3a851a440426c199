"""Writing to entries that arrays of whole numbers choose: ``out[rows, columns] = v``, ``np.add.at``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from derive.errors import MissingRuleError
from derive.functions import where
from derive.index import Letter, as_index
from derive.nodes import ONE, Node, Sum, is_zero, number
from derive.notation import add, equal, mul
from derive.size_algebra import plus
from derive.tracing.arrays import Array
from derive.tracing.broadcasting import broadcast, spread
from derive.tracing.conversion import as_array
from derive.tracing.indexing import keys_of, place_of, stand_apart, whole_numbers
from derive.tracing.lengths import Length
from derive.tracing.session import session

__all__ = ["overwritten", "scattered"]

Keys = Sequence[Any]


def scattered(array: Array, key: object, value: Array) -> Node:
    """What ``np.add.at(array, key, value)`` adds to the entry of the array at its letters."""
    return _summed(array, keys_of(array, key), value)


def overwritten(array: Array, keys: Keys, value: Array) -> Node:
    """The entry of the array at its letters after a value was written to entries that constant arrays choose."""
    if not value.ndim:
        return where(_hit(array, keys), value.body, array._body)
    _once(keys)
    written = _summed(array, keys, value)
    if is_zero(array._body):
        return written
    hit = _summed(array, keys, as_array(1))
    return add(mul(add(ONE, mul(number(-1), hit)), array._body), written)


def _hit(array: Array, keys: Keys) -> Node:
    """1 at the entries that are chosen, else 0; as a constant where all sizes are numbers."""
    listed = [np.array(one) if isinstance(one, list) and all(type(k) is int for k in one) else one for one in keys]
    shape = tuple(size for size in array.sizes if isinstance(size, int))
    if len(shape) == array.ndim and not any(isinstance(one, (Array, Length, list)) for one in listed):
        mask = np.zeros(shape, dtype=bool)
        mask[tuple(listed)] = True
        return as_array(mask).at([as_index(x) for x in array._letters])
    _once(keys)
    return _summed(array, keys, as_array(1))


def _once(keys: Keys) -> None:
    """Raises: MissingRuleError where an entry may be written to twice, or nobody knows."""
    chosen = [one for one in keys if isinstance(one, (np.ndarray, list, Array))]
    if any(isinstance(one, Array) for one in chosen):
        raise MissingRuleError(
            session().here("entries chosen by arrays are written to as out[np.arange(n), labels] = a number")
        )
    places = np.stack([np.ravel(one) for one in np.broadcast_arrays(*chosen)])
    if np.unique(places, axis=1).shape[1] < places.shape[1] or (places < 0).any():
        raise MissingRuleError(
            session().here("an entry is written to twice, or counted from the end, by these indices")
        )


def _summed(array: Array, keys: Keys, value: Array) -> Node:
    gathered = [as_array(one) for one in keys if isinstance(one, (Array, np.ndarray, list))]
    shared = tuple(session().letter(size) for size in broadcast([g.sizes for g in gathered]))
    letters: list[Letter] = []
    brackets: list[Node] = []
    place: int | None = None
    for one, own in zip(keys, array._letters, strict=True):
        if isinstance(one, (Array, np.ndarray, list)):
            place = (0 if stand_apart(keys) else len(letters)) if place is None else place
            chosen = as_array(one)
            entry = whole_numbers(chosen, spread(chosen, shared), plus(own.length, -1))
            brackets.append(equal(own, entry))
        elif isinstance(one, slice) and one == slice(None):
            letters.append(own)
        elif isinstance(one, slice) or one is None:
            raise MissingRuleError(session().here("writing to entries chosen by an array and to a part has no rule"))
        else:
            brackets.append(equal(own, place_of(one, own.length)))
    letters[place or 0 : place or 0] = shared
    if broadcast([value.sizes, [x.length for x in letters]]) != tuple(x.length for x in letters):
        raise MissingRuleError(session().here("the value does not fit the entries that are written to"))
    body = mul(*brackets, spread(value, letters))
    return Sum(*shared, body) if shared else body
