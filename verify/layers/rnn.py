r"""Simple recurrent layer through time (Elman): every hidden state reads the input and the last hidden state.

.. math:: h_t = \phi(x_t W_x + h_{t-1} W_h + b), \qquad
   \bar a_t = \bar h_t \odot \phi'(a_t), \quad \bar h_{t-1} \mathrel{+}= \bar a_t W_h^\top, \quad
   \bar x_t = \bar a_t W_x^\top, \quad \bar W_x = \sum_t x_t^\top \bar a_t, \quad
   \bar W_h = \sum_t h_{t-1}^\top \bar a_t, \quad \bar b = \sum_t \mathbf 1^\top \bar a_t

Shapes: x (n, t, d), Wx (d, h), Wh (h, h), b (h), h0 (n, h) -> (n, t, h).
Convention: the last hidden state continues a sequence as h0 (truncated back-propagation); left out, it is zero. The
activation is tanh by default, or relu, whose slope at 0 is 0. PyTorch stores the weights transposed and adds a second
bias, which has the same gradient.
Reference: Elman (1990), Finding structure in time; Werbos (1990), Backpropagation through time: what it does and how
to do it. Saitoh (2018), Deep Learning from Scratch 2, section 5.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from verify.arguments import arrays, choice, cotangent
from verify.layer import Array, Case, Layer
from verify.layer_parts.recurrence import (
    at_all_steps,
    gradients_at_all_steps,
    sequences,
    swapped,
    trajectory,
    weights,
)

# The activation, and its slope as a function of its value.
ACTIVATIONS: Mapping[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda h: 1 - h**2),
    "relu": (lambda a: np.maximum(a, 0), lambda h: (h > 0).astype(h.dtype)),
}


def forward(
    x: Array, Wx: Array, Wh: Array, b: Array | None = None, h0: Array | None = None, *, activation: str = "tanh"
) -> tuple[Array, Any]:
    """The hidden states, and what the backward pass needs."""
    x, Wx, Wh, b, h0 = arrays("x (n, t, d), Wx (d, h), Wh (h, h), b? (h), h0? (n, h)", x, Wx, Wh, b, h0)
    choice("activation", activation, ACTIVATIONS)
    phi, slope = ACTIVATIONS[activation]
    xs = swapped(x)
    a = at_all_steps(xs, Wx, b)
    h = trajectory(a.shape, h0, x.dtype)
    for t, a_t in enumerate(a):
        h[t + 1] = phi(a_t + h[t] @ Wh)
    return swapped(h[1:]), (xs, Wx, Wh, h, slope, {"b": b is not None, "h0": h0 is not None})


def backward(d_output: Array, saved: Any) -> dict[str, Array]:
    """The gradients of x, Wx, Wh and of those of b and h0 that were given."""
    xs, Wx, Wh, h, slope, given = saved
    steps, n, _ = xs.shape
    d_h = swapped(cotangent(d_output, (n, steps, len(Wh)), xs.dtype))
    d_a = slope(h[1:])
    d_h0 = np.zeros_like(h[0])
    for t in reversed(range(steps)):
        d_a[t] *= d_h[t] + d_h0
        d_h0 = d_a[t] @ Wh.T
    gradients = {**gradients_at_all_steps(xs, Wx, d_a), "Wh": weights(h[:-1], d_a), "h0": d_h0}
    return {name: gradient for name, gradient in gradients.items() if given.get(name, True)}


def sample(rng: np.random.Generator) -> Case:
    """Short sequences with either activation."""
    return drawn(rng, *rng.integers(1, 6, 4), activation=str(rng.choice(list(ACTIVATIONS))))


def drawn(rng: np.random.Generator, n: int, t: int, d: int, h: int, *without: str, **options: Any) -> Case:
    """All inputs but those left out."""
    shapes = {"Wx": (d, h), "Wh": (h, h), "b": (h,), "h0": (n, h)}
    return sequences(rng, (n, t, d), shapes, without, **options)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="rnn-bptt",
    cases={
        "relu": lambda rng: drawn(rng, 3, 4, 5, 2, activation="relu"),
        "inputs and weights only": lambda rng: drawn(rng, 2, 3, 4, 5, "b", "h0"),
        "from a state, without bias": lambda rng: drawn(rng, 2, 3, 4, 5, "b"),
        "one step": lambda rng: drawn(rng, 3, 1, 2, 4),
        "one sample": lambda rng: drawn(rng, 1, 4, 2, 3),
        "one step of one sample": lambda rng: drawn(rng, 1, 1, 2, 3),
        "thirty steps": lambda rng: drawn(rng, 2, 30, 1, 2),
        "two units of three saturated": lambda rng: drawn(rng, 2, 3, 4, 3, far=30.0),
        "empty batch": lambda rng: drawn(rng, 0, 3, 2, 4),
        "no steps": lambda rng: drawn(rng, 2, 0, 3, 4),
    },
)
