"""Sums and means of products along some axes, which are kept, without an array of the products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.layer import Array

__all__ = ["mean_along", "number_along", "sum_along"]

Axes = tuple[int, ...]


def mean_along(axes: Axes, *factors: Array) -> Array:
    """The mean of a product."""
    return sum_along(axes, *factors) / number_along(factors[0], axes)


def sum_along(axes: Axes, *factors: Array) -> Array:
    """The sum of a product. Axes may be counted from the end."""
    if len(factors) == 1 and axes in ((-1,), (factors[0].ndim - 1,)):
        (x,) = factors
        return x @ np.ones((x.shape[-1], 1), x.dtype)  # twice as fast
    every = list(range(factors[0].ndim))
    kept = [axis for axis in every if axis not in axes and axis - factors[0].ndim not in axes]
    operands: list[Any] = [part for factor in factors for part in (factor, every)]
    return np.expand_dims(np.einsum(*operands, kept), axes)


def number_along(x: Array, axes: Axes) -> int:
    """How many numbers there are along the axes."""
    return math.prod(x.shape[axis] for axis in axes)
