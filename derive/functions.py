"""Every function that a formula may use, each in one row: its law, its numbers, its SymPy form.

``ELEMENTWISE`` are functions of numbers, ``OVER`` functions along axes (softmax, max, inverse …). A row holds all
that the engine knows; adding a function is adding a row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from scipy import special

from derive.errors import NotationError
from derive.index import Index, Letter, as_index, fresh
from derive.nodes import ZERO, Apply, Elementwise, Node, Number, Over, OverAxes, Sum, as_node, number
from derive.notation import equal, power
from derive.size_algebra import Size, as_size
from derive.tree import substitute

__all__ = [
    "ELEMENTWISE",
    "OVER",
    "absolute",
    "arcsin",
    "arctan",
    "argmax",
    "argmin",
    "cos",
    "cosh",
    "derivative_of",
    "det",
    "erf",
    "exp",
    "expm1",
    "greater",
    "greater_equal",
    "inverse",
    "log",
    "log1p",
    "log_softmax",
    "logdet",
    "logsumexp",
    "maximum",
    "maximum_over",
    "mean",
    "minimum",
    "minimum_over",
    "norm",
    "over",
    "relu",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "tan",
    "tanh",
    "unspecified",
    "where",
]

Arguments = tuple[Node, ...]
HALF = number(sympy.Rational(1, 2))


# --------------------------------------------------------------------------------------- functions of numbers


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
    return np.where(np.real(a) >= np.real(b), a, b)


def _smaller(a: Any, b: Any) -> Any:
    return np.where(np.real(a) <= np.real(b), a, b)


def _indicator(relation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: sympy.Piecewise((1, relation(a, b)), (0, True))


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
    condition: tuple[str, str] = ("", ""),
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


exp = _row("exp", r"\exp", lambda u, y: (y,), np.exp, sympy.exp, r"(e^{u})' = e^{u}\,u'")
log = _row(
    "log", r"\log", lambda u, y: (1 / u[0],), np.log, sympy.log, r"(\log u)' = \frac{u'}{u}",
    domain="positive", condition=("u > 0", "u > 0"),
)  # fmt: skip
log1p = _row(
    "log1p", r"\operatorname{log1p}", lambda u, y: (1 / (1 + u[0]),), np.log1p, lambda z: sympy.log(1 + z),
    r"(\log(1+u))' = \frac{u'}{1+u}", domain="above -1", condition=("u > -1", "u > -1"),
)  # fmt: skip
expm1 = _row(
    "expm1", r"\operatorname{expm1}", lambda u, y: (y + 1,), np.expm1, lambda z: sympy.exp(z) - 1,
    r"(e^{u}-1)' = e^{u}\,u'",
)  # fmt: skip
sin = _row("sin", r"\sin", lambda u, y: (cos(u[0]),), np.sin, sympy.sin, r"(\sin u)' = \cos(u)\,u'")
cos: Elementwise = _row("cos", r"\cos", lambda u, y: (-sin(u[0]),), np.cos, sympy.cos, r"(\cos u)' = -\sin(u)\,u'")
tan = _row(
    "tan", r"\tan", lambda u, y: (1 + y**2,), np.tan, sympy.tan, r"(\tan u)' = (1+\tan^2 u)\,u'",
    condition=("cos u ≠ 0", "cos u ≠ 0"),
)  # fmt: skip
sinh = _row("sinh", r"\sinh", lambda u, y: (cosh(u[0]),), np.sinh, sympy.sinh, r"(\sinh u)' = \cosh(u)\,u'")
cosh: Elementwise = _row(
    "cosh", r"\cosh", lambda u, y: (sinh(u[0]),), np.cosh, sympy.cosh, r"(\cosh u)' = \sinh(u)\,u'"
)
tanh = _row("tanh", r"\tanh", lambda u, y: (1 - y**2,), np.tanh, sympy.tanh, r"(\tanh u)' = (1-\tanh^2 u)\,u'")
arcsin = _row(
    "arcsin", r"\arcsin", lambda u, y: (power(1 - u[0] ** 2, -HALF),), np.arcsin, sympy.asin,
    r"(\arcsin u)' = \frac{u'}{\sqrt{1-u^2}}", domain="between -1 and 1", condition=("|u| < 1", "|u| < 1"),
)  # fmt: skip
arctan = _row(
    "arctan", r"\arctan", lambda u, y: (1 / (1 + u[0] ** 2),), np.arctan, sympy.atan,
    r"(\arctan u)' = \frac{u'}{1+u^2}",
)  # fmt: skip
erf = _row(
    "erf", r"\operatorname{erf}", lambda u, y: (number(2 / sympy.sqrt(sympy.pi)) * exp(-(u[0] ** 2)),), special.erf,
    sympy.erf, r"(\operatorname{erf} u)' = \frac{2}{\sqrt\pi} e^{-u^2}\,u'",
)  # fmt: skip
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
    condition=("u ≠ 0", "u ≠ 0"), kinks=True,
)  # fmt: skip
absolute = _row(
    "abs", r"\operatorname{abs}", lambda u, y: (sign(u[0]),), lambda z: np.where(np.real(z) < 0, -z, z),
    lambda z: sympy.Piecewise((z, z >= 0), (-z, True)), r"|u|' = \operatorname{sign}(u)\,u'",
    condition=("u ≠ 0", "u ≠ 0"), kinks=True,
)  # fmt: skip
sign: Elementwise = _row(
    "sign", r"\operatorname{sign}", lambda u, y: (ZERO,), lambda z: np.sign(np.real(z)),
    lambda z: sympy.Piecewise((1, z > 0), (-1, z < 0), (0, True)), r"\operatorname{sign}(u)' = 0",
    condition=("u ≠ 0", "u ≠ 0"), kinks=True,
)  # fmt: skip
greater: Elementwise = _row(
    "greater", ">", lambda u, y: (ZERO, ZERO), _real_part(np.greater), _indicator(sympy.Gt), "[u>v]' = 0",
    arity=2, condition=("u ≠ v", "u ≠ v"), kinks=True,
)  # fmt: skip
greater_equal = _row(
    "greater_equal", r"\ge", lambda u, y: (ZERO, ZERO), _real_part(np.greater_equal), _indicator(sympy.Ge),
    r"[u\ge v]' = 0", arity=2, condition=("u ≠ v", "u ≠ v"), kinks=True,
)  # fmt: skip
maximum = _row(
    "maximum", r"\max", lambda u, y: (greater_equal(u[0], u[1]), greater(u[1], u[0])), _larger,
    lambda a, b: sympy.Piecewise((a, a >= b), (b, True)), r"\max(u,v)' = [u\ge v]\,u' + [v>u]\,v'",
    arity=2, condition=("u ≠ v; at a tie the first takes all", "u ≠ v; 相等时取第一个"), kinks=True,
)  # fmt: skip
minimum = _row(
    "minimum", r"\min", lambda u, y: (greater_equal(u[1], u[0]), greater(u[0], u[1])), _smaller,
    lambda a, b: sympy.Piecewise((a, a <= b), (b, True)), r"\min(u,v)' = [v\ge u]\,u' + [u>v]\,v'",
    arity=2, condition=("u ≠ v; at a tie the first takes all", "u ≠ v; 相等时取第一个"), kinks=True,
)  # fmt: skip
where = _row(
    "where", r"\operatorname{where}", lambda u, y: (ZERO, *_branches(u[0])), _where,
    lambda c, a, b: sympy.Piecewise((a, sympy.Ne(c, 0)), (b, True)),
    r"\operatorname{where}(c,u,v)' = [c]\,u' + (1-[c])\,v'", arity=3, kinks=True,
    condition=("the condition does not change nearby", "条件在附近不变"),
)  # fmt: skip

ELEMENTWISE: dict[str, Elementwise] = {
    row.name: row
    for row in (
        exp, log, log1p, expm1, sin, cos, tan, sinh, cosh, tanh, arcsin, arctan, erf, sigmoid, softplus, relu,
        absolute, sign, greater, greater_equal, maximum, minimum, where,
    )
}  # fmt: skip

INDICATORS = frozenset({"greater", "greater_equal"})


def sqrt(argument: object) -> Node:
    """The square root, as the power 1/2."""
    return power(as_node(argument), HALF)


# ------------------------------------------------------------------------------------------ functions along axes


def over(function: OverAxes, *letters_and_arguments: Any, at: object = ()) -> Over:
    """A function along axes; its letters are renewed, so that ``at`` may use the same letter."""
    letters = tuple(x for x in letters_and_arguments[: function.letters] if isinstance(x, Letter))
    if len(letters) != function.letters:
        raise NotationError(f"{function.name} works along {function.letters} letters: {function.name}(j, …)")
    renewed = fresh(letters)
    arguments = tuple(substitute(as_node(a), renewed) for a in letters_and_arguments[function.letters :])
    entry = at if isinstance(at, tuple) else (at,)
    if len(entry) != function.at:
        raise NotationError(f"{function.name} has a value with {function.at} indices, but {len(entry)} are given")
    return Over(function, tuple(renewed.values()), arguments, tuple(as_index(a) for a in entry))


def argument_at(node: Over, *at: Letter | Index, which: int = 0) -> Node:
    """An argument, its bound letters replaced."""
    return substitute(node.arguments[which], dict(zip(node.letters, at, strict=True)))


def _summation_letters(node: Over) -> tuple[Letter, ...]:
    return tuple(fresh(node.letters).values())


def _softmax_law(node: Over, d: Callable[[Node], Node]) -> Node:
    (k,) = _summation_letters(node)
    return Sum(k, node * (equal(node.at[0], k) - node.entry(k)) * d(argument_at(node, k)))


def _log_softmax_law(node: Over, d: Callable[[Node], Node]) -> Node:
    (k,) = _summation_letters(node)
    p = Over(SOFTMAX, node.letters, node.arguments, (as_index(k),))
    return Sum(k, (equal(node.at[0], k) - p) * d(argument_at(node, k)))


def _logsumexp_law(node: Over, d: Callable[[Node], Node]) -> Node:
    (k,) = _summation_letters(node)
    return Sum(k, Over(SOFTMAX, node.letters, node.arguments, (as_index(k),)) * d(argument_at(node, k)))


def _extremum_law(position: Callable[[], OverAxes]) -> Callable[[Over, Callable[[Node], Node]], Node]:
    def law(node: Over, d: Callable[[Node], Node]) -> Node:
        winner = Over(position(), node.letters, node.arguments)
        return d(argument_at(node, as_index(winner)))

    return law


def _norm_law(node: Over, d: Callable[[Node], Node]) -> Node:
    (k,) = _summation_letters(node)
    z = argument_at(node, k)
    return Sum(k, z / node * d(z))


def _inverse_law(node: Over, d: Callable[[Node], Node]) -> Node:
    k, m = _summation_letters(node)
    i, j = node.at
    return Sum(k, m, -node.entry(i, as_index(k)) * d(argument_at(node, k, m)) * node.entry(as_index(m), j))


def _logdet_law(node: Over, d: Callable[[Node], Node]) -> Node:
    k, m = _summation_letters(node)
    transposed = Over(INVERSE, node.letters, node.arguments, (as_index(m), as_index(k)))
    return Sum(k, m, transposed * d(argument_at(node, k, m)))


def _det_law(node: Over, d: Callable[[Node], Node]) -> Node:
    return node * _logdet_law(node, d)


def _stable_softmax(z: Any) -> Any:
    weights = np.exp(z - np.max(np.real(z), axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def _stable_logsumexp(z: Any) -> Any:
    top = np.max(np.real(z), axis=-1, keepdims=True)
    return np.squeeze(top, -1) + np.log(np.exp(z - top).sum(axis=-1))


def _take(position: Callable[..., Any]) -> Callable[[Any], Any]:
    def value(z: Any) -> Any:
        return np.take_along_axis(z, position(np.real(z), axis=-1)[..., None], -1)[..., 0]

    return value


def _logdet(z: Any) -> Any:
    if np.iscomplexobj(z):
        sign_, size = np.linalg.slogdet(z)
        return size + 1j * np.angle(sign_ * np.where(np.real(sign_) < 0, -1, 1))
    return np.linalg.slogdet(z)[1]


def _explicit_matrix(rows: Any) -> Any:
    return sympy.Matrix(rows)


def _explicit_softmax(z: Any, i: int) -> Any:
    return sympy.exp(z[i]) / sum(sympy.exp(x) for x in z)


def _explicit_winner(beats: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    def value(z: Any) -> Any:
        best = z[0]
        for x in z[1:]:
            best = sympy.Piecewise((x, beats(x, best)), (best, True))
        return best

    return value


def _explicit_position(beats: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    def value(z: Any) -> Any:
        best, position = z[0], sympy.Integer(0)
        for k, x in enumerate(z[1:], 1):
            position = sympy.Piecewise((k, beats(x, best)), (position, True))
            best = sympy.Piecewise((x, beats(x, best)), (best, True))
        return position

    return value


def _expand_softmax(node: Over) -> Node:
    (k,) = _summation_letters(node)
    return exp(argument_at(node, node.at[0])) / Sum(k, exp(argument_at(node, k)))


def _expand_log_softmax(node: Over) -> Node:
    (k,) = _summation_letters(node)
    return argument_at(node, node.at[0]) - log(Sum(k, exp(argument_at(node, k))))


def _expand_logsumexp(node: Over) -> Node:
    (k,) = _summation_letters(node)
    return log(Sum(k, exp(argument_at(node, k))))


def _expand_norm(node: Over) -> Node:
    (k,) = _summation_letters(node)
    return sqrt(Sum(k, argument_at(node, k) ** 2))


SOFTMAX = OverAxes(
    "softmax", 1, 1, r"\operatorname{softmax}", _softmax_law, _stable_softmax, _explicit_softmax, _expand_softmax,
    r"p = \operatorname{softmax}(z):\quad \frac{\partial p_l}{\partial z_k} = p_l\,([l=k] - p_k)",
)  # fmt: skip
LOG_SOFTMAX = OverAxes(
    "log_softmax", 1, 1, r"\operatorname{log\,softmax}", _log_softmax_law,
    lambda z: z - _stable_logsumexp(z)[..., None], lambda z, i: sympy.log(_explicit_softmax(z, i)),
    _expand_log_softmax,
    r"\frac{\partial \log p_l}{\partial z_k} = [l=k] - p_k,\quad p = \operatorname{softmax}(z)",
)  # fmt: skip
LOGSUMEXP = OverAxes(
    "logsumexp", 1, 0, r"\operatorname{LSE}", _logsumexp_law, _stable_logsumexp,
    lambda z: sympy.log(sum(sympy.exp(x) for x in z)), _expand_logsumexp,
    r"\frac{\partial}{\partial z_k}\log\sum_j e^{z_j} = \operatorname{softmax}(z)_k",
)  # fmt: skip
TIE = ("the largest entry is alone; at a tie the first takes all", "最大元唯一; 相等时取第一个")
TIE_MIN = ("the smallest entry is alone; at a tie the first takes all", "最小元唯一; 相等时取第一个")
MAX = OverAxes(
    "max", 1, 0, r"\max", _extremum_law(lambda: ARGMAX), _take(np.argmax), _explicit_winner(sympy.Gt),
    statement=r"(\max_j u_j)' = u'_{j^\ast},\quad j^\ast = \arg\max_j u_j", condition=TIE, kinks=True,
)  # fmt: skip
MIN = OverAxes(
    "min", 1, 0, r"\min", _extremum_law(lambda: ARGMIN), _take(np.argmin), _explicit_winner(sympy.Lt),
    statement=r"(\min_j u_j)' = u'_{j^\ast},\quad j^\ast = \arg\min_j u_j",
    condition=TIE_MIN, kinks=True,
)  # fmt: skip
ARGMAX: OverAxes = OverAxes(
    "argmax", 1, 0, r"\arg\max", lambda node, d: ZERO, lambda z: np.argmax(np.real(z), axis=-1),
    _explicit_position(sympy.Gt),
    statement=r"(\arg\max_j u_j)' = 0", condition=TIE, integer=True, kinks=True,
)  # fmt: skip
ARGMIN: OverAxes = OverAxes(
    "argmin", 1, 0, r"\arg\min", lambda node, d: ZERO, lambda z: np.argmin(np.real(z), axis=-1),
    _explicit_position(sympy.Lt),
    statement=r"(\arg\min_j u_j)' = 0", condition=TIE_MIN, integer=True, kinks=True,
)  # fmt: skip
NORM = OverAxes(
    "norm", 1, 0, r"\lVert\cdot\rVert", _norm_law, lambda z: np.sqrt((z * z).sum(axis=-1)),
    lambda z: sympy.sqrt(sum(x**2 for x in z)), _expand_norm,
    r"\lVert u\rVert' = \sum_k \frac{u_k}{\lVert u\rVert}\,u_k'", condition=("u ≠ 0", "u ≠ 0"),
)  # fmt: skip
INVERSE = OverAxes(
    "inverse", 2, 2, r"(\cdot)^{-1}", _inverse_law, np.linalg.inv,
    lambda rows, i, j: _explicit_matrix(rows).inv(method="ADJ")[i, j],
    statement=r"(A^{-1})' = -A^{-1}\,A'\,A^{-1}", condition=("A is invertible", "A 可逆"),
)  # fmt: skip
LOGDET = OverAxes(
    "logdet", 2, 0, r"\log|\det\cdot|", _logdet_law, _logdet,
    lambda rows: sympy.log(_explicit_matrix(rows).det() ** 2) / 2,
    statement=r"(\log|\det A|)' = \operatorname{tr}(A^{-1}A')", condition=("A is invertible", "A 可逆"),
)  # fmt: skip
DET = OverAxes(
    "det", 2, 0, r"\det", _det_law, np.linalg.det, lambda rows: _explicit_matrix(rows).det(),
    statement=r"(\det A)' = \det(A)\,\operatorname{tr}(A^{-1}A')", condition=("A is invertible", "A 可逆"),
)  # fmt: skip

OVER: dict[str, OverAxes] = {
    row.name: row for row in (SOFTMAX, LOG_SOFTMAX, LOGSUMEXP, MAX, MIN, ARGMAX, ARGMIN, NORM, INVERSE, LOGDET, DET)
}


def softmax(along: Letter, body: object) -> Over:
    """``softmax(l, Z[i, l])``: the softmax over ``l``, its entry ``l``."""
    return over(SOFTMAX, along, body, at=along)


def log_softmax(along: Letter, body: object) -> Over:
    """``log_softmax(l, Z[i, l])``: the logarithm of the softmax over ``l``, its entry ``l``."""
    return over(LOG_SOFTMAX, along, body, at=along)


def logsumexp(along: Letter, body: object) -> Over:
    """``logsumexp(l, Z[i, l])``: log Σ_l exp Z[i, l]."""
    return over(LOGSUMEXP, along, body)


def maximum_over(along: Letter, body: object) -> Over:
    """``maximum_over(j, X[i, j])``: the largest entry along ``j``."""
    return over(MAX, along, body)


def minimum_over(along: Letter, body: object) -> Over:
    """``minimum_over(j, X[i, j])``: the smallest entry along ``j``."""
    return over(MIN, along, body)


def argmax(along: Letter, body: object) -> Over:
    """The position of the largest entry along a letter, the first of a tie; it may be used as an index."""
    return over(ARGMAX, along, body)


def argmin(along: Letter, body: object) -> Over:
    """The position of the smallest entry along a letter, the first of a tie; it may be used as an index."""
    return over(ARGMIN, along, body)


def norm(along: Letter, body: object) -> Over:
    """The Euclidean norm along a letter."""
    return over(NORM, along, body)


def inverse(row: Letter, column: Letter, body: object) -> Over:
    """``inverse(i, j, A[i, j])``: the entry (i, j) of the inverse of the matrix A."""
    return over(INVERSE, row, column, body, at=(row, column))


def logdet(row: Letter, column: Letter, body: object) -> Over:
    """``logdet(i, j, A[i, j])``: log |det A|."""
    return over(LOGDET, row, column, body)


def det(row: Letter, column: Letter, body: object) -> Over:
    """``det(i, j, A[i, j])``."""
    return over(DET, row, column, body)


def mean(*letters_and_body: Any) -> Node:
    """``mean(i, X[i, j])``: the sum over letters of known size, divided by their number."""
    *along, body = letters_and_body
    count: Any = sympy.Integer(1)
    for one in along:
        count = count * one.length
    return number(1 / count) * Sum(*along, body)


def is_indicator(node: Node) -> bool:
    """Whether the value is 0 or 1 and says whether the other factors count."""
    if not isinstance(node, Apply):
        return False
    if node.function is where:
        return all(isinstance(branch, Number) and branch.value in (0, 1) for branch in node.arguments[1:])
    return node.function.name in INDICATORS


# -------------------------------------------------------------------------------------------- unspecified functions


def unspecified(name: str, *outputs: object) -> OverAxes:
    """A smooth function of a vector about which nothing else is known, with all its derivatives.

    ``f = unspecified("f")`` is scalar, used as ``over(f, i, x[i])``; ``unspecified("f", m)`` has values of size m,
    used as ``over(f, i, x[i], at=j)``. Its law is the chain rule with the partial derivatives ``∂_k f``. Where
    numbers are needed an instance stands for it, a sum of sines of linear forms with fixed weights of no symmetry.
    """
    if not name.isidentifier():
        raise NotationError(f"a function needs a name that is an identifier, not {name!r}")
    if len(outputs) > 1:
        raise NotationError(f"{name!r}: an unspecified function has a scalar or a vector as its value")
    return _unspecified(name, tuple(as_size(x) for x in outputs), 0)


def derivative_of(node: Over, *along: Letter) -> Over:
    """A partial derivative of an unspecified function: ``derivative_of(over(f, i, x[i], at=j), k)`` is ∂_k f_j(x)."""
    function = node.function
    if function.order is None:
        raise NotationError(f"{function.name} is not unspecified: differentiate it by its law")
    higher = _unspecified(function.latex, function.outputs, function.order + len(along))
    return Over(higher, node.letters, node.arguments, (*node.at, *(as_index(k) for k in along)))


SINES = (np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x))
EXACT_SINES = (sympy.sin, sympy.cos, lambda x: -sympy.sin(x), lambda x: -sympy.cos(x))
WAVES = 2


@lru_cache(maxsize=1000)
def _unspecified(name: str, outputs: tuple[Size, ...], order: int) -> OverAxes:
    def law(node: Over, d: Callable[[Node], Node]) -> Node:
        (k,) = _summation_letters(node)
        slope = Over(_unspecified(name, outputs, order + 1), node.letters, node.arguments, (*node.at, as_index(k)))
        return Sum(k, slope * d(argument_at(node, k)))

    def values(z: Any, *lengths: int) -> Any:
        rows = lengths[0] if lengths else 1
        weights = np.array(
            [[[_weight(name, r, w, k) for k in range(z.shape[-1] + 1)] for w in range(WAVES)] for r in range(rows)],
            dtype=float,
        )
        slopes = weights[..., :-1]
        phase = np.einsum("...k,rwk->...rw", z, slopes) + weights[..., -1]
        terms = SINES[order % 4](phase)
        along = [slopes] * order
        marks = "abcdefgh"[:order]
        factors = ",".join(["...rw", *("rw" + mark for mark in marks)])
        product = np.einsum(f"{factors}->...r{marks}", terms, *along)
        return product if lengths else product.reshape(product.shape[: z.ndim - 1] + product.shape[z.ndim :])

    def exact(z: list[Any], *at: int) -> Any:
        row, along = (at[0], at[1:]) if outputs else (0, at)
        total = sympy.Integer(0)
        for wave in range(WAVES):
            weights = [_weight(name, row, wave, k) for k in range(len(z) + 1)]
            phase = sympy.Add(*(w * x for w, x in zip(weights, z, strict=False))) + weights[-1]
            total += EXACT_SINES[order % 4](phase) * sympy.Mul(*(weights[k] for k in along))
        return total

    chain = rf"\partial\, {name}(u) = \sum_k (\partial_k {name})(u)\,\partial u_k"
    return OverAxes(
        f"D{order}_{name}" if order else name, 1, len(outputs) + order, name, law, values, exact,
        statement=chain, condition=(f"{name} is differentiable", f"{name} 可微"), outputs=outputs, order=order,
    )  # fmt: skip


def _weight(name: str, row: int, wave: int, k: int) -> sympy.Rational:
    seed = sum(ord(c) * (i + 3) for i, c in enumerate(name)) + 31 * row + 57 * wave + 113 * k
    return sympy.Rational(1 + seed * 7919 % 1009, 1009) - sympy.Rational(1, 3)
