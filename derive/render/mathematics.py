"""The fold over formulas that all printers share; what differs between them is the pen.

``Pen`` draws the pieces (a fraction, a subscript, a sum sign), ``Writer`` decides what is drawn: where signs,
fractions and parentheses go, which guards are one range, what a bound letter is called. Terms and factors stay in
the order of the tree.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import sympy

from derive.index import Atom, Index, IntegerNode, Letter, Quotient, Remainder
from derive.nodes import (
    Add,
    Apply,
    Bracket,
    Mul,
    Node,
    Number,
    Over,
    Partial,
    Position,
    Pow,
    Ref,
    Sum,
    Tangent,
    Tensor,
    factors_of,
)
from derive.notation import mul
from derive.over_axes import OVER
from derive.render.naming import Names, Symbol, symbol_of, tensor_symbol
from derive.render.runs import ADD, ATOM, MUL, Run, Token
from derive.size_algebra import Size, as_expression

__all__ = ["Pen", "Scope", "Side", "Writer", "split_sign"]

DOT = Symbol("·")
"""Stands for an index that runs over a whole axis."""


class Pen(ABC):
    """Draws pieces of mathematics. Widths are in the unit of ``room``, the width of a line."""

    room: float

    @abstractmethod
    def symbol(self, symbol: Symbol) -> Run: ...
    @abstractmethod
    def digits(self, text: str) -> Run: ...
    @abstractmethod
    def constant(self, name: str) -> Run:
        """One of infinity, pi, e."""

    @abstractmethod
    def foreign(self, value: sympy.Expr) -> Run:
        """A number that this toolkit has no notation for."""

    @abstractmethod
    def sign(self, negative: bool, *, leading: bool, breakable: bool = True) -> Token: ...
    @abstractmethod
    def relation(self, relation: str) -> Token: ...
    @abstractmethod
    def between_factors(self, left: Run, right: Run) -> Token: ...
    @abstractmethod
    def fence(self, inside: Run, kind: str = "(") -> Run:
        """``kind`` is ( [ | ‖ or ⌊."""

    @abstractmethod
    def fraction(self, above: Run, below: Run) -> Run: ...
    @abstractmethod
    def root(self, inside: Run) -> Run: ...
    @abstractmethod
    def raised(self, base: Run, exponent: Run) -> Run: ...
    @abstractmethod
    def exponential(self, exponent: Run) -> Run | None:
        """``e`` to the exponent; None where that is better written as a function."""

    @abstractmethod
    def gap(self) -> Token:
        """Between the name of a function and its argument without parentheses."""

    @abstractmethod
    def entry(self, symbol: Symbol, indices: Sequence[Run], *, compact: bool, hat: str = "") -> Run:
        """``hat`` is one of "", ``inverse``, ``transposed``, ``inverse transposed``."""

    @abstractmethod
    def at(self, value: Run, indices: Sequence[Run], *, compact: bool) -> Run:
        """An entry of a vector or matrix that is itself an expression."""

    @abstractmethod
    def total(self, letters: Sequence[Run]) -> Token:
        """The sum sign."""

    @abstractmethod
    def function(self, name: str, latex: str) -> Run: ...
    @abstractmethod
    def under(self, name: str, latex: str, letters: Sequence[Run]) -> Run:
        """The name of a function along axes, with the letters that it runs over."""

    @abstractmethod
    def cases(self, rows: Sequence[tuple[Run, Run]]) -> Run: ...
    @abstractmethod
    def partial(self, above: Run | None, below: Run) -> Run:
        """The derivative of ``above``; of what follows where that is None."""

    @abstractmethod
    def along(self) -> Run:
        """The operator of the derivative along a tangent."""

    @abstractmethod
    def slope(self, indices: Sequence[Run]) -> Run:
        """The operators of the partial derivatives by these entries of the argument."""

    @abstractmethod
    def remainder(self, index: Run, divisor: Run) -> Run: ...
    @abstractmethod
    def quotient(self, index: Run, divisor: Run, *, exact: bool) -> Run: ...
    @abstractmethod
    def divides(self, divisor: Run, index: Run) -> Run:
        """The bracket of exact divisibility."""


class Side(Protocol):
    """``left relation right``, as a statement or an assumption says it."""

    @property
    def left(self) -> Node: ...
    @property
    def relation(self) -> str: ...
    @property
    def right(self) -> Node: ...


@dataclass(frozen=True)
class Scope:
    """What the letters are called here, which quotients have no remainder, whether this stands in a fraction."""

    names: Names
    exact: frozenset[tuple[Index, Size]] = frozenset()
    small: bool = False

    def bind(self, letters: Iterable[Letter]) -> Scope:
        return replace(self, names=self.names.bind(letters))


@dataclass(frozen=True)
class _Range:
    """``0 <= form < size``: a lower and an upper guard of the same form."""

    form: Index
    below: Size


def split_sign(node: Node) -> tuple[bool, Node]:
    """Whether a minus can stand before the node, and the node without it."""
    if isinstance(node, Number) and _negative(node.value):
        return True, Number(-node.value)
    if isinstance(node, Mul) and isinstance(node.factors[0], Number) and _negative(node.factors[0].value):
        return True, mul(Number(-node.factors[0].value), *node.factors[1:])
    if isinstance(node, Sum):
        negative, body = split_sign(node.body)
        if negative:
            return True, Sum(*node.letters, body)
    return False, node


def _negative(value: sympy.Expr) -> bool:
    return not value.is_Add and bool(value.could_extract_minus_sign())


class Writer:
    """Writes nodes, indices, sizes and statements with a pen."""

    def __init__(self, pen: Pen) -> None:
        self.pen = pen

    # ------------------------------------------------------------------------------------------------- nodes

    def node(self, node: Node, scope: Scope, *, followed: bool = False) -> Run:
        """``followed`` says that a factor comes next, which a function without parentheses would swallow."""
        negative, positive = split_sign(node)
        if negative:
            inner = self.node(positive, scope)
            inner = self.pen.fence(inner) if inner.level == ADD else inner
            sign = self.pen.sign(negative=True, leading=True)
            return replace(inner, tokens=(sign, *inner.tokens), level=ADD)
        match node:
            case Number():
                return self.size(node.value)
            case Position():
                return self.index(node.index, scope)
            case Ref():
                indices = [self.index(i, scope) for i in node.indices]
                return self.pen.entry(tensor_symbol(node.tensor), indices, compact=self._compact(node.indices, scope))
            case Add():
                return self._terms(node, scope)
            case Mul():
                return self._product(node, scope)
            case Sum():
                inner_scope = scope.bind(node.letters)
                sign = self.pen.total(self._letters(node.letters, inner_scope))
                return self._prefixed(sign, node.body, inner_scope)
            case Pow():
                return self._power(node, scope)
            case Apply():
                return self._apply(node, scope, followed)
            case Bracket():
                return self._bracket(node, scope)
            case Over():
                return self._over(node, scope, followed)
            case Partial():
                return self._partial(node, scope)
        raise NotImplementedError(type(node).__name__)

    def statement(self, side: Side, scope: Scope) -> Run:
        """``left relation right``."""
        left, right = self.node(side.left, scope), self.node(side.right, scope)
        tokens = (*left.tokens, self.pen.relation(side.relation), *right.tokens)
        return Run(tokens, ADD, max(left.height, right.height))

    def remainder(self, tensor: Tensor, order: int) -> Run:
        """``O(|v|^order)``."""
        size = self.pen.fence(self.pen.symbol(tensor_symbol(tensor)), "‖" if tensor.axes else "|")
        inside = self.pen.raised(size, self.pen.digits(str(order))) if order != 1 else size
        fenced = self.pen.fence(inside)
        return Run((*self.pen.symbol(Symbol("O")).tokens, *fenced.tokens))

    def _terms(self, node: Add, scope: Scope) -> Run:
        start = self._start_of_recurrence(node, scope)
        if start is not None:
            return start
        tokens: list[Token] = []
        height = 0
        for m, term in enumerate(node.terms):
            negative, positive = split_sign(term)
            run = self.node(positive, scope)
            if run.level == ADD and not isinstance(positive, (Number, Position)):
                run = self.pen.fence(run)
            if m or negative:
                tokens.append(self.pen.sign(negative=negative, leading=not m))
            tokens.extend(run.tokens)
            height = max(height, run.height)
        return Run(tuple(tokens), ADD, height)

    def _start_of_recurrence(self, node: Add, scope: Scope) -> Run | None:
        """``[t = 0] h0[k] + [t >= 1] h[t-1, k]`` as two cases."""
        if len(node.terms) != 2:
            return None
        rows = []
        conditions = []
        for term in node.terms:
            condition, *rest = factors_of(term)
            if not isinstance(condition, Bracket) or not rest:
                return None
            conditions.append(condition)
            rows.append((self.node(mul(*rest), scope), self._condition(condition, scope)))
        start, later = conditions
        if (start.relation, later.relation) != ("=", "≥"):
            return None
        if (later.left, later.right) != (start.left, start.right + 1):
            return None
        return self.pen.cases(rows)

    def _letters(self, letters: Sequence[Letter], scope: Scope) -> list[Run]:
        return [self.pen.symbol(scope.names.of(x)) for x in letters]

    def _prefixed(self, sign: Token, body: Node, scope: Scope) -> Run:
        run = self.node(body, scope)
        if run.level == ADD:
            run = self.pen.fence(run)
        return Run((sign, *run.tokens), MUL, max(1 if scope.small else 2, run.height), open=True)

    # ---------------------------------------------------------------------------------------------- products

    def _product(self, node: Mul, scope: Scope) -> Run:
        exact = {
            (atom.index, atom.divisor)
            for f in node.factors
            if isinstance(f, Bracket) and (atom := _divisibility(f)) is not None
        }
        scope = replace(scope, exact=scope.exact | exact)
        top, bottom = sympy.Integer(1), sympy.Integer(1)
        above: list[Node | _Range] = []
        below: list[Node] = []
        for factor in _ranges(node.factors):
            if isinstance(factor, Number):
                top, bottom = sympy.fraction(factor.value)
            elif isinstance(factor, Pow) and _falls(factor.exponent):
                assert isinstance(factor.exponent, Number)
                exponent = -factor.exponent.value
                below.append(factor.base if exponent == 1 else Pow(factor.base, Number(exponent)))
            else:
                above.append(factor)
        if not below and bottom == 1:
            runs = [] if top == 1 else [self.size(top)]
            return self._juxtaposed([*runs, *self._factors(above, scope)])
        inside = replace(scope, small=True)
        denominators = [] if bottom == 1 else [self.size(bottom)]
        if len(below) == 1 and not denominators:
            denominators = [self._written(below[0], inside)]
        else:
            denominators += self._factors(list(below), inside)
        front = self._front(above, scope) if below or bottom.free_symbols else []
        rest = above[len(front) :]
        numerators = [] if top == 1 and front else [self.size(top)]
        if len(front) == 1 and top == 1:
            (only,) = front
            numerator = self._written(only, inside)
        else:
            numerator = self._juxtaposed([*numerators, *self._factors(front, inside)])
        fraction = self.pen.fraction(_tight(numerator), _tight(self._juxtaposed(denominators)))
        return self._juxtaposed([fraction, *self._factors(rest, scope)]) if rest else fraction

    def _front(self, factors: list[Node | _Range], scope: Scope) -> list[Node | _Range]:
        """The factors that fit above a fraction line; the others follow the fraction."""
        front: list[Node | _Range] = []
        width = 0.0
        for factor in factors:
            if isinstance(factor, (Sum, Partial)) or (isinstance(factor, Over) and factor.function.name in PREFIXES):
                break
            width += self._written(factor, scope).width
            if width > 0.5 * self.pen.room:
                break
            front.append(factor)
        return front

    def _factors(self, factors: Sequence[Node | _Range], scope: Scope) -> list[Run]:
        return [self._factor(f, scope, followed=m + 1 < len(factors)) for m, f in enumerate(factors)]

    def _factor(self, factor: Node | _Range, scope: Scope, *, followed: bool) -> Run:
        run = self._written(factor, scope, followed=followed)
        return self.pen.fence(run) if run.level == ADD or (run.open and followed) else run

    def _written(self, factor: Node | _Range, scope: Scope, *, followed: bool = False) -> Run:
        if isinstance(factor, _Range):
            return self._range(factor, scope)
        return self.node(factor, scope, followed=followed)

    def _juxtaposed(self, runs: Sequence[Run]) -> Run:
        if len(runs) == 1:
            return runs[0]
        fenced = [self.pen.fence(r) if r.level == ADD else r for r in runs]
        tokens: list[Token] = list(fenced[0].tokens)
        for left, right in itertools.pairwise(fenced):
            tokens.append(self.pen.between_factors(left, right))
            tokens.extend(right.tokens)
        return Run(tuple(tokens), MUL, max(r.height for r in fenced), open=fenced[-1].open)

    def _power(self, node: Pow, scope: Scope) -> Run:
        if _falls(node.exponent):
            return self._product(Mul((node,)), scope)
        if isinstance(node.exponent, Number) and node.exponent.value == sympy.Rational(1, 2):
            inside = self.node(node.base, scope)
            if inside.width < 0.7 * self.pen.room:
                return self.pen.root(inside)
        exponent = self.node(node.exponent, scope)
        if isinstance(node.base, Apply) and node.base.function.name in RAISED:
            name = self.pen.function(node.base.function.name, node.base.function.latex)
            return self._call(self.pen.raised(name, exponent), node.base.arguments, scope)
        base = self.node(node.base, scope, followed=True)
        return self.pen.raised(base if base.level == ATOM else self.pen.fence(base), exponent)

    # --------------------------------------------------------------------------------------------- functions

    def _apply(self, node: Apply, scope: Scope, followed: bool) -> Run:
        name, arguments = node.function.name, node.arguments
        if name in ("greater", "greater_equal"):
            return self.pen.fence(self._comparison(node, scope), "[")
        if name == "abs":
            return self.pen.fence(self.node(arguments[0], scope), "|")
        if name == "where":
            condition, then, other = arguments
            return self.pen.cases(
                [
                    (self.node(then, scope), self._condition(condition, scope)),
                    (self.node(other, scope), self._condition(condition, scope, negated=True)),
                ]
            )
        if name == "exp":
            power = self.pen.exponential(self.node(arguments[0], replace(scope, small=True)))
            if power is not None:
                return power
        function = self.pen.function(name, node.function.latex)
        if name in BARE and isinstance(arguments[0], Ref) and not followed:
            argument = self.node(arguments[0], scope)
            return Run((*function.tokens, self.pen.gap(), *argument.tokens), MUL, open=True)
        return self._call(function, arguments, scope)

    def _call(self, function: Run, arguments: Sequence[Node], scope: Scope) -> Run:
        inside = self._listed([self.node(a, scope) for a in arguments])
        fenced = self.pen.fence(inside)
        return Run((*function.tokens, *fenced.tokens), ATOM, fenced.height)

    def _listed(self, runs: Sequence[Run]) -> Run:
        if len(runs) == 1:
            return runs[0]
        tokens = list(runs[0].tokens)
        for run in runs[1:]:
            tokens += [self.pen.relation(","), *run.tokens]
        return Run(tuple(tokens), ADD, max(r.height for r in runs))

    def _comparison(self, node: Apply, scope: Scope, *, negated: bool = False) -> Run:
        relation = ">" if node.function.name == "greater" else "≥"
        if negated:
            relation = {">": "≤", "≥": "<"}[relation]
        return self.statement(_Sides(node.arguments[0], relation, node.arguments[1]), scope)

    def _condition(self, node: Node, scope: Scope, *, negated: bool = False) -> Run:
        """What a 0-1 factor says, without its brackets."""
        if isinstance(node, Apply) and node.function.name in ("greater", "greater_equal"):
            return self._comparison(node, scope, negated=negated)
        if isinstance(node, Bracket):
            relation = NEGATED[node.relation] if negated else node.relation
            return self._bracket_inside(Bracket(node.left, relation, node.right), scope)
        return self.statement(_Sides(node, "=" if negated else "≠", Number(sympy.Integer(0))), scope)

    def _over(self, node: Over, scope: Scope, followed: bool) -> Run:
        function = node.function
        inner = scope.bind(node.letters)
        whole = self._whole(node, scope)
        at = [self.index(i, scope) for i in node.at]
        compact = self._compact(node.at, scope)
        name = function.name
        if name not in OVER:
            order = len(node.at) - len(function.outputs)
            head = self.pen.symbol(symbol_of(function.latex))
            if order:
                slope = self.pen.slope(at[len(function.outputs) :])
                head = Run((*slope.tokens, *head.tokens), MUL)
            rows = at[: len(function.outputs)]
            if rows and order:
                head = self.pen.fence(head)
            if rows:
                head = self.pen.at(head, rows, compact=compact)
            argument = whole if whole is not None else self.node(node.arguments[0], inner)
            fenced = self.pen.fence(argument)
            return Run((*head.tokens, *fenced.tokens), ATOM, fenced.height)
        if name in PREFIXES:
            sign = self.pen.under(name, function.latex, self._letters(node.letters, inner))
            body = self.node(node.arguments[0], inner)
            simple = isinstance(node.arguments[0], Ref) and not followed
            body = body if simple else self.pen.fence(body)
            gap = (self.pen.gap(),) if simple else ()
            return Run((*sign.tokens, *gap, *body.tokens), MUL if simple else ATOM, max(1, body.height), open=simple)
        if name == "norm":
            inside = whole if whole is not None else self.node(node.arguments[0], inner)
            return self.pen.fence(inside, "‖")
        if name in ("inverse", "logdet", "det"):
            return self._matrix_function(node, scope, at, compact)
        if whole is not None:
            call = self._called(self.pen.function(name, function.latex), whole)
        else:
            letters = self._letters(node.letters, inner)
            call = self._called(self.pen.under(name, function.latex, letters), self.node(node.arguments[0], inner))
        return self.pen.at(call, at, compact=compact) if at else call

    def _called(self, function: Run, inside: Run) -> Run:
        fenced = self.pen.fence(inside)
        return Run((*function.tokens, *fenced.tokens), ATOM, fenced.height)

    def _matrix_function(self, node: Over, scope: Scope, at: Sequence[Run], compact: bool) -> Run:
        inner = scope.bind(node.letters)
        name, argument = node.function.name, node.arguments[0]
        hat = "inverse" if name == "inverse" else ""
        if isinstance(argument, Ref):
            order = [i.letter for i in argument.indices if i.letter in node.letters]
            if order == list(reversed(node.letters)):
                hat = f"{hat} transposed".strip()
        whole = self._whole(node, scope, hat=hat)
        if whole is None:
            letters = self._letters(node.letters, inner)
            inside = self.pen.fence(self.node(argument, inner))
            whole = self.pen.at(inside, letters, compact=True)
            if name == "inverse":
                minus_one = Run((self.pen.sign(negative=True, leading=True), *self.pen.digits("1").tokens), ADD)
                whole = self.pen.raised(self.pen.fence(whole, "["), minus_one)
        if name == "inverse":
            return self.pen.at(self.pen.fence(whole), at, compact=compact)
        determinant = Run((*self.pen.function("det", r"\det").tokens, self.pen.gap(), *whole.tokens), MUL)
        if name == "det":
            return replace(determinant, open=True)
        inside = self.pen.fence(determinant, "|")
        return Run((*self.pen.function("log", r"\log").tokens, *inside.tokens), ATOM, inside.height)

    def _whole(self, node: Over, scope: Scope, hat: str = "") -> Run | None:
        """The tensor that the function takes, its own axes as dots; None where it takes an expression."""
        argument = node.arguments[0]
        if not isinstance(argument, Ref):
            return None
        along = [i.letter for i in argument.indices if i.letter in node.letters]
        rest = [i for i in argument.indices if i.letter not in node.letters]
        if len(along) != len(node.letters) or any(not i.free.isdisjoint(node.letters) for i in rest):
            return None
        if along != list(node.letters) and "transposed" not in hat:
            return None
        symbol = tensor_symbol(argument.tensor)
        dot = self.pen.symbol(DOT)
        runs = [dot if i.letter in node.letters else self.index(i, scope) for i in argument.indices]
        return self.pen.entry(symbol, runs if rest else [], compact=self._compact(rest, scope), hat=hat)

    def _partial(self, node: Partial, scope: Scope) -> Run:
        if isinstance(node.wrt, Tangent):
            operator = self.pen.along()
            body = self.node(node.body, scope)
            body = body if isinstance(node.body, Ref) else self.pen.fence(body)
            return Run((*operator.tokens, *body.tokens), MUL, body.height, open=True)
        wrt = self.node(node.wrt, scope)
        body = self.node(node.body, scope)
        short = 0.5 if isinstance(node.body, Ref) else 0.2
        plain = isinstance(node.body, (Ref, Apply, Over, Pow)) and body.height == 0
        if plain and body.width < short * self.pen.room:
            simple = isinstance(node.body, Ref) or body.level == ATOM
            return self.pen.partial(body if simple or body.open else self.pen.fence(body), wrt)
        operator = self.pen.partial(None, wrt)
        fenced = self.pen.fence(body)
        return Run((*operator.tokens, *fenced.tokens), MUL, max(operator.height, fenced.height))

    # ---------------------------------------------------------------------------------------------- brackets

    def _bracket(self, node: Bracket, scope: Scope) -> Run:
        atom = _divisibility(node)
        if atom is not None:
            index = self.index(atom.index, scope)
            return self.pen.divides(self.size(atom.divisor), index)
        return self.pen.fence(self._bracket_inside(node, scope), "[")

    def _bracket_inside(self, node: Bracket, scope: Scope) -> Run:
        left, relation, right = _balanced(node)
        lhs, rhs = self.index(left, scope), self.index(right, scope)
        return Run((*lhs.tokens, _fixed(self.pen.relation(relation)), *rhs.tokens), ADD)

    def _range(self, node: _Range, scope: Scope) -> Run:
        form, low = _positive_first(node.form), Index((), 0)
        below = node.below
        if len(form.terms) == 1 and form.constant != 0:
            low = Index((), _minus(0, form.constant))
            below = _minus(below, form.constant)
            form = Index(form.terms)
        runs = [self.index(low, scope), self.index(form, scope), self.size(below)]
        tokens = [*runs[0].tokens]
        for relation, run in zip("≤<", runs[1:], strict=True):
            tokens += [_fixed(self.pen.relation(relation)), *run.tokens]
        return self.pen.fence(Run(tuple(_fixed(t) for t in tokens), ADD), "[")

    # --------------------------------------------------------------------------------------- indices and sizes

    def index(self, index: Index, scope: Scope) -> Run:
        """An index: ``s i + u - p``."""
        parts: list[tuple[bool, Run]] = []
        for atom, coefficient in index.terms:
            negative = _below_zero(coefficient)
            parts.append((negative, self._scaled(atom, _minus(0, coefficient) if negative else coefficient, scope)))
        for term in _size_terms(index.constant):
            negative = _negative(term)
            parts.append((negative, self.size(-term if negative else term)))
        if not parts:
            return self.pen.digits("0")
        parts.sort(key=lambda part: part[0])
        tokens: list[Token] = []
        for m, (negative, run) in enumerate(parts):
            if m or negative:
                tokens.append(self.pen.sign(negative=negative, leading=not m, breakable=False))
            tokens.extend(run.tokens)
        level = ADD if len(parts) > 1 or parts[0][0] else parts[0][1].level
        return Run(tuple(_fixed(t) for t in tokens), level)

    def _scaled(self, atom: Atom, coefficient: Size, scope: Scope) -> Run:
        if isinstance(atom, Letter):
            run = self.pen.symbol(scope.names.of(atom))
        elif isinstance(atom, Remainder):
            run = self.pen.remainder(self._argument(atom.index, scope), self._divisor(atom.divisor))
        elif isinstance(atom, Quotient):
            exact = (atom.index, atom.divisor) in scope.exact
            run = self.pen.quotient(self._argument(atom.index, scope), self._divisor(atom.divisor), exact=exact)
        else:
            assert isinstance(atom, IntegerNode)
            assert isinstance(atom, Node)
            run = self.node(atom, scope)
        if coefficient == 1:
            return run
        return self._juxtaposed([self.size(coefficient), run])

    def _argument(self, index: Index, scope: Scope) -> Run:
        run = self.index(index, scope)
        return self.pen.fence(run) if run.level == ADD else run

    def _divisor(self, divisor: Size) -> Run:
        run = self.size(divisor)
        return self.pen.fence(run) if run.level < ATOM else run

    def _compact(self, indices: Sequence[Index], scope: Scope) -> bool:
        """Whether the indices are one letter each, so that they need no commas."""
        return all(
            (i.letter is not None and scope.names.of(i.letter).single)
            or (not i.terms and isinstance(i.constant, int) and 0 <= i.constant <= 9)
            for i in indices
        )

    def size(self, value: Size) -> Run:
        """A size, or a number made of sizes."""
        expression = as_expression(value)
        if expression.is_Integer or (expression.is_Rational and expression.q == 1):
            if expression.is_negative:
                sign = self.pen.sign(negative=True, leading=True)
                return Run((sign, *self.pen.digits(str(-expression)).tokens), ADD)
            return self.pen.digits(str(expression))
        if isinstance(expression, sympy.Symbol):
            return self.pen.symbol(symbol_of(expression.name))
        if expression.is_Add:
            return self._size_sum(expression)
        if expression.is_Mul or expression.is_Rational:
            return self._size_product(expression)
        if expression.is_Pow:
            base, exponent = expression.as_base_exp()
            if exponent == sympy.Rational(1, 2):
                return self.pen.root(self.size(base))
            if exponent.is_number and exponent.is_negative:
                return self._size_product(expression)
            inside = self.size(base)
            return self.pen.raised(inside if inside.level == ATOM else self.pen.fence(inside), self.size(exponent))
        if isinstance(expression, sympy.floor):
            return self.pen.fence(self.size(expression.args[0]), "⌊")
        if expression is sympy.pi:
            return self.pen.constant("pi")
        if expression is sympy.E:
            return self.pen.constant("e")
        if expression is sympy.oo:
            return self.pen.constant("infinity")
        return self.pen.foreign(expression)

    def _size_sum(self, expression: sympy.Expr) -> Run:
        tokens: list[Token] = []
        for m, term in enumerate(_size_terms(expression)):
            negative = _negative(term)
            run = self.size(-term if negative else term)
            if m or negative:
                tokens.append(self.pen.sign(negative=negative, leading=not m, breakable=False))
            tokens.extend(run.tokens)
        return Run(tuple(_fixed(t) for t in tokens), ADD)

    def _size_product(self, expression: sympy.Expr) -> Run:
        if _negative(expression):
            run = self._size_product(-expression) if not (-expression).is_Integer else self.size(-expression)
            return replace(run, tokens=(self.pen.sign(negative=True, leading=True), *run.tokens), level=ADD)
        above, below = sympy.fraction(expression)
        if below != 1:
            return self.pen.fraction(_tight(self.size(above)), _tight(self.size(below)))
        runs = [self.size(f) for f in expression.as_ordered_factors()]
        run = self._juxtaposed(runs) if len(runs) > 1 else self.pen.foreign(expression)
        return replace(run, tokens=tuple(_fixed(t) for t in run.tokens))


@dataclass(frozen=True)
class _Sides:
    left: Node
    relation: str
    right: Node


BARE = frozenset({"log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arctan"})
"""Functions that a plain entry follows without parentheses."""
RAISED = frozenset({"sin", "cos", "tan", "sinh", "cosh", "tanh"})
"""Functions whose power is written on their name."""
PREFIXES = frozenset({"max", "min", "argmax", "argmin"})
NEGATED = {"=": "≠", "≠": "=", "<": "≥", "≤": ">", ">": "≤", "≥": "<"}


def _fixed(token: Token) -> Token:
    return replace(token, cost=0)


def _tight(run: Run) -> Run:
    return replace(run, tokens=tuple(_fixed(t) for t in run.tokens))


def _falls(exponent: Node) -> bool:
    return isinstance(exponent, Number) and bool(exponent.value.is_number) and bool(exponent.value.is_negative)


def _divisibility(node: Bracket) -> Remainder | None:
    """``[a mod D = 0]``."""
    if node.relation != "=" or node.right != Index((), 0) or len(node.left.terms) != 1 or node.left.constant != 0:
        return None
    atom, coefficient = node.left.terms[0]
    return atom if isinstance(atom, Remainder) and coefficient == 1 else None


def _below_zero(coefficient: Size) -> bool:
    return coefficient < 0 if isinstance(coefficient, int) else _negative(coefficient)


def _minus(left: Size, right: Size) -> sympy.Expr:
    return as_expression(left) - as_expression(right)


def _size_terms(value: Size) -> list[sympy.Expr]:
    """The terms of a size, the positive ones first."""
    expression = as_expression(value)
    if expression.is_zero:
        return []
    terms = list(expression.as_ordered_terms()) if expression.is_Add else [expression]
    return sorted(terms, key=_negative)


def _positive_first(index: Index) -> Index:
    if not index.terms or not _below_zero(index.terms[0][1]):
        return index
    return Index(tuple(sorted(index.terms, key=lambda term: _below_zero(term[1]))), index.constant)


def _balanced(node: Bracket) -> tuple[Index, str, Index]:
    """The relation with positive terms on both sides, a form of letters on the left."""
    left, right = _moved(node.left, node.right)
    relation = node.relation
    if not left.terms and right.terms:
        left, relation, right = right, Bracket.RELATIONS[relation], left
    if relation == "≤" and not isinstance(right.constant, int) and -1 in right.constant.as_ordered_terms():
        relation, right = "<", right + 1
    return left, relation, right


def _moved(left: Index, right: Index) -> tuple[Index, Index]:
    """Negative terms change sides; a side that is a size stays as it is."""
    sides = []
    for here, there in ((left, right), (right, left)):
        terms = [(a, c) for a, c in here.terms if not _below_zero(c)]
        terms += [(a, -c) for a, c in there.terms if _below_zero(c)]
        constants = [c for c in _size_terms(here.constant) if not here.terms or not _negative(c)]
        constants += [-c for c in _size_terms(there.constant) if there.terms and _negative(c)]
        total = sympy.Add(*constants)
        sides.append(Index(tuple(terms), int(total) if total.is_Integer else total))
    return sides[0], sides[1]


def _ranges(factors: Sequence[Node]) -> list[Node | _Range]:
    """The factors, every lower guard merged with the upper guard of the same form."""
    found: list[Node | _Range] = []
    waiting: list[tuple[int, Index]] = []
    for factor in factors:
        if not isinstance(factor, Bracket) or factor.relation in "=≠":
            found.append(factor)
            continue
        form = factor.difference()
        for place, other in waiting:
            width = form + other
            if not width.terms:
                found[place] = _Range(_lower(form, other), as_expression(width.constant) + 1)
                waiting.remove((place, other))
                break
        else:
            waiting.append((len(found), form))
            found.append(factor)
    return found


def _lower(one: Index, other: Index) -> Index:
    """Of two forms that add up to a size, the one whose letters are mostly positive."""
    positive = [sum(not _below_zero(c) for _, c in form.terms) for form in (one, other)]
    return one if positive[0] > positive[1] else other
