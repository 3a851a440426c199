"""Functions along an axis that do not see what is the same along it: ``argmin`` of distances, softmax of scores.

Such terms are left out of the arrays that these functions alone read: ``x[i] - 2 y[i,k]`` is
``-2 y[i,k]`` along ``k``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from derive.index import Letter
from derive.nodes import Add, Node, Number, Over, Ref, Tensor, factors_of, number, terms_of
from derive.notation import add, mul
from derive.program import Program
from derive.render.numpy.values import inner_tensors
from derive.terms import split_coefficient
from derive.tree import key, walk

__all__ = ["without_equal_terms"]

BLIND = ("argmax", "argmin", "softmax", "log_softmax")
"""Functions along axes that stay the same where their argument changes by a number."""

Axes = tuple[int, ...]


def without_equal_terms(program: Program) -> Program:
    """The program without the terms of arrays that change nothing of what is made of these."""
    blind: dict[Tensor, Axes] = {}
    for tensor in reversed(inner_tensors(program)):
        d = program.definition(tensor)
        axes = None if d is None else _along(program, tensor, blind)
        if d is None or axes is None:
            continue
        blind[tensor] = axes
        body = _seen(d.body, [d.letters[m] for m in axes])
        if key(body) != key(d.body) and body.free == frozenset(d.letters):
            items = (replace(item, body=body) if item is d else item for item in program.items)
            program = replace(program, items=tuple(items))
    return program


def _seen(node: Node, along: Sequence[Letter]) -> Node:
    """The sum of the terms of a node that are not the same along letters; numbers stay.

    A number may be the complement of a mask: ``-1e9 (1 - m)`` must not become ``1e9 m``, which drowns what it keeps.
    """
    scale, rest = split_coefficient(node)
    if isinstance(rest, Add):
        return mul(number(scale), add(*(_seen(t, along) for t in rest.terms)))
    equal = node.free.isdisjoint(along) and not isinstance(node, Number)
    return number(0) if equal and not _may_be_infinite(node) else node


def _may_be_infinite(term: Node) -> bool:
    """Whether infinity stands in a term: a row of nothing else is not as any other."""
    return any(isinstance(n, Number) and n.value.is_infinite for n in walk(term))


def _along(program: Program, tensor: Tensor, blind: Mapping[Tensor, Axes]) -> Axes | None:
    """The axes of a tensor along which all that reads it is blind; None where something is not."""
    found: list[Axes] = []
    reads = 0
    for d in program.definitions():
        nodes = list(walk(d.body)) if tensor in d.body.tensors else []
        reads += sum(isinstance(n, Ref) and n.tensor is tensor for n in nodes)
        found += [_axes(*pair) for n in nodes if (pair := _argument(n, tensor)) is not None]
        if d.tensor in blind and d in program.items:
            letters = tuple(d.letters[m] for m in blind[d.tensor])
            found += [_axes(read, letters) for t in terms_of(d.body) if (read := _term(t, tensor)) is not None]
    return found[0] if found and len(found) == reads and found[0] and len(set(found)) == 1 else None


def _argument(node: Node, tensor: Tensor) -> tuple[Ref, tuple[Letter, ...]] | None:
    """The entry of a tensor that a node is a blind function of, and the letters along which it is."""
    if not isinstance(node, Over) or node.function.name not in BLIND:
        return None
    (read, *_) = node.arguments
    return (read, node.letters) if isinstance(read, Ref) and read.tensor is tensor else None


def _term(term: Node, tensor: Tensor) -> Ref | None:
    """The entry of a tensor that a term is, times a number."""
    read = [f for f in factors_of(term) if f.free or not isinstance(f, Number)]
    return read[0] if len(read) == 1 and isinstance(read[0], Ref) and read[0].tensor is tensor else None


def _axes(read: Ref, letters: Sequence[Letter]) -> Axes:
    """The axes at which an entry is read at letters: all of them, or none where an index is something else."""
    plain = [index.letter for index in read.indices]
    if None in plain or len(set(plain)) < len(plain) or not set(letters) <= set(plain):
        return ()
    return tuple(m for m, x in enumerate(plain) if x in letters)
