r"""Rectified linear unit.

.. math:: y = \max(x, 0), \qquad \bar x = \bar y \odot [x > 0]

Shapes: x (...) -> (...).
Convention: at 0, where the subdifferential is [0, 1], the slope is 0, as in PyTorch. Saitoh's class `Relu` takes 0,
his function `relu_grad` 1.
Reference: Glorot, Bordes and Bengio (2011), Deep Sparse Rectifier Neural Networks, section 3.1.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent
from verify.layer import Array, Case, Layer
from verify.layer_parts.elementwise import cases, entries


def forward(x: Array) -> tuple[Array, Array]:
    """The output, and x."""
    (x,) = arrays("x (...)", x)
    return np.asarray(np.maximum(x, 0), x.dtype), x


def backward(d_output: Array, saved: Array) -> dict[str, Array]:
    """The gradient of x."""
    x = saved
    d_y = cotangent(d_output, x.shape, x.dtype)
    return {"x": np.asarray(d_y * (x > 0))}


def sample(rng: np.random.Generator) -> Case:
    """Numbers of both signs."""
    return Case(entries(rng))


LAYER = Layer(forward=forward, backward=backward, sample=sample, formula="act-relu", cases=cases())
