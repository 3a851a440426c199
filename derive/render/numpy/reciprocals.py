"""Powers of what is divided by, as of the quotient that is there: with ``K = 1 / D``, ``G / D**2`` is ``G K**2``.

Where the quotient leaves a diagonal out, ``K[i,j] = [i ≠ j] / D[i,j]``, so must the product: by the same bracket,
or by a difference, ``Y[i] - Y[j]``, which is zero there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from derive.definitions import Definition, Recurrence
from derive.matching import match
from derive.nodes import Add, Bracket, Mul, Node, Number, Pow, Ref, factors_of, number
from derive.notation import mul, power
from derive.program import Program
from derive.render.numpy.exclusions import meaning, place_of
from derive.render.numpy.values import reads_inside
from derive.terms import is_natural, opposite
from derive.tree import key, map_children, substitute

__all__ = ["with_known_reciprocals"]


@dataclass(frozen=True)
class _Reciprocal:
    """A definition of one over a base, where no bracket leaves entries out."""

    definition: Definition
    base: Node
    brackets: tuple[Bracket, ...]


def with_known_reciprocals(program: Program) -> Program:
    """The program with products with reciprocals that have a name in the place of quotients."""
    known: list[_Reciprocal] = []
    items: list[Definition | Recurrence] = []
    for item in program.items:
        if isinstance(item, Definition):
            item = replace(item, body=_written(item.body, known))
            if (found := _reciprocal(item)) is not None:
                known.append(found)
        items.append(item)
    return replace(program, items=tuple(items))


def _reciprocal(d: Definition) -> _Reciprocal | None:
    """What a definition is one over; None where it is something else."""
    brackets = tuple(f for f in factors_of(d.body) if isinstance(f, Bracket))
    rest = [f for f in factors_of(d.body) if f not in brackets]
    if len(rest) != 1 or not isinstance(rest[0], Pow) or rest[0].exponent != number(-1):
        return None
    base = rest[0].base
    whole = len(d.letters) > 1 and base.free == frozenset(d.letters) and reads_inside(base)
    return _Reciprocal(d, base, brackets) if whole and all(place_of(b) is not None for b in brackets) else None


def _written(node: Node, known: Sequence[_Reciprocal]) -> Node:
    node = map_children(node, lambda child: _written(child, known)) if known else node
    if not isinstance(node, Mul):
        return node
    for one in known:
        for factor in node.factors:
            rest = [f for f in node.factors if f is not factor]
            made = _exchanged(factor, rest, one)
            if made is not None:
                return _written(made, known)
    return node


def _exchanged(factor: Node, rest: list[Node], one: _Reciprocal) -> Node | None:
    """The product with a power of a known reciprocal in the place of a factor; None where it is not the same."""
    if not isinstance(factor, Pow) or not isinstance(factor.exponent, Number):
        return None
    exponent = number(-factor.exponent.value)
    if not is_natural(exponent) or exponent == number(1):
        return None
    letters = one.definition.letters
    found = match(one.base, factor.base, frozenset(letters))
    if found is None or len(found) < len(letters):
        return None
    for bracket in one.brackets:
        here = substitute(bracket, found)
        assert isinstance(here, Bracket)
        same = [f for f in rest if isinstance(f, Bracket) and meaning(f) == meaning(here) and f.relation == "≠"]
        if not same and not any(_is_zero_at(f, here) for f in rest):
            return None
        rest = [f for f in rest if f not in same]
    return mul(*rest, power(Ref(one.definition.tensor, tuple(found[x] for x in letters)), exponent))


def _is_zero_at(node: Node, bracket: Bracket) -> bool:
    """Whether a difference is zero in the entries that a bracket leaves out."""
    column = bracket.left.letter
    if not isinstance(node, Add) or len(node.terms) != 2 or column is None:
        return False
    a, b = (substitute(t, {column: bracket.right}) for t in node.terms)
    return key(opposite(a)) == key(b)
