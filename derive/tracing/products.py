"""NumPy's products: matrix products, einsum, tensordot, inner and outer products, traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from derive.errors import NotationError
from derive.index import Index, Letter, as_index
from derive.nodes import Bracket, Node, shape_text
from derive.notation import equal, mul
from derive.size_algebra import Size, plus, times
from derive.tracing.arrays import Array
from derive.tracing.axes import axes_of, axis_of
from derive.tracing.broadcasting import broadcast
from derive.tracing.conversion import as_array, combined
from derive.tracing.lengths import Length, length, size_of
from derive.tracing.numpy_shim import implements
from derive.tracing.padding import pad
from derive.tracing.reductions import summed, total
from derive.tracing.session import session
from derive.tracing.shaping import moveaxis


def _matched(a: Size, b: Size, one: Array, two: Array) -> Size:
    """The size of the axis that is summed over."""
    if a != b:
        shapes = f"{shape_text(one.sizes)} and {shape_text(two.sizes)}"
        raise NotationError(session().here(f"shapes {shapes} do not fit: {a} is not {b}"))
    return a


@implements("matmul", "linalg.matmul")
def matmul(a: object, b: object) -> Array:
    one, two = as_array(a), as_array(b)
    if not one.ndim or not two.ndim:
        raise NotationError(session().here("a matrix product needs axes: a scalar is multiplied by *"))
    within = session().letter(_matched(one.sizes[-1], two.sizes[-2 if two.ndim > 1 else 0], one, two))
    batch = tuple(session().letter(size) for size in broadcast([one.sizes[:-2], two.sizes[:-2]]))
    rows = (session().letter(one.sizes[-2]),) if one.ndim > 1 else ()
    columns = (session().letter(two.sizes[-1]),) if two.ndim > 1 else ()
    left = _entry(one, batch, [*rows, within])
    right = _entry(two, batch, [within, *columns])
    return Array((*batch, *rows, *columns), summed(mul(left, right), [within]))


def _entry(array: Array, batch: Sequence[Letter], last: Sequence[Letter]) -> Node:
    """The entry at these last letters, the axes before them broadcast to the batch."""
    count = array.ndim - len(last)
    own = batch[len(batch) - count :] if count else ()
    before = [
        as_index(0) if size == 1 and x.length != 1 else as_index(x) for size, x in zip(array.sizes, own, strict=False)
    ]
    return array.at([*before, *map(as_index, last)])


@implements("dot", "linalg.dot")
def dot(a: object, b: object) -> Any:
    one, two = as_array(a), as_array(b)
    if not one.ndim or not two.ndim:
        return one * two
    return tensordot(one, two, axes=((one.ndim - 1,), (max(two.ndim - 2, 0),)))


@implements("inner")
def inner(a: object, b: object) -> Any:
    one, two = as_array(a), as_array(b)
    if not one.ndim or not two.ndim:
        return one * two
    return tensordot(one, two, axes=((one.ndim - 1,), (two.ndim - 1,)))


@implements("vdot")
def vdot(a: object, b: object) -> Array:
    one, two = as_array(a).ravel(), as_array(b).ravel()
    return matmul(one, two)


@implements("vecdot", "linalg.vecdot")
def vecdot(a: object, b: object, axis: int = -1) -> Array:
    one, two = (moveaxis(x, axis, -1) for x in (a, b))
    _matched(one.sizes[-1], two.sizes[-1], one, two)
    return total(one * two, -1)


@implements("outer")
def outer(a: object, b: object) -> Array:
    one, two = as_array(a).ravel(), as_array(b).ravel()
    return combined(lambda x, y: mul(x, y), one[:, None], two[None, :])


@implements("linalg.outer")
def outer_of_vectors(a: object, b: object) -> Array:
    if as_array(a).ndim != 1 or as_array(b).ndim != 1:
        raise NotationError(session().here("np.linalg.outer takes two vectors: write np.outer"))
    return outer(a, b)


@implements("tensordot")
def tensordot(a: object, b: object, axes: Any = 2) -> Array:
    one, two = as_array(a), as_array(b)
    if isinstance(axes, int):
        if not 0 <= axes <= min(one.ndim, two.ndim):
            raise NotationError(
                session().here(f"arrays of {one.ndim} and {two.ndim} axes have no {axes} to sum over")
            )
        axes = tuple(range(one.ndim - axes, one.ndim)), tuple(range(axes))
    left, right = ((x,) if isinstance(x, int) else tuple(x) for x in axes)
    left, right = tuple(axis_of(m, one.ndim) for m in left), tuple(axis_of(m, two.ndim) for m in right)
    gone = [
        session().letter(_matched(one.sizes[m], two.sizes[k], one, two)) for m, k in zip(left, right, strict=True)
    ]
    free_one = {m: session().letter(size) for m, size in enumerate(one.sizes) if m not in left}
    free_two = {m: session().letter(size) for m, size in enumerate(two.sizes) if m not in right}
    at_one = [as_index(free_one[m] if m in free_one else gone[left.index(m)]) for m in range(one.ndim)]
    at_two = [as_index(free_two[m] if m in free_two else gone[right.index(m)]) for m in range(two.ndim)]
    body = mul(one.at(at_one), two.at(at_two))
    return Array((*free_one.values(), *free_two.values()), summed(body, gone))


@implements("einsum")
def einsum(subscripts: object, *operands: object) -> Array:
    arrays = [as_array(one) for one in operands]
    if not isinstance(subscripts, str):
        raise NotationError(session().here('write einsum with a string, such as "ij,jk->ik"'))
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(arrays):
        raise NotationError(session().here(f"einsum has {len(arrays)} arrays for {len(terms)} terms"))
    batch = broadcast(
        [a.sizes[: a.ndim - len(t.replace("...", ""))] for a, t in zip(arrays, terms, strict=True) if "..." in t]
    )
    shared = tuple(session().letter(size) for size in batch)
    letters: dict[str, Letter] = {}
    for array, term in zip(arrays, terms, strict=True):
        _bind(array, term, letters)
    if not arrow:
        plain = "".join(t.replace("...", "") for t in terms)
        output = ("..." if shared else "") + "".join(sorted(c for c in set(plain) if plain.count(c) == 1))
    factors = [_factor(a, t, letters, shared) for a, t in zip(arrays, terms, strict=True)]
    kept = [letters[c] for c in output.replace("...", "")]
    if "..." in output:
        before, after = output.split("...")
        kept = [*(letters[c] for c in before), *shared, *(letters[c] for c in after)]
    gone = [x for x in (*shared, *letters.values()) if x not in kept]
    return Array(kept, summed(mul(*factors), gone))


def _bind(array: Array, term: str, letters: dict[str, Letter]) -> None:
    before, dotted, after = term.partition("...")
    count = len(before) + len(after)
    if array.ndim < count or (array.ndim > count and not dotted):
        raise NotationError(session().here(f"einsum: {term!r} does not fit the shape {shape_text(array.sizes)}"))
    sizes = (*array.sizes[: len(before)], *array.sizes[array.ndim - len(after) :])
    for name, size in zip(before + after, sizes, strict=True):
        known = letters.get(name)
        if known is None or (known.length == 1 and size != 1):
            letters[name] = session().letter(size)
        elif size not in (known.length, 1):
            raise NotationError(session().here(f"einsum: {name!r} is {known.length} and {size}"))


def _factor(array: Array, term: str, letters: dict[str, Letter], dots: Sequence[Letter]) -> Node:
    before, _, after = term.partition("...")
    middle = array.ndim - len(before) - len(after)
    own = [*(letters[c] for c in before), *dots[len(dots) - middle :], *(letters[c] for c in after)]
    if not middle:
        own = [letters[c] for c in before + after]
    pairs = zip(array.sizes, own, strict=True)
    indices: list[Index] = [as_index(0) if size == 1 and x.length != 1 else as_index(x) for size, x in pairs]
    return array.at(indices)


@implements("trace")
def trace_of(a: object, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    return total(diagonal(a, offset, axis1, axis2), -1)


@implements("linalg.trace")
def trace_of_matrices(a: object, *, offset: int = 0) -> Array:
    return trace_of(a, offset, -2, -1)


@implements("diagonal")
def diagonal(a: object, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Entry k of the diagonal is the last axis of the result."""
    array = as_array(a)
    one, two = axes_of((axis1, axis2), array.ndim)
    rows, columns = array.shape[one], array.shape[two]
    count = min(rows + min(offset, 0), columns - max(offset, 0))
    along = session().letter(count.size if isinstance(count, Length) else max(int(count), 0))
    kept = [x for m, x in enumerate(array.letters) if m not in (one, two)]
    indices = [as_index(x) for x in array.letters]
    indices[one] = as_index(along) + max(-offset, 0)
    indices[two] = as_index(along) + max(offset, 0)
    return Array((*kept, along), array.at(indices), array.kind)


@implements("linalg.diagonal")
def diagonal_of_matrices(a: object, *, offset: int = 0) -> Array:
    return diagonal(a, offset, -2, -1)


@implements("diag")
def diag(a: object, k: int = 0) -> Array:
    array = as_array(a)
    if array.ndim not in (1, 2):
        raise NotationError(session().here("np.diag takes a vector or a matrix"))
    return diagonal(array, k) if array.ndim == 2 else _diagonal_matrix(pad(array, (max(-k, 0), max(k, 0))), k)


@implements("diagflat")
def diagflat(v: object, k: int = 0) -> Array:
    return diag(as_array(v).ravel(), k)


def _diagonal_matrix(array: Array, k: int) -> Array:
    row, column = (session().letter(array.sizes[0]) for _ in range(2))
    return Array(
        (row, column), mul(equal(as_index(column), as_index(row) + k), array.at([as_index(row)])), array.kind
    )


@implements("kron")
def kron(a: object, b: object) -> Any:
    ndim = max(as_array(a).ndim, as_array(b).ndim)
    one, two = (as_array(x)[(*(None,) * (ndim - as_array(x).ndim), ...)] for x in (a, b))
    blocks = one[(slice(None), None) * ndim] * two[(None, slice(None)) * ndim]
    return blocks.reshape([m * p for m, p in zip(one.shape, two.shape, strict=True)])


@implements("convolve")
def convolve(a: object, v: object, mode: str = "full") -> Array:
    signal, kernel = (as_array(x)[None] if not as_array(x).ndim else as_array(x) for x in (a, v))
    if signal.ndim != 1 or kernel.ndim != 1:
        raise NotationError(session().here("np.convolve takes two vectors"))
    if session().value(signal.sizes[0]) < session().value(kernel.sizes[0]):
        signal, kernel = kernel, signal
    (n,), (m,) = signal.sizes, kernel.sizes
    before = plus(m, -1)
    first = {"full": 0, "same": size_of(length(before) // 2), "valid": before}
    count = {"full": plus(n, before), "same": n, "valid": plus(n, times(before, -1))}
    if mode not in first:
        raise NotationError(session().here(f"np.convolve has the modes full, same and valid, not {mode!r}"))
    own, tap = session().letter(count[mode]), session().letter(m)
    place = as_index(own) - as_index(tap) + first[mode]
    outside: list[Node] = []
    if not place.certainly_at_least_zero():
        outside.append(Bracket(place, "≥", as_index(0)))
    if not place.certainly_below(n):
        outside.append(Bracket(place, "<", as_index(n)))
    return Array((own,), summed(mul(*outside, signal.at([place]), kernel.at([as_index(tap)])), [tap]))


@implements("correlate")
def correlate(a: object, v: object, mode: str = "valid") -> Array:
    return convolve(a, as_array(v)[::-1], mode)
