"""Piecewise expressions made shorter: comparisons, and what holds where they hold.

``[u ≥ v]`` is 1 where the relation holds and else 0, and what a false bracket multiplies is never read. So a maximum
under its own bracket is one of its arguments; brackets that exclude each other make a product 0; a bracket and its
opposite add up to 1 where what they multiply is finite everywhere; and two branches are a maximum, a minimum or a
value clipped to an interval again.

Data
    ``Cases``   the laws, for the names of one program.

The laws are ``signed``, ``compared``, ``branched``, ``complemented`` and ``chosen``. Each returns the node itself
where it finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from derive.algebra import tidy
from derive.functions import absolute, greater, greater_equal, maximum, minimum, relu, sign
from derive.matching import entry_found, insert, match
from derive.nodes import (
    ONE,
    ZERO,
    Add,
    Apply,
    Mul,
    Node,
    Number,
    Over,
    Partial,
    Pow,
    Ref,
    Tensor,
    factors_of,
    is_zero,
    number,
    terms_of,
)
from derive.notation import add, mul, power
from derive.program import Program
from derive.signs import always
from derive.statements import Statement
from derive.terms import is_natural, is_subtracted, opposite
from derive.tree import key, length, map_children, walk

__all__ = ["Cases"]

COMPARISONS = (greater, greater_equal)
FINITE = frozenset({
    "sin", "cos", "tanh", "arctan", "erf", "normal_cdf", "normal_pdf", "sigmoid", "softplus", "relu", "abs", "sign",
    "greater", "greater_equal", "maximum", "minimum", "where", "softmax", "log_softmax", "logsumexp", "norm", "max",
    "min",
})  # fmt: skip
"""Functions that are finite wherever their arguments are."""
MOST = 12
"""How many terms of a sum are tried in pairs."""


class Cases:
    """The laws of piecewise expressions, with the definitions of a program to read names by."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.signs: dict[Tensor, int] = {}
        self._finite: dict[Tensor, bool] = {}
        definitions = [d for d in program.definitions() if program.recurrence(d.tensor) is None]
        self.definitions = {d.tensor: d for d in definitions}
        self.positive_parts = [d for d in definitions if isinstance(d.body, Apply) and d.body.function is relu]

    def laws(self) -> Iterator[tuple[str, Callable[[Node], Node]]]:
        """The laws with the names of their rules, in the order in which they are tried."""
        yield "sign", self.signed
        yield "compare", self.compared
        yield "branch", self.branched
        yield "choice", self.chosen
        yield "complement", self.complemented

    # ------------------------------------------------------------------------------------------------------ signs

    def signed(self, node: Node) -> Node:
        """``sign(u)/|u|`` is ``1/u``, ``sign(u)·|u|`` is ``u``, and ``sign(u)²`` is 1 where ``|u|`` is large."""
        return _everywhere(node, self._signed)

    def _signed(self, node: Node) -> Node:
        if not isinstance(node, Mul):
            return node
        squares = [key(sign(u) ** 2) for f in node.factors for u in self._away_from_zero(f)]
        if any(key(f) in squares for f in node.factors):
            return mul(*(f for f in node.factors if key(f) not in squares))
        for one in node.factors:
            if isinstance(one, Apply) and one.function is sign:
                for other in node.factors:
                    base, exponent = (other.base, other.exponent) if isinstance(other, Pow) else (other, ONE)
                    size = self._opened(base)
                    alike = (
                        isinstance(size, Apply)
                        and size.function is absolute
                        and key(size) == key(absolute(*one.arguments))
                    )
                    if alike and exponent in (ONE, number(-1)):
                        rest = (f for f in node.factors if f is not one and f is not other)
                        return self._signed(mul(*rest, power(one.arguments[0], exponent)))
        return node

    def _away_from_zero(self, factor: Node) -> tuple[Node, ...]:
        """What a comparison ``[|u| > c]`` says is not 0."""
        if not isinstance(factor, Apply) or not _is_comparison(factor):
            return ()
        size, limit = self._opened(factor.arguments[0]), factor.arguments[1]
        relation = "≥" if factor.function is greater else ">"
        of_size = isinstance(size, Apply) and size.function is absolute
        return (
            size.children() if of_size and always(Statement(limit, relation, ZERO), self.program, self.signs) else ()
        )

    # ------------------------------------------------------------------------------------------------ comparisons

    def compared(self, node: Node) -> Node:
        """Comparisons without what both sides share, ``[τr ≥ (τ-1)r]`` is ``[r ≥ 0]``, and in the shortest names."""
        return _everywhere(node, self._compared)

    def _compared(self, node: Node) -> Node:
        if not isinstance(node, Apply) or not _is_comparison(node):
            return node
        left, right = node.arguments
        if is_zero(right) and isinstance(left, Add):
            named = self._of_positive_part(node)
            return min(_sides(node, left, minus=False), key=length) if named is node else named
        found = node if is_zero(left) or is_zero(right) else self._against_zero(node)
        return self._of_positive_part(found) if isinstance(found, Apply) else found

    def _against_zero(self, node: Apply) -> Node:
        left, right = node.arguments
        difference = tidy(left - right)
        kept = [f for f in factors_of(difference) if not self._is_positive(f)]
        minus = isinstance(kept[0], Number) and bool(kept[0].value.is_negative) if kept else False
        whole = mul(*(kept[1:] if minus else kept))
        if isinstance(whole, Number):
            sign_of = 0 if is_zero(whole) else -1 if minus else 1
            return ONE if sign_of > 0 or (sign_of == 0 and node.function is greater_equal) else ZERO
        made = min(_sides(node, whole, minus=minus), key=length)
        cancelled = len(terms_of(difference)) < len(terms_of(left)) + len(terms_of(right))
        return made if cancelled and length(made) < length(node) else node

    def _is_positive(self, node: Node) -> bool:
        return always(Statement(node, ">", ZERO), self.program, self.signs)

    def _of_positive_part(self, node: Apply) -> Node:
        """``[u > 0]`` as ``[h > 0]`` where h is the name of ReLU(u)."""
        left, right = node.arguments
        if node.function is not greater or not is_zero(right) or isinstance(left, Ref):
            return node
        for d in self.positive_parts:
            assert isinstance(d.body, Apply)
            (argument,) = d.body.arguments
            entry = entry_found(d, match(argument, left, frozenset(d.letters)))
            if entry is not None:
                return greater(entry, 0)
        return node

    # --------------------------------------------------------------------------------------------------- branches

    def branched(self, node: Node) -> Node:
        """Products in which brackets say which branch of a function is taken, or exclude each other."""
        return _everywhere(node, self._branched)

    def _branched(self, node: Node) -> Node:
        if not isinstance(node, Mul):
            return node
        factors = list(node.factors)
        places = [m for m, f in enumerate(factors) if _is_comparison(f)]
        for m in places:
            # a positive part among the factors says what its bracket does; the bracket goes then
            factors = [f if k == m or _is_positive_part(f) else _under(f, factors[m]) for k, f in enumerate(factors)]
        if self._is_contradiction([factors[m] for m in places]):
            return ZERO
        said = [m for m in places if self._is_said(factors[m], [f for k, f in enumerate(factors) if k != m])]
        kept = [f for m, f in enumerate(factors) if m not in said[:1]]
        made = mul(*kept)
        return node if key(made) == key(node) else made

    def _is_said(self, comparison: Node, others: Sequence[Node]) -> bool:
        """Whether another factor is 0 wherever the comparison does not hold: a positive part, ``min(a, b) - b``."""
        assert isinstance(comparison, Apply)
        negation = _negated(comparison)
        if any(is_zero(tidy(_under(self._spelled(f), negation))) for f in others if isinstance(f, Add)):
            return True
        left, right = comparison.arguments
        difference = left if is_zero(right) else tidy(left - right)
        for factor in others:
            base, exponent = (factor.base, factor.exponent) if isinstance(factor, Pow) else (factor, ONE)
            part = self._opened(base)
            positive = isinstance(part, Apply) and part.function is relu and self._is_positive(exponent)
            if positive and key(difference) in (key(base), *map(key, part.children())):
                return True
        return False

    def _opened(self, node: Node) -> Node:
        """What a name stands for."""
        if isinstance(node, Ref) and node.tensor in self.definitions:
            return self.definitions[node.tensor].at(*node.indices)
        return node

    def _is_contradiction(self, comparisons: Sequence[Node]) -> bool:
        """Whether comparisons exclude each other, those of maxima and minima that have names among them."""
        if len(comparisons) < 2:
            return False
        spelled = [self._spelled(c) for c in comparisons]
        for m, comparison in enumerate(spelled):
            # what one of them says may open what another says something about
            for other in 2 * (*comparisons[:m], *comparisons[m + 1 :]):
                comparison = _under(comparison, other)
            assert isinstance(comparison, Apply)
            left, right = comparison.arguments
            if comparison.function is greater and key(left) == key(right):
                return True
        return False

    def _spelled(self, node: Node) -> Node:
        for tensor in sorted(node.tensors & self.definitions.keys(), key=lambda t: t.name):
            d = self.definitions[tensor]
            if any(isinstance(below, Apply) and below.function in (maximum, minimum) for below in walk(d.body)):
                node = insert(node, d)
        return node

    # ------------------------------------------------------------------------------------------------ complements

    def complemented(self, node: Node) -> Node:
        """Sums over a bracket and its opposite written with one of them, where that is shorter."""
        return _everywhere(node, self._complemented)

    def _complemented(self, node: Node) -> Node:
        if not isinstance(node, Add) or len(node.terms) > MOST:
            return node
        for first, second, one, two in _pairs(node.terms):
            if not (self._is_finite(one) and self._is_finite(two)):
                continue
            rest = [t for t in node.terms if t is not first[0] and t is not second[0]]
            ways = [
                tidy(add(*rest, always_there, mul(kept, tidy(instead - always_there))))
                for kept, always_there, instead in ((first[1], two, one), (second[1], one, two))
            ]
            made = min(ways, key=lambda way: (len(terms_of(way)), length(way)))
            if length(made) < length(node):
                return made
        return node

    def _is_finite(self, node: Node) -> bool:
        """Whether a value is certainly finite, whatever the inputs are."""
        match node:
            case Number():
                return node.value.is_finite is True
            case Ref():
                return self._entry_is_finite(node.tensor)
            case Pow():
                fine = is_natural(node.exponent) or self._is_positive(node.base)
                return fine and all(map(self._is_finite, node.children()))
            case Apply() | Over() if node.function.name not in FINITE:
                return False
            case Partial():
                return False
        return all(map(self._is_finite, node.children()))

    def _entry_is_finite(self, tensor: Tensor) -> bool:
        if tensor not in self._finite:
            self._finite[tensor] = False
            known = self.definitions.get(tensor)
            given = tensor in self.program.inputs or tensor.primal is not None
            self._finite[tensor] = given if known is None else self._is_finite(known.body)
        return self._finite[tensor]

    # ---------------------------------------------------------------------------------------------------- choices

    def chosen(self, node: Node) -> Node:
        """Two branches as a maximum, a minimum, or a value clipped to an interval."""
        return _everywhere(node, self._chosen)

    def _chosen(self, node: Node) -> Node:
        if not isinstance(node, Add) or len(node.terms) > MOST:
            return node
        for first, second, one, two in _pairs(node.terms):
            made = self._one_choice(first[1], one, two)
            if made is not None:
                rest = [made if t is first[0] else t for t in node.terms if t is not second[0]]
                return add(*rest)
        return node

    def _one_choice(self, comparison: Apply, one: Node, two: Node) -> Node | None:
        """``[a ≥ b] one + [b > a] two`` in one piece; None where there is none."""
        a, b = comparison.arguments
        found = _clipped(a, self._opened(b), one, two) or _clipped(b, self._opened(a), two, one)
        if found is not None:
            front, value, limit = found
            if always(Statement(limit, "≥", ZERO), self.program, self.signs):
                return mul(front, maximum(-limit, minimum(value, limit)))
        for function, taken, other in ((maximum, a, b), (minimum, b, a)):
            shared = _quotient(one, taken)
            if shared is not None and key(tidy(mul(shared, other))) == key(two) and not is_zero(other):
                return mul(shared, function(a, b))
        return None


def _clipped(limit: Node, size: Node, inside: Node, outside: Node) -> tuple[Node, Node, Node] | None:
    """What is in front of a clipped value, the value and its limit: of ``[a ≥ |u|] c u + [|u| > a] c a sign(u)``."""
    if not isinstance(size, Apply) or size.function is not absolute:
        return None
    (value,) = size.arguments
    front = _quotient(inside, value)
    if front is None or key(tidy(mul(front, limit, sign(value)))) != key(outside):
        return None
    return front, value, limit


def _quotient(node: Node, divisor: Node) -> Node | None:
    """What is left of a product without a factor; None where it is none."""
    if is_zero(divisor):
        return None
    if isinstance(divisor, Number):
        return tidy(mul(node, number(1 / divisor.value)))
    factors = list(factors_of(node))
    for part in factors_of(divisor):
        at = next((m for m, f in enumerate(factors) if key(f) == key(part)), None)
        if at is None:
            return None
        del factors[at]
    return mul(*factors)


def _sides(node: Apply, difference: Node, *, minus: bool) -> Iterator[Apply]:
    """A comparison of a difference with 0, and of its positive with its negative terms."""
    yield node.function(*((0, difference) if minus else (difference, 0)))
    subtracted = [t for t in terms_of(difference) if is_subtracted(t)]
    added = add(*(t for t in terms_of(difference) if not is_subtracted(t)))
    if subtracted and not is_zero(added):
        other = opposite(add(*subtracted))
        yield node.function(*((other, added) if minus else (added, other)))


def _is_positive_part(factor: Node) -> bool:
    base = factor.base if isinstance(factor, Pow) else factor
    return isinstance(base, Apply) and base.function is relu


def _is_comparison(node: Node) -> bool:
    return isinstance(node, Apply) and node.function in COMPARISONS


def _negated(comparison: Apply) -> Apply:
    left, right = comparison.arguments
    return (greater_equal if comparison.function is greater else greater)(right, left)


Part = tuple[Node, Apply]


def _pairs(terms: Sequence[Node]) -> Iterator[tuple[Part, Part, Node, Node]]:
    """Two terms with a comparison and with its opposite; these, and what they multiply."""
    parts = [(t, f) for t in terms for f in factors_of(t) if isinstance(f, Apply) and f.function in COMPARISONS]
    for m, first in enumerate(parts):
        negation = key(_negated(first[1]))
        for second in parts[m + 1 :]:
            if first[0] is not second[0] and key(second[1]) == negation:
                one, two = (mul(*(f for f in factors_of(term) if f is not c)) for term, c in (first, second))
                yield first, second, one, two


def _under(node: Node, comparison: Node) -> Node:
    """The node where a comparison holds: its maxima and minima of the two sides are one of them."""
    assert isinstance(comparison, Apply)
    larger, smaller = comparison.arguments
    sides = {key(larger), key(smaller)}

    def here(one: Node) -> Node:
        if not isinstance(one, Apply):
            return one
        if one.function in (maximum, minimum) and set(map(key, one.arguments)) == sides:
            return larger if one.function is maximum else smaller
        positive = one.function is relu and is_zero(smaller) and key(*one.arguments) == key(larger)
        return larger if positive else one

    return node if len(sides) < 2 else _everywhere(node, here)


def _everywhere(node: Node, rewrite: Callable[[Node], Node]) -> Node:
    """The node with a rewriting applied to every part, what is inside first; open derivatives are left alone."""
    if isinstance(node, Partial):
        return node
    return rewrite(map_children(node, lambda child: _everywhere(child, rewrite)))
