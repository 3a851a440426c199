"""Tables that are filled entry by entry, from infinity: dynamic programs, whose code writes entries as they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

import derive
from derive.render.numpy import numpy_source
from verify.derivation import check_derivation
from verify.exported import check_exported

Function = Callable[..., Any]
Shapes = dict[str, tuple[int | str, ...]]


def soft_dtw(x: Any, y: Any, gamma: Any) -> Any:
    D = (x[:, None] - y[None, :]) ** 2
    n, m = D.shape
    R = np.full((n + 1, m + 1), np.inf)
    R[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            before = np.array([R[i - 1, j], R[i, j - 1], R[i - 1, j - 1]])
            R[i, j] = D[i - 1, j - 1] - gamma * np.log(np.exp(-before / gamma).sum())
    return R[n, m]


def time_warping(x: Any, y: Any) -> Any:
    n, m = 2, 3
    R = np.full((n + 1, m + 1), np.inf)
    R[0, 0] = 0.0
    for i in range(n):
        for j in range(m):
            R[i + 1, j + 1] = (x[i] - y[j]) ** 2 + np.minimum(np.minimum(R[i, j + 1], R[i + 1, j]), R[i, j])
    return R[n, m]


def signed_warping(x: Any, y: Any) -> Any:
    """Costs of both signs, so that every path is the cheapest somewhere; of the infinities, the first two tie."""
    n, m = 2, 3
    R = np.full((n + 1, m + 1), np.inf)
    R[0, 0] = 0.0
    for i in range(n):
        for j in range(m):
            R[i + 1, j + 1] = x[i] * y[j] + np.minimum(np.minimum(R[i, j], R[i, j + 1]), R[i + 1, j])
    return R[n, m]


def longest_path(C: Any) -> Any:
    """Steps forward only, by comparisons; what cannot be reached is minus infinity."""
    D = np.full(4, -np.inf)
    D[1] = 0.0
    for j in range(2, 4):
        for i in range(j):
            there = D[i] + C[i, j]
            D[j] = np.where(there > D[j], there, D[j])
    return D[3]


def edit_distance(S: Any, gap: Any) -> Any:
    n, m = 2, 3
    R = np.full((n + 1, m + 1), np.inf)
    R[0] = np.arange(m + 1) * gap
    R[:, 0] = np.arange(n + 1) * gap
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            R[i, j] = np.minimum(np.minimum(R[i - 1, j], R[i, j - 1]) + gap, R[i - 1, j - 1] + S[i - 1, j - 1])
    return R[n, m]


def viterbi(E: Any, A: Any) -> Any:
    steps, states = E.shape
    V = np.full((steps, states), -np.inf)
    V[0, 0] = E[0, 0]
    for t in range(1, steps):
        for k in range(states):
            V[t, k] = np.max(V[t - 1] + A[:, k]) + E[t, k]
    return V[-1].max()


def alignment(S: Any, gap: Any) -> Any:
    n, m = 2, 2
    R = np.full((n + 1, m + 1), -np.inf)
    R[0, 0] = 0.0
    for i in range(n + 1):
        for j in range(m + 1):
            if i and j:
                before = np.stack([R[i - 1, j - 1] + S[i - 1, j - 1], R[i - 1, j] - gap, R[i, j - 1] - gap])
                R[i, j] = logsumexp(before)
            elif i or j:
                R[i, j] = -gap * (i + j)
    return R[n, m]


def label_paths(Z: Any) -> Any:
    """Connectionist temporal classification: states that no path reaches have probability 0."""
    labels = (0, 1, 0)
    steps, states = 3, 3
    A = np.full((steps, states + 1), -np.inf)
    A[0, 1] = Z[0, 0]
    for t in range(1, steps):
        for s in range(states):
            A[t, s + 1] = logsumexp(A[t - 1, s : s + 2]) + Z[t, labels[s]]
    return -logsumexp(A[-1, 2:])


def chain(E: Any, A: Any) -> Any:
    """A hidden Markov chain that never goes back, and does not start in its first state."""
    M = A + np.where(np.arange(4)[:, None] > np.arange(4), -np.inf, 0.0)
    V = np.full(4, -np.inf)
    V[1] = 0.0
    for e in E:
        V = logsumexp(V[:, None] + M, axis=0) + e
    return logsumexp(V)


def label_paths_by_pairs(Z: Any) -> Any:
    a = np.full(3, -np.inf)
    a[0] = Z[0, 0]
    for z in Z[1:]:
        before = np.full(3, -np.inf)
        before[1:] = a[:-1]
        a = np.logaddexp(a, before) + z
    return -np.logaddexp(a[-1], a[-2])


def chain_by_pairs(E: Any, A: Any) -> Any:
    """A hidden Markov chain that never goes back, its sums over states added up state by state."""
    V = np.array([-np.inf, 0.0, -np.inf])
    for e in E:
        after = np.full(3, -np.inf)
        for k in range(3):
            for j in range(k + 1):
                after[k] = np.logaddexp(after[k], V[j] + A[j, k] + e[k])
        V = after
    return np.logaddexp2(V[1], V[2])


def viterbi_by_rows(E: Any, A: Any) -> Any:
    V = np.full(3, -np.inf)
    V[0] = 0.0
    for e in E:
        V = np.max(V[:, None] + A, axis=0) + e
    return V.max()


def shortest_path(C: Any) -> Any:
    """Min-plus steps from the first node, which no edge leads back to."""
    C = C + np.where(np.arange(3) == 0, np.inf, 0.0)
    D = np.full(3, np.inf)
    D[0] = 0.0
    for _ in range(2):
        D = np.min(D[:, None] + C, axis=0)
    return D[2]


def contrastive(X: Any, p: Any) -> Any:
    """Every sample against its partner; none is compared with itself."""
    n = len(X)
    S = X @ X.T / 0.5
    S[np.arange(n), np.arange(n)] = -np.inf
    return -np.mean(S[np.arange(n), p] - logsumexp(S, axis=1))


def contrastive_by_temperature(X: Any, tau: Any) -> Any:
    S = X @ X.T
    np.fill_diagonal(S, -np.inf)
    return logsumexp(S / tau, axis=1).sum()


def neighbours(X: Any, y: Any) -> Any:
    S = X @ X.T
    np.fill_diagonal(S, -np.inf)
    E = np.exp(S - S.max(axis=1, keepdims=True))
    return np.sum(E / E.sum(axis=1, keepdims=True) * y)


def aligned_places(X: Any) -> Any:
    S = np.tanh(X)
    S[np.diag_indices_from(S)] = -np.inf
    return logsumexp(S, axis=1).sum()


def causal(X: Any) -> Any:
    S = X @ X.T
    S[np.triu_indices(3, 1)] = -np.inf
    return logsumexp(S, axis=1).sum()


def padded(X: Any) -> Any:
    S = X @ X.T
    S[:, [0, -1]] = -np.inf
    return logsumexp(S, axis=1).sum()


def counted(X: Any) -> Any:
    S = X @ X.T
    S[range(3), range(3)] = -np.inf
    return logsumexp(S, axis=1).sum()


def rows(X: Any, y: Any) -> Any:
    T = np.tanh(X)
    T[1] = y**2
    T[2, 0] = y[1]
    return np.sum(T**3)


DIAGONAL = "np.fill_diagonal(S, -np.inf)"

TABLES: dict[str, tuple[Function, str, Shapes, tuple[str, ...]]] = {
    "soft DTW": (soft_dtw, "x", {"x": (2,), "y": (3,), "gamma": ()}, (
        "R = np.full((3, 4), np.inf)", "R[0, 0] = 0\n", "R_1 = R.copy()", "R_1[1, 2] = ", "d_R_4[2, 3] = 0\n",
    )),
    "soft DTW by its temperature": (soft_dtw, "gamma", {"x": (2,), "y": (3,), "gamma": ()}, (
        "softmax_before @ np.where(before_over_gamma > -np.inf, before, 0)",
    )),
    "time warping": (time_warping, "x", {"x": (2,), "y": (3,)}, ("R[0, 0] = 0\n", "R[1, 1] = ", "R_1[1, 2] = ")),
    "signed warping": (signed_warping, "x", {"x": (2,), "y": (3,)}, ("R[0, 0] = 0\n", "R_1[1, 2] = ")),
    "longest path": (longest_path, "C", {"C": (4, 4)}, ("D = np.full(4, -np.inf)",)),
    "edit distance": (edit_distance, "S", {"S": (2, 3), "gap": ()}, ("R_1 = R.copy()", "d_R_5[2, 3] = 0\n")),
    "Viterbi": (viterbi, "A", {"E": (3, 2), "A": (2, 2)}, ("V[0, 0] = E[0, 0]", "np.full((3, 2), -np.inf)")),
    "alignment": (alignment, "S", {"S": (2, 2), "gap": ()}, ("R = np.full((3, 3), -np.inf)", "R_1[1, 1] = ")),
    "label paths": (label_paths, "Z", {"Z": (3, 2)}, ("where all of z is -inf, it is 0",)),
    "chain": (chain, "A", {"E": (3, 4), "A": (4, 4)}, ("also where all of z is -inf",)),
    "label paths by pairs": (label_paths_by_pairs, "Z", {"Z": (3, 3)}, ("logsumexp(", "where all of z is -inf")),
    "chain by pairs": (chain_by_pairs, "A", {"E": (2, 3), "A": (3, 3)}, ("where all of z is -inf",)),
    "Viterbi by rows": (viterbi_by_rows, "A", {"E": (2, 3), "A": (3, 3)}, ("argmax(axis=0)",)),
    "shortest path": (shortest_path, "C", {"C": (3, 3)}, ("argmin(axis=0)",)),
    "contrastive": (contrastive, "X", {"X": ("n", "d"), "p": ("n",)}, (DIAGONAL, "delta[np.arange(n), p] -= 1")),
    "contrastive by temperature": (contrastive_by_temperature, "tau", {"X": ("n", "d"), "tau": ()}, (DIAGONAL,)),
    "neighbours": (neighbours, "X", {"X": ("n", "d"), "y": ("n",)}, (DIAGONAL, "softmax(S, axis=1)")),
    "diagonal": (aligned_places, "X", {"X": ("n", "n")}, (DIAGONAL,)),
    "causal": (causal, "X", {"X": (3, 2)}, ("S = np.where(mask, -np.inf, X @ X.T)",)),
    "padded": (padded, "X", {"X": (4, 2)}, ("S = np.where(mask, -np.inf, X @ X.T)",)),
    "counted": (counted, "X", {"X": (3, 2)}, ("S = np.where(mask, -np.inf, X @ X.T)",)),
    "rows": (rows, "X", {"X": (4, 2), "y": (2,)}, ("T[1] = y**2", "T[2, 0] = y[1]", "d_X[1] = 0\n")),
}  # fmt: skip
"""Each function, by what it is derived, the shapes of its arguments, and what its code has."""


MASKED = ("chain", "edit distance", "Viterbi by rows", "shortest path")


def _found(name: str) -> derive.Derivation:
    function, wrt, shapes, _ = TABLES[name]
    if "gamma" in shapes:
        return derive.gradient(function, wrt, shapes=shapes, assumptions=lambda gamma: [gamma > 0])
    if "tau" in shapes:
        return derive.gradient(function, wrt, shapes=shapes, assumptions=lambda tau: [tau > 0])
    return derive.gradient(function, wrt, shapes=shapes)


@pytest.mark.parametrize("name", TABLES)
def test_lines_over_infinities_hold(name: str) -> None:
    evidence = check_derivation(_found(name))
    assert [check.message for check in evidence.all if check.outcome != "holds"] == []


@pytest.mark.parametrize("name", TABLES)
def test_entries_are_written_into_tables(name: str) -> None:
    found = _found(name)
    check = check_exported(found)
    assert check.outcome == "holds", check.message
    source = numpy_source(found)
    assert [part for part in TABLES[name][-1] if part not in source] == []
    assert "np.where(np.arange" not in source or name in MASKED, "a table is made of masks"


def test_pairs_of_finite_logarithms_are_a_sigmoid() -> None:
    found = derive.gradient(lambda a, b: np.logaddexp(a, b).sum(), "a", shapes={"a": ("n",), "b": ("n",)})
    assert "d_a = sigmoid(a - b)" in numpy_source(found)
    found = derive.gradient(lambda a: np.logaddexp(-np.inf, a**2).sum(), "a", shapes={"a": ("n",)})
    assert "d_a = 2 * a" in numpy_source(found)
