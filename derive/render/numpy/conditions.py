"""Conditions that need not be said: a factor is 0 already where they do not hold, ``[z > 0] relu(z)``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from derive.definitions import Definition, Recurrence
from derive.functions import is_guard
from derive.nodes import Apply, Bracket, Mul, Node, Pow, Ref, Tensor, factors_of
from derive.notation import mul
from derive.program import Program
from derive.render.numpy.exclusions import meaning, place_of
from derive.render.numpy.values import has_poles, with_poles
from derive.tree import key, map_children

__all__ = ["with_conditions_once"]


def with_conditions_once(program: Program) -> Program:
    """The program without conditions in products of which a factor is 0 already where they do not hold."""
    known: dict[Tensor, Definition] = {}
    infinite = with_poles(program)
    items: list[Definition | Recurrence] = []
    for item in program.items:
        if isinstance(item, Definition):
            item = replace(item, body=_without_repeated(item.body, known, infinite))
            if any(_nonzero_where(f) is not None for f in factors_of(item.body)):
                known[item.tensor] = item
        items.append(item)
    return replace(program, items=tuple(items))


def _without_repeated(node: Node, known: Mapping[Tensor, Definition], infinite: Collection[Tensor]) -> Node:
    node = map_children(node, lambda child: _without_repeated(child, known, infinite))
    if not isinstance(node, Mul) or has_poles(node, infinite):
        return node
    entries = [e for f in node.factors if isinstance(e := f.base if isinstance(f, Pow) else f, Ref)]
    bodies = [known[e.tensor].at(*e.indices) for e in entries if e.tensor in known]
    said = {_nonzero_where(f) for body in bodies for f in factors_of(body)} - {None}
    return mul(*(f for f in node.factors if not is_guard(f) or _nonzero_where(f) not in said)) if said else node


def _nonzero_where(factor: Node) -> object:
    """Where a factor is not 0: entries that are not left out, or a positive argument; None for any other factor."""
    if isinstance(factor, Bracket) and place_of(factor) is not None:
        return meaning(factor)
    if isinstance(factor, Apply) and factor.function.name == "relu":
        return "positive", key(factor.arguments[0])
    if isinstance(factor, Apply) and factor.function.name == "greater":
        larger, smaller = factor.arguments
        return "positive", key(larger - smaller)
    return None
