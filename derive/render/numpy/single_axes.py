"""Axes of arrays on the way along which nothing changes: those of length 1, and those of repeated arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive.definitions import Definition, Recurrence
from derive.index import as_index
from derive.nodes import Node, Ref, Tensor
from derive.program import Program
from derive.render.numpy.values import inner_tensors
from derive.tree import map_children, substitute

__all__ = ["without_repetition", "without_single_axes"]


def without_repetition(program: Program) -> Program:
    """The program without the axes along which what a definition says is the same, but for outputs."""
    for old in inner_tensors(program):
        d = program.definition(old)
        if d is not None and not set(d.letters) <= d.body.free:
            kept = [m for m, x in enumerate(d.letters) if x in d.body.free]
            tensor = Tensor(d.tensor.name, tuple(d.tensor.axes[m] for m in kept), role=d.tensor.role)
            thin = replace(d, tensor=tensor, letters=tuple(d.letters[m] for m in kept))
            items = (thin if item is d else _reading(item, d.tensor, tensor, kept) for item in program.items)
            program = replace(program, items=tuple(items))
    return program


def _reading(item: Definition | Recurrence, old: Tensor, new: Tensor, kept: Sequence[int]) -> Definition | Recurrence:
    """The item reading the kept axes of a tensor."""

    def read(node: Node) -> Node:
        node = map_children(node, read)
        if not isinstance(node, Ref) or node.tensor is not old:
            return node
        return Ref(new, tuple(node.indices[m] for m in kept))

    return item.rewritten(read)


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
    made = item.rewritten(lambda body: _read(body, thinner))
    if isinstance(made, Recurrence) or made.tensor not in thinner:
        return made
    single = {x: as_index(0) for x in made.letters if x.length == 1}
    letters = tuple(x for x in made.letters if x not in single)
    return replace(made, tensor=thinner[made.tensor], letters=letters, body=substitute(made.body, single))


def _read(node: Node, thinner: dict[Tensor, Tensor]) -> Node:
    """The node reading arrays without the axes that they have lost."""
    node = map_children(node, lambda child: _read(child, thinner))
    if not isinstance(node, Ref) or node.tensor not in thinner:
        return node
    kept = (index for index, axis in zip(node.indices, node.tensor.axes, strict=True) if axis != 1)
    return Ref(thinner[node.tensor], tuple(kept))
