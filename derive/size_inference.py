"""The sizes of letters, from the axes of the tensors that they index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from derive.errors import NotationError
from derive.index import Letter
from derive.nodes import Node, Over, Ref, Tensor, entry_text, shape_text
from derive.size_algebra import Size
from derive.tree import walk

__all__ = ["Equation", "infer_sizes"]

# The size of a letter, and the place that says so.
Found = dict[Letter, tuple[Size, str]]


class Equation(NamedTuple):
    """A definition whose sizes are not known yet: ``left`` as it was written, ``letters`` those of its ``body``."""

    left: Ref
    letters: tuple[Letter, ...]
    body: Node


def infer_sizes(equations: Sequence[Equation]) -> None:
    """Give every letter of equations that belong together its size.

    Raises: NotationError for a letter with two sizes, naming both places, and for one with none.
    """
    found: Found = {}
    shapes = {left.tensor: letters for left, letters, _ in equations}
    for left, letters, _ in equations:
        for one in letters:
            if one.size is not None:
                found[one] = (one.size, f"its declaration in {entry_text(left)}")
    changed = True
    while changed:
        changed = False
        for left, _, body in equations:
            for node in walk(body):
                if isinstance(node, Ref):
                    changed |= _infer(node, shapes, found, left)
                if isinstance(node, Over):
                    changed |= _infer_at(node, found, left)
    for left, letters, body in equations:
        for one in (*letters, *(x for node in walk(body) for x in node.bound())):
            if one.size is None:
                if one not in found:
                    raise NotationError(
                        f"the size of index {one.name!r} in {entry_text(left)} cannot be inferred: "
                        f"declare letter({one.name!r}, size)"
                    )
                one.size = found[one][0]


def _infer(node: Ref, shapes: Mapping[Tensor, tuple[Letter, ...]], found: Found, left: Ref) -> bool:
    """Sizes of the letters that index a tensor plainly; whether something new was learnt."""
    axes: tuple[Size | None, ...]
    if node.tensor in shapes:
        axes = tuple(found[x][0] if x in found else None for x in shapes[node.tensor])
    else:
        axes = node.tensor.axes
    if len(axes) != len(node.indices):
        raise NotationError(
            f"{node.tensor.name!r} has {len(axes)} axes but is written {entry_text(node)} "
            f"in the definition of {entry_text(left)}"
        )
    learnt = False
    for position, (axis, index) in enumerate(zip(axes, node.indices, strict=True)):
        one = index.letter
        if one is None or axis is None:
            continue
        place = f"axis {position} of {entry_text(node)}"
        if node.tensor not in shapes:
            place += f" (shape {shape_text(node.tensor.axes)})"
        if one.size is not None and one not in found:
            found[one] = (one.size, "its declaration")
        if one not in found:
            found[one] = (axis, place)
            learnt = True
        elif found[one][0] != axis and one.size is None:
            size, elsewhere = found[one]
            raise NotationError(
                f"index {one.name!r} has two sizes in the definition of {entry_text(left)}: "
                f"{size} by {elsewhere}, {axis} by {place}"
            )
    return learnt


def _infer_at(node: Over, found: Found, left: Ref) -> bool:
    """Sizes of the letters that index the value of a function along axes; whether something new was learnt."""
    free = node.function.at - len(node.function.outputs)
    along = tuple(found[x][0] if x in found else x.size for x in node.letters)
    axes = (*node.function.outputs, *(along if len(along) == free else along[:1] * free))
    learnt = False
    for axis, index in zip(axes, node.at, strict=True):
        one = index.letter
        if one is None or axis is None:
            continue
        place = f"an axis of {node.function.name}"
        if one not in found:
            found[one] = (one.size, "its declaration") if one.size is not None else (axis, place)
            learnt = True
        if found[one][0] != axis:
            raise NotationError(
                f"index {one.name!r} has two sizes in the definition of {entry_text(left)}: "
                f"{found[one][0]} by {found[one][1]}, {axis} by {place}"
            )
    return learnt
