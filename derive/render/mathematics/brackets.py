"""Brackets, and the conditions inside them: ``[i = j]``, ``[0 ≤ t < n]``, ``[D | k]``, ``[x > 0]``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy

from derive.index import Index, Remainder
from derive.nodes import Apply, Bracket, Node, Number
from derive.render.mathematics.indices import difference
from derive.render.mathematics.sizes import is_negative, size_terms
from derive.render.runs import ADD, Run
from derive.size_algebra import Size, as_expression

if TYPE_CHECKING:
    from derive.render.mathematics.writer import Scope, Writer

__all__ = ["Range", "divisibility", "ranges", "write_bracket", "write_comparison", "write_condition", "write_range"]


@dataclass(frozen=True)
class Range:
    """``0 <= form < size``: a lower and an upper guard of the same form."""

    form: Index
    below: Size


@dataclass(frozen=True)
class _Sides:
    left: Node
    relation: str
    right: Node


NEGATED = {"=": "≠", "≠": "=", "<": "≥", "≤": ">", ">": "≤", "≥": "<"}


# ----------------------------------------------------------------------------------------------------- writing


def write_bracket(writer: Writer, node: Bracket, scope: Scope) -> Run:
    """An Iverson bracket."""
    atom = divisibility(node)
    if atom is not None:
        index = writer.index(atom.index, scope)
        return writer.pen.divides(writer.size(atom.divisor), index)
    return writer.pen.fence(_inside(writer, node, scope), "[")


def _inside(writer: Writer, node: Bracket, scope: Scope) -> Run:
    left, relation, right = _balanced(node)
    lhs, rhs = writer.index(left, scope), writer.index(right, scope)
    return Run((*lhs.tokens, writer.pen.relation(relation).unbroken(), *rhs.tokens), ADD)


def write_range(writer: Writer, node: Range, scope: Scope) -> Run:
    """Two guards as one bracket: ``[p ≤ s i + u < n + p]``."""
    form, low = _positive_first(node.form), Index((), 0)
    below = node.below
    if len(form.terms) == 1 and form.constant != 0:
        low = Index((), difference(0, form.constant))
        below = difference(below, form.constant)
        form = Index(form.terms)
    first, *rest = [writer.index(low, scope), writer.index(form, scope), writer.size(below)]
    tokens = [*first.tokens]
    for relation, run in zip("≤<", rest, strict=True):
        tokens += [writer.pen.relation(relation), *run.tokens]
    return writer.pen.fence(Run(tuple(tokens), ADD).unbroken(), "[")


def write_comparison(writer: Writer, node: Apply, scope: Scope, *, negated: bool = False) -> Run:
    """``greater`` and ``greater_equal``, without brackets."""
    relation = ">" if node.function.name == "greater" else "≥"
    relation = NEGATED[relation] if negated else relation
    left, right = node.arguments
    if isinstance(left, Number) and not isinstance(right, Number):
        left, relation, right = right, Bracket.RELATIONS[relation], left
    return writer.statement(_Sides(left, relation, right), scope)


def write_condition(writer: Writer, node: Node, scope: Scope, *, negated: bool = False) -> Run:
    """What a 0-1 factor says, without its brackets."""
    if isinstance(node, Apply) and node.function.name in ("greater", "greater_equal"):
        return write_comparison(writer, node, scope, negated=negated)
    if isinstance(node, Bracket):
        relation = NEGATED[node.relation] if negated else node.relation
        return _inside(writer, Bracket(node.left, relation, node.right), scope)
    return writer.statement(_Sides(node, "=" if negated else "≠", Number(sympy.Integer(0))), scope)


# ----------------------------------------------------------------------------------------- what is one bracket


def divisibility(node: Bracket) -> Remainder | None:
    """The remainder that ``[a mod D = 0]`` is about; None for other brackets."""
    if node.relation != "=" or node.right != Index((), 0) or len(node.left.terms) != 1 or node.left.constant != 0:
        return None
    atom, coefficient = node.left.terms[0]
    return atom if isinstance(atom, Remainder) and coefficient == 1 else None


def ranges(factors: Sequence[Node]) -> list[Node | Range]:
    """The factors, every lower guard merged with the upper guard of the same form."""
    found: list[Node | Range] = []
    waiting: list[tuple[int, Index]] = []
    for factor in factors:
        if not isinstance(factor, Bracket) or factor.relation in "=≠":
            found.append(factor)
            continue
        form = factor.difference()
        for place, other in waiting:
            width = form + other
            if not width.terms:
                found[place] = Range(_lower(form, other), as_expression(width.constant) + 1)
                waiting.remove((place, other))
                break
        else:
            waiting.append((len(found), form))
            found.append(factor)
    return found


def _lower(one: Index, other: Index) -> Index:
    """Of two forms that add up to a size, the one whose letters are mostly positive."""
    positive = [sum(not is_negative(c) for _, c in form.terms) for form in (one, other)]
    return one if positive[0] > positive[1] else other


# ------------------------------------------------------------------------------------------- sides of a relation


def _positive_first(index: Index) -> Index:
    if not index.terms or not is_negative(index.terms[0][1]):
        return index
    return Index(tuple(sorted(index.terms, key=lambda term: is_negative(term[1]))), index.constant)


def _balanced(node: Bracket) -> tuple[Index, str, Index]:
    """The relation with positive terms on both sides, a form of letters on the left."""
    left, right = _moved(node.left, node.right)
    relation = node.relation
    if not left.terms and right.terms:
        left, relation, right = right, Bracket.RELATIONS[relation], left
    if relation == "≤" and not isinstance(right.constant, int) and -1 in right.constant.as_ordered_terms():
        relation, right = "<", right + 1
    return left, relation, right


def _moved(left: Index, right: Index) -> tuple[Index, Index]:
    """Negative terms change sides; a side that is a size stays as it is."""
    sides = []
    for here, there in ((left, right), (right, left)):
        terms = [(a, c) for a, c in here.terms if not is_negative(c)]
        terms += [(a, -c) for a, c in there.terms if is_negative(c)]
        constants = [c for c in size_terms(here.constant) if not here.terms or not is_negative(c)]
        constants += [-c for c in size_terms(there.constant) if there.terms and is_negative(c)]
        total = sympy.Add(*constants)
        sides.append(Index(tuple(terms), int(total) if total.is_Integer else total))
    return sides[0], sides[1]
