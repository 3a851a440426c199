"""Penalties and dropout: beside loops and all masks, factors, seeds, refusals."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest

from verify.layer import normal
from verify.layers import dropout, l1_reg, l2_reg

RNG = np.random.default_rng(6)

# ------------------------------------------------------------------------------------------------------- penalties

W = np.array([[3.0, -4.0], [0.0, 0.5]])


@pytest.mark.parametrize(
    ("layer", "options", "penalty", "gradient"),
    [
        (l1_reg, {"lam": 0.1}, 0.75, [[0.1, -0.1], [0, 0.1]]),
        (l2_reg, {"lam": 0.1}, 1.2625, [[0.3, -0.4], [0, 0.05]]),
        (l2_reg, {"lam": 0.1, "half": False}, 2.525, [[0.6, -0.8], [0, 0.1]]),
        (l1_reg, {}, 0.075, [[0.01, -0.01], [0, 0.01]]),
        (l2_reg, {}, 0.12625, [[0.03, -0.04], [0, 0.005]]),
    ],
)
def test_penalties_by_hand(layer: Any, options: dict[str, Any], penalty: float, gradient: Any) -> None:
    found, saved = layer.forward(W, **options)
    assert found.shape == ()
    assert found == pytest.approx(penalty, rel=1e-14)
    np.testing.assert_allclose(layer.backward(np.array(-2.0), saved)["W"], -2 * np.array(gradient), rtol=1e-14)


def test_weights_that_are_0_get_no_slope() -> None:
    for layer in (l1_reg, l2_reg):
        assert layer.backward(np.array(1.0), layer.forward(np.array([0.0, -0.0]))[1])["W"].tolist() == [0, 0]


def test_weight_decay_of_plain_descent() -> None:
    """w - η (g + λ w) = (1 - η λ) w - η g."""
    w, g, step, lam = normal(RNG, 5), normal(RNG, 5), 0.3, 0.2
    gradient = l2_reg.backward(np.array(1.0), l2_reg.forward(w, lam=lam)[1])["W"]
    np.testing.assert_allclose(w - step * (g + gradient), (1 - step * lam) * w - step * g, rtol=1e-13)


# --------------------------------------------------------------------------------------------------------- dropout


@pytest.mark.parametrize("inverted", [True, False])
@pytest.mark.parametrize("p", [0.0, 0.2, 0.75])
def test_over_all_masks(p: float, inverted: bool) -> None:
    """The mean of the outputs is what evaluation gives; each variance is q(1 - q) times the factor's square."""
    x, d_y, q = normal(RNG, 6), normal(RNG, 6), 1 - p
    mean, square = np.zeros(6), np.zeros(6)
    for bits in itertools.product([False, True], repeat=6):
        mask = np.array(bits)
        probability = np.prod(np.where(mask, q, p))
        y, saved = dropout.forward(x, mask, p=p, inverted=inverted)
        mean += probability * y
        square += probability * y**2
        for kept, entry, before, slope in zip(mask, y, x, dropout.backward(d_y, saved)["x"] / d_y, strict=True):
            assert entry == pytest.approx((before / q if inverted else before) if kept else 0)
            assert slope == pytest.approx((1 / q if inverted else 1) if kept else 0)
    evaluated = dropout.forward(x, p=p, inverted=inverted, training=False)[0]
    np.testing.assert_allclose(mean, evaluated, rtol=1e-13)
    np.testing.assert_allclose(square - mean**2, (p / q if inverted else p * q) * x**2, atol=1e-13)


@pytest.mark.parametrize(("inverted", "factor"), [(True, 1.0), (False, 0.7)])
def test_evaluation_has_no_mask(inverted: bool, factor: float) -> None:
    x, d_y = normal(RNG, 3, 4), normal(RNG, 3, 4)
    for mask in (None, np.zeros((3, 4), bool)):
        y, saved = dropout.forward(x, mask, p=0.3, inverted=inverted, training=False)
        np.testing.assert_allclose(y, factor * x, rtol=1e-15)
        np.testing.assert_allclose(dropout.backward(d_y, saved)["x"], factor * d_y, rtol=1e-15)


def test_masks_come_from_the_seed() -> None:
    x = np.ones((50, 40))
    first, again, other = (dropout.forward(x, p=0.3, seed=seed)[0] != 0 for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert 0.2 < np.mean(first != other) < 0.6
    assert np.mean(first) == pytest.approx(0.7, abs=0.05)
    assert np.array_equal(first, dropout.forward(x.astype(np.float32), p=0.3, seed=1)[0] != 0)
    assert np.array_equal(first, dropout.forward(x, first, p=0.9)[0] != 0)


def test_p_is_the_probability_to_drop() -> None:
    assert np.mean(dropout.forward(np.ones(1000), p=0.9)[0] == 0) > 0.8
    assert np.array_equal(dropout.forward(np.ones(1000), p=0.0)[0], np.ones(1000))
    default, half = (dropout.forward(np.ones(100), **options)[0] for options in ({}, {"p": 0.5, "seed": 0}))
    assert np.array_equal(default, half)


def test_inverted_is_the_default() -> None:
    assert set(dropout.forward(np.ones(100), p=0.75)[0]) == {0.0, 4.0}
    assert set(dropout.forward(np.ones(100), p=0.75, inverted=False)[0]) == {0.0, 1.0}
    assert set(dropout.forward(np.ones(100), p=0.75, training=False)[0]) == {1.0}


# -------------------------------------------------------------------------------------------------------- refusals

X = np.ones((2, 3))
REFUSED: list[tuple[Any, tuple[Any, ...], dict[str, Any], str]] = [
    *(
        (layer, (W,), {"lam": lam}, f"lam is {lam!r}: it is a number in [0, inf)")
        for layer in (l1_reg, l2_reg)
        for lam in (-0.1, np.nan, np.inf, "0.1", None)
    ),
    (l1_reg, (np.ones(3, int),), {}, "W holds int64: it is an array of floating-point numbers"),
    (l1_reg, ([[1.0], [2.0, 3.0]],), {}, "W is no array"),
    (l2_reg, (np.ones(3, complex),), {}, "W holds complex128"),
    (l2_reg, (W,), {"half": 1}, "half is 1: it is one of True, False"),
    (dropout, (X,), {"p": 1.0}, "p is 1.0: it is a number in [0, 1)"),
    (dropout, (X,), {"p": -0.1}, "p is -0.1"),
    (dropout, (X,), {"p": None}, "p is None"),
    (
        dropout,
        (X, np.ones((3, 2), bool)),
        {},
        "mask has shape (3, 2): expected (*shape,) with *shape = (2, 3) as in x",
    ),
    (dropout, (X, np.ones(3, bool)), {}, "mask has shape (3,)"),
    (dropout, (X, np.ones((2, 3))), {}, "mask holds float64: it is an array of truth values"),
    (dropout, (X,), {"seed": -1}, "seed is -1: it is a whole number, at least 0"),
    (dropout, (X,), {"seed": None}, "seed is None"),
    (dropout, (X,), {"inverted": "yes"}, "inverted is 'yes': it is one of True, False"),
    (dropout, (X,), {"training": 0}, "training is 0"),
    (dropout, (X.astype(int),), {}, "x holds int64"),
]


@pytest.mark.parametrize(("layer", "inputs", "options", "message"), REFUSED)
def test_refusals(layer: Any, inputs: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(*inputs, **options)


def test_cotangents_that_would_broadcast_are_refused() -> None:
    for layer in (l1_reg, l2_reg):
        with pytest.raises(ValueError, match=r"d_output has shape \(1,\), the output has shape \(\)"):
            layer.backward(np.ones(1), layer.forward(W)[1])
    with pytest.raises(ValueError, match=r"d_output has shape \(3,\), the output has shape \(2, 3\)"):
        dropout.backward(np.ones(3), dropout.forward(X)[1])
