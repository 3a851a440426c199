"""Contractions in NumPy source are written as by hand: no array has too many axes, and nothing is made twice."""

from __future__ import annotations

import inspect
import tracemalloc
from typing import Any

import numpy as np
import pytest

import derive
from derive.definitions import define
from derive.derivation import Derivation
from derive.index import letters
from derive.nodes import Sum
from derive.notation import less, name, tensor
from derive.program import Program
from derive.render.numpy import compiled, numpy_source
from derive.render.numpy.risk import Risk
from derive.size_algebra import sizes
from tests.derive.render.exported import Case, Shapes
from verify.exported import check_exported


def kept_units(X: Any, W: Any, V: Any, keep: Any) -> Any:
    Z = X @ W
    H = np.where(Z > 0, Z, 0) / keep
    return np.sum((H @ V) ** 2)


def smooth_graph(X: Any, A: Any) -> Any:
    D = ((X[:, None] - X) ** 2).sum(axis=2)
    return np.sum(A * np.exp(-D))


def spread_prototypes(X: Any, C: Any, w: Any) -> Any:
    D = ((X[:, None] - C) ** 2).sum(axis=2)
    return np.sum(np.exp(-D) @ w)


def weighted_differences(x: Any, c: Any, A: Any) -> Any:
    return np.sum(A * (x[:, None] - c) ** 2)


def margins(X: Any, W: Any, labels: Any) -> Any:
    S = X @ W
    return np.sum(np.logaddexp(0, S)) - S[np.arange(len(X)), labels].sum()


def whitened(A: Any, x: Any, m: Any) -> Any:
    return np.log(1 + (x - m) @ np.linalg.inv(A) @ (x - m))


def quadratic(A: Any, x: Any) -> Any:
    return x @ A @ x


def cubic(x: Any, w: Any) -> Any:
    return w @ x**4


def three_steps(x: Any, W: Any) -> Any:
    for _ in range(3):
        x = np.tanh(W @ x)
    return x.sum()


def clipped_slope(X: Any, w: Any, a: Any) -> Any:
    r = X @ w
    return np.sum(np.where(np.abs(r) <= a, r**2 / 2, a * np.abs(r)))


def projected(X: Any, W: Any) -> Any:
    return np.sum((X - X @ W @ W.T) ** 2)


def rooted(X: Any, C: Any) -> Any:
    return np.sum(np.sqrt(((X[:, None] - C) ** 2).sum(axis=2)))


def stress(X: Any, T: Any) -> Any:
    D = np.sqrt(((X[:, None] - X) ** 2).sum(axis=2) + np.eye(len(X)))
    return np.sum((D - T) ** 2)


def modularity(A: Any, S: Any) -> Any:
    P = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    degree, total = A.sum(axis=1), A.sum()
    return np.sum(P * (A @ P)) / total - np.sum((degree @ P) ** 2) / total**2


def ranking(u: Any, P: Any, N: Any) -> Any:
    x = (P - N) @ u
    return np.sum(np.log1p(np.exp(-x)))


def covariance(X: Any, S: Any) -> Any:
    return np.trace(X @ np.linalg.inv(S) @ X.T)


def scaled_rows(X: Any, g: Any, R: Any) -> Any:
    X_hat = (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + 0.1)
    return np.sum(R * X_hat * g)


def experts(X: Any, G: Any, E: Any) -> Any:
    g = np.exp(X @ G) / np.exp(X @ G).sum(axis=1, keepdims=True)
    return np.sum((g * E).sum(axis=1) ** 2)


def mixed_experts(X: Any, g: Any, W: Any, R: Any) -> Any:
    E = np.einsum("nd,kdc->nkc", X, W)
    Y = (g[:, :, None] * E).sum(axis=1)
    return np.sum((Y - R) ** 2)


def maxout(X: Any, W: Any) -> Any:
    return np.sum(np.einsum("nd,dkc->nkc", X, W).max(axis=2))


LINEAR: Shapes = {"X": ("n", "d"), "W": ("d", "k")}
GRADIENTS = {
    "a mask is a factor": Case(
        kept_units, "W", LINEAR | {"V": ("k", "c"), "keep": ()}, ["* (Z > 0)"], ["np.where(("],
    ),
    "differences are multiplied out": Case(
        smooth_graph, "X", {"X": ("n", "d"), "A": ("n", "n")}, [], ["[:, None] - X"],
    ),
    "labels change rows": Case(
        margins, "W", LINEAR | {"labels": ("n",)}, ["[np.arange(n), labels] -= 1"], ["add.at"],
    ),
    "a system is solved once": Case(
        whitened, "x", {"A": ("d", "d"), "x": ("d",), "m": ("d",)}, ["np.linalg.solve(A, x_minus_m)"], ["inv("],
    ),
    "a matrix is not turned for a vector": Case(
        quadratic, "x", {"A": ("d", "d"), "x": ("d",)}, ["A @ x + x @ A"], ["A + A.T"],
    ),
    "powers are products": Case(cubic, "x", {"x": ("n",), "w": ("n",)}, ["x * x**2"], ["x**3"]),
    "outer products are one product": Case(three_steps, "W", {"x": ("d",), "W": ("d", "d")}, ["@ np.stack("], []),
    "opposite conditions are a choice": Case(
        clipped_slope, "w", {"X": ("n", "d"), "w": ("d",), "a": ()}, ["np.where("], [", 0)"],
    ),
    "a chain is made once": Case(projected, "W", LINEAR, ["X_at_W = X @ W", "X.T @ (p @ W) + p.T @ X_at_W"], []),
    "roots keep differences": Case(
        rooted, "X", {"X": ("n", "d"), "C": ("k", "d")}, ["cdist(X, C)"], ["[:, None] - C"]
    ),
    "roots of sums keep differences": Case(
        stress, "X", {"X": ("n", "d"), "T": ("n", "n")},
        ['cdist(X, X, "sqeuclidean")', "[np.diag_indices(n)] += 1"], ["[:, None] - X", "eye("],
    ),
    "vectors make no matrix": Case(
        modularity, "S", {"A": ("n", "n"), "S": ("n", "k")},
        ["(degree @ P) / total**2 * degree[:, None]"], ["degree * degree"],
    ),
    "a difference that meets two vectors is made once": Case(
        ranking, "u", {"u": ("d",), "P": ("n", "d"), "N": ("n", "d")},
        ["P_minus_N = P - N\n", "P_minus_N @ u"], ["- N @ u"],
    ),
    "a sum is divided, not all of its terms": Case(
        scaled_rows, "g", {"X": ("n", "d"), "g": ("d",), "R": ("n", "d")},
        ["R, X_centred) / X_hat_std"], ["standardise("],
    ),
    "what a mixture chooses by is factored": Case(
        experts, "G", {"X": ("n", "d"), "G": ("d", "k"), "E": ("n", "k")},
        ["X.T @ (g * (", "[:, None])"], ["- X.T @"],
    ),
    "three factors are two products": Case(
        mixed_experts, "W", {"X": ("n", "d"), "g": ("n", "k"), "W": ("k", "d", "c"), "R": ("n", "c")},
        ["X.T @ (", "* g.T[..., None])", "X @ W"], ["optimize"],
    ),
    "the largest are a mask": Case(
        maxout, "W", {"X": ("n", "d"), "W": ("d", "k", "c")}, ["== np.arange(c)", "@ X"], ["add.at"],
    ),
}  # fmt: skip
THREE_AXES = ("three factors are two products", "the largest are a mask")
"""Of these an array with three axes is given."""


@pytest.mark.parametrize("which", GRADIENTS)
def test_contractions_are_written_as_by_hand(which: str) -> None:
    GRADIENTS[which].check_written()


@pytest.mark.parametrize("which", GRADIENTS)
def test_contractions_compute_the_gradient(which: str) -> None:
    GRADIENTS[which].check_holds()


def test_a_product_that_meets_itself_is_made_once() -> None:
    shapes = {"X": ("n", "d"), "S": ("d", "d")}
    found = derive.gradient(covariance, "S", shapes=shapes, assumptions=lambda S: [S == S.T])
    assert "S_term @ S_term.T" in numpy_source(found)
    assert check_exported(found).outcome == "holds"


def test_a_root_of_a_product_cancels_what_is_positive() -> None:
    def affinity(p: Any, q: Any) -> Any:
        return np.sum(np.sqrt(p * q))

    shapes = {"p": ("n",), "q": ("n",)}
    found = derive.gradient(affinity, "p", shapes=shapes, assumptions=lambda p, q: [p > 0, q > 0])
    assert "np.sqrt(q / p) / 2" in numpy_source(found)
    assert check_exported(found).outcome == "holds"
    unknown = numpy_source(derive.gradient(affinity, "p", shapes=shapes))
    assert "np.sqrt(p * q)" in unknown


LENGTHS = {"n": 60, "d": 50, "k": 40, "c": 30}


@pytest.mark.parametrize("which", [which for which in GRADIENTS if which not in THREE_AXES])
def test_no_array_has_three_axes(which: str) -> None:
    """The smallest array with three of the axes would be larger than all that is held at once."""
    case = GRADIENTS[which]
    rng = np.random.default_rng(5)
    given = {one: rng.normal(size=[LENGTHS[size] for size in shape]) for one, shape in case.shapes.items()}
    if "labels" in given:
        given["labels"] = rng.integers(LENGTHS["k"], size=LENGTHS["n"])
    call = compiled(case.gradient)
    arguments = {one: given[one] for one in inspect.signature(call).parameters}
    call(**arguments)
    tracemalloc.start()
    call(**arguments)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * LENGTHS["d"] * LENGTHS["k"] * LENGTHS["c"] / 2


def test_results_share_the_cotangent_of_what_is_activated() -> None:
    def layer(X: Any, W: Any, b: Any) -> Any:
        Y = np.tanh(X @ W + b)
        return Y  # noqa: RET504 - the result has this name

    found = derive.vjp(layer, ["X", "W", "b"], shapes=LINEAR | {"b": ("k",)})
    body = numpy_source(found).split('"""')[2].split("\n")[1:-1]
    assert [line.split("  #")[0].strip() for line in body] == [
        "Y = np.tanh(X @ W + b)",
        "delta = d_output * (1 - Y**2)",
        "d_X = delta @ W.T",
        "d_W = X.T @ delta",
        "d_b = delta.sum(axis=0)",
        'return {"X": d_X, "W": d_W, "b": d_b}',
    ]


def test_a_symmetric_matrix_is_read_in_one_order() -> None:
    source = GRADIENTS["differences are multiplied out"].source
    assert source.count("(2 * X) @ X.T") == source.count("@ X.T") == 1


def test_a_changed_array_is_a_copy_of_what_is_read_again() -> None:
    def scores(Z: Any, labels: Any) -> Any:
        P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
        return -np.log(P[np.arange(len(Z)), labels]).sum() + np.sum(P**3)

    found = derive.gradient(scores, "Z", shapes={"Z": ("n", "k"), "labels": ("n",)})
    assert check_exported(found).outcome == "holds"


def test_a_risky_factor_is_chosen_where_its_mask_holds() -> None:
    """A quotient with the letters of the mask by ``np.where``; what lacks them is not read where no mask holds."""
    n, m = sizes("n m")
    i, j = letters("i j", n, n)
    (k,) = letters("k", m)
    A, B, q = tensor("A", n, n), tensor("B", n, m), tensor("q", n)
    y = define(name("y")[i, k], Sum(j, less(j, i) / A[i, j] * B[j, k] / q[i]))
    found = Derivation("gradient", Program.of([A, B, q], y), (y,), (), Program.of([A, B, q], y))
    source = numpy_source(found, "f")
    assert "[..., None]" not in source
    rng = np.random.default_rng(2)
    a, b, c = rng.normal(size=(3, 3)), rng.normal(size=(3, 2)), np.array([0.0, 1.0, 2.0])
    a[np.triu_indices(3)] = 0
    with np.errstate(all="ignore"):
        result = compiled(found, "f")(a, b, c)
    expected = [[sum(b[s, t] / a[r, s] / c[r] for s in range(r)) for t in range(2)] for r in range(3)]
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=0)


def test_what_the_forward_pass_divides_by_is_no_risk() -> None:
    (n,) = sizes("n")
    (i,) = letters("i", n)
    x, q, s = tensor("x", n), tensor("q", n), tensor("s", n, domain="positive")
    y = define(name("y")[i], x[i] / q[i])
    program = Program.of([x, q, s], y)
    risk = Risk(program, program)
    assert risk.finite(1 / q[i])
    assert risk.finite(1 / s[i])
    assert not risk.finite(1 / x[i])
    assert not risk.finite(1 / (q[i] + s[i]))
