"""Products of a JAX loss's Hessian: those of the matrix that JAX writes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from verify.adapters.jax_hessian import hvp_of  # noqa: E402  # needs JAX
from verify.critical.large.index import hessian_index  # noqa: E402

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 2))
WEIGHTS = {"a": 0.5 * RNG.normal(size=(3, 4)), "b": (RNG.normal(size=(4, 2)), RNG.normal(size=2))}


def loss(weights: Any, x: Any = X, y: Any = Y) -> Any:
    w, c = weights["b"]
    return jax.numpy.sum((jax.numpy.tanh(x @ weights["a"]) @ w + c - y) ** 2)


def test_products_are_those_of_the_hessian() -> None:
    whole = hvp_of(loss, WEIGHTS)
    hvp, dim = whole
    flat, back = jax.flatten_util.ravel_pytree(WEIGHTS)
    matrix = np.asarray(jax.hessian(lambda z: loss(back(z)))(flat), np.float64)
    v = RNG.normal(size=dim)
    assert dim == 22
    assert np.allclose(hvp(v), matrix @ v, rtol=1e-4, atol=1e-4)
    assert np.allclose(whole.gradient(), jax.grad(lambda z: loss(back(z)))(flat), rtol=1e-4, atol=1e-4)
    found = hessian_index(hvp, dim)
    values = np.linalg.eigvalsh(matrix)
    assert found.lower_bound <= int(np.sum(values < 0)) <= found.lower_bound + (found.nullity or 0)
    assert found.lower_bound > 0


def test_batches_add_up() -> None:
    one = hvp_of(loss, WEIGHTS)
    parts = hvp_of(loss, WEIGHTS, [(X[:6], Y[:6]), (X[6:], Y[6:])])
    v = RNG.normal(size=one.dim)
    assert np.allclose(one.hvp(v), parts.hvp(v), rtol=1e-4, atol=1e-4)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="expected real"):
        hvp_of(loss, np.zeros(3, np.int32))
    with pytest.raises(ValueError, match="one number"):
        hvp_of(lambda z: z, np.zeros(3)).hvp(np.zeros(3))
    with pytest.raises(ValueError, match="expected \\(3,\\)"):
        hvp_of(lambda z: z.sum(), np.zeros(3)).hvp(np.zeros(2))
