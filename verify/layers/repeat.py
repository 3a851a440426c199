r"""Copies of an array, or of its entries along an axis.

.. math:: y_{\dots r \dots} = x_{\dots}, \quad 0 \le r < n, \qquad \bar x_{\dots} = \sum_r \bar y_{\dots r \dots}

Every copy reports back to the one original: the backward pass of repeat is sum. `along` says where r goes, for an x
with rows a, b along the axis and n = 2:

=========== ============================================== =============================================
``"new"``   an axis of its own: Saitoh's Repeat node       [a b], [a b]  (`np.stack`)
``"each"``  after the axis, merged with it                 a, a, b, b    (`np.repeat`, PyTorch's `repeat_interleave`)
``"whole"`` before the axis, merged with it                a, b, a, b    (`np.tile`, PyTorch's `repeat`)
=========== ============================================== =============================================

Shapes: x (...) -> with a further axis of size n at `axis`, or that axis n times as long.
Reference: Saitoh (2018), Deep Learning from Scratch 2, section 1.3.4.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import LONGEST, arrays, choice, cotangent, count, place
from verify.layer import Array, Case, Layer, Pair, normal
from verify.layer_parts.sums import sum_over

Saved = tuple[Array, int, int, tuple[int, ...]]


def forward(x: Array, *, n: int = 2, axis: int = 0, along: str = "new") -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    choice("along", along, ("new", "each", "whole"))
    (x,) = arrays("x (...)" if along == "new" else "x (..., d)", x)
    n = count("n", n, least=1, most=LONGEST)
    axis = place("axis", axis, x.ndim + (along == "new"))
    copies = axis + 1 if along == "each" else axis  # the axis of r, before it is merged
    y = np.repeat(np.expand_dims(x, copies), n, axis=copies)
    if along != "new":
        y = y.reshape(*x.shape[:axis], n * x.shape[axis], *x.shape[axis + 1 :])
    return y, (x, n, copies, y.shape)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of x."""
    x, n, copies, shape = saved
    d_y = cotangent(d_output, shape, x.dtype)
    return {"x": sum_over((copies,), d_y.reshape(*x.shape[:copies], n, *x.shape[copies:]))}


def sample(rng: np.random.Generator) -> Case:
    """Any number of copies along any axis."""
    x = normal(rng, *rng.integers(2, 6, rng.integers(1, 4)))
    along = str(rng.choice(["new", "each", "whole"]))
    return Case(x, n=int(rng.integers(1, 5)), axis=int(rng.integers(-x.ndim, x.ndim)), along=along)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="mc-sum-repeat-nodes",
    pairs={"mc-sum-repeat-nodes": Pair(case=lambda x, N: Case(x, n=N), output="y")},
    cases={
        "a row, N times": lambda rng: Case(normal(rng, 4), n=3),
        "a new last axis": lambda rng: Case(normal(rng, 2, 3), n=4, axis=-1),
        "a number": lambda rng: Case(normal(rng), n=3),
        "each row": lambda rng: Case(normal(rng, 3, 2), n=4, along="each"),
        "each column": lambda rng: Case(normal(rng, 3, 2), n=2, axis=1, along="each"),
        "all rows": lambda rng: Case(normal(rng, 3, 2), n=4, along="whole"),
        "all columns": lambda rng: Case(normal(rng, 3, 2), n=2, axis=-1, along="whole"),
        "once": lambda rng: Case(normal(rng, 3, 2), n=1, along="each"),
        "one sample": lambda rng: Case(normal(rng, 1, 3), n=2, along="each"),
        "empty batch": lambda rng: Case(normal(rng, 0, 3), n=2, along="whole"),
    },
)
