r"""Affine map of the last axis, the fully connected layer.

.. math:: Y = X W + \mathbf 1 b^\top, \qquad
   \bar X = \bar Y W^\top, \quad \bar W = X^\top \bar Y, \quad \bar b = \bar Y^\top \mathbf 1

Shapes: x (..., d), W (d, c), b (c) -> (..., c).
Convention: samples are rows; PyTorch stores W transposed. b=None leaves the bias out.
Reference: Saitoh (2016), Deep Learning from Scratch, section 5.6.
"""

from __future__ import annotations

import math

import numpy as np

from verify.arguments import arrays, cotangent
from verify.layer import Array, Case, Layer, Pair, normal
from verify.layer_parts.sums import sum_over

Saved = tuple[Array, Array, bool]


def forward(x: Array, W: Array, b: Array | None = None) -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    x, W, b = arrays("x (..., d), W (d, c), b? (c)", x, W, b)
    y = x.reshape(math.prod(x.shape[:-1]), W.shape[0]) @ W  # one product, however many batch axes there are
    if b is not None:
        y += b
    return y.reshape(*x.shape[:-1], W.shape[1]), (x, W, b is not None)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradients of x, W and b."""
    x, W, biased = saved
    d_y = cotangent(d_output, (*x.shape[:-1], W.shape[1]), x.dtype)
    n = math.prod(x.shape[:-1])
    rows = d_y.reshape(n, W.shape[1])
    gradients = {"x": (rows @ W.T).reshape(x.shape), "W": x.reshape(n, W.shape[0]).T @ rows}
    return {**gradients, "b": sum_over((0,), rows)} if biased else gradients


def sample(rng: np.random.Generator) -> Case:
    """A batch of rows."""
    n, d, c = rng.integers(1, 7, 3)
    return Case(normal(rng, n, d), normal(rng, d, c), normal(rng, c))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="ff-affine-row",
    # there a sample is a column, and W lies the other way
    pairs={"bp-bias-gradient": Pair(case=lambda W, x, b: Case(x, W.T, b), output="u")},
    cases={
        "without bias": lambda rng: Case(normal(rng, 3, 4), normal(rng, 4, 2)),
        "two batch axes": lambda rng: Case(normal(rng, 2, 3, 4), normal(rng, 4, 5), normal(rng, 5)),
        "one sample without batch": lambda rng: Case(normal(rng, 4), normal(rng, 4, 3), normal(rng, 3)),
        "nothing to sum": lambda rng: Case(normal(rng, 3, 0), normal(rng, 0, 2), normal(rng, 2)),
        "one sample": lambda rng: Case(normal(rng, 1, 4), normal(rng, 4, 3), normal(rng, 3)),
        "empty batch": lambda rng: Case(normal(rng, 0, 4), normal(rng, 4, 3), normal(rng, 3)),
    },
)
