"""A formula that a person typed, such as ``(x**2 - 1)**2 + y**2``, read as a SymPy expression.

The reader is our own: names, numbers, ``+ - * / ** ^``, parentheses and the functions of ``FUNCTIONS``. No text is
executed. ``^`` is a power, like ``**``. Decimals are exact: ``0.1`` is 1/10. Every name that is no constant is a
real variable. A product needs its ``*``: ``2x`` may be a slip, so it is refused, with the place.

The expression is defined where the text is. SymPy simplifies as it builds, but not above a part that has no real
value somewhere: ``x/x`` stays a quotient and ``sqrt(x)**2`` a square, since 1 and x would be defined in more places.

The two most important functions are ``read_formula`` (text to expression) and ``in_order`` (variables as people count
them: x2 before x10). What is wrong with a text is a ``FormulaError``.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import sympy

from verify.critical.formula.formula_functions import CONSTANTS, FUNCTIONS, SPELLINGS
from verify.critical.formula.formula_tokens import NAME, FormulaError, Token, tokens

__all__ = ["FUNCTIONS", "FormulaError", "in_order", "read_formula"]

# A text is at most so long and nested so deep; a number has at most so many digits.
LENGTH, DEPTH, DIGITS = 10_000, 50, 400
# A constant exponent is at most so large, and an exact number that a power makes has at most so many bits.
EXPONENT, BITS = 1000, 20_000
NO_NUMBERS = {"inf", "infinity", "nan", "oo"}
NO_REAL = (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)


def read_formula(text: str, symbols: Sequence[str] | None = None) -> tuple[sympy.Expr, tuple[sympy.Symbol, ...]]:
    """The expression that a text says, and its variables: those of ``symbols``, else all, in the order of counting.

    With ``symbols`` no other name may occur; some of them may be missing. Variables are real.

    Raises: FormulaError, a ValueError, for every text that is no formula, whose constants are no finite real numbers,
    or that is longer, deeper or of larger powers than is sensible.

    >>> read_formula("(x^2 - 1)^2 + 0.5*y")
    (y/2 + (x**2 - 1)**2, (x, y))
    """
    given = None if symbols is None else tuple(symbols)
    for name in given or ():
        _must_be_name(text, name)
    if given is not None and len(set(given)) < len(given):
        raise FormulaError(text, 0, f"a variable is named twice in {', '.join(given)}")
    if not text.strip():
        raise FormulaError(text, 0, "the formula is empty: write one such as (x**2 - 1)**2 + y**2")
    if len(text) > LENGTH:
        raise FormulaError(
            text, LENGTH, f"the formula has {len(text)} characters, and at most {LENGTH} are read: "
            "write longer ones as a Python function"
        )  # fmt: skip
    parser = _Parser(text, given)
    expression = parser.whole()
    wrong = next((part for part in (*NO_REAL, sympy.I) if expression.has(part)), None)
    if wrong is not None:
        what = "has an imaginary part" if wrong is sympy.I else "divides by 0, or is not finite, at every point"
        raise FormulaError(text, 0, f"the formula {what}: SymPy reads it as {_brief(expression)}")
    if not all(map(_is_float, expression.atoms(sympy.Rational))):
        raise FormulaError(text, 0, "the formula has a number outside the range of floats, which end near 1.8e308")
    names = given if given is not None else in_order(parser.variables)
    return expression, tuple(sympy.Symbol(name, real=True) for name in names)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names as people count: x, x2, x10, y; w[0,2] before w[0,10].

    >>> in_order(["x10", "y", "x2", "x"])
    ('x', 'x2', 'x10', 'y')
    """

    def key(name: str) -> list[tuple[int, int, str]]:
        parts = re.findall(r"[0-9]+|[^0-9]+", name)
        return [(0, int(part), part) if part[0] in "0123456789" else (1, 0, part) for part in parts]

    return tuple(sorted(set(names), key=key))


def _must_be_name(text: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise FormulaError(text, 0, f"{name!r} is no name of a variable: x, x1, x_1 and w[0] are")
    if name in FUNCTIONS or name in SPELLINGS:
        raise FormulaError(text, 0, f"{name!r} is a function: give the variable another name")


@dataclass(frozen=True)
class _Part:
    """A part of the formula, where it begins, and its value if it has no variables.

    ``total`` says that it has a real value whatever the values of the variables.
    """

    expression: sympy.Expr
    number: float | None
    place: int
    total: bool = True


class _Parser:
    """Recursive descent: sum, product, signs, power, atom. Depth is counted; long sums and products are flat."""

    def __init__(self, text: str, symbols: tuple[str, ...] | None) -> None:
        self.text = text
        self.symbols = symbols
        self.tokens = tokens(text)
        self.position = 0
        self.depth = 0
        self.variables: dict[str, None] = {}

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def take(self, *signs: str) -> Token | None:
        """The next token, if it is one of these signs."""
        token = self.next
        if token.kind != "sign" or token.text not in signs:
            return None
        self.position += 1
        return token

    def fail(self, place: int, reason: str) -> NoReturn:
        raise FormulaError(self.text, place, reason)

    def whole(self) -> sympy.Expr:
        found = self.sum()
        token = self.next
        if token.text == ")":
            self.fail(token.place, "')' closes nothing: no '(' is open")
        if token.kind != "end":
            self.fail(token.place, self.missing_times(token))
        return found.expression

    def missing_times(self, token: Token) -> str:
        """What to say where an operator should stand."""
        if token.text == ",":
            return "a ',' parts the arguments of a function: decimals are written with a '.'"
        left, right = ("(…)" if one.text in "()" else one.text for one in (self.tokens[self.position - 1], token))
        return f"expected an operator before {token}: a product is written with '*', as {left}*{right}"

    # ---- grammar

    def sum(self) -> _Part:
        terms = [self.product()]
        while token := self.take("+", "-"):
            term = self.product()
            if token.text == "-":
                term = self.built(term.place, lambda u: -u, lambda a: -a, term)
            terms.append(term)
        if len(terms) == 1:
            return terms[0]
        return self.built(terms[0].place, sympy.Add, lambda *numbers: math.fsum(numbers), *terms)

    def product(self) -> _Part:
        factors = [self.signed()]
        while token := self.take("*", "/"):
            factor = self.signed()
            if token.text == "/":
                factor = self.built(token.place, lambda u: 1 / u, lambda a: 1 / a, factor, total=False)
            factors.append(factor)
        if len(factors) == 1:
            return factors[0]
        return self.built(factors[0].place, sympy.Mul, lambda *numbers: math.prod(numbers), *factors)

    def signed(self) -> _Part:
        place, minus = self.next.place, False
        while token := self.take("+", "-"):
            minus ^= token.text == "-"
        found = self.power()
        return self.built(place, lambda u: -u, lambda a: -a, found) if minus else found

    def power(self) -> _Part:
        base = self.atom()
        token = self.take("**", "^")
        if token is None:
            return base
        return self.raised(base, self.deeper(token.place, self.signed), token.place)

    def atom(self) -> _Part:
        token = self.next
        self.position += 1
        if token.kind == "number":
            return self.number(token)
        if token.kind == "name":
            return self.call(token) if self.next.text == "(" else self.name(token)
        if token.text != "(":
            before = f"after {self.tokens[self.position - 2]}" if self.position > 1 else "at the beginning"
            self.fail(token.place, f"expected a number, a name or '(' {before}, found {token}")
        found = self.deeper(token.place, self.sum)
        self.close(token)
        return found

    def deeper(self, place: int, read: Callable[[], _Part]) -> _Part:
        self.depth += 1
        if self.depth > DEPTH:
            self.fail(place, f"nested deeper than {DEPTH}: write this formula as a Python function")
        found = read()
        self.depth -= 1
        return found

    def close(self, opened: Token) -> None:
        token = self.next
        if self.take(")"):
            return
        if token.kind == "end":
            self.fail(opened.place, "this '(' is not closed")
        self.fail(token.place, self.missing_times(token))

    def number(self, token: Token) -> _Part:
        mantissa, _, exponent = token.text.lower().partition("e")
        whole, _, decimals = mantissa.partition(".")
        if len(mantissa) > DIGITS or len(exponent) > 5:
            self.fail(token.place, f"a number has at most {DIGITS} digits, and lies within the range of floats")
        shift = int(exponent or 0) - len(decimals)
        if abs(shift) > DIGITS + 400:
            self.fail(token.place, f"{token.text} lies outside the range of floats, which end near 1.8e308")
        value = sympy.Rational(int(whole + decimals) * 10 ** max(shift, 0), 10 ** max(-shift, 0))
        number = float(f"{mantissa}e{exponent or 0}")
        if math.isinf(number) or (number == 0) != (value == 0):
            self.fail(token.place, f"{token.text} lies outside the range of floats, which end near 1.8e308")
        return _Part(value, number, token.place)

    def name(self, token: Token) -> _Part:
        name = token.text
        known = self.symbols is not None and name in self.symbols
        if not known:
            if name in FUNCTIONS or name in SPELLINGS:
                self.fail(token.place, f"{name} is a function: write {name}(…)")
            if name in CONSTANTS:
                return _Part(*CONSTANTS[name], token.place)
            if name.lower() in NO_NUMBERS:
                self.fail(token.place, f"{name} is no number that a formula can have")
            if self.symbols is not None:
                self.fail(token.place, f"there is no variable {name!r}: {self.nearest(name, self.symbols)}")
        self.variables[name] = None
        return _Part(sympy.Symbol(name, real=True), None, token.place)

    def call(self, token: Token) -> _Part:
        name = SPELLINGS.get(token.text, token.text)
        opened = self.next
        if name not in FUNCTIONS:
            near = difflib.get_close_matches(token.text.lower(), [*FUNCTIONS, *SPELLINGS], n=3, cutoff=0.6)
            known = (self.symbols is not None and token.text in self.symbols) or token.text in self.variables
            if known or len(token.text) == 1 or token.text in CONSTANTS or "[" in token.text:
                self.fail(opened.place, f"{token.text} is no function: a product is written {token.text}*(…)")
            hint = f"did you mean {', '.join(near)}?" if near else f"known are {', '.join(FUNCTIONS)}"
            self.fail(token.place, f"there is no function {token.text!r}; {hint}")
        self.position += 1
        arguments = [self.argument(token)]
        while self.take(","):
            arguments.append(self.argument(token))
        self.close(opened)
        function = FUNCTIONS[name]
        if function.arity is not None and len(arguments) != function.arity:
            wanted = f"{function.arity} argument{'s' * (function.arity > 1)}"
            self.fail(token.place, f"{token.text} takes {wanted}, and is given {len(arguments)}")
        if name == "pow":
            base, exponent = arguments
            return self.raised(base, exponent, token.place)
        return self.built(token.place, function.expression, function.number, *arguments, total=function.total)

    def argument(self, function: Token) -> _Part:
        if self.next.text == ")":
            self.fail(self.next.place, f"expected an argument of {function.text} before ')'")
        return self.deeper(function.place, self.sum)

    def nearest(self, name: str, known: Sequence[str]) -> str:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or list(known)
        return f"there is {', '.join(near) or 'none'}"

    # ---- expressions

    def raised(self, base: _Part, exponent: _Part, place: int) -> _Part:
        if exponent.number is not None:
            size = abs(exponent.number)
            if base.number is None and size > EXPONENT:
                self.fail(place, f"the exponent {exponent.number:.6g} is too large: at most {EXPONENT} is read")
            if size * _bits(base.expression) > BITS:
                self.fail(place, f"this power is a number of more than {BITS} binary digits")
        return self.built(base.place, sympy.Pow, math.pow, base, exponent, total=False, at=place)

    def built(
        self,
        place: int,
        build: Callable[..., sympy.Expr],
        compute: Callable[..., float],
        *parts: _Part,
        total: bool = True,
        at: int | None = None,
    ) -> _Part:
        """A part made of others; ``total`` says that it is real where they are. A constant must be a finite float."""
        where = place if at is None else at
        number = None
        if all(part.number is not None for part in parts):
            try:
                number = float(compute(*(part.number for part in parts)))
            except (ArithmeticError, ValueError):
                number = math.nan
            if not math.isfinite(number):
                self.fail(where, "this constant is no finite real number")
        simplified = all(part.total for part in parts)
        try:
            with sympy.evaluate(simplified):
                expression = build(*(part.expression for part in parts))
            total = number is not None or (simplified and (total or expression.is_real is True))
        except (ArithmeticError, ValueError, TypeError, AttributeError, NotImplementedError, RecursionError) as error:
            raise FormulaError(self.text, where, f"SymPy cannot make an expression of this: {error}") from error
        if expression in NO_REAL:
            self.fail(where, "this is no finite real number at any point: it divides by 0")
        if number == 0 and expression != 0 and build is not sympy.Add:
            self.fail(where, "this constant is too small for a float, which ends near 5e-324")
        if isinstance(expression, sympy.Pow) and expression.exp.is_Rational and abs(expression.exp) > EXPONENT:
            self.fail(where, f"the exponent {_brief(expression.exp)} is too large: at most {EXPONENT} is read")
        return _Part(expression, number, place, total)


def _bits(expression: sympy.Expr) -> int:
    """The most binary digits of an exact number in an expression that a power would multiply out."""
    numbers = expression.atoms(sympy.Rational) if expression.is_Mul or expression.is_number else ()
    return max((max(abs(one.p), one.q).bit_length() for one in numbers if one.q != 1 or abs(one.p) != 1), default=0)


def _is_float(number: sympy.Rational) -> bool:
    try:
        return bool(number == 0 or number.p / number.q != 0)
    except OverflowError:
        return False


def _brief(expression: sympy.Expr) -> str:
    text = str(expression)
    return text if len(text) <= 40 else f"{text[:39]}…"
