"""Axes of length 1 of arrays on the way: ``keepdims=True`` leaves them, and nothing is gained by keeping them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.definitions import Definition, Recurrence
from derive.index import as_index
from derive.nodes import Node, Ref, Tensor
from derive.program import Program
from derive.tree import map_children, substitute

__all__ = ["without_single_axes"]


def without_single_axes(*programs: Program) -> tuple[Program, ...]:
    """The programs without the axes of length 1 of what they define, but for outputs and members of recurrences.

    What several of the programs define is one tensor in all of them.
    """
    thinner: dict[Tensor, Tensor] = {}
    for d in (d for program in programs for d in _with_single_axes(program)):
        axes = tuple(axis for axis in d.tensor.axes if axis != 1)
        thinner[d.tensor] = Tensor(d.tensor.name, axes, primal=d.tensor.primal, role=d.tensor.role)
    if not thinner:
        return programs
    return tuple(replace(p, items=tuple(_thin(item, thinner) for item in p.items)) for p in programs)


def _with_single_axes(program: Program) -> Iterator[Definition]:
    for item in program.items:
        if isinstance(item, Definition) and 1 in item.tensor.axes and item.tensor not in program.outputs:
            yield item


def _thin(item: Definition | Recurrence, thinner: dict[Tensor, Tensor]) -> Definition | Recurrence:
    if isinstance(item, Recurrence):
        return replace(item, members=tuple(replace(d, body=_read(d.body, thinner)) for d in item.members))
    body = _read(item.body, thinner)
    if item.tensor not in thinner:
        return replace(item, body=body)
    single = {x: as_index(0) for x in item.letters if x.length == 1}
    letters = tuple(x for x in item.letters if x not in single)
    return replace(item, tensor=thinner[item.tensor], letters=letters, body=substitute(body, single))


def _read(node: Node, thinner: dict[Tensor, Tensor]) -> Node:
    """The node reading arrays without the axes that they have lost."""
    node = map_children(node, lambda child: _read(child, thinner))
    if not isinstance(node, Ref) or node.tensor not in thinner:
        return node
    kept = (index for index, axis in zip(node.indices, node.tensor.axes, strict=True) if axis != 1)
    return Ref(thinner[node.tensor], tuple(kept))
