r"""Matrix product over the last two axes, the axes before them broadcast.

.. math:: Y = X W, \qquad \bar X = \operatorname{sum}(\bar Y W^\top), \quad \bar W = \operatorname{sum}(X^\top \bar Y)

where sum runs over the batch axes to which a matrix was broadcast.

Shapes: x (..., n, k), W (..., k, m) -> (..., n, m).
Convention: as in NumPy, an x with one axis (k) is a row, a W with one axis (k) a column, and the output has no axis
in their place; two such make a number.
Reference: Saitoh (2018), Deep Learning from Scratch 2, section 1.3.4.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent
from verify.layer import Array, Case, Layer, normal
from verify.layer_parts.broadcasting import broadcast_shape, unbroadcast

Saved = tuple[Array, Array, tuple[int, ...]]


def forward(x: Array, W: Array) -> tuple[Array, Saved]:
    """The output; both factors and the shape of the output."""
    x, W = arrays("x (..., k), W (...)", x, W)
    arrays("W (k)" if W.ndim == 1 else "W (..., k, m)", W, k=x.shape[-1])
    broadcast_shape(**{"the batch of x": x.shape[:-2], "the batch of W": W.shape[:-2]})
    X, M, lacking = matrices(x, W)
    y = (X @ M).squeeze(lacking)
    return y, (x, W, y.shape)


def matrices(x: Array, W: Array) -> tuple[Array, Array, tuple[int, ...]]:
    """A row and a column as matrices, and which axes the output lacks for it."""
    X = x[np.newaxis, :] if x.ndim == 1 else x
    M = W[:, np.newaxis] if W.ndim == 1 else W
    return X, M, (-2,) * (x.ndim == 1) + (-1,) * (W.ndim == 1)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradients of x and W."""
    x, W, shape = saved
    X, M, lacking = matrices(x, W)
    d_Y = np.expand_dims(cotangent(d_output, shape, x.dtype), lacking)
    d_X = unbroadcast(d_Y @ M.swapaxes(-1, -2), X.shape)
    if M.ndim == 2:  # all rows of the batch in one product, without a stack of matrices to sum
        rows = range(X.ndim - 1)
        d_M = np.tensordot(X, d_Y, (rows, rows))
    else:
        d_M = unbroadcast(X.swapaxes(-1, -2) @ d_Y, M.shape)
    return {"x": d_X.reshape(x.shape), "W": d_M.reshape(W.shape)}


def sample(rng: np.random.Generator) -> Case:
    """Matrices, or stacks of them, in either place."""
    n, k, m, h = rng.integers(1, 6, 4)
    x_batch, W_batch = [((), ()), ((h,), (h,)), ((h,), ()), ((), (h,)), ((1,), (h,))][rng.integers(5)]
    return Case(normal(rng, *x_batch, n, k), normal(rng, *W_batch, k, m))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="mc-matmul-node",
    cases={
        "row times column": lambda rng: Case(normal(rng, 4), normal(rng, 4)),
        "row times matrix": lambda rng: Case(normal(rng, 4), normal(rng, 4, 3)),
        "row times stack": lambda rng: Case(normal(rng, 4), normal(rng, 2, 4, 3)),
        "matrix times column": lambda rng: Case(normal(rng, 2, 4), normal(rng, 4)),
        "stack times column": lambda rng: Case(normal(rng, 3, 2, 4), normal(rng, 4)),
        "stack times stack": lambda rng: Case(normal(rng, 3, 2, 4), normal(rng, 3, 4, 5)),
        "stack times matrix": lambda rng: Case(normal(rng, 2, 3, 2, 4), normal(rng, 4, 5)),
        "matrix times stack": lambda rng: Case(normal(rng, 2, 4), normal(rng, 3, 4, 5)),
        "batch axes broadcast": lambda rng: Case(normal(rng, 3, 1, 2, 4), normal(rng, 5, 4, 3)),
        "batch axes of size 1": lambda rng: Case(normal(rng, 1, 2, 2, 4), normal(rng, 3, 1, 4, 3)),
        "one row and one column": lambda rng: Case(normal(rng, 2, 1, 4), normal(rng, 2, 4, 1)),
        "empty batch": lambda rng: Case(normal(rng, 0, 2, 4), normal(rng, 4, 3)),
        "no rows": lambda rng: Case(normal(rng, 0, 4), normal(rng, 4, 3)),
        "nothing to sum": lambda rng: Case(normal(rng, 2, 0), normal(rng, 0, 3)),
    },
)
