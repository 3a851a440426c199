r"""Rows of a matrix by their numbers. The gradient of a row is the sum over all places where it was taken.

.. math:: y_n = W_{i_n}, \quad Y = S W, \; S_{nk} = [k = i_n], \qquad \bar W = S^\top \bar Y

Shapes: W (v, d), ids (...) integers -> (..., d).
Convention: places that hold the id ``padding`` get zeros, and bring no gradient. PyTorch's padding_idx leaves the
output alone, which is the same while this row of W is zero, as PyTorch initialises it. Negative ids are refused.
Reference: Saitoh (2018), Deep Learning from Scratch 2, section 4.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csc_array

from verify.arguments import arrays, cotangent, count, indices
from verify.layer import Array, Case, Layer, normal

Saved = tuple[Array, tuple[int, int], np.dtype[Any], int | None]


def forward(W: Array, ids: Array, *, padding: int | None = None) -> tuple[Array, Saved]:
    """The rows, and what the backward pass needs."""
    W, ids = arrays("W (v, d), ids integer (...)", W, ids)
    v = W.shape[0]
    indices("ids", ids, v, "a row of W")
    if padding is not None and (padding := count("padding", padding)) >= v:
        raise ValueError(f"padding is {padding}: expected an id from 0 to {v - 1}, or None")
    y = np.take(W, ids, axis=0, mode="clip")  # all are rows of W: the quickest mode
    if padding is not None:
        y[ids == padding] = 0
    return y, (ids, W.shape, W.dtype, padding)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of W."""
    ids, (v, d), dtype, padding = saved
    d_y = cotangent(d_output, (*ids.shape, d), dtype)
    n = ids.size
    transposed = csc_array((np.ones(n, dtype), ids.ravel(), np.arange(n + 1)), shape=(v, n))
    d_W = transposed @ d_y.reshape(n, d)
    if padding is not None:
        d_W[padding] = 0
    return {"W": d_W}


def sample(rng: np.random.Generator) -> Case:
    """Sentences of one length."""
    v, d, n, t = map(int, rng.integers(2, 7, 4))
    padding = int(rng.integers(v)) if rng.integers(2) else None
    return Case(normal(rng, v, d), rng.integers(0, v, (n, t)), padding=padding)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="w2v-cbow",
    cases={
        "one id, again and again": lambda rng: Case(normal(rng, 3, 2), np.full(7, 1)),
        "padding": lambda rng: Case(normal(rng, 5, 3), np.array([[4, 0, 0], [2, 2, 0]]), padding=0),
        "one id without axes": lambda rng: Case(normal(rng, 5, 3), np.array(4)),
        "three axes": lambda rng: Case(normal(rng, 5, 4), rng.integers(0, 5, (2, 3, 2))),
        "small unsigned integers": lambda rng: Case(normal(rng, 5, 4), np.array([4, 1, 4], np.uint8)),
        "one sentence": lambda rng: Case(normal(rng, 5, 4), np.array([[4, 1, 4]])),
        "no ids": lambda rng: Case(normal(rng, 5, 4), np.zeros((0, 3), int)),
    },
)
