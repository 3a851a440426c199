"""A tensor read at indices: whole, by slices, through windows, by ``reshape``, else by index arrays.

What lies outside a tensor reads as 0, which is padding; a bracket says so in the formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive.index import Index, Letter, Quotient, Remainder, as_index, union
from derive.nodes import Node
from derive.render.numpy.arrays import Named, aligned, transposed
from derive.render.numpy.code import (
    ADD,
    COMPARE,
    MUL,
    Code,
    binary,
    call,
    chain,
    literal,
    method,
    negative,
    slice_of,
    subscript,
    tuple_of,
)
from derive.size_algebra import Size, certainly_nonnegative, plus, times

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["both", "index_array", "padding", "read", "scalar_index", "slice_between"]


@dataclass
class _Axis:
    """How an axis is read: ``kind`` is whole, rolled, scalar, slice, window, split, quotient, remainder or array."""

    kind: str
    index: Index
    size: Size
    letters: tuple[Letter, ...] = ()
    left: Code | None = None
    right: Code | None = None


def scalar_index(t: Translator, index: Index) -> Code:
    """An index whose letters are all variables of loops."""
    terms: list[tuple[bool, Code]] = []
    for atom, coefficient in index.terms:
        minus = certainly_nonnegative(times(coefficient, -1))
        size = times(coefficient, -1) if minus else coefficient
        if isinstance(atom, Letter):
            code = t.fixed[atom]
        elif isinstance(atom, Quotient):
            inner = scalar_index(t, atom.index)
            operator = "%" if isinstance(atom, Remainder) else "//"
            code = chain(MUL, inner, [(operator, t.lengths.code(atom.divisor))], work=0)
        else:
            assert isinstance(atom, Node)
            code = call("int", t.solid(t.value(atom)).code)
        if size != 1:
            code = chain(MUL, t.lengths.code(size), [("*", code)], work=0)
        terms.append((minus, code))
    return _total(t, terms, index.constant, literal("0"))


def _total(t: Translator, terms: list[tuple[bool, Code]], constant: Size, empty: Code, work: int = 0) -> Code:
    if constant != 0 or not terms:
        minus = certainly_nonnegative(times(constant, -1)) and constant != 0
        if terms or constant != 0:
            terms = [*terms, (minus, t.lengths.code(times(constant, -1) if minus else constant))]
        else:
            return empty
    at = next((m for m, (minus, _) in enumerate(terms) if not minus), None)
    if at is None:
        first = negative(terms[0][1], work=work)
        rest = terms[1:]
    else:
        first, rest = terms[at][1], terms[:at] + terms[at + 1 :]
    return chain(ADD, first, [("-" if m else "+", c) for m, c in rest], work=work) if rest else first


def index_array(t: Translator, index: Index) -> Named:
    """The values of an index as an integer array."""
    parts: list[tuple[bool, Named]] = []
    constant = Index((), index.constant)
    for atom, coefficient in index.terms:
        if isinstance(atom, Letter) and atom in t.fixed:
            constant = constant + Index(((atom, coefficient),), 0)
            continue
        minus = certainly_nonnegative(times(coefficient, -1))
        size = times(coefficient, -1) if minus else coefficient
        if isinstance(atom, Letter):
            one = Named(call("np.arange", t.lengths.code(atom.length, atom.name), work=0), (atom,), "int")
        elif isinstance(atom, Quotient):
            inner = index_array(t, atom.index)
            operator = "%" if isinstance(atom, Remainder) else "//"
            code = chain(MUL, inner.code, [(operator, t.lengths.code(atom.divisor))])
            one = Named(code, inner.letters, "int")
        else:
            assert isinstance(atom, Node)
            one = t.solid(t.value(atom))
        if size != 1:
            one = Named(chain(MUL, t.lengths.code(size), [("*", one.code)]), one.letters, "int")
        parts.append((minus, one))
    if not parts:
        return Named(scalar_index(t, index), (), "int")
    letters = tuple(sorted(union(p.letters for _, p in parts), key=t.rank))
    terms = [(minus, aligned(p, letters)) for minus, p in parts]
    if constant.terms:
        terms.append((False, scalar_index(t, constant)))
        return Named(_total(t, terms, 0, literal("0"), 1), letters, "int")
    return Named(_total(t, terms, constant.constant, literal("0"), 1), letters, "int")


def padding(t: Translator, index: Index, size: Size) -> tuple[Code | None, Code | None]:
    """What an axis has to be padded by, left and right, so that an index stays inside."""
    low, high = index.lower(), index.upper()
    assert low is not None
    assert high is not None
    left, right = times(low, -1), plus(high, times(plus(size, -1), -1))
    before = None if certainly_nonnegative(low) else _amount(t, left)
    if certainly_nonnegative(times(right, -1)):
        return before, None
    if before is not None and certainly_nonnegative(left) and certainly_nonnegative(plus(left, times(right, -1))):
        return before, before
    return before, _amount(t, right)


def _amount(t: Translator, size: Size) -> Code:
    code = t.lengths.code(size)
    return code if certainly_nonnegative(size) else call("max", "0", code, work=0)


# ------------------------------------------------------------------------------------------------------ the axes


def read(t: Translator, array: Code, axes: Sequence[Size], indices: Sequence[Index], label: str) -> Named:
    """The entries of an array at indices; what lies outside reads as 0."""
    plans = _planned(t, axes, indices)
    code = _sliced(t, _padded(t, array, plans, label), plans)
    plans = [p for p in plans if p.kind != "scalar"]
    code = _rolled(t, code, plans)
    letters: list[Letter | None] = [p.letters[0] if p.kind in ("whole", "slice", "window") else None for p in plans]
    if any(p.kind == "array" for p in plans):
        return _gathered(t, code, plans, label)
    code, all_letters = _windowed(t, code, plans, letters, label)
    return _reshaped(t, code, plans, all_letters)


def _planned(t: Translator, axes: Sequence[Size], indices: Sequence[Index]) -> list[_Axis]:
    uses: dict[Letter, int] = {}
    for index in indices:
        for x in index.free:
            if x not in t.fixed:
                uses[x] = uses.get(x, 0) + 1
    plans = [_plan(t, axis, index, uses) for axis, index in zip(axes, indices, strict=True)]
    _pair_digits(plans, uses)
    if any(p.kind == "array" for p in plans):
        for p in plans:
            if p.kind in ("window", "split"):
                p.kind, p.letters = "array", ()
    return plans


def _plan(t: Translator, size: Size, index: Index, uses: dict[Letter, int]) -> _Axis:
    moving = [x for x in index.free if x not in t.fixed]
    if not moving and not any(isinstance(atom, Node) and atom.free for atom, _ in index.terms):
        scalar = all(not isinstance(atom, Node) for atom, _ in index.terms)
        return _Axis("scalar" if scalar else "array", index, size)
    one = index.letter
    if one is not None and one.length == size and uses[one] == 1:
        return _Axis("whole", index, size, (one,))
    turning = _turning(index, size)
    if turning is not None and uses[turning] == 1 and turning not in t.fixed:
        return _Axis("rolled", index, size, (turning,))
    affine = all(isinstance(atom, Letter) for atom, _ in index.terms)
    if affine and all(uses[x] == 1 for x in moving) and not _fixed_terms(t, index):
        known = index.lower() is not None and index.upper() is not None
        step = index.coefficient(moving[0])
        if len(moving) == 1 and known and any(certainly_nonnegative(plus(c, -1)) for c in (step, times(step, -1))):
            return _Axis("slice", index, size, (moving[0],))
        letters = tuple(a for a, _ in index.terms if isinstance(a, Letter))
        digits = _digits(index, size)
        if digits:
            return _Axis("split", index, size, digits)
        positive = all(certainly_nonnegative(plus(c, -1)) for _, c in index.terms)
        if len(letters) == 2 and index.coefficient(letters[0]) == 1:
            # windows are short, steps are between them
            letters = letters if index.coefficient(letters[1]) == 1 else letters[::-1]
        if len(letters) == 2 and known and positive:
            return _Axis("window", index, size, letters)
    if affine and len(moving) == 1 and uses[moving[0]] == 1 and _is_step(index.coefficient(moving[0])):
        return _Axis("shifted", index, size, (moving[0],)) if _certain(index, size) else _Axis("array", index, size)
    return _Axis("array", index, size)


def _turning(index: Index, size: Size) -> Letter | None:
    """The letter that goes once around an axis, from any place in it."""
    if len(index.terms) != 1 or index.constant != 0:
        return None
    atom, coefficient = index.terms[0]
    if not isinstance(atom, Remainder) or coefficient != 1 or atom.divisor != size:
        return None
    inner = Index(atom.index.terms, 0).letter
    return inner if inner is not None and inner.length == size else None


def _is_step(coefficient: Size) -> bool:
    return certainly_nonnegative(plus(coefficient, -1))


def _certain(index: Index, size: Size) -> bool:
    return index.certainly_at_least_zero() and index.certainly_below(size)


def _fixed_terms(t: Translator, index: Index) -> bool:
    return any(x in t.fixed for x in index.free)


def _digits(index: Index, size: Size) -> tuple[Letter, ...]:
    """The letters of a mixed-radix number that covers the axis, the highest digit first."""
    if index.constant != 0:
        return ()
    left = [(a, c) for a, c in index.terms if isinstance(a, Letter)]
    digits: list[Letter] = []
    radix: Size = 1
    while left:
        found = next(((a, c) for a, c in left if c == radix), None)
        if found is None:
            return ()
        left.remove(found)
        digits.append(found[0])
        radix = times(radix, found[0].length)
    return tuple(reversed(digits)) if radix == size and len(digits) > 1 else ()


def _pair_digits(plans: list[_Axis], uses: dict[Letter, int]) -> None:
    """Two axes that are read at the quotient and the remainder of one letter."""
    found: dict[tuple[Letter, object], dict[type, _Axis]] = {}
    for p in plans:
        if p.kind == "array" and len(p.index.terms) == 1 and p.index.constant == 0 and p.index.terms[0][1] == 1:
            atom = p.index.terms[0][0]
            if isinstance(atom, Quotient) and atom.index.letter is not None:
                found.setdefault((atom.index.letter, atom.divisor), {})[type(atom)] = p
    for (one, divisor), pair in found.items():
        if len(pair) == 2 and uses[one] == 2:
            high, low = pair[Quotient], pair[Remainder]
            if low.size == divisor and times(high.size, low.size) == one.length:
                high.kind, low.kind = "quotient", "remainder"
                high.letters = low.letters = (one,)


# ------------------------------------------------------------------------------------------- what is done to them


def _padded(t: Translator, array: Code, plans: list[_Axis], label: str) -> Code:
    for p in plans:
        if p.kind in ("slice", "window"):
            p.left, p.right = padding(t, p.index, p.size)
    if not any(p.left or p.right for p in plans):
        return array
    zero = literal(0)
    widths = tuple_of([tuple_of([p.left or zero, p.right or zero]) for p in plans])
    if len(plans) == 1:
        widths = tuple_of([plans[0].left or zero, plans[0].right or zero])
    return t.named(f"{label}_padded", call("np.pad", array, widths))


def _sliced(t: Translator, code: Code, plans: list[_Axis]) -> Code:
    items: list[Code | str] = []
    backwards: list[str] = []
    for p in plans:
        if p.kind == "scalar":
            items.append(_wrapped(t, p))
        elif p.kind == "slice":
            item, reverse = _slice(t, p)
            items.append(item)
            backwards.append("::-1" if reverse else ":")
        elif p.kind == "shifted":
            start = scalar_index(t, p.index.without(p.letters[0]))
            step = p.index.coefficient(p.letters[0])
            reach = t.lengths.code(p.letters[0].length, p.letters[0].name)
            reach = reach if step == 1 else chain(MUL, t.lengths.code(step), [("*", reach)], work=0)
            stop = chain(ADD, start, [("+", reach)], work=0)
            items.append(slice_of(start, stop, None if step == 1 else t.lengths.code(step)))
            p.kind = "slice"
            backwards.append(":")
        else:
            items.append(":")
            backwards.append(":")
    code = _subscripted(code, items)
    return _subscripted(code, list(backwards))


def _rolled(t: Translator, code: Code, plans: list[_Axis]) -> Code:
    """The array with what is read around the end of an axis in its place."""
    axes = [m for m, p in enumerate(plans) if p.kind == "rolled"]
    if not axes:
        return code
    shifts = []
    for m in axes:
        plans[m].kind = "whole"
        ((atom, _),) = plans[m].index.terms
        assert isinstance(atom, Remainder)
        by = times(atom.index.constant, -1)
        around = plus(by, plans[m].size)
        shifts.append(t.lengths.code(around if isinstance(around, int) and not isinstance(by, int) else by))
    if len(plans) == 1:
        return call("np.roll", code, *shifts)
    places = [literal(m) for m in axes]
    shift, axis = (one[0] if len(one) == 1 else tuple_of(one) for one in (shifts, places))
    return call("np.roll", code, shift, axis=axis)


def _wrapped(t: Translator, p: _Axis) -> Code:
    """One entry; the last of an axis is -1."""
    if not p.index.terms and not isinstance(p.size, int) and plus(p.index.constant, 1) == p.size:
        return literal(-1)
    return scalar_index(t, p.index)


def _subscripted(code: Code, items: list[Code | str]) -> Code:
    while items and items[-1] == ":":
        items.pop()
    return subscript(code, items) if items else code


def _slice(t: Translator, p: _Axis) -> tuple[Code | str, bool]:
    """The slice that a letter reads, and whether it is read backwards."""
    (one,) = p.letters
    step = p.index.coefficient(one)
    reverse = not certainly_nonnegative(step)
    low = p.index.lower()
    assert low is not None
    start = _shifted(t, low, p.left)
    stride = times(step, -1) if reverse else step
    length = t.lengths.code(one.length, one.name)
    padded = p.left is not None or p.right is not None
    whole = not padded and low == 0 and stride == 1 and one.length == p.size
    if whole:
        return ":", reverse
    if not padded:
        return slice_between(t, low, plus(low, times(stride, one.length)), stride, p.size), reverse
    reach = length if stride == 1 else chain(MUL, t.lengths.code(stride), [("*", length)], work=0)
    stop = reach if start is None else chain(ADD, start, [("+", reach)], work=0)
    return slice_of(start, stop, None if stride == 1 else t.lengths.code(stride)), reverse


def slice_between(t: Translator, low: Size, end: Size, step: Size, size: Size) -> Code:
    """``low:end:step`` of an axis, with what is left out that Python puts in; ``end`` is where the next would be."""
    start = None if low == 0 else t.lengths.code(low)
    left = plus(size, times(end, -1))
    if certainly_nonnegative(times(left, -1)):
        stop: Code | None = None
    elif isinstance(left, int) and not isinstance(size, int):
        stop = literal(-left)
    else:
        stop = t.lengths.code(end)
    return slice_of(start, stop, None if step == 1 else t.lengths.code(step))


def _shifted(t: Translator, low: Size, left: Code | None) -> Code | None:
    """Where a slice starts in a padded axis; None for 0."""
    if left is None:
        return None if low == 0 else t.lengths.code(low)
    if not certainly_nonnegative(times(low, -1)):
        # padded by max(0, -low), so that it starts at max(0, low)
        return call("max", "0", t.lengths.code(low), work=0)
    return None


def _gathered(t: Translator, code: Code, plans: list[_Axis], label: str) -> Named:
    """Entries at index arrays; axes between them stay as they are."""
    arrays = {m: index_array(t, p.index) for m, p in enumerate(plans) if p.kind not in ("whole", "slice")}
    letters = tuple(sorted(union(a.letters for a in arrays.values()), key=t.rank))
    outside: list[Code] = []
    items: list[Code | str] = []
    for m, p in enumerate(plans):
        if m not in arrays:
            items.append(":")
            continue
        at = aligned(arrays[m], letters)
        low, high = p.index.certainly_at_least_zero(), p.index.certainly_below(p.size)
        if not (low and high):
            at = t.named(f"{label}_index", at)
            last = chain(ADD, t.lengths.code(p.size), [("-", literal(1))], work=0)
            if not low:
                outside.append(binary(at, ">=", literal(0)))
            if not high:
                outside.append(binary(at, "<", t.lengths.code(p.size)))
            at = call("np.clip", at, "0", last)
        items.append(at)
    places = sorted(arrays)
    adjacent = places == list(range(places[0], places[-1] + 1))
    front = places[0] if adjacent else 0
    rest = [p.letters[0] for m, p in enumerate(plans) if m not in arrays]
    # one index array alone may be given with fewer axes than the others: all broadcast together
    result = (*rest[:front], *letters, *rest[front:])
    while items and items[-1] == ":":
        items.pop()
    gathered = subscript(code, items, work=2)
    if outside:
        inside = both(outside)
        mask = Named(inside, letters, "bool")
        wide = aligned(mask, result)
        gathered = call("np.where", wide, gathered, "0")
    return Named(gathered, result)


def both(conditions: Sequence[Code]) -> Code:
    """All of the conditions, entry by entry."""
    if len(conditions) == 1:
        return conditions[0]
    return chain(COMPARE + 1, conditions[0], [("&", c) for c in conditions[1:]])


def _windowed(
    t: Translator, code: Code, plans: list[_Axis], letters: list[Letter | None], label: str
) -> tuple[Code, list[Letter | None]]:
    windows = [(m, p) for m, p in enumerate(plans) if p.kind == "window"]
    if not windows:
        return code, letters
    t.imports.add("from numpy.lib.stride_tricks import sliding_window_view")
    lengths: list[Code | str] = []
    ends: list[Code | str] = []
    items: list[Code | str] = [":"] * len(plans)
    for m, p in windows:
        outer, inner = p.letters
        step, dilation = p.index.coefficient(outer), p.index.coefficient(inner)
        length = plus(times(dilation, plus(inner.length, -1)), 1)
        lengths.append(_reach(t, dilation, inner))
        count = t.lengths.code(outer.length, outer.name)
        if step == 1:
            exact = p.left is None and p.right is None and plus(plus(p.size, times(length, -1)), 1) == outer.length
            low = p.index.lower()
            assert low is not None
            exact = exact and low == 0
            start = _shifted(t, low, p.left)
            if not exact:
                items[m] = slice_of(start, count if start is None else chain(ADD, start, [("+", count)], work=0))
        else:
            low = p.index.lower()
            assert low is not None
            start = _shifted(t, low, p.left)
            reach = chain(MUL, t.lengths.code(step), [("*", count)], work=0)
            stop = reach if start is None else chain(ADD, start, [("+", reach)], work=0)
            items[m] = slice_of(start, stop, t.lengths.code(step))
        ends.append(":" if dilation == 1 else slice_of(None, None, t.lengths.code(dilation)))
    shape = lengths[0] if len(lengths) == 1 else tuple_of(lengths)
    axis = str(windows[0][0]) if len(windows) == 1 else tuple_of([literal(m) for m, _ in windows])
    view = call("sliding_window_view", code, shape, work=0, axis=axis)
    view = _subscripted(view, [*items, *ends])
    return t.named(f"{label}_windows", view), [*letters, *(p.letters[1] for _, p in windows)]


def _reach(t: Translator, dilation: Size, inner: Letter) -> Code:
    """How many entries a window spans."""
    count = t.length(inner)
    if dilation == 1:
        return count
    last = chain(ADD, count, [("-", literal(1))], work=0)
    steps = chain(MUL, t.lengths.code(dilation), [("*", last)], work=0)
    return chain(ADD, steps, [("+", literal(1))], work=0)


def _reshaped(t: Translator, code: Code, plans: list[_Axis], letters: list[Letter | None]) -> Named:
    """Split and merged axes."""
    if any(p.kind == "split" for p in plans):
        shape: list[Code | str] = []
        own: list[Letter | None] = []
        for p, x in zip(plans, letters, strict=False):
            if p.kind == "split":
                shape += [t.lengths.code(digit.length, digit.name) for digit in p.letters]
                own += list(p.letters)
            else:
                shape.append(t.lengths.code(x.length, x.name) if x is not None else t.lengths.code(p.size))
                own.append(x)
        rest = letters[len(plans) :]
        if rest:
            shape += [t.lengths.code(x.length, x.name) for x in rest if x is not None]
            own += rest
        expanded: list[_Axis] = []
        for p in plans:
            expanded += [p] * (len(p.letters) if p.kind == "split" else 1)
        plans, letters = expanded, own
        code = method(code, "reshape", *shape, work=0)
    while any(p.kind == "quotient" for p in plans):
        code, plans, letters = _merged(t, code, plans, letters)
    return Named(code, tuple(x for x in letters if x is not None))


def _merged(
    t: Translator, code: Code, plans: list[_Axis], letters: list[Letter | None]
) -> tuple[Code, list[_Axis], list[Letter | None]]:
    high = next(m for m, p in enumerate(plans) if p.kind == "quotient")
    one = plans[high].letters[0]
    low = next(m for m, p in enumerate(plans) if p.kind == "remainder" and p.letters[0] is one)
    others = [m for m in range(len(letters)) if m not in (high, low)]

    # the merged axis is the last, if its low digit is, else where the order of the letters wants it
    def rank(m: int) -> int:
        x = letters[m]
        return 0 if x is None else t.rank(x)

    others.sort(key=rank)
    place = len(others) if low == len(letters) - 1 else sum(rank(m) < t.rank(one) for m in others)
    order = [*others[:place], high, low, *others[place:]]
    code = transposed(code, order)
    shape: list[Code | str] = []
    for m in order:
        x = letters[m]
        if m == high:
            shape.append(t.lengths.code(one.length, one.name))
        elif m != low:
            assert x is not None or m < len(plans)
            shape.append(t.lengths.code(x.length, x.name) if x is not None else t.lengths.code(plans[m].size))
    kept = [m for m in order if m != low]
    merged = _Axis("whole", as_index(one), one.length, (one,))
    more = [_Axis("whole", as_index(0), 1)] * (len(letters) - len(plans))
    every = [*plans, *more]
    return (
        method(code, "reshape", *shape, work=0),
        [merged if m == high else every[m] for m in kept],
        [one if m == high else letters[m] for m in kept],
    )
