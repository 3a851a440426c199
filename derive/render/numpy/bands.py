"""Tensors of which a diagonal is read alone, ``p[i,i-1]``: what they are is computed for that diagonal only."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from derive.definitions import Definition, Recurrence
from derive.index import Letter
from derive.nodes import Node, Ref
from derive.program import Program
from derive.render.numpy.values import inner_tensors
from derive.tree import map_children, walk

__all__ = ["with_bands"]


def with_bands(program: Program) -> Program:
    """The program without the tensors of which diagonals alone are read; their bodies stand where they were read."""
    for tensor in inner_tensors(program):
        d = program.definition(tensor)
        if d is None or len(d.letters) < 2:
            continue
        repeated = [m for item in program.items if isinstance(item, Recurrence) for m in item.members]
        reads = [n for other in program.definitions() for n in walk(other.body) if _reads(n, d)]
        if all(map(_is_diagonal, reads)) and not any(_reads(n, d) for m in repeated for n in walk(m.body)):
            items = (
                replace(item, body=_spelled(item.body, d)) if isinstance(item, Definition) else item
                for item in program.items
                if item is not d
            )
            program = replace(program, items=tuple(items))
    return program


def _reads(node: Node, d: Definition) -> bool:
    return isinstance(node, Ref) and node.tensor is d.tensor


def _is_diagonal(entry: Node) -> bool:
    """Whether two indices of an entry move together, each by one letter."""
    moving = [{a for a, _ in i.terms} for i in entry.indices if i.free] if isinstance(entry, Ref) else []
    plain = all(len(atoms) == 1 and all(isinstance(a, Letter) for a in atoms) for atoms in moving)
    return plain and any(a == b for a, b in combinations(moving, 2))


def _spelled(node: Node, d: Definition) -> Node:
    """The node with the body of a definition where it is read."""
    node = map_children(node, lambda child: _spelled(child, d))
    return d.at(*node.indices) if isinstance(node, Ref) and node.tensor is d.tensor else node
