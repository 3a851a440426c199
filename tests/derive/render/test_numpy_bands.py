"""No array of all pairs is made for neighbours, no scaled matrix for vectors, and no second sigmoid or deviation."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from tests.derive.render.exported import Case


def variation(X: Any, e: Any) -> Any:
    down = np.sqrt((X[1:] - X[:-1]) ** 2 + e)
    right = np.sqrt((X[:, 1:] - X[:, :-1]) ** 2 + e)
    return np.sum(down) + np.sum(right)


def diagonal_of_product(A: Any, B: Any) -> Any:
    return np.sum(np.tanh(np.diag(A @ B)))


def weighted(z: Any, y: Any, w: Any) -> Any:
    return np.mean(w * y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))


def preferred(a: Any, b: Any, y: Any) -> Any:
    return np.sum(y * np.logaddexp(0, b - a) + (1 - y) * np.logaddexp(0, a - b))


def spins(x: Any, J: Any) -> Any:
    return np.sum(np.log1p(np.exp(-2 * x * (J @ x))))


def instance_norm(X: Any, T: Any, eps: Any) -> Any:
    mean = X.mean(axis=(1, 2), keepdims=True)
    var = X.var(axis=(1, 2), keepdims=True)
    return np.sum(np.sin((X - mean) / np.sqrt(var + eps)) * T)


CASES = {
    "variation": Case(variation, "X", {"X": ("h", "w"), "e": ()}),
    "diagonal of a product": Case(diagonal_of_product, "A", {"A": ("n", "m"), "B": ("m", "n")}),
    "weighted": Case(weighted, "z", {"z": ("n",), "y": ("n",), "w": ()}),
    "preferred": Case(preferred, "a", {"a": ("n",), "b": ("n",), "y": ("n",)}),
    "spins": Case(spins, "x", {"x": ("n",), "J": ("n", "n")}),
    "instance norm": Case(
        instance_norm, "X", {"X": ("n", "h", "w"), "T": ("n", "h", "w"), "eps": ()},
        unwanted=["standardise(", ".var("],
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", CASES)
def test_the_source_holds(which: str) -> None:
    case = CASES[which]
    if which == "variation":
        function = case.gradient.function()
        X = np.random.default_rng(0).normal(size=(4, 5))
        for i, j in np.ndindex(4, 5):
            step = np.zeros_like(X)
            step[i, j] = 1e-6
            slope = (variation(X + step, 0.1) - variation(X - step, 0.1)) / 2e-6
            assert function(X, 0.1)[i, j] == pytest.approx(slope, abs=1e-8)
    case.check_holds()


def test_differences_of_neighbours_take_no_more_than_a_few_arrays() -> None:
    function = CASES["variation"].gradient.function()
    X = np.random.default_rng(0).normal(size=(200, 200))
    tracemalloc.start()
    function(X, 0.1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * X.nbytes


@pytest.mark.parametrize("which", ["weighted", "preferred"])
def test_a_sigmoid_and_its_complement_are_computed_once(which: str) -> None:
    body = CASES[which].body
    assert body.count("sigmoid(") == 1


def test_vectors_are_scaled_and_not_the_matrix_that_they_meet() -> None:
    body = CASES["spins"].body
    assert "[:, None]" not in body
    assert body.count("J @ x") == 1


def test_an_array_is_centred_once_where_its_deviation_is_read_too() -> None:
    case = CASES["instance norm"]
    case.check_written()
    assert case.source.count(".mean(axis=(1, 2), keepdims=True)") == 2  # of X, and of its cotangent
