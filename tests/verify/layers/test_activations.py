"""Activations: both tails beside mpmath, slopes at kinks, what ties one to another, refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from verify.layers import LAYERS, elu, gelu, leaky_relu, relu, sigmoid, silu, softplus, tanh

NAMES = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus")


def value(layer: Any, x: Any, **options: Any) -> Any:
    """The output."""
    return layer.forward(np.asarray(x, float), **options)[0]


def slope(layer: Any, x: Any, **options: Any) -> Any:
    """The derivative, entry by entry."""
    x = np.asarray(x, float)
    return layer.backward(np.ones_like(x), layer.forward(x, **options)[1])["x"]


# ------------------------------------------------------------------------------------------ beside many more digits

# As the books define them, in 400 digits; the derivative is taken numerically there.
DEFINED: dict[tuple[str, tuple[tuple[str, Any], ...]], Callable[[Any], Any]] = {
    ("sigmoid", ()): lambda x: 1 / (1 + mp.exp(-x)),
    ("tanh", ()): lambda x: (mp.exp(x) - mp.exp(-x)) / (mp.exp(x) + mp.exp(-x)),
    ("relu", ()): lambda x: x if x > 0 else mp.mpf(0),
    ("leaky_relu", (("alpha", 0.25),)): lambda x: x if x > 0 else x / 4,
    ("elu", (("alpha", 0.5),)): lambda x: x if x > 0 else (mp.exp(x) - 1) / 2,
    ("gelu", ()): lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
    ("gelu", (("approximate", "tanh"),)): lambda x: (
        x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf(0.044715) * x**3)))
    ),
    ("silu", ()): lambda x: x / (1 + mp.exp(-x)),
    ("softplus", ()): lambda x: mp.log(1 + mp.exp(x)),
    ("softplus", (("beta", 2.5),)): lambda x: mp.log(1 + mp.exp(x * 5 / 2)) * 2 / 5,
}
SIZES = (1e-300, 1e-20, 1e-8, 1e-3, 0.3, 1.0, 2.5, 6.0, 9.0, 15.0, 20.0, 30.0, 37.0, 100.0, 700.0, 900.0)


@pytest.mark.parametrize(("name", "options"), DEFINED, ids=[f"{name} {dict(opts)}" for name, opts in DEFINED])
def test_both_tails_have_all_their_digits(name: str, options: tuple[tuple[str, Any], ...]) -> None:
    f = DEFINED[name, options]
    points = [sign * size for size in SIZES for sign in (1, -1)]
    outputs = value(LAYERS[name], points, **dict(options))
    slopes = slope(LAYERS[name], points, **dict(options))
    with mp.workdps(400):
        for x, y, d_x in zip(points, outputs, slopes, strict=True):
            exact = mp.mpf(x)
            step = abs(exact) * mp.mpf(10) ** -30
            expected = f(exact), (f(exact + step) - f(exact - step)) / (2 * step)
            # smaller numbers have fewer digits; the slope of tanh comes from its rounded output
            assert abs(y - expected[0]) <= 1e-12 * abs(expected[0]) + 1e-307, x
            assert abs(d_x - expected[1]) <= 1e-12 * abs(expected[1]) + (3e-16 if name == "tanh" else 1e-307), x


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dtype", "far"), [("float64", 1e300), ("float32", 1e30)])
def test_nothing_overflows(name: str, dtype: str, far: float) -> None:
    x = np.array([-far, far], dtype)
    y, saved = LAYERS[name].forward(x)
    d_x = LAYERS[name].backward(np.ones(2, dtype), saved)["x"]
    assert np.all(np.isfinite(y))
    assert np.all(np.isfinite(d_x))
    assert y[1] == (1 if name in ("sigmoid", "tanh") else x[1])
    assert d_x[1] == (0 if name in ("sigmoid", "tanh") else 1)


# Numbers that anyone can check by hand, or in a table of the normal distribution.
BY_HAND = [
    (sigmoid, np.log(3), {}, 3 / 4, 3 / 16),
    (sigmoid, 0.0, {}, 1 / 2, 1 / 4),
    (tanh, np.log(2), {}, 3 / 5, 16 / 25),
    (elu, -np.log(2), {"alpha": 3.0}, -3 / 2, 3 / 2),
    (leaky_relu, -2.0, {"alpha": 0.1}, -0.2, 0.1),
    (silu, 0.0, {}, 0.0, 1 / 2),
    (softplus, 0.0, {"beta": 2.0}, np.log(2) / 2, 1 / 2),
    (gelu, 1.0, {}, 0.8413447460685429, 0.8413447460685429 + 0.24197072451914337),
    (gelu, 0.0, {"approximate": "tanh"}, 0.0, 1 / 2),
]


@pytest.mark.parametrize(("layer", "x", "options", "y", "d_x"), BY_HAND)
def test_by_hand(layer: Any, x: float, options: dict[str, Any], y: float, d_x: float) -> None:
    assert value(layer, x, **options) == pytest.approx(y, rel=1e-14)
    assert slope(layer, x, **options) == pytest.approx(d_x, rel=1e-14)


# ----------------------------------------------------------------------------------------------------- conventions


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_slopes_at_kinks(zero: float) -> None:
    assert slope(relu, zero) == 0
    assert slope(leaky_relu, zero, alpha=0.2) == 0.2
    assert slope(elu, zero, alpha=2.0) == 2.0
    assert all(value(layer, zero) == 0 for layer in (relu, leaky_relu, elu))


def test_a_dead_unit_gets_exactly_nothing() -> None:
    x = -np.abs(np.random.default_rng(0).normal(size=(3, 4))) - 1e-9
    d_y = np.random.default_rng(1).normal(size=(3, 4), scale=1e9)
    assert np.all(relu.backward(d_y, relu.forward(x)[1])["x"] == 0)


def test_defaults() -> None:
    x = np.array([-1.5, 0.5])
    assert np.array_equal(value(leaky_relu, x), value(leaky_relu, x, alpha=0.01))
    assert np.array_equal(value(elu, x), value(elu, x, alpha=1.0))
    assert np.array_equal(value(gelu, x), value(gelu, x, approximate="none"))
    assert np.array_equal(value(softplus, x), value(softplus, x, beta=1.0))


def test_large_cotangents_of_large_inputs() -> None:
    """Their product overflows, the gradient does not."""
    x = np.array([3e38, -3e38, 1e30, -1e30], np.float32)
    d_x = silu.backward(np.full(4, 1e8, np.float32), silu.forward(x)[1])["x"]
    np.testing.assert_array_equal(d_x, np.array([1e8, 0, 1e8, 0], np.float32))


def test_infinity_passes_a_leaky_unit() -> None:
    for alpha in (0.0, 0.2):
        y, saved = leaky_relu.forward(np.array([np.inf, 1.0]), alpha=alpha)
        assert y[0] == np.inf
        assert leaky_relu.backward(np.array([np.inf, 1.0]), saved)["x"].tolist() == [np.inf, 1.0]


def test_nan_is_not_hidden() -> None:
    for name in NAMES:
        assert np.isnan(value(LAYERS[name], [np.nan])), name


# ---------------------------------------------------------------------------------------------- one beside another

GRID = np.linspace(-8, 8, 161)


def test_what_ties_them() -> None:
    same: Any = lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-15)  # noqa: E731
    same(value(sigmoid, -GRID), 1 - value(sigmoid, GRID))
    same(value(tanh, GRID), 2 * value(sigmoid, 2 * GRID) - 1)
    same(value(softplus, GRID) - value(softplus, -GRID), GRID)
    same(value(silu, GRID) - value(silu, -GRID), GRID)
    same(value(gelu, GRID) - value(gelu, -GRID), GRID)
    same(value(relu, 3.5 * GRID), 3.5 * value(relu, GRID))
    same(slope(softplus, GRID, beta=1.7), value(sigmoid, 1.7 * GRID))
    same(value(leaky_relu, GRID, alpha=0.0), value(relu, GRID))
    same(value(leaky_relu, GRID, alpha=1.0), GRID)


def test_softplus_is_relu_within_log_2_over_beta() -> None:
    for beta in (0.5, 1.0, 40.0):
        apart = value(softplus, GRID, beta=beta) - value(relu, GRID)
        assert np.all(apart >= 0)
        assert np.max(apart) == pytest.approx(np.log(2) / beta)


def test_the_approximation_of_gelu_is_another_function() -> None:
    apart = np.max(np.abs(value(gelu, GRID, approximate="tanh") - value(gelu, GRID)))
    assert 1e-4 < apart < 5e-4


# -------------------------------------------------------------------------------------------------------- refusals

BAD_INPUTS = {
    "x holds int64: it is an array of floating-point numbers": np.array([1, 2]),
    "x holds bool": np.array([True]),
    "x holds complex128": np.array([1j]),
    "x is no array": [[1.0, 2.0], [3.0]],
    "x is None: expected (...), floating-point numbers": None,
}
BAD_OPTIONS = [
    (leaky_relu, {"alpha": -0.1}, "alpha is -0.1: it is a number in [0, 1]"),
    (leaky_relu, {"alpha": 1.5}, "alpha is 1.5"),
    (leaky_relu, {"alpha": "0.1"}, "alpha is '0.1'"),
    (elu, {"alpha": 0.0}, "alpha is 0.0: it is a number in (0, inf)"),
    (elu, {"alpha": np.inf}, "alpha is inf"),
    (elu, {"alpha": True}, "alpha is True"),
    (softplus, {"beta": 0}, "beta is 0: it is a number in (0, inf)"),
    (softplus, {"beta": np.nan}, "beta is nan"),
    (gelu, {"approximate": "sigmoid"}, "approximate is 'sigmoid': it is one of 'none', 'tanh'"),
    (gelu, {"approximate": None}, "approximate is None"),
]


@pytest.mark.parametrize("message", BAD_INPUTS)
@pytest.mark.parametrize("name", NAMES)
def test_inputs_that_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        LAYERS[name].forward(BAD_INPUTS[message])


@pytest.mark.parametrize(("layer", "options", "message"), BAD_OPTIONS)
def test_options_that_are_refused(layer: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(np.ones(3), **options)


@pytest.mark.parametrize("name", NAMES)
def test_cotangents_that_are_refused(name: str) -> None:
    saved = LAYERS[name].forward(np.ones((2, 3)))[1]
    with pytest.raises(ValueError, match=r"d_output has shape \(3,\), the output has shape \(2, 3\)"):
        LAYERS[name].backward(np.ones(3), saved)
    with pytest.raises(ValueError, match="d_output holds complex128"):
        LAYERS[name].backward(np.ones((2, 3), complex), saved)
