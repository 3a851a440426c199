"""What Python's operators and NumPy's functions of numbers make of nodes: ``a + b``, ``x[i] ** 2``, ``np.exp(x[i])``.

Nodes inherit the operators, and an operator makes a node: what makes it is imported when the operator is used.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from derive.errors import NotationError

if TYPE_CHECKING:
    from derive.nodes import Node

__all__ = ["Operators"]


class Operators:
    """The operators people write formulas with; shared by nodes and scalar tensors."""

    __slots__ = ()

    def __add__(self, other: object) -> Node:
        return _sum(self, other)

    def __radd__(self, other: object) -> Node:
        return _sum(other, self)

    def __sub__(self, other: object) -> Node:
        return _difference(self, other)

    def __rsub__(self, other: object) -> Node:
        return _difference(other, self)

    def __mul__(self, other: object) -> Node:
        return _product(self, other)

    def __rmul__(self, other: object) -> Node:
        return _product(other, self)

    def __truediv__(self, other: object) -> Node:
        return _quotient(self, other)

    def __rtruediv__(self, other: object) -> Node:
        return _quotient(other, self)

    def __pow__(self, other: object) -> Node:
        return _power(self, other)

    def __rpow__(self, other: object) -> Node:
        return _power(other, self)

    def __neg__(self) -> Node:
        return _product(-1, self)

    def __pos__(self) -> Node:
        return _sum(self)

    def __abs__(self) -> Node:
        return _value("abs", self)

    def __gt__(self, other: object) -> Node:
        return _value("greater", self, other)

    def __ge__(self, other: object) -> Node:
        return _value("greater_equal", self, other)

    def __lt__(self, other: object) -> Node:
        return _value("greater", other, self)

    def __le__(self, other: object) -> Node:
        return _value("greater_equal", other, self)

    def __bool__(self) -> bool:
        raise NotationError(
            "a formula is neither true nor false: write where(condition, a, b), maximum(a, b) or minimum(a, b)"
        )

    def __matmul__(self, other: object) -> Node:
        raise NotationError("a matrix product is written with its indices: Sum(j, X[i, j] * W[j, k])")

    __rmatmul__ = __matmul__

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: object, **options: object) -> Node:
        """NumPy's functions of numbers make formulas: ``np.exp(x[i])`` is ``exp(x[i])``."""
        from derive.functions import ELEMENTWISE, absolute, sqrt
        from derive.nodes import as_node

        known: dict[str, Callable[..., Node]] = {
            **ELEMENTWISE,
            "sqrt": sqrt,
            "absolute": absolute,
            "add": operator.add,
            "subtract": operator.sub,
            "multiply": operator.mul,
            "divide": operator.truediv,
            "power": operator.pow,
            "negative": operator.neg,
        }
        if method != "__call__" or options or ufunc.__name__ not in known:
            raise NotationError(f"np.{ufunc.__name__} has no law: a formula uses {', '.join(ELEMENTWISE)}, sqrt")
        return known[ufunc.__name__](*map(as_node, inputs))


def _sum(*terms: object) -> Node:
    from derive.nodes import as_node
    from derive.notation import add

    return add(*map(as_node, terms))


def _difference(left: object, right: object) -> Node:
    from derive.nodes import as_node, number
    from derive.notation import add, mul

    return add(as_node(left), mul(number(-1), as_node(right)))


def _product(*factors: object) -> Node:
    from derive.nodes import as_node
    from derive.notation import mul

    return mul(*map(as_node, factors))


def _quotient(left: object, right: object) -> Node:
    from derive.nodes import as_node, number
    from derive.notation import mul, power

    return mul(as_node(left), power(as_node(right), number(-1)))


def _power(base: object, exponent: object) -> Node:
    from derive.nodes import as_node
    from derive.notation import power

    return power(as_node(base), as_node(exponent))


def _value(function: str, *arguments: object) -> Node:
    from derive.functions import ELEMENTWISE

    return ELEMENTWISE[function](*arguments)
