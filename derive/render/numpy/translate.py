"""Nodes as NumPy expressions: each becomes an array with an axis for each of its free letters.

A bracket in a product is a mask, a slice, a triangle, or the place that a sum is added to; what a false bracket
multiplies never reaches the result. What has no translation raises NotationError with its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import sympy

from derive.errors import NotationError
from derive.functions import ELEMENTWISE as KNOWN
from derive.functions import is_indicator
from derive.functions import where as where_function
from derive.index import Index, Letter, as_index, union
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
    Tensor,
    factors_of,
    terms_of,
)
from derive.notation import add, mul
from derive.over_axes import is_known
from derive.render.decimals import split_fraction
from derive.render.numpy.arrangement import digits_solved, letters_solved, uncontracted
from derive.render.numpy.arrays import Named, aligned, common_order
from derive.render.numpy.block import Assign, Block
from derive.render.numpy.code import (
    ADD,
    ATOM,
    COMPARE,
    MUL,
    Code,
    binary,
    call,
    chain,
    choice,
    literal,
    method,
    name,
    negative,
    over,
    power,
    times,
    tuple_of,
)
from derive.render.numpy.diagonals import spread_diagonal, with_diagonal
from derive.render.numpy.distances import distances, lengths
from derive.render.numpy.exclusions import exchanged
from derive.render.numpy.functions import ALONG, ELEMENTWISE, HELPERS, IMPORTS, MATRIX, ROOTS, length_of, root
from derive.render.numpy.identifiers import Identifiers
from derive.render.numpy.inverses import identity
from derive.render.numpy.labels import changed, changes
from derive.render.numpy.lengths import Lengths
from derive.render.numpy.masks import masked
from derive.render.numpy.outer import stacked
from derive.render.numpy.pieces import confined, placed
from derive.render.numpy.products import Axes, contracted
from derive.render.numpy.reads import index_array, read, scalar_index
from derive.render.numpy.risk import Risk
from derive.render.numpy.running import accumulated
from derive.render.numpy.scatter import scattered
from derive.render.numpy.windows import slid
from derive.size_algebra import Size, as_expression
from derive.tree import rename_bound

__all__ = ["Translator"]

ONE = sympy.Integer(1)


class Translator:
    """Translates the nodes of one function. Statements that an expression needs go to the current block."""

    def __init__(
        self,
        identifiers: Identifiers,
        lengths: Lengths,
        arrays: dict[Tensor, Code],
        risk: Risk,
        solved: frozenset[object],
    ) -> None:
        self.identifiers = identifiers
        self.lengths = lengths
        self.arrays = arrays
        self.blocks: list[Block] = [Block()]
        self.fixed: dict[Letter, Code] = {}
        self.order: dict[Letter, int] = {}
        self.axes = Axes(self.rank, self.length)
        self.imports: set[str] = set()
        self.helpers: set[str] = set()
        self.risk = risk
        self.solved = solved
        # what a loop needs only while it is at one index is held without the axis at this position
        self.passing: dict[Tensor, int] = {}

    # ---------------------------------------------------------------------------------------------- names, order

    def rank(self, letter: Letter) -> int:
        """Where an axis stands in results: the letters of the definition first, then as they are met."""
        return self.order.setdefault(letter, len(self.order))

    def named(self, label: str, code: Code) -> Code:
        """A name for a value, assigned in the current block unless it has one."""
        for block in self.blocks:
            if code.text in block.known:
                return block.known[code.text]
        own = name(self.identifiers.label(label))
        self.blocks[-1].statements.append(Assign(own.text, code))
        self.blocks[-1].known[code.text] = own
        return own

    def length(self, letter: Letter) -> Code:
        """The size of a letter."""
        return self.lengths.code(letter.length, letter.name)

    def shape(self, letters: Sequence[Letter]) -> Code:
        """A shape as a tuple; of one axis as a number."""
        sizes: list[Code | str] = [self.length(x) for x in letters]
        return tuple_of(sizes) if len(sizes) != 1 else self.length(letters[0])

    def solid(self, value: Named) -> Named:
        """The value as an array also where its condition does not hold."""
        if value.condition is None:
            return value
        zeros = call("np.zeros", self.shape(value.letters)) if value.letters else literal("0.0")
        return Named(choice(value.code, value.condition, zeros), value.letters)

    # ------------------------------------------------------------------------------------------------------ nodes

    def value(self, node: Node) -> Named:
        """The value of a node; conditional only as a term of a sum."""
        match node:
            case Number():
                return Named(self.lengths.number(node.value))
            case Position():
                index = index_array(self, node.index)
                return replace(index, kind="int")
            case Ref():
                return self.entry(node)
            case Add():
                made = exchanged(self, node) or placed(self, node.terms) or changed(self, node)
                made = made or with_diagonal(self, node.terms)
                return made or stacked(self, node.terms) or self.sum_of(node.terms)
            case Mul():
                return self.product(node.factors, ())
            case Sum():
                return self.sum_over(node)
            case Pow():
                return self.product((node,), ())
            case Apply():
                return self.applied(node)
            case Bracket():
                return self.truth(node)
            case Over():
                return self.along(node)
            case Partial():
                raise NotationError(f"{node!r} is a derivative that is not carried out: it has no NumPy form")
        raise NotationError(f"{type(node).__name__} has no NumPy form")

    def dense(self, node: Node) -> Named:
        """The value as an array that is always there."""
        return self.solid(self.value(node))

    def entry(self, node: Ref) -> Named:
        """An entry of a tensor."""
        tensor = node.tensor
        if tensor not in self.arrays:
            raise NotationError(f"nothing computes {tensor.name!r}")
        array = self.arrays[tensor]
        kind = "int" if tensor.below is not None else "float"
        axes, indices = tensor.axes, node.indices
        if tensor in self.passing:
            at = self.passing[tensor]
            axes, indices = axes[:at] + axes[at + 1 :], indices[:at] + indices[at + 1 :]
        if not axes:
            return Named(array, (), kind)
        return replace(read(self, array, axes, indices, array.text), kind=kind)

    def sum_of(self, terms: Iterable[Node]) -> Named:
        """The sum of terms."""
        signed = [self.signed(t) for t in terms]
        values = [v for _, v in signed]
        letters = common_order([v.letters for v in values], self.rank)
        full = any(v.condition is None and set(v.letters) == set(letters) for v in values)
        codes: list[tuple[bool, Code]] = []
        rest = self.alternatives(signed, letters)
        for minus, value in rest:
            if value.condition is not None:
                wide = aligned(value.under(None), letters)
                value = Named(choice(wide, value.condition, literal(0)), letters) if full else self.solid(value)
            if value.kind == "bool":
                value = Named(method(value.code, "astype", "float"), value.letters)
            codes.append((minus, aligned(value, letters)))
        at = next((m for m, (minus, _) in enumerate(codes) if not minus), 0)
        (minus, first), others = codes[at], codes[:at] + codes[at + 1 :]
        first = negative(first) if minus else first
        if not others:
            return Named(first, letters)
        return Named(chain(ADD, first, [("-" if m else "+", c) for m, c in others]), letters)

    def alternatives(self, signed: list[tuple[bool, Named]], letters: tuple[Letter, ...]) -> list[tuple[bool, Named]]:
        """``a if t == 0 else b`` for two terms of which always one counts."""
        for m, (minus, a) in enumerate(signed):
            for k, (other, b) in enumerate(signed):
                if minus or other or a.condition is None or b.condition is None:
                    continue
                left, _, right = a.condition.text.partition(" == 0")
                if not right and b.condition.text == f"{left} >= 1" and left in {c.text for c in self.fixed.values()}:
                    both_ways = choice(aligned(a.under(None), letters), a.condition, aligned(b.under(None), letters))
                    value = Named(both_ways, letters)
                    return [s if p != m else (False, value) for p, s in enumerate(signed) if p != k]
        return signed

    def signed(self, node: Node) -> tuple[bool, Named]:
        """Whether a term is subtracted, and the term without its sign."""
        if isinstance(node, Number) and node.value.could_extract_minus_sign():
            return True, Named(self.lengths.number(-node.value))
        if isinstance(node, Mul) and isinstance(node.factors[0], Number):
            value = node.factors[0].value
            if value.could_extract_minus_sign() and not value.is_infinite:
                return True, self.value(mul(Number(-value), *node.factors[1:]))
        return False, self.value(node)

    def applied(self, node: Apply) -> Named:
        """An elementwise function."""
        row = node.function
        if row is where_function:
            return self.where(node)
        if KNOWN.get(row.name) is not row or row.name not in ELEMENTWISE:
            raise NotationError(f"the function {row.name!r} has no NumPy form")
        if row.name in HELPERS:
            self.helpers.add(row.name)
        if row.name in IMPORTS:
            self.imports.add(IMPORTS[row.name])
        values = [self.numeric(self.dense(a)) for a in node.arguments]
        letters = common_order([v.letters for v in values], self.rank)
        kind = "bool" if is_indicator(node) else "float"
        return Named(ELEMENTWISE[row.name](*(aligned(v, letters) for v in values)), letters, kind)

    def numeric(self, value: Named) -> Named:
        """Truth values as numbers."""
        if value.kind != "bool":
            return value
        return Named(method(value.code, "astype", "float"), value.letters)

    def real(self, value: Named) -> Named:
        """Truth values and counts as real numbers, so that such can be added in place."""
        if value.kind == "float":
            return value
        return Named(method(value.code, "astype", "float"), value.letters)

    def where(self, node: Apply) -> Named:
        """A choice between two values, entry by entry."""
        condition, *branches = (self.dense(a) for a in node.arguments)
        mask = condition.code if condition.kind == "bool" else binary(condition.code, "!=", literal(0))
        condition = Named(mask, condition.letters, "bool")
        if [b.code.text for b in branches] == ["1", "0"]:
            return condition
        values = [condition, *(self.numeric(b) for b in branches)]
        letters = common_order([v.letters for v in values], self.rank)
        return Named(call("np.where", *(aligned(v, letters) for v in values)), letters)

    def truth(self, node: Bracket) -> Named:
        """Where a relation between indices holds."""
        left, right = node.left.letter, node.right.letter
        moving = [x for x in (left, right) if x is not None and x not in self.fixed]
        if node.relation == "=" and len(moving) == 2 and left is not right:
            assert left is not None
            assert right is not None
            if left.length == right.length:
                order = sorted((left, right), key=self.rank)
                return Named(call("np.eye", self.length(left)), tuple(order), "eye")
        operator = {"=": "==", "≠": "!=", "≤": "<=", "≥": ">="}.get(node.relation, node.relation)
        if all(x in self.fixed for x in node.free):
            plain = not any(isinstance(atom, Node) for i in (node.left, node.right) for atom, _ in i.terms)
            if plain:
                first, second = scalar_index(self, node.left), scalar_index(self, node.right)
                if node.right.free and not node.left.free:
                    first, second, operator = second, first, FLIPPED.get(operator, operator)
                return Named(binary(first, operator, second, level=COMPARE), (), "scalar")
        sides = [index_array(self, node.left), index_array(self, node.right)]
        letters = tuple(sorted(union(s.letters for s in sides), key=self.rank))
        first, second = (aligned(s, letters) for s in sides)
        if not sides[0].letters:
            first, second, operator = second, first, FLIPPED.get(operator, operator)
        return Named(binary(first, operator, second, level=COMPARE), letters, "bool")

    # --------------------------------------------------------------------------------------------------- products

    def sum_over(self, node: Sum) -> Named:
        """A sum over letters."""
        renewed = rename_bound(node)
        assert isinstance(renewed, Sum)
        node = renewed
        for x in node.letters:
            self.rank(x)
        factors = list(factors_of(node.body))
        return self.product(factors, node.letters)

    def product(self, factors: Sequence[Node], over: Sequence[Letter]) -> Named:
        """The product of factors, summed over letters."""
        alone = [f for f in factors if not isinstance(f, Number)]
        if not over and len(alone) == 1 and isinstance(alone[0], Sum):
            # a number goes into the sum: it may be added up in place
            inner = rename_bound(alone[0])
            assert isinstance(inner, Sum)
            return self.product([*(f for f in factors if f is not alone[0]), inner.body], inner.letters)
        factors = [f for factor in factors for f in factors_of(factor)]
        factors, over = letters_solved(factors, list(over))
        part = confined(self, factors, over) or slid(self, factors, over) or accumulated(self, factors, over)
        part = part or distances(self, factors, over) or (None if over else spread_diagonal(self, factors))
        if part is not None:
            return part
        split = next((m for m, f in enumerate(factors) if isinstance(f, Add) and over and _is_split(f, over)), None)
        if split is not None:
            numbers = [f.value for f in factors if isinstance(f, Number) and not f.value.is_infinite]
            rest = [
                f for f in factors if f is not factors[split] and not (isinstance(f, Number) and f.value in numbers)
            ]
            total = self.value(add(*(Sum(*over, mul(*rest, term)) for term in terms_of(factors[split]))))
            return self.scaled(total, sympy.Mul(*numbers)).under(total.condition)
        flat, letters = digits_solved(factors, list(over))
        flat, letters = uncontracted(flat, letters)
        for x in letters:
            self.rank(x)
        scale: sympy.Expr = sympy.Integer(1)
        guards: list[Bracket | Apply] = []
        rest = []
        for f in flat:
            if isinstance(f, Number) and not f.value.is_infinite:
                scale = scale * f.value
            elif isinstance(f, Bracket):
                guards.append(f)
            elif is_indicator(f):
                assert isinstance(f, Apply)
                guards.append(f)
            else:
                rest.append(f)
        delicate = not all(map(self.risk.finite, rest))
        brackets = [g for g in guards if isinstance(g, Bracket) and (delicate or not self.said_by_padding(g, rest))]
        conditions = [self.truth(g).code for g in brackets if self.is_scalar(g)]
        condition = None if not conditions else conditions[0]
        if len(conditions) > 1:
            condition = chain(1, conditions[0], [("and", c) for c in conditions[1:]], work=0)
            condition = Code((condition.text,), COMPARE, names=condition.names)
        brackets = [g for g in brackets if not self.is_scalar(g)]
        others: list[Node] = [g for g in guards if not isinstance(g, Bracket)]
        equations = [g for g in brackets if g.relation == "="]
        made = scattered(self, rest, others, brackets, letters, scale) if equations else None
        if made is not None:
            return made.under(condition)
        made = masked(self, rest, [*brackets, *others], letters, scale)
        return made.under(condition)

    def dense_product(self, factors: Sequence[Node], over: Sequence[Letter]) -> Named:
        """The product of factors, summed over letters, as an array that is always there."""
        return self.solid(self.product(factors, over))

    def is_scalar(self, bracket: Bracket) -> bool:
        """Whether a bracket holds or not for the whole array."""
        plain = not any(isinstance(atom, Node) for i in (bracket.left, bracket.right) for atom, _ in i.terms)
        return plain and all(x in self.fixed for x in bracket.free)

    def said_by_padding(self, bracket: Bracket, factors: Iterable[Node]) -> bool:
        """Whether a guard says only that an entry outside its tensor is 0, as every reading here does."""
        if bracket.relation not in "≥≤<>" or self.is_scalar(bracket):
            return False
        form = bracket.difference()
        for f in factors:
            if isinstance(f, Ref):
                for axis, index in zip(f.tensor.axes, f.indices, strict=True):
                    if form in (index, Index((), axis) - index - 1):
                        return True
        return False

    def factor(self, node: Node) -> Named:
        """A factor that is always there; powers as they are written."""
        return self.powered(node) if isinstance(node, Pow) else self.dense(node)

    def powered(self, node: Pow) -> Named:
        """A power with an exponent that is not negative."""
        base = self.numeric(self.dense(node.base))
        if isinstance(node.exponent, Number):
            value = node.exponent.value
            if value == 1:
                return base
            if value == sympy.Rational(1, 2):
                return Named(call("np.sqrt", base.code), base.letters)
            if base.letters and 1 < value <= MOST_SQUARES and value != 2 and (2 * value).is_Integer:
                return Named(_by_squares(base.code, value), base.letters)
            return Named(power(base.code, self.lengths.number(value)), base.letters)
        exponent = self.numeric(self.dense(node.exponent))
        letters = common_order([base.letters, exponent.letters], self.rank)
        return Named(power(aligned(base, letters), aligned(exponent, letters)), letters)

    def scaled(self, value: Named, scale: sympy.Expr) -> Named:
        """A number times a value."""
        if scale == 1:
            return value
        if value.code.text == "1" and not value.letters:
            return Named(self.lengths.number(scale))
        if value.mean is not None and (scale * value.mean[1]).is_number:
            mean, count = value.mean
            return self.scaled(Named(mean, value.letters), scale * count)
        value = self.numeric(value)
        minus = scale.could_extract_minus_sign()
        above, below = split_fraction(-scale if minus else scale)
        code, work = value.code, int(bool(value.letters))
        if minus and above == 1 and below == 2 and work and code.level in (ADD, ATOM):
            return Named(times(literal("-0.5"), code, work), value.letters)
        if above != 1 and below != 1 and work and (code.level in (ADD, ATOM) or _is_plain_product(code)):
            # one number times an array, which is read once
            share = over(self.lengths.number(above), self.lengths.number(below), work=0)
            code, above, below = times(share, code, work), ONE, ONE
        if above != 1:
            code = times(self.lengths.number(above), code, work)
        if below != 1:
            code = over(code, self.lengths.number(below), work)
        return Named(negative(code, work=work) if minus else code, value.letters)

    # ------------------------------------------------------------------------------------------------ along axes

    def along(self, node: Over) -> Named:
        """A function along axes; one that has no name in NumPy is spelled out."""
        row = node.function
        if not is_known(row) or row.name not in (*ALONG, *ROOTS, *MATRIX):
            if row.expansion is not None:
                return self.value(row.expansion(node))
            raise NotationError(f"the function {row.name!r} is known by its law alone: it has no NumPy form")
        renewed = rename_bound(node)
        assert isinstance(renewed, Over)
        node = renewed
        for x in node.letters:
            self.rank(x)
        if row.name == "norm" and (made := lengths(self, node.arguments[0], node.letters)) is not None:
            return made
        value = self.numeric(self.dense(node.arguments[0]))
        numbers = [self.numeric(self.dense(a)) for a in node.arguments[1:]]
        wanted = union([node.letters, *(e.letters for e in numbers)])
        missing = [x for x in wanted if x not in value.letters]
        if missing:
            letters = (*value.letters, *missing)
            shape = self.shape(tuple(letters))
            value = Named(call("np.broadcast_to", aligned(value, letters), shape), letters)
        if row.name in HELPERS:
            self.helpers.add(row.name)
        if row.name not in MATRIX:
            places = [str(m) for m, x in enumerate(value.letters) if x in node.letters]
            axis = places[0] if len(places) == 1 else f"({', '.join(places)})"
            rest = tuple(x for x in value.letters if x not in node.letters)
            scales = (aligned(e, value.letters if node.at else rest) for e in numbers)
            if row.name in ROOTS:
                code = self.root_of_squares(value, node.letters, *scales)
            else:
                code = ALONG[row.name](value.code, axis, *scales)
            if not node.at:
                return Named(code, rest, "int" if row.integer else "float")
            axes = value.letters
            at = dict(zip(node.letters, node.at, strict=True))
        else:
            axes = (*(x for x in value.letters if x not in node.letters), *node.letters)
            matrix = aligned(value, axes)
            code = MATRIX[row.name](matrix)
            if not node.at:
                return Named(code, axes[:-2])
            at = dict(zip(node.letters, node.at, strict=True))
            if row.name == "inverse" and identity(node) in self.solved:
                return replace(self.at(code, axes, at), system=matrix)
        return self.at(code, axes, at)

    def root_of_squares(self, value: Named, over: Sequence[Letter], eps: Code | None = None) -> Code:
        """The norm along letters, or with ``eps`` the root of the mean square, which is added up without an array."""
        if len(value.letters) == 1 and eps is None:
            return length_of(value.code)
        square = contracted([value, value], over, self.axes)
        if eps is None:
            return call("np.sqrt", square.code)
        mean = self.scaled(square, ONE / sympy.Mul(*(as_expression(x.length) for x in over)))
        return root(mean.code, eps)

    def at(self, code: Code, axes: Sequence[Letter], at: dict[Letter, Index]) -> Named:
        """An entry of a value along axes; the letters that stay are those of the argument."""
        indices = [at.get(x, as_index(x)) for x in axes]
        plain = [i.letter for i in indices]
        whole = [y for x, y in zip(axes, plain, strict=True) if y is not None and x.length == y.length]
        if len(set(whole)) == len(axes) and set(whole).isdisjoint(self.fixed):
            return Named(code, tuple(whole))
        sizes: list[Size] = [x.length for x in axes]
        return read(self, code, sizes, indices, "values")


def _is_plain_product(code: Code) -> bool:
    """Whether nothing but ``*`` joins the factors."""
    return code.level == MUL and all(p == " * " for p in code.pieces if isinstance(p, str))


def _is_split(node: Add, letters: Sequence[Letter]) -> bool:
    """Whether the terms are better summed one by one: brackets place them, or they are products of smaller arrays."""
    return (_has_equation(node, letters) and not changes(node)) or all(map(_is_outer, node.terms))


def _is_outer(node: Node) -> bool:
    """Whether a product has more letters than any of its factors."""
    return isinstance(node, Mul) and all(f.free < node.free for f in node.factors)


def _has_equation(node: Node, letters: Sequence[Letter]) -> bool:
    """Whether a bracket of equality below holds one of the letters."""
    if isinstance(node, Bracket):
        return node.relation == "=" and not node.free.isdisjoint(letters)
    return isinstance(node, (Add, Mul)) and any(_has_equation(c, letters) for c in node.children())


MOST_SQUARES = 8
"""The largest exponent that is written as squares and products: any other than 2 takes a logarithm of each entry."""


def _by_squares(base: Code, exponent: sympy.Expr) -> Code:
    """``x * x**2``, ``(x**2) ** 2``, ``x * np.sqrt(x)``."""
    whole = int(sympy.floor(exponent))
    factors = [base] if whole % 2 else []
    if whole > 1:
        half = _by_squares(base, sympy.Integer(whole // 2)) if whole > 3 else base
        factors.append(power(half, literal(2)))
    if whole != exponent:
        factors.append(call("np.sqrt", base))
    if len(factors) == 1:
        return factors[0]
    # a value of its own, which is computed once, and not a part of the product around it
    made = chain(MUL, factors[0], [("*", f) for f in factors[1:]])
    label = f"{base}_cubed" if exponent == 3 and base.text.isidentifier() else ""
    return Code(made.pieces, made.level, work=made.own_work, label=label)


FLIPPED = {"<=": ">=", ">=": "<=", "<": ">", ">": "<"}
