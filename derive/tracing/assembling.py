"""Arrays made of others entry by entry, writing to a whole array, and ``np.r_``, ``np.c_`` and grids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from derive.errors import MissingRuleError, NotationError
from derive.tracing.arrays import Array
from derive.tracing.broadcasting import broadcast
from derive.tracing.conversion import as_array
from derive.tracing.elementwise import chosen
from derive.tracing.joining import as_columns, concatenate
from derive.tracing.lengths import length
from derive.tracing.making import arange, eye
from derive.tracing.numpy_shim import OBJECTS, implements
from derive.tracing.session import session
from derive.tracing.shaping import atleast_1d, broadcast_to


@implements("broadcast_arrays")
def broadcast_arrays(*arrays: object) -> list[Array]:
    given = [as_array(a) for a in arrays]
    shape = tuple(length(size) for size in broadcast([a.sizes for a in given]))
    return [broadcast_to(a, shape) for a in given]


@implements("select")
def select(conditions: Sequence[object], choices: Sequence[object], default: object = 0) -> Array:
    found = as_array(default)
    if len(conditions) != len(choices):
        raise NotationError(session().here(f"select has {len(conditions)} conditions for {len(choices)} choices"))
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        found = chosen(condition, choice, found)
    return found


# ------------------------------------------------------------------------------------------- writing to a whole array


@implements("copyto")
def copyto(out: Any, values: object, where: object = True) -> None:
    out[...] = values if where is True else chosen(where, values, out)


@implements("fill_diagonal")
def fill_diagonal(a: Any, value: object) -> None:
    if not isinstance(a, Array) or a.ndim != 2:
        raise MissingRuleError(session().here("np.fill_diagonal has a rule for a matrix that is made with np.zeros"))
    a[eye(*a.shape).astype(bool)] = value


# --------------------------------------------------------------------------------------------------- r_, c_, mgrid


class _Rows:
    """``np.r_``."""

    def __getitem__(self, key: Any) -> Array:
        parts = [_ranged(one) for one in (key if isinstance(key, tuple) else (key,))]
        return concatenate([atleast_1d(part) for part in parts])


class _Columns:
    """``np.c_``."""

    def __getitem__(self, key: Any) -> Array:
        parts = [_ranged(one) for one in (key if isinstance(key, tuple) else (key,))]
        return concatenate([as_columns(part) for part in parts], -1)


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
