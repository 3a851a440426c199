"""Eigenvalues of the Hessian of a flat loss: their bounds hold, and no claim is made where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from verify import numdiff
from verify.critical.losses import spectrum as module
from verify.critical.losses.networks import FlatLoss, apply, flat_loss
from verify.critical.losses.spectrum import enclosed, hessian, spectrum
from verify.layer import Case, Layer
from verify.layers import affine, mse, relu, softmax_with_loss, tanh


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def perceptron(activation: Any = tanh, precision: str = "auto") -> FlatLoss:
    hidden = apply(activation, apply(affine, normal(5, 2), "W1", "b1"))
    loss = apply(softmax_with_loss, apply(affine, hidden, "W2"), np.array([2, 0, 1, 1, 0]))
    return flat_loss(loss, {"W1": normal(2, 3), "b1": normal(3), "W2": normal(3, 3)}, precision=precision)


def quadratic(M: Any) -> FlatLoss:
    """Half of x·Mx."""

    def forward(x: Any) -> Any:
        return np.asarray(x @ M.astype(x.dtype) @ x / 2), x

    def backward(d: Any, x: Any) -> Any:
        return {"x": d * (M.astype(x.dtype) @ x)}

    layer = Layer(forward=forward, backward=backward, sample=lambda rng: Case(np.zeros(1)), formula="")
    return flat_loss(apply(layer, "x"), {"x": np.zeros(len(M))})


@pytest.mark.parametrize("precision", ["auto", "double"])
def test_the_hessian_is_that_of_numerical_differentiation(precision: str) -> None:
    loss = perceptron(precision=precision)
    found = hessian(loss, loss.start)
    other = numdiff.hessian(loss.f, loss.start, loss.gradient)
    assert np.all(np.abs(found.value - other.value) <= found.bound + other.bound)
    assert np.array_equal(found.value, found.value.T)
    assert np.max(found.bound) <= (1e-13 if loss.precision == "extended" else 1e-10) * np.max(np.abs(found.value))
    assert found.evaluations >= 8 * loss.dimension


def test_a_wrong_backward_pass_widens_the_bounds() -> None:
    """A Hessian that is not symmetric is none."""
    wrong = Layer(
        forward=tanh.forward,
        backward=lambda d, y: {"x": d * (1 - y)},
        sample=lambda rng: Case(np.zeros(1)),
        formula="",
    )
    found = hessian(perceptron(wrong), perceptron().start)
    assert np.max(found.bound) > 1e-3
    assert found.value == pytest.approx(found.value.T)


@pytest.mark.parametrize("seed", range(10))
def test_no_matrix_within_the_bounds_escapes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    basis = np.linalg.qr(rng.normal(size=(n, n)))[0]
    value = (basis * np.round(rng.normal(size=n))) @ basis.T
    value = (value + value.T) / 2
    bound = 10.0 ** rng.uniform(-12, -1) * rng.uniform(0, 1, (n, n))
    bound = (bound + bound.T) / 2
    found = enclosed(value, bound)
    for _ in range(50):
        share = rng.choice([-1.0, 1.0, 0.3], (n, n))
        error = bound * (np.triu(share) + np.triu(share, 1).T)
        moved = np.linalg.eigvalsh(value + error)
        assert np.all((found.lower <= moved) & (moved <= found.upper))
    # The worst error is found, up to a factor that grows with n alone.
    worst = np.max(np.abs(np.linalg.eigvalsh(value + bound) - np.linalg.eigvalsh(value)))
    assert np.max(found.upper - found.values) <= n * (worst + 1e-12)


def test_exact_eigenvalues_are_enclosed() -> None:
    for seed in range(10):
        basis = np.linalg.qr(normal(6, 6, seed=seed))[0]
        exact = np.array([-3.0, -1e-3, 0.0, 0.0, 1e-6, 40.0])
        M = (basis * exact) @ basis.T
        found = spectrum(quadratic((M + M.T) / 2), np.zeros(6))
        assert np.all((found.lower <= exact) & (exact <= found.upper))
        assert (found.index, found.nullity, found.kind) == (2, 2, "saddle")
        assert not found.proved


def test_the_rounding_of_eigenvalues_is_in_their_bounds() -> None:
    """A matrix of whole numbers has no error of its own: [1..n] outer itself has one eigenvalue and zeros."""
    for n in range(2, 30):
        ramp = np.arange(1.0, n + 1)
        found = enclosed(np.outer(ramp, ramp), np.zeros((n, n)))
        exact = np.array([0.0] * (n - 1) + [ramp @ ramp])
        assert np.all((found.lower <= exact) & (exact <= found.upper))
        assert (found.index, found.nullity) == (0, n - 1)


def test_minima_and_maxima_have_their_names() -> None:
    assert spectrum(quadratic(np.diag([2.0, 1e-9])), np.zeros(2)).kind == "minimum"
    assert spectrum(quadratic(-np.eye(3)), np.zeros(3)).kind == "maximum"
    assert spectrum(quadratic(np.diag([1.0, 0.0])), np.zeros(2)).kind == "degenerate"


def test_a_zero_eigenvalue_beside_the_critical_point_stays_one() -> None:
    """Eigenvalues are those of the critical point, though x is some way from it; its symmetry makes one 0."""
    network = apply(affine, apply(affine, normal(4, 1), "a"), "b")
    loss = flat_loss(apply(mse, network, normal(4, 1, seed=1)), {"a": np.ones((1, 1)), "b": np.ones((1, 1))})
    X, Y = normal(4, 1), normal(4, 1, seed=1)
    product = float(np.sum(X * Y) / np.sum(X * X))
    for distance in (0.0, 1e-9, 1e-6, 1e-4):
        # On the hyperbola a b = product the loss is least.
        x = np.array([2.0, product / 2]) + distance * np.array([0.6, -0.8])
        found = spectrum(loss, x)
        assert (found.index, found.nullity) == (0, 1), distance
    with pytest.raises(ValueError, match="x is no critical point: the gradient's norm is"):
        spectrum(loss, np.array([2.0, product / 2 + 0.5]))


def test_where_the_gradient_does_not_vanish_along_a_flat_direction_there_is_no_critical_point() -> None:
    weights = np.array([1.0, -2.0])

    def forward(x: Any) -> Any:
        return np.asarray(x @ weights.astype(x.dtype)), x.dtype

    layer = Layer(
        forward=forward,
        backward=lambda d, kind: {"x": d * weights.astype(kind)},
        sample=lambda rng: Case(np.zeros(1)),
        formula="",
    )
    loss = flat_loss(apply(layer, "x"), {"x": np.zeros(2)})
    with pytest.raises(ValueError, match="x is no critical point"):
        spectrum(loss, np.ones(2))


def test_a_kink_is_no_critical_point_of_any_kind() -> None:
    loss = perceptron(relu)
    parts = loss.unpack(loss.start)
    at_kink = loss.pack({**parts, "b1": np.zeros(3), "W1": np.zeros((2, 3))})
    with pytest.raises(ValueError, match=r"there is no Hessian at x: the gradient has a kink along .*W1\[0, 0\]"):
        spectrum(loss, at_kink)
    assert np.all(np.isfinite(hessian(loss, loss.start).bound))


def test_what_has_no_bound_is_refused() -> None:
    bound = np.zeros((2, 2))
    bound[0, 1] = np.inf
    with pytest.raises(ValueError, match=r"entry \[0, 1\] of the Hessian has no bound"):
        enclosed(np.eye(2), bound)


def test_a_hessian_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 10)
    loss = perceptron()
    with pytest.raises(ValueError, match="the dimension is 18: a Hessian is written out up to 10; use hvp"):
        hessian(loss, loss.start)
