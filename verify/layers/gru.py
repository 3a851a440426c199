r"""Gated recurrent unit through time: a reset gate and an update gate mix the last hidden state with a candidate.

.. math:: r = \sigma(x W_x^r + h_{t-1} W_h^r + b^r + b_h^r), \quad
   z = \sigma(x W_x^z + h_{t-1} W_h^z + b^z + b_h^z), \qquad
   h_t = z \odot h_{t-1} + (1 - z) \odot n

   n = \tanh(x W_x^n + b^n + r \odot u), \quad u = h_{t-1} W_h^n + b_h^n \ \text{(after)}, \qquad
   n = \tanh(x W_x^n + b^n + (r \odot h_{t-1}) W_h^n + b_h^n) \ \text{(before)}

   \bar a_n = \bar h_t \odot (1-z) \odot (1-n^2), \quad \bar a_z = \bar h_t \odot (h_{t-1} - n) \odot z(1-z), \quad
   \bar a_r = \bar a_n \odot u \odot r(1-r) \ \text{(after)}, \quad
   \bar a_r = \bar a_n W_h^{n\top} \odot h_{t-1} \odot r(1-r) \ \text{(before)}

   \bar h_{t-1} = \bar h_t \odot z + (\bar a_r, \bar a_z) W_h^{rz\top}
   + (\bar a_n \odot r) W_h^{n\top} \ \text{(after)}, \quad \ldots + \bar a_n W_h^{n\top} \odot r \ \text{(before)}

Shapes: x (n, t, d), Wx (d, 3h), Wh (h, 3h), b (3h), bh (3h), h0 (n, h) -> (n, t, h).
Convention: ``reset`` is "after" the recurrent product (the default; PyTorch, cuDNN) or "before" it (Cho et al.,
Saitoh); the recurrent bias bh has a gradient of its own only where it is after. ``update`` says what z weighs: the
"old" state (the default; Cho et al., PyTorch) or the "new" candidate, z in the place of 1 - z (Chung et al., Saitoh).
``gates`` is the order of the columns: "rzn" by default, as in PyTorch, "zrn" as in Keras and Saitoh. The last hidden
state continues a sequence as h0; left out, it is zero.
Reference: Cho et al. (2014), Learning phrase representations using RNN encoder-decoder, section 2.3; Chung et al.
(2014), Empirical evaluation of gated recurrent neural networks on sequence modeling, section 3.2. Saitoh (2018), Deep
Learning from Scratch 2, appendix C.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arguments import arrays, choice, cotangent
from verify.layer import Array, Case, Layer
from verify.layer_parts.recurrence import (
    at_all_steps,
    gate_slices,
    gradients_at_all_steps,
    sequences,
    swapped,
    trajectory,
    weights,
)
from verify.layer_parts.sums import sum_over
from verify.layers import sigmoid

ORDERS = ("rzn", "zrn")


def forward(
    x: Array,
    Wx: Array,
    Wh: Array,
    b: Array | None = None,
    bh: Array | None = None,
    h0: Array | None = None,
    *,
    reset: str = "after",
    update: str = "old",
    gates: str = "rzn",
) -> tuple[Array, Any]:
    """The hidden states, and what the backward pass needs."""
    shapes = "x (n, t, d), Wx (d, 3h), Wh (h, 3h), b? (3h), bh? (3h), h0? (n, h)"
    x, Wx, Wh, b, bh, h0 = arrays(shapes, x, Wx, Wh, b, bh, h0)
    choice("reset", reset, ("after", "before"))
    choice("update", update, ("old", "new"))
    choice("gates", gates, ORDERS)
    r, z, n = gate_slices("rzn", gates, len(Wh))
    rz = slice(0, n.start)
    xs = swapped(x)
    s = at_all_steps(xs, Wx, b)
    h = trajectory((*s.shape[:2], len(Wh)), h0, x.dtype)
    u = np.empty_like(h[1:])
    bias = np.zeros(len(Wh.T), x.dtype) if bh is None else bh
    for t, s_t in enumerate(s):
        if reset == "after":
            product = h[t] @ Wh + bias
            u[t] = product[:, n]
            s_t[:, rz] = sigmoid.forward(s_t[:, rz] + product[:, rz])[0]
            s_t[:, n] = np.tanh(s_t[:, n] + s_t[:, r] * u[t])
        else:
            s_t[:, rz] = sigmoid.forward(s_t[:, rz] + h[t] @ Wh[:, rz] + bias[rz])[0]
            u[t] = s_t[:, r] * h[t]
            s_t[:, n] = np.tanh(s_t[:, n] + u[t] @ Wh[:, n] + bias[n])
        kept, new = shares(s_t[:, z], update)
        h[t + 1] = kept * h[t] + new * s_t[:, n]
    given = {"b": b is not None, "bh": bh is not None, "h0": h0 is not None}
    return swapped(h[1:]), (xs, Wx, Wh, s, h, u, (r, z, n), reset, update, given)


def shares(z: Array, update: str) -> tuple[Array, Array]:
    """How much of the last state is kept, and how much there is of the candidate."""
    return (z, 1 - z) if update == "old" else (1 - z, z)


def backward(d_output: Array, saved: Any) -> dict[str, Array]:
    """The gradients of x, Wx, Wh and of those of b, bh and h0 that were given."""
    xs, Wx, Wh, s, h, u, (r, z, n), reset, update, given = saved
    rz = slice(0, n.start)
    steps, batch, _ = xs.shape
    d_h = swapped(cotangent(d_output, (batch, steps, len(Wh)), xs.dtype))
    kept, new = shares(s[..., z], update)
    # All but the recurrence: what stands beside d_h, for the reset gate beside what comes from the candidate.
    d_a = s * (1 - s)
    d_a[..., r] *= u if reset == "after" else h[:-1]
    d_a[..., z] *= h[:-1] - s[..., n] if update == "old" else s[..., n] - h[:-1]
    d_a[..., n] = new * (1 - s[..., n] ** 2)
    d_product = d_a if reset == "before" else np.empty_like(d_a)
    d_h0 = np.zeros_like(h[0])
    for t in reversed(range(steps)):
        d_h[t] += d_h0
        d_a[t, :, z] *= d_h[t]
        d_a[t, :, n] *= d_h[t]
        if reset == "after":
            d_a[t, :, r] *= d_a[t, :, n]
            d_product[t, :, rz] = d_a[t, :, rz]
            d_product[t, :, n] = d_a[t, :, n] * s[t, :, r]
            d_h0 = d_product[t] @ Wh.T
        else:
            d_u = d_a[t, :, n] @ Wh[:, n].T
            d_a[t, :, r] *= d_u
            d_h0 = d_a[t, :, rz] @ Wh[:, rz].T + d_u * s[t, :, r]
        d_h0 += d_h[t] * kept[t]
    d_Wh = weights(h[:-1], d_product)
    if reset == "before":
        d_Wh[:, n] = weights(u, d_a[..., n])
    gradients = {**gradients_at_all_steps(xs, Wx, d_a), "Wh": d_Wh, "bh": sum_over((0, 1), d_product), "h0": d_h0}
    return {name: gradient for name, gradient in gradients.items() if given.get(name, True)}


def sample(rng: np.random.Generator) -> Case:
    """Short sequences with any options."""
    options: Any = {"reset": ("after", "before"), "update": ("old", "new"), "gates": ORDERS}
    chosen: Any = {name: str(rng.choice(among)) for name, among in options.items()}
    return drawn(rng, *rng.integers(1, 6, 4), **chosen)


def drawn(rng: np.random.Generator, n: int, t: int, d: int, h: int, *without: str, **options: Any) -> Case:
    """All inputs but those left out."""
    shapes = {"Wx": (d, 3 * h), "Wh": (h, 3 * h), "b": (3 * h,), "bh": (3 * h,), "h0": (n, h)}
    return sequences(rng, (n, t, d), shapes, without, **options)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="gru",
    cases={
        "reset before": lambda rng: drawn(rng, 3, 4, 2, 5, reset="before"),
        "reset after": lambda rng: drawn(rng, 3, 4, 2, 5, reset="after"),
        "as Saitoh has it": lambda rng: drawn(rng, 2, 3, 4, 5, reset="before", update="new", gates="zrn"),
        "as Keras has it": lambda rng: drawn(rng, 2, 3, 4, 5, gates="zrn"),
        "inputs and weights only": lambda rng: drawn(rng, 2, 3, 4, 5, "b", "bh", "h0"),
        "recurrent bias only": lambda rng: drawn(rng, 2, 3, 4, 5, "b", "h0"),
        "one step": lambda rng: drawn(rng, 3, 1, 2, 4),
        "one sample": lambda rng: drawn(rng, 1, 4, 2, 3, reset="before"),
        "one step, reset before": lambda rng: drawn(rng, 3, 1, 2, 4, reset="before"),
        "one step of one sample": lambda rng: drawn(rng, 1, 1, 2, 3),
        "thirty steps": lambda rng: drawn(rng, 2, 30, 1, 2),
        "two units of three saturated": lambda rng: drawn(rng, 2, 3, 4, 3, far=30.0),
        "empty batch": lambda rng: drawn(rng, 0, 3, 2, 4, reset="before"),
        "no steps": lambda rng: drawn(rng, 2, 0, 3, 4),
    },
)
