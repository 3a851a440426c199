"""Sums made ready for arrays: split axes are read as such, and the sum over a kernel is put back.

``digits_solved`` turns ``Σ_a R[a] [a//e = h] [a mod e = k]`` into ``R[e·h + k]``. ``uncontracted`` turns
``Σ_i y[i] K[c - s·i] [0 ≤ c - s·i < k]`` into ``Σ_{i,u} y[i] K[u] [s·i + u = c]``: what the contraction of brackets
made for the eye is an addition to slices for the machine.
"""

from __future__ import annotations

from itertools import permutations

from derive.index import Index, Letter, Quotient, Remainder, as_index
from derive.nodes import Bracket, Node, Ref
from derive.notation import range_brackets
from derive.size_algebra import Size, certainly_nonnegative, times
from derive.tree import map_indices, substitute, walk

__all__ = ["digits_solved", "guards_of", "letters_solved", "uncontracted"]

Product = tuple[list[Node], list[Letter]]


def letters_solved(factors: list[Node], over: list[Letter]) -> Product:
    """The product with every summed letter replaced that a bracket says to be another letter of the same axis."""
    for m, factor in enumerate(factors):
        if not isinstance(factor, Bracket) or factor.relation != "=":
            continue
        for one, other in ((factor.left.letter, factor.right.letter), (factor.right.letter, factor.left.letter)):
            if one in over and other is not None and other is not one and other.length == one.length:
                rest = [substitute(f, {one: other}) for k, f in enumerate(factors) if k != m]
                return letters_solved(rest, [x for x in over if x is not one])
    return factors, over


def digits_solved(factors: list[Node], over: list[Letter]) -> Product:
    """The product with every summed letter replaced that two brackets give the quotient and the remainder of."""
    while True:
        found = next(filter(None, (_digits(factors, x) for x in over)), None)
        if found is None:
            return factors, over
        one, value, used = found
        factors = [substitute(f, {one: value}) for m, f in enumerate(factors) if m not in used]
        over = [x for x in over if x is not one]


def _digits(factors: list[Node], one: Letter) -> tuple[Letter, Index, tuple[int, int]] | None:
    digits: dict[tuple[type, Size], tuple[int, Index]] = {}
    for m, factor in enumerate(factors):
        if isinstance(factor, Bracket) and factor.relation == "=":
            for side, other in ((factor.left, factor.right), (factor.right, factor.left)):
                atom = side.terms[0][0] if len(side.terms) == 1 and side.constant == 0 else None
                plain = isinstance(atom, Quotient) and side.terms[0][1] == 1 and atom.index.letter is one
                if plain and one not in other.free:
                    assert isinstance(atom, Quotient)
                    digits.setdefault((type(atom), atom.divisor), (m, other))
    for kind, divisor in digits:
        if kind is not Quotient or (Remainder, divisor) not in digits:
            continue
        (m, high), (r, low) = digits[Quotient, divisor], digits[Remainder, divisor]
        value = high.scaled(divisor) + low
        fits = low.certainly_at_least_zero() and low.certainly_below(divisor)
        if fits and high.certainly_at_least_zero() and value.certainly_below(one.length):
            return one, value, (m, r)
    return None


def guards_of(factor: Node) -> Index | None:
    """The form that a guard of a range says to be at least 0."""
    if isinstance(factor, Bracket) and factor.relation in "≥≤<>":
        return factor.difference()
    return None


def uncontracted(factors: list[Node], over: list[Letter]) -> Product:
    """The product with a letter of its own for every axis that is read at a difference, and an equation for it."""
    while True:
        solved = _solved(factors, over)
        if solved is not None:
            factors, over = solved
            continue
        found = _difference(factors, frozenset(over)) or _box(factors, frozenset(over))
        if found is None:
            return factors, over
        factors, one = found
        over = [*over, one]


def _solved(factors: list[Node], over: list[Letter]) -> Product | None:
    """The product summed over the index of an axis instead of a letter, where the letter is then a sum of others.

    ``Σ_c y[c] K[c - s·i] [0 ≤ c - s·i < k]`` is ``Σ_u y[s·i + u] K[u]``, which is read through windows.
    """
    for factor in factors:
        for axis, index in zip(factor.tensor.axes, factor.indices, strict=True) if isinstance(factor, Ref) else ():
            value, divisor = _exact(index, factors)
            if divisor == 1 and _same_signs(value):
                continue
            for x in over:
                sign = value.coefficient(x)
                if sign not in (1, -1) or any(not isinstance(atom, Letter) for atom, _ in value.terms):
                    continue
                one = _new_letter(factors, axis)
                solution = (as_index(one).scaled(divisor) - value.without(x)).scaled(sign)
                made = _with_letter(factors, index, one, value, divisor, axis) if _same_signs(solution) else None
                if made is not None:
                    inside = range_brackets(solution, x.length)
                    rest = [substitute(f, {x: solution}) for f in made[:-1]]
                    return [*rest, *inside], [one if y is x else y for y in over]
    return None


def _new_letter(factors: list[Node], axis: Size) -> Letter:
    names = {x.name for f in factors for x in f.free}
    return Letter(next(x for x in ("u", "v", "w", "u1", "u2", "u3", "u4", "u5") if x not in names), axis)


def _difference(factors: list[Node], over: frozenset[Letter]) -> tuple[list[Node], Letter] | None:
    for factor in factors:
        if not isinstance(factor, Ref):
            continue
        for axis, index in zip(factor.tensor.axes, factor.indices, strict=True):
            value, divisor = _exact(index, factors)
            kept = [x for x, c in value.terms if isinstance(x, Letter) and x not in over and c in (1, -1)]
            moving = [(x, c) for x, c in value.terms if not (isinstance(x, Letter) and x in kept)]
            plain = all(isinstance(x, Letter) and x in over for x, _ in moving)
            if len(kept) != 1 or not plain or (not moving and divisor == 1):
                continue
            if divisor == 1 and _same_signs(value):
                continue
            one = _new_letter(factors, axis)
            made = _with_letter(factors, index, one, value, divisor, axis)
            if made is not None:
                return made, one
    return None


def _box(factors: list[Node], over: frozenset[Letter]) -> tuple[list[Node], Letter] | None:
    """``[0 ≤ c - s·i < k]`` without a kernel that is read there: an equation with a letter of length ``k``."""
    guards = [(m, form) for m, f in enumerate(factors) if (form := guards_of(f)) is not None]
    for (m, value), (k, other) in permutations(guards, 2):
        length = value + other + 1
        summed = value.free & over
        kept = [x for x in value.free - over if value.coefficient(x) == 1]
        if length.terms or not summed or len(kept) != 1 or len(value.terms) != len(summed) + 1:
            continue
        rest = [f for at, f in enumerate(factors) if at not in (m, k)]
        reading = [f for f in rest if not f.free.isdisjoint(summed)]
        if reading and not any(kept[0] in f.free for f in reading):
            one = _new_letter(factors, length.constant)
            return [*rest, Bracket(value, "=", as_index(one))], one
    return None


def _same_signs(index: Index) -> bool:
    """Whether all coefficients have one sign: then the axis is read through windows."""
    return all(certainly_nonnegative(c) for _, c in index.terms)


def _exact(index: Index, factors: list[Node]) -> tuple[Index, Size]:
    """The form and the divisor of an index that is a quotient under the bracket that it is whole."""
    if len(index.terms) == 1 and index.constant == 0 and index.terms[0][1] == 1:
        atom = index.terms[0][0]
        if type(atom) is Quotient and any(_divides(f, atom) for f in factors):
            return atom.index, atom.divisor
    return index, 1


def _divides(factor: Node, quotient: Quotient) -> bool:
    whole = as_index(Remainder(quotient.index, quotient.divisor))
    return isinstance(factor, Bracket) and factor.relation == "=" and factor.difference() in (whole, whole.scaled(-1))


def _with_letter(
    factors: list[Node], index: Index, one: Letter, value: Index, divisor: Size, axis: Size
) -> list[Node] | None:
    limit = times(axis, divisor)
    within = (value, Index((), limit) - value - 1)
    kept: list[Node] = []
    for factor in factors:
        form = guards_of(factor)
        if form is not None and form in within:
            continue
        if divisor != 1 and isinstance(factor, Bracket) and _divides(factor, Quotient(value, divisor)):
            continue
        kept.append(_exchanged(factor, index, as_index(one)))
    equation = Bracket(value, "=", as_index(one).scaled(divisor))
    # what still reads the quotient would have to be solved again
    atoms = {atom for f in kept for node in walk(f) for i in node.indices_here() for atom, _ in i.terms}
    if divisor != 1 and index.terms[0][0] in atoms:
        return None
    return [*kept, equation]


def _exchanged(node: Node, old: Index, new: Index) -> Node:
    return map_indices(node, lambda i: new if i == old else i, lambda child: _exchanged(child, old, new))
