r"""Softmax along one axis.

.. math:: y_i = \frac{e^{x_i}}{\sum_j e^{x_j}}, \qquad
   \bar x = y \odot \left( \bar y - \textstyle\sum_j \bar y_j y_j \right)

where what is in brackets is as small as the probabilities of the rest if one is nearly 1, and is had from these.

Shapes: x (..., k) -> like x.
Convention: an entry -inf gets the probability 0 and the gradient 0. A row without any finite entry is refused, where
PyTorch answers with NaN.
Reference: Goodfellow, Bengio, Courville (2016), Deep Learning, sections 4.1 and 6.2.2.3.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent, place
from verify.layer import Array, Case, Layer, Pair, normal
from verify.layer_parts.certain import certain_rows, less_mean
from verify.layer_parts.exponentials import largest_along, need_no_shift
from verify.layer_parts.sums import sum_along

Saved = tuple[Array, Array | None, int]


def forward(x: Array, *, axis: int = -1) -> tuple[Array, Saved]:
    """The probabilities, and what the backward pass needs."""
    (x,) = arrays("x (..., k)", x)
    axis = place("axis", axis, x.ndim)
    largest = largest_along("x", x, axis)
    shifted = not need_no_shift(largest)
    y = np.exp(x - largest if shifted else x)
    total = sum_along((axis,), y)
    y /= total
    heaviest = 1.0 if shifted else np.moveaxis(np.exp(largest), axis, -1)
    return y, (y, certain_rows(heaviest, np.moveaxis(total, axis, -1)), axis)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of x."""
    y, certain, axis = saved
    d_y = cotangent(d_output, y.shape, y.dtype)
    d_x = d_y - sum_along((axis,), d_y, y)
    if certain is not None:
        d_rows, rows = (np.moveaxis(one, axis, -1)[certain] for one in (d_y, y))
        np.moveaxis(d_x, axis, -1)[certain] = less_mean(d_rows, rows)
    d_x *= y
    return {"x": d_x}


def sample(rng: np.random.Generator) -> Case:
    """Rows along any axis of one to three."""
    shape = tuple(map(int, rng.integers(2, 6, rng.integers(1, 4))))
    return Case(normal(rng, *shape, scale=2.0), axis=int(rng.integers(-len(shape), len(shape))))


def masked(rng: np.random.Generator) -> Case:
    """Entries of -inf, one of which is finite in every row."""
    return Case(np.where([[0, 1, 1, 0], [1, 1, 0, 1], [0, 0, 0, 1]], normal(rng, 3, 4), -np.inf))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="act-softmax",
    pairs={"act-softmax": Pair(case=lambda z: Case(z), output="p")},
    cases={
        "rows of ±900": lambda rng: Case(np.array([[900.0, 899.5, -900.0], [-900.0, -899.0, -900.5]])),
        "first axis": lambda rng: Case(normal(rng, 4, 3, 2), axis=0),
        "masked with -inf": masked,
        "one class": lambda rng: Case(normal(rng, 3, 1)),
        "equal entries": lambda rng: Case(np.full((2, 5), -1.5)),
        "one row": lambda rng: Case(normal(rng, 1, 4)),
        "empty batch": lambda rng: Case(normal(rng, 0, 4)),
    },
)
