"""NumPy's functions that make arrays from shapes: zeros, ones, eye, arange, triangles, grids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from derive.errors import MissingRuleError, NotationError
from derive.index import as_index
from derive.nodes import Bracket, Position
from derive.notation import equal, mul
from derive.size_algebra import plus
from derive.tracing.arrays import Array
from derive.tracing.broadcasting import fitted
from derive.tracing.conversion import as_array
from derive.tracing.lengths import length, size_of, sizes_of
from derive.tracing.numpy_shim import implements
from derive.tracing.session import session
from derive.tracing.shaping import broadcast_to, moveaxis


def _filled(shape: Any, value: object, kind: str = "real") -> Array:
    sizes = sizes_of(shape)
    found = broadcast_to(fitted(as_array(value), len(sizes)), tuple(map(length, sizes)))
    return Array(found.letters, found.body, kind)


@implements("zeros", "empty")
def zeros(shape: Any) -> Array:
    return _filled(shape, 0)


@implements("ones")
def ones(shape: Any) -> Array:
    return _filled(shape, 1)


@implements("full")
def full(shape: Any, fill_value: object) -> Array:
    return _filled(shape, fill_value, as_array(fill_value).kind)


@implements("zeros_like", "empty_like")
def zeros_like(a: object, shape: Any = None) -> Array:
    return _filled(as_array(a).shape if shape is None else shape, 0, as_array(a).kind)


@implements("ones_like")
def ones_like(a: object, shape: Any = None) -> Array:
    return _filled(as_array(a).shape if shape is None else shape, 1, as_array(a).kind)


@implements("full_like")
def full_like(a: object, fill_value: object, shape: Any = None) -> Array:
    return _filled(as_array(a).shape if shape is None else shape, fill_value)


@implements("eye", "identity")
def eye(rows: Any, columns: Any = None, k: int = 0) -> Array:
    i = session().letter(size_of(rows))
    j = session().letter(size_of(rows if columns is None else columns))
    return Array((i, j), equal(as_index(j), as_index(i) + size_of(k)) if k else equal(i, j))


@implements("arange")
def arange(*bounds: Any) -> Array:
    start, stop, step = {1: (0, *bounds, 1), 2: (*bounds, 1)}.get(len(bounds), bounds)
    if isinstance(step, float) or isinstance(start, float) or isinstance(stop, float):
        raise MissingRuleError(session().here("np.arange of fractions: write start + step * np.arange(count)"))
    span = length(plus(size_of(stop), -size_of(start) if isinstance(start, int) else 0))
    first, by = size_of(start), size_of(step)
    count = size_of(span) if by == 1 else size_of((span + by - 1) // by)
    own = session().letter(count)
    return Array((own,), Position(as_index(own).scaled(by) + first), "integer")


@implements("diag_indices")
def diagonal_places(n: Any, ndim: int = 2) -> tuple[Array, ...]:
    return (arange(n),) * ndim


@implements("diag_indices_from")
def diagonal_places_of(arr: object) -> tuple[Array, ...]:
    array = as_array(arr)
    if array.ndim < 2 or len(set(array.sizes)) != 1:
        raise NotationError(session().here("a diagonal needs at least two axes, all of one length"))
    return diagonal_places(array.shape[0], array.ndim)


@implements("linspace")
def linspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, axis: int = 0) -> Any:
    first, last = as_array(start), as_array(stop)
    steps = num - 1 if endpoint else num
    whole = as_array(last - first)
    places = arange(num)[(slice(None), *(None,) * whole.ndim)]
    return moveaxis(first + places * (whole / (steps if steps > 0 else 1)), 0, axis)


def _triangle(a: object, k: int, relation: str) -> Array:
    array = as_array(a)
    if not array.ndim:
        raise NotationError(session().here("a number has no triangle: this needs a matrix"))
    if array.ndim == 1:
        array = Array((session().letter(array.sizes[0]), *array.letters), array.body, array.kind)
    row, column = array.letters[-2:]
    bracket = Bracket(as_index(column), relation, as_index(row) + size_of(k))
    return Array(array.letters, mul(bracket, array.body), array.kind)


@implements("tril")
def tril(a: object, k: int = 0) -> Array:
    return _triangle(a, k, "≤")


@implements("triu")
def triu(a: object, k: int = 0) -> Array:
    return _triangle(a, k, "≥")


@implements("tri")
def tri(rows: Any, columns: Any = None, k: int = 0) -> Array:
    return tril(ones((rows, rows if columns is None else columns)), k)


@implements("meshgrid")
def meshgrid(*arrays: object, indexing: str = "xy", sparse: bool = False) -> list[Array]:
    given = [as_array(a).ravel() for a in arrays]
    letters = [session().letter(a.sizes[0]) for a in given]
    bodies = [a.at([as_index(x)]) for a, x in zip(given, letters, strict=True)]
    order = letters[:]
    if indexing == "xy" and len(order) > 1:
        order[0], order[1] = order[1], order[0]
    if sparse:
        kept = [[x if x is own else session().letter(1) for x in order] for own in letters]
        return [Array(own, body, a.kind) for own, a, body in zip(kept, given, bodies, strict=True)]
    return [Array(order, body, a.kind) for a, body in zip(given, bodies, strict=True)]


@implements("indices")
def positions(dimensions: Sequence[int]) -> list[Array]:
    letters = [session().letter(size_of(axis)) for axis in dimensions]
    return [Array(letters, Position(as_index(x)), "integer") for x in letters]
