r"""Long short-term memory through time: four gates read the input and the last hidden state and steer a memory cell.

.. math:: (a_i, a_f, a_g, a_o) = x_t W_x + h_{t-1} W_h + b, \qquad
   c_t = \sigma(a_f) \odot c_{t-1} + \sigma(a_i) \odot \tanh a_g, \quad h_t = \sigma(a_o) \odot \tanh c_t

   \bar c_t \mathrel{+}= \bar h_t \odot o \odot (1 - \tanh^2 c_t), \quad
   \bar a_i = \bar c_t \odot g \odot i(1-i), \quad \bar a_f = \bar c_t \odot c_{t-1} \odot f(1-f), \quad
   \bar a_g = \bar c_t \odot i \odot (1-g^2), \quad \bar a_o = \bar h_t \odot \tanh c_t \odot o(1-o)

   \bar c_{t-1} = \bar c_t \odot f, \quad \bar h_{t-1} \mathrel{+}= \bar a W_h^\top, \quad
   \bar x_t = \bar a W_x^\top, \quad \bar W_x = \sum_t x_t^\top \bar a, \quad
   \bar W_h = \sum_t h_{t-1}^\top \bar a, \quad \bar b = \sum_t \mathbf 1^\top \bar a

Shapes: x (n, t, d), Wx (d, 4h), Wh (h, 4h), b (4h), h0 (n, h), c0 (n, h) -> h (n, t, h), last c (n, h).
Convention: the last hidden state h[:, -1] and the last cell continue a sequence as h0 and c0 (truncated
back-propagation); left out, they are zero. ``gates`` is the order of the columns: "ifgo", the default, as in PyTorch
and Keras, "fgio" in Saitoh, "igfo" in TensorFlow 1, "iofg" in ONNX. PyTorch stores the weights transposed and adds a
second bias, which has the same gradient.
Reference: Hochreiter and Schmidhuber (1997), Long short-term memory; the forget gate: Gers, Schmidhuber and Cummins
(2000), Learning to forget. Saitoh (2018), Deep Learning from Scratch 2, section 6.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arguments import arrays, choice, cotangents
from verify.layer import Array, Case, Layer, Pair
from verify.layer_parts.recurrence import (
    at_all_steps,
    gate_slices,
    gradients_at_all_steps,
    sequences,
    swapped,
    trajectory,
    weights,
)

ORDERS = ("ifgo", "ifog", "igfo", "iofg", "fgio")


def forward(
    x: Array,
    Wx: Array,
    Wh: Array,
    b: Array | None = None,
    h0: Array | None = None,
    c0: Array | None = None,
    *,
    gates: str = "ifgo",
) -> tuple[tuple[Array, Array], Any]:
    """The hidden states and the last cell, and what the backward pass needs."""
    shapes = "x (n, t, d), Wx (d, 4h), Wh (h, 4h), b? (4h), h0? (n, h), c0? (n, h)"
    x, Wx, Wh, b, h0, c0 = arrays(shapes, x, Wx, Wh, b, h0, c0)
    n, steps, _ = x.shape
    choice("gates", gates, ORDERS)
    i, f, g, o = gate_slices("ifgo", gates, len(Wh))
    sign = np.full(4 * len(Wh), -1, x.dtype)  # what gates need is exp(-a)
    sign[g] = 1
    xs, signed = swapped(x), Wh * sign
    # of every step what its gates and candidates are computed from, and then, in the same memory, these
    stacked = at_all_steps(xs, Wx * sign, None if b is None else b * sign)
    h, c = (trajectory((steps, n, len(Wh)), first, x.dtype) for first in (h0, c0))
    tanh_c = np.empty_like(c[1:])
    for t, s in enumerate(stacked):
        s += h[t] @ signed
        candidate = np.tanh(s[:, g])
        with np.errstate(over="ignore"):  # a gate is 0 there
            np.exp(s, out=s)
        s += 1
        np.divide(1, s, out=s)
        s[:, g] = candidate
        c[t + 1] = s[:, f] * c[t] + s[:, i] * candidate
        np.tanh(c[t + 1], out=tanh_c[t])
        np.multiply(s[:, o], tanh_c[t], out=h[t + 1])
    given = {"b": b is not None, "h0": h0 is not None, "c0": c0 is not None}
    return (swapped(h[1:]), c[steps].copy()), (xs, Wx, Wh, stacked, h, c, tanh_c, (i, f, g, o), given)


def backward(d_output: tuple[Array, Array], saved: Any) -> dict[str, Array]:
    """The gradients of x, Wx, Wh and of those of b, h0 and c0 that were given."""
    xs, Wx, Wh, s, h, c, tanh_c, (i, f, g, o), given = saved
    steps, n, _ = xs.shape
    d_y, d_c = cotangents(d_output, (n, steps, len(Wh)), (n, len(Wh)), dtype=xs.dtype)
    # All but the recurrence: what stands beside d_c and d_h in the equations.
    d_a = s * (1 - s)
    d_a[..., g] = 1 - s[..., g] ** 2
    d_a[..., i] *= s[..., g]
    d_a[..., f] *= c[:-1]
    d_a[..., g] *= s[..., i]
    d_a[..., o] *= tanh_c
    c_from_h = s[..., o] * (1 - tanh_c**2)
    d_h, d_c = swapped(d_y), d_c.copy()
    d_h0 = np.zeros_like(h[0])
    for t in reversed(range(steps)):
        d_h[t] += d_h0
        d_c += d_h[t] * c_from_h[t]
        d_a[t, :, o] *= d_h[t]
        for gate in (i, f, g):
            d_a[t, :, gate] *= d_c
        d_c *= s[t, :, f]
        d_h0 = d_a[t] @ Wh.T
    gradients = {**gradients_at_all_steps(xs, Wx, d_a), "Wh": weights(h[:-1], d_a), "h0": d_h0, "c0": d_c}
    return {name: gradient for name, gradient in gradients.items() if given.get(name, True)}


def sample(rng: np.random.Generator) -> Case:
    """Short sequences with gates in any order."""
    return drawn(rng, *rng.integers(1, 6, 4), gates=str(rng.choice(ORDERS)))


def drawn(rng: np.random.Generator, n: int, t: int, d: int, h: int, *without: str, **options: Any) -> Case:
    """All inputs but those left out."""
    shapes = {"Wx": (d, 4 * h), "Wh": (h, 4 * h), "b": (4 * h,), "h0": (n, h), "c0": (n, h)}
    return sequences(rng, (n, t, d), shapes, without, **options)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="lstm-bptt",
    pairs={
        "lstm-bptt": Pair(
            case=lambda x, W_x, W_h, b, h0, c0: Case(x[None], W_x, W_h, b, h0[None], c0[None], gates="ifog"),
            output="h",
            read=lambda output: output[0][0],
        )
    },
    cases={
        "as Saitoh has it": lambda rng: drawn(rng, 2, 3, 4, 5, gates="fgio"),
        "inputs and weights only": lambda rng: drawn(rng, 2, 3, 4, 5, "b", "h0", "c0"),
        "from a cell only": lambda rng: drawn(rng, 2, 3, 4, 5, "h0"),
        "from a state, without bias": lambda rng: drawn(rng, 2, 3, 4, 5, "b", "c0"),
        "one step": lambda rng: drawn(rng, 3, 1, 2, 4),
        "one sample": lambda rng: drawn(rng, 1, 4, 2, 3),
        "one step of one sample": lambda rng: drawn(rng, 1, 1, 2, 3),
        "thirty steps": lambda rng: drawn(rng, 2, 30, 1, 2),
        "two units of three saturated": lambda rng: drawn(rng, 2, 3, 4, 3, far=30.0),
        "empty batch": lambda rng: drawn(rng, 0, 3, 2, 4),
        "no steps": lambda rng: drawn(rng, 2, 0, 3, 4),
    },
)
