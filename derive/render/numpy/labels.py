"""Brackets that ask for one entry of each row, ``[labels[i] = k]``.

``at_labels`` turns ``[labels[i] = k] S[i,k]`` into ``[labels[i] = k] S[i,labels[i]]``, which has fewer axes.
``with_changes`` gives a name to ``P[i,k] - [labels[i] = k]``, and ``changed`` writes it: as a change of one entry of
each row of a new array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from derive.definitions import Definition, Recurrence
from derive.index import Index, Letter, as_index
from derive.nodes import Add, Bracket, Mul, Node, Number, Ref, Sum, factors_of, number, terms_of
from derive.notation import add, mul
from derive.program import Program
from derive.render.numpy.arrays import Named, aligned
from derive.render.numpy.block import Assign, Update
from derive.render.numpy.code import Code, name, subscript
from derive.render.numpy.reads import index_array
from derive.render.numpy.values import defined, entry, is_negative, names_of, reads_inside, rewritten
from derive.tree import letters_of, map_children, pattern, substitute, walk

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["at_labels", "changed", "changes", "with_changes"]


def at_labels(program: Program) -> Program:
    """The program with labels in the place of the letters that they are equal to."""
    return rewritten(_with_one_hot_rows(program), _at_labels)


def _with_one_hot_rows(program: Program) -> Program:
    """The program without names for rows of a unit matrix: what reads them reads the brackets."""
    known = {
        d.tensor: d
        for d in program.items
        if isinstance(d, Definition)
        and d.tensor not in program.outputs
        and (_label(d.body) is not None or (_is_smoothed(d) and _is_added(program, d)))
    }

    def spelled(node: Node) -> Node:
        node = map_children(node, spelled)
        if isinstance(node, Add):
            return add(*(mul(*f[:-1], t) for term in node.terms for f in [factors_of(term)] for t in terms_of(f[-1])))
        return known[node.tensor].at(*node.indices) if isinstance(node, Ref) and node.tensor in known else node

    left = (item for item in program.items if not isinstance(item, Definition) or item.tensor not in known)
    items = (
        replace(item, members=tuple(replace(d, body=spelled(d.body)) for d in item.members))
        if isinstance(item, Recurrence)
        else replace(item, body=spelled(item.body))
        for item in left
    )
    return replace(program, items=tuple(items)) if known else program


def _is_smoothed(d: Definition) -> bool:
    """Whether a definition is a number, with another added in one entry of each row."""
    terms = terms_of(d.body)
    labels = [t for t in terms if any(_label(f) is not None for f in factors_of(t))]
    plain = all(not f.free for t in terms for f in factors_of(t) if _label(f) is None)
    return len(labels) == 1 and len(terms) == 2 and plain


def _is_added(program: Program, d: Definition) -> bool:
    """Whether a tensor is read as a term of sums alone."""
    nodes = [node for other in program.definitions() for node in walk(other.body)]
    reads = sum(isinstance(node, Ref) and node.tensor is d.tensor for node in nodes)
    terms = [
        [f for f in factors_of(t) if not isinstance(f, Number)] for n in nodes if isinstance(n, Add) for t in n.terms
    ]
    return reads == sum(len(f) == 1 and isinstance(f[0], Ref) and f[0].tensor is d.tensor for f in terms)


def _at_labels(node: Node) -> Node:
    node = map_children(node, _at_labels)
    if isinstance(node, Sum):
        labelled = any(_label(f) is not None for f in factors_of(node.body))
        return _nested(_without_counting(node)) if labelled else node
    if not isinstance(node, Mul):
        return node
    factors = list(node.factors)
    for one, given in filter(None, map(_label, node.factors)):
        both = {one} | given.free
        if any(both <= f.free for f in factors if _label(f) is None):
            factors = [
                substitute(f, {one: given}) if _label(f) is None and (both <= f.free or _excludes(f)) else f
                for f in factors
            ]
        elif any(_excludes(f) and any(given.free | (f.free - {one}) <= g.free for g in factors) for f in factors):
            # what is left out of a row is left out of an array that is there
            factors = [substitute(f, {one: given}) if _excludes(f) else f for f in factors]
    return node if factors == list(node.factors) else mul(*factors)


def _without_counting(node: Sum) -> Node:
    """The sum without a letter that is equal to a label, and of which nothing else depends."""
    factors = list(factors_of(node.body))
    for bracket in factors:
        one, given = _label(bracket) or (None, None)
        entry = given.terms[0][0] if given is not None else None
        rest = [f for f in factors if f is not bracket]
        counted = one in node.letters and isinstance(entry, Ref) and entry.tensor.below == one.length
        if counted and not any(one in f.free for f in rest):
            left = [x for x in node.letters if x is not one]
            return Sum(*left, mul(*rest)) if left else mul(*rest)
    return node


def _excludes(factor: Node) -> bool:
    return isinstance(factor, Bracket) and factor.relation == "≠"


def _nested(node: Node) -> Node:
    """The sum with letters that few factors have summed in a sum of these."""
    if not isinstance(node, Sum):
        return node
    letters, factors = list(node.letters), list(factors_of(node.body))
    for x in node.letters:
        own = [f for f in factors if x in f.free]
        rest = [f for f in factors if x not in f.free]
        free = frozenset[Letter]().union(*(f.free for f in own)) - {x}
        if len(letters) > 1 and any(free < f.free for f in rest):
            letters.remove(x)
            factors = [*rest, Sum(x, mul(*own))]
    return node if len(letters) == len(node.letters) else Sum(*letters, mul(*factors))


def _label(factor: Node) -> tuple[Letter, Index] | None:
    """The letter and the entry of an integer array that a bracket says to be equal."""
    if isinstance(factor, Bracket) and factor.relation == "=":
        for side, given in ((factor.left, factor.right), (factor.right, factor.left)):
            one = side.letter
            entry = len(given.terms) == 1 and given.constant == 0 and isinstance(given.terms[0][0], Node)
            if one is not None and entry and given.terms[0][1] == 1 and one not in given.free:
                # an entry that may lie outside is no place
                return (one, given) if given.certainly_below(one.length) else None
    return None


def with_changes(program: Program) -> Program:
    """The program with a definition of every array with changed rows that stands inside of an expression."""
    items: list[Definition | Recurrence] = []
    taken = names_of(program)
    known: dict[object, Definition] = {}

    def named(node: Node) -> Node:
        parts = _split(node) if isinstance(node, Add) and reads_inside(node) else None
        if parts is None:
            return map_children(node, named)
        whole, found = parts
        if all(map(is_negative, whole)):
            # a residual has one sign wherever it stands
            assert isinstance(node, Add)
            return mul(number(-1), named(add(*(mul(number(-1), t) for t in node.terms))))
        column = found[0].letter
        letters = (*(x for x in letters_of(node) if x is not column), column)
        meaning = pattern(node), letters_of(node).index(column)
        if meaning not in known:
            known[meaning] = defined("delta", node, letters, taken)
            items.append(known[meaning])
        return entry(known[meaning].tensor, letters)

    for item in program.items:
        if isinstance(item, Definition) and not changes(item.body):
            item = replace(item, body=named(item.body))
        items.append(item)
    return replace(program, items=tuple(items))


@dataclass(frozen=True)
class _Change:
    """What is added to one entry of each row: ``value`` at ``given`` along ``letter``."""

    letter: Letter
    given: Index
    value: Node


def changes(node: Node) -> bool:
    """Whether a sum is an array with one entry of each row changed."""
    return isinstance(node, Add) and _split(node) is not None


def _split(node: Add) -> tuple[list[Node], list[_Change]] | None:
    """The terms that make a whole array, and the changes of its rows; None where there are not both."""
    whole: list[Node] = []
    found: list[_Change] = []
    for term in node.terms:
        factors = factors_of(term)
        labels = [label for f in factors if (label := _label(f)) is not None]
        if len(labels) != 1:
            whole.append(term)
            continue
        one, given = labels[0]
        value = mul(*(f for f in factors if _label(f) is None))
        if one in value.free or not value.free <= given.free:
            return None
        found.append(_Change(one, given, value))
    letters = frozenset[Letter]().union(*(t.free for t in whole))
    if not found or any(letters != {c.letter} | c.given.free for c in found):
        return None
    return whole, found


def changed(t: Translator, node: Add) -> Named | None:
    """A new array with one entry of each row changed; None where the sum is none, or a loop runs over the rows."""
    parts = _split(node)
    if parts is None or not node.free.isdisjoint(t.fixed):
        return None
    whole, found = parts
    value = t.real(t.dense(add(*whole)))
    if set(value.letters) != node.free:
        return None
    column = found[0].letter
    letters = (*(x for x in value.letters if x is not column), column)
    target = name(t.identifiers.label("delta"))
    updates = [_update(t, target, letters, change) for change in found]
    t.blocks[-1].statements += [Assign(target.text, aligned(value, letters), role="changed"), *updates]
    return Named(target, letters)


def _update(t: Translator, target: Code, letters: Sequence[Letter], change: _Change) -> Update:
    rows = [x for x in letters if x is not change.letter]
    indices = {x: index_array(t, as_index(x)) for x in rows} | {change.letter: index_array(t, change.given)}
    minus, value = t.signed(change.value)
    code = aligned(t.numeric(value), rows)
    place = subscript(target, [aligned(indices[x], rows) for x in letters])
    return Update(place, "-=" if minus else "+=", code)
