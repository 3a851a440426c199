"""Values that are needed with their axes in two orders, or by several results, computed once.

``X @ W + b`` in one result and ``W.T @ X.T + b[:, None]`` in another are the same expression of other letters. The
largest such expression gets a definition. A product with a cotangent that several results read is called ``delta``.
What is written twice in the same way is found in the source, by ``block.shared``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from derive.definitions import Definition, Recurrence
from derive.functions import is_indicator
from derive.index import Letter
from derive.nodes import Apply, Bracket, Mul, Node, Number, Over, Ref, Sum, Tensor, factors_of
from derive.notation import mul
from derive.program import Program
from derive.render.numpy.values import defined, entry, names_of, reads_inside
from derive.tree import length, letters_of, map_children, pattern, walk

__all__ = ["with_shared_values"]

MOST = 12
"""How many values get a name."""
SHORT = {"inverse": "inv", "greater": "mask", "greater_equal": "mask"}
LARGEST = 4000
"""How many nodes a program may have that is searched."""


@dataclass(frozen=True, eq=False)
class _Place:
    """An expression in a definition, with its letters in the order in which it is met and as its axes stand there."""

    node: Node
    definition: Definition
    letters: tuple[Letter, ...]
    order: tuple[int, ...]


def with_shared_values(program: Program) -> Program:
    """The program with definitions of the values that it would compute with axes in different orders."""
    if sum(length(d.body) for d in program.definitions()) > LARGEST:
        return program
    for _ in range(MOST):
        found = _largest(program)
        if found is None:
            break
        program = _named(program, found)
    return program


def _largest(program: Program) -> list[_Place] | None:
    """The places of the largest expression that is to be shared."""
    places: dict[object, list[_Place]] = defaultdict(list)
    for d in program.items:
        if isinstance(d, Definition):
            for node, ranks in _candidates(d.body, {x: m for m, x in enumerate(d.letters)}):
                letters = letters_of(node)
                order = tuple(sorted(range(len(letters)), key=lambda m: ranks[letters[m]]))
                places[pattern(node)].append(_Place(node, d, letters, order))
    shared = [found for found in places.values() if _is_shared(found)]
    return max(shared, key=lambda found: length(found[0].node), default=None)


def _is_shared(places: Sequence[_Place]) -> bool:
    if len(places) < 2 or any(p.node is p.definition.body for p in places):
        return False
    several = len({p.definition.tensor for p in places}) > 1 and _has_cotangent(places[0].node)
    return several or len({p.order for p in places}) > 1


def _candidates(node: Node, ranks: Mapping[Letter, int]) -> Iterator[tuple[Node, dict[Letter, int]]]:
    """The expressions below a node that are worth a name, and where the axes of their letters would stand."""
    within = {**ranks}
    for x in node.bound():
        within[x] = len(within)
    if isinstance(node, Mul):
        yield from ((part, within) for part in _parts(node) if _is_worthwhile(part))
    elif _is_worthwhile(node):
        yield node, within
    for child in node.children():
        yield from _candidates(child, within)


def _parts(node: Mul) -> Iterator[Node]:
    """The products of those factors that have the same letters."""
    groups: dict[frozenset[Letter], list[Node]] = defaultdict(list)
    for f in node.factors:
        if not isinstance(f, (Number, Bracket)):
            groups[f.free].append(f)
    yield from (mul(*group) for group in groups.values() if len(group) > 1)


def _is_worthwhile(node: Node) -> bool:
    """Whether an expression takes time, has axes, and is read inside of its arrays whatever its letters are."""
    if isinstance(node, (Ref, Number, Bracket)) or is_indicator(node) or not node.free:
        return False
    takes_time = any(isinstance(n, (Sum, Over, Apply)) for n in walk(node))
    return (takes_time or _has_cotangent(node)) and reads_inside(node)


def _has_cotangent(node: Node) -> bool:
    return isinstance(node, Mul) and any(isinstance(f, Ref) and f.tensor.role == "cotangent" for f in node.factors)


def _named(program: Program, places: Sequence[_Place]) -> Program:
    """The program with a definition before the first place, and its tensor at all of them."""
    first = places[0]
    made = defined(_label(first.node), first.node, first.letters, names_of(program))
    wanted = pattern(first.node)
    items: list[Definition | Recurrence] = []
    for item in program.items:
        if item is first.definition:
            items.append(made)
        items.append(
            replace(item, body=_exchanged(item.body, wanted, made.tensor)) if isinstance(item, Definition) else item
        )
    return replace(program, items=tuple(items))


def _exchanged(node: Node, wanted: object, tensor: Tensor) -> Node:
    """The node with the tensor in the place of every expression of a pattern."""
    if isinstance(node, Mul):
        for part in _parts(node):
            if pattern(part) == wanted:
                inside = part.factors if isinstance(part, Mul) else (part,)
                at = node.factors.index(inside[0])
                rest = [f for f in node.factors if not any(f is g for g in inside)]
                made = mul(*rest[:at], entry(tensor, letters_of(part)), *rest[at:])
                return map_children(made, lambda child: _exchanged(child, wanted, tensor))
    elif not isinstance(node, (Ref, Number, Bracket)) and pattern(node) == wanted:
        return entry(tensor, letters_of(node))
    return map_children(node, lambda child: _exchanged(child, wanted, tensor))


def _label(node: Node) -> str:
    """A name for a value: that of its function with what it is of, or ``delta`` for a product with a cotangent."""
    if _has_cotangent(node):
        return "delta"
    if isinstance(node, Sum) and all(isinstance(f, Ref) for f in factors_of(node.body)):
        names = [f.tensor.name for f in factors_of(node.body) if isinstance(f, Ref)]
        return ("" if all(len(x) == 1 for x in names) else "_").join(names)
    read = next((n.tensor.name for n in walk(node) if isinstance(n, Ref)), "value")
    if not isinstance(node, (Apply, Over)):
        return f"{read}_term"
    return f"{SHORT.get(node.function.name, node.function.name)}_{read}"
