"""Arrays of several shapes as arrays of one.

The most important function is ``together``: letters for the shape that arrays broadcast to, and every array there.
"""

from __future__ import annotations

from collections.abc import Sequence

from derive.errors import NotationError
from derive.index import Letter, as_index
from derive.nodes import ZERO, Node, is_zero, shape_text
from derive.notation import add, equal, mul
from derive.size_algebra import Size
from derive.tracing.arrays import Array, joint_kind
from derive.tracing.session import session

__all__ = ["broadcast", "fitted", "spread", "stacked", "together"]


def together(*arrays: Array) -> tuple[tuple[Letter, ...], list[Node]]:
    """Letters for the shape that the arrays broadcast to, and the entry of each array there.

    Raises: NotationError where the shapes do not fit.
    """
    letters = tuple(session().letter(size) for size in broadcast([a.sizes for a in arrays]))
    return letters, [spread(a, letters) for a in arrays]


def spread(array: Array, letters: Sequence[Letter]) -> Node:
    """The entry of an array where its last axes are at these letters; axes of length 1 are repeated."""
    own = letters[len(letters) - array.ndim :]
    pairs = zip(array.sizes, own, strict=True)
    return array.at([as_index(0) if size == 1 and x.length != 1 else as_index(x) for size, x in pairs])


def broadcast(shapes: Sequence[Sequence[Size]]) -> tuple[Size, ...]:
    """The shape that shapes broadcast to."""
    found: list[Size] = []
    for m in range(max(map(len, shapes), default=0), 0, -1):
        sizes = [shape[-m] for shape in shapes if len(shape) >= m and shape[-m] != 1]
        if any(size != sizes[0] for size in sizes[1:]):
            listed = " and ".join(shape_text(shape) for shape in shapes)
            raise NotationError(session().here(f"shapes {listed} do not broadcast together"))
        found.append(sizes[0] if sizes else 1)
    return tuple(found)


def fitted(array: Array, ndim: int) -> Array:
    """An array that is written to one of so many axes: more than these it has where their length is 1."""
    while array.ndim > ndim and array.sizes[0] == 1:
        array = array[0]
    return array


def stacked(arrays: Sequence[Array], place: int) -> Array:
    """Arrays of one shape along a new axis. Raises: NotationError where the shapes differ."""
    for array in arrays:
        if array.sizes != arrays[0].sizes:
            listed = " and ".join(shape_text(a.sizes) for a in (arrays[0], array))
            raise NotationError(session().here(f"arrays of the shapes {listed} are no array together"))
    letters = [session().letter(size) for size in arrays[0].sizes]
    which = session().letter(len(arrays))
    if len(arrays) == 1:
        body = spread(arrays[0], letters)
    else:
        terms = [mul(equal(which, m), spread(a, letters)) for m, a in enumerate(arrays)]
        live = [term for term in terms if not is_zero(term)]
        body = add(*live) if live else ZERO
    return Array([*letters[:place], which, *letters[place:]], body, joint_kind(arrays))
