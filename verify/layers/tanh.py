r"""Hyperbolic tangent.

.. math:: y = \tanh x = \frac{e^x - e^{-x}}{e^x + e^{-x}}, \qquad \bar x = \bar y\, (1 - y^2)

Shapes: x (...) -> (...).
Convention: the slope comes from the output alone, so it is 0 where the output is rounded to 1 (|x| > 19.1, where the
slope is below 1e-16; in float32 |x| > 9.1).
Reference: LeCun, Bottou, Orr and Müller (1998), Efficient BackProp, section 4.4.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent
from verify.layer import Array, Case, Layer
from verify.layer_parts.elementwise import cases, entries


def forward(x: Array) -> tuple[Array, Array]:
    """The output, twice: backward needs nothing else."""
    (x,) = arrays("x (...)", x)
    y = np.asarray(np.tanh(x))
    return y, y


def backward(d_output: Array, saved: Array) -> dict[str, Array]:
    """The gradient of x."""
    y = saved
    d_y = cotangent(d_output, y.shape, y.dtype)
    return {"x": np.asarray(d_y * (1 - y * y), y.dtype)}


def sample(rng: np.random.Generator) -> Case:
    """Numbers of both signs."""
    return Case(entries(rng))


LAYER = Layer(forward=forward, backward=backward, sample=sample, formula="act-tanh", cases=cases())
