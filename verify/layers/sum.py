r"""Sum over axes.

.. math:: y_{\dots} = \sum_i x_{\dots i \dots}, \qquad \bar x_{\dots i \dots} = \bar y_{\dots}

Each summand gets the cotangent of its sum: the backward pass of sum is repeat.

Shapes: x (...) -> without the axes, or with size 1 in their places if `keepdims`.
Convention: as in NumPy, axis=None stands for all axes and axis=() for none; PyTorch takes an empty tuple for all.
Reference: Saitoh (2018), Deep Learning from Scratch 2, section 1.3.4.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, choice, cotangent, places
from verify.layer import Array, Case, Layer, Pair, normal
from verify.layer_parts.sums import sum_along, sum_over

Axis = int | tuple[int, ...] | None
Saved = tuple[Array, tuple[int, ...], bool]


def forward(x: Array, *, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    (x,) = arrays("x (...)", x)
    choice("keepdims", keepdims, (True, False))
    axes = tuple(range(x.ndim)) if axis is None else places("axis", axis, x.ndim)
    return (sum_along if keepdims else sum_over)(axes, x), (x, axes, keepdims)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of x."""
    x, axes, keepdims = saved
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    shape = kept if keepdims else tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
    d_y = cotangent(d_output, shape, x.dtype)
    return {"x": np.broadcast_to(d_y.reshape(kept), x.shape).copy()}


def sample(rng: np.random.Generator) -> Case:
    """One axis of two or three, or all."""
    x = normal(rng, *rng.integers(2, 6, rng.integers(2, 4)))
    axis = int(rng.integers(-x.ndim, x.ndim)) if rng.random() < 0.7 else None
    return Case(x, axis=axis, keepdims=bool(rng.integers(2)))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="mc-sum-repeat-nodes",
    pairs={"mc-sum-repeat-nodes": Pair(case=lambda X: Case(X, axis=0), output="y")},
    cases={
        "all axes": lambda rng: Case(normal(rng, 2, 3, 4)),
        "all axes kept": lambda rng: Case(normal(rng, 2, 3, 4), keepdims=True),
        "first and last axis": lambda rng: Case(normal(rng, 2, 3, 4), axis=(-1, 0)),
        "first and last axis kept": lambda rng: Case(normal(rng, 2, 3, 4), axis=(0, 2), keepdims=True),
        "tuple of no axes": lambda rng: Case(normal(rng, 2, 3), axis=()),
        "a number": lambda rng: Case(normal(rng)),
        "axis of size 1": lambda rng: Case(normal(rng, 3, 1, 2), axis=1),
        "one sample": lambda rng: Case(normal(rng, 1, 3), axis=0),
        "over an empty batch": lambda rng: Case(normal(rng, 0, 3), axis=0),
        "beside an empty batch": lambda rng: Case(normal(rng, 0, 3), axis=1),
    },
)
