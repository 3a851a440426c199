"""The functions and constants that a formula in text may name: their SymPy forms and their numbers.

Data
    ``Function``   a function's SymPy form, its numbers, and how many arguments it takes.
    ``FUNCTIONS``  all that may be called; ``SPELLINGS`` has other names of the same.
    ``CONSTANTS``  names that are numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy

__all__ = ["CONSTANTS", "FUNCTIONS", "SPELLINGS", "Function"]


@dataclass(frozen=True)
class Function:
    """A function that may be called: its SymPy form, its numbers, and how many arguments it takes (None: any).

    ``total`` says that it has a real value for all real arguments.
    """

    expression: Callable[..., sympy.Expr]
    number: Callable[..., float]
    arity: int | None = 1
    total: bool = True


def _extreme(kind: Any) -> Callable[..., sympy.Expr]:
    def build(*arguments: sympy.Expr) -> sympy.Expr:
        # SymPy would compare every pair of arguments, which has no bound in time
        distinct = list(dict.fromkeys(arguments))
        return distinct[0] if len(distinct) == 1 else kind(*distinct, evaluate=False)

    return build


HALF = sympy.Rational(1, 2)

FUNCTIONS: dict[str, Function] = {
    "sin": Function(sympy.sin, math.sin),
    "cos": Function(sympy.cos, math.cos),
    "tan": Function(sympy.tan, math.tan, total=False),
    "cot": Function(lambda u: sympy.cos(u) / sympy.sin(u), lambda u: math.cos(u) / math.sin(u), total=False),
    "sec": Function(lambda u: 1 / sympy.cos(u), lambda u: 1 / math.cos(u), total=False),
    "csc": Function(lambda u: 1 / sympy.sin(u), lambda u: 1 / math.sin(u), total=False),
    "asin": Function(sympy.asin, math.asin, total=False),
    "acos": Function(sympy.acos, math.acos, total=False),
    "atan": Function(sympy.atan, math.atan),
    "sinh": Function(sympy.sinh, math.sinh),
    "cosh": Function(sympy.cosh, math.cosh),
    "tanh": Function(sympy.tanh, math.tanh),
    "asinh": Function(sympy.asinh, math.asinh),
    "acosh": Function(sympy.acosh, math.acosh, total=False),
    "atanh": Function(sympy.atanh, math.atanh, total=False),
    "exp": Function(sympy.exp, math.exp),
    "expm1": Function(lambda u: sympy.exp(u) - 1, math.expm1),
    "log": Function(sympy.log, math.log, total=False),
    "log2": Function(lambda u: sympy.log(u) / sympy.log(2), math.log2, total=False),
    "log10": Function(lambda u: sympy.log(u) / sympy.log(10), math.log10, total=False),
    "log1p": Function(lambda u: sympy.log(1 + u), math.log1p, total=False),
    "sqrt": Function(sympy.sqrt, math.sqrt, total=False),
    "abs": Function(sympy.Abs, abs),
    "min": Function(_extreme(sympy.Min), lambda *numbers: min(numbers), None),
    "max": Function(_extreme(sympy.Max), lambda *numbers: max(numbers), None),
    "pow": Function(sympy.Pow, math.pow, 2, total=False),
    "hypot": Function(lambda u, v: sympy.sqrt(u**2 + v**2), math.hypot, 2),
    "relu": Function(lambda u: _extreme(sympy.Max)(u, sympy.Integer(0)), lambda u: max(u, 0.0)),
    "sigmoid": Function(lambda u: 1 / (1 + sympy.exp(-u)), lambda u: 0.5 * math.tanh(0.5 * u) + 0.5),
    "softplus": Function(
        lambda u: sympy.log(1 + sympy.exp(u)), lambda u: max(u, 0.0) + math.log1p(math.exp(-abs(u)))
    ),
    "silu": Function(lambda u: u / (1 + sympy.exp(-u)), lambda u: u * (0.5 * math.tanh(0.5 * u) + 0.5)),
    "gelu": Function(
        lambda u: u * (1 + sympy.erf(u / sympy.sqrt(2))) * HALF,
        lambda u: u * (1 + math.erf(u / math.sqrt(2))) / 2,
    ),
    "erf": Function(sympy.erf, math.erf),
    "erfc": Function(lambda u: 1 - sympy.erf(u), math.erfc),
}
"""What may be called. Other spellings of the same functions are in ``SPELLINGS``."""

SPELLINGS = {"ln": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh",
             "arccosh": "acosh", "arctanh": "atanh", "fabs": "abs", "maximum": "max", "minimum": "min",
             "power": "pow", "swish": "silu", "logistic": "sigmoid"}  # fmt: skip

CONSTANTS: dict[str, tuple[sympy.Expr, float]] = {
    "pi": (sympy.pi, math.pi),
    "π": (sympy.pi, math.pi),
    "e": (sympy.E, math.e),
    "E": (sympy.E, math.e),
}
