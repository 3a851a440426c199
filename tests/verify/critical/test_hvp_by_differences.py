"""Products by differences: the bound holds, and is not idle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from verify.critical.large.hvp_by_differences import differences
from verify.critical.large.products import HvpError

N = 30
A = (lambda a: a + a.T)(np.random.default_rng(1).normal(size=(N, N)))
Array = Any
CASES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array], float]] = {
    "quadratic": (lambda x: A @ x, lambda x: A, 1.0),
    "quartic": (lambda x: A @ x + x**3, lambda x: A + np.diag(3 * x**2), 1.0),
    "far from 0": (lambda x: A @ x + x**3, lambda x: A + np.diag(3 * x**2), 1e4),
    "exponential": (lambda x: np.exp(3 * x), lambda x: np.diag(3 * np.exp(3 * x)), 1.0),
    "fast": (lambda x: np.sin(50 * x), lambda x: np.diag(50 * np.cos(50 * x)), 1.0),
    "tiny": (lambda x: 1e-12 * np.tanh(x), lambda x: np.diag(1e-12 / np.cosh(x) ** 2), 1.0),
    "coarse": (
        lambda x: (A @ x + x**3).astype(np.float32).astype(np.float64),
        lambda x: A + np.diag(3 * x**2),
        1.0,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_bound_holds(case: str) -> None:
    gradient, hessian, size = CASES[case]
    rng = np.random.default_rng(2)
    x = size * rng.normal(size=N)
    products = differences(gradient, x, rng)
    rows = np.concatenate([rng.normal(size=(15, N)), np.eye(N)[:15]])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found, bounds = products(rows)
    exact = rows @ hessian(x)
    errors = np.linalg.norm(found - exact, axis=1)
    assert np.all(errors <= bounds)
    most = 3e-2 if case == "coarse" else 1e-4
    assert np.median(bounds) <= most * np.linalg.norm(hessian(x), 2)


def test_a_random_gradient_is_refused() -> None:
    rng = np.random.default_rng(3)
    with pytest.raises(HvpError, match="called again"):
        differences(lambda x: x + rng.normal(size=N), np.ones(N), rng)


@pytest.mark.parametrize(
    ("gradient", "said"), [(lambda x: x[:-1], "shape"), (lambda x: x * 1j, "real"), (lambda x: x * np.nan, "finite")]
)
def test_gradients_are_checked(gradient: Any, said: str) -> None:
    with pytest.raises(HvpError, match=said):
        differences(gradient, np.ones(N), np.random.default_rng(4))
