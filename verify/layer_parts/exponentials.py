"""Numbers shifted so that no exponential of them overflows: what softmax and its losses begin with."""

from __future__ import annotations

import numpy as np

from verify.layer import Array

__all__ = ["shifted"]


def shifted(name: str, x: Array, axis: int) -> Array:
    """x less the largest entry along the axis: exponentials are at most 1, their sums at least 1.

    An entry -inf stays, and its exponential is 0.
    Raises: ValueError where the largest entry is none: NaN, +inf, -inf alone, or no entry at all.
    """
    largest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    if not np.all(np.isfinite(largest)):
        worst = float(largest[~np.isfinite(largest)][0])
        raise ValueError(
            f"{name} has shape {x.shape} and {worst} as largest entry along axis {axis}: expected a finite number"
        )
    less: Array = x - largest
    return less
