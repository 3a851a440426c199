"""SymPy expressions as nodes: ``node_of`` writes an expression in given tensors; what has no law here is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy

from derive import functions
from derive.errors import NotationError
from derive.nodes import Node, number
from derive.notation import add, mul, power

__all__ = ["node_of"]

FUNCTIONS: dict[Any, Callable[[Node], Node]] = {
    sympy.exp: functions.exp,
    sympy.log: functions.log,
    sympy.sin: functions.sin,
    sympy.cos: functions.cos,
    sympy.tan: functions.tan,
    sympy.sinh: functions.sinh,
    sympy.cosh: functions.cosh,
    sympy.tanh: functions.tanh,
    sympy.asin: functions.arcsin,
    sympy.atan: functions.arctan,
    sympy.erf: functions.erf,
    sympy.loggamma: functions.gammaln,
}
KINKED = (sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise, sympy.Heaviside, sympy.floor, sympy.ceiling)


def node_of(expression: sympy.Expr, values: Mapping[sympy.Symbol, Node]) -> Node:
    """An expression with these nodes for its symbols, its terms in SymPy's order of printing.

    Raises: NotationError naming the function that has no law, or that has kinks.
    """
    match expression:
        case sympy.Symbol():
            return values[expression]
        case _ if not expression.free_symbols:
            return number(expression)
        case sympy.Add():
            return add(*(node_of(term, values) for term in expression.as_ordered_terms()))
        case sympy.Mul():
            return mul(*(node_of(factor, values) for factor in expression.as_ordered_factors()))
        case sympy.Pow():
            return power(node_of(expression.base, values), node_of(expression.exp, values))
        case sympy.Function() if type(expression) in FUNCTIONS:
            return FUNCTIONS[type(expression)](node_of(expression.args[0], values))
    if isinstance(expression, KINKED):
        raise NotationError(
            f"{expression} has a kink: there is no gradient there, and a point found by setting it to zero would "
            "prove nothing"
        )
    raise NotationError(f"{type(expression).__name__} has no law of differentiation here: {expression}")
