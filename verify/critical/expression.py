"""From what a user has to a tape: a SymPy expression, an entry of the catalogue, a NumPy function that can be traced.

Data
    ``Subject``  the function with its gradient and Hessian on one tape, the coordinates' names, the expression.

The three most important functions are ``subject_of`` (whatever the user has), ``written`` (one SymPy expression as
steps of a tape) and ``in_order`` (which symbol is which coordinate).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy

from derive.errors import NotationError
from verify.critical.proof.tape import Constant, Tape, Writer, derivatives

if TYPE_CHECKING:
    from verify.critical.proof.enclosure import Evaluator

__all__ = ["Subject", "Untraceable", "in_order", "is_expression", "subject_of", "written"]

# Derivatives of longer tapes would take minutes: the numerical search is for these.
LONGEST = 200_000


class Untraceable(ValueError):
    """A function that cannot be written as an expression, and why: it can still be searched numerically."""


@dataclass(frozen=True)
class Subject:
    """A function of ``names``: ``tape`` has its value, its gradient and the upper triangle of its Hessian."""

    tape: Tape
    names: tuple[str, ...]
    expression: sympy.Expr = field(repr=False)
    symbols: tuple[sympy.Symbol, ...] = ()

    @property
    def dimension(self) -> int:
        """How many coordinates there are."""
        return len(self.names)

    def evaluator(self, rigor: bool = False) -> Evaluator:
        """The function at many points and on many boxes; with ``rigor``, in ball arithmetic too."""
        from verify.critical.proof.enclosure import evaluator

        return evaluator(self.tape, rigor)


def is_expression(f: object) -> bool:
    """Whether this is something that ``subject_of`` reads without tracing: an expression, or the id of an entry."""
    return isinstance(f, (sympy.Basic, str, int, float)) and not isinstance(f, bool)


def subject_of(f: Any, dimension: int | None = None, symbols: Sequence[Any] | None = None) -> Subject:
    """The tape of a SymPy expression, of an entry of the catalogue by its id, or of a NumPy function.

    ``dimension`` is the number of coordinates, where it is known: of the vector that a NumPy function takes, or of
    its arguments, when it takes as many numbers. An entry's inputs must be numbers.
    Raises: Untraceable when a NumPy function cannot be traced; ValueError when an expression holds what has no
    interval arithmetic here, is complex, or its symbols are not told by ``symbols``.
    """
    if isinstance(f, str) or (callable(f) and not isinstance(f, sympy.Basic)):
        expression, inputs = _entry(f) if isinstance(f, str) else _traced(f, dimension)
        names = [str(symbol) for symbol in symbols] if symbols is not None else None
        chosen = inputs if names is None else [_named(name, inputs) for name in names]
    else:
        expression = sympy.Rational(f) if isinstance(f, (int, float)) else f
        if not isinstance(expression, sympy.Expr):
            raise ValueError(f"f is {expression!r}: expected a scalar expression, not a {type(expression).__name__}")
        chosen = in_order(expression, symbols)
    if dimension is not None and len(chosen) != dimension:
        raise ValueError(
            f"f has the symbols {', '.join(map(str, chosen)) or 'none'}, and the box has {dimension} coordinates: "
            f"name the coordinates by symbols="
        )
    writer = Writer(len(chosen))
    tape = derivatives(writer, written(writer, expression, {symbol: k for k, symbol in enumerate(chosen)}))
    return Subject(tape, tuple(map(str, chosen)), expression, tuple(chosen))


def in_order(expression: sympy.Expr, symbols: Sequence[Any] | None = None) -> list[sympy.Symbol]:
    """The coordinates: ``symbols`` (symbols or their names), or all that the expression has, by their names.

    Numbers in names count as numbers: x2 comes before x10.
    Raises: ValueError when the expression has another symbol, or two of one name.
    """
    own = sorted(expression.free_symbols, key=lambda symbol: _by_name(str(symbol)))
    if len({str(symbol) for symbol in own}) < len(own):
        raise ValueError(f"f has different symbols of one name: {', '.join(map(str, own))}; give each its own")
    if symbols is None:
        return own
    chosen = [
        symbol if isinstance(symbol, sympy.Symbol) else _named(str(symbol), own, missing=True) for symbol in symbols
    ]
    if strange := [symbol for symbol in own if symbol not in chosen]:
        raise ValueError(f"f depends on {', '.join(map(str, strange))}: symbols has {', '.join(map(str, chosen))}")
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"symbols is {', '.join(map(str, chosen))}: a coordinate is named twice")
    return chosen


def written(writer: Writer, expression: sympy.Expr, places: Mapping[sympy.Symbol, int]) -> int:
    """The step of a tape whose value is the expression.

    Raises: ValueError when it holds something that a tape has no operation for.
    """
    known: dict[sympy.Basic, int] = {}

    def step(e: Any) -> int:
        if e not in known:
            known[e] = _step(writer, e, step, places)
            if len(writer.steps) > LONGEST:
                raise ValueError(f"f has more than {LONGEST} operations: search it numerically, certify=False")
        return known[e]

    return step(expression)


# SymPy's functions, as a tape calls them.
CALLED = {
    sympy.exp: "exp", sympy.log: "log", sympy.sin: "sin", sympy.cos: "cos", sympy.tan: "tan", sympy.sinh: "sinh",
    sympy.cosh: "cosh", sympy.tanh: "tanh", sympy.asin: "asin", sympy.acos: "acos", sympy.atan: "atan",
    sympy.asinh: "asinh", sympy.erf: "erf", sympy.Abs: "abs", sympy.sign: "sign",
}  # fmt: skip

# Other functions of SymPy, by those above.
REWRITTEN: dict[Any, Callable[[sympy.Expr], sympy.Expr]] = {
    sympy.cot: lambda x: sympy.cos(x) / sympy.sin(x),
    sympy.sec: lambda x: 1 / sympy.cos(x),
    sympy.csc: lambda x: 1 / sympy.sin(x),
    sympy.coth: lambda x: 1 / sympy.tanh(x),
    sympy.sech: lambda x: 1 / sympy.cosh(x),
    sympy.csch: lambda x: 1 / sympy.sinh(x),
    sympy.acosh: lambda x: sympy.log(x + sympy.sqrt(x - 1) * sympy.sqrt(x + 1)),
    sympy.atanh: lambda x: (sympy.log(1 + x) - sympy.log(1 - x)) / 2,
    sympy.erfc: lambda x: 1 - sympy.erf(x),
    sympy.sinc: lambda x: sympy.sin(x) / x,
}


def _step(w: Writer, e: Any, step: Callable[[Any], int], places: Mapping[sympy.Symbol, int]) -> int:
    if e in places:
        return w.variable(places[e])
    if isinstance(e, (sympy.Rational, sympy.Float)) or e in (sympy.pi, sympy.E):
        return w.constant(_constant(e))
    if e.is_Add:
        return w.total([step(term) for term in e.args])
    if e.is_Mul:
        return _quotient(w, e, step)
    if e.is_Pow or isinstance(e, sympy.exp):
        return _power(w, e.as_base_exp(), step)
    if isinstance(e, (sympy.Max, sympy.Min)):
        first, *others = map(step, e.args)
        for other in others:
            first = w.apply("maximum" if isinstance(e, sympy.Max) else "minimum", first, other)
        return first
    if e.func in CALLED and len(e.args) == 1:
        return w.apply(CALLED[e.func], step(e.args[0]))
    if e.func in REWRITTEN:
        return step(REWRITTEN[e.func](e.args[0]))
    if e is sympy.I or e.has(sympy.I):
        raise ValueError("f holds the imaginary unit: a critical point is looked for among real numbers")
    if e.is_Symbol:
        raise ValueError(f"f depends on {e}, which is no coordinate: name the coordinates by symbols=")
    rational = e.is_number and sympy.nsimplify(e) if isinstance(e, sympy.NumberSymbol) else None
    what = f"{e.func.__name__}" if rational is None else f"the number {e}"
    raise ValueError(
        f"f holds {what}, which has no interval arithmetic here: rewrite it by elementary functions, or give f as a "
        f"Python function to search it numerically"
    )


def _constant(e: Any) -> Constant:
    if e is sympy.pi or e is sympy.E:
        return "pi" if e is sympy.pi else "e"
    exact = sympy.Rational(e)  # a float is the number that it holds
    return Fraction(int(exact.p), int(exact.q))


def _quotient(w: Writer, e: Any, step: Callable[[Any], int]) -> int:
    """A product, with its negative powers in one denominator."""
    above, below = [], []
    for factor in e.args:
        base, exponent = factor.as_base_exp()
        if factor.is_Pow and exponent.is_Rational and exponent < 0 and base is not sympy.E:
            below.append(base**-exponent)
        else:
            above.append(factor)
    product = w.product([step(factor) for factor in above])
    return w.divide(product, w.product([step(factor) for factor in below])) if below else product


def _power(w: Writer, power: tuple[Any, Any], step: Callable[[Any], int]) -> int:
    base, exponent = power
    if base is sympy.E:
        return w.apply("exp", step(exponent))
    if exponent.is_Integer:
        return w.power(step(base), int(exponent))
    if exponent.is_Rational and exponent.q == 2:
        return w.power(w.apply("sqrt", step(base)), int(exponent.p))
    return w.apply("exp", w.multiply(step(exponent), w.apply("log", step(base))))


def _entry(identifier: str) -> tuple[sympy.Expr, list[sympy.Symbol]]:
    from derive.formula import formula

    return _components(formula(identifier).program(), f"the entry {identifier!r}")


def _traced(f: Callable[..., Any], dimension: int | None) -> tuple[sympy.Expr, list[sympy.Symbol]]:
    from derive.subjects import program_of

    try:
        parameters = list(inspect.signature(f).parameters)
    except (TypeError, ValueError) as error:
        raise Untraceable(f"f has no signature that can be read ({error})") from None
    if len(parameters) == 1:
        if dimension is None:
            raise ValueError("f takes a vector of unknown length: give the box, or start")
        shapes: dict[str, tuple[int, ...]] = {parameters[0]: (dimension,)}
    else:
        shapes = dict.fromkeys(parameters, ())
    try:
        return _components(program_of(f, shapes), "f")
    except (NotationError, TypeError, NotImplementedError) as error:
        raise Untraceable(f"f cannot be traced: {error}") from error


def _components(program: Any, what: str) -> tuple[sympy.Expr, list[sympy.Symbol]]:
    from derive.size_algebra import size_symbols
    from derive.symbolic import Components

    if program.output.axes:
        raise ValueError(f"{what} has an output of shape {program.output.axes}: expected one number")
    if any(size_symbols(axis) for tensor in program.inputs for axis in tensor.axes):
        raise ValueError(f"{what} has inputs of symbolic sizes: write it as a function of one vector")
    components = Components(program, {}, values=program.constants)
    inputs = [
        components.symbol(tensor, place)
        for tensor in program.inputs
        if tensor not in program.constants
        for place in components.places(tensor)
    ]
    return components.entry(program.output, ()), inputs


def _named(name: str, among: Sequence[sympy.Symbol], missing: bool = False) -> sympy.Symbol:
    for symbol in among:
        if str(symbol) == name:
            return symbol
    if missing:  # a coordinate that f does not depend on
        return sympy.Symbol(name, real=True)
    raise ValueError(f"symbols has {name}: the inputs are {', '.join(map(str, among))}")


def _by_name(name: str) -> list[Any]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
