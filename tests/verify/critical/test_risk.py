"""What a random start proves: the polynomial bound is the best one, and the risk that is stated is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from verify.critical.large.block_eigen import Expansion, Ritz, orthonormal
from verify.critical.large.products import Products
from verify.critical.large.risk import measure


def searched(values: Any, steps: int, width: int, seed: int) -> Any:
    """The measure that some steps from random vectors see."""
    n = len(values)
    products = Products(lambda v: values * v, n)
    start, first = orthonormal(np.random.default_rng([seed, n]).normal(size=(width, n)), Ritz.none(n).vectors)
    expansion = Expansion(products, Ritz.none(n), start, first, True, n)
    for _ in range(steps):
        expansion.step()
    return expansion.seen()


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("below", [0.0, 0.05])
def test_the_polynomial_is_the_best_one(width: int, below: float) -> None:
    steps = 6
    found = searched(np.linspace(0.1, 2, 80), steps, width, 1)
    # Least squares over polynomials 1 + (t + below) r(t), r in powers of t, on the Ritz values.
    shifted = found.nodes + below
    columns = np.stack([shifted * found.nodes**k for k in range(steps - 1)], axis=1) * np.sqrt(found.weights)[:, None]
    rest = np.sqrt(found.weights) - columns @ np.linalg.lstsq(columns, np.sqrt(found.weights), rcond=None)[0]
    assert found.risk(below) == pytest.approx(chi2.cdf(rest @ rest, width), rel=1e-6)


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("hidden", [-1e-3, -0.2])
def test_the_stated_risk_is_kept(width: int, hidden: float) -> None:
    """With an eigenvalue below -τ, the risk is at most p in at most the part p of all starts."""
    values = np.linspace(0.3, 1, 120)
    values[0] = hidden
    risks = np.array([searched(values, 4, width, seed).risk(0.9 * -hidden) for seed in range(250)])
    for p in (0.05, 0.2, 0.5):
        assert np.mean(risks <= p) <= p + 3 * np.sqrt(p * (1 - p) / 250)
    assert np.mean(risks < 1) > 0.05  # Ritz values do not always show it: the statement is not empty


def test_negative_ritz_values_refute_nothing() -> None:
    values = np.linspace(0.3, 1, 50)
    values[0] = -5
    found = searched(values, 12, 1, 3)
    assert found.risk(1e-12) == 1
    assert found.resolution(1e-3, 1e-12) > 4.9


def test_more_steps_and_a_lower_point_mean_less_risk() -> None:
    values = np.linspace(0.1, 1, 300)
    few, many = searched(values, 5, 1, 4), searched(values, 15, 1, 4)
    assert many.risk(0) < few.risk(0)
    assert many.risk(0.1) < many.risk(0)
    assert many.resolution(1e-3, 0.0) < few.resolution(1e-3, 0.0) <= 10
    assert few.risk(few.resolution(1e-3, 0.0)) <= 1e-3


def test_an_invariant_space_shows_all_there_is() -> None:
    values = np.repeat([1.0, 2.0, 3.0], 40)
    found = searched(values, 3, 1, 5)
    assert found.exhausted
    assert found.risk(0.0) == 0
    assert found.share(0, 1.5) == pytest.approx(
        measure(np.diag(found.nodes), np.eye(1), 1, True).share(0, 9) / 3, abs=0.2
    )
