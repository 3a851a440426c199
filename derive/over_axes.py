"""Functions along axes (softmax, max, inverse …), each in one row: its law, its numbers, its SymPy form.

A row of ``OVER`` holds all that the engine knows. ``over`` applies a row; people write ``softmax``, ``maximum_over``,
``inverse`` …
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from math import prod
from typing import Any

import numpy as np
import sympy

from derive import axis_entries as entries
from derive import axis_values as values
from derive.errors import NotationError
from derive.functions import exp, greater_equal, log, sqrt
from derive.index import Index, Letter, as_index, fresh
from derive.nodes import ONE, ZERO, Bracket, Node, Number, Over, Sum, Tensor, as_node, is_zero, number
from derive.notation import equal, mean
from derive.size_algebra import Size, as_expression, size
from derive.statements import Condition, Statement
from derive.tree import substitute

__all__ = [
    "OVER", "OverAxes", "argmax", "argmin", "argument_at", "det", "deviation_of", "inverse", "is_known",
    "log_softmax", "logdet", "logsumexp", "maximum_over", "minimum_over", "norm", "over", "rms", "softmax",
    "spelled_out", "standardise", "std", "summation_letters",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class OverAxes:
    """A function of a whole vector or matrix, with its own law. The table is ``OVER``.

    ``letters`` is the number of axes it works along, ``at`` the number of indices of its value (0: a scalar). The
    axes of the value are ``outputs``, then those it works along (again and again, for higher derivatives).
    Behind the vector or matrix stand ``numbers`` other arguments, which do not depend on its letters.
    Unspecified functions have the ``order`` of their derivative, and their bare name in ``latex``.
    ``derivative`` maps (node, differentiate) to the derivative, ``expansion`` spells the function out, ``condition``
    says under which the law holds.
    """

    name: str
    letters: int
    at: int
    latex: str
    derivative: Callable[[Over, Callable[[Node], Node]], Node] | None
    numpy: Callable[..., Any]
    sympy: Callable[..., Any]
    expansion: Callable[[Over], Node] | None = None
    statement: str = ""
    condition: Callable[[Over], Condition] | None = None
    integer: bool = False
    kinks: bool = False
    outputs: tuple[Size, ...] = ()
    order: int | None = None
    numbers: int = 0

    def __repr__(self) -> str:
        return self.name


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


def summation_letters(node: Over) -> tuple[Letter, ...]:
    """Letters to sum over with, one for each that the function works along."""
    return tuple(fresh(node.letters).values())


def _softmax_law(node: Over, d: Callable[[Node], Node]) -> Node:
    (k,) = summation_letters(node)
    return Sum(k, node * (equal(node.at[0], k) - node.entry(k)) * d(argument_at(node, k)))


def _log_softmax_law(node: Over, d: Callable[[Node], Node]) -> Node:
    (k,) = summation_letters(node)
    p = Over(SOFTMAX, node.letters, node.arguments, (as_index(k),))
    return Sum(k, (equal(node.at[0], k) - p) * d(argument_at(node, k)))


def _logsumexp_law(node: Over, d: Callable[[Node], Node]) -> Node:
    (k,) = summation_letters(node)
    return Sum(k, Over(SOFTMAX, node.letters, node.arguments, (as_index(k),)) * d(argument_at(node, k)))


def _extremum_law(position: Callable[[], OverAxes]) -> Callable[[Over, Callable[[Node], Node]], Node]:
    def law(node: Over, d: Callable[[Node], Node]) -> Node:
        winner = Over(position(), node.letters, node.arguments)
        return d(argument_at(node, as_index(winner)))

    return law


def _norm_law(node: Over, d: Callable[[Node], Node]) -> Node:
    (k,) = summation_letters(node)
    z = argument_at(node, k)
    return Sum(k, z / node * d(z))


def _alike(which: int, node: Over, *at: Letter | Index) -> Over:
    """The root mean square (0), standard deviation (1) or a standardised entry (2) of the same argument."""
    return Over(_moments(len(node.letters))[which], node.letters, node.arguments, tuple(as_index(a) for a in at))


def deviation_of(node: Over) -> Over:
    """The standard deviation that an array is standardised by."""
    return _alike(1, node)


def _share(node: Over) -> Number:
    return number(1 / prod((as_expression(x.length) for x in node.letters), start=sympy.Integer(1)))


def _rms_law(node: Over, d: Callable[[Node], Node]) -> Node:
    along = summation_letters(node)
    summed = _summed(along, argument_at(node, *along), d(argument_at(node, *along)))
    return _share(node) * summed / node + d(node.arguments[1]) / (2 * node)


def _std_law(node: Over, d: Callable[[Node], Node]) -> Node:
    along = summation_letters(node)
    summed = _summed(along, _alike(2, node, *along), d(argument_at(node, *along)))
    return _share(node) * summed + d(node.arguments[1]) / (2 * node)


def _standardise_law(node: Over, d: Callable[[Node], Node]) -> Node:
    along = summation_letters(node)
    s, share = _alike(1, node), _share(node)
    same = reduce(operator.mul, (equal(a, k) for a, k in zip(node.at, along, strict=True)))
    slope = same - share - share * node * node.entry(*along)
    return _summed(along, slope, d(argument_at(node, *along))) / s - node * d(node.arguments[1]) / (2 * s**2)


def _summed(letters: tuple[Letter, ...], slope: Node, moved: Node) -> Node:
    return ZERO if is_zero(moved) else Sum(*letters, slope * moved)


def _inverse_law(node: Over, d: Callable[[Node], Node]) -> Node:
    k, m = summation_letters(node)
    i, j = node.at
    return Sum(k, m, -node.entry(i, as_index(k)) * d(argument_at(node, k, m)) * node.entry(as_index(m), j))


def _logdet_law(node: Over, d: Callable[[Node], Node]) -> Node:
    k, m = summation_letters(node)
    transposed = Over(INVERSE, node.letters, node.arguments, (as_index(m), as_index(k)))
    return Sum(k, m, transposed * d(argument_at(node, k, m)))


def _det_law(node: Over, d: Callable[[Node], Node]) -> Node:
    return node * _logdet_law(node, d)


def _cholesky_law(node: Over, d: Callable[[Node], Node]) -> Node:
    """``L Φ(L⁻¹ A' L⁻ᵀ)``: Φ keeps the lower triangle and halves the diagonal; A is read below its diagonal."""
    m, p = summation_letters(node)
    (k,) = fresh(node.letters[:1]).values()
    i, j = node.at

    def inverted(row: Index, column: Index) -> Node:
        r, c = fresh(node.letters).values()
        return Over(INVERSE, (r, c), (node.entry(as_index(r), as_index(c)),), (row, column))

    here, row, column = as_index(k), as_index(m), as_index(p)
    below = Bracket(row, "≥", column) * inverted(here, row) * inverted(j, column)
    above = Bracket(row, ">", column) * inverted(here, column) * inverted(j, row)
    half = number(sympy.Rational(1, 2))
    triangle = Bracket(here, ">", j) + half * Bracket(here, "=", j)
    return Sum(k, m, p, node.entry(i, here) * triangle * (below + above) * d(argument_at(node, m, p)))


def _expand_softmax(node: Over) -> Node:
    (k,) = summation_letters(node)
    return exp(argument_at(node, node.at[0])) / Sum(k, exp(argument_at(node, k)))


def _expand_log_softmax(node: Over) -> Node:
    (k,) = summation_letters(node)
    return argument_at(node, node.at[0]) - log(Sum(k, exp(argument_at(node, k))))


def _expand_logsumexp(node: Over) -> Node:
    (k,) = summation_letters(node)
    return log(Sum(k, exp(argument_at(node, k))))


def _expand_norm(node: Over) -> Node:
    (k,) = summation_letters(node)
    return sqrt(Sum(k, argument_at(node, k) ** 2))


def _mean_along(node: Over, function: Callable[[Node], Node]) -> Node:
    along = summation_letters(node)
    return mean(*along, function(argument_at(node, *along)))


def _expand_rms(node: Over) -> Node:
    return sqrt(_mean_along(node, lambda u: u**2) + node.arguments[1])


def _expand_std(node: Over) -> Node:
    return sqrt(_mean_along(node, lambda u: (u - _mean_along(node, lambda v: v)) ** 2) + node.arguments[1])


def _expand_standardise(node: Over) -> Node:
    return (argument_at(node, *node.at) - _mean_along(node, lambda u: u)) / _expand_std(node)


def _alone(extremum: Callable[[], OverAxes]) -> Callable[[Over], Condition]:
    """One entry alone is the largest, or the smallest: one entry is as large as that."""

    def condition(node: Over) -> Condition:
        (k,) = summation_letters(node)
        best = Over(extremum(), node.letters, node.arguments)
        here = argument_at(node, k)
        as_good = greater_equal(here, best) if extremum() is MAX else greater_equal(best, here)
        return Statement(Sum(k, as_good), "=", ONE, ("at a tie the first takes all", "相等时取第一个"))

    return condition


def _invertible(node: Over) -> Condition:
    return Statement(Over(DET, node.letters, node.arguments), "≠", ZERO)


SOFTMAX = OverAxes(
    "softmax", 1, 1, r"\operatorname{softmax}", _softmax_law, values.softmax, entries.softmax, _expand_softmax,
    r"p = \operatorname{softmax}(z):\quad \frac{\partial p_l}{\partial z_k} = p_l\,([l=k] - p_k)",
)  # fmt: skip
LOG_SOFTMAX = OverAxes(
    "log_softmax", 1, 1, r"\operatorname{log\,softmax}", _log_softmax_law,
    lambda z: z - values.logsumexp(z)[..., None], lambda z, i: sympy.log(entries.softmax(z, i)),
    _expand_log_softmax,
    r"\frac{\partial \log p_l}{\partial z_k} = [l=k] - p_k,\quad p = \operatorname{softmax}(z)",
)  # fmt: skip
LOGSUMEXP = OverAxes(
    "logsumexp", 1, 0, r"\operatorname{LSE}", _logsumexp_law, values.logsumexp,
    lambda z: sympy.log(sum(sympy.exp(x) for x in z)), _expand_logsumexp,
    r"\frac{\partial}{\partial z_k}\log\sum_j e^{z_j} = \operatorname{softmax}(z)_k",
)  # fmt: skip
MAX: OverAxes = OverAxes(
    "max", 1, 0, r"\max", _extremum_law(lambda: ARGMAX), values.taken(np.argmax), entries.extremum(sympy.Gt),
    statement=r"(\max_j u_j)' = u'_{j^\ast},\quad j^\ast = \arg\max_j u_j", condition=_alone(lambda: MAX), kinks=True,
)  # fmt: skip
MIN: OverAxes = OverAxes(
    "min", 1, 0, r"\min", _extremum_law(lambda: ARGMIN), values.taken(np.argmin), entries.extremum(sympy.Lt),
    statement=r"(\min_j u_j)' = u'_{j^\ast},\quad j^\ast = \arg\min_j u_j",
    condition=_alone(lambda: MIN), kinks=True,
)  # fmt: skip
ARGMAX: OverAxes = OverAxes(
    "argmax", 1, 0, r"\arg\max", lambda node, d: ZERO, lambda z: np.argmax(np.real(z), axis=-1),
    entries.position(sympy.Gt),
    statement=r"(\arg\max_j u_j)' = 0", condition=_alone(lambda: MAX), integer=True, kinks=True,
)  # fmt: skip
ARGMIN: OverAxes = OverAxes(
    "argmin", 1, 0, r"\arg\min", lambda node, d: ZERO, lambda z: np.argmin(np.real(z), axis=-1),
    entries.position(sympy.Lt),
    statement=r"(\arg\min_j u_j)' = 0", condition=_alone(lambda: MIN), integer=True, kinks=True,
)  # fmt: skip
NORM = OverAxes(
    "norm", 1, 0, r"\lVert\cdot\rVert", _norm_law, lambda z: np.sqrt((z * z).sum(axis=-1)),
    lambda z: sympy.sqrt(sum(x**2 for x in z)), _expand_norm,
    r"\lVert u\rVert' = \sum_k \frac{u_k}{\lVert u\rVert}\,u_k'", condition=lambda node: Statement(node, "≠", ZERO),
)  # fmt: skip


@cache
def _moments(axes: int) -> tuple[OverAxes, OverAxes, OverAxes]:
    """Root mean square, standard deviation and standardisation along that many axes together."""
    rms = OverAxes(
        "rms", axes, 0, r"\operatorname{rms}", _rms_law,
        values.as_one_axis(values.rms, axes), entries.rms, _expand_rms,
        r"s = \operatorname{rms}(u,\varepsilon):\quad s' = \frac1{ns}\sum_k u_k\,u_k' + \frac{\varepsilon'}{2s}",
        condition=lambda node: Statement(node, "≠", ZERO), numbers=1,
    )  # fmt: skip
    std = OverAxes(
        "std", axes, 0, r"\operatorname{std}", _std_law,
        values.as_one_axis(lambda z, e: values.rms(values.centred(z), e), axes), entries.std, _expand_std,
        r"s = \operatorname{std}(u,\varepsilon):\quad s' = \frac1n\sum_k h_k\,u_k' + \frac{\varepsilon'}{2s},\quad "
        r"h_k = \frac{u_k - \bar u}{s}",
        condition=lambda node: Statement(node, "≠", ZERO), numbers=1,
    )  # fmt: skip
    standardise = OverAxes(
        "standardise", axes, axes, r"\operatorname{standardise}", _standardise_law,
        values.as_one_axis(values.standardise, axes), entries.standardise, _expand_standardise,
        r"h_l = \frac{u_l - \bar u}{s}:\quad h_l' = \frac1s\Bigl(u_l' - \frac1n\sum_k u_k' - \frac{h_l}n"
        r"\sum_k h_k\,u_k'\Bigr) - \frac{h_l\,\varepsilon'}{2s^2},\quad s = \operatorname{std}(u,\varepsilon)",
        condition=lambda node: Statement(_alike(1, node), "≠", ZERO), numbers=1,
    )  # fmt: skip
    return rms, std, standardise


RMS, STD, STANDARDISE = _moments(1)
INVERSE = OverAxes(
    "inverse", 2, 2, r"(\cdot)^{-1}", _inverse_law, values.inverse,
    lambda rows, i, j: sympy.Matrix(rows).inv(method="ADJ")[i, j],
    statement=r"(A^{-1})' = -A^{-1}\,A'\,A^{-1}", condition=_invertible,
)  # fmt: skip
CHOLESKY = OverAxes(
    "cholesky", 2, 2, r"\operatorname{chol}", _cholesky_law, values.cholesky, entries.cholesky,
    statement=r"A = LL^\top:\; L' = L\,\Phi(L^{-1}A'L^{-\top}),\; \Phi(X)_{kj} = ([k>j] + \tfrac12[k=j])X_{kj}",
    condition=lambda node: ("the matrix is positive definite", "矩阵正定"),
)  # fmt: skip
LOGDET = OverAxes(
    "logdet", 2, 0, r"\log|\det\cdot|", _logdet_law, values.logdet,
    lambda rows: sympy.log(sympy.Matrix(rows).det() ** 2) / 2,
    statement=r"(\log|\det A|)' = \operatorname{tr}(A^{-1}A')", condition=_invertible,
)  # fmt: skip
DET: OverAxes = OverAxes(
    "det", 2, 0, r"\det", _det_law, np.linalg.det, lambda rows: sympy.Matrix(rows).det(),
    statement=r"(\det A)' = \det(A)\,\operatorname{tr}(A^{-1}A')", condition=_invertible,
)  # fmt: skip

OVER: dict[str, OverAxes] = {
    row.name: row for row in (
        SOFTMAX, LOG_SOFTMAX, LOGSUMEXP, MAX, MIN, ARGMAX, ARGMIN, NORM, RMS, STD, STANDARDISE, INVERSE, CHOLESKY,
        LOGDET, DET,
    )
}  # fmt: skip


def is_known(row: OverAxes) -> bool:
    """Whether this is a row of the table, or what such a row is along more axes; a name alone says nothing."""
    table = OVER.get(row.name)
    return row is table or (table in (RMS, STD, STANDARDISE) and row in _moments(row.letters))


def spelled_out(function: OverAxes) -> tuple[Over, Node]:
    """``softmax(z)_l`` and ``e^{z_l} / Σ_j e^{z_j}``: the function of a vector ``z``, and what its expansion says.

    Raises: NotationError where the function has no expansion.
    """
    if function.expansion is None:
        raise NotationError(f"{function.name} is not spelled out by other functions")
    shape = tuple(size(x) for x in "KMH"[: function.letters])
    own, bound = (tuple(map(Letter, names, shape)) for names in ("lmp", "jih"))
    z = Tensor("z", shape, meaning=("argument", "自变量"))
    numbers = tuple(Tensor(f"ε{m or ''}", (), meaning=("number", "数"))[()] for m in range(function.numbers))
    whole = Over(function, bound, (z[bound], *numbers), tuple(map(as_index, own)) if function.at else ())
    return whole, function.expansion(whole)


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


def rms(*along_and_body: Any, eps: object = 0) -> Over:
    """``rms(k, X[i, k], eps=e)``: the root of the mean square along ``k``, or along more letters, plus ``e``."""
    return _moment(0, along_and_body, eps)


def std(*along_and_body: Any, eps: object = 0) -> Over:
    """``std(k, X[i, k], eps=e)``: the root of the mean square deviation from the mean along ``k``, plus ``e``."""
    return _moment(1, along_and_body, eps)


def standardise(*along_and_body: Any, eps: object = 0) -> Over:
    """``standardise(k, X[i, k], eps=e)``: less the mean along ``k``, divided by the ``std``; its entry ``k``."""
    return _moment(2, along_and_body, eps)


def _moment(which: int, along_and_body: Sequence[Any], eps: object) -> Over:
    *along, body = along_and_body
    return over(_moments(len(along))[which], *along, body, eps, at=tuple(along) if which == 2 else ())


def inverse(row: Letter, column: Letter, body: object) -> Over:
    """``inverse(i, j, A[i, j])``: the entry (i, j) of the inverse of the matrix A."""
    return over(INVERSE, row, column, body, at=(row, column))


def cholesky(row: Letter, column: Letter, body: object) -> Over:
    """``cholesky(i, j, A[i, j])``: the entry (i, j) of the lower triangular L for which ``L Lᵀ = A``."""
    return over(CHOLESKY, row, column, body, at=(row, column))


def logdet(row: Letter, column: Letter, body: object) -> Over:
    """``logdet(i, j, A[i, j])``: log |det A|."""
    return over(LOGDET, row, column, body)


def det(row: Letter, column: Letter, body: object) -> Over:
    """``det(i, j, A[i, j])``."""
    return over(DET, row, column, body)
