r"""Gaussian error linear unit: the input times a gate that depends on it.

.. math:: y = x\, g(x), \qquad \bar x = \bar y\, (g(x) + x\, g'(x))

=================== ====================================== ==========================================
`approximate`       gate :math:`g`                         its slope :math:`g'`
=================== ====================================== ==========================================
``"none"``          :math:`\Phi(x)`, the normal cdf        :math:`\varphi(x) = e^{-x^2/2}/\sqrt{2\pi}`
``"tanh"``          :math:`\tfrac12(1 + \tanh u)`          :math:`\tfrac12(1 - \tanh^2 u)\, u'`
=================== ====================================== ==========================================

with :math:`u = \sqrt{2/\pi}\,(x + 0.044715\,x^3)`. The second gate is :math:`\sigma(2u)`, and computed as such: its
left tail is not rounded to 0.

Shapes: x (...) -> (...).
Convention: exact by default, as in PyTorch; BERT and GPT-2 were trained with the approximation.
Reference: Hendrycks and Gimpel (2016), Gaussian Error Linear Units (GELUs), section 2.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from verify.arguments import arrays, choice, cotangent
from verify.layer import Array, Case, Layer
from verify.layer_parts.elementwise import cases, entries
from verify.layers import sigmoid

Saved = tuple[Array, Array, Array]

# Both gates are exactly 0 or 1, and flat, beyond; squares of numbers within do not overflow.
FLAT = 40.0


def forward(x: Array, *, approximate: str = "none") -> tuple[Array, Saved]:
    """The output; x where the gate is not flat, the gate and its slope."""
    (x,) = arrays("x (...)", x)
    choice("approximate", approximate, ("none", "tanh"))
    if approximate == "none" and x.dtype.itemsize > 8:
        raise ValueError(f"x holds {x.dtype}: SciPy has the normal distribution in float32 and float64 alone")
    near = np.asarray(np.clip(x, -FLAT, FLAT), x.dtype)
    gate, slope = normal_gate(near) if approximate == "none" else tanh_gate(near)
    return np.asarray(x * gate, x.dtype), (near, gate, slope)


def normal_gate(x: Array) -> tuple[Array, Array]:
    """The normal distribution function and its density."""
    return ndtr(x), np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def tanh_gate(x: Array) -> tuple[Array, Array]:
    """The sigmoid of 2u, and its slope."""
    scale, cubic = math.sqrt(8 / math.pi), 0.044715 * x * x
    gate, saved = sigmoid.forward(np.asarray(scale * (x + cubic * x), x.dtype))
    return gate, sigmoid.backward(scale * (1 + 3 * cubic), saved)["x"]


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of x."""
    near, gate, slope = saved
    d_y = cotangent(d_output, near.shape, near.dtype)
    return {"x": np.asarray(d_y * (gate + near * slope), near.dtype)}


def sample(rng: np.random.Generator) -> Case:
    """Numbers of both signs."""
    return Case(entries(rng), approximate=str(rng.choice(["none", "tanh"])))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="act-variants",
    cases={**cases(), **cases(", approximate", approximate="tanh")},
)
