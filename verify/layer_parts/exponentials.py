"""Exponentials that do not overflow: what softmax, its losses and attention begin with.

Shifted by the largest entry of their row none does. But to subtract takes as long as the exponential, so that rows of
which none can overflow are left as they are.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from verify.layer import Array

__all__ = ["ample", "in_range", "largest_along", "need_no_shift"]


@functools.cache
def ample(dtype: np.dtype[Any]) -> float:
    """Exponentials of numbers from 0 to this, 22 in float32, take a quarter of the powers of ten of the type.

    That leaves three quarters for their sums, and for what they are multiplied by.
    """
    return float(np.log(np.finfo(dtype).max)) / 4


def largest_along(name: str, x: Array, axis: int) -> Array:
    """The largest entry along a kept axis. Less this, x has exponentials up to 1, and their sums are at least 1.

    Raises: ValueError where it is none: NaN, +inf, -inf alone, or no entry at all.
    """
    largest: Array = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    if not np.all(np.isfinite(largest)):
        worst = float(largest[~np.isfinite(largest)][0])
        raise ValueError(
            f"{name} has shape {x.shape} and {worst} as largest entry along axis {axis}: expected a finite number"
        )
    return largest


def need_no_shift(largest: Array) -> bool:
    """Whether rows with these largest entries have exponentials in the range of the type as they are.

    None is 0 then that would not be 0 after a shift, too.
    """
    return bool(largest.min(initial=0) >= 0 and largest.max(initial=0) <= ample(largest.dtype))


def in_range(total: Array) -> bool:
    """Whether exponentials of rows with these sums are in the range of the type, of which none was shifted.

    Even where the sum is least, an exponential has all digits that is more than 1e-33 of it in float32, or 1e-269 in
    float64.
    """
    least, most = _least_and_most(total.dtype)
    return bool(total.min(initial=1) >= least and total.max(initial=1) <= most)


@functools.cache
def _least_and_most(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    most = np.exp(dtype.type(ample(dtype)))
    return most**-0.5, most
