"""Axes by their numbers: negative ones count from the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from derive.errors import NotationError
from derive.tracing.session import session

__all__ = ["Axis", "axes_of", "axis_of"]

Axis = int | Sequence[int] | None


def axis_of(axis: object, ndim: int) -> int:
    """An axis as a number from 0. Raises: NotationError where there is no such axis."""
    if not hasattr(axis, "__index__"):
        raise NotationError(session().here(f"an axis is a whole number, not {axis!r}"))
    place = axis.__index__()
    if not -ndim <= place < ndim:
        raise NotationError(session().here(f"axis {place} is not one of the {ndim} axes"))
    return int(place) % ndim


def axes_of(axis: Any, ndim: int, *, number: bool = False) -> tuple[int, ...]:
    """Axes as numbers from 0; all of them for None. With ``number`` one without axes may be asked for its axis 0.

    Raises: NotationError where there is no such axis, or one is named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    if number and not ndim and axis in (0, -1):
        return ()
    found = tuple(axis_of(one, ndim) for one in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    for place in found:
        if found.count(place) > 1:
            raise NotationError(session().here(f"axis {place} is named twice"))
    return found
