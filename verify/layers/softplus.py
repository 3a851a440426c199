r"""Softplus, a smooth relu.

.. math:: y = \tfrac1\beta \log(1 + e^{\beta x}), \qquad \bar x = \bar y\,\sigma(\beta x)

computed as :math:`y = \max(x, 0) + \tfrac1\beta \log(1 + e^{-\beta |x|})`, which cannot overflow.

Shapes: x (...) -> (...).
Convention: PyTorch has a `threshold` (20) from which y is x; written as above, there is nothing to cut off.
Reference: Dugas, Bengio, Bélisle, Nadeau and Garcia (2001), Incorporating Second-Order Functional Knowledge for
Better Option Pricing, section 2.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent, number
from verify.layer import Array, Case, Layer
from verify.layer_parts.elementwise import cases, entries
from verify.layers import sigmoid


def forward(x: Array, *, beta: float = 1.0) -> tuple[Array, Array]:
    """The output, and beta x."""
    (x,) = arrays("x (...)", x)
    beta = number("beta", beta, "(0, inf)", x.dtype)
    z = np.asarray(beta * x, x.dtype)
    y = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(z))) / beta
    return np.asarray(y, x.dtype), z


def backward(d_output: Array, saved: Array) -> dict[str, Array]:
    """The gradient of x."""
    z = saved
    d_y = cotangent(d_output, z.shape, z.dtype)
    return {"x": np.asarray(d_y * sigmoid.forward(z)[0])}


def sample(rng: np.random.Generator) -> Case:
    """Numbers of both signs."""
    return Case(entries(rng), beta=round(rng.uniform(0.5, 3.0), 3))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="act-variants",
    cases={
        **cases(),
        "almost relu": lambda rng: Case(entries(rng), beta=50.0),
        "almost linear": lambda rng: Case(entries(rng), beta=0.02),
    },
)
