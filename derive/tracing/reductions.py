"""NumPy's functions along axes: sums, means, largest entries, norms, softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from derive.algebra import tidy
from derive.contraction import contract
from derive.errors import MissingRuleError, NotationError
from derive.functions import exp, log, sqrt
from derive.index import Letter, as_index
from derive.nodes import ZERO, Bracket, Node, Over, Sum, number
from derive.notation import add, equal, mul, power
from derive.over_axes import ARGMAX, ARGMIN, LOG_SOFTMAX, LOGSUMEXP, MAX, MIN, NORM, SOFTMAX, OverAxes
from derive.size_algebra import as_expression
from derive.tracing.arrays import Array
from derive.tracing.axes import Axis, axes_of
from derive.tracing.conversion import as_array, combined
from derive.tracing.lengths import product
from derive.tracing.numpy_shim import implements
from derive.tracing.session import session
from derive.tracing.shaping import one_axis
from derive.tree import substitute


def summed(body: Node, letters: Sequence[Letter]) -> Node:
    """The sum over letters; those that the body lacks multiply it by their sizes."""
    live = [x for x in letters if x in body.free]
    count = [number(as_expression(x.length)) for x in letters if x not in body.free and x.length != 1]
    alone = {x: as_index(0) for x in live if x.length == 1}
    inner = substitute(body, alone) if alone else body
    live = [x for x in live if x not in alone]
    made = Sum(*live, inner) if live else inner
    # what is added up of a unit matrix or of a mask is a number of sizes
    return mul(*count, tidy(contract(made)) if not made.tensors else made)


def _kept(array: Array, axes: Sequence[int], keepdims: bool) -> list[Letter]:
    """The letters of the result, with an axis of length 1 for each that is gone where those are kept."""
    own = enumerate(array.letters)
    return [session().letter(1) if m in axes else x for m, x in own if keepdims or m not in axes]


def _along(array: Array, axis: Axis) -> tuple[tuple[int, ...], list[Letter]]:
    axes = axes_of(axis, array.ndim, number=True)
    return axes, [array.letters[m] for m in axes]


@implements("sum", "nansum")
def total(a: object, axis: Axis = None, keepdims: bool = False) -> Array:
    array = as_array(a)
    axes, gone = _along(array, axis)
    return Array(_kept(array, axes, keepdims), summed(array.body, gone), "real")


@implements("mean", "nanmean", "average")
def averaged(a: object, axis: Axis = None, keepdims: bool = False, weights: object = None) -> Array:
    array = as_array(a)
    if weights is not None:
        return _weighted(array, axis, as_array(weights))
    axes = axes_of(axis, array.ndim)
    count = as_expression(_count(array, axes))
    entries = summed(array.body, [array.letters[m] for m in axes])
    return Array(_kept(array, axes, keepdims), mul(number(1 / count), entries))


def _weighted(array: Array, axis: Axis, weights: Array) -> Array:
    if weights.ndim == 1 and array.ndim > 1:
        (place,) = axes_of(axis, array.ndim)
        weights = weights[(slice(None), *[None] * (array.ndim - 1 - place))]
    return as_array(total(array * weights, axis) / total(combined(lambda w, a: w, weights, array), axis))


def _count(array: Array, axes: Sequence[int]) -> Any:
    found: Any = 1
    for m in axes:
        found = found * as_expression(array.sizes[m])
    return found


@implements("var", "nanvar")
def variance(a: object, axis: Axis = None, ddof: Any = 0, keepdims: bool = False) -> Array:
    array = as_array(a)
    centred = array - averaged(array, axis, keepdims=True)
    squares = total(combined(lambda x: power(x, number(2)), centred), axis, keepdims)
    count = as_expression(_count(array, axes_of(axis, array.ndim)))
    return combined(lambda x: mul(number(1 / (count - ddof)), x), squares)


@implements("std", "nanstd")
def deviation(a: object, axis: Axis = None, ddof: Any = 0, keepdims: bool = False) -> Array:
    return combined(sqrt, variance(a, axis, ddof, keepdims))


def _over(function: OverAxes, array: Array, place: int) -> Array:
    """A function of one axis that has the value at every place of it."""
    own = array.letters[place]
    bound = session().letter(own.length)
    return Array(
        array.letters, Over(function, (bound,), (substitute(array.body, {own: bound}),), (as_index(own),)), "real"
    )


def _reduced(function: OverAxes, a: object, axis: Axis, keepdims: bool, kind: str = "real") -> Array:
    """A function of axes that leaves none of them; along several it is taken of its own values."""
    array = as_array(a)
    axes, gone = _along(array, axis)
    body = array.body
    for own in gone:
        if function.integer and (own.length == 1 or own not in body.free):
            # the first of entries that are all the same
            body = ZERO
        elif own.length == 1:
            body = substitute(body, {own: as_index(0)})
        elif own in body.free:
            bound = session().letter(own.length)
            body = Over(function, (bound,), (substitute(body, {own: bound}),))
    return Array(_kept(array, axes, keepdims), body, kind)


@implements("max", "amax", "nanmax")
def largest(a: object, axis: Axis = None, keepdims: bool = False) -> Array:
    return _reduced(MAX, a, axis, keepdims)


@implements("min", "amin", "nanmin")
def smallest(a: object, axis: Axis = None, keepdims: bool = False) -> Array:
    return _reduced(MIN, a, axis, keepdims)


@implements("ptp")
def spread_of(a: object, axis: Axis = None, keepdims: bool = False) -> Array:
    return as_array(largest(a, axis, keepdims) - smallest(a, axis, keepdims))


def _place(function: OverAxes, a: object, axis: int | None, keepdims: bool) -> Array:
    array = as_array(a)
    if (axis is None and array.ndim != 1) or not array.ndim:
        array = array.ravel()
    return _reduced(function, array, -1 if axis is None else axis, keepdims, "integer")


@implements("argmax")
def place_of_largest(a: object, axis: int | None = None, keepdims: bool = False) -> Array:
    return _place(ARGMAX, a, axis, keepdims)


@implements("argmin")
def place_of_smallest(a: object, axis: int | None = None, keepdims: bool = False) -> Array:
    return _place(ARGMIN, a, axis, keepdims)


@implements("prod", "nanprod")
def multiplied(a: object, axis: Axis = None, keepdims: bool = False) -> Any:
    if isinstance(a, (tuple, list)) and all(isinstance(one, int) for one in a):
        return product(a)
    array = as_array(a)
    axes, gone = _along(array, axis)
    body = array.body
    for own in gone:
        session().specialise(own.length, "a product along an axis is written out factor by factor")
        assert isinstance(own.length, int)
        body = mul(*(substitute(body, {own: as_index(m)}) for m in range(own.length)))
    return Array(_kept(array, axes, keepdims), body)


@implements("cumsum", "nancumsum")
def running(a: object, axis: int | None = None) -> Array:
    array, place = one_axis(a, axis)
    own = array.letters[place]
    earlier = session().letter(own.length)
    bracket = Bracket(as_index(earlier), "≤", as_index(own))
    return Array(array.letters, Sum(earlier, mul(bracket, substitute(array.body, {own: earlier}))))


@implements("cumprod", "nancumprod")
def running_product(a: object, axis: int | None = None) -> Array:
    array, place = one_axis(a, axis)
    own = array.letters[place]
    session().specialise(own.length, "a product along an axis is written out factor by factor")
    assert isinstance(own.length, int)
    factors = [substitute(array.body, {own: as_index(m)}) for m in range(own.length)]
    entries = [mul(equal(own, m), *factors[: m + 1]) for m in range(own.length)]
    return Array(array.letters, add(*entries))


@implements("linalg.norm")
def norm_of(a: object, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Array:
    array = as_array(a)
    axes, gone = _along(array, axis)
    if (axis is not None or ord is not None) and len(axes) not in (1, 2):
        raise NotationError(session().here(f"a norm is along one axis or two, not along {len(axes)}"))
    kept = _kept(array, axes, keepdims)
    if ord in (None, "fro") or (ord == 2 and len(axes) == 1):
        if len(gone) == 1 and gone[0].length != 1:
            bound = session().letter(gone[0].length)
            return Array(kept, Over(NORM, (bound,), (substitute(array.body, {gone[0]: bound}),)))
        return Array(kept, sqrt(summed(power(array.body, number(2)), gone)))
    if len(axes) == 1 and ord == 1:
        return total(abs(array), axis, keepdims)
    if len(axes) == 1 and ord in (np.inf, -np.inf):
        return (largest if ord > 0 else smallest)(abs(array), axis, keepdims)
    if len(axes) == 1 and isinstance(ord, (int, float)) and ord:
        exact = sympy.nsimplify(ord)
        return combined(
            lambda x: power(x, number(1 / exact)),
            total(combined(lambda x: power(x, number(exact)), abs(array)), axis, keepdims),
        )
    raise MissingRuleError(session().here(f"np.linalg.norm with ord={ord!r} of {len(axes)} axes has no rule"))


# ------------------------------------------------------------------------------------------------- softmax and kin


@implements("scipy.softmax", "softmax")
def softmax_of(a: object, axis: Axis = None) -> Array:
    return _alone(SOFTMAX, a, axis)


@implements("scipy.log_softmax", "log_softmax")
def log_softmax_of(a: object, axis: Axis = None) -> Array:
    return _alone(LOG_SOFTMAX, a, axis)


def _alone(function: OverAxes, a: object, axis: Axis) -> Array:
    array = as_array(a)
    axes = axes_of(axis, array.ndim)
    if len(axes) != 1:
        raise MissingRuleError(session().here(f"{function.name} along {len(axes)} axes has no rule: name one axis"))
    return _over(function, array, axes[0])


@implements("scipy.logsumexp", "logsumexp")
def logsumexp_of(a: object, axis: Axis = None, b: object = None, keepdims: bool = False) -> Array:
    if b is not None:
        array = combined(lambda x, w: mul(w, exp(x)), a, b)
        return combined(log, total(array, axis, keepdims))
    array = as_array(a)
    axes, gone = _along(array, axis)
    if len(gone) == 1 and gone[0].length != 1:
        return _reduced(LOGSUMEXP, array, axes[0], keepdims)
    return Array(_kept(array, axes, keepdims), log(summed(exp(array.body), gone)))
