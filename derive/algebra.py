"""Rewritings that make a node smaller: cancel, pull out of sums, collect.

``tidy`` applies them bottom-up until nothing changes. The author's order of terms stays; where terms are collected
the first keeps its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import sympy

from derive.index import Index, Letter
from derive.nodes import (
    Add,
    Apply,
    Bracket,
    Mul,
    Node,
    Number,
    Pow,
    Sum,
    factors_of,
    is_one,
    is_zero,
    number,
    terms_of,
)
from derive.notation import add, mul, power
from derive.sum_terms import with_sums_joined
from derive.symbolic_powers import combined_powers, shared_power
from derive.terms import base_and_exponent, is_subtracted, opposite, split_coefficient
from derive.tree import key, length, map_children, rename_bound, substitute

__all__ = ["tidy"]


def tidy(node: Node) -> Node:
    """Cancel powers, pull constants out of sums, collect terms and common factors."""
    before = None
    while before is not node:
        before = node
        node = _tidy(node)
        if key(before) == key(node):
            break
    return _without_minus(node) if isinstance(node, Mul) else node


def _tidy(node: Node) -> Node:
    node = map_children(node, _tidy)
    match node:
        case Mul():
            return _tidy_product(node)
        case Sum():
            return _tidy_sum(node)
        case Add():
            return _tidy_terms(node)
        case Pow():
            return _without_denominators(node)
    return node


# --------------------------------------------------------------------------------------------------- products


def _tidy_product(node: Mul) -> Node:
    factors = combined_powers(_cancelled_under_brackets(_combine_powers(node.factors)))
    cancelled = _distribute_where_it_cancels(factors)
    return _number_inside(mul(*factors)) if cancelled is None else cancelled


def _number_inside(node: Node) -> Node:
    """``½(2a + cb)`` as ``a + ½cb``: a number in front goes into a sum where that leaves fewer digits."""
    whole, rest = split_coefficient(node)
    coefficient, size = whole.as_coeff_Mul()
    if not coefficient.is_Rational or coefficient in (1, -1):
        return node
    factors = factors_of(rest)
    for place, factor in enumerate(factors):
        if isinstance(factor, Add):
            inside = [split_coefficient(t)[0].as_coeff_Mul()[0] for t in factor.terms]
            if not all(v.is_Rational for v in inside):
                continue
            before = _digits(coefficient) + sum(map(_digits, inside))
            if sum(_digits(v * coefficient) for v in inside) < before:
                spread = add(*(mul(number(coefficient), t) for t in factor.terms))
                return mul(number(size), *factors[:place], spread, *factors[place + 1 :])
    return node


def _without_denominators(node: Pow) -> Node:
    """``1/(1 + x/a)`` as ``a/(a + x)``, where that is no longer."""
    base, exponent = base_and_exponent(node)
    if not isinstance(base, Add) or not exponent.is_Integer or exponent > 0:
        return node
    terms = [[g for f in factors_of(t) for g in _factor_powers(f)] for t in base.terms]
    below: dict[object, tuple[Node, sympy.Expr]] = {}
    for part, order in (base_and_exponent(f) for factors in terms for f in factors):
        if order.is_Integer and order < 0:
            _, highest = below.get(key(part), (part, sympy.Integer(0)))
            below[key(part)] = part, max(highest, -order)
    if not below:
        return node
    times = [power(part, number(order)) for part, order in below.values()]
    cleared = add(*(mul(*_combine_powers([*times, *factors])) for factors in terms))
    made = mul(power(mul(*times), number(-exponent)), power(cleared, number(exponent)))
    # what stands in front often cancels
    return made if length(made) <= length(node) + 2 else node


def _without_minus(node: Node) -> Node:
    """``-(a - b)`` as ``b - a``, and ``c(-a - b)`` as ``-c(a + b)``: fewer terms have a minus sign then."""
    coefficient, rest = split_coefficient(node)
    factors = list(factors_of(rest))
    for place, factor in enumerate(factors):
        turned = _turned(factor, negative=coefficient.could_extract_minus_sign())
        if turned is not None:
            made = mul(number(-coefficient), *factors[:place], turned, *factors[place + 1 :])
            return _without_minus(made) if isinstance(made, Mul) else made
    return node


def _turned(node: Node, *, negative: bool) -> Node | None:
    """The opposite of a sum, where it has fewer minus signs, or as few after another; ``1 - x`` stays. Else None."""
    if not isinstance(node, Add):
        return None
    signs = list(map(is_subtracted, node.terms))
    after_number = any(isinstance(t, Number) and not is_subtracted(t) for t in node.terms)
    shorter = negative and 2 * sum(signs) >= len(signs) and not after_number
    if not all(signs) and not shorter:
        return None
    return opposite(add(*sorted(node.terms, key=is_subtracted, reverse=True)))


def _combine_powers(factors: Iterable[Node]) -> list[Node]:
    """Equal bases with their exponents added, at the place of the first; a bracket times itself is itself."""
    table: dict[object, tuple[Node, sympy.Expr]] = {}
    for factor in _powers_apart(list(factors)):
        base, exponent = base_and_exponent(factor)
        if isinstance(factor, Bracket):
            table.setdefault(key(factor), (factor, sympy.Integer(1)))
            continue
        if isinstance(factor, Number):
            table.setdefault(("number", len(table)), (factor, sympy.Integer(1)))
            continue
        turned = key(opposite(base)) if isinstance(base, Add) and exponent.is_Integer else None
        if turned is not None and turned in table and key(base) not in table:
            # of a - b and b - a one is written as minus the other
            table[("number", len(table))] = (number((-1) ** exponent), sympy.Integer(1))
            base = table[turned][0]
        first, total = table.get(key(base), (base, sympy.Integer(0)))
        table[key(base)] = (first, total + exponent)
    return [power(base, number(exponent)) for base, exponent in table.values() if exponent != 0]


def _powers_apart(factors: list[Node]) -> list[Node]:
    """Whole powers of products as products of powers, where these meet their bases: ``(ab)²/a`` is ``a²b²/a``."""
    apart = [_factor_powers(factor) for factor in factors]
    if all(len(parts) == 1 for parts in apart):
        return factors
    met = Counter(base for parts in apart for base in {key(base_and_exponent(f)[0]) for f in parts})
    return [
        f
        for factor, parts in zip(factors, apart, strict=True)
        for f in (parts if any(met[key(base_and_exponent(f)[0])] > 1 for f in parts) else (factor,))
    ]


def _factor_powers(factor: Node) -> tuple[Node, ...]:
    """The powers of the factors of a product, of a whole power of it; any other factor alone."""
    base, exponent = base_and_exponent(factor)
    if not isinstance(base, Mul) or not exponent.is_Integer:
        return (factor,)
    return tuple(power(f, number(exponent)) for f in base.factors)


def _distribute_where_it_cancels(factors: Sequence[Node]) -> Node | None:
    """``b·(a/b + c)`` is ``a + b·c``: a factor goes into a sum one of whose terms it cancels."""
    for m, factor in enumerate(factors):
        base, exponent = base_and_exponent(factor)
        if isinstance(factor, Number):
            continue
        for k, other in enumerate(factors):
            if k == m or not isinstance(other, Add):
                continue
            if any(_cancels(base, exponent, term) for term in other.terms):
                spread = add(*(mul(factor, term) for term in other.terms))
                rest = [f for j, f in enumerate(factors) if j not in (m, k)]
                return mul(*rest, _tidy(spread))
    return None


def _cancels(base: Node, exponent: sympy.Expr, term: Node) -> bool:
    equal_here = _under_brackets(factors_of(term))
    for factor in factors_of(term):
        other, power_ = base_and_exponent(factor)
        if (exponent * power_).is_negative and key(equal_here(other)) == key(equal_here(base)):
            return True
    return False


def _cancelled_under_brackets(factors: list[Node]) -> list[Node]:
    """Factors that cancel where a bracket holds are gone: ``[k = a]·x_k/x_a`` is ``[k = a]``."""
    equal_here = _under_brackets(factors)
    together: dict[object, list[tuple[int, sympy.Expr]]] = {}
    for place, factor in enumerate(factors):
        base, exponent = base_and_exponent(factor)
        if not isinstance(factor, (Bracket, Number)):
            together.setdefault(key(equal_here(base)), []).append((place, exponent))
    gone = {m for group in together.values() if sum(e for _, e in group) == 0 for m, _ in group}
    return [factor for m, factor in enumerate(factors) if m not in gone]


def _under_brackets(factors: Iterable[Node]) -> Callable[[Node], Node]:
    """What makes two nodes the same if they are equal wherever the equations among the factors hold."""
    equations: list[dict[Letter, Index]] = []
    for factor in factors:
        if isinstance(factor, Bracket) and factor.relation == "=":
            form = factor.difference()
            for atom, coefficient in form.terms:
                rest = form.without(atom)
                if isinstance(atom, Letter) and coefficient in (1, -1) and atom not in rest.free:
                    equations.append({atom: rest.scaled(-coefficient)})
                    break

    def solved(node: Node) -> Node:
        for equation in equations:
            node = substitute(node, equation)
        return node

    return solved


# ------------------------------------------------------------------------------------------------------- sums


def _tidy_sum(node: Sum) -> Node:
    letters, body = list(node.letters), node.body
    if isinstance(body, Add) and any(not t.free.issuperset(letters) for t in body.terms):
        return add(*(_tidy_sum(Sum(*letters, t)) for t in body.terms))
    if isinstance(body, Add) and len(letters) > 1:
        # terms that are the same but for the names of the letters
        apart = _like_terms(_tidy_sum(Sum(*letters, t)) for t in body.terms)
        if len(apart) < len(body.terms):
            return add(*apart)
    factors: list[Node] = []
    for factor in factors_of(body):
        if isinstance(factor, Sum):
            if set(factor.letters) & (set(letters) | body.free):
                renewed = rename_bound(factor)
                assert isinstance(renewed, Sum)
                factor = renewed
            letters += factor.letters
            factors += factors_of(factor.body)
        else:
            factors.append(factor)
    factors = _combine_powers(factors)
    # infinity stays beside the brackets that say where it is
    outside = [f for f in factors if f.free.isdisjoint(letters) and not _is_infinite(f)]
    inside = mul(*(f for f in factors if not f.free.isdisjoint(letters) or _is_infinite(f)))
    count = [number(x.length) for x in letters if x not in inside.free]
    present = [x for x in letters if x in inside.free]
    return mul(*count, *outside, Sum(*present, inside)) if present else mul(*count, *outside, inside)


# ------------------------------------------------------------------------------------------------------ terms


def _tidy_terms(node: Add) -> Node:
    collected = _like_terms(t for term in node.terms for t in _opposite_terms(term))
    if len(collected) < 2:
        return add(*collected)
    together, apart = _grouped(_common_factors(collected)), _multiplied_out(collected)
    made = together if apart is None or length(apart) >= length(together) else _tidy(apart)
    return with_sums_joined(made, _tidy) if isinstance(made, Add) else made


def _grouped(node: Node) -> Node:
    """``f·a + f·b + c`` as ``f(a + b) + c``, for a factor f that is more than a name."""
    factors = list(factors_of(node))
    for place, factor in enumerate(factors):
        if isinstance(factor, Add) and len(factor.terms) > 2:
            factors[place] = _with_a_group(factor)
    return node if all(a is b for a, b in zip(factors, factors_of(node), strict=True)) else mul(*factors)


def _with_a_group(node: Add) -> Node:
    shared: dict[object, list[Node]] = {}
    for term in node.terms:
        for factor in factors_of(term):
            if isinstance(factor, (Add, Apply, Pow)):
                shared.setdefault(key(factor), []).append(term)
    terms = max((group for group in shared.values() if 1 < len(group) < len(node.terms)), key=len, default=None)
    if terms is None:
        return node
    made = _common_factors(terms)
    first = terms[0]
    whole = add(*(made if t is first else t for t in node.terms if t is first or not any(t is x for x in terms)))
    return whole if length(whole) < length(node) else node


def _opposite_terms(term: Node) -> tuple[Node, ...]:
    """The terms of ``-(a - b)``; any other term alone."""
    coefficient, rest = split_coefficient(term)
    if coefficient != -1 or not isinstance(rest, Add):
        return (term,)
    return tuple(sorted(terms_of(opposite(rest)), key=is_subtracted))


# How many terms a sum may have while it is multiplied out to see whether terms cancel.
MOST_TERMS = 12


def _multiplied_out(terms: list[Node]) -> Node | None:
    """The sum with its products of sums multiplied out; None where no two terms cancel then.

    Where that takes a whole power of a sum apart, fewer terms than there were must be left.
    """
    spread, powers = list(terms), False
    while (place := next((m for m, t in enumerate(spread) if _sum_inside(t) is not None), None)) is not None:
        split = _sum_inside(spread[place])
        assert split is not None
        inside, rest = split
        powers = powers or len(rest) == len(factors_of(spread[place]))
        spread[place : place + 1] = [mul(*rest, t) for t in inside.terms]
        if len(spread) > MOST_TERMS:
            return None
    if len(spread) == len(terms):
        return None
    left = _like_terms(mul(*_combine_powers(factors_of(t))) for t in spread)
    enough = len(left) < len(terms) if powers else len(left) < len(spread) - 1
    return add(*left) if enough else None


def _sum_inside(term: Node) -> tuple[Add, tuple[Node, ...]] | None:
    """A sum among the factors of a term, a whole power of one read as a product, and the other factors."""
    factors = factors_of(term)
    for place, factor in enumerate(factors):
        base, exponent = base_and_exponent(factor)
        if isinstance(base, Add) and exponent.is_Integer and exponent.is_positive:
            lower = [power(base, number(exponent - 1))] if exponent > 1 else []
            return base, (*factors[:place], *lower, *factors[place + 1 :])
    return None


def _like_terms(terms: Iterable[Node]) -> list[Node]:
    table: dict[object, tuple[sympy.Expr, Node]] = {}
    for term in terms:
        coefficient, rest = split_coefficient(term)
        total, first = table.get(key(rest), (sympy.Integer(0), rest))
        table[key(rest)] = (total + coefficient, first)
    found = []
    for coefficient, rest in table.values():
        value = sympy.cancel(coefficient) if isinstance(coefficient, sympy.Add) else coefficient
        term = mul(number(value), rest)
        if not is_zero(term):
            found.append(term)
    return found


def _common_factors(terms: list[Node]) -> Node:
    """What all terms share, in front; inside, a positive term first where there is one.

    Infinity stays beside the brackets that say where it is: times their sum it has no value where that is 0.
    """
    split = [split_coefficient(t) for t in terms]
    shared = _shared_coefficient([c for c, _ in split])
    remaining = [list(factors_of(rest)) for _, rest in split]
    front: list[Node] = []
    common = shared_power(remaining)
    if common is not None:
        power_of, remaining = common
        front.append(power_of)
    for factor in list(remaining[0]):
        if is_one(factor) or _is_infinite(factor):
            continue
        positions = []
        for factors in remaining:
            at = next((m for m, f in enumerate(factors) if key(f) == key(factor)), None)
            if at is None:
                break
            positions.append(at)
        if len(positions) == len(remaining):
            front.append(factor)
            for factors, at in zip(remaining, positions, strict=True):
                del factors[at]
    inner = [mul(number(c / shared), *factors) for (c, _), factors in zip(split, remaining, strict=True)]
    if front or shared not in (1, -1):
        inner.sort(key=is_subtracted)
        return mul(number(shared), *front, add(*_like_terms(inner)))
    return add(*(mul(number(c), *factors) for (c, _), factors in zip(split, remaining, strict=True)))


def _is_infinite(factor: Node) -> bool:
    return isinstance(factor, Number) and bool(factor.value.is_infinite)


def _shared_coefficient(values: list[sympy.Expr]) -> sympy.Expr:
    """The factor that the coefficients share; positive unless every term is negative."""
    if any(v.is_infinite for v in values):
        return sympy.Integer(1)
    negative = all(v.could_extract_minus_sign() for v in values)
    first = -values[0] if values[0].could_extract_minus_sign() else values[0]
    if all(v in (first, -first) for v in values):
        return -first if negative else first
    rationals, rests = zip(*(v.as_coeff_Mul() for v in values), strict=True)
    if all(r == rests[0] for r in rests) and all(r.is_Rational for r in rationals):
        shared = _shared_rational(rationals) * rests[0]
        return -shared if negative else shared
    symbolic = [sympy.fraction(v)[1] for v in values]
    if all(s == symbolic[0] for s in symbolic) and symbolic[0] != 1:
        return -1 / symbolic[0] if negative else 1 / symbolic[0]
    return sympy.Integer(-1) if negative else sympy.Integer(1)


def _shared_rational(values: Sequence[sympy.Rational]) -> sympy.Rational:
    """The largest factor that leaves whole numbers, of decimals the smallest; 1 where that is longer."""
    if any(v.q % 5 == 0 for v in values):
        shared = min(map(abs, values))
    else:
        numerators = sympy.gcd(tuple(sympy.Integer(v.p) for v in values))
        denominators = sympy.lcm(tuple(sympy.Integer(v.q) for v in values))
        shared = sympy.Rational(abs(numerators), denominators)
    before, after = (sum(map(_digits, each)) for each in (values, (shared, *(v / shared for v in values))))
    return shared if after <= before else sympy.Integer(1)


def _digits(value: sympy.Rational) -> int:
    """How many digits a fraction has; 1 before a factor is not written."""
    return sum(len(str(abs(part))) for part in (value.p, value.q) if abs(part) != 1)
