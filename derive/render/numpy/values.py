"""Values inside of expressions that get a definition of their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from derive.definitions import Definition
from derive.index import Letter, as_index, fresh
from derive.nodes import Apply, Node, Number, Over, Pow, Ref, Tensor
from derive.program import Program
from derive.tree import substitute, walk

__all__ = [
    "defined",
    "entry",
    "has_poles",
    "inner_tensors",
    "names_of",
    "reads_inside",
    "rewritten",
    "with_poles",
]


BOUNDED = frozenset({"sigmoid", "tanh", "softmax", "max", "min", "abs", "where", "greater", "greater_equal", "relu"})
"""Functions whose values are finite where their arguments are."""


def names_of(program: Program) -> set[str]:
    """The names that are taken."""
    return {t.name for t in (*program.inputs, *(d.tensor for d in program.definitions()))}


def inner_tensors(program: Program) -> list[Tensor]:
    """The tensors that are defined by themselves, and are no outputs."""
    return [d.tensor for d in program.items if isinstance(d, Definition) and d.tensor not in program.outputs]


def defined(label: str, node: Node, letters: Sequence[Letter], taken: set[str]) -> Definition:
    """A definition of a value with axes for these letters, its name added to those that are taken."""
    name, count = label, 1
    while name in taken:
        count += 1
        name = f"{label}_{count}"
    taken.add(name)
    own = fresh(letters)
    tensor = Tensor(name, tuple(x.length for x in letters))
    return Definition(tensor, tuple(own.values()), substitute(node, own))


def entry(tensor: Tensor, letters: Sequence[Letter]) -> Ref:
    """The entry of a tensor at letters."""
    return Ref(tensor, tuple(map(as_index, letters)))


def reads_inside(node: Node) -> bool:
    """Whether everything is read inside of its axes, whatever brackets say."""
    return all(
        index.certainly_at_least_zero() and index.certainly_below(axis)
        for below in walk(node)
        if isinstance(below, Ref)
        for index, axis in zip(below.indices, below.tensor.axes, strict=True)
    )


def with_poles(program: Program) -> set[Tensor]:
    """The tensors whose entries may be infinite."""
    found: set[Tensor] = set()
    for item in program.items:
        if not isinstance(item, Definition):
            found.update(d.tensor for d in item.members)
        elif has_poles(item.body, found):
            found.add(item.tensor)
    return found


def has_poles(node: Node, infinite: Collection[Tensor]) -> bool:
    """Whether a value may be infinite, as quotients are, or reads what may be."""
    if isinstance(node, Pow):
        poles = not isinstance(node.exponent, Number) or not node.exponent.value.is_positive
    elif isinstance(node, (Apply, Over)):
        poles = node.function.name not in BOUNDED
    else:
        poles = isinstance(node, Ref) and node.tensor in infinite
    return poles or any(has_poles(child, infinite) for child in node.children())


def rewritten(program: Program, change: Callable[[Node], Node], *, recurrences: bool = False) -> Program:
    """The program with the bodies of its definitions changed, of those in recurrences if that is asked for."""
    items = (
        item.rewritten(change) if recurrences or isinstance(item, Definition) else item for item in program.items
    )
    return replace(program, items=tuple(items))
