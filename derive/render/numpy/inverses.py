"""Inverses that only multiply: ``inv(A) @ v`` is ``solve(A, v)``, which is faster and loses fewer digits.

An inverse is kept where it is needed as a matrix, where it multiplies many things, and inside of loops.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace

from derive.definitions import Definition, Recurrence
from derive.nodes import Mul, Node, Over, Ref, Sum, Tensor, factors_of
from derive.program import Program
from derive.tree import key, map_children, pattern

__all__ = ["identity", "with_solved_systems"]

MOST = 3
"""How many different products an inverse may have that is not computed."""


def identity(node: Over) -> object:
    """What is the same for all entries of one inverse."""
    return pattern(Over(node.function, node.letters, node.arguments))


def with_solved_systems(program: Program) -> tuple[Program, frozenset[object]]:
    """The program with inverses written out that need no name then, and those for which systems are solved."""
    named = {d.tensor: d for d in program.items if isinstance(d, Definition) and _is_inverse(d.body)}
    uses: dict[object, set[object]] = defaultdict(set)
    kept: set[object] = set()
    for item in program.items:
        for d in item.members:
            if d.tensor in named:
                continue
            for entry, product in _entries(_written_out(d.body, named), None):
                if product is None or isinstance(item, Recurrence) or not _only_multiplies(entry, product):
                    kept.add(identity(entry))
                else:
                    uses[identity(entry)].add(pattern(product))
    kept |= {identity(d.body) for t, d in named.items() if t in program.outputs and isinstance(d.body, Over)}
    solved = frozenset(one for one, products in uses.items() if one not in kept and len(products) <= MOST)
    gone = {t: d for t, d in named.items() if isinstance(d.body, Over) and identity(d.body) in solved}
    return _without(program, gone), solved


def _without(program: Program, gone: dict[Tensor, Definition]) -> Program:
    """The program with some definitions written out where they are read."""
    if not gone:
        return program
    left = (item for item in program.items if not isinstance(item, Definition) or item.tensor not in gone)
    return replace(program, items=tuple(item.rewritten(lambda body: _written_out(body, gone)) for item in left))


def _written_out(node: Node, named: dict[Tensor, Definition]) -> Node:
    if node.tensors.isdisjoint(named):
        return node
    if isinstance(node, Ref) and node.tensor in named:
        return named[node.tensor].at(*node.indices)
    return map_children(node, lambda child: _written_out(child, named))


def _is_inverse(node: Node) -> bool:
    """Whether this is an entry of one inverse matrix, its indices two letters."""
    if not isinstance(node, Over) or node.function.name != "inverse" or len(node.at) != 2:
        return False
    row, column = (index.letter for index in node.at)
    return row is not None and column is not None and row is not column and len(node.free) == 2


def _entries(node: Node, product: Sum | None) -> Iterator[tuple[Over, Sum | None]]:
    """The entries of inverses below a node, each with the sum of products that it is a factor of."""
    if isinstance(node, Over) and node.function.name == "inverse":
        yield node, product
    inside = node if isinstance(node, Sum) else product if isinstance(node, Mul) else None
    for child in node.children():
        yield from _entries(child, inside)


def _only_multiplies(entry: Over, product: Sum) -> bool:
    """Whether an entry is summed over with a vector along one of its axes, or with a matrix that is summed to one."""
    if not _is_inverse(entry):
        return False
    others = [f for f in factors_of(product.body) if key(f) != key(entry)]
    touching = [f for f in others if not f.free.isdisjoint(entry.free & set(product.letters))]
    if any(len(f.free & entry.free) > 1 or isinstance(f, Over) for f in touching):
        return False
    free = Counter(x for f in others for x in f.free)
    alone = {x for x in product.letters if free[x] == 1 and x not in entry.free}
    return any(len(f.free - alone) == 1 for f in touching)
