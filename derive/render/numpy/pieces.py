"""Terms that brackets confine to a part of an axis: each is computed for its part alone, and put there once.

Parts that make an axis are laid end to end, or stacked. Else they are added to slices of the other terms, or of
zeros.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from derive.functions import is_indicator
from derive.index import Letter, union
from derive.nodes import Add, Bracket, Node, Number, Sum, factors_of, is_zero, terms_of
from derive.notation import add, mul
from derive.render.numpy.arrays import Named, aligned
from derive.render.numpy.block import Assign, Block, Loop, Statement, Update
from derive.render.numpy.code import Code, call, list_of, literal, method, name, negative, subscript, tuple_of
from derive.render.numpy.overwritten import overwritten, settled
from derive.render.numpy.reads import slice_between
from derive.render.numpy.regions import Region, Span, apart, region_of, shifted, together
from derive.size_algebra import Size, certainly_nonnegative, plus, times
from derive.terms import is_subtracted, opposite
from derive.tree import key

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["confined", "placed"]


@dataclass(frozen=True)
class _Piece:
    """What is not zero in a region, and the region."""

    region: Region
    node: Node


def placed(t: Translator, terms: Iterable[Node]) -> Named | None:
    """The sum of terms of which some are confined to parts of the axes; None where none is."""
    flat = [p for term in terms for part in _expanded(t, term) if not is_zero(p := settled(part))]
    found = overwritten(flat, t.fixed)
    if found is not None and (made := _written_over(t, *found)) is not None:
        return made
    pieces = [_Piece(*region_of(term, t.fixed)) for term in flat]
    if not any(p.region for p in pieces):
        return None
    letters = _letters(t, pieces)
    dense = [p.node for p in pieces if not p.region]
    parts = _gathered([p for p in pieces if p.region and not any(s.empty for s in p.region.values())])
    if dense or not parts:
        return _added(t, dense, parts, letters)
    one = _axis(parts)
    made = _laid_out(t, parts, letters, one) if one is not None else None
    return made or (_padded(t, parts[0], letters) if len(parts) == 1 else None) or _added(t, [], parts, letters)


def _letters(t: Translator, pieces: Iterable[_Piece]) -> tuple[Letter, ...]:
    every = union(tuple(p.node.free | p.region.keys()) for p in pieces)
    return tuple(sorted((x for x in every if x not in t.fixed), key=t.rank))


def _written_over(t: Translator, value: Node, gone: Sequence[Region], terms: Sequence[Node]) -> Named | None:
    """A value without some parts, with terms in parts of it; None where there are others."""
    whole = _Piece(*region_of(value, t.fixed))
    parts = [_Piece(*region_of(term, t.fixed)) for term in terms]
    if whole.region or not all(p.region for p in parts):
        return None
    letters = _letters(t, [whole, *parts, *(_Piece(region, value) for region in gone)])
    return _added(t, [value], _gathered(parts), letters, gone)


def confined(t: Translator, factors: Sequence[Node], over: Sequence[Letter]) -> Named | None:
    """The product summed over letters, where brackets leave a part of an axis alone; None where they do not.

    A sum runs over the part; else the product is put into its place.
    """
    whole = mul(*factors)
    region, rest = region_of(whole, {*t.fixed, *over})
    if region:
        return placed(t, [mul(Sum(*over, whole)) if over else whole])
    if not over:
        return _spread(t, whole)
    region, rest = region_of(whole, {*t.fixed, *whole.free} - set(over))
    if not region:
        return None
    if any(s.empty for s in region.values()):
        return Named(literal(0))
    own = _own(t, region)
    left = [own[x][1] if x in own else x for x in over if x not in own or not own[x][0].single]
    return t.product(factors_of(shifted(rest, own)), left)


def _spread(t: Translator, whole: Node) -> Named | None:
    """A product with a sum of confined terms; a number outside of a sum that has other terms, too, stays there."""
    terms = _expanded(t, whole)
    if len(terms) == 1:
        return None
    numbers = [f for f in factors_of(whole) if isinstance(f, Number)]
    rest = [f for f in factors_of(whole) if f not in numbers]
    scale = mul(*numbers)
    partly = not all(region_of(x, t.fixed)[0] for x in terms)
    if partly and len(rest) == 1 and isinstance(scale, Number) and not scale.value.is_infinite and scale.value != 1:
        value = t.numeric(t.dense(rest[0]))
        return t.scaled(value, scale.value)
    return placed(t, terms)


def _expanded(t: Translator, term: Node) -> list[Node]:
    """The terms of a product with a sum of confined terms, multiplied out; else the term.

    A number is multiplied with a sum of which only some terms are confined, too.
    """
    factors = factors_of(term)
    for m, factor in enumerate(factors):
        if not isinstance(factor, Add):
            continue
        rest = [*factors[:m], *factors[m + 1 :]]
        inner = [part for one in factor.terms for part in _expanded(t, one)]
        parts = [one for one in inner if region_of(one, t.fixed)[0]]
        dense = [one for one in inner if one not in parts]
        plain = all(isinstance(f, Number) for f in rest) or all(map(_is_mask, inner))
        if parts and (not dense or plain):
            found = [part for one in parts for part in _expanded(t, mul(*rest, one))]
            return [mul(*rest, add(*dense)), *found] if dense else found
    return [term]


def _is_mask(node: Node) -> bool:
    """Whether this is a product of brackets."""
    return all(isinstance(f, Bracket) for f in factors_of(node))


def _gathered(pieces: Sequence[_Piece]) -> list[_Piece]:
    """One piece for each region; the same value in parts that follow on each other is one piece."""
    found: list[_Piece] = []
    for piece in pieces:
        for m, other in enumerate(found):
            if other.region == piece.region:
                found[m] = _Piece(other.region, add(other.node, piece.node))
                break
            if (longer := _longer(other, piece)) is not None:
                found[m] = longer
                break
        else:
            found.append(piece)
    return found


def _longer(a: _Piece, b: _Piece) -> _Piece | None:
    if a.region.keys() != b.region.keys() or key(a.node) != key(b.node):
        return None
    differing = [x for x in a.region if a.region[x] != b.region[x]]
    joined = together(a.region[differing[0]], b.region[differing[0]]) if len(differing) == 1 else None
    return None if joined is None else _Piece({**a.region, differing[0]: joined}, a.node)


def _own(t: Translator, region: Region) -> dict[Letter, tuple[Span, Letter]]:
    """A letter for each axis that counts the entries of its span."""
    own = {x: (span, Letter(x.name, span.count)) for x, span in region.items()}
    for x, (_, y) in own.items():
        t.order[y] = t.rank(x)
    return own


def _value(t: Translator, piece: _Piece, *, truth: bool = False) -> Named:
    """The value of a piece, by the letters of the whole; an axis of one entry has none. ``truth`` values may stay."""
    own = _own(t, piece.region)
    value = t.dense(shifted(piece.node, own))
    value = value if truth else t.numeric(value)
    whole = {y: x for x, (_, y) in own.items()}
    return Named(value.code, tuple(whole.get(x, x) for x in value.letters))


def _filled(t: Translator, value: Named, region: Region, letters: Sequence[Letter]) -> Code:
    """The value with all of these letters."""
    code = aligned(value, letters)
    if set(value.letters) == set(letters):
        return code
    sizes = [t.lengths.code(region[x].count if x in region else x.length, x.name) for x in letters]
    shape = sizes[0] if len(sizes) == 1 else tuple_of(sizes)
    if not value.letters and code.text in ("0", "1"):
        return call("np.zeros" if code.text == "0" else "np.ones", shape)
    return call("np.broadcast_to", code, shape)


# ----------------------------------------------------------------------------------------------- parts of one axis


def _axis(parts: Sequence[_Piece]) -> Letter | None:
    """The one letter that all parts are parts of."""
    found = {x for p in parts for x in p.region}
    return found.pop() if len(found) == 1 else None


def _laid_out(t: Translator, parts: Sequence[_Piece], letters: Sequence[Letter], one: Letter) -> Named | None:
    """The parts end to end, or stacked where they are entries; None where they do not make the axis."""
    ordered = _in_order(parts, one)
    if ordered is None:
        return None
    single = all(p.region[one].single for p in ordered)
    if single and letters.index(one) and any(_is_truth(p.node) for p in ordered):
        # columns of an array of numbers take truth values as they are
        return None
    values = [_value(t, p) for p in ordered]
    if not single:
        letters = next((v.letters for v in values if set(v.letters) == set(letters)), letters)
    axis = letters.index(one)
    options: dict[str, Code | str] = {"axis": str(axis)} if axis else {}
    kept = [x for x in letters if x is not one] if single else letters
    codes = [_filled(t, v, p.region, kept) for v, p in zip(values, ordered, strict=True)]
    function = "np.concatenate" if not single else "np.stack" if kept else "np.array"
    return Named(call(function, list_of(codes), work=1, label="", **options), tuple(letters))


def _is_truth(node: Node) -> bool:
    """Whether a value is a truth value, or a number times one."""
    return bool(node.free) and all(isinstance(f, (Bracket, Number)) or is_indicator(f) for f in factors_of(node))


def _in_order(parts: Sequence[_Piece], one: Letter) -> list[_Piece] | None:
    """The parts from the start of the axis to its end; None where there are gaps."""
    reached: Size = 0
    ordered: list[_Piece] = []
    while len(ordered) < len(parts):
        found = next((p for p in parts if p.region[one].low == reached and p not in ordered), None)
        if found is None or found.region[one].step != 1 or not certainly_nonnegative(found.region[one].count):
            return None
        ordered.append(found)
        reached = found.region[one].high
    return ordered if reached == one.length and len(ordered) > 1 else None


def _padded(t: Translator, piece: _Piece, letters: Sequence[Letter]) -> Named | None:
    """One piece with zeros around it."""
    if any(s.step != 1 or s.single for s in piece.region.values()):
        return None
    value = _value(t, piece)
    widths: list[Code | str] = []
    for x in letters:
        span = piece.region.get(x, Span(0, x.length))
        pair = [span.low, plus(x.length, times(span.high, -1))]
        if not all(certainly_nonnegative(size) for size in (*pair, span.count)):
            return None
        widths.append(tuple_of([t.lengths.code(size) for size in pair]))
    code = _filled(t, value, piece.region, letters)
    return Named(call("np.pad", code, widths[0] if len(widths) == 1 else tuple_of(widths)), tuple(letters))


# ---------------------------------------------------------------------------------------------- parts added to slices


def _added(
    t: Translator,
    dense: Sequence[Node],
    parts: Sequence[_Piece],
    letters: Sequence[Letter],
    gone: Sequence[Region] = (),
) -> Named:
    """The sum of dense terms, or zeros, with the parts added to its slices; nothing is left of what is ``gone``."""
    statements = t.blocks[-1].statements
    target = _start(t, dense, letters)
    first_of_all = next(m for m, s in enumerate(statements) if isinstance(s, Assign) and s.target == target.text)
    new = [p for p in parts if p.region in gone and all(p.region == r or apart(p.region, r) for r in gone)]
    for region in gone:
        if all(p.region != region for p in new):
            statements.append(Update(_entries(t, target, region, letters), "=", literal(0)))
    parts = [*new, *(p for p in parts if p not in new)]
    for m, piece in enumerate(parts):
        minus = all(is_subtracted(term) for term in terms_of(piece.node))
        node = opposite(piece.node) if minus else piece.node
        first = piece in new or (not dense and all(apart(piece.region, other.region) for other in parts[:m]))
        value = _value(t, _Piece(piece.region, node), truth=not (first and minus))
        rest = [x for x in letters if x not in piece.region or not piece.region[x].single]
        code = aligned(value, rest)
        if first and minus:
            code = negative(code)
        operator = "=" if first else "-=" if minus else "+="
        statements.append(Update(_entries(t, target, piece.region, letters), operator, code))
    return Named(_once(t.blocks[-1], target, first_of_all), tuple(letters))


def _entries(t: Translator, target: Code, region: Region, letters: Sequence[Letter]) -> Code:
    """The part of an array that is a region."""
    items: list[Code | str] = [_item(t, region[x], x) if x in region else ":" for x in letters]
    while items[-1] == ":":
        items.pop()
    return subscript(target, items)


def _once(block: Block, target: Code, start: int) -> Code:
    """The array itself, or one that was made in the same way before: then this one is not made again."""
    made = _making(block, target.text, start)
    for m, statement in enumerate(block.statements[:start]):
        if not isinstance(statement, Assign) or statement.role not in ("array", "buffer"):
            continue
        if _making(block, statement.target, m) == made:
            mine = (s for s in block.statements[start:] if _makes(s, target.text))
            gone = {id(s) for s in mine}
            block.statements[:] = [s for s in block.statements if id(s) not in gone]
            # others read it: it must not be added to any more
            block.statements[m] = replace(statement, role="array")
            return name(statement.target)
    return target


def _making(block: Block, target: str, start: int) -> list[str]:
    """How an array is made, whatever its name."""
    found: list[str] = []
    for s in block.statements[start:]:
        if isinstance(s, Assign) and s.target == target:
            found.append(s.code.text)
        elif isinstance(s, Update) and s.target is not None and _makes(s, target):
            found.append(f"{s.target.text.removeprefix(target)} {s.operator} {s.code}")
        elif isinstance(s, Loop) and target in s.changing:
            found.append(f"loop {target}")
    return found


def _makes(statement: Statement, target: str) -> bool:
    if isinstance(statement, Assign):
        return statement.target == target
    written = statement.target if isinstance(statement, Update) else None
    return written is not None and written.text.partition("[")[0] == target


def _start(t: Translator, dense: Sequence[Node], letters: Sequence[Letter]) -> Code:
    """The array that parts are added to."""
    if not dense:
        code = call("np.zeros", t.shape(letters), work=0)
    else:
        value = t.real(t.dense(add(*dense)))
        code = _filled(t, value, {}, letters)
        if not value.letters:
            kind: dict[str, Code | str] = {} if "np.inf" in value.code.text else {"dtype": "float"}
            code = call("np.full", t.shape(letters), value.code, work=0, label="", **kind)
        elif _is_buffer(t, code):
            return code
        elif code.own_work == 0 or code.text.startswith("np.broadcast_to("):
            code = method(code, "copy", work=0)
    target = name(t.identifiers.label("total"))
    t.blocks[-1].statements.append(Assign(target.text, code, role="buffer"))
    return target


def _is_buffer(t: Translator, code: Code) -> bool:
    """Whether this is an array that sums are added to already."""
    made = (s for s in t.blocks[-1].statements if isinstance(s, Assign) and s.role == "buffer")
    return any(s.target == code.text for s in made)


def _item(t: Translator, span: Span, one: Letter) -> Code:
    """The subscript of a span."""
    if span.single:
        last = plus(span.low, 1) == one.length and not isinstance(one.length, int)
        return literal(-1) if last else t.lengths.code(span.low)
    return slice_between(t, span.low, span.end, span.step, one.length)
