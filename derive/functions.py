"""Functions of numbers, each in one row: its law, its numbers, its SymPy form.

A row of ``ELEMENTWISE`` holds all that the engine knows; adding a function is adding a row. Functions along axes
(softmax, max, inverse …) are in ``over_axes``, functions of which nothing is known in ``unspecified``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import sympy

from derive.errors import NotationError
from derive.nodes import ONE, ZERO, Apply, Bracket, Node, Number, as_node, number
from derive.notation import power
from derive.special_values import (
    digamma_values,
    erf_values,
    gammaln_values,
    normal_cdf_values,
    normal_pdf_values,
    polygamma_values,
)
from derive.statements import Condition, Statement

__all__ = [
    "ELEMENTWISE", "Elementwise", "absolute", "arcsin", "arctan", "cos", "cosh", "digamma", "erf", "exp", "expm1",
    "gammaln", "greater", "greater_equal", "is_guard", "is_indicator", "log", "log1p", "maximum", "minimum",
    "normal_cdf", "normal_pdf", "relu", "sigmoid", "sign", "sin", "sinh", "softplus", "sqrt", "tan", "tanh",
    "trigamma", "where",
]  # fmt: skip

Arguments = tuple[Node, ...]
HALF = number(sympy.Rational(1, 2))
INDICATORS = frozenset({"greater", "greater_equal"})


@dataclass(frozen=True, eq=False)
class Elementwise:
    """A function of numbers, with all that is known of it. The table is ``ELEMENTWISE``.

    ``derivative`` maps (arguments, the value itself) to the partial derivatives, one node for each argument.
    ``numpy`` computes it (complex arguments too where it is analytic), ``sympy`` builds it. ``condition`` says of the
    arguments under which the law holds.
    """

    name: str
    arity: int
    latex: str
    derivative: Callable[[tuple[Node, ...], Node], tuple[Node, ...]] | None
    numpy: Callable[..., Any]
    sympy: Callable[..., Any]
    statement: str = ""
    domain: str = "real"
    condition: Callable[[tuple[Node, ...]], Condition] | None = None
    kinks: bool = False

    def __repr__(self) -> str:
        return self.name

    def __call__(self, *arguments: object) -> Apply:
        if len(arguments) != self.arity:
            raise NotationError(f"{self.name} takes {self.arity} arguments, not {len(arguments)}")
        return Apply(self, tuple(as_node(argument) for argument in arguments))


def _sigmoid(z: Any) -> Any:
    return 0.5 * np.tanh(0.5 * z) + 0.5


def _softplus(z: Any) -> Any:
    if np.iscomplexobj(z):
        return np.where(z.real > 0, z, 0) + np.log1p(np.exp(np.where(z.real > 0, -z, z)))
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def _real_part(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: compare(np.real(a), np.real(b)).astype(float)


def _where(condition: Any, a: Any, b: Any) -> Any:
    return np.where(np.real(condition) != 0, a, b)


def _larger(a: Any, b: Any) -> Any:
    return _chosen(np.real(a) >= np.real(b), a, b)


def _smaller(a: Any, b: Any) -> Any:
    return _chosen(np.real(a) <= np.real(b), a, b)


def _chosen(first: Any, a: Any, b: Any) -> Any:
    """One of two numbers. How it moves is unknown where they are the same infinity: either may be the one."""
    found = np.asarray(np.where(first, a, b))
    if np.iscomplexobj(found):
        found.imag[np.isinf(found.real) & (np.real(a) == np.real(b))] = np.nan
    return found


def _indicator(relation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: _choice(relation, a, b, sympy.Integer(1), sympy.Integer(0))


def _choice(relation: Any, a: sympy.Expr, b: sympy.Expr, holds: sympy.Expr, fails: sympy.Expr) -> sympy.Expr:
    """One expression where a relation holds, else another. SymPy turns some relations round without an end."""
    try:
        return sympy.Piecewise((holds, relation(a, b)), (fails, True))
    except RecursionError:
        return sympy.Piecewise((holds, relation(sympy.expand(a - b), 0)), (fails, True))


def _row(
    name: str,
    latex: str,
    derivative: Callable[[Arguments, Node], Arguments] | None,
    numpy: Callable[..., Any],
    sympy_form: Callable[..., Any],
    statement: str,
    *,
    arity: int = 1,
    domain: str = "real",
    condition: Callable[[Arguments], Condition] | None = None,
    kinks: bool = False,
) -> Elementwise:
    return Elementwise(name, arity, latex, derivative, numpy, sympy_form, statement, domain, condition, kinks)


def _branches(condition: Node) -> tuple[Node, Node]:
    """1 where a condition holds and 1 where it does not; both say whether other factors count."""
    if isinstance(condition, Apply) and condition.function.name in INDICATORS:
        left, right = condition.arguments
        opposite = greater_equal if condition.function is greater else greater
        return condition, opposite(right, left)
    return where(condition, 1, 0), where(condition, 0, 1)


def _not_zero(arguments: Arguments) -> Condition:
    return Statement(arguments[0], "≠", ZERO)


def _different(arguments: Arguments) -> Condition:
    return Statement(arguments[0], "≠", arguments[1])


def _no_tie(arguments: Arguments) -> Condition:
    return Statement(arguments[0], "≠", arguments[1], ("at a tie the first takes all", "相等时取第一个"))


def _unchanged(condition: Node) -> Condition:
    """A comparison does not change nearby where its sides differ."""
    if isinstance(condition, Apply) and condition.function.name in INDICATORS:
        return _different(condition.arguments)
    return "the condition does not change nearby", "条件在附近不变"


exp = _row("exp", r"\exp", lambda u, y: (y,), np.exp, sympy.exp, r"(e^{u})' = e^{u}\,u'")
log = _row(
    "log", r"\log", lambda u, y: (1 / u[0],), np.log, sympy.log, r"(\log u)' = \frac{u'}{u}",
    domain="positive", condition=lambda u: Statement(u[0], ">", ZERO),
)  # fmt: skip
log1p = _row(
    "log1p", r"\operatorname{log1p}", lambda u, y: (1 / (1 + u[0]),), np.log1p, lambda z: sympy.log(1 + z),
    r"(\log(1+u))' = \frac{u'}{1+u}", domain="above -1", condition=lambda u: Statement(u[0], ">", number(-1)),
)  # fmt: skip
expm1 = _row(
    "expm1", r"\operatorname{expm1}", lambda u, y: (y + 1,), np.expm1, lambda z: sympy.exp(z) - 1,
    r"(e^{u}-1)' = e^{u}\,u'",
)  # fmt: skip
sin = _row("sin", r"\sin", lambda u, y: (cos(u[0]),), np.sin, sympy.sin, r"(\sin u)' = \cos(u)\,u'")
cos: Elementwise = _row("cos", r"\cos", lambda u, y: (-sin(u[0]),), np.cos, sympy.cos, r"(\cos u)' = -\sin(u)\,u'")
tan = _row(
    "tan", r"\tan", lambda u, y: (1 + y**2,), np.tan, sympy.tan, r"(\tan u)' = (1+\tan^2 u)\,u'",
    condition=lambda u: Statement(cos(u[0]), "≠", ZERO),
)  # fmt: skip
sinh = _row("sinh", r"\sinh", lambda u, y: (cosh(u[0]),), np.sinh, sympy.sinh, r"(\sinh u)' = \cosh(u)\,u'")
cosh: Elementwise = _row(
    "cosh", r"\cosh", lambda u, y: (sinh(u[0]),), np.cosh, sympy.cosh, r"(\cosh u)' = \sinh(u)\,u'"
)
tanh = _row("tanh", r"\tanh", lambda u, y: (1 - y**2,), np.tanh, sympy.tanh, r"(\tanh u)' = (1-\tanh^2 u)\,u'")
arcsin = _row(
    "arcsin", r"\arcsin", lambda u, y: (power(1 - u[0] ** 2, -HALF),), np.arcsin, sympy.asin,
    r"(\arcsin u)' = \frac{u'}{\sqrt{1-u^2}}", domain="between -1 and 1",
    condition=lambda u: Statement(absolute(u[0]), "<", ONE),
)  # fmt: skip
arctan = _row(
    "arctan", r"\arctan", lambda u, y: (1 / (1 + u[0] ** 2),), np.arctan, sympy.atan,
    r"(\arctan u)' = \frac{u'}{1+u^2}",
)  # fmt: skip
erf = _row(
    "erf", r"\operatorname{erf}", lambda u, y: (number(2 / sympy.sqrt(sympy.pi)) * exp(-(u[0] ** 2)),), erf_values,
    sympy.erf, r"(\operatorname{erf} u)' = \frac{2}{\sqrt\pi} e^{-u^2}\,u'",
)  # fmt: skip
normal_cdf = _row(
    "normal_cdf", r"\Phi", lambda u, y: (normal_pdf(u[0]),), normal_cdf_values,
    lambda z: (1 + sympy.erf(z / sympy.sqrt(2))) / 2, r"\Phi(u)' = \varphi(u)\,u'",
)  # fmt: skip
normal_pdf: Elementwise = _row(
    "normal_pdf", r"\varphi", lambda u, y: (-u[0] * y,), normal_pdf_values,
    lambda z: sympy.exp(-(z**2) / 2) / sympy.sqrt(2 * sympy.pi), r"\varphi(u)' = -u\,\varphi(u)\,u'",
)  # fmt: skip
gammaln = _row(
    "gammaln", r"\log\Gamma", lambda u, y: (digamma(u[0]),), gammaln_values, sympy.loggamma,
    r"(\log\Gamma(u))' = \psi(u)\,u'", domain="positive", condition=lambda u: Statement(u[0], ">", ZERO),
)  # fmt: skip
digamma: Elementwise = _row(
    "digamma", r"\psi", lambda u, y: (trigamma(u[0]),), digamma_values, sympy.digamma, r"\psi(u)' = \psi'(u)\,u'",
    domain="positive", condition=lambda u: Statement(u[0], ">", ZERO),
)  # fmt: skip


@lru_cache
def _polygamma(order: int) -> Elementwise:
    """The derivative of digamma of this order; the first is ``trigamma``, the others are met in derivatives alone."""
    name, slope = {1: ("trigamma", r"\psi'")}.get(order, (f"polygamma{order}", rf"\psi^{{({order})}}"))
    return _row(
        name, slope, lambda u, y: (_polygamma(order + 1)(u[0]),), partial(polygamma_values, order),
        lambda z: sympy.polygamma(order, z), rf"{slope}(u)' = \psi^{{({order + 1})}}(u)\,u'",
        domain="positive", condition=lambda u: Statement(u[0], ">", ZERO),
    )  # fmt: skip


trigamma: Elementwise = _polygamma(1)
sigmoid = _row(
    "sigmoid", r"\sigma", lambda u, y: (y * (1 - y),), _sigmoid, lambda z: 1 / (1 + sympy.exp(-z)),
    r"\sigma(u)' = \sigma(u)(1-\sigma(u))\,u'",
)  # fmt: skip
softplus = _row(
    "softplus", r"\operatorname{softplus}", lambda u, y: (sigmoid(u[0]),), _softplus,
    lambda z: sympy.log(1 + sympy.exp(z)), r"\operatorname{softplus}(u)' = \sigma(u)\,u'",
)  # fmt: skip
relu = _row(
    "relu", r"\operatorname{ReLU}", lambda u, y: (greater(u[0], 0),), lambda z: np.where(np.real(z) > 0, z, 0 * z),
    lambda z: sympy.Piecewise((z, z > 0), (0, True)), r"\operatorname{ReLU}(u)' = [u>0]\,u'",
    condition=_not_zero, kinks=True,
)  # fmt: skip
absolute: Elementwise = _row(
    "abs", r"\operatorname{abs}", lambda u, y: (sign(u[0]),), lambda z: np.where(np.real(z) < 0, -z, z),
    lambda z: sympy.Piecewise((z, z >= 0), (-z, True)), r"|u|' = \operatorname{sign}(u)\,u'",
    condition=_not_zero, kinks=True,
)  # fmt: skip
sign: Elementwise = _row(
    "sign", r"\operatorname{sign}", lambda u, y: (ZERO,), lambda z: np.sign(np.real(z)),
    lambda z: sympy.Piecewise((1, z > 0), (-1, z < 0), (0, True)), r"\operatorname{sign}(u)' = 0",
    condition=_not_zero, kinks=True,
)  # fmt: skip
greater: Elementwise = _row(
    "greater", ">", lambda u, y: (ZERO, ZERO), _real_part(np.greater), _indicator(sympy.Gt), "[u>v]' = 0",
    arity=2, condition=_different, kinks=True,
)  # fmt: skip
greater_equal = _row(
    "greater_equal", r"\ge", lambda u, y: (ZERO, ZERO), _real_part(np.greater_equal), _indicator(sympy.Ge),
    r"[u\ge v]' = 0", arity=2, condition=_different, kinks=True,
)  # fmt: skip
maximum = _row(
    "maximum", r"\max", lambda u, y: (greater_equal(u[0], u[1]), greater(u[1], u[0])), _larger,
    lambda a, b: _choice(sympy.Ge, a, b, a, b), r"\max(u,v)' = [u\ge v]\,u' + [v>u]\,v'",
    arity=2, condition=_no_tie, kinks=True,
)  # fmt: skip
minimum = _row(
    "minimum", r"\min", lambda u, y: (greater_equal(u[1], u[0]), greater(u[0], u[1])), _smaller,
    lambda a, b: _choice(sympy.Le, a, b, a, b), r"\min(u,v)' = [v\ge u]\,u' + [u>v]\,v'",
    arity=2, condition=_no_tie, kinks=True,
)  # fmt: skip
where = _row(
    "where", r"\operatorname{where}", lambda u, y: (ZERO, *_branches(u[0])), _where,
    lambda c, a, b: sympy.Piecewise((a, sympy.Ne(c, 0)), (b, True)),
    r"\operatorname{where}(c,u,v)' = [c]\,u' + (1-[c])\,v'", arity=3, kinks=True,
    condition=lambda u: _unchanged(u[0]),
)  # fmt: skip

ELEMENTWISE: dict[str, Elementwise] = {
    row.name: row
    for row in (
        exp, log, log1p, expm1, sin, cos, tan, sinh, cosh, tanh, arcsin, arctan, erf, normal_cdf, normal_pdf,
        gammaln, digamma, trigamma, sigmoid, softplus, relu, absolute, sign, greater, greater_equal, maximum,
        minimum, where,
    )
}  # fmt: skip


def sqrt(argument: object) -> Node:
    """The square root, as the power 1/2."""
    return power(as_node(argument), HALF)


def is_indicator(node: Node) -> bool:
    """Whether the value is 0 or 1 and says whether the other factors count."""
    if not isinstance(node, Apply):
        return False
    if node.function is where:
        return all(isinstance(branch, Number) and branch.value in (0, 1) for branch in node.arguments[1:])
    return node.function.name in INDICATORS


def is_guard(node: Node) -> bool:
    """Whether a factor says where the others count: a bracket or an indicator."""
    return isinstance(node, Bracket) or is_indicator(node)
