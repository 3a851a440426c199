"""NumPy's covariances, quadratures, differences and polynomials, made of sums and slices."""

from __future__ import annotations

from typing import Any

from derive.errors import MissingRuleError, NotationError
from derive.tracing.arrays import Array
from derive.tracing.axes import axis_of
from derive.tracing.conversion import as_array
from derive.tracing.joining import concatenate, stack
from derive.tracing.lengths import Length
from derive.tracing.numpy_shim import implements, refuses
from derive.tracing.reductions import averaged, norm_of, total
from derive.tracing.session import session
from derive.tracing.shaping import broadcast_to


def _rows(m: object, y: object, rowvar: bool) -> Array:
    """The variables, one a row."""
    array = as_array(m)
    array = array[None, :] if array.ndim == 1 else array if rowvar else array.T
    return array if y is None else concatenate([array, _rows(y, None, rowvar)], 0)


@implements("cov")
def covariance(
    m: object, y: object = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None
) -> Array:
    alone = y is None and as_array(m).ndim == 1
    array = _rows(m, y, rowvar)
    centred = array - averaged(array, 1, keepdims=True)
    less = ddof if ddof is not None else int(not bias)
    found = as_array(centred @ centred.T / (array.shape[1] - less))
    return found[0, 0] if alone else found


@implements("corrcoef")
def correlation(x: object, y: object = None, rowvar: bool = True) -> Array:
    array = _rows(x, y, rowvar)
    centred = array - averaged(array, 1, keepdims=True)
    unit = centred / norm_of(centred, axis=1, keepdims=True)
    return as_array(unit @ unit.T)


@implements("trapezoid", "trapz")
def trapezoid(y: object, x: object = None, dx: Any = 1.0, axis: int = -1) -> Any:
    array = as_array(y)
    place = axis_of(axis, array.ndim)
    before, after = _ends(array, place)
    width: Any = dx
    if x is not None:
        points = as_array(x)
        low, high = _ends(points, place if points.ndim == array.ndim else 0)
        width = high - low
        if points.ndim < array.ndim:
            width = width[(slice(None), *[None] * (array.ndim - 1 - place))]
    return total(width * (before + after) / 2, place)


def _ends(array: Array, place: int) -> tuple[Array, Array]:
    whole = [slice(None)] * place
    return array[(*whole, slice(None, -1))], array[(*whole, slice(1, None))]


@implements("diff")
def diff(a: object, n: int = 1, axis: int = -1, prepend: object = None, append: object = None) -> Array:
    array = as_array(a)
    if n < 0:
        raise NotationError(session().here(f"there are no differences of order {n}"))
    if not n:
        return array
    place = axis_of(axis, array.ndim)
    ends = [None if one is None else as_array(one) for one in (prepend, append)]
    shape = tuple(1 if m == place else s for m, s in enumerate(array.shape))
    before, after = ([] if e is None else [broadcast_to(e, shape) if not e.ndim else e] for e in ends)
    array = concatenate([*before, array, *after], place) if before or after else array
    whole = [slice(None)] * place
    for _ in range(n):
        array = as_array(array[(*whole, slice(1, None))] - array[(*whole, slice(None, -1))])
    return array


@implements("gradient")
def differences(f: object, *spacing: Any, axis: int | None = None) -> Any:
    array = as_array(f)
    if len(spacing) > 1 or (axis is None and array.ndim != 1) or (spacing and as_array(spacing[0]).ndim):
        raise MissingRuleError(session().here("np.gradient has a rule for one axis and one spacing: name axis="))
    place = axis_of(axis or 0, array.ndim)
    step = spacing[0] if spacing else 1
    whole = [slice(None)] * place

    def part(low: int | None, high: int | None) -> Array:
        return array[(*whole, slice(low, high))]

    inner = (part(2, None) - part(None, -2)) / (2 * step)
    first, last = (part(1, 2) - part(0, 1)) / step, (part(-1, None) - part(-2, -1)) / step
    return concatenate([first, inner, last], place)


@implements("polyval")
def polynomial(p: Any, x: object) -> Any:
    array = as_array(p)
    session().specialise(array.sizes[0], "a polynomial is written out power by power")
    found: Any = as_array(0)
    for m in range(int(array.shape[0])):
        found = found * x + array[m]
    return found


@implements("vander")
def vandermonde(x: object, columns: Any = None, increasing: bool = False) -> Array:
    array = as_array(x)
    count = array.shape[0] if columns is None else columns
    if isinstance(count, Length):
        session().specialise(count.size, "the powers of a Vandermonde matrix are written out")
    powers = range(int(count)) if increasing else range(int(count) - 1, -1, -1)
    return stack([array**m if m else array * 0 + 1 for m in powers], -1)


@implements("cross", "linalg.cross")
def cross_product(a: object, b: object, axis: int = -1) -> Array:
    one, two = as_array(a), as_array(b)
    if axis_of(axis, one.ndim) != one.ndim - 1 or not one.sizes[-1:] == two.sizes[-1:] == (3,):
        raise NotationError(session().here("np.cross has a rule for vectors of length 3 along the last axis"))
    entries = [one[..., i] * two[..., j] - one[..., j] * two[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return stack(entries, -1)


refuses(
    "an order of values jumps where two are equal: give the order as an argument of whole numbers",
    "sort", "argsort", "partition", "argpartition", "median", "nanmedian", "percentile", "quantile", "nanquantile",
    "nanpercentile", "searchsorted", "lexsort", "sort_complex",
)  # fmt: skip
refuses(
    "what it makes has a shape that depends on values",
    "unique", "nonzero", "flatnonzero", "argwhere", "compress", "extract", "setdiff1d", "intersect1d", "union1d",
    "trim_zeros",
)  # fmt: skip
refuses(
    "counts of values have no derivative: give them as an argument",
    "histogram", "bincount", "digitize", "count_nonzero",
)  # fmt: skip
