r"""Logistic sigmoid.

.. math:: y = \sigma(x) = \frac{1}{1 + e^{-x}}, \qquad \bar x = \bar y\, y (1 - y)

With :math:`e = e^{-|x|}`, which cannot overflow, :math:`\sigma(|x|) = 1/(1 + e)`, :math:`\sigma(-|x|) = e/(1 + e)`,
and :math:`y(1 - y) = \sigma(x)\,\sigma(-x) = e/(1 + e)^2` is exact in both tails, where :math:`1 - y` is rounded.

Shapes: x (...) -> (...).
Reference: Saitoh (2016), Deep Learning from Scratch, section 5.5.2.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent
from verify.layer import Array, Case, Layer
from verify.layer_parts.elementwise import cases, entries


def forward(x: Array) -> tuple[Array, Array]:
    """The output, and exp(-|x|)."""
    (x,) = arrays("x (...)", x)
    e = np.exp(-np.abs(x))
    y = np.maximum(x >= 0, e) / (1 + e)  # 1 where x ≥ 0, elsewhere e, which is at most 1
    return np.asarray(y, x.dtype), e


def backward(d_output: Array, saved: Array) -> dict[str, Array]:
    """The gradient of x."""
    e = saved
    d_y = cotangent(d_output, e.shape, e.dtype)
    return {"x": np.asarray(d_y * (e / np.square(1 + e)), e.dtype)}


def sample(rng: np.random.Generator) -> Case:
    """Numbers of both signs."""
    return Case(entries(rng))


LAYER = Layer(forward=forward, backward=backward, sample=sample, formula="act-sigmoid", cases=cases())
