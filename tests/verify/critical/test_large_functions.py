"""Functions of many variables whose critical points and indices theory gives: derivatives, symmetry, eigenvalues."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import eigvalsh_tridiagonal

from tests.verify.critical.known import INDICES, PROBLEMS


@pytest.mark.parametrize("name", [name for name, one in PROBLEMS.items() if not one.symbolic])
def test_families_have_these_points(name: str) -> None:
    problem = PROBLEMS[name]
    rng = np.random.default_rng(4)
    x, t = rng.normal(size=(2, problem.dimension))
    derivatives(problem, x, t)
    for k in rng.permutation(len(problem.points))[:40]:
        one = problem.points[k]
        at = np.array(one.x)
        assert np.abs(problem.gradient(at)).max() < 1e-11 * (1 + np.abs(problem.gradient(x)).max())
        hessian = np.array([problem.hvp(at, row) for row in np.eye(problem.dimension)])
        np.testing.assert_allclose(hessian, hessian.T, atol=1e-10)
        values = np.linalg.eigvalsh(hessian)
        assert (np.sum(values < -1e-6), np.sum(np.abs(values) < 1e-6)) == (one.index, one.nullity)


def derivatives(one: Any, x: np.ndarray, t: np.ndarray) -> None:
    """The gradient is the slope of f along t, and the product with the Hessian that of the gradient."""
    step = 1e-5
    along = (one.function(x + step * t) - one.function(x - step * t)) / (2 * step)
    assert along == pytest.approx(one.gradient(x) @ t, rel=1e-5, abs=1e-5 * abs(one.function(x)))
    bent = (one.gradient(x + step * t) - one.gradient(x - step * t)) / (2 * step)
    np.testing.assert_allclose(bent, one.hvp(x, t), rtol=1e-5, atol=1e-5 * np.abs(bent).max())


@pytest.mark.parametrize("name", INDICES)
def test_large_functions_are_critical_with_symmetric_hessians(name: str) -> None:
    one = INDICES[name]
    x, t, u = np.random.default_rng(5).normal(size=(3, one.dimension))
    derivatives(one, x, t)
    at = one.at()
    assert np.abs(one.gradient(at)).max() == 0
    assert one.hvp(at, t) @ u == pytest.approx(one.hvp(at, u) @ t, rel=1e-9, abs=1e-9 * one.dimension**0.5)
    negative = [value for value in one.lowest if value < 0]
    assert len(negative) == min(one.index, len(one.lowest))
    assert list(one.lowest) == sorted(one.lowest)


@pytest.mark.parametrize("name", [name for name, one in INDICES.items() if one.dimension <= 1_000])
def test_large_functions_have_these_eigenvalues(name: str) -> None:
    one = INDICES[name]
    at = one.at()
    hessian = np.array([one.hvp(at, row) for row in np.eye(one.dimension)])
    values = np.linalg.eigvalsh((hessian + hessian.T) / 2)
    assert (np.sum(values < -1e-9), np.sum(np.abs(values) < 1e-9)) == (one.index, one.nullity)
    np.testing.assert_allclose(values[: len(one.lowest)], one.lowest, atol=1e-10)


def test_the_long_chain_has_the_index_of_its_tridiagonal_matrix() -> None:
    one = INDICES["chain of 100000 wells"]
    n = one.dimension
    values = eigvalsh_tridiagonal(np.full(n, 2 - 5e-9), np.full(n - 1, -1.0), select="v", select_range=(-1.0, 0.0))
    assert one.index == len(values) == 2
    assert one.hvp(one.at(), np.ones(n))[:2] == pytest.approx([1 - 5e-9, -5e-9])
