"""Tensors that are the same when two of their axes are exchanged: every entry is read with its indices in one order.

``D[i,a]`` and ``D[a,i]`` of squared distances are then one array, not an array and its transpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from derive.definitions import Definition
from derive.index import Letter
from derive.nodes import Node, Ref, Tensor
from derive.program import Program
from derive.tree import key, map_children, substitute

__all__ = ["with_symmetry"]


def with_symmetry(program: Program) -> Program:
    """The program with entries of symmetric matrices in one order."""
    symmetric: set[Tensor] = set()
    items = []
    for item in program.items:
        if isinstance(item, Definition):
            item = replace(item, body=_in_order(item.body, symmetric, {x: m for m, x in enumerate(item.letters)}))
            if _is_symmetric(item, symmetric):
                symmetric.add(item.tensor)
        items.append(item)
    return replace(program, items=tuple(items))


def _is_symmetric(d: Definition, symmetric: set[Tensor]) -> bool:
    if len(d.letters) != 2 or d.letters[0].size != d.letters[1].size:
        return False
    a, b = d.letters
    turned = _in_order(substitute(d.body, {a: b, b: a}), symmetric, {a: 0, b: 1})
    return key(turned) == key(d.body)


def _in_order(node: Node, symmetric: set[Tensor], ranks: Mapping[Letter | None, int]) -> Node:
    """The node with both letters of a symmetric entry in the order of these ranks."""
    if node.tensors.isdisjoint(symmetric):
        return node
    if isinstance(node, Ref) and node.tensor in symmetric:
        a, b = (index.letter for index in node.indices)
        if a in ranks and b in ranks and ranks[b] < ranks[a]:
            return Ref(node.tensor, node.indices[::-1])
        return node
    bound = node.bound()
    inner: Mapping[Letter | None, int] = (
        {**ranks, **{x: len(ranks) + m for m, x in enumerate(bound)}} if bound else ranks
    )
    return map_children(node, lambda child: _in_order(child, symmetric, inner))
