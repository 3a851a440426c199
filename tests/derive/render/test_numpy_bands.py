"""Differences along an axis make no array of all pairs, and complementary sigmoids are one."""

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


SHAPES: dict[str, dict[str, tuple[str, ...]]] = {
    "variation": {"X": ("h", "w"), "e": ()},
    "diagonal_of_product": {"A": ("n", "m"), "B": ("m", "n")},
    "weighted": {"z": ("n",), "y": ("n",), "w": ()},
    "preferred": {"a": ("n",), "b": ("n",), "y": ("n",)},
}
FUNCTIONS = {f.__name__: f for f in (variation, diagonal_of_product, weighted, preferred)}


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
