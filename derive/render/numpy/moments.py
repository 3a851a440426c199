"""Standardised arrays beside their standard deviations: both are made of the centred array, which is made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard

from derive.definitions import Definition, Recurrence
from derive.functions import sqrt
from derive.index import Index, Letter, as_index
from derive.nodes import Node, Over, Ref, Sum, Tensor, factors_of
from derive.notation import mean
from derive.over_axes import argument_at, deviation_of, is_known, summation_letters
from derive.program import Program
from derive.render.numpy.values import defined, entry, names_of
from derive.tree import letters_of, map_children, pattern, walk

__all__ = ["with_moments"]


def with_moments(program: Program) -> Program:
    """The program with a definition of every centred array that is standardised, where its deviation is read, too."""
    program = _with_deviations(_scaled_once(program))
    while (found := _deviation(program)) is not None:
        program = _Moments(program, found).program
    return program


def _scaled_once(program: Program) -> Program:
    """The program with a deviation that divides a sum, not every entry of an array that this sum alone reads."""
    for d in program.items:
        if not isinstance(d, Definition) or not _is(d.body, "standardise") or d.tensor in program.outputs:
            continue
        reading = [n for other in program.definitions() for n in walk(other.body) if _reads(n, d.tensor)]
        plain = [item for item in program.items if isinstance(item, Definition)]
        sums = [n for item in plain for n in walk(item.body) if _is_sum_of(n, d)]
        if len(reading) != 1 or len(sums) != 1:
            continue
        std = deviation_of(d.body)
        deviation = defined(f"{d.tensor.name}_std", std, letters_of(std), names_of(program))
        items: list[Definition | Recurrence] = []
        for item in program.items:
            if item is d:
                items.append(deviation)
            else:
                items.append(replace(item, body=_at(item.body, d)) if isinstance(item, Definition) else item)
        return _scaled_once(replace(program, items=tuple(items)))
    return program


def _reads(node: Node, tensor: Tensor) -> TypeGuard[Ref]:
    return isinstance(node, Ref) and node.tensor is tensor


def _is_sum_of(node: Node, d: Definition) -> bool:
    """Whether a node sums products with an array along those of its axes along which it is standardised."""
    if not isinstance(node, Sum):
        return False
    read = next((f for f in factors_of(node.body) if _reads(f, d.tensor)), None)
    letters = [] if read is None else [index.letter for index in read.indices]
    if None in letters or not letters or len(set(letters)) < len(letters):
        return False
    assert isinstance(d.body, Over)
    along = {letters[d.letters.index(x)] for x in (index.letter for index in d.body.at) if x in d.letters}
    return len(along) == len(d.body.letters) and along == set(node.letters) & set(letters)


def _at(node: Node, d: Definition) -> Node:
    """The node with what an array is made of in the place of its entries."""
    if _reads(node, d.tensor):
        return d.at(*node.indices)
    return map_children(node, lambda child: _at(child, d))


def _with_deviations(program: Program) -> Program:
    """The program with a name for every standard deviation that is read beside what is standardised by it."""
    plain = [d for d in program.items if isinstance(d, Definition)]
    wanted = {pattern(deviation_of(n)) for d in plain for n in walk(d.body) if _is(n, "standardise")}
    named = {pattern(d.body) for d in plain if _is(d.body, "std")}
    known: dict[object, Definition] = {}
    taken = names_of(program)

    def written(node: Node) -> Node:
        node = map_children(node, written)
        if not _is(node, "std") or pattern(node) not in wanted - named:
            return node
        own, letters = pattern(node), letters_of(node)
        label = next((n.tensor.name for n in walk(node) if isinstance(n, Ref)), "values")
        if own not in known:
            known[own] = defined(f"{label}_std", node, letters, taken)
        return entry(known[own].tensor, letters)

    items: list[Definition | Recurrence] = []
    for item in program.items:
        if isinstance(item, Definition):
            item = replace(item, body=written(item.body))
        items.append(item)
    for own, deviation in known.items():
        first = next(m for m, d in enumerate(items) if isinstance(d, Definition) and _meets(d, own, deviation.tensor))
        items.insert(first, deviation)
    return replace(program, items=tuple(items))


def _meets(d: Definition, deviation: object, named: Tensor) -> bool:
    """Whether a definition standardises by a deviation, or reads it by its name."""
    standardised = (n for n in walk(d.body) if _is(n, "standardise"))
    return named in d.body.tensors or any(pattern(deviation_of(n)) == deviation for n in standardised)


def _deviation(program: Program) -> Definition | None:
    """The definition of a standard deviation by which an array is standardised after it."""
    defined_before: dict[object, Definition] = {}
    for d in program.items:
        if isinstance(d, Definition):
            for node in walk(d.body):
                if (
                    _is(node, "standardise")
                    and (known := defined_before.get(pattern(deviation_of(node)))) is not None
                ):
                    return known
            if _is(d.body, "std"):
                defined_before[pattern(d.body)] = d
    return None


def _is(node: Node, name: str) -> TypeGuard[Over]:
    return isinstance(node, Over) and node.function.name == name and is_known(node.function)


class _Moments:
    """The program with one centred array, whose definition stands before that of its standard deviation."""

    def __init__(self, program: Program, deviation: Definition) -> None:
        self.deviation = deviation
        std = deviation.body
        assert isinstance(std, Over)
        self.wanted = pattern(std)
        self.along, self.outer = std.letters, letters_of(std)
        argument = std.arguments[0]
        self.order = letters_of(argument)
        own = summation_letters(std)
        middle = mean(*own, argument_at(std, *own))
        name = next((n.tensor.name for n in walk(argument) if isinstance(n, Ref)), "values")
        self.centred = defined(f"{name}_centred", argument - middle, self.order, names_of(program))
        place = program.items.index(deviation)
        after = [
            replace(d, body=self.written(d.body)) if isinstance(d, Definition) else d for d in program.items[place:]
        ]
        self.program = replace(program, items=(*program.items[:place], self.centred, *after))

    def written(self, node: Node) -> Node:
        """The node with what is made of the centred array as it is made of it."""
        node = map_children(node, self.written)
        if _is(node, "std") and pattern(node) == self.wanted:
            own = summation_letters(node)
            return sqrt(mean(*own, self.entry(node, own) ** 2) + node.arguments[1])
        if _is(node, "standardise") and pattern(std := deviation_of(node)) == self.wanted:
            axes = dict(zip(self.outer, letters_of(std), strict=True))
            return self.entry(std, node.at) / self.deviation.tensor[tuple(axes[x] for x in self.deviation.letters)]
        return node

    def entry(self, std: Over, at: Sequence[Letter | Index]) -> Ref:
        """The centred entry at these indices of what a standard deviation is of."""
        outer = map(as_index, letters_of(std))
        indices = dict(zip((*self.outer, *self.along), (*outer, *map(as_index, at)), strict=True))
        return Ref(self.centred.tensor, tuple(indices[x] for x in self.order))
