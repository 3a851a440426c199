"""Sums that are added to places of an array: to slices for affine places, else by ``np.add.at``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy

from derive.index import Index, Letter, as_index, union
from derive.nodes import Bracket, Node, Over, number
from derive.render.numpy.arrays import Named, aligned
from derive.render.numpy.block import Assign, Block, Loop, Update
from derive.render.numpy.code import ADD, MUL, Code, call, chain, literal, name, slice_of, subscript, tuple_of
from derive.render.numpy.masks import entrywise, masked
from derive.render.numpy.reads import index_array, padding, scalar_index
from derive.size_algebra import certainly_nonnegative, plus, times
from derive.tree import substitute

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["scattered"]


@dataclass
class _Place:
    """An axis of the result, ``letter``, and the index that says which of its entries is meant."""

    letter: Letter
    index: Index
    along: Letter | None = None
    loops: tuple[Letter, ...] = ()


def scattered(
    t: Translator,
    factors: Sequence[Node],
    guards: Sequence[Node],
    brackets: Sequence[Bracket],
    over: Sequence[Letter],
    scale: sympy.Expr,
) -> Named | None:
    """A number times a product, summed over letters that equations send to places; None where they do not."""
    summed = frozenset(over)
    places: list[_Place] = []
    others: list[Node] = list(guards)
    for bracket in brackets:
        place = _place(t, bracket, summed, {p.letter for p in places}) if bracket.relation == "=" else None
        if place is None:
            others.append(bracket)
        else:
            places.append(place)
    targets = {p.letter for p in places}
    inside = [f for f in factors if not f.free.isdisjoint(summed)]
    outside = [f for f in factors if f.free.isdisjoint(summed)]
    read = [*inside, *others]
    if not places or any(not f.free.isdisjoint(targets) for f in read):
        return None
    if any(not p.index.free.isdisjoint(targets) for p in places):
        return None
    affine = _sliced(places, over)
    unsafe = [f for f in outside if not f.free.isdisjoint(targets) and not t.risk.finite(f)]
    if unsafe and affine:
        return None
    # what may be infinite is read only where something is added
    inside += [substitute(f, {p.letter: p.index for p in places}) for f in unsafe]
    outside = [f for f in outside if f not in unsafe]
    inner = [*([number(scale)] if scale != 1 and not affine else []), *inside]
    made = _added_to_slices(t, places, inner, others, over) if affine else _added_at(t, places, inner, others, over)
    if made is not None and affine:
        made = t.scaled(made, scale)
    if made is None or not outside:
        return made
    rest = [t.factor(f) for f in outside]
    return entrywise(t, [*rest, made], [])


def _place(t: Translator, bracket: Bracket, summed: frozenset[Letter], taken: set[Letter]) -> _Place | None:
    form = bracket.difference()
    for atom, coefficient in form.terms:
        if not isinstance(atom, Letter) or atom in summed or atom in t.fixed or atom in taken:
            continue
        if coefficient not in (1, -1):
            continue
        index = form.without(atom).scaled(-1 if coefficient == 1 else 1)
        if atom not in index.free and not index.free.isdisjoint(summed):
            return _Place(atom, index)
    return None


def _sliced(places: Sequence[_Place], over: Sequence[Letter]) -> bool:
    """Whether every place is affine in summed letters of its own; then one is a slice and the others are loops."""
    summed = set(over)
    seen: set[Letter] = set()
    for p in places:
        own = [a for a, _ in p.index.terms if isinstance(a, Letter)]
        if len(own) < len(p.index.terms) or not set(own) <= summed or seen & set(own):
            return False
        seen |= set(own)
        if p.index.lower() is None or p.index.upper() is None:
            return False
        along = [x for x in own if certainly_nonnegative(plus(p.index.coefficient(x), -1))]
        if not along:
            return False
        # a loop runs over the few offsets of a kernel; a letter that was put back for one is the last
        p.along = min(along, key=lambda x: (isinstance(x.length, int), over.index(x)))
        p.loops = tuple(x for x in own if x is not p.along)
    return True


def _added_to_slices(
    t: Translator, places: Sequence[_Place], factors: Sequence[Node], guards: Sequence[Node], over: Sequence[Letter]
) -> Named:
    loops = [x for p in places for x in p.loops]
    along = {p.along: p for p in places}
    kept = union([tuple(f.free) for f in (*factors, *guards)])
    letters = [x for x in kept if x not in over and x not in t.fixed] + [p.letter for p in places]
    letters.sort(key=t.rank)
    place_of = {p.letter: p for p in places}
    pads = {p.letter: padding(t, p.index, p.letter.length) for p in places}
    shape = [_padded_length(t, x, *pads[x]) if x in pads else t.length(x) for x in letters]
    target = name(t.identifiers.label("total_padded" if any(a or b for a, b in pads.values()) else "total"))
    zeros = call("np.zeros", tuple_of(shape) if len(shape) != 1 else shape[0], work=0)
    t.blocks[-1].statements.append(Assign(target.text, zeros, role="buffer"))
    block = Block()
    top = block
    outer: list[Loop] = []
    for x in loops:
        variable = t.identifiers.variable(x.name, {c.text for c in t.fixed.values()})
        t.fixed[x] = name(variable)
        inner = Block()
        outer.append(Loop(variable, call("range", t.length(x), work=0), inner, frozenset((target.text,))))
        block.statements.append(outer[-1])
        block = inner
    t.blocks.append(block)
    value = masked(t, factors, guards, [x for x in over if x not in loops and x not in along])
    t.blocks.pop()
    items: list[Code | str] = [_slice(t, place_of[x], pads[x][0]) if x in place_of else ":" for x in letters]
    while items and items[-1] == ":":
        items.pop()
    order = [place_of[x].along if x in place_of else x for x in letters]
    code = aligned(value, [x for x in order if x is not None])
    block.statements.append(Update(subscript(target, items) if items else target, "+=", code))
    for x in loops:
        del t.fixed[x]
    t.blocks[-1].statements += top.statements
    crop: list[Code | str] = []
    for x in letters:
        before, after = pads.get(x, (None, None))
        if before is None and after is None:
            crop.append(":")
        else:
            length = t.length(x)
            crop.append(slice_of(before, length if before is None else chain(ADD, before, [("+", length)], work=0)))
    while crop and crop[-1] == ":":
        crop.pop()
    return Named(subscript(target, crop) if crop else target, tuple(letters))


def _padded_length(t: Translator, one: Letter, before: Code | None, after: Code | None) -> Code:
    length = t.length(one)
    if before is not None and before == after:
        number = literal(2 * int(before.text)) if before.text.isdigit() else None
        double = number or chain(MUL, literal(2), [("*", before)], work=0)
        return chain(ADD, length, [("+", double)], work=0)
    more = [("+", c) for c in (before, after) if c is not None]
    return chain(ADD, length, more, work=0) if more else length


def _slice(t: Translator, p: _Place, before: Code | None) -> Code:
    assert p.along is not None
    step = p.index.coefficient(p.along)
    low = p.index.lower()
    assert low is not None
    start = p.index.without(p.along)
    certain = before is not None and certainly_nonnegative(times(low, -1))
    if certain:
        start = start - Index((), low)
    code = None if not start.terms and start.constant == 0 else scalar_index(t, start)
    if before is not None and not certain:
        code = before if code is None else chain(ADD, before, [("+", code)], work=0)
    length = t.length(p.along)
    reach = length if step == 1 else chain(MUL, t.lengths.code(step), [("*", length)], work=0)
    stop = reach if code is None else chain(ADD, code, [("+", reach)], work=0)
    return slice_of(code, stop, None if step == 1 else t.lengths.code(step))


def _is_narrow(t: Translator, place: _Place) -> bool:
    """Whether there is an array with an axis for the places and one for what is sent there: a mask is no larger."""
    atom = place.index.terms[0][0] if len(place.index.terms) == 1 else None
    if isinstance(atom, Over):
        return place.index.free <= atom.free
    if len(place.index.free) != 1 or not isinstance(atom, Node):
        return False
    (sent,) = place.index.free
    wanted = Counter((sent.length, place.letter.length))
    return any(wanted <= Counter(tensor.axes) for tensor in t.arrays if len(tensor.axes) == 2)


def _has_rows(factors: Sequence[Node], place: _Place, over: Sequence[Letter]) -> bool:
    """Whether rows are added, which one index after another is slow at."""
    free = frozenset[Letter]().union(*(f.free for f in factors))
    return bool(free - place.index.free - set(over)) and not place.index.free.isdisjoint(over)


def _added_at(
    t: Translator, places: Sequence[_Place], factors: Sequence[Node], guards: Sequence[Node], over: Sequence[Letter]
) -> Named | None:
    for p in places:
        if not (p.index.certainly_at_least_zero() and p.index.certainly_below(p.letter.length)):
            return None
    if len(places) == 1 and _is_narrow(t, places[0]) and _has_rows(factors, places[0], over):
        return None
    arrays = [index_array(t, p.index) for p in places]
    within = union(a.letters for a in arrays)
    extra = [x for x in within if x not in over]
    moving = [x for x in within if x in over]
    value = t.numeric(t.dense_product([*factors, *guards], [x for x in over if x not in moving]))
    axes = [*extra, *(p.letter for p in places)]
    rest = sorted((x for x in value.letters if x not in within), key=t.rank)
    indices = [*(index_array(t, as_index(x)) for x in extra), *arrays]
    order = sorted(within, key=t.rank)
    codes: list[Code | str] = [aligned(a, order) for a in indices]
    letters = (*axes, *rest)
    code = aligned(value, [*order, *rest])
    if len(places) == 1 and not extra and not rest and len(order) == 1:
        length = t.length(places[0].letter)
        if not value.letters:
            counted = Named(call("np.bincount", codes[0], minlength=length), letters, "int")
            return counted if code.text == "1" else Named(chain(MUL, code, [("*", counted.code)]), letters)
        return Named(call("np.bincount", codes[0], weights=code, minlength=length), letters)
    target = name(t.identifiers.label("total"))
    shape = [t.length(x) for x in letters]
    zeros = call("np.zeros", tuple_of(shape) if len(shape) != 1 else shape[0], work=0)
    t.blocks[-1].statements.append(Assign(target.text, zeros, role="buffer"))
    place = codes[0] if len(codes) == 1 else tuple_of(codes)
    t.blocks[-1].statements.append(Update(None, "", call("np.add.at", target, place, code)))
    return Named(target, letters)
