"""Patterns: formulas with holes, found in other formulas up to letters, order, and names.

A pattern is a node whose tensors are holes. A hole ``a`` stands for any expression that depends on no letter that
the pattern binds; ``u[k]`` for any expression that may depend on ``k``, and ``u[l]`` is then the same expression at
another index. Terms and factors match in any order. Where the pattern goes on and the formula has a name, the
definition of the name is read.

Data
    ``Match``       what the holes, letters and sizes of a pattern stand for.
    ``Reader``      definitions to read names with.
    ``Rewritten``   a node with one formula in the place of another.

The three most important functions are ``Reader.rewritten``, ``Reader.matches`` and ``same`` (equal up to names).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import sympy

from derive.definitions import Definition
from derive.index import Index, Letter, as_index
from derive.matching import insert
from derive.nodes import ONE, Add, Apply, Mul, Node, Number, Over, Pow, Ref, Sum, Tensor, factors_of, number, terms_of
from derive.notation import add, mul, power
from derive.size_algebra import Size, as_expression
from derive.terms import base_and_exponent, split_coefficient
from derive.tree import key, map_children, substitute, substitute_index, walk

__all__ = ["Match", "Reader", "Rewritten"]

COMMUTATIVE = frozenset({"maximum", "minimum"})
# How large an expression may become while two are compared by inserting definitions.
LARGEST = 400

Scope = Mapping[Letter, Letter]
Children = tuple[tuple[int, Node], ...]


class Rewritten(NamedTuple):
    """The node that was made; the part of the old one that was found, and what stands in its place."""

    node: Node
    part: Node
    made: Node


@dataclass(frozen=True)
class Match:
    """What a pattern's parts stand for: its holes, bound letters (by name), free letters and sizes."""

    holes: Mapping[Tensor, tuple[tuple[Letter, ...], Node]] = field(default_factory=dict)
    bound: Mapping[str, Letter] = field(default_factory=dict)
    at: Mapping[Letter, Index] = field(default_factory=dict)
    sizes: Mapping[Size, Size] = field(default_factory=dict)

    def value(self, hole: Ref, scope: Scope) -> Node | None:
        """What a hole with these indices stands for; None where that is not known yet."""
        if hole.tensor not in self.holes:
            return None
        letters, body = self.holes[hole.tensor]
        indices = [self.index(i, scope) for i in hole.indices]
        found = {x: i for x, i in zip(letters, indices, strict=True) if i is not None}
        return substitute(body, found) if len(found) == len(letters) else None

    def index(self, index: Index, scope: Scope) -> Index | None:
        """What an index of the pattern stands for."""
        one = index.letter
        if one is None:
            return index if not index.free else None
        return as_index(scope[one]) if one in scope else self.at.get(one)

    def number(self, value: sympy.Expr) -> sympy.Expr:
        """A number of the pattern, its sizes replaced."""
        return value.xreplace({as_expression(a): as_expression(b) for a, b in self.sizes.items()})

    def written(self, node: Node, scope: Scope | None = None) -> Node:
        """A node over the same holes with everything put in; it has letters of its own."""
        here = scope or {}
        if isinstance(node, Ref) and node.tensor in self.holes:
            value = self.value(node, here)
            assert value is not None, f"{node!r} has a letter that the spelling does not find"
            return value
        if isinstance(node, Number):
            return number(self.number(node.value))
        if isinstance(node, (Sum, Over)):
            own = {x: Letter(self.bound[x.name].name, self.bound[x.name].size) for x in node.letters}
            inner = {**here, **own}
            below = tuple(self.written(child, inner) for child in node.children())
            if isinstance(node, Sum):
                return Sum(*own.values(), *below)
            outer = {**self.at, **{a: as_index(b) for a, b in here.items()}}
            return Over(node.function, tuple(own.values()), below, tuple(substitute_index(i, outer) for i in node.at))
        return map_children(node, lambda child: self.written(child, here))


def _scaled(node: Node, factor: sympy.Expr) -> Node:
    """A multiple, the number taken into every term of a sum."""
    return node if factor == 1 else add(*(mul(number(factor), term) for term in terms_of(node)))


def _is_root(exponent: sympy.Expr) -> bool:
    return bool(exponent.is_Rational and exponent.q != 1)


@dataclass(eq=False)
class Reader:
    """The definitions by which names may be read; ``straight`` are those that are no part of a recurrence.

    Without ``through`` names are not read: what is matched is written in one expression.
    """

    definitions: dict[Tensor, Definition] = field(default_factory=dict)
    straight: dict[Tensor, int] = field(default_factory=dict)
    through: bool = True
    _bodies: dict[Ref, Node] = field(default_factory=dict)

    def learn(self, definition: Definition, *, recurrent: bool = False) -> None:
        """Read this name from now on."""
        self.definitions[definition.tensor] = definition
        if not recurrent:
            self.straight[definition.tensor] = len(self.straight)

    def written_in_one(self) -> Reader:
        """A reader that reads no names."""
        return replace(self, through=False, _bodies={})

    # -- putting one formula in the place of another

    def rewritten(self, node: Node, before: Node, after: Node) -> Rewritten | None:
        """The node with the pattern ``before`` replaced by ``after`` at its top; None where it is not found.

        A pattern that is a sum is found among the terms of a larger sum, and up to a number in front; one that is a
        product among the factors of a larger product; one that is a root in its odd powers.
        """
        match before:
            case Add():
                return self._among_terms(node, before, after)
            case Mul():
                return self._among_factors(node, before, after)
            case Pow(exponent=Number() as exponent):
                if not isinstance(node, Pow) or not isinstance(node.exponent, Number):
                    return None
                times = node.exponent.value / exponent.value
                whole = times.is_Integer and (times.is_odd if _is_root(exponent.value) else times.is_positive)
                if not whole:
                    return None
                found = next(self.matches(before, Pow(node.base, exponent)), None)
                return None if found is None else _whole(node, power(found.written(after), number(times)))
        found = next(self.matches(before, node), None)
        return None if found is None else _whole(node, found.written(after))

    def _among_terms(self, node: Node, before: Add, after: Node) -> Rewritten | None:
        if not isinstance(node, Add):
            return None
        children = tuple(enumerate(node.terms))
        patterns = sorted(before.terms, key=_rank)
        first, anchor = split_coefficient(patterns[0])
        scales = dict.fromkeys(
            coefficient / first
            for _, child in children
            for coefficient, rest in self._views(child)
            if any(self.matches(anchor, rest))
        )
        for scale in scales:
            scaled = [mul(number(scale), term) for term in patterns]
            for found, left in self._pick(Add, scaled, children, Match(), {}):
                made = mul(number(scale), found.written(after))
                return Rewritten(add(*_in_place(children, left, made)), add(*_without_left(children, left)), made)
        return None

    def _among_factors(self, node: Node, before: Mul, after: Node) -> Rewritten | None:
        if not isinstance(node, Mul):
            return None
        children = tuple(enumerate(node.factors))
        coefficient, rest = split_coefficient(before)
        patterns = sorted(factors_of(rest), key=_rank)
        for found, left in self._pick(Mul, patterns, children, Match(), {}):
            made = mul(number(1 / coefficient), found.written(after))
            return Rewritten(mul(*_in_place(children, left, made)), mul(*_without_left(children, left)), made)
        return None

    # -- matching

    def matches(self, pattern: Node, node: Node) -> Iterator[Match]:
        """The ways in which a pattern is the whole node."""
        return self._match(pattern, node, Match(), {})

    def _match(self, pattern: Node, node: Node, found: Match, scope: Scope) -> Iterator[Match]:
        coefficient, hole = split_coefficient(pattern)
        if isinstance(hole, Ref):
            if coefficient in (1, -1):
                yield from self._hole(hole, _scaled(node, coefficient), found, scope)
                return
            for scale, rest in self._views(node):
                if scale / coefficient in (1, -1) or (
                    not coefficient.is_rational and (scale / coefficient).is_Rational
                ):
                    yield from self._hole(hole, mul(number(scale / coefficient), rest), found, scope)
            return
        yield from self._same_head(pattern, node, found, scope)
        opened = self._opened(node)
        if opened is not None:
            yield from self._same_head(pattern, opened, found, scope)

    def _same_head(self, pattern: Node, node: Node, found: Match, scope: Scope) -> Iterator[Match]:
        match pattern, node:
            case Number(), Number():
                if found.number(pattern.value) == node.value:
                    yield found
            case Apply(), Apply():
                if pattern.function is node.function:
                    yield from self._arguments(pattern, node, found, scope)
            case Pow(), Pow():
                if pattern.exponent == node.exponent:
                    yield from self._match(pattern.base, node.base, found, scope)
                elif isinstance(node.exponent, Number):
                    yield from self._power(pattern, node, found, scope)
            case Pow(), Mul():
                yield from self._power(pattern, node, found, scope)
            case Sum(), Sum():
                yield from self._binder(pattern, node, found, scope)
            case Over(), Over():
                if pattern.function is node.function:
                    yield from self._binder(pattern, node, found, scope)
            case Add(), Add():
                patterns = sorted(pattern.terms, key=_rank)
                for terms in dict.fromkeys((node.terms, self._flattened(node.terms))):
                    for more, left in self._pick(Add, patterns, tuple(enumerate(terms)), found, scope):
                        if not left:
                            yield more
            case Mul(), Mul():
                (a, inner), (b, rest) = split_coefficient(pattern), split_coefficient(node)
                patterns = sorted(factors_of(inner), key=_rank)
                for more, left in self._pick(Mul, patterns, tuple(enumerate(factors_of(rest))), found, scope):
                    if not left and more.number(a) == b:
                        yield more

    def _arguments(self, pattern: Apply, node: Apply, found: Match, scope: Scope) -> Iterator[Match]:
        orders = [node.arguments]
        if pattern.function.name in COMMUTATIVE:
            orders.append(node.arguments[::-1])
        for arguments in orders:
            yield from self._each(list(zip(pattern.arguments, arguments, strict=True)), found, scope)

    def _each(self, pairs: Sequence[tuple[Node, Node]], found: Match, scope: Scope) -> Iterator[Match]:
        """Every pattern is the node beside it; those that find a hole come first."""
        if not pairs:
            yield found
            return
        first = min(range(len(pairs)), key=lambda m: _rank(pairs[m][0]))
        for more in self._match(*pairs[first], found, scope):
            yield from self._each([*pairs[:first], *pairs[first + 1 :]], more, scope)

    def _power(self, pattern: Pow, node: Node, found: Match, scope: Scope) -> Iterator[Match]:
        """``u²`` in ``u·u``, in ``x²y²`` and in ``u⁴``."""
        exponent = pattern.exponent
        if isinstance(exponent, Number) and exponent.value.is_Integer and exponent.value > 1:
            base = _root(node, exponent.value)
            if base is not None:
                yield from self._match(pattern.base, base, found, scope)

    def _binder(self, pattern: Sum | Over, node: Sum | Over, found: Match, scope: Scope) -> Iterator[Match]:
        if len(pattern.letters) != len(node.letters):
            return
        if not all(any(x in child.free for child in node.children()) for x in node.letters):
            return
        # the order of the letters of a sum says nothing
        orders = itertools.permutations(node.letters) if isinstance(node, Sum) else (node.letters,)
        for letters in orders:
            yield from self._bound(pattern, node, list(zip(pattern.letters, letters, strict=True)), found, scope)

    def _bound(
        self,
        pattern: Sum | Over,
        node: Sum | Over,
        pairs: list[tuple[Letter, Letter]],
        found: Match,
        scope: Scope,
    ) -> Iterator[Match]:
        if any(found.sizes.get(a.length, b.length) != b.length for a, b in pairs):
            return
        found = replace(
            found,
            bound={**found.bound, **{a.name: b for a, b in pairs}},
            sizes={**found.sizes, **{a.length: b.length for a, b in pairs}},
        )
        if isinstance(pattern, Over) and isinstance(node, Over):
            for one, index in zip(pattern.at, node.at, strict=True):
                known = found.index(one, scope)
                if known is not None and known != index:
                    return
                assert one.letter is not None
                found = replace(found, at={**found.at, one.letter: index}) if known is None else found
        inner = {**scope, **dict(pairs)}
        yield from self._each(list(zip(pattern.children(), node.children(), strict=True)), found, inner)

    # -- holes

    def _hole(self, hole: Ref, node: Node, found: Match, scope: Scope) -> Iterator[Match]:
        if hole.tensor in found.holes:
            for more in self._placed(hole, (node,), found, scope):
                value = more.value(hole, scope)
                if value is not None and self.same(value, node):
                    yield more
        elif self._fits(hole, node, scope):
            letters = tuple(scope[i.letter] for i in hole.indices if i.letter is not None)
            yield replace(found, holes={**found.holes, hole.tensor: (letters, node)})

    def _fits(self, hole: Ref, node: Node, scope: Scope) -> bool:
        """Whether the node depends on no letter that the pattern binds, but on those of the hole."""
        if not hole.free <= scope.keys():
            return False
        return node.free.isdisjoint({b for a, b in scope.items() if a not in hole.free})

    def _placed(self, hole: Ref, nodes: Sequence[Node], found: Match, scope: Scope) -> Iterator[Match]:
        """The ways to choose the index of a hole that is known, from the indices that occur in the nodes."""
        letters = (i.letter for i in hole.indices)
        one = next((x for x in letters if x is not None and x not in scope and x not in found.at), None)
        if one is None:
            yield found
            return
        size = found.sizes[one.length]
        for index in dict.fromkeys(index for node in nodes for index in _indices(node)):
            if index.certainly_at_least_zero() and index.certainly_below(size):
                yield from self._placed(hole, nodes, replace(found, at={**found.at, one: index}), scope)

    # -- terms and factors in any order

    def _pick(
        self, kind: type[Add | Mul], patterns: Sequence[Node], children: Children, found: Match, scope: Scope
    ) -> Iterator[tuple[Match, Children]]:
        """The ways to find every pattern among the children, and the children that are left."""
        if not patterns:
            yield found, children
            return
        first, later = patterns[0], patterns[1:]
        coefficient, hole = split_coefficient(first)
        if isinstance(hole, Ref) and (kind is Add or coefficient == 1):
            if hole.tensor in found.holes:
                ways = self._included(kind, hole, coefficient, children, found, scope)
            else:
                ways = self._gathered(kind, hole, coefficient, children, found, scope, last=not later)
        else:
            ways = self._one_of(kind, first, children, found, scope)
        for more, left in ways:
            yield from self._pick(kind, later, left, more, scope)

    def _one_of(
        self, kind: type[Add | Mul], pattern: Node, children: Children, found: Match, scope: Scope
    ) -> Iterator[tuple[Match, Children]]:
        coefficient, inner = split_coefficient(pattern) if kind is Add else (sympy.Integer(1), pattern)
        for place, (_, child) in enumerate(children):
            views = self._views(child) if kind is Add else [(sympy.Integer(1), child)]
            for scale, rest in views:
                for more in self._match(inner, rest, found, scope):
                    if scale == more.number(coefficient):
                        yield more, children[:place] + children[place + 1 :]

    def _included(
        self,
        kind: type[Add | Mul],
        hole: Ref,
        coefficient: sympy.Expr,
        children: Children,
        found: Match,
        scope: Scope,
    ) -> Iterator[tuple[Match, Children]]:
        """The children that are together what a hole stands for: one, some of them word for word, or all."""
        for more in self._placed(hole, [child for _, child in children], found, scope):
            value = more.value(hole, scope)
            if value is None:
                continue
            whole = _scaled(value, coefficient)
            for place, (_, child) in enumerate(children):
                if self.same(whole, child):
                    yield more, children[:place] + children[place + 1 :]
            left = _without(children, terms_of(whole) if kind is Add else factors_of(whole))
            if left is not None:
                yield more, left
            elif len(children) > 1 and self.same(whole, (add if kind is Add else mul)(*(c for _, c in children))):
                yield more, ()

    def _gathered(
        self,
        kind: type[Add | Mul],
        hole: Ref,
        coefficient: sympy.Expr,
        children: Children,
        found: Match,
        scope: Scope,
        *,
        last: bool,
    ) -> Iterator[tuple[Match, Children]]:
        """The children that a new hole may stand for: all if it is the last, else as many as may, or one."""
        fitting = [child for child in children if self._fits(hole, child[1], scope)]
        choices = [list(children)] if last else [fitting, *([one] for one in fitting)]
        build = add if kind is Add else mul
        for chosen in choices:
            left = tuple(child for child in children if child not in chosen)
            if chosen and (last or left):
                value = _scaled(build(*(child for _, child in chosen)), 1 / coefficient)
                for more in self._hole(hole, value, found, scope):
                    yield more, left

    # -- names

    def _opened(self, node: Node) -> Node | None:
        """What a name stands for, names of names read on; None for what is no name."""
        if not isinstance(node, Ref) or not self.through:
            return None
        if node not in self._bodies:
            here: Node = node
            met: set[Tensor] = set()
            while isinstance(here, Ref) and here.tensor in self.definitions and here.tensor not in met:
                met.add(here.tensor)
                here = self.definitions[here.tensor].at(*here.indices)
            self._bodies[node] = here
        opened = self._bodies[node]
        return None if isinstance(opened, Ref) else opened

    def _views(self, term: Node) -> list[tuple[sympy.Expr, Node]]:
        """A term as a number times the rest; where a name stands for a multiple, also with that number in front."""
        coefficient, rest = split_coefficient(term)
        base, exponent = (rest.base, rest.exponent) if isinstance(rest, Pow) else (rest, ONE)
        opened = self._opened(base)
        if opened is None or isinstance(opened, Add) or not isinstance(exponent, Number):
            return [(coefficient, rest)]
        inner, below = split_coefficient(power(opened, exponent))
        return [(coefficient, rest)] if inner == 1 else [(coefficient, rest), (coefficient * inner, below)]

    def _flattened(self, terms: tuple[Node, ...]) -> tuple[Node, ...]:
        """The terms, those of names of sums among them."""
        flat: list[Node] = []
        for term in terms:
            coefficient, rest = split_coefficient(term)
            opened = self._opened(rest)
            flat += [term] if not isinstance(opened, Add) else terms_of(_scaled(opened, coefficient))
        return tuple(flat)

    def same(self, a: Node, b: Node) -> bool:
        """Whether two nodes are equal up to order, letters, and names that only one of them reads."""
        while key(a) != key(b):
            names = [t for t in a.tensors ^ b.tensors if t in self.straight] if self.through else []
            if not names:
                return False
            latest = self.definitions[max(names, key=lambda t: self.straight[t])]
            before = a, b
            a, b = insert(a, latest), insert(b, latest)
            if before == (a, b) or any(sum(1 for _ in walk(one)) > LARGEST for one in (a, b)):
                return False
        return True


# What is matched first: what has a head, then numbers, then what needs an index that others find, then holes.
RANKS = ("head", "number", "placed", "hole")


def _rank(pattern: Node) -> int:
    _, inner = split_coefficient(pattern)
    if isinstance(pattern, Number):
        return RANKS.index("number")
    if isinstance(inner, Ref):
        return RANKS.index("hole") + (len(RANKS) if inner.free else 0)
    placed = any(isinstance(below, Ref) and below.free & pattern.free for below in walk(pattern))
    return RANKS.index("placed") if placed else RANKS.index("head")


def _indices(node: Node) -> Iterator[Index]:
    """The indices in a node, their letters, and 0: where an entry may stand."""
    for below in walk(node):
        for index in below.indices_here():
            if index.free <= node.free:
                yield index
                yield from map(as_index, sorted(index.free, key=lambda x: x.name))
    yield as_index(0)


def _root(node: Node, exponent: sympy.Expr) -> Node | None:
    """The node whose power this is; None where the exponents of its factors are no multiples."""
    counts: dict[object, tuple[Node, sympy.Expr]] = {}
    for factor in factors_of(node):
        base, times = base_and_exponent(factor)
        first, total = counts.get(key(base), (base, sympy.Integer(0)))
        counts[key(base)] = first, total + times
    if not all((times / exponent).is_Integer and times > 0 for _, times in counts.values()):
        return None
    return mul(*(power(base, number(times / exponent)) for base, times in counts.values()))


def _without(children: Children, parts: Sequence[Node]) -> Children | None:
    """The children less those that are equal to the parts; None where one is missing."""
    left = list(children)
    for part in parts:
        at = next((m for m, (_, child) in enumerate(left) if key(child) == key(part)), None)
        if at is None:
            return None
        del left[at]
    return tuple(left)


def _whole(node: Node, made: Node) -> Rewritten:
    return Rewritten(made, node, made)


def _without_left(children: Children, left: Children) -> list[Node]:
    """What was found among the children."""
    kept = {place for place, _ in left}
    return [child for place, child in children if place not in kept]


def _in_place(children: Children, left: Children, made: Node) -> list[Node]:
    """What is left, and what was made where the first of the others stood."""
    kept = {place for place, _ in left}
    first = min(place for place, _ in children if place not in kept)
    return [made if place == first else child for place, child in children if place in kept or place == first]
