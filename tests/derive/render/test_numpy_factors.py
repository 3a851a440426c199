"""Factors, reciprocals and diagonals in NumPy source stand where the fewest passes over large arrays are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import derive
from derive.render.numpy import numpy_source
from tests.derive.render.exported import Case, Shapes
from verify.exported import check_exported


def scaled(X: Any, g: Any, R: Any) -> Any:
    Y = X * g / np.sqrt((X**2).mean(axis=1, keepdims=True) + 0.1)
    return np.sum(R * Y)


def weighted_mean(X: Any, V: Any) -> Any:
    E = 1 + X**2
    P = E / E.sum(axis=1, keepdims=True)
    return np.sum(np.log(1 + (P * V).sum(axis=1) ** 2))


def own_scale(X: Any, W: Any) -> Any:
    s = np.abs(X).sum()
    Y = X / s
    return s * np.sqrt(np.sum(Y * Y)) * np.sum(W)


def attraction(Y: Any, A: Any) -> Any:
    K = (1 - np.eye(len(Y))) / (1 + ((Y[:, None] - Y) ** 2).sum(axis=2))
    return np.sum(np.tanh(A * K))


def every_attraction(Y: Any, A: Any, B: Any) -> Any:
    D = 1 + Y[:, None] ** 2 + Y**2
    K = (1 - np.eye(len(Y))) / D
    return np.sum(A * K) + np.sum(B / D)


def affinities(P: Any, Y: Any) -> Any:
    P = P / P.sum()
    K = (1 - np.eye(len(Y))) / (1 + ((Y[:, None] - Y) ** 2).sum(axis=2))
    Q = K / K.sum()
    return -np.sum(P * np.log(Q + np.eye(len(Y))))


def precision(X: Any, w: Any, lam: Any) -> Any:
    return np.sum(np.tanh(X.T @ X + lam * np.eye(X.shape[1])) @ w)


def weighted_identity(A: Any, lam: Any) -> Any:
    weight = np.where(np.eye(len(A)) == 1, 1.0, lam)
    return np.sum(weight * A**2)


def nearest(X: Any, C: Any) -> Any:
    return np.mean(((X[:, None] - C) ** 2).sum(axis=2).min(axis=1))


def mixture(X: Any, M: Any, w: Any) -> Any:
    A = w - 0.5 * ((X[:, None] - M) ** 2).sum(axis=2)
    return np.sum(np.log(np.exp(A).sum(axis=1)))


def strided(X: Any, W: Any, R: Any) -> Any:
    X = np.pad(X, ((0, 0), (0, 0), (1, 1)))
    parts = (np.einsum("ncl,oc->nol", X[:, :, u : u + X.shape[2] - 2 : 2], W[:, :, u]) for u in range(3))
    return np.sum(R * sum(parts))


SQUARE: Shapes = {"Y": ("n", "d"), "A": ("n", "n")}
GRADIENTS = {
    "what a sum does not run over stands outside": Case(
        scaled, "X", {"X": ("n", "d"), "g": ("d",), "R": ("n", "d")},
        ['"ij,ij->i", R_times_g, X)'], ["X * g", "X**2"],
    ),
    "what sums alone read is not divided": Case(
        weighted_mean, "X", {"X": ("n", "d"), "V": ("n", "d")}, ['"ij,ij->i", d_P, E) / sum_E'], ["\n    P = "],
    ),
    "a square keeps its scale": Case(own_scale, "W", {"X": ("n", "d"), "W": ("k",)}, ["Y = X / "], []),
    "a reciprocal is made once": Case(attraction, "Y", SQUARE, ["K**2"], ["Y_term"]),
    "a reciprocal without its diagonal is not one with it": Case(
        every_attraction, "Y", {"Y": ("n",), "A": ("n", "n"), "B": ("n", "n")}, ["D**2"], [],
    ),
    "numbers are carried to numbers": Case(
        affinities, "Y", {"P": ("n", "n"), "Y": ("n", "d")},
        ["P.sum() * sum_K", "q = P / with_diagonal", "(q, K) / sum_K", "(2 * Y) @ Y.T"],
        ["P / P.sum()", ".copy()", "eye(", "2 * (Y @"],
    ),
    "a diagonal is added to in place": Case(
        precision, "X", {"X": ("n", "d"), "w": ("d", "k"), "lam": ()}, ["[np.diag_indices(d)] += lam"], ["eye("],
    ),
    "a number has another on its diagonal": Case(
        weighted_identity, "A", {"A": ("n", "n"), "lam": ()}, ["np.full((n, n), lam", "np.fill_diagonal("], ["eye("],
    ),
    "what is the same along an axis chooses nothing": Case(
        nearest, "C", {"X": ("n", "d"), "C": ("k", "d")}, ["argmin("], ["X, X"],
    ),
    "what is the same along an axis is not seen by softmax": Case(
        mixture, "M", {"X": ("n", "d"), "M": ("k", "d"), "w": ("k",)}, ["softmax("], ["X, X"],
    ),
    "a short kernel is a product for each of its entries": Case(
        strided, "W",
        {"X": ("N", "c", "2*m"), "W": ("o", "c", 3), "R": ("N", "o", "m")},
        [" = np.tensordot("], ["sliding_window_view"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", GRADIENTS)
def test_factors_stand_where_an_expert_puts_them(which: str) -> None:
    GRADIENTS[which].check_written()
    GRADIENTS[which].check_holds()


def test_a_jacobian_of_vectors_and_a_diagonal_makes_no_unit_matrix() -> None:
    def unit(x: Any) -> Any:
        return x / np.sqrt(np.sum(x**2))

    found = derive.jacobian(unit, "x", shapes={"x": ("d",)})
    source = numpy_source(found)
    assert "eye(" not in source
    assert "[np.diag_indices(d)] += 1 / norm_x" in source
    assert check_exported(found).outcome == "holds"


def test_what_is_huge_is_divided_before_it_is_squared() -> None:
    """A scale that keeps squares from overflowing stays inside their sum."""
    function = GRADIENTS["a square keeps its scale"].gradient.function()
    assert np.all(np.isfinite(function(X=np.full((2, 3), 1e200), W=np.ones(4))))
