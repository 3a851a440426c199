"""Numbers, sizes, NumPy's own arrays and nested lists as arrays of the run.

The most important functions are ``as_array`` and ``combined``, an array whose entries are made of those of others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from derive.errors import MissingRuleError, NotationError
from derive.nodes import ZERO, Node, Number, number
from derive.notation import add, equal, mul
from derive.tracing.arrays import Array
from derive.tracing.broadcasting import stacked, together
from derive.tracing.lengths import Length, number_of
from derive.tracing.session import session

__all__ = ["as_array", "combined"]

SPELLED_OUT = 2
"""Up to how many numbers that are not 0 are written in a formula; another array is a tensor that is given."""


def as_array(value: object) -> Array:
    """A number, a size, NumPy's own array or a nested list as an array of this run."""
    if isinstance(value, Array):
        return value
    if isinstance(value, Length):
        return Array((), number(number_of(value)), "integer")
    if isinstance(value, (bool, np.bool_)):
        return Array((), number(int(value)), "boolean")
    if isinstance(value, (int, np.integer)):
        return Array((), number(int(value)), "integer")
    if isinstance(value, (float, np.floating)):
        return Array((), number(float(value)))
    if isinstance(value, np.ndarray):
        return _constant(value, value)
    if isinstance(value, (list, tuple)):
        parts = [as_array(one) for one in value]
        plain = not any(isinstance(one, Array) for one in value)
        if plain and all(isinstance(part.body, Number) and not part.letters for part in parts):
            return _constant(np.array(value), value)
        return stacked(parts, 0)
    if isinstance(value, complex):
        raise MissingRuleError(session().here("complex numbers have no rule here: take the real part"))
    raise NotationError(session().here(f"{type(value).__name__} is no array and no number"))


def _constant(values: np.ndarray[Any, Any], held: object) -> Array:
    """An array of numbers that the code holds: one number, or a tensor of its own that is given."""
    if values.dtype.kind not in "biuf":
        raise MissingRuleError(session().here(f"an array of {values.dtype} has no rule here"))
    kind = {"b": "boolean", "f": "real"}.get(values.dtype.kind, "integer")
    if not values.ndim:
        return as_array(values.item())
    letters = tuple(session().letter(int(axis)) for axis in values.shape)
    if not values.size:
        return Array(letters, ZERO, kind)
    if np.all(values == values.flat[0]):
        return Array(letters, as_array(values.flat[0].item()).body, kind)
    if kind == "real" and np.count_nonzero(values) <= SPELLED_OUT:
        entries = [
            mul(number(float(values[at])), *map(equal, letters, at)) for at in np.ndindex(values.shape) if values[at]
        ]
        made = Array(letters, add(*entries) if entries else ZERO)
        made.wanted = "const"
        return made
    tensor = session().constant(values, held)
    return Array(letters, tensor[letters], kind)


def combined(combine: Callable[..., Node], *values: object, kind: str = "real") -> Array:
    """An array whose entries are made of the entries of others, broadcast together."""
    letters, bodies = together(*(as_array(v) for v in values))
    return Array(letters, combine(*bodies), kind)
