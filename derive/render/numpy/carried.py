"""Numbers that scale an array are carried to where another number does: ``(a P / Q) / b`` is ``(P / Q) (a / b)``.

They are carried through all that is made of the array alone and is scaled as the array is.
"""

from __future__ import annotations

from dataclasses import replace

from derive.definitions import Definition, Recurrence
from derive.nodes import Add, Mul, Node, Number, Ref, Sum, Tensor, factors_of
from derive.notation import mul
from derive.program import Program
from derive.render.numpy.values import inner_tensors
from derive.tree import map_children, walk

__all__ = ["with_numbers_carried"]


def with_numbers_carried(program: Program) -> Program:
    """The program with each scaled array without its scale, where something is made of it that has one, too."""
    for tensor in inner_tensors(program):
        d = program.definition(tensor)
        scale = [] if d is None else _scale(d)
        way = _way(program, d) if d is not None and scale else []
        if d is None or not way:
            continue
        program = _without_scale(program, d, scale, way[-1])
    return program


def _without_scale(program: Program, d: Definition, scale: list[Node], last: Definition) -> Program:
    """The program with the scale of one definition as that of the last of those that are made of it."""
    plain = replace(d, body=mul(*(f for f in factors_of(d.body) if f not in scale)))

    def written(node: Node) -> Node:
        node = map_children(node, written)
        return plain.at(*node.indices) if isinstance(node, Ref) and node.tensor is d.tensor else node

    items: list[Definition | Recurrence] = []
    is_name = isinstance(plain.body, Ref)
    for item in program.items:
        if isinstance(item, Definition):
            body = plain.body if item is d else mul(*scale, item.body) if item is last else item.body
            item = replace(item, body=written(body) if is_name else body)
        if not (is_name and isinstance(item, Definition) and item.tensor is d.tensor):
            items.append(item)
    return replace(program, items=tuple(items))


def _scale(d: Definition) -> list[Node]:
    """The factors of an array that are one number for all entries, but for numbers that stand there."""
    factors = factors_of(d.body)
    scale = [f for f in factors if not f.free and not isinstance(f, Number)]
    return scale if d.letters and len(scale) < len(factors) else []


def _way(program: Program, d: Definition) -> list[Definition]:
    """What is made of a tensor, and of that, up to what has a scale or fewer axes; nothing where none has."""
    way: list[Definition] = []
    lengths = {x.size for x in d.letters}
    while True:
        last = way[-1] if way else d
        readers = [one for one in program.definitions() if last.tensor in one.body.tensors]
        if len(readers) != 1 or readers[0] not in program.items:
            return []
        (reader,) = readers
        small = len(reader.letters) <= len(d.letters) and {x.size for x in reader.letters} <= lengths
        if reader.tensor in program.outputs or not small or not _is_scaled(reader.body, last.tensor):
            return []
        way.append(reader)
        if _scale(reader) or len(reader.letters) < len(d.letters):
            return way


def _is_scaled(node: Node, tensor: Tensor) -> bool:
    """Whether a node is scaled as a tensor is."""
    match node:
        case Ref():
            return node.tensor is tensor
        case Sum():
            return _is_scaled(node.body, tensor)
        case Add():
            return all(_is_scaled(t, tensor) for t in node.terms)
        case Mul():
            reading = [f for f in node.factors if any(isinstance(n, Ref) and n.tensor is tensor for n in walk(f))]
            return len(reading) == 1 and _is_scaled(reading[0], tensor)
    return False
