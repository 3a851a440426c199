r"""Leaky rectified linear unit.

.. math:: y = \max(x, 0) + \alpha \min(x, 0), \qquad \bar x = \bar y \odot ([x > 0] + \alpha\,[x \le 0])

Shapes: x (...) -> (...).
Convention: alpha, PyTorch's `negative_slope`, is in [0, 1] and also the slope at 0; alpha = 0 is relu.
Reference: Maas, Hannun and Ng (2013), Rectifier Nonlinearities Improve Neural Network Acoustic Models, section 2.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent, number
from verify.layer import Array, Case, Layer
from verify.layer_parts.elementwise import cases, entries

Saved = tuple[Array, float]


def forward(x: Array, *, alpha: float = 0.01) -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    (x,) = arrays("x (...)", x)
    alpha = number("alpha", alpha, "[0, 1]")
    return np.asarray(np.maximum(x, 0) + alpha * np.minimum(x, 0), x.dtype), (x, alpha)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of x."""
    x, alpha = saved
    d_y = cotangent(d_output, x.shape, x.dtype)
    return {"x": np.asarray(d_y * ((x > 0) + alpha * (x <= 0)), x.dtype)}


def sample(rng: np.random.Generator) -> Case:
    """Numbers of both signs."""
    return Case(entries(rng), alpha=round(rng.uniform(0.01, 0.5), 3))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="act-variants",
    cases={
        **cases(),
        "slope 0": lambda rng: Case(entries(rng), alpha=0.0),
        "slope 1": lambda rng: Case(entries(rng), alpha=1.0),
    },
)
