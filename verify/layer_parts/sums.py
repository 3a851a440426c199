"""Sums and means of products along some axes, without an array of the products.

Numbers that are added up one by one are rounded as often: of 300,000 equal ones in float32, half a percent is lost.
Long sums are those of two halves, therefore, and none is of more than ``LONG`` numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.layer import Array

__all__ = ["mean_along", "number_along", "sum_along", "sum_over"]

Axes = tuple[int, ...]

LONG = 2**13


def mean_along(axes: Axes, *factors: Array) -> Array:
    """The mean of a product along axes, which are kept."""
    return sum_along(axes, *factors) / number_along(factors[0], axes)


def sum_along(axes: Axes, *factors: Array) -> Array:
    """The sum of a product along axes, which are kept."""
    if axes == (-1,) and len(factors) == 1 and factors[0].shape[-1] <= LONG:  # twice as fast
        return np.asarray(factors[0] @ np.ones((factors[0].shape[-1], 1), factors[0].dtype))
    return np.expand_dims(sum_over(axes, *factors), axes)


def sum_over(axes: Axes, *factors: Array) -> Array:
    """The sum of a product over axes, which are gone, in memory of its own. Axes may be counted from the end."""
    every = list(range(factors[0].ndim))
    gone = {axis % len(every) for axis in axes}
    if number_along(factors[0], axes) > LONG:
        longest = max(gone, key=factors[0].shape.__getitem__)
        half, before = factors[0].shape[longest] // 2, (slice(None),) * longest
        low, high = ([factor[(*before, part)] for factor in factors] for part in (slice(half), slice(half, None)))
        return np.asarray(sum_over(axes, *low) + sum_over(axes, *high))
    if len(factors) == 1 and gone == {len(every) - 1}:
        return np.asarray(sum_along((-1,), factors[0])[..., 0])
    operands: list[Any] = [part for factor in factors for part in (factor, every)]
    found = np.asarray(np.einsum(*operands, [axis for axis in every if axis not in gone]))
    return found if found.flags.owndata else found.copy()


def number_along(x: Array, axes: Axes) -> int:
    """How many numbers there are along the axes."""
    return math.prod(x.shape[axis] for axis in axes)
