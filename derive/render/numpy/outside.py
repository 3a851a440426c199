"""Factors that sums do not run over stand outside: ``Σ_j G[i,j] (X[i,j] s[i])`` is ``s[i] Σ_j G[i,j] X[i,j]``.

An array that is another times such factors is then not made, where sums alone read it, or not copied where its
diagonal is changed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from derive.definitions import Definition, Recurrence
from derive.index import Letter
from derive.nodes import Add, Bracket, Mul, Node, Number, Ref, Sum, Tensor, factors_of
from derive.notation import mul
from derive.program import Program
from derive.render.numpy.values import defined, inner_tensors, names_of, reads_inside
from derive.tree import map_children, rename_bound, walk

__all__ = ["with_factors_outside"]


def with_factors_outside(program: Program) -> Program:
    """The program without products that sums alone read, whose factors of fewer axes these do not run over."""
    for tensor in inner_tensors(program):
        d = program.definition(tensor)
        if d is None or not isinstance(d.body, Mul) or not reads_inside(d.body):
            continue
        reads = sum(_is_read(node, tensor) for other in program.definitions() for node in walk(other.body))
        plain = [item.body for item in program.items if isinstance(item, Definition)]
        sums = [n for body in plain for n in walk(body) if _takes(n, d, once=reads == 1)]
        totals = isinstance(_divided(d)[0], Ref) and not any(n.free for n in sums)
        if sums and (len(sums) == reads or (totals and len(sums) == reads - 1 and _is_changed(plain, tensor))):
            program = _without(program, d, kept=len(sums) < reads)
    return program


def _divided(d: Definition) -> tuple[Node, list[Node]]:
    """The factors of a definition that have all of its letters, as one, and the others."""
    every = frozenset(d.letters)
    factors = factors_of(d.body)
    return mul(*(f for f in factors if f.free == every)), [f for f in factors if f.free != every]


def _is_read(node: Node, tensor: Tensor) -> bool:
    return isinstance(node, Ref) and node.tensor is tensor


def _takes(node: Node, d: Definition, *, once: bool) -> bool:
    """Whether a node sums products with an entry of a tensor of which factors stand outside of what is summed first.

    All of them must, unless the tensor is read ``once`` and is another times factors.
    """
    if not isinstance(node, Sum):
        return False
    entries = [f for f in factors_of(node.body) if _is_read(f, d.tensor)]
    if len(entries) != 1 or sum(_is_read(n, d.tensor) for n in walk(node.body)) != 1:
        return False
    (read,) = entries
    assert isinstance(read, Ref)
    letters = [index.letter for index in read.indices]
    if None in letters or len(set(letters)) < len(letters):
        return False
    others = [f.free for f in factors_of(node.body) if f is not read]
    over = frozenset(x for x in letters if x in node.letters)
    first = over.difference(*(free for free in others if not over <= free))
    left = frozenset(letters).union(*(free for free in others if not free.isdisjoint(first))) - first
    whole, rest = _divided(d)
    at = dict(zip(d.letters, letters, strict=True))
    free = [{at.get(x) for x in f.free} for f in rest if not isinstance(f, Number)]
    some = any(x.isdisjoint(first) for x in free)
    every = all(x.isdisjoint(over) for x in free) and bool(whole.free)
    if not first or not (len(left) < len(letters) or _is_square(d, left)):
        return False
    return some and (every or (once and isinstance(whole, Ref)))


def _is_square(d: Definition, left: Collection[Letter | None]) -> bool:
    """Whether all axes of a tensor are as long, but not all of what is left of it in a sum."""
    lengths = {x.size for x in d.letters}
    return len(d.letters) > 1 and len(lengths) == 1 and any(x is not None and x.size not in lengths for x in left)


def _is_changed(bodies: Sequence[Node], tensor: Tensor) -> bool:
    """Whether something is added to the diagonal of a tensor: what nothing else reads is changed in place."""
    return any(
        isinstance(n, Add) and any(_is_read(t, tensor) for t in n.terms) and any(map(_is_diagonal, n.terms))
        for body in bodies
        for n in walk(body)
    )


def _is_diagonal(term: Node) -> bool:
    return any(isinstance(f, Bracket) and f.relation == "=" and len(f.free) == 2 for f in factors_of(term))


def _without(program: Program, d: Definition, *, kept: bool) -> Program:
    """The program with the other factors where a tensor is read, and without it if it is another times these."""
    whole, rest = _divided(d)
    thin = None
    if not isinstance(whole, Ref):
        thin = defined(f"{d.tensor.name}_part", whole, d.letters, names_of(program))

    def written(node: Node) -> Node:
        node = map_children(node, written)
        if not isinstance(node, Sum) or not any(_is_read(f, d.tensor) for f in factors_of(node.body)):
            return node
        factors: list[Node] = []
        for f in factors_of(node.body):
            if isinstance(f, Ref) and _is_read(f, d.tensor):
                outer = replace(d, body=mul(*rest)).at(*f.indices)
                factors += factors_of(d.at(*f.indices) if thin is None else mul(outer, Ref(thin.tensor, f.indices)))
            else:
                factors.append(f)
        return rename_bound(_summed(node.letters, factors))

    items: list[Definition | Recurrence] = []
    for item in program.items:
        if item is not d:
            items.append(replace(item, body=written(item.body)) if isinstance(item, Definition) else item)
        elif kept or thin is not None:
            items.append(thin or d)
    return replace(program, items=tuple(items))


def _summed(letters: tuple[Letter, ...], factors: list[Node]) -> Node:
    """The sum with the factors that it does not run over in front."""
    outside = [f for f in factors if f.free.isdisjoint(letters)]
    return mul(*outside, Sum(*letters, mul(*(f for f in factors if f not in outside))))
