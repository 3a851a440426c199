"""Diagonals and labels that are left out are entries that are written, not products with a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import derive
from tests.derive.render.exported import Case
from verify.exported import check_exported


def multiclass_hinge(S: Any, labels: Any) -> Any:
    n = len(S)
    M = np.maximum(0, S - S[np.arange(n), labels][:, None] + 1)
    M[np.arange(n), labels] = 0
    return M.sum() / n


def squared_hinge(S: Any, labels: Any) -> Any:
    Y = np.eye(S.shape[1])[labels]
    M = np.maximum(0, 1 + S - (S * Y).sum(axis=1, keepdims=True)) * (1 - Y)
    return (M**2).sum() / len(S)


def hinge_of_pairs(S: Any) -> Any:
    n = len(S)
    return (np.maximum(0, 1 + S - np.diag(S)[:, None]) * (1 - np.eye(n))).sum() / n


def decorrelated(C: Any) -> Any:
    d = len(C)
    return ((np.diag(C) - 1) ** 2).sum() + 0.5 * ((C * (1 - np.eye(d))) ** 2).sum()


def stress(X: Any, T: Any) -> Any:
    D = np.sqrt(((X[:, None] - X) ** 2).sum(axis=2) + np.eye(len(X)))
    return 0.5 * np.sum(((D - T) * (1 - np.eye(len(X)))) ** 2)


def other_classes(S: Any, labels: Any) -> Any:
    Q = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    Q[np.arange(len(S)), labels] = 0
    return (Q**2).sum() / len(S)


def batched_neighbours(A: Any, x: Any) -> Any:
    m = A.shape[1]
    K = np.exp(A * (1 - np.eye(m)))
    return np.sum((A**2 * (1 - np.eye(m))) @ x) + K.sum()


def smoothed(Z: Any, labels: Any, eps: Any) -> Any:
    n, c = Z.shape
    Y = np.eye(c)[labels] * (1 - eps) + eps / c
    return -np.sum(Y * (Z - np.log(np.exp(Z).sum(axis=1, keepdims=True)))) / n


def supervised_contrast(Z: Any, M: Any) -> Any:
    S = Z @ Z.T
    E = np.exp(S) * (1 - np.eye(len(Z)))
    return -np.sum(M * (S - np.log(E.sum(axis=1, keepdims=True))))


MASKS = ("(1 - np.eye(", " != ")
CASES = {
    "multiclass hinge": Case(
        multiclass_hinge, "S", {"S": ("n", "c"), "labels": ("n",)},
        ["delta[np.arange(n), labels] = 0", "delta[np.arange(n), labels] -= delta.sum(axis=1)"],
        MASKS,
    ),
    "squared hinge of one-hot rows": Case(
        squared_hinge, "S", {"S": ("n", "c"), "labels": ("n",)},
        [
            "delta = np.maximum(1 + S - S[np.arange(n), labels][:, None], 0)",
            "delta[np.arange(n), labels] -= delta.sum(axis=1)",
        ],
        MASKS,
    ),
    "hinge of pairs": Case(
        hinge_of_pairs, "S", {"S": ("n", "n")}, ["np.fill_diagonal(changed, 1 - mask.sum(axis=1))"], MASKS,
    ),
    "decorrelated": Case(
        decorrelated, "C", {"C": ("d", "d")},
        ["np.fill_diagonal(d_C, 2 * (C[np.arange(d), np.arange(d)] - 1))"],
        MASKS,
    ),
    "stress": Case(
        stress, "X", {"X": ("n", "d"), "T": ("n", "n")}, ["np.fill_diagonal(p, 0)", "@ X  # (n, d)"], MASKS,
    ),
    "other classes": Case(
        other_classes, "S", {"S": ("n", "c"), "labels": ("n",)}, ["Q[np.arange(n), labels] = 0"], MASKS,
    ),
    "smoothed labels": Case(
        smoothed, "Z", {"Z": ("n", "c"), "labels": ("n",), "eps": ()},
        ["delta[np.arange(n), labels] -= 1 - eps"],
        MASKS,
    ),
    "supervised contrast": Case(
        supervised_contrast, "Z", {"Z": ("n", "d"), "M": ("n", "n")},
        ["np.fill_diagonal(E, 0)", "d_E[:, None] * E"],
        MASKS,
    ),
    "batched neighbours": Case(
        batched_neighbours, "A", {"A": ("b", "m", "m"), "x": ("m",)}, ["[:, np.arange(m), np.arange(m)] = 0"], MASKS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_entries_are_left_out(case: str) -> None:
    CASES[case].check_written()


@pytest.mark.parametrize("case", CASES)
def test_what_is_left_out_changes_no_result(case: str) -> None:
    CASES[case].check_holds()


def test_a_mask_is_not_left_to_what_may_be_infinite_there() -> None:
    """Where a factor is infinite at an entry that is left out, a product with 0 would be no number."""

    def potential(X: Any, w: Any) -> Any:
        D = ((X[:, None] - X) ** 2).sum(axis=2)
        return np.sum(w * np.where(np.eye(len(X)) == 0, 1 / (D + np.eye(len(X))), 0))

    found = derive.gradient(potential, "X", shapes={"X": ("n", "d"), "w": ("n", "n")})
    assert check_exported(found).outcome == "holds"


def test_arguments_and_results_are_not_changed_in_place() -> None:
    def both(A: Any) -> Any:
        return 0.5 * ((A * (1 - np.eye(len(A)))) ** 2).sum()

    function = derive.gradient(both, "A", shapes={"A": ("n", "n")}).function()
    given = np.random.default_rng(3).normal(size=(4, 4))
    before = given.copy()
    result = function(given)
    np.testing.assert_array_equal(given, before)
    np.testing.assert_array_equal(result, before - np.diag(np.diag(before)))
