"""Arrays made of others: blocks, ``np.r_`` and ``np.c_``, depth-wise and edge-wise, and writing to a whole array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from derive.errors import MissingRuleError, NotationError
from derive.tracing.arrays import Array
from derive.tracing.axes import axis_of
from derive.tracing.broadcasting import broadcast
from derive.tracing.conversion import as_array
from derive.tracing.elementwise import chosen
from derive.tracing.lengths import length
from derive.tracing.making import arange, eye
from derive.tracing.numpy_shim import OBJECTS, implements
from derive.tracing.session import session
from derive.tracing.shaping import broadcast_to, concatenate, flip, moveaxis, split, stack, swapaxes

__all__ = ["stacked_along"]


def stacked_along(parts: Sequence[Array], axis: int) -> Array:
    """``np.stack``."""
    return stack(parts, axis)


@implements("hsplit")
def hsplit(a: object, sections: Any) -> list[Array]:
    return split(a, sections, 0 if as_array(a).ndim == 1 else 1)


@implements("vsplit")
def vsplit(a: object, sections: Any) -> list[Array]:
    return split(a, sections, 0)


@implements("dsplit")
def dsplit(a: object, sections: Any) -> list[Array]:
    return split(a, sections, 2)


@implements("atleast_1d")
def atleast_1d(a: object) -> Array:
    array = as_array(a)
    return array if array.ndim else array[None]


@implements("atleast_2d")
def atleast_2d(a: object) -> Array:
    array = atleast_1d(a)
    return array[None, :] if array.ndim == 1 else array


@implements("dstack")
def dstack(parts: Sequence[object]) -> Array:
    arrays = [atleast_2d(part) for part in parts]
    return concatenate([a[..., None] if a.ndim == 2 else a for a in arrays], 2)


@implements("block")
def block(parts: Any) -> Array:
    """Lists in lists of arrays: the innermost go along the last axis."""
    return _block(parts, _depth(parts))


def _depth(parts: Any) -> int:
    return 1 + _depth(parts[0]) if isinstance(parts, list) else 0


def _block(parts: Any, depth: int) -> Array:
    if not isinstance(parts, list):
        return as_array(parts)
    inner = [_block(one, depth - 1) for one in parts]
    most = max(depth, *(one.ndim for one in inner)) if len(inner) > 1 else max(depth, inner[0].ndim)
    return concatenate([one[(*[None] * (most - one.ndim), ...)] for one in inner], -depth)


@implements("broadcast_arrays")
def broadcast_arrays(*arrays: object) -> list[Array]:
    given = [as_array(a) for a in arrays]
    shape = tuple(length(size) for size in broadcast([a.sizes for a in given]))
    return [broadcast_to(a, shape) for a in given]


@implements("rollaxis")
def rollaxis(a: object, axis: int, start: int = 0) -> Array:
    array = as_array(a)
    place = axis_of(axis, array.ndim)
    return moveaxis(array, place, start - 1 if start > place else start)


@implements("rot90")
def rot90(m: object, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    array = as_array(m)
    for _ in range(k % 4):
        array = flip(swapaxes(array, *axes), axes[0])
    return array


@implements("select")
def select(conditions: Sequence[object], choices: Sequence[object], default: object = 0) -> Array:
    found = as_array(default)
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        found = chosen(condition, choice, found)
    return found


@implements("delete")
def delete(a: object, place: Any, axis: int | None = None) -> Array:
    array = as_array(a)
    if not isinstance(place, int) or (axis is None and array.ndim != 1):
        raise MissingRuleError(session().here("np.delete has a rule for one position along a named axis"))
    whole = [slice(None)] * axis_of(axis or 0, array.ndim)
    start = place if int(place) >= 0 else array.shape[len(whole)] + place
    return concatenate([array[(*whole, slice(None, start))], array[(*whole, slice(start + 1, None))]], axis or 0)


# ------------------------------------------------------------------------------------------- writing to a whole array


@implements("copyto")
def copyto(out: Any, values: object) -> None:
    out[...] = values


@implements("fill_diagonal")
def fill_diagonal(a: Any, value: object) -> None:
    if not isinstance(a, Array) or a.ndim != 2:
        raise MissingRuleError(session().here("np.fill_diagonal has a rule for a matrix that is made with np.zeros"))
    a[...] = chosen(eye(*a.shape).astype(bool), value, a)


# --------------------------------------------------------------------------------------------------- r_, c_, mgrid


class _Rows:
    """``np.r_``."""

    def __getitem__(self, key: Any) -> Array:
        parts = [_ranged(one) for one in (key if isinstance(key, tuple) else (key,))]
        return concatenate([atleast_1d(part) for part in parts])


class _Columns:
    """``np.c_``."""

    def __getitem__(self, key: Any) -> Array:
        parts = [as_array(_ranged(one)) for one in (key if isinstance(key, tuple) else (key,))]
        return concatenate([part[:, None] if part.ndim == 1 else part for part in parts], 1)


class _Grid:
    """``np.ogrid`` and ``np.mgrid``."""

    def __init__(self, *, full: bool) -> None:
        self.full = full

    def __getitem__(self, key: Any) -> Any:
        several = isinstance(key, tuple)
        listed = key if several else (key,)
        ranges = [_ranged(one) for one in listed]
        count = len(ranges)
        grids = [r[tuple(slice(None) if m == k else None for k in range(count))] for m, r in enumerate(ranges)]
        grids = broadcast_arrays(*grids) if self.full else grids
        return grids if several else grids[0]


def _ranged(one: Any) -> Any:
    """A slice as the numbers that it goes through."""
    if isinstance(one, str):
        raise NotationError(session().here("np.r_ and np.c_ take no strings here: write np.concatenate or np.stack"))
    if not isinstance(one, slice):
        return one
    if isinstance(one.step, complex):
        raise NotationError(session().here("a complex step has no rule here: write np.linspace"))
    return arange(one.start or 0, one.stop, 1 if one.step is None else one.step)


OBJECTS.update({"r_": _Rows(), "c_": _Columns(), "mgrid": _Grid(full=True), "ogrid": _Grid(full=False)})
