"""SPELLINGS: how people write macros with simpler functions, one equation for each.

A row says ``spelled = macro`` for whatever its holes stand for (see ``patterns``): ``a``, ``e``, ``m`` are
expressions, ``u``, ``v``, ``w`` and ``x`` vectors along letters, ``A`` is a matrix. Rows are tried in this order,
what is inside first, so that a row is written with the macros that its parts have become already. A new macro is a
new row.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from derive.functions import (
    absolute,
    cos,
    cosh,
    erf,
    exp,
    greater,
    greater_equal,
    log,
    log1p,
    maximum,
    normal_cdf,
    relu,
    sigmoid,
    sin,
    sinh,
    softplus,
    sqrt,
    tan,
    tanh,
    where,
)
from derive.index import Letter, letter
from derive.nodes import Node, Over, Sum, Tensor, number
from derive.notation import mean
from derive.over_axes import (
    cholesky,
    det,
    inverse,
    log_softmax,
    logdet,
    logsumexp,
    norm,
    rms,
    softmax,
    standardise,
    std,
)
from derive.size_algebra import size

__all__ = ["MET_IN_DERIVATIVES", "SPELLINGS", "Spelling"]


@dataclass(frozen=True, eq=False)
class Spelling:
    """``spelled = macro``, where both sides are finite; ``name`` is that of the macro.

    With ``through`` it is also found where parts of it have names. Without, a name in it is kept: the logarithm of a
    named probability is as short as it can be. ``in_results`` says that laws write it too, as the derivative of
    ``log cosh`` is ``sinh/cosh``, so that it is also looked for in what is derived. ``symmetric`` rows are about a
    Cholesky factor, which knows the lower triangle only: they hold where the matrix is symmetric.
    """

    name: str
    spelled: Node
    macro: Node
    through: bool = True
    in_results: bool = False
    symmetric: bool = False


K, N = size("K"), size("N")
i, j, k, l, n = letter("i", K), letter("j", K), letter("k", K), letter("l", K), letter("n", N)
u, v, w, A = Tensor("u", (K,)), Tensor("v", (K,)), Tensor("w", (N,)), Tensor("A", (K, K))
a, e, m = Tensor("a", ())[()], Tensor("e", ())[()], Tensor("m", ())[()]
HALF = number(sympy.Rational(1, 2))
ROOT_HALF = number(1 / sympy.sqrt(2))


def _softmax(argument: Tensor, at: object = l) -> Node:
    return softmax(k, argument[k]).entry(at)


def _log_softmax(argument: Tensor) -> Node:
    return log_softmax(k, argument[k]).entry(l)


def _of_moments(axes: int) -> tuple[Spelling, ...]:
    """The rows of root mean square, standard deviation and standardisation along that many axes together."""
    sizes = tuple(size(f"K{axis}") for axis in range(axes))
    along, again, at = (tuple(letter(f"{name}{axis}", sizes[axis]) for axis in range(axes)) for name in "jkl")
    x = Tensor("x", sizes)
    average = mean(*again, x[again])
    variance = mean(*along, (x[along] - average) ** 2)
    of_squares = mean(*along, x[along] ** 2)
    entry = standardise(*along, x[along], eps=e).entry(*at)
    return (
        Spelling("std", sqrt(variance + e), std(*along, x[along], eps=e)),
        Spelling("std", sqrt(variance), std(*along, x[along])),
        Spelling("std", sqrt(of_squares - average**2 + e), std(*along, x[along], eps=e)),
        Spelling("std", sqrt(of_squares - average**2), std(*along, x[along])),
        Spelling("rms", sqrt(of_squares + e), rms(*along, x[along], eps=e)),
        Spelling("rms", sqrt(of_squares), rms(*along, x[along])),
        Spelling("standardise", (x[at] - average) / std(*along, x[along], eps=e), entry),
    )


def _of_cholesky() -> tuple[Spelling, ...]:
    """The rows of a Cholesky factor L of A, by which systems are solved and determinants found."""
    V = Tensor("V", (K, N))
    p, q, r = letter("p", K), letter("q", K), letter("r", K)

    def lower(row: Letter, column: Letter) -> Over:
        return inverse(i, j, cholesky(k, l, A[k, l]).entry(i, j)).entry(row, column)

    upper = inverse(i, j, cholesky(k, l, A[k, l]).entry(j, i)).entry(r, p)
    solved = inverse(i, j, A[i, j])
    diagonal = cholesky(i, j, A[i, j]).entry(p, p)
    form = Sum(p, q, v[p] * solved.entry(p, q) * v[q])
    forms = Sum(n, p, q, V[p, n] * solved.entry(p, q) * V[q, n])
    rows = (
        ("logdet", Sum(p, log(diagonal)), HALF * logdet(i, j, A[i, j])),
        ("logdet", Sum(p, log(diagonal**2)), logdet(i, j, A[i, j])),
        ("inverse", Sum(p, upper * Sum(q, lower(p, q) * v[q])), Sum(q, solved.entry(r, q) * v[q])),
        ("inverse", Sum(p, q, upper * lower(p, q) * v[q]), Sum(q, solved.entry(r, q) * v[q])),
        ("inverse", Sum(p, Sum(q, lower(p, q) * v[q]) ** 2), form),
        ("inverse", Sum(p, n, Sum(q, lower(p, q) * V[q, n]) ** 2), forms),
    )
    return tuple(Spelling(name, spelled, macro, symmetric=True) for name, spelled, macro in rows)


SPELLINGS: tuple[Spelling, ...] = (
    # softmax and its relatives
    Spelling("softmax", exp(u[l]) / Sum(k, exp(u[k])), _softmax(u)),
    Spelling("softmax", exp(u[l]) / exp(logsumexp(k, u[k])), _softmax(u)),
    Spelling("softmax", exp(log_softmax(k, u[k]).entry(l)), _softmax(u)),
    Spelling("softmax", softmax(k, v[k] + m).entry(l), _softmax(v)),
    Spelling("log_softmax", log_softmax(k, v[k] + m).entry(l), _log_softmax(v)),
    Spelling("log_softmax", u[l] - logsumexp(k, u[k]), _log_softmax(u)),
    Spelling("log_softmax", log(_softmax(u)), _log_softmax(u), through=False),
    Spelling("logsumexp", log(Sum(k, exp(u[k]))), logsumexp(k, u[k])),
    Spelling("logsumexp", m + logsumexp(k, v[k] - m), logsumexp(k, v[k])),
    # functions of numbers
    Spelling("log", log(exp(a)), a),
    Spelling("exp", exp(log(a)), a, in_results=True),
    Spelling("sigmoid", 1 / (1 + exp(-a)), sigmoid(a)),
    Spelling("sigmoid", exp(a) * sigmoid(-a), sigmoid(a), in_results=True),
    Spelling("sigmoid", exp(a) * sigmoid(-a) ** 2, sigmoid(a) * sigmoid(-a)),
    Spelling("sigmoid", exp(a) / (exp(a) + exp(m)), sigmoid(a - m)),
    Spelling("sigmoid", exp(-softplus(-a)), sigmoid(a), in_results=True),
    Spelling("sigmoid", 1 + tanh(HALF * a), 2 * sigmoid(a)),
    Spelling("tanh", (exp(a) - exp(-a)) / (exp(a) + exp(-a)), tanh(a)),
    Spelling("tanh", (exp(2 * a) - 1) * sigmoid(-2 * a), tanh(a)),
    Spelling("tanh", 2 * sigmoid(2 * a) - 1, tanh(a)),
    Spelling("tanh", sinh(a) / cosh(a), tanh(a), in_results=True),
    Spelling("tan", sin(a) / cos(a), tan(a), in_results=True),
    Spelling("normal_cdf", 1 + erf(ROOT_HALF * a), 2 * normal_cdf(a)),
    Spelling("normal_cdf", 1 - erf(ROOT_HALF * a), 2 * normal_cdf(-a)),
    Spelling("softplus", log(1 + exp(a)), softplus(a)),
    Spelling("softplus", log1p(exp(a)), softplus(a)),
    Spelling("softplus", relu(a) + softplus(-absolute(a)), softplus(a)),
    Spelling("softplus", log(sigmoid(a)), -softplus(-a), through=False),
    Spelling("softplus", log(1 - sigmoid(a)), -softplus(a), through=False),
    Spelling("relu", maximum(a, 0), relu(a)),
    Spelling("relu", where(greater(a, 0), a, 0), relu(a)),
    Spelling("relu", where(greater_equal(a, 0), a, 0), relu(a)),
    Spelling("relu", where(greater(0, a), 0, a), relu(a)),
    Spelling("relu", where(greater_equal(0, a), 0, a), relu(a)),
    Spelling("relu", a * greater(a, 0), relu(a)),
    Spelling("relu", a * greater_equal(a, 0), relu(a)),
    Spelling("abs", sqrt(a**2), absolute(a)),
    Spelling("abs", maximum(a, -a), absolute(a)),
    Spelling("abs", where(greater(a, 0), a, -a), absolute(a)),
    Spelling("abs", where(greater_equal(a, 0), a, -a), absolute(a)),
    Spelling("abs", where(greater(0, a), -a, a), absolute(a)),
    Spelling("square", absolute(a) ** 2, a**2),
    # vectors and matrices
    Spelling("norm", sqrt(Sum(k, u[k] ** 2)), norm(k, u[k])),
    Spelling("norm", sqrt(Sum(k, u[k] ** 2) * Sum(n, w[n] ** 2)), norm(k, u[k]) * norm(n, w[n])),
    *_of_moments(1),
    *_of_moments(2),
    *_of_moments(3),
    Spelling("logdet", log(det(i, j, A[i, j])), logdet(i, j, A[i, j])),
    Spelling("logdet", log(absolute(det(i, j, A[i, j]))), logdet(i, j, A[i, j])),
    *_of_cholesky(),
)

MET_IN_DERIVATIVES = tuple(row for row in SPELLINGS if row.in_results)
