"""Terms with normal densities that are multiples of each other: ``S φ(d + v) = K φ(d)`` where d is made of log(S/K).

``φ(a)/φ(b) = exp((b² - a²)/2)``: what is left of the exponent after the definitions are put in may be a logarithm of
the other factors. In the derivatives of option prices and of expected improvements such terms cancel.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import sympy

from derive.definitions import Definition
from derive.functions import exp, log, normal_pdf
from derive.nodes import Add, Apply, Mul, Node, Number, Partial, Pow, Ref, Tensor, factors_of
from derive.notation import add, mul
from derive.program import Program
from derive.signs import always
from derive.statements import Statement
from derive.terms import base_and_exponent, split_coefficient
from derive.tree import key, map_children, walk

__all__ = ["with_densities_compared"]


def with_densities_compared(node: Node, program: Program, definitions: Mapping[Tensor, Definition]) -> Node:
    """The node with terms added up that are multiples of each other; the node itself where there are none."""
    met = sum(isinstance(below, Apply) and below.function is normal_pdf for below in walk(node))
    return _compared(node, program, definitions) if met > 1 else node


def _compared(node: Node, program: Program, definitions: Mapping[Tensor, Definition]) -> Node:
    if isinstance(node, Partial):
        return node
    node = map_children(node, lambda child: _compared(child, program, definitions))
    if isinstance(node, Add):
        for one, two in combinations(node.terms, 2):
            (times, rest), (other_times, other) = split_coefficient(one), split_coefficient(two)
            if _Exponents(program, definitions).are_equal(rest, other):
                total = mul(Number(times + other_times), rest)
                return add(*(total if t is one else t for t in node.terms if t is not two))
    return node


class _Exponents:
    """Logarithms of products as SymPy expressions in which all names of the program are spelled out."""

    def __init__(self, program: Program, definitions: Mapping[Tensor, Definition]) -> None:
        self.program = program
        self.definitions = definitions
        self.symbols: dict[object, sympy.Symbol] = {}
        self.logarithms: list[Node] = []

    def are_equal(self, one: Node, two: Node) -> bool:
        """Whether two products with a density in each are the same."""
        if not all(any(_is_density(f) for f in factors_of(side)) for side in (one, two)):
            return False
        difference = self._logarithm(one) - self._logarithm(two)
        return bool(self._expanded(difference) == 0) and self._have_one_sign(one, two)

    def _logarithm(self, product: Node) -> sympy.Expr:
        return sum((self._of_factor(f) for f in factors_of(product)), sympy.Integer(0))

    def _of_factor(self, factor: Node) -> sympy.Expr:
        base, exponent = base_and_exponent(factor)
        base = self._opened(base)
        if isinstance(base, Apply) and base.function is exp:
            return exponent * self._value(base.arguments[0])
        if isinstance(base, Apply) and base.function is normal_pdf:
            return -exponent * (self._value(base.arguments[0]) ** 2 + sympy.log(2 * sympy.pi)) / 2
        return exponent * sympy.log(self._value(base))

    def _opened(self, node: Node) -> Node:
        while isinstance(node, Ref) and node.tensor in self.definitions:
            node = self.definitions[node.tensor].at(*node.indices)
        return node

    def _value(self, node: Node) -> sympy.Expr:
        node = self._opened(node)
        match node:
            case Number():
                return node.value
            case Add():
                return sum(map(self._value, node.terms), sympy.Integer(0))
            case Mul():
                return sympy.Mul(*map(self._value, node.factors))
            case Pow(exponent=Number()):
                return self._value(node.base) ** self._value(node.exponent)
            case Apply() if node.function is log:
                self.logarithms.append(node.arguments[0])
                return sympy.log(self._value(node.arguments[0]))
        return self.symbols.setdefault(key(node), sympy.Symbol(f"x{len(self.symbols)}", real=True))

    def _expanded(self, value: sympy.Expr) -> sympy.Expr:
        return sympy.expand(sympy.expand_log(sympy.expand(value), force=True))

    def _have_one_sign(self, one: Node, two: Node) -> bool:
        """Whether what stands beside the exponentials has one sign: it has where a logarithm of its quotient is."""
        rest = [mul(*(f for f in factors_of(side) if not self._is_exponential(f))) for side in (one, two)]
        quotient = rest[0] / rest[1]
        if always(Statement(quotient, ">", Number(sympy.Integer(0))), self.program, {}):
            return True
        value = sympy.expand(self._value(quotient))
        return any(sympy.expand(self._value(u)) in (value, 1 / value) for u in self.logarithms)

    def _is_exponential(self, factor: Node) -> bool:
        base = self._opened(base_and_exponent(factor)[0])
        return isinstance(base, Apply) and base.function in (exp, normal_pdf)


def _is_density(factor: Node) -> bool:
    base = base_and_exponent(factor)[0]
    return isinstance(base, Apply) and base.function is normal_pdf
