"""Programs written without macros have the gradients of those written with them: the same results, as many lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import derive
from derive.definitions import define
from derive.differentiate import gradient
from derive.evaluate import run
from derive.functions import absolute, exp, greater, log, log1p, maximum, relu, sigmoid, softplus, sqrt, tanh, where
from derive.index import Letter, letters
from derive.nodes import Sum, Tensor
from derive.notation import mean, name, tensor
from derive.over_axes import log_softmax, logsumexp, maximum_over, norm, softmax, standardise
from derive.program import Program
from derive.recognition import recognised
from derive.size_algebra import sizes
from derive.statements import assume
from tests.derive.witnesses import agrees, assigned, drawn, seeded, seen_from
from verify import numdiff
from verify.derivation import check_derivation

n, d, c = sizes("n d c")
i, j, k, l = letters("i j k l", n, d, c, c)
X, W, b, T = tensor("X", n, d), tensor("W", d, c), tensor("b", c), tensor("T", n, c, domain="simplex")
y, R, r = tensor("y", n, below=c), tensor("R", n, c), tensor("r", n)
x, z, eps = tensor("x", n), tensor("z", n), tensor("eps", domain="positive")
INPUTS = (X, W, b, T, y, R, r, x, z, eps)
ONE = assume(Sum(k, T[i, k]), "=", 1)

Known = dict[str, Tensor]
Line = tuple[str, tuple[Letter, ...], Callable[[Known], Any]]


@dataclass(frozen=True)
class Pair:
    """What is differentiated by, then the program as it is spelled, and as it is with macros."""

    wrt: tuple[str, ...]
    spelled: Sequence[Line]
    macros: Sequence[Line]


def program(lines: Sequence[Line]) -> Program:
    known = {t.name: t for t in INPUTS}
    for text, own, body in lines:
        left = name(text)
        known[text] = define(left[own] if own else left, body(known))
    return Program.of(INPUTS, known["L"], [ONE])


Z: Line = ("Z", (i, k), lambda m: Sum(j, X[i, j] * W[j, k]) + b[k])
M: Line = ("M", (i,), lambda m: maximum_over(k, m["Z"][i, k]))
E: Line = ("E", (i, k), lambda m: exp(m["Z"][i, k]))
SHIFTED: Line = ("E", (i, k), lambda m: exp(m["Z"][i, k] - m["M"][i]))
S: Line = ("S", (i,), lambda m: Sum(k, m["E"][i, k]))
P: Line = ("P", (i, k), lambda m: m["E"][i, k] / m["S"][i])
SOFTMAX: Line = ("P", (i, k), lambda m: softmax(k, m["Z"][i, k]))
LOG: Line = ("H", (i, k), lambda m: m["Z"][i, k] - m["M"][i] - log(m["S"][i]))
LOG_SOFTMAX: Line = ("H", (i, k), lambda m: log_softmax(k, m["Z"][i, k]))
CROSS_ENTROPY: Line = ("L", (), lambda m: -1 / n * Sum(i, k, T[i, k] * log(m["P"][i, k])))
OF_LABELS: Line = ("L", (), lambda m: -1 / n * Sum(i, log(m["P"][i, y[i]])))
OF_LOGARITHMS: Line = ("L", (), lambda m: -1 / n * Sum(i, k, T[i, k] * m["H"][i, k]))
AT_LABELS: Line = ("L", (), lambda m: -1 / n * Sum(i, m["H"][i, y[i]]))
LINEAR: Line = ("L", (), lambda m: Sum(i, k, R[i, k] * m["P"][i, k]))
ENTROPY: Line = ("L", (), lambda m: -Sum(i, k, m["P"][i, k] * log(m["P"][i, k])))
OF_V: Line = ("L", (), lambda m: Sum(i, r[i] * m["v"][i]))


def value(body: object) -> Sequence[Line]:
    """The loss of a function of numbers."""
    return ("v", (i,), lambda m: body), OF_V


def similarity(length: Callable[[Tensor], Any]) -> Sequence[Line]:
    return (
        ("A", (i,), lambda m: length(R)),
        ("B", (i,), lambda m: length(T)),
        ("v", (i,), lambda m: Sum(k, R[i, k] * T[i, k]) / (m["A"][i] * m["B"][i])),
        OF_V,
    )


def logistic(p: object, q: object) -> Sequence[Line]:
    """The cross-entropy of a probability and of its opposite."""
    return (("L", (), lambda m: -mean(i, z[i] * log(p) + (1 - z[i]) * log(q))),)


def standardised(*lines: Line) -> Sequence[Line]:
    return (*lines, ("L", (), lambda m: Sum(i, k, T[i, k] * m["h"][i, k])))


MU: Line = ("mu", (i,), lambda m: mean(k, R[i, k]))
V: Line = ("v", (i,), lambda m: mean(k, (R[i, k] - m["mu"][i]) ** 2))
OVER_BATCH: Line = ("mu", (k,), lambda m: mean(i, R[i, k]))

PAIRS: dict[str, Pair] = {
    "softmax, cross-entropy": Pair(("X", "W", "b"), (Z, E, S, P, CROSS_ENTROPY), (Z, SOFTMAX, CROSS_ENTROPY)),
    "shifted softmax, cross-entropy": Pair(
        ("W", "b"), (Z, M, SHIFTED, S, P, CROSS_ENTROPY), (Z, SOFTMAX, CROSS_ENTROPY)
    ),
    "shifted softmax, labels": Pair(("W", "b"), (Z, M, SHIFTED, S, P, OF_LABELS), (Z, SOFTMAX, OF_LABELS)),
    "softmax, linear": Pair(("W", "b"), (Z, E, S, P, LINEAR), (Z, SOFTMAX, LINEAR)),
    "softmax, entropy": Pair(("b",), (Z, E, S, P, ENTROPY), (Z, SOFTMAX, ENTROPY)),
    "log-softmax, cross-entropy": Pair(
        ("W", "b"), (Z, M, SHIFTED, S, LOG, OF_LOGARITHMS), (Z, LOG_SOFTMAX, OF_LOGARITHMS)
    ),
    "log-softmax, labels": Pair(("W", "b"), (Z, M, SHIFTED, S, LOG, AT_LABELS), (Z, LOG_SOFTMAX, AT_LABELS)),
    "log-sum-exp": Pair(
        ("W", "b"),
        (Z, M, SHIFTED, S, ("L", (), lambda m: Sum(i, r[i] * (m["M"][i] + log(m["S"][i]))))),
        (Z, ("L", (), lambda m: Sum(i, r[i] * logsumexp(k, m["Z"][i, k])))),
    ),
    "log-sum-exp less an entry": Pair(
        ("b",),
        (Z, E, S, ("L", (), lambda m: mean(i, log(m["S"][i]) - m["Z"][i, y[i]]))),
        (Z, ("L", (), lambda m: -mean(i, log_softmax(k, m["Z"][i, k]).entry(y[i])))),
    ),
    "sigmoid": Pair(("x",), value(1 / (1 + exp(-x[i]))), value(sigmoid(x[i]))),
    "sigmoid linear unit": Pair(("x",), value(x[i] / (1 + exp(-x[i]))), value(x[i] * sigmoid(x[i]))),
    "tanh": Pair(("x",), value((exp(x[i]) - exp(-x[i])) / (exp(x[i]) + exp(-x[i]))), value(tanh(x[i]))),
    "relu": Pair(("x",), value(maximum(x[i] * z[i], 0)), value(relu(x[i] * z[i]))),
    "leaky relu": Pair(
        ("x",),
        value(where(greater(x[i], 0), x[i], 0) + maximum(-x[i], 0) / 10),
        value(relu(x[i]) + relu(-x[i]) / 10),
    ),
    "softplus": Pair(("x",), value(log(1 + exp(x[i]))), value(softplus(x[i]))),
    "mish": Pair(("x",), value(x[i] * tanh(log1p(exp(x[i])))), value(x[i] * tanh(softplus(x[i])))),
    "hinge": Pair(("x",), value(maximum(0, 1 - x[i] * z[i])), value(relu(1 - x[i] * z[i]))),
    "absolute error": Pair(("x",), value(sqrt((x[i] - z[i]) ** 2)), value(absolute(x[i] - z[i]))),
    "logistic loss of logits": Pair(
        ("x",),
        (("L", (), lambda m: mean(i, maximum(x[i], 0) - x[i] * z[i] + log1p(exp(-absolute(x[i]))))),),
        (("L", (), lambda m: mean(i, softplus(x[i]) - x[i] * z[i])),),
    ),
    "logistic loss of probabilities": Pair(
        ("x",),
        logistic(1 / (1 + exp(-x[i])), 1 - 1 / (1 + exp(-x[i]))),
        (("L", (), lambda m: -mean(i, -z[i] * softplus(-x[i]) - (1 - z[i]) * softplus(x[i]))),),
    ),
    "unit vectors": Pair(
        ("R",),
        standardised(("h", (i, k), lambda m: R[i, k] / sqrt(Sum(l, R[i, l] ** 2)))),
        standardised(("h", (i, k), lambda m: R[i, k] / norm(l, R[i, l]))),
    ),
    "cosine similarity": Pair(
        ("R",), similarity(lambda t: sqrt(Sum(k, t[i, k] * t[i, k]))), similarity(lambda t: norm(k, t[i, k]))
    ),
    "layer normalisation": Pair(
        ("R", "eps"),
        standardised(MU, V, ("h", (i, k), lambda m: (R[i, k] - m["mu"][i]) / sqrt(m["v"][i] + eps))),
        standardised(("h", (i, k), lambda m: standardise(k, R[i, k], eps=eps))),
    ),
    "batch normalisation": Pair(
        ("R", "eps"),
        standardised(
            OVER_BATCH,
            ("v", (k,), lambda m: mean(i, R[i, k] ** 2) - m["mu"][k] ** 2),
            ("h", (i, k), lambda m: (R[i, k] - m["mu"][k]) / sqrt(m["v"][k] + eps)),
        ),
        standardised(("h", (i, k), lambda m: standardise(i, R[i, k], eps=eps))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PAIRS)
def test_spelled_programs_have_the_same_derivation(case: str) -> None:
    pair = PAIRS[case]
    spelled, macros = recognised(program(pair.spelled)).program, program(pair.macros)
    found, expected = gradient(spelled, pair.wrt), gradient(macros, pair.wrt)
    assert [repr(chain.result) for chain in found.results] == [repr(chain.result) for chain in expected.results]
    assert [step.rule for step in found.steps] == [step.rule for step in expected.steps]


@pytest.mark.parametrize("case", PAIRS)
def test_gradients_are_those_of_the_spelled_program(case: str) -> None:
    pair = PAIRS[case]
    spelled = program(pair.spelled)
    found = gradient(recognised(spelled).program, pair.wrt)
    size_of = assigned(spelled, {"n": 3, "d": 2, "c": 4})
    values = drawn(INPUTS, size_of, seeded("recognised", case))
    evaluator = run(found.derived, values, size_of)
    for text, result in zip(pair.wrt, found.derived.outputs, strict=True):
        tensor_ = spelled.tensor(text)
        agrees(
            evaluator.arrays[result], numdiff.gradient(seen_from(spelled, tensor_, values, size_of), values[tensor_])
        )


PROBABILITY: Line = ("p", (i,), lambda m: 1 / (1 + exp(-x[i])))
LOGISTIC: Line = ("L", (), lambda m: -mean(i, z[i] * log(m["p"][i]) + (1 - z[i]) * log(1 - m["p"][i])))
EXPERTS: dict[str, tuple[str, Sequence[Line], str]] = {
    "cross-entropy": ("d_Z", (Z, M, SHIFTED, S, P, CROSS_ENTROPY), "(P[i,k] - T[i,k])/n"),
    "cross-entropy of labels": ("d_Z", (Z, M, SHIFTED, S, P, OF_LABELS), "(P[i,k] - [y[i] = k])/n"),
    "log-softmax of labels": ("d_Z", (Z, M, SHIFTED, S, LOG, AT_LABELS), "(softmax(Z[i,·])[k] - [y[i] = k])/n"),
    "entropy": ("d_Z", (Z, E, S, P, ENTROPY), "P[i,k]·(-log P[i,k] + Σ_k' P[i,k']·log P[i,k'])"),
    "logistic loss": ("d_x", (PROBABILITY, LOGISTIC), "(p[i] - z[i])/n"),
}


@pytest.mark.parametrize("case", EXPERTS)
def test_gradients_are_as_short_as_an_experts(case: str) -> None:
    quantity, lines, expected = EXPERTS[case]
    found = gradient(recognised(program(lines)).program, "x" if quantity == "d_x" else "b")
    assert repr(found.chain(quantity).result) == expected
    assert check_derivation(found).outcome == "holds"


def cholesky_factor(X: Any, y: Any, s: Any, A: Any) -> Any:
    K = X @ X.T + s**2 * np.eye(len(y))
    L = np.linalg.cholesky(K + A)
    a = np.linalg.solve(L.T, np.linalg.solve(L, y))
    z = np.linalg.solve(L, y)
    Z = np.linalg.solve(L, X)
    return y @ a + z @ z + np.sum(Z**2) + np.log(np.diag(L)).sum() + np.sum(np.log(np.diag(L) ** 2))


FACTORED = {"X": ("n", "d"), "y": ("n",), "s": (), "A": ("n", "n")}


def test_a_cholesky_factor_of_a_symmetric_matrix_is_its_inverse_and_its_determinant() -> None:
    def function(X: Any, y: Any, s: Any) -> Any:
        return cholesky_factor(X, y, s, 0)

    shapes = {name: shape for name, shape in FACTORED.items() if name != "A"}
    found = derive.gradient(function, "s", shapes=shapes, assumptions=lambda s: [s > 0])
    text = found.latex()
    assert "K^{-1}" in text
    assert r"\operatorname{chol}" not in text
    assert check_derivation(found).outcome == "holds"


def test_a_cholesky_factor_of_any_other_matrix_stays_one() -> None:
    program = derive.trace(cholesky_factor, FACTORED)
    assert any("cholesky" in repr(d) for d in program.definitions())
    assert not any("det" in repr(d) for d in program.definitions())
