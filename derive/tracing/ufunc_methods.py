"""Methods of NumPy's functions of numbers: ``np.add.reduce``, ``np.logaddexp.reduce``, ``np.add.at`` and their kin.

Unlike ``np.sum`` they go along the first axis unless they are told another one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from derive.errors import MissingRuleError
from derive.tracing.arrays import Array
from derive.tracing.axes import Axis
from derive.tracing.conversion import as_array
from derive.tracing.numpy_shim import call, implements, refuses
from derive.tracing.reductions import largest, logsumexp_of, multiplied, running, running_product, smallest, total
from derive.tracing.scattering import scattered
from derive.tracing.session import session

_ALONG: dict[str, Callable[..., Any]] = {
    "add": total, "multiply": multiplied, "maximum": largest, "minimum": smallest, "logaddexp": logsumexp_of,
}  # fmt: skip
_RUNNING: dict[str, Callable[..., Any]] = {"add": running, "multiply": running_product}
_OUTER = ("add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum", "power", "logaddexp", "hypot",
          "less", "less_equal", "greater", "greater_equal", "equal", "not_equal")  # fmt: skip


def _reduce(function: Callable[..., Any]) -> Callable[..., Array]:
    def reduce(array: object, axis: Axis = 0, keepdims: bool = False) -> Array:
        return as_array(function(array, axis=axis, keepdims=keepdims))

    return reduce


def _accumulate(function: Callable[..., Any]) -> Callable[..., Array]:
    def accumulate(array: object, axis: int = 0) -> Array:
        return as_array(function(array, axis=axis))

    return accumulate


def _outer(name: str) -> Callable[..., Array]:
    def outer(a: object, b: object) -> Array:
        one, two = as_array(a), as_array(b)
        return as_array(call(name, (one[(..., *[None] * two.ndim)], two), {}))

    return outer


for _name, _function in _ALONG.items():
    implements(f"{_name}.reduce")(_reduce(_function))
for _name, _function in _RUNNING.items():
    implements(f"{_name}.accumulate")(_accumulate(_function))
for _name in _OUTER:
    implements(f"{_name}.outer")(_outer(_name))


@implements("add.at")
def add_at(a: object, indices: object, b: object) -> None:
    """Adds to entries, to some of them several times."""
    _to_own(a).add_at(scattered(_to_own(a), indices, as_array(b)))


@implements("subtract.at")
def subtract_at(a: object, indices: object, b: object) -> None:
    _to_own(a).add_at(scattered(_to_own(a), indices, -as_array(b)))


def _to_own(a: object) -> Array:
    if not isinstance(a, Array):
        raise MissingRuleError(session().here("np.add.at writes to an array of plain numbers: make it with np.zeros"))
    return a


refuses("write the steps in a loop", "maximum.accumulate", "minimum.accumulate", "logaddexp.accumulate")
refuses("multiply or add step by step", "multiply.at", "maximum.at", "minimum.at", "divide.at")
