r"""Logarithm of the softmax along one axis, never computed from the softmax.

.. math:: y_i = x_i - m - \log \sum_j e^{x_j - m}, \quad m = \max_j x_j, \qquad
   \bar x_i = \bar y_i - e^{y_i} \sum_j \bar y_j

Shapes: x (..., k) -> like x.
Convention: an entry -inf stays -inf, and its gradient is its cotangent, as in PyTorch. A row without any finite entry
is refused, where PyTorch answers with NaN.
Reference: Blanchard, Higham, Higham (2021), Accurately computing the log-sum-exp and softmax functions.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, choice, cotangent
from verify.layer import Array, Case, Layer, normal
from verify.layer_parts.exponentials import largest_along
from verify.layer_parts.sums import sum_along

Saved = tuple[Array, int]


def forward(x: Array, *, axis: int = -1) -> tuple[Array, Saved]:
    """The logarithms of the probabilities, and what the backward pass needs."""
    (x,) = arrays("x (..., k)", x)
    choice("axis", axis, range(-x.ndim, x.ndim))
    y = x - largest_along("x", x, axis)
    y -= np.log(sum_along((axis,), np.exp(y)))
    return y, (y, axis)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of x."""
    y, axis = saved
    d_y = cotangent(d_output, y.shape, y.dtype)
    return {"x": d_y - np.exp(y) * sum_along((axis,), d_y)}


def sample(rng: np.random.Generator) -> Case:
    """Rows along any axis of one to three."""
    shape = tuple(map(int, rng.integers(2, 6, rng.integers(1, 4))))
    return Case(normal(rng, *shape, scale=2.0), axis=int(rng.integers(-len(shape), len(shape))))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="act-logsumexp",
    cases={
        "rows of ±900": lambda rng: Case(np.array([[900.0, 899.5, -900.0], [-900.0, -899.0, -900.5]])),
        "first axis": lambda rng: Case(normal(rng, 4, 3, 2), axis=0),
        "one class": lambda rng: Case(normal(rng, 3, 1)),
        "equal entries": lambda rng: Case(np.full((2, 5), -1.5)),
        "empty batch": lambda rng: Case(normal(rng, 0, 4)),
    },
)
