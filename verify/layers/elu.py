r"""Exponential linear unit.

.. math::
   y = \max(x, 0) + \alpha \left(e^{\min(x, 0)} - 1\right), \qquad
   \bar x = \bar y \odot ([x > 0] + \alpha e^x\,[x \le 0])

Shapes: x (...) -> (...).
Convention: alpha is positive and also the slope at 0, where only alpha = 1 leaves no kink. PyTorch does the same.
Reference: Clevert, Unterthiner and Hochreiter (2016), Fast and Accurate Deep Network Learning by Exponential Linear
Units, section 3.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent, number
from verify.layer import Array, Case, Layer
from verify.layer_parts.elementwise import cases, entries

Saved = tuple[Array, float]


def forward(x: Array, *, alpha: float = 1.0) -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    (x,) = arrays("x (...)", x)
    alpha = number("alpha", alpha, "(0, inf)", x.dtype)
    y = np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))
    return np.asarray(y, x.dtype), (x, alpha)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of x."""
    x, alpha = saved
    d_y = cotangent(d_output, x.shape, x.dtype)
    slope = (x > 0) + alpha * np.exp(np.minimum(x, 0)) * (x <= 0)
    return {"x": np.asarray(d_y * slope, x.dtype)}


def sample(rng: np.random.Generator) -> Case:
    """Numbers of both signs."""
    return Case(entries(rng), alpha=round(rng.uniform(0.3, 2.0), 3))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="act-variants",
    cases={
        **cases(),
        "alpha 1/2, at the kink": lambda rng: Case(np.array([0.0, -0.0, 1.5, -1.5]), alpha=0.5),
        "alpha 2, at the kink": lambda rng: Case(np.array([0.0, -0.0, 1.5, -1.5]), alpha=2.0),
    },
)
