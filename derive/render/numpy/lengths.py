"""Sizes and numbers as source, and where their values come from: the shapes of arguments, or the caller."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sympy

from derive.errors import NotationError
from derive.nodes import Tensor
from derive.render.decimals import decimal, small_order
from derive.render.numpy.code import (
    ADD,
    MUL,
    UNARY,
    Code,
    call,
    chain,
    literal,
    name,
    negative,
    power,
    subscript,
)
from derive.render.numpy.identifiers import Identifiers
from derive.size_algebra import Size, size_symbols

__all__ = ["Lengths"]


class Lengths:
    """The sizes that a function uses: their source, and the lines that find them."""

    def __init__(self, identifiers: Identifiers, inputs: Sequence[Tensor], arrays: dict[Tensor, Code]) -> None:
        self.identifiers = identifiers
        self.inputs = inputs
        self.arrays = arrays
        self.used: dict[sympy.Symbol, None] = {}
        self.composed: dict[sympy.Expr, str] = {}
        self.assigned: dict[sympy.Symbol, str] = {}

    # ------------------------------------------------------------------------------------------------ source

    def code(self, size: Size, letter: str = "") -> Code:
        """A size as a whole number. One with a floor gets a name, after the letter that has it."""
        if isinstance(size, int):
            return literal(size)
        if size.has(sympy.floor) and (size in self.composed or letter):
            if size not in self.composed:
                self.composed[size] = self.identifiers.fresh(f"n_{letter}")
            return name(self.composed[size])
        return self._whole(size)

    def _symbol(self, symbol: sympy.Symbol) -> Code:
        self.used.setdefault(symbol)
        return name(self.identifiers.size(symbol.name))

    def _whole(self, size: sympy.Expr) -> Code:
        if isinstance(size, sympy.Integer):
            return literal(int(size))
        if isinstance(size, sympy.Symbol):
            return self._symbol(size)
        if isinstance(size, sympy.floor):
            above, below = sympy.fraction(sympy.together(size.args[0]))
            return chain(MUL, self._whole(above), [("//", self._whole(below))], work=0)
        if isinstance(size, sympy.Add):
            return _summed([(term.could_extract_minus_sign(), self._whole_size(term)) for term in _ordered(size)])
        if isinstance(size, sympy.Mul):
            above, below = sympy.fraction(size)
            if below != 1:
                return chain(MUL, self._whole(above), [("//", self._whole(below))], work=0)
            factors = [self._whole(f) for f in size.args]
            return chain(MUL, factors[0], [("*", f) for f in factors[1:]], work=0)
        if isinstance(size, sympy.Pow) and size.exp.is_Integer and size.exp > 0:
            return power(self._whole(size.base), literal(int(size.exp)), work=0)
        raise NotationError(f"the size {size} has no NumPy form")

    def _whole_size(self, term: sympy.Expr) -> Code:
        return self._whole(-term if term.could_extract_minus_sign() else term)

    def number(self, value: sympy.Expr) -> Code:
        """A number, sizes among it, as a float."""
        if isinstance(value, sympy.Integer):
            return literal(int(value))
        if isinstance(value, sympy.Rational):
            text, small = decimal(value), small_order(value)
            if small is not None:
                return literal("{}e-{}".format(*small))
            return _fraction(literal(value.p), literal(value.q)) if text is None else literal(text)
        if isinstance(value, sympy.Float):
            return literal(float(value))
        if isinstance(value, sympy.Symbol):
            return self._symbol(value)
        if value in CONSTANTS:
            return literal(CONSTANTS[value])
        if isinstance(value, sympy.Add):
            terms = [(t.could_extract_minus_sign(), t) for t in _ordered(value)]
            return _summed([(minus, self.number(-t if minus else t)) for minus, t in terms])
        above, below = value.as_numer_denom()
        if below != 1:
            return _fraction(self.number(above), self.number(below))
        if isinstance(value, sympy.Mul):
            if value.could_extract_minus_sign():
                return negative(self.number(-value), work=0)
            factors = [self.number(f) for f in value.args]
            return chain(MUL, factors[0], [("*", f) for f in factors[1:]], work=0)
        if isinstance(value, sympy.Pow):
            exponent = literal("0.5") if value.exp == sympy.Rational(1, 2) else self.number(value.exp)
            return power(self.number(value.base), exponent, work=0)
        if isinstance(value, sympy.exp):
            return call("np.exp", self.number(value.args[0]), work=0)
        if isinstance(value, sympy.log):
            return call("np.log", self.number(value.args[0]), work=0)
        if isinstance(value, (sympy.floor, sympy.Mod)):
            return self._whole(value)
        raise NotationError(f"the number {value} has no NumPy form")

    # ---------------------------------------------------------------------------------------- where they come from

    def written(self, size: Size) -> str:
        """A size as it stands in a comment."""
        if isinstance(size, int) or size not in self.composed:
            return str(size)
        return self.composed[size]

    def found(self, names: frozenset[str]) -> tuple[list[str], list[sympy.Symbol]]:
        """The lines that find the sizes of these names, and the sizes that have to be given."""
        self.used = {s: None for s in self.used if self.identifiers.size(s.name) in names}
        places = [(t, k, axis) for t in self.inputs for k, axis in enumerate(t.axes)]
        shapes = {axis: self._place(t, k) for t, k, axis in reversed(places) if not isinstance(axis, int)}
        formulas: list[tuple[str, Code | None, sympy.Expr]] = []
        for size, own in self.composed.items():
            if own not in names:
                continue
            if size in shapes:
                formulas.append((own, shapes[size], size))
            else:
                formulas.append((own, None, size))
                self._whole(size)
        steps, given = self._solved(places)
        lines = self._from_shapes(steps)
        return [*lines, *self._composed_lines(formulas)], given

    def _composed_lines(self, formulas: list[tuple[str, Code | None, sympy.Expr]]) -> list[str]:
        lines: list[str] = []
        ends = {str(place): own for own, place, _ in formulas if place is not None}
        done: set[str] = set()
        for own, place, size in formulas:
            if own in done:
                continue
            array, _, axis = str(place).partition(".shape[")
            after = f"{array}.shape[{int(axis[:-1]) + 1}]" if place is not None else ""
            last = after in ends and f"{array}.shape[{int(axis[:-1]) + 2}]" not in self._places()
            if last:
                lines.append(f"{own}, {ends[after]} = {array}.shape[{axis[:-1]}:]")
                done.add(ends[after])
            else:
                lines.append(f"{own} = {place if place is not None else self._whole(size)}")
        return lines

    def _places(self) -> set[str]:
        return {str(self._place(t, k)) for t in self.inputs for k in range(len(t.axes))}

    def _place(self, tensor: Tensor, axis: int) -> Code:
        return subscript(_attribute(self.arrays[tensor], "shape"), [literal(axis)])

    def _solved(
        self, places: Sequence[tuple[Tensor, int, Size]]
    ) -> tuple[list[tuple[sympy.Symbol, Tensor, int, sympy.Expr | None]], list[sympy.Symbol]]:
        """Each size that is needed with the axis that says it, and the formula if the axis is not the size itself."""
        steps: list[tuple[sympy.Symbol, Tensor, int, sympy.Expr | None]] = []
        known: set[sympy.Symbol] = set()
        given: list[sympy.Symbol] = []
        for tensor, k, axis in places:
            if isinstance(axis, sympy.Symbol) and axis not in known:
                known.add(axis)
                steps.append((axis, tensor, k, None))
        while True:
            found = next(filter(None, (self._linear(p, known) for p in places)), None)
            if found is not None:
                known.add(found[0])
                steps.append(found)
                continue
            missing = [s for s in self.used if s not in known]
            if not missing:
                break
            known.add(missing[0])
            given.append(missing[0])
        return self._needed(steps), given

    def _linear(
        self, place: tuple[Tensor, int, Size], known: set[sympy.Symbol]
    ) -> tuple[sympy.Symbol, Tensor, int, sympy.Expr] | None:
        tensor, k, axis = place
        unknown = size_symbols(axis) - known
        if isinstance(axis, int) or len(unknown) != 1 or axis.has(sympy.floor):
            return None
        (symbol,) = unknown
        polynomial = sympy.Poly(axis, symbol)
        if polynomial.degree() != 1:
            return None
        slope, rest = polynomial.all_coeffs()
        if not slope.is_positive and not (-slope).is_positive:
            return None
        length = sympy.Symbol(f"length {tensor.name} {k}", integer=True, positive=True)
        return symbol, tensor, k, (length - rest) / slope

    def _needed(
        self, steps: list[tuple[sympy.Symbol, Tensor, int, sympy.Expr | None]]
    ) -> list[tuple[sympy.Symbol, Tensor, int, sympy.Expr | None]]:
        kept = []
        for step in reversed(steps):
            if step[0] in self.used:
                kept.append(step)
                if step[3] is not None:
                    for symbol in sorted(step[3].free_symbols, key=str):
                        if not symbol.name.startswith("length "):
                            self.used.setdefault(symbol)
        return kept[::-1]

    def _from_shapes(self, steps: list[tuple[sympy.Symbol, Tensor, int, sympy.Expr | None]]) -> list[str]:
        lines = []
        plain = {(t, k): s for s, t, k, formula in steps if formula is None}
        done: set[Tensor] = set()
        for symbol, tensor, k, formula in steps:
            own = self.identifiers.size(symbol.name)
            if formula is not None:
                lines.append(f"{own} = {self._formula(formula, tensor, k)}")
                continue
            if tensor in done:
                continue
            rank = len(tensor.axes)
            found = [k for k in range(rank) if (tensor, k) in plain]
            names = [self.identifiers.size(plain[tensor, k].name) for k in found]
            array = self.arrays[tensor]
            if len(found) == rank:
                lines.append(f"{', '.join(names)} = {array}.shape" + "[0]" * (rank == 1))
                done.add(tensor)
            elif len(found) > 1 and found == list(range(found[0], rank)):
                lines.append(f"{', '.join(names)} = {array}.shape[{found[0]}:]")
                done.add(tensor)
            elif len(found) > 1:
                places = dict(zip(found, names, strict=True))
                lines.append(f"{', '.join(places.get(k, '_') for k in range(rank))} = {array}.shape")
                done.add(tensor)
            else:
                lines.append(f"{own} = {array}.shape[{k}]")
        return lines

    def _formula(self, formula: sympy.Expr, tensor: Tensor, k: int) -> Code:
        above, below = sympy.fraction(sympy.together(formula))
        (length,) = (s for s in formula.free_symbols if s.name.startswith("length "))
        rest = above - length if above.coeff(length) == 1 else above
        start = self._place(tensor, k)
        if above.coeff(length) == 1:
            terms = [] if rest == 0 else [(t.could_extract_minus_sign(), self._whole_size(t)) for t in _ordered(rest)]
            top = chain(ADD, start, [("-" if minus else "+", c) for minus, c in terms], work=0) if terms else start
        else:
            terms = [(t.could_extract_minus_sign(), self._whole_size(t)) for t in _ordered(rest + length)]
            terms = [t for t in terms if "length" not in t[1].text]
            top = _summed([(False, c) for minus, c in terms if not minus] or [(False, literal(0))])
            top = chain(ADD, top, [("-", start), *(("-", c) for minus, c in terms if minus)], work=0)
        return top if below == 1 else chain(MUL, top, [("//", self._whole(below))], work=0)


CONSTANTS = {
    sympy.pi: "np.pi", sympy.E: "np.e", sympy.oo: "np.inf", -sympy.oo: "-np.inf", sympy.EulerGamma: "np.euler_gamma",
}  # fmt: skip


def _attribute(code: Code, text: str) -> Code:
    return Code(((code, 7), f".{text}"), 7)


def _fraction(above: Code, below: Code) -> Code:
    return Code(((above, MUL), " / ", (below, UNARY)), MUL)


def _ordered(total: sympy.Expr) -> list[sympy.Expr]:
    """The terms: first what is positive, numbers last."""
    terms: Iterable[sympy.Expr] = sympy.Add.make_args(total)
    return sorted(terms, key=lambda t: (bool(t.is_number), t.could_extract_minus_sign(), str(t)))


def _summed(terms: list[tuple[bool, Code]]) -> Code:
    """A sum of terms with their signs, one with a plus in front if there is one."""
    at = next((m for m, (minus, _) in enumerate(terms) if not minus), 0)
    (minus, first), rest = terms[at], terms[:at] + terms[at + 1 :]
    start = negative(first, work=0) if minus else first
    return chain(ADD, start, [("-" if m else "+", c) for m, c in rest], work=0) if rest else start
