"""Products of arrays under masks: what a false bracket multiplies never reaches the result.

A mask is a factor like others, or the triangle or the diagonal of one. A factor that may be infinite where a mask of
its own letters is false is chosen by ``np.where``; no array is made for a mask that has more axes than a factor.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeGuard

import sympy

from derive.index import Letter, union
from derive.nodes import Bracket, Node, Number, Pow
from derive.render.numpy.arrays import Named, aligned, common_order
from derive.render.numpy.code import MUL, call, chain, literal, method
from derive.render.numpy.exclusions import excluded, leaves_out
from derive.render.numpy.products import contracted, multiplied
from derive.render.numpy.reads import both
from derive.size_algebra import times as size_times

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["entrywise", "masked"]

ONE = sympy.Integer(1)


def masked(
    t: Translator, factors: Sequence[Node], guards: Sequence[Node], over: Sequence[Letter], scale: sympy.Expr = ONE
) -> Named:
    """A number times the product with its masks, summed over letters."""
    below = [Pow(f.base, _positive(f.exponent)) for f in factors if isinstance(f, Pow) and _is_negative(f.exponent)]
    above = [f for f in factors if not (isinstance(f, Pow) and _is_negative(f.exponent))]
    if over and len(above) == 1 and not guards and not below and _is_square(above[0]):
        # a sum of squares is a product with itself
        values = [_Value(t.numeric(t.dense(above[0].base)), risky=False)] * 2
    else:
        values = [_Value(t.factor(f), not t.risk.finite(f)) for f in above]
    divisors = [_Value(t.factor(f), not t.risk.divides(f.base)) for f in below]
    if not over and not guards and scale != 1:
        # a number goes to the factor with the fewest entries
        every = set(union(v.letters for v in (*values, *divisors)))
        least = min(range(len(values)), key=lambda m: len(values[m].letters), default=None)
        if least is not None and len(values[least].letters) < len(every) and len(values) > 1:
            smallest = _Value(t.scaled(values.pop(least).named, scale), risky=False)
            values, scale = [smallest, *values], sympy.Integer(1)
    masks = [_Mask(guard, t.dense(guard)) for guard in guards]
    if scale.is_infinite and guards:
        # nothing times infinity is nothing here, which it is not where a mask is a factor
        values, scale = [_Value(t.factor(Number(scale)), risky=True), *values], ONE
    return t.scaled(_unscaled(t, values, divisors, masks, over), scale)


@dataclass(frozen=True)
class _Mask:
    """A guard, and where it holds."""

    guard: Node
    truth: Named

    @property
    def letters(self) -> tuple[Letter, ...]:
        return self.truth.letters

    def factor(self, t: Translator) -> Named:
        """The mask as a factor of a product."""
        numbers = _triangle(t, self.guard, None)
        return numbers or (replace(self.truth, kind="float") if self.truth.kind == "eye" else self.truth)


@dataclass(frozen=True)
class _Value:
    """A factor or a divisor. One that is ``risky`` may be infinite, or zero, where a mask is false."""

    named: Named
    risky: bool

    @property
    def letters(self) -> tuple[Letter, ...]:
        return self.named.letters


def _unscaled(
    t: Translator, values: list[_Value], divisors: list[_Value], masks: list[_Mask], over: Sequence[Letter]
) -> Named:
    """The product of values and masks, divided by the divisors, summed over letters."""
    present = {x for v in (*values, *divisors) for x in v.letters}
    present |= {x for m in masks for x in m.letters}
    counted = [x for x in over if x not in present]
    over = [x for x in over if x in present]
    made = _summed(t, values, divisors, masks, over) if over else _entrywise(t, values, divisors, masks)
    for x in counted:
        made = Named(chain(MUL, t.length(x), [("*", made.code)]), made.letters)
    return made


def _entrywise(t: Translator, values: list[_Value], divisors: list[_Value], masks: list[_Mask]) -> Named:
    """The product of the values divided by the divisors where all masks hold, else 0."""
    if (left_out := _left_out(t, values, divisors, masks)) is not None:
        return left_out
    whole = entrywise(t, [v.named for v in values], [d.named for d in divisors])
    if len(masks) == 1:
        made = None if divisors else _triangle(t, masks[0].guard, whole) or _diagonal(t, masks[0].guard, whole)
        if made is not None:
            return made
    if (
        len(masks) == 1
        and masks[0].truth.kind == "eye"
        and not any(v.letters or v.risky for v in (*values, *divisors))
    ):
        # a number times the unit matrix
        made = entrywise(t, [*(v.named for v in values), masks[0].factor(t)], [d.named for d in divisors])
        assert made is not None
        return made
    if whole is None and not masks:
        return Named(literal(1))
    return _guarded(t, whole, [m.truth for m in masks])


def _left_out(t: Translator, values: list[_Value], divisors: list[_Value], masks: list[_Mask]) -> Named | None:
    """The product of everything else with zeros where one of the masks leaves entries out; None where none does."""
    for mask in masks:
        others = [m for m in masks if m is not mask]
        parts: list[_Value | _Mask] = [*values, *divisors, *others]
        letters = {x for part in parts for x in part.letters}
        if leaves_out(t, mask.guard, letters):
            return excluded(t, mask.guard, _entrywise(t, values, divisors, others))
    return None


def _summed(
    t: Translator, values: list[_Value], divisors: list[_Value], masks: list[_Mask], over: Sequence[Letter]
) -> Named:
    """The product of the values and masks divided by the divisors, summed over letters that all occur in it.

    What does not depend on the letters stays outside the sum. A mask goes into a factor that has all its letters and
    may be infinite where it is false; else it is a factor itself.
    """
    outside = [v for v in values if _apart(v.letters, over)]
    below = [d for d in divisors if _apart(d.letters, over)]
    inside = _divided([v for v in values if v not in outside], [d for d in divisors if d not in below])
    guarded, left = _inside_masks(t, inside, masks)
    parts = [*guarded, *(m.factor(t) for m in left)]
    made = contracted(parts, over, t.axes)
    rest = entrywise(t, [*(v.named for v in outside), made], [d.named for d in below])
    assert rest is not None
    unsafe = {x for v in (*outside, *below) if v.risky for x in v.letters}
    return _guarded(t, rest, [_anywhere(t, m, over) for m in masks if not _apart(m.letters, unsafe)])


def _divided(values: list[_Value], divisors: list[_Value]) -> list[_Value]:
    """The values with each divisor below one with its letters; its reciprocal is a factor where there is none.

    One that may be 0 where a mask is false stays below the smallest value that has all its letters, and its masks.
    """
    values = list(values)
    for d in divisors:
        hosts = [v for v in values if set(d.letters) <= set(v.letters)]
        if not d.risky:
            hosts = [v for v in hosts if len(v.letters) == len(d.letters)]
        host = min(hosts, key=lambda v: len(v.letters), default=_Value(Named(literal("1.0"), d.letters), risky=False))
        code = chain(MUL, host.named.code, [("/", aligned(d.named, host.letters))])
        quotient = _Value(Named(code, host.letters), d.risky or host.risky)
        values = [quotient if v is host else v for v in values] if hosts else [*values, quotient]
    return values


def _inside_masks(t: Translator, values: list[_Value], masks: list[_Mask]) -> tuple[list[Named], list[_Mask]]:
    """The values with the masks that they need or take as triangles, and the masks that no value has taken."""
    made: list[Named] = []
    taken: list[_Mask] = []
    for value in values:
        own = [m for m in masks if value.risky and set(m.letters) <= set(value.letters)]
        made.append(_guarded(t, value.named, [m.truth for m in own]) if own else value.named)
        taken += own
    for mask in masks:
        if mask in taken:
            continue
        for at, one in enumerate(made):
            part = _triangle(t, mask.guard, one)
            if part is None and leaves_out(t, mask.guard, one.letters):
                part = excluded(t, mask.guard, one)
            if part is not None:
                made[at] = part
                taken.append(mask)
                break
    return made, [m for m in masks if m not in taken]


def _anywhere(t: Translator, mask: _Mask, over: Sequence[Letter]) -> Named:
    """Where a mask holds for any of the summed letters."""
    truth = _as_truth(t, mask.truth)
    axes = [str(m) for m, x in enumerate(truth.letters) if x in over]
    if not axes:
        return truth
    rest = tuple(x for x in truth.letters if x not in over)
    if not rest:
        return Named(method(truth.code, "any"), (), "bool")
    axis = axes[0] if len(axes) == 1 else f"({', '.join(axes)})"
    return Named(method(truth.code, "any", axis=axis), rest, "bool")


def _apart(letters: Sequence[Letter], among: Collection[Letter]) -> bool:
    """Whether none of the letters is among those."""
    return set(letters).isdisjoint(among)


def entrywise(t: Translator, values: list[Named], divisors: list[Named]) -> Named | None:
    """The product of the values divided by the divisors, entry by entry."""
    if not values and not divisors:
        return None
    letters = common_order([v.letters for v in (*values, *divisors)], t.rank)
    if values:
        inner = common_order([v.letters for v in values], t.rank)
        made = multiplied(values, inner)
    else:
        made = Named(literal(1))
    if not divisors:
        return made
    below_letters = {x for d in divisors for x in d.letters}
    small = [v for v in values if below_letters.issuperset(v.letters)]
    if small and len(small) < len(values):
        # what has few axes is divided before it meets what has more
        quotient = entrywise(t, small, divisors)
        assert quotient is not None
        return multiplied([quotient, *(v for v in values if v not in small)], letters)
    hosts = [v for v in values if below_letters <= set(v.letters)]
    if hosts and all(len(v.letters) < len(letters) for v in values):
        # a product of vectors has more entries than any of them
        least = min(hosts, key=lambda v: len(v.letters))
        quotient = entrywise(t, [least], divisors)
        assert quotient is not None
        return multiplied([quotient if v is least else v for v in values], letters)
    codes = [aligned(d, letters) for d in divisors]
    below = codes[0]
    if len(divisors) > 1:
        own = common_order([d.letters for d in divisors], t.rank)
        below = aligned(multiplied(divisors, own), letters)
    top = aligned(made, letters)
    return Named(chain(MUL, top, [("/", below)]), letters)


def _guarded(t: Translator, whole: Named | None, masks: list[Named]) -> Named:
    """A value where all masks hold, else 0."""
    if whole is None:
        kinds = [replace(m, kind="float") if m.kind == "eye" else m for m in masks]
        return multiplied(kinds, common_order([m.letters for m in kinds], t.rank))
    if not masks:
        return whole
    letters = common_order([whole.letters, *(m.letters for m in masks)], t.rank)
    truths = [_as_truth(t, m) for m in masks]
    own = common_order([m.letters for m in truths], t.rank)
    all_of_them = Named(both([aligned(m, own) for m in truths]), own, "bool")
    return Named(call("np.where", aligned(all_of_them, letters), aligned(whole, letters), "0"), letters)


def _as_truth(t: Translator, mask: Named) -> Named:
    """A mask as truth values, a unit matrix too."""
    if mask.kind != "eye":
        return mask
    return Named(call("np.eye", t.length(mask.letters[0]), dtype="bool"), mask.letters, "bool")


def _diagonal(t: Translator, bracket: Node, whole: Named | None) -> Named | None:
    """A diagonal matrix, where a bracket of two letters meets a value that depends on one of them."""
    if not isinstance(bracket, Bracket):
        return None
    row, column = bracket.left.letter, bracket.right.letter
    if whole is None or bracket.relation != "=" or row is None or column is None or len(whole.letters) != 1:
        return None
    if not {row, column}.isdisjoint(t.fixed) or row is column or row.length != column.length:
        return None
    if whole.letters[0] not in (row, column):
        return None
    return Named(call("np.diag", whole.code), tuple(sorted((row, column), key=t.rank)))


def _triangle(t: Translator, bracket: Node, whole: Named | None) -> Named | None:
    """The lower or upper triangle of the last two axes, where that is what a bracket leaves."""
    if not isinstance(bracket, Bracket):
        return None
    form = bracket.difference()
    letters = [atom for atom, _ in form.terms if isinstance(atom, Letter) and atom not in t.fixed]
    if bracket.relation not in "≥≤<>" or len(letters) != 2 or len(form.terms) != 2:
        return None
    if {c for _, c in form.terms} != {1, -1}:
        return None
    row, column = letters if form.coefficient(letters[0]) == 1 else letters[::-1]
    if whole is None:
        shift = [] if form.constant == 0 else [t.lengths.code(form.constant)]
        square = row.length == column.length and not shift
        shape = [t.length(row)] if square else [t.length(row), t.length(column)]
        return Named(call("np.tri", *shape, *shift), (row, column))
    lower = whole.letters[-2:] == (row, column)
    if not lower and whole.letters[-2:] != (column, row):
        return None
    offset = form.constant if lower else size_times(form.constant, -1)
    shift = [] if offset == 0 else [t.lengths.code(offset)]
    return Named(call("np.tril" if lower else "np.triu", whole.code, *shift), whole.letters)


def _is_square(node: Node) -> TypeGuard[Pow]:
    return isinstance(node, Pow) and isinstance(node.exponent, Number) and node.exponent.value == 2


def _is_negative(exponent: Node) -> bool:
    return isinstance(exponent, Number) and bool(exponent.value.is_negative)


def _positive(exponent: Node) -> Node:
    assert isinstance(exponent, Number)
    return Number(-exponent.value)
