"""Nodes as NumPy expressions: each becomes an array with an axis for each of its free letters.

A bracket in a product is a mask, a slice, a triangle, or the place that a sum is added to; what a false bracket
multiplies never reaches the result. What has no translation raises NotationError with its name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeGuard

import sympy

from derive.errors import NotationError
from derive.functions import ELEMENTWISE as KNOWN
from derive.functions import is_indicator
from derive.functions import where as where_function
from derive.index import Index, Letter, as_index
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
from derive.over_axes import OVER
from derive.render.numpy.arrangement import digits_solved, uncontracted
from derive.render.numpy.arrays import Named, aligned, union
from derive.render.numpy.block import Assign, Block
from derive.render.numpy.code import (
    ADD,
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
from derive.render.numpy.functions import ALONG, ELEMENTWISE, HELPERS, MATRIX
from derive.render.numpy.identifiers import Identifiers
from derive.render.numpy.lengths import Lengths
from derive.render.numpy.pieces import joined, restricted
from derive.render.numpy.products import Axes, contracted, multiplied
from derive.render.numpy.reads import both, index_array, read, scalar_index
from derive.render.numpy.scatter import scattered
from derive.size_algebra import Size
from derive.size_algebra import times as size_times
from derive.tree import rename_bound

__all__ = ["Translator"]

ONE = sympy.Integer(1)


class Translator:
    """Translates the nodes of one function. Statements that an expression needs go to the current block."""

    def __init__(self, identifiers: Identifiers, lengths: Lengths, arrays: dict[Tensor, Code]) -> None:
        self.identifiers = identifiers
        self.lengths = lengths
        self.arrays = arrays
        self.blocks: list[Block] = [Block()]
        self.fixed: dict[Letter, Code] = {}
        self.order: dict[Letter, int] = {}
        self.axes = Axes(self.rank, self.length)
        self.imports: set[str] = set()
        self.helpers: set[str] = set()
        self.risky: set[Tensor] = set()
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
                return joined(self, node) or self.sum_of(node.terms)
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
        if row.name == "erf":
            self.imports.add("from scipy.special import erf")
        values = [self.numeric(self.dense(a)) for a in node.arguments]
        letters = common_order([v.letters for v in values], self.rank)
        kind = "bool" if is_indicator(node) else "float"
        return Named(ELEMENTWISE[row.name](*(aligned(v, letters) for v in values)), letters, kind)

    def numeric(self, value: Named) -> Named:
        """Truth values as numbers."""
        if value.kind != "bool":
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
        delicate = not all(finite(f, self.risky) for f in rest)
        if delicate:
            # what is never read must not be divided by
            part = restricted(self, [Number(scale), *rest, *guards], letters)
            if part is not None:
                return part
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
        made = self.masked(rest, [*brackets, *others], letters, scale)
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

    def masked(
        self, factors: Sequence[Node], guards: Sequence[Node], over: Sequence[Letter], scale: sympy.Expr = ONE
    ) -> Named:
        """A number times the product with its masks, summed over letters."""
        below = [
            Pow(f.base, _positive(f.exponent)) for f in factors if isinstance(f, Pow) and _is_negative(f.exponent)
        ]
        above = [f for f in factors if not (isinstance(f, Pow) and _is_negative(f.exponent))]
        if over and len(above) == 1 and not guards and not below and _is_square(above[0]):
            # a sum of squares is a product with itself
            above = [above[0].base] * 2
            values = [self.numeric(self.dense(above[0]))] * 2
        else:
            values = [self.factor(f) for f in above]
        divisors = [self.factor(f) for f in below]
        if not over and not guards and scale != 1:
            # a number goes to the factor with the fewest entries
            every = set(union(v.letters for v in (*values, *divisors)))
            least = min(range(len(values)), key=lambda m: len(values[m].letters), default=None)
            if least is not None and len(values[least].letters) < len(every) and len(values) > 1:
                smallest = self.scaled(values.pop(least), scale)
                values, scale = [smallest, *values], sympy.Integer(1)
        return self.scaled(self.combining(values, above, divisors, guards, over), scale)

    def combining(
        self,
        values: list[Named],
        above: Sequence[Node],
        divisors: list[Named],
        guards: Sequence[Node],
        over: Sequence[Letter],
    ) -> Named:
        """The product of values and masks, divided by the divisors, summed over letters."""
        if len(guards) == 1 and not divisors and not over and isinstance(guards[0], Bracket):
            whole = self.entrywise(values, [])
            made = self.triangle(guards[0], whole)
            if made is not None:
                return made
            made = self.diagonal(guards[0], whole)
            if made is not None:
                return made
        risky = [not finite(f, self.risky) for f in above]
        masks = [self.mask(g, factor=bool(over) and not any(risky) and not divisors) for g in guards]
        present = {x for v in (*values, *divisors, *masks) for x in v.letters}
        counted = [x for x in over if x not in present]
        over = [x for x in over if x in present]
        made = self.combined(values, risky, divisors, masks, over)
        for x in counted:
            made = Named(chain(MUL, self.length(x), [("*", made.code)]), made.letters)
        return made

    def mask(self, guard: Node, *, factor: bool) -> Named:
        """Where a guard holds: as truth values, or as numbers where it is to be a factor of a product."""
        triangle = self.triangle(guard, None) if factor and isinstance(guard, Bracket) else None
        return triangle or self.dense(guard)

    def combined(
        self,
        values: list[Named],
        risky: list[bool],
        divisors: list[Named],
        masks: list[Named],
        over: Sequence[Letter],
    ) -> Named:
        outside = [v for v in values if not set(v.letters) & set(over)]
        below = [d for d in divisors if not set(d.letters) & set(over)]
        if masks and (any(risky) or divisors):
            whole = self.entrywise([v for v in values if v not in outside], [d for d in divisors if d not in below])
            if not over or whole is None:
                whole, outside, below = self.entrywise(values, divisors), [], []
            made = self.guarded(whole, masks)
            made = contracted([made], over, self.axes)
        elif masks and not over:
            whole = self.entrywise(values, [])
            made, outside, below = self.guarded(whole, masks), [], []
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
            inside += self.mask_factors(masks)
            if not inside:
                whole = self.entrywise(values, divisors)
                return whole if whole is not None else Named(literal(1))
            made = (
                contracted(inside, over, self.axes)
                if over
                else multiplied(inside, common_order([v.letters for v in inside], self.rank))
            )
        rest = self.entrywise([*outside, made], below)
        return rest if rest is not None else made

    def mask_factors(self, masks: list[Named]) -> list[Named]:
        return [replace(m, kind="float") if m.kind == "eye" else m for m in masks]

    def entrywise(self, values: list[Named], divisors: list[Named]) -> Named | None:
        """The product of the values divided by the divisors, entry by entry."""
        if not values and not divisors:
            return None
        letters = common_order([v.letters for v in (*values, *divisors)], self.rank)
        if values:
            inner = common_order([v.letters for v in values], self.rank)
            made = multiplied(values, inner)
        else:
            made = Named(literal(1))
        if not divisors:
            return made
        codes = [aligned(d, letters) for d in divisors]
        below = codes[0]
        if len(divisors) > 1:
            own = common_order([d.letters for d in divisors], self.rank)
            below = aligned(multiplied(divisors, own), letters)
        top = aligned(made, letters)
        return Named(chain(MUL, top, [("/", below)]), letters)

    def guarded(self, whole: Named | None, masks: list[Named]) -> Named:
        """A value where all masks hold, else 0."""
        if whole is None:
            kinds = self.mask_factors(masks)
            return multiplied(kinds, common_order([m.letters for m in kinds], self.rank))
        letters = common_order([whole.letters, *(m.letters for m in masks)], self.rank)
        truths = []
        for m in masks:
            if m.kind == "eye":
                m = Named(call("np.eye", self.length(m.letters[0]), dtype="bool"), m.letters, "bool")
            truths.append(m)
        own = common_order([m.letters for m in truths], self.rank)
        mask = Named(both([aligned(m, own) for m in truths]), own, "bool")
        return Named(call("np.where", aligned(mask, letters), aligned(whole, letters), "0"), letters)

    def diagonal(self, bracket: Bracket, whole: Named | None) -> Named | None:
        """A diagonal matrix, where a bracket of two letters meets a value that depends on one of them."""
        row, column = bracket.left.letter, bracket.right.letter
        if whole is None or bracket.relation != "=" or row is None or column is None or len(whole.letters) != 1:
            return None
        if not {row, column}.isdisjoint(self.fixed) or row is column or row.length != column.length:
            return None
        if whole.letters[0] not in (row, column):
            return None
        return Named(call("np.diag", whole.code), tuple(sorted((row, column), key=self.rank)))

    def triangle(self, bracket: Bracket, whole: Named | None) -> Named | None:
        """The lower or upper triangle of the last two axes, where that is what a bracket leaves."""
        form = bracket.difference()
        letters = [atom for atom, _ in form.terms if isinstance(atom, Letter) and atom not in self.fixed]
        if bracket.relation not in "≥≤<>" or len(letters) != 2 or len(form.terms) != 2:
            return None
        if {c for _, c in form.terms} != {1, -1}:
            return None
        row, column = letters if form.coefficient(letters[0]) == 1 else letters[::-1]
        if whole is None:
            shift = [] if form.constant == 0 else [self.lengths.code(form.constant)]
            square = row.length == column.length and not shift
            shape = [self.length(row)] if square else [self.length(row), self.length(column)]
            return Named(call("np.tri", *shape, *shift), (row, column))
        lower = whole.letters[-2:] == (row, column)
        if not lower and whole.letters[-2:] != (column, row):
            return None
        offset = form.constant if lower else size_times(form.constant, -1)
        shift = [] if offset == 0 else [self.lengths.code(offset)]
        return Named(call("np.tril" if lower else "np.triu", whole.code, *shift), whole.letters)

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
        value = self.numeric(value)
        minus = scale.could_extract_minus_sign()
        above, below = (-scale if minus else scale).as_numer_denom()
        code, work = value.code, int(bool(value.letters))
        if above != 1:
            code = times(self.lengths.number(above), code, work)
        if below != 1:
            code = over(code, self.lengths.number(below), work)
        return Named(negative(code, work=work) if minus else code, value.letters)

    # ------------------------------------------------------------------------------------------------ along axes

    def along(self, node: Over) -> Named:
        """A function along axes."""
        row = node.function
        if OVER.get(row.name) is not row or row.name not in (*ALONG, *MATRIX):
            raise NotationError(f"the function {row.name!r} is known by its law alone: it has no NumPy form")
        renewed = rename_bound(node)
        assert isinstance(renewed, Over)
        node = renewed
        for x in node.letters:
            self.rank(x)
        value = self.numeric(self.dense(node.arguments[0]))
        missing = [x for x in node.letters if x not in value.letters]
        if missing:
            letters = (*value.letters, *missing)
            shape = self.shape(tuple(letters))
            value = Named(call("np.broadcast_to", aligned(value, letters), shape), letters)
        if row.name in HELPERS:
            self.helpers.add(row.name)
        if row.name in ALONG:
            (one,) = node.letters
            axis = value.letters.index(one)
            code = ALONG[row.name](value.code, axis)
            if not node.at:
                rest = tuple(x for x in value.letters if x is not one)
                return Named(code, rest, "int" if row.integer else "float")
            axes = value.letters
            at = {one: node.at[0]}
        else:
            axes = (*(x for x in value.letters if x not in node.letters), *node.letters)
            code = MATRIX[row.name](aligned(value, axes))
            if not node.at:
                return Named(code, axes[:-2])
            at = dict(zip(node.letters, node.at, strict=True))
        return self.at(code, axes, at)

    def at(self, code: Code, axes: Sequence[Letter], at: dict[Letter, Index]) -> Named:
        """An entry of a value along axes; the letters that stay are those of the argument."""
        indices = [at.get(x, as_index(x)) for x in axes]
        plain = [i.letter for i in indices]
        whole = [y for x, y in zip(axes, plain, strict=True) if y is not None and x.length == y.length]
        if len(set(whole)) == len(axes) and set(whole).isdisjoint(self.fixed):
            return Named(code, tuple(whole))
        sizes: list[Size] = [x.length for x in axes]
        return read(self, code, sizes, indices, "values")


def common_order(groups: Iterable[Sequence[Letter]], rank: Callable[[Letter], int]) -> tuple[Letter, ...]:
    """An order for the axes of several arrays: that of those that have them all, if it is one."""
    several = [tuple(g) for g in groups]
    every = set(union(several))
    full = [g for g in several if set(g) == every]
    if full and all(g == full[0] for g in full):
        return full[0]
    return tuple(sorted(every, key=rank))


def _is_square(node: Node) -> TypeGuard[Pow]:
    return isinstance(node, Pow) and isinstance(node.exponent, Number) and node.exponent.value == 2


def _is_negative(exponent: Node) -> bool:
    return isinstance(exponent, Number) and bool(exponent.value.is_negative)


def _positive(exponent: Node) -> Node:
    assert isinstance(exponent, Number)
    return Number(-exponent.value)


def _is_split(node: Add, letters: Sequence[Letter]) -> bool:
    """Whether the terms are better summed one by one: brackets place them, or they are products of smaller arrays."""
    return _has_equation(node, letters) or all(map(_is_outer, node.terms))


def _is_outer(node: Node) -> bool:
    """Whether a product has more letters than any of its factors."""
    return isinstance(node, Mul) and all(f.free < node.free for f in node.factors)


def _has_equation(node: Node, letters: Sequence[Letter]) -> bool:
    """Whether a bracket of equality below holds one of the letters."""
    if isinstance(node, Bracket):
        return node.relation == "=" and not node.free.isdisjoint(letters)
    return isinstance(node, (Add, Mul)) and any(_has_equation(c, letters) for c in node.children())


FLIPPED = {"<=": ">=", ">=": "<=", "<": ">", ">": "<"}
RISKY = frozenset({"log", "exp", "log1p", "expm1", "tan", "sinh", "cosh", "arcsin"})


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
