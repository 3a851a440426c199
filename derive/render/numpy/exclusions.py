"""Brackets that leave out one entry of each row, ``[k ≠ labels[i]]``, or a diagonal, ``[i ≠ j]``.

``with_exclusions`` leaves them out where a tensor is made, if all that read it leave them out. ``excluded`` writes a
product with such a bracket: as an array with zeros put into these entries. ``exchanged`` puts other values there.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from derive.definitions import Definition, Recurrence
from derive.functions import is_indicator
from derive.index import Letter, as_index
from derive.nodes import (
    Add,
    Apply,
    Bracket,
    Mul,
    Node,
    Number,
    Pow,
    Ref,
    Sum,
    Tensor,
    factors_of,
    is_one,
    number,
)
from derive.notation import add, mul
from derive.program import Program
from derive.render.numpy.arrays import Named, aligned
from derive.render.numpy.block import Assign, Update
from derive.render.numpy.code import Code, call, literal, name, subscript
from derive.render.numpy.reads import index_array
from derive.render.numpy.values import (
    defined,
    entry,
    has_poles,
    inner_tensors,
    names_of,
    reads_inside,
    rewritten,
    with_poles,
)
from derive.tree import key, letters_of, map_children, pattern, substitute, walk

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["exchanged", "excluded", "leaves_out", "meaning", "place_of", "with_exclusions"]


def with_exclusions(program: Program) -> Program:
    """The program with ``1 - [a = b]`` as ``[a ≠ b]`` in products, and entries left out where a tensor is made."""
    program = rewritten(program, _written)
    for tensor in inner_tensors(program):
        d = program.definition(tensor)
        if d is not None:
            program = _at_source(program, d)
    return _named(program)


def _written(node: Node) -> Node:
    """The node with complements of equalities as brackets, where the rest of a product has their letters."""
    node = map_children(node, _written)
    if isinstance(node, Apply) and is_indicator(node) and all(isinstance(a, Number) for a in node.arguments):
        return _decided(node)
    if isinstance(node, Add):
        return _without_diagonal(node)
    if not isinstance(node, Mul):
        return node
    factors = list(node.factors)
    for m, factor in enumerate(factors):
        bracket = _complement(factor)
        if bracket is not None and any(bracket.free <= f.free for f in factors if f is not factor):
            factors[m] = bracket
    return _spread(mul(*factors))


def _spread(node: Node) -> Node:
    """The terms of a sum, each with the bracket that multiplies the sum, where it has an entry among others."""
    for bracket in factors_of(node):
        for whole in factors_of(node):
            if place_of(bracket) is None or not isinstance(whole, Add):
                continue
            if all(_has_wider_entry(t, bracket) for t in whole.terms):
                rest = (f for f in factors_of(node) if f is not bracket and f is not whole)
                return mul(*rest, add(*(mul(bracket, t) for t in whole.terms)))
    return node


def _decided(node: Apply) -> Node:
    """The value of a comparison of numbers."""
    larger, smaller = (a.value for a in node.arguments if isinstance(a, Number))
    holds = {"greater": larger > smaller, "greater_equal": larger >= smaller}.get(node.function.name)
    return node if holds not in (True, False) else number(int(bool(holds)))


def _has_wider_entry(term: Node, bracket: Node) -> bool:
    """Whether an entry that a bracket may leave out is a factor of a term with more letters."""
    entries = (f for f in factors_of(term) if isinstance(f, Ref) and bracket.free <= f.free)
    return bracket.free < term.free and next(entries, None) is not None


def _without_diagonal(node: Add) -> Node:
    """``Σ_{i,j} [i ≠ j] A[i,j]`` for ``Σ_{i,j} A[i,j] - Σ_i A[i,i]``."""
    for whole, part in itertools.permutations(node.terms, 2):
        *numbers, double = factors_of(whole)
        *others, single = factors_of(part)
        if not isinstance(double, Sum) or not isinstance(single, Sum) or len(double.letters) != 2:
            continue
        i, j = double.letters
        diagonal = mul(number(-1), *numbers, Sum(i, substitute(double.body, {j: i})))
        if i.size == j.size and {i, j} <= double.body.free and key(diagonal) == key(part):
            left = mul(*numbers, Sum(i, j, mul(Bracket(as_index(i), "≠", as_index(j)), double.body)))
            return add(*(left if t is whole else t for t in node.terms if t is not part))
    return node


def _complement(node: Node) -> Bracket | None:
    """``[a ≠ b]`` for ``1 - [a = b]``, and for its powers."""
    if isinstance(node, Pow) and isinstance(node.exponent, Number) and node.exponent.value.is_positive:
        return _complement(node.base)
    if not isinstance(node, Add) or len(node.terms) != 2 or not any(map(is_one, node.terms)):
        return None
    (other,) = (t for t in node.terms if not is_one(t))
    minus, *rest = factors_of(other)
    if minus != number(-1) or len(rest) != 1 or not isinstance(rest[0], Bracket) or rest[0].relation != "=":
        return None
    return Bracket(rest[0].left, "≠", rest[0].right)


def _at_source(program: Program, d: Definition) -> Program:
    """The program with entries of a tensor left out where it is made, if all products that read it leave them out."""
    infinite = with_poles(program)
    uses = [use for other in program.definitions() for use in _uses(other.body, d.tensor, (), infinite)]
    found = [None if mask is None else _on_axes(mask, ref, d) for ref, mask in uses]
    kept = [b for b in found if b is not None]
    if not kept or len(kept) < len(found) or any(meaning(b) != meaning(kept[0]) for b in kept):
        return program
    masked = {d.tensor: d}
    items = (
        replace(item, body=mul(kept[0], d.body) if item is d else _unmasked(item.body, masked, infinite))
        if isinstance(item, Definition)
        else item
        for item in program.items
    )
    return replace(program, items=tuple(items))


def _uses(
    node: Node, tensor: Tensor, factors: tuple[Node, ...], infinite: Collection[Tensor]
) -> Iterator[tuple[Ref, Bracket | None]]:
    """Every entry of a tensor that is read, with the bracket by which a product around it leaves entries out."""
    if isinstance(node, Ref) and node.tensor is tensor:
        yield node, _mask_of(node, factors, infinite)
    for child in node.children():
        yield from _uses(child, tensor, node.factors if isinstance(node, Mul) else (), infinite)


def _mask_of(read: Ref, factors: tuple[Node, ...], infinite: Collection[Tensor]) -> Bracket | None:
    """The bracket that leaves entries of a factor out; None where another factor may be infinite at these."""
    masks = [f for f in factors if isinstance(f, Bracket) and f.relation == "≠" and f.free <= read.free]
    others = [f for f in factors if f is not read and f not in masks]
    if len(masks) != 1 or any(masks[0].free <= f.free and has_poles(f, infinite) for f in others):
        return None
    return masks[0]


def _on_axes(mask: Bracket, read: Ref, d: Definition) -> Bracket | None:
    """The bracket by the letters of a definition."""
    letters = [index.letter for index in read.indices]
    if None in letters or len(set(letters)) < len(letters):
        return None
    renamed = substitute(mask, {x: as_index(y) for x, y in zip(letters, d.letters, strict=True) if x is not None})
    return renamed if isinstance(renamed, Bracket) and place_of(renamed) is not None else None


def _unmasked(node: Node, masked: Mapping[Tensor, Definition], infinite: Collection[Tensor]) -> Node:
    node = map_children(node, lambda child: _unmasked(child, masked, infinite))
    if not isinstance(node, Mul):
        return node
    entries = [f for f in node.factors if isinstance(f, Ref) and f.tensor in masked]
    gone = [_mask_of(f, node.factors, infinite) for f in entries]
    return mul(*(f for f in node.factors if f not in gone)) if gone else node


def _named(program: Program) -> Program:
    """The program with a definition of every array without some entries that is read more than once."""
    counted = Counter(pattern(p) for d in program.definitions() for n in walk(d.body) if (p := _part(n)) is not None)
    known: dict[object, Definition] = {}
    taken = names_of(program)
    items: list[Definition | Recurrence] = []

    def named(node: Node) -> Node:
        part = _part(node)
        if part is None or counted[pattern(part)] < 2 or not reads_inside(part):
            return map_children(node, named)
        column, row = next(place for f in part.factors if (place := place_of(f)) is not None)
        letters = letters_of(part) if row is not None else (*(x for x in letters_of(part) if x is not column), column)
        same = pattern(part)
        if same not in known:
            known[same] = defined("others" if row is None else "off_diagonal", part, letters, taken)
            items.append(known[same])
        rest = (f for f in factors_of(node) if f not in part.factors)
        return mul(*map(named, rest), entry(known[same].tensor, letters))

    for item in program.items:
        left = replace(item, body=named(item.body)) if isinstance(item, Definition) else item
        items.append(left)
    return replace(program, items=tuple(items))


def _part(node: Node) -> Mul | None:
    """The bracket of a product that leaves out entries, and the factors that it leaves them out of."""
    bracket = next((f for f in factors_of(node) if place_of(f) is not None), None)
    if bracket is None:
        return None
    own = [f for f in factors_of(node) if f is not bracket and f.free == bracket.free and place_of(f) is None]
    made = mul(bracket, *own)
    return made if own and isinstance(made, Mul) else None


# ------------------------------------------------------------------------------------------------------- statements


def place_of(bracket: Node) -> tuple[Letter, Letter | None] | None:
    """The column that a bracket leaves out of each row, with the row that it is where it is a diagonal."""
    if not isinstance(bracket, Bracket) or bracket.relation != "≠":
        return None
    left, right = bracket.left.letter, bracket.right.letter
    if left is not None and right is not None:
        return (right, left) if left is not right and left.length == right.length else None
    for column, given in ((left, bracket.right), (right, bracket.left)):
        plain = len(given.terms) == 1 and given.constant == 0 and isinstance(given.terms[0][0], Node)
        if column is not None and plain and given.terms[0][1] == 1 and column not in given.free:
            # an entry that may lie outside is no place
            return (column, None) if given.certainly_below(column.length) else None
    return None


def meaning(bracket: Bracket) -> object:
    """What a bracket says, whichever side is written first."""
    return frozenset(key(Bracket(a, "=", b)) for a, b in itertools.permutations((bracket.left, bracket.right)))


def leaves_out(t: Translator, bracket: Node, letters: Collection[Letter]) -> bool:
    """Whether a bracket leaves a diagonal, or one entry of each row, out of an array with these letters."""
    return place_of(bracket) is not None and bracket.free <= set(letters) and bracket.free.isdisjoint(t.fixed)


def excluded(t: Translator, bracket: Node, whole: Named) -> Named:
    """A new array with zeros in the entries that a bracket leaves out."""
    place = place_of(bracket)
    assert isinstance(bracket, Bracket)
    assert place is not None
    value = t.real(whole)
    block = t.blocks[-1]
    made = f"{value.code} where {key(bracket)!r}"
    if made not in block.known:
        target = name(t.identifiers.label("off_diagonal" if place[1] is not None else "others"))
        block.statements.append(Assign(target.text, value.code, role="changed"))
        block.statements.append(_update(t, target, bracket, place, value.letters, Named(literal(0))))
        block.known[made] = target
    return Named(block.known[made], value.letters)


def exchanged(t: Translator, node: Add) -> Named | None:
    """An array with other entries on the diagonal, or one in each row; None where the sum is none such."""
    masks = (f for term in node.terms for f in factors_of(term) if leaves_out(t, f, node.free))
    bracket = next(masks, None)
    if not isinstance(bracket, Bracket) or bracket.free != node.free:
        return None
    whole: list[Node] = []
    entries: list[Node] = []
    for term in node.terms:
        factors = factors_of(term)
        same = next((f for f in factors if isinstance(f, Bracket) and meaning(f) == meaning(bracket)), None)
        if same is None or same.relation not in "=≠":
            return None
        (whole if same.relation == "≠" else entries).append(mul(*(f for f in factors if f is not same)))
    place = place_of(bracket)
    assert place is not None
    column = place[0]
    given = bracket.left if bracket.right.letter is column else bracket.right
    value = t.real(t.dense(add(*whole)))
    if not value.letters and value.code.text not in ("0", "1"):
        letters = tuple(sorted(node.free, key=t.rank))
        value = Named(call("np.full", t.shape(letters), value.code, dtype="float"), letters)
    if not entries or set(value.letters) != node.free:
        return None
    target = name(t.identifiers.label("changed"))
    t.blocks[-1].statements.append(Assign(target.text, value.code, role="changed"))
    new = t.numeric(t.dense(substitute(add(*entries), {column: given})))
    t.blocks[-1].statements.append(_update(t, target, bracket, place, value.letters, new))
    return Named(target, value.letters)


def _update(
    t: Translator,
    target: Code,
    bracket: Bracket,
    place: tuple[Letter, Letter | None],
    letters: tuple[Letter, ...],
    new: Named,
) -> Update:
    """The statement that puts a value into the entries that a bracket leaves out."""
    column, row = place
    if row is not None and len(letters) == 2:
        return Update(None, "", call("np.fill_diagonal", target, new.code))
    given = bracket.left if bracket.right.letter is column else bracket.right
    indices = {x: index_array(t, as_index(x)) for x in letters if x in given.free or new.letters}
    indices[column] = index_array(t, given)
    own = [x for x in letters if x in indices and x is not column]
    items = [aligned(indices[x], own) if x in indices else ":" for x in letters]
    return Update(subscript(target, items), "=", aligned(new, own) if new.letters else new.code)
