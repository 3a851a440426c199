r"""Sigmoid-weighted linear unit, also called swish.

.. math:: y = x\,\sigma(x), \qquad \bar x = \bar y\,(\sigma(x) + x\,\sigma'(x))

Shapes: x (...) -> (...).
Reference: Elfwing, Uchibe and Doya (2018), Sigmoid-Weighted Linear Units for Neural Network Function Approximation in
Reinforcement Learning, section 2.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent
from verify.layer import Array, Case, Layer
from verify.layer_parts.elementwise import cases, entries
from verify.layers import sigmoid

Saved = tuple[Array, Array, Array]


def forward(x: Array) -> tuple[Array, Saved]:
    """The output; x, the gate and what its backward pass needs."""
    (x,) = arrays("x (...)", x)
    gate, saved = sigmoid.forward(x)
    return np.asarray(x * gate), (x, gate, saved)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of x, which is factor and argument of the gate."""
    x, gate, saved_gate = saved
    d_y = cotangent(d_output, x.shape, x.dtype)
    return {"x": np.asarray(d_y * (gate + sigmoid.backward(x, saved_gate)["x"]))}


def sample(rng: np.random.Generator) -> Case:
    """Numbers of both signs."""
    return Case(entries(rng))


LAYER = Layer(forward=forward, backward=backward, sample=sample, formula="act-variants", cases=cases())
