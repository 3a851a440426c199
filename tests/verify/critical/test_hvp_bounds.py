"""Hessian-vector products with bounds: right to the digits that are promised, bounds hold, kinks are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from verify.critical.losses.hvp_bounds import EXTENDED, Differences, Reading, Rounded, agreed, computes_in

EXTENDED_HERE = np.finfo(EXTENDED).eps < np.finfo(float).eps
TYPES = [np.float64, pytest.param(EXTENDED, marks=pytest.mark.skipif(not EXTENDED_HERE, reason="no more digits"))]


@dataclass(frozen=True)
class Perceptron:
    """The gradient of a network with one hidden layer, and its product with the Hessian, both written out."""

    X: Any
    Y: Any
    h: int

    @property
    def n(self) -> int:
        return self.h * (self.X.shape[1] + 1 + self.Y.shape[1])

    def parts(self, x: Any) -> Any:
        d, c, h = self.X.shape[1], self.Y.shape[1], self.h
        return x[: d * h].reshape(d, h), x[d * h : (d + 1) * h], x[(d + 1) * h :].reshape(h, c)

    def gradient(self, x: Any) -> Any:
        W, b, V = self.parts(x)
        X, Y = self.X.astype(x.dtype), self.Y.astype(x.dtype)
        a = np.tanh(X @ W + b)
        r = a @ V - Y
        d_z = (r @ V.T) * (1 - a * a)
        return np.concatenate([(X.T @ d_z).ravel(), d_z.sum(axis=0), (a.T @ r).ravel()])

    def product(self, x: Any, v: Any) -> Any:
        """Forward mode over the gradient, by hand, in extended precision."""
        x, v = x.astype(EXTENDED), v.astype(EXTENDED)
        (W, b, V), (dW, db, dV) = self.parts(x), self.parts(v)
        X, Y = self.X.astype(EXTENDED), self.Y.astype(EXTENDED)
        a, dz = np.tanh(X @ W + b), X @ dW + db
        slope = 1 - a * a
        da, r = slope * dz, a @ V - Y
        dr = da @ V + a @ dV
        d_z = (dr @ V.T + r @ dV.T) * slope - 2 * (r @ V.T) * a * da
        return np.concatenate([(X.T @ d_z).ravel(), d_z.sum(axis=0), (da.T @ r + a.T @ dr).ravel()])


def drawn(seed: int) -> tuple[Perceptron, Any, Any]:
    """Weights of 1e-2 to 10 and data of 0.03 to 30; at the origin, and along one coordinate, sometimes."""
    rng = np.random.default_rng(seed)
    X = 10.0 ** rng.uniform(-1.5, 1.5) * rng.normal(size=(9, 3))
    network = Perceptron(X, rng.normal(size=(9, 2)), 4)
    x, v = 10.0 ** rng.uniform(-2, 1) * rng.normal(size=network.n), rng.normal(size=network.n)
    return network, x * (seed % 4 != 0), v if seed % 3 else np.eye(network.n)[seed % network.n]


@pytest.mark.parametrize("dtype", TYPES)
def test_bounds_hold_and_are_of_use(dtype: Any) -> None:
    """Of 100 networks the worst and the ordinary."""
    errors, bounds, evaluations = [], [], []
    for seed in range(100):
        network, x, v = drawn(seed)
        found, truth = Differences(network.gradient, dtype).product(x, v), network.product(x, v)
        error = np.abs(found.value - truth)
        assert np.all(error <= found.bound), seed
        assert not found.kink.any()
        errors.append(float(np.max(error) / np.max(np.abs(truth))))
        bounds.append(float(np.max(found.bound) / np.max(np.abs(truth))))
        evaluations.append(found.evaluations)
    extended = dtype is not np.float64
    assert np.median(errors) < (3e-16 if extended else 3e-13)
    assert np.median(bounds) < (2e-14 if extended else 2e-11)
    assert np.mean(evaluations) < 20


def test_many_products_at_one_point_measure_it_once() -> None:
    network, x, _ = drawn(1)
    calls = []

    def gradient(z: Any) -> Any:
        calls.append(z)
        return network.gradient(z)

    differences = Differences(gradient, EXTENDED)
    first = differences.product(x, np.ones(network.n))
    measured = len(calls) - first.evaluations
    assert 9 <= measured <= 41
    second = differences.product(x, np.arange(1.0, network.n + 1))
    assert len(calls) == first.evaluations + second.evaluations + measured


def test_a_product_with_0_costs_nothing() -> None:
    found = Differences(lambda z: 1 / np.zeros(0), np.float64).product(np.ones(3), np.zeros(3))
    assert found.evaluations == 0
    assert not found.value.any()
    assert not found.bound.any()


@pytest.mark.parametrize("scale", [1e-150, 1e-8, 1e8, 1e150])
def test_the_length_of_v_does_not_matter(scale: float) -> None:
    network, x, v = drawn(5)
    differences = Differences(network.gradient, np.float64)
    one, other = differences.product(x, v), differences.product(x, v * scale)
    assert other.value / scale == pytest.approx(one.value, abs=float(np.max(one.bound)))


# ---------------------------------------------------------------------------------------------------- no smoothness

KINKED: dict[str, tuple[Callable[[Any], Any], float, bool]] = {
    # the gradient, the point, whether the gradient itself jumps
    "the slope jumps": (lambda x: np.where(x > 0, 3 * x, x), 0.0, False),
    "the slope jumps, beside something smooth": (lambda x: np.sin(3 * x) + np.abs(x), 0.0, False),
    "a small jump of the slope": (lambda x: np.exp(x) + 1e-6 * np.abs(x), 0.0, False),
    "the gradient jumps": (lambda x: np.where(x > 0, 1.0, 0.0).astype(x.dtype) + x, 0.0, True),
    "the gradient jumps evenly": (lambda x: np.sign(x) + x, 0.0, True),
    "a root": (lambda x: np.sign(x) * np.sqrt(np.abs(x)), 0.0, True),
}


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("case", KINKED)
def test_kinks_are_told(case: str, dtype: Any) -> None:
    gradient, x, jumps = KINKED[case]
    found = Differences(gradient, dtype).product(np.array([x]), np.array([1.0]))
    assert found.kink.all()
    assert np.isinf(found.bound).all() == jumps
    if not jumps:
        right, left = (float(gradient(np.array([h]))[0] - gradient(np.array([0.0]))[0]) / h for h in (1e-7, -1e-7))
        assert np.all(found.bound >= 0.49 * abs(right - left))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("distance", [1e-1, 1e-2, 1e-3, 1e-4, 1e-5])
def test_a_kink_nearby_is_kept_away_from(distance: float, dtype: Any) -> None:
    found = Differences(lambda x: np.sin(x) + np.abs(x - distance), dtype).product(np.zeros(1), np.ones(1))
    assert not found.kink.any()
    assert np.all(np.abs(found.value - 0.0) <= found.bound)
    assert np.all(found.bound <= 1e-9)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("width", [1e-1, 1e-2, 1e-3, 1e-4])
def test_narrow_features_are_seen(width: float, dtype: Any) -> None:
    found = Differences(lambda x: np.tanh(x / width) + x, dtype).product(np.array([0.3 * width]), np.ones(1))
    truth = (1 - np.tanh(0.3) ** 2) / width + 1
    assert np.all(np.abs(found.value - truth) <= found.bound + 4e-16 * truth)
    assert np.all(found.bound <= 1e-7 * truth)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("x", [1e3, 1e6, 1e12, 1e20, 1e60])
def test_steps_are_not_lost_in_a_large_coordinate(x: float, dtype: Any) -> None:
    """Half of ((y - x)² + sin 2z) at y = x, and with z of ordinary size beside it."""
    point, v = np.array([x, 0.4]), np.array([0.0, 1.0])

    def gradient(z: Any) -> Any:
        return np.array([z[0] - z.dtype.type(x), np.cos(2 * z[1])])

    found = Differences(gradient, dtype).product(point, v)
    assert np.all(np.abs(found.value - [0.0, -2 * np.sin(0.8)]) <= found.bound)
    found = Differences(gradient, dtype).product(point, v[::-1])
    assert np.all(np.abs(found.value - [1.0, 0.0]) <= found.bound)
    assert np.all(found.bound < 1e-6)


def test_where_nothing_is_known_the_bound_is_infinite() -> None:
    found = Differences(lambda x: np.log(x), np.float64).product(np.zeros(1), np.ones(1))
    assert np.isinf(found.bound).all()
    assert found.kink.all()


# ---------------------------------------------------------------------------------------------------- digits


def rounded_to(kind: Any) -> Callable[[Any], Any]:
    return lambda x: np.sin(2 * x).astype(kind).astype(x.dtype) * np.cos(x[::-1])


@pytest.mark.skipif(not EXTENDED_HERE, reason="no more digits")
def test_digits_that_are_lost_inside_are_missed() -> None:
    x = np.array([0.3, -0.7, 1.1])
    assert computes_in(rounded_to(EXTENDED), x, EXTENDED)
    assert computes_in(rounded_to(EXTENDED), np.zeros(3), EXTENDED)
    assert not computes_in(rounded_to(np.float64), x, EXTENDED)
    assert not computes_in(rounded_to(np.float32), x, EXTENDED)
    assert not computes_in(lambda z: z.astype(np.float64), x, EXTENDED)

    def refuses(z: Any) -> Any:
        raise TypeError("no loop for this type")

    assert not computes_in(refuses, x, EXTENDED)


def test_noise_in_the_gradient_is_in_the_bound() -> None:
    x, v = np.array([0.3, -0.7, 1.1]), np.array([1.0, -2.0, 0.5])
    found = Differences(rounded_to(np.float32), np.float64).product(x, v)
    truth = Differences(rounded_to(np.float64), np.float64).product(x, v)
    assert np.all(np.abs(found.value - truth.value) <= found.bound)
    assert np.max(found.bound) > 1e-9
    assert np.max(truth.bound) < 1e-10


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("digits", range(18, 50, 2))
def test_steps_of_a_staircase_are_in_the_bound(digits: int, dtype: Any) -> None:
    """Values that are rounded inside to so many binary digits, to some coarser than steps that look for noise."""
    x, v = np.array([0.3, -0.7, 1.1]), np.array([1.0, -2.0, 0.5])

    def stairs(z: Any) -> Any:
        return np.round(np.sin(2 * z) * 2.0**digits) / z.dtype.type(2.0**digits) * np.cos(z[::-1])

    found = Differences(stairs, dtype).product(x, v)
    truth = 2 * np.cos(2 * x) * np.cos(x[::-1]) * v - np.sin(2 * x) * np.sin(x[::-1]) * v[::-1]
    assert np.all(np.abs(found.value - truth) <= found.bound)
    assert np.max(found.bound) <= 1e4 * 2.0**-digits


def test_what_finer_steps_contradict_is_widened() -> None:
    def reading(finest: float, value: float, error: float) -> Reading:
        return Reading(finest, np.array([value]), error, 0.0, 0.0, 1.0)

    best = reading(1e-2, 1.0, 1e-9)
    assert agreed(best, [best, reading(1e-3, 1.5, 1e-1)]).bound == pytest.approx(0.4)
    assert agreed(best, [best, reading(1e-3, 1.05, 1e-1)]).bound == pytest.approx(1e-9)
    assert agreed(best, [best, reading(1e-1, 1.5, 1e-6)]).bound == pytest.approx(1e-9)


def test_the_rounding_of_exact_products_is_measured() -> None:
    shares, bounds = [], []
    for seed in range(100):
        network, x, v = drawn(seed)

        def hvp(z: Any, w: Any, network: Perceptron = network) -> Any:
            """Forward mode, as above, in float64."""
            return in_double(network, z, w)

        found, truth = Rounded(hvp).product(x, v), network.product(x, v)
        shares.append(np.max(np.abs(found.value - truth) / found.bound))
        bounds.append(np.max(found.bound) / np.max(np.abs(truth)))
    assert max(shares) <= 1
    assert np.median(bounds) < 1e-13


def test_exact_products_measure_a_point_once() -> None:
    network, x, v = drawn(1)
    calls = []

    def hvp(z: Any, w: Any) -> Any:
        calls.append(z)
        return in_double(network, z, w)

    rounded = Rounded(hvp)
    rounded.product(x, v)
    once = len(calls)
    assert once <= 41
    rounded.product(x, -v)
    assert len(calls) == once + 1
    rounded.product(x + 1, v)
    assert len(calls) > once + 10


def test_products_that_are_not_finite_have_no_bound() -> None:
    found = Rounded(lambda x, v: np.where(x > 0, v, np.nan)).product(np.array([1.0, -1.0]), np.ones(2))
    assert np.array_equal(np.isinf(found.bound), [True, True])


def in_double(network: Perceptron, x: Any, v: Any) -> Any:
    (W, b, V), (dW, db, dV) = network.parts(x), network.parts(v)
    a, dz = np.tanh(network.X @ W + b), network.X @ dW + db
    slope = 1 - a * a
    da, r = slope * dz, a @ V - network.Y
    dr = da @ V + a @ dV
    d_z = (dr @ V.T + r @ dV.T) * slope - 2 * (r @ V.T) * a * da
    return np.concatenate([(network.X.T @ d_z).ravel(), d_z.sum(axis=0), (da.T @ r + a.T @ dr).ravel()])
