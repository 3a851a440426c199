"""Matrices with scaled rows that meet vectors alone: ``Σ_a (s[i] J[i,a]) x[a]`` is ``J x``, scaled."""

from __future__ import annotations

from dataclasses import replace

from derive.definitions import Definition
from derive.nodes import Mul, Node, Ref, Sum, factors_of
from derive.program import Program
from derive.render.numpy.distribution import product_summed
from derive.render.numpy.values import inner_tensors
from derive.tree import map_children, rename_bound, walk

__all__ = ["without_scaled_matrices"]


def without_scaled_matrices(program: Program) -> Program:
    """The program without matrices that are another times vectors, where all that they meet are vectors."""
    for tensor in inner_tensors(program):
        d = program.definition(tensor)
        if d is None or not _is_scaled(d):
            continue
        reads = sum(_is_read(node, d) for other in program.definitions() for node in walk(other.body))
        plain = [item.body for item in program.items if isinstance(item, Definition)]
        if reads == sum(_meets_vectors(node, d) for body in plain for node in walk(body)):
            items = (
                replace(item, body=_spelled(item.body, d)) if isinstance(item, Definition) else item
                for item in program.items
                if item is not d
            )
            program = replace(program, items=tuple(items))
    return program


def _is_scaled(d: Definition) -> bool:
    """Whether a definition is a matrix that is there, times vectors."""
    whole = [f for f in factors_of(d.body) if f.free == frozenset(d.letters)]
    return isinstance(d.body, Mul) and len(d.letters) == 2 and len(whole) == 1 and isinstance(whole[0], Ref)


def _is_read(node: Node, d: Definition) -> bool:
    return isinstance(node, Ref) and node.tensor is d.tensor


def _meets_vectors(node: Node, d: Definition) -> bool:
    """Whether a sum is the product of the matrix with vectors."""
    if not isinstance(node, Sum):
        return False
    matrices = [f for f in factors_of(node.body) if _is_read(f, d)]
    vectors = [f for f in factors_of(node.body) if f not in matrices]
    plain = len(matrices) == 1 and len(matrices[0].free) == 2 and all(len(f.free) <= 1 for f in vectors)
    return plain and any(not f.free.isdisjoint(node.letters) for f in vectors)


def _spelled(node: Node, d: Definition) -> Node:
    node = map_children(node, lambda child: _spelled(child, d))
    if not isinstance(node, Sum) or not _meets_vectors(node, d):
        return node
    factors = [
        g
        for f in factors_of(node.body)
        for g in (factors_of(d.at(*f.indices)) if isinstance(f, Ref) and _is_read(f, d) else (f,))
    ]
    return rename_bound(product_summed(node.letters, factors))
