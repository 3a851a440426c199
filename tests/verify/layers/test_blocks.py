"""Blocks: beside loops over units, what passes unchanged, refusals."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from verify.layer import normal
from verify.layers import highway_block, residual_block

RNG = np.random.default_rng(7)


def jacobian(layer: Any, x: Any, *rest: Any, **options: Any) -> Any:
    """The Jacobian of one sample, a row for each output."""
    y, saved = layer.forward(x, *rest, **options)
    return np.stack([layer.backward(row, saved)["x"] for row in np.eye(len(y))])


def unit(x: Any, W: Any, b: Any, j: int) -> float:
    """The weighted input of one unit."""
    return sum(float(x[i] * W[i, j]) for i in range(len(x))) + float(b[j])


# -------------------------------------------------------------------------------------------------- residual block


@pytest.mark.parametrize("relu_after", [False, True])
@pytest.mark.parametrize("projected", [False, True])
def test_residual_unit_by_unit(projected: bool, relu_after: bool) -> None:
    x, W1, b1, W2, b2, W_s = residual_block.weights(RNG, (5,), 3, 4, 2 if projected else 3, projected=projected)
    y = residual_block.forward(x, W1, b1, W2, b2, W_s, relu_after=relu_after)[0]
    for n, sample in enumerate(x):
        hidden = [max(unit(sample, W1, b1, j), 0.0) for j in range(4)]
        for j in range(y.shape[1]):
            shortcut = unit(sample, W_s, np.zeros(2), j) if projected else sample[j]
            expected = shortcut + unit(hidden, W2, b2, j)
            assert y[n, j] == pytest.approx(max(expected, 0.0) if relu_after else expected, abs=1e-12)


def test_a_branch_that_is_0_lets_all_pass() -> None:
    x, W1, b1, W2, b2, _ = residual_block.weights(RNG, (3,), 4, 5, 4)
    y, saved = residual_block.forward(x, W1, b1, np.zeros_like(W2), None)
    d_y = normal(RNG, 3, 4)
    assert np.array_equal(y, x)
    assert np.array_equal(residual_block.backward(d_y, saved)["x"], d_y)


def test_projection_by_the_identity_is_the_plain_shortcut() -> None:
    inputs = residual_block.weights(RNG, (3,), 4, 5, 4)[:-1]
    plain, saved = residual_block.forward(*inputs)
    projected, saved_projected = residual_block.forward(*inputs, np.eye(4))
    d_y = normal(RNG, 3, 4)
    gradients = residual_block.backward(d_y, saved)
    others = residual_block.backward(d_y, saved_projected)
    np.testing.assert_allclose(projected, plain, rtol=1e-13)
    assert set(others) - set(gradients) == {"W_s"}
    for name, gradient in gradients.items():
        np.testing.assert_allclose(others[name], gradient, rtol=1e-13)


def test_singular_values_stay_about_1() -> None:
    """If the branch contracts by r, the block's singular values are in [1 - r, 1 + r]."""
    x, W1, b1, W2, b2, _ = residual_block.weights(RNG, (), 4, 6, 4)
    W1, W2 = W1 / np.linalg.norm(W1, 2), 0.3 * W2 / np.linalg.norm(W2, 2)
    found = np.linalg.svd(jacobian(residual_block, x, W1, b1, W2, b2), compute_uv=False)
    assert np.all((found >= 0.7 - 1e-12) & (found <= 1.3 + 1e-12))
    assert not np.allclose(found, 1)


def test_deep_stacks_pass_a_gradient() -> None:
    """50 weak layers: with shortcuts the gradient arrives, without them nothing does."""
    x = normal(RNG, 8)
    blocks = [(0.1 * normal(RNG, 8, 8), None, 0.1 * normal(RNG, 8, 8)) for _ in range(50)]
    passed, vanished, y = np.eye(8), np.eye(8), x
    for weights in blocks:
        step = jacobian(residual_block, y, *weights)
        passed, vanished = step @ passed, (step - np.eye(8)) @ vanished
        y = residual_block.forward(y, *weights)[0]
    assert np.linalg.norm(passed) > 1
    assert np.linalg.norm(vanished) < 1e-20


# --------------------------------------------------------------------------------------------------- highway block


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_highway_unit_by_unit(activation: str) -> None:
    x, W_H, b_H, W_T, b_T = highway_block.weights(RNG, (4,), 3)
    y = highway_block.forward(x, W_H, b_H, W_T, b_T, activation=activation)[0]
    for n, sample in enumerate(x):
        for j in range(3):
            z = unit(sample, W_H, b_H, j)
            H = math.tanh(z) if activation == "tanh" else max(z, 0.0)
            T = 1 / (1 + math.exp(-unit(sample, W_T, b_T, j)))
            assert y[n, j] == pytest.approx(H * T + sample[j] * (1 - T), abs=1e-12)


def test_a_closed_gate_lets_all_pass() -> None:
    inputs = highway_block.biased(RNG, -900.0)
    y, saved = highway_block.forward(*inputs)
    d_y = normal(RNG, 3, 4)
    assert np.array_equal(y, inputs[0])
    assert np.array_equal(highway_block.backward(d_y, saved)["x"], d_y)


def test_an_open_gate_leaves_the_layer_alone() -> None:
    x, W_H, b_H, W_T, b_T = highway_block.biased(RNG, 900.0)
    y, saved = highway_block.forward(x, W_H, b_H, W_T, b_T)
    np.testing.assert_allclose(y, np.tanh(x @ W_H + b_H), rtol=1e-13)
    gradients = highway_block.backward(normal(RNG, 3, 4), saved)
    assert not np.any(gradients["W_T"])
    assert np.all(gradients["W_H"])


def test_the_lower_the_bias_the_closer_to_the_identity() -> None:
    x, W_H, b_H, W_T, _ = highway_block.weights(RNG, (), 4)
    apart = [
        np.linalg.norm(jacobian(highway_block, x, W_H, b_H, W_T, np.full(4, b_T)) - np.eye(4))
        for b_T in (-10.0, -15.0, -20.0)
    ]
    # the gate, and with it all that differs, falls as exp(b_T)
    np.testing.assert_allclose(np.diff(np.log(apart)), -5, atol=0.05)


def test_tanh_is_the_default() -> None:
    inputs = highway_block.weights(RNG, (2,), 3)
    named = highway_block.forward(*inputs, activation="tanh")[0]
    assert np.array_equal(highway_block.forward(*inputs)[0], named)


# -------------------------------------------------------------------------------------------------------- refusals

x, W1, b1, W2, b2, W_s = np.ones((2, 3)), np.ones((3, 4)), np.ones(4), np.ones((4, 3)), np.ones(3), np.ones((3, 3))
WIDE = np.ones((4, 5))
REFUSED: list[tuple[Any, tuple[Any, ...], dict[str, Any], str]] = [
    (residual_block, (x, np.ones((2, 4)), b1, W2), {}, "W1 has shape (2, 4): expected (d, h) with d = 3 as in x"),
    (residual_block, (x, W1, np.ones(3), W2), {}, "b1 has shape (3,): expected (h,) with h = 4 as in W1"),
    (
        residual_block,
        (x, W1, b1, WIDE),
        {},
        "W2 has shape (4, 5): expected 3 columns as x, or W_s",
    ),
    (residual_block, (x, W1, b1, WIDE, None, W_s), {}, "W_s has shape (3, 3): expected (d, c) with c = 5 as in W2"),
    (residual_block, (x, W1, b1, W2, np.ones((1, 3))), {}, "b2 has shape (1, 3): expected (c,), which has 1 axis"),
    (residual_block, (x, W1, b1, W2.astype(int)), {}, "W2 holds int64: it is an array of floating-point numbers"),
    (residual_block, (x, W1.astype(np.float32), b1, W2), {}, "W1 holds float32, x holds float64"),
    (residual_block, (x, W1, b1, W2), {"relu_after": 1}, "relu_after is 1: it is one of True, False"),
    (highway_block, (x, W1, None, W_s), {}, "W_H has shape (3, 4): expected (d, d) with d = 3 as in x"),
    (highway_block, (x, W_s, b1, W_s), {}, "b_H has shape (4,): expected (d,) with d = 3 as in x"),
    (highway_block, (x, W_s, None, W2), {}, "W_T has shape (4, 3): expected (d, d) with d = 3 as in x"),
    (highway_block, (x, W_s, None, W_s, np.ones(3, int)), {}, "b_T holds int64"),
    (highway_block, (x, W_s, None, W_s), {"activation": "sigmoid"}, "activation is 'sigmoid': it is one of 'tanh'"),
    (highway_block, (np.array(1.0), W_s, None, W_s), {}, "x has shape (): expected (..., d), at least 1 axis"),
]


@pytest.mark.parametrize(("layer", "inputs", "options", "message"), REFUSED)
def test_refusals(layer: Any, inputs: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(*inputs, **options)


@pytest.mark.parametrize("relu_after", [False, True])
def test_cotangents_that_would_broadcast_are_refused(relu_after: bool) -> None:
    saved = residual_block.forward(x, W1, b1, W2, relu_after=relu_after)[1]
    with pytest.raises(ValueError, match=r"d_output has shape \(3,\), the output has shape \(2, 3\)"):
        residual_block.backward(np.ones(3), saved)
    with pytest.raises(ValueError, match=r"d_output has shape \(2, 1\), the output has shape \(2, 3\)"):
        highway_block.backward(np.ones((2, 1)), highway_block.forward(x, W_s, None, W_s)[1])
