"""The result of a derivation in the names of the forward pass: what was found on the way is put in its place.

A cotangent that the result reads once, or that is short, is inserted; one that is long and read again keeps its name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from derive.algebra import tidy
from derive.contraction import contract
from derive.definitions import Definition, needed_items
from derive.derivation import Chain, Derivation
from derive.identities import with_centred_sums
from derive.matching import insert, light, reads
from derive.nodes import Node, Tensor
from derive.program import Program
from derive.rules import Context
from derive.selections import with_selections
from derive.sweeps import Lines
from derive.tree import length
from derive.vocabulary import placed

__all__ = ["closed"]


def closed(derivation: Derivation, words: Sequence[Definition] = ()) -> Derivation:
    """The same derivation, the chains of its results carried on until they read what the forward pass names."""
    found = _found_on_the_way(derivation)
    results = {chain: _carried_on(chain, derivation, found, words) for chain in derivation.results}
    ends = {lines.start_name: lines for lines in results.values()}
    chains = tuple(results[c].chain_again(c) if c in results else c for c in derivation.chains)
    items = tuple(
        ends[item.tensor].redefine(item) if isinstance(item, Definition) and item.tensor in ends else item
        for item in derivation.derived.items
    )
    # the lines that carry a chain on may name what none before them did
    every = (*derivation.program.items, *(item for item in items if item not in derivation.program.items))
    kept = needed_items(placed(every, words), derivation.derived.outputs)
    return replace(derivation, chains=chains, derived=replace(derivation.derived, items=kept))


def _found_on_the_way(derivation: Derivation) -> dict[Tensor, Definition]:
    """The definitions that chains found, outside of recurrences, but for the results."""
    named = {chain.name.tensor for chain in derivation.chains if chain.name is not None}
    outputs = set(derivation.derived.outputs)
    items = [item for item in derivation.derived.items if isinstance(item, Definition)]
    readers = Counter(t for d in derivation.derived.definitions() for t in d.body.tensors)
    # what several results share has a name in all of them
    shared = {t for t, count in readers.items() if count > 1} if len(outputs) > 1 else set()
    return {
        d.tensor: d
        for d in items
        if d.tensor in named and d.tensor not in outputs and (d.tensor not in shared or light(d.body))
    }


class _Ending(Lines):
    """The lines that carry a chain on."""

    start_name: Tensor

    def chain_again(self, chain: Chain) -> Chain:
        return replace(chain, steps=tuple(self.steps))

    def redefine(self, definition: Definition) -> Definition:
        return self.defines(definition.tensor, definition.letters)


def _carried_on(
    chain: Chain, derivation: Derivation, found: dict[Tensor, Definition], words: Sequence[Definition]
) -> _Ending:
    context = Context(derivation.program, (*derivation.program.definitions(), *words))
    assert chain.name is not None
    assert isinstance(chain.start, Node)
    assert isinstance(chain.result, Node)
    lines = _Ending(chain.start, context, chain.within)
    lines.start_name = chain.name.tensor
    lines.steps, lines.now = list(chain.steps), chain.result
    lines.used = list(_definition(derivation.derived, chain.name.tensor).under)
    while (ready := _next(lines.now, found, context)) is not None:
        lines.insert(ready)
        lines.shorten()
    return lines


def _no_larger(node: Node, ready: Definition, context: Context) -> bool:
    """Whether an expression does not grow by what is put in the place of a name, for what cancels then.

    Where what cancels are sums over deviations from a mean, it may grow as if the name were read once.
    """
    made = tidy(contract(insert(node, ready)))
    made = with_selections(made, context.cases.definitions.values(), context.facts.moving)
    if length(made) <= length(node):
        return True
    short = with_centred_sums(made, context.named)
    return short is not made and length(short) < length(node) + length(ready.body)


def _definition(program: Program, tensor: Tensor) -> Definition:
    found = program.definition(tensor)
    assert found is not None
    return found


def _next(node: Node, found: dict[Tensor, Definition], context: Context) -> Definition | None:
    """The latest of what was found that is to stand in the place of its name."""
    latest = [d for t, d in found.items() if t in node.tensors]
    ready = (
        d for d in reversed(latest) if reads(node, d.tensor) == 1 or light(d.body) or _no_larger(node, d, context)
    )
    return next(ready, None)
