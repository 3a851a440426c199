"""Where along its letters a product is not zero, as its brackets say: a slice, every second entry, one entry.

``region_of`` takes the brackets out of a product. ``Span`` is a slice of one axis, ``shifted`` the product along it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sympy

from derive.index import Index, Letter, Remainder, as_index
from derive.nodes import Bracket, Node, factors_of
from derive.notation import mul
from derive.size_algebra import Size, as_expression, certainly_nonnegative, exact_quotient, plus, times
from derive.tree import substitute

__all__ = ["Region", "Span", "apart", "region_of", "shifted", "together"]


@dataclass(frozen=True)
class Span:
    """``low, low + step, …`` below ``high``; ``single`` where a bracket leaves one entry."""

    low: Size
    high: Size
    step: int = 1

    @property
    def single(self) -> bool:
        return plus(self.low, 1) == self.high

    @property
    def empty(self) -> bool:
        """Whether it is certain that there is nothing in it."""
        return certainly_nonnegative(plus(self.low, times(self.high, -1)))

    @property
    def count(self) -> Size:
        """How many entries there are."""
        length = plus(self.high, times(self.low, -1))
        if self.step == 1:
            return length
        for more in range(self.step):
            whole = exact_quotient(plus(length, more), self.step)
            if whole is not None:
                return whole
        found: Size = sympy.floor(as_expression(plus(length, self.step - 1)) / self.step)
        return found

    @property
    def end(self) -> Size:
        """Where the next entry would be."""
        return plus(self.low, times(self.count, self.step))


Region = dict[Letter, Span]


def region_of(term: Node, fixed: Collection[Letter]) -> tuple[Region, Node]:
    """Where a product is not zero, and the product without the brackets that say so."""
    region: Region = {}
    rest: list[Node] = []
    strides: list[tuple[Letter, Index, int, Node]] = []
    for factor in factors_of(term):
        one = _letter(factor, fixed)
        stride = _stride(factor) if one is not None else None
        if one is not None and stride is not None:
            strides.append((one, *stride, factor))
            continue
        span = _narrowed(region.get(one, Span(0, one.length)), factor) if one is not None else None
        if one is None or span is None:
            rest.append(factor)
        else:
            region[one] = span
    for one, offset, step, factor in strides:
        found = _strided(region.get(one, Span(0, one.length)), offset, step)
        if found is None:
            rest.append(factor)
        else:
            region[one] = found
    return {x: s for x, s in region.items() if s != Span(0, x.length)}, mul(*rest)


def shifted(node: Node, letters: Mapping[Letter, tuple[Span, Letter]]) -> Node:
    """The node along spans: each letter counts the entries of its span."""
    return substitute(
        node,
        {x: Index((), s.low) if s.single else as_index(y).scaled(s.step) + s.low for x, (s, y) in letters.items()},
    )


def apart(a: Region, b: Region) -> bool:
    """Whether two regions have no entry in common."""
    return any(x in b and _disjoint(span, b[x]) for x, span in a.items())


def together(a: Span, b: Span) -> Span | None:
    """The span of two that follow on each other; None where they do not."""
    first, second = (a, b) if certainly_nonnegative(plus(b.low, times(a.low, -1))) else (b, a)
    step = second.step if first.single else first.step
    if first.step not in (1, step) or (second.step != step and not second.single):
        return None
    joined = Span(first.low, second.high, step)
    return (
        joined if plus(first.low if first.single else times(plus(first.end, -step), 1), step) == second.low else None
    )


def _letter(factor: Node, fixed: Collection[Letter]) -> Letter | None:
    """The letter that a bracket is about, where it is about one alone."""
    if not isinstance(factor, Bracket) or len(factor.free) != 1:
        return None
    (one,) = factor.free
    return None if one in fixed else one


def _narrowed(span: Span, bracket: Node) -> Span | None:
    """The span under a bracket more; None where that is no span."""
    assert isinstance(bracket, Bracket)
    form = bracket.difference()
    if len(form.terms) != 1 or bracket.relation == "≠":
        return None
    atom, sign = form.terms[0]
    if not isinstance(atom, Letter) or sign not in (1, -1):
        return None
    if bracket.relation == "=":
        at = times(form.constant, -sign)
        inside = Index((), at).certainly_at_least_zero() and Index((), at).certainly_below(atom.length)
        return Span(at, plus(at, 1)) if span == Span(0, atom.length) and inside else None
    if sign == 1:
        low = _later(span.low, times(form.constant, -1))
        return None if low is None else Span(low, span.high)
    high = _later(times(span.high, -1), times(plus(form.constant, 1), -1))
    return None if high is None else Span(span.low, times(high, -1))


def _later(a: Size, b: Size) -> Size | None:
    """The larger of two sizes, where it is certain which."""
    if certainly_nonnegative(plus(b, times(a, -1))):
        return b
    return a if certainly_nonnegative(plus(a, times(b, -1))) else None


def _stride(factor: Node) -> tuple[Index, int] | None:
    """The form that a bracket says to be divisible, and by what."""
    assert isinstance(factor, Bracket)
    form = factor.difference()
    atom, sign = form.terms[0]
    if len(form.terms) != 1 or type(atom) is not Remainder or not isinstance(atom.divisor, int) or abs(sign) != 1:
        return None
    residue = times(form.constant, -sign)
    if factor.relation == "≠" and atom.divisor == 2 and residue in (0, 1):
        residue = 1 - int(residue)
    elif factor.relation != "=":
        return None
    return atom.index - residue, atom.divisor


def _strided(span: Span, form: Index, step: int) -> Span | None:
    """The entries of a span where a form ``± j + c`` is divisible."""
    atom, sign = form.terms[0]
    if len(form.terms) != 1 or not isinstance(atom, Letter) or sign not in (1, -1):
        return None
    if not isinstance(form.constant, int) or not isinstance(span.low, int) or span.step not in (1, step):
        return None
    residue = -sign * form.constant % step
    if span.step == step:
        return span if span.low % step == residue else None
    low = span.low + (residue - span.low) % step
    made = Span(low, span.high, step)
    return Span(low, low + 1) if made.count == 1 else made


def _disjoint(a: Span, b: Span) -> bool:
    if any(certainly_nonnegative(plus(y.low, times(x.high, -1))) for x, y in ((a, b), (b, a))):
        return True
    if isinstance(a.low, int) and isinstance(b.low, int):
        step = max(a.step, b.step)
        return all(s.step == step or s.single for s in (a, b)) and (a.low - b.low) % step != 0
    return False
