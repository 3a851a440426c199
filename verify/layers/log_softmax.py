r"""Logarithm of the softmax along one axis, never computed from the softmax.

.. math:: y_i = x_i - m - \log \sum_j e^{x_j - m}, \quad m = \max_j x_j, \qquad
   \bar x_i = \bar y_i - e^{y_i} \sum_j \bar y_j

If one entry is nearly certain, :math:`\log \sum_j e^{x_j - m}` and :math:`1 - e^{y_i}` are as small as the rest, and
are had from these.

Shapes: x (..., k) -> like x.
Convention: an entry -inf stays -inf, and its gradient is its cotangent, as in PyTorch. A row without any finite entry
is refused, where PyTorch answers with NaN.
Reference: Blanchard, Higham, Higham (2021), Accurately computing the log-sum-exp and softmax functions.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent, place
from verify.layer import Array, Case, Layer, normal
from verify.layer_parts.certain import certain_rows, largest_at, sum_of_others
from verify.layer_parts.exponentials import largest_along
from verify.layer_parts.sums import sum_along

Saved = tuple[Array, Array | None, int]


def forward(x: Array, *, axis: int = -1) -> tuple[Array, Saved]:
    """The logarithms of the probabilities, and what the backward pass needs."""
    (x,) = arrays("x (..., k)", x)
    axis = place("axis", axis, x.ndim)
    y = x - largest_along("x", x, axis)
    e = np.exp(y)
    total = sum_along((axis,), e)
    log_total = np.log(total)
    if (certain := certain_rows(1.0, np.moveaxis(total, axis, -1))) is not None:
        rows = np.moveaxis(e, axis, -1)[certain]
        np.moveaxis(log_total, axis, -1)[certain] = np.log1p(sum_of_others(rows, largest_at(rows)))
    y -= log_total
    return y, (y, certain, axis)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of x."""
    y, certain, axis = saved
    d_y = cotangent(d_output, y.shape, y.dtype)
    d_x = d_y - np.exp(y) * sum_along((axis,), d_y)
    if certain is not None:
        found, d_rows, rows = (np.moveaxis(one, axis, -1)[certain] for one in (d_x, d_y, y))
        at = largest_at(rows)
        log_p, d_p = (np.take_along_axis(one, at, axis=-1) for one in (rows, d_rows))
        np.put_along_axis(found, at, -np.expm1(log_p) * d_p - np.exp(log_p) * sum_of_others(d_rows, at), axis=-1)
        np.moveaxis(d_x, axis, -1)[certain] = found
    return {"x": d_x}


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
        "one row": lambda rng: Case(normal(rng, 1, 4)),
        "empty batch": lambda rng: Case(normal(rng, 0, 4)),
    },
)
