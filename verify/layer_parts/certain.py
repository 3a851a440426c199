"""Rows of probabilities one of which is nearly 1. What is had from the others is as small as these, and would be lost
in the rounding of sums and differences that the one takes part in: it is added up without it.
"""

from __future__ import annotations

import numpy as np

from verify.layer import Array
from verify.layer_parts.sums import sum_along

__all__ = ["certain_among", "certain_rows", "largest_at", "less_mean", "sum_of_others", "total_of_others"]

# A row is certain where one entry has more than this of the sum.
CERTAIN = 0.9


def certain_rows(heaviest: Array | float, total: Array) -> Array | None:
    """Which rows have an entry with nearly all of their total (..., 1); None where no row has."""
    rows: Array = ((heaviest > CERTAIN * total) & (total > 0))[..., 0]
    return rows if rows.any() else None


def certain_among(P: Array) -> Array | None:
    """Which rows of probabilities (..., n) have one that is nearly 1; None where no row has."""
    if not P.max(initial=0) > CERTAIN:  # quicker than to look at each row
        return None
    return np.asarray(np.any(P > CERTAIN, axis=-1))


def largest_at(rows: Array) -> Array:
    """The places (..., 1) of the largest entries of rows."""
    at: Array = np.argmax(rows, axis=-1, keepdims=True)
    return at


def less_mean(x: Array, P: Array) -> Array:
    """Each row of x less its mean with the weights P, from its differences to the entry that has most weight."""
    difference: Array = x - np.take_along_axis(x, largest_at(P), axis=-1)
    difference -= sum_along((-1,), difference, P)
    return difference


def sum_of_others(x: Array, at: Array) -> Array:
    """The sum (..., 1) of each row of x, without its entry at the place (..., 1)."""
    others = x.copy()
    np.put_along_axis(others, at, 0, axis=-1)
    return sum_along((-1,), others)


def total_of_others(x: Array, total: Array | float, at: Array, certain: Array | None) -> Array:
    """The same where rows are certain; elsewhere their known total less the entry, which is quicker."""
    others: Array = total - np.take_along_axis(x, at, axis=-1)
    if certain is not None:
        others[certain] = sum_of_others(x[certain], at[certain])
    return others
