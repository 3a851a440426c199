"""Matrix expressions written out: one fold over the tree, drawn with the pens that draw everything else."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import sympy

from derive.index import Index, Letter
from derive.matrix.algebra import scaled, solid
from derive.matrix.tree import (
    Along,
    Blocks,
    Cross,
    Diag,
    Diagonal,
    Entrywise,
    Guarded,
    Hadamard,
    Identity,
    Matrix,
    Name,
    Norm,
    Ones,
    Power,
    Product,
    Scalar,
    Scale,
    SliceSum,
    Total,
    Trace,
    Transpose,
    Triangle,
    number_of,
)
from derive.nodes import Bracket, Number, is_one
from derive.render.decimals import decimal, split_fraction
from derive.render.mathematics.pen import DOT, Pen
from derive.render.mathematics.writer import Scope, Writer
from derive.render.naming import Names, symbol_of, tensor_symbol
from derive.render.runs import ADD, AT_FACTOR, ATOM, POWER, Run, Token

__all__ = ["MatrixWriter"]

PRODUCT, ENTRIES = 2, 1.5
"""Between ADD and POWER: a product binds more than a Hadamard product, which is never read without parentheses."""

HALF = sympy.Rational(1, 2)
MINUS = sympy.Integer(-1)


class MatrixWriter:
    """Writes matrix expressions with a pen; ``names`` says what the slice letters are called."""

    def __init__(self, pen: Pen, names: Names) -> None:
        self.pen = pen
        self.scope = Scope(names)
        self.writer = Writer(pen)

    def write(self, tree: Matrix) -> Run:
        """The expression as tokens that may be broken into lines."""
        return self._of(tree)[0]

    def _write(self, tree: Matrix, outer: float) -> Run:
        run, level = self._of(tree)
        return run if level >= outer else self.pen.fence(run)

    def _of(self, tree: Matrix) -> tuple[Run, float]:
        match tree:
            case Scalar(node):
                run = self.writer.node(node, self.scope)
                return run, run.level
            case Name():
                return self._name(tree), POWER if tensor_symbol(tree.tensor).primes else ATOM
            case Ones():
                return self._sign("𝟏", r"\mathbf{1}"), ATOM
            case Identity():
                return self._sign("I", "I"), ATOM
            case Transpose(Along(part, function)) if function.name == "inverse":
                return self._hatted(part, "⁻ᵀ", r"^{-\top}"), POWER
            case Transpose(part):
                return self._hatted(part, "ᵀ", r"^{\top}"), POWER
            case Guarded(part, bracket):
                guard = self.writer.node(bracket, self.scope)
                return self._juxtaposed([guard, self._write(part, PRODUCT)]), PRODUCT
            case Triangle(part, offset, lower):
                shift = [] if offset == 0 else [self.writer.size(offset)]
                return self._call("tril" if lower else "triu", [self.write(part), *shift]), ATOM
            case Diag(part, exponent):
                run = self._call("diag", [self.write(part)])
                return (run, ATOM) if exponent == 1 else (self._raised(run, exponent), POWER)
            case Diagonal(part):
                return self._call("diag", [self.write(part)]), ATOM
            case Trace(part):
                return self._call("tr", [self.write(part)]), ATOM
            case Norm(part):
                run = self.pen.fence(self.write(part), "‖")
                return (run if None in part.shape else self._row([run, self._sign("_F", "_{F}")])), ATOM
            case Along():
                return self._along(tree)
            case Power():
                return self._power(tree)
            case Entrywise():
                return self._function(tree), ATOM
            case Total(terms):
                return self._sum(terms), ADD
            case Hadamard(terms, under):
                if tree.is_scalar:
                    return self._fraction(terms, under), PRODUCT
                return self._entries(terms, under), ENTRIES
            case Product(factors):
                return self._spaced(self._write(solid(f), POWER) for f in factors), PRODUCT
            case Cross(left, right):
                return self._operated([left, right], [("×", r"\times")]), ENTRIES
            case Scale():
                return self._scale(tree)
            case SliceSum(part, letters):
                return self._slices(part, letters), PRODUCT
            case Blocks():
                return self._blocks(tree), ATOM
        raise NotImplementedError(type(tree).__name__)

    # -- sums and products

    def _sum(self, terms: Sequence[Matrix]) -> Run:
        tokens: list[Token] = []
        signed = sorted(map(_split_sign, terms), key=lambda term: term[0])
        for m, (negative, positive) in enumerate(signed):
            if m or negative:
                tokens.append(self.pen.sign(negative=negative, leading=not m))
            tokens.extend(self._write(positive, ENTRIES).tokens)
        return Run(tuple(tokens), ADD)

    def _entries(self, terms: Sequence[Matrix], under: Sequence[Matrix]) -> Run:
        signs = [("⊙", r"\odot")] * (len(terms) - 1) + [("⊘", r"\oslash")] * len(under)
        return self._operated([*terms, *under], signs)

    def _operated(self, operands: Sequence[Matrix], signs: Sequence[tuple[str, str]]) -> Run:
        """Operands with the signs of operations between them."""
        runs = [self._write(one, POWER) for one in operands]
        tokens = [*runs[0].tokens]
        for (text, latex), run in zip(signs, runs[1:], strict=True):
            drawn = self._sign(text, latex).source
            plus = self.pen.sign(negative=False, leading=False)
            source, head = (s.replace("+", drawn) for s in (plus.source, plus.head))
            tokens += [replace(plus, source=source, head=head, cost=AT_FACTOR), *run.tokens]
        return Run(tuple(tokens), ADD, max(run.height for run in runs))

    def _scale(self, tree: Scale) -> tuple[Run, float]:
        negative, positive = _split_sign(tree)
        if not negative and positive is not tree:
            return self._of(positive)
        if negative:
            run, level = self._of(positive)
            run = run if level >= ENTRIES else self.pen.fence(run)
            return self._row([Run((self.pen.sign(negative=True, leading=True),)), run], ADD), ADD
        top, bottom = split_fraction(tree.number)
        if tree.under and tree.is_scalar and isinstance(tree.part, Name):
            above = [*_unless_one(top), *tree.over, tree.part]
            return self._fraction(above, [*_unless_one(bottom), *tree.under]), PRODUCT
        if tree.under:
            front = [self._fraction([*_unless_one(top), *tree.over], [*_unless_one(bottom), *tree.under])]
        else:
            size = [] if tree.number == 1 else [self.writer.size(tree.number)]
            front = [*size, *(self._write(t, POWER) for t in tree.over)]
        if _is_one(tree.part):
            return self._juxtaposed(front), PRODUCT
        last = self._write(tree.part, ENTRIES)
        level = ENTRIES if isinstance(tree.part, Hadamard) else PRODUCT
        return self._juxtaposed([*front, last]), level

    def _fraction(self, over: Sequence[Matrix], under: Sequence[Matrix]) -> Run:
        above = self._juxtaposed([self._write(t, POWER if over[1:] else ADD) for t in over] or [self.pen.digits("1")])
        below = self._juxtaposed([self._write(t, POWER if under[1:] else ADD) for t in under])
        if len(over) == 1 and isinstance(over[0], Product):
            # where fractions stand in one line, it must be seen that the product ends with its numerator
            above = replace(above, level=ADD)
        return self.pen.fraction(above, below)

    # -- functions

    def _along(self, tree: Along) -> tuple[Run, float]:
        name, latex = tree.function.name, tree.function.latex
        if name == "inverse":
            return self._hatted(tree.part, "⁻¹", "^{-1}"), POWER
        if name == "logdet":
            inside = self._row([self._sign("det", r"\det"), self.pen.fence(self.write(tree.part))])
            return self._row([self._sign("log", r"\log"), self.pen.fence(inside, "|")]), ATOM
        if name in ("max", "min"):
            return self._call(f"row{name}" if tree.of_rows else name, [self.write(tree.part)]), ATOM
        drawn = self._sign(name, latex) if tree.function.order is None else self._unspecified(tree)
        return self._row([drawn, self.pen.fence(self.write(tree.part))]), ATOM

    def _unspecified(self, tree: Along) -> Run:
        """A function of which nothing is known: its name, ``∇`` for a gradient, ``D`` for a Jacobian."""
        order = tree.function.order
        name = self.pen.symbol(symbol_of(tree.function.latex))
        if not order:
            return name
        if tree.function.outputs:
            return self._row([self.pen.along(), name])
        return self._row([self._sign("∇", r"\nabla ") if order == 1 else self._sign("∇²", r"\nabla^{2} "), name])

    def _function(self, tree: Entrywise) -> Run:
        name, arguments = tree.function.name, [self.write(t) for t in tree.terms]
        if name in ("greater", "greater_equal"):
            sign, (left, right) = ">" if name == "greater" else "≥", arguments
            if number_of(tree.terms[0]) is not None:
                sign, left, right = Bracket.RELATIONS[sign], right, left
            relation = self.pen.relation(sign)
            return self.pen.fence(Run((*left.tokens, replace(relation, cost=0), *right.tokens), ADD), "[")
        if name == "exp" and None in tree.shape:
            # of a matrix this would be read as the matrix exponential
            power = self.pen.exponential(arguments[0])
            if power is not None:
                return power
        return self._row([self.pen.function(name, tree.function.latex), self.pen.fence(self._listed(arguments))])

    def _power(self, tree: Power) -> tuple[Run, float]:
        if None in tree.shape and tree.number == HALF:
            # entry by entry, which of a square matrix would be read otherwise
            return self.pen.root(self.write(tree.part)), ATOM
        base = self._write(tree.part, ATOM)
        if tree.is_scalar:
            return self.pen.raised(base, self.write(tree.exponent)), POWER
        exponent = self.write(tree.exponent) if tree.number is None else self._flat(tree.number)
        exponent = self.pen.fence(exponent) if tree.number is None and exponent.level == ADD else exponent
        dotted = self._row([self._sign("⊙", r"\odot "), exponent], exponent.level)
        return self.pen.raised(base, dotted), POWER

    def _raised(self, base: Run, exponent: sympy.Expr) -> Run:
        return self.pen.raised(base, self._flat(exponent))

    def _flat(self, exponent: sympy.Expr) -> Run:
        """A number for an exponent: fractions in one line."""
        if not exponent.is_Rational or exponent.is_Integer or decimal(abs(exponent)):
            return self.writer.size(exponent)
        sign = [Run((self.pen.sign(negative=True, leading=True),))] if exponent.is_negative else []
        return self._row([*sign, *(self._sign(x, x) for x in (str(abs(exponent.p)), "/", str(exponent.q)))], ADD)

    def _call(self, name: str, arguments: Sequence[Run]) -> Run:
        head = self._sign(name, {"max": r"\max", "min": r"\min"}.get(name, rf"\operatorname{{{name}}}"))
        return self._row([head, self.pen.fence(self._listed(arguments))])

    def _slices(self, part: Matrix, letters: Sequence[Letter]) -> Run:
        """``Σ_i A_i``."""
        inner = MatrixWriter(self.pen, self.scope.names.bind(letters))
        sign = self.pen.total(self.writer.letters(letters, inner.scope))
        run = inner._write(part, PRODUCT)
        return Run((sign, *run.tokens), PRODUCT, max(2, run.height), open=True)

    def _blocks(self, tree: Blocks) -> Run:
        """``[A | B]``, or rows of blocks one above the other."""
        if len(tree.grid) == 1:
            return self._beside([self.write(block) for block in tree.grid[0]])
        return self.pen.stacked([[self.write(block) for block in row] for row in tree.grid])

    def _beside(self, runs: Sequence[Run]) -> Run:
        """``[A | B]``."""
        bar = replace(self.pen.relation("|"), head="")
        tokens = list(runs[0].tokens)
        for run in runs[1:]:
            tokens += [bar, *run.tokens]
        return self.pen.fence(Run(tuple(tokens), ADD, max(run.height for run in runs)), "[")

    def _listed(self, runs: Sequence[Run]) -> Run:
        comma = replace(self.pen.relation(","), cost=0)
        tokens = list(runs[0].tokens)
        for run in runs[1:]:
            tokens += [comma, *run.tokens]
        return Run(tuple(tokens), ADD, max(run.height for run in runs))

    # -- names and rows of signs

    def _name(self, tree: Name) -> Run:
        indices = list(tree.at)
        while indices and indices[-1] is None:
            indices.pop()
        runs = [self.pen.symbol(DOT) if i is None else self.writer.index(i, self.scope) for i in indices]
        return self.pen.entry(tensor_symbol(tree.tensor), runs, compact=all(map(self._single, indices)))

    def _single(self, index: Index | None) -> bool:
        return index is None or (index.letter is not None and self.scope.names.of(index.letter).single)

    def _sign(self, text: str, latex: str) -> Run:
        return self.pen.function(text, latex)

    def _hatted(self, part: Matrix, text: str, latex: str) -> Run:
        return self._row([self._write(part, ATOM), self._sign(text, latex)])

    def _row(self, runs: Sequence[Run], level: int = ATOM) -> Run:
        return Run(tuple(t for run in runs for t in run.tokens), level, max(run.height for run in runs))

    def _spaced(self, runs: Iterable[Run]) -> Run:
        tokens: list[Token] = []
        height = 0
        for run in runs:
            tokens += [*([Token(" ", 0.17)] if tokens else []), *run.tokens]
            height = max(height, run.height)
        return Run(tuple(tokens), PRODUCT, height)

    def _juxtaposed(self, runs: Sequence[Run]) -> Run:
        tokens = list(runs[0].tokens)
        for left, right in itertools.pairwise(runs):
            tokens += [replace(self.pen.between_factors(left, right), cost=0), *right.tokens]
        return runs[0] if len(runs) == 1 else Run(tuple(tokens), PRODUCT, max(run.height for run in runs))


def _split_sign(tree: Matrix) -> tuple[bool, Matrix]:
    """Whether there is a minus in front, and the tree without it; ``-(a - b)`` has none where it is ``b - a``."""
    negative, positive = _number_sign(tree)
    turned = _turned(positive) if negative else None
    return (negative, positive) if turned is None else (False, turned)


def _turned(tree: Matrix) -> Matrix | None:
    """The negative of a tree, if a sum in it has fewer minus signs then, that before it counted."""
    match tree:
        case Total(terms):
            minus = sum(_number_sign(term)[0] for term in terms)
            return Total(tuple(scaled(t, MINUS) for t in terms)) if 2 * minus >= len(terms) else None
        case Scale(part) | Transpose(part):
            inside = _turned(part)
            return None if inside is None else replace(tree, part=inside)
        case Product(factors):
            for m, factor in enumerate(factors):
                if (inside := _turned(factor)) is not None:
                    return Product((*factors[:m], inside, *factors[m + 1 :]))
        case Hadamard(terms):
            for m, term in enumerate(terms):
                if not _is_rest_of_one(term) and (inside := _turned(term)) is not None:
                    return replace(tree, terms=(*terms[:m], inside, *terms[m + 1 :]))
    return None


def _is_rest_of_one(term: Matrix) -> bool:
    """Whether a factor is ``1 - a``, which stays so, as in the derivative of a sigmoid."""
    return isinstance(term, Total) and number_of(term.terms[0]) == 1


def _number_sign(tree: Matrix) -> tuple[bool, Matrix]:
    """Whether the number in front is negative, and the tree without the sign."""
    if isinstance(tree, Scale) and tree.number.could_extract_minus_sign():
        positive = replace(tree, number=-tree.number)
        bare = positive.number == 1 and not positive.over and not positive.under
        return True, tree.part if bare else positive
    if isinstance(tree, Scalar) and isinstance(tree.node, Number) and tree.node.value.could_extract_minus_sign():
        return True, Scalar(Number(-tree.node.value))
    return False, tree


def _is_one(tree: Matrix) -> bool:
    return isinstance(tree, Scalar) and is_one(tree.node)


def _unless_one(value: sympy.Expr) -> list[Matrix]:
    return [] if value == 1 else [Scalar(Number(value))]
