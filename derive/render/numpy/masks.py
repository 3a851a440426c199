"""Products of arrays under masks: what a false bracket multiplies never reaches the result.

A mask becomes a triangle, a diagonal, or ``np.where``; where the other factors are finite it is one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeGuard

import sympy

from derive.index import Letter
from derive.nodes import Apply, Bracket, Node, Number, Pow, Ref, Tensor
from derive.render.numpy.arrays import Named, aligned, common_order, union
from derive.render.numpy.code import MUL, call, chain, literal
from derive.render.numpy.products import contracted, multiplied
from derive.render.numpy.reads import both
from derive.size_algebra import times as size_times

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["entrywise", "finite", "masked"]

ONE = sympy.Integer(1)
RISKY = frozenset({"log", "exp", "log1p", "expm1", "tan", "sinh", "cosh", "arcsin", "gammaln", "digamma", "trigamma"})


def masked(
    t: Translator, factors: Sequence[Node], guards: Sequence[Node], over: Sequence[Letter], scale: sympy.Expr = ONE
) -> Named:
    """A number times the product with its masks, summed over letters."""
    below = [Pow(f.base, _positive(f.exponent)) for f in factors if isinstance(f, Pow) and _is_negative(f.exponent)]
    above = [f for f in factors if not (isinstance(f, Pow) and _is_negative(f.exponent))]
    if over and len(above) == 1 and not guards and not below and _is_square(above[0]):
        # a sum of squares is a product with itself
        above = [above[0].base] * 2
        values = [t.numeric(t.dense(above[0]))] * 2
    else:
        values = [t.factor(f) for f in above]
    divisors = [t.factor(f) for f in below]
    if not over and not guards and scale != 1:
        # a number goes to the factor with the fewest entries
        every = set(union(v.letters for v in (*values, *divisors)))
        least = min(range(len(values)), key=lambda m: len(values[m].letters), default=None)
        if least is not None and len(values[least].letters) < len(every) and len(values) > 1:
            smallest = t.scaled(values.pop(least), scale)
            values, scale = [smallest, *values], sympy.Integer(1)
    return t.scaled(_unscaled(t, values, above, divisors, guards, over), scale)


def _unscaled(
    t: Translator,
    values: list[Named],
    above: Sequence[Node],
    divisors: list[Named],
    guards: Sequence[Node],
    over: Sequence[Letter],
) -> Named:
    """The product of values and masks, divided by the divisors, summed over letters."""
    if len(guards) == 1 and not divisors and not over and isinstance(guards[0], Bracket):
        whole = entrywise(t, values, [])
        made = _triangle(t, guards[0], whole)
        if made is not None:
            return made
        made = _diagonal(t, guards[0], whole)
        if made is not None:
            return made
    risky = [not finite(f, t.risky) for f in above]
    masks = [_mask(t, g, factor=bool(over) and not any(risky) and not divisors) for g in guards]
    present = {x for v in (*values, *divisors, *masks) for x in v.letters}
    counted = [x for x in over if x not in present]
    over = [x for x in over if x in present]
    made = _combined(t, values, risky, divisors, masks, over)
    for x in counted:
        made = Named(chain(MUL, t.length(x), [("*", made.code)]), made.letters)
    return made


def _mask(t: Translator, guard: Node, *, factor: bool) -> Named:
    """Where a guard holds: as truth values, or as numbers where it is to be a factor of a product."""
    numbers = _triangle(t, guard, None) if factor and isinstance(guard, Bracket) else None
    return numbers or t.dense(guard)


def _combined(
    t: Translator,
    values: list[Named],
    risky: list[bool],
    divisors: list[Named],
    masks: list[Named],
    over: Sequence[Letter],
) -> Named:
    """The product of the values and masks divided by the divisors, summed over letters that all occur in it.

    What does not depend on the letters stays outside the sum; what may be infinite is masked before it is summed.
    """
    seen = {x for m in masks for x in m.letters}

    def stays_outside(v: Named, *, unsafe: bool) -> bool:
        return _apart(v.letters, over) and (not unsafe or _apart(v.letters, seen))

    outside = [v for v, r in zip(values, risky, strict=True) if stays_outside(v, unsafe=r)]
    below = [d for d in divisors if stays_outside(d, unsafe=True)]
    if masks and (any(risky) or divisors):
        whole = entrywise(t, [v for v in values if v not in outside], [d for d in divisors if d not in below])
        if not over or whole is None:
            whole, outside, below = entrywise(t, values, divisors), [], []
        made = _guarded(t, whole, masks)
        made = contracted([made], over, t.axes)
    elif masks and not over:
        whole = entrywise(t, values, [])
        made, outside, below = _guarded(t, whole, masks), [], []
    else:
        inside = [v for v in values if v not in outside]
        inner_divisors = [d for d in divisors if d not in below]
        for d in inner_divisors:
            host = next((m for m, v in enumerate(inside) if set(d.letters) <= set(v.letters)), None)
            if host is None:
                inside.append(Named(chain(MUL, literal("1.0"), [("/", d.code)]), d.letters))
            else:
                v = inside[host]
                inside[host] = Named(chain(MUL, v.code, [("/", aligned(d, v.letters))]), v.letters)
        inside += _as_factors(masks)
        if not inside:
            whole = entrywise(t, values, divisors)
            return whole if whole is not None else Named(literal(1))
        made = (
            contracted(inside, over, t.axes)
            if over
            else multiplied(inside, common_order([v.letters for v in inside], t.rank))
        )
    rest = entrywise(t, [*outside, made], below)
    return rest if rest is not None else made


def _apart(letters: Sequence[Letter], among: Collection[Letter]) -> bool:
    """Whether none of the letters is among those."""
    return set(letters).isdisjoint(among)


def _as_factors(masks: list[Named]) -> list[Named]:
    """Masks as factors of a product: a unit matrix is made of numbers."""
    return [replace(m, kind="float") if m.kind == "eye" else m for m in masks]


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
        kinds = _as_factors(masks)
        return multiplied(kinds, common_order([m.letters for m in kinds], t.rank))
    letters = common_order([whole.letters, *(m.letters for m in masks)], t.rank)
    truths = []
    for m in masks:
        if m.kind == "eye":
            m = Named(call("np.eye", t.length(m.letters[0]), dtype="bool"), m.letters, "bool")
        truths.append(m)
    own = common_order([m.letters for m in truths], t.rank)
    all_of_them = Named(both([aligned(m, own) for m in truths]), own, "bool")
    return Named(call("np.where", aligned(all_of_them, letters), aligned(whole, letters), "0"), letters)


def _diagonal(t: Translator, bracket: Bracket, whole: Named | None) -> Named | None:
    """A diagonal matrix, where a bracket of two letters meets a value that depends on one of them."""
    row, column = bracket.left.letter, bracket.right.letter
    if whole is None or bracket.relation != "=" or row is None or column is None or len(whole.letters) != 1:
        return None
    if not {row, column}.isdisjoint(t.fixed) or row is column or row.length != column.length:
        return None
    if whole.letters[0] not in (row, column):
        return None
    return Named(call("np.diag", whole.code), tuple(sorted((row, column), key=t.rank)))


def _triangle(t: Translator, bracket: Bracket, whole: Named | None) -> Named | None:
    """The lower or upper triangle of the last two axes, where that is what a bracket leaves."""
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


def finite(node: Node, risky: Collection[Tensor]) -> bool:
    """Whether a value is finite wherever what it reads is; the entries of ``risky`` tensors may be infinite."""
    if isinstance(node, Pow):
        whole = (
            isinstance(node.exponent, Number) and node.exponent.value.is_integer and node.exponent.value.is_positive
        )
        return bool(whole) and finite(node.base, risky)
    if isinstance(node, Number):
        return not node.value.is_infinite
    if isinstance(node, Apply) and node.function.name in RISKY:
        return False
    if isinstance(node, Ref):
        return node.tensor not in risky
    return all(finite(child, risky) for child in node.children())
