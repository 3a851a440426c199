"""Contraction of brackets: ``Σ_j [j = a] f(j)`` is ``f(a)`` where ``a`` is in range.

The index equation in a bracket is affine, so it is solved by hand: a summed letter with coefficient ±1 is replaced; a
mixed-radix group ``h·d + k`` is split into quotient and remainder; otherwise a quotient stands under the bracket that
its divisor divides. A letter that goes in steps is ``s·i + c``. Ranges that are not certain stay as brackets.
``contract`` works on a whole tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from derive.index import Index, Letter, Quotient, Remainder, as_index, index_floor, index_mod, split_index
from derive.nodes import ONE, ZERO, Add, Bracket, Mul, Node, Number, Sum, factors_of, is_zero, number, terms_of
from derive.notation import add, mul, range_brackets
from derive.size_algebra import Size, as_expression, as_size, certainly_nonnegative, exact_quotient, plus, times
from derive.tree import key, map_children, map_indices, rename_bound, substitute, walk

__all__ = ["contract", "decided", "divisible", "simplify_bracket"]


def decided(node: Node) -> Node:
    """The node with brackets that are certain as 0 or 1."""
    if isinstance(node, Bracket):
        found = simplify_bracket(node)
        return found if isinstance(found, Number) else node
    return map_children(node, decided)


def contract(node: Node) -> Node:
    """The node with every bracket contracted that a sum above it can solve."""
    node = map_children(node, contract)
    match node:
        case Sum():
            return _contract_sum(list(node.letters), list(factors_of(node.body)))
        case Mul():
            simple = [f for factor in node.factors for f in _simplified(factor)]
            return mul(*_under_brackets(_unique_brackets(simple)))
        case Add():
            return _over_remainders(node)
        case Bracket():
            return mul(*_simplified(node))
    return node


def _over_remainders(node: Node) -> Node:
    """``[s | a] f(a/s) + … + [s | a - s + 1] f((a - s + 1)/s)`` is ``f(⌊a/s⌋)``: all remainders of a."""
    groups: dict[object, dict[int, Node]] = {}
    for term in terms_of(node):
        for bracket in factors_of(term):
            atom = divisible(bracket)
            if atom is None or not isinstance(atom.divisor, int) or not isinstance(atom.index.constant, int):
                continue
            remainder = -atom.index.constant % atom.divisor
            base = Quotient(Index(atom.index.terms), atom.divisor)
            value = _with_remainder(mul(*(f for f in factors_of(term) if f is not bracket)), base, remainder)
            alike = groups.setdefault((base, key(value)), {})
            alike.setdefault(remainder, term)
            if len(alike) == atom.divisor:
                first, *others = alike.values()
                kept = (t for t in terms_of(node) if not any(t is other for other in others))
                return _over_remainders(add(*(value if t is first else t for t in kept)))
    return node


def _with_remainder(node: Node, base: Quotient, remainder: int) -> Node:
    """``⌊(a + c)/s⌋`` as ``⌊a/s⌋ + (c + r)/s`` where r is the remainder of a, and s divides ``c + r``."""

    def on_index(index: Index) -> Index:
        for atom, coefficient in index.terms:
            if type(atom) is Quotient and atom.divisor == base.divisor and atom.index.terms == base.index.terms:
                turns = exact_quotient(plus(atom.index.constant, remainder), base.divisor)
                if turns is not None:
                    index = index.without(atom) + (as_index(base) + turns).scaled(coefficient)
        return index

    return map_indices(node, on_index, lambda child: _with_remainder(child, base, remainder))


def _under_brackets(factors: list[Node]) -> list[Node]:
    """``[t_i = k] p[i, t_i]`` is ``[t_i = k] p[i, k]``: where a given integer is k, k stands in its place."""
    for bracket in [f for f in factors if isinstance(f, Bracket) and f.relation == "="]:
        if not any(f is bracket for f in factors):
            continue
        for given, index in ((bracket.left, bracket.right), (bracket.right, bracket.left)):
            if len(given.terms) != 1 or given.constant != 0 or index.letter is None:
                continue
            atom, coefficient = given.terms[0]
            if coefficient == 1 and isinstance(atom, Node):
                factors = [f if f is bracket else _put(f, atom, index) for f in factors]
    return factors


def _put(node: Node, atom: Node, index: Index) -> Node:
    """The node with an index in the place of an integer entry."""

    if not (atom.free | index.free).isdisjoint(node.bound()):
        # a letter of the same name that is bound here is another one
        node = rename_bound(node)

    def here(one: Index) -> Index:
        coefficient = one.coefficient(atom)
        return one if coefficient == 0 else one.without(atom) + index.scaled(coefficient)

    return map_indices(node, here, lambda child: _put(child, atom, index))


def _simplified(factor: Node) -> tuple[Node, ...]:
    return factors_of(simplify_bracket(factor)) if isinstance(factor, Bracket) else (factor,)


def _unique_brackets(factors: list[Node]) -> list[Node]:
    seen: set[object] = set()
    kept = []
    for factor in factors:
        if isinstance(factor, Bracket):
            if key(factor) in seen:
                continue
            seen.add(key(factor))
        kept.append(factor)
    return kept


def simplify_bracket(bracket: Bracket) -> Node:
    """1 or 0 where the relation is certain, one bracket for each digit of a mixed radix, else the bracket."""
    form = bracket.difference()
    if bracket.relation in "≥≤<>":
        form = _remainders(form)
        if form.certainly_at_least_zero():
            return ONE
        high = form.upper()
        if high is not None and certainly_nonnegative(times(high, -1) - 1):
            return ZERO
        return _in_lowest_terms(bracket, form)
    truth, falsity = (ONE, ZERO) if bracket.relation == "=" else (ZERO, ONE)
    if not form.terms and form.constant == 0:
        return truth
    low, high = form.lower(), form.upper()
    if (low is not None and certainly_nonnegative(low - 1)) or (
        high is not None and certainly_nonnegative(times(high, -1) - 1)
    ):
        return falsity
    if bracket.relation == "=":
        for _, coefficient in form.terms:
            if coefficient in (1, -1) or not certainly_nonnegative(coefficient):
                continue
            whole, rest = split_index(form, coefficient)
            if rest.certainly_below(coefficient) and rest.scaled(-1).certainly_below(coefficient) and whole.terms:
                digits = [whole, rest] if rest.terms or rest.constant != 0 else [whole]
                return mul(*(simplify_bracket(_balanced(d)) for d in digits))
    return bracket


def _in_lowest_terms(bracket: Bracket, form: Index) -> Bracket:
    """An inequality of whole numbers without their common factor: ``[2a ≥ 1]`` is ``[a ≥ 1]``."""
    coefficients = [c for _, c in form.terms if isinstance(c, int)]
    shared = gcd(*coefficients)
    if len(coefficients) < len(form.terms) or shared == 1:
        return bracket
    offset, rest = as_expression(form.constant).as_coeff_Add()
    whole = exact_quotient(as_size(rest), shared)
    if whole is None:
        return bracket
    terms = tuple((atom, c // shared) for atom, c in form.terms if isinstance(c, int))
    made = _balanced(Index(terms, plus(whole, int(offset) // shared)))
    if bracket.relation in "≥>":
        return Bracket(made.left, "≥", made.right)
    return Bracket(made.right, "≤", made.left)


def _balanced(form: Index) -> Bracket:
    """``[left = right]`` with the negative terms of ``form = 0`` on the right."""
    left = [(a, c) for a, c in form.terms if not certainly_nonnegative(times(c, -1))]
    right = [(a, times(c, -1)) for a, c in form.terms if certainly_nonnegative(times(c, -1))]
    if certainly_nonnegative(times(form.constant, -1)):
        return Bracket(Index(tuple(left), 0), "=", Index(tuple(right), times(form.constant, -1)))
    return Bracket(Index(tuple(left), form.constant), "=", Index(tuple(right), 0))


@dataclass
class _Solution:
    """Letters with what replaces them, the brackets under which that is so, and the quotient these make whole."""

    values: dict[Letter, Index]
    brackets: list[Node]
    whole: Quotient | None = None


def _contract_sum(letters: list[Letter], factors: list[Node]) -> Node:
    """The contracted sum over letters of a product."""
    while True:
        factors = _unique_brackets([f for factor in factors for f in _simplified(factor)])
        if any(is_zero(f) for f in factors):
            return ZERO
        factors = _quotients(letters, factors)
        step = _solved(letters, factors) or _in_steps(letters, factors) or _split(letters, factors)
        step = step or _shifted(letters, factors)
        if step is None:
            place = next((m for m, f in enumerate(factors) if isinstance(f, Add) and _has_bracket(f, letters)), None)
            if place is not None:
                before, after = factors[:place], factors[place + 1 :]
                terms = terms_of(factors[place])
                apart = (_contract_sum(list(letters), [*before, *factors_of(t), *after]) for t in terms)
                return _over_remainders(add(*apart))
            step = _opened(letters, factors)
        if step is None:
            break
        letters, factors = step
    # infinity stays beside the brackets that say where it is
    coefficient = [f for f in factors if isinstance(f, Number) and not f.value.is_infinite]
    body = mul(*(f for f in factors if not isinstance(f, Number) or f.value.is_infinite))
    present = [x for x in letters if x in body.free]
    count = mul(*(number(x.length) for x in letters if x not in body.free))
    return mul(*coefficient, count, Sum(*present, body) if present else body)


def _solved(letters: list[Letter], factors: list[Node]) -> tuple[list[Letter], list[Node]] | None:
    """The sum without the letters that a bracket gives; None where no bracket gives any."""
    found = _first_solution(letters, factors)
    if found is None:
        return None
    which, solution = found
    rest = [substitute(f, solution.values) for m, f in enumerate(factors) if m != which]
    if solution.whole is not None:
        rest = [_whole_multiples(f, solution.whole) for f in rest]
    elif any(isinstance(atom, Quotient) for value in solution.values.values() for atom, _ in value.terms):
        rest = [_with_remainders(f) for f in rest]
    made = factors_of(mul(*rest, *solution.brackets))
    left = [x for x in letters if x not in solution.values]
    return left, [contract(f) if not isinstance(f, Bracket) else f for f in made]


def _opened(letters: list[Letter], factors: list[Node]) -> tuple[list[Letter], list[Node]] | None:
    """The sum with one among its factors taken into it, where that one holds a bracket; None where none does."""
    place = next((m for m, f in enumerate(factors) if isinstance(f, Sum) and _has_bracket(f, letters)), None)
    if place is None:
        return None
    inner = factors[place]
    assert isinstance(inner, Sum)
    if set(inner.letters) & set(letters):
        inner = rename_bound(inner)
        assert isinstance(inner, Sum)
    return [*letters, *inner.letters], [*factors[:place], *factors_of(inner.body), *factors[place + 1 :]]


def _quotients(letters: list[Letter], factors: list[Node]) -> list[Node]:
    """The factors with ``[0 ≤ a - k·m][a - k·m < k]`` as ``[m = ⌊a/k⌋]`` for a summed letter m."""
    ranges = [(f, f.difference()) for f in factors if isinstance(f, Bracket) and f.relation in "≥≤<>"]
    for below, form in ranges:
        for above, other in ranges:
            total = form + other
            width = plus(total.constant, 1)
            if total.terms or not certainly_nonnegative(plus(width, -1)):
                continue
            for x in _direct(letters, form):
                if form.coefficient(x) == times(width, -1):
                    equation = Bracket(as_index(x), "=", index_floor(form.without(x), width))
                    return [equation, *(f for f in factors if f is not below and f is not above)]
    return factors


def _remainders(form: Index) -> Index:
    """The form with ``a - k·⌊a/k⌋`` as ``a mod k``."""
    for atom, coefficient in form.terms:
        if type(atom) is Quotient:
            for sign in (1, -1):
                if coefficient == times(atom.divisor, -sign):
                    part = as_index(Remainder(atom.index, atom.divisor))
                    short = form.without(atom).plus((part - atom.index).scaled(sign))
                    if len(short.terms) < len(form.terms):
                        return short
    return form


def _with_remainders(node: Node) -> Node:
    """The node with remainders in its indices in the place of differences."""
    return map_indices(node, _remainders, _with_remainders)


def _has_bracket(node: Node, letters: list[Letter]) -> bool:
    """Whether an equation between indices below, reached through sums and products, holds one of the letters."""
    if isinstance(node, Bracket):
        return node.relation == "=" and not node.free.isdisjoint(letters)
    if isinstance(node, (Add, Mul, Sum)):
        return not node.free.isdisjoint(letters) and any(_has_bracket(c, letters) for c in node.children())
    return False


def _first_solution(letters: list[Letter], factors: list[Node]) -> tuple[int, _Solution] | None:
    equations = [(m, f.difference()) for m, f in enumerate(factors) if isinstance(f, Bracket) and f.relation == "="]
    for solve in (_by_digits, _by_unit, _by_remainder, _by_quotient):
        for m, form in equations:
            solution = solve(letters, form)
            if solution is not None:
                return m, solution
    return None


def _split(letters: list[Letter], factors: list[Node]) -> tuple[list[Letter], list[Node]] | None:
    """A summed letter whose digits an equality asks for, as its digits: ``⌊x/d⌋`` and ``x mod d``."""
    for form in (f.difference() for f in factors if isinstance(f, Bracket) and f.relation == "="):
        for atom, _ in form.terms:
            if not isinstance(atom, Quotient) or atom.index.letter not in letters:
                continue
            whole = atom.index.letter
            assert whole is not None
            count = exact_quotient(whole.length, atom.divisor)
            if count is None:
                continue
            first, last = Letter(whole.name, count), Letter(whole.name, atom.divisor)
            value = as_index(first).scaled(atom.divisor) + as_index(last)
            place = letters.index(whole)
            renewed = [substitute(f, {whole: value}) for f in factors]
            return [*letters[:place], first, last, *letters[place + 1 :]], renewed
    return None


def _in_steps(letters: list[Letter], factors: list[Node]) -> tuple[list[Letter], list[Node]] | None:
    """The sum over a letter that a bracket lets go in steps over the number of the step.

    ``Σ_k [s | k - c][c ≤ k ≤ c + s(n - 1)] f(k)`` is ``Σ_i f(s·i + c)`` over the n values of i.
    """
    for bracket in factors:
        atom = divisible(bracket)
        if atom is None:
            continue
        for x in _direct(letters, atom.index):
            if atom.index.coefficient(x) != 1:
                continue
            low, high = _ends(x, factors)
            low += index_mod((low + atom.index.without(x)).scaled(-1), atom.divisor)
            count = _steps(high - low, atom.divisor)
            if count is None or not low.free.isdisjoint((x,)):
                continue
            own = Letter(x.name, count)
            value = as_index(own).scaled(atom.divisor) + low
            if index_mod(value + atom.index.without(x), atom.divisor) != as_index(0):
                continue
            place = letters.index(x)
            renewed = [substitute(f, {x: value}) for f in factors if f is not bracket]
            return [*letters[:place], own, *letters[place + 1 :]], [*renewed, *range_brackets(value, x.length)]
    return None


def _shifted(letters: list[Letter], factors: list[Node]) -> tuple[list[Letter], list[Node]] | None:
    """``Σ_k [0 ≤ k - a < m] f(k)`` as ``Σ_i f(i + a)`` over m values of i, where these are all on the axis of k."""
    for place, x in enumerate(letters):
        low, high = _ends(x, factors)
        count = _steps(high - low, 1)
        if not low.terms or count is None:
            continue
        own = Letter(x.name, count)
        if not range_brackets(own + low, x.length):
            renewed = [substitute(f, {x: own + low}) for f in factors]
            return [*letters[:place], own, *letters[place + 1 :]], renewed
    return None


def divisible(node: Node) -> Remainder | None:
    """The remainder that a bracket says is 0; None where it says something else."""
    if isinstance(node, Bracket) and node.relation == "=":
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if other == as_index(0) and len(one.terms) == 1 and one.constant == 0:
                atom, coefficient = one.terms[0]
                if isinstance(atom, Remainder) and coefficient == 1:
                    return atom
    return None


def _ends(x: Letter, factors: list[Node]) -> tuple[Index, Index]:
    """The narrowest range that the axis of a letter and the brackets are certain to leave it."""
    low, high = as_index(0), as_index(plus(x.length, -1))
    for form in (f.difference() for f in factors if isinstance(f, Bracket) and f.relation in "≥≤<>"):
        end = form.without(x)
        if x in end.free:
            continue
        if form.coefficient(x) == 1 and (end.scaled(-1) - low).certainly_at_least_zero():
            low = end.scaled(-1)
        if form.coefficient(x) == -1 and (high - end).certainly_at_least_zero():
            high = end
    return low, high


def _steps(span: Index, step: Size) -> Size | None:
    """How many multiples of a step are from 0 to a span; None where that is not certain for all sizes."""
    if span.terms:
        return None
    over = range(step) if isinstance(step, int) else range(1)
    whole = next((w for r in over if (w := exact_quotient(plus(span.constant, -r), step)) is not None), None)
    return plus(whole, 1) if whole is not None and certainly_nonnegative(plus(whole, 1)) else None


def _direct(letters: list[Letter], form: Index) -> list[Letter]:
    """The summed letters that occur in the form as terms and nowhere inside its other atoms."""
    hidden: frozenset[Letter] = frozenset()
    for atom, _ in form.terms:
        if not isinstance(atom, Letter):
            hidden |= atom.index.free if isinstance(atom, Quotient) else atom.free
    return [x for x in letters if x not in hidden and form.coefficient(x) != 0]


def _by_unit(letters: list[Letter], form: Index) -> _Solution | None:
    """A summed letter with coefficient ±1; the first in the order of summation, whole letters before forms."""
    choices = []
    for x in _direct(letters, form):
        coefficient = form.coefficient(x)
        if coefficient in (1, -1):
            value = form.without(x).scaled(-1 if coefficient == 1 else 1)
            choices.append((x, value, range_brackets(value, x.length)))
    if not choices:
        return None
    x, value, brackets = min(choices, key=lambda c: 0 if c[1].letter is not None and not c[2] else 1)
    return _Solution({x: value}, brackets)


def _by_remainder(letters: list[Letter], form: Index) -> _Solution | None:
    """A summed letter that goes round a whole axis: ``(x + c) mod n = a`` is ``x = (a - c) mod n``."""
    for atom, sign in form.terms:
        if type(atom) is not Remainder or sign not in (1, -1):
            continue
        rest = form.without(atom)
        for x in _direct(letters, atom.index):
            step = atom.index.coefficient(x)
            if x.length != atom.divisor or step not in (1, -1) or x in rest.free:
                continue
            value = rest.scaled(-1 if sign == 1 else 1)
            turned = (value - atom.index.without(x)).scaled(step)
            rounds = (turned.plus(as_index(times(atom.divisor, k))) for k in range(3))
            start = next((index for index in rounds if index.certainly_at_least_zero()), turned)
            return _Solution({x: index_mod(start, atom.divisor)}, range_brackets(value, atom.divisor))
    return None


def _by_digits(letters: list[Letter], form: Index) -> _Solution | None:
    """Summed letters that are the digits of a mixed-radix number: ``h·d + k`` with k below d."""
    direct = _direct(letters, form)
    for sign in (1, -1):
        digits: list[Letter] = []
        radix: Size = 1
        while True:
            digit = next((x for x in direct if x not in digits and form.coefficient(x) == times(radix, sign)), None)
            if digit is None:
                break
            digits.append(digit)
            radix = times(radix, digit.length)
        if len(digits) < 2:
            continue
        rest = form
        for digit in digits:
            rest = rest.without(digit)
        value = rest.scaled(-sign)
        values: dict[Letter, Index] = {}
        left = value
        for digit in digits[:-1]:
            values[digit] = index_mod(left, digit.length)
            left = index_floor(left, digit.length)
        values[digits[-1]] = left
        return _Solution(values, range_brackets(value, radix))
    return None


def _by_quotient(letters: list[Letter], form: Index) -> _Solution | None:
    """A summed letter with another coefficient: a quotient, under the bracket that it is whole."""
    for x in _direct(letters, form):
        coefficient = form.coefficient(x)
        # a coefficient such as d - 1 may be 0, and then the letter is free
        if certainly_nonnegative(plus(coefficient, -1)):
            value = form.without(x).scaled(-1)
        elif certainly_nonnegative(plus(times(coefficient, -1), -1)):
            value, coefficient = form.without(x), times(coefficient, -1)
        else:
            continue
        whole, part = split_index(value, coefficient)
        brackets: list[Node] = [Bracket(index_mod(part, coefficient), "=", as_index(0))]
        # of the multiples of the coefficient those above its negative are at least 0
        if not (value + plus(coefficient, -1)).certainly_at_least_zero():
            brackets.append(Bracket(value, "≥", as_index(0)))
        limit = times(coefficient, x.length)
        if not value.certainly_below(limit):
            brackets.append(Bracket(value, "<", as_index(limit)))
        quotient = Quotient(part, coefficient)
        return _Solution({x: whole + as_index(quotient)}, brackets, quotient)
    return None


def _whole_multiples(node: Node, whole: Quotient) -> Node:
    """``d·⌊a/d⌋`` as ``a``, where a bracket says that d divides a."""
    if not any(whole == atom for below in walk(node) for i in below.indices_here() for atom, _ in i.terms):
        return node

    def on_index(index: Index) -> Index:
        multiple = exact_quotient(index.coefficient(whole), whole.divisor)
        if multiple is None or multiple == 0:
            return index
        return index.without(whole) + whole.index.scaled(multiple)

    return map_indices(node, on_index, lambda child: _whole_multiples(child, whole))
