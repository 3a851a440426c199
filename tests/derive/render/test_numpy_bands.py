"""No array of all pairs is made for neighbours, no scaled matrix for vectors, and no second sigmoid or deviation."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import derive
from derive.render.numpy import numpy_source
from verify.exported import check_exported


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


SHAPES: dict[str, dict[str, tuple[str, ...]]] = {
    "variation": {"X": ("h", "w"), "e": ()},
    "diagonal_of_product": {"A": ("n", "m"), "B": ("m", "n")},
    "weighted": {"z": ("n",), "y": ("n",), "w": ()},
    "preferred": {"a": ("n",), "b": ("n",), "y": ("n",)},
    "spins": {"x": ("n",), "J": ("n", "n")},
    "instance_norm": {"X": ("n", "h", "w"), "T": ("n", "h", "w"), "eps": ()},
}
FUNCTIONS = {f.__name__: f for f in (variation, diagonal_of_product, weighted, preferred, spins, instance_norm)}


def derived(which: str) -> derive.Derivation:
    shapes = SHAPES[which]
    return derive.gradient(FUNCTIONS[which], next(iter(shapes)), shapes=shapes)


@pytest.mark.parametrize("which", SHAPES)
def test_the_source_holds(which: str) -> None:
    found = derived(which)
    if which == "variation":
        function = found.function()
        X = np.random.default_rng(0).normal(size=(4, 5))
        for i, j in np.ndindex(4, 5):
            step = np.zeros_like(X)
            step[i, j] = 1e-6
            slope = (variation(X + step, 0.1) - variation(X - step, 0.1)) / 2e-6
            assert function(X, 0.1)[i, j] == pytest.approx(slope, abs=1e-8)
    assert check_exported(found).outcome == "holds"


def test_differences_of_neighbours_take_no_more_than_a_few_arrays() -> None:
    function = derived("variation").function()
    X = np.random.default_rng(0).normal(size=(200, 200))
    tracemalloc.start()
    function(X, 0.1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * X.nbytes


@pytest.mark.parametrize("which", ["weighted", "preferred"])
def test_a_sigmoid_and_its_complement_are_computed_once(which: str) -> None:
    body = numpy_source(derived(which)).rpartition('"""')[2]
    assert body.count("sigmoid(") == 1


def test_vectors_are_scaled_and_not_the_matrix_that_they_meet() -> None:
    body = numpy_source(derived("spins")).rpartition('"""')[2]
    assert "[:, None]" not in body
    assert body.count("J @ x") == 1


def test_an_array_is_centred_once_where_its_deviation_is_read_too() -> None:
    written = numpy_source(derived("instance_norm"))
    assert "standardise(" not in written
    assert ".var(" not in written
    assert written.count(".mean(axis=(1, 2), keepdims=True)") == 2  # of X, and of its cotangent
