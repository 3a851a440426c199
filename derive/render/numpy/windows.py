"""Sums over a window that slides along an axis: a correlation or convolution, else a loop over the few offsets.

Where channels are contracted too, a matrix product of all windows is quicker: that is left to ``reads``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import sympy

from derive.index import Index, Letter, as_index
from derive.nodes import Bracket, Node, Number, Ref
from derive.notation import mul
from derive.render.numpy.arrays import Named, aligned
from derive.render.numpy.block import Assign, Block, Loop, Update
from derive.render.numpy.code import ADD, Code, call, chain, literal, name, slice_of, subscript, tuple_of
from derive.render.numpy.reads import read, slice_between
from derive.size_algebra import Size, certainly_nonnegative, plus, times

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["slid"]

FEW = 32
"""How many offsets are worth a loop."""
SHORT = 4
"""How many entries of a block are added up one by one: a sum along so short an axis is slow, and so is its copy."""


def slid(t: Translator, factors: Sequence[Node], over: Sequence[Letter]) -> Named | None:
    """The product summed over letters, where a window slides along an axis; None where none does."""
    if not over:
        return None
    return _correlated(t, factors, over) or _looped(t, factors, over) or _strides(t, factors, over)


# -------------------------------------------------------------------------------------------------- one axis alone


def _correlated(t: Translator, factors: Sequence[Node], over: Sequence[Letter]) -> Named | None:
    """``Σ_s a[s] b[s + j + c]`` and ``Σ_s a[s] b[s - j + c]``, and the convolution ``Σ_s a[s] b[j - s]``."""
    if len(over) != 1:
        return None
    (one,) = over
    for m, window in enumerate(factors):
        if not isinstance(window, Ref) or len(window.indices) != 1 or window.tensor in t.passing:
            continue
        (index,), (size,) = window.indices, window.tensor.axes
        moving = [a for a, _ in index.terms if a is not one]
        other = moving[0] if len(moving) == 1 else None
        if not isinstance(other, Letter) or other in t.fixed or index.coefficient(one) not in (1, -1):
            continue
        if index.coefficient(other) not in (1, -1):
            continue
        guards = [f for f in factors if isinstance(f, Bracket)]
        inside = (index, Index((), size) - index - 1)
        rest = [f for k, f in enumerate(factors) if k != m and f not in guards]
        if any(g.relation in "=≠" or g.difference() not in inside for g in guards):
            continue
        if any((isinstance(f, Number) and f.value.is_infinite) or f.free - {one} for f in rest):
            continue
        kernel = [f for f in rest if not isinstance(f, Number)]
        if kernel and all(f.free == {one} for f in kernel):
            made = _slid(t, window, index, one, other, mul(*kernel))
            number = mul(*(f for f in rest if isinstance(f, Number)))
            if made is not None and isinstance(number, Number):
                return t.scaled(made, number.value)
    return None


def _slid(t: Translator, window: Ref, index: Index, one: Letter, other: Letter, kernel: Node) -> Named | None:
    """A kernel along ``one`` that slides over the axis of a tensor, a place for each ``other``."""
    (size,) = window.tensor.axes
    array = t.arrays[window.tensor]
    full = plus(plus(one.length, size), -1) == other.length and index.constant == 0
    if full and index.coefficient(one) == -1 and index.coefficient(other) == 1:
        return Named(call("np.convolve", _vector(t, kernel), array, work=3), (other,))
    backwards = [index.coefficient(x) == -1 for x in (one, other)]
    low, high = index.lower(), index.upper()
    if all(backwards) or low is None or high is None:
        return None
    read = _stretch(t, array, low, plus(high, 1), size)
    if read is None:
        return None
    reverse = ["::-1"]
    kernel_code = _vector(t, kernel)
    if backwards[0]:
        kernel_code = subscript(kernel_code, reverse)
    code = call("np.correlate", read, kernel_code, '"valid"', work=3)
    return Named(subscript(code, reverse) if backwards[1] else code, (other,))


def _vector(t: Translator, node: Node) -> Code:
    return t.numeric(t.dense(node)).code


def _stretch(t: Translator, array: Code, low: Size, high: Size, size: Size) -> Code | None:
    """A stretch of an axis, with zeros where it reaches out of it."""
    before, after = times(low, -1), plus(high, times(size, -1))
    if all(certainly_nonnegative(times(x, -1)) for x in (before, after)):
        item = slice_between(t, low, high, 1, size)
        return array if item.text == ":" else subscript(array, [item])
    if all(certainly_nonnegative(x) for x in (before, after)):
        return call("np.pad", array, tuple_of([t.lengths.code(before), t.lengths.code(after)]))
    return None


# ------------------------------------------------------------------------------------------------- several offsets


def _looped(t: Translator, factors: Sequence[Node], over: Sequence[Letter]) -> Named | None:
    """The sum by a loop over the offsets of a window, where nothing but these and what slides is multiplied."""
    windows = [f for f in factors if isinstance(f, Ref) and any(_is_window(t, i) for i in f.indices)]
    others = [f for f in factors if not isinstance(f, Number) and f not in windows]
    if len(windows) != 1 or any(isinstance(f, Bracket) for f in others):
        return None
    (window,) = windows
    if not _is_certain(window) or (not others and _has_blocks(window, over)):
        return None
    free = tuple(sorted((x for x in mul(*factors).free - set(over) if x not in t.fixed), key=t.rank))
    slides = [i for i in window.indices if _is_window(t, i)]
    added, entered = _offsets(slides, over), _offsets(slides, free)
    if added and (not entered or _count(added) <= _count(entered)):
        # each offset gives a whole array, which is added up
        rest = {x for f in others for x in f.free if x not in t.fixed}
        if set(over) != set(added) or not rest <= window.free:
            return None
        number = sympy.Mul(*(f.value for f in factors if isinstance(f, Number)))
        total = _summed(t, [f for f in factors if not isinstance(f, Number)], added, free)
        return t.scaled(total, number)
    kept = [x for x in free if x not in entered]
    short = len(over) > 1 and _count(entered) <= SHORT
    if entered and len(others) == 1 and (short or others[0].free.issuperset(kept)):
        return _entered(t, factors, over, entered, free)
    return None


def _is_window(t: Translator, index: Index) -> bool:
    """Whether an index is the place of a window plus an offset in it."""
    letters = [a for a, _ in index.terms if isinstance(a, Letter) and a not in t.fixed]
    return len(letters) == 2 == len(index.terms)


def _is_certain(window: Ref) -> bool:
    pairs = zip(window.indices, window.tensor.axes, strict=True)
    return all(i.certainly_at_least_zero() and i.certainly_below(size) for i, size in pairs)


def _offsets(slides: Sequence[Index], among: Sequence[Letter]) -> list[Letter]:
    """The letter of each window that counts its few offsets, if it is one of these; nothing where one has none."""
    found = [[a for a, _ in i.terms if isinstance(a, Letter) and a in among] for i in slides]
    offsets = [letters[0] for letters in found if len(letters) == 1 and isinstance(letters[0].length, int)]
    whole = len(offsets) == len(slides) == len(set(offsets))
    return offsets if whole and _count(offsets) <= FEW else []


def _count(offsets: Sequence[Letter]) -> int:
    return prod(x.length for x in offsets if isinstance(x.length, int))


def _loops(t: Translator, offsets: Sequence[Letter], target: Code) -> Block:
    """Loops over offsets, in the current block; the innermost block."""
    block = t.blocks[-1]
    for x in offsets:
        variable = t.identifiers.variable(x.name, {c.text for c in t.fixed.values()})
        t.fixed[x] = name(variable)
        inner = Block()
        block.statements.append(Loop(variable, call("range", t.length(x), work=0), inner, frozenset((target.text,))))
        block = inner
    return block


def _summed(t: Translator, factors: Sequence[Node], offsets: Sequence[Letter], free: Sequence[Letter]) -> Named:
    target = _buffer(t, "np.zeros", free)
    block = _loops(t, offsets, target)
    t.blocks.append(block)
    code = aligned(t.numeric(t.dense_product(factors, ())), free)
    t.blocks.pop()
    block.statements.append(Update(target, "+=", code))
    for x in offsets:
        del t.fixed[x]
    return Named(target, tuple(free))


def _entered(
    t: Translator, factors: Sequence[Node], over: Sequence[Letter], offsets: Sequence[Letter], free: Sequence[Letter]
) -> Named:
    target = _buffer(t, "np.empty", free)
    block = _loops(t, offsets, target)
    t.blocks.append(block)
    rest = [x for x in free if x not in offsets]
    code = aligned(t.numeric(t.dense_product(factors, over)), rest)
    t.blocks.pop()
    items: list[Code | str] = [t.fixed[x] if x in offsets else ":" for x in free]
    while items[-1] == ":":
        items.pop()
    block.statements.append(Update(subscript(target, items), "=", code))
    for x in offsets:
        del t.fixed[x]
    return Named(target, tuple(free))


def _buffer(t: Translator, function: str, letters: Sequence[Letter]) -> Code:
    target = name(t.identifiers.label("total"))
    t.blocks[-1].statements.append(Assign(target.text, call(function, t.shape(letters), work=0), role="buffer"))
    return target


# -------------------------------------------------------------------------------------------------- short blocks


def _strides(t: Translator, factors: Sequence[Node], over: Sequence[Letter]) -> Named | None:
    """``x[0::2] + x[1::2]``: the sum over the few entries of the blocks of an axis, by a slice for each of them."""
    rest = [f for f in factors if not isinstance(f, Number)]
    whole = rest[0] if len(rest) == 1 else None
    if not isinstance(whole, Ref) or not all(isinstance(x.length, int) and x.length <= SHORT for x in over):
        return None
    if any(isinstance(f, Number) and f.value.is_infinite for f in factors) or whole.tensor in t.passing:
        return None
    code, axes, indices = t.arrays[whole.tensor], whole.tensor.axes, list(whole.indices)
    for one in over:
        at = next((m for m, i in enumerate(indices) if _is_block(i, one, axes[m])), None)
        if at is None or any(one in i.free for m, i in enumerate(indices) if m != at):
            return None
        place = next(a for a, _ in indices[at].terms if a is not one)
        assert isinstance(place, Letter)
        code = _added_up(code, at, one)
        indices[at] = as_index(place)
        axes = (*axes[:at], place.length, *axes[at + 1 :])
    number = mul(*(f for f in factors if isinstance(f, Number)))
    made = read(t, code, axes, indices, "blocks")
    return t.scaled(made, number.value if isinstance(number, Number) else sympy.Integer(1))


def _has_blocks(whole: Ref, over: Sequence[Letter]) -> bool:
    """Whether the entries of blocks that lie side by side are summed."""
    pairs = list(zip(whole.indices, whole.tensor.axes, strict=True))
    return any(_is_block(index, one, size) for one in over for index, size in pairs)


def _is_block(index: Index, one: Letter, size: Size) -> bool:
    """Whether an index is the place of a block, a letter, times its length plus an entry of it."""
    if len(index.terms) != 2 or index.constant != 0 or index.coefficient(one) != 1:
        return False
    ((place, length),) = index.without(one).terms
    return isinstance(place, Letter) and length == one.length and times(place.length, length) == size


def _added_up(code: Code, axis: int, one: Letter) -> Code:
    """The entries of the blocks along an axis, added up."""
    assert isinstance(one.length, int)
    length = literal(one.length)
    items = [slice_of(literal(entry) if entry else None, None, length) for entry in range(one.length)]
    slices = [subscript(code, [*[":"] * axis, item]) for item in items]
    return chain(ADD, slices[0], [("+", s) for s in slices[1:]]).labelled("blocks")
